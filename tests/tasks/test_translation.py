"""Translation from a file of pairs to an answer."""

from __future__ import annotations

import importlib
import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from rnntui.core import tasks
from rnntui.core.config.schema import TextConfig
from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Run
from rnntui.core.tasks.translation import overlap
from rnntui.core.tasks.translation.beam import BEAM, GREEDY, Beams, Search
from rnntui.core.tasks.translation.predict import translate
from rnntui.core.tasks.translation.reader import read
from rnntui.core.tasks.translation.task import TranslationTask, load_translator, score
from rnntui.core.training.start import resume_run
from tests.cli.test_commands import assert_one_line, rnntui
from tests.conftest import TRANSLATOR, MakeRun, train_all
from tests.training.test_resume import train_until, weights


def opened(run: Run) -> Any:
    return load_translator(run, run.checkpoint_path("best") / "model.safetensors")


def test_a_translator_learns_an_order_that_is_another(translator: Run) -> None:
    """Protects the task: from a table to sentences never seen; a name that nobody knows is copied from its place."""
    told = translator.events()
    started = next(event for event in told if isinstance(event, ev.Started))
    assert started.task == "translate" and started.valid_tokens > 0
    best = [event for event in told if isinstance(event, ev.Evaluated) and event.best][-1]
    assert best.protocol == "pairs" and best.accuracy > 0.85 and best.bits_per_byte
    assert isinstance(best.metrics, dict) and 0 < best.metrics["bleu"] <= 100
    samples = [event for event in told if isinstance(event, ev.Sampled)]
    assert samples and "→" in samples[-1].text and samples[-1].prompt

    model, vocabularies = opened(translator)
    task = tasks.reopen(translator)
    assert isinstance(task, TranslationTask)
    scores = score(model, task["valid"])
    assert scores.nats / scores.tokens == pytest.approx(best.loss, rel=1e-6)
    nats = scores.nats + scores.unknown.spelling
    assert nats / math.log(2) / scores.bytes == pytest.approx(best.bits_per_byte, rel=1e-6)
    unknown = int((task["valid"].targets.tokens == vocabularies.target.unknown).sum())
    assert scores.unknown.unknown == unknown > 0  # the names, each of which comes once
    ((found,),) = translate(model, vocabularies, ["Zanzibar red cat sings"])
    assert found.text == "singt Katze rot Zanzibar" and found.finished
    assert len(found.looked) == len(found.target) and all(
        sum(row) == pytest.approx(1, abs=1e-4) and len(row) == len(found.source) for row in found.looked
    )
    assert found.source == ["Zanzibar", " red", " cat", " sings", "⏎"] and found.target[-1] == "⏎"


def test_a_beam_is_scored_as_its_targets_are(translator: Run) -> None:
    """Protects the search: each target's score is the model's own, sorted, and never below that of the greedy one."""
    model, vocabularies = opened(translator)
    texts = ["red dog runs", "blue", "n9 cat cat sings red"]
    flat = Search(beam=4, length_penalty=0)
    found = translate(model, vocabularies, texts, flat, count=4)
    greedy = translate(model, vocabularies, texts, GREEDY)
    for text, targets, (first,) in zip(texts, found, greedy, strict=True):
        assert len({each.text for each in targets}) > 1
        scores = [each.log_p for each in targets]
        assert scores == sorted(scores, reverse=True) and scores[0] >= first.log_p - 1e-5
        source = torch.tensor([*vocabularies.source.encode(text).tolist(), vocabularies.source.start])
        for each in targets[:2]:
            if vocabularies.target.unknown in vocabularies.target.encode(each.text):
                continue  # a copied word is not what was scored
            tokens = [vocabularies.target.start, *vocabularies.target.encode(each.text).tolist()]
            memory, place = model.read(source.unsqueeze(1), torch.tensor([len(source)]))
            told = torch.tensor([*tokens, vocabularies.target.start]).unsqueeze(1)
            log_p = model.head(model.decoded(told[:-1], place, memory)).log_softmax(2)
            assert float(log_p.gather(2, told[1:].unsqueeze(2)).sum()) == pytest.approx(each.log_p, abs=1e-3)
    alone = [translate(model, vocabularies, [text], BEAM)[0][0] for text in texts]
    together = [targets[0] for targets in translate(model, vocabularies, texts, BEAM)]
    assert [each.text for each in alone] == [each.text for each in together]


def test_greedy_takes_the_likeliest_token_every_time(translator: Run) -> None:
    """Protects the plainest search: it is the loop that anybody would write, also with a model that knows little."""
    untrained = load_translator(
        translator, sorted(translator.path.glob("checkpoints/*/model.safetensors"))[0]
    )
    for model, vocabularies in (opened(translator), untrained):
        end = vocabularies.target.start
        for text in ("red dog runs", "n299 runs", "blue", "n1 cat cat sings"):
            source = torch.tensor([*vocabularies.source.encode(text).tolist(), vocabularies.source.start])
            memory, place = model.read(source.unsqueeze(1), torch.tensor([len(source)]))
            token, tokens = torch.tensor([end]), []
            while len(tokens) < 20:
                log_p, _, place = model.advance(token, place, memory)
                token = log_p.argmax(1)
                if int(token) == end:
                    break
                tokens.append(int(token))
            ((found,),) = translate(model, vocabularies, [text], GREEDY)
            assert len(found.target) - found.finished == len(tokens), text


def test_an_end_that_is_unlikely_ends_nothing() -> None:
    """Protects long targets: the end is the second choice at every step but the last, and the right target is found."""
    end, right = 0, [3, 1, 2, 1, 3, 2, 2, 1]
    for beam in (1, 2, 5):
        beams = Beams(1, Search(beam, 0.6), end)
        rows = [[] for _ in range(beam)]
        for step in range(20):
            p = torch.full((beam, 4), 1e-4)
            for row, tokens in enumerate(rows):
                wanted = right[step] if step < len(right) else end
                p[row, end] = 0.002
                p[row, wanted if tokens == right[:step] else 1] = 0.99
            tokens_now, parents = beams.advance(p.log(), torch.ones(beam, 1))
            rows = [
                [*rows[parent], token]
                for parent, token in zip(parents.tolist(), tokens_now.tolist(), strict=True)
            ]
            if beams.over:
                break
        ((best, *_),) = beams.best()
        assert best.tokens == right and best.finished and len(best.looked) == len(right) + 1, beam


def test_a_longer_target_is_preferred_by_the_penalty(translator: Run) -> None:
    """Protects `--length-penalty`: ranked by ln P / ((5 + length) / 6)^penalty."""
    model, vocabularies = opened(translator)
    ranks = {}
    for penalty in (0.0, 2.0):
        (found,) = translate(model, vocabularies, ["red dog"], Search(5, penalty), count=5)
        values = [each.log_p / ((5 + len(each.target)) / 6) ** penalty for each in found if each.finished]
        assert values == sorted(values, reverse=True)
        ranks[penalty] = sum(len(each.target) for each in found[:3])
    assert ranks[2.0] >= ranks[0.0]


@pytest.mark.parametrize(
    "settings",
    [
        {"bidirectional": False, "attention": "bahdanau", "input_feeding": True},
        {
            "tokenizer": "bpe",
            "vocab_size": 280,
            "shared_vocabulary": True,
            "tied": True,
            "scheduled_sampling": 0.2,
        },
    ],
    ids=("words", "pieces"),
)
def test_interrupted_and_resumed_equals_uninterrupted(
    settings: dict[str, Any], make_run: MakeRun, pairs_file: Path
) -> None:
    """Protects the overnight run of this task as well: the last bit is the same."""
    chosen = TRANSLATOR | settings | {"corpus": str(pairs_file), "max_steps": 40, "eval_every": 20}
    whole, broken = make_run(**chosen), make_run(**chosen)
    train_all(whole)
    for step in (7, 23):
        train_until(Run.open(broken.path), step)
    pairs_file.unlink()
    train_all(resume_run(broken.path, {}))
    assert weights(broken) == weights(whole)


def test_nothing_is_learned_from_what_is_held_out(make_run: MakeRun, pairs_file: Path) -> None:
    """Protects the figures: neither the tokenizers nor a batch has seen a held-out pair."""
    run = make_run(**TRANSLATOR, corpus=str(pairs_file), min_count=1)
    task = tasks.reopen(run)
    assert isinstance(task, TranslationTask)
    names = {pair.source.split()[0] for pair in task["train"].pairs}
    for file in ("tokenizer.json", "target-tokenizer.json"):
        known = {piece.strip() for piece in json.loads((run.path / file).read_bytes())["vocabulary"]}
        assert {word for word in known if word[:1] == "n"} == names
    batches = task.subject(run.config).batches
    seen = set()
    for position in range(2 * len(batches)):
        sources, lengths, *_ = batches[position].arrays
        seen |= {task.tokenizer.decode(sources[: n - 1, i]) for i, n in enumerate(lengths)}
    assert seen == {pair.source for pair in task["train"].pairs}


def test_from_a_table_to_every_answer(pairs_file: Path, tmp_path: Path) -> None:
    """Protects the commands: train, evaluate, translate, show; and what does not fit is one line."""
    run = tmp_path / "R"
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in TRANSLATOR.items() if value is not None]
    result = rnntui("train", pairs_file, "--headless", "--run", run, *flags)
    assert result.returncode == 0 and "bleu" in result.stderr, result.stderr
    scores = json.loads(rnntui("evaluate", run, "--json").stdout)
    assert scores["protocol"] == "pairs" and "tok:13a" in scores["bleu_signature"] and scores["chrf"] > 50
    shown = rnntui("evaluate", run, "--split", "test").stdout
    assert "BLEU" in shown and "nats/token" in shown

    assert rnntui("translate", run, "Ann red cat").stdout == "Katze rot Ann\n"
    lines = rnntui("translate", run, stdin="\ufeffAnn red cat\n\nBob blue dog sings\n").stdout.split("\n")
    assert lines == ["Katze rot Ann", "", "singt Hund blau Bob", ""], "a line for a line"
    answer = json.loads(
        rnntui("translate", run, "Bob blue cat", "--json", "--count", "3", "--attention").stdout
    )
    assert answer["source"] == "Bob blue cat" and answer["translations"][0]["text"] == "Katze blau Bob"
    assert len(answer["translations"]) == 3 and answer["translations"][0]["finished"]
    assert len(answer["translations"][0]["attention"]) == len(answer["translations"][0]["target"])
    assert "█" in rnntui("translate", run, "Ann blue cat", "--attention").stdout

    assert "--task=translate" in rnntui("runs", "show", run).stdout
    assert_one_line(rnntui("complete", run, "x"), 2, "--task translate", "rnntui translate")
    assert_one_line(rnntui("translate", run, " "), 2, "empty")
    assert_one_line(rnntui("translate", run, stdin="x " * 10_001), 2, "10,002 tokens", "a sentence a line")
    assert_one_line(rnntui("translate", run, "x", "--count", "9"), 2, "--count", "--beam")
    assert_one_line(rnntui("evaluate", run, "--cache"), 2, "--cache", "translates")
    assert_one_line(rnntui("evaluate", run, "--corpus", pairs_file), 2, "was trained on")
    other = tmp_path / "other.tsv"
    other.write_text(
        "source\ttarget\nn5 red cat\tKatze rot n6\nn7 blue dog runs\trennt Hund blau n8\n", encoding="utf-8"
    )
    assert json.loads(rnntui("evaluate", run, "--corpus", other, "--json").stdout)["accuracy"] == 1
    (tmp_path / "o.en").write_text("n5 red cat\nn7 blue dog\n")
    (tmp_path / "o.de").write_text("Katze rot n6\nHund blau n8\n")
    sides = ("--corpus", tmp_path / "o.en", "--target-corpus", tmp_path / "o.de")
    assert json.loads(rnntui("evaluate", run, *sides, "--json").stdout)["accuracy"] == 1
    assert_one_line(rnntui("evaluate", run, "--target-corpus", "x"), 2, "--target-corpus", "--corpus")
    (run / "target-tokenizer.json").write_text("{")
    assert_one_line(rnntui("translate", run, "x"), 2, "target-tokenizer.json")


def test_studies_take_pairs(pairs_file: Path, tmp_path: Path) -> None:
    """Protects the one path: a duel, a sweep and a search for the learning rate take pairs as they take text."""
    base = (
        pairs_file,
        "--task",
        "translate",
        "--batch-size",
        "16",
        "--embedding-size",
        "8",
        "--max-steps",
        "12",
    )
    duel = rnntui(
        "duel", *base, "--cells", "lstm,gru", "--parameters", "40k", "--headless", "--run", tmp_path / "D"
    )
    assert duel.returncode == 0 and "valid bits/byte (pairs)" in duel.stdout, duel.stderr
    flags = ("--hidden-size", "8", "--attention", "luong,none", "--trials", "2", "--study", tmp_path / "S")
    sweep = rnntui("sweep", *base, *flags)
    assert sweep.returncode == 0 and "--task=translate" in sweep.stdout, sweep.stderr
    found = rnntui("train", *base, "--find-lr", "--hidden-size", "8")
    assert found.returncode == 0, found.stderr


def test_without_sacrebleu_the_rest_is_told(
    make_run: MakeRun, pairs_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects who has not installed it: training goes on, and the figure that is missing has a way to be had."""
    monkeypatch.setattr(overlap, "find_spec", lambda _: None)
    run = make_run(**TRANSLATOR | {"max_steps": 2, "eval_every": 1}, corpus=str(pairs_file))
    told = train_all(run)
    assert all(not isinstance(event.metrics, dict) for event in told if isinstance(event, ev.Evaluated))
    with pytest.raises(Exception, match=r"pip install 'rnntui\[translate\]'"):
        overlap.overlap(["a"], ["b"])


def test_overlap_is_that_of_the_library() -> None:
    """Protects the figures: a perfect translation has 100, Chinese is cut by its characters."""
    perfect = overlap.overlap(["the cat sat on the mat"], ["the cat sat on the mat"])
    assert perfect.bleu == pytest.approx(100) and perfect.chrf == pytest.approx(100)
    assert overlap.tokenization(["我喜欢这本书。", "OK"]) == "zh"
    assert overlap.tokenization(["これは本です"]) == "char"
    assert overlap.tokenization(["a 书 b c d"]) == "13a"


def test_the_sample_tests_composition(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the claim: no source twice, and what is held out puts together what training never did."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "sample_corpora"))
    script = importlib.import_module("phrases")
    sentences = script.draw()
    rows = read(TextConfig(corpus="phrases", task="translate")).rows
    assert [(each.en, each.zh) for each in sentences] == [(each.source, each.target) for each in rows]
    assert len(rows) >= 2500 and len({each.source for each in rows}) == len(rows)
    train, held_out = sentences[: script.TRAINING], sentences[script.TRAINING :]
    seen = {pair for sentence in train for pair in sentence.pairs}
    assert all(not seen.issuperset(sentence.pairs) for sentence in held_out)
    words, new = (
        {word for each in part for word in re.findall(r"[\w']+", each.en)} for part in (train, held_out)
    )
    assert new <= words, "the words themselves are known"
