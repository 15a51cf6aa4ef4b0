"""Simulate how often the 95 % intervals of the metrics hold, and how often the paired tests are wrong.

python benchmarks/intervals.py [SIMULATIONS]
"""

from __future__ import annotations

import dataclasses
import sys

import numpy as np

from nncli.metrics.definitions import METRICS
from nncli.metrics.intervals import estimate
from nncli.metrics.paired import bootstrap_p, resampled_values, sign_flip_p
from nncli.metrics.rows import ScoredRows

POPULATION = 400_000
AVERAGES = ("f1:average=macro", "f1:average=weighted", "precision:average=macro", "precision:average=weighted")
OF_ALL: tuple[str, ...] = (
    "accuracy",
    "balanced-accuracy",
    "loss",
    "log-loss",
    "brier",
    "cost",
    "roc-auc",
    "average-precision",
)
OF_ALL += ("mcc", "kappa", *AVERAGES, "recall:average=macro", "f-beta:average=macro", "ece")
OF_TWO = (*OF_ALL, "precision", "recall", "f1", "f-beta")
OF_MANY = (*OF_ALL, "top-k:k=2")
# rows, shares of the classes, how far the classes are apart, in standard deviations
DESIGNS = {
    "100 rows, 2 classes, good": (100, [0.5, 0.5], 3.0),
    "100 rows, 2 classes, mediocre": (100, [0.5, 0.5], 1.0),
    "500 rows, 2 classes, good": (500, [0.5, 0.5], 3.0),
    "5 of 300 positive, good": (300, [295 / 300, 5 / 300], 3.0),
    "5 of 300 positive, mediocre": (300, [295 / 300, 5 / 300], 1.5),
    "10 of 300 positive, good": (300, [290 / 300, 10 / 300], 3.0),
    "20 of 300 positive, mediocre": (300, [280 / 300, 20 / 300], 1.5),
    "300 rows, 4 classes, one of 5 %, good": (300, [0.4, 0.35, 0.2, 0.05], 3.0),
    "300 rows, 4 classes, one of 5 %, mediocre": (300, [0.4, 0.35, 0.2, 0.05], 1.5),
}


def population(shares: list[float], apart: float, rng: np.random.Generator) -> ScoredRows:
    """Make rows of which class k has the given share, with logits that are a little too sure of themselves."""
    K = len(shares)
    y = rng.choice(K, POPULATION, p=shares)
    Z = rng.normal(size=(POPULATION, K))
    Z[np.arange(POPULATION), y] += apart / 2**0.5
    Z = (1.3 * (apart / 2**0.5 * Z + np.log(shares))).astype(np.float32)
    costs = np.abs(np.subtract.outer(np.arange(K), np.arange(K))) * np.where(np.tri(K), 3.0, 1.0)
    rows = ScoredRows(y, Z.argmax(axis=1), K, Z, probabilistic=True, costs=costs)
    return dataclasses.replace(rows, losses=-rows.log_p())


def sample(rows: ScoredRows, n: int, rng: np.random.Generator) -> ScoredRows:
    """Draw n rows; how many are of a class is drawn too."""
    some = rng.integers(len(rows), size=n)
    assert rows.losses is not None
    return dataclasses.replace(
        rows, y=rows.y[some], predicted=rows.predicted[some], logits=rows.logits[some], losses=rows.losses[some]
    )


def coverage(simulations: int, n: int, shares: list[float], apart: float) -> dict[str, tuple[float, float, int]]:
    """Return, for each metric, its true value, and of how many intervals how many hold, in percent. A sample without an
    interval, as one without a row of a class, does not count."""
    rng = np.random.default_rng(1)
    everyone = population(shares, apart, rng)
    metrics = {spec: METRICS.create(spec) for spec in (OF_TWO if len(shares) == 2 else OF_MANY)}
    truth = {spec: metric.value(everyone) for spec, metric in metrics.items()}
    hits, defined = dict.fromkeys(metrics, 0), dict.fromkeys(metrics, 0)
    for _ in range(simulations):
        rows = sample(everyone, n, rng)
        for spec, metric in metrics.items():
            if len(rows.present) < rows.K and not metric.is_mean:
                continue
            interval = estimate(metric, rows).interval
            if interval is not None:
                defined[spec] += 1
                hits[spec] += interval[0] <= truth[spec] <= interval[1]
    return {spec: (truth[spec], 100 * hits[spec] / max(defined[spec], 1), defined[spec]) for spec in metrics}


def false_alarms(pairs: int, n: int, share: float, better: float = 0.0) -> None:
    """Print how often p < 0.05 for two models that are equally good, or of which one has less noise in its scores."""
    rng = np.random.default_rng(2)
    metrics = {spec: METRICS.create(spec) for spec in OF_TWO if spec not in ("ece", "loss", "cost")}
    small = dict.fromkeys(metrics, 0)
    for _ in range(pairs):
        y = (rng.random(n) < share).astype(np.int64)
        y[:2] = 0, 1
        common = rng.normal(size=n) + 1.5 * (2 * y - 1)
        models = [(common + noise * rng.normal(size=n))[:, None] for noise in (1 - better, 1)]
        rows = [ScoredRows(y, (z[:, 0] >= 0).astype(np.int64), 2, z, probabilistic=True) for z in models]
        for spec, metric in metrics.items():
            one, other = (metric.evidence(judged) for judged in rows)
            if metric.is_mean:
                p = sign_flip_p(one[:, 0] - other[:, 0])
            else:
                drawn = resampled_values(metric, one, y) - resampled_values(metric, other, y)
                p = bootstrap_p(metric.value(rows[0]) - metric.value(rows[1]), drawn)
            small[spec] += p < 0.05
    kind = f"one with {better:.0%} less noise" if better else "equally good ones"
    print(f"\n{n} rows, {share:.0%} of the second class: of {pairs} pairs of {kind}, how many have p < 0.05")
    for spec, count in small.items():
        print(f"  {spec:28} {100 * count / pairs:5.1f} %")


if __name__ == "__main__":
    simulations = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    for design, (n, shares, apart) in DESIGNS.items():
        print(f"\n{design}: of {simulations} intervals, how many hold")
        for spec, (truth, percent, defined) in coverage(simulations, n, shares, apart).items():
            print(f"  {spec:28} {percent:5.1f} %   true value {truth:.4f}   {defined} intervals", flush=True)
    false_alarms(simulations, 300, 0.4)
    false_alarms(simulations, 500, 0.1)
    false_alarms(simulations, 300, 0.4, better=0.5)
