"""Tokenizers over drawn strings and byte strings: what goes in comes out, block by block as in one piece.

python benchmarks/soak/texts.py [--count 100000]
"""

from __future__ import annotations

import argparse
import random
import time

from common import tell

from rnntui.core.config.schema import TextConfig
from rnntui.core.text import tokenizers
from rnntui.core.text.tokenizers.base import UNKNOWN_BYTES
from tests.conftest import sentences

_ALPHABETS = (
    "abc ,.\n",
    "aA1 \t\r\n\x0b\x0c\x85\u2028",
    "é\u0301ßİıﬀ",
    "今天天气。！",
    "👩‍👩‍👧‍👦🏳️‍🌈",
    "\x00\x01\x1b\x7f\x9b\u202e",
    "\ud800\udfff\ufffe\uffff\U0010ffff",
    "<unk>\ufffd",
    "\u0000".join("the cat"),
)


def drawn(rng: random.Random) -> str:
    """A string of one alphabet, of several, of anything, or what bytes read as."""
    kind, size = rng.randrange(4), rng.choice([0, 1, 2, 5, 20, 200])
    if kind == 0:
        return "".join(rng.choices(rng.choice(_ALPHABETS), k=size))
    if kind == 1:
        return "".join(rng.choices("".join(_ALPHABETS), k=size))
    if kind == 2:
        return "".join(chr(rng.randrange(0x110000)) for _ in range(size))
    return rng.randbytes(size).decode("utf-8", "replace")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000)
    options = parser.parse_args()
    rng, began, characters = random.Random(1), time.monotonic(), 0
    corpus = sentences(500) + "".join(_ALPHABETS).encode("utf-8", "ignore").decode()
    made = {
        kind: tokenizers.train(TextConfig(tokenizer=kind, vocab_size=size), [corpus])
        for kind, size in (("char", None), ("word", 500), ("bpe", 400), ("byte", None))
    }
    for _ in range(options.count):
        text = drawn(rng)
        clean = text.encode("utf-8", "replace").decode()
        characters += len(text)
        for kind, tokenizer in made.items():
            tokens = tokenizer.encode(text).tolist()
            assert all(0 <= token < tokenizer.vocab_size for token in tokens)
            if kind in ("bpe", "byte"):
                assert tokenizer.decode(tokens) == clean, (kind, text)
            elif tokenizer.unknown not in tokens:
                assert tokenizer.decode(tokens) == text, (kind, text)
            else:
                assert UNKNOWN_BYTES.decode() in tokenizer.decode(tokens)
            at = rng.randrange(len(text) + 1)
            blocks = [text[:at], text[at:]]
            joined = [token for block in tokenizer.encode_blocks(blocks) for token in block.tolist()]
            assert joined == tokens, (kind, text, at)
            end = tokenizer.complete_prefix(text)
            assert tokens[: len(tokenizer.encode(text[:end]))] == tokenizer.encode(text[:end]).tolist()
    tell(
        "tokenizers",
        f"python benchmarks/soak/texts.py --count {options.count}",
        [
            f"{options.count:,} drawn strings and byte strings ({characters:,} characters: every "
            f"plane, surrogates, control and "
            "combining characters) through the four tokenizers: what is known comes out as it went "
            f"in, bpe and byte return "
            f"any text, two blocks give the tokens of one. {time.monotonic() - began:.0f} s.",
        ],
    )


if __name__ == "__main__":
    main()
