# ruff: noqa: E501  (a case stands on one line)
"""`eval` decides anew for a model that is trained already: another threshold, and another positive class."""

from __future__ import annotations

import csv
import functools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score

from nncli.cli.main import main

Run = Callable[..., Any]
RULES = ["f1", "mcc", "recall=0.85", "precision=0.6", "cost"]
TRAIN = ("train", "d.csv", "-m", "logistic", "-q")


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which d.csv and new.csv have one storm in ten rows, and common.csv nine."""
    folder = tmp_path_factory.mktemp("tables")
    for name, seed, classes in (("d", 1, "calm storm"), ("new", 2, "calm storm"), ("common", 3, "fraud ok")):
        rng = np.random.default_rng(seed)
        y = rng.random(1200) < (0.9 if name == "common" else 0.1)
        X = rng.normal(size=(1200, 3)) + 1.2 * y[:, None]
        rows = [",".join([*(f"{v:.4f}" for v in x), classes.split()[int(k)]]) for x, k in zip(X, y, strict=True)]
        (folder / f"{name}.csv").write_text("a,b,c,label\n" + "\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def model_of(tables: Path) -> Callable[[str], bytes]:
    """Gives the model file that a training on d.csv with some options writes."""

    @functools.cache
    def trained(options: str) -> bytes:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(tables)
            assert main([*TRAIN, "--json", *options.split()]) == 0
            return Path("model.npz").read_bytes()

    return trained


@pytest.fixture(autouse=True)
def _data(tables: Path, tmp_path: Path, in_a_folder_of_its_own: None) -> None:
    for file in tables.glob("*.csv"):
        shutil.copy(file, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize(
    ("rule", "more"),
    [*((rule, "") for rule in RULES), ("mcc", "--val-data new.csv"), ("recall=0.85", "--positive calm --calibrate")],
)
def test_a_copy_with_a_threshold_is_the_model_that_train_makes_with_it(rule: str, more: str, nncli: Run) -> None:
    how = [*more.split(), *(["--cost", "missed=5,false-alarm=1"] if rule == "cost" else [])]
    assert nncli(*TRAIN, *how, "--choose-threshold", rule, "-o", "asked.npz").code == 0
    assert nncli(*TRAIN, *how, "-o", "plain.npz").code == 0
    before = Path("plain.npz").read_bytes()
    found = nncli("eval", "plain.npz", "--choose-threshold", rule, "-o", "copy.npz", "--json")
    assert found.code == 0, found.err
    assert Path("copy.npz").read_bytes() == Path("asked.npz").read_bytes()
    assert Path("plain.npz").read_bytes() == before
    assert found.json["metrics"] == nncli("eval", "asked.npz", "--json").json["metrics"]
    assert found.json["decision"]["rule"] == rule


def test_the_rows_that_are_judged_have_no_part_in_the_choice(nncli: Run, model_of: Callable[[str], bytes]) -> None:
    Path("model.npz").write_bytes(model_of(""))
    thresholds = {
        nncli("eval", "model.npz", *data, "--choose-threshold", "f1", "--json").json["decision"]["threshold"]
        for data in ([], ["new.csv"], ["d.csv"])
    }
    assert len(thresholds) == 1


def test_predict_uses_the_threshold_of_the_copy(nncli: Run, model_of: Callable[[str], bytes]) -> None:
    Path("model.npz").write_bytes(model_of(""))
    found = nncli("eval", "model.npz", "new.csv", "--choose-threshold", "recall=0.9", "-o", "copy.npz", "--json").json
    said = nncli("predict", "copy.npz", "new.csv").out.splitlines()[1:]
    true = [line.rsplit(",", 1)[1] for line in Path("new.csv").read_text().splitlines()[1:]]
    recall = recall_score(true, said, pos_label="storm")
    assert found["metrics"]["recall"]["value"] == pytest.approx(recall)


def test_another_positive_class_changes_figures_and_no_prediction(nncli: Run, model_of: Callable[[str], bytes]) -> None:
    Path("model.npz").write_bytes(model_of("--cost missed=5,false-alarm=1"))
    rows = list(csv.DictReader(nncli("predict", "model.npz", "new.csv", "--proba", "--keep", "label").out.splitlines()))
    true, said = [row["label"] for row in rows], [row["prediction"] for row in rows]
    p = [float(row["p_calm"]) for row in rows]
    found = nncli("eval", "model.npz", "new.csv", "--positive", "calm", "--json").json
    metrics = {name: one["value"] for name, one in found["metrics"].items()}
    assert found["positive"] == "calm"
    assert found["decision"]["positive"] == "storm"  # of which the model has a threshold
    assert found["accuracy"] == np.mean(np.array(true) == said)
    assert metrics["precision"] == pytest.approx(precision_score(true, said, pos_label="calm"))
    assert metrics["recall"] == pytest.approx(recall_score(true, said, pos_label="calm"))
    assert metrics["f1"] == pytest.approx(f1_score(true, said, pos_label="calm"))
    assert metrics["average-precision"] == pytest.approx(average_precision_score(true, p, pos_label="calm"), abs=1e-6)


def test_a_threshold_and_a_curve_are_of_the_positive_class_that_is_named(
    nncli: Run, model_of: Callable[[str], bytes]
) -> None:
    Path("model.npz").write_bytes(model_of(""))
    found = nncli(
        "eval", "model.npz", "new.csv", "--positive", "calm", "--threshold", "0.95", "--curve", "c.csv", "--json"
    )
    assert "c.csv: thresholds on the probability of 'calm'" in found.err
    rows = list(csv.DictReader(nncli("predict", "model.npz", "new.csv", "--proba", "--keep", "label").out.splitlines()))
    true = np.array([row["label"] == "calm" for row in rows])
    called = np.array([float(row["p_calm"]) >= 0.95 for row in rows])
    recall = (true & called).sum() / true.sum()
    assert found.json["metrics"]["recall"]["value"] == pytest.approx(recall)
    at = next(row for row in csv.DictReader(Path("c.csv").read_text().splitlines()) if float(row["threshold"]) <= 0.95)
    assert float(at["recall"]) == pytest.approx(recall, abs=2 / true.sum())


def test_two_models_are_compared_for_the_positive_class_that_is_named(nncli: Run) -> None:
    for seed in "01":
        assert nncli(*TRAIN, "--seed", seed, "--split-seed", 0, "-o", f"{seed}.npz").code == 0
    found = nncli("eval", "0.npz", "1.npz", "new.csv", "--metric", "recall", "--positive", "calm", "--json").json
    own = nncli("eval", "0.npz", "new.csv", "--json").json["per_class"]["calm"]["recall"]
    assert (found["positive"], found["figures"]["recall"]["values"][0]) == ("calm", pytest.approx(own))


def test_several_files_are_judged_for_the_positive_class_that_is_named(
    nncli: Run, model_of: Callable[[str], bytes]
) -> None:
    Path("model.npz").write_bytes(model_of(""))
    shutil.copy("new.csv", "other.csv")
    found = nncli("eval", "model.npz", "new.csv", "other.csv", "--positive", "calm", "--json").json
    assert [one["positive"] for one in found["files"]] == ["calm", "calm"]


@pytest.mark.parametrize(
    ("trained", "options", "line"),
    [
        ("", "--positive rain", "--positive: no class is called 'rain'. The classes are calm and storm."),
        ("", "--choose-threshold f1 --threshold 0.3", "--threshold: --choose-threshold chooses another one. Leave one of them out."),
        ("", "-o new.npz", "--out: it is for a threshold that --choose-threshold chooses. Add that, or give --threshold to nncli predict."),
        ("", "model.npz -o new.npz", "--out: it is for a threshold that --choose-threshold chooses. Leave it out: of several, nothing is saved."),
        ("", "new.csv new.csv -o new.npz", "--out: it is for a threshold that --choose-threshold chooses. Leave it out: of several, nothing is saved."),
        ("", "--choose-threshold f1 -o model.npz", "model.npz: cannot write: it is one of the files that are read or written. Choose another place with -o."),
        ("", "--choose-threshold f1 -o d.csv", "d.csv: cannot write: it is one of the files that are read or written. Choose another place with -o."),
        ("", "--choose-threshold cost", "--choose-threshold: nobody has told this model what mistakes cost. Train it with --cost missed=5,false-alarm=1."),
        ("--cost missed=5,false-alarm=1", "--choose-threshold cost --positive calm", "--positive: its costs are of finding 'storm'. Leave it out, or train anew with other costs."),
        ("--val 0", "--choose-threshold f1", "model.npz: it was trained without validation rows, or on them too, so there are none to choose a threshold on. Name rows of your own: --curve FILE shows what each threshold comes to on them, and --threshold P sets one."),
        ("--refit", "--choose-threshold f1", "model.npz: it was trained without validation rows, or on them too, so there are none to choose a threshold on. Name rows of your own: --curve FILE shows what each threshold comes to on them, and --threshold P sets one."),
        ("-m svm", "--choose-threshold f1", "--choose-threshold: expected a model with probabilities, and svm gives scores. Train it with --calibrate."),
    ],
)  # fmt: skip
def test_what_eval_cannot_decide_is_refused(
    trained: str, options: str, line: str, nncli: Run, model_of: Callable[[str], bytes]
) -> None:
    Path("model.npz").write_bytes(model_of(trained))
    outcome = nncli("eval", "model.npz", *options.split(), "-q")
    assert (outcome.code != 0, outcome.out, outcome.err) == (True, "", f"{line}\n")


def test_a_threshold_is_not_chosen_on_rows_that_have_changed(nncli: Run, model_of: Callable[[str], bytes]) -> None:
    Path("model.npz").write_bytes(model_of(""))
    Path("d.csv").write_text(Path("d.csv").read_text().replace("0.1", "0.2"))
    outcome = nncli("eval", "model.npz", "new.csv", "--choose-threshold", "f1", "-q")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith(
        "model.npz: the data have changed since it was trained on d.csv. To choose a threshold on its validation rows, put its data back as they were"
    )


@pytest.mark.parametrize(
    ("command", "metric"),
    [*(("train", one) for one in ("precision", "recall", "f-beta:beta=0.5", "average-precision")), ("sweep", "f1")],
)
def test_the_commoner_class_is_not_the_positive_one_of_a_metric_unless_told(
    metric: str, command: str, nncli: Run
) -> None:
    how = [command, "common.csv", "-m", "logistic", "--epochs", 2, "--metric", metric, "-q"]
    line = "--metric: expected to know which class is to be found: 'fraud' is the rarer one. Add --positive fraud, or --positive ok.\n"
    assert (refused := nncli(*how)).code == 2
    assert refused.err == line
    for name in ("fraud", "ok"):
        Path("model.sweep.jsonl").unlink(missing_ok=True)
        assert nncli(*how, "--positive", name).code == 0
    assert nncli("eval", "model.npz", "--metric", metric, "-q").code == 0  # the model knows


@pytest.mark.parametrize("metric", ["accuracy", "roc-auc", "mcc", "f1:average=macro"])
def test_a_metric_of_both_classes_asks_for_no_positive_one(metric: str, nncli: Run) -> None:
    assert nncli("train", "common.csv", "-m", "logistic", "--epochs", 2, "--metric", metric, "-q").code == 0


def test_eval_asks_for_the_positive_class_too(nncli: Run) -> None:
    assert nncli("train", "common.csv", "-m", "logistic", "--epochs", 5, "-q").code == 0
    outcome = nncli("eval", "model.npz", "--metric", "f1", "-q")
    line = "--metric: expected to know which class is to be found: 'fraud' is the rarer one. Add --positive fraud, or --positive ok.\n"
    assert (outcome.code, outcome.err) == (2, line)
    assert nncli("eval", "model.npz", "model.npz", "--metric", "f1", "-q").err == line
    found = nncli("eval", "model.npz", "--metric", "f1", "--positive", "fraud", "--json").json
    assert found["metric"]["value"] == pytest.approx(found["per_class"]["fraud"]["f1"])
