"""JAX: a whole epoch as one compiled scan over shuffled mini-batches; Adam written out, as JAX has no optimizers."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from frame import BATCH, CLASSES, arguments, scaled_arrays, serve

folder, hidden, optimizer, lr = arguments()
X, y, X_test, y_test = map(jnp.asarray, scaled_arrays(folder))
STEPS = len(X) // BATCH  # a scan wants batches of one size: the last, smaller one is left out


def scores(theta, X):
    for W, b in theta[:-1]:
        X = jax.nn.relu(X @ W + b)
    W, b = theta[-1]
    return X @ W + b


def loss(theta, X, y):
    return -jnp.take_along_axis(jax.nn.log_softmax(scores(theta, X)), y[:, None], axis=1).mean()


def step(state, rows):
    theta, m, v, t = state
    g = jax.grad(loss)(theta, X[rows], y[rows])
    if optimizer == "sgd":
        return (jax.tree.map(lambda p, g: p - lr * g, theta, g), m, v, t), None
    t += 1
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
    rate, root = lr / (1 - 0.9**t), jnp.sqrt(1 - 0.999**t)
    theta = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) / root + 1e-8), theta, m, v)
    return (theta, m, v, t), None


@jax.jit
def whole_epoch(state, key):
    rows = jax.random.permutation(key, len(X))[: STEPS * BATCH].reshape(STEPS, BATCH)
    return jax.lax.scan(step, state, rows)[0]


def initial(key, d, h):
    return jax.random.normal(key, (d, h)) * jnp.sqrt(2 / d), jnp.zeros(h)


widths = [X.shape[1], *hidden, CLASSES]
key, *keys = jax.random.split(jax.random.key(0), len(widths))
theta = [initial(*arguments) for arguments in zip(keys, widths, widths[1:], strict=False)]
zeros = jax.tree.map(jnp.zeros_like, theta)
state = (theta, zeros, zeros, 0.0)


def epoch() -> None:
    global state, key
    key, sub = jax.random.split(key)
    state = jax.block_until_ready(whole_epoch(state, sub))


serve(epoch, lambda: float((scores(state[0], X_test).argmax(1) == y_test).mean()))
