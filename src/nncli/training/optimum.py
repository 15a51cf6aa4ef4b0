"""The optimum of a linear model of numbers, worked out at once rather than step by step; and what helps L-BFGS to that
of other linear models."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from nncli.config.contradictions import suits_lbfgs
from nncli.config.resolved import ResolvedConfig, TrainingConfig
from nncli.config.train_config import TrainConfig
from nncli.data.dataset import Positions
from nncli.data.scaled_rows import RowWindow
from nncli.errors import OptionError, mention
from nncli.model.training_state import Sums
from nncli.nn import first_curvature as first
from nncli.nn import least_squares
from nncli.nn.first_curvature import FirstCurvature
from nncli.nn.losses import LOSSES, QuantileLoss
from nncli.nn.models import Preset
from nncli.nn.optimizers import LBFGS, OPTIMIZERS
from nncli.nn.row_loss import Loss
from nncli.nn.sparse_rows import is_sparse
from nncli.training.batch import Batch, rows_at_once

LOOKED_AT = 10_000  # rows that tell how columns go together; more would hardly change it


def is_solvable(loss: Loss, d: int, is_sparse: bool) -> bool:
    """Tell whether the optimum of a linear model of d inputs can be worked out: of quantiles, all rows are needed with
    their zeros."""
    return d <= least_squares.MOST_INPUTS and (loss.power == 2 or not is_sparse)


def with_steps(config: TrainConfig, resolved: ResolvedConfig, d: int, is_sparse: bool) -> TrainConfig:
    """Return the options with an optimizer that goes step by step, where the usual one would work out an optimum that
    is out of its reach, for d inputs, whose rows may be sparse; OptionError where they name that one."""
    loss = LOSSES.create(resolved.model.loss)
    if not OPTIMIZERS.create(resolved.training.optimizer).exact or is_solvable(loss, d, is_sparse):
        return config
    other = LBFGS.name if suits_lbfgs(config, loss) else Preset.optimizer
    if config.optimizer is not None:
        problem = f"the optimum is worked out for at most {least_squares.MOST_INPUTS:,} inputs, found {d:,}"
        if d <= least_squares.MOST_INPUTS:
            problem = f"the optimum for {loss.name} needs all zeros of the inputs, and rows are stored without them"
        raise OptionError("optimizer", problem, f"Use {mention('optimizer', other)}")
    return dataclasses.replace(config, optimizer=other)


def first_curvature(batch: Batch, config: TrainingConfig) -> FirstCurvature | None:
    """Return what L-BFGS knows of a linear model of a few inputs before its first step; None for other models, and
    numbers whose squares are too large."""
    network, loss, d = batch.network, batch.loss, batch.network.widths[0]
    if not (loss.bend and loss.link == loss.links[0] and network.is_linear and d <= first.MOST_INPUTS):
        return None

    def blocks(rows: Positions) -> Iterator[first.Block]:
        return ((X, omega) for X, _, omega in _blocks(batch, rows))

    rows = batch.subset.rows
    some = rows if len(rows) <= LOOKED_AT else rows[np.linspace(0, len(rows) - 1, LOOKED_AT).astype(np.intp)]
    with np.errstate(over="ignore", invalid="ignore"):
        mean = first.mean_of(blocks(some), d)
        moments = first.moments_of(blocks(some), mean)
        squares = np.diag(moments)[:d] if some is rows else first.squares_of(blocks(rows), mean)
    if not (np.isfinite(moments).all() and np.isfinite(squares).all()):
        return None
    return FirstCurvature(mean, moments, squares, loss.bend, config.l2)


class Optimum:
    """Takes the one step of a run that there is, to the optimum for all rows with the penalties l1 and l2. `on_step`,
    which is called now and then, may raise what ends it."""

    def __init__(self, optimizer: LBFGS, l1: float, l2: float, on_step: Callable[[], None]) -> None:
        self.optimizer, self.l1, self.l2, self.on_step = optimizer, l1, l2, on_step

    def learn(self, batch: Batch, chosen: Positions, step: int, left: int) -> list[tuple[int, Sums]]:
        """Set θ to the optimum for the chosen rows; return how many they are, and what they come to there."""
        sums = set_to_optimum(batch, chosen, self.l1, self.l2, self.on_step)
        self.optimizer.done = True
        return [(len(chosen), sums)]


def set_to_optimum(batch: Batch, chosen: Positions, l1: float, l2: float, on_step: Callable[[], None]) -> Sums:
    """Set the parameters of the network of a batch to the optimum for the chosen rows, with penalties; return what the
    rows come to there. `on_step`, which is called now and then, may raise what ends it. OptionError where it needs all
    rows in memory, and not all are."""

    def blocks() -> Iterator[least_squares.Block]:
        return _blocks(batch, chosen, on_step)

    if batch.loss.power == 2:
        w, b = least_squares.least_squares(blocks, l1, l2)
    else:
        w, b = _quantiles(blocks(), batch, on_step)
    layer = batch.network.dense[0]
    layer.W[:, 0], layer.b[0] = w, b
    batch.subset.matrix.expect(chosen)
    sums = [batch.forward(part) for part in _parts(batch, chosen)]
    return Sums(*map(sum, zip(*sums, strict=True)))


def _parts(batch: Batch, rows: Positions) -> Iterator[Positions]:
    """Yield some rows at a time; of sparse rows fewer, as their zeros are written out."""
    size = min(batch.size, rows_at_once(batch.network.widths))
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _blocks(batch: Batch, rows: Positions, on_step: Callable[[], None] = lambda: None) -> Iterator[least_squares.Block]:
    """Yield X, y and the weights of some rows at a time, with all their zeros."""
    batch.subset.matrix.expect(rows)
    for part in _parts(batch, rows):
        on_step()
        X, _ = batch.take(part)
        yield X.toarray() if is_sparse(X) else X, batch.y, batch.weights()


def _quantiles(
    blocks: Iterable[least_squares.Block], batch: Batch, on_step: Callable[[], None]
) -> tuple[NDArray[np.float64], float]:
    """Return w and b of quantile regression."""
    from nncli.nn.quantile_regression import quantile_regression

    if isinstance(batch.subset.matrix, RowWindow):
        problem = f"exact has to see all rows at once, and {mention('memory')} does not"
        remedy = f"Use {mention('optimizer', 'adam')}, or leave {mention('memory')} out"
        raise OptionError("optimizer", problem, remedy)
    X, y, omega = zip(*((X.astype(np.float64), y, omega) for X, y, omega in blocks), strict=True)
    weights = None if omega[0] is None else np.concatenate(omega)
    q = batch.loss.q if isinstance(batch.loss, QuantileLoss) else 0.5
    return quantile_regression(np.concatenate(X), np.concatenate(y), q, weights, on_step)
