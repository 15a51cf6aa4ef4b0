"""Fused kernels of exponentials, cosines and dropout: each against its NumPy form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nncli.nn.embeddings import PeriodicLayer
from nncli.nn.kernels.plain import NUMPY, Kernels, mixed
from numba_extra import needs_numba


@pytest.fixture(params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> np.dtype[Any]:
    return np.dtype(request.param)


@needs_numba
def test_mish_is_that_of_numpy(dtype: np.dtype[Any], fused: Kernels) -> None:
    rng = np.random.default_rng(0)
    Z, dA = (5 * rng.normal(size=(90, 101)).astype(dtype) for _ in range(2))
    Z[0, :8] = [0, -0.0, 39.9, 88, 1e30, -86, -200, np.nan]
    both = []
    for kernels in (NUMPY, fused):
        A, dZ = (np.empty_like(Z) for _ in range(2))
        kernels.mish(Z, A)
        kernels.mish_backward(dA, Z, A.copy(), dZ)
        both.append((A, dZ))
    eps = np.finfo(dtype).eps
    for expected, found in zip(*both, strict=True):  # e^−86 and less come to 10⁻³⁵, or to nothing
        np.testing.assert_allclose(found, expected, rtol=20 * eps, atol=4 * eps * np.abs(dA).max())


@needs_numba
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (90, 101)], ids=str)
def test_dropout_drops_what_it_does_in_numpy(shape: tuple[int, int], dtype: np.dtype[Any], fused: Kernels) -> None:
    X, key = np.random.default_rng(0).normal(size=shape).astype(dtype), (2**32 - 100, 12345)
    for dropped in (0, 9830, 65_535):
        both = [np.empty((2, *shape), dtype) for _ in range(2)]
        for kernels, (M, A) in zip((NUMPY, fused), both, strict=True):
            kernels.drop(X, key, dropped, M, A)
        np.testing.assert_array_equal(both[1], both[0])


def test_random_bits_are_those_of_a_mixed_counter() -> None:
    """Worked out by hand for a counter that overflows, and even as a whole."""

    def mixed_by_hand(x: int, more: int) -> int:
        x = (x ^ x >> 16) * 0x7FEB352D % 2**32
        x = ((x ^ x >> 15) + more) * 0x846CA68B % 2**32
        return x ^ x >> 16

    assert mixed(3, 2**32 - 2, 7).tolist() == [mixed_by_hand(x, 7) for x in (2**32 - 2, 2**32 - 1, 0)]
    bits = np.unpackbits(mixed(2**16, 1, 2).view(np.uint8)).reshape(-1, 32)
    # each of 32 bits is 1 in half of 65,536 words, ± 128 (one deviation), and two are the same in half of them
    assert (np.abs(bits.sum(axis=0, dtype=int) - 2**15) < 4.5 * 128).all()
    agree = np.array([(bits[:, i] == bits[:, j]).sum() for i in range(32) for j in range(i)])
    assert (np.abs(agree - 2**15) < 4.5 * 128).all()
    along = (bits[1:] == bits[:-1]).sum(axis=0)  # the same bit of the word before
    assert (np.abs(along - 2**15) < 4.5 * 128).all()


@needs_numba
@pytest.mark.parametrize("spread", [0.1, 1e5], ids=["near angles", "far angles"])
def test_periodic_embeddings_are_those_of_numpy(spread: float, dtype: np.dtype[Any], fused: Kernels) -> None:
    rng = np.random.default_rng(0)
    n, d, layer = 33, 7, PeriodicLayer(5, 6, 4, spread, spread)
    blocks = {name: np.empty((2, *shape), dtype) for name, shape in layer.shapes(d).items()}
    layer.bind({name: both[0] for name, both in blocks.items()}, {name: both[1] for name, both in blocks.items()})
    layer.draw(rng)
    X, dA = rng.normal(size=(n, d)).astype(dtype), rng.normal(size=(n, layer.width(d))).astype(dtype)
    both = []
    for kernels in (NUMPY, fused):
        layer.kernels = kernels
        A, dX = np.full_like(dA, np.nan), np.full_like(X, np.nan)
        layer.forward(X, A)
        layer.backward(dA, X, A, dX)
        both.append([A, dX, *(its[1].copy() for its in blocks.values())])
    # an angle T is rounded to some eps · |T|, and a derivative by x or w is that of some |2π w| or |x| times as much
    angle = 2 * np.pi * np.abs(layer.w).max() * np.abs(X).max() + np.pi
    for found, expected in zip(both[1], both[0], strict=True):
        size = np.abs(expected).max() + 1
        np.testing.assert_allclose(found, expected, rtol=0, atol=8 * np.finfo(dtype).eps * (angle + n) * size)


@needs_numba
def test_an_average_moves_as_in_numpy(dtype: np.dtype[Any], fused: Kernels) -> None:
    theta, mean = np.random.default_rng(0).normal(size=(2, 9001)).astype(dtype)
    found = mean.copy()
    fused.approach(found, theta, 0.02, np.empty_like(theta))
    np.testing.assert_allclose(found, 0.98 * mean + 0.02 * theta, rtol=0, atol=8 * np.finfo(dtype).eps)
