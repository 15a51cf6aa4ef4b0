"""Define metrics: figures of judged rows, each from what it has to know of a row."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from nncli.errors import mention
from nncli.metrics.rows import Floats, ScoredRows
from nncli.nn.components import Configurable, setting

Need = Literal["classes", "scores", "probabilities", "losses", "costs", "numbers"]
NO_ROWS = "a class has no rows"
AVERAGES = ("", "positive", "macro", "weighted")


@dataclass(eq=False)
class Metric(Configurable):
    """A figure of n rows. A metric is defined by what it has to know of each row, its evidence, and by its value for
    rows of which each counts a whole number of times: so it can be resampled.

    `title`              its name for a person
    `meaning`            what it says, in words for a person who knows no statistics
    `in_percent`         it is shown so
    `needs`              what it is worked out from
    `higher_is_better`   in which direction is better
    `is_mean`            it is the mean of its evidence, one number for each row
    `is_skewed`          it is a share that is mostly near 1, whose few resampled values are not as far above as below
    `is_discrete`        many rows have the same class and evidence
    `least`, `most`      the values that it is never below and above, unless it is a mean
    `by_class`           only what happens within each class counts, and not how many rows the classes have
    """

    name: ClassVar[str]
    title: ClassVar[str]
    meaning: ClassVar[str]
    in_percent: ClassVar[bool] = False
    needs: ClassVar[Need] = "classes"
    higher_is_better: ClassVar[bool] = True
    is_mean: ClassVar[bool] = False
    is_skewed: ClassVar[bool] = False
    is_discrete: ClassVar[bool] = False
    least: ClassVar[float] = 0.0
    most: ClassVar[float] = 1.0
    by_class: ClassVar[bool] = False

    @property
    def is_of_positive(self) -> bool:
        """Tell whether it is another figure if the other one of two classes is the positive one."""
        return False

    @abstractmethod
    def evidence(self, rows: ScoredRows) -> NDArray[Any]:
        """Return what must be known of each row beside its class, (n, any)."""

    @abstractmethod
    def values(self, evidence: NDArray[Any], y: NDArray[np.int64], counts: Floats) -> Floats:
        """Return the value (B,) for each row of `counts` (B, n), which has how many times each of n rows counts; NaN
        where it is not defined."""

    def value(self, rows: ScoredRows) -> float:
        """Return the value of some rows, of which `problem` says nothing."""
        return float(self.values(self.evidence(rows), rows.y, np.ones((1, len(rows))))[0])

    def share(self, rows: ScoredRows) -> tuple[int, int] | None:
        """Return how many of how many, if the value is the share of some rows that something holds for; None if not."""
        return None

    def own_interval(self, rows: ScoredRows, z: float) -> tuple[str, tuple[float, float]] | None:
        """Return the interval and the name of its method, if neither resampled rows nor the table of classes can tell
        it; None where they can. It is of 95 %, unless `z`, a point of the normal distribution, says otherwise."""
        return None

    def problem(self, rows: ScoredRows) -> tuple[str, str] | None:
        """Say why it is not defined for some rows, and what to use in its place; None where it is."""
        if self.needs == "numbers" and rows.K:
            return "it is of numbers, and the model predicts classes", "Use accuracy"
        if self.needs != "numbers" and not rows.K and self.needs != "losses":
            return "it is of classes, and the model predicts numbers", "Use rmse"
        if self.needs == "probabilities" and not rows.probabilistic:
            return "the model gives scores, not probabilities", "Use accuracy or roc-auc"
        if self.needs == "losses" and rows.losses is None:
            other = "log-loss" if rows.probabilistic else "accuracy" if rows.K else "rmse"
            return "each model has the loss that it was trained to minimise", f"Use {other}"
        if self.needs == "costs" and rows.costs is None:
            return "nobody said what mistakes cost", f"Train with {mention('cost')}"
        return None

    @property
    def spec(self) -> str:
        """Write it as the command line has it, with the settings that are not the usual ones."""
        settings = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        usual = dataclasses.asdict(type(self)())
        return ":".join([self.name, *(f"{key}={its}" for key, its in settings.items() if its != usual[key])])

    def label(self, positive: str | None) -> str:
        """Return its name for a person, with what it is of: a positive class, if there is one."""
        return self.title

    def badness(self, value: float) -> float:
        """Return a number that is lower for a better value."""
        return 1 - value if self.higher_is_better else value


class MeanOfRows(Metric):
    """A mean of one number for each row."""

    is_mean = True

    @abstractmethod
    def contributions(self, rows: ScoredRows) -> Floats:
        """Return the number of each row, (n,)."""

    def evidence(self, rows: ScoredRows) -> Floats:
        return self.contributions(rows)[:, None]

    def values(self, evidence: NDArray[Any], y: NDArray[np.int64], counts: Floats) -> Floats:
        values: Floats = counts @ evidence[:, 0].astype(np.float64) / counts.sum(axis=1)
        return values

    def value(self, rows: ScoredRows) -> float:
        return float(self.contributions(rows).mean())


class FromConfusions(Metric):
    """A function of how many rows of each class there are, are predicted as it, and are so rightly: t, c and r."""

    is_discrete = True

    @property
    def is_of_all_classes(self) -> bool:
        """Tell whether all classes that have rows have their part in it, however few these are."""
        return False

    @abstractmethod
    def of_counts(self, right: Floats, rows: Floats, claimed: Floats) -> Floats:
        """Return the value (B,) from r, t and c, (B, classes) each: the classes that occur, or both of two."""

    def evidence(self, rows: ScoredRows) -> NDArray[np.int64]:
        return rows.predicted[:, None]

    def value(self, rows: ScoredRows) -> float:
        y, predicted, counts = rows.confusions.T
        return float(self.values(predicted[:, None], y, counts[None].astype(np.float64))[0])

    def values(self, evidence: NDArray[Any], y: NDArray[np.int64], counts: Floats) -> Floats:
        predicted = evidence[:, 0].astype(np.int64)
        # of many classes, few occur; of two, it has to be known which
        codes = np.unique(np.concatenate([[0, 1], y, predicted]))
        if codes[-1] > 1:
            codes = np.unique(np.concatenate([y, predicted]))
            y, predicted = np.searchsorted(codes, y), np.searchsorted(codes, predicted)
        right, rows = y == predicted, _by_class(counts, y, len(codes))
        claimed = _by_class(counts, predicted, len(codes))
        found = self.of_counts(_by_class(counts[:, right], y[right], len(codes)), rows, claimed)
        if self.is_of_all_classes:  # drawn without one of them, it would be an average of others
            found = np.where((rows[:, np.unique(y)] > 0).all(axis=1), found, np.nan)
        return found


@dataclass(eq=False)
class OfAClass(FromConfusions):
    """A figure of a class: that of the positive class, or an average over the classes that have rows."""

    average: str = setting("", "positive, macro or weighted", lambda value: value in AVERAGES)

    @abstractmethod
    def of_each(self, right: Floats, rows: Floats, claimed: Floats) -> Floats:
        """Return the value for each class, (B, classes)."""

    @property
    def is_of_positive(self) -> bool:
        return self.average in ("", "positive")

    @property
    def is_of_all_classes(self) -> bool:
        return self.average == "macro"

    def of_counts(self, right: Floats, rows: Floats, claimed: Floats) -> Floats:
        each = self.of_each(right, rows, claimed)
        if self.is_of_positive:
            return np.where(rows[:, 1] > 0, each[:, 1], np.nan)
        weights = rows if self.average == "weighted" else (rows > 0).astype(np.float64)
        return shares((each * weights).sum(axis=1), weights.sum(axis=1))

    def label(self, positive: str | None) -> str:
        if self.is_of_positive:
            return f"{self.title} of {positive}"
        return f"{self.title}, {self.average}"

    def share_of(self, rows: ScoredRows, of: NDArray[np.int64]) -> tuple[int, int] | None:
        """Return how many of the rows that have the positive class in `of` have it and are predicted as it."""
        if not self.is_of_positive or not np.any(of == 1):
            return None
        return int(np.count_nonzero((rows.y == 1) & (rows.predicted == 1))), int(np.count_nonzero(of == 1))

    def problem(self, rows: ScoredRows) -> tuple[str, str] | None:
        if self.is_of_positive and rows.K > 2:
            others = (dataclasses.replace(self, average=one).spec for one in ("macro", "weighted"))
            return f"of {rows.K:,} classes none is the positive one", f"Use {' or '.join(others)}"
        if self.is_of_positive and 1 not in rows.present:
            return NO_ROWS, "Use accuracy"
        return super().problem(rows)


class OfARanking(Metric):
    """A figure of the order of the rows by how far a class is ahead: that of the second of two classes, or the mean
    over all classes, each against the rest."""

    needs = "scores"

    @abstractmethod
    def of_order(self, own: Floats, above: Floats) -> Floats:
        """Return the value (B,) from how many rows of the class, and how many of all, are at least as far ahead as
        each row in turn, the furthest first, (B, n) each; those that are equally far ahead are one row."""

    def evidence(self, rows: ScoredRows) -> Floats:
        return np.stack([rows.lead(k) for k in self._classes(rows)], axis=1)

    def values(self, evidence: NDArray[Any], y: NDArray[np.int64], counts: Floats) -> Floats:
        total, classes = np.zeros(len(counts)), [1] if evidence.shape[1] == 1 else range(evidence.shape[1])
        for column, k in zip(evidence.T, classes, strict=True):
            total += self._of_class(column, y == k, counts)
        return total / len(classes)

    def value(self, rows: ScoredRows) -> float:
        classes, once = self._classes(rows), np.ones((1, len(rows)))  # one class at a time, as there may be many
        return float(np.mean([self._of_class(rows.lead(k), rows.y == k, once)[0] for k in classes]))

    def problem(self, rows: ScoredRows) -> tuple[str, str] | None:
        if len(rows.present) < rows.K:
            return NO_ROWS, "Use accuracy or log-loss"
        return super().problem(rows)

    @abstractmethod
    def influence_of_class(self, lead: Floats, is_own: NDArray[np.bool_]) -> Floats:
        """Return by how much the figure of a class grows, (n,), where each row in turn counts a little more, divided by
        that little."""

    def influence(self, rows: ScoredRows) -> Floats:
        """Return by how much the figure grows, (n,), where each row in turn counts a little more, divided by that
        little: the squares add up to its variance, for many rows (Jaeckel 1972)."""
        found, classes = np.zeros(len(rows)), self._classes(rows)
        for k in classes:
            found += self.influence_of_class(rows.lead(k), rows.y == k)
        return found / len(classes)

    def influence_of(self, evidence: Floats, y: NDArray[np.int64]) -> Floats:
        """Return by how much the figure grows, (n,), where each row counts a little more, divided by that little, from
        the evidence and the classes y (n,) of the rows."""
        classes = [1] if evidence.shape[1] == 1 else range(evidence.shape[1])
        each = [self.influence_of_class(lead, y == k) for k, lead in zip(classes, evidence.T, strict=True)]
        return np.mean(each, axis=0)

    @staticmethod
    def _classes(rows: ScoredRows) -> range:
        return range(1, 2) if rows.K == 2 else range(rows.K)

    def _of_class(self, lead: NDArray[Any], is_own: NDArray[np.bool_], counts: Floats) -> Floats:
        order = np.argsort(-lead, kind="stable")
        counts = counts[:, order]
        own, above = (counts * is_own[order]).cumsum(axis=1), counts.cumsum(axis=1)
        last = np.append(np.diff(lead[order]) != 0, True)
        return self.of_order(own, above) if last.all() else self.of_order(own[:, last], above[:, last])


def shares(part: NDArray[Any], whole: NDArray[Any]) -> Floats:
    """Return part / whole, and 0 where the whole is 0."""
    found = np.zeros(np.broadcast_shapes(part.shape, whole.shape))
    np.divide(part, whole, out=found, where=whole != 0)
    return found


def _by_class(counts: Floats, codes: NDArray[np.int64], K: int) -> Floats:
    """Return the sums (B, K) of the counts (B, n) over the rows of each code (n,)."""
    if len(counts) == 1:
        return np.bincount(codes, counts[0], K)[None].astype(np.float64)
    table = np.zeros((len(codes), K))
    table[np.arange(len(codes)), codes] = 1
    sums: Floats = counts @ table
    return sums
