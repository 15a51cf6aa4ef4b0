"""A digit drawn by hand, brought to the form of the pictures that a network has learned from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.errors import DataError
from nncli.play.picture import packed, pixels
from nncli.play.setup import Setup

SIDE = 112  # pixels of the drawing, each from 0 to 255
BORDER = 4 / 28  # of a picture of MNIST, on each side; its digit is centred by its mass


def answer(setup: Setup, drawing: bytes) -> dict[str, Any]:
    """Return what the network says of a drawing (SIDE, SIDE), and the picture that it sees. DataError where the rows
    are no pictures, or nothing is drawn."""
    height, width = pixels(setup.prepared)
    if not height:
        raise DataError("drawing", "expected data whose rows are pictures", "Open digits")
    ink = np.frombuffer(drawing, np.uint8)
    if ink.size != SIDE * SIDE or not ink.any():
        raise DataError("drawing", "expected a digit, found nothing drawn", "Draw one")
    picture = as_picture(ink.reshape(SIDE, SIDE) / 255, height, width)
    preprocess = setup.prepared.preprocess
    largest = 1 / float(preprocess.scale.max())
    x = ((picture.reshape(1, -1) * largest - preprocess.shift) * preprocess.scale).astype(
        setup.prepared.config.model.dtype
    )
    with setup.trainer.parameters.averaged():
        Z = setup.trainer.network.forward(x).copy()
    loss = setup.trainer.loss
    predicted = int(loss.classes(Z)[0])
    return {
        "p": np.nan_to_num(loss.by_class(Z)[0].astype(np.float64)).tolist(),
        "probabilistic": loss.probabilistic,
        "predicted": predicted,
        "picture": packed(np.rint(255 * picture)),
        "height": height,
        "width": width,
    }


def as_picture(ink: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """Bring a drawing, from 0 to 1, to a picture (height, width) as the data have them.

    Small pictures, as those of `digits`, are filled by the digit; larger ones, as MNIST's, have a border, and the
    centre of mass in the middle.
    """
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    digit = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    border = round(BORDER * height) if height >= 16 else 0
    room = min(height, width) - 2 * border
    scale = room / max(digit.shape)
    shape = [max(1, round(side * scale)) for side in digit.shape]
    small = _averages(_averages(digit, shape[0]).T, shape[1]).T
    picture = np.zeros((height, width))
    top, left = (height - shape[0]) // 2, (width - shape[1]) // 2
    if border:
        mass = small.sum()
        y, x = (
            float((small.sum(axis=1 - axis) * (np.arange(small.shape[axis]) + 0.5)).sum() / mass) for axis in (0, 1)
        )
        top = int(np.clip(round(height / 2 - y), 0, height - shape[0]))
        left = int(np.clip(round(width / 2 - x), 0, width - shape[1]))
    picture[top : top + shape[0], left : left + shape[1]] = small
    return picture / picture.max()


def _averages(values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Shrink or stretch (m, …) to (n, …): each new row is the mean over its part of the old ones."""
    m = len(values)
    edges = np.linspace(0, m, n + 1)
    sums = np.vstack([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    at = np.array([np.interp(edges, np.arange(m + 1), column) for column in sums.T]).T
    return np.asarray(np.diff(at, axis=0) * n / m)
