"""The first screen: choosing a text and a recipe."""

from __future__ import annotations

from pathlib import Path

from textual.widgets import Input, OptionList

from rnntui.core.config.tokenizers import TOKENIZERS
from rnntui.core.runs import store
from rnntui.core.runs.origin import signature_of
from rnntui.tui.app import RnntuiApp
from rnntui.tui.screens.corpora import CorporaScreen
from rnntui.tui.screens.dialogs import Paste
from rnntui.tui.screens.file_picker import PathInput, PickerScreen, completed
from rnntui.tui.screens.settings import SettingsScreen
from rnntui.tui.screens.training import TrainingScreen
from rnntui.tui.widgets.choice import Choice
from rnntui.tui.widgets.cuts import Cuts
from rnntui.tui.widgets.plain_text import PlainText
from tests.tui.conftest import shown, text_of, until


async def test_choosing_a_text_and_a_cell_starts_a_run(corpus_file: Path) -> None:
    """Protects the main path: preview, figures, choices, and Enter starts what was chosen."""
    app = RnntuiApp(CorporaScreen())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: "characters" in text_of(pilot, "#statistics"))
        await pilot.press("down")
        await until(pilot, lambda: "ballads" in text_of(pilot, "#statistics"))
        await pilot.press("slash", *str(corpus_file), "enter")
        await until(pilot, lambda: "8,3" in text_of(pilot, "#statistics"))
        assert "feeds" in text_of(pilot, "#preview")
        app.screen.query_one("#cell").focus()
        await pilot.press("right")
        assert app.screen.query_one("#cell", Choice).value == "gru"
        await pilot.press("tab", *["right"] * len(TOKENIZERS), "tab", "left")
        assert app.screen.query_one("#tokenizer", Choice).value == [*TOKENIZERS][-1]
        assert "quick: 1 layer of 256 units, 1 min" in text_of(pilot, "#meaning")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TrainingScreen))
        screen = app.screen
        assert isinstance(screen, TrainingScreen)
        await until(pilot, lambda: screen.history.progress is not None)
        (run,) = store.newest_runs()
        assert (run.name, run.config.text.tokenizer, run.config.model.hidden_size) == (
            "small-gru-1",
            "byte",
            256,
        )
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, CorporaScreen))
        await pilot.press("2")
        await until(pilot, lambda: isinstance(app.screen, TrainingScreen))
        app.stop_trainings()
        await until(pilot, lambda: not app.training())


async def test_what_is_chosen_is_measured_on_this_machine() -> None:
    """Protects the promise of the recipe: parameters, device, precision, speed and time, for every cell."""
    app = RnntuiApp(CorporaScreen())
    async with app.run_test(size=(140, 45), notifications=True) as pilot:
        await until(pilot, lambda: "tokens/s here" in text_of(pilot, "#cost"))
        assert "520k parameters" in text_of(pilot, "#cost") and "epochs in 5:00" in text_of(pilot, "#cost")
        assert "o_t = sigmoid" in text_of(pilot, "#equations")
        app.screen.query_one("#cell", Choice).choose("elman")
        await until(pilot, lambda: "149k parameters" in text_of(pilot, "#cost"))
        assert "h_t = f(W x_t" in text_of(pilot, "#equations")


async def test_each_tokenizer_shows_how_it_cuts() -> None:
    """Protects the view of tokens: every tokenizer, and the commonest tokens of the chosen one."""
    app = RnntuiApp(CorporaScreen())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(
            pilot,
            lambda: (
                len(app.screen.query(Cuts)) > 0 and len(app.screen.query_one(Cuts).cuts) == len(TOKENIZERS)
            ),
        )
        await pilot.press("t")
        await pilot.pause()
        assert "word" in shown(pilot) and "T│H│E│␣│" in shown(pilot) and "THE│" in shown(pilot)
        assert "█" in shown(pilot)
        await pilot.press("t")
        await pilot.pause()
        assert "T│H│E│" not in shown(pilot)


async def test_a_file_is_found_by_typing_and_by_walking(tmp_path: Path) -> None:
    """Protects the picker: Tab completes a path, Enter opens it, Escape changes nothing."""
    folder = tmp_path / "books"
    folder.mkdir()
    (folder / "novel.txt").write_text("a novel of few words. " * 40, encoding="utf-8")
    app = RnntuiApp(CorporaScreen())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: "characters" in text_of(pilot, "#statistics"))
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, PickerScreen))
        await pilot.press("escape")
        assert isinstance(app.screen, CorporaScreen) and app.screen.source == "tales"
        await pilot.press("o", *f"{tmp_path}/bo", "tab", "n", "tab")
        assert app.screen.query_one(PathInput).value == f"{folder}/novel.txt"
        await pilot.press("enter")
        await until(pilot, lambda: "880 characters" in text_of(pilot, "#statistics"))

        await pilot.press("slash")
        await until(pilot, lambda: "tab Complete" in shown(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: "esc" not in shown(pilot).splitlines()[-1])
        assert app.screen.query_one("#samples").has_focus, "the keys are free again"


def test_paths_are_completed_and_never_steer_the_terminal(tmp_path: Path) -> None:
    """Protects completion: folders end in a slash, a name that cannot be shown as it is is not offered."""
    (tmp_path / "inner").mkdir()
    (tmp_path / "x\x1b[2J.txt").write_text("x")
    assert completed(f"{tmp_path}/in") == f"{tmp_path}/inner/"
    assert completed(f"{tmp_path}/x") is None
    assert completed(f"{tmp_path}/nothing") is None and completed("") is None


async def test_a_pasted_text_becomes_a_corpus(home: Path) -> None:
    """Protects pasting: the text is kept as a file, and looked at."""
    app = RnntuiApp(CorporaScreen())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: "characters" in text_of(pilot, "#statistics"))
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, Paste))
        app.screen.query_one(PlainText).insert("words that somebody pasted. " * 30)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "840 characters" in text_of(pilot, "#statistics"))
        assert (home / "texts" / "pasted-1.txt").read_text(encoding="utf-8").startswith("words that")


async def test_every_setting_is_checked_as_it_is_typed() -> None:
    """Protects the form: it comes from the configuration, says what is wrong, and takes what is right."""
    app = RnntuiApp(CorporaScreen())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: "characters" in text_of(pilot, "#statistics"))
        await pilot.press("m")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        app.screen.query_one("#hidden_size", Input).focus()
        await pilot.press(*"12x")
        assert "--hidden-size: '12x' is no whole number" in text_of(pilot, "#setting-meaning")
        await pilot.press("ctrl+s")
        assert isinstance(app.screen, SettingsScreen), "a wrong value is not taken"
        await pilot.press("backspace", "down", "down")
        assert "features a token" in text_of(pilot, "#setting-meaning")
        app.screen.query_one("#max_time", Input).value = "90s"
        app.screen.query_one("#tied", Choice).choose("on")
        await pilot.press("ctrl+s")
        screen = app.screen
        assert isinstance(screen, CorporaScreen)
        assert screen._chosen() == {
            "corpus": "tales",
            "cell": "lstm",
            "tokenizer": "char",
            "hidden_size": 12,
            "max_time": 90.0,
            "tied": True,
        }
        assert "1 layer of 12 units, 1.5 min at most" in text_of(pilot, "#meaning")

        screen.query_one("#cell", Choice).choose("mingru")
        await pilot.press("m")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        assert app.screen.query_one("#num_layers", Input).placeholder.startswith("[auto: 3 ("), (
            "the default of this cell"
        )


async def test_a_fault_in_a_file_is_said_on_the_screen(tmp_path: Path) -> None:
    """Protects against silence: the line that names the fault, and no start on such a text."""
    app = RnntuiApp(CorporaScreen())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        path = app.screen.query_one("#path", Input)
        (tmp_path / "x").write_bytes(b"\0\0")
        path.value = str(tmp_path / "x")
        await pilot.press("slash", "enter")
        await until(pilot, lambda: "binary" in text_of(pilot, "#statistics"))
        app.screen.query_one("#cell").focus()
        await pilot.press("enter")
        assert isinstance(app.screen, CorporaScreen)


async def test_hostile_names_and_texts_are_shown_harmlessly(tmp_path: Path) -> None:
    """Protects the terminal: markup and control characters of a file's name and text stay text."""
    hostile = tmp_path / "[red]x[b] \x1b[2J.txt"
    line = "[bold]no markup[/b] \x1b]52;c;aGk=\x07 \u202eevil \x9b31m 你好 🎉 "
    hostile.write_text((line * 40 + "\n") + "x" * 1_000_000, encoding="utf-8")
    app = RnntuiApp(CorporaScreen())
    async with app.run_test(size=(140, 45), notifications=True) as pilot:
        app.screen.query_one("#path", Input).value = str(hostile)
        app.screen.post_message(Input.Submitted(app.screen.query_one("#path", Input), str(hostile)))
        await until(pilot, lambda: "[bold]no markup[/b]" in text_of(pilot, "#preview"))
        await until(
            pilot,
            lambda: (
                len(app.screen.query(Cuts)) > 0 and len(app.screen.query_one(Cuts).cuts) == len(TOKENIZERS)
            ),
        )
        await pilot.pause()
        assert "[red]x[b] ␛[2J.txt" in shown(pilot) and "你好" in shown(pilot)
        assert not {"\x1b", "\x07", "\u202e", "\x9b"}.intersection(shown(pilot))


async def test_recent_files_are_offered(corpus_file: Path, trained_home: None) -> None:
    """Protects the list: a file that a run was trained on is a few keys away."""
    (run,) = store.newest_runs()
    (run.path / "signature").write_bytes(signature_of(run.config))
    app = RnntuiApp(CorporaScreen())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        texts = app.screen.query_one("#samples", OptionList)
        await until(pilot, lambda: any(option.id == str(corpus_file) for option in texts.options))
        await pilot.press("end")
        await until(pilot, lambda: "feeds" in text_of(pilot, "#preview"))


async def test_settings_are_those_of_the_task_and_can_be_searched() -> None:
    """Protects the form from its length: changed ones first, none of another task, a search, the rule of each."""
    app = RnntuiApp(CorporaScreen())
    async with app.run_test(size=(140, 45), notifications=True) as pilot:
        await until(pilot, lambda: "characters" in text_of(pilot, "#statistics"))
        await until(pilot, lambda: len(app.screen.query("Cuts")) == 1)
        await pilot.press("m")
        form = app.screen
        assert isinstance(form, SettingsScreen)

        def rows() -> list[str]:
            shown_rows = [row for row in form.query(".row") if row.display]
            return [str(row.id).removeprefix("row-") for row in shown_rows]

        assert rows()[:2] == ["tokenizer", "cell"], "what was chosen before comes first"
        assert "bptt" in rows() and not {"label_column", "pooling", "target_column"} & set(rows())
        assert form.query_one("#lr", Input).placeholder == "[auto: 0.01 (adamw)]"
        await pilot.press(*"drop")
        assert {"dropout", "weight_drop"} <= set(rows()) and "lr" not in rows()
        headings = [str(label.id) for label in form.query(".heading") if label.display]
        assert "heading-model" in headings and "heading-own" not in headings
        form.query_one("#search", Input).value = ""
        form.query_one("#task", Choice).choose("classify")
        await until(pilot, lambda: "label_column" in rows())
        assert "bptt" not in rows()


async def test_a_text_that_cannot_be_trained_on_is_told_before_the_start(tmp_path: Path) -> None:
    """Protects the first minute: the fault that a run would end with stands beside the text, and Enter starts none."""
    table = tmp_path / "one.tsv"
    table.write_text("text\tlabel\n" + "a fine day\tyes\n" * 9)
    app = RnntuiApp(CorporaScreen())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        screen = app.screen
        assert isinstance(screen, CorporaScreen)
        screen._take(str(table))
        await until(pilot, lambda: "there must be two labels or more" in text_of(pilot, "#statistics"), 60)
        await until(pilot, lambda: "yes    a fine day" in shown(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: bool(screen.query("Toast")))
        assert not app.children_of
        screen._take("reviews")
        await until(pilot, lambda: "287,039 characters" in text_of(pilot, "#statistics"))
        assert not screen.query_one("#about").has_class("-fault")


async def test_tables_show_their_fields_apart(tmp_path: Path) -> None:
    """Protects the look at one's data: a label beside its text, a text beside what it becomes, tokens of texts."""
    app = RnntuiApp(CorporaScreen())
    async with app.run_test(size=(140, 45), notifications=True) as pilot:
        screen = app.screen
        assert isinstance(screen, CorporaScreen)
        screen._take("reviews")
        await until(pilot, lambda: "negative  My aunt told me about it." in shown(pilot))
        await until(pilot, lambda: len(screen.cuts) == len(TOKENIZERS))
        assert all("negative" not in "".join(each.pieces) for each in screen.cuts)
        screen._take("phrases")
        await until(pilot, lambda: "source" in shown(pilot) and "我每天听音乐。" in shown(pilot))
