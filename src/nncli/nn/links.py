"""Links: P = link(Z), how the scores of a network are read. Each belongs to the losses that name it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from nncli.nn.buffers import ones
from nncli.nn.exponential_units import sigmoid
from nncli.nn.layers import Array
from nncli.registry import Registry


class Link(ABC):
    """A function of the scores of a row. P are probabilities if it is `probabilistic`; if it is `separate`, it reads
    each output by itself, and their sum may be any."""

    name: ClassVar[str]
    probabilistic = True
    separate = False

    def outputs(self, K: int) -> int:
        """Return the number of scores of a row for K classes: two classes can do with one, that of the second, and a
        number (K = 0) has one."""
        return K if K > 2 else 1

    @abstractmethod
    def forward(self, Z: Array, P: Array) -> None:
        """Write P = link(Z)."""

    @abstractmethod
    def backward(self, P: Array, dP: Array) -> None:
        """Turn dP from dL/dP into dL/dZ, in place."""

    @abstractmethod
    def mean(self, Z: Array, shares: Array | None = None) -> Array:
        """Return the scores M (n, outputs) whose P is the mean of those of N members, which have the scores Z
        (N, n, outputs); with the `shares` s (N,) > 0 that they have in it, Σ s = 1. None: all the same, 1/N."""

    @abstractmethod
    def mean_backward(self, Z: Array, M: Array, dM: Array, shares: Array | None = None) -> Array:
        """Return dL/dZ (N, n, outputs), from M = mean(Z) and dL/dM."""

    @abstractmethod
    def graph(self, outputs: int) -> dict[str, str]:
        """Return the link as expressions for `nncli graph`: p0, p1 … in z0, z1 … and in one another."""


LINKS: Registry[Link] = Registry("loss")


@LINKS.register("identity")
class IdentityLink(Link):
    """P = Z"""

    probabilistic = False

    def forward(self, Z: Array, P: Array) -> None:
        np.copyto(P, Z)

    def backward(self, P: Array, dP: Array) -> None:
        pass

    def mean(self, Z: Array, shares: Array | None = None) -> Array:
        return np.asarray(Z.mean(axis=0) if shares is None else np.tensordot(shares, Z, 1))

    def mean_backward(self, Z: Array, M: Array, dM: Array, shares: Array | None = None) -> Array:
        return _weighted(np.repeat(dM[None], len(Z), axis=0), shares)

    def graph(self, outputs: int) -> dict[str, str]:
        return {f"p{k}": f"z{k}" for k in range(outputs)}


@LINKS.register("sigmoid")
class SigmoidLink(Link):
    """P = σ(Z)"""

    separate = True

    def forward(self, Z: Array, P: Array) -> None:
        sigmoid(Z, P)

    def backward(self, P: Array, dP: Array) -> None:
        dP *= P
        dP *= 1 - P  # dL/dZ = dL/dP ∘ P (1 − P)

    def mean(self, Z: Array, shares: Array | None = None) -> Array:
        of_both = _log_mean(_log_sigmoid(Z), shares), _log_mean(_log_sigmoid(-Z), shares)
        return of_both[0] - of_both[1]  # m = log p̄ − log (1 − p̄)

    def mean_backward(self, Z: Array, M: Array, dM: Array, shares: Array | None = None) -> Array:
        L, R = _log_sigmoid(Z), _log_sigmoid(-Z)
        of_each = dM * np.exp(L + R - _log_mean(L, shares) - _log_mean(R, shares))
        return _weighted(of_each, shares)  # s p (1 − p) / (p̄ (1 − p̄))

    def graph(self, outputs: int) -> dict[str, str]:
        return {f"p{k}": f"sigmoid(z{k})" for k in range(outputs)}


@LINKS.register("softmax")
class SoftmaxLink(Link):
    """p_k = exp z_k / Σ_j exp z_j"""

    def outputs(self, K: int) -> int:
        return K

    def forward(self, Z: Array, P: Array) -> None:
        softmax(Z, P)

    def backward(self, P: Array, dP: Array) -> None:
        dP -= np.vecdot(dP, P)[:, None]
        dP *= P  # dL/dz = p ∘ (e − Σ_k e_k p_k),   e = dL/dp

    def mean(self, Z: Array, shares: Array | None = None) -> Array:
        return _log_mean(_log_softmax(Z), shares)  # m = log p̄

    def mean_backward(self, Z: Array, M: Array, dM: Array, shares: Array | None = None) -> Array:
        L = _log_softmax(Z)
        E = _weighted(dM * np.exp(L - M), shares)  # e ∘ p,   e = dL/dp = s dL/dm / p̄
        return np.asarray(E - np.exp(L) * E.sum(axis=-1, keepdims=True))

    def graph(self, outputs: int) -> dict[str, str]:
        exponentials = {f"e{k}": f"exp(z{k})" for k in range(outputs)}
        return exponentials | {"s": " + ".join(exponentials)} | {f"p{k}": f"e{k} / s" for k in range(outputs)}


def softmax(Z: Array, P: Array) -> tuple[Array, Array]:
    """Write p_k = exp(z_k − m) / s with m = max z and s = Σ_j exp(z_j − m); return m and s, (n, 1) each."""
    m = Z.T.copy().max(axis=0)[:, None]  # four times as fast as along short rows
    with np.errstate(over="ignore"):  # z − m may be −∞ in float32, and e^−∞ = 0 is then right
        np.subtract(Z, m, out=P)
    np.exp(P, out=P)
    s = P @ ones(P.shape[1], P.dtype)[:, None]  # Σ_j, three times as fast as `sum(1)`
    P /= s
    return m, s


def _log_softmax(Z: Array) -> Array:
    """Return log softmax z for each of the vectors that Z has in its last axis."""
    L = Z - Z.max(axis=-1, keepdims=True)
    L -= np.log(np.exp(L).sum(axis=-1, keepdims=True))
    return np.asarray(L)


def _log_sigmoid(Z: Array) -> Array:
    """Return log σ(Z) = min(Z, 0) − log(1 + exp −|Z|)."""
    return np.asarray(np.minimum(Z, 0) - np.log1p(np.exp(-np.abs(Z))))


def _log_mean(L: Array, shares: Array | None) -> Array:
    """Return the logarithm of the mean of exp L over the first axis."""
    top = L.max(axis=0)
    E = np.exp(L - top)
    return np.asarray(top + np.log(E.mean(axis=0) if shares is None else np.tensordot(shares, E, 1)))


def _weighted(of_each: Array, shares: Array | None) -> Array:
    """Return what N members have (N, …), times the share of each."""
    if shares is None:
        return of_each / of_each.dtype.type(len(of_each))
    return np.asarray(of_each * shares.reshape(-1, *[1] * (of_each.ndim - 1)))
