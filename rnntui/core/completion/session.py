"""A text that is being written, with the model's state after every token of it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rnntui.core.completion.arrays import Array, log_softmax
from rnntui.core.completion.cache import SIZE, with_cache
from rnntui.core.completion.engine import Engine, EngineState
from rnntui.core.completion.vocabulary import Vocabulary
from rnntui.core.text.tokenizers import Tokenizer

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
        self, engine: Engine, tokenizer: Tokenizer, vocabulary: Vocabulary | None = None, cache: bool = False
    ) -> None:
        self.engine = engine
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
        self.start_anew()

    def start_anew(self) -> None:
        """Forget all states and surprises and read the text again, as the model thinks now."""
        text, self.text, self.pending = self.text, "", ""
        self.tokens, self._marks, self._nats = [], [_Mark(0, 0, 0)], []
        self._moments = {0: self._first_moment()}
        self.set_text(text)

    def set_text(self, text: str) -> None:
        """Take `text` as what is written so far, feeding only what changed."""
        common = common_prefix(self.text, text)
        while self._marks[-1].witness > common:
            self._marks.pop()
        mark = self._marks[-1]
        cut = max(self.tokenizer.complete_prefix(text), mark.chars)
        before = self.tokens[mark.tokens :]
        del self.tokens[mark.tokens :]
        chars = mark.chars
        for line in _LINE.findall(text[mark.chars : cut]):
            self.tokens.extend(self.tokenizer.encode(line).tolist())
            chars += len(line)
            if line.endswith("\n"):
                self._marks.append(_Mark(chars, len(self.tokens), chars))
        if self._marks[-1].chars < cut:
            self._marks.append(_Mark(cut, len(self.tokens), len(text)))
        unchanged = mark.tokens + common_prefix(before, self.tokens[mark.tokens :])
        for position in [position for position in self._moments if position > unchanged]:
            del self._moments[position]
        del self._nats[unchanged:]
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
        return list(zip(pieces, self._nats, strict=True))

    def logits(self, y: Array) -> Array:
        """Logits (n, V) of what may follow the text, from outputs (n, H) there or on branches from there."""
        logits = self.engine.logits(y)
        if not self.cache:
            return logits
        if self._memory is None:
            self._memory = self._remembered(len(self.tokens))
        return with_cache(log_softmax(logits), y, *self._memory)

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
        """The model `tokens` later, one step at a time."""
        for token in tokens:
            y, state = self.engine.step(np.array([token]), moment.state)
            moment = ModelState(state, y)
        return moment

    def _first_moment(self) -> ModelState:
        y, state = self.engine.step(np.array([self.tokenizer.start]), self.engine.initial_state())
        return ModelState(state, y)

    def _feed(self) -> None:
        """Bring the states up to the last token."""
        total = len(self.tokens)
        fed = max(position for position in self._moments if position <= total)
        if total - fed > _CONTEXT:
            fed = total - _CONTEXT
            self._moments[fed] = self._first_moment()
        moment = self._moments[fed]
        for position in range(fed + 1, total + 1):
            moment = self.advance(moment, [self.tokens[position - 1]])
            self._moments[position] = moment
            old = position - _RECENT
            if old > 0 and old % _STRIDE:
                self._moments.pop(old, None)


class Writer:
    """Writes tokens after a session's text, beginning with what is pending there."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._moment, self._owed = session.end()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def logits(self) -> Array:
        """The next token's logits (V,), minus infinity where a token cannot stand."""
        logits = self._session.logits(self._moment.y)[0]
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
