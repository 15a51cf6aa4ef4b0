"""Let the kernels that a run names do the work of its network, its optimizer and its average, while it lasts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from nncli.config.resolved import ResolvedConfig
from nncli.nn.activations import Mish
from nncli.nn.averages import Average
from nncli.nn.elementwise import Elementwise, Optimizer
from nncli.nn.kernels.choice import kernels_named
from nncli.nn.kernels.plain import NUMPY
from nncli.nn.network import Network
from nncli.system.threads import multiply_with


def needs_unit_loops(config: ResolvedConfig) -> bool:
    """Tell whether a network has units that are dropped, of exponentials, or of cosines, which have loops apart."""
    model = config.model
    has_curves = Mish.name in model.activation.split(",") or model.number_embedding != "none"
    return has_curves or bool(model.dropout or model.input_dropout)


@contextlib.contextmanager
def at_work(name: str, network: Network, optimizer: Optimizer, average: Average) -> Iterator[None]:
    """Use the kernels of that name inside the block, on as many threads as products have; NumPy's again behind it."""
    kernels = kernels_named(name)
    if kernels is NUMPY:
        yield
        return
    kernels.multiplies &= network.products_are_dense
    # products in parts are on one thread each, and where they are not, the library's threads do them as ever
    with kernels.working(), multiply_with(1 if kernels.multiplies else None):
        network.use(kernels)
        average.kernels = kernels
        if isinstance(optimizer, Elementwise):
            optimizer.fused = kernels.update_rule(optimizer)
        try:
            yield
        finally:
            network.use(NUMPY)
            average.kernels = NUMPY
            if isinstance(optimizer, Elementwise):
                optimizer.fused = None
