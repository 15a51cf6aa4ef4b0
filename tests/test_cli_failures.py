"""What goes wrong with models and runs, and names that are hard to print: one line, the exit code, nothing lost."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli_errors import BAD_COMMAND, BAD_DATA, TWO, contents
from forgery import with_meta

# Models that were one

pytestmark = pytest.mark.usefixtures("leaks_are_found_where_they_are_made")


@pytest.mark.parametrize("command", ["info x.npz", "eval x.npz", "predict x.npz two.csv"])
def test_model_of_another_format_version_is_refused(command: str, nncli: Callable[..., Any], folder: Path) -> None:
    Path("x.npz").write_bytes(with_meta("nncli", "7.0")(with_meta("format_version", 12)(Path("two.npz").read_bytes())))
    out = nncli(*command.split())
    line = "x.npz: expected format version 11, found 12, written by nncli 7.0. Use a program version that knows it.\n"
    assert (out.code, out.err, out.out) == (1, line, "")


@pytest.mark.parametrize("option", ["hidden", "loss", "dtype"])
def test_model_with_options_left_open_is_refused(option: str, nncli: Callable[..., Any], folder: Path) -> None:
    Path("x.npz").write_bytes(with_meta(f"config.{option}", None)(Path("two.npz").read_bytes()))
    out = nncli("predict", "x.npz", "two.csv")
    assert (out.code, out.out) == (1, "")
    assert out.err.startswith("x.npz: expected ")
    assert out.err.count("\n") == 1


def test_absent_model_names_the_nearest_one(nncli: Callable[..., Any], folder: Path) -> None:
    for name in ("a.npz", "b.npz", "c.npz"):
        shutil.copy("two.npz", name)
    out = nncli("predict", "tow.npz", "two.csv")
    assert (out.code, out.out) == (1, "")
    assert out.err.startswith("tow.npz: ")
    assert out.err.count("\n") == 1
    assert "'two.npz'" in out.err


# Divergence

DIVERGED = re.compile(
    r"epoch (\d+)(?:, batch \d+)?: expected a finite loss, found [^;]+; most likely the learning rate (\S+) is too high"
)


def test_divergence_in_the_first_epoch_saves_nothing(nncli: Callable[..., Any], folder: Path) -> None:
    before = contents(folder)
    out = nncli(
        "train", "iris", "--optimizer", "sgd", "--lr", "1e20", "--scale", "none", "--schedule", "constant", "-q"
    )
    line = (
        "epoch 1, batch 2: expected a finite loss, found nan; most likely the learning rate 1e+20 is too high, "
        "or the columns need scaling (--scale auto). Try --lr 0.1.\n"
    )
    assert (out.code, out.err, out.out) == (1, line, "")
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            "wine -m softmax --scale none --lr 1e38",
            "epoch 1, batch 2: expected a finite loss, found nan, and W1 is not finite any more; most likely column "
            "'proline' reaches 1.68e+03 and is not scaled, or the learning rate 1e+38 is too high. Try --scale auto.",
        ),
        (
            "iris -m adaline --lr 1e39 --val 0 --epochs 1 --batch-size full",
            "epoch 1: expected finite parameters, found nan, and W1 is not finite any more; most likely the learning "
            "rate 1e+39 is too high. Try --lr 0.1.",
        ),
        (
            "iris --hidden 8 --l2 1e39",  # beyond float32
            "epoch 1, batch 1: expected a finite gradient, found nan, and the gradient of W1 is not finite any more; "
            "most likely --l2 1e+39 is too large. Try --l2 0.01.",
        ),
    ],
)
def test_divergence_names_the_place_and_the_likely_cause(
    options: str, line: str, nncli: Callable[..., Any], folder: Path
) -> None:
    before = contents(folder)
    out = nncli("train", *options.split(), "--optimizer", "sgd", "-q")
    assert (out.code, out.err, out.out) == (1, line + "\n", "")
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("options", "cause", "remedy"),
    [
        (
            "--lr-scale weight=1e30,bias=0.5",
            "--lr-scale weight=1e+30 is too large a factor of the learning rate",
            "--lr-scale weight=1,bias=0.5",
        ),
        # a penalty of its own that is the usual one, and a rate that begins and ends each period at 0
        (
            "--model tabular --hidden 9 --lr 1e20",
            "the learning rate 1e+20 (3.74e+19 by then) is too high",
            "--lr 0.005",
        ),
        (
            "--model tabular --hidden 9x9x9 --lr 1e5",
            "the learning rate 100000 (6.66e+04 by then) is too high",
            "--lr 0.005",
        ),
    ],
    ids=["factor", "rate", "rate of an epoch"],
)
def test_divergence_names_what_was_given(
    options: str, cause: str, remedy: str, nncli: Callable[..., Any], folder: Path
) -> None:
    out = nncli("train", "iris", *options.split(), "-q")
    assert (out.code, out.out) == (1, "")
    assert out.err.endswith(f"; most likely {cause}. Try {remedy}.\n")
    given = dict(zip(options.split()[::2], options.split()[1::2], strict=True))
    given |= dict([remedy.split()])
    assert nncli("train", "iris", *(word for pair in given.items() for word in pair), "-q").code == 0


def test_finite_but_absurd_loss_is_divergence_too(nncli: Callable[..., Any], folder: Path) -> None:
    out = nncli("train", "iris", "--optimizer", "sgd", "--lr", "1e9", "--scale", "none", "--schedule", "constant", "-q")
    assert out.code == 1
    assert out.err.count("\n") == 1
    assert re.search(r"epoch \d+: .*learning rate 1e\+09 is too high.*Try --lr ", out.err)


def test_divergence_after_a_good_epoch_keeps_the_best_model(nncli: Callable[..., Any], folder: Path) -> None:
    argv = ["train", "iris", "-m", "softmax", "--optimizer", "sgd", "--lr", "1e38", "--schedule", "constant"]
    out = nncli(*argv, "--epochs", "60", "--json")
    *notes, last = out.err.splitlines()
    diverged = DIVERGED.match(last)
    assert out.code == 1
    assert diverged, last
    assert int(diverged[1]) == out.json["epochs"] + 1 > out.json["best_epoch"]
    info = nncli("info", "model.npz", "--json").json
    assert info["figures"]["best_epoch"] == out.json["best_epoch"]
    assert math.isfinite(info["figures"]["val"]["loss"])
    assert nncli("predict", "model.npz", "iris").out.count("\n") == 151
    assert not [note for note in notes if "all planned epochs are done" in note]


def test_a_time_limit_too_short_for_one_epoch_is_no_success(nncli: Callable[..., Any], folder: Path) -> None:
    before = contents(folder)
    out = nncli("train", "two.csv", "-q", "--json", "--time-limit", "1e-9")
    assert (out.code, out.out) == (1, "")
    assert out.err.count("\n") == 1
    assert contents(folder) == before


# One line, whatever is in the names; the right place, whatever the system says


@pytest.mark.parametrize(
    "argv",
    [
        ["train", "odd.csv", "-t", "zzz"],
        ["train", "odd.csv", "--drop", "zzz"],
        ["train", "odd.csv", "-m", "a\nb"],
        ["train", "no\nsuch.csv"],
        ["info", "no\nsuch.npz"],
        ["eval", "two.npz", "classes.csv"],
        ["predict", "two.npz", "odd.csv"],
        ["predict", "two.npz", "two.csv", "--keep", "a\nb"],
        ["train", "two.csv", "--a\nb"],
        ["tra\nin"],
    ],
    ids=repr,
)
def test_line_breaks_in_names_do_not_break_the_line(argv: list[str], nncli: Callable[..., Any], folder: Path) -> None:
    Path("odd.csv").write_text('"x\ny",b,label\n1,2,p\n3,4,q\n')
    Path("classes.csv").write_text(TWO + '1,1,1,"ye\ns"\n')
    out = nncli(*argv)
    assert out.code in (BAD_DATA, BAD_COMMAND)
    assert out.out == ""
    assert out.err.count("\n") == 1


@pytest.mark.parametrize(
    "argv",
    [["train", "LONG", "-q"], ["train", "iris", "-q", "-o", "LONG"], ["info", "LONG"], ["predict", "two.npz", "LONG"]],
)
def test_overlong_names_are_not_blamed_on_stdout(argv: list[str], nncli: Callable[..., Any], folder: Path) -> None:
    long = "x" * 300
    out = nncli(*[long if word == "LONG" else word for word in argv])
    assert (out.code, out.out) == (1, "")
    assert out.err.startswith(long + ": ")
    assert out.err.count("\n") == 1


def test_network_that_does_not_fit_in_memory_is_an_error_of_one_line(nncli: Callable[..., Any], folder: Path) -> None:
    out = nncli("train", "two.csv", "-q", "--hidden", "99999999999999")
    assert out.code in (BAD_DATA, BAD_COMMAND)
    assert out.out == ""
    assert out.err.count("\n") == 1
    assert out.err.startswith("--hidden: ")


@pytest.mark.parametrize(
    "command",
    [
        "train two.csv -q --epochs 2 -o two.csv",
        "train two.csv -q --epochs 2 --log two.csv",
        "train two.csv -q --epochs 2 --val-data three.csv -o three.csv",
        "predict two.npz two.csv -q -o two.npz",
    ],
)
def test_no_output_overwrites_an_input(command: str, nncli: Callable[..., Any], folder: Path) -> None:
    Path("three.csv").write_text(TWO)
    before = contents(folder)
    out = nncli(*command.split())
    assert {name: data for name, data in contents(folder).items() if name != "model.npz"} == {
        name: data for name, data in before.items() if name != "model.npz"
    }
    assert out.code in (BAD_DATA, BAD_COMMAND)
    assert out.err.count("\n") == 1
