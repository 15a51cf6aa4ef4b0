"""A training run that was stopped is resumed to the end that it would have had, to the last byte."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli_errors import BAD_COMMAND, BAD_DATA
from cli_process import PROGRAM, wait_for
from epoch_logs import epochs_in
from nncli.data.bundled import path_of
from nncli.model import checkpoint
from nncli.training import model_of_run, run
from nncli.training.batch_steps import BatchSteps
from nncli.training.trainer import Trainer

Run = Callable[..., Any]
KILLS = int(os.environ.get("NNCLI_KILLS", "50"))  # make fuzz

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def stopped_after(epochs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on, somebody asks to stop in the middle of the epoch behind so many."""
    fit = run.fit

    def fitted(trainer: Trainer, on_epoch: Any, stop: Any, until: int | None) -> Any:
        return fit(trainer, on_epoch, lambda: len(trainer.history) >= epochs, until)

    monkeypatch.setattr(run, "fit", fitted)


@pytest.mark.parametrize(
    "options",
    [
        "",
        "--model perceptron --epochs 9",
        "--model averaged-perceptron --epochs 9",
        "--model mira --epochs 9",
        "--model softmax --optimizer lbfgs --epochs 9",
        "--model softmax --schedule plateau:patience=1 --optimizer nesterov --lr 0.3 --epochs 9 --calibrate",
        "--dropout 0.3 --dropout-schedule flat-cos --optimizer rmsprop --average exponential --epochs 9",
        "--activation prelu --max-norm 2 --l1 0.001 --class-weight balanced --average mean --epochs 9",
        "--scale robust --learn-scale --number-embedding pbld --lr-scale input=6,weight=fan-in --epochs 9",
        "--patience 4 --lr 0.05 --dtype float64 --l2 0.1 --decay-schedule coslog4",
        "--val 0 --input-dropout 0.1 --dropout-schedule cosine --epochs 9",
        "--ensemble 3 --dropout 0.2 --input-dropout 0.1 --activation prelu --clip-norm 1 --average mean --epochs 9",
        "--ensemble 3 --hidden 128 --dropout 0.2 --input-dropout 0.1 --epochs 9",
        "--ensemble shared:3 --dropout 0.2 --input-dropout 0.1 --epochs 9",
        "--ensemble folds:3 --dropout 0.2 --epochs 9",
    ],
)
def test_stopped_and_resumed_is_uninterrupted(options: str, nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["train", "wine", *options.split(), "-q"]
    assert nncli(*words, "-o", "whole.npz", "--log", "whole.jsonl").code == 0
    whole = Path("whole.npz").read_bytes()
    with monkeypatch.context() as patch:
        stopped_after(3, patch)
        assert nncli(*words, "-o", "m.npz", "--log", "m.jsonl").code == 0
    assert checkpoint.load(Path("m.npz"))[1].state is not None
    half = Path("m.npz").read_bytes()
    assert nncli("train", "--resume", "m.npz", "-q", "--log", "m.jsonl").code == 0
    assert Path("m.npz").read_bytes() == whole
    assert epochs_in("m.jsonl") == epochs_in("whole.jsonl")
    Path("m.npz").write_bytes(half)
    assert nncli(*words, "-o", "m.npz", "--resume").code == 0
    assert Path("m.npz").read_bytes() == whole


@pytest.mark.parametrize("long", [0.2, 0])
def test_stopped_within_an_epoch_it_goes_on_from_the_last_one(
    long: float, nncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Be the epochs before it short or long, and though nothing was saved until then."""
    words = ["train", "wine", "--save-every", "60", "-q", "-o"]
    nncli(*words, "whole.npz")
    learn, steps = BatchSteps.learn, itertools.count()
    with monkeypatch.context() as patch:
        patch.setattr("nncli.training.guards.SHORT", 0)
        patch.setattr("nncli.training.guards.LONG", long)

        def counted(*args: Any) -> Any:
            if next(steps) == 30:
                os.kill(os.getpid(), signal.SIGTERM)
            return learn(*args)

        patch.setattr(BatchSteps, "learn", counted)
        assert nncli(*words, "m.npz").code == 143
    assert nncli("train", "--resume", "m.npz", "-q").code == 0
    assert Path("m.npz").read_bytes() == Path("whole.npz").read_bytes()


def test_a_rate_that_has_fallen_stays_down(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a schedule has seen is part of the state: here, that the rate was to fall after an epoch or two."""
    words = ["train", "digits", "--schedule", "plateau:patience=1", "--lr", "0.05", "--epochs", "12", "-q", "-o"]
    nncli(*words, "whole.npz")
    with monkeypatch.context() as patch:
        stopped_after(9, patch)
        nncli(*words, "m.npz")
    state = checkpoint.load(Path("m.npz"))[1].state
    assert state is not None
    level = state.numbers["schedule.level"]
    assert level is not None
    assert level < 1
    nncli("train", "--resume", "m.npz", "-q")
    assert Path("m.npz").read_bytes() == Path("whole.npz").read_bytes()


def test_more_epochs_go_on_from_a_state_that_was_kept(nncli: Run) -> None:
    words = ["train", "wine", "--schedule", "constant", "--patience", "99", "-q"]
    assert nncli(*words, "--epochs", "20", "-o", "whole.npz").code == 0
    assert nncli(*words, "--epochs", "8", "-o", "m.npz", "--keep-state").code == 0
    assert nncli("train", "--resume", "m.npz", "--epochs", "20", "-q").code == 0
    assert Path("m.npz").read_bytes() == Path("whole.npz").read_bytes()


def test_what_ran_out_of_time_can_be_given_more(nncli: Run) -> None:
    words = ["train", "digits", "--hidden", "32", "--epochs", "25", "--patience", "25", "-q", "--json"]
    assert nncli(*words, "-o", "whole.npz").code == 0
    first = nncli(*words, "--time-limit", "0.05", "--keep-state", "-o", "m.npz").json
    assert 0 < first["epochs"] < 25
    assert nncli("train", "--resume", "m.npz", "--time-limit", "60", "-q", "--json").json["epochs"] == 25
    whole, again = (checkpoint.load(Path(name))[0].network.theta for name in ("whole.npz", "m.npz"))
    np.testing.assert_array_equal(again, whole)


def test_a_training_that_is_done_is_left_alone(nncli: Run) -> None:
    words = ["train", "iris", "--epochs", "4", "-o", "m.npz"]
    figures = nncli(*words, "--json", "-q").json
    before = Path("m.npz").stat()
    again = nncli(*words, "--resume", "--json")
    assert again.code == 0
    assert "m.npz is done already: 4 epochs\n" in again.err
    assert again.json == {name: value for name, value in figures.items() if name != "seconds"}
    after = Path("m.npz").stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


def test_its_log_is_written_all_the_same(nncli: Run) -> None:
    words = ["train", "iris", "--epochs", "4", "-q", "-o", "m.npz"]
    nncli(*words, "--log", "first.jsonl")
    nncli(*words, "--resume", "--log", "again.jsonl")
    not_kept = {"learning_rate": None, "gradient_norm": None}  # in a model
    assert epochs_in("again.jsonl") == [epoch | not_kept for epoch in epochs_in("first.jsonl")]
    assert Path("again.jsonl").read_bytes().count(b"\n") == 4


def test_fewer_epochs_than_are_done_are_refused(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        stopped_after(3, patch)
        nncli("train", "iris", "-q", "-o", "m.npz")
    before = Path("m.npz").read_bytes()
    outcome = nncli("train", "--resume", "m.npz", "--epochs", "2")
    assert outcome.code == BAD_DATA
    assert outcome.err == "m.npz: 3 epochs are done, and --epochs 2 asks for fewer. Ask for as many, or for more.\n"
    assert Path("m.npz").read_bytes() == before


def test_a_run_that_is_worse_than_guessing_takes_no_place(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It saves each epoch, and only what is no worse: in the end the file of before is still there."""
    nncli("train", "iris", "-q", "-o", "m.npz")
    before = Path("m.npz").read_bytes()
    words = ["--optimizer", "sgd", "--lr", "1e9", "--scale", "none", "--schedule", "constant", "--save-every", "0"]
    outcome = nncli("train", "iris", *words, "-q", "-o", "m.npz")
    assert outcome.code == BAD_DATA
    assert "expected a loss near or below that of guessing, 1.1, found " in outcome.err
    assert Path("m.npz").read_bytes() == before


def test_the_same_command_begins_anew_where_there_is_nothing_yet(nncli: Run) -> None:
    outcome = nncli("train", "iris", "--epochs", "2", "-o", "m.npz", "--resume")
    assert outcome.code == 0
    assert "there is no m.npz yet: starting from the beginning\n" in outcome.err


@pytest.mark.parametrize(
    ("words", "difference"),
    [
        ("iris --lr 0.7 -o m.npz", "it was started with --lr 0.005, and not with 0.7"),
        ("iris --hidden 8 -o m.npz", "it was started with --hidden 64, and not with 8"),
        ("iris --seed 3 -o m.npz", "it was started with --seed 0, and not with 3"),
        ("wine -o m.npz", "it was started with the data iris"),
        ("m.npz --dropout 0.1", "it was started without --dropout, and not with 0.1"),
    ],
)
def test_what_is_not_the_same_training_is_refused(
    words: str, difference: str, nncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stopped_after(2, patch)
        nncli("train", "iris", "-q", "-o", "m.npz")
    before = Path("m.npz").read_bytes()
    outcome = nncli("train", *words.split(), "--resume")
    assert outcome.code == BAD_DATA
    assert outcome.err == (
        f"m.npz: cannot resume this training run: {difference}. Give what it was started with, or train anew without "
        "--resume.\n"
    )
    assert Path("m.npz").read_bytes() == before


def test_data_that_are_elsewhere_can_be_named(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("d.csv").write_bytes(path_of("wine").read_bytes())
    nncli("train", "d.csv", "--epochs", "6", "-q", "-o", "whole.npz")
    with monkeypatch.context() as patch:
        stopped_after(2, patch)
        nncli("train", "d.csv", "--epochs", "6", "-q", "-o", "m.npz")
    Path("other").mkdir()
    monkeypatch.chdir("other")
    outcome = nncli("train", "--resume", "../m.npz", "-q")
    assert (outcome.code, outcome.err) == (
        BAD_DATA, "d.csv: no such file, from which the rows of ../m.npz are read. Resume in the folder where it was "
        "started, or name the data.\n"
    )  # fmt: skip
    assert nncli("train", "../d.csv", "--resume", "--epochs", "6", "-q", "-o", "../m.npz").code == 0
    found = checkpoint.load(Path("../m.npz"))[0], checkpoint.load(Path("../whole.npz"))[0]
    np.testing.assert_array_equal(found[0].network.theta, found[1].network.theta)


def test_the_log_is_not_the_model_that_goes_on(nncli: Run) -> None:
    nncli("train", "iris", "--epochs", "3", "--keep-state", "-q", "-o", "a.npz")
    before = Path("a.npz").read_bytes()
    outcome = nncli("train", "--resume", "a.npz", "--epochs", "5", "-o", "b.npz", "--log", "a.npz")
    assert outcome.code == BAD_DATA
    assert Path("a.npz").read_bytes() == before


def test_changed_files_are_noticed(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    header, *rows = path_of("iris").read_text().splitlines(keepends=True)
    for name, part in (("d.csv", rows), ("v.csv", rows[::5]), ("t.csv", rows[1::5])):
        Path(name).write_text(header + "".join(part))
    with monkeypatch.context() as patch:
        stopped_after(2, patch)
        nncli("train", "d.csv", "--val-data", "v.csv", "--test-data", "t.csv", "-q", "-o", "m.npz")
    for name in ("d.csv", "v.csv", "t.csv"):
        before = Path(name).read_text()
        Path(name).write_text(before + rows[7])
        assert (
            f"{name}: the data have changed since m.npz was trained on them: "
            in nncli("train", "--resume", "m.npz").err
        )
        Path(name).write_text(before)
    Path("v.csv").write_text(header + "".join(reversed(rows[::5])))  # of the same size, and named before what follows
    outcome = nncli("train", "--resume", "m.npz", "--lr", "0.7")
    assert outcome.err.startswith("m.npz: cannot resume this training run: v.csv has changed since. ")


def test_a_model_is_no_data(nncli: Run, iris_model: Path) -> None:
    outcome = nncli("train", iris_model)
    assert (outcome.code, outcome.out) == (BAD_COMMAND, "")
    assert outcome.err == f"DATA: {iris_model} is a model, not data. Add --resume to resume its run.\n"
    outcome = nncli("train", "iris", iris_model, "--resume")
    problem = f"expected the model of a run, or its data, found both, as {iris_model} is a model"
    assert (outcome.code, outcome.out) == (BAD_COMMAND, "")
    assert outcome.err == f"DATA: {problem}. Name the model alone, or with --out {iris_model}.\n"


def test_more_epochs_need_a_state(nncli: Run) -> None:
    nncli("train", "iris", "--epochs", "3", "-q", "-o", "m.npz")
    outcome = nncli("train", "--resume", "m.npz", "--epochs", "9")
    assert outcome.code == BAD_DATA
    assert outcome.err == (
        "m.npz: the training run is done, and the state from which to add epochs was not kept. "
        "Train again from the start, with --keep-state.\n"
    )


def test_a_state_that_no_file_has_room_for_is_left_out(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    # softmax of iris: θ, the best θ and two of Adam, of 15 numbers of 4 bytes each
    words = ["train", "iris", "--model", "softmax", "--epochs", "3", "--keep-state", "--save-every", "0", "-o", "m.npz"]
    monkeypatch.setattr(model_of_run, "MOST_WITH_STATE", 4 * 4 * 15)
    assert "cannot be resumed" not in nncli(*words).err
    assert checkpoint.load(Path("m.npz"))[1].state is not None
    monkeypatch.setattr(model_of_run, "MOST_WITH_STATE", 4 * 4 * 15 - 1)
    outcome = nncli(*words)
    assert outcome.code == 0
    assert "it cannot be resumed: that takes a file of 0.0 GB, and one has at most 0.0 GB\n" in outcome.err
    assert checkpoint.load(Path("m.npz"))[1].state is None


def test_a_torn_line_of_the_log_is_written_again(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["train", "iris", "--epochs", "6", "-q", "-o"]
    nncli(*words, "whole.npz", "--log", "whole.jsonl")
    with monkeypatch.context() as patch:
        stopped_after(3, patch)
        nncli(*words, "m.npz", "--log", "m.jsonl")
    Path("m.jsonl").write_bytes(Path("m.jsonl").read_bytes()[:-30])
    nncli("train", "--resume", "m.npz", "-q", "--log", "m.jsonl")
    again, whole = epochs_in("m.jsonl"), epochs_in("whole.jsonl")
    assert again[2] == whole[2] | {"learning_rate": None, "gradient_norm": None}  # which no other line knows
    assert [*again[:2], *again[3:]] == [*whole[:2], *whole[3:]]


def test_two_trainings_do_not_mix_their_logs(nncli: Run) -> None:
    slow = [*PROGRAM, "train", "digits", "--epochs", "3000", "--patience", "3000", "-q", "-o", "a.npz"]
    process = subprocess.Popen([*slow, "--log", "log.jsonl"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: Path("log.jsonl").exists() and Path("log.jsonl").stat().st_size)
        outcome = nncli("train", "iris", "--log", "log.jsonl", "-q", "-o", "b.npz")
    finally:
        process.kill()
        process.wait()
    assert outcome.code == 1
    assert outcome.err == "log.jsonl: another training run is writing to it. Choose another --log.\n"
    assert not Path("b.npz").exists()
