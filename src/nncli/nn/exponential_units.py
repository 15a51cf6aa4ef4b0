"""Units of exponentials, in few passes over memory: what σ, and the activations elu, selu and mish, are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.nn.buffers import blocks, shared_full

Array = NDArray[Any]


def capped_exp(z: Array, e: Array) -> None:
    """Write e^z, but of no z above 40, so that the square is finite in float32 too: there σ and tanh are 1 already."""
    np.minimum(z, shared_full(40, z.shape, z.dtype), out=e)
    np.exp(e, out=e)


def exponential_unit(Z: Array, A: Array, scale: float, alpha: float) -> None:
    """Write A = λ Z if Z > 0 else λ α (e^Z − 1), which may lie where Z does. `np.expm1`, right to the last digit of an
    A near 0, takes four times as long on processors without AVX-512."""
    low = scale * alpha
    for rows in blocks(Z):
        z, a = Z[rows], A[rows]
        zeros = shared_full(0, z.shape, z.dtype)
        u = np.minimum(z, zeros)
        np.exp(u, out=u)
        u *= low
        u -= low  # λ α (e^Z − 1), and 0 where Z > 0
        np.maximum(z, zeros, out=a)
        a *= scale  # λ Z, and 0 where Z < 0
        a += u


def exponential_unit_backward(dA: Array, A: Array, dZ: Array, scale: float, alpha: float) -> None:
    """Write dZ, where A > 0 just where Z > 0."""
    low = scale * alpha
    for rows in blocks(A):
        a = A[rows]
        u = np.empty_like(a)
        np.greater(a, 0, out=u)  # [Z > 0]
        u *= scale - low
        np.minimum(a, shared_full(0, a.shape, a.dtype), out=a)
        a += u
        a += low  # dA/dZ = A + λ α where Z ≤ 0, and λ elsewhere
        np.multiply(dA[rows], a, out=dZ[rows])  # dL/dZ = dL/dA ∘ dA/dZ


# With E = e^Z and W = E (E + 2), tanh(log(1 + E)) = ((1 + E)² − 1) / ((1 + E)² + 1) = W / (W + 2): one exponential.


def mish(Z: Array, A: Array) -> None:
    """Write A = Z tanh(log(1 + e^Z))."""
    for rows in blocks(Z):
        z, a = Z[rows], A[rows]
        capped_exp(z, a)  # E
        u = a + 2
        a *= u  # W = E (E + 2)
        np.add(a, 2, out=u)
        a /= u
        a *= z  # A = Z W / (W + 2)


def mish_backward(dA: Array, Z: Array, A: Array, dZ: Array) -> None:
    """Write dZ; overwrites A."""
    # with R = 1 / (W + 2), 1 − tanh² = 4 (1 + E)² R² and σ = E / (1 + E):   dA/dZ = R (W + 4 R Z (W − E))
    for rows in blocks(Z):
        z, a, w = Z[rows], A[rows], dZ[rows]
        capped_exp(z, a)  # E
        np.add(a, 2, out=w)
        w *= a  # W
        r = w + 2
        np.divide(1, r, out=r)  # R
        np.subtract(w, a, out=a)  # W − E
        a *= r  # first of all, as it is below 1 then
        a *= z
        a *= 4  # 4 R Z (W − E)
        a += w
        a *= r  # dA/dZ
        np.multiply(dA[rows], a, out=w)  # dL/dZ = dL/dA ∘ dA/dZ


def sigmoid(Z: Array, P: Array) -> None:
    """Write P = σ(Z), with full relative precision for |z| ≤ 80, and no overflow beyond (e⁸⁰ is finite in float32)."""
    np.clip(Z, -80, 80, out=P)
    np.negative(P, out=P)
    np.exp(P, out=P)
    P += 1
    np.reciprocal(P, out=P)  # 1 / (1 + e^−z)
