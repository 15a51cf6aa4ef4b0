"""The border of a linear model of two classes on a plane: a straight line, with its weights as an arrow, and the
margin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.figures.figure import Axis, Floats, Line
from nncli.model.model import Model
from nncli.nn.layers import Array

ARROW, HEAD = 0.2, 0.03  # lengths, as shares of the width of a picture
HEIGHT = 0.7  # of a picture, in its width
FEW = 8  # epochs that are all named
WEIGHTS, BORDER, MARGIN = "w, the weights", "plane", "margin"


@dataclass(frozen=True)
class StraightBorder:
    """z = g·s + c at the places s (2,) of a panel, as shares of its axes: 0 at the low end, 1 at the high one."""

    x: Axis
    y: Axis
    g: Floats
    c: float

    @classmethod
    def of(cls, z: Callable[[Floats], Floats], x: Axis, y: Axis) -> StraightBorder | None:
        """Find it from the score z (n,) of three places; None where it is the same everywhere."""
        corner, right, up = z(np.array([[x.low, y.low], [x.high, y.low], [x.low, y.high]]))
        g = np.array([right - corner, up - corner])
        return cls(x, y, g, float(corner)) if g.any() else None

    def level(self, z: float = 0.0) -> Floats:
        """Return the two ends (2, 2) of the line with a score, at the edges of the panel; of none, where it passes
        outside."""
        found = []
        for i, j in ((0, 1), (1, 0)):
            if self.g[j]:
                for edge in (0.0, 1.0):
                    other = (z - self.c - self.g[i] * edge) / self.g[j]
                    if 0 <= other <= 1:
                        found.append([edge, other] if i == 0 else [other, edge])
        ends = np.array(sorted(found)).reshape(-1, 2)
        return ends[[0, -1]] if len(ends) > 1 else ends[:0]

    def line(self, places: Floats, name: str, dashed: bool = False, faint: bool = False) -> Line:
        """Return a line through places, which are shares."""
        axes = zip((self.x, self.y), places.T, strict=True)
        x, y = (axis.low + (axis.high - axis.low) * shares for axis, shares in axes)
        return Line(x, y, name, dashed, faint)

    def arrow(self, unit: Floats) -> list[Line]:
        """Return an arrow from the middle of the border in the direction of the weights, which are those of inputs;
        it ends within the panel. `unit` (2,) is how far along each axis an input is 1 more."""
        ends = self.level()
        if not len(ends):
            return []
        spans = np.array([self.x.high - self.x.low, self.y.high - self.y.low])
        picture = np.array([1, HEIGHT])  # shares as lengths that one sees
        ahead = self.g * (unit / spans) ** 2 * picture
        ahead /= np.linalg.norm(ahead)
        aside = np.array([-ahead[1], ahead[0]])
        middle = ends.mean(axis=0)
        room = np.where(ahead > 0, 1 - middle, middle) * picture  # to the edges that the arrow goes towards
        length = min(ARROW, 0.9 * (room[ahead != 0] / abs(ahead[ahead != 0])).min())
        tip, head = length * ahead, min(HEAD, length / 3)
        path = np.array([0 * tip, tip, tip - head * (ahead + aside), tip, tip - head * (ahead - aside)])
        return [self.line(middle + path / picture, WEIGHTS)]


def signed_score(model: Model, Z: NDArray[Any]) -> Floats:
    """Return z (n,), above 0 for the second of two classes, from the scores Z (n, outputs)."""
    Z = Z.astype(np.float64)
    return Z[:, 0] - model.loss.border if Z.shape[1] == 1 else Z[:, 1] - Z[:, 0]


def has_straight_border(model: Model) -> bool:
    """Tell whether the second of two classes is predicted where a sum of weighted inputs is above 0. On a plane of
    columns, that is a straight line where inputs are multiples of them."""
    decides_at_0 = model.calibration is None and (model.decision is None or model.decision.is_likeliest)
    return len(model.classes) == 2 and model.config.model.is_linear and decides_at_0


def earlier_borders(
    model: Model, by_epoch: Sequence[Array], most: int, z: Callable[[Floats], Floats], x: Axis, y: Axis
) -> list[Line]:
    """Return the borders that a model had at the end of at most so many epochs, as one faint line with gaps; `by_epoch`
    has its parameters then."""
    now, parts, seen = model.network.theta.copy(), list[Floats](), list[int]()
    for number in np.unique(np.linspace(1, len(by_epoch), most).round().astype(int)).tolist():
        model.network.theta[:] = by_epoch[number - 1]
        border = StraightBorder.of(z, x, y)
        if border is not None and len(ends := border.level()):
            parts += [ends, np.full((1, 2), np.nan)]
            seen.append(number)
    model.network.theta[:] = now
    if not seen:
        return []
    name = f"at the end of epoch {', '.join(map(str, seen))}" if len(seen) <= FEW else f"of {len(seen)} epochs"
    anywhere = StraightBorder(x, y, np.zeros(2), 0.0)
    return [anywhere.line(np.concatenate(parts), name, faint=True)]
