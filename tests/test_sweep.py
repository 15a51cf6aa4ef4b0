# ruff: noqa: E501  (each message stands on one line)
"""Sweeps: what is tried, what is chosen, and that nothing is lost."""

from __future__ import annotations

import csv
import io
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli_errors import BAD_COMMAND, BAD_DATA
from ledgers import trials
from nncli.config.train_config import TrainConfig
from nncli.training import final_figures

Run = Callable[..., Any]
SPACE = ["iris", "--lr", "0.05,0.01,0.001", "--hidden", "4,8", "--epochs", "6"]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def test_a_grid_is_tried_and_the_best_is_saved(nncli: Run) -> None:
    outcome = nncli("sweep", *SPACE, "--jobs", "1", "--json")
    assert outcome.code == 0, outcome.err
    found = outcome.json
    assert (found["trials"], found["failed"], found["metric"]) == (6, 0, "accuracy")
    means = [one["mean"] for one in found["standings"]]
    assert means == sorted(means, reverse=True)
    assert {json.dumps(one["options"]) for one in found["standings"]} == {
        json.dumps({"hidden": [h], "lr": lr}) for h in (4, 8) for lr in (0.05, 0.01, 0.001)
    }
    winner = found["winner"]
    assert winner["val"]["accuracy"] == means[0]
    assert winner["test"]["accuracy"] == nncli("eval", "model.npz", "--json").json["accuracy"]


@pytest.mark.parametrize(
    "varied",
    [
        "--lr 0.05,0.001 --hidden 4,8 --epochs 6",
        "--lr 0.3 --patience 1,3 --epochs 30",  # which ends before the end, and keeps an epoch before the last
        "--model softmax,svm,mlp --scale standard,robust --epochs 4",
        "--dtype float32,float64 --class-weight none,balanced --epochs 4",
        "--model mlp,tabular --hidden 4 --epochs 2",  # whose usual scaling differs
    ],
)
def test_each_trial_is_what_train_would_do(varied: str, nncli: Run) -> None:
    assert nncli("sweep", "wine", *varied.split(), "--jobs", "1", "-q").code == 0
    for record in trials():
        config = TrainConfig.from_json(record["config"])
        words = shlex.split(config.command_line(brief=True))
        figures = nncli("train", "wine", *words, "--threads", "1", "--json", "-q", "-o", "again.npz").json
        assert figures["val"]["accuracy"] == record["val"]["accuracy"]
        assert figures["val"]["objective"] == pytest.approx(record["val"]["loss"], rel=1e-12)
        assert (figures["epochs"], figures["best_epoch"]) == (record["epochs"], record["best_epoch"])


def test_trials_have_the_scaling_of_their_model_however_many_rows_there_are(nncli: Run) -> None:
    """Of 1,500 rows, train chooses another model where none is named, with another scaling."""
    rng = np.random.default_rng(0)
    X = rng.lognormal(sigma=2, size=(1500, 2))
    lines = [f"{a:.6f},{b:.6f},{'n' if a < b else 'p'}" for a, b in X]
    Path("d.csv").write_text("\n".join(["a,b,class", *lines, ""]))
    words = "--hidden 2 --epochs 1 --batch-size 256"
    found = nncli("sweep", "d.csv", *words.split(), "--lr", "0.01,0.02", "--jobs", "1", "--json", "-q").json
    best = found["standings"][0]["options"]["lr"]
    [record] = [one for one in trials() if one["config"]["lr"] == best]
    assert found["winner"]["val"]["objective"] == pytest.approx(record["val"]["loss"], rel=1e-6)
    train = nncli("train", "d.csv", *words.split(), "--lr", str(best), "--model", "mlp", "--json", "-q").json
    assert train["val"]["objective"] == pytest.approx(record["val"]["loss"], rel=1e-4)


def test_trials_of_a_model_that_calibrates_by_itself_are_judged_calibrated(nncli: Run) -> None:
    words = "wine --model tabular --hidden 4,8 --epochs 3 --metric log-loss --jobs 1 --json -q"
    found = nncli("sweep", *words.split()).json
    assert found["standings"][0]["mean"] == pytest.approx(found["winner"]["val"]["log_loss"], rel=1e-6)


def test_a_trial_that_train_would_refuse_does_not_win(nncli: Run) -> None:
    """There is no text in the table, so that one of two equal trials would embed nothing."""
    words = "wine --category-embedding 3,0 --hidden 4 --epochs 2 --jobs 1 --json -q"
    outcome = nncli("sweep", *words.split())
    assert (outcome.code, outcome.json["failed"]) == (0, 1), outcome.err
    assert "expected a column of text" in next(one["reason"] for one in trials() if one["outcome"] == "failed")


@pytest.mark.parametrize(
    ("words", "names", "cells"),
    [
        ("--distort none,shift --hidden 2", ["distort"], [["none"], ["shift"]]),
        ("--model softmax,mlp --hidden 2", ["model", "hidden"], [["mlp", "2"], ["softmax", "none"]]),
        ("--ensemble 1,2 --hidden 2", ["ensemble"], [["1"], ["2"]]),
    ],
    ids=["distort", "hidden", "ensemble"],
)
def test_no_cell_of_an_option_is_blank(words: str, names: list[str], cells: list[list[str]], nncli: Run) -> None:
    shown = nncli("sweep", "digits", *words.split(), "--epochs", "1", "--jobs", "1", "-q").out
    assert sorted(line.split()[: len(names)] for line in shown.splitlines()[3:5]) == cells
    rows = [*csv.reader(io.StringIO(nncli("sweep", "--show", "model.sweep.jsonl", "--csv").out))]
    assert rows[0][: len(names)] == names
    assert sorted(row[: len(names)] for row in rows[1:]) == cells


@pytest.mark.parametrize("more", ["--seeds 2", "--folds 3", "--dtype float64,float32", "--search halving"])
def test_the_command_at_the_end_makes_the_same_model_again(more: str, nncli: Run) -> None:
    words = [*SPACE, *more.split()]
    command = nncli("sweep", *words, "--jobs", "1", "--json").json["winner"]["command"]
    made = Path("model.npz").read_bytes()
    program, *train = shlex.split(command)
    assert program == "nncli"
    assert nncli(*train, "-q").code == 0
    assert Path("model.npz").read_bytes() == made
    # nor is there a difference where the ledger knows all, and nothing has been trained before
    assert nncli("sweep", *words, "-q", "-o", "again.npz", "--ledger", "model.sweep.jsonl").code == 0
    assert Path("again.npz").read_bytes() == made


def test_the_command_holds_for_names_with_blanks(nncli: Run) -> None:
    Path("my data.csv").write_text("a,b,class\n" + "".join(f"{i},{i * i % 7},{'pq'[i % 2]}\n" for i in range(60)))
    words = ["sweep", "my data.csv", "--lr", "0.1,0.01", "--epochs", "2", "--jobs", "1", "-o", "my model.npz"]
    command = nncli(*words, "--json").json["winner"]["command"]
    made = Path("my model.npz").read_bytes()
    assert nncli(*shlex.split(command)[1:], "-q").code == 0
    assert Path("my model.npz").read_bytes() == made


def test_the_test_rows_are_used_once(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[int] = []
    evaluate = final_figures.evaluate

    def spy(network: Any, loss: Any, subset: Any, *more: Any) -> Any:
        judged.append(len(subset))
        return evaluate(network, loss, subset, *more)

    monkeypatch.setattr(final_figures, "evaluate", spy)
    assert nncli("sweep", *SPACE, "--test", "0.2", "--jobs", "1", "-q").code == 0
    assert judged.count(30) == 1  # a fifth of 150 rows; the other parts are larger and smaller


def test_any_number_of_jobs_comes_to_the_same(nncli: Run) -> None:
    found = {}
    for jobs in (1, 3):
        assert nncli("sweep", *SPACE, "--seeds", "2", "--jobs", jobs, "-q", "-o", f"{jobs}.npz").code == 0
        found[jobs] = trials(f"{jobs}.sweep.jsonl"), Path(f"{jobs}.npz").read_bytes()
    assert found[1] == found[3]


def test_a_sweep_that_is_done_is_not_done_again(nncli: Run) -> None:
    first = nncli("sweep", *SPACE, "--jobs", "1", "--json").json
    before = Path("model.sweep.jsonl").read_bytes()
    again = nncli("sweep", *SPACE, "--jobs", "1", "--json")
    assert "model.sweep.jsonl has 6 trials already" in again.err
    assert again.json == first
    assert Path("model.sweep.jsonl").read_bytes() == before


def test_a_wider_space_goes_on_and_another_is_refused(nncli: Run) -> None:
    assert nncli("sweep", "iris", "--lr", "0.05,0.01", "--epochs", "3", "--jobs", "1", "-q").code == 0
    wider = nncli("sweep", "iris", "--lr", "0.05,0.01,0.001", "--epochs", "3", "--jobs", "1", "--seeds", "2")
    assert "model.sweep.jsonl has 2 trials already" in wider.err
    assert len(trials()) == 6
    before = Path("model.sweep.jsonl").read_bytes()
    expected = {
        ("iris", "--lr", "0.05,0.01", "--epochs", "3"): "--lr 0.001, not 0.05, 0.01",
        ("iris", "--lr", "0.05,0.01,0.001", "--epochs", "4"): "--epochs 3, not 4",
        ("wine", "--lr", "0.05,0.01,0.001", "--epochs", "3"): "the data iris, with 150 rows",
        ("iris", "--lr", "0.05,0.01,0.001", "--epochs", "3", "--folds", "3"): "--folds 1, not 3",
    }
    for words, difference in expected.items():
        outcome = nncli("sweep", *words, "--jobs", "1")
        assert (outcome.code, outcome.out) == (BAD_DATA, "")
        assert outcome.err == (
            f"model.sweep.jsonl: expected the ledger of this sweep, found that of another: it has {difference}. Name "
            "another model with -o, or another ledger with --ledger; or give the options of that sweep, to which you "
            "may add values.\n"
        )
    assert Path("model.sweep.jsonl").read_bytes() == before


def test_sweeps_in_a_folder_have_ledgers_of_their_own(nncli: Run) -> None:
    for lr, out in (("0.1", "first.npz"), ("0.2", "second.npz"), ("0.2", "third")):
        assert nncli("sweep", "iris", "--lr", lr, "--epochs", "2", "--jobs", "1", "-q", "-o", out).code == 0
    ledgers = {path.name for path in Path().glob("*.jsonl")}
    assert ledgers == {"first.sweep.jsonl", "second.sweep.jsonl", "third.sweep.jsonl"}


def test_seeds_share_the_split_and_nothing_else(nncli: Run) -> None:
    nncli("sweep", "iris", "--lr", "0.01,0.001", "--hidden", "8", "--epochs", "4", "--seeds", "3", "--jobs", "1", "-q")
    records = trials()
    assert sorted(record["config"]["seed"] for record in records) == [0, 0, 1, 1, 2, 2]
    assert {record["config"]["split_seed"] for record in records} == {0}
    assert len({json.dumps(record["history"]) for record in records}) == 6
    found = nncli("sweep", "--show", "model.sweep.jsonl", "--json").json
    for one in found["standings"]:
        assert len(one["values"]) == 3
        assert one["mean"] == pytest.approx(np.mean(one["values"]))
        assert one["sd"] == pytest.approx(np.std(one["values"], ddof=1))


def test_folds_share_out_all_rows_but_those_of_the_test(nncli: Run) -> None:
    nncli("sweep", "iris", "--lr", "0.01,0.001", "--epochs", "3", "--folds", "4", "--jobs", "1", "-q")
    records = trials()
    assert len(records) == 8
    by_lr: dict[float, list[int]] = {}
    for record in records:
        by_lr.setdefault(record["config"]["lr"], []).append(record["n_val"])
    for sizes in by_lr.values():
        assert sum(sizes) == 128  # 150 less 22 for the test
        assert max(sizes) - min(sizes) <= 1


def test_a_failing_trial_is_recorded_and_the_rest_goes_on(nncli: Run) -> None:
    outcome = nncli(
        "sweep", "iris", "--lr", "0.01,1e30", "--optimizer", "sgd", "--epochs", "5", "--jobs", "1", "--json"
    )
    assert outcome.code == 0
    assert outcome.json["failed"] == 1
    bad = outcome.json["standings"][-1]
    assert bad["options"] == {"lr": 1e30}
    assert bad["mean"] is None
    assert bad["reasons"][0].startswith("epoch 1, batch 2: expected a finite loss, found ")
    # combinations that train refuses are failures too, and say why
    outcome = nncli(
        "sweep", "iris", "-m", "softmax,mira", "--l1", "0.1", "--jobs", "1", "--ledger", "b.jsonl", "--json"
    )
    assert outcome.json["standings"][-1]["reasons"] == [
        "--l1: mira works out its step from the loss of a row alone. Leave it out, or use another --optimizer."
    ]


def test_nothing_but_failures_saves_nothing(nncli: Run) -> None:
    outcome = nncli("sweep", "iris", "--lr", "1e29,1e30", "--optimizer", "sgd", "--jobs", "1", "-q")
    assert outcome.code == BAD_DATA
    assert outcome.err == "model.sweep.jsonl: every trial failed. The reasons are in the ledger.\n"
    assert not Path("model.npz").exists()


def test_ties_go_to_the_simpler_model(nncli: Run) -> None:
    """Three clouds far apart: every network is always right."""
    rng = np.random.default_rng(0)
    lines = ["a,b,class"]
    for k in range(120):
        x, y = np.array([[0, 0], [50, 0], [0, 50]])[k % 3] + rng.normal(size=2)
        lines.append(f"{x:.3f},{y:.3f},{'pqr'[k % 3]}")
    Path("far.csv").write_text("\n".join(lines) + "\n")
    found = nncli("sweep", "far.csv", "--hidden", "16,4,8", "--epochs", "20", "--jobs", "1", "--json").json
    assert [one["mean"] for one in found["standings"]] == [1, 1, 1]
    assert [one["options"]["hidden"] for one in found["standings"]] == [[4], [8], [16]]


# what is printed


def test_the_table_and_its_csv(nncli: Run) -> None:
    outcome = nncli("sweep", *SPACE, "--jobs", "1")
    assert outcome.out.split()[:4] == ["validation", "hidden", "lr", "accuracy"]  # a title of two lines
    assert "importance (share of the differences that each option explains alone): " in outcome.out
    rows = list(csv.DictReader(io.StringIO(nncli("sweep", "--show", "model.sweep.jsonl", "--csv").out)))
    assert len(rows) == 6
    assert set(rows[0]) == {
        *("hidden", "lr", "metric", "mean", "sd", "chance", "trials", "failed", "parameters", "epochs", "seconds"),
        "reason",
    }
    assert [float(row["mean"]) for row in rows] == sorted((float(row["mean"]) for row in rows), reverse=True)


# what is refused


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--lr log:1e-3:1e-1", "--trials: expected how many configurations a random search draws. Add --trials 20."),
        ("--lr log:1e-3:1e-1 --search grid", "--lr: a grid cannot have a range, and found log:0.001:0.1. List the values, or use --search random."),
        ("--lr 0.1,0.2 --search grid --trials 3", "--trials: a grid has as many configurations as combinations. Leave it out."),
        ("--lr 0.1,0.2 --search all", "--search: expected one of grid, random, refine, halving; found 'all'."),
        ("--lr 0.1,0.2 --metric acuracy", "--metric: expected one of loss, accuracy, balanced-accuracy, log-loss, cost, brier, precision, recall, f1, f-beta, roc-auc, average-precision, mcc, kappa, top-k, ece, rmse, mae, median-error, r2; found 'acuracy'. Did you mean 'accuracy'?"),
        ("--lr 0.1,0.2 --val 0", "--val: a sweep chooses by validation rows, and there are none. Leave it out."),
        ("--lr 0.1,0.2 --jobs 0", "--jobs: expected a whole number from 1, found '0'."),
        ("--lr 0.1,0.2 --seeds x", "--seeds: expected a whole number from 1, found 'x'."),
        ("--lr 0.1,0.2 --threads 2", "--threads: each trial of a sweep has one thread. Say with --jobs how many run at a time."),
        ("--loss mse,cross-entropy --metric loss", "--metric: losses of different kinds cannot be compared. Use accuracy, or one --model, --loss and --class-weight."),
        ("--lr 0.1,0.2 --search halving --time-limit 9", "--time-limit: halving counts by epochs, and stops most of them early. Leave it out."),
        ("--class-weight none,balanced --metric loss", "--metric: losses of different kinds cannot be compared. Use accuracy, or one --model, --loss and --class-weight."),
        ("--lr 0.1,0.2 --val 0 --folds 2 --patience 3", "--patience: there are no validation rows. Set --val above 0."),
        ("--lr 0.1,0.2 -o -", "--out: the table goes to stdout, and the model cannot go there too. Name a file with -o."),
        ("--csv --json", "--csv: only one of --csv and --json can be printed. Leave one of them out."),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_refused(nncli: Run, words: str, line: str) -> None:
    outcome = nncli("sweep", "iris", *words.split())
    assert (outcome.code, outcome.err, outcome.out) == (BAD_COMMAND, line + "\n", "")
    assert list(Path().iterdir()) == []


def test_an_unknown_metric_is_refused_where_a_ledger_is_shown(nncli: Run) -> None:
    nncli("sweep", "iris", "--lr", "0.1,0.2", "--epochs", "1", "--jobs", "1")
    outcome = nncli("sweep", "--show", "model.sweep.jsonl", "--metric", "f1")
    line = "--metric: expected one of accuracy, balanced-accuracy, loss; found 'f1'.\n"
    assert (outcome.code, outcome.err, outcome.out) == (BAD_COMMAND, line, "")


def test_a_file_that_is_no_ledger_is_refused(nncli: Run) -> None:
    Path("data.csv").write_text("a,b\n1,2\n")
    line = "data.csv: expected a ledger written by nncli sweep, found something else. Name another file.\n"
    for words in (["--show", "data.csv"], ["iris", "--lr", "0.1,0.2", "--ledger", "data.csv"]):
        outcome = nncli("sweep", *words)
        assert (outcome.code, outcome.err) == (BAD_DATA, line)
    outcome = nncli("sweep", "--show", "nothing.jsonl")
    assert outcome.err == "nothing.jsonl: cannot read the ledger: No such file or directory.\n"
