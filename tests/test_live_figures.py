"""`train --plot` and `sweep --plot` draw what grows on stderr: live in a terminal, and once at the end."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nncli.figures.best_so_far import best_so_far
from nncli.figures.figure import Line, Points

Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def in_terminal(words: list[str], columns: int = 80, rows: int = 24) -> tuple[int, str]:
    """Run the program in a terminal; return its exit code and all that it wrote, without colours."""
    main, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color"}
    environment = {name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    process = subprocess.Popen(
        [sys.executable, "-m", "nncli", *words], stdin=other, stdout=other, stderr=other, env=environment
    )
    os.close(other)
    written = b""
    while True:
        try:
            some = os.read(main, 1 << 16)
        except OSError:  # nobody has the terminal open
            break
        if not some:
            break
        written += some
    os.close(main)
    return process.wait(), re.sub(r"\x1b\[[0-9;]*m", "", written.decode())


def test_a_terminal_shows_the_curve_below_the_progress_line_and_at_the_end() -> None:
    code, written = in_terminal(["train", "digits", "--epochs", "90", "--patience", "90", "--plot"])
    assert code == 0
    live, end = written.rsplit("saved model.npz", 1)[0], written.rsplit("Training of model.npz", 1)[1]
    assert re.search(r"epoch \d+/90 .*\n.*Training of model.npz\r\nloss +accuracy, %", live)
    assert "● training   ▲ validation" in end
    assert "the best" in end


def test_elsewhere_the_curve_is_drawn_once_at_the_end(nncli: Run) -> None:
    outcome = nncli("train", "iris", "--epochs", 30, "--plot", "--json")
    assert (outcome.code, outcome.err.count("Training of model.npz")) == (0, 1)
    history = nncli("info", "model.npz", "--json").json["history"]
    best = max(one["number"] for one in history if one["is_best"])
    assert best == outcome.json["best_epoch"]
    assert f"● training   ▲ validation   ┊ epoch {best}, the best" in outcome.err
    assert nncli("train", "iris", "--epochs", 3, "--plot", "-q").err == ""


def test_a_resumed_run_is_drawn_from_its_beginning(nncli: Run) -> None:
    assert nncli("train", "iris", "--epochs", 20, "--patience", 99, "--keep-state", "-q").code == 0
    outcome = nncli("train", "--resume", "model.npz", "--epochs", 40, "--plot")
    assert outcome.code == 0
    drawn = outcome.err[outcome.err.index("Training of") :]
    assert nncli("plot", "model.npz", "curve").out.splitlines()[-1] in drawn
    assert re.search(r"^ +0 .* 40 ", drawn, re.MULTILINE)


def test_the_model_is_the_same_with_a_picture_and_without(nncli: Run) -> None:
    assert nncli("train", "iris", "--epochs", 9, "-q", "-o", "a.npz").code == 0
    assert nncli("train", "iris", "--epochs", 9, "--plot", "-o", "b.npz").code == 0
    assert Path("a.npz").read_bytes() == Path("b.npz").read_bytes()


def test_folds_have_the_curve_of_the_model_that_is_kept(nncli: Run) -> None:
    outcome = nncli("train", "iris", "--epochs", 9, "--folds", 3, "--plot")
    assert (outcome.code, outcome.err.count("Training of model.npz")) == (0, 1)


def test_the_best_so_far_is_that_of_the_trials_before() -> None:
    values = [0.8, 0.7, 0.9, 0.85, 0.95]
    (panel,) = best_so_far(values, "accuracy", "t").panels
    points, line = panel.marks
    assert isinstance(points, Points)
    assert isinstance(line, Line)
    assert points.y == pytest.approx([80, 70, 90, 85, 95])
    assert [float(np.interp(x, line.x, line.y)) for x in (1, 1.9, 3.5, 4.9)] == pytest.approx([80, 80, 90, 90])
    losses = best_so_far(values, "log-loss", "t").panels[0].marks[1]
    assert isinstance(losses, Line)
    assert losses.y[-1] == pytest.approx(0.7)


def test_a_sweep_draws_its_trials(nncli: Run) -> None:
    words = ["sweep", "iris", "--epochs", "2", "--lr", "0.1,0.01,0.001", "--jobs", "1"]
    outcome = nncli(*words, "--plot", "--json")
    assert (outcome.code, outcome.err.count("Trials of model.sweep.jsonl")) == (0, 1)
    assert "● a trial   ▲ the best so far" in outcome.err
    assert "Trials of" not in nncli(*words, "-o", "other.npz").err
    outcome = nncli("sweep", "--show", "model.sweep.jsonl", "--plot")
    assert (outcome.code, outcome.err) == (2, "--plot: --show has no use for it. Leave it out.\n")


@pytest.mark.parametrize("words", [["train", "iris"], ["sweep", "iris", "--lr", "0.1,0.2", "--jobs", "1"]])
def test_a_terminal_of_20_columns_is_too_narrow(words: list[str]) -> None:
    code, written = in_terminal([*words, "--epochs", "2", "--plot"], columns=20)
    said = " ".join(written.split())
    assert code == 1
    assert "terminal: expected 40 columns or more for a picture, found 20. Make it wider, or leave --plot out." in said
    assert not Path("model.npz").exists()
