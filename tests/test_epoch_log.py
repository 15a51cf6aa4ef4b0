"""The log of a training run: what the steps of each epoch came to, in two formats, however often it is resumed."""

from __future__ import annotations

import csv
import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nncli.model import checkpoint
from nncli.training import run

Run = Callable[..., Any]
TIMES = {"seconds", "epoch_seconds"}
WHOLE = "--val 0 --test 0 --scale none --batch-size full --optimizer sgd --schedule constant --model softmax -q"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def lines_of(log: str) -> list[dict[str, Any]]:
    """Read a log of either format, with values as JSON has them."""
    if log.endswith(".jsonl"):
        return [json.loads(line) for line in Path(log).read_text().splitlines()]
    with Path(log).open(newline="") as file:
        return [{key: json.loads(cell or "null") for key, cell in row.items()} for row in csv.DictReader(file)]


def without_times(log: str) -> list[dict[str, Any]]:
    return [{name: value for name, value in line.items() if name not in TIMES} for line in lines_of(log)]


@pytest.mark.parametrize("data", ["iris", "iris -t petal_width_cm --drop class"])
def test_csv_says_what_json_says(data: str, nncli: Run) -> None:
    for log in ("log.jsonl", "log.CSV"):
        assert nncli("train", *data.split(), "--epochs", 3, "-q", "--log", log).code == 0
    Path("log.CSV").rename("log.csv")
    assert without_times("log.csv") == without_times("log.jsonl")
    assert [*lines_of("log.csv")[0]] == [*lines_of("log.jsonl")[0]]


def test_the_gradient_norm_is_that_of_the_first_step_by_hand(nncli: Run) -> None:
    """From weights of 0 every class has p = 1/2: dL/dz = ±1/2, and dL/dw and dL/db are means over the rows."""
    Path("two.csv").write_text("x,z,class\n1,2,a\n-1,3,b\n0,1,b\n")
    assert nncli("train", "two.csv", "--epochs", 1, *WHOLE.split(), "--log", "log.csv").code == 0
    # P − Y of class a: -1/2, 1/2, 1/2, and the opposite for class b
    d = np.array([-0.5, 0.5, 0.5])
    by_class = [d @ [1, -1, 0] / 3, d @ [2, 3, 1] / 3, d.sum() / 3]
    assert lines_of("log.csv")[0]["gradient_norm"] == pytest.approx(math.hypot(*by_class, *by_class), rel=1e-6)


def test_the_gradient_norm_is_the_mean_over_the_steps_before_clipping(nncli: Run) -> None:
    """Of steps too small to change anything, of one row each: the mean of ‖x, 1‖ · √½, by hand as above."""
    Path("two.csv").write_text("x,class\n1,a\n-2,b\n0,b\n3,a\n")
    words = WHOLE.replace("--batch-size full", "--batch-size 1").split()
    for clip in ([], ["--clip-norm", 0.01]):
        assert nncli("train", "two.csv", "--epochs", 1, *words, "--lr", 1e-9, *clip, "--log", "log.csv").code == 0
        mean = np.mean([math.hypot(x, 1) * math.sqrt(0.5) for x in (1, -2, 0, 3)])
        assert lines_of("log.csv")[0]["gradient_norm"] == pytest.approx(mean, rel=1e-6)


def test_squares_that_overflow_do_not_make_the_norm_infinite(nncli: Run) -> None:
    """A float32 ends at 3.4e38. With λ = 1e22 the gradient is λ w, and the step of 1e-38 times it changes no weight."""
    words = WHOLE.replace("softmax", "mlp").split()
    assert nncli("train", "iris", "--epochs", 1, *words, "--l2", 1e22, "--lr", 1e-38, "--log", "log.csv").code == 0
    W = checkpoint.load(Path("model.npz"))[0].network.layers
    norm = math.hypot(*(np.linalg.norm(layer.W.astype(np.float64)) for layer in W if hasattr(layer, "W")))
    assert lines_of("log.csv")[0]["gradient_norm"] == pytest.approx(1e22 * norm, rel=1e-6)


@pytest.mark.parametrize("model", ["perceptron", "linear"])
def test_where_there_is_no_gradient_there_is_no_norm(model: str, nncli: Run) -> None:
    data = ["iris", "-t", "petal_width_cm"] if model == "linear" else ["iris"]
    assert nncli("train", *data, "--model", model, "--epochs", 2, "-q", "--log", "log.csv").code == 0
    first = lines_of("log.csv")[0]
    assert first["gradient_norm"] is None
    assert first["learning_rate"] == (None if model == "linear" else 1)


def test_the_learning_rate_is_that_of_the_last_step(nncli: Run) -> None:
    """The cosine falls from --lr to 0 over all steps: here 4 epochs of one step, at t = 0, 1/4, 1/2 and 3/4."""
    words = WHOLE.replace("constant", "cosine:warmup=0").split()
    assert nncli("train", "iris", "--epochs", 4, *words, "--lr", 0.2, "--log", "log.csv").code == 0
    expected = [0.2 * (1 + math.cos(math.pi * t)) / 2 for t in (0, 0.25, 0.5, 0.75)]
    assert [line["learning_rate"] for line in lines_of("log.csv")] == pytest.approx(expected, rel=1e-9)


def test_a_rate_that_falls_after_an_epoch_is_that_of_the_epoch_before_it_falls(nncli: Run) -> None:
    """The first epoch is the best for which `plateau` waits at all: its steps all had the rate that was asked for."""
    words = ["--schedule", "plateau:patience=1", "--optimizer", "sgd", "--lr", "5", "--epochs", "12", "-q"]
    assert nncli("train", "wine", "--model", "softmax", *words, "--log", "log.csv").code == 0
    lines = lines_of("log.csv")
    assert lines[0]["learning_rate"] == 5
    for before, after in itertools.pairwise(lines):
        if after["learning_rate"] < before["learning_rate"]:
            assert not before["is_best"]
    assert lines[-1]["learning_rate"] < 5


@pytest.mark.parametrize("log", ["log.csv", "log.jsonl"])
def test_resumed_it_goes_on(log: str, nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["train", "iris", "--epochs", 6, "-q", "-o"]
    nncli(*words, "whole.npz", "--log", f"whole-{log}")
    fit = run.fit
    with monkeypatch.context() as patch:
        patch.setattr(run, "fit", lambda t, e, s, u: fit(t, e, lambda: len(t.history) >= 3, u))
        nncli(*words, "m.npz", "--log", log)
    before = Path(log).read_bytes()
    nncli("train", "--resume", "m.npz", "-q", "--log", log)
    assert Path(log).read_bytes().startswith(before)
    assert without_times(log) == without_times(f"whole-{log}")
    seconds = [line["seconds"] for line in lines_of(log)]
    assert seconds == sorted(seconds)
    for line, later in zip(lines_of(log), lines_of(log)[1:], strict=False):
        assert later["seconds"] >= line["seconds"] + later["epoch_seconds"] - 2e-6  # rounded


def test_nothing_is_taken_from_the_log_of_another_run(nncli: Run) -> None:
    words = ["train", "iris", "-q", "-o", "m.npz", "--log", "log.csv", "--epochs"]
    nncli(*words, 3, "--seed", 1)
    nncli("train", "iris", "-q", "-o", "m.npz", "--epochs", 3, "--keep-state")
    assert nncli("train", "--resume", "m.npz", "-q", "--epochs", 4, "--log", "log.csv").code == 0
    lines = lines_of("log.csv")
    assert [line["gradient_norm"] is None for line in lines] == [True, True, True, False]
    assert lines[-1]["seconds"] == pytest.approx(lines[-1]["epoch_seconds"], abs=2e-6)


def test_a_log_of_the_other_format_is_replaced(nncli: Run) -> None:
    for log in ("log.csv", "log.jsonl"):
        nncli("train", "iris", "-q", "--epochs", 2, "--log", log)
    Path("log.jsonl").rename("log.csv")
    assert nncli("train", "iris", "-q", "--epochs", 2, "--log", "log.csv").code == 0
    assert len(lines_of("log.csv")) == 2
