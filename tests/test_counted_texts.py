"""Texts counted and weighted by compiled loops and by several threads, each against NumPy in one; and counts that are
kept until inputs are made of them."""

from __future__ import annotations

import dataclasses
import gc
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from nncli.data import counted_texts
from nncli.data.counted_texts import ROWS_AT_ONCE, CountedTexts
from nncli.data.dataset import Table, TextColumn
from nncli.data.sparse_rows import rows_of
from nncli.data.text_inputs import TextInputs
from nncli.data.words import choice
from nncli.data.words.features import counts_of
from nncli.data.words.options import WordOptions
from nncli.data.words.tfidf import add_document_counts, idf_of, weigh
from numba_extra import needs_numba
from odd_texts import NGRAMS, texts

Run = Callable[..., Any]
WAYS = [pytest.param(False, id="numpy"), pytest.param(True, marks=needs_numba, id="numba")]


def count_with(numba: bool, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(choice, "compiles", lambda: numba)
    patch.setattr(choice, "_pays", lambda: True)  # whatever other tests have loaded and counted


@pytest.fixture(params=WAYS)
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    count_with(request.param, monkeypatch)


def bytes_of(X: Any) -> tuple[bytes, bytes, bytes, np.dtype[Any], tuple[int, ...]]:
    return X.data.tobytes(), X.indices.tobytes(), X.indptr.tobytes(), X.dtype, X.shape


def everything(texts: list[str | None], options: WordOptions, column: int) -> list[Any]:
    """Return all that is made of texts: counts, in how many of them each place is, weights, and where these are 0."""
    counts = counts_of(texts, options, column)
    found, having = [*bytes_of(counts)], np.zeros(options.places, np.int64)
    times = np.arange(len(texts), dtype=np.int64) % 3
    add_document_counts(having, counts, times)
    idf = idf_of(having, len(texts)).astype(np.float32)
    idf[having == 0] = 0  # of texts that count 0 times
    are_zero = weigh(counts, idf)
    return [*found, having.tobytes(), counts.data.tobytes(), are_zero.tolist()]


def same_by_loops(texts: list[str | None], options: WordOptions, column: int = 0) -> None:
    found = []
    for numba in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            count_with(numba, patch)
            assert (choice.fused_loops() is not None) == numba
            found.append(everything(texts, options, column))
    assert found[0] == found[1]


@needs_numba
@given(
    texts,
    st.sampled_from(NGRAMS),
    st.sampled_from([1, 2, 7, 12, 18, 20]),
    st.sampled_from([0, 1, 2**64 - 1]),
    st.integers(0, 2),
)
@settings(max_examples=60, deadline=None)
@example([], "words:1-2", 18, 0, 0)
@example([None, ""], "words:1-2,chars:3-5", 18, 0, 0)
@example(["a bc def", "x", "é fg"], "chars:5-6", 18, 0, 0)
@example(["a", None, "", "a a b"], "words:1-5,chars:1-8", 1, 0, 0)
def test_loops_count_and_weigh_to_the_bits_of_numpy(
    texts: list[str | None], ngrams: str, bits: int, seed: int, column: int
) -> None:
    same_by_loops(texts, WordOptions(ngrams, bits, seed), column)


@needs_numba
@pytest.mark.parametrize("bits", [1, 6, 11, 13, 20])
def test_loops_count_long_and_many_texts_to_the_bits_of_numpy(bits: int) -> None:
    rng = np.random.default_rng(bits)
    words = [f"w{number}" for number in range(3000)]
    of_each = [" ".join(rng.choice(words, size)) for size in (3000, *[40] * 300, 0, 1)]
    for letters in ("", " é"):
        same_by_loops([*of_each[:-1], of_each[-1] + letters], WordOptions("words:1-2,chars:2", bits))


@needs_numba
def test_loops_count_a_megabyte_in_one_cell() -> None:
    same_by_loops(["ab", "ab cd " * 170_000, "x" * 1_000_000, "日" * 300_000, "cd"], WordOptions("words:1-2"))


@needs_numba
def test_places_of_30_bits() -> None:
    texts = ["one two three", "two", "zwölf"]
    found = []
    for numba in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            count_with(numba, patch)
            found.append(bytes_of(counts_of(texts, WordOptions("words:1-2,chars:3", 30))))
    assert found[0] == found[1]


def column_of(texts: list[str | None]) -> TextColumn:
    values = tuple({text: None for text in texts if text is not None})
    codes = {text: code for code, text in enumerate(values)} | {None: -1}
    return TextColumn(np.array([codes[text] for text in texts], np.int32), values)


def table_of(n: int) -> Table:
    """Make a table of two columns of texts, some missing and some of them repeated."""
    rng = np.random.default_rng(1)
    words = np.array(["one", "two", "three", "four", "fünf", "six!", "a-b", "zz"])
    first = [None if i % 7 == 0 else " ".join(rng.choice(words, i % 5)) for i in range(n)]
    second = [f"{words[i % 8]} {i % 100}" for i in range(n)]
    return Table((), np.empty((n, 0)), {"a": column_of(first), "b": column_of(second)})


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("columns", [("a",), ("a", "b")], ids=["one column", "two columns"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_any_number_of_threads_gives_the_same_inputs(
    columns: tuple[str, ...], dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, options, found = table_of(2 * ROWS_AT_ONCE + 5), WordOptions(bits=12), []
    rows = np.arange(0, len(table), 2)
    for threads in (1, 3):
        monkeypatch.setattr(counted_texts, "reader_threads", lambda threads=threads: threads)
        words = TextInputs.fit(table, rows, columns, options)
        X, unknown = words.transform(table, np.dtype(dtype))
        assert X.dtype == dtype
        found.append((words.idf.tobytes(), *bytes_of(X), {name: its.tobytes() for name, its in unknown.items()}))
    assert found[0] == found[1]


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("columns", [("a",), ("a", "b")], ids=["one column", "two columns"])
def test_kept_counts_give_the_inputs_of_counts_made_again(columns: tuple[str, ...]) -> None:
    table, options, dtype = table_of(ROWS_AT_ONCE + 99), WordOptions(bits=12), np.dtype(np.float32)
    words = TextInputs.fit(table, np.arange(0, len(table), 3), columns, options)
    forgetful = dataclasses.replace(words, counted=None)
    again = [forgetful.transform(table, dtype) for _ in range(2)]
    assert words.counted is not None
    counted = [bytes_of(X) for X in words.counted.counts or []]
    part = table.take(np.arange(10))
    assert bytes_of(words.transform(part, dtype)[0]) == bytes_of(forgetful.transform(part, dtype)[0])
    assert counted == [bytes_of(X) for X in words.counted.counts or []]  # untouched so far
    first, second = (words.transform(table, dtype) for _ in range(2))  # by then, the counts are inputs
    assert words.counted.counts is None
    for X, unknown in (first, second, again[1]):
        assert bytes_of(X) == bytes_of(again[0][0])
        for name in columns:
            np.testing.assert_array_equal(unknown[name], again[0][1][name])


def test_what_is_counted_is_not_kept_any_longer_than_needed() -> None:
    table = table_of(99)
    words = TextInputs.fit(table, np.arange(99), ("a",), WordOptions(bits=12))
    assert b"three" not in pickle.dumps(words)
    assert b"three" in pickle.dumps(table)
    words.transform(table, np.dtype(np.float32))
    assert words.counted == CountedTexts(None, None)
    again = pickle.loads(pickle.dumps(words))
    assert bytes_of(again.transform(table, np.dtype("f4"))[0]) == bytes_of(words.transform(table, np.dtype("f4"))[0])


@pytest.mark.usefixtures("_way")
def test_which_texts_are_unknown_is_told() -> None:
    table = Table((), np.empty((6, 0)), {"a": column_of(["one two", "two", "new", None, "", "one new"])})
    words = TextInputs.fit(table, np.arange(2), ("a",), WordOptions("words:1"))
    _, unknown = words.transform(table, np.dtype(np.float32))
    assert unknown["a"].tolist() == [False, False, True, True, True, False]


def test_kept_counts_take_eight_bytes_for_each_that_is_not_zero() -> None:
    table = table_of(ROWS_AT_ONCE * 3)
    counted = CountedTexts.of(table, ("a",), WordOptions())
    assert counted.counts is not None
    [counts] = counted.counts
    assert len(counts.data) == len(counts.indices) == counts.indptr[-1]
    assert counts.data.base is None or len(counts.data.base) == len(counts.data)
    assert counts.data.itemsize + counts.indices.itemsize == 8


def test_no_rows_at_all() -> None:
    table = table_of(20)
    words = TextInputs.fit(table, np.arange(20), ("a",), WordOptions(bits=10))
    X, unknown = words.transform(table.take(np.arange(0)), np.dtype(np.float64))
    assert (X.shape, X.dtype, unknown["a"].tolist()) == ((0, 1024), np.float64, [])


@pytest.fixture
def _nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (choice.FUSED, choice.NUMBA):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(choice._Expected, "n", 0)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note each time that Numba is asked for, which then is not there."""
    found = list[int]()
    monkeypatch.setattr(choice, "compiles", lambda: found.append(1))
    return found


@needs_numba
@pytest.mark.usefixtures("_nothing_loaded")
def test_numba_is_loaded_for_many_ngrams_alone(asked: list[int]) -> None:
    words, both = WordOptions("words:1-2"), WordOptions("words:1-2,chars:3-5")
    for _ in range(1000):
        choice.expect(choice.SEVERAL - 1, words)  # as whoever asks about one text after the other
    choice.expect(choice.MANY // 4 - 1, both)  # four n-grams a character
    choice.fused_loops()
    assert not asked
    choice.expect(choice.SEVERAL, words)
    choice.fused_loops()
    assert asked


@needs_numba
@pytest.mark.usefixtures("_nothing_loaded")
def test_numba_is_loaded_for_a_long_stream(asked: list[int]) -> None:
    for _ in range(choice.MANY // 1_000_000):
        choice.fused_loops()
        assert not asked
        choice.expect(1_000_000, WordOptions())
    choice.fused_loops()
    assert asked


@needs_numba
@pytest.mark.usefixtures("_nothing_loaded")
def test_where_numba_is_loaded_already_it_counts_sooner(asked: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, choice.NUMBA, np)
    choice.fused_loops()
    assert not asked
    choice.expect(choice.SEVERAL, WordOptions())
    choice.fused_loops()
    assert asked


@needs_numba
def test_threads_wait_until_one_of_them_has_loaded_the_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    count_with(numba=True, patch=monkeypatch)
    both_ask, compiles = threading.Event(), choice.compiles

    def slow() -> bool:
        both_ask.wait(0.2)
        return compiles()

    monkeypatch.setattr(choice, "compiles", slow)
    with ThreadPoolExecutor(2) as pool:
        found = [one.result() for one in [pool.submit(choice.fused_loops) for _ in range(2)]]
    assert found[0] is found[1]
    assert found[0] is sys.modules[choice.FUSED]


@needs_numba
def test_a_model_has_the_same_bytes_with_numba_and_without(
    nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"{'good' if i % 2 else 'bad'} {'day' if i % 3 else 'night'} {i} Ähre,{'ny'[i % 2]}" for i in range(90)]
    Path("t.csv").write_text("\n".join(["text,label", *rows]))
    answers = []
    for numba in (False, True):
        with monkeypatch.context() as patch:
            count_with(numba, patch)
            assert (
                nncli("train", "t.csv", "--text", "text", "--epochs", "2", "--hash-bits", 12, "-q", "-o", "m").code == 0
            )
            answers.append((Path("m").read_bytes(), nncli("predict", "m", "t.csv", "--proba", "-q").out))
    assert answers[0] == answers[1]


CHECK = """
import numpy as np
from nncli.data.words import choice, features, fused
from nncli.data.words.options import WordOptions

assert choice.fused_loops() is None
options = WordOptions("words:1-3,chars:1-3", 9)
salts = features.salts_of(options, 1)
texts = ["One two, two! three", None, "", "zwölf Boxkämpfer", "a"]
with np.errstate(over="ignore"):  # whole numbers, modulo 2^64
    found = fused.counts(texts, options, salts)
for one, other in zip(found, features._counts(texts, options, salts), strict=True):
    assert one.tobytes() == other.tobytes()
"""


@needs_numba
def test_without_a_compiler_the_loops_are_plain_python_and_not_used() -> None:
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([sys.executable, "-c", CHECK], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_rows_are_taken_without_a_copy() -> None:
    X = csr_array(np.arange(20.0).reshape(10, 2))
    for start, stop in ((0, 10), (9, 10), (2, 5), (8, 12), (10, 12)):
        rows = rows_of(X, start, stop)
        assert bytes_of(rows) == bytes_of(X[start:stop])
        assert np.shares_memory(rows.data, X.data) == np.shares_memory(rows.indices, X.indices) == (start < 10)


def test_memory_is_free_as_soon_as_nobody_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    table = table_of(ROWS_AT_ONCE + 9)
    monkeypatch.setattr(counted_texts, "reader_threads", lambda: 1)
    words = TextInputs.fit(table, np.arange(20), ("a", "b"), WordOptions(bits=10))
    gc.collect()
    gc.disable()
    try:
        words.transform(table, np.dtype(np.float32))
        words.transform(table, np.dtype(np.float32))
        assert gc.collect() == 0  # which a long stream would wait for
    finally:
        gc.enable()
