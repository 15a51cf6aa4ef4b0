"""Let the kernels that a run names do the work of its network and its optimizer, while it lasts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from nncli.nn.elementwise import Elementwise, Optimizer
from nncli.nn.kernels.choice import kernels_named
from nncli.nn.kernels.plain import NUMPY
from nncli.nn.network import Network
from nncli.system.threads import multiply_with


@contextlib.contextmanager
def at_work(name: str, network: Network, optimizer: Optimizer) -> Iterator[None]:
    """Use the kernels of that name inside the block, on as many threads as products have; NumPy's again behind it."""
    kernels = kernels_named(name)
    if kernels is NUMPY:
        yield
        return
    kernels.multiplies &= network.products_are_dense
    # products in parts are on one thread each, and where they are not, the library's threads do them as ever
    with kernels.working(), multiply_with(1 if kernels.multiplies else None):
        network.use(kernels)
        if isinstance(optimizer, Elementwise):
            optimizer.fused = kernels.update_rule(optimizer)
        try:
            yield
        finally:
            network.use(NUMPY)
            if isinstance(optimizer, Elementwise):
                optimizer.fused = None
