"""The option that gives the kinds of parameters learning rates of their own."""

from __future__ import annotations

from collections.abc import Mapping

from nncli.config.option import Kind
from nncli.nn.block_kinds import BLOCK_KINDS, FAN_IN
from nncli.system.numbers import read_number, write_number


class RateFactors(Kind):
    """Factors of the learning rate between commas, as input=6,bias=0.1; of weights fan-in too, see `factors_of`."""

    separator = ";"  # as a value may have commas

    def read(self, text: str) -> str:
        return written_factors(factors_of(text))


def factors_of(text: str) -> dict[str, float | str]:
    """Return the factor of each kind of parameters that is named, a number or `fan-in`. Raises ValueError for a text
    that is no such list."""
    found: dict[str, float | str] = {}
    expected = f"factors of {', '.join(BLOCK_KINDS)}, such as input=6,bias=0.1 (weight=fan-in: 1/√inputs)"
    for pair in text.split(","):
        kind, _, factor = (part.strip() for part in pair.partition("="))
        try:
            value = factor if kind == "weight" and factor == FAN_IN else read_number(factor)
        except ValueError:
            raise ValueError(expected) from None
        if kind not in BLOCK_KINDS or kind in found or (isinstance(value, float) and value < 0):
            raise ValueError(expected)
        found[kind] = value
    return found


def written_factors(factors: Mapping[str, float | str]) -> str:
    """Write factors as `factors_of` reads them."""
    pairs = [(kind, factors[kind]) for kind in BLOCK_KINDS if kind in factors]
    return ",".join(f"{kind}={factor if isinstance(factor, str) else write_number(factor)}" for kind, factor in pairs)
