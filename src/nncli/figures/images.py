"""Rows of pixels as images: of which shape they are, and the panels that show numbers by pixel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nncli.data.pictures import shape_of_rows
from nncli.figures.figure import Axis, Cells, Floats, Panel
from nncli.model.model import Model


def image_shape(model: Model) -> tuple[int, ...] | None:
    """Return the shape of a row that is a picture, None where it is none; a square where nothing else is known."""
    return shape_of_rows(model.schema, model.preprocess)


def image_panels(
    rows: Floats, titles: Sequence[str], shape: tuple[int, ...], ends: tuple[float, float] | None = None
) -> tuple[Panel, ...]:
    """Return an image for each row (n, pixels), all on one scale: between the ends, or else from −m to m. Colours are
    taken together."""
    pictures = rows.reshape(-1, *shape)
    pictures = pictures.mean(axis=3) if len(shape) == 3 else pictures
    most = float(np.abs(pictures).max()) or 1.0
    x, y, ends = Axis("", 0.0, float(shape[1])), Axis("", 0.0, float(shape[0])), ends or (-most, most)
    return tuple(
        Panel(x, y, (Cells(np.flipud(picture), *ends),), title, bare=True)
        for picture, title in zip(pictures, titles, strict=True)
    )
