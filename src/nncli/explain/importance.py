"""Permutation importance: how much worse a metric gets where a column is shuffled among the rows (Breiman 2001)."""

from __future__ import annotations

import copy
import dataclasses
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from nncli.data.csv.parallel import side_by_side
from nncli.data.dataset import Positions, Table
from nncli.data.sparse_numbers import SparseNumbers
from nncli.explain.columns import correlated, inputs_of
from nncli.metrics.intervals import MOST_CELLS, middle, resampled, resampled_groups, strata
from nncli.metrics.metric import Metric
from nncli.metrics.paired import sums_of_groups
from nncli.metrics.rows import Floats, ScoredRows
from nncli.metrics.student import Z
from nncli.model.model import Model
from nncli.model.network import EVAL_ROWS
from nncli.nn.buffers import zeros
from nncli.nn.first_layer import split
from nncli.nn.layers import Array, Dense
from nncli.nn.network import Network
from nncli.nn.plain import plain
from nncli.system.output import counted
from nncli.system.threads import multiply_with, reader_threads

if TYPE_CHECKING:
    from scipy.sparse import csr_array

SEED = 0  # the same rows are shuffled in the same way
MOST_KINDS = 100  # of rows that are counted together
MOST_SHUFFLED = 500  # columns of sparse rows: with more, it takes minutes
REPEATS = 5  # of the shuffling of a column, where nobody says how many
SIZE_FOR_THREADS = 1000  # parameters behind the first layer: with fewer, threads mostly wait for one another
DRAWS = 50  # of which the standard deviation is right within a fifth


@dataclass(frozen=True)
class Importance:
    """How much worse the metric gets without what a column says, with its 95 % interval, None where it is not known."""

    column: str
    importance: float
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class Importances:
    """The columns, the most important first, and the pairs that are strongly correlated, with how strongly; and how
    many columns were not shuffled, as shuffling them would move the scores less: see `most_moving`."""

    metric: Metric
    value: float  # of the metric, on rows that are not shuffled
    columns: list[Importance]
    correlated: list[tuple[str, str, float]]
    left_out: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return what `explain --json` says of importance."""
        columns = [dataclasses.asdict(one) | {"interval": one.interval and list(one.interval)} for one in self.columns]
        pairs = [{"columns": [a, b], "correlation": V} for a, b, V in self.correlated]
        return {"value": self.value, "importance": columns, "left_out": self.left_out, "correlated": pairs}

    def say_left_out(self) -> str:
        """Say how many columns were not shuffled, and which; nothing where all were."""
        if not self.left_out:
            return ""
        most, others = counted(len(self.columns), "column"), counted(self.left_out, "other")
        return f"shuffled are the {most} that move the first layer most, and not {others}, which move it less"

    def to_table(self) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Return the header and the rows of `explain --csv`."""
        rows = [(one.column, one.importance, *(one.interval or (None, None))) for one in self.columns]
        return ("column", "importance", "low", "high"), rows


def suited(model: Model) -> str:
    """Name the metric that suits a model: RMSE of numbers; the cost of mistakes, if it is known; or else one that
    probabilities, if there are any, change at once."""
    if model.target is not None:
        return "rmse"
    if model.decision is not None and model.decision.costs:
        return "cost"
    return "log-loss" if model.probabilistic else "accuracy"


def permutations(n: int, repeats: int) -> NDArray[np.int64]:
    """Draw so many orders of n rows, (repeats, n)."""
    return np.random.default_rng(SEED).permuted(np.tile(np.arange(n), (repeats, 1)), axis=1)


def importances(
    model: Model,
    table: Table,
    rows: ScoredRows,
    metric: Metric,
    orders: NDArray[np.int64],
    on_column: Callable[[int, str], None] = lambda done, name: None,
) -> Importances:
    """Return the importance of each column for the rows of a table, of which `rows` has what the model says.

    That is the mean, over the `orders` (repeats, n) in which the column is put, of how much worse the metric gets. A
    text with all its categories is one column, and so is a date.
    """
    words, dtype, inputs = model.preprocess.words, model.network.dtype, inputs_of(model.schema, model.preprocess)
    columns: list[tuple[str, slice | int]] = [*inputs.items()]  # a number is that of a column of words
    shuffled: _ShuffledRows | _ShuffledRowsOfMembers
    if words is not None:
        X: Any = model.preprocess.others(table, dtype).slice(0, len(table))
        texts = [words.of_column(table.texts[name], i, dtype) for i, name in enumerate(words.columns)]
        shuffled = _ShuffledRowsOfMembers(model.network, X, texts)
        columns += [(name, i) for i, name in enumerate(words.columns)]
    else:
        X = model.preprocess.transform(table, dtype).slice(0, len(table))
        shuffled = (_ShuffledRowsOfMembers if model.network.is_several else _ShuffledRows)(model.network, X)
    left_out, is_sparse = 0, not isinstance(X, np.ndarray)
    starts = shuffled.X.indptr if is_sparse else None
    if is_sparse and len(columns) > MOST_SHUFFLED:
        left_out = len(columns) - MOST_SHUFFLED
        columns = [columns[i] for i in most_moving(X, shuffled.weights, list(inputs.values()), MOST_SHUFFLED)]

    def never(place: slice | int) -> bool:
        """Tell whether sparse rows have nothing but zeros there, as in many of their columns."""
        return starts is not None and isinstance(place, slice) and bool(starts[place.start] == starts[place.stop])

    found, own = list[Importance](), threading.local()

    def importance_of(column: tuple[str, Any]) -> Importance:
        name, place = column
        if never(place):
            return Importance(name, 0.0, None)
        if not hasattr(own, "shuffled"):
            own.shuffled = shuffled.of_thread()
        changed = (_said(model, rows, own.shuffled.scores(place, order)) for order in orders)
        return Importance(name, *spread.change([metric.evidence(its.oriented) for its in changed]))

    is_short = metric.is_mean and split(model.network)[1].size < SIZE_FOR_THREADS
    threads = 1 if is_short else reader_threads()
    with multiply_with(1):  # the columns take the threads
        # by the same products as in another order, so that where nothing changes there is no difference of rounding
        as_they_are: Any = shuffled.of_thread()
        Z = as_they_are.scores(columns[0][1], np.arange(len(table)))
        spread = _Spread(metric, _said(model, rows, Z).oriented)
        each = side_by_side(importance_of, columns, threads) if threads > 1 else map(importance_of, columns)
        for done, one in enumerate(each, 1):
            found.append(one)
            on_column(done, one.column)
    found.sort(key=lambda one: -one.importance)
    return Importances(metric, metric.value(rows.oriented), found, correlated(X, inputs), left_out)


def most_moving(X: csr_array, W: Array, places: Sequence[slice], most: int) -> list[int]:
    """Return which columns, in their order, move the outputs of the first layer most where they are shuffled among the
    rows X (n, d). Of an input j with weights W_j (d, h), one row differs from another by (x − x′) W_j, on average
    √(E ‖(x − x′) W_j‖²) = √2 σ_j ‖W_j‖; of a column, the squares of its inputs add up."""
    squares = SparseNumbers(X).deviation(np.arange(X.shape[0])) ** 2 * np.einsum("ij,ij->i", W, W, dtype=np.float64)
    ends = np.concatenate([[0.0], np.cumsum(squares)])
    moved = ends[[place.stop for place in places]] - ends[[place.start for place in places]]
    return sorted(np.argsort(-moved, kind="stable")[:most].tolist())


class _ShuffledRows:
    """Scores of rows in which a column is shuffled: Z₁' = (X'_J − X_J) W_J + Z₁ for its inputs J, so that the first
    and largest product, Z₁ = X W + b, is worked out once: it is the bias, one for each row, of a first layer of J."""

    changed: Network  # that has such a first layer; of a thread

    def __init__(self, network: Network, X: Array) -> None:
        self.network = network = plain(network)
        first = network.dense[0]
        self.Z = zeros((X.shape[0], first.units), X.dtype)
        first.forward(X, self.Z)
        self.X = _transposed(X)  # of which columns are taken
        # the last bias, for each row: ten times as fast to add as one for all rows, which are short
        self.b = np.tile(network.dense[-1].b, (min(X.shape[0], EVAL_ROWS), 1))

    @property
    def weights(self) -> Array:
        """Return the weights of the first layer, (d, h)."""
        return self.network.dense[0].W

    def of_thread(self) -> Self:
        """Return the same rows for one thread, which needs a network of its own."""
        own, behind = copy.copy(self), self.network.after_first()
        theta = behind.theta
        own.changed = Network(1, [Dense(self.network.dense[0].units), *behind.layers], behind.dtype.name)
        own.changed.theta[own.changed.size - len(theta) :] = theta
        return own

    def scores(self, inputs: slice, order: Positions) -> Array:
        """Return Z (n, outputs) where these inputs of row i are those of row order[i]."""
        X, first, last = _some(self.X, inputs), self.changed.dense[0], self.changed.dense[-1]
        D, first.W = _two_at_least(X.take(order, axis=1) - X).T, _two_at_least(self.network.dense[0].W[inputs])
        found = np.empty((len(D), self.changed.widths[-1]), X.dtype)
        with np.errstate(all="ignore"):
            for start in range(0, len(D), EVAL_ROWS):
                part = slice(start, start + EVAL_ROWS)
                last.b = self.b[: len(D[part])]
                first.b = self.Z[part]  # also of a linear model, whose first layer is its last
                found[part] = self.changed.forward(D[part])
        return found


class _ShuffledRowsOfMembers:
    """Scores of rows in which a column is shuffled, by one network or by several with their first layers side by side.
    Behind the inputs X (n, k) there may be those of texts, a csr_array for each column of words."""

    def __init__(self, network: Network, X: Array, texts: Sequence[csr_array] = ()) -> None:
        self.network, self.X = network, _transposed(X)
        self.first, self.rest = split(network)
        self.Z, k = X @ self.first.W[: X.shape[1]] + self.first.b, X.shape[1]
        self.texts = [one @ self.first.W[k:] for one in texts]  # what each column adds to Z₁, (n, h)
        for one in self.texts:
            self.Z += one

    @property
    def weights(self) -> Array:
        """Return the weights of the first layers, (d, h)."""
        return self.first.W

    def of_thread(self) -> Self:
        """Return the same rows for one thread, which needs buffers of its own."""
        own = copy.copy(self)
        own.rest = split(self.network)[1]
        return own

    def scores(self, inputs: slice | int, order: Positions) -> Array:
        """Return Z (n, outputs) where these inputs, or the column of words of that number, of row i are those of row
        order[i]."""
        parts, W = list[Array](), None
        if isinstance(inputs, int):
            its = self.texts[inputs]
            D = its[order] - its
        else:
            X, W = _some(self.X, inputs), self.first.W[inputs]
            D = (X.take(order, axis=1) - X).T
        with np.errstate(all="ignore"):
            for start in range(0, len(D), EVAL_ROWS):
                part = slice(start, start + EVAL_ROWS)
                D1 = D[part] if W is None else D[part] @ W
                parts.append(self.rest.forward(D1 + self.Z[part]).copy())
        return np.concatenate(parts)


def _transposed(X: Any) -> Any:
    """Return Xᵀ (d, n), so that the rows of it are quick to take."""
    return np.ascontiguousarray(X.T) if isinstance(X, np.ndarray) else X.T.tocsr()


def _some(X: Any, inputs: slice) -> Array:
    """Return some rows of what `_transposed` gives, with all zeros."""
    found: Array = X[inputs] if isinstance(X, np.ndarray) else X[inputs].toarray()
    return found


def _two_at_least(rows: Array) -> Array:
    """Return the rows, with one of zeros behind a single one: of two columns, NumPy leaves a product to the matrix
    kernels, of one it does not, which takes four times as long."""
    return rows if len(rows) > 1 else np.vstack([rows, np.zeros_like(rows)])


def _said(model: Model, rows: ScoredRows, Z: Array) -> ScoredRows:
    """Return the rows with other scores."""
    losses = None if rows.losses is None else model.losses(Z, rows.y)
    if model.target is not None:
        return dataclasses.replace(rows, predicted=model.numbers(Z), losses=losses)
    return dataclasses.replace(rows, predicted=model.predicted(Z), logits=model.logits(Z), losses=losses)


class _Spread:
    """How much worse a metric gets, and how sure that is: of the mean of rows by the spread of their differences, of
    groups of them where there are groups; of any other by the bootstrap, with the same draws for all columns."""

    def __init__(self, metric: Metric, rows: ScoredRows) -> None:
        self.metric, self.rows, self.evidence = metric, rows, metric.evidence(rows)
        self.sign = 1 if metric.higher_is_better else -1
        self.draws = [] if metric.is_mean else _draws(metric, rows, self.evidence.shape[1])
        self.drawn = self._values(self.evidence)

    def change(self, others: list[NDArray[Any]]) -> tuple[float, tuple[float, float] | None]:
        """Return the mean change from the evidence of the rows to each of the others, and its interval."""
        if self.metric.is_mean:
            own = self.evidence[:, 0].astype(np.float64, copy=False)
            return _mean(self.sign * sum(own - one[:, 0] for one in others) / len(others), self.rows.groups)
        y, once = self.rows.y, np.ones((1, len(self.rows)))
        value, *values = (float(self.metric.values(one, y, once)[0]) for one in (self.evidence, *others))
        change = self.sign * float(np.mean(value - np.array(values))) + 0.0  # and not −0.0
        if not self.draws:
            return change, None
        drawn = self.sign * np.mean([self.drawn - self._values(one) for one in others], axis=0)
        low, high = middle(drawn, change)
        return change, (low, high) if low < high else None

    def _values(self, evidence: NDArray[Any]) -> Floats:
        """Return the value for each draw; rows of one class and one evidence are counted together."""
        y, draws = self.rows.y, self.draws
        if self.metric.is_discrete and draws:
            codes, first, kind = np.unique(y * self.rows.K + evidence[:, 0], return_index=True, return_inverse=True)
            if len(codes) <= MOST_KINDS:
                of_kind = (kind[:, None] == np.arange(len(codes))).astype(np.float64)
                evidence, y, draws = evidence[first], y[first], [counts @ of_kind for counts in draws]
        return np.concatenate([np.empty(0), *(self.metric.values(evidence, y, counts) for counts in draws)])


def _mean(d: Floats, groups: NDArray[np.int64] | None) -> tuple[float, tuple[float, float] | None]:
    """Return the mean of numbers d (n,) and its normal interval: of sums s_g over groups of n_g, the variance is
    m / (m − 1) Σ_g (s_g − n_g d̄)² / n², and without groups each row is one."""
    mean, n = float(d.mean()), len(d)
    e = d - mean
    if groups is not None:
        e = sums_of_groups(e, groups)
    m = len(e)
    half = Z * math.sqrt(float(e @ e) * m / (m - 1)) / n if m > 1 else 0.0
    return mean, (mean - half, mean + half) if half > 0 else None


def _draws(metric: Metric, rows: ScoredRows, columns: int) -> list[Floats]:
    """Draw rows, or groups of them, `DRAWS` times; return how many times each is drawn, (some, n) each. Of too many
    rows, none."""
    n = len(rows)
    if n * max(1, rows.K) > MOST_CELLS:
        return []
    drawn = (
        resampled(strata(metric, rows.y), np.ones(n, np.int64), columns)
        if rows.groups is None
        else resampled_groups(rows.groups, columns)
    )
    found = list[Floats]()
    while (left := DRAWS - sum(map(len, found))) > 0:
        found.append(next(drawn)[:left])
    return found
