"""Rows of one group have much in common: intervals and tests count groups, and not rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nncli.metrics.definitions import METRICS
from nncli.metrics.intervals import estimate
from nncli.metrics.paired import compared
from nncli.metrics.rows import ScoredRows

Run = Callable[..., Any]
SPECS = ("accuracy", "balanced-accuracy", "log-loss", "roc-auc")


def visits(rng: np.random.Generator, patients: int, models: int = 1) -> list[ScoredRows]:
    """Rows of patients with 5 to 15 visits each, whose scores, of each model alike, are mostly those of the patient."""
    group = np.repeat(np.arange(patients), rng.integers(5, 16, patients))
    y = (rng.random(patients) < 0.4).astype(np.int64)[group]
    common = rng.normal(size=patients)[group]
    found = []
    for _ in range(models):
        z = 1.2 * (2 * y - 1) + common + rng.normal(size=patients)[group] + 0.3 * rng.normal(size=len(y))
        found.append(ScoredRows(y, (z >= 0) * 1, 2, z[:, None], probabilistic=True, groups=group))
    return found


@pytest.mark.long
def test_intervals_hold_for_new_patients_and_those_of_single_rows_do_not() -> None:
    rng = np.random.default_rng(0)
    everyone = visits(rng, 40_000)[0]
    metrics = {spec: METRICS.create(spec) for spec in SPECS}
    truth = {spec: metric.value(everyone) for spec, metric in metrics.items()}
    hits, of_rows, n = dict.fromkeys(SPECS, 0), dict.fromkeys(SPECS, 0), 60
    for _ in range(n):
        rows = visits(rng, 80)[0]
        for spec, metric in metrics.items():
            for found, groups in ((hits, rows.groups), (of_rows, None)):
                low, high = estimate(metric, dataclasses.replace(rows, groups=groups)).interval or (np.nan, np.nan)
                found[spec] += low <= truth[spec] <= high
    for spec in SPECS:
        assert 0.84 * n <= hits[spec], spec  # 95 %, less four standard errors
        assert of_rows[spec] < 0.7 * n, spec


@pytest.mark.long
def test_two_models_that_are_equally_good_differ_by_chance_alone() -> None:
    rng, n = np.random.default_rng(1), 100
    small = dict.fromkeys(SPECS, 0)
    for _ in range(n):
        one, other = visits(rng, 80, models=2)
        for spec in SPECS:
            small[spec] += compared(METRICS.create(spec), one, other).p_value < 0.05
    for spec, count in small.items():
        assert count < 0.115 * n, spec  # 5 %, and three standard errors, √(0.05 · 0.95 / 100)


def test_groups_of_one_row_are_rows() -> None:
    rows = visits(np.random.default_rng(2), 300)[0]
    alone = dataclasses.replace(rows, groups=np.arange(len(rows)))
    plain = dataclasses.replace(rows, groups=None)
    for spec in SPECS:
        one, other = (estimate(METRICS.create(spec), its).interval or (np.nan, np.nan) for its in (alone, plain))
        assert one == pytest.approx(other, rel=0.1, abs=0.01), spec


@pytest.mark.long
def test_a_model_with_groups_is_evaluated_with_them(
    nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(3)
    lines = [
        f"p{p},{x + rng.normal(0, 0.1):.3f},{rng.normal():.3f},{'ill' if x + noise > 0 else 'well'}"
        for p in range(80)
        for x, noise in [rng.normal(size=2)]
        for _ in range(10)
    ]
    Path("d.csv").write_text("patient,a,b,class\n" + "\n".join(lines) + "\n")
    assert nncli("train", "d.csv", "--group", "patient", "-m", "logistic", "-q", "-o", "g.npz").code == 0
    found = nncli("eval", "g.npz", "--json").json
    assert found["metrics"]["accuracy"]["method"] == "bootstrap of groups"
    low, high = found["accuracy_interval"]
    assert high - low > 0.15  # 12 patients of the test say little; of 120 rows, Wilson's would have 0.15
    whole = nncli("eval", "g.npz", "d.csv", "--json")  # the column is read beside the inputs
    assert whole.json["metrics"]["accuracy"]["method"] == "bootstrap of groups"
    Path("bare.csv").write_text("a,b,class\n" + "\n".join(line.split(",", 1)[1] for line in lines) + "\n")
    outcome = nncli("eval", "g.npz", "bare.csv", "--json")
    assert outcome.json["metrics"]["accuracy"]["method"] == "Wilson"
    assert "column 'patient' cannot be read here: the intervals take the rows as independent" in outcome.err
    folds = nncli("train", "d.csv", "--group", "patient", "-m", "logistic", "--folds", 4, "-q", "--json").json["folds"]
    low, high = folds["metrics"]["accuracy"]["interval"]
    assert 1.4 * 2 * 1.96 * np.sqrt(0.75 * 0.25 / folds["n"]) < high - low  # wider than for single rows
    assert nncli("train", "d.csv", "--group", "patient", "-m", "logistic", "--epochs", 2, "-q", "-o", "h.npz").code == 0
    some = [line for line in lines if int(line[1 : line.index(",")]) < 5]
    Path("five.csv").write_text("patient,a,b,class\n" + "\n".join(some) + "\n")
    said = nncli("eval", "g.npz", "five.csv").err
    assert "these rows are of 5 groups alone: the intervals are too narrow for so few" in said
    swept = nncli("sweep", "d.csv", "--group", "patient", "--lr", "0.1,0.01", "--epochs", 2)
    assert "p-value" in swept.out
    assert "no p-values" not in swept.err
    figures = nncli("eval", "g.npz", "h.npz", "--json").json["figures"]
    assert all(0 <= one["p_value"] <= 1 for one in figures.values())
