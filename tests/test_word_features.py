"""Texts as sparse rows: the same n-grams as scikit-learn's, and a hash that a few lines of plain Python repeat."""

from __future__ import annotations

import itertools
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from nncli.data.words import features
from nncli.data.words.features import counts_of
from nncli.data.words.options import WordOptions, parse_ngrams
from nncli.data.words.segmentation import (
    BETWEEN,
    LETTER,
    SINGLE,
    UNSEEN,
    _classes,
    code_points,
    normalised,
    word_bounds,
)
from nncli.data.words.tfidf import add_document_counts, idf_of, weighted
from odd_texts import NGRAMS, texts


@pytest.fixture(autouse=True, scope="module")
def _in_numpy() -> Iterator[None]:
    """Have NumPy count and weigh, which is the form that compiled loops are tested against."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nncli.data.words.choice.compiles", lambda: False)
        yield


def place_of(ngram: Sequence[str], kind: int, options: WordOptions, column: int) -> tuple[int, int]:
    """The place and the sign of an n-gram, as the docstring of `hashing` says it."""
    all_bits, g = (1 << 64) - 1, 0

    def mix(x: int) -> int:
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & all_bits
        x = (x ^ x >> 27) * 0x94D049BB133111EB & all_bits
        return x ^ x >> 31

    for word in ngram:
        h = 0
        for letter in word:
            h = (h * 0xD6E8FEB86659FD93 + ord(letter) + 1) & all_bits
        g = (g * 0xA0761D6478BD642F + h) & all_bits
    s = 0
    for value in (options.seed, column, kind):
        s = mix(((s ^ value) + 0x9E3779B97F4A7C15) & all_bits)
    x = mix((g + s) & all_bits)
    return x % 2**options.bits, -1 if x >> 63 else 1


def classes(pick: Any) -> str:
    """All characters that are picked, as a class of a regular expression."""
    runs: list[list[int]] = []
    for code in filter(pick, range(0x20000)):
        if runs and runs[-1][1] == code - 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in runs)


EAST = re.compile(
    "CJK UNIFIED|CJK COMPATIBILITY IDEOGRAPH|HIRAGANA|KATAKANA|HENTAIGANA|HANGZHOU|VERTICAL KANA|"
    "(VERTICAL )?IDEOGRAPHIC (ITERATION|CLOSING|NUMBER)"
)


def is_single(code: int) -> bool:
    """Whether a name that Unicode gives says Han, Hiragana or Katakana, and it is a letter; or it tells a mood."""
    pictograph = 0x2600 <= code <= 0x27BF or 0x1F000 <= code <= 0x1FAFF
    if chr(code) in "!?؟" or (pictograph and not 0x1F3FB <= code <= 0x1F3FF):
        return True
    return chr(code).isalnum() and EAST.match(unicodedata.name(chr(code), "")) is not None


MARKS = classes(lambda code: unicodedata.category(chr(code))[0] == "M")
ALONE = classes(is_single)
TOKEN = re.compile(rf"[{ALONE}\U00020000-\U0003fffd]|(?:[^\W{ALONE}\U00020000-\U0003fffd]|[{MARKS}])+")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("日本語 abc नमस्ते x́y_1", ["日", "本", "語", "abc", "नमस्ते", "x́y_1"]),
        ("Don't stop-me NOW!!", ["don", "t", "stop", "me", "now", "!", "!"]),
        ("#win @Anna https://t.co/Xy1?a", ["win", "anna", "https", "t", "co", "xy1", "?", "a"]),
        ("so 👍🏽 ❤️👩‍💻ok", ["so", "👍", "❤", "👩", "💻", "ok"]),
        ("ﬁne\u00adtune ＡＢ１\ufeff", ["finetune", "ab1"]),
    ],
    ids=["scripts", "English", "tweet", "pictographs", "compatible forms"],
)
def test_words_by_hand(text: str, words: list[str]) -> None:
    assert TOKEN.findall(normalised(text)) == words
    codes, _ = code_points([text])
    begins, ends = word_bounds(codes)
    assert ["".join(map(chr, codes[i:k])) for i, k in zip(begins, ends, strict=True)] == words


def counted(texts: Sequence[str | None], part: str) -> tuple[list[Counter[tuple[str, ...]]], int]:
    """The n-grams of each text by scikit-learn, and their kind."""
    kind, _, lengths = part.partition(":")
    low, _, high = lengths.partition("-")
    vectorizer = CountVectorizer(
        analyzer="word" if kind == "words" else "char_wb",
        tokenizer=TOKEN.findall,
        token_pattern=None,
        preprocessor=normalised,
        ngram_range=(int(low), int(high or low)),
    )
    analyze = vectorizer.build_analyzer()
    if kind == "words":  # no word has a blank
        return [Counter(tuple(gram.split(" ")) for gram in analyze(text or "")) for text in texts], 0
    return [Counter((gram,) for gram in analyze(text or "")) for text in texts], 1


def expected(texts: Sequence[str | None], options: WordOptions, column: int) -> list[dict[int, int]]:
    rows: list[dict[int, int]] = [{} for _ in texts]
    for part in options.ngrams.split(","):
        of_texts, kind = counted(texts, part)
        for row, grams in zip(rows, of_texts, strict=True):
            for gram, times in grams.items():
                place, sign = place_of(gram, kind, options, column)
                row[place] = row.get(place, 0) + sign * times
    return [{place: value for place, value in row.items() if value} for row in rows]


def rows_of(counts: Any) -> list[dict[int, int]]:
    assert counts.dtype == np.float32
    assert counts.indices.dtype == counts.indptr.dtype == np.int32
    starts = counts.indptr
    for start, stop in itertools.pairwise(starts):
        assert np.all(np.diff(counts.indices[start:stop]) > 0)
    return [
        dict(zip(counts.indices[start:stop].tolist(), counts.data[start:stop].tolist(), strict=True))
        for start, stop in itertools.pairwise(starts)
    ]


@given(
    texts,
    st.sampled_from(NGRAMS),
    st.sampled_from([1, 5, 18, 30]),
    st.sampled_from([0, 1, 2**64 - 1]),
    st.integers(0, 2),
)
@settings(max_examples=60)
@example([], "words:1-2", 18, 0, 0)
@example(["a", None, "", "a a b"], "words:1-5,chars:1-8", 30, 0, 0)
def test_counts_are_those_of_scikit_learn_in_the_places_of_the_hash(
    texts: list[str | None], ngrams: str, bits: int, seed: int, column: int
) -> None:
    options = WordOptions(ngrams, bits, seed)
    counts = counts_of(texts, options, column)
    assert counts.shape == (len(texts), 2**bits)
    assert rows_of(counts) == expected(texts, options, column)


def test_a_block_of_texts_is_no_border(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["one two three", None, "", "four " * 10, "five", "sіx", "eleven twelve"] * 30
    options = WordOptions("words:1-2,chars:2-3")
    whole = counts_of(texts, options)
    monkeypatch.setattr(features, "BLOCK", 20)
    blocks = counts_of(texts, options)
    assert rows_of(blocks) == rows_of(whole) == expected(texts, options, 0)


def test_many_rows_and_places_need_longer_keys() -> None:
    texts = [f"w{number % 7}" for number in range(9)]
    for bits in (28, 29):  # 9 rows, a place and a sign: 33 bits
        assert rows_of(counts_of(texts, WordOptions("words:1", bits))) == expected(
            texts, WordOptions("words:1", bits), 0
        )


def test_a_megabyte_in_one_cell() -> None:
    long = "ab cd " * 200_000
    counts = counts_of(["ab", long, "x" * 1_000_000, "cd"], WordOptions("words:1"))
    assert np.diff(counts.indptr).tolist() == [1, 2, 1, 1]
    assert sorted(map(abs, counts.data.tolist())) == [1, 1, 1, 200_000, 200_000]


def document_counts(counts: Any) -> Any:
    having = np.zeros(counts.shape[1], np.int64)
    add_document_counts(having, counts, np.ones(counts.shape[0], np.int64))
    return having


@given(texts, st.sampled_from(["words:1-2", "chars:2-4"]))
@settings(max_examples=25)
def test_tf_idf_is_that_of_scikit_learn(texts: list[str | None], ngrams: str) -> None:
    options = WordOptions(ngrams, bits=20)
    counts = counts_of(texts, options)
    of_texts, kind = counted(texts, ngrams)
    if not any(of_texts):  # scikit-learn refuses an empty vocabulary
        assert weighted(counts, idf_of(document_counts(counts), len(texts))).nnz == 0
        return
    vectorizer = TfidfVectorizer(
        analyzer=lambda text: list(of_texts[text].elements()), smooth_idf=True, sublinear_tf=True, norm="l2"
    )
    oracle = vectorizer.fit_transform(range(len(texts)))
    found = weighted(counts, idf_of(document_counts(counts), len(texts)))
    assert found.dtype == np.float32
    column = {gram: place_of(gram, kind, options, 0) for gram in vectorizer.vocabulary_}
    assert len({place for place, _ in column.values()}) == len(column), "two n-grams share a place: take another seed"
    grams = vectorizer.get_feature_names_out()
    dense = np.zeros((len(texts), 0)) if not len(grams) else oracle.toarray()
    signs = np.array([column[gram][1] for gram in vectorizer.vocabulary_])
    order = [vectorizer.vocabulary_[gram] for gram in vectorizer.vocabulary_]
    ours = found[:, [column[gram][0] for gram in vectorizer.vocabulary_]].toarray()
    np.testing.assert_allclose(ours, dense[:, order] * signs, rtol=1e-6)
    assert found.nnz == oracle.nnz


def test_document_counts_of_parts_add_up() -> None:
    texts = ["a b", "b c", "c c d", None]
    options = WordOptions("words:1", bits=10)
    parts = document_counts(counts_of(texts[:2], options)) + document_counts(counts_of(texts[2:], options))
    assert parts.shape == (1024,)
    np.testing.assert_array_equal(parts, document_counts(counts_of(texts, options)))
    assert sorted(parts[parts > 0].tolist()) == [1, 1, 2, 2]


def test_weights_by_hand() -> None:
    # two of three texts have a, one has b: idf ln(4/3) + 1 and ln(4/2) + 1; a row of a, a, b is
    # ((1 + ln 2) · 1.2877, 1.6931)
    counts = counts_of(["a a b", "a", ""], WordOptions("words:1", bits=10))
    found = weighted(counts, idf_of(document_counts(counts), 3))
    x, y = (1 + np.log(2)) * (np.log(4 / 3) + 1), np.log(4 / 2) + 1
    np.testing.assert_allclose(sorted(abs(found[[0]]).data), sorted([x, y] / np.hypot(x, y)), rtol=1e-6)
    assert abs(found[[1]]).data.tolist() == [1]
    assert found[[2]].nnz == 0


def test_weights_of_many_rows_have_unit_length_with_an_idf_of_32_bits() -> None:
    texts = [" ".join(f"w{number}" for number in range(row, row + 50)) for row in range(4000)]
    counts = counts_of(texts, WordOptions("words:1"))
    found = weighted(counts, idf_of(document_counts(counts), len(texts)).astype(np.float32))
    squares = np.add.reduceat(found.data.astype(np.float64) ** 2, found.indptr[:-1])
    np.testing.assert_allclose(squares, 1, atol=1e-5)  # a running sum of 32 bits would lose the last rows


def test_the_hash_spreads_words_evenly_over_places_and_signs() -> None:
    n, bits = 20_000, 8
    place, sign = np.array([place_of([f"word{number}"], 0, WordOptions(bits=bits), 0) for number in range(n)]).T
    for signs in (sign, sign[place % 2 == 0]):
        assert abs(signs.sum()) < 4 * len(signs) ** 0.5
    times = np.bincount(place, minlength=2**bits)
    chi2 = ((times - n / 2**bits) ** 2).sum() / (n / 2**bits)
    assert 255 - 4 * 510**0.5 < chi2 < 255 + 4 * 510**0.5  # 255 degrees of freedom: variance 510
    other = np.array([place_of([f"word{number}"], 0, WordOptions(bits=bits), 1)[0] for number in range(n)])
    assert abs((place == other).mean() - 2**-bits) < 4 * (2**-bits / n) ** 0.5


def test_each_class_of_characters_is_the_documented_one() -> None:
    for letter in map(chr, range(sys.maxunicode + 1)):
        if not unicodedata.name(letter, "") or UNSEEN.match(letter):
            continue
        single = is_single(ord(letter))
        inside = re.match(r"\w", letter) or unicodedata.category(letter)[0] == "M"
        assert _classes()[ord(letter)] == (SINGLE if single else LETTER if inside else BETWEEN), hex(ord(letter))


@pytest.mark.parametrize(
    ("text", "words", "chars"),
    [("words:1-2,chars:3-5", (1, 2), (3, 5)), ("chars:8,words:5", (5, 5), (8, 8)), ("words:1", (1, 1), None)],
)
def test_n_grams_are_read(text: str, words: Any, chars: Any) -> None:
    assert (parse_ngrams(text).words, parse_ngrams(text).chars) == (words, chars)
    assert parse_ngrams(str(parse_ngrams(text))) == parse_ngrams(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "words",
        "words:",
        "words:0",
        "words:6",
        "words:2-1",
        "chars:1-9",
        "words:1,words:2",
        "word:1",
        "words:1-2,",
        "words:10",
        "chars:-1",
        "words:1\n2",
    ],
)
def test_other_n_grams_are_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected words:1-2, chars:3-5 or both .* found .*$") as raised:
        parse_ngrams(text)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "wrong", [{"bits": 0}, {"bits": 31}, {"seed": -1}, {"seed": 2**64}, {"ngrams": "all"}], ids=str
)
def test_options_out_of_range_are_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"^expected .* found "):
        WordOptions(**wrong)
