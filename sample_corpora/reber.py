"""Draws `reber.txt` from the embedded Reber grammar, and knows its entropy exactly.

    python sample_corpora/reber.py > sample_corpora/reber.txt

The Reber grammar (Reber 1967) is a machine that writes a letter at every move and takes either of two
moves with probability one half:

    state   moves
      1     T to 2, P to 3
      2     S to 2, X to 4
      3     T to 3, V to 5
      4     X to 3, S to the end
      5     P to 4, V to the end

A Reber string is B, the letters of a walk from state 1 to the end, E.  An embedded one (Hochreiter and
Schmidhuber 1997) is B, T or P with probability one half, a Reber string, the same letter T or P again,
E: to know the last letter but one, a model must remember the second letter over the whole inner string.

Entropy: one bit for the outer T or P, and one for each move inside.  A walk visits the states 1 to 5 on
average 1, 1, 2, 1 and 1 times, six moves in all, so a string has 7 bits.  It has 6 + 2 + 4 letters and
a line end, 13 characters, on average.  Lines are drawn independently, so the entropy rate is

    7 / 13 = 0.538462 bits a character = 0.373233 nats a character.
"""

from __future__ import annotations

import math
import random

MOVES: dict[int, tuple[tuple[str, int], tuple[str, int]]] = {
    1: (("T", 2), ("P", 3)),
    2: (("S", 2), ("X", 4)),
    3: (("T", 3), ("V", 5)),
    4: (("X", 3), ("S", 0)),
    5: (("P", 4), ("V", 0)),
}
BITS_PER_CHAR = 7 / 13
NATS_PER_CHAR = BITS_PER_CHAR * math.log(2)
LINES = 16_000
SEED = 1


def line(rng: random.Random) -> str:
    """One embedded Reber string."""
    outer = "T" if rng.random() < 0.5 else "P"
    letters, state = [], 1
    while state:
        letter, state = MOVES[state][rng.random() < 0.5]
        letters.append(letter)
    return f"B{outer}B{''.join(letters)}E{outer}E"


def bits(string: str) -> int:
    """-log2 P(string): one bit for the outer letter and one for every inner move.

    Raises ValueError for a string that the grammar does not write.
    """
    inner, state = string[3:-3], 1
    for letter in inner:
        moves = dict(MOVES.get(state, ()))
        if letter not in moves:
            raise ValueError(f"{string!r} is no embedded Reber string")
        state = moves[letter]
    if state or string != f"B{string[1:2]}B{inner}E{string[1:2]}E" or string[1] not in "TP":
        raise ValueError(f"{string!r} is no embedded Reber string")
    return 1 + len(inner)


def draw(lines: int = LINES, seed: int = SEED) -> str:
    """The text of `reber.txt`."""
    rng = random.Random(seed)
    return "".join(line(rng) + "\n" for _ in range(lines))


if __name__ == "__main__":
    print(draw(), end="")
