"""Distortions of pictures come to what SciPy makes of the same displacements, and to nothing at strength 0."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import affine_transform, gaussian_filter, gaussian_filter1d, map_coordinates

from nncli.data.bundled import path_of
from nncli.nn.distortions import DISTORTIONS, Distorter, Elastic, Interpolation, smoothing

F32, F64 = np.dtype(np.float32), np.dtype(np.float64)
STILL = ["shift:pixels=0", "affine:rotate=0:scale=0:shear=0:shift=0", "elastic:alpha=0"]


def pictures(n: int, *shape: int) -> NDArray[Any]:
    return np.random.default_rng(0).uniform(0, 255, (n, *shape))


@pytest.mark.parametrize("shape", [(7, 5), (4, 9), (1, 6), (6, 5, 3)], ids=str)
@pytest.mark.parametrize("dtype", [F32, F64], ids=str)
def test_values_between_pixels_are_those_of_scipy(shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    n, (height, width), colours = 5, shape[:2], shape[2:] or (1,)
    X = pictures(n, *shape)
    rng = np.random.default_rng(1)
    places = rng.uniform(-3, [[[height + 2]], [[width + 2]]], (n, 2, height, width))
    places[0] = np.round(places[0])  # on pixels too
    found = X.reshape(n, -1).astype(dtype)
    Interpolation(8, shape, dtype).take(places.astype(dtype), found)
    colourful = X.reshape(n, height, width, *colours)
    expected = np.empty_like(colourful)
    for i in range(n):
        for colour in range(*colours):
            one = colourful[i, :, :, colour]
            expected[i, :, :, colour] = map_coordinates(one, places[i], order=1, mode="nearest")
    np.testing.assert_allclose(found, expected.reshape(n, -1), atol=1e-3 if dtype == F32 else 1e-10)


@pytest.mark.parametrize("sigma", [0.7, 2.0, 6.0])
def test_smoothing_is_that_of_scipy(sigma: float) -> None:
    expected = gaussian_filter1d(np.eye(28), sigma, axis=0, mode="constant")
    np.testing.assert_allclose(smoothing(28, sigma), expected, atol=1e-12)


class OneAfterTheOther:
    """In place of random numbers, gives 1 for the first field's first number, then for the second's second …"""

    def standard_normal(self, shape: tuple[int, int], dtype: type) -> NDArray[Any]:
        n = 2 * FIELDS
        numbers = np.zeros((n, shape[0] * shape[1] // n), dtype)
        np.fill_diagonal(numbers, 1)
        return numbers.reshape(shape)


FIELDS = 60


def test_elastic_fields_vary_as_smoothed_random_numbers_do() -> None:
    """R even in ±1 has variance 1/3 and independent numbers, so α smoothed(R) has the covariance α²/3 L Lᵀ, where L
    smooths. Fields B r of independent normal r have B Bᵀ."""
    height, width, sigma, alpha = 12, 9, 2.5, 10.0
    elastic = Elastic(sigma, alpha)
    elastic.start(height, width, F64)
    D = np.zeros((FIELDS, 2, height, width))
    numbers: Any = OneAfterTheOther()
    elastic.draw(numbers, D)
    B = D.reshape(2 * FIELDS, -1)
    assert not B[-1].any(), "there are more numbers than fields: the test would miss some"
    units = np.eye(height * width).reshape(-1, height, width)
    L = np.stack([gaussian_filter(unit, sigma, mode="constant").ravel() for unit in units], axis=1)
    expected = alpha**2 / 3 * L @ L.T
    np.testing.assert_allclose(B.T @ B, expected, atol=1e-3 * expected.max())


def test_elastic_fields_have_the_size_that_simard_gives_them() -> None:
    """In the middle of a wide picture, the smoothed noise has the variance α² / 3 · 1 / (4 π σ²)."""
    D = np.zeros((2000, 2, 29, 29))
    elastic = Elastic(sigma=3.0, alpha=30.0)
    elastic.start(29, 29, F64)
    elastic.draw(np.random.default_rng(0), D)
    expected = 30.0**2 / 3 / (4 * np.pi * 3.0**2)
    assert D[:, :, 14, 14].var() == pytest.approx(expected, rel=0.05)  # of 4,000 numbers, 2 % (one deviation)
    assert abs(D[:, :, 14, 14].mean()) < 0.08


def test_an_affine_picture_is_that_of_scipy() -> None:
    """Turned after it is slanted, after it is stretched, around the centre; then moved."""
    n, shape = 6, (11, 8)
    X = pictures(n, *shape)
    found = X.reshape(n, -1).copy()
    Distorter("affine:rotate=30:scale=0.3:shear=20:shift=2", shape, F64, np.random.default_rng(5)).distort(found)
    turn, slant, tall, wide, down, right = np.random.default_rng(5).uniform(-1, 1, (6, n))
    centre = (np.array(shape) - 1) / 2
    for i in range(n):
        angle = np.radians(30 * turn[i])
        R = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        H = np.array([[1, 0], [np.tan(np.radians(20 * slant[i])), 1]])
        S = np.diag([1 + 0.3 * tall[i], 1 + 0.3 * wide[i]])
        A = np.linalg.inv(R @ H @ S)
        offset = centre - A @ centre + 2 * np.array([down[i], right[i]])
        expected = affine_transform(X[i], A, offset, order=1, mode="nearest")
        np.testing.assert_allclose(found[i].reshape(shape), expected, atol=1e-9)


def test_a_shift_moves_a_picture_by_part_of_a_pixel() -> None:
    shape, X = (9, 9), pictures(4, 9, 9)
    found = X.reshape(4, -1).copy()
    Distorter("shift:pixels=2", shape, F64, np.random.default_rng(3)).distort(found)
    for i, (down, right) in enumerate(np.random.default_rng(3).uniform(-2, 2, (4, 2, 1, 1))[:, :, 0, 0]):
        expected = affine_transform(X[i], np.eye(2), [down, right], order=1, mode="nearest")
        np.testing.assert_allclose(found[i].reshape(shape), expected, atol=1e-9)


def test_all_displacements_add_up_and_pixels_are_interpolated_once() -> None:
    X, shape, rng = pictures(3, 10, 10), (10, 10), np.random.default_rng(7)
    found = X.reshape(3, -1).copy()
    Distorter("affine:shift=1+elastic:sigma=2:alpha=8", shape, F64, np.random.default_rng(7)).distort(found)
    D = np.zeros((3, 2, *shape))
    for spec in ("affine:shift=1", "elastic:sigma=2:alpha=8"):
        one = DISTORTIONS.create(spec)
        one.start(*shape, F64)
        one.draw(rng, D)
    for i in range(3):
        expected = map_coordinates(X[i], np.indices(shape) + D[i], order=1, mode="nearest")
        np.testing.assert_allclose(found[i].reshape(shape), expected, atol=1e-9)


@pytest.mark.parametrize("spec", [*STILL, "+".join(STILL)])
def test_at_strength_0_nothing_moves(spec: str) -> None:
    X = pictures(150, 28, 28).reshape(150, -1).astype(np.float32)  # more than are distorted together
    found = X.copy()
    Distorter(spec, (28, 28), F32, np.random.default_rng(0)).distort(found)
    np.testing.assert_array_equal(found, X)


@pytest.mark.parametrize("spec", [*DISTORTIONS, "+".join(DISTORTIONS)])
def test_pixels_stay_in_their_range_and_background_stays_background(spec: str) -> None:
    X = np.loadtxt(path_of("digits"), delimiter=",", skiprows=1, max_rows=300, dtype=np.float32)[:, :64]
    framed = np.zeros((300, 16, 16), np.float32)
    framed[:, 4:12, 4:12] = X.reshape(-1, 8, 8)
    framed[7] = 0
    found = framed.reshape(300, -1).copy()
    Distorter(spec, (16, 16), F32, np.random.default_rng(0)).distort(found)
    assert not np.array_equal(found, framed.reshape(300, -1))
    assert found.min() == 0
    assert found.max() <= X.max()
    assert not found[7].any()  # next to others that are distorted with it
    white = np.full((50, 256), 255, np.float32)
    Distorter(spec, (16, 16), F32, np.random.default_rng(0)).distort(white)
    np.testing.assert_array_equal(white, 255)  # no black comes in from beyond the border


def test_pictures_are_distorted_anew_each_time_and_alike_from_one_seed() -> None:
    X = pictures(200, 28, 28).reshape(200, -1)
    first, second, again = X.copy(), X.copy(), X.copy()
    distorter = Distorter("affine+elastic", (28, 28), F64, np.random.default_rng(1))
    distorter.distort(first)
    distorter.distort(second)
    Distorter("affine+elastic", (28, 28), F64, np.random.default_rng(1)).distort(again)
    np.testing.assert_array_equal(first, again)
    assert (first != second).any(axis=1).all()
    alike = np.repeat(X[:1], 200, axis=0)
    distorter.distort(alike)
    assert len(np.unique(alike, axis=0)) == 200
