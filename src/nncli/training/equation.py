"""The equation of a linear model that predicts a number, in the units of its columns."""

from __future__ import annotations

import numpy as np

from nncli.model.model import Model
from nncli.nn.plain import plain

MOST_INPUTS = 6  # that are easily read in a line


def equation(model: Model) -> list[str]:
    """Write y = w · x + b with the numbers found, in the units of the file, in a line; nothing for another model, or
    one with many inputs, or with inputs that are no multiples of columns of numbers."""
    prepared, target = model.preprocess, model.target
    names = prepared.number_names
    if target is None or not (model.config.model.is_linear and prepared.is_affine):
        return []
    if not 0 < len(names) <= MOST_INPUTS or prepared.width > len(names):
        return []
    [layer] = plain(model.network).dense
    scale = prepared.scale.astype(np.float64)
    w = layer.W[:, 0].astype(np.float64) * scale * target.sd
    b = float(layer.b[0]) * target.sd + target.mean - float(w @ prepared.shift)
    b = round(b, target.decimals(model.config.model.dtype) - 1)  # beyond it, a sum of rounding errors
    terms = [f"{'−' if one < 0 else '+'} {abs(one):.6g} · {name}" for one, name in zip(w.tolist(), names, strict=True)]
    right = f"{' '.join(terms)} {'−' if b < 0 else '+'} {abs(b):.6g}".removeprefix("+ ")
    found = f"w = {w[0]:.6g}, b = {b + 0:.6g}: " if len(names) == 1 else ""
    return [f"{found}{model.schema.target} = {right}"]
