"""What tests of training share: clouds of points, and a trainer on them."""

from __future__ import annotations

import numpy as np

from nncli.config.resolve import resolve
from nncli.config.train_config import TrainConfig
from nncli.data.scaled_rows import Matrix, Subset
from nncli.model.network import build_network
from nncli.nn.input_layers import InputKinds
from nncli.training.trainer import Trainer

K = 3


def blobs(n: int, seed: int = 0) -> Subset:
    """Three clouds of points in the plane, apart enough to be learned."""
    rng = np.random.default_rng(seed)
    y = rng.integers(K, size=n)
    X = np.array([[0, 0], [4, 0], [0, 4]])[y] + rng.normal(size=(n, 2))
    return Subset(Matrix(X, np.dtype("float64")), y, np.arange(n))


def trainer(train: Subset, val: Subset | None = None, seed: int = 0, **options: object) -> Trainer:
    asked = TrainConfig(**{"model": "softmax", "dtype": "float64", **options})
    config = resolve(asked, len(train), has_val=val is not None)
    network, loss = build_network(config.model, InputKinds(train.matrix.width), K)
    network.initialize(config.model.init, np.random.default_rng(1))
    return Trainer(network, loss, config, train, val, K, np.random.default_rng(seed))
