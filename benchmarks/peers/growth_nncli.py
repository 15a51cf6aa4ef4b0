"""nncli's epoch on random rows of any shape; says its seconds for each, and at the end the memory that it took (MB).

python growth_nncli.py ROWS COLUMNS HIDDEN CLASSES
"""

from __future__ import annotations

import sys
import tracemalloc
from functools import cache

from frame import BATCH, serve

from nncli.system.threads import choose_kernels

choose_kernels()  # as the program does; before NumPy is imported

import numpy as np

from nncli.config.resolve import resolve
from nncli.config.train_config import TrainConfig
from nncli.data.scaled_rows import Matrix, Subset
from nncli.data.split import row_numbers
from nncli.model.network import build_network
from nncli.nn.input_layers import InputKinds
from nncli.training.trainer import Trainer

MANY = 1_000_000  # epochs: it never gets to the last

n, d, hidden, K = map(int, sys.argv[1:])


def begun() -> Trainer:
    rng = np.random.default_rng(0)
    X = Matrix(rng.standard_normal((n, d), np.float32), np.dtype("float32"))
    options = TrainConfig(model="mlp", hidden=(hidden,), batch_size=BATCH, epochs=MANY, lr=1e-5, schedule="constant")
    config = resolve(options, n, has_val=False)
    network, loss = build_network(config.model, InputKinds(d), K)
    network.initialize(config.model.init, rng)
    train = Subset(X, rng.integers(K, size=n), row_numbers(n))
    return Trainer(network, loss, config, train, None, K, rng)


@cache
def megabytes() -> float:
    """Of the rows, the model, its training, and all that an epoch needs beside."""
    tracemalloc.start()
    next(begun().run())
    return tracemalloc.get_traced_memory()[1] / 1e6


epochs = begun().run()
serve(lambda: next(epochs), megabytes)
