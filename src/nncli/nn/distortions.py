"""Distortions of pictures: each time a picture is learned from, it is moved, turned and bent a little by chance.

A pixel takes its value from another place of the picture. Where that is, in pixels down and to the right of its own
place, is the sum of what each distortion draws; the value there is interpolated once, between the four pixels around.

To add one, write one class here.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nncli.nn.components import Configurable, setting, share
from nncli.nn.layers import Array
from nncli.registry import Registry
from nncli.system.threads import multiply_with

PIXELS_AT_ONCE = 50_000  # of pictures that are distorted together: with them, what is made stays in the cache
SMALLEST_WAVE = 0.01  # of the largest one, in a field that is smoothed; what is smaller cannot be seen
MOST_PIXELS = 10_000  # of a strength: larger ones leave no picture
NOISE_SD = 1 / math.sqrt(3)  # of a number drawn evenly from −1 to 1, as Simard et al. draw them
JOINT = re.compile(r"\+(?=[a-z])")  # between two distortions; 1e+2 is a number


def pixels(default: float) -> Any:
    """Return a setting in pixels; of 0, nothing moves."""
    return setting(default, f"0 ≤ {{name}} ≤ {MOST_PIXELS:,} pixels", lambda value: 0 <= value <= MOST_PIXELS)


def degrees(default: float, below: int) -> Any:
    """Return a setting that is an angle; of 0, nothing turns."""
    return setting(default, f"0 ≤ {{name}} < {below} degrees", lambda value: 0 <= value < below)


class Distortion(Configurable, ABC):
    """A way to move the pixels of a picture by chance. Pictures are h pixels high and w wide."""

    name: ClassVar[str]

    def start(self, height: int, width: int, dtype: np.dtype[Any]) -> None:
        """Prepare for pictures of one size."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, D: Array) -> None:
        """Add to D (n, 2, h, w) from where each pixel of n pictures takes its value: so many pixels down of its own
        place, and to the right."""


DISTORTIONS: Registry[Distortion] = Registry("distort")


@DISTORTIONS.register("shift")
@dataclass(eq=False)
class Shift(Distortion):
    """D = t, even in ± pixels = 1, down and to the right"""

    pixels: float = pixels(1.0)

    def draw(self, rng: np.random.Generator, D: Array) -> None:
        D += rng.uniform(-self.pixels, self.pixels, (len(D), 2, 1, 1)).astype(D.dtype)


@DISTORTIONS.register("affine")
@dataclass(eq=False)
class Affine(Distortion):
    """D = A p + t − p: turned by ± rotate = 15°, slanted ± shear = 15°, × 1 ± scale = 0.15, moved ± shift = 1

    Each number is drawn evenly, for each picture anew (Cireşan et al. 2010); p is a place as seen from the centre.
    """

    rotate: float = degrees(15.0, 181)
    scale: float = share(0.15)
    shear: float = degrees(15.0, 90)
    shift: float = pixels(1.0)

    def start(self, height: int, width: int, dtype: np.dtype[Any]) -> None:
        y, x = np.arange(height) - (height - 1) / 2, np.arange(width) - (width - 1) / 2
        places = np.stack([np.repeat(y, width), np.tile(x, height), np.ones(height * width)])
        self._places = places.astype(dtype)  # (3, h·w): from the centre down and to the right, and 1

    def draw(self, rng: np.random.Generator, D: Array) -> None:
        n = len(D)
        U = rng.uniform(-1, 1, (6, n))
        angle, slant = np.radians(self.rotate) * U[0], np.tan(np.radians(self.shear) * U[1])
        tall, wide = 1 + self.scale * U[2], 1 + self.scale * U[3]
        c, s = np.cos(angle), np.sin(angle)
        # a picture is stretched, slanted, turned and moved; so the pixel at p comes from A p + t, A = (R H S)⁻¹
        A = np.empty((n, 2, 3))
        A[:, 0, 0], A[:, 0, 1] = c / tall - 1, s / tall
        A[:, 1, 0], A[:, 1, 1] = (-s - slant * c) / wide, (c - slant * s) / wide - 1
        A[:, :, 2] = self.shift * U[4:].T
        D += (A.astype(D.dtype).reshape(2 * n, 3) @ self._places).reshape(D.shape)  # (A − I) p + t


@DISTORTIONS.register("elastic")
@dataclass(eq=False)
class Elastic(Distortion):
    """D = α G R Gᵀ, R random in ±1, G a Gaussian of sigma = 6 pixels, α = alpha = 36 (Simard et al. 2003)"""

    sigma: float = setting(6.0, f"0.1 ≤ {{name}} ≤ {MOST_PIXELS:,} pixels", lambda value: 0.1 <= value <= MOST_PIXELS)
    alpha: float = pixels(36.0)

    def start(self, height: int, width: int, dtype: np.dtype[Any]) -> None:
        # with G = V S Uᵀ, and R of normal numbers, Uᵀ R U is as random as R is, and most of its rows and columns are
        # multiplied by about 0: a smooth field is a sum of few waves, and few numbers are drawn. That R is normal, and
        # not even in ±1, is not to be seen in sums of many of them
        (V, s), (W, r) = (waves(smoothing(size, self.sigma)) for size in (height, width))
        self._down, self._across = (V * s).astype(dtype), (self.alpha * NOISE_SD * W * r).T.astype(dtype)

    def draw(self, rng: np.random.Generator, D: Array) -> None:
        m, k = self._down.shape[1], len(self._across)
        R: Array = rng.standard_normal((2 * len(D) * m, k), D.dtype.type)
        RG = (R @ self._across).reshape(-1, m, D.shape[3])
        D += np.matmul(self._down, RG).reshape(D.shape)


def smoothing(size: int, sigma: float) -> NDArray[np.float64]:
    """Return G (size, size), with which G v is v smoothed by a Gaussian; beyond the ends of v there are zeros."""
    reach = np.arange(-round(4 * sigma), round(4 * sigma) + 1)
    weights = np.exp(-(reach**2) / (2 * sigma**2))
    distance = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))
    G = np.exp(-(distance**2) / (2 * sigma**2)) / weights.sum()
    return np.where(distance <= reach[-1], G, 0.0)


def waves(G: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the waves V (size, m) that a smoothing leaves, and how strong it leaves them, s (m,)."""
    V, s, _ = np.linalg.svd(G)
    m = np.count_nonzero(s > SMALLEST_WAVE * s[0])
    return V[:, :m], s[:m]


def read_distortions(text: str) -> list[Distortion]:
    """Make the distortions of a text as affine:rotate=10+elastic. Raises OptionError for what is none."""
    return [DISTORTIONS.create(spec) for spec in JOINT.split(text)]


class Distorter:
    """Distorts pictures of one shape, (h, w) or with colours (h, w, colours), by numbers that `rng` draws."""

    def __init__(self, text: str, shape: Sequence[int], dtype: np.dtype[Any], rng: np.random.Generator) -> None:
        self.rng, self.shape, self.distortions = rng, tuple(shape), read_distortions(text)
        height, width = self.shape[:2]
        for distortion in self.distortions:
            distortion.start(height, width, dtype)
        self._own = np.indices((height, width)).astype(dtype)  # (2, h, w): the place of each pixel
        self._n = max(1, PIXELS_AT_ONCE // math.prod(self.shape))
        self._places = np.empty((self._n, 2, height, width), dtype)
        self._interpolation = Interpolation(self._n, self.shape, dtype)

    def distort(self, X: Array) -> None:
        """Distort rows of pixels (n, d), each in another way, in place."""
        with multiply_with(1):  # matrices this small are not worth sharing out
            for start in range(0, len(X), self._n):
                some = X[start : start + self._n]
                places = self._places[: len(some)]
                places[:] = self._own
                for distortion in self.distortions:
                    distortion.draw(self.rng, places)
                self._interpolation.take(places, some)


class Interpolation:
    """Takes the values of up to n pictures of one shape between their pixels."""

    def __init__(self, n: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        height, width, *colours = shape
        self.height, self.width, self.colours = height, width, math.prod(colours)
        one = n, height * width
        self._scratch = [np.empty(one, dtype) for _ in range(4)]
        self._first = np.empty(one, np.intp)  # of the four pixels around, among those of all pictures …
        self._begin = (np.arange(n, dtype=dtype) * (height * width))[:, None]  # … of which each has its first one there
        # behind the last picture there are zeros: of the line below the last, a place on that has 0 parts
        self._pixels = np.zeros((n * height * width + width + 1) * self.colours, dtype)

    def take(self, places: Array, X: Array) -> None:
        """Put into X (n, d), rows of pixels, what they have at these places (n, 2, h, w), in pixels down and to the
        right; beyond the border that is what the border has. The places are used up."""
        height, width, colours, n = self.height, self.width, self.colours, len(X)
        y, x = (places[:, i].reshape(n, -1) for i in (0, 1))
        A, B, C, D = (scratch[:n] for scratch in self._scratch)
        first = self._first[:n]
        for at, size, whole in ((y, height, A), (x, width, B)):
            np.clip(at, 0, size - 1, out=at)
            np.floor(at, out=whole)
            at -= whole  # the part of the way to the next pixel
        A *= width
        A += B
        A += self._begin[:n]
        if colours > 1:
            A *= colours
        np.copyto(first, A, casting="unsafe")
        self._pixels[: X.size].reshape(X.shape)[:] = X
        for colour in range(colours):
            pixels, line = self._pixels[colour:], width * colours
            for ahead, out in ((0, A), (colours, B), (line, C), (line + colours, D)):
                np.take(pixels[ahead:], first, out=out, mode="clip")  # without a mode, numpy copies once more
            B -= A
            B *= x
            A += B  # on the upper line: a + x (b − a)
            D -= C
            D *= x
            C += D  # on the lower line
            C -= A
            C *= y
            A += C  # between them
            X[:, colour::colours] = A
