"""Words and graphemes in many scripts: one definition, for the tokenizer, completion and the keys."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnntui.core.config.schema import TextConfig
from rnntui.core.errors import InputError
from rnntui.core.text import segmentation, tokenizers
from rnntui.core.text.segmentation import first_word, goes_on, graphemes, in_word, word_pattern, words_of
from rnntui.core.text.tokenizers.bpe import BPETokenizer
from rnntui.core.text.tokenizers.word import WordTokenizer
from tests.cli.test_commands import rnntui
from tests.conftest import CLASSIFIER, MakeRun, train_all
from tests.text.languages import PASSAGES

WORDS = {
    "hindi": "सुबह जल्दी बेकरी वाली ने",
    "bengali": "খুব ভোরে রুটিওয়ালি তার দোকান",
    "tamil": "அதிகாலையில் ரொட்டிக் கடைக்காரி",
    "pointed hebrew": "בְּרֵאשִׁית בָּרָא אֱלֹהִים",
    "hebrew abbreviations": "צה״ל ג׳ירפה בחו״ל",
    "vocalised arabic": "بِسْمِ اللَّهِ الرَّحْمَنِ",
    "persian": "نمی‌خواهم کتاب‌ها را",
    "decomposed french": unicodedata.normalize("NFD", "élève à côté"),
    "decomposed vietnamese": unicodedata.normalize("NFD", "tiệm bánh mở"),
    "malayalam": "അവൻ്റെ വീട് വലുതാണ്",
    "sinhala": "ශ්‍රී ලංකාව සුන්දරයි",
    "tibetan": "བཀྲ་ཤིས་ བདེ་ལེགས།".replace("།", ""),
    "georgian": "დილით ადრე მცხობელმა",
    "korean": "이른 아침 빵집",
    "old slavonic": "а҆́зъ вѣ́дѣ",
}
WITHOUT_SPACES = {
    "thai": ("เช้าตรู่", ["เ", "ช้", "า", "ต", "รู่"]),
    "khmer": ("ព្រឹក", None),
    "lao": ("ສະບາຍດີ", None),
    "chinese": ("清晨，面包", ["清", "晨", "，", "面", "包"]),
    "han beyond the first plane": ("𠀋𠮷", ["𠀋", "𠮷"]),
}


def pieces(text: str) -> list[str]:
    return list(word_pattern(segmentation.WORD_RULE, text).findall(text))


@pytest.mark.parametrize("script", WORDS)
def test_marks_and_joiners_are_parts_of_words(script: str) -> None:
    """Protects words of all scripts: a mark never ends one, neither for the tokenizer nor for the keys."""
    text = WORDS[script]
    if script == "tibetan":
        text = text.replace("་", "")  # the mark between syllables is punctuation
    expected = text.split(" ")
    assert [piece.strip() for piece in pieces(text)] == expected
    assert [word.strip() for word in words_of(text)] == expected
    assert all(goes_on(character) for word in expected for character in word)


@pytest.mark.parametrize("script", WITHOUT_SPACES)
def test_scripts_without_spaces_are_cut_between_graphemes(script: str) -> None:
    text, expected = WITHOUT_SPACES[script]
    assert pieces(text) == (expected or graphemes(text))
    assert first_word(text) == pieces(text)[0]


@pytest.mark.parametrize("text", ["👨‍👩‍👧", "👍🏽", "🇩🇪", "❤️", "e\u0301", "क्षि", "각"])
def test_a_grapheme_is_never_cut(text: str) -> None:
    """Protects emoji sequences and letters with marks, alone and behind others."""
    assert graphemes(text) == [text] or text == "क्षि"
    assert pieces(text) == [text] and first_word(f" {text}a"[: 1 + len(text)]) == f" {text}"


@pytest.mark.parametrize("language", PASSAGES)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_pieces_are_the_text_however_it_comes(language: str, form: str) -> None:
    """Protects texts of any length: cut in blocks, the tokens are those of the whole, and joined they are the text."""
    text = unicodedata.normalize(form, PASSAGES[language]) * 2
    tokenizer = WordTokenizer.train([text])
    assert "".join(tokenizer.pieces(text)) == text and tokenizer.decode(tokenizer.encode(text)) == text
    for size in (3, 50):
        blocks = [text[at : at + size] for at in range(0, len(text), size)]
        found = [token for tokens in tokenizer.encode_blocks(blocks) for token in tokens.tolist()]
        assert found == tokenizer.encode(text).tolist()
        assert WordTokenizer.train(blocks).words == tokenizer.words


@given(st.text(st.characters(blacklist_categories=("Cs",)), max_size=30))
@settings(max_examples=300, deadline=None)
def test_the_fast_rule_is_the_same_rule(text: str) -> None:
    """Protects tokens from the block that they are in: both ways of cutting agree wherever the fast one is taken."""
    assert "".join(pieces(text)) == text and "".join(words_of(text)) == text[: len("".join(words_of(text)))]
    if word_pattern(segmentation.WORD_RULE, text) is segmentation._BY_CHARACTERS:
        assert pieces(text) == segmentation._by_graphemes().findall(text)


def test_apostrophes_are_within_words() -> None:
    assert pieces("don’t 'tis o'clock'") == ["don’t", " '", "tis", " o'clock", "'"]
    assert words_of("don’t 'tis, o'clock") == ["don’t", " 'tis", ",", " o'clock"]
    assert in_word("_") and not in_word("'") and goes_on("'")


def test_runs_of_the_older_rule_keep_it(tmp_path: Path) -> None:
    """Protects old runs: a `tokenizer.json` without a rule cuts as it did when its model was trained."""
    path, text = tmp_path / "tokenizer.json", WORDS["hindi"]
    new = WordTokenizer.train([text])
    path.write_bytes(tokenizers.dumps(new))
    loaded = tokenizers.load(path)
    assert isinstance(loaded, WordTokenizer) and loaded.rule == segmentation.WORD_RULE
    assert loaded.pieces(text) == new.pieces(text)
    path.write_text('{"format": 1, "kind": "word", "vocabulary": ["a"]}')
    old = tokenizers.load(path)
    assert isinstance(old, WordTokenizer) and old.rule == 1 and len(old.pieces(text)) > len(new.pieces(text))
    path.write_text('{"format": 1, "kind": "word", "rule": 7, "vocabulary": ["a"]}')
    with pytest.raises(InputError, match="rule 7 for words is not known to this rnntui; upgrade it, or"):
        tokenizers.load(path)


@pytest.mark.parametrize("script", WORDS)
def test_pairs_are_merged_across_marks(script: str) -> None:
    """Protects pieces of words: a word that is common is one token in every script, as it is in English."""
    text = f"{WORDS[script]}\n" * 40
    made = BPETokenizer.train([text], 1000)
    assert len(made.encode(text)) <= len(WordTokenizer.train([text]).pieces(text))
    again = tokenizers._from_json(json.loads(tokenizers.dumps(made)))
    assert (
        again.encode(text).tolist() == made.encode(text).tolist() and again.decode(made.encode(text)) == text
    )


def test_pieces_of_older_runs_are_cut_as_they_were() -> None:
    """Protects old runs: without a rule in the file, marks end words as in GPT-2, and the file stays as it was."""
    text = f"{WORDS['hindi']}\n" * 40
    content = json.loads(tokenizers.dumps(BPETokenizer.train([text], 1000)))
    older = tokenizers._from_json({name: value for name, value in content.items() if name != "rule"})
    assert len(older.encode(text)) > 2 * len(tokenizers._from_json(content).encode(text))
    assert "rule" not in json.loads(tokenizers.dumps(older))
    with pytest.raises(ValueError, match="rule 99 for words is not known"):
        tokenizers._from_json(content | {"rule": 99})


def test_no_common_character_joins_another() -> None:
    """Protects the short cut: in the blocks that are taken for common there is no mark and no joiner."""
    assert all(segmentation._UNCOMMON.match(character) for character in segmentation._joining())


def test_accents_are_read_in_the_form_that_was_learned(make_run: MakeRun, tmp_path: Path) -> None:
    """Protects who types on another keyboard: decomposed accents complete a model of composed ones, and the reverse."""
    text = "l'élève répète sa leçon à côté\n" * 60
    for form in ("NFC", "NFD"):
        corpus = tmp_path / f"{form}.txt"
        corpus.write_text(unicodedata.normalize(form, text))
        run = make_run(corpus=str(corpus), max_steps=150, lr=2e-2)
        train_all(run)
        answers = set()
        for typed in ("NFC", "NFD"):
            prompt = unicodedata.normalize(typed, "l'élève répè")
            found = json.loads(rnntui("complete", run.path, prompt, "--json", "--count", "1").stdout)
            written = found["completions"][0]["text"]
            assert unicodedata.is_normalized(form, written)
            answers.add(unicodedata.normalize("NFC", written))
        assert answers == {"te"}
    assert segmentation.form_of("plain") is None and segmentation.form_of("e\u0301é") is None


def test_all_that_a_person_gives_is_read_in_the_form_that_was_learned(
    make_run: MakeRun, tmp_path: Path
) -> None:
    """Protects labels and neighbours: a text's label does not depend on how its accents were typed."""
    rows = "".join(f"l'élève répète {n}\tfr\nla niña soñó {n}\tes\n" for n in range(30))
    table = tmp_path / "two.tsv"
    table.write_text(f"text\tlabel\n{rows}", encoding="utf-8")
    run = make_run(**CLASSIFIER | {"corpus": str(table), "max_steps": 40})
    train_all(run)
    given = [unicodedata.normalize(form, "la élève") for form in ("NFC", "NFD")]
    composed, decomposed = (json.loads(rnntui("classify", run.path, text, "--json").stdout) for text in given)
    assert composed["probabilities"] == decomposed["probabilities"]
    assert "".join(piece for piece, _ in decomposed["influence"]) == given[1]
    near = [
        rnntui("nearest", run.path, unicodedata.normalize(form, "niña")).stdout for form in ("NFC", "NFD")
    ]
    assert near[0] == near[1] != ""


def test_a_text_in_another_form_is_said_to_be(make_run: MakeRun, tmp_path: Path) -> None:
    """Protects a figure from being taken for the model's: most accents of the text are unknown to it."""
    text, other = tmp_path / "nfc.txt", tmp_path / "nfd.txt"
    text.write_text("une fée répète la leçon à côté\n" * 60, encoding="utf-8")
    other.write_text(unicodedata.normalize("NFD", "la fée à côté\n" * 20), encoding="utf-8")
    run = make_run(corpus=str(text), max_steps=10)
    train_all(run)
    for command in (("evaluate", run.path, "--corpus", other), ("score", run.path, other)):
        answer = rnntui(*command)
        assert "its accents are decomposed (NFD)" in answer.stderr and "unknown" in answer.stdout


def test_letters_of_hangul_are_a_form_too() -> None:
    """Protects Korean: typed syllables find the letters that a model of decomposed text has learned."""
    syllables = "선생님은 학교에"
    made = tokenizers.train(TextConfig(), [unicodedata.normalize("NFD", syllables)])
    assert made.form == "NFD" and (made.encode(made.as_read(syllables)) != made.unknown).all()
