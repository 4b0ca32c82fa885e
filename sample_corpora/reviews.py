"""Writes `reviews.tsv`: short invented reviews, each positive, mixed or negative.

    python sample_corpora/reviews.py > sample_corpora/reviews.tsv

A review is about one thing and some of its parts.  What is said of a part is praise, blame or neither; what is
said of the whole decides the label, and can go against the parts: "The rooms were tiny, but I would come back
tomorrow" is positive.  So words alone do not always tell; their order does.  No review comes twice.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

COUNT = 800
"""Reviews with each label."""
SEED = 7
LABELS = ("positive", "mixed", "negative")
MANY = (
    "gears",
    "brakes",
    "poles",
    "seams",
    "slides",
    "buttons",
    "pockets",
    "sleeves",
    "staff",
    "roses",
    "prices",
    "lessons",
    "reminders",
    "tests",
    "drawings",
)
"""Parts of which there are several."""

THINGS: dict[str, tuple[str, ...]] = {
    "hotel": ("the room", "the bed", "breakfast", "the front desk", "the view", "the shower", "the lift"),
    "novel": (
        "the plot",
        "the ending",
        "the dialogue",
        "the first chapter",
        "the narrator",
        "the middle part",
    ),
    "film": ("the acting", "the music", "the script", "the camera work", "the last scene", "the lead"),
    "restaurant": (
        "the soup",
        "the service",
        "the bread",
        "the wine list",
        "dessert",
        "the waiter",
        "the noise",
    ),
    "kettle": ("the lid", "the handle", "the spout", "the switch", "the cord", "the base"),
    "bicycle": ("the saddle", "the gears", "the brakes", "the frame", "the bell", "the paint"),
    "tent": ("the zip", "the poles", "the floor", "the porch", "the bag it comes in", "the seams"),
    "course": ("the teacher", "the homework", "the slides", "the pace", "the exam", "the group work"),
    "phone": ("the screen", "the battery", "the camera", "the speaker", "the charger", "the menu"),
    "concert": ("the sound", "the singer", "the hall", "the encore", "the drummer", "the queue at the door"),
    "train ride": ("the seat", "the window", "the conductor", "the coffee", "the heating", "the timetable"),
    "museum": ("the guide", "the lighting", "the café", "the map", "the upper floor", "the audio tour"),
    "coat": ("the lining", "the buttons", "the pockets", "the collar", "the colour", "the sleeves"),
    "garden centre": ("the staff", "the roses", "the car park", "the prices", "the greenhouse", "the advice"),
    "language app": ("the lessons", "the voice", "the reminders", "the tests", "the drawings", "the price"),
}
GOOD = (
    "good",
    "good",
    "great",
    "nice",
    "excellent",
    "wonderful",
    "amazing",
    "perfect",
    "fantastic",
    "beautiful",
    "brilliant",
    "fun",
    "lovely",
    "splendid",
    "clever",
    "charming",
    "reliable",
    "comfortable",
    "delicious to think back to",
    "bright",
    "elegant",
    "honest",
    "generous",
    "thoughtful",
    "quick",
    "sturdy",
    "graceful",
    "fresh",
    "superb",
    "a pleasure",
    "a joy",
    "a small wonder",
    "well made",
    "first-rate",
    "spotless",
    "a delight",
    "better than I dared to hope",
    "kind to the nerves",
)
BAD = (
    "bad",
    "bad",
    "terrible",
    "horrible",
    "boring",
    "poor",
    "disappointing",
    "broken",
    "annoying",
    "cold",
    "dirty",
    "useless",
    "awful",
    "clumsy",
    "dull",
    "shabby",
    "careless",
    "tiring",
    "a disgrace",
    "flimsy",
    "sticky",
    "rude",
    "hopeless",
    "grim",
    "slow",
    "a nuisance",
    "stale",
    "dreadful",
    "a mess",
    "a letdown",
    "ugly",
    "pointless",
    "badly made",
    "third-rate",
    "filthy",
    "a headache",
    "worse than the last time",
    "hard on the nerves",
)
ALWAYS = ("it", "everything", "this")
"""What is said of a part can be said of these, whatever the thing."""
PRAISE = (
    "{part} was not {bad}",
    "I like {part}",
    "I enjoyed {part} very much",
    "{part} was very {good}",
    "{part} was {good}",
    "{part} was {good}",
    "{part} was really {good}",
    "I found {part} {good}",
    "{part} was anything but {bad}",
    "{part} was never {bad}",
    "I loved {part}",
    "{part} won me over at once",
    "{part} worked without a hitch",
    "somebody clearly cared about {part}",
    "I have nothing but kind words for {part}",
    "{part} could hardly be improved",
    "even my brother, who never likes anything, praised {part}",
    "{part} left nothing to be desired",
    "nobody could call {part} {bad}",
)
BLAME = (
    "{part} was not {good}",
    "I hate {part}",
    "I did not like {part}",
    "{part} was very {bad}",
    "I did not enjoy {part}",
    "{part} was {bad}",
    "{part} was {bad}",
    "{part} was simply {bad}",
    "I found {part} {bad}",
    "{part} was anything but {good}",
    "{part} was never {good}",
    "I could not stand {part}",
    "{part} let me down",
    "{part} did not last a week",
    "nobody seems to have given {part} a thought",
    "the less said about {part} the better",
    "I could not get used to {part}",
    "even my sister, who likes everything, complained about {part}",
    "{part} was far from what the picture showed",
    "nobody could call {part} {good}",
)
NEITHER = (
    "{part} was okay",
    "{part} was neither {good} nor {bad}",
    "{part} could have been better and could have been worse",
    "{part} was what one expects",
    "{part} did its job",
    "{part} was neither here nor there",
    "{part} was fine, I suppose",
    "{part} is much like any other",
    "about {part} there is little to say",
    "{part} was average",
    "I have seen better and worse than {part}",
    "{part} was acceptable",
    "{part} passed without notice",
)
VERDICTS: dict[str, tuple[str, ...]] = {
    "positive": (
        "this {thing} was {good}",
        "a {thing} that was anything but {bad}",
        "the {thing} was {good} from beginning to end",
        "I would choose this {thing} again without thinking",
        "this {thing} is worth every penny",
        "I recommend this {thing} to everyone",
        "I am glad that we found this {thing}",
        "what a wonderful {thing}",
        "we talked about this {thing} for days, and happily",
        "five stars for this {thing}",
        "I could not be happier with this {thing}",
        "I would not swap this {thing} for any other",
        "this {thing} made my week",
        "a {thing} to fall in love with",
        "I had low hopes, and this {thing} beat every one of them",
    ),
    "mixed": (
        "this {thing} was neither {good} nor {bad}",
        "a {thing} between {good} and {bad}",
        "the {thing} was {good} at first and {bad} later",
        "all in all an ordinary {thing}",
        "this {thing} is all right if you do not expect much",
        "I am of two minds about this {thing}",
        "good and bad are about even in this {thing}",
        "for one time this {thing} will do",
        "some will like this {thing}, some will not",
        "I neither regret this {thing} nor long for it",
        "three stars for this {thing}, no more and no less",
        "an average {thing}, take it or leave it",
        "I may give this {thing} a second chance, or not",
        "this {thing} has its moments, and it has others",
        "I shrug at this {thing}",
    ),
    "negative": (
        "this {thing} was {bad}",
        "a {thing} that was anything but {good}",
        "the {thing} was {bad} from beginning to end",
        "I want my money back for this {thing}",
        "stay away from this {thing}",
        "I would not wish this {thing} on anyone",
        "never again this {thing}",
        "this {thing} was a waste of an evening",
        "one star for this {thing}, as none cannot be given",
        "I regret this {thing} already",
        "what a sad {thing}",
        "this {thing} ruined my week",
        "I expected a good {thing} and got nothing of the kind",
        "nobody should have to pay for this {thing}",
        "I would sooner stay at home than see this {thing} again",
    ),
}
AGAINST: dict[str, tuple[str, ...]] = {
    "positive": ("But never mind:", "All the same,", "And yet", "Still,", "That is soon forgotten, for"),
    "mixed": ("So", "In the end", "Taken together,", "Well,", "When all is said,"),
    "negative": ("But that does not save it:", "Even so,", "And yet", "Still,", "That is no comfort:"),
}
ALONG: dict[str, tuple[str, ...]] = {
    "positive": ("In short,", "No wonder that", "So", "Really,", ""),
    "mixed": ("In short,", "So", "On the whole,", "", "Really,"),
    "negative": ("In short,", "No wonder:", "So", "Really,", ""),
}
OPENINGS = (
    "",
    "",
    "",
    "We went there in May.",
    "My aunt told me about it.",
    "I bought it on a whim.",
    "It was raining.",
    "This was my second time.",
    "Read this before you decide.",
    "I took the whole family.",
    "A friend had one already.",
    "I had a free afternoon.",
)
JOINTS = (", and ", "; ", ". ", ", while ")


def sentence(text: str) -> str:
    """The text with a capital letter and an end."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def remark(rng: random.Random, kind: tuple[str, ...], part: str) -> str:
    """What is said of a part, in the plural where there are several."""
    told = rng.choice(kind).format(part=part, good=rng.choice(GOOD), bad=rng.choice(BAD))
    while " very a " in told or " very better" in told or " very worse" in told:
        told = rng.choice(kind).format(part=part, good=rng.choice(GOOD), bad=rng.choice(BAD))
    if part.split()[-1] in MANY:
        for one, several in (("was", "were"), ("is", "are"), ("did its", "did their")):
            told = told.replace(f"{part} {one} ", f"{part} {several} ")
    return told


def remarks(rng: random.Random, kinds: Sequence[tuple[str, ...]], parts: Sequence[str]) -> str:
    """What is said of some parts, each in the manner of its kind."""
    told = [remark(rng, kind, part) for kind, part in zip(kinds, parts, strict=True)]
    joint = rng.choice(JOINTS)
    if joint == ". ":
        return " ".join(sentence(each) for each in told)
    return sentence(joint.join(told))


def review(rng: random.Random, label: str) -> str:
    """A review whose verdict is `label`."""
    thing = rng.choice(list(THINGS))
    parts = rng.sample((*THINGS[thing], *ALWAYS), rng.choice((1, 2, 2, 3)))
    own = {"positive": PRAISE, "mixed": NEITHER, "negative": BLAME}[label]
    other = {"positive": BLAME, "mixed": rng.choice((PRAISE, BLAME)), "negative": PRAISE}[label]
    against = rng.random() < 0.35
    if label == "mixed":
        kinds = [rng.choice((PRAISE, BLAME, NEITHER)) for _ in parts]
        if len(parts) > 1 and kinds[0] is kinds[-1] and kinds[0] is not NEITHER:
            kinds[-1] = other if other is not kinds[0] else NEITHER
    else:
        kinds = [(other if against else own) if rng.random() < 0.85 else NEITHER for _ in parts]
    link = rng.choice((AGAINST if against else ALONG)[label])
    verdict = rng.choice(VERDICTS[label]).format(thing=thing, good=rng.choice(GOOD), bad=rng.choice(BAD))
    # One remark alone is enough now and then.
    if rng.random() < 0.3:
        return f"{rng.choice(OPENINGS)} {remarks(rng, [own], parts[:1])}".strip()
    told = remarks(rng, kinds, parts)
    close = sentence(f"{link} {verdict}" if link else verdict)
    return f"{rng.choice(OPENINGS)} {told} {close}".strip()


def draw() -> list[tuple[str, str]]:
    """All reviews with their labels, each review once."""
    rng = random.Random(SEED)
    found: dict[str, str] = {}
    for label in LABELS:
        have = 0
        while have < COUNT:
            text = review(rng, label)
            if text not in found:
                found[text] = label
                have += 1
    rows = [(label, text) for text, label in found.items()]
    rng.shuffle(rows)
    return rows


if __name__ == "__main__":
    print("label\ttext")
    for label, text in draw():
        print(f"{label}\t{text}")
