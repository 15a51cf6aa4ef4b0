"""Write the story of training row by row: its mistakes, and the margin and the radius that bound them."""

from __future__ import annotations

import math
from typing import Any

from nncli.system.output import counted, number
from nncli.terminal.tables import new_table, show

ROUNDING = 1e-9  # of a bound that may be a whole number


def told_mistakes(
    mistakes: dict[str, Any] | None, separation: dict[str, Any] | None, K: int, scaling: str
) -> dict[str, str]:
    """Return the lines of a table on the mistakes of a run with K classes, and on what separates its training rows; a
    text is empty where nothing is known."""
    return {"mistakes": _mistaken(mistakes, separation), **_separated(separation, K, scaling)}


def print_mistakes(mistakes: dict[str, Any] | None, separation: dict[str, Any] | None, K: int, scaling: str) -> None:
    """Print, below the figures of a model, what is told of its training."""
    table = new_table("in training", "", align="left")
    for name, text in told_mistakes(mistakes, separation, K, scaling).items():
        if text:
            table.add_row(name, text)
    show(table)


def _mistaken(mistakes: dict[str, Any] | None, separation: dict[str, Any] | None) -> str:
    """Write how many rows were answered wrongly when their turn came, whether training converged, and how many mistakes
    it can make at most."""
    if mistakes is None:
        return ""
    without = mistakes["by_epoch"].count(0)
    end = ", none in the last: converged" if mistakes["converged"] else f", {without or 'none'} of them without one"
    if separation and separation["most_mistakes"] is not None:
        most = math.floor(separation["most_mistakes"] * (1 + ROUNDING))
        end += f"; at most {separation['theorem']} = {most:,} are possible"
    return f"{mistakes['total']:,} in {counted(len(mistakes['by_epoch']), 'epoch')}{end}"


def _separated(found: dict[str, Any] | None, K: int, scaling: str) -> dict[str, str]:
    """Write whether weights can separate the training rows and how widely, and R of the perceptron's theorem."""
    if found is None:
        return {}
    if found["separable"] is False:
        return {"margin": f"none: no weights can be right for all {found['rows']:,} training rows"}
    if found["separable"] is None:
        return {"margin": "too narrow to tell whether any weights are right for all training rows"}
    margin = f"γ = {number(found['widest_margin'])} is the widest"
    if found["margin"] is not None and found["margin"] >= 0:
        margin += f", {number(found['margin'])} that of these weights"
    else:
        margin += "; these weights are not right for all training rows"
    row = f"the longest {'' if scaling == 'none' else 'scaled '}row with a bias input of 1"
    twice = "" if K == 2 else ", times √2 as a mistake moves two classes"
    return {"margin": margin, "radius": f"R = {number(found['R'])}, of {row}{twice}"}
