"""Tables of many columns: what is worked out for all of them at once is what each alone would have."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nncli.config.resolve import resolve
from nncli.config.train_config import TrainConfig
from nncli.data.column_statistics import ColumnStatistics, some_columns
from nncli.data.csv import arrow_parser
from nncli.data.csv.arrow_parser import FastParser
from nncli.data.dataset import Dataset, Schema, Table
from nncli.data.preprocess import Preprocess
from nncli.data.row_blocks import Layout
from nncli.data.split import Split
from nncli.errors import OptionError
from nncli.model.network import eval_rows, network_inputs
from nncli.nn.input_layers import InputKinds
from nncli.system.order_statistics import in_order, median_of, medians_of, quantiles_of
from nncli.training import doubts
from nncli.training.memory import rows_in_memory

Run = Callable[..., Any]


def holed(rows: int, columns: int) -> np.ndarray:
    """Numbers of which many repeat, and of which column j lacks j % rows."""
    rng = np.random.default_rng(0)
    X = rng.integers(-3, 4, (rows, columns)) / 4
    for j in range(columns):
        X[rng.permutation(rows)[: j % (rows + 1)], j] = np.nan
    return X


def test_columns_in_order_have_the_statistics_of_numpy() -> None:
    X, seen = holed(7, 30), []
    for at, ordered in in_order(X.T):
        seen += at.tolist()
        if ordered.shape[1]:
            np.testing.assert_array_equal(medians_of(ordered), np.nanmedian(X[:, at], axis=0))
            np.testing.assert_allclose(quantiles_of(ordered, 0.25), np.nanquantile(X[:, at], 0.25, axis=0), rtol=1e-15)
    assert sorted(seen) == list(range(30))


def test_columns_of_a_table_in_memory_and_elsewhere_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nncli.data.column_statistics.CELLS_AT_ONCE", 8)  # several parts, of rows and of columns
    X, rows = holed(7, 30), np.array([0, 2, 3, 5, 6])

    class Elsewhere:
        shape, dtype = X.shape, X.dtype

        def __getitem__(self, some: np.ndarray) -> np.ndarray:
            assert len(some) * X.shape[1] <= 30  # a row at a time
            return X[some]

    for numbers in (X, Elsewhere()):
        parts = list(some_columns(numbers, rows))
        assert len(parts) > 1
        np.testing.assert_array_equal(np.concatenate(parts), X[rows].T)
    medians = ColumnStatistics.of(X, rows, "minmax").median
    expected = [np.median(x[~np.isnan(x)]) if (~np.isnan(x)).any() else 0 for x in X[rows].T]
    np.testing.assert_array_equal(medians, expected)


@pytest.mark.parametrize("K", [2, 3])
def test_columns_that_are_mostly_0_are_not_looked_at_unless_they_can_give_a_class_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nncli: Run, K: int
) -> None:
    rng, lines = np.random.default_rng(0), []
    for i in range(240):
        y = i % K
        own = [3] if y else []  # 3 is not 0 only in rows of other classes than 0: it tells two classes apart
        places = sorted({*rng.integers(5, 2000, 30).tolist(), *own, 4})  # 4 is never 0, and the class itself
        lines.append(f"{y} " + " ".join(f"{place}:{y + 1 if place == 4 else 1 + rng.random():.3f}" for place in places))
    (tmp_path / "d.svm").write_text("\n".join(lines) + "\n")
    monkeypatch.chdir(tmp_path)
    looked_at = []
    binned = doubts._binned
    monkeypatch.setattr(doubts, "_binned", lambda *words: looked_at.append(1) or binned(*words))
    found = nncli("check", "d.svm", "--json").json["findings"]
    named = [line.split("'")[1] for line in found if "alone predicts" in line]
    assert named == (["c3", "c4"] if K == 2 else ["c4"])
    assert len(looked_at) == 2


def test_cells_are_converted_some_columns_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """pyarrow takes memory for each column that it converts, which it keeps."""
    names = tuple(f"n{i}" for i in range(10))
    layout = Layout((*names, "t", "y"), ",", True, names, ("t",), "y", keep=names[:3])
    data = b"".join(b"%d.5,1,2,-3,,5,6,7,8,1e3,text,%d\n" % (i, i % 2) for i in range(5))
    whole = FastParser(layout).read(data, True, False)
    monkeypatch.setattr(arrow_parser, "COLUMNS_AT_ONCE", 3)
    parser = FastParser(layout)
    assert [len(one.include_columns) for one in parser.convert_options["float32"]] == [3, 3, 3, 3]
    parts = parser.read(data, True, False)
    assert whole is not None
    assert parts is not None
    np.testing.assert_array_equal(parts.table.numbers, whole.table.numbers)
    np.testing.assert_array_equal(
        whole.table.numbers[:2], [[k + 0.5, 1, 2, -3, np.nan, 5, 6, 7, 8, 1000] for k in (0, 1)]
    )
    assert parts.table.texts["t"].values == whole.table.texts["t"].values == ("text",)
    assert parts.kept["n2"].to_pylist() == whole.kept["n2"].to_pylist() == ["2"] * 5


def test_ten_thousand_columns_are_learned_from_in_300_megabytes() -> None:
    config = resolve(TrainConfig(hidden=(64,)), 2800, has_val=True)
    preprocess = Preprocess.fit(Table(tuple(map(str, range(10_000))), np.eye(2, 10_000)), np.arange(2), "standard")
    rows = rows_in_memory(300_000_000, config, 4000, network_inputs(preprocess), 2)
    assert 64 <= rows < 4000  # a batch at least, and not all
    # a pass of an evaluation is at most 8 MB, where 1,024 rows would be 41 MB
    assert eval_rows([10_000, 64, 2]) * 10_000 <= 1 << 21 < 1024 * 10_000
    assert eval_rows([784, 64, 10]) == 1024


def test_memory_has_room_for_numba_where_a_long_run_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nncli.nn.kernels.choice.problem", lambda: "")

    def rows(memory: int, **options: Any) -> int:
        config = resolve(TrainConfig(hidden=(64,), epochs=100, **options), 60_000, has_val=True)
        assert config.training.kernels == ("" if options else "numba")
        return rows_in_memory(memory, config, 60_000, InputKinds(1000), 2)

    # a row of a window takes three times 1,000 numbers of 4 bytes, and 16
    assert rows(400_000_000, kernels="numpy") - rows(400_000_000) == pytest.approx((115 << 20) / 12_016, abs=1)
    with pytest.raises(OptionError, match=r"found 280MB\. Allow that much, or leave Numba out, with --kernels"):
        rows(280_000_000)
    assert rows(280_000_000, kernels="numpy") > 1000


def test_memory_has_room_for_the_small_networks_of_steps_on_sparse_rows() -> None:
    """A step of 64 rows with 75 numbers each touches up to 4,800 of 48,000 inputs: a tenth of 12.3 million parameters.
    A small network has parameters, a gradient and an average of them, and two numbers of Adam for each; there are up to
    four."""
    few, many = (InputKinds(48_000, not_zero=75.0 * times) for times in (0.01, 1))
    config = resolve(TrainConfig(hidden=(256,), kernels="numpy", model="mlp"), 4000, has_val=True)
    least = []
    for inputs in (few, many):
        with pytest.raises(OptionError) as refused:
            rows_in_memory(250_000_000, config, 4000, inputs, 2)
        least.append(int(str(refused.value).split("at least ")[1].split("MB")[0].replace(",", "")))
    # of the few, a step touches 64 inputs; windows, and what a step has of its rows, are far smaller
    assert least[1] - least[0] == pytest.approx((4_800 - 64) * 256 * 4 * 5 * 4 / 1e6, rel=0.05)


def test_the_commonest_class_of_a_code_is_the_first_of_equals() -> None:
    rng = np.random.default_rng(0)
    codes, y = rng.integers(0, 6, 40), rng.integers(0, 4, 40)
    table = np.zeros((8, 4), np.int64)
    np.add.at(table, (codes, y), 1)
    np.testing.assert_array_equal(doubts._commonest(codes, y, 8), table.argmax(axis=1))


def test_no_table_of_bins_by_classes_is_counted() -> None:
    """Of 5,000 classes, a column has 10,000 bins: their table would be 400 MB."""
    K = 5000
    y, x = np.arange(2 * K) % K, np.arange(2.0 * K)[:, None]
    schema = Schema((("x", "number"),), "y", True, (), 1)
    dataset = Dataset(Table(("x",), x), y, tuple(map(str, range(K))), schema, "d.csv", "")
    tracemalloc.start()
    doubts.giveaways(dataset, Split(np.arange(K), np.arange(0), np.arange(K, 2 * K)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


@pytest.mark.filterwarnings("error")
def test_the_median_of_the_largest_numbers_does_not_overflow() -> None:
    assert medians_of(np.array([[-1e308, -1e308], [1e308, 1.2e308], [-1e308, 1e308]])).tolist() == [-1e308, 1.1e308, 0]
    assert median_of(np.array([1.2e308, 1e308])) == 1.1e308
