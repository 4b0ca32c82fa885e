"""Completion measured on text that is typed again."""

from __future__ import annotations

from typing import Any

import pytest

from rnntui.core.completion.completion import Completion
from rnntui.core.completion.loading import open_engine
from rnntui.core.completion.metrics import WORTH, frequent_words, offers_of, usefulness
from rnntui.core.completion.session import Session
from rnntui.core.runs.folder import Run
from tests.conftest import MakeRun, sentences, train_all


@pytest.fixture
def session(make_run: MakeRun) -> Session:
    run: Run = make_run(max_steps=300, lr=2e-2)
    train_all(run)
    return Session(*open_engine(run, run.checkpoint_path() / "model.safetensors"))


def test_a_model_that_knows_its_text_saves_keys(session: Session) -> None:
    """Protects the figures: shares are shares, a higher threshold shows less and is right more often."""
    found = usefulness(offers_of(session), sentences(40, seed=9), 240)
    assert found.characters == 240 and 0 < found.ms <= found.ms_p99
    assert found.exact == sorted(found.exact, reverse=True) and found.exact[0] > 0.3
    shown = [each.shown for each in found.thresholds]
    saved = [each.saved for each in found.thresholds]
    assert shown == sorted(shown, reverse=True) and saved == sorted(saved, reverse=True)
    assert found.ghost.threshold == WORTH and found.five >= found.ghost.saved > 0.3
    surest, all_offers = found.thresholds[-1].right, found.thresholds[0].right
    assert surest is not None and all_offers is not None and surest > all_offers


def test_keys_are_counted_as_they_are_pressed(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the rule by a case worked by hand: an oracle that offers each next word at its beginning."""
    text = "my aunt sees a bird.\n"

    def oracle(session: Session, *rest: Any) -> list[Completion]:
        at = len(session.text)
        if at and text[at - 1] != " ":
            return []
        word = text[at:].split(" ")[0].rstrip(".\n")
        return [Completion(f"{word} sees", 0.5, word, 0.8 if word == "aunt" else 0.35)]

    monkeypatch.setattr("rnntui.core.completion.metrics.complete", oracle)
    monkeypatch.setattr("rnntui.core.completion.metrics._STRETCHES", 1)
    found = usefulness(offers_of(session), text, len(text))
    at = {each.threshold: each for each in found.thresholds}
    # my aunt sees a bird . \n: five words of one key each, four blanks, the mark and the line end.
    assert at[0.3].saved == pytest.approx(1 - 11 / 21) and at[0.3].right == 1 and at[0.3].shown == 5 / 21
    assert at[0.5].saved == pytest.approx(3 / 21) and at[0.5].shown == 1 / 21
    assert at[0.9].saved == 0 and at[0.9].right is None
    # "aunt sees" is the one offer of two words that comes true.
    assert found.exact == [5 / 21, 1 / 21, 0, 0, 0]


def test_frequent_words_are_offered_by_how_much_they_save() -> None:
    """Protects the floor without a model: words that begin as the cursor's does, ranked by expected keystrokes."""
    offered = frequent_words(["a sea a season a season sunny see"])
    assert [each.word for each in offered("the se")] == ["ason", "a", "e"]
    assert offered("the se")[0].word_probability == pytest.approx(2 / 4)
    assert [each.word for each in offered("the x")] == []
    assert offered("the ")[0].word == "season"
