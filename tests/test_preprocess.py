from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from nncli.data.category_inputs import MAX_CATEGORIES
from nncli.data.dataset import Table, TextColumn
from nncli.data.one_hot_rows import OneHotRows
from nncli.data.preprocess import Preprocess
from nncli.data.scaled_rows import Matrix
from nncli.data.text_inputs import TextInputs
from nncli.data.words.options import WordOptions
from nncli.errors import OptionError

F32, F64 = np.dtype("float32"), np.dtype("float64")


def numbers(values: object, dtype: object = np.float64) -> Table:
    matrix = np.array(values, dtype)
    return Table(tuple(f"x{i}" for i in range(matrix.shape[1])), matrix)


def text(*cells: str | None) -> TextColumn:
    values = tuple(dict.fromkeys(cell for cell in cells if cell is not None))
    return TextColumn(np.array([-1 if c is None else values.index(c) for c in cells], np.int32), values)


def with_text(column: TextColumn) -> Table:
    return Table((), np.empty((len(column.codes), 0)), {"t": column})


def everything(preprocess: Preprocess, table: Table, dtype: np.dtype = F64) -> np.ndarray:
    return preprocess.transform(table, dtype).slice(0, len(table))


@pytest.mark.parametrize(("scale", "reference"), [("standard", StandardScaler()), ("minmax", MinMaxScaler())])
def test_scaling_equals_scikit_learn_fitted_on_the_training_rows(scale: str, reference: object) -> None:
    X = np.random.default_rng(0).normal(5, [1, 100, 1e-3], (20_000, 3))  # more rows than one block
    rows = np.arange(0, 20_000, 3)
    preprocess = Preprocess.fit(numbers(X), rows, scale)
    expected = reference.fit(X[rows]).transform(X)
    np.testing.assert_allclose(everything(preprocess, numbers(X)), expected, rtol=1e-9, atol=1e-9)


def test_nothing_is_learned_from_other_rows() -> None:
    rng = np.random.default_rng(1)
    X, rows = rng.normal(size=(60, 4)), np.arange(40)
    changed = X.copy()
    changed[40:] = rng.normal(1e6, 1e6, size=(20, 4))
    first, second = (Preprocess.fit(numbers(values), rows, "standard") for values in (X, changed))
    for name in ("median", "shift", "scale"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_a_missing_number_counts_as_the_median_of_the_training_rows() -> None:
    # training values 1, 2, 9: median 2; with it filled in, the mean of 1, 2, 9, 2 is 3.5
    table = numbers([[1], [2], [9], [np.nan], [100]])
    preprocess = Preprocess.fit(table, np.arange(4), "standard")
    assert preprocess.median == [2]
    assert preprocess.shift == [3.5]
    X = everything(preprocess, table)
    assert X[3] == X[1]


def test_a_column_without_any_value_does_no_harm() -> None:
    table = numbers([[np.nan, 1], [np.nan, 2], [np.nan, 3]])
    preprocess = Preprocess.fit(table, np.arange(3), "standard")
    assert (everything(preprocess, numbers([[7, 2]]))[0, 0]) == 0


@pytest.mark.parametrize("scale", ["standard", "robust", "minmax", "none", "auto"])
def test_a_constant_column_does_no_harm_whatever_it_holds_later(scale: str) -> None:
    preprocess = Preprocess.fit(numbers([[5, 1], [5, 2], [5, 3]]), np.arange(3), scale)
    assert everything(preprocess, numbers([[1e30, 2]]))[0, 0] == 0
    assert "constant in the training rows, so without effect: 'x0'" in preprocess.notes


def test_pixels_are_divided_by_their_common_maximum() -> None:
    images = np.random.default_rng(0).integers(0, 256, (50, 64), np.uint8)
    images[:, 3] = 0
    images[0, 0] = 255
    preprocess = Preprocess.fit(numbers(images, np.uint8), np.arange(50), "auto")
    assert preprocess.scaling == "pixels"
    matrix = preprocess.transform(numbers(images, np.uint8), F32)
    assert matrix.values.dtype == np.uint8, "they stay as small as they are"
    np.testing.assert_allclose(matrix.slice(0, 50), images / 255, rtol=1e-6)


def test_whole_numbers_of_different_ranges_are_no_pixels() -> None:
    answers = np.random.default_rng(0).integers(1, 6, (50, 20)).astype(np.uint8)
    answers[:, 0] = np.arange(50) + 20  # an age among answers from 1 to 5
    assert Preprocess.fit(numbers(answers, np.uint8), np.arange(50), "auto").scaling == "standard"


def test_scaling_in_the_mini_batch_equals_scaling_at_once() -> None:
    images = np.random.default_rng(0).integers(0, 256, (50, 5), np.uint8)
    preprocess = Preprocess.fit(numbers(images, np.uint8), np.arange(50), "standard")
    lazy = preprocess.transform(numbers(images, np.uint8), F32)
    rows, raw, out = np.array([7, 3, 3, 40]), np.empty((4, 5), np.uint8), np.empty((4, 5), np.float32)
    lazy.take(rows, raw, out)
    np.testing.assert_array_equal(out, everything(preprocess, numbers(images, np.float32), F32)[rows])


def test_text_becomes_one_input_for_each_category_and_one_for_any_other() -> None:
    preprocess = Preprocess.fit(with_text(text("red", "blue", "red", "green")), np.arange(3), "auto")
    assert preprocess.categories == {"t": ("blue", "red")}  # green is not among the training rows
    found = everything(preprocess, with_text(text("red", "blue", "green", "black", None)))
    np.testing.assert_array_equal(found, [[0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 1], [0, 0, 1]])
    np.testing.assert_array_equal(preprocess.dead, [False, False, True])


def test_a_missing_text_is_a_category_of_its_own() -> None:
    preprocess = Preprocess.fit(with_text(text("a", None, "b")), np.arange(3), "auto")
    assert preprocess.categories == {"t": ("a", "b", None)}
    np.testing.assert_array_equal(everything(preprocess, with_text(text(None, "c"))), [[0, 0, 1, 0], [0, 0, 0, 1]])


def test_rare_categories_are_taken_together() -> None:
    cells = [f"common{i:03}" for i in range(MAX_CATEGORIES)] * 2 + ["rare1", "rare2", "rare3"]
    preprocess = Preprocess.fit(with_text(text(*cells)), np.arange(len(cells)), "auto")
    assert preprocess.width == MAX_CATEGORIES + 1
    assert not preprocess.dead.any()
    assert preprocess.notes == ("column 't': 100 most frequent values kept, 3 others taken together",)
    assert everything(preprocess, with_text(text("rare2", "new")))[:, -1].tolist() == [1, 1]


@given(st.lists(st.one_of(st.none(), st.floats(-1e30, 1e30)), min_size=2, max_size=30))
def test_any_column_of_numbers_comes_out_finite(values: list[float | None]) -> None:
    table = numbers([[np.nan if v is None else v] for v in values], np.float32)
    for scale in ("standard", "robust", "minmax", "none"):
        try:
            preprocess = Preprocess.fit(table, np.arange(len(values)), scale)
        except OptionError:
            assert scale == "none"
            assert max(abs(v or 0) for v in values) > 1e15
            continue
        assert np.isfinite(everything(preprocess, table, F32)).all()


def test_a_column_beyond_the_precision_of_float32_is_pointed_out() -> None:
    table = numbers(1.7e9 + np.arange(100)[:, None], np.float32)
    assert Preprocess.fit(table, np.arange(100), "auto").notes[-1] == (
        "column 'x0': its values differ by little more than float32 can tell; use --dtype float64"
    )


@pytest.mark.parametrize("size", [1e-20, 1.0, 1e20, 1e38])
def test_columns_of_any_size_are_standardised(size: float) -> None:
    values = np.array([[-size], [size], [-size], [size]], np.float32)
    table = Table(("a",), values)
    X = Preprocess.fit(table, np.arange(4), "standard").transform(table, np.dtype("float32")).slice(0, 4)
    np.testing.assert_allclose(X[:, 0], [-1, 1, -1, 1], rtol=1e-6)


def test_numbers_that_would_be_cut_off_are_refused_without_scaling() -> None:
    """Inputs go up to ±1e15: a column of 1e30 would be the same number in all rows, without a word."""
    table = numbers([[1.0, -1e30], [2.0, 3e15], [3.0, 5.0], [4.0, 6.0]])
    with pytest.raises(OptionError, match=r"column 'x1' has numbers beyond ±1e\+15, which would be cut off there"):
        Preprocess.fit(table, np.arange(4), "none")
    scaled = everything(Preprocess.fit(table, np.arange(3), "standard"), table)
    # mean (−1e30 + …) / 3, standard deviation of one far from two others: −√2, 1/√2, 1/√2
    assert scaled[:3, 1] == pytest.approx([-(2**0.5), 0.5**0.5, 0.5**0.5])
    assert everything(Preprocess.fit(table, np.array([2, 3]), "none"), table)[2, 1] == 5


def mixed_table(n: int) -> Table:
    """Two numbers, a date, and two columns of text with missing cells, of which one has more categories than are
    kept."""
    rng = np.random.default_rng(4)
    few = TextColumn(rng.integers(-1, 4, n).astype(np.int32), tuple("abcd"))
    many = TextColumn((rng.random(n) ** 3 * 150).astype(np.int32), tuple(f"m{i}" for i in range(150)))
    days = rng.integers(18_000, 19_000, n).astype(np.float64)
    return Table(("x", "y"), rng.normal(size=(n, 2)).astype(np.float32), {"few": few, "many": many}, {"day": days})


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_of_many_zeros_are_the_same_where_only_the_ones_are_kept(
    dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, of_type = mixed_table(400), np.dtype(dtype)
    preprocess = Preprocess.fit(table, np.arange(300), "standard")
    whole = preprocess.transform(table, of_type)
    assert isinstance(whole, Matrix)
    assert preprocess.input_bytes(table, of_type) == whole.values.nbytes
    monkeypatch.setattr("nncli.data.preprocess.MOST_ZEROS", 1000)
    compact = preprocess.transform(table, of_type)
    assert isinstance(compact, OneHotRows)
    assert preprocess.input_bytes(table, of_type) == compact.values.nbytes + compact.ones.nbytes
    assert (len(compact), compact.width, compact.dtype) == (400, preprocess.width, of_type)
    np.testing.assert_array_equal(compact.slice(10, 250), whole.slice(10, 250))
    rows = np.array([399, 0, 7, 7, 123])
    found = np.full((8, preprocess.width), np.nan, of_type)  # a batch that had other rows
    compact.take(rows, np.empty((0, 0)), found[:5])
    np.testing.assert_array_equal(found[:5], whole.slice(0, 400)[rows])
    assert np.isnan(found[5:]).all()


def test_a_run_is_the_same_to_the_byte_where_only_the_ones_are_kept(
    tmp_path: Path, nncli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    letters = rng.integers(0, 6, 90).tolist()
    rows = "".join(f"{rng.normal():.3f},{'abcdef'[k]},{'pq'[k % 2]}\n" for k in letters)
    (tmp_path / "d.csv").write_text("x,letter,class\n" + rows)
    made = []
    for most in (1 << 28, 100):
        monkeypatch.setattr("nncli.data.preprocess.MOST_ZEROS", most)
        words = ["--hidden", "4", "--epochs", "3", "--reference", "linear", "--json", "-q"]
        outcome = nncli("train", tmp_path / "d.csv", *words, "-o", tmp_path / "m.npz")
        assert outcome.code == 0, outcome.err
        made.append((tmp_path / "m.npz").read_bytes())
    assert made[0] == made[1]


def test_inputs_larger_than_memory_are_refused_before_they_are_made(
    tmp_path: Path, nncli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "d.csv").write_text("x,class\n" + "".join(f"{i / 7:.3f},{'pq'[i % 2]}\n" for i in range(90)))
    monkeypatch.setattr("nncli.training.memory.machine_memory", lambda: 90 * 4 - 1.0)
    outcome = nncli("train", tmp_path / "d.csv", "--dry-run", "-q")
    said = (
        "--memory: 1 inputs of 90 rows take 0.0 GB, and there are 0.0 GB of memory. Keep the rows on the disk, with --"
    )
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(said)


def test_no_ngram_is_in_more_rows_than_there_are() -> None:
    # six words of a row in two places: one place has three or more of them, and is in all rows: idf = ln(1) + 1
    columns = tuple("abcdef")
    table = Table((), np.empty((50, 0)), {name: text(*["word"] * 50) for name in columns})
    words = TextInputs.fit(table, np.arange(50), columns, WordOptions("words:1", bits=1))
    assert {1} <= {*words.idf.tolist()} <= {0, 1}
