"""Training epochs with the rows in memory, each contender in a process of its own that stays."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from measure import Comparison, Crashed, Worker, rounds
from shown import compare_accuracies, heading, show

PEERS = Path(__file__).parent / "peers"
ROUNDS, LARGE_ROUNDS = 7, 3
# Epochs of a turn. The first finds what the others left in the caches, and a processor that was idle: of short ones,
# of which training has many, it is not typical.
EPOCHS = {"784-10": 7, "784-64-10": 5, "784-256-10": 3, "784-1024-1024-10": 1}
ROW_EPOCHS = 5
PRODUCTS, NUMPY = "its products", "--kernels numpy"
# What the ratio may be at most, against each; `products` are those of nncli's own epoch, and nothing else.
LIMITS: dict[str, dict[str, float]] = {
    "784-10": {"sklearn": 0.4, "torch": 0.4, "jax": 0.6},
    "784-64-10": {"sklearn": 0.4, "torch": 0.4, "jax": 0.8, "products": 1 / 0.55},
    "784-256-10": {"sklearn": 0.4, "torch": 0.45, "jax": 0.85, "products": 1 / 0.75},
    "784-1024-1024-10": {"sklearn": 0.35, "torch": 0.55, "jax": 0.95, "products": 1 / 0.85},
}
ROW_LIMITS = {"perceptron": 0.1, "mira": 0.15}
OPTIMUM_LIMITS, REGRESSION_LIMIT, SAME_LOSS = {"lbfgs": 0.4, "liblinear": 1.0}, 1.0, 1e-5
OPTIMUM_ROWS, OPTIMUM_COLUMNS = 500_000, 30
RIDGE = 0.01  # λ₂


def batches(data: Mapping[str, NDArray[Any]], folder: Path, peers: set[str]) -> None:
    """Epochs in mini-batches: softmax regression and networks."""
    save(data, folder)
    fused = ["numpy"] if find_spec("numba") else []  # nncli itself, which has loops compiled by Numba else
    contenders = ["nncli", "products", *fused, "sklearn", *(peer for peer in ("torch", "jax") if peer in peers)]
    for widths, limits in LIMITS.items():
        for optimizer in ("sgd", "adam"):
            what = "softmax regression" if widths == "784-10" else widths
            heading(f"one epoch: {what}, {optimizer}, {len(data['X']):,} rows, batches of 128, float32")
            arguments = [str(folder), widths, optimizer]
            large = "1024" in widths
            found, accuracies = in_turns(
                {
                    name: ["epoch_nncli.py", *arguments, name] if name == "numpy" else [f"epoch_{name}.py", *arguments]
                    for name in contenders
                },
                LARGE_ROUNDS if large else ROUNDS,
                EPOCHS[widths],
            )
            for peer in contenders[1:]:
                name = {"products": PRODUCTS, "numpy": NUMPY}.get(peer, peer)
                show(Comparison("time", "s", name, found["nncli"], found[peer], limits.get(peer)))
            del accuracies["products"]
            compare_accuracies(accuracies)


def rows(data: Mapping[str, NDArray[Any]], folder: Path, peers: set[str]) -> None:
    """The first epoch of a model that learns row by row: mistakes are most frequent then."""
    save(data, folder)
    for model in ("perceptron", "mira"):
        heading(f"one epoch of a new {model}, row by row, float32")
        commands = {
            "nncli": ["perceptron_nncli.py", str(folder), model],
            "sklearn": ["perceptron_sklearn.py", str(folder)],
        }
        found, accuracies = in_turns(commands, ROUNDS, ROW_EPOCHS)
        show(Comparison("time", "s", "sklearn's Perceptron", found["nncli"], found["sklearn"], ROW_LIMITS[model]))
        # one epoch is a snapshot of a θ in motion, and of several classes scikit-learn trains each against the rest
        print("  test accuracy:   " + ", ".join(f"{name} {accuracy:.2%}" for name, accuracy in accuracies.items()))


def optimum(data: Mapping[str, NDArray[Any]], folder: Path, peers: set[str]) -> None:
    """Logistic regression, from 0 to where the loss is least."""
    rng = np.random.default_rng(0)
    mixed = np.eye(OPTIMUM_COLUMNS) + 0.5 * rng.normal(0, OPTIMUM_COLUMNS**-0.5, (OPTIMUM_COLUMNS, OPTIMUM_COLUMNS))
    X = (rng.normal(size=(OPTIMUM_ROWS, OPTIMUM_COLUMNS)) @ mixed).astype(np.float32)
    w = rng.normal(0, 2 * OPTIMUM_COLUMNS**-0.5, OPTIMUM_COLUMNS)
    y = (rng.random(OPTIMUM_ROWS) < 1 / (1 + np.exp(-(X @ w + 0.5)))).astype(np.int64)
    save({"optimum_X": X, "optimum_y": y}, folder)
    heading(f"logistic regression to the optimum, {OPTIMUM_ROWS:,} × {OPTIMUM_COLUMNS}, L2")
    commands = {"nncli": ["optimum_nncli.py", str(folder)]}
    commands |= {solver: ["optimum_sklearn.py", str(folder), solver] for solver in OPTIMUM_LIMITS}
    found, losses = in_turns(commands, LARGE_ROUNDS)
    for (solver, limit), name in zip(OPTIMUM_LIMITS.items(), ("sklearn's lbfgs", "LIBLINEAR"), strict=True):
        show(Comparison("time", "s", name, found["nncli"], found[solver], limit))
    print("  loss:            " + ", ".join(f"{name} {loss:.8f}" for name, loss in losses.items()))
    if losses["nncli"] > min(losses.values()) * (1 + SAME_LOSS):
        raise Crashed(f"nncli stops before the optimum: {losses}")


def regression(data: Mapping[str, NDArray[Any]], folder: Path, peers: set[str]) -> None:
    """Linear and ridge regression, to where the loss is least."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(OPTIMUM_ROWS, OPTIMUM_COLUMNS)).astype(np.float32)
    y = X @ rng.normal(0, OPTIMUM_COLUMNS**-0.5, OPTIMUM_COLUMNS) + 0.5 * rng.normal(size=OPTIMUM_ROWS)
    save({"regression_X": X, "regression_y": y}, folder)
    for name, l2 in (("LinearRegression", 0), ("Ridge", RIDGE)):
        penalty = ", L2" if l2 else ""
        heading(f"linear regression to the optimum, {OPTIMUM_ROWS:,} × {OPTIMUM_COLUMNS}{penalty}")
        commands = {one: [f"regression_{one}.py", str(folder), str(l2)] for one in ("nncli", "sklearn")}
        found, losses = in_turns(commands, ROUNDS)
        show(Comparison("time", "s", f"sklearn's {name}", found["nncli"], found["sklearn"], REGRESSION_LIMIT))
        print("  loss:            " + ", ".join(f"{one} {loss:.8f}" for one, loss in losses.items()))
        if losses["nncli"] > losses["sklearn"] * (1 + SAME_LOSS):
            raise Crashed(f"nncli stops before the optimum: {losses}")


def in_turns(
    commands: Mapping[str, Sequence[str]], repetitions: int, times: int = 1
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """The seconds of each, and its last word. A command is a script of peers/ with its arguments; it does its work
    so many times in a turn."""
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(Worker([sys.executable, str(PEERS / script), *arguments]))
            for name, (script, *arguments) in commands.items()
        }
        found = rounds({name: partial(worker.turn, times) for name, worker in workers.items()}, repetitions)
        return found, {name: worker.finish() for name, worker in workers.items()}


def save(arrays: Mapping[str, NDArray[Any]], folder: Path) -> None:
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
