"""Train the members of an ensemble on several threads, side by side."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from nncli.nn.ensemble import WideMembers
from nncli.system.side_by_side import one_after_another, several_threads
from nncli.system.threads import multiply_with, products
from nncli.training.trainer import Trainer


@contextlib.contextmanager
def at_its_threads(trainer: Trainer) -> Iterator[None]:
    """Multiply on as many threads as the network of a trainer is worth, inside the block. Members of an ensemble are
    shared out among the threads that products have, each with its own on one thread, where there are enough of them, or
    where their products are too small to be shared."""
    network = trainer.network
    most = products()[0] if isinstance(network, WideMembers) else 1
    with contextlib.ExitStack() as block:
        if not isinstance(network, WideMembers) or (network.copies < most and trainer.threads is None):
            block.enter_context(multiply_with(trainer.threads))
            yield
            return
        block.enter_context(multiply_with(1))
        network.side_by_side = block.enter_context(several_threads(min(most, network.copies)))
        block.callback(setattr, network, "side_by_side", one_after_another)
        yield
