"""Rows that are pictures, distorted anew each time that they are taken: for the steps of training, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Positions
from nncli.data.preprocess import Preprocess
from nncli.data.scaled_rows import Inputs
from nncli.nn.distortions import Distorter
from nncli.nn.layers import Array


class DistortedRows(Inputs):
    """A matrix of pictures that are distorted as rows are taken from it."""

    is_sparse = False

    def __init__(self, inputs: Inputs, pictures: DistortedPictures) -> None:
        self.inputs, self.pictures = inputs, pictures

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def width(self) -> int:
        return self.inputs.width

    @property
    def raw_dtype(self) -> np.dtype[Any] | None:
        return self.inputs.raw_dtype

    def expect(self, rows: Positions) -> None:
        self.inputs.expect(rows)

    def take(self, rows: Positions, raw: NDArray[Any], out: NDArray[Any]) -> None:
        self.inputs.take(rows, raw, out)
        self.pictures.distort(out)


class DistortedPictures:
    """Distorts the inputs that pictures have become, x = (pixel − shift) · scale, as the pixels would be distorted."""

    def __init__(self, distorter: Distorter, preprocess: Preprocess, dtype: np.dtype[Any]) -> None:
        self.distorter, shift, scale = distorter, preprocess.shift, preprocess.scale
        self._is_alike = not shift.any() and bool((scale == scale[0]).all())  # then it is the same before and after
        self._shift, self._scale = shift.astype(dtype), scale.astype(dtype)
        # a pixel that was the same in all training rows has scale 0, and its input does not tell what it was
        self._back = np.divide(1, scale, out=np.zeros_like(scale), where=scale != 0).astype(dtype)
        self._zero = np.where(scale == 0, preprocess.median, shift).astype(dtype)  # the pixel that is 0 as an input

    @property
    def rng(self) -> np.random.Generator:
        """Return what the distortions are drawn from."""
        return self.distorter.rng

    def rows(self, inputs: Inputs) -> DistortedRows:
        """Return the rows of some inputs, which are distorted as they are taken."""
        return DistortedRows(inputs, self)

    def distort(self, X: Array) -> None:
        """Distort inputs (n, d) in place."""
        if self._is_alike:
            self.distorter.distort(X)
            return
        X *= self._back
        X += self._zero
        self.distorter.distort(X)
        X -= self._shift
        X *= self._scale
