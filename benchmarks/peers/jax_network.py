"""JAX: a network of ReLUs, and a whole epoch of it as one compiled scan; Adam written out, as JAX has no optimizers."""

from __future__ import annotations

from itertools import pairwise

import jax
import jax.numpy as jnp


def initial(key, widths):
    """θ, as (W, b) for each layer: Glorot's, as scikit-learn has them."""
    keys = jax.random.split(key, len(widths) - 1)
    shapes = zip(keys, pairwise(widths), strict=True)
    uniform = jax.nn.initializers.glorot_uniform()
    return [(uniform(key, shape), jnp.zeros(shape[1])) for key, shape in shapes]


def scores(theta, X):
    for W, b in theta[:-1]:
        X = jax.nn.relu(X @ W + b)
    W, b = theta[-1]
    return X @ W + b


def loss(theta, X, y):
    return -jnp.take_along_axis(jax.nn.log_softmax(scores(theta, X)), y[:, None], axis=1).mean()


def begin(theta):
    """The state of a training: θ, m, v and how many steps there were."""
    zeros = jax.tree.map(jnp.zeros_like, theta)
    return theta, zeros, zeros, 0.0


def compiled(optimizer, lr):
    """An epoch: (state, X, y, rows (steps, batch)) → state."""

    def epoch(state, X, y, rows):
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

        return jax.lax.scan(step, state, rows)[0]

    return jax.jit(epoch)
