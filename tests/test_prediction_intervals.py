"""Intervals of predicted numbers hold as many rows as they promise, whatever the noise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nncli as package
from nncli.model.conformal import MOST_SCORES, rows_needed
from nncli.model.target_scale import TargetScale

Run = Callable[..., Any]


def coverage(share: float, even: bool, draws: int, n_val: int = 60) -> float:
    """The share of test rows held, over many splits, where a line is learned from 60 rows."""
    held = []
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        x = rng.uniform(0, 3, size=(60 + n_val + 200, 1))
        y = 5 * x[:, 0] + (1 if even else x[:, 0]) * rng.standard_t(4, size=len(x))
        line = np.polyfit(x[:60, 0], y[:60], 1)
        error = np.abs(np.polyval(line, x[:, 0]) - y)
        width = TargetScale(0.0, 1.0, 0.0).with_errors(error[60 : 60 + n_val]).half_width(share)
        assert width is not None
        held.append((error[60 + n_val :] <= width).mean())
    return float(np.mean(held))


@pytest.mark.parametrize("even", [True, False], ids=["even noise", "noise that grows"])
@pytest.mark.parametrize("share", [0.8, 0.9, 0.95])
def test_intervals_hold_what_they_promise_over_200_splits(share: float, even: bool) -> None:
    assert coverage(share, even, 200) == pytest.approx(share, abs=0.02)


def test_of_many_validation_rows_some_are_kept_and_promise_the_same() -> None:
    assert coverage(0.9, False, 40, n_val=3 * MOST_SCORES) == pytest.approx(0.9, abs=0.02)
    scale = TargetScale(0.0, 1.0, 0.0).with_errors(np.arange(1.0, 3 * MOST_SCORES + 1))
    assert len(scale.errors) == MOST_SCORES
    # the ⌈0.9 · 3001⌉ = 2,701st of 3,000, or a little more
    assert 2701 <= scale.half_width(0.9) <= 2704


def test_the_rank_is_that_of_split_conformal_prediction() -> None:
    """Of 9 errors, 90 % rests on the ⌈0.9 · 10⌉ = 9th, 80 % on the 8th, and 91 % on a 10th that is not there."""
    scale = TargetScale(0.0, 1.0, 0.0).with_errors(np.arange(9.0, 0.0, -1))
    assert [scale.half_width(share) for share in (0.9, 0.8, 0.91, 0.05)] == [9.0, 8.0, None, 1.0]


@pytest.mark.parametrize(("share", "needed"), [(0.5, 1), (0.9, 9), (0.95, 19), (0.99, 99), (0.999, 999), (0.6, 2)])
def test_as_many_errors_are_needed_as_are_enough(share: float, needed: int) -> None:
    """⌈p (n + 1)⌉ ≤ n where n ≥ p / (1 − p): 0.9 / 0.1 = 9, and of floating-point numbers a little more."""
    assert rows_needed(share) == needed
    enough, fewer = (TargetScale(0.0, 1.0, 0.0).with_errors(np.ones(n)) for n in (needed, needed - 1))
    assert (enough.half_width(share), fewer.half_width(share)) == (1.0, None)


NONE = "rests on predictions of validation rows, and the model file has none"
ADVICE = {
    "--val 0": ("0.9", f"{NONE}. Train it again, with --val 0.15."),
    "--folds 3": ("0.5", f"{NONE}. Train it again without --folds."),
    "--val 0.2": (
        "0.9999",
        "of 0.9999 rests on 9,999 validation rows or more, and the model has 12: no more than 1,000 are kept. "
        "Ask for 0.999 or less.",
    ),
}


@pytest.mark.parametrize("words", ADVICE)
def test_the_advice_for_a_surer_interval_works(nncli: Run, tmp_path: Path, words: str) -> None:
    (tmp_path / "d.csv").write_text("x,y\n" + "".join(f"{i},{2 * i + i % 3 / 10}\n" for i in range(60)))
    train = "train", tmp_path / "d.csv", "-m", "linear", "-q", "-o", tmp_path / "m.npz", *words.split()
    assert nncli(*train).code == 0
    share, problem = ADVICE[words]
    out = nncli("predict", tmp_path / "m.npz", tmp_path / "d.csv", "--interval", share)
    assert (out.code, out.out, out.err) == (2, "", f"--interval: an interval {problem}\n")


def test_predict_adds_low_and_high_and_eval_counts_the_rows(
    nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x = rng.normal(size=400)
    y = 3 * x + rng.normal(size=400)
    Path("d.csv").write_text("x,y\n" + "".join(f"{a:.5f},{b:.5f}\n" for a, b in zip(x, y, strict=True)))
    assert nncli("train", "d.csv", "-m", "linear", "-q", "-o", "m.npz").code == 0
    lines = nncli("predict", "m.npz", "d.csv", "--interval", "0.9").out.split()
    assert lines[0] == "prediction,low,high"
    found = np.array([line.split(",") for line in lines[1:]], float)
    val = package.load("m.npz").provenance_.val_rows
    errors = np.sort(np.abs(found[val, 0] - y[val]))
    half = errors[int(np.ceil(0.9 * (len(val) + 1))) - 1]
    np.testing.assert_allclose(found[:, 1:], np.stack([found[:, 0] - half, found[:, 0] + half], axis=1), atol=2e-4)
    judged = nncli("eval", "m.npz", "d.csv", "--json", "-q").json["interval"]
    assert judged["half_width"] == pytest.approx(half, abs=2e-4)
    assert judged["held"] == ((y >= found[:, 1]) & (y <= found[:, 2])).sum()
    too_sure = nncli("predict", "m.npz", "d.csv", "--interval", "0.999")
    assert (too_sure.code, too_sure.err) == (
        2,
        "--interval: an interval of 0.999 rests on 999 validation rows or more, and the model has 60. "
        "Ask for less, or train with more --val.\n",
    )
