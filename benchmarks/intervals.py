"""Simulate how often the 95 % intervals of the metrics hold, and how often the paired tests are wrong.

python benchmarks/intervals.py [SIMULATIONS]
"""

from __future__ import annotations

import sys

import numpy as np

from nncli.metrics.definitions import METRICS
from nncli.metrics.intervals import estimate
from nncli.metrics.paired import bootstrap_p, resampled_values, sign_flip_p
from nncli.metrics.rows import ScoredRows

POPULATION = 400_000
OF_ALL = ("accuracy", "balanced-accuracy", "log-loss", "brier", "roc-auc", "average-precision", "mcc", "kappa", "ece")
OF_TWO = (*OF_ALL, "precision", "recall", "f1", "f-beta")
OF_MANY = (*OF_ALL, "precision:average=macro", "f1:average=macro", "f1:average=weighted", "top-k:k=2")


def population(K: int, shares: list[float], rng: np.random.Generator) -> ScoredRows:
    """Make rows of which class k has the given share, with logits that are a little too sure of themselves."""
    y = rng.choice(K, POPULATION, p=shares)
    Z = rng.normal(size=(POPULATION, K))
    Z[np.arange(POPULATION), y] += 1.5
    Z = (1.7 * (Z + np.log(shares))).astype(np.float32)
    return ScoredRows(y, Z.argmax(axis=1), K, Z, probabilistic=True)


def sample(rows: ScoredRows, n: int, rng: np.random.Generator) -> ScoredRows:
    some = rng.integers(len(rows), size=n)
    return ScoredRows(rows.y[some], rows.predicted[some], rows.K, rows.logits[some], probabilistic=True)


def coverage(simulations: int, n: int, K: int, shares: list[float], specs: tuple[str, ...]) -> None:
    rng = np.random.default_rng(1)
    everyone = population(K, shares, rng)
    metrics = {spec: METRICS.create(spec) for spec in specs}
    truth = {spec: metric.value(everyone) for spec, metric in metrics.items()}
    hits, defined = dict.fromkeys(specs, 0), dict.fromkeys(specs, 0)
    for _ in range(simulations):
        rows = sample(everyone, n, rng)
        for spec, metric in metrics.items():
            interval = estimate(metric, rows).interval
            if interval is not None:
                defined[spec] += 1
                hits[spec] += interval[0] <= truth[spec] <= interval[1]
    print(f"\n{n} rows of {K} classes with shares {shares}: of {simulations} intervals, how many hold")
    for spec in specs:
        print(f"  {spec:28} {100 * hits[spec] / max(defined[spec], 1):5.1f} %   true value {truth[spec]:.4f}")


def false_alarms(pairs: int, n: int, share: float, better: float = 0.0) -> None:
    """Print how often p < 0.05 for two models that are equally good, or of which one has less noise in its scores."""
    rng = np.random.default_rng(2)
    metrics = {spec: METRICS.create(spec) for spec in OF_TWO if spec != "ece"}
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
    coverage(simulations, 300, 2, [0.7, 0.3], OF_TWO)
    coverage(simulations, 500, 2, [0.9, 0.1], OF_TWO)
    coverage(simulations, 300, 4, [0.4, 0.3, 0.2, 0.1], OF_MANY)
    false_alarms(simulations, 300, 0.4)
    false_alarms(simulations, 500, 0.1)
    false_alarms(simulations, 300, 0.4, better=0.5)
