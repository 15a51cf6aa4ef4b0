"""The figures of tabular.py and text.py: of one method on one split, and of many methods over many sets."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST_P = 1e-7  # of the true class: about the distance of 1 to the next float32
BINS = 15
PEER = "lightgbm"  # whom the methods of tabular.py are compared with

Record = Mapping[str, Any]


def accuracy(predicted: Sequence[str], y: Sequence[str]) -> float:
    return float(np.mean(np.asarray(predicted) == np.asarray(y)))


def log_loss(P: NDArray[np.float64], y: NDArray[np.int64]) -> float:
    """Return −1/n Σ log p_y; P (n, K), y (n,). No p counts as less than 1e-7."""
    return float(-np.log(np.clip(P[np.arange(len(y)), y], LEAST_P, 1)).mean())


def expected_calibration_error(P: NDArray[np.float64], y: NDArray[np.int64]) -> float:
    """Return Σ_b n_b / n |accuracy_b − confidence_b| over 15 bins (0, 1/15], (1/15, 2/15] … of the largest p."""
    confidence, hits = P.max(axis=1), P.argmax(axis=1) == y
    bins = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    gaps = np.bincount(bins, weights=hits - confidence, minlength=BINS)  # n_b (accuracy_b − confidence_b)
    return float(np.abs(gaps).sum() / len(y))


def rmse(predicted: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean((predicted - y) ** 2)))


def mean_and_interval(differences: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean of the differences, and its 95 % interval by Student's distribution; NaN of fewer than two."""
    from scipy import stats

    n, mean = len(differences), float(np.mean(differences))
    half = stats.t.ppf(0.975, n - 1) * np.std(differences, ddof=1) / math.sqrt(n) if n > 1 else math.nan
    return mean, float(mean - half), float(mean + half)


# ── tables ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Measure:
    """A figure of the records. Differences of accuracy, log loss and ECE are taken as they are; of errors and of times
    it is the ratio that counts, so that of their logarithms."""

    key: str
    title: str
    unit: float = 1  # what a figure is multiplied by
    digits: int = 3
    larger_is_better: bool = False
    by_ratio: bool = False

    def shown(self, figure: float) -> str:
        return f"{figure * self.unit:.{self.digits}f}"


MEASURES = (
    Measure("accuracy", "Accuracy, %", 100, 2, larger_is_better=True),
    Measure("log_loss", "Log loss", digits=4),
    Measure("ece", "Expected calibration error, %", 100, 2),
    Measure("rmse", "RMSE", digits=4, by_ratio=True),
    Measure("seconds", "Time of the whole process, s", digits=1, by_ratio=True),
    Measure("cpu_seconds", "Processor time of the whole process, s", digits=1, by_ratio=True),
)


def markdown(records: Iterable[Record], methods: Sequence[str], peer: str = PEER) -> str:
    """Return a table for each measure: for each set the mean over the splits that all its methods have, the mean over
    the sets that all methods have, and the differences from the peer on the splits that both have."""
    records = list(records)
    tables = (of_measure(measure, [r for r in records if measure.key in r], methods, peer) for measure in MEASURES)
    return "\n".join(table for table in tables if table)


def of_measure(measure: Measure, records: Sequence[Record], methods: Sequence[str], peer: str = PEER) -> str:
    """Return the table of one measure, in Markdown; "" where no record has it."""
    found: dict[str, dict[str, dict[int, float]]] = {}  # by set, method and split
    for record in records:
        by_method = found.setdefault(record["set"], {})
        by_method.setdefault(record["method"], {})[record["split"]] = record[measure.key]
    methods = [method for method in methods if any(method in by_method for by_method in found.values())]
    if not methods:
        return ""
    lines = [f"### {measure.title}", "", _line("", methods), _line("---", ["---:"] * len(methods))]
    everyone = []
    for name, by_method in found.items():
        shared = set.intersection(*({*its} for its in by_method.values()))
        means = {m: _mean([its[split] for split in shared]) for m, its in by_method.items()} if shared else {}
        lines.append(_line(name, [measure.shown(means[method]) if method in means else "-" for method in methods]))
        if set(methods) <= set(means):
            everyone.append(means)
    if everyone:
        average = _geometric_mean if measure.by_ratio else _mean
        label = f"**{'geometric mean' if measure.by_ratio else 'mean'} of {len(everyone)}**"
        lines.append(_line(label, [measure.shown(average([means[m] for means in everyone])) for m in methods]))
    if peer in methods:
        pairs = {method: differences(measure, found, method, peer) for method in methods if method != peer}
        lines += ["", *_paired(measure, pairs, peer)]
    return "\n".join([*lines, ""])


def differences(
    measure: Measure, found: Mapping[str, Mapping[str, Mapping[int, float]]], method: str, peer: str = PEER
) -> list[float]:
    """Return the mean difference of the method from the peer for each set, over the splits that both have; of
    logarithms, where it is the ratio that counts. A set that only one of them has does not count."""
    change: Callable[[float], float] = math.log if measure.by_ratio else float
    means = []
    for by_method in found.values():
        ours, theirs = by_method.get(method, {}), by_method.get(peer, {})
        both = ours.keys() & theirs.keys()
        if both:
            means.append(_mean([change(ours[split]) - change(theirs[split]) for split in both]))
    return means


def _paired(measure: Measure, pairs: Mapping[str, Sequence[float]], peer: str) -> list[str]:
    what = f"divided by {peer}'s" if measure.by_ratio else f"minus {peer}'s"
    columns = "mean", "95 % interval over sets", "sets", "better", "worse"
    lines = [_line(what, columns), _line("---", ["---:", ":---:", "---:", "---:", "---:"])]
    for method, values in pairs.items():
        if values:
            mean, *interval = mean_and_interval(values)
            ends = "-" if len(values) < 2 else " to ".join(_signed(measure, end) for end in interval)
            sign = 1 if measure.larger_is_better else -1
            better, worse = (sum(way * value > 0 for value in values) for way in (sign, -sign))
            lines.append(_line(method, [_signed(measure, mean), ends, *map(str, (len(values), better, worse))]))
    return lines


def _signed(measure: Measure, difference: float) -> str:
    if measure.by_ratio:
        return f"{math.exp(difference):.3f}"
    return f"{difference * measure.unit:+.{measure.digits}f}"


def _line(label: str, cells: Sequence[str]) -> str:
    return f"| {label} | {' | '.join(cells)} |"


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def _geometric_mean(values: Iterable[float]) -> float:
    return math.exp(_mean(map(math.log, values)))
