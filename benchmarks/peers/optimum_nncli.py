"""nncli's logistic regression with L-BFGS, from a new model to where no step lowers the loss any more."""

from __future__ import annotations

from frame import folder_given, serve

from nncli.system.threads import choose_kernels

choose_kernels()  # as the program does; before NumPy is imported

import numpy as np
from optimum import L2, loss_of

from nncli.config.resolve import resolve
from nncli.config.train_config import TrainConfig
from nncli.data.dataset import Table
from nncli.data.preprocess import Preprocess
from nncli.data.scaled_rows import Subset
from nncli.model.network import build_network
from nncli.nn.input_layers import InputKinds
from nncli.training.side_by_side import at_its_threads
from nncli.training.trainer import Trainer

folder = folder_given()
X, y = np.load(folder / "optimum_X.npy"), np.load(folder / "optimum_y.npy")
options = TrainConfig(model="logistic", optimizer="lbfgs", l2=L2, scale="none", epochs=100)
config = resolve(options, len(X), has_val=False)
table = Table(tuple(map(str, range(X.shape[1]))), X)
network, loss = build_network(config.model, InputKinds(X.shape[1]), 2)
rows = np.arange(len(X))
train = Subset(Preprocess.fit(table, rows, "none").transform(table, network.dtype), y, rows)


def fit() -> None:
    network.initialize(config.model.init, np.random.default_rng(0))
    trainer = Trainer(network, loss, config, train, None, 2, np.random.default_rng(0))
    with at_its_threads(trainer):
        list(trainer.run())


serve(fit, lambda: loss_of(X, y, network.dense[0].W[:, 0], network.dense[0].b[0]))
