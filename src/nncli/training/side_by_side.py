"""Train the members of an ensemble on several threads, side by side."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator

from nncli.nn.ensemble import WideMembers
from nncli.nn.kernels.choice import FUSED
from nncli.system.side_by_side import one_after_another, several_threads
from nncli.system.threads import multiply_with, products
from nncli.training.trainer import Trainer

SMALL_PRODUCT = 2**22  # multiplications: less than 0.1 ms on one core


def threads_worth(trainer: Trainer) -> int | None:
    """Return how many threads the products of a trainer's steps are worth: one, where all are small, as threads that
    wait for one another cost dear; None: all that there are."""
    if trainer.row_by_row:
        return 1
    is_sparse = trainer.rows.train.matrix.is_sparse
    if is_sparse and not trainer.network.has_hidden and trainer.config.training.kernels == FUSED:
        return None  # which has no product, but loops that are shared where that pays
    # members with weights of their own have a product each, others have one together
    network = trainer.network
    layers = network.dense[1:] if is_sparse else network.dense
    rows = [trainer.at_once * (network.copies if layer.W.ndim == 2 else 1) for layer in layers]
    most = max((n * math.prod(layer.W.shape[-2:]) for n, layer in zip(rows, layers, strict=True)), default=0)
    return 1 if most <= SMALL_PRODUCT else None


def _shares_rows(trainer: Trainer) -> bool:
    """Tell whether each step of a trainer goes through its network in parts, which threads may share."""
    if trainer.is_solvable or not trainer.network.is_linear:  # whose gradients are small
        return False
    return trainer.at_once > trainer.rows.together(trainer.network, trainer.at_once)


@contextlib.contextmanager
def at_its_threads(trainer: Trainer) -> Iterator[None]:
    """Multiply on as many threads as the network of a trainer is worth, inside the block. Members of an ensemble are
    shared out among the threads that products have, each with its own on one thread, where there are enough of them, or
    where their products are too small to be shared; and so are the parts of a step of a linear model."""
    network = trainer.network
    if _shares_rows(trainer):
        trainer.threads = products()[0]
        with multiply_with(1):
            yield
        return
    threads = threads_worth(trainer)
    most = products()[0] if isinstance(network, WideMembers) else 1
    with contextlib.ExitStack() as block:
        if not isinstance(network, WideMembers) or (network.copies < most and threads is None):
            block.enter_context(multiply_with(threads))
            yield
            return
        block.enter_context(multiply_with(1))
        network.side_by_side = block.enter_context(several_threads(min(most, network.copies)))
        block.callback(setattr, network, "side_by_side", one_after_another)
        yield
