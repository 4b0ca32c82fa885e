"""Writes `phrases.en-zh.tsv`: English sentences and what they are in Chinese.

    python sample_corpora/phrases.py > sample_corpora/phrases.en-zh.tsv

Both sides of a sentence come from one rule.  The two languages order their words differently: Chinese tells when and
where before what is done, puts a relative clause before its noun, counts with a measure word that the noun asks for,
and turns a statement into a question with one word at its end.

The last fifth of the lines tests composition: each of them puts two words together that stand together in none of the
lines before, though every word comes there as well.  No source comes twice.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from phrase_words import (
    ACTS,
    ADJECTIVES,
    ALWAYS,
    BEFORE,
    COLOURS,
    CREATURES,
    FEELS,
    GOALS,
    GOODS,
    LATER,
    MORE,
    NUMBERS,
    PLACES,
    SEES,
    SMALL,
    SPOTS,
    THIS,
    TO,
    VERBS,
    WEATHER,
    WHO,
    WHOSE,
    Phrase,
    Thing,
    Verb,
    Who,
)

TRAINING, HELD_OUT = 2400, 600
"""Sentences with none, and with one or more, of the combinations that are held out."""
SEED = 11
_APART = 0.08
"""Share of the combinations of two words that are held out."""


class Sentence(NamedTuple):
    en: str
    zh: str
    pairs: tuple[tuple[str, str], ...]
    """Words that it puts together."""


Pairs = list[tuple[str, str]]


class Rules:
    """Draws sentences; each rule below makes one, and notes which words it has put together."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._pairs: Pairs = []

    def draw(self) -> Sentence:
        """A sentence by any of the rules."""
        self._pairs = []
        en, zh = self._rng.choice(RULES)(self)
        return Sentence(en[0].upper() + en[1:], zh, tuple(self._pairs))

    def _together(self, one: str, other: str) -> None:
        self._pairs.append((one, other))

    # --- parts ---

    def _one(self, thing: Thing, a: str, zh: str) -> Phrase:
        """One thing, with `a` or what stands for it, perhaps with a property."""
        drawn = self._rng.random()
        if drawn < 0.4:
            en, of = thing.en, ""
        elif drawn < 0.7:
            colour = self._rng.choice(COLOURS)
            self._together(colour.en, thing.en)
            en, of = f"{colour.en} {thing.en}", f"{colour.zh}的"
        else:
            adjective = self._rng.choice(ADJECTIVES)
            self._together(adjective.en, thing.en)
            en, of = (
                f"{adjective.en} {thing.en}",
                adjective.zh + "的" * (adjective.zh not in ("新", "旧", "大", "小")),
            )
        article = ("an" if en[0] in "aeiou" else "a") if a == "a" else a
        return Phrase(f"{article} {en}", f"{zh}{thing.measure}{of}{thing.zh}")

    def _some(self, things: tuple[Thing, ...]) -> Phrase:
        """A number of things."""
        number, thing = self._rng.choice(NUMBERS), self._rng.choice(things)
        self._together(number.en, thing.en)
        return Phrase(f"{number.en} {thing.many}", f"{number.zh}{thing.measure}{thing.zh}")

    def _object(self, verb: Verb) -> Phrase:
        """What something is done to."""
        if self._rng.random() < 0.25:
            return self._some(GOODS)
        thing = self._rng.choice(GOODS)
        self._together(verb.base, thing.en)
        a, zh = self._rng.choice((("a", "一"), ("a", "一"), ("this", "这"), ("that", "那")))
        return self._one(thing, a, zh)

    def _pick(self, *choices: tuple[Phrase, ...]) -> list[Phrase]:
        return [self._rng.choice(some) for some in choices]

    def _who(self) -> Who:
        return self._rng.choice(WHO)

    # --- what was done, will be done, is being done ---

    def did(self) -> tuple[str, str]:
        who, verb = self._who(), self._rng.choice((*VERBS, *SEES))
        what, when = self._object(verb), self._rng.choice(BEFORE)
        self._together(verb.base, when.en)
        return f"{who.en} {verb.past} {what.en} {when.en}.", f"{who.zh}{when.zh}{verb.zh}了{what.zh}。"

    def did_there(self) -> tuple[str, str]:
        who, verb = self._who(), self._rng.choice(VERBS)
        what, where = self._object(verb), self._rng.choice(PLACES)
        return f"{who.en} {verb.past} {what.en} {where.en}.", f"{who.zh}在{where.zh}{verb.zh}了{what.zh}。"

    def did_not(self) -> tuple[str, str]:
        who, verb = self._who(), self._rng.choice((*VERBS, *SEES))
        thing, when = self._rng.choice(GOODS), self._rng.choice(BEFORE)
        self._together(verb.base, thing.en)
        what = self._one(thing, "that", "那")
        return (
            f"{who.en} did not {verb.base} {what.en} {when.en}.",
            f"{who.zh}{when.zh}没有{verb.zh}{what.zh}。",
        )

    def did_you(self) -> tuple[str, str]:
        who, verb = self._rng.choice(WHO[1:]), self._rng.choice((*VERBS, *SEES))
        what, when = self._object(verb), self._rng.choice(BEFORE)
        return f"Did {who.en} {verb.base} {what.en} {when.en}?", f"{who.zh}{when.zh}{verb.zh}了{what.zh}吗？"

    def will(self) -> tuple[str, str]:
        who, verb = self._who(), self._rng.choice(VERBS)
        what, when = self._object(verb), self._rng.choice(LATER)
        self._together(verb.base, when.en)
        if self._rng.random() < 0.3:
            return (
                f"{who.en} will not {verb.base} {what.en} {when.en}.",
                f"{who.zh}{when.zh}不会{verb.zh}{what.zh}。",
            )
        return f"{who.en} will {verb.base} {what.en} {when.en}.", f"{who.zh}{when.zh}会{verb.zh}{what.zh}。"

    def is_doing(self) -> tuple[str, str]:
        who, verb = self._who(), self._rng.choice(VERBS)
        what, where = self._object(verb), self._rng.choice(PLACES)
        be = _be(who)
        if self._rng.random() < 0.5:
            return f"{who.en} {be} {verb.ing} {what.en}.", f"{who.zh}正在{verb.zh}{what.zh}。"
        return (
            f"{who.en} {be} {verb.ing} {what.en} {where.en}.",
            f"{who.zh}正在{where.zh}{verb.zh}{what.zh}。",
        )

    def feels(self) -> tuple[str, str]:
        who, verb = self._who(), self._rng.choice(FEELS)
        what = self._object(verb)
        if self._rng.random() < 0.5:
            return (
                f"{who.en} {verb.base if who.several else verb.third} {what.en}.",
                f"{who.zh}{verb.zh}{what.zh}。",
            )
        does = "do" if who.several else "does"
        return f"{who.en} {does} not {verb.base} {what.en}.", f"{who.zh}不{verb.zh}{what.zh}。"

    # --- what people do with their days ---

    def act_always(self) -> tuple[str, str]:
        who, act, when = self._who(), self._rng.choice(ACTS), self._rng.choice(ALWAYS)
        self._together(act.base, when.en)
        does = act.base if who.several else act.third
        return f"{who.en} {does} {when.en}.", f"{who.zh}{when.zh}{act.zh}。"

    def act_there(self) -> tuple[str, str]:
        who, act, where = self._who(), self._rng.choice(ACTS), self._rng.choice(PLACES)
        self._together(act.base, where.en)
        kind = self._rng.randrange(4)
        if kind == 0:
            return f"{who.en} {_be(who)} {act.ing} {where.en}.", f"{who.zh}正在{where.zh}{act.zh}。"
        if kind == 1:
            when = self._rng.choice(LATER)
            return (
                f"{who.en} will {act.base} {where.en} {when.en}.",
                f"{who.zh}{when.zh}会在{where.zh}{act.zh}。",
            )
        if kind == 2:
            when = self._rng.choice(BEFORE)
            return f"{who.en} {act.past} {where.en} {when.en}.", f"{who.zh}{when.zh}在{where.zh}{act.zh}了。"
        does = "do" if who.several else "does"
        return f"{who.en} {does} not {act.base} {where.en}.", f"{who.zh}不在{where.zh}{act.zh}。"

    def can(self) -> tuple[str, str]:
        who, act = self._who(), self._rng.choice(ACTS)
        word = self._rng.choice((("can", "能"), ("must", "必须"), ("may", "可以"), ("should", "应该")))
        when = self._rng.choice(LATER)
        self._together(word[0], act.base)
        return f"{who.en} {word[0]} {act.base} {when.en}.", f"{who.zh}{when.zh}{word[1]}{act.zh}。"

    def wants_to(self) -> tuple[str, str]:
        who, act, goal, when = (
            self._who(),
            self._rng.choice(ACTS),
            self._rng.choice(GOALS),
            self._rng.choice(LATER),
        )
        self._together(goal.en, act.base)
        wants = "want" if who.several else "wants"
        return (
            f"{who.en} {wants} to go {goal.en} to {act.base} {when.en}.",
            f"{who.zh}{when.zh}想去{goal.zh}{act.zh}。",
        )

    def went(self) -> tuple[str, str]:
        who, goal, when = self._who(), self._rng.choice(GOALS), self._rng.choice(BEFORE)
        self._together(goal.en, when.en)
        if self._rng.random() < 0.3:
            return f"{who.en} did not go {goal.en} {when.en}.", f"{who.zh}{when.zh}没有去{goal.zh}。"
        return f"{who.en} went {goal.en} {when.en}.", f"{who.zh}{when.zh}去了{goal.zh}。"

    def if_weather(self) -> tuple[str, str]:
        weather, when = self._pick(WEATHER, LATER[:3])
        who, goal = self._who(), self._rng.choice(GOALS)
        self._together(weather.en, goal.en)
        return (
            f"If {weather.en} {when.en}, {who.en} will not go {goal.en}.",
            f"如果{when.zh}{weather.zh}，{who.zh}就不去{goal.zh}。",
        )

    def because(self) -> tuple[str, str]:
        who, act, place = self._who(), self._rng.choice(ACTS), self._rng.choice(PLACES)
        weather = self._rng.choice(WEATHER)
        past = {"it rains": "it rained", "it snows": "it snowed"}.get(
            weather.en, weather.en.replace(" is ", " was ")
        )
        self._together(weather.en, act.base)
        return (
            f"Because {past}, {who.en} did not {act.base} {place.en}.",
            f"因为{weather.zh}，所以{who.zh}没有在{place.zh}{act.zh}。",
        )

    # --- what things are like, where they are, whose ---

    def is_like(self) -> tuple[str, str]:
        this, adjective = self._pick(THIS, ADJECTIVES)
        thing = self._rng.choice(GOODS)
        self._together(adjective.en, thing.en)
        start = f"{this.zh}{thing.measure}{thing.zh}"
        if self._rng.random() < 0.5:
            return f"{this.en} {thing.en} is very {adjective.en}.", f"{start}很{adjective.zh}。"
        return f"{this.en} {thing.en} is not {adjective.en}.", f"{start}不{adjective.zh}。"

    def is_more(self) -> tuple[str, str]:
        adjective = self._rng.choice(ADJECTIVES)
        thing, other = self._rng.sample(GOODS, 2)
        self._together(MORE[adjective.en], thing.en)
        return (
            f"this {thing.en} is {MORE[adjective.en]} than that {other.en}.",
            f"这{thing.measure}{thing.zh}比那{other.measure}{other.zh}{adjective.zh}。",
        )

    def that_was(self) -> tuple[str, str]:
        who, verb, thing = self._who(), self._rng.choice((*VERBS, *SEES)), self._rng.choice(GOODS)
        when, adjective = self._pick(BEFORE, ADJECTIVES)
        self._together(verb.base, thing.en)
        self._together(adjective.en, thing.en)
        return (
            f"the {thing.en} that {who.en} {verb.past} {when.en} is very {adjective.en}.",
            f"{who.zh}{when.zh}{verb.zh}的{thing.zh}很{adjective.zh}。",
        )

    def lies(self) -> tuple[str, str]:
        whose, spot = self._pick(WHOSE, SPOTS)
        thing = self._rng.choice(SMALL)
        self._together(thing.en, spot.en)
        if self._rng.random() < 0.3:
            return f"Is {whose.en} {thing.en} {spot.en}?", f"{whose.zh}{thing.zh}在{spot.zh}吗？"
        return f"{whose.en} {thing.en} is {spot.en}.", f"{whose.zh}{thing.zh}在{spot.zh}。"

    def put(self) -> tuple[str, str]:
        who, thing, spot = self._who(), self._rng.choice(SMALL), self._rng.choice(SPOTS)
        self._together(thing.en, spot.en)
        if self._rng.random() < 0.4:
            return f"Please put the {thing.en} {spot.en}.", f"请把{thing.zh}放在{spot.zh}。"
        return f"{who.en} put the {thing.en} {spot.en}.", f"{who.zh}把{thing.zh}放在{spot.zh}了。"

    def there_are(self) -> tuple[str, str]:
        where, some = self._rng.choice(PLACES), self._some(CREATURES)
        self._together(some.en.split()[-1], where.en)
        return f"There are {some.en} {where.en}.", f"{where.zh}有{some.zh}。"

    def has(self) -> tuple[str, str]:
        who, some = self._who(), self._some((*GOODS, *CREATURES[:8]))
        return f"{who.en} {'have' if who.several else 'has'} {some.en}.", f"{who.zh}有{some.zh}。"

    def gave(self) -> tuple[str, str]:
        who = self._who()
        to = self._rng.choice([each for each in TO if each.zh != who.zh])
        thing = self._rng.choice(GOODS)
        self._together("give", thing.en)
        what = self._some(GOODS) if self._rng.random() < 0.4 else self._one(thing, "a", "一")
        if self._rng.random() < 0.3:
            return f"Please give {to.en} {what.en}.", f"请给{to.zh}{what.zh}。"
        return f"{who.en} gave {to.en} {what.en}.", f"{who.zh}给了{to.zh}{what.zh}。"

    # --- questions ---

    def who_did(self) -> tuple[str, str]:
        verb, thing = self._rng.choice((*VERBS, *SEES)), self._rng.choice(GOODS)
        self._together(verb.base, thing.en)
        what = self._one(thing, "that", "那")
        return f"Who {verb.past} {what.en}?", f"谁{verb.zh}了{what.zh}？"

    def how_many(self) -> tuple[str, str]:
        who, verb, thing = self._rng.choice(WHO[1:]), self._rng.choice(VERBS), self._rng.choice(GOODS)
        self._together(verb.base, thing.many)
        return (
            f"How many {thing.many} did {who.en} {verb.base}?",
            f"{who.zh}{verb.zh}了几{thing.measure}{thing.zh}？",
        )

    def where_does(self) -> tuple[str, str]:
        who, act, when = self._rng.choice(WHO[1:]), self._rng.choice(ACTS), self._rng.choice(ALWAYS)
        self._together("where", act.base)
        does = "do" if who.several else "does"
        return f"Where {does} {who.en} {act.base} {when.en}?", f"{who.zh}{when.zh}在哪里{act.zh}？"

    def how_much(self) -> tuple[str, str]:
        this, thing = self._rng.choice(THIS), self._rng.choice(GOODS)
        what = self._one(thing, this.en, this.zh)
        return f"How much is {what.en}?", f"{what.zh}多少钱？"


def _be(who: Who) -> str:
    return "am" if who.en == "I" else "are" if who.several else "is"


RULES: tuple[Callable[[Rules], tuple[str, str]], ...] = (
    Rules.did, Rules.did, Rules.did_there, Rules.did_not, Rules.did_you, Rules.will, Rules.will, Rules.is_doing,
    Rules.feels, Rules.act_always, Rules.act_there, Rules.act_there, Rules.can, Rules.wants_to, Rules.went,
    Rules.if_weather, Rules.because, Rules.is_like, Rules.is_more, Rules.that_was, Rules.lies, Rules.put,
    Rules.there_are, Rules.has, Rules.gave, Rules.who_did, Rules.how_many, Rules.where_does, Rules.how_much,
)  # fmt: skip


def apart(rng: random.Random) -> set[tuple[str, str]]:
    """Some of the combinations that come in a large draw: those that only the held-out lines hold."""
    rules = Rules(rng)
    seen = Counter(pair for _ in range(20_000) for pair in rules.draw().pairs)
    return set(rng.sample(sorted(seen), round(_APART * len(seen))))


def draw() -> list[Sentence]:
    """All sentences, those with a combination that is held out at the end."""
    rng = random.Random(SEED)
    held_out = apart(rng)
    rules = Rules(rng)
    found: tuple[dict[str, Sentence], dict[str, Sentence]] = ({}, {})
    while len(found[0]) < TRAINING or len(found[1]) < HELD_OUT:
        sentence = rules.draw()
        new = not held_out.isdisjoint(sentence.pairs)
        if len(found[new]) < (TRAINING, HELD_OUT)[new]:
            found[new].setdefault(sentence.en, sentence)
    return [*found[0].values(), *found[1].values()]


if __name__ == "__main__":
    print("source\ttarget")
    for sentence in draw():
        print(f"{sentence.en}\t{sentence.zh}")
