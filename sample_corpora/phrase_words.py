"""The words of `phrases.py`: English, Chinese, and what the rules have to know of them."""

from __future__ import annotations

from typing import NamedTuple


class Who(NamedTuple):
    en: str
    zh: str
    several: bool
    """Whether English takes the verb's bare form after it."""


class Thing(NamedTuple):
    en: str
    many: str
    measure: str
    zh: str


class Verb(NamedTuple):
    base: str
    third: str
    past: str
    ing: str
    zh: str


class Phrase(NamedTuple):
    en: str
    zh: str


def phrases(table: str) -> tuple[Phrase, ...]:
    """The entries of a table, each with its Chinese behind the last space."""
    return tuple(Phrase(*" ".join(entry.split()).rsplit(" ", 1)) for entry in table.split(";"))


def people(table: str) -> tuple[Who, ...]:
    """Those marked with a star take the verb's bare form."""
    return tuple(Who(each.en.removesuffix("*"), each.zh, each.en.endswith("*")) for each in phrases(table))


def things(table: str) -> tuple[Thing, ...]:
    """With their measure words; what is irregular in the plural behind a stroke."""
    found = []
    for counted, zh in phrases(table):
        words, measure = counted.rsplit(" ", 1)
        en, _, many = words.partition("/")
        found.append(Thing(en, many or f"{en}s", measure, zh))
    return tuple(found)


def verbs(table: str) -> tuple[Verb, ...]:
    """In their forms: go, goes, went and, of what takes time, going."""
    found = []
    for forms, zh in phrases(table):
        base, third, past, *ing = forms.split(", ")
        found.append(Verb(base, third, past, "".join(ing), zh))
    return tuple(found)


WHO = people("""
    I* 我; you* 你; he 他; she 她; we* 我们; they* 他们; my mother 我妈妈; my father 我爸爸;
    the teacher 老师; our neighbour 我们的邻居; the doctor 医生; my little brother 我弟弟;
    my elder sister 我姐姐; her friend 她的朋友; the girl 那个女孩; the old man 那位老人;
    the students* 学生们; the children* 孩子们; Mr Li 李先生; Mrs Wang 王太太
""")
GOODS = things("""
    book 本 书; dictionary/dictionaries 本 词典; bicycle 辆 自行车; umbrella 把 伞; map 张 地图;
    shirt 件 衬衫; hat 顶 帽子; chair 把 椅子; table 张 桌子; knife/knives 把 刀; painting 幅 画; cup 个 杯子;
    lamp 盏 灯; bag 个 包; skirt 条 裙子; scarf/scarves 条 围巾; guitar 把 吉他; basket 个 篮子;
    box/boxes 个 盒子; radio 台 收音机; computer 台 电脑; camera 台 照相机; newspaper 份 报纸; ticket 张 票;
    key 把 钥匙; photo 张 照片
""")
CREATURES = things("""
    cat 只 猫; dog 条 狗; bird 只 鸟; horse 匹 马; fish/fish 条 鱼; cow 头 牛; duck 只 鸭子; rabbit 只 兔子;
    child/children 个 孩子; student 个 学生
""")
VERBS = verbs("""
    buy, buys, bought, buying 买; sell, sells, sold, selling 卖; draw, draws, drew, drawing 画;
    look for, looks for, looked for, looking for 找; choose, chooses, chose, choosing 选;
    borrow, borrows, borrowed, borrowing 借; carry, carries, carried, carrying 搬;
    wash, washes, washed, washing 洗; repair, repairs, repaired, repairing 修
""")
SEES = verbs("""
    see, sees, saw, seeing 看见; find, finds, found, finding 找到;
    break, breaks, broke, breaking 弄坏; lose, loses, lost, losing 弄丢
""")
"""What is over at once: nobody is in the middle of it."""
FEELS = verbs("""
    like, likes, liked 喜欢; need, needs, needed 需要; want, wants, wanted 想要
""")
ACTS = verbs("""
    swim, swims, swam, swimming 游泳; sing, sings, sang, singing 唱歌;
    dance, dances, danced, dancing 跳舞; sleep, sleeps, slept, sleeping 睡觉;
    run, runs, ran, running 跑步; cook, cooks, cooked, cooking 做饭;
    drink tea, drinks tea, drank tea, drinking tea 喝茶;
    drink coffee, drinks coffee, drank coffee, drinking coffee 喝咖啡;
    play chess, plays chess, played chess, playing chess 下棋;
    learn Chinese, learns Chinese, learned Chinese, learning Chinese 学中文;
    listen to music, listens to music, listened to music, listening to music 听音乐;
    write letters, writes letters, wrote letters, writing letters 写信;
    take a walk, takes a walk, took a walk, taking a walk 散步;
    work, works, worked, working 工作
""")
ADJECTIVES = phrases("""
    new 新; old 旧; big 大; small 小; cheap 便宜; beautiful 漂亮; heavy 重; light 轻; dirty 脏;
    clean 干净
""")
COLOURS = phrases("""
    red 红色; blue 蓝色; white 白色; black 黑色; green 绿色; yellow 黄色
""")
BEFORE = phrases("""
    yesterday 昨天; last week 上个星期; this morning 今天早上; last night 昨天晚上; last year 去年;
    two days ago 两天前
""")
LATER = phrases("""
    tomorrow 明天; next week 下个星期; tonight 今天晚上; next month 下个月; next year 明年;
    this afternoon 今天下午
""")
ALWAYS = phrases("""
    every day 每天; every week 每个星期; every morning 每天早上; every evening 每天晚上; on Sundays 星期天
""")
PLACES = phrases("""
    in the park 公园里; at the station 车站; in the kitchen 厨房里; in the library 图书馆里;
    by the river 河边; at school 学校; in the garden 花园里; in the village 村子里; on the bus 公共汽车上;
    at the market 市场上; on the hill 山上; in front of the house 房子前面
""")
GOALS = phrases("""
    to the library 图书馆; to the market 市场; to the station 车站; to the park 公园;
    to the museum 博物馆; to Beijing 北京; to Shanghai 上海; to the seaside 海边; to the village 村子;
    to the hospital 医院
""")
NUMBERS = phrases("""
    two 两; three 三; four 四; five 五; six 六; seven 七; eight 八; nine 九; ten 十; twelve 十二;
    twenty 二十
""")
WHOSE = phrases("""
    my 我的; your 你的; his 他的; her 她的; our 我们的; the teacher's 老师的; my mother's 我妈妈的;
    Mr Li's 李先生的
""")
TO = phrases("""
    me 我; you 你; him 他; her 她; us 我们; the children 孩子们; the teacher 老师; my mother 我妈妈
""")
THIS = phrases("""
    this 这; that 那
""")
SPOTS = phrases("""
    on the table 桌子上; under the table 桌子下面; on the chair 椅子上; under the chair 椅子下面;
    in the box 盒子里; behind the box 盒子后面; in the bag 包里; in the basket 篮子里;
    beside the lamp 灯旁边; beside the bed 床旁边; under the bed 床下面; behind the door 门后面
""")
WEATHER = phrases("""
    it rains 下雨; it snows 下雪; it is cold 天气冷; it is hot 天气热; it is windy 刮风
""")
IRREGULAR = {"big": "bigger", "beautiful": "more beautiful", "heavy": "heavier", "dirty": "dirtier"}
MORE = {each.en: IRREGULAR.get(each.en, f"{each.en}er") for each in ADJECTIVES}
LARGE = ("bicycle", "chair", "table", "lamp", "box", "bag", "basket")
SMALL = tuple(thing for thing in GOODS if thing.en not in LARGE)
"""What can lie somewhere in a room."""
