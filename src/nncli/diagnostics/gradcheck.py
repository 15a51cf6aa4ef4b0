"""Backpropagation held against differences: on one objective, or on a small network of every kind there is."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nncli.data.scaled_rows import Matrix, Subset
from nncli.diagnostics.training_objective import OFFSET, Objective
from nncli.errors import NncliError
from nncli.nn.activations import ACTIVATIONS
from nncli.nn.finite_differences import TOLERANCE, BlockCheck, Differences
from nncli.nn.layers import Array
from nncli.nn.losses import LOSSES
from nncli.nn.network import multilayer
from nncli.nn.regularisation import Penalty
from nncli.training.batch import Batch

NUDGE = 1e-3  # standard deviation of a small move of all numbers


@dataclass(frozen=True)
class Check:
    """What came out, block by block."""

    blocks: tuple[BlockCheck, ...]

    @property
    def passed(self) -> bool:
        """Whether something is right and nothing wrong; what is not decided is neither."""
        verdicts = {block.verdict for block in self.blocks}
        return "ok" in verdicts and "wrong" not in verdicts

    @property
    def max_relative_error(self) -> float:
        """NaN where there was nothing to compare."""
        return max((block.worst.error for block in self.blocks if block.worst), default=math.nan)

    def describe(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "passed": self.passed,
            "max_relative_error": _finite(self.max_relative_error),
            "tolerance": TOLERANCE,
            "blocks": [_described(block) for block in self.blocks],
        }


def summary(results: Sequence[tuple[Kind, Check]]) -> dict[str, Any]:
    """All of `check_all`, for JSON."""
    return {
        "passed": all(check.passed for _, check in results),
        "max_relative_error": _finite(max(check.max_relative_error for _, check in results)),
        "tolerance": TOLERANCE,
        "networks": [
            {
                key: value
                for key, value in {**dataclasses.asdict(kind), **check.describe()}.items()
                if key != "tolerance"
            }
            for kind, check in results
        ],
    }


def _described(block: BlockCheck) -> dict[str, Any]:
    worst = block.worst
    return {
        "name": block.name,
        "shape": list(block.shape),
        "entries": block.entries,
        "directions": block.directions,
        "kinks": block.kinks,
        "lost": block.lost,
        "verdict": block.verdict,
        "relative_error": worst and _finite(worst.error),
        "worst_index": worst and worst.index and list(worst.index),
        "analytic": worst and _finite(worst.analytic),
        "numeric": worst and _finite(worst.numeric),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None  # JSON has no word for what overflows


def check(objective: Objective, on_block: Callable[[int, str], None] = lambda done, name: None) -> Check:
    """Every block of θ, and X. Training's own `Batch` works out the loss and its gradient.

    `on_block` is told how many blocks are done, and the name of the next.
    """
    network, penalty, n = objective.network, objective.penalty, len(objective.subset)
    batch = Batch(objective.subset, objective.loss, objective.K, network, n, objective.smoothing)
    batch.take(objective.subset.rows)
    weights = batch.weights()
    shares = np.full(n, 1 / n) if weights is None else weights / n
    mask, sample, nudge = objective.seed.spawn(3)

    def terms() -> Array:
        network.drop_with(np.random.default_rng(mask))  # the same mask each time
        return np.concatenate([shares * batch.losses(), penalty.terms(network)])

    def compared(names: Collection[str]) -> dict[str, BlockCheck]:
        """Those blocks, where θ and X are by now."""
        rng = np.random.default_rng(sample)
        losses = terms()[:n]
        if not np.isfinite(losses).all():
            raise NncliError("the loss", "expected finite ones, found others", "Try --scale auto, or other data")
        dX = np.empty_like(batch.X)
        batch.backward(dX)
        penalty.add_gradient(network)
        gradient = network.grad.copy()
        # what a row's share of L is rounded at: its own size, and that of its scores as far as they count
        sizes = np.maximum(shares, np.abs(losses)) + np.vecdot(np.abs(batch.dZ), np.abs(batch.Z))
        differences = Differences(terms, float(np.linalg.norm(sizes)))
        views = {block.name: (block.view(network.theta), block.view(gradient)) for block in network.blocks}
        views["X"] = batch.X, dX
        found: dict[str, BlockCheck] = {}
        for name, both in views.items():
            if name in names:
                on_block(len(found), name)
                found[name] = differences.block(name, *both, rng)
        return found

    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is no ok
        found = compared([*(block.name for block in network.blocks), "X"])
        wrong = [name for name, block in found.items() if block.verdict == "wrong"]
        if wrong:  # an error is one at any θ; what is gone a little further on was made by kinks
            rng = np.random.default_rng(nudge)
            network.theta += rng.normal(0, NUDGE, network.size)
            batch.X += rng.normal(0, NUDGE, batch.X.shape)
            for name, nearby in compared(wrong).items():
                if nearby.verdict != "wrong":
                    found[name] = dataclasses.replace(nearby, kinks=nearby.kinks + found[name].wrong)
    network.drop_with(None)
    return Check(tuple(found.values()))


@dataclass(frozen=True)
class Kind:
    """A kind of network, as `check_all` goes through them."""

    activation: str | None  # None without hidden layers
    loss: str
    hidden: tuple[int, ...]
    K: int

    def __str__(self) -> str:
        layers = {0: "linear", 1: "one hidden layer", 2: "two hidden layers"}[len(self.hidden)]
        return ", ".join([*([self.activation] if self.activation else []), self.loss, layers, f"{self.K} classes"])


def kinds() -> list[Kind]:
    """Every activation with every loss and link, with one and two hidden layers, and the linear models; for two
    classes and for more."""
    return [
        Kind(activation, loss, hidden, K)
        for loss in every_loss()
        for hidden in ((), (5,), (5, 4))
        for activation in (ACTIVATIONS if hidden else [None])
        for K in (2, 3)
    ]


def every_loss() -> list[str]:
    """Each loss, with each link that it may have."""
    return [
        name if len(loss.links) == 1 else f"{name}:link={link}" for name, loss in LOSSES.items() for link in loss.links
    ]


def check_all(seed: int) -> Iterator[tuple[Kind, Check]]:
    """A small network of every kind, on rows drawn at random: with weights of rows, L1, L2 and dropout of inputs and
    hidden units, and label smoothing where the loss takes it."""
    n, d = 6, 4
    for kind, of_kind in zip(kinds(), np.random.SeedSequence(seed).spawn(len(kinds())), strict=True):
        rng = np.random.default_rng(of_kind)
        loss = LOSSES.create(kind.loss)
        network = multilayer(
            d, kind.hidden, loss.outputs(kind.K), kind.activation or "identity", "float64", dropout=0.2,
            input_dropout=0.1,
        )  # fmt: skip
        network.initialize(None, rng)
        network.theta += rng.normal(0, OFFSET, network.size)
        X, y = Matrix(rng.normal(size=(n, d)), network.dtype), np.arange(n) % kind.K
        subset = Subset(X, y, np.arange(n), rng.uniform(0.5, 1.5, n))
        smoothing = 0.1 if loss.soft else 0
        yield kind, check(Objective(network, loss, Penalty(0.01, 0.1), smoothing, subset, kind.K, of_kind))
