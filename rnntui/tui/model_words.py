"""Spans of a text that the model wrote, kept up to date through edits."""

from __future__ import annotations

from rnntui.core.completion.session import common_prefix

_Span = tuple[int, int]


class ModelWords:
    """Stretches of `text` that the model wrote and nobody has edited since."""

    def __init__(self, text: str = "") -> None:
        self.text = text
        self.spans: list[_Span] = []
        """First and last offset of each stretch, in order."""

    def change(self, text: str, by_model: bool) -> None:
        """Take in that the text is `text` now; what is new in it was written by the model or by a person."""
        before, self.text = self.text, text
        if before == text or not (self.spans or by_model):
            return
        first = common_prefix(before, text)
        last = common_prefix(
            before[: first - 1 if first else None : -1], text[: first - 1 if first else None : -1]
        )
        removed_to, added_to = len(before) - last, len(text) - last
        moved = added_to - removed_to
        kept: list[_Span] = []
        for start, end in self.spans:
            if start < first and end > removed_to and not by_model:
                # In the middle of a stretch a person edits a word: that word is theirs now.
                kept.append((start, _word_start(before, start, first)))
                kept.append((_word_end(before, end, removed_to) + moved, end + moved))
                continue
            kept.append((start, min(end, first)))
            kept.append((max(start, removed_to) + moved, end + moved))
        if by_model:
            kept.append((first, added_to))
        self.spans = _joined(sorted(span for span in kept if span[0] < span[1]))

    def rows(self) -> dict[int, list[_Span]]:
        """The columns of the stretches in each row."""
        found: dict[int, list[_Span]] = {}
        if not self.spans:
            return found
        spans, start = iter(self.spans), 0
        first, last = next(spans)
        for row, line in enumerate(self.text.split("\n")):
            end = start + len(line)
            while first < end:
                found.setdefault(row, []).append((max(first, start) - start, min(last, end) - start))
                if last > end:
                    break  # it goes on in the next row
                if (following := next(spans, None)) is None:
                    return found
                first, last = following
            start = end + 1
        return found


def _joined(spans: list[_Span]) -> list[_Span]:
    """Spans in order, those that touch made one."""
    found: list[_Span] = []
    for start, end in spans:
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def _word_start(text: str, low: int, at: int) -> int:
    """Where the word before the offset `at` begins, not before `low`."""
    while at > low and not text[at - 1].isspace():
        at -= 1
    return at


def _word_end(text: str, high: int, at: int) -> int:
    """Where the word at the offset `at` ends, not behind `high`."""
    while at < high and not text[at].isspace():
        at += 1
    return at
