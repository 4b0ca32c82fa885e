"""The counting models that a network has to beat."""

from __future__ import annotations

import bz2
import gzip
import lzma
import math
from pathlib import Path

import numpy as np
import pytest

from rnntui.core import config
from rnntui.core.text import catalogue
from rnntui.core.text.baselines import baselines
from rnntui.core.text.compressors import floors
from rnntui.core.text.dataset import prepare
from rnntui.core.text.ngrams import ngram_nats


def test_probabilities_sum_to_one() -> None:
    """Protects the comparison: over all next tokens, seen and unseen contexts alike, every order sums to one."""
    rng = np.random.default_rng(0)
    train, held = rng.integers(0, 5, 400), rng.integers(0, 5, 30)
    for last in (0, 7, 29):
        totals = np.zeros(6)
        for token in range(6):  # 5 never stands in the training text
            changed = held[: last + 1].copy()
            changed[last] = token
            totals += [math.exp(-nats[-1]) for nats in ngram_nats(train, changed, 6, 6)]
        assert totals == pytest.approx(np.ones(6), abs=1e-9)


def test_a_case_computed_by_hand() -> None:
    """Protects the formula: bigrams over two tokens, by Kneser and Ney's continuation counts."""
    train = np.array([0, 1, 0, 1, 0, 0])
    # Bigrams: 01 twice, 10 twice, 00 once.  n1 = 1, n2 = 2: Y = 1/5, D1 = 1 - 2 Y n2/n1 = 0.2, D2 = 2 - 3 Y n3/n2 = 2.
    unigram, nats = ngram_nats(train, np.array([0]), 2, 2)
    # Different tokens to the left: of 0 two (1 and 0), of 1 one.  n1 = 1, n2 = 1: Y = 1/3, D1 = 1/3, D2 = 2.
    lower = max(2 - 2.0, 0) / 3 + (1 / 3 + 2.0) / 3 * 0.5
    d1, d2 = 1 - 2 * (1 / 5) * 2 / 1, 2 - 3 * (1 / 5) * 0 / 2
    expected = max(1 - d1, 0) / 3 + (d1 + d2) / 3 * lower
    assert math.exp(-nats[0]) == pytest.approx(expected, abs=1e-9)
    # Alone, single tokens count as often as they stand there: 4 and 2.  Y = 1/2, D2 = 2, D3 = 3/2.
    assert math.exp(-unigram[0]) == pytest.approx(2.5 / 6 + (2 + 1.5) / 6 * 0.5, abs=1e-9)


def test_longer_contexts_help_on_a_regular_text(corpus_file: object) -> None:
    """Protects the baselines: each in the run's own units, and more context no worse on such a text."""
    settings = config.build({"corpus": str(corpus_file), "batch_size": 2, "bptt": 8})
    _, tokenizer, dataset = prepare(settings)
    made = baselines(dataset["train"].tokens, dataset["valid"], tokenizer.vocab_size)
    found = {each.name: each for each in made}
    assert list(found) == [
        *("characters", "gzip", "bz2", "xz", "ppmd", "gzip+train", "bz2+train", "xz+train", "ppmd+train"),
        *(f"{n}-gram" for n in range(1, 7)),
    ]
    bits = [found[f"{n}-gram"].bits_per_byte for n in range(5, 0, -1)]
    assert bits == sorted(bits) and bits[0] < 0.5
    assert bits[0] < found["gzip"].bits_per_byte < found["characters"].bits_per_byte
    assert found["5-gram"].perplexity == pytest.approx(2 ** found["5-gram"].bits_per_byte)


def test_packers_read_the_held_out_bytes_alone_and_behind_the_training_text(corpus_file: Path) -> None:
    """Protects the comparison: what a person gets from the tools, and what they add having read what a model has."""
    settings = config.build({"corpus": str(corpus_file), "batch_size": 2, "bptt": 8, "split": "60/20/20"})
    _, tokenizer, dataset = prepare(settings)
    read, *held_out = (tokenizer.decode(dataset[name].tokens).encode() for name in ("train", "valid", "test"))
    for raw, name in zip(held_out, ("valid", "test"), strict=True):
        found = dataset[name].floors
        for packer, pack in {"gzip": gzip.compress, "bz2": bz2.compress, "xz": xz}.items():
            assert found[packer] == pytest.approx(8 * len(pack(raw)) / len(raw), rel=0.01)
            behind = 8 * (len(pack(read + raw)) - len(pack(read))) / len(raw)
            assert found[f"{packer}+train"] == pytest.approx(behind, abs=0.02)
        assert found["xz+train"] < found["xz"]


@pytest.mark.parametrize(("sample", "gain"), [("tales", 0.2), ("verse", 0.2), ("chinese", 0.1)])
def test_ppmd_is_the_packer_to_beat(sample: str, gain: float) -> None:
    """Protects the plot's lines: counts of what followed are that many bits a byte below bz2."""
    found = floors(catalogue.blocks(sample))
    assert found["ppmd"] < found["bz2"] - gain < min(found["gzip"], found["xz"])


def xz(raw: bytes) -> bytes:
    return lzma.compress(raw, preset=9)
