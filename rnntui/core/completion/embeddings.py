"""The words of a vocabulary and their embeddings."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rnntui.core.errors import InputError, nearest
from rnntui.core.nn.tensor_files import read_array
from rnntui.core.runs.folder import Run
from rnntui.core.text import tokenizers
from rnntui.core.text.tokenizers import Tokenizer


class Words(NamedTuple):
    """Words with their vectors, in the order of their tokens."""

    words: list[str]
    vectors: npt.NDArray[np.float32]
    """(N, E)"""


def words_of(tokenizer: Tokenizer) -> dict[str, int]:
    """The word that each token stands for, with its token; of two that differ in a space before, the one with it.

    Tokens that are white space, or no whole characters, stand for none.
    """
    found: dict[str, int] = {}
    for token in range(tokenizer.vocab_size):
        if token == tokenizer.unknown:
            continue
        text = tokenizer.token_bytes(token).decode("utf-8", "replace")
        word = text.strip()
        if word and "\ufffd" not in word and len(word.split()) == 1 and (word not in found or text[0] == " "):
            found[word] = token
    return found


def words_in(run: Run, checkpoint: Path) -> Words:
    """The words of a run's vocabulary with the embeddings of a checkpoint.  Raises InputError where they do not fit."""
    tokenizer = tokenizers.load(run.path / "tokenizer.json")
    shape = tokenizer.vocab_size, run.config.model.embedding_size
    matrix = read_array(checkpoint / "model.safetensors", "embedding.weight", shape)
    found = words_of(tokenizer)
    return Words(list(found), matrix[list(found.values())])


def nearest_words(known: Words, word: str, count: int) -> list[tuple[str, float]]:
    """The words whose vectors point most nearly where that of `word` does, with the cosine of the angle between.

    Raises InputError for a word that is not among them.
    """
    forms = (word, *(unicodedata.normalize(form, word) for form in ("NFC", "NFD")))
    word = next((form for form in forms if form in known.words), word)
    if word not in known.words:
        raise InputError(
            f"'{word}': not in the vocabulary of {len(known.words):,} words; {hint(word, known.words)}"
        )
    lengths = np.linalg.norm(known.vectors, axis=1)
    place = known.words.index(word)
    cosines = known.vectors @ known.vectors[place] / np.maximum(lengths * lengths[place], 1e-12)
    order = [i for i in np.argsort(-cosines, kind="stable").tolist() if i != place]
    return [(known.words[i], float(cosines[i])) for i in order[:count]]


def hint(word: str, words: list[str]) -> str:
    """The nearest known word, for a message."""
    close = nearest(word, words)
    return close if close.startswith("did you mean") else "try another form of it"
