"""Writes `phrases.en-zh.tsv`: English sentences and what they are in Chinese.

    python sample_corpora/phrases.py > sample_corpora/phrases.en-zh.tsv

Both sides of a sentence come from one rule.  The two languages order their words differently: Chinese tells when and
where before what is done, puts a relative clause before its noun, counts with a measure word that the noun asks for,
and turns a statement into a question with one word at its end.

The last fifth of the lines tests composition: each of them puts two words together that stand together in none of the
lines before, though each of the two stands there often.  No source comes twice.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

TRAINING, HELD_OUT = 2400, 600
"""Sentences with none, and with one or more, of the combinations that are held out."""
SEED = 11
_APART = 0.08
"""Share of the combinations of two words that are held out."""


class Who(NamedTuple):
    en: str
    zh: str
    several: bool = False
    """Whether English takes the verb's bare form after it."""


class Thing(NamedTuple):
    en: str
    measure: str
    zh: str
    plural: str = ""

    @property
    def many(self) -> str:
        return self.plural or self.en + "s"


class Verb(NamedTuple):
    base: str
    third: str
    past: str
    ing: str
    zh: str


class Phrase(NamedTuple):
    en: str
    zh: str


class Sentence(NamedTuple):
    en: str
    zh: str
    pairs: tuple[tuple[str, str], ...]
    """Words that it puts together."""


WHO = (
    Who("I", "我", True),
    Who("you", "你", True),
    Who("he", "他"),
    Who("she", "她"),
    Who("we", "我们", True),
    Who("they", "他们", True),
    Who("my mother", "我妈妈"),
    Who("my father", "我爸爸"),
    Who("the teacher", "老师"),
    Who("our neighbour", "我们的邻居"),
    Who("the doctor", "医生"),
    Who("my little brother", "我弟弟"),
    Who("my elder sister", "我姐姐"),
    Who("her friend", "她的朋友"),
    Who("the girl", "那个女孩"),
    Who("the old man", "那位老人"),
    Who("the students", "学生们", True),
    Who("the children", "孩子们", True),
    Who("Mr Li", "李先生"),
    Who("Mrs Wang", "王太太"),
)
GOODS = (
    Thing("book", "本", "书"),
    Thing("dictionary", "本", "词典", "dictionaries"),
    Thing("bicycle", "辆", "自行车"),
    Thing("umbrella", "把", "伞"),
    Thing("map", "张", "地图"),
    Thing("shirt", "件", "衬衫"),
    Thing("hat", "顶", "帽子"),
    Thing("chair", "把", "椅子"),
    Thing("table", "张", "桌子"),
    Thing("knife", "把", "刀", "knives"),
    Thing("painting", "幅", "画"),
    Thing("cup", "个", "杯子"),
    Thing("lamp", "盏", "灯"),
    Thing("bag", "个", "包"),
    Thing("skirt", "条", "裙子"),
    Thing("scarf", "条", "围巾", "scarves"),
    Thing("guitar", "把", "吉他"),
    Thing("basket", "个", "篮子"),
    Thing("box", "个", "盒子", "boxes"),
    Thing("radio", "台", "收音机"),
    Thing("computer", "台", "电脑"),
    Thing("camera", "台", "照相机"),
    Thing("newspaper", "份", "报纸"),
    Thing("ticket", "张", "票"),
    Thing("key", "把", "钥匙"),
    Thing("photo", "张", "照片"),
)
CREATURES = (
    Thing("cat", "只", "猫"),
    Thing("dog", "条", "狗"),
    Thing("bird", "只", "鸟"),
    Thing("horse", "匹", "马"),
    Thing("fish", "条", "鱼", "fish"),
    Thing("cow", "头", "牛"),
    Thing("duck", "只", "鸭子"),
    Thing("rabbit", "只", "兔子"),
    Thing("child", "个", "孩子", "children"),
    Thing("student", "个", "学生"),
)
VERBS = (
    Verb("buy", "buys", "bought", "buying", "买"),
    Verb("sell", "sells", "sold", "selling", "卖"),
    Verb("draw", "draws", "drew", "drawing", "画"),
    Verb("look for", "looks for", "looked for", "looking for", "找"),
    Verb("choose", "chooses", "chose", "choosing", "选"),
    Verb("borrow", "borrows", "borrowed", "borrowing", "借"),
    Verb("carry", "carries", "carried", "carrying", "搬"),
    Verb("wash", "washes", "washed", "washing", "洗"),
    Verb("repair", "repairs", "repaired", "repairing", "修"),
)
SEES = (
    Verb("see", "sees", "saw", "seeing", "看见"),
    Verb("find", "finds", "found", "finding", "找到"),
    Verb("break", "breaks", "broke", "breaking", "弄坏"),
    Verb("lose", "loses", "lost", "losing", "弄丢"),
)
"""What is over at once: nobody is in the middle of it."""
FEELS = (
    Verb("like", "likes", "liked", "", "喜欢"),
    Verb("need", "needs", "needed", "", "需要"),
    Verb("want", "wants", "wanted", "", "想要"),
)
ACTS = (
    Verb("swim", "swims", "swam", "swimming", "游泳"),
    Verb("sing", "sings", "sang", "singing", "唱歌"),
    Verb("dance", "dances", "danced", "dancing", "跳舞"),
    Verb("sleep", "sleeps", "slept", "sleeping", "睡觉"),
    Verb("run", "runs", "ran", "running", "跑步"),
    Verb("cook", "cooks", "cooked", "cooking", "做饭"),
    Verb("drink tea", "drinks tea", "drank tea", "drinking tea", "喝茶"),
    Verb("drink coffee", "drinks coffee", "drank coffee", "drinking coffee", "喝咖啡"),
    Verb("play chess", "plays chess", "played chess", "playing chess", "下棋"),
    Verb("learn Chinese", "learns Chinese", "learned Chinese", "learning Chinese", "学中文"),
    Verb("listen to music", "listens to music", "listened to music", "listening to music", "听音乐"),
    Verb("write letters", "writes letters", "wrote letters", "writing letters", "写信"),
    Verb("take a walk", "takes a walk", "took a walk", "taking a walk", "散步"),
    Verb("work", "works", "worked", "working", "工作"),
)
ADJECTIVES = (
    Phrase("new", "新"),
    Phrase("old", "旧"),
    Phrase("big", "大"),
    Phrase("small", "小"),
    Phrase("cheap", "便宜"),
    Phrase("beautiful", "漂亮"),
    Phrase("heavy", "重"),
    Phrase("light", "轻"),
    Phrase("dirty", "脏"),
    Phrase("clean", "干净"),
)
MORE = {
    "new": "newer",
    "old": "older",
    "big": "bigger",
    "small": "smaller",
    "cheap": "cheaper",
    "beautiful": "more beautiful",
    "heavy": "heavier",
    "light": "lighter",
    "dirty": "dirtier",
    "clean": "cleaner",
}
COLOURS = (
    Phrase("red", "红色"),
    Phrase("blue", "蓝色"),
    Phrase("white", "白色"),
    Phrase("black", "黑色"),
    Phrase("green", "绿色"),
    Phrase("yellow", "黄色"),
)
BEFORE = (
    Phrase("yesterday", "昨天"),
    Phrase("last week", "上个星期"),
    Phrase("this morning", "今天早上"),
    Phrase("last night", "昨天晚上"),
    Phrase("last year", "去年"),
    Phrase("two days ago", "两天前"),
)
LATER = (
    Phrase("tomorrow", "明天"),
    Phrase("next week", "下个星期"),
    Phrase("tonight", "今天晚上"),
    Phrase("next month", "下个月"),
    Phrase("next year", "明年"),
    Phrase("this afternoon", "今天下午"),
)
ALWAYS = (
    Phrase("every day", "每天"),
    Phrase("every week", "每个星期"),
    Phrase("every morning", "每天早上"),
    Phrase("every evening", "每天晚上"),
    Phrase("on Sundays", "星期天"),
)
PLACES = (
    Phrase("in the park", "公园里"),
    Phrase("at the station", "车站"),
    Phrase("in the kitchen", "厨房里"),
    Phrase("in the library", "图书馆里"),
    Phrase("by the river", "河边"),
    Phrase("at school", "学校"),
    Phrase("in the garden", "花园里"),
    Phrase("in the village", "村子里"),
    Phrase("on the bus", "公共汽车上"),
    Phrase("at the market", "市场上"),
    Phrase("on the hill", "山上"),
    Phrase("in front of the house", "房子前面"),
)
GOALS = (
    Phrase("to the library", "图书馆"),
    Phrase("to the market", "市场"),
    Phrase("to the station", "车站"),
    Phrase("to the park", "公园"),
    Phrase("to the museum", "博物馆"),
    Phrase("to Beijing", "北京"),
    Phrase("to Shanghai", "上海"),
    Phrase("to the seaside", "海边"),
    Phrase("to the village", "村子"),
    Phrase("to the hospital", "医院"),
)
NUMBERS = (
    Phrase("two", "两"),
    Phrase("three", "三"),
    Phrase("four", "四"),
    Phrase("five", "五"),
    Phrase("six", "六"),
    Phrase("seven", "七"),
    Phrase("eight", "八"),
    Phrase("nine", "九"),
    Phrase("ten", "十"),
    Phrase("twelve", "十二"),
    Phrase("twenty", "二十"),
)
WHOSE = (
    Phrase("my", "我的"),
    Phrase("your", "你的"),
    Phrase("his", "他的"),
    Phrase("her", "她的"),
    Phrase("our", "我们的"),
    Phrase("the teacher's", "老师的"),
    Phrase("my mother's", "我妈妈的"),
    Phrase("Mr Li's", "李先生的"),
)
TO = (
    Phrase("me", "我"),
    Phrase("you", "你"),
    Phrase("him", "他"),
    Phrase("her", "她"),
    Phrase("us", "我们"),
    Phrase("the children", "孩子们"),
    Phrase("the teacher", "老师"),
    Phrase("my mother", "我妈妈"),
)
THIS = (Phrase("this", "这"), Phrase("that", "那"))
SPOTS = (
    Phrase("on the table", "桌子上"),
    Phrase("under the table", "桌子下面"),
    Phrase("on the chair", "椅子上"),
    Phrase("under the chair", "椅子下面"),
    Phrase("in the box", "盒子里"),
    Phrase("behind the box", "盒子后面"),
    Phrase("in the bag", "包里"),
    Phrase("in the basket", "篮子里"),
    Phrase("beside the lamp", "灯旁边"),
    Phrase("beside the bed", "床旁边"),
    Phrase("under the bed", "床下面"),
    Phrase("behind the door", "门后面"),
)
SMALL = tuple(
    thing for thing in GOODS if thing.en not in ("bicycle", "chair", "table", "lamp", "box", "bag", "basket")
)
"""What can lie somewhere in a room."""
WEATHER = (
    Phrase("it rains", "下雨"),
    Phrase("it snows", "下雪"),
    Phrase("it is cold", "天气冷"),
    Phrase("it is hot", "天气热"),
    Phrase("it is windy", "刮风"),
)

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
