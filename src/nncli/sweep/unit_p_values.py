"""Test the differences between configurations where several validation rows count as one, as those of a group do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncli.metrics.definitions import METRICS, RocAuc
from nncli.metrics.intervals import resampled
from nncli.metrics.metric import Metric, OfARanking
from nncli.metrics.paired import bootstrap_p, least_p, normal_p, sign_flip_p
from nncli.sweep.trial import CHOSEN_BY, evidence_of, right_of
from nncli.sweep.units import Units

Floats = NDArray[np.float64]
Trials = Sequence[dict[str, Any]]  # the finished ones of a configuration, as the ledger has them
Key = tuple[int, int]  # what is judged together: the number of a fold, or of a repeat, and the seed


class Judged(NamedTuple):
    """Rows that a metric is worked out from together: the unit of each, its class, and what else must be known."""

    units: NDArray[np.int64]
    y: NDArray[np.int64]
    evidence: Floats


def p_values_by_unit(name: str, best: Trials, others: Sequence[Trials], units: Units) -> list[float]:
    """Return the p-value, uncorrected, of the difference to each other by a metric; none where the trials do not have
    what it needs.

    The difference of a mean of rows is summed over the rows of a unit, in all folds and repeats, and the sums change
    signs. That of ROC AUC is held against what each unit adds to it (DeLong 1988). For any other metric units are
    drawn, the same ones in each repeat. That both spread too little is put right.
    """
    metric = METRICS.create(name)
    if metric.is_mean:
        sums = [found for one in (best, *others) if (found := _sums(metric, name, one, units)) is not None]
        return [sign_flip_p(sums[0] - its) for its in sums[1:]] if len(sums) == 1 + len(others) else []
    mine, p_values = _judged(metric, best, units), list[float]()
    if mine is None:
        return []
    known, wider = _known(metric, mine, units), lost_spread(mine)
    for one in others:
        its = _judged(metric, one, units)
        if its is None:
            return []
        d = known - _known(metric, its, units)
        difference, apart = float(d[0]), d[1:]
        if isinstance(metric, RocAuc):
            p = normal_p(difference, wider * float(np.linalg.norm(apart)))
        else:
            p = bootstrap_p(difference, difference + wider * (apart - difference))
        p_values.append(max(p, least_p(_differing(mine, its, units))))
    return p_values


def _sums(metric: Metric, name: str, trials: Trials, units: Units) -> Floats | None:
    """Return what each unit adds to the mean of the trials; for the accuracy, whole numbers: how often its rows are
    right. None if that is not kept."""
    found = np.zeros(units.count)
    for record in trials:
        n = record["n_val"]
        if name == CHOSEN_BY:
            of_rows: NDArray[np.bool_] | Floats = right_of(record, 0, n)
        elif (evidence := evidence_of(record, metric)) is not None:
            of_rows = evidence[1][:, 0] / (n * len(trials))
        else:
            return None
        found += np.bincount(units.of_fold(record["fold"]), of_rows, units.count)
    return found


def _judged(metric: Metric, trials: Trials, units: Units) -> dict[Key, Judged] | None:
    """Return what a metric is worked out from: the rows of a fold; where predictions are enough, those of all folds of
    a repeat, as these are on one scale, and a fold has few rows of a class. None if it is not kept."""
    found: dict[Key, list[Judged]] = {}
    for record in sorted(trials, key=lambda one: one["fold"]):
        evidence, fold = evidence_of(record, metric), record["fold"]
        if evidence is None:
            return None
        number = fold // units.folds if metric.is_discrete else fold
        found.setdefault((number, record["config"].seed), []).append(Judged(units.of_fold(fold), *evidence))
    return {key: Judged(*map(np.concatenate, zip(*folds, strict=True))) for key, folds in found.items()}


def _known(metric: Metric, judged: dict[Key, Judged], units: Units) -> Floats:
    """Return the mean value, and behind it what tells how sure it is: of ROC AUC what each unit adds to it, of any
    other metric its values where units are drawn."""
    return _of_ranking(metric, judged, units) if isinstance(metric, RocAuc) else _values(metric, judged, units)


def _values(metric: Metric, judged: dict[Key, Judged], units: Units) -> Floats:
    """Return the mean value, of all units first, then of those that are drawn time after time; where it is not defined
    for some of the rows that are drawn, as without a class, of the others."""
    columns, rows = max(one.evidence.shape[1] for one in judged.values()), int(units.sizes.sum())
    once, found = np.ones(units.count, np.int64), list[Floats]()
    for drawn in (once[None], *resampled(0 * once, once, columns * -(-rows // units.count))):
        values = np.full((len(judged), len(drawn)), np.nan)
        for row, one in enumerate(judged.values()):
            counts = drawn[:, one.units].astype(np.float64)
            has_rows = counts.any(axis=1)
            values[row, has_rows] = metric.values(one.evidence, one.y, counts[has_rows])
        known = ~np.isnan(values)
        n = known.sum(axis=0)
        found.append(np.divide(np.where(known, values, 0).sum(axis=0), n, out=np.full(len(n), np.nan), where=n > 0))
    return np.concatenate(found)


def _of_ranking(metric: OfARanking, judged: dict[Key, Judged], units: Units) -> Floats:
    """Return the mean value, and by how much it grows, where each unit in turn counts a little more, divided by that
    little: the squares add up to its variance."""
    found = np.zeros(1 + units.count)
    for one in judged.values():
        found[0] += metric.values(one.evidence, one.y, np.ones((1, len(one.y))))[0]
        found[1:] += np.bincount(one.units, metric.influence_of(one.evidence, one.y), units.count)
    return found / len(judged)


def lost_spread(judged: dict[Key, Judged]) -> float:
    """Return by how much values of drawn units spread too little, √(n / (n − 1)) of a mean of n units: n are those of a
    class that are judged together, over all of which n / (n − 1) is averaged. A fold has few of them."""
    counts = [
        len(np.unique(one.units[one.y == k])) for one in judged.values() for k in np.flatnonzero(np.bincount(one.y))
    ]
    n = np.maximum(counts, 2)
    return float(np.sqrt(np.mean(n / (n - 1))))


def _differing(mine: dict[Key, Judged], its: dict[Key, Judged], units: Units) -> int:
    """Count the units of which two configurations differ with the same seed."""
    found = np.zeros(units.count, bool)
    for key in mine.keys() & its.keys():
        found[mine[key].units[(mine[key].evidence != its[key].evidence).any(axis=1)]] = True
    return int(found.sum())
