"""nncli's models that learn row by row: a new one each time, and one epoch of `Trainer.run`.

python perceptron_nncli.py FOLDER perceptron|mira
"""

from __future__ import annotations

import sys
from pathlib import Path

from frame import CLASSES, arrays, serve

from nncli.system.threads import choose_kernels, multiply_with

choose_kernels()  # as the program does; before NumPy is imported

import numpy as np

from nncli.config.resolve import resolve
from nncli.config.train_config import TrainConfig
from nncli.data.dataset import Table
from nncli.data.preprocess import Preprocess
from nncli.data.scaled_rows import Subset
from nncli.model.network import build_network
from nncli.nn.input_layers import InputKinds
from nncli.nn.kernels.choice import is_installed
from nncli.training.batch import evaluate
from nncli.training.trainer import Trainer

X, y, X_test, y_test = arrays(Path(sys.argv[1]))
kernels = "numba" if is_installed() else "numpy"  # for one epoch alone, nobody would load Numba
config = resolve(TrainConfig(model=sys.argv[2], epochs=1, kernels=kernels), len(X), has_val=False)
names = tuple(map(str, range(X.shape[1])))
preprocess = Preprocess.fit(Table(names, X), np.arange(len(X)), config.data.scale)
network, loss = build_network(config.model, InputKinds(X.shape[1]), CLASSES)


def subset(X: np.ndarray, y: np.ndarray) -> Subset:
    return Subset(preprocess.transform(Table(names, X), network.dtype), y, np.arange(len(X)))


train, test = subset(X, y), subset(X_test, y_test)


def fit() -> None:
    network.initialize(config.model.init, np.random.default_rng(0))
    list(Trainer(network, loss, config, train, None, CLASSES, np.random.default_rng(0)).run())


with multiply_with(1):  # as the commands do for these
    serve(fit, lambda: evaluate(network, loss, test, CLASSES)[1])
