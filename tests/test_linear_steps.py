"""Steps of a linear model that are taken many at a time: they come to what those do that are taken one by one."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from nncli.data.scaled_rows import Matrix, RowWindow, SparseMatrix, Subset
from nncli.errors import TrainingError
from nncli.nn import missed_steps
from nncli.system.threads import multiply_with
from nncli.training.state import load_state, state_of
from nncli.training.trainer import Trainer
from numba_extra import needs_numba
from sparse_training import sparse_rows, trainer

pytestmark = needs_numba
N, D, FEW = 700, 70_000, 2000  # rows, inputs; and so few that steps are taken for all weights


def numbers(dtype: str = "float64", d: int = D) -> csr_array:
    """Rows of which some have no entry, others enough for the threads to share a batch of them."""
    X = sparse_rows(N, d, 30, dtype=dtype)
    X.data[np.repeat(np.arange(N) % 50 == 7, np.diff(X.indptr))] = 0
    X.eliminate_zeros()
    X.sort_indices()
    return X


def rows(classes: int = 2, X: csr_array | None = None, d: int = D) -> Subset:
    """Those rows, or others, of classes that training can tell apart in part."""
    X = numbers(d=d) if X is None else X
    y = np.asarray(X.sum(axis=1) > 0) + np.random.default_rng(1).integers(classes, size=N)
    return Subset(SparseMatrix(X, X.dtype), y % classes, np.arange(N))


def reference(train: Subset) -> Subset:
    """The same rows: with their zeros, so that no weight misses a step, where steps are taken for all weights."""
    if train.matrix.width > FEW:
        return train
    return Subset(Matrix(train.matrix.values.toarray(), train.matrix.dtype), train.y, train.rows)


def run(train: Subset, kernels: str = "numba", **options: Any) -> Trainer:
    """A trainer after its run, on three threads."""
    one = trainer(train, **{"kernels": kernels, "batch_size": 20, "epochs": 3, **options})
    with multiply_with(3):
        assert len([*one.run()]) == one.epochs
    return one


def taken_at_once(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of steps that are taken at once from now on, call by call."""
    from nncli.nn.kernels.linear_steps import LinearSteps

    found, take = list[int](), LinearSteps.take

    def noted(self: LinearSteps, *args: Any) -> Any:
        taken = take(self, *args)
        found.append(len(taken.losses))
        return taken

    monkeypatch.setattr(LinearSteps, "take", noted)
    return found


def assert_same(one: Trainer, other: Trainer, eps: float = 1e-10) -> None:
    np.testing.assert_allclose(one.network.theta, other.network.theta, rtol=0, atol=eps)
    for mine, its in zip(one.history, other.history, strict=True):
        assert mine.train_loss == pytest.approx(its.train_loss, rel=max(eps, 1e-12))
        assert mine.train_accuracy == its.train_accuracy
        assert mine.steps is not None
        assert its.steps is not None
        assert mine.steps.gradient_norm == pytest.approx(its.steps.gradient_norm, rel=max(eps, 1e-12))
    for name, values in state_of(other).arrays.items():
        np.testing.assert_allclose(state_of(one).arrays[name], values, rtol=0, atol=eps, err_msg=name)


@pytest.mark.parametrize(
    ("classes", "options"),
    [
        (2, {"model": "logistic"}),
        (2, {"model": "softmax", "label_smoothing": 0.1}),
        (2, {"model": "logistic", "label_smoothing": 0.1, "lr_scale": "weight=0.5,bias=3"}),
        (7, {"model": "softmax", "optimizer": "adam:beta1=0.8", "schedule": "constant"}),
        (3, {"model": "softmax", "optimizer": "adamw", "l2": 0.0, "batch_size": 64}),
    ],
    ids=str,
)
@pytest.mark.parametrize("d", [D, FEW])
def test_steps_come_to_those_of_numpy(
    d: int, classes: int, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, train = taken_at_once(monkeypatch), rows(classes, d=d)
    fused = run(train, **options)
    steps = -(-N // options.get("batch_size", 20))
    assert sum(taken) == 3 * steps
    assert max(taken) == min(steps, 32)
    assert_same(fused, run(reference(train), "numpy", **options))
    assert sum(taken) == 3 * steps, "NumPy takes them one by one"


@pytest.mark.parametrize("d", [D, FEW])
def test_single_numbers_come_to_the_same_but_for_their_rounding(d: int) -> None:
    train, how = rows(5, numbers("float32", d)), {"optimizer": "adam:eps=0.001"}  # which does not make small sums large
    assert_same(run(train, **how), run(reference(train), "numpy", **how), 1e-5)


def test_steps_are_planned_anew_when_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    train, how = rows(), {"optimizer": "adam:eps=1e-30"}  # with which it does not matter when rows are caught up
    whole, taken = run(train, **how), taken_at_once(monkeypatch)
    monkeypatch.setattr(missed_steps, "MOST", 10)
    parts = run(train, **how)
    assert taken == [10, 10, 10, 5] * 3
    assert_same(parts, whole)


def test_from_a_step_for_many_entries_on_all_of_an_epoch_are_taken_for_all_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where every fourth batch has a row with entries for two thirds of the inputs."""
    from nncli.nn.kernels import step_loops, whole_step_loops

    X, kinds = numbers().tolil(), list[str]()
    for i in range(0, N, 80):
        X[[i], : 2 * D // 3] = np.random.default_rng(i).normal(size=2 * D // 3)
    train, how = rows(X=csr_array(X)), {"optimizer": "adam:eps=1e-30"}  # as above

    def noted(module: Any, name: str) -> None:
        take = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *args: kinds.append(name) or take(*args))

    noted(step_loops, "take_steps")
    noted(whole_step_loops, "take_whole_steps")
    one = run(train, **how)
    assert set(kinds) == {"take_steps", "take_whole_steps"}
    backwards = [pair for pair in itertools.pairwise(kinds) if pair == ("take_whole_steps", "take_steps")]
    assert len(backwards) <= 2, "at the beginnings of the second epoch and the third"
    assert_same(one, run(train, "numpy", **how))


def test_rows_whose_entries_are_in_no_order_are_learned_from_too() -> None:
    X = numbers(d=FEW)
    mixed = X[:, ::-1].sorted_indices()
    mixed.data, mixed.indices = mixed.data.copy(), FEW - 1 - mixed.indices
    mixed.has_sorted_indices = False
    np.testing.assert_array_equal(mixed.toarray(), X.toarray())
    assert_same(run(rows(X=mixed)), run(rows(X=X)), 0)


@pytest.mark.parametrize("d", [D, FEW])
def test_numbers_that_are_not_finite_are_said_as_by_numpy(d: int) -> None:
    X, said = numbers(d=d), list[str]()
    X.data[X.indptr[300]] = np.inf
    for kernels in ("numpy", "numba"):
        with pytest.raises(TrainingError) as found:
            run(rows(X=X), kernels)
        said.append(str(found.value))
    assert said[0] == said[1]


@pytest.mark.parametrize("d", [D, FEW])
def test_a_step_with_squares_that_are_too_large_is_taken_as_by_numpy(d: int, monkeypatch: pytest.MonkeyPatch) -> None:
    X = numbers(d=d)
    X.data[X.indptr[300]] = 1e200
    taken = taken_at_once(monkeypatch)
    one, other = run(rows(X=X)), run(reference(rows(X=X)), "numpy")
    assert sum(taken) < 3 * 35
    np.testing.assert_array_equal(np.isfinite(one.network.theta), np.isfinite(other.network.theta))
    assert_same(one, other, 1e-10 if d == D else 1e-6)  # as the step that NumPy takes is for some weights


@pytest.mark.parametrize("d", [D, FEW])
def test_the_same_bytes_in_memory_from_the_disk_and_resumed(d: int) -> None:
    class Table:
        """A table whose rows are read from the disk, as far as a window knows."""

        def __init__(self, X: csr_array) -> None:
            self.X = X

        def __len__(self) -> int:
            return self.X.shape[0]

        def take(self, rows: np.ndarray) -> Table:
            return Table(self.X[rows])

    X, train = numbers(d=d), rows(d=d)
    table: Any = Table(X)
    window = RowWindow(table, d, lambda table: SparseMatrix(table.X, table.X.dtype), 90)
    whole, again, stored = run(train), run(train), run(Subset(window, train.y, train.rows))
    first, second = (trainer(train, kernels="numba", batch_size=20, epochs=3) for _ in range(2))
    with multiply_with(3):
        assert len([*first.run(until=2)]) == 2
        load_state(second, state_of(first))
        assert len([*second.run()]) == 1
    for other in (again, stored, second):
        for name, values in state_of(whole).arrays.items():
            assert values.tobytes() == state_of(other).arrays[name].tobytes(), name
        assert [one.train_loss for one in other.history] == [one.train_loss for one in whole.history]


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": "momentum"},
        {"average": "mean"},
        {"l2": 0.01},
        {"clip_norm": 1.0},
        {"input_dropout": 0.1},
        {"model": "mlp", "hidden": (3,)},
        {"model": "svm"},
    ],
    ids=str,
)
def test_other_steps_are_taken_one_by_one(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    taken = taken_at_once(monkeypatch)
    run(rows(), epochs=1, **options)
    assert not taken
