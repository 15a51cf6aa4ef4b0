"""nncli's own training epoch: `Trainer.run`, without validation rows; images stay uint8 until they are in a batch."""

from __future__ import annotations

import sys

from frame import BATCH, CLASSES, arguments, arrays, serve

from nncli.system.threads import choose_kernels

choose_kernels()  # as the program does; before NumPy is imported

import numpy as np

from nncli.config.resolve import resolve
from nncli.config.train_config import TrainConfig
from nncli.data.dataset import Table
from nncli.data.preprocess import Preprocess
from nncli.data.scaled_rows import Subset
from nncli.model.network import build_network
from nncli.nn.input_layers import InputKinds
from nncli.training.batch import evaluate
from nncli.training.trainer import Trainer

MANY = 1_000_000  # epochs: it never gets to the last

folder, hidden, optimizer, lr = arguments()
X, y, X_test, y_test = arrays(folder)
MODEL = "mlp" if hidden else "softmax"
options = TrainConfig(
    model=MODEL,
    hidden=hidden or None,
    optimizer=optimizer,
    lr=lr,
    init="glorot",  # as scikit-learn begins, which has no other way, and so everyone
    schedule="constant",
    batch_size=BATCH,
    epochs=MANY,
    kernels=sys.argv[4] if len(sys.argv) > 4 else None,  # the usual ones of a long run: Numba's, where it is installed
)
config = resolve(options, len(X), has_val=False)
network, loss = build_network(config.model, InputKinds(X.shape[1]), CLASSES)
init, shuffle = np.random.default_rng(0).spawn(2)
network.initialize(config.model.init, init)


names = tuple(map(str, range(X.shape[1])))
preprocess = Preprocess.fit(Table(names, X), np.arange(len(X)), config.data.scale)


def subset(X: np.ndarray, y: np.ndarray) -> Subset:
    return Subset(preprocess.transform(Table(names, X), network.dtype), y, np.arange(len(X)))


epochs = Trainer(network, loss, config, subset(X, y), None, CLASSES, shuffle).run()
test = subset(X_test, y_test)
serve(lambda: next(epochs), lambda: evaluate(network, loss, test, CLASSES)[1])
