"""Tokenizers: round trips, the unknown, the saved form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnntui.core.config.schema import TextConfig
from rnntui.core.config.tokenizers import TOKENIZERS
from rnntui.core.errors import InputError
from rnntui.core.text import tokenizers
from rnntui.core.text.spelling import spelled
from rnntui.core.text.tokenizers import Tokenizer
from rnntui.core.text.tokenizers.bpe import BPETokenizer
from tests.conftest import sentences

KINDS = tuple(TOKENIZERS)
TRAINING_TEXT = sentences() + "Don't stop: it's 3 o'clock!\n\n    indented\tText. 你好，世界。\n"
ANY_TEXT = st.text(max_size=200)


def make(kind: Any, blocks: Sequence[str] = (TRAINING_TEXT,)) -> Tokenizer:
    return tokenizers.train(TextConfig(tokenizer=kind, min_count=1, vocab_size=400), blocks)


MADE = {kind: make(kind) for kind in KINDS}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "whitespace"])
def test_known_text_comes_back(kind: str) -> None:
    """Protects `decode(encode(x)) == x`, white space and line ends included."""
    assert MADE[kind].decode(MADE[kind].encode(TRAINING_TEXT)) == TRAINING_TEXT


@given(text=st.text(alphabet="ab<unk> \t\n\u2028", max_size=60))
def test_white_space_separates_tokens_and_line_ends_are_tokens(text: str) -> None:
    """Protects the counts of the literature: its tokens are those of `split`, and a line end is one."""
    made = tokenizers.train(TextConfig(tokenizer="whitespace", min_count=1), [text])
    expected = [word for line in text.split("\n") for word in (*line.split(), "\n")][:-1]
    tokens = made.encode(text)
    assert [made.decode([token]).strip(" ") for token in tokens] == [
        "\ufffd" if word == "<unk>" else word for word in expected
    ]
    assert "".join(made.pieces(text)) == (text if expected else "")
    known = text.replace("<unk>", "a" if "a" in made.decode(tokens) else "")
    assert (made.encode(made.decode(made.encode(known))) == made.encode(known)).all()


def test_the_unknown_word_of_the_text_is_the_models_own() -> None:
    """Protects figures on the sets of the literature: `<unk>` costs no letters, and every other word is known."""
    text = "the <unk> sees\nonce the <unk>\n" * 3 + "rare\n"
    made, config = tokenizers.train_on_texts(TextConfig(tokenizer="whitespace"), [text], lambda *_: None)
    assert config.min_count == 1 and made.vocab_size == 6  # the, sees, once, rare, line end, <unk>
    assert spelled(made, [text]) == (6, 0.0) and spelled(made, ["new"]).spelling > 0


@pytest.mark.parametrize("kind", ["byte", "bpe"])
@given(text=ANY_TEXT)
def test_any_text_comes_back_from_bytes(kind: str, text: str) -> None:
    assert MADE[kind].decode(MADE[kind].encode(text)) == text


@given(text=st.text(alphabet=sorted(set(TRAINING_TEXT)), max_size=200))
def test_known_characters_come_back(text: str) -> None:
    assert MADE["char"].decode(MADE["char"].encode(text)) == text


@given(
    words=st.lists(st.sampled_from(["the", " cat", " sees", "\n", " a", " bird", ".", " dog"]), max_size=30)
)
def test_known_words_come_back(words: list[str]) -> None:
    text = "".join(words)
    tokenizer = tokenizers.train(TextConfig(tokenizer="word", min_count=1), [text])
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("kind", KINDS)
@given(text=ANY_TEXT)
def test_no_text_crashes_and_no_number_is_out_of_range(kind: str, text: str) -> None:
    """Protects whoever types what training never saw: it is `<unk>`, not an error."""
    tokens = MADE[kind].encode(text)
    assert all(0 <= token < MADE[kind].vocab_size for token in tokens.tolist())
    MADE[kind].decode(tokens)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60)
@given(text=st.text(alphabet="the cat sn'’.\n你  é_3\t", max_size=60), size=st.integers(1, 9))
def test_blocks_join_to_the_whole(kind: str, text: str, size: int) -> None:
    """Protects long texts, which are encoded block by block: wherever the cut, the tokens are the same."""
    blocks = [text[at : at + size] for at in range(0, len(text), size)]
    joined = [token for block in MADE[kind].encode_blocks(blocks) for token in block.tolist()]
    assert joined == MADE[kind].encode(text).tolist()


@settings(max_examples=300)
@given(
    text=st.text(
        alphabet=st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("  \t's\x1c\x85 a1!")),
        max_size=40,
    )
)
def test_bpe_is_the_librarys_line_by_line(text: str) -> None:
    """Protects the tokens of a run: encoding stretch by stretch is what the library does with a line."""
    made = MADE["bpe"]
    assert isinstance(made, BPETokenizer)
    lines = [line + "\n" for line in text.split("\n")]
    library = [token for line in lines for token in made._model.encode(line).ids]
    assert made.encode(text + "\n").tolist() == library


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.timeout(20)
def test_a_word_without_end_is_encoded_in_time(kind: str) -> None:
    """Protects against files that are no prose: a megabyte of one letter takes a moment, in blocks too."""
    text = "a" * 1_000_000
    tokenizer = make(kind, [text])
    joined = [token for block in tokenizer.encode_blocks([text[:400_000], text[400_000:]]) for token in block]
    assert tokenizer.unknown is not None or tokenizer.decode(joined) == text


def test_unseen_is_unknown() -> None:
    assert MADE["char"].encode("🐦").tolist() == [MADE["char"].unknown]
    assert MADE["word"].encode("xylophone").tolist() == [MADE["word"].unknown]
    assert MADE["byte"].unknown is None and MADE["bpe"].unknown is None


def test_lone_surrogates_are_no_text_but_no_crash() -> None:
    for tokenizer in MADE.values():
        tokenizer.encode("a\ud800b")


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60)
@given(
    text=st.text(alphabet="the cat sn'’.\n你好  é_3", max_size=40),
    more=st.text(alphabet="tsa '.\n你x_", max_size=6),
)
def test_what_is_cut_for_good_stays_cut(kind: str, text: str, more: str) -> None:
    """Protects the session: whatever is typed next, the tokens before the pending part stand."""
    tokenizer = MADE[kind]
    cut = tokenizer.complete_prefix(text)
    fixed = tokenizer.encode(text[:cut]).tolist()
    assert tokenizer.encode(text + more).tolist()[: len(fixed)] == fixed


@pytest.mark.parametrize("kind", KINDS)
def test_saved_and_loaded_is_the_same(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(tokenizers.dumps(MADE[kind]))
    loaded = tokenizers.load(path)
    assert loaded.vocab_size == MADE[kind].vocab_size
    assert loaded.encode(TRAINING_TEXT).tolist() == MADE[kind].encode(TRAINING_TEXT).tolist()


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"format": 1, "kind": "char", "vocabulary": ["ab"]}',
        '{"format": 1, "kind": "char", "vocabulary": 3}',
        '{"format": 1, "kind": "word", "vocabulary": ["a", "a"]}',
        '{"format": 1, "kind": "bpe", "model": {"x": 1}}',
        '{"format": 1, "kind": "bpe"}',
        '{"format": 1, "kind": "chars"}',
        '{"format": 9, "kind": "char"}',
    ],
)
def test_a_damaged_file_is_one_line(content: str, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(str(path))) as caught:
        tokenizers.load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
@given(text=ANY_TEXT)
@settings(max_examples=100, deadline=None)
def test_pieces_join_to_the_text(kind: str, text: str) -> None:
    """Protects what is shown token by token: nothing is lost, also what the tokenizer does not know."""
    pieces = MADE[kind].pieces(text)
    assert len(pieces) == len(MADE[kind].encode(text))
    assert "".join(pieces) == text or (kind == "whitespace" and not text.strip() and not pieces)
