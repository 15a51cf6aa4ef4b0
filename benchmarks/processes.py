"""Whole processes, from their start to their end: nncli's commands beside scripts that do the same."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from measure import Comparison, Crashed, Finished, process, rounds
from nncli.data.bundled import path_of
from shown import compare_accuracies, heading, show, show_process
from tables import write_images

PEERS = Path(__file__).parent / "peers"
NNCLI = str(Path(sys.executable).with_name("nncli"))
ROUNDS, START_ROUNDS = 5, 15
CSV_LIMITS = 0.28, 0.4  # of time and peak memory
IRIS_LIMIT = 0.7
CHOCOLATE_SECONDS = 0.35
SWEEP_LIMIT = 0.6  # against scikit-learn
JOBS_LIMIT = 1 / 1.75  # two jobs against one
CENTS = 1e-4  # that the line of chocolate may be off


def from_csv(data: Any, folder: Path, peers: set[str]) -> None:
    """From a CSV file to a saved model and its test accuracy."""
    write_images(data, folder)
    n, size = len(data["X"]), (folder / "train.csv").stat().st_size / 1e6
    heading(
        f"CSV ({n:,} rows, {size:.0f} MB) to saved model and test accuracy: 784-64-10, Adam, ten epochs; whole process"
    )
    options = "--hidden 64 --batch-size 128 --epochs 10 --patience 10 -o m.npz --json"
    commands = {"nncli": [NNCLI, "train", "train.csv", "--test-data", "test.csv", *options.split()]}
    for peer, needed in {"sklearn": {"pandas"}, "torch": {"pandas", "torch"}, "jax": {"pandas", "jax"}}.items():
        if needed <= peers:
            script = str(PEERS / f"{peer}_csv.py")
            commands[peer] = [sys.executable, script, "train.csv", "test.csv", f"m.{peer}"]
    found = rounds({name: partial(process, command, folder) for name, command in commands.items()}, ROUNDS)
    accuracies = {name: json.loads(runs[-1].output)["test"]["accuracy"] for name, runs in found.items()}
    for peer in list(found)[1:]:
        show_process(found, peer, *CSV_LIMITS)
    compare_accuracies(accuracies)


def iris(data: Any, folder: Path, peers: set[str]) -> None:
    """With the defaults, on the smallest of the bundled sets: little else than starting up."""
    heading("iris: train with the defaults, save, test; whole process")
    commands = {
        "nncli": [NNCLI, "train", "iris", "-o", "iris.npz", "--json", "--quiet"],
        "sklearn": [sys.executable, str(PEERS / "iris_sklearn.py"), str(path_of("iris")), "iris.pickle"],
    }
    found = rounds({name: partial(process, command, folder) for name, command in commands.items()}, ROUNDS)
    show_process(found, "sklearn", IRIS_LIMIT)
    outputs = {name: json.loads(runs[-1].output) for name, runs in found.items()}
    # of 22 rows, so that one is 4.5 points
    print("  test accuracy:   " + ", ".join(f"{name} {out['test']['accuracy']:.1%}" for name, out in outputs.items()))
    print("  epochs:          " + ", ".join(f"{name} {out['epochs']}" for name, out in outputs.items()))


def chocolate(data: Any, folder: Path, peers: set[str]) -> None:
    """Linear regression of seven prices that lie on a line: little else than starting up."""
    heading("chocolate: train --model linear, save; whole process")
    commands = {
        "nncli": [NNCLI, "train", "chocolate", "--model", "linear", "-o", "chocolate.npz", "--json", "--quiet"],
        "sklearn": [sys.executable, str(PEERS / "chocolate_sklearn.py"), str(path_of("chocolate")), "chocolate.pickle"],
    }
    found = rounds({name: partial(process, command, folder) for name, command in commands.items()}, START_ROUNDS)
    ours, theirs = ([seconds(run) for run in found[name]] for name in commands)
    show(Comparison("time", "s", "sklearn", ours, theirs, most=CHOCOLATE_SECONDS))
    errors = {name: json.loads(runs[-1].output)["train"]["rmse"] for name, runs in found.items()}
    if max(errors.values()) > CENTS:
        raise Crashed(f"a contender is not on the line: {errors}")


def gradients(data: Any, folder: Path, peers: set[str]) -> None:
    """A gradient check; nncli's compares a sample and whole directions, PyTorch's every entry."""
    if "torch" not in peers:
        return
    heading("gradient check: 64-64-10 on 32 of the digits, float64; whole process")
    digits = str(path_of("digits"))
    commands = {
        "nncli": [NNCLI, "gradcheck", "digits", "--json", "--quiet"],
        "torch": [sys.executable, str(PEERS / "gradcheck_torch.py"), digits],
    }
    found = rounds({name: partial(process, command, folder) for name, command in commands.items()}, ROUNDS)
    ours, theirs = ([seconds(run) for run in found[name]] for name in commands)
    show(Comparison("time", "s", "torch", ours, theirs, None))


def sweeps(data: Any, folder: Path, peers: set[str]) -> None:
    """A grid of 24 small networks, two at a time, and the same one at a time."""
    heading("sweep: 24 networks on the digits, 100 epochs each, to the best one's test accuracy; whole process")
    options = "--lr 0.05,0.02,0.01,0.005,0.002,0.001 --hidden 16,32,64,128 --epochs 100 --patience 100 --json --quiet"

    def swept(jobs: int) -> Finished:
        (folder / "best.sweep.jsonl").unlink(missing_ok=True)
        return process([NNCLI, "sweep", "digits", *options.split(), "--jobs", str(jobs), "-o", "best.npz"], folder)

    script = [sys.executable, str(PEERS / "sweep_sklearn.py"), str(path_of("digits"))]
    found = rounds(
        {"nncli": partial(swept, 2), "one job": partial(swept, 1), "sklearn": partial(process, script, folder)},
        ROUNDS,
    )
    ours, alone, theirs = ([*map(seconds, found[name])] for name in ("nncli", "one job", "sklearn"))
    show(Comparison("time", "s", "sklearn", ours, theirs, SWEEP_LIMIT))
    show(Comparison("time", "s", "one job", ours, alone, JOBS_LIMIT))


def start_up(data: Any, folder: Path, peers: set[str]) -> None:
    """Short commands against the mere imports they cannot do without."""
    heading("start-up: whole process, against Python that only imports the libraries")
    process([NNCLI, "train", "digits", "-o", "digits.npz", "--quiet"], folder)
    rows = "".join(path_of("digits").read_text().splitlines(keepends=True)[:11])
    for what, command, stdin, imports, limit in (
        ("nncli --help", [NNCLI, "--help"], "", "import typer, rich", 1.5),
        ("nncli plot --help", [NNCLI, "plot", "--help"], "", "import typer, rich", 1.5),
        ("predict 10 rows", [NNCLI, "predict", "digits.npz"], rows, "import numpy, typer", 1.2),
    ):
        turns: dict[str, Callable[[], Finished]] = {
            "nncli": partial(process, command, folder, stdin),
            "imports": partial(process, [sys.executable, "-c", imports], folder, stdin),
        }
        found = rounds(turns, START_ROUNDS)
        ours, theirs = ([run.seconds * 1000 for run in found[name]] for name in turns)
        show(Comparison(what, "ms", imports, ours, theirs, limit))


def seconds(run: Finished) -> float:
    return run.seconds
