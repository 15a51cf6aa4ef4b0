"""Simulate how often the 95 % intervals of the metrics hold, and how often the paired tests are wrong.

python benchmarks/intervals.py [SIMULATIONS]
"""

from __future__ import annotations

import dataclasses
import itertools
import sys
from statistics import NormalDist

import numpy as np

from nncli.metrics.definitions import METRICS
from nncli.metrics.intervals import estimate
from nncli.metrics.paired import compared
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

PAIRED = (
    "100 rows, 2 classes, good",
    "500 rows, 2 classes, good",
    "20 of 300 positive, mediocre",
    "10 of 300 positive, good",
)


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


def differences(
    simulations: int, n: int, shares: list[float], apart: float, noise: tuple[float, float]
) -> dict[str, tuple[float, float, float, float]]:
    """Return, for each metric, in percent, of two models on the same rows whose scores have so much noise of their own:
    how many intervals of the difference hold, how many p-values are below 0.05, and how many intervals leave out 0
    without that, and the other way round."""
    rng = np.random.default_rng(3)
    first = population(shares, apart, rng)
    both = [_noisy(first, shares, apart, rng.normal(size=(POPULATION, len(shares))) * own) for own in noise]
    metrics = {spec: METRICS.create(spec) for spec in (OF_TWO if len(shares) == 2 else OF_MANY)}
    metrics = {spec: metric for spec, metric in metrics.items() if spec not in ("ece", "loss")}
    equal = noise[0] == noise[1]
    truth = {spec: 0.0 if equal else m.value(both[0]) - m.value(both[1]) for spec, m in metrics.items()}
    counts = {spec: np.zeros(4) for spec in metrics}
    done = 0
    while done < simulations:
        some = rng.integers(POPULATION, size=n)
        one, other = (
            dataclasses.replace(
                rows, y=rows.y[some], predicted=rows.predicted[some], logits=rows.logits[some], losses=None
            )
            for rows in both
        )
        if len(one.present) < one.K:
            continue
        done += 1
        for spec, metric in metrics.items():
            found = compared(metric, one, other)
            low, high = found.interval or (found.difference, found.difference)
            leaves_out, is_small = not low <= 0 <= high, found.p_value < 0.05
            holds = low <= truth[spec] <= high
            counts[spec] += holds, is_small, leaves_out and not is_small, is_small and not leaves_out
    return {spec: tuple(100 * its / simulations) for spec, its in counts.items()}


def _noisy(rows: ScoredRows, shares: list[float], apart: float, noise: np.ndarray) -> ScoredRows:
    Z = (rows.logits + 1.3 * apart / 2**0.5 * noise).astype(np.float32)
    return dataclasses.replace(rows, logits=Z, predicted=Z.argmax(axis=1), losses=None)


def of_groups(simulations: int, groups: int, n: int, shares: list[float], apart: float) -> dict[str, float]:
    """Return, for each metric, of how many samples all intervals of so many groups of n rows each hold, in percent,
    where they are corrected for as many looks as `eval --by COLUMN --metric NAME` has: two figures for each group."""
    rng = np.random.default_rng(4)
    everyone = population(shares, apart, rng)
    metrics = {spec: METRICS.create(spec) for spec in (OF_TWO if len(shares) == 2 else OF_MANY)}
    truth = {spec: metric.value(everyone) for spec, metric in metrics.items()}
    z = NormalDist().inv_cdf(1 - 0.025 / (2 * groups))
    hold = dict.fromkeys(metrics, 0)
    for _ in range(simulations):
        samples = [sample(everyone, n, rng) for _ in range(groups)]
        for spec, metric in metrics.items():
            intervals = [estimate(metric, rows, z).interval for rows in samples]
            hold[spec] += all(one is None or one[0] <= truth[spec] <= one[1] for one in intervals)
    return {spec: 100 * count / simulations for spec, count in hold.items()}


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
            small[spec] += compared(metric, *rows).p_value < 0.05
    kind = f"one with {better:.0%} less noise" if better else "equally good ones"
    print(f"\n{n} rows, {share:.0%} of the second class: of {pairs} pairs of {kind}, how many have p < 0.05")
    for spec, count in small.items():
        print(f"  {spec:28} {100 * count / pairs:5.1f} %")


def sizes(pairs: int) -> None:
    """Print how often p < 0.05 for two models that are equally good, by the metrics that `eval A B` shows: mediocre
    ones, good ones, and mediocre ones that decide by costs."""
    rng, costs = np.random.default_rng(7), np.array([[0.0, 1.0], [5.0, 0.0]])
    metrics = {spec: METRICS.create(spec) for spec in ("accuracy", "balanced-accuracy", "roc-auc", "cost")}
    print(f"\nof {pairs} pairs of equally good models, how many have p < 0.05, in percent: {', '.join(metrics)}")
    for n, share in itertools.product((200, 500, 2000), (0.1, 0.3, 0.5)):
        for apart, noise, border in ((1.0, 1.0, 0.0), (1.5, 0.5, 0.0), (1.0, 1.0, np.log(1 / 5))):
            if n == 2000 and apart > 1:
                continue
            small = dict.fromkeys(metrics, 0)
            for _ in range(pairs):
                y = (rng.random(n) < share).astype(np.int64)
                common, rows = rng.normal(size=n) + apart * (2 * y - 1), []
                for _ in range(2):
                    z = 2 * apart / (1 + noise**2) * (common + noise * rng.normal(size=n)) + np.log(share / (1 - share))
                    predicted = (z >= border).astype(np.int64)
                    rows.append(ScoredRows(y, predicted, 2, z[:, None], probabilistic=True, costs=costs))
                for spec, metric in metrics.items():
                    small[spec] += compared(metric, *rows).p_value < 0.05
            figures = " ".join(f"{100 * count / pairs:5.1f}" for count in small.values())
            print(f"  {n:5} rows, {share:.0%}, {apart} apart, border {border:5.2f}: {figures}", flush=True)


if __name__ == "__main__":
    simulations = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    for design, (n, shares, apart) in DESIGNS.items():
        print(f"\n{design}: of {simulations} intervals, how many hold")
        for spec, (truth, percent, defined) in coverage(simulations, n, shares, apart).items():
            print(f"  {spec:28} {percent:5.1f} %   true value {truth:.4f}   {defined} intervals", flush=True)
    for design in PAIRED:
        for noise in ((0.4, 0.4), (0.2, 0.8)):
            kind = "equally good models" if noise[0] == noise[1] else "models of which one has more noise"
            print(
                f"\n{design}, {kind}: intervals that hold, p < 0.05, intervals without 0 and p from 0.05, the other way"
            )
            for spec, its in differences(simulations, *DESIGNS[design], noise).items():
                print(f"  {spec:28} " + " ".join(f"{one:6.1f} %" for one in its), flush=True)
    for groups, n, shares, apart in ((4, 100, [0.5, 0.5], 1.5), (4, 200, [0.9, 0.1], 1.5), (10, 100, [0.6, 0.4], 2.0)):
        print(f"\n{groups} groups of {n} rows, {min(shares):.0%} of the rarer class: how often all intervals hold")
        for spec, percent in of_groups(simulations, groups, n, shares, apart).items():
            print(f"  {spec:28} {percent:5.1f} %", flush=True)
    sizes(simulations)
    false_alarms(simulations, 300, 0.4)
    false_alarms(simulations, 500, 0.1)
    false_alarms(simulations, 300, 0.4, better=0.5)
