# ruff: noqa: E501  (each message stands on one line)
"""Tests of a difference between two models by any metric, on the same rows."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm, permutation_test, ttest_rel

from ledgers import documents
from nncli.config.train_config import TrainConfig
from nncli.metrics.definitions import METRICS
from nncli.metrics.paired import bootstrap_p, compared, may_be_chance, sign_flip_p
from nncli.metrics.rows import ScoredRows
from nncli.sweep.ranking import RankedConfig, p_values
from short_and_long import some_short

Run = Callable[..., Any]
Array = np.ndarray[Any, Any]


@pytest.mark.parametrize(
    ("p_value", "interval", "expected"),
    [(0.04, (0.01, 0.3), False), (0.046, (-0.03, 0.33), True), (0.2, (0.01, 0.3), True), (0.01, None, True)],
    ids=["sure", "wide", "p-value", "untold"],
)
def test_a_difference_is_more_than_chance_by_its_p_value_and_its_interval(
    p_value: float, interval: tuple[float, float] | None, expected: bool
) -> None:
    assert may_be_chance({"p_value": p_value, "interval": interval}) == expected


@pytest.mark.parametrize("n", [3, 8, 11])
def test_the_p_value_of_a_mean_is_that_of_all_signs(n: int) -> None:
    rng = np.random.default_rng(n)
    one, other = rng.normal(0.7, 1, n), rng.normal(size=n)
    exact = permutation_test(
        (one, other), lambda a, b, axis: (a - b).mean(axis=axis), permutation_type="samples", n_resamples=np.inf,
        vectorized=True,
    )  # fmt: skip
    mid = exact.pvalue - 1 / 2**n  # both ways with just this sum count half
    assert sign_flip_p(one - other) == pytest.approx(mid, abs=0.015)  # three standard errors of 10,000 draws


def test_the_p_value_of_a_mean_of_many_rows_is_that_of_the_paired_t_test() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.exponential(1.05, 4000), rng.exponential(1, 4000)
    assert sign_flip_p(one - other) == pytest.approx(ttest_rel(one, other).pvalue, rel=0.02)


def test_no_difference_is_no_evidence() -> None:
    assert sign_flip_p(np.zeros(9)) == 1
    assert bootstrap_p(0.0, np.zeros(2000)) == 1


def test_models_that_agree_on_all_rows_may_yet_differ_on_others() -> None:
    y, rng = np.repeat([0, 1], 103), np.random.default_rng(0)
    predicted = np.where(rng.random(206) < 0.9, y, 1 - y)
    logits = np.where(predicted[:, None] == [0, 1], 2.0, 0.0)
    one, same, other = (ScoredRows(y, predicted, 2, Z, True) for Z in (logits, logits.copy(), 2 * logits))
    for name in ("accuracy", "balanced-accuracy"):
        metric = METRICS.create(name)
        assert compared(metric, one, same).interval == (0, 0)
        found = compared(metric, one, other)
        assert (found.difference, found.p_value) == (0, 1)
        # ±1.96 √(½ + ½) / (n + 2), with half a row of each kind added (Agresti and Min 2005); of two classes, in each
        assert found.interval is not None
        low, high = found.interval
        assert -0.03 < low < -0.009
        assert 0.009 < high < 0.03


def predictions(y: Array, predicted: Array, name: str, lr: float) -> RankedConfig:
    """A configuration with one trial that predicts this, in a sweep by a metric of predictions."""
    metric = METRICS.create(name)
    rows = ScoredRows(y, predicted, 2, np.zeros((len(y), 1)), probabilistic=False)
    evidence = metric.evidence(rows) if metric.is_mean else np.hstack([y[:, None], metric.evidence(rows)])
    right = predicted == y
    record = {
        "outcome": "done", "fold": 0, "n_val": len(y), "parameters": 1, "epochs": 1, "config": TrainConfig(metric=name),
        "right": b64encode(np.packbits(right).tobytes()).decode(),
        "evidence": b64encode(evidence.astype("<f4").tobytes()).decode(),
        "val": {"accuracy": float(right.mean()), name: metric.value(rows)},
    }  # fmt: skip
    return RankedConfig(TrainConfig(metric=name, lr=lr), (record,), name)


@pytest.mark.parametrize("name", ["balanced-accuracy", "mcc", "recall"])
def test_the_metric_of_the_sweep_is_tested_and_no_other(name: str) -> None:
    """Of 190 rows of one class and 10 of the other. Two models of which one says always the first, and one knows the
    second but takes 90 of the first for it: 95 % and 55 % accuracy, and balanced 50 % and 76 %. A third knows 9 of the
    second: as good as the second by any of these metrics."""
    y = np.repeat([0, 1], [190, 10])
    knows = np.where(y == 1, 1, np.arange(200) % 2 * (np.arange(200) < 180))
    nearly = knows.copy()
    nearly[199] = 0
    best, close, blind = (
        predictions(y, one, name, lr) for one, lr in ((knows, 0.1), (nearly, 0.2), (np.zeros(200, np.int64), 0.3))
    )
    found = p_values([best, close, blind])
    assert found[close.config] > 0.1
    assert found[blind.config] < 0.01


def test_equal_balanced_accuracy_is_no_difference_however_the_accuracy_differs() -> None:
    """One is right on one class only, the other on the other only: 95 % and 5 % accuracy, both 50 % balanced."""
    y = np.repeat([0, 1], [190, 10])

    def p_by(metric: str) -> float:
        one, other = predictions(y, 0 * y, metric, 0.1), predictions(y, 0 * y + 1, metric, 0.2)
        return p_values([one, other])[other.config]

    assert p_by("balanced-accuracy") > 0.9
    assert p_by("accuracy") < 1e-20


@pytest.mark.parametrize(
    "name", some_short(["roc-auc", "balanced-accuracy", "average-precision", "log-loss", "mcc"], 1)
)
def test_two_models_that_are_equally_good_differ_by_chance_alone(name: str) -> None:
    """150 pairs of models whose faults are drawn alike: p < 0.05 in about 5 % of them, and at most in 10 %."""
    metric, rng, small = METRICS.create(name), np.random.default_rng(0), 0
    for _ in range(150):
        y = (rng.random(150) < 0.4).astype(np.int64)
        common = rng.normal(size=150) + 1.5 * (2 * y - 1)
        rows = [
            ScoredRows(y, (z >= 0).astype(np.int64), 2, z[:, None], probabilistic=True)
            for z in (common + rng.normal(size=150), common + rng.normal(size=150))
        ]
        small += compared(metric, *rows).p_value < 0.05
    assert 1 <= small <= 15


@pytest.mark.parametrize("metric", ["balanced-accuracy", "roc-auc", "loss", "f1:average=macro"])
def test_a_sweep_chooses_and_tests_by_its_metric_and_its_ledger_shows_it(
    metric: str, nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["sweep", "iris", "--lr", "0.05,1e-5", "--epochs", "9", "--folds", "2", "--jobs", "1", "--metric", metric]
    done = nncli(*words, "--json", "-q")
    found = done.json
    assert (found["metric"], found["trials"]) == (metric, 4)
    good, bad = found["standings"]
    assert good["options"] == {"lr": 0.05}
    assert bad["chance"] < 0.05
    shown = nncli("sweep", "--show", "model.sweep.jsonl", "--json", "-q").json
    assert [one["chance"] for one in shown["standings"]] == [None, bad["chance"]]
    assert nncli(*words, "--json", "-q").json["standings"] == found["standings"]  # all of it is in the ledger
    assert f"--metric {metric}" in found["winner"]["command"]
    assert all({"accuracy", "balanced-accuracy", "loss", metric} == one["val"].keys() for one in documents()[1:])
    other = nncli("sweep", "--show", "model.sweep.jsonl", "--metric", "accuracy", "--json", "-q").json
    assert (other["metric"], other["standings"][0]["options"]) == ("accuracy", {"lr": 0.05})


def test_losses_of_the_same_kind_are_compared(nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = nncli("sweep", "iris", "--model", "softmax,mlp", "--metric", "loss", "--epochs", "3", "--jobs", "1", "-q")
    assert outcome.code == 0, outcome.err
    assert nncli("sweep", "--show", "model.sweep.jsonl", "-q").code == 0
    refused = nncli("sweep", "iris", "--model", "softmax,svm", "--metric", "loss", "--epochs", "3", "--jobs", "1")
    assert refused.err.startswith("--metric: losses of different kinds cannot be compared.")


def test_train_keeps_the_epoch_that_is_best_by_the_metric(
    nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of epochs with the same accuracy, the one with the lowest loss."""
    monkeypatch.chdir(tmp_path)
    words = ["train", "wine", "--epochs", "40", "--lr", "0.02", "--log", "l.jsonl", "--json", "-q", "--seed", "3"]
    done = nncli(*words, "--metric", "accuracy").json
    epochs = [json.loads(line) for line in Path("l.jsonl").read_text().splitlines()]
    best = min(epochs, key=lambda one: (-one["val_accuracy"], one["val_loss"]))
    assert done["best_epoch"] == best["number"]
    assert done["val"]["accuracy"] == max(one["val_accuracy"] for one in epochs)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--metric f1", "--metric: f1 of the validation rows: of 3 classes none is the positive one. Use f1:average=macro or f1:average=weighted."),
        ("--model svm --metric log-loss", "--metric: log-loss needs probabilities, and the loss hinge gives scores while it trains. Use --metric accuracy or --metric roc-auc."),
        ("--val 0 --metric accuracy", "--metric: there are no validation rows. Set --val above 0."),
        ("--metric f-beta:beta=0", "--metric: f-beta: beta: expected 0 < beta < ∞, found 0.0."),
        ("--metric top-k:k=0", "--metric: top-k: k: expected a whole number from 1 to 10,000, found 0."),
        ("--metric f1:average=micro", "--metric: f1: average: expected positive, macro or weighted, found micro."),
    ],
)  # fmt: skip
def test_a_metric_that_does_not_fit_is_refused(
    words: str, line: str, nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = nncli("train", "wine", *words.split(), "-q")
    assert (outcome.err, outcome.out) == (line + "\n", "")
    assert not list(Path().iterdir())


FOUR = ("accuracy", "balanced-accuracy", "roc-auc", "cost")


def share_called_different(pairs: int, better: float) -> dict[str, float]:
    """Return how often p < 0.05 for two models of the same rows, of which the first has so much less noise."""
    rng = np.random.default_rng(7)
    small = dict.fromkeys(FOUR, 0)
    for _ in range(pairs):
        y = (rng.random(300) < 0.3).astype(np.int64)
        common = rng.normal(size=300) + 1.5 * (2 * y - 1)
        one, other = (
            ScoredRows(y, (z >= 0).astype(np.int64), 2, z[:, None], True, costs=np.array([[0.0, 1.0], [5.0, 0.0]]))
            for z in (common + noise * rng.normal(size=300) for noise in (1 - better, 1))
        )
        for name in FOUR:
            small[name] += compared(METRICS.create(name), one, other).p_value < 0.05
    return {name: count / pairs for name, count in small.items()}


@pytest.mark.long
def test_of_a_thousand_pairs_that_are_equally_good_3_to_7_in_100_are_called_different() -> None:
    found = share_called_different(1000, 0)
    assert all(0.03 <= found[name] <= 0.07 for name in FOUR[1:]), found
    assert 0.02 <= found["accuracy"] <= 0.05, found  # an exact test of few rows that differ is below its level


@pytest.mark.long
def test_most_pairs_of_which_one_has_half_the_noise_are_called_different() -> None:
    found = share_called_different(200, 0.5)
    assert all(found[name] > 0.4 for name in FOUR), found


def test_the_p_value_of_roc_auc_is_that_of_delong() -> None:
    """By its definition: the share of rows of the other class that each row is in order with, of both models, and the
    variance of their differences, within each class."""
    rng = np.random.default_rng(4)
    y = (rng.random(120) < 0.3).astype(np.int64)
    scores = [rng.normal(size=120) + 1.2 * y, rng.normal(size=120) + 0.6 * y]
    rows = [ScoredRows(y, (z > 0).astype(np.int64), 2, z[:, None], probabilistic=True) for z in scores]
    in_order = [z[y == 1][:, None] > z[y == 0] for z in scores]
    of_own, of_others = (
        in_order[0].mean(axis=axis) - in_order[1].mean(axis=axis) for axis in (1, 0)
    )  # each row of a class against all of the other
    s = np.sqrt(of_own.var() / len(of_own) + of_others.var() / len(of_others))
    found = compared(METRICS.create("roc-auc"), *rows)
    assert found.p_value == pytest.approx(2 * norm.sf(abs(of_own.mean()) / s), rel=1e-9)
    assert found.interval is not None
    assert (found.interval[0] > 0) == (found.p_value < 0.05)


@pytest.mark.long
@pytest.mark.parametrize("share", [0.1, 0.5], ids=["10 % positive", "50 % positive"])
def test_one_in_twenty_equally_good_models_is_called_different(share: float) -> None:
    """By accuracy, balanced accuracy, ROC AUC and cost, of 400 pairs on 200 rows: 2 to 8 %, which is 3 to 7 within the
    standard error of 1.1."""
    rng, small = np.random.default_rng(0), dict.fromkeys(("accuracy", "balanced-accuracy", "roc-auc", "cost"), 0)
    for _ in range(400):
        y = (rng.random(200) < share).astype(np.int64)
        common, rows = rng.normal(size=200) + 2 * y - 1, []
        for _ in range(2):
            z = common + rng.normal(size=200) + np.log(share / (1 - share))
            costs = np.array([[0.0, 1.0], [5.0, 0.0]])
            rows.append(ScoredRows(y, (z > 0).astype(np.int64), 2, z[:, None], True, costs=costs))
        for name in small:
            small[name] += compared(METRICS.create(name), *rows).p_value < 0.05
    assert all(8 <= count <= 32 for count in small.values()), small
