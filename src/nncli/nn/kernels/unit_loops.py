"""Loops of exponentials and cosines, in float32: of the units of mish and of periodic embeddings, and of dropout.

Numba has no vector instructions for `np.exp`, `np.sin` and `np.cos` without a further package. So the functions here
are polynomials, with no branch between them (after Moshier's Cephes): they are off by 2⁻²³ of the result at most, or of
1 for sines and cosines.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import config
from numba.extending import intrinsic

from nncli.nn.kernels.loops import own_part
from nncli.nn.kernels.plain import MIX_1, MIX_2, mixed
from nncli.nn.kernels.pool import share, task_of
from nncli.system.compiling import compiled, reordered

WHOLE = np.float32(1.5 * 2**23)  # t + WHOLE is WHOLE + the whole number next to t, which is in its last bits
HIGHEST, LOWEST = np.float32(40), np.float32(-87)  # of what goes into e^z: its square is finite, it is a normal number
LOG2_E = np.float32(1.44269504)
LN2, LN2_REST = np.float32(0.693359375), np.float32(-2.12194440e-4)  # ln 2, of which the first has few bits
# e^r = 1 + r + r² (E0 + …) for |r| ≤ ½ ln 2
E0, E1, E2 = np.float32(5.0000001201e-1), np.float32(1.6666665459e-1), np.float32(4.1665795894e-2)
E3, E4, E5 = np.float32(8.3334519073e-3), np.float32(1.3981999507e-3), np.float32(1.9875691500e-4)
QUARTERS = np.float32(0.63661977)  # of a turn, in an angle of 1
# π/2, in three parts, of which the first two have few bits
TURN, TURN_REST, TURN_LAST = np.float32(1.5703125), np.float32(4.83751296e-4), np.float32(7.54978995e-8)
FARTHEST = np.float32(8192)  # angle that these parts are exact enough for
# sin r = r + r³ (S0 + …), cos r = 1 − ½ r² + r⁴ (C0 + …) for |r| ≤ π/4
S0, S1, S2 = np.float32(-1.6666654611e-1), np.float32(8.3321608736e-3), np.float32(-1.9515295891e-4)
C0, C1, C2 = np.float32(4.166664568298827e-2), np.float32(-1.388731625493765e-3), np.float32(2.443315711809948e-5)
ZERO, ONE, TWO, HALF = np.float32(0), np.float32(1), np.float32(2), np.float32(0.5)

FIRST, SECOND, SHIFT, LESS = np.uint32(MIX_1), np.uint32(MIX_2), np.uint32(16), np.uint32(15)


@intrinsic
def _power(typing: Any, t: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        bits = builder.add(builder.bitcast(values[0], ir.IntType(32)), ir.Constant(ir.IntType(32), 127))
        return builder.bitcast(builder.shl(bits, ir.Constant(ir.IntType(32), 23)), ir.FloatType())

    return types.float32(types.float32), code


@intrinsic
def _last_bits(typing: Any, t: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        bits = builder.bitcast(values[0], ir.IntType(32))
        return builder.and_(bits, ir.Constant(ir.IntType(32), 3))

    return types.int32(types.float32), code


def power_in_python(t: Any) -> Any:
    return np.float32(2.0 ** float(t - WHOLE))


def last_bits_in_python(t: Any) -> int:
    return int(np.float32(t).view(np.int32)) & 3


# 2^n, and the last two bits of n, of a number WHOLE + n
power, last_bits = (power_in_python, last_bits_in_python) if config.DISABLE_JIT else (_power, _last_bits)


@compiled
def exponential(z: Any) -> Any:
    """Return e^z, but of no z above 40 or below −87."""
    z = HIGHEST if z > HIGHEST else z  # which keeps what is no number
    z = LOWEST if z < LOWEST else z
    t = z * LOG2_E + WHOLE
    n = t - WHOLE
    r = z - n * LN2 - n * LN2_REST
    p = ((((E5 * r + E4) * r + E3) * r + E2) * r + E1) * r + E0
    return (p * r * r + r + ONE) * power(t)


@compiled
def _mish(Z: Any, A: Any, part: int, parts: int) -> None:
    own = own_part(A.size, part, parts)
    z, a = Z.reshape(Z.size)[own], A.reshape(A.size)[own]
    for i in range(len(a)):
        e = exponential(z[i])
        w = e * (e + TWO)  # W = E (E + 2)
        a[i] = w / (w + TWO) * z[i]  # A = Z W / (W + 2)


@compiled
def mish(memory: Any, Z: Any, A: Any) -> None:
    task = _mish_task((Z, A))
    share(memory, task[0], task[1])


@compiled
def _mish_backward(dA: Any, Z: Any, dZ: Any, part: int, parts: int) -> None:
    own = own_part(dZ.size, part, parts)
    da, z, dz = dA.reshape(dA.size)[own], Z.reshape(Z.size)[own], dZ.reshape(dZ.size)[own]
    for i in range(len(dz)):
        e = exponential(z[i])
        w = e * (e + TWO)
        r = ONE / (w + TWO)
        # dA/dZ = R (W + 4 R Z (W − E)); the difference times R first of all, as it is below 1 then
        dz[i] = ((w - e) * r * z[i] * (TWO + TWO) + w) * r * da[i]


@compiled
def mish_backward(memory: Any, dA: Any, Z: Any, dZ: Any) -> None:
    task = _mish_backward_task((dA, Z, dZ))
    share(memory, task[0], task[1])


@compiled
def _mixed_words(i: Any, key: Any, more: Any) -> Any:
    x = np.uint32(np.uint32(i) + key)
    x = np.uint32((x ^ (x >> SHIFT)) * FIRST)
    x = np.uint32(np.uint32((x ^ (x >> LESS)) + more) * SECOND)
    return np.uint32(x ^ (x >> SHIFT))


def mixed_in_python(i: Any, key: Any, more: Any) -> Any:
    return mixed(1, (int(i) + int(key)) % 2**32, int(more))[0]


# word i of the random bits of a key, as `mixed` makes them
word = mixed_in_python if config.DISABLE_JIT else _mixed_words


@compiled
def _drop(X: Any, key: Any, more: Any, least: Any, scale: Any, M: Any, A: Any, part: int, parts: int) -> None:
    x, a, m, half = X.reshape(X.size), A.reshape(A.size), M.reshape(M.size), (A.size + 1) // 2
    own = own_part(half, part, parts)
    x1, a1, m1, first = x[own], a[own], m[own], own.start
    x2, a2, m2 = x[half:][own], a[half:][own], m[half:][own]
    for i in range(len(x2)):
        bits = word(first + i, key, more)
        kept, other = (scale if bits >= least else ZERO), (scale if np.uint32(bits << SHIFT) >= least else ZERO)
        m1[i], m2[i] = kept, other
        a1[i], a2[i] = x1[i] * kept, x2[i] * other  # A = X ∘ M / (1 − p)
    for i in range(len(x2), len(x1)):  # of an odd number of entries, the last of the first half
        m1[i] = scale if word(first + i, key, more) >= least else ZERO
        a1[i] = x1[i] * m1[i]


@compiled
def drop(memory: Any, X: Any, key: Any, more: Any, least: Any, scale: Any, M: Any, A: Any) -> None:
    task = _drop_task((X, key, more, least, scale, M, A))
    share(memory, task[0], task[1])


@compiled
def _sines(x: Any, turns: Any, phase: Any, s: Any, c: Any) -> None:
    """Write sin T and cos T, T = turns · x + phase, which is no farther than 8192 from 0."""
    for i in range(len(x)):
        angle = turns * x[i] + phase
        t = angle * QUARTERS + WHOLE
        q = t - WHOLE
        r = angle - q * TURN - q * TURN_REST - q * TURN_LAST
        z = r * r
        sine = ((S2 * z + S1) * z + S0) * z * r + r
        cosine = ((C2 * z + C1) * z + C0) * z * z - HALF * z + ONE
        quarter = last_bits(t)
        is_odd = (quarter & 1) != 0
        one, other = (cosine if is_odd else sine), (sine if is_odd else cosine)
        s[i] = -one if quarter >= 2 else one
        c[i] = -other if quarter == 1 or quarter == 2 else other


@compiled
def _periodic(X: Any, w: Any, b: Any, V: Any, c: Any, S: Any, C: Any, E: Any, A: Any, part: int, parts: int) -> None:
    m, k, n = S.shape
    size = E.shape[1]
    own = own_part(m, part, parts)
    for j in range(own.start, own.stop):
        x, largest = E[j, 0], ZERO
        for i in range(n):
            x[i] = X[i, j]
            A[i, j * size] = x[i]
            largest = abs(x[i]) if abs(x[i]) > largest else largest
        for f in range(k):
            s, cosine, turns, phase = S[j, f], C[j, f], w[j, f], b[j, f]
            if abs(turns) * largest + abs(phase) <= FARTHEST:
                _sines(x, turns, phase, s, cosine)
            else:
                for i in range(n):
                    angle = turns * x[i] + phase
                    s[i], cosine[i] = np.sin(angle), np.cos(angle)
        for e in range(1, size):
            a = E[j, e]
            a[:] = c[j, e - 1]
            for f in range(k):
                v, cosine = V[j, f, e - 1], C[j, f]
                for i in range(n):
                    a[i] += v * cosine[i]  # C V + c
            for i in range(n):
                A[i, j * size + e] = a[i]


@compiled
def periodic(memory: Any, X: Any, w: Any, b: Any, V: Any, c: Any, S: Any, C: Any, E: Any, A: Any) -> None:
    task = _periodic_task((X, w, b, V, c, S, C, E, A))
    share(memory, task[0], task[1])


@reordered
def _periodic_backward(
    dA: Any, V: Any, S: Any, C: Any, dT: Any, E: Any, dw: Any, db: Any, dV: Any, dc: Any, part: int, parts: int
) -> None:
    m, k, n = S.shape
    size = E.shape[1]
    own = own_part(m, part, parts)
    for j in range(own.start, own.stop):
        x = E[j, 0]  # which `periodic` has left there
        for e in range(1, size):
            de = E[j, e]
            for i in range(n):
                de[i] = dA[i, j * size + e]
            total = ZERO
            for i in range(n):
                total += de[i]
            dc[j, e - 1] = total  # dc = Σ_i de_i
        for f in range(k):
            s, cosine, dt = S[j, f], C[j, f], dT[j, f]
            dt[:] = 0
            for e in range(1, size):
                de, v, total = E[j, e], V[j, f, e - 1], ZERO
                for i in range(n):
                    total += cosine[i] * de[i]
                    dt[i] += v * de[i]
                dV[j, f, e - 1] = total  # dV = Cᵀ dE
            total, with_x = ZERO, ZERO
            for i in range(n):
                dt[i] *= s[i]  # −dT = dE Vᵀ ∘ sin T
                total += dt[i]
                with_x += dt[i] * x[i]
            db[j, f], dw[j, f] = -total, -with_x


@compiled
def periodic_backward(
    memory: Any, dA: Any, V: Any, S: Any, C: Any, dT: Any, E: Any, dw: Any, db: Any, dV: Any, dc: Any
) -> None:
    task = _periodic_backward_task((dA, V, S, C, dT, E, dw, db, dV, dc))
    share(memory, task[0], task[1])


_mish_task, _mish_backward_task, _drop_task = task_of(_mish), task_of(_mish_backward), task_of(_drop)
_periodic_task, _periodic_backward_task = task_of(_periodic), task_of(_periodic_backward)
