# ruff: noqa: E501  (a case stands on one line)
"""`train --folds`: each row is judged by a model that has not seen it, and the saved model has seen all of them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    cohen_kappa_score,
    f1_score,
    fbeta_score,
    log_loss,
    matthews_corrcoef,
    precision_score,
    recall_score,
    roc_auc_score,
)

from nncli.config.train_config import TrainConfig
from nncli.metrics.student import share_interval
from nncli.system.workers import never
from nncli.training.cross_validation import cross_validate
from nncli.training.prepare import prepare
from nncli.training.run import run_training
from nncli.training.splitting import Fold

Run = Callable[..., Any]
SMALL = ["--epochs", 8, "--hidden", 4, "-q"]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def test_the_folds_share_out_all_rows_but_the_test_rows() -> None:
    whole = prepare(TrainConfig(data=("iris",)))
    parts = [prepare(TrainConfig(data=("iris",)), whole.read, Fold(k, 5, is_test=True)) for k in range(5)]
    rows = np.concatenate([one.test.rows for one in parts])
    assert sorted(rows) == sorted([*whole.train.rows, *whole.val.rows])
    for one in parts:
        of_parts = [set(part.rows) for part in (one.train, one.val, one.test)]
        assert set.union(*of_parts) == set(rows)
        assert sum(map(len, of_parts)) == len(rows)
        assert np.ptp(np.bincount(one.dataset.y[one.test.rows])) <= 2  # iris has as many rows of each class


def test_the_figures_are_those_of_a_model_for_each_fold(nncli: Run) -> None:
    found = nncli("train", "iris", *SMALL, "--folds", 3, "--json").json["folds"]
    # the same by hand: a training run for each fold, on the rows of the others
    options = TrainConfig(data=("iris",), epochs=8, hidden=(4,))
    whole, right, y, predicted, best = prepare(options), list[float](), list[int](), list[int](), list[int]()

    for k in range(3):
        prepared = prepare(options, whole.read, Fold(k, 3, is_test=True))
        run = run_training(prepared)
        assert run is not None
        right.append(run.figures["test"]["accuracy"])
        best.append(run.figures["best_epoch"])
        classes = run.model.predicted(run.model.scores(prepared.dataset.table.take(prepared.test.rows)))
        y += prepared.dataset.y[prepared.test.rows].tolist()
        predicted += classes.tolist()
    assert found["metrics"]["accuracy"]["value"] == pytest.approx(np.mean(np.array(y) == predicted))
    assert found["metrics"]["accuracy"]["mean"] == pytest.approx(np.mean(right))
    assert found["metrics"]["accuracy"]["sd"] == pytest.approx(np.std(right, ddof=1))
    assert found["metrics"]["balanced-accuracy"]["value"] == pytest.approx(balanced_accuracy_score(y, predicted))
    assert found["n"] == 128
    assert found["epochs"] == round(np.mean(best))


OF_ROWS: dict[str, Callable[[Any, Any, Any], float]] = {
    "accuracy": lambda y, p, P: accuracy_score(y, p),
    "balanced-accuracy": lambda y, p, P: balanced_accuracy_score(y, p),
    "log-loss": lambda y, p, P: log_loss(y, P / P.sum(axis=1, keepdims=True)),
    "brier": lambda y, p, P: brier_score_loss(y, P[:, 1]),
    "roc-auc": lambda y, p, P: roc_auc_score(y, P[:, 1]),
    "average-precision": lambda y, p, P: average_precision_score(y, P[:, 1]),
    "mcc": lambda y, p, P: matthews_corrcoef(y, p),
    "kappa": lambda y, p, P: cohen_kappa_score(y, p),
    "f1:average=macro": lambda y, p, P: f1_score(y, p, average="macro"),
    "f1:average=weighted": lambda y, p, P: f1_score(y, p, average="weighted"),
    "precision": lambda y, p, P: precision_score(y, p),
    "recall": lambda y, p, P: recall_score(y, p),
    "f1": lambda y, p, P: f1_score(y, p),
    "f-beta:beta=0.5": lambda y, p, P: fbeta_score(y, p, beta=0.5),
    "f-beta:beta=2": lambda y, p, P: fbeta_score(y, p, beta=2),
}


def test_json_has_all_metrics_of_eval_for_the_rows_of_the_folds(nncli: Run) -> None:
    outcome = nncli("train", "breast-cancer", *SMALL, "--folds", 4, "--json")
    found = outcome.json["folds"]["metrics"]
    options = TrainConfig(data=("breast-cancer",), epochs=8, hidden=(4,))
    whole, parts = prepare(options), list[tuple[Any, Any, Any]]()
    for k in range(4):
        prepared = prepare(options, whole.read, Fold(k, 4, is_test=True))
        run = run_training(prepared)
        assert run is not None
        rows = prepared.test.rows
        Z = run.model.scores(prepared.dataset.table.take(rows))
        parts.append((prepared.dataset.y[rows], run.model.predicted(Z), run.model.by_class(Z).astype(float)))
    together = tuple(map(np.concatenate, zip(*parts, strict=True)))
    assert set(found) == {*OF_ROWS, "ece"} == set(nncli("eval", "model.npz", "--json").json["metrics"])
    for name, value in OF_ROWS.items():
        of_folds = [value(*part) for part in parts]
        assert found[name]["value"] == pytest.approx(value(*together), rel=1e-4)
        assert found[name]["mean"] == pytest.approx(np.mean(of_folds), rel=1e-4)
        assert found[name]["sd"] == pytest.approx(np.std(of_folds, ddof=1), rel=1e-3)
        low, high = found[name]["interval"]
        assert low < found[name]["value"] < high
    assert nncli("info", "model.npz", "--json").json["figures"]["folds"]["metrics"] == found
    shown = nncli("train", "breast-cancer", *SMALL, "--folds", 4, "--metric", "mcc").out
    methods = {"MCC": "posterior", "accuracy": "Wilson", "balanced accuracy": "posterior", "log loss": "Hall"}
    rows = [re.split(r"  +", line) for line in shown.splitlines()[-4:]]
    assert {name: method for name, _, _, method, *_ in rows} == methods
    assert {found[name]["method"] for name in ("accuracy", "mcc")} == {"Wilson", "posterior"}


def test_the_saved_model_is_trained_on_all_rows_but_the_test_rows(nncli: Run) -> None:
    found = nncli("train", "iris", *SMALL, "--folds", 3, "--json").json
    assert (found["n_train"], found["n_val"], found["n_test"]) == (128, 0, 22)
    assert found["epochs"] == found["best_epoch"] == found["folds"]["epochs"]
    assert nncli("eval", "model.npz", "--json").json["accuracy"] == pytest.approx(found["test"]["accuracy"])
    without = nncli("train", "iris", *SMALL, "--folds", 3, "--test", 0, "--json").json
    assert (without["n_train"], without["test"], without["folds"]["n"]) == (150, None, 150)


def test_folds_drawn_again_are_others_and_the_figures_are_their_mean(nncli: Run) -> None:
    values = [
        nncli("train", "iris", *SMALL, "--folds", folds, "--json").json["folds"]["metrics"]["accuracy"]
        for folds in ("3", "3x2")
    ]
    read = prepare(TrainConfig(data=("iris",))).read
    first, second = (prepare(TrainConfig(data=("iris",)), read, Fold(0, 3, True, repeat)) for repeat in (0, 1))
    assert set(first.test.rows) != set(second.test.rows)
    # the first three folds are the same, so the other three are known from the mean
    other = 2 * values[1]["value"] - values[0]["value"]
    assert 0 <= other <= 1
    assert (other * 128) == pytest.approx(round(other * 128))
    low, high = values[1]["interval"]
    of_second = share_interval(round(other * 128), 128)
    assert (low, high) == pytest.approx((np.array(values[0]["interval"]) + of_second) / 2)
    assert high - low == pytest.approx(values[0]["interval"][1] - values[0]["interval"][0], rel=0.3)  # rows, not draws


def test_rare_classes_are_those_with_fewer_rows_than_folds_need(nncli: Run) -> None:
    lines = [f"{i % 9},{i % 4},{'abc'[0 if i < 100 else 1 if i < 196 else 2]}" for i in range(200)]
    Path("d.csv").write_text("x,z,class\n" + "\n".join(lines) + "\n")
    refused = nncli("train", "d.csv", *SMALL, "--folds", 5)
    assert refused.err.startswith("d.csv: class 'c': expected at least 5 rows beside the test rows")
    found = nncli("train", "d.csv", *SMALL, "--folds", 5, "--rare", "drop", "--json")
    assert (found.code, found.json["classes"]) == (0, ["a", "b"])


def test_rows_that_come_again_in_another_fold_are_counted(nncli: Run) -> None:
    """Of 60 rows, 20 come twice."""
    lines = [f"{i % 20 if i < 40 else i},{i % 7},{'ab'[i % 2]}" for i in range(60)]
    lines[20:40] = lines[:20]
    Path("d.csv").write_text("x,z,class\n" + "\n".join(lines) + "\n")
    outcome = nncli("train", "d.csv", "--test", 0, "--epochs", 2, "--folds", 30, "--json")
    repeated = outcome.json["folds"]["repeated"]
    assert 30 < repeated <= 40  # two rows to a fold: few are in one with their own copy
    assert (
        f"{repeated} of 60 rows have the same values as a row of another fold: the figures of the folds look"
        in outcome.err
    )


def test_rows_of_a_group_stay_in_one_fold(nncli: Run) -> None:
    rng = np.random.default_rng(0)
    centres, classes = rng.normal(size=(60, 6)), rng.integers(2, size=60)
    lines = [
        f"p{p}," + ",".join(f"{v:.4f}" for v in centres[p] + rng.normal(0, 0.05, 6)) + f",{'ab'[classes[p]]}"
        for p in range(60)
        for _ in range(10)
    ]
    Path("patients.csv").write_text("patient,a,b,c,d,e,f,class\n" + "\n".join(lines) + "\n")
    how = ["--epochs", 20, "-q", "--json", "--folds", 5]
    random = nncli("train", "patients.csv", "--drop", "patient", *how).json["folds"]["metrics"]["accuracy"]
    grouped = nncli("train", "patients.csv", "--group", "patient", *how).json["folds"]["metrics"]["accuracy"]
    assert random["value"] > 0.9  # patients are known again
    assert grouped["value"] < 0.65  # their classes were drawn by lot


def test_folds_by_time_are_trained_on_what_came_before_them() -> None:
    options = TrainConfig(data=("d.csv",), time="day", folds=(4, 1))
    Path("d.csv").write_text("day,x,class\n" + "".join(f"{i},{i % 7},{'ab'[i % 2]}\n" for i in range(200)))
    read = prepare(options).read
    for k in range(4):
        one = prepare(options, read, Fold(k, 4, is_test=True))
        assert max(one.train.rows) < min(one.val.rows) <= max(one.val.rows) < min(one.test.rows)


def test_it_is_said_which_rows_no_fold_by_time_is_judged_on(nncli: Run) -> None:
    Path("d.csv").write_text("day,x,class\n" + "".join(f"{i},{i % 7},{'ab'[i % 2]}\n" for i in range(100)))
    err = nncli("train", "d.csv", "--time", "day", "--folds", 4, "--test", 0, *SMALL[:-1]).err
    assert "the earliest 20 rows are only trained on" in err  # 5 blocks of 100 rows


@pytest.mark.parametrize(("n_groups", "are_few"), [(6, True), (40, False)])
def test_intervals_of_few_groups_are_said_to_be_too_narrow(nncli: Run, n_groups: int, are_few: bool) -> None:
    rows = "".join(f"p{i % n_groups},{i % 7},{'ab'[i % 2]}\n" for i in range(200))
    Path("d.csv").write_text("g,x,class\n" + rows)
    err = nncli("train", "d.csv", "--group", "g", "--folds", 3, "--test", 0, *SMALL[:-1]).err
    assert (f"of {n_groups} groups alone: the intervals are too narrow" in err) == are_few


def test_folds_whose_training_breaks_off_are_told() -> None:
    wild = {"optimizer": "sgd", "lr": 20.0, "l2": 2.0, "epochs": 60, "schedule": "constant:warmup=170"}
    config = TrainConfig(data=("wine",), model="softmax", folds=(3, 1), **wild)
    found = cross_validate(prepare(config), never, lambda number: None)
    assert found is not None
    assert any(note.startswith("warning: the training for 3 of 3 folds broke off (epoch ") for note in found[2])


def test_a_file_of_test_rows_is_for_the_final_model(nncli: Run) -> None:
    lines = [f"{i % 10},{i % 3},{'ab'[i % 2]}" for i in range(60)]
    for name in ("d.csv", "t.csv"):
        Path(name).write_text("\n".join(["x,z,class", *lines]) + "\n")
    found = nncli("train", "d.csv", "--test-data", "t.csv", *SMALL, "--folds", 2, "--json").json
    assert (found["n_train"], found["n_test"], found["folds"]["n"]) == (60, 60, 60)


def test_a_data_set_on_the_disk_has_the_same_folds(nncli: Run) -> None:
    found = [nncli("train", "iris", *SMALL, "--folds", 2, *more, "--json").json for more in ((), ("--memory", "400M"))]
    assert found[0]["folds"] == found[1]["folds"]


def test_what_is_asked_for_is_judged_in_folds_too(nncli: Run) -> None:
    metrics = nncli("train", "breast-cancer", *SMALL, "--folds", 2, "--metric", "mcc", "--json").json["folds"][
        "metrics"
    ]
    assert next(iter(metrics)) == "mcc"
    assert 0.7 < metrics["mcc"]["value"] < 1


@pytest.mark.parametrize("option", ["calibrate", "choose_threshold"])
def test_what_needs_other_rows_is_refused(nncli: Run, option: str) -> None:
    words = {"calibrate": ["--calibrate"], "choose_threshold": ["--choose-threshold", "f1"]}[option]
    outcome = nncli("train", "breast-cancer", "--folds", 3, *words)
    assert outcome.code == 2
    assert "it needs rows that the model was not trained on" in outcome.err
    assert not Path("model.npz").exists()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--folds 1", "--folds: expected a number of folds from 2, as 5, or 5x3 for 3 times 5, found '1'."),
        ("--folds 3x0", "--folds: expected a number of folds from 2, as 5, or 5x3 for 3 times 5, found '3x0'."),
        ("--folds 3 --refit", "--refit: with --folds the model is trained on all rows already. Leave it out."),
        (
            "--folds 3 --save-every 1",
            "--save-every: with --folds the model is saved only at the end. Leave one of them out.",
        ),
        (
            "--folds 3 --time-limit 9",
            "--time-limit: it is for one training run, and --folds makes several. Leave one of them out.",
        ),
        (
            "--folds 3 --schedule plateau",
            "--schedule: it follows the validation rows, and --folds trains the final model without any. Use another one, or leave one of them out.",
        ),
        ("--folds 3 --resume", "--resume: a run with --folds cannot be resumed. Leave one of them out."),
        (
            "--folds 3 --val-data iris",
            "--folds: --val-data has its validation rows elsewhere. Put all rows in one file.",
        ),
    ],
)
def test_what_folds_cannot_do_is_said_in_a_line(nncli: Run, words: str, line: str) -> None:
    outcome = nncli("train", "iris", *words.split())
    assert (outcome.code, outcome.err.splitlines()[-1]) == (2, line)


def test_more_folds_than_rows_of_a_class_are_refused(nncli: Run) -> None:
    outcome = nncli("train", "iris", "--folds", 60, "-q")
    assert outcome.code == 1
    assert outcome.err == (
        "iris: class 'virginica': expected at least 60 rows beside the test rows, one for each fold, found 42. Ask for "
        "fewer --folds, or get more rows of it.\n"
    )  # --rare drop would leave no class
    assert nncli("train", "iris", "--folds", 60, "--rare", "drop", "-q").err == (
        "iris: expected two or more classes with at least 72 rows, found 0. Get more rows, or ask for fewer --folds.\n"
    )


def test_a_model_with_folds_can_be_read_and_a_damaged_one_is_refused(nncli: Run, tmp_path: Path) -> None:
    from nncli.errors import ModelFileError
    from nncli.model import checkpoint

    assert nncli("train", "iris", *SMALL, "--folds", 2).code == 0
    model, provenance = checkpoint.load(Path("model.npz"))
    assert provenance.figures["folds"]["folds"] == 2
    broken = provenance.figures | {"folds": provenance.figures["folds"] | {"metrics": {"none": {}}}}
    checkpoint.save(Path("broken.npz"), model, dataclasses.replace(provenance, figures=broken))
    with pytest.raises(ModelFileError):
        checkpoint.load(Path("broken.npz"))
