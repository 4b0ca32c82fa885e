"""A text that is being written, with the model's state after every token of it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rnntui.core.completion.arrays import Array, log_softmax
from rnntui.core.completion.cache import SIZE, with_cache
from rnntui.core.completion.engine import Engine, EngineState
from rnntui.core.completion.vocabulary import Vocabulary
from rnntui.core.text.tokenizers import Tokenizer

if TYPE_CHECKING:
    from rnntui.core.completion.counts import CountContext, CountedModel

_CONTEXT = 4096
"""Tokens read back at most when a long text is opened at once: further back, a state has faded."""
_RECENT = 2048
"""Every state is kept so far back; further back, one in `_STRIDE`."""
_STRIDE = 64
_SCORED = 512
"""Tokens scored at once: as many logits are in memory."""
# Every tokenizer cuts at a line end for good, and at no other separator that str.splitlines knows.
_LINE = re.compile(r"[^\n]*\n|[^\n]+")


class ModelState(NamedTuple):
    """The model after some tokens."""

    state: EngineState
    y: Array
    """(1, H) the stack's output, from which the head makes the next token's logits."""
    counted: CountContext | None = None
    """The place in the counted text, where there is one."""


class _Mark(NamedTuple):
    """A place where the text is cut for good."""

    chars: int
    tokens: int
    witness: int
    """The length of the text that showed that the cut stands: it does while so much is unchanged."""


class Session:
    """Follows a text as it changes and knows, at any time, the model's state at its end.

    A character typed feeds one token, a character deleted feeds none, and neither takes longer in a
    long text.  The last token, while it can still grow (half a word, say), is not fed but `pending`:
    what is written next must begin with it.
    """

    def __init__(
        self,
        engine: Engine,
        tokenizer: Tokenizer,
        vocabulary: Vocabulary | None = None,
        cache: bool = False,
        counts: CountedModel | None = None,
    ) -> None:
        self.engine = engine
        self.counts = counts
        """The counted model that has a say in what may follow, if there is one; it reads this text and no other."""
        self.cache = cache
        """True if what is written so far has a say in what may follow (the neural cache)."""
        self.tokenizer = tokenizer
        self.vocabulary = vocabulary or Vocabulary(tokenizer)
        self.text = self.pending = ""
        self.tokens: list[int]
        self._marks: list[_Mark]
        self._moments: dict[int, ModelState]
        self._nats: list[float]
        """The surprise of the first tokens, as far as anybody asked for it."""
        self._memory: tuple[Array, Array] | None = None
        """What the cache remembers at the end of the text, once anybody asked for it."""
        self._mixed_nats: dict[int, float]
        """The surprise of tokens, by their number, that were read beside the counted model."""
        self.generated: list[bool]
        """True for tokens that the model wrote: nothing is counted of them."""
        self._unknown: dict[int, str]
        """The text of unknown tokens by their number, where there is a counted model."""
        self._counts_from = 0
        """Number of the first token that is counted."""
        self.start_anew()

    def start_anew(self) -> None:
        """Forget all states and surprises and read the text again, as the model thinks now."""
        text, self.text, self.pending = self.text, "", ""
        self.tokens, self._marks, self._nats = [], [_Mark(0, 0, 0)], []
        self._mixed_nats, self._unknown, self.generated = {}, {}, []
        if self.counts is not None:
            self.counts.forget()
        self._moments = {0: self._first_moment()}
        self.set_text(text)

    def forget_counts(self) -> None:
        """Count from here on alone, as if nothing of the text had been read; `start_anew` reads it again."""
        self._counts_from = len(self.tokens)

    def set_text(self, text: str, generated: Sequence[tuple[int, int]] = ()) -> None:
        """Take `text` as what is written so far, feeding only what changed.

        The model wrote the stretches of characters that are `generated`: what is new of them is not counted.
        """
        common = common_prefix(self.text, text)
        while self._marks[-1].witness > common:
            self._marks.pop()
        mark = self._marks[-1]
        cut = max(self.tokenizer.complete_prefix(text), mark.chars)
        before = self.tokens[mark.tokens :]
        del self.tokens[mark.tokens :], self.generated[mark.tokens :]
        chars = mark.chars
        for line in _LINE.findall(text[mark.chars : cut]):
            self.tokens.extend(self.tokenizer.encode(line).tolist())
            self.generated += self._are_generated(line, chars, generated)
            self._note_unknown(line)
            chars += len(line)
            if line.endswith("\n"):
                self._marks.append(_Mark(chars, len(self.tokens), chars))
        if self._marks[-1].chars < cut:
            self._marks.append(_Mark(cut, len(self.tokens), len(text)))
        unchanged = mark.tokens + common_prefix(before, self.tokens[mark.tokens :])
        for position in [position for position in self._moments if position > unchanged]:
            del self._moments[position]
        del self._nats[unchanged:]
        self._uncount(unchanged)
        self.text, self.pending = text, text[cut:]
        self._memory = None
        self._feed()

    def surprises(self) -> list[tuple[str, float]]:
        """Each token fed so far with its surprise, -ln P(token | all before it), in nats.

        Only what was not asked for before is computed.
        """
        known = len(self._nats)
        if known < len(self.tokens):
            at = max(position for position in self._moments if position <= known)
            moment = self._moments[at]
            before = self._remembered(at)
            while at < len(self.tokens):
                stretch = self.tokens[at : at + _SCORED]
                outputs = []
                for token in stretch:
                    outputs.append(moment.y)
                    moment = self.advance(moment, [token])
                scores, before = self._log_p_along(np.concatenate(outputs), stretch, before)
                nats = (-scores[np.arange(len(stretch)), stretch]).tolist()
                self._nats += nats[len(self._nats) - at :]
                at += len(stretch)
        pieces = self.tokenizer.pieces(self.text[: len(self.text) - len(self.pending)])
        found = (self._mixed_nats.get(place, nats) for place, nats in enumerate(self._nats))
        return list(zip(pieces, found, strict=True))

    def logits(self, moments: Sequence[ModelState]) -> Array:
        """Logits (n, V) of what may follow the text, at its end or on branches from there."""
        y = np.concatenate([moment.y for moment in moments])
        logits = self.engine.logits(y)
        if self.cache:
            if self._memory is None:
                self._memory = self._remembered(len(self.tokens))
            logits = with_cache(log_softmax(logits), y, *self._memory)
        if self.counts is None:
            return logits
        contexts = [moment.counted for moment in moments if moment.counted is not None]
        return self.counts.mixed(log_softmax(logits), contexts)

    def _log_p_along(
        self, outputs: Array, tokens: list[int], before: tuple[Array, Array]
    ) -> tuple[Array, tuple[Array, Array]]:
        """The log-probabilities (n, V) before each of `tokens`, and what is remembered after them.

        `outputs` (n, H) are the stack's there, `before` what is remembered of the text before them.
        """
        log_p = log_softmax(self.engine.logits(outputs))
        if not self.cache:
            return log_p, before
        seen = len(before[1])
        along = np.concatenate([before[0], outputs]), np.concatenate([before[1], np.array(tokens, np.int64)])
        return with_cache(log_p, outputs, *along, seen), (along[0][-SIZE:], along[1][-SIZE:])

    def _remembered(self, end: int) -> tuple[Array, Array]:
        """The outputs (N, H) that are still at hand of the last tokens before `end`, and these tokens (N,)."""
        places = sorted(place for place in self._moments if end - SIZE <= place < end)
        outputs = [self._moments[place].y for place in places]
        shape = (0, self.engine.hidden_size)
        return (
            np.concatenate(outputs) if outputs else np.empty(shape, np.float32),
            np.array([self.tokens[place] for place in places], np.int64),
        )

    def next_tokens(self, count: int) -> list[tuple[str, float]]:
        """The `count` likeliest next tokens with their probabilities, the likeliest first.

        After half a word these are the tokens that may take its place.
        """
        p = np.exp(log_softmax(self.writer().logits()))
        best = np.argsort(-p, kind="stable")[:count].tolist()
        return [(self.tokenizer.decode([token]), float(p[token])) for token in best if p[token] > 0]

    def recalled(self) -> tuple[str, float] | None:
        """The unknown word that the counted model expects here, as it was typed, and P(<unk>); None without one."""
        counts, context, unknown = self.counts, self.moment().counted, self.tokenizer.unknown
        if counts is None or context is None or unknown is None:
            return None
        place = counts.last_place(context, unknown)
        if place is None or place not in self._unknown:
            return None
        return self._unknown[place], float(np.exp(log_softmax(self.logits([self.moment()])))[0, unknown])

    def writer(self) -> Writer:
        """A branch at the end of the text, to write on without changing the session."""
        return Writer(self)

    def moment(self) -> ModelState:
        """The model at the end of the text's fed tokens."""
        return self._moments[len(self.tokens)]

    def moment_from(self, position: int) -> tuple[int, ModelState]:
        """The first place from token number `position` on whose moment is still at hand, and that moment."""
        place = min(place for place in self._moments if place >= position)
        return place, self._moments[place]

    def end(self) -> tuple[ModelState, bytes]:
        """The end of the text: the model there, and the pending bytes that a continuation must begin with."""
        owed = self.tokenizer.begun(self.pending).encode("utf-8", "replace")
        if owed and not self.vocabulary.consistent(owed).any():
            # No token begins so: the pending part is a word that training never saw.
            return self.advance(self.moment(), self.tokenizer.encode(self.pending).tolist()), b""
        return self.moment(), owed

    def advance(self, moment: ModelState, tokens: list[int]) -> ModelState:
        """The model `tokens` later, one step at a time; nothing is counted."""
        for token in tokens:
            y, state = self.engine.step(np.array([token]), moment.state)
            moment = ModelState(state, y, *self.contexts_after([moment], [token]))
        return moment

    def contexts_after(
        self, moments: Sequence[ModelState], tokens: Sequence[int]
    ) -> Sequence[CountContext | None]:
        """The place of each in the counted text one token later."""
        contexts = [moment.counted for moment in moments if moment.counted is not None]
        if self.counts is None or not contexts:
            return [None] * len(moments)
        return self.counts.after(contexts, tokens)

    def _first_moment(self) -> ModelState:
        y, state = self.engine.step(np.array([self.tokenizer.start]), self.engine.initial_state())
        return ModelState(state, y, self.counts.start(self.tokenizer.start) if self.counts else None)

    def _feed(self) -> None:
        """Bring the states up to the last token."""
        total = len(self.tokens)
        fed = max(position for position in self._moments if position <= total)
        if total - fed > _CONTEXT:
            before, fed = fed, total - _CONTEXT
            self._moments[fed] = self._first_moment()._replace(counted=self._count_alone(before, fed))
        moment = self._moments[fed]
        for first in range(fed, total, _SCORED):
            last = min(first + _SCORED, total)
            for position in range(first + 1, last + 1):
                moment = self.advance(moment, [self.tokens[position - 1]])
                self._moments[position] = moment
            self._count(first, last)
            for old in range(first + 1 - _RECENT, last + 1 - _RECENT):
                if old > 0 and old % _STRIDE:
                    self._moments.pop(old, None)

    # --- the counted model ---

    def _are_generated(self, line: str, first: int, generated: Sequence[tuple[int, int]]) -> list[bool]:
        """True for each token of a line, which begins at the character `first`, that the model wrote."""
        if not generated:
            return [False] * (len(self.tokens) - len(self.generated))
        found = []
        for piece in self.tokenizer.pieces(line):
            last = first + len(piece)
            found.append(any(start < last and first < end for start, end in generated))
            first = last
        return found

    def _note_unknown(self, line: str) -> None:
        """Keep the text of the unknown tokens at the end, which are those of `line`."""
        unknown = self.tokenizer.unknown
        if self.counts is None or unknown is None:
            return
        pieces = self.tokenizer.pieces(line)
        first = len(self.tokens) - len(pieces)
        for place, piece in enumerate(pieces, start=first):
            if self.tokens[place] == unknown:
                self._unknown[place] = piece

    def _uncount(self, unchanged: int) -> None:
        """Take back what was counted behind the first tokens, which have not changed."""
        if self.counts is not None and self.counts.read > unchanged:
            for place in range(unchanged, self.counts.read):
                self._mixed_nats.pop(place, None)
            self.counts.undo(self.counts.read - unchanged)

    def _are_counted(self, first: int, last: int) -> list[bool]:
        return [
            place >= self._counts_from and not generated
            for place, generated in enumerate(self.generated[first:last], start=first)
        ]

    def _count_alone(self, known: int, end: int) -> CountContext | None:
        """Count the tokens up to number `end`, which the network skips, from the moment at number `known` on."""
        counts, context = self.counts, self._moments[known].counted
        if counts is None or context is None:
            return None
        for token in self.tokens[known : counts.read]:
            (context,) = counts.after([context], [token])
        first = max(counts.read, known)
        return counts.read_alone(context, self.tokens[first:end], self._are_counted(first, end))

    def _count(self, first: int, last: int) -> None:
        """Count the tokens from number `first` to before `last`, but for those that are; their states are at hand.

        Each is scored before by both models, which weighs them.
        """
        if self.counts is None or self.counts.read >= last:
            return
        first = max(self.counts.read, first)
        outputs = np.concatenate([self._moments[place].y for place in range(first, last)])
        context = self._moments[first].counted
        assert context is not None
        stretch = self.tokens[first:last]
        log_p, _ = self._log_p_along(outputs, stretch, self._remembered(first))
        mixed, _ = self.counts.read_along(context, log_p, stretch, self._are_counted(first, last))
        nats = -mixed[np.arange(last - first), stretch]
        self._mixed_nats |= dict(enumerate(nats.tolist(), start=first))


class Writer:
    """Writes tokens after a session's text, beginning with what is pending there."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._moment, self._owed = session.end()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def logits(self) -> Array:
        """The next token's logits (V,), minus infinity where a token cannot stand."""
        logits = self._session.logits([self._moment])[0]
        vocabulary = self._session.vocabulary
        allowed = vocabulary.writable
        if self._owed:
            allowed = allowed & vocabulary.consistent(self._owed)
        return np.where(allowed, logits, np.float32(-np.inf))

    def write(self, token: int) -> str:
        """Add a token; return the whole characters that became readable with it."""
        content = self._session.vocabulary.bytes[token]
        self._moment = self._session.advance(self._moment, [token])
        new, self._owed = content[len(self._owed) :], self._owed[len(content) :]
        return self._decoder.decode(new)

    def flush(self) -> str:
        """The rest of a character that was never finished, as U+FFFD."""
        return self._decoder.decode(b"", final=True)


def common_prefix(a: Sequence[object], b: Sequence[object]) -> int:
    """Number of characters, or tokens, that two sequences share at their beginning."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
