"""Learning rates of the kinds of parameters, as factors of --lr."""

from __future__ import annotations

import math
from collections.abc import Mapping

from nncli.nn.block_kinds import FAN_IN
from nncli.nn.elementwise import Part
from nncli.nn.network import Network, ParameterBlock


def parts_of(network: Network, factors: Mapping[str, float | str]) -> list[Part]:
    """Return the parts of θ, each with the factor of its learning rate, from those of the kinds of blocks, which are 1
    where nothing is said.

    Of weights it may be `fan-in`, 1 / √d for a unit with d inputs: with Adam, that is the neural tangent
    parametrisation z = W x / √d, the parameters of which are √d times as large (Jacot, Gabriel, Hongler 2018).
    """
    found: list[Part] = []
    for block in network.blocks:
        factor = _factor(block, factors.get(block.kind, 1.0))
        if found and found[-1].factor == factor:
            found[-1] = found[-1]._replace(stop=block.stop)
        else:
            found.append(Part(block.start, block.stop, factor))
    return found


def _factor(block: ParameterBlock, factor: float | str) -> float:
    return 1 / math.sqrt(block.shape[0]) if factor == FAN_IN else float(factor)
