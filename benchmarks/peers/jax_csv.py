"""pandas and JAX do what `nncli train train.csv --test-data test.csv` does; an epoch is one compiled scan.

python jax_csv.py TRAIN.csv TEST.csv MODEL; prints one JSON object.
"""

from __future__ import annotations

import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

BATCH, LR, UNITS = 128, 0.002, 64


def read(path: str) -> tuple[np.ndarray, np.ndarray]:
    """X (n, 784) as float32 from 0 to 1, y (n,)."""
    frame = pd.read_csv(path, dtype=np.uint8)
    y = frame.pop("label").to_numpy(np.int32)
    X = np.ascontiguousarray(frame, np.float32)  # frames lie column by column, which makes mini-batches slow
    X /= 255
    return X, y


def scores(theta, X):
    W1, b1, W2, b2 = theta
    return jax.nn.relu(X @ W1 + b1) @ W2 + b2


def loss(theta, X, y):
    return -jnp.take_along_axis(jax.nn.log_softmax(scores(theta, X)), y[:, None], axis=1).mean()


@jax.jit
def accuracy(theta, X, y):
    return (scores(theta, X).argmax(1) == y).mean()


@jax.jit
def whole_epoch(state, X, y, rows):
    def step(state, rows):
        theta, m, v, t = state
        g = jax.grad(loss)(theta, X[rows], y[rows])
        t += 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        rate, root = LR / (1 - 0.9**t), jnp.sqrt(1 - 0.999**t)
        theta = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) / root + 1e-8), theta, m, v)
        return (theta, m, v, t), None

    return jax.lax.scan(step, state, rows)[0]


train, test, model_file = sys.argv[1:]
X, y = read(train)
rows, val = train_test_split(np.arange(len(y)), test_size=0.15, stratify=y, random_state=0)
X_val, y_val = map(jnp.asarray, (X[val], y[val]))
X, y = map(jnp.asarray, (X, y))
rng = np.random.default_rng(0)
theta = (
    jnp.asarray(rng.normal(0, (2 / 784) ** 0.5, (784, UNITS)), jnp.float32), jnp.zeros(UNITS),
    jnp.asarray(rng.normal(0, (2 / UNITS) ** 0.5, (UNITS, 10)), jnp.float32), jnp.zeros(10),
)  # fmt: skip
zeros = jax.tree.map(jnp.zeros_like, theta)
state, best, best_theta = (theta, zeros, zeros, 0.0), -1.0, theta
for _ in range(10):
    steps = len(rows) // BATCH  # a scan wants batches of one size: the last, smaller one is left out
    state = whole_epoch(state, X, y, rng.permutation(rows)[: steps * BATCH].reshape(steps, BATCH))
    if (found := float(accuracy(state[0], X_val, y_val))) > best:
        best, best_theta = found, state[0]
np.savez(model_file, *best_theta)
X, y = read(test)
print(json.dumps({"test": {"accuracy": float(accuracy(best_theta, X, y))}}))
