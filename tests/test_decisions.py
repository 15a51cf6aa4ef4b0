"""How probabilities become a class: thresholds, what mistakes cost, and the class that is to be found."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import log_loss, precision_recall_curve, precision_score, recall_score

from nncli.metrics.definitions import METRICS
from nncli.metrics.intervals import estimate
from nncli.metrics.rows import ScoredRows
from nncli.model.decision import Decision
from nncli.training.decision import _read_costs, at_chosen_threshold, threshold_of

Run = Callable[..., Any]
COSTS = ((0.0, 1.0), (5.0, 0.0))  # a false alarm costs 1, a missed row 5

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def test_costs_of_two_classes_give_the_threshold_of_elkan() -> None:
    """Elkan (2001): predict the positive class from p* = (C10 − C00) / (C10 − C00 + C01 − C11) on."""
    assert threshold_of(COSTS, 1) == pytest.approx(1 / 6)
    assert threshold_of(COSTS, 0) == pytest.approx(5 / 6)
    assert threshold_of(((-1.0, 3.0), (10.0, 2.0)), 1) == pytest.approx(4 / (4 + 8))


def test_the_class_of_the_least_expected_cost_by_hand() -> None:
    """0.5·0 + 0.3·9 + 0.2·1 = 2.9; 0.5·1 + 0.3·0 + 0.2·1 = 0.7; 0.5·1 + 0.3·9 + 0.2·0 = 3.2: the second one."""
    decision = Decision(1, None, ((0, 1, 1), (9, 0, 9), (1, 1, 0)))
    assert decision.classes(np.array([[0.5, 0.3, 0.2], [0.96, 0.02, 0.02]])).tolist() == [1, 0]


def imbalanced(path: str, n: int, seed: int, names: tuple[str, str] = ("calm", "storm")) -> None:
    """Write rows of which one in ten is of the second class; the classes overlap."""
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.1
    X = rng.normal(size=(n, 3)) + 1.2 * y[:, None]
    lines = [",".join([*(f"{v:.4f}" for v in x), names[int(k)]]) for x, k in zip(X, y, strict=True)]
    Path(path).write_text("a,b,c,label\n" + "\n".join(lines) + "\n")


def truth(path: str) -> list[str]:
    return [line.rsplit(",", 1)[1] for line in Path(path).read_text().splitlines()[1:]]


def test_a_model_is_used_and_evaluated_with_the_threshold_that_was_chosen(nncli: Run) -> None:
    imbalanced("d.csv", 3000, 1)
    imbalanced("new.csv", 3000, 2)
    trained = nncli("train", "d.csv", "-m", "logistic", "--choose-threshold", "recall=0.85", "--json")
    assert trained.code == 0, trained.err
    assert "'storm' is predicted from the probability 0." in trained.err
    predictions = nncli("predict", "model.npz", "new.csv").out.splitlines()[1:]
    y = truth("new.csv")
    evaluated = nncli("eval", "model.npz", "new.csv", "--json").json
    recall = recall_score(y, predictions, pos_label="storm")
    assert evaluated["per_class"]["storm"]["recall"] == pytest.approx(recall)
    assert evaluated["accuracy"] == pytest.approx(np.mean(np.array(y) == predictions))
    assert 0.75 < recall < 0.93  # promised were 0.85 of 45 validation rows: 0.71 to 0.94
    assert evaluated["decision"]["rule"] == "recall=0.85"
    assert evaluated["decision"]["threshold"] < 0.5
    own = nncli("eval", "model.npz", "--json").json
    assert own["accuracy"] == trained.json["test"]["accuracy"]


def test_costs_say_which_class_is_predicted_and_what_that_costs(nncli: Run) -> None:
    imbalanced("d.csv", 2000, 3)
    assert nncli("train", "d.csv", "-m", "logistic", "-q", "-o", "plain.npz").code == 0
    cost = ["--cost", "missed=5,false-alarm=1"]
    trained = nncli("train", "d.csv", "-m", "logistic", *cost, "-o", "cost.npz")
    assert "'storm' is predicted from the probability 0.1667 on" in trained.err
    imbalanced("new.csv", 2000, 4)
    y = np.array(truth("new.csv"))
    means = {}
    for name in ("plain", "cost"):
        found = np.array(nncli("predict", f"{name}.npz", "new.csv").out.splitlines()[1:])
        means[name] = float((5 * ((y == "storm") & (found == "calm")) + ((y == "calm") & (found == "storm"))).mean())
    assert means["cost"] < means["plain"]
    cost = nncli("eval", "cost.npz", "new.csv", "--json").json["metrics"]["cost"]
    assert cost["value"] == pytest.approx(means["cost"])
    low, high = cost["interval"]
    of_row = 5 * ((y == "storm") & (found == "calm")) + ((y == "calm") & (found == "storm"))
    half = 1.96 * of_row.std() / np.sqrt(len(y))  # of the normal distribution, which is near for 2,000 rows
    assert (low, high) == pytest.approx((means["cost"] - half, means["cost"] + half), abs=0.1 * half)


def test_the_interval_of_a_cost_covers_it_nineteen_times_in_twenty() -> None:
    rng, covered = np.random.default_rng(0), 0
    shares = np.array([0.7, 0.1, 0.08, 0.12])  # of (true, predicted): 00, 01, 10, 11
    true_mean = 0.1 * 1 + 0.08 * 5
    for _ in range(400):
        pairs = rng.choice(4, 300, p=shares)
        y, predicted = pairs // 2, pairs % 2
        rows = ScoredRows(y, predicted, 2, np.zeros((300, 1)), probabilistic=True, costs=np.array(COSTS))
        low, high = estimate(METRICS.create("cost"), rows).interval or (np.nan, np.nan)
        covered += low <= true_mean <= high
    assert 0.92 * 400 <= covered <= 0.98 * 400


def test_a_matrix_of_costs_may_name_the_classes_in_any_order(nncli: Run) -> None:
    Path("costs.csv").write_text(
        "true,virginica,setosa,versicolor\nversicolor,1,1,0\nsetosa,1,0,1\nvirginica,0,20,20\n"
    )
    trained = nncli("train", "iris", "-m", "softmax", "--cost", "costs.csv", "--epochs", 40, "--json")
    assert trained.code == 0, trained.err
    rows_of = nncli("predict", "model.npz", "iris", "--proba").out.splitlines()
    P = np.array([line.split(",")[1:] for line in rows_of[1:]], float)
    assert rows_of[0] == "prediction,p_setosa,p_versicolor,p_virginica"
    C = np.array([[0, 1, 1], [1, 0, 1], [20, 20, 0]])  # in the order of the classes
    classes = np.array(["setosa", "versicolor", "virginica"])
    assert [line.split(",")[0] for line in rows_of[1:]] == classes[(P @ C).argmin(axis=1)].tolist()
    assert nncli("eval", "model.npz", "--json").json["decision"]["positive"] is None


def test_the_positive_class_is_the_second_one_or_as_told(nncli: Run) -> None:
    imbalanced("d.csv", 600, 5)
    assert nncli("train", "d.csv", "-m", "logistic", "-q", "-o", "second.npz").code == 0
    assert nncli("train", "d.csv", "-m", "logistic", "-q", "--positive", "calm", "-o", "first.npz").code == 0
    found = {}
    for name in ("second", "first"):
        answers = nncli("predict", f"{name}.npz", "d.csv", "--proba", "--threshold", "0.9").out.splitlines()[1:]
        found[name] = [line.split(",") for line in answers]
    assert all((label == "storm") == (float(storm) >= 0.9) for label, _, storm in found["second"])
    assert all((label == "calm") == (float(calm) >= 0.9) for label, calm, _ in found["first"])
    assert "'storm' is the positive one" in nncli("info", "second.npz").out
    assert "'calm' is the positive one" in nncli("info", "first.npz").out


def test_eval_says_what_another_threshold_comes_to(nncli: Run) -> None:
    imbalanced("d.csv", 600, 6)
    assert nncli("train", "d.csv", "-m", "logistic", "-q").code == 0
    y, answers = truth("d.csv"), nncli("predict", "model.npz", "d.csv", "--threshold", "0.2").out.splitlines()[1:]
    evaluated = nncli("eval", "model.npz", "d.csv", "--threshold", "0.2", "--json").json
    assert evaluated["accuracy"] == pytest.approx(np.mean(np.array(y) == answers))
    assert evaluated["decision"]["threshold"] == 0.2
    several = nncli("eval", "model.npz", "d.csv", "d.csv", "--threshold", "0.2", "--json", "--jobs", "1").json
    assert several["all"]["accuracy"] == evaluated["accuracy"]


@pytest.mark.long
def test_the_curve_has_a_row_for_each_threshold(nncli: Run) -> None:
    imbalanced("d.csv", 300, 7)
    trained = nncli("train", "d.csv", "-m", "logistic", "-q", "--cost", "missed=5,false-alarm=1")
    assert trained.code == 0
    assert nncli("eval", "model.npz", "d.csv", "--curve", "c.csv").code == 0
    table = list(csv.DictReader(io.StringIO(Path("c.csv").read_text())))
    assert [*table[0]] == ["threshold", "precision", "recall", "tpr", "fpr", "f1", "cost"]
    y = np.array(truth("d.csv")) == "storm"
    answers = nncli("predict", "model.npz", "d.csv", "--proba").out.splitlines()[1:]
    p = np.array([line.split(",")[2] for line in answers], float)
    assert len(table) == len(np.unique(p)) + 1
    for row in table[1::20]:
        found = p >= float(row["threshold"])
        assert float(row["precision"]) == pytest.approx(precision_score(y, found))
        assert float(row["recall"]) == float(row["tpr"]) == pytest.approx(recall_score(y, found))
        assert float(row["fpr"]) == pytest.approx((found & ~y).sum() / (~y).sum())
        assert float(row["cost"]) == pytest.approx((5 * (y & ~found) + (found & ~y)).mean())
    assert table[0]["precision"] == ""


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_each_row_of_the_curve_is_what_eval_and_predict_make_of_its_threshold(dtype: str, nncli: Run) -> None:
    """Some probabilities round to 1, so that the first threshold, from which no row is positive, is just above."""
    lines = [f"{x},{'storm' if x > 3 else 'calm'}" for x in range(-500, 501, 50)]
    Path("d.csv").write_text("x,label\n" + "\n".join(lines) + "\n")
    how = ["-m", "logistic", "--scale", "none", "--epochs", 60, "--lr", 0.5, "--dtype", dtype, "-q"]
    assert nncli("train", "d.csv", *how, "--val", 0, "--test", 0).code == 0
    assert nncli("eval", "model.npz", "d.csv", "--curve", "c.csv", "-q").code == 0
    table = list(csv.DictReader(io.StringIO(Path("c.csv").read_text())))
    assert float(table[0]["threshold"]) > 1
    for row in table:
        found = nncli("eval", "model.npz", "d.csv", "--threshold", row["threshold"], "--json").json["metrics"]
        assert found["recall"]["value"] == pytest.approx(float(row["recall"]))
        assert found["precision"]["value"] == pytest.approx(float(row["precision"] or 0))
        said = nncli("predict", "model.npz", "d.csv", "--threshold", row["threshold"]).out.split()[1:]
        assert recall_score(truth("d.csv"), said, pos_label="storm") == pytest.approx(float(row["recall"]))
    assert "'storm' is never predicted" in nncli("eval", "model.npz", "d.csv", "--threshold", table[0]["threshold"]).out
    refused = nncli("eval", "model.npz", "d.csv", "--threshold", "1.5", "-q").err
    assert refused == "--threshold: expected a probability from 0 to 1, found '1.5'.\n"


def test_a_model_whose_promise_cannot_be_kept_is_saved_all_the_same(nncli: Run) -> None:
    # where the same value has both classes, so have the rows of each probability
    Path("d.csv").write_text("a,label\n" + "".join(f"{i // 2 % 2},{'pq'[i % 2]}\n" for i in range(400)))
    outcome = nncli("train", "d.csv", "-m", "logistic", "--choose-threshold", "precision=1", "--epochs", "2")
    assert outcome.code == 1
    line = outcome.err.splitlines()[-1]
    assert line.startswith(
        "--choose-threshold: no threshold has that precision: the highest on the validation rows is 0."
    )
    assert line.endswith("The model is saved without a threshold.")
    assert nncli("info", "model.npz", "--json").json["decision"]["threshold"] is None
    assert nncli("predict", "model.npz", "d.csv").code == 0


def test_a_run_that_is_resumed_decides_as_one_that_was_not(nncli: Run) -> None:
    imbalanced("d.csv", 500, 8)
    more = ["-m", "logistic", "--choose-threshold", "mcc", "--epochs", "6", "-q"]
    assert nncli("train", "d.csv", *more, "-o", "whole.npz").code == 0
    assert nncli("train", "d.csv", *more[:-2], "3", "-q", "--keep-state", "-o", "half.npz").code == 0
    assert nncli("train", "--resume", "half.npz", "--epochs", "6", "-q", "-o", "half.npz").code == 0
    one, other = (nncli("info", name, "--json").json["decision"] for name in ("whole.npz", "half.npz"))
    assert one["rule"] == other["rule"] == "mcc"
    assert 0 < one["threshold"] < 1


def test_a_sweep_keeps_the_decision_in_its_winner(nncli: Run) -> None:
    imbalanced("d.csv", 500, 9)
    command = ["sweep", "d.csv", "-m", "logistic", "--lr", "0.1,0.01", "--epochs", "3", "--jobs", "1", "-o", "m.npz"]
    assert nncli(*command, "--cost", "missed=5,false-alarm=1", "-q").code == 0
    assert nncli("info", "m.npz", "--json").json["decision"]["threshold"] == pytest.approx(1 / 6)


@pytest.mark.parametrize(
    "text",
    [
        "class;no;yes\nno;0;2,5\nyes;1;0\n",  # as a spreadsheet writes it where commas are decimal
        "class\tno\tyes\nno\t0\t2.5\nyes\t1\t0\n",
        "class,no,yes\n\nno,0,2.5\nyes,1,0\n,,\n",
        'class;yes;no\n"yes";0;1\n"no";2.5;0\n;;\n',
    ],
)
def test_costs_are_read_with_any_separator(text: str, tmp_path: Path) -> None:
    path = tmp_path / "costs.csv"
    path.write_text(text)
    assert _read_costs(str(path), ["no", "yes"]) == ((0.0, 2.5), (1.0, 0.0))


def test_classes_that_count_more_in_training_move_the_threshold_of_costs() -> None:
    """Rows of the positive class count 19 times: a row whose odds are 1 to 5 comes out with 19 to 5, 0.7917."""
    assert threshold_of(COSTS, 1, np.array([1.0, 19.0])) == pytest.approx(19 / (19 + 5))


@pytest.mark.long
def test_costs_decide_alike_whatever_the_classes_count_in_training(nncli: Run) -> None:
    imbalanced("d.csv", 4000, 3)
    imbalanced("new.csv", 4000, 4)
    costs = []
    for weights in ("none", "balanced", "calm=1,storm=30"):
        how = ["-m", "logistic", "--cost", "missed=5,false-alarm=1", "--class-weight", weights, "-q"]
        assert nncli("train", "d.csv", *how).code == 0
        costs.append(nncli("eval", "model.npz", "new.csv", "--json").json["metrics"]["cost"]["value"])
    assert costs[1:] == pytest.approx([costs[0]] * 2, rel=0.1)


@pytest.mark.parametrize("words", ["--cost missed=5,false-alarm=1", "--choose-threshold recall=0.9"])
def test_the_commoner_class_is_not_taken_as_the_one_to_be_found(nncli: Run, words: str) -> None:
    lines = [f"{i % 17},{'ok' if i % 8 else 'fraud'}" for i in range(200)]
    Path("d.csv").write_text("x,class\n" + "\n".join(lines) + "\n")
    outcome = nncli("train", "d.csv", *words.split(), "-q")
    option = words.split()[0]
    line = f"{option}: expected to know which class is to be found: 'fraud' is the rarer one."
    assert (outcome.code, outcome.err) == (2, f"{line} Add --positive fraud, or --positive ok.\n")
    found = nncli("train", "d.csv", *words.split(), "--positive", "fraud", "--epochs", 2)
    assert "'fraud' is predicted from the probability" in found.err


def test_a_promise_that_rests_on_few_rows_is_said(nncli: Run) -> None:
    imbalanced("d.csv", 400, 3)
    said = nncli("train", "d.csv", "-m", "logistic", "--choose-threshold", "recall=0.9").err
    n = nncli("check", "d.csv", "--json").json["classes"]["storm"] * 0.15  # validation rows
    (line,) = [line for line in said.splitlines() if "rests on" in line]
    assert abs(int(line.split("rests on ")[1].split()[0]) - n) <= 1
    assert "no better than guessing" not in said


@pytest.mark.parametrize(
    "options",
    [
        "--metric precision --choose-threshold recall=0.9",
        "--metric log-loss --calibrate",
    ],
)
def test_a_sweep_ranks_models_as_they_are_used(nncli: Run, options: str) -> None:
    """Its figure of the winner is that of the saved model on a file with its validation rows."""
    imbalanced("d.csv", 600, 6)
    imbalanced("v.csv", 300, 7)
    words = [*options.split(), "-m", "logistic", "--val-data", "v.csv", "--epochs", "5"]
    mean = nncli("sweep", "d.csv", "--lr", "0.5,0.05", *words, "--jobs", "1", "--json").json["standings"][0]["mean"]
    nncli("predict", "model.npz", "v.csv", "--proba", "-o", "p.csv")
    rows, y = list(csv.DictReader(io.StringIO(Path("p.csv").read_text()))), np.array(truth("v.csv")) == "storm"
    predicted = np.array([row["prediction"] == "storm" for row in rows])
    if "precision" in options:
        assert mean == pytest.approx(precision_score(y, predicted))
        assert 0.9 <= recall_score(y, predicted) < 0.95
    else:
        assert mean == pytest.approx(log_loss(y, [float(row["p_storm"]) for row in rows]), rel=1e-5)


@pytest.mark.parametrize("probabilistic", [True, False], ids=["probabilities", "scores"])
@pytest.mark.parametrize("positive", [0, 1])
def test_an_epoch_is_judged_with_the_threshold_that_it_would_have(positive: int, probabilistic: bool) -> None:
    """By scikit-learn's curve: the highest threshold with the promised recall."""
    rng = np.random.default_rng(0)
    y = (rng.random(400) < 0.3).astype(np.int64)
    z = (rng.normal(size=400) + 1.5 * y)[:, None]
    rows = ScoredRows(y, np.ones_like(y), 2, z + 1, probabilistic, positive=positive)
    found = at_chosen_threshold(rows, "recall=0.8", Decision(positive)).predicted
    towards = z[:, 0] if positive else -z[:, 0]
    _, recall, at = precision_recall_curve(y == positive, towards)
    assert (found == positive).tolist() == (towards >= at[recall[:-1] >= 0.8].max()).tolist()


def test_an_epoch_whose_scores_keep_no_promise_is_judged_by_the_likelier_class() -> None:
    rows = ScoredRows(np.array([1, 0, 1]), np.array([1, 1, 0]), 2, np.array([[1.0], [2.0], [-1.0]]), True)
    assert at_chosen_threshold(rows, "precision=0.9", Decision(1)) is rows
