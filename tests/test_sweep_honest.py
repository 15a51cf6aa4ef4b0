# ruff: noqa: E501  (a case stands on one line)
"""What could fool the one who reads a sweep's table, and does not."""

from __future__ import annotations

import errno
import fcntl
import json
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cli_errors import BAD_DATA
from cli_process import PROGRAM
from ledgers import documents, line_of, trials
from nncli.data.bundled import path_of
from nncli.sweep import ledger

Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def two_targets(path: str) -> None:
    """A file with one class that the numbers tell, and another that they do not."""
    rng = np.random.default_rng(0)
    rows = [f"{x:.3f},{'ab'[int(x > 0)]},{'pq'[rng.integers(2)]}\n" for x in rng.normal(size=200)]
    Path(path).write_text("x,told,tossed\n" + "".join(rows))


def test_two_sweeps_of_one_process_do_not_share_their_data(nncli: Run) -> None:
    """As two do on the workers of a cluster: the same file, read in another way."""
    two_targets("d.csv")
    found = []
    for target, other in (("told", "tossed"), ("tossed", "told")):
        words = ["-t", target, "--drop", other, "--lr", "0.05,0.01", "--epochs", "20", "--ledger", f"{target}.jsonl"]
        found.append(nncli("sweep", "d.csv", *words, "--jobs", "1", "--json").json["standings"][0]["mean"])
    assert found[0] > 0.9
    assert found[1] < 0.8


def test_validation_rows_that_have_changed_are_noticed(nncli: Run) -> None:
    header, *rows = path_of("iris").read_text().splitlines(keepends=True)
    Path("v.csv").write_text(header + "".join(rows[::5]))
    words = ["sweep", "iris", "--val-data", "v.csv", "--lr", "0.05,0.01", "--epochs", "3", "--jobs", "1", "-q"]
    assert nncli(*words).code == 0
    Path("v.csv").write_text(header + "".join(rows[1::5]))
    outcome = nncli(*words)
    assert outcome.code == BAD_DATA
    assert "found that of another: v.csv has changed since then." in outcome.err


def test_data_that_have_changed_are_noticed(nncli: Run) -> None:
    two_targets("d.csv")
    words = ["sweep", "d.csv", "-t", "told", "--drop", "tossed", "--lr", "0.05,0.01", "--epochs", "3", "--jobs", "1"]
    assert nncli(*words).code == 0
    with Path("d.csv").open("a") as file:
        file.write("0.5,b,p\n")
    assert "d.csv has changed since then, when it had 200 rows." in nncli(*words).err


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_what_is_not_the_fault_of_a_trial_is_not_held_against_it(jobs: str, nncli: Run) -> None:
    """A validation file that workers cannot read ends the sweep, and leaves nothing in the ledger."""
    header, *rows = path_of("iris").read_text().splitlines(keepends=True)
    Path("v.csv").write_text(header + "1,2,x,4,setosa\n" + "".join(rows[::5]))
    words = ["sweep", "iris", "--val-data", "v.csv", "--lr", "0.05,0.01", "--epochs", "3", "--jobs", jobs, "-q"]
    outcome = nncli(*words)
    assert (outcome.code, outcome.err.count("\n")) == (BAD_DATA, 1)
    assert outcome.err.startswith("v.csv:2: ")
    assert trials() == []


def test_folds_that_cannot_be_are_told_before_anything_runs(nncli: Run) -> None:
    outcome = nncli("sweep", "wine", "--lr", "0.05,0.01", "--folds", "500", "--jobs", "2", "-q")
    assert outcome.code == BAD_DATA
    assert outcome.err.startswith(
        "wine: class 'barbera': expected at least 500 rows beside the test rows, one for each fold, found 41. "
        "Ask for fewer --folds, or get more rows of it."
    )
    assert not Path("model.sweep.jsonl").exists()


def test_a_pause_is_no_reason_to_give_up(nncli: Run) -> None:
    """Without scaling, the loss of wine's first epochs is far above that of guessing; a grid trains them to the end."""
    words = ["sweep", "wine", "--scale", "none", "--lr", "0.1,0.05,0.01", "--epochs", "45", "--jobs", 1, "-q", "--json"]
    grid = nncli(*words, "--ledger", "grid.jsonl").json
    halving = nncli(*words, "--search", "halving").json
    assert grid["failed"] == 0
    assert halving["failed"] == 0
    assert halving["winner"]["val"]["accuracy"] >= grid["winner"]["val"]["accuracy"] - 0.15


def test_a_wider_range_takes_in_what_is_known(nncli: Run) -> None:
    words = ["sweep", "iris", "--epochs", "2", "--trials", "4", "--jobs", "1", "--json", "-q"]
    nncli(*words, "--lr", "log:0.001:0.01")
    first = {record["config"]["lr"] for record in trials()}
    found = nncli(*words, "--lr", "log:0.001:0.1").json
    rates = {one["options"]["lr"] for one in found["standings"]}
    assert first < rates
    assert len(rates) == 8
    # two of the four are enough for a look, and the others count all the same
    assert len(nncli(*words[:-4], "--trials", "2", "--lr", "log:0.001:0.1", "--json", "-q").json["standings"]) == 8


@pytest.mark.parametrize("trials_of", [1, 2, 3, 4])
def test_refine_of_few_trials(trials_of: int, nncli: Run) -> None:
    words = ["sweep", "iris", "--lr", "log:1e-4:1", "--epochs", "2", "--search", "refine", "--jobs", "1", "-q"]
    outcome = nncli(*words, "--trials", trials_of)
    assert outcome.code == 0, outcome.err
    assert len(trials()) == trials_of


def test_a_ledger_of_some_folds_can_be_shown(nncli: Run) -> None:
    nncli("sweep", "iris", "--lr", "0.05,0.01", "--epochs", "2", "--folds", "3", "--jobs", "1", "-q")
    lines = Path("model.sweep.jsonl").read_bytes().splitlines(keepends=True)
    Path("model.sweep.jsonl").write_bytes(b"".join(lines[:-1]))
    found = nncli("sweep", "--show", "model.sweep.jsonl", "--json").json
    assert [len(one["values"]) for one in found["standings"]] == [3, 2]
    assert [one["chance"] for one in found["standings"]] == [None, None]


def test_a_ledger_of_another_version_is_told(nncli: Run) -> None:
    nncli("sweep", "iris", "--lr", "0.05,0.01", "--epochs", "2", "--jobs", "1", "-q")
    header, *trials = documents()
    lines = [{**trial, "config": {**trial["config"], "levitation": 1}} for trial in trials]
    Path("new.jsonl").write_bytes(b"".join(map(line_of, [{**header, "nncli": "9.0"}, *lines])))
    words = "sweep", "iris", "--lr", "0.05,0.01", "--epochs", "2", "--jobs", "1", "--ledger", "new.jsonl"
    for outcome in (nncli("sweep", "--show", "new.jsonl"), nncli(*words)):
        assert outcome.code == BAD_DATA
        assert outcome.err.endswith(
            "new.jsonl:2: options that this version does not have: the ledger was written by nncli 9.0. Use that "
            "version, or name another file.\n"
        )


@pytest.mark.parametrize(
    "words",
    ["iris", "--lr 0.1", "--trials 3", "--search random", "--seeds 2", "--folds 3", "--jobs 2", "--ledger x", "-o x",
     "--cluster tcp://localhost:1", "--tls-ca x", "--tls-cert x", "--tls-key x", "--insecure"],
)  # fmt: skip
def test_what_showing_has_no_use_for_is_refused(words: str, nncli: Run) -> None:
    outcome = nncli("sweep", "--show", "model.sweep.jsonl", *words.split())
    assert outcome.err.endswith(": --show has no use for it. Leave it out.\n")
    assert outcome.code == 2


def test_a_file_system_without_locks_is_told(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(file: Any, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(ledger, "fcntl", SimpleNamespace(flock=flock, LOCK_EX=fcntl.LOCK_EX, LOCK_NB=fcntl.LOCK_NB))
    outcome = nncli("sweep", "iris", "--lr", "0.05,0.01", "--epochs", "2", "--jobs", "1")
    assert outcome.code == 0
    assert (
        "model.sweep.jsonl: the file system has no locks, so make sure that no other sweep writes to it\n"
        in outcome.err
    )
    assert len(trials()) == 2


def test_losses_of_different_kinds_are_not_shown_as_one(nncli: Run) -> None:
    nncli("sweep", "iris", "--model", "softmax,svm", "--epochs", "2", "--jobs", "1", "-q")
    assert (
        "--metric: losses of different kinds" in nncli("sweep", "--show", "model.sweep.jsonl", "--metric", "loss").err
    )


def test_a_full_disk_is_told_of_the_ledger_and_nothing_is_lost() -> None:
    words = ["sweep", "iris", "--lr", "0.05,0.04,0.03,0.02,0.01", "--epochs", "40", "--jobs", "1", "-q", "--json"]

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))

    done = subprocess.run([*PROGRAM, *words], capture_output=True, text=True, preexec_fn=little_room, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "model.sweep.jsonl: cannot write: File too large.\n"
    before = json.dumps(trials())
    assert subprocess.run([*PROGRAM, *words], capture_output=True, check=False).returncode == 0
    after = trials()
    assert len(after) == 5
    assert 0 < len(json.loads(before)) < 5
    assert all(record in after for record in json.loads(before))


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("breast-cancer --positive nobody", "--positive: no class is called 'nobody'. The classes are benign and malignant."),
        ("iris --metric f1", "--metric: f1 of the validation rows: of 3 classes none is the positive one. Use f1:average=macro or f1:average=weighted."),
        ("breast-cancer --metric cost", "--metric: cost of the validation rows: nobody said what mistakes cost. Train with --cost."),
        ("breast-cancer --choose-threshold cost", "--choose-threshold: expected to know what mistakes cost. Add --cost missed=5,false-alarm=1."),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_data_is_refused_before_any_trial(nncli: Run, words: str, line: str) -> None:
    outcome = nncli("sweep", *words.split(), "--lr", "0.1,0.01", "--epochs", 2, "--jobs", 1)
    assert outcome.code == 2
    assert outcome.err.splitlines()[-1] == line
    assert not Path("model.sweep.jsonl").exists()


@pytest.mark.parametrize("metric", ["roc-auc", "balanced-accuracy"])
def test_a_ledger_by_another_metric_is_that_of_another_sweep(metric: str, nncli: Run) -> None:
    words = ("sweep", "iris", "--lr", "0.01", "--epochs", 1, "--jobs", 1, "-q")
    assert nncli(*words).code == 0
    outcome = nncli(*words, "--metric", metric)
    assert outcome.code == 1
    assert f"that of another: it has --metric by default, not {metric}." in outcome.err
