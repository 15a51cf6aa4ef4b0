# ruff: noqa: E501  (a case stands on one line)
"""`train --refit`: the validation rows choose the epoch, and are trained on afterwards."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli_process import PROGRAM, wait_for
from nncli.config.train_config import TrainConfig
from nncli.model import checkpoint
from nncli.model.training_state import Epoch
from nncli.training.final_model import train_model
from nncli.training.prepare import prepare

Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def test_the_model_is_that_of_a_run_on_all_rows_up_to_the_epoch_that_was_best(nncli: Run) -> None:
    plain = nncli("train", "iris", "--epochs", 40, "--schedule", "constant", "-q", "--json").json
    refit = nncli("train", "iris", "--epochs", 40, "--schedule", "constant", "--refit", "-q", "--json").json
    assert refit["refit"] == {"epoch": plain["best_epoch"], "n_val": 22, **plain["val"]}
    assert (refit["n_train"], refit["n_val"], refit["epochs"]) == (128, 0, plain["best_epoch"])
    # the same without --refit: no validation rows, and the number of epochs said; a constant rate knows no end
    same = ["--val", 0, "--epochs", plain["best_epoch"], "--schedule", "constant", "--batch-size", 32]
    assert nncli("train", "iris", *same, "-q", "--json", "-o", "same.npz").json["test"] == refit["test"]
    one, other = (checkpoint.load(Path(name))[0].network.theta for name in ("model.npz", "same.npz"))
    np.testing.assert_array_equal(one, other)


def test_it_keeps_what_the_run_that_chose_the_epoch_said_of_the_validation_rows(nncli: Run) -> None:
    words = ["train", "iris", "--model", "softmax", "--calibrate", "--epochs", 9, "-q", "-o"]
    assert nncli(*words, "plain.npz").code == nncli(*words, "refit.npz", "--refit").code == 0
    plain, refit = (checkpoint.load(Path(name))[0] for name in ("plain.npz", "refit.npz"))
    assert refit.calibration == plain.calibration is not None
    assert refit.own_probabilities == plain.own_probabilities
    assert len(refit.own_probabilities) == 22
    assert (refit.network.theta != plain.network.theta).any()
    # the probabilities, and so the figures of the test rows, are calibrated
    loss = nncli("eval", "refit.npz", "--json", "-q").json["log_loss"]
    assert loss == pytest.approx(checkpoint.load(Path("refit.npz"))[1].figures["test"]["log_loss"])
    words.remove("-q")
    assert "before they were trained on: scores z become" in nncli(*words, "refit.npz", "--refit").err


def test_an_interval_of_numbers_comes_from_the_run_that_chose_the_epoch(nncli: Run) -> None:
    words = ["train", "chocolate", "--model", "linear", "--val", 0.4, "--test", 0.15, "-q", "-o"]
    assert nncli(*words, "plain.npz").code == nncli(*words, "refit.npz", "--refit").code == 0
    plain, refit = (checkpoint.load(Path(name))[0].of_numbers for name in ("plain.npz", "refit.npz"))
    assert refit.errors == plain.errors
    assert len(refit.errors) == 3  # 0.4 of 7


@pytest.mark.long
def test_more_rows_make_a_better_model(nncli: Run) -> None:
    rng, better = np.random.default_rng(0), 0
    for seed in range(10):
        centres, y = rng.normal(size=(3, 8)), np.arange(90) % 3
        X, more = centres[y] + rng.normal(0, 1.6, (90, 8)), np.arange(3000) % 3
        new = centres[more] + rng.normal(0, 1.6, (3000, 8))
        for name, rows, classes in (("d.csv", X, y), ("new.csv", new, more)):
            lines = [",".join(map("{:.3f}".format, row)) + f",c{k}" for row, k in zip(rows, classes, strict=True)]
            Path(name).write_text("a,b,c,d,e,f,g,h,class\n" + "\n".join(lines) + "\n")
        losses = []
        for option in ([], ["--refit"]):
            how = ["-m", "softmax", "--val", 0.4, "--test", 0, "--epochs", 20, "--seed", seed, "-q"]
            assert nncli("train", "d.csv", *how, *option).code == 0
            losses.append(nncli("eval", "model.npz", "new.csv", "--json").json["log_loss"])
        better += losses[1] < losses[0]
    assert better >= 8


@pytest.mark.parametrize("epochs_before", [2, 6], ids=["while it chooses", "while it trains on all rows"])
def test_an_interrupted_run_can_be_resumed_to_the_same_model(epochs_before: int) -> None:
    prepared = prepare(TrainConfig(data=("iris",), refit=True, epochs=6))
    whole, seen = train_model(prepared), list[Epoch]()
    stopped = train_model(prepared, seen.append, lambda: len(seen) == epochs_before)
    assert whole is not None
    assert stopped is not None
    assert (len(seen), stopped.stopped, stopped.figures["refit"]) == (epochs_before, "interrupted", None)
    resumed = train_model(prepared, state=stopped.provenance.state)
    assert resumed is not None
    np.testing.assert_array_equal(resumed.model.network.theta, whole.model.network.theta)
    assert resumed.figures["refit"] == whole.figures["refit"]


@pytest.mark.long
def test_a_killed_run_can_be_resumed_to_the_same_model(tmp_path: Path) -> None:
    how = ["train", "digits", "--refit", "--epochs", "150", "--patience", "150", "--save-every", "0", "-q"]
    subprocess.run([*PROGRAM, *how, "-o", "whole.npz"], check=True, capture_output=True)
    with subprocess.Popen([*PROGRAM, *how, "-o", "part.npz"]) as process:
        wait_for(Path("part.npz").exists)
        process.kill()
    assert checkpoint.load(Path("part.npz"))[1].figures["refit"] is None
    done = subprocess.run([*PROGRAM, "train", "--resume", "part.npz", "-q"], check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert Path("part.npz").read_bytes() == Path("whole.npz").read_bytes()


def test_the_winner_of_a_sweep_is_trained_on_all_rows(nncli: Run) -> None:
    found = nncli("sweep", "iris", "--lr", "0.05,0.01", "--epochs", 10, "--refit", "-q", "--json").json["winner"]
    assert (found["n_train"], found["n_val"], found["refit"]["n_val"]) == (128, 0, 22)
    command = found["command"].split()[1:]
    assert "--refit" in command
    again = nncli(*command[: command.index("-o")], "-o", "again.npz", "-q", "--json").json
    assert again["test"] == found["test"]


def test_arrays_can_be_refit_too() -> None:
    from nncli import NNClassifier

    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 3))
    model = NNClassifier(model="logistic", refit=True, epochs=5, test=0.15).fit(X, X[:, 0] > 0)
    assert (model.figures_["n_train"], model.figures_["n_val"], model.figures_["refit"]["n_val"]) == (85, 0, 15)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--refit --test 0 --reference linear", "--reference: there are no rows to compare on. Set --test above 0."),
        ("--refit --time-limit 9", "--time-limit: it is for one training run, and --refit makes several. Leave one of them out."),
        ("--refit --val 0", "--refit: there are no validation rows to choose an epoch by. Leave it out."),
        ("--refit --keep-state", "--keep-state: with --refit the model is trained anew at the end, and has no more epochs to come. Leave one of them out."),
        ("--refit --val-data iris", "--refit: --val-data has its validation rows elsewhere. Put all rows in one file."),
        ("--refit --choose-threshold f1", "--choose-threshold: it needs rows that the model was not trained on, and --refit leaves none. Leave one of them out."),
    ],
)  # fmt: skip
def test_what_refit_cannot_do_is_said_in_a_line(nncli: Run, words: str, line: str) -> None:
    outcome = nncli("train", "iris", *words.split())
    assert (outcome.code, outcome.err.splitlines()[-1]) == (2, line)
