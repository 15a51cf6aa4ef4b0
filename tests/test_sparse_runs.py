"""Runs on rows without their zeros: stopped and resumed, on the disk, on all rows at once, and from data to figures."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from nncli.config.train_config import TrainConfig
from nncli.data.scaled_rows import RowWindow, SparseMatrix, Subset
from nncli.errors import OptionError
from nncli.explain.separation import separation
from nncli.nn.optimizers import OPTIMIZERS
from nncli.system.threads import multiply_with
from nncli.training.prepare import prepare
from nncli.training.reference import check_reference
from nncli.training.run import run_training
from nncli.training.state import load_state, state_of
from numba_extra import needs_numba
from sparse_training import ELEMENTWISE, both, exactly, rows_and_classes, same, trained, trainer


@pytest.mark.parametrize(
    ("optimizer", "average", "kernels"),
    [
        *((optimizer, "mean", "numpy") for optimizer in [*ELEMENTWISE, "lbfgs"]),
        *(pytest.param(*how, "numba", marks=needs_numba) for how in (("adam", "none"), ("sgd", "mean"))),
    ],
)
def test_a_run_is_resumed_to_the_same_bytes(optimizer: str, average: str, kernels: str) -> None:
    how: dict[str, Any] = {"optimizer": optimizer, "average": average, "epochs": 4, "model": "mlp", "dropout": 0.2}
    how["kernels"] = kernels
    if OPTIMIZERS[optimizer].margin:
        how |= {"model": "mira", "batch_size": 1, "dropout": None}
    if optimizer == "lbfgs":
        how |= {"batch_size": None, "average": "none", "dropout": None}
    X, y = rows_and_classes()
    rows = both(X, y)[1]
    whole, first, second = (trainer(rows, **how) for _ in range(3))
    with multiply_with(1):
        assert len([*whole.run()]) == 4
        assert len([*first.run(until=2)]) == 2
        load_state(second, state_of(first))
        assert len([*second.run()]) == 2
    for name, values in state_of(whole).arrays.items():
        assert values.tobytes() == state_of(second).arrays[name].tobytes(), name


def test_a_run_goes_back_to_a_state_from_within_an_epoch() -> None:
    X, y = rows_and_classes()
    whole, broken = (trainer(both(X, y)[1], optimizer="adam", average="mean", epochs=3) for _ in range(2))
    assert len([*whole.run()]) == 3
    assert len([*broken.run(until=1)]) == 1
    state = state_of(broken)
    broken.begin_epoch()
    broken.step(8)
    broken.step(8)
    load_state(broken, state)
    assert len([*broken.run()]) == 2
    assert broken.network.theta.tobytes() == whole.network.theta.tobytes()
    assert broken.average.mean.tobytes() == whole.average.mean.tobytes()


def test_whoever_moves_the_parameters_begins_an_average_anew() -> None:
    X, y = rows_and_classes()
    found = []
    for rows in both(X, y):
        one = trainer(rows, optimizer=exactly("adam"), average="mean")
        assert len([*one.run(until=1)]) == 1
        one.network.theta *= 0.5
        one.moved(3)
        assert len([*one.run()]) == 1
        found.append(one)
    same(*found)


class Table:
    """A table whose rows are read from the disk, as far as a window knows."""

    def __init__(self, X: csr_array) -> None:
        self.X, self.reads = X, 0

    def __len__(self) -> int:
        return self.X.shape[0]

    def take(self, rows: np.ndarray) -> Table:
        self.reads += 1
        return Table(self.X[rows])


def test_rows_on_the_disk_are_sparse_too() -> None:
    X, y = rows_and_classes()
    table: Any = Table(X)
    window = RowWindow(table, X.shape[1], lambda table: SparseMatrix(table.X, table.X.dtype), 40)
    assert window.is_sparse
    mine = trained(Subset(window, y, np.arange(len(y))), optimizer="adam")
    its = trained(both(X, y)[1], optimizer="adam")
    assert mine.network.theta.tobytes() == its.network.theta.tobytes()
    assert table.reads == 1 + 2 * 5  # one to see what its rows are; five windows of 40 rows in each epoch
    out = np.empty((3, X.shape[1]))
    window.take(np.arange(3), np.empty(0), out)
    np.testing.assert_array_equal(out, X[:3].toarray())


@pytest.mark.parametrize("kernels", ["numpy", pytest.param("numba", marks=needs_numba)])
def test_steps_on_all_rows_copy_none_of_them(kernels: str, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = rows_and_classes()
    how = {"optimizer": "lbfgs", "batch_size": None, "epochs": 5, "kernels": kernels}
    one = trainer(both(X, y, np.arange(0, 200, 2))[1], **how)
    taken = []
    take = SparseMatrix.take_sparse
    monkeypatch.setattr(SparseMatrix, "take_sparse", lambda self, rows: taken.append(take(self, rows)) or taken[-1])
    assert len([*one.run()]) == 5
    alone, *each = taken
    assert len(each) >= 5
    for rows in each:
        assert np.shares_memory(rows.data, alone.data)
        assert np.shares_memory(rows.indices, alone.indices)


@pytest.mark.parametrize("model", ["mlp", "perceptron"])
def test_a_whole_run_comes_to_the_same_figures(model: str) -> None:
    options = {"seed": 3, "dtype": "float64", "epochs": 4, "batch_size": 1 if model == "perceptron" else 8, "l2": 0}
    dense = prepare(TrainConfig(data=("wine",), model=model, **options))
    parts = {name: getattr(dense, name) for name in ("train", "val", "test")}
    X = SparseMatrix(csr_array(dense.train.matrix.values), np.dtype("float64"))
    sparse = dataclasses.replace(dense, **{name: dataclasses.replace(part, matrix=X) for name, part in parts.items()})
    with pytest.raises(OptionError, match="cannot learn from rows of which only what is not 0 is stored"):
        check_reference("trees", sparse)
    check_reference("linear", sparse)
    ours, theirs = (run_training(prepared, reference="linear") for prepared in (sparse, dense))
    assert ours is not None
    assert theirs is not None
    for part in parts:
        for name in ("objective", "accuracy"):
            assert ours.figures[part][name] == pytest.approx(theirs.figures[part][name], rel=1e-6)
    for name in ("accuracy", "difference", "p_value"):
        assert ours.figures["reference"][name] == pytest.approx(theirs.figures["reference"][name])
    assert sparse.train.inputs().toarray().tobytes() == dense.train.inputs().tobytes()
    if model != "perceptron":
        return
    wanted, found = (separation(run.model, prepared.train) for run, prepared in ((theirs, dense), (ours, sparse)))
    assert (found.separable, found.R) == (wanted.separable, pytest.approx(wanted.R))


def test_rows_without_any_entry() -> None:
    """As texts without a word: a batch of such rows moves the biases, and what steps before have set in motion."""
    X, y = rows_and_classes(64)
    X = csr_array(X * (np.arange(64) % 16 < 8)[:, None])
    X.eliminate_zeros()
    assert X[8:16].nnz == 0
    found = []
    for rows in both(X, y):
        one = trainer(rows, optimizer="momentum", schedule="constant")
        one.begin_epoch()
        one.rows.order = np.arange(64)
        while len(one.rows_left):
            one.step(8)
        found.append(one)
    assert found[1].parameters.touched.missed.now == 8, "no step was taken by all weights"
    for one in found:
        one.end_epoch()
    same(*found)
