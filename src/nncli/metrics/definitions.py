"""The metrics. To add one, write one class here: its formula, its direction, what it needs, and its value.

Of n rows, y_i is the true class of row i, ŷ_i the predicted one and p_i the probability of its true class. Of class k,
t_k is the number of its rows, c_k how many are predicted as it, and r_k how many of those are its own. The metrics of
numbers are written in `of_numbers.py`, and registered at the end of this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.metrics.metric import FromConfusions, MeanOfRows, Metric, OfAClass, OfARanking, shares
from nncli.metrics.of_numbers import (
    CoefficientOfDetermination,
    MeanAbsoluteDeviation,
    MedianAbsoluteError,
    RootMeanSquaredError,
)
from nncli.metrics.rows import Floats, ScoredRows
from nncli.nn.components import positive as above_zero
from nncli.nn.components import setting
from nncli.registry import Registry

METRICS: Registry[Metric] = Registry("metric")


@METRICS.register("loss")
class MeanLoss(MeanOfRows):
    """(1/n) Σ_i L_i, the loss that training minimises"""

    title = "loss"
    meaning = "what training minimises; less is better"
    needs = "losses"
    higher_is_better = False

    def contributions(self, rows: ScoredRows) -> Floats:
        assert rows.losses is not None
        return rows.losses


@METRICS.register("accuracy")
class Accuracy(MeanOfRows):
    """(1/n) Σ_i [ŷ_i = y_i]"""

    title = "accuracy"
    meaning = "the share of rows for which the model is right"
    in_percent = True
    is_discrete = True

    def contributions(self, rows: ScoredRows) -> Floats:
        right: Floats = (rows.predicted == rows.y).astype(np.float64)
        return right

    def share(self, rows: ScoredRows) -> tuple[int, int]:
        return int(np.count_nonzero(rows.predicted == rows.y)), len(rows)


@METRICS.register("balanced-accuracy")
class BalancedAccuracy(FromConfusions):
    """mean of r_k / t_k over the classes that have rows"""

    title = "balanced accuracy"
    meaning = "the share that is right, with every class counting the same, however many rows it has"
    in_percent = by_class = True

    @property
    def is_of_all_classes(self) -> bool:
        return True

    def of_counts(self, right: Floats, rows: Floats, claimed: Floats) -> Floats:
        return shares(shares(right, rows).sum(axis=1), (rows > 0).sum(axis=1))


@METRICS.register("log-loss")
class LogLoss(MeanOfRows):
    """(1/n) Σ_i −log p_i"""

    title = "log loss"
    meaning = "how far the probabilities are from the truth: 0 is perfect, and being sure and wrong costs most"
    needs = "probabilities"
    higher_is_better = False

    def contributions(self, rows: ScoredRows) -> Floats:
        return -rows.log_p()


@METRICS.register("cost")
class MeanCost(MeanOfRows):
    """(1/n) Σ_i C[y_i, ŷ_i], the matrix C of --cost"""

    title = "mean cost of a row"
    meaning = "what the mistakes cost, by the costs that were given, spread over all rows; less is better"
    needs = "costs"
    higher_is_better = False
    is_discrete = True

    def contributions(self, rows: ScoredRows) -> Floats:
        assert rows.costs is not None
        return rows.costs[rows.y, rows.predicted]


@METRICS.register("brier")
class Brier(MeanOfRows):
    """(1/n) Σ_i Σ_k (p_ik − [y_i = k])²; of two classes, of the second alone (Brier 1950)"""

    title = "Brier score"
    meaning = "the mean square of how far the probabilities are from the truth: 0 is perfect"
    needs = "probabilities"
    higher_is_better = False

    def contributions(self, rows: ScoredRows) -> Floats:
        found = np.empty(len(rows))
        for part, P in rows.probabilities():
            P[np.arange(len(P)), rows.y[part]] -= 1
            found[part] = np.vecdot(P, P)
        return found / 2 if rows.K == 2 else found


@METRICS.register("precision")
class Precision(OfAClass):
    """r_k / c_k of the positive class, and 0 if c_k = 0; or the mean over the classes that have rows"""

    title = "precision"
    meaning = "of the rows predicted to be of a class, the share that really are"
    in_percent = True

    def of_each(self, right: Floats, rows: Floats, claimed: Floats) -> Floats:
        return shares(right, claimed)

    def share(self, rows: ScoredRows) -> tuple[int, int] | None:
        return self.share_of(rows, rows.predicted)


@METRICS.register("recall")
class Recall(OfAClass):
    """r_k / t_k of the positive class; or the mean over the classes that have rows"""

    title = "recall"
    meaning = "of the rows that really are of a class, the share that the model finds"
    in_percent = True

    def of_each(self, right: Floats, rows: Floats, claimed: Floats) -> Floats:
        return shares(right, rows)

    def share(self, rows: ScoredRows) -> tuple[int, int] | None:
        return self.share_of(rows, rows.y)


@METRICS.register("f1")
class F1(OfAClass):
    """2 r_k / (t_k + c_k) of the positive class; or the mean over the classes that have rows"""

    title = "F1"
    meaning = "precision and recall in one number, high only if both are high: 1 is perfect"

    def of_each(self, right: Floats, rows: Floats, claimed: Floats) -> Floats:
        return shares(2 * right, rows + claimed)


@METRICS.register("f-beta")
@dataclass(eq=False)
class FBeta(OfAClass):
    """(1 + β²) r_k / (β² t_k + c_k) of the positive class, β = 2; or the mean over the classes that have rows"""

    title = "Fβ"
    meaning = "precision and recall in one number, where recall counts for more if β is above 1: 1 is perfect"
    beta: float = above_zero(2.0)

    def label(self, positive: str | None) -> str:
        return super().label(positive).replace("β", f"{self.beta:g}")

    def of_each(self, right: Floats, rows: Floats, claimed: Floats) -> Floats:
        square = self.beta**2
        return shares((1 + square) * right, square * rows + claimed)


@METRICS.register("roc-auc")
class RocAuc(OfARanking):
    """share of the pairs of a row of the class and another that are in the right order; ties count half"""

    title = "ROC AUC"
    meaning = (
        "how often a row of a class gets a higher score for it than a row of another class: 1 is perfect, 0.5 guessing"
    )
    by_class = is_skewed = True

    def of_order(self, own: Floats, above: Floats) -> Floats:
        # Σ_j (other rows at the j-th) (own rows before it + ½ own rows at it)
        pairs = np.vecdot(np.diff(above - own, prepend=0), own - np.diff(own, prepend=0) / 2)
        return shares(pairs, own[:, -1] * (above - own)[:, -1])

    def influence_of_class(self, lead: Floats, is_own: NDArray[np.bool_]) -> Floats:
        from nncli.metrics.ranking_interval import auc_influence

        return auc_influence(lead, is_own)

    def own_interval(self, rows: ScoredRows, z: float) -> tuple[str, tuple[float, float]] | None:
        if rows.groups is not None:
            return None
        from nncli.metrics.ranking_interval import auc_interval

        return "Newcombe", auc_interval(list(self.evidence(rows).T), rows.y, self.value(rows), z)


@METRICS.register("average-precision")
class AveragePrecision(OfARanking):
    """Σ_j (R_j − R_j−1) P_j, precision P_j and recall R_j of the rows that are at least as far ahead as the j-th"""

    title = "average precision"
    meaning = "the mean precision while more and more rows of a class are found: 1 is perfect"
    is_skewed = True

    @property
    def is_of_positive(self) -> bool:
        return True

    def of_order(self, own: Floats, above: Floats) -> Floats:
        sums = np.vecdot(np.diff(own, prepend=0), shares(own, above))
        return np.where(own[:, -1] > 0, shares(sums, own[:, -1]), np.nan)

    def influence_of_class(self, lead: Floats, is_own: NDArray[np.bool_]) -> Floats:
        from nncli.metrics.ranking_interval import precision_influence

        return precision_influence(lead, is_own)

    def own_interval(self, rows: ScoredRows, z: float) -> tuple[str, tuple[float, float]] | None:
        if rows.groups is not None:
            return None
        from nncli.metrics.ranking_interval import interval_as_of_a_share

        influence, rarest = self.influence(rows), int(np.bincount(rows.y)[rows.present].min())
        return "jackknife", interval_as_of_a_share(self.value(rows), float(influence @ influence), rarest, z)


@METRICS.register("mcc")
class MCC(FromConfusions):
    """(n Σ_k r_k − Σ_k c_k t_k) / √((n² − Σ_k c_k²) (n² − Σ_k t_k²)), and 0 for 0 / 0 (Matthews 1975; Gorodkin 2004)"""

    title = "MCC"
    meaning = "how closely the answers go with the truth, also where a class is rare: 1 is perfect, 0 guessing"
    least = -1.0

    def of_counts(self, right: Floats, rows: Floats, claimed: Floats) -> Floats:
        n = rows.sum(axis=1)
        spread = (n**2 - (claimed**2).sum(axis=1)) * (n**2 - (rows**2).sum(axis=1))
        return shares(n * right.sum(axis=1) - (claimed * rows).sum(axis=1), np.sqrt(np.maximum(spread, 0)))


@METRICS.register("kappa")
class Kappa(FromConfusions):
    """(a − e) / (1 − e), accuracy a, and e = Σ_k c_k t_k / n² that of chance; 0 for 0 / 0 (Cohen 1960)"""

    title = "Cohen's κ"
    meaning = "how much more often the model is right than chance would be: 1 is perfect, 0 no more often"
    least = -1.0

    def of_counts(self, right: Floats, rows: Floats, claimed: Floats) -> Floats:
        n = rows.sum(axis=1)
        chance = (claimed * rows).sum(axis=1)
        return shares(n * right.sum(axis=1) - chance, n**2 - chance)


@METRICS.register("top-k")
@dataclass(eq=False)
class TopK(MeanOfRows):
    """share of the rows whose true class is among the k = 5 that are the furthest ahead"""

    title = "top k"  # as "top 5"
    meaning = "the share of rows whose class is among the likeliest few"
    in_percent = True
    needs = "scores"
    is_discrete = True
    k: int = setting(5, "a whole number from 1 to 10,000", lambda value: 1 <= value <= 10_000)

    def label(self, positive: str | None) -> str:
        return f"top {self.k}"

    def problem(self, rows: ScoredRows) -> tuple[str, str] | None:
        if self.k >= rows.K:
            remedy = f"Use top-k:k={rows.K - 1}" if rows.K > 2 else "Use accuracy"
            return f"the true class of every row is among the {self.k:,} likeliest of {rows.K:,}", remedy
        return super().problem(rows)

    def contributions(self, rows: ScoredRows) -> Floats:
        found = np.empty(len(rows))
        for part, Z in rows.blocks():
            own = Z[np.arange(len(Z)), rows.y[part]][:, None]
            before = np.arange(rows.K) < rows.y[part][:, None]  # of equal scores, the first is predicted
            found[part] = ((own < Z) | ((own == Z) & before)).sum(axis=1) < self.k
        return found

    def share(self, rows: ScoredRows) -> tuple[int, int]:
        return int(self.contributions(rows).sum()), len(rows)


@METRICS.register("ece")
@dataclass(eq=False)
class CalibrationError(Metric):
    """Σ_b |Σ_{i in b} [ŷ_i = y_i] − max_k p_ik| / n over bins = 15 of equal width of max_k p_ik (Guo et al. 2017)"""

    title = "calibration error"
    meaning = "how far what the model says of its certainty is from how often it is right: 0 is perfect"
    needs = "probabilities"
    higher_is_better = False
    bins: int = setting(15, "a whole number from 1 to 10,000", lambda value: 1 <= value <= 10_000)

    def evidence(self, rows: ScoredRows) -> Floats:
        found = np.empty((len(rows), 2))
        for part, P in rows.probabilities():
            found[part, 0] = P.max(axis=1)
            found[part, 1] = P.argmax(axis=1) == rows.y[part]
        return found

    def values(self, evidence: NDArray[Any], y: NDArray[np.int64], counts: Floats) -> Floats:
        confidence, right = evidence.T.astype(np.float64)
        bin_of = self._bins_of(confidence)
        order = np.argsort(bin_of, kind="stable")
        starts = np.unique(bin_of[order], return_index=True)[1]
        gaps = np.add.reduceat(counts[:, order] * (right - confidence)[order], starts, axis=1)
        values: Floats = np.abs(gaps).sum(axis=1) / counts.sum(axis=1)
        return values

    def own_interval(self, rows: ScoredRows, z: float) -> tuple[str, tuple[float, float]]:
        from nncli.metrics.calibration_interval import calibration_interval

        confidence, right = self.evidence(rows).T
        return "simulation", calibration_interval(confidence, right, self._bins_of(confidence), rows.groups, z)

    def _bins_of(self, confidence: Floats) -> NDArray[np.int64]:
        return np.minimum((confidence * self.bins).astype(np.int64), self.bins - 1)


METRICS.register("rmse")(RootMeanSquaredError)
METRICS.register("mae")(MeanAbsoluteDeviation)
METRICS.register("median-error")(MedianAbsoluteError)
METRICS.register("r2")(CoefficientOfDetermination)
