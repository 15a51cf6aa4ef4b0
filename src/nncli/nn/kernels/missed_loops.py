"""Loops that make up for the steps that rows of weights have missed, as they are taken; see `loops.py` for what all
loops keep to, and `missed_steps.py` for what such steps do.

`last` (d,) is the last step of each input, of `now`; `far`, of each step, is Σ_i α_i γ^i over all steps behind it, and
`powers` are ρ^m.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nncli.nn.kernels.pool import share, task_of
from nncli.nn.kernels.sparse_loops import FEW, copy, own
from nncli.system.compiling import compiled


@compiled
def _catch_up_decay(
    inputs: Any, last: Any, now: int, powers: Any, theta: Any, s: Any, w: Any, t: Any, part: int, parts: int
) -> None:
    some = own(len(inputs), part, parts)
    inputs, w, t = inputs[some], w[some], t[some]
    for i in range(len(inputs)):
        j = inputs[i]
        power, its = powers[now - last[j]], t[i]
        copy(theta[j], w[i])
        copy(s[j], its)
        for k in range(len(its)):
            its[k] *= power  # s ← ρ^m s


@compiled
def catch_up_decay(
    memory: Any, inputs: Any, last: Any, now: int, powers: Any, theta: Any, s: Any, w: Any, t: Any
) -> None:
    task = _catch_up_decay_task((inputs, last, now, powers, theta, s, w, t))
    share(memory, task[0], task[1])


@compiled
def _catch_up_momentum(
    inputs: Any, last: Any, now: int, far: Any, powers: Any, theta: Any, v: Any, w: Any, t: Any, part: int, parts: int
) -> None:
    some = own(len(inputs), part, parts)
    inputs, w, t = inputs[some], w[some], t[some]
    for i in range(len(inputs)):
        j = inputs[i]
        since = last[j]
        its_far, power, own_w, own_v = far[since], powers[now - since], w[i], t[i]
        copy(theta[j], own_w)
        copy(v[j], own_v)
        for k in range(len(own_w)):
            p = own_v[k]
            own_w[k] -= its_far * p  # w ← w − p Σ_i α_i γ^i, p = v
            own_v[k] = power * p


@compiled
def catch_up_momentum(
    memory: Any, inputs: Any, last: Any, now: int, far: Any, powers: Any, theta: Any, v: Any, w: Any, t: Any
) -> None:
    task = _catch_up_momentum_task((inputs, last, now, far, powers, theta, v, w, t))
    share(memory, task[0], task[1])


@compiled
def catch_up_row(whole: Any, missed: Any, taken: Any) -> None:
    """Write a row of θ, m and v as the steps of Adam that it has missed leave it: Σ_i α_i γ^i over them, ρ₁^m and ρ₂^m,
    and ε / c₂ are given."""
    far, power1, power2, eps = missed
    w, m, v = taken
    copy(whole[0], w)
    copy(whole[1], m)
    copy(whole[2], v)
    for k in range(len(w)):  # in place, so that there is no doubt which numbers lie where
        first, second = m[k], v[k]
        w[k] -= far * (first / (np.sqrt(second) + eps))  # w ← w − p Σ_i α_i γ^i, p = m / (√v + ε / c₂)
        m[k] = power1 * first
        v[k] = power2 * second


@compiled
def _catch_up_adam(
    inputs: Any,
    last: Any,
    now: int,
    far: Any,
    eps: Any,
    powers1: Any,
    powers2: Any,
    theta: Any,
    m: Any,
    v: Any,
    w: Any,
    s: Any,
    t: Any,
    part: int,
    parts: int,
) -> None:
    some = own(len(inputs), part, parts)
    inputs, w, s, t = inputs[some], w[some], s[some], t[some]
    if theta.shape[1] <= FEW:
        for i in range(len(inputs)):
            j = inputs[i]
            since = last[j]
            its_far, power1, power2 = far[since], powers1[now - since], powers2[now - since]
            for k in range(theta.shape[1]):
                first, second = m[j, k], v[j, k]
                w[i, k] = theta[j, k] - its_far * (first / (np.sqrt(second) + eps))
                s[i, k] = power1 * first
                t[i, k] = power2 * second
        return
    for i in range(len(inputs)):
        j = inputs[i]
        since = last[j]
        missed = far[since], powers1[now - since], powers2[now - since], eps
        catch_up_row((theta[j], m[j], v[j]), missed, (w[i], s[i], t[i]))


@compiled
def catch_up_adam(
    memory: Any,
    inputs: Any,
    last: Any,
    now: int,
    far: Any,
    eps: Any,
    powers1: Any,
    powers2: Any,
    theta: Any,
    m: Any,
    v: Any,
    w: Any,
    s: Any,
    t: Any,
) -> None:
    task = _catch_up_adam_task((inputs, last, now, far, eps, powers1, powers2, theta, m, v, w, s, t))
    share(memory, task[0], task[1])


_catch_up_decay_task, _catch_up_momentum_task = task_of(_catch_up_decay), task_of(_catch_up_momentum)
_catch_up_adam_task = task_of(_catch_up_adam)
