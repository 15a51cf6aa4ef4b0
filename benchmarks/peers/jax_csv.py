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
from jax_network import begin, compiled, initial, scores
from sklearn.model_selection import train_test_split

BATCH, LR, UNITS = 128, 0.002, 64


def read(path: str) -> tuple[np.ndarray, np.ndarray]:
    """X (n, 784) as float32 from 0 to 1, y (n,)."""
    frame = pd.read_csv(path, dtype=np.uint8)
    y = frame.pop("label").to_numpy(np.int32)
    X = np.ascontiguousarray(frame, np.float32)  # frames lie column by column, which makes mini-batches slow
    X /= 255
    return X, y


@jax.jit
def accuracy(theta, X, y):
    return (scores(theta, X).argmax(1) == y).mean()


train, test, model_file = sys.argv[1:]
X, y = read(train)
rows, val = train_test_split(np.arange(len(y)), test_size=0.15, stratify=y, random_state=0)
X_val, y_val = map(jnp.asarray, (X[val], y[val]))
X, y = map(jnp.asarray, (X, y))
rng, whole_epoch = np.random.default_rng(0), compiled("adam", LR)
state = begin(initial(jax.random.key(0), [X.shape[1], UNITS, 10]))
best, best_theta = -1.0, state[0]
for _ in range(10):
    steps = len(rows) // BATCH  # a scan wants batches of one size: the last, smaller one is left out
    state = whole_epoch(state, X, y, rng.permutation(rows)[: steps * BATCH].reshape(steps, BATCH))
    if (found := float(accuracy(state[0], X_val, y_val))) > best:
        best, best_theta = found, state[0]
np.savez(model_file, *jax.tree.leaves(best_theta))
X, y = read(test)
print(json.dumps({"test": {"accuracy": float(accuracy(best_theta, X, y))}}))
