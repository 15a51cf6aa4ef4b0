"""nncli's linear regression, or with an L2 penalty its ridge regression, from a new model to the optimum.

python regression_nncli.py FOLDER L2
"""

from __future__ import annotations

import sys
from pathlib import Path

from frame import serve

from nncli.system.threads import choose_kernels

choose_kernels()  # as the program does; before NumPy is imported

import numpy as np
from regression import loss_of

from nncli.config.resolve import resolve
from nncli.config.train_config import TrainConfig
from nncli.data.dataset import Table
from nncli.data.preprocess import Preprocess
from nncli.data.scaled_rows import Subset
from nncli.data.task import REGRESSION
from nncli.model.network import build_network
from nncli.nn.input_layers import InputKinds
from nncli.training.trainer import Trainer

folder, l2 = Path(sys.argv[1]), float(sys.argv[2])
X, y = np.load(folder / "regression_X.npy"), np.load(folder / "regression_y.npy")
config = resolve(TrainConfig(model="linear", l2=l2 or None, scale="none", task=REGRESSION), len(X), has_val=False)
table = Table(tuple(map(str, range(X.shape[1]))), X)
network, loss = build_network(config.model, InputKinds(X.shape[1]), 0)
rows = np.arange(len(X))
train = Subset(Preprocess.fit(table, rows, "none").transform(table, network.dtype), y, rows)


def fit() -> None:
    network.initialize(config.model.init, np.random.default_rng(0))
    list(Trainer(network, loss, config, train, None, 0, np.random.default_rng(0)).run())


serve(fit, lambda: loss_of(X, y, network.dense[0].W[:, 0], network.dense[0].b[0], l2))
