"""Check backpropagation against finite differences: of one objective, or of small networks of every kind."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nncli.data.scaled_rows import Matrix, SparseMatrix, Subset
from nncli.diagnostics.training_objective import OFFSET, Objective
from nncli.errors import NncliError, mention
from nncli.nn.activations import ACTIVATIONS
from nncli.nn.finite_differences import BlockCheck, Differences
from nncli.nn.kernels.choice import kernels_named
from nncli.nn.layers import Array
from nncli.nn.losses import LOSSES
from nncli.nn.network import multilayer
from nncli.nn.regularisation import Penalty
from nncli.nn.row_loss import Loss
from nncli.training.batch import Batch

NUDGE = 1e-3  # standard deviation of a small move of θ and X
NEAR_ZERO = ("lost", "zero")  # verdicts on a block whose derivatives are 0 within rounding


@dataclass(frozen=True)
class GradientCheck:
    """The result of a check, block by block."""

    blocks: tuple[BlockCheck, ...]

    @property
    def passed(self) -> bool:
        """Tell whether at least one block is right and none is wrong; undecided blocks are neither."""
        verdicts = {block.verdict for block in self.blocks}
        return "ok" in verdicts and "wrong" not in verdicts

    @property
    def max_relative_error(self) -> float:
        """Return the largest relative error; NaN if there was nothing to compare."""
        return max((block.worst.error for block in self.blocks if block.worst), default=math.nan)

    def describe(self) -> dict[str, Any]:
        """Return what `gradcheck --json` reports, but for the tolerance."""
        blocks = [_described(block) for block in self.blocks]
        return {"passed": self.passed, "max_relative_error": _finite(self.max_relative_error), "blocks": blocks}


def summary(results: Sequence[tuple[NetworkKind, GradientCheck]]) -> dict[str, Any]:
    """Return what `gradcheck --all --json` reports, but for the tolerance."""
    return {
        "passed": all(check.passed for _, check in results),
        "max_relative_error": _finite(max(check.max_relative_error for _, check in results)),
        "networks": [{**dataclasses.asdict(kind), **check.describe()} for kind, check in results],
    }


def _described(block: BlockCheck) -> dict[str, Any]:
    worst = block.worst
    as_they_are = ("name", "entries", "directions", "kinks", "lost", "moved", "verdict")
    return {
        **{name: getattr(block, name) for name in as_they_are},
        "shape": list(block.shape),
        "relative_error": worst and _finite(worst.error),
        "worst_index": worst and worst.index and list(worst.index),
        "analytic": worst and _finite(worst.analytic),
        "numeric": worst and _finite(worst.numeric),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None  # JSON has no infinity


def check_gradients(
    objective: Objective, on_block: Callable[[int, str], None] = lambda done, name: None
) -> GradientCheck:
    """Check the gradient with respect to each block of θ, and to X, as training's own `Batch` computes it. Of sparse
    rows, X is left out, and so are the weights of inputs that none of them has.

    A block is compared a little further on too, at a θ and an X moved by about `NUDGE`, if it is wrong, as a real error
    shows at any θ, and one that is gone there came from kinks; and if its derivatives are 0 within rounding, as at an
    optimum, where a wrong gradient may be 0 too. `on_block` is called with the number of blocks done and the name of
    the next. Raises NncliError for a loss that is not finite.
    """
    is_sparse = objective.subset.matrix.is_sparse
    objective = of_touched(objective) if is_sparse else objective
    network, penalty, n = objective.network, objective.penalty, len(objective.subset)
    how = objective.smoothing, objective.each_member
    batch = Batch(objective.subset, objective.loss, objective.K, network, n, *how)
    X, _ = batch.take(objective.subset.rows)
    if not is_sparse:  # a copy, which is moved
        np.copyto(batch.X, X)
        batch.now = batch.X
    weights = batch.weights()
    shares = np.tile(np.full(n, 1 / n) if weights is None else weights / n, batch.copies)
    shares *= network.independent / batch.copies  # as in `Batch.backward`
    mask, sample, nudge = objective.seed.spawn(3)
    of_masks = np.random.default_rng(mask)
    begin = of_masks.bit_generator.state

    def terms() -> Array:
        of_masks.bit_generator.state = begin  # the same mask each time
        network.drop_with(of_masks)
        return np.concatenate([shares * batch.losses(), penalty.terms(network)])

    def compared(names: Collection[str]) -> dict[str, BlockCheck]:
        """Compare the blocks with these names, at the current θ and X."""
        rng = np.random.default_rng(sample)
        losses = terms()[: len(shares)]
        if not np.isfinite(losses).all():
            raise NncliError(
                "the loss", "expected finite numbers, found others", f"Try {mention('scale', 'auto')}, or other data"
            )
        dX = None if is_sparse else np.empty_like(batch.X)
        batch.backward(dX)
        penalty.add_gradient(network)
        gradient = network.grad.copy()
        # the rounding error of a row's share of L scales with its size, and with that of its scores times their weight
        sizes = np.maximum(shares, np.abs(losses)) + np.vecdot(np.abs(batch.dZ), np.abs(batch.Z))
        differences = Differences(terms, float(np.linalg.norm(sizes)))
        views = {block.name: (block.view(network.theta), block.view(gradient)) for block in network.blocks}
        if dX is not None:
            views["X"] = batch.X, dX
        found: dict[str, BlockCheck] = {}
        for name, both in views.items():
            if name in names:
                on_block(len(found), name)
                found[name] = differences.block(name, *both, rng)
        return found

    with np.errstate(over="ignore", invalid="ignore"):  # an overflow never counts as right
        found = compared([*(block.name for block in network.blocks), "X"])
        doubtful = [name for name, block in found.items() if block.verdict in ("wrong", *NEAR_ZERO)]
        if doubtful:
            rng = np.random.default_rng(nudge)
            network.theta += rng.normal(0, NUDGE, network.size)
            X = batch.now.data if is_sparse else batch.X
            X += rng.normal(0, NUDGE, X.shape)
            for name, nearby in compared(doubtful).items():
                here = found[name]
                if here.verdict == "wrong" != nearby.verdict:
                    found[name] = dataclasses.replace(nearby, kinks=nearby.kinks + here.wrong)
                elif here.verdict in NEAR_ZERO and nearby.verdict in ("ok", "wrong"):
                    found[name] = dataclasses.replace(nearby, moved=True)
    network.drop_with(None)
    return GradientCheck(tuple(found.values()))


def of_touched(objective: Objective) -> Objective:
    """Return the objective on sparse rows, of the network without the inputs that none of them has."""
    from scipy.sparse import csr_array

    subset, whole = objective.subset, objective.network
    X = subset.matrix.take_sparse(subset.rows)
    inputs = np.union1d(np.arange(whole.passed), X.indices)
    places = np.searchsorted(inputs, X.indices)
    network = whole.with_inputs(len(inputs))
    for block, own in zip(whole.blocks, network.blocks, strict=True):
        values = block.view(whole.theta)
        own.view(network.theta)[...] = (
            values if own.shape == block.shape else values[inputs[whole.passed :] - whole.passed]
        )
    network.use(whole.kernels)
    touched = csr_array((X.data.copy(), places.astype(np.int32), X.indptr), shape=(len(subset), len(inputs)))
    rows = subset.of(SparseMatrix(touched, network.dtype))
    return dataclasses.replace(objective, network=network, subset=rows)


@dataclass(frozen=True)
class NetworkKind:
    """One of the kinds of network that `check_all_kinds` checks."""

    activation: str | None  # None without hidden layers
    loss: str
    hidden: tuple[int, ...]
    K: int

    def __str__(self) -> str:
        layers = ("linear", "one hidden layer", "two hidden layers")[len(self.hidden)]
        predicts = f"{self.K} classes" if self.K else "numbers"
        return ", ".join(filter(None, [self.activation, self.loss, layers, predicts]))


def network_kinds() -> list[NetworkKind]:
    """Return every activation, loss and link with no, one and two hidden layers, for what the loss is of: two classes
    and three, and numbers (K = 0)."""
    return [
        NetworkKind(activation, loss, hidden, K)
        for loss in every_loss()
        for hidden in ((), (5,), (5, 4))
        for activation in (ACTIVATIONS if hidden else [None])
        for K in _targets(LOSSES.create(loss))
    ]


def _targets(loss: Loss) -> tuple[int, ...]:
    """Return how many classes a loss is checked for, and 0 if it is one of numbers."""
    return ((2, 3) if loss.for_classes else ()) + ((0,) if loss.power and loss.link == "identity" else ())


def every_loss() -> list[str]:
    """Return each loss with each link that it can have."""
    return [
        name if len(loss.links) == 1 else f"{name}:link={link}" for name, loss in LOSSES.items() for link in loss.links
    ]


def check_all_kinds(seed: int, kernels: str = "numpy") -> Iterator[tuple[NetworkKind, GradientCheck]]:
    """Check a small network of every kind on random rows, with weights, all regularisation and label smoothing."""
    n, d = 6, 4
    kinds, loops = network_kinds(), kernels_named(kernels)
    for kind, seed_of_kind in zip(kinds, np.random.SeedSequence(seed).spawn(len(kinds)), strict=True):
        rng = np.random.default_rng(seed_of_kind)
        loss = LOSSES.create(kind.loss)
        activation = kind.activation or "identity"
        network = multilayer(d, kind.hidden, loss.outputs(kind.K), activation, "float64", 0.2, 0.1)
        network.initialize(None, rng)
        network.theta += rng.normal(0, OFFSET, network.size)
        network.use(loops)
        X = Matrix(rng.normal(size=(n, d)), network.dtype)
        y = np.arange(n) % kind.K if kind.K else rng.normal(size=n)
        subset = Subset(X, y, np.arange(n), rng.uniform(0.5, 1.5, n))
        smoothing = 0.1 if loss.soft else 0
        objective = Objective(network, loss, Penalty(0.01, 0.1), smoothing, subset, kind.K, seed=seed_of_kind)
        yield kind, check_gradients(objective)
