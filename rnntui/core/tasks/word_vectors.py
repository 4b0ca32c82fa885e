"""Beginning with word vectors that were learned elsewhere."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import save
from torch import Tensor

from rnntui.core.config import Config, changed
from rnntui.core.errors import InputError
from rnntui.core.files import expanded, open_named
from rnntui.core.text.spool import Report, silent
from rnntui.core.text.tokenizers import Tokenizer
from rnntui.core.text.vectors import read_vectors

VECTORS, KNOWN = "embedding.weight", "embedding.known"
"""Tensors of the file of the new run: a row for each token, and whether it was found."""


class Embedded(NamedTuple):
    """A configuration whose embeddings come from a file, and what its run keeps of that."""

    config: Config
    content: bytes
    """Content of a safetensors file."""
    coverage: str
    """Share of the vocabulary that was found, in one line."""


def embedded(config: Config, tokenizer: Tokenizer, report: Report = silent) -> Embedded:
    """Read the vectors of the vocabulary's words; a word that is not found may be there in small letters.

    Raises InputError where the file cannot be read, or knows none of the words.
    """
    texts = [
        tokenizer.token_bytes(token).decode("utf-8", "replace").strip()
        for token in range(tokenizer.vocab_size)
    ]
    path = expanded(config.model.embeddings).resolve()
    wanted = {form for text in texts for form in _forms(text)} - {""}
    vectors = read_vectors(path, wanted, report)
    matrix = torch.zeros(tokenizer.vocab_size, vectors.size)
    known = torch.zeros(tokenizer.vocab_size, dtype=torch.uint8)
    for token, text in enumerate(texts):
        vector = next((vectors.found[form] for form in _forms(text) if form in vectors.found), None)
        if vector is not None and text:
            matrix[token], known[token] = torch.from_numpy(vector), 1
    words = sum(map(bool, texts))
    if not known.any():
        if tokenizer.unit == "word":
            step = "take vectors of the text's language, or leave out --embeddings"
        else:
            step = "use --tokenizer word"
        raise InputError(f"{path}: none of the vocabulary's {words:,} words is in it; {step}")
    if vectors.passed_over:
        report(f"{path.name}: {vectors.passed_over}", None)
    found = int(known.sum())
    return Embedded(
        changed(config, {"embedding_size": vectors.size, "embeddings": str(path)}, f"from {path.name}"),
        save({VECTORS: matrix, KNOWN: known}),
        f"{found:,} of the vocabulary's {words:,} words ({found / words:.0%}) begin with their vectors in {path.name}",
    )


def _forms(text: str) -> list[str]:
    """Spellings of a word in a file of vectors: as it is, its accents composed or not, and in lower case."""
    forms = dict.fromkeys((text, *(unicodedata.normalize(form, text) for form in ("NFC", "NFD"))))
    return [*forms, *(form.lower() for form in forms)]


def require_vectors(name: str) -> None:
    """Refuse a file of word vectors that cannot be opened.  Raises InputError that names the flag."""
    path = expanded(name)
    try:
        open_named(path).close()
    except OSError as error:
        raise InputError(f"--embeddings: {path}: cannot be read: {error.strerror}") from None


@torch.no_grad()
def take_in(weight: Tensor, found: dict[str, Tensor], path: Path) -> None:
    """Put the rows that were found into an embedding `weight` (V, E), brought to the scale of those that it has.

    Raises InputError where they do not fit.
    """
    if found.keys() != {VECTORS, KNOWN}:
        raise InputError(f"{path}: holds other things than word vectors; train the run anew")
    matrix, known = found[VECTORS], found[KNOWN].bool()
    if matrix.dtype != torch.float32 or matrix.shape != weight.shape or known.shape != weight.shape[:1]:
        raise InputError(f"{path}: does not fit the vocabulary; train the run anew")
    # By their mean square, not their spread: vectors that are nearly alike would be blown up by that.
    scale = weight.std() / matrix[known].square().mean().sqrt().clamp(min=1e-12)
    weight[known] = matrix[known].to(weight) * scale
