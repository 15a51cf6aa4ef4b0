# ruff: noqa: E501  (a case stands on one line)
"""`train --reference` trains a model of scikit-learn on the same rows, and says which of the two is better."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom, permutation_test
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score, log_loss, precision_score, roc_auc_score

from forgery import with_meta
from nncli.config.train_config import TrainConfig
from nncli.metrics.paired import sign_flip_p
from nncli.training.prepare import prepare
from short_and_long import some_short

Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def mid_p(b: int, c: int) -> float:
    """Return the p-value for b and c heads, by scipy: twice what is above the greater, and half of what is just that
    (Fagerland et al. 2013)."""
    heads = binom(b + c, 0.5)
    return float(2 * heads.sf(max(b, c)) + heads.pmf(max(b, c))) if b != c else 1.0


@pytest.mark.parametrize("pair", [(0, 0), (1, 0), (3, 9), (50, 50), (120, 80), (2000, 2100)])
def test_flipping_signs_of_rows_right_and_wrong_is_the_test_of_mcnemar_by_mid_p(pair: tuple[int, int]) -> None:
    assert sign_flip_p(np.repeat([1.0, -1.0], pair)) == pytest.approx(mid_p(*pair))


@pytest.mark.parametrize("d", [[3, -1, 1, 2], [5, 5, -1, -1, -1, 2, 7, 7], [1.5, 0.5, -2.5, 4.0, 4.0, 0.25]])
def test_flipping_signs_of_other_numbers_counts_all_ways_to_flip_them(d: list[float]) -> None:
    sums = [abs(np.dot(signs, d)) - abs(sum(d)) for signs in itertools.product([-1, 1], repeat=len(d))]
    ways = [1 if one > 0 else 0.5 * (one == 0) for one in sums]
    whole = all(one == round(one) for one in d)
    assert sign_flip_p(np.array(d, float)) == pytest.approx(np.mean(ways), rel=1e-9 if whole else 0.1)


@pytest.mark.parametrize("kind", ["trees", "linear"])
def test_it_learns_from_the_same_rows_and_is_compared_on_the_test_rows(nncli: Run, kind: str) -> None:
    outcome = nncli("train", "wine", "--epochs", 20, "--reference", kind, "--seed", 3, "--json")
    assert outcome.code == 0, outcome.err
    prepared = prepare(TrainConfig(data=("wine",), seed=3))
    table, y, split = prepared.dataset.table, prepared.dataset.y, prepared.split
    X = (table.numbers - table.numbers[split.train].mean(axis=0)) / table.numbers[split.train].std(axis=0)
    reference = HistGradientBoostingClassifier(random_state=3) if kind == "trees" else LogisticRegression(max_iter=1000)
    found = reference.fit(X[split.train], y[split.train]).predict(X[split.test])
    assert outcome.json["reference"]["accuracy"] == pytest.approx(np.mean(found == y[split.test]))
    ours = nncli("predict", "model.npz", "wine").out.splitlines()[1:]
    right = np.array([prepared.dataset.classes.index(name) for name in ours])[split.test] == y[split.test]
    b, c = int((right & (found != y[split.test])).sum()), int((~right & (found == y[split.test])).sum())
    assert outcome.json["reference"]["p_value"] == pytest.approx(mid_p(b, c))
    assert outcome.json["reference"]["difference"] == pytest.approx((b - c) / len(split.test))


def test_a_network_that_is_the_wrong_tool_is_told(nncli: Run) -> None:
    """Whether a number is in one of many small intervals is easy for trees, and hard for a small network."""
    rng = np.random.default_rng(0)
    x = rng.random(2000)
    Path("d.csv").write_text("x,label\n" + "".join(f"{v:.5f},{'pq'[int(40 * v) % 2]}\n" for v in x))
    outcome = nncli("train", "d.csv", "--epochs", 3, "--hidden", 8, "--reference", "trees")
    verdict = "the model is less often right than gradient-boosted trees, by more than chance on these rows ("
    assert verdict in outcome.out  # as a result, also of -q
    assert verdict not in outcome.err
    assert "reference (gradient-boosted trees)" in outcome.out
    assert "trees 9" in nncli("info", "model.npz").out
    words = ["train", "d.csv", "--epochs", 1, "--hidden", 8, "--reference", "linear"]
    assert "on these rows (" in nncli(*words, "-q").out
    told = nncli(*words, "--json")
    assert "on these rows (" in told.err
    assert told.json["reference"]["p_value"] <= 1


def test_weights_count_for_the_reference_too(nncli: Run) -> None:
    rng = np.random.default_rng(0)
    lines = []
    for _ in range(600):
        x, wrong = rng.normal(), rng.random() < 0.6
        label = "pq"[int((x > 0) != wrong)]
        lines.append(f"{x:.3f},{1 if wrong else 9},{label}")  # most labels are wrong, but count little
    Path("d.csv").write_text("x,w,label\n" + "\n".join(lines) + "\n")
    found = nncli("train", "d.csv", "--weight", "w", "--epochs", 2, "--reference", "linear", "--json").json
    assert found["reference"]["accuracy"] < 0.5
    assert (
        nncli("train", "d.csv", "--drop", "w", "--epochs", 2, "--reference", "linear", "--json").json["reference"][
            "accuracy"
        ]
        > 0.5
    )


def judged_by_sklearn(kind: str, options: dict[str, Any]) -> tuple[Any, np.ndarray, np.ndarray, Any]:
    """Return a reference trained on the training rows, and the inputs, classes and parts of all rows."""
    prepared = prepare(TrainConfig(data=("breast-cancer",), seed=3, **options))
    table, split = prepared.dataset.table, prepared.split
    X = (table.numbers - table.numbers[split.train].mean(axis=0)) / table.numbers[split.train].std(axis=0)
    reference = HistGradientBoostingClassifier(random_state=3) if kind == "trees" else LogisticRegression(max_iter=1000)
    return reference.fit(X[split.train], prepared.dataset.y[split.train]), X, prepared.dataset.y, split


def train_with_reference(nncli: Run, kind: str, *options: Any) -> Any:
    words = ["train", "breast-cancer", "--epochs", 20, "--seed", 3, "--reference", kind, *options]
    outcome = nncli(*words, "--json")
    assert outcome.code == 0, outcome.err
    return outcome


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("roc-auc", lambda y, p: roc_auc_score(y, p)),
        ("average-precision", lambda y, p: average_precision_score(y, p)),
        ("log-loss", lambda y, p: log_loss(y, p)),
        ("f1", lambda y, p: f1_score(y, p >= 0.5)),
    ],
)
@pytest.mark.parametrize("kind", some_short(["linear", "trees"], 1))
def test_the_metric_of_the_run_is_compared_too(
    nncli: Run, kind: str, metric: str, expected: Callable[[Any, Any], float]
) -> None:
    outcome = train_with_reference(nncli, kind, "--metric", metric)
    found = outcome.json["reference"]["metric"]
    reference, X, y, split = judged_by_sklearn(kind, {})
    y, p = y[split.test], reference.predict_proba(X[split.test])[:, 1]
    ours = np.array([float(line.split(",")[2]) for line in nncli("predict", "model.npz", "breast-cancer", "--proba").out.splitlines()[1:]])[split.test]  # fmt: skip
    assert (found["name"], found["value"]) == (metric, pytest.approx(expected(y, p), rel=1e-3))
    assert found["difference"] == pytest.approx(expected(y, ours) - found["value"], abs=1e-3)
    assert outcome.json["metric"]["test"] == pytest.approx(found["value"] + found["difference"])
    assert (nncli("info", "model.npz", "--json").json["figures"]["reference"]["metric"]) == found
    if metric == "log-loss":
        d = (np.log(np.where(y, p, 1 - p)) - np.log(np.where(y, ours, 1 - ours)),)
        flipped = permutation_test(d, np.mean, permutation_type="samples", n_resamples=9999, random_state=0)
        assert found["p_value"] == pytest.approx(flipped.pvalue, abs=0.02)


def test_a_file_whose_reference_has_a_metric_that_there_is_not_is_refused(nncli: Run) -> None:
    train_with_reference(nncli, "linear", "--metric", "f1")
    true = Path("model.npz").read_bytes()
    Path("forged.npz").write_bytes(with_meta("figures.reference.metric.name", "luck")(true))
    assert nncli("info", "model.npz").code == 0
    assert "a metric that there is not" in nncli("info", "forged.npz").err


def test_both_decide_by_the_same_costs(nncli: Run) -> None:
    """A missed row costs 9 times a false alarm, so that one is called from a probability of 1 / (1 + 9) on."""
    outcome = train_with_reference(nncli, "linear", "--cost", "missed=9,false-alarm=1", "--positive", "malignant")
    found = outcome.json["reference"]["metric"]
    reference, X, y, split = judged_by_sklearn("linear", {})
    positive = outcome.json["classes"].index("malignant")
    called = reference.predict_proba(X[split.test])[:, positive] >= 0.1
    is_positive = y[split.test] == positive
    cost = 9 * np.sum(is_positive & ~called) + np.sum(~is_positive & called)
    assert (found["name"], found["value"]) == ("cost", pytest.approx(cost / len(split.test)))
    assert found["difference"] == pytest.approx(nncli("eval", "model.npz", "--json").json["metrics"]["cost"]["value"] - found["value"])  # fmt: skip


def test_a_reference_has_a_threshold_of_its_own_by_the_same_rule(nncli: Run) -> None:
    outcome = train_with_reference(nncli, "linear", "--choose-threshold", "recall=0.95", "--metric", "precision")
    reference, X, y, split = judged_by_sklearn("linear", {})
    p = reference.predict_proba(X)[:, 1]
    of_positive = np.sort(p[split.val][y[split.val] == 1])[::-1]
    threshold = of_positive[int(np.ceil(0.95 * len(of_positive) - 1e-9)) - 1]  # the highest with that recall
    expected = precision_score(y[split.test], p[split.test] >= threshold * (1 - 1e-9))
    assert outcome.json["reference"]["metric"]["value"] == pytest.approx(expected)


def test_without_test_rows_it_is_said_that_the_validation_rows_chose_the_epoch(nncli: Run) -> None:
    words = ["train", "breast-cancer", "--epochs", 3, "--reference", "linear", "--metric", "roc-auc", "-q"]
    flattered = "on the validation rows, by which the epoch was chosen too"
    for more, said in ((["--test", 0], True), ([], False)):
        outcome = nncli(*words, *more)
        assert (flattered in outcome.out) == said
        lines = outcome.out.splitlines()[-2:]
        assert lines[0].startswith("the model ")
        assert lines[1].startswith("in ROC AUC, the")
        shown = [line.split()[-1] for line in outcome.out.splitlines() if line.startswith("reference (")]
        assert shown == [f"{nncli(*words, *more, '--json').json['reference']['metric']['value']:.4f}"]
    assert nncli(*words, "--test", 0, "--json").json["reference"]["part"] == "val"


def test_the_table_shows_both_as_they_decide(nncli: Run) -> None:
    """By costs, a class is called from a probability of 0.1 on: so are the right rows of the reference counted too."""
    words = ["--cost", "missed=9,false-alarm=1", "--positive", "malignant"]
    found = train_with_reference(nncli, "linear", *words).json
    reference, X, y, split = judged_by_sklearn("linear", {})
    positive = found["classes"].index("malignant")
    called = reference.predict_proba(X[split.test])[:, positive] >= 0.1
    right = np.mean(called == (y[split.test] == positive))
    assert right != reference.score(X[split.test], y[split.test])
    assert found["reference"]["accuracy"] == pytest.approx(right)
    assert found["reference"]["difference"] == pytest.approx(found["test"]["accuracy"] - right)


def test_by_the_loss_the_log_loss_is_compared(nncli: Run) -> None:
    found = train_with_reference(nncli, "linear", "--metric", "loss").json
    reference, X, y, split = judged_by_sklearn("linear", {})
    expected = log_loss(y[split.test], reference.predict_proba(X[split.test]))
    by = found["reference"]["metric"]
    assert (by["name"], by["value"]) == ("log-loss", pytest.approx(expected, rel=1e-3))
    assert by["difference"] == pytest.approx(found["test"]["log_loss"] - by["value"])


def test_a_metric_that_cannot_be_compared_by_is_told(nncli: Run) -> None:
    outcome = train_with_reference(nncli, "linear", "--metric", "loss", "--model", "svm")
    assert outcome.json["reference"]["metric"] is None
    said = "the reference is compared by accuracy alone, not by log-loss: the model gives scores, not probabilities"
    assert said in outcome.err


@pytest.mark.parametrize("options", [("--metric", "accuracy"), ()])
def test_accuracy_alone_is_compared_where_no_other_metric_was_asked_for(nncli: Run, options: tuple[str, ...]) -> None:
    assert train_with_reference(nncli, "linear", *options).json["reference"]["metric"] is None


@pytest.mark.long
def test_validation_rows_of_a_group_count_as_one(nncli: Run) -> None:
    """Ten copies of each row: by rows, differences would be ten times as sure as by groups."""
    rng = np.random.default_rng(0)
    rows = [(rng.normal(), rng.normal()) for _ in range(120)]
    lines = [
        f"{a:.3f},{b:.3f},{i},{'pq'[int(a * b > 0)]}" for i, (a, b) in enumerate(rows) for _ in range(10)
    ]  # which a linear model cannot know
    Path("d.csv").write_text("a,b,who,label\n" + "\n".join(lines) + "\n")
    words = ["train", "d.csv", "--reference", "linear", "--metric", "log-loss", "--test", 0, "--val", 0.3, "--json"]
    found = nncli(*words, "--group", "who").json["reference"]
    alone = nncli(*words, "--drop", "who").json["reference"]
    n = 36  # groups: the least p-value is that all of them are on one side
    assert found["p_value"] >= 2.0 ** (1 - n)
    assert alone["p_value"] < 1e-12 < found["p_value"]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ("--reference forest", "--reference: expected one of trees, linear; found 'forest'."),
        ("--reference trees --val 0 --test 0", "--reference: there are no rows to compare on. Set --test above 0."),
        ("--reference trees --memory 500MB", "--reference: gradient-boosted trees need all rows in memory. Leave out --memory."),
    ],
)  # fmt: skip
def test_where_there_is_nothing_to_compare_it_is_refused(nncli: Run, options: str, line: str) -> None:
    Path("d.csv").write_text("x,label\n" + "".join(f"{i % 17},{'pq'[i % 2]}\n" for i in range(100)))
    outcome = nncli("train", "d.csv", "-q", *options.split())
    assert (outcome.code, outcome.err) == (2, line + "\n")
    assert not Path("model.npz").exists()
