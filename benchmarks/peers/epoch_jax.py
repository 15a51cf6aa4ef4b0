"""JAX: a whole epoch as one compiled scan over shuffled mini-batches."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from frame import BATCH, CLASSES, arguments, scaled_arrays, serve
from jax_network import begin, compiled, initial, scores

folder, hidden, optimizer, lr = arguments()
X, y, X_test, y_test = map(jnp.asarray, scaled_arrays(folder))
STEPS = len(X) // BATCH  # a scan wants batches of one size: the last, smaller one is left out
in_order = compiled(optimizer, lr)


@jax.jit
def whole_epoch(state, key):
    rows = jax.random.permutation(key, len(X))[: STEPS * BATCH].reshape(STEPS, BATCH)
    return in_order(state, X, y, rows)


key, first = jax.random.split(jax.random.key(0))
state = begin(initial(first, [X.shape[1], *hidden, CLASSES]))


def epoch() -> None:
    global state, key
    key, sub = jax.random.split(key)
    state = jax.block_until_ready(whole_epoch(state, sub))


serve(epoch, lambda: float((scores(state[0], X_test).argmax(1) == y_test).mean()))
