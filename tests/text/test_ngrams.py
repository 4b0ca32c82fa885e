"""The counting models that a network has to beat."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rnntui.core import config
from rnntui.core.text.baselines import baselines
from rnntui.core.text.dataset import prepare
from rnntui.core.text.ngrams import ngram_nats


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_probabilities_sum_to_one(order: int) -> None:
    """Protects the comparison: over all next tokens, seen and unseen contexts alike, they sum to one."""
    rng = np.random.default_rng(0)
    train, held = rng.integers(0, 5, 400), rng.integers(0, 5, 30)
    for last in (0, 7, 29):
        total = 0.0
        for token in range(6):  # 5 never stands in the training text
            changed = held[: last + 1].copy()
            changed[last] = token
            total += math.exp(-ngram_nats(train, changed, 6, order)[-1])
        assert total == pytest.approx(1.0, abs=1e-9)


def test_a_case_computed_by_hand() -> None:
    """Protects the formula: bigrams over two tokens, by Kneser and Ney's continuation counts."""
    train = np.array([0, 1, 0, 1, 0, 0])
    # Bigrams: 01 twice, 10 twice, 00 once.  n1 = 1, n2 = 2: Y = 1/5, D1 = 1 - 2 Y n2/n1 = 0.2, D2 = 2 - 3 Y n3/n2 = 2.
    nats = ngram_nats(train, np.array([0]), 2, 2)
    # Different tokens to the left: of 0 two (1 and 0), of 1 one.  n1 = 1, n2 = 1: Y = 1/3, D1 = 1/3, D2 = 2.
    lower = max(2 - 2.0, 0) / 3 + (1 / 3 + 2.0) / 3 * 0.5
    d1, d2 = 1 - 2 * (1 / 5) * 2 / 1, 2 - 3 * (1 / 5) * 0 / 2
    expected = max(1 - d1, 0) / 3 + (d1 + d2) / 3 * lower
    assert math.exp(-nats[0]) == pytest.approx(expected, abs=1e-9)


def test_longer_contexts_help_on_a_regular_text(corpus_file: object) -> None:
    """Protects the baselines: 5-gram below gzip below characters, all in the run's own units."""
    settings = config.build({"corpus": str(corpus_file), "batch_size": 2, "bptt": 8})
    _, tokenizer, dataset = prepare(settings)
    found = {each.name: each for each in baselines(dataset, tokenizer.vocab_size)}
    assert list(found) == ["characters", "gzip", "5-gram"]
    bits = [found[name].bits_per_byte for name in ("5-gram", "gzip", "characters")]
    assert bits == sorted(bits) and bits[0] < 0.5
    assert found["5-gram"].perplexity == pytest.approx(2 ** found["5-gram"].bits_per_byte)
