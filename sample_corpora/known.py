"""Writes two tasks whose answer is known and lies a given number of steps back.

    python sample_corpora/known.py adding --lag 100 > adding.tsv
    python sample_corpora/known.py copying --lag 100 > copying.txt

adding    (Hochreiter and Schmidhuber 1997, in digits)  A text of digits, two of which are marked, one in the first
          tenth of the `lag` and one at its end; the label is their sum, from 0 to 18.  Who knows one of the two only is
          right once in ten times.  For `rnntui train adding.tsv --task classify --tokenizer char`.
copying   (Hochreiter and Schmidhuber 1997)  Lines of five letters out of eight, `lag` dots, a colon, the same five
          letters.  The first five cannot be known, all else can: a line of `lag` + 12 characters has 15 bits, 30 if
          nothing is remembered.  For `rnntui train copying.txt --bptt ...`.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections.abc import Iterator

LETTERS = "abcdefgh"
COPIED = 5
BITS = COPIED * math.log2(len(LETTERS))
"""Of a line of `copying`, whose first letters nobody can know."""
_MARKED = "ABCDEFGHIJ"
"""The digits 0 to 9 where they count."""


def adding(lag: int, count: int, seed: int) -> Iterator[str]:
    """Lines of a table: a label, and `lag` + 1 digits of which two count."""
    rng = random.Random(seed)
    yield "label\ttext"
    for _ in range(count):
        digits = [str(rng.randrange(10)) for _ in range(lag + 1)]
        first, last = rng.randrange(max(1, lag // 10)), lag
        values = [rng.randrange(10), rng.randrange(10)]
        for place, value in zip((first, last), values, strict=True):
            digits[place] = _MARKED[value]
        yield f"{sum(values)}\t{''.join(digits)}"


def copying(lag: int, count: int, seed: int) -> Iterator[str]:
    """Lines of letters, a lag, and the same letters."""
    rng = random.Random(seed)
    for _ in range(count):
        letters = "".join(rng.choices(LETTERS, k=COPIED))
        yield f"{letters}{'.' * lag}:{letters}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=("adding", "copying"))
    parser.add_argument("--lag", type=int, default=100)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    make = adding if options.task == "adding" else copying
    for line in make(options.lag, options.count, options.seed):
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
