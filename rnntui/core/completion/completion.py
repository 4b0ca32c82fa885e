"""Completion: the likeliest next words, each with its probability."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from rnntui.core.completion.arrays import Array, log_softmax
from rnntui.core.completion.session import ModelState, Session
from rnntui.core.text.segmentation import goes_on

_NEARLY_CERTAIN = 0.5
"""Probability of <unk> from which the word that stood there before is offered: what it is, is known less surely."""


@dataclass(frozen=True)
class Completion:
    """A text that may follow."""

    text: str
    probability: float
    """P(the text, its last word ending there | everything before), under the model, of all tokens that can be written:
    what it gives to `<unk>` is shared out among them."""
    word: str
    """The first word of the text, with what stands before it."""
    word_probability: float

    @property
    def keys_saved(self) -> float:
        """Expected keystrokes that are saved by offering the first word, which one key takes."""
        return self.word_probability * (len(self.word) - 1)


@dataclass(frozen=True)
class _Path:
    """A way to go on: its log-probability, its bytes, what it owes, and the moment it has reached."""

    log_p: float
    content: bytes
    owed: bytes
    moment: ModelState

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "ignore")


def complete(session: Session, count: int = 5, words: int = 1, max_tokens: int = 24) -> list[Completion]:
    """The `count` likeliest next words after the session's text, the likeliest whole first.

    A beam search over tokens that ends where a word ends: at a mark, at a line end, or where the
    probability that the next token begins something else is counted in.  Inside a word it offers the
    word's end, unless the word is more likely over than not.  With more than one of
    `words`, each is continued by its likeliest tokens.  At most `max_tokens` tokens each; a completion
    ends at a line end.
    """
    if count < 1 or max_tokens < 1:
        return []
    beam = max(2 * count, 8)
    ends_word = session.vocabulary.ends_word
    whole_words = (
        session.tokenizer.unit == "word"
    )  # which cuts no word in two: none goes on in the next token
    finished: list[_Path] = []
    moment, owed = session.end()
    live = [_Path(0.0, b"", owed, moment)]
    scores = _log_probabilities(session, live)
    for _ in range(max_tokens):
        live = _grown(session, live, scores, beam)
        if not live:
            break
        scores = _log_probabilities(session, live)
        with np.errstate(divide="ignore"):
            log_end = np.log(np.exp(scores[:, ends_word]).sum(axis=1)).tolist()
        going_on = []
        for row, path in enumerate(live):
            if path.owed or not path.text.strip(" \t"):
                going_on.append(row)
            elif goes_on(path.text[-1]):
                if math.isfinite(log_end[row]):  # else no token of this vocabulary ends a word
                    finished.append(replace(path, log_p=path.log_p + log_end[row]))
                if not whole_words or not math.isfinite(log_end[row]):
                    going_on.append(row)
            else:
                finished.append(path)
        finished = sorted(finished, key=lambda path: -path.log_p)[:count]
        live, scores = [live[row] for row in going_on], scores[going_on]
        if not live or (len(finished) == count and finished[-1].log_p > max(path.log_p for path in live)):
            break
    finished += _recalled(session)
    firsts = _best_texts(finished or live, count)
    wholes = _continued(session, firsts, words, max_tokens) if words > 1 else firsts
    found = [
        Completion(whole.text, math.exp(whole.log_p), first.text, math.exp(first.log_p))
        for first, whole in zip(firsts, wholes, strict=True)
    ]
    return sorted(found, key=lambda completion: -completion.probability)


def _recalled(session: Session) -> list[_Path]:
    """The unknown word that is nearly certain here, if there is one, as it was typed before."""
    found, unknown = session.recalled(), session.tokenizer.unknown
    if found is None or unknown is None:
        return []
    word, probability = found
    pending = session.tokenizer.begun(session.pending)
    if not word.startswith(pending) or word == pending:
        return []
    if pending.strip():  # no known word need begin so: then it is an unknown one
        known = session.vocabulary.consistent(pending.encode())
        p = np.exp(log_softmax(session.logits([session.moment()]))[0])
        probability /= probability + float(p[known].sum())
    if probability < _NEARLY_CERTAIN:
        return []
    moment = session.advance(session.moment(), [unknown])
    return [_Path(math.log(probability), word[len(pending) :].encode(), b"", moment)]


def _log_probabilities(session: Session, paths: list[_Path]) -> Array:
    """(paths, V) of the next token, among those that may stand there."""
    logits = session.logits([path.moment for path in paths])
    logits[:, ~session.vocabulary.writable] = -np.inf
    for row, path in enumerate(paths):
        if path.owed:
            logits[row, ~session.vocabulary.consistent(path.owed)] = -np.inf
    return log_softmax(logits)


def _grown(session: Session, paths: list[_Path], scores: Array, beam: int) -> list[_Path]:
    """The `beam` likeliest paths that are one token longer, inside a word not leaving it; none if none can be.

    `scores` (paths, V) are the log-probabilities of the next token.
    """
    scores = scores.copy()
    ends_word = session.vocabulary.ends_word
    for row, path in enumerate(paths):
        if path.owed:
            continue
        if path.text and goes_on(path.text[-1]):
            scores[row, ends_word] = -np.inf
        elif (
            not path.text and goes_on(session.text[-1:] or " ") and np.exp(scores[row, ends_word]).sum() > 0.5
        ):
            # The word before the cursor is more likely over than not: what may follow is the next one.
            scores[row, ~ends_word] = -np.inf
    scores += np.array([[path.log_p] for path in paths], np.float32)
    flat = scores.ravel()
    beam = min(beam, int(np.isfinite(flat).sum()))
    if not beam:
        return []
    best = np.argpartition(-flat, beam - 1)[:beam] if beam < len(flat) else np.arange(len(flat))
    best = best[np.argsort(-flat[best], kind="stable")][:beam]
    rows, tokens = np.divmod(best, scores.shape[1])
    return _advanced(session, [paths[row] for row in rows.tolist()], tokens, flat[best].tolist())


def _advanced(session: Session, paths: list[_Path], tokens: Array, log_ps: list[float]) -> list[_Path]:
    """Each path one token longer, computed as one batch."""
    state = tuple(
        tuple(np.concatenate(parts) for parts in zip(*layers, strict=True))
        for layers in zip(*(path.moment.state for path in paths), strict=True)
    )
    y, state = session.engine.step(tokens, state)
    longer = []
    contexts = session.contexts_after([path.moment for path in paths], tokens.tolist())
    for row, (path, token, context) in enumerate(zip(paths, tokens.tolist(), contexts, strict=True)):
        content = session.vocabulary.bytes[token]
        own = tuple(tuple(part[row : row + 1] for part in layer) for layer in state)
        longer.append(
            _Path(
                log_ps[row],
                path.content + content[len(path.owed) :],
                path.owed[len(content) :],
                ModelState(own, y[row : row + 1], context),
            )
        )
    return longer


def _best_texts(paths: list[_Path], count: int) -> list[_Path]:
    """The likeliest path of each text, likeliest first."""
    best: dict[str, _Path] = {}
    for path in sorted(paths, key=lambda path: -path.log_p):
        if path.text:
            best.setdefault(path.text, path)
    return list(best.values())[:count]


def _continued(session: Session, paths: list[_Path], words: int, max_tokens: int) -> list[_Path]:
    """Each path followed by its likeliest tokens until it holds so many words or its line ends."""
    done: dict[int, _Path] = {}
    growing = dict(enumerate(paths))
    for i in range(max_tokens):
        growing = {key: path for key, path in growing.items() if not path.text.endswith("\n")}
        if not growing:
            break
        scores = _log_probabilities(session, list(growing.values()))
        if i == 0:
            # The first word is over, and its probability already says so.
            inside = np.array([goes_on(path.text[-1:] or " ") for path in growing.values()])
            scores[inside[:, None] & ~session.vocabulary.ends_word] = -np.inf
            possible = np.isfinite(scores.max(axis=1))
            growing = {
                key: path for key, path, can in zip(growing, growing.values(), possible, strict=True) if can
            }
            if not growing:
                break
            scores, inside = scores[possible], inside[possible]
            scores[inside] = log_softmax(scores[inside])
        tokens = scores.argmax(axis=1)
        values = scores.max(axis=1).tolist()
        log_ps = [path.log_p + value for path, value in zip(growing.values(), values, strict=True)]
        longer = _advanced(session, list(growing.values()), tokens, log_ps)
        for key, before, after in zip(list(growing), list(growing.values()), longer, strict=True):
            if after.text.endswith("\n") or _words(after.text) > words:
                done[key] = before
                del growing[key]
            else:
                growing[key] = after
    complete = {**dict(enumerate(paths)), **growing, **done}
    return [_whole_words(complete[key]) for key in range(len(paths))]


def _words(text: str) -> int:
    """Words in `text`, a run of letters or a mark each."""
    count, inside = 0, False
    for character in text:
        if goes_on(character):
            count += not inside
            inside = True
        else:
            inside = False
    return count


def _whole_words(path: _Path) -> _Path:
    """Without trailing blanks."""
    content = path.content if path.content.isspace() else path.content.rstrip(b" ")
    return replace(path, content=content)
