"""PyTorch: the plain loop, with what is fastest of it on a CPU (fused optimizer, index_select, no loss read back)."""

from __future__ import annotations

import os
from itertools import pairwise

import torch
from frame import BATCH, CLASSES, arguments, scaled_arrays, serve
from torch import nn

folder, hidden, optimizer, lr = arguments()
torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
torch.manual_seed(0)
X, y, X_test, y_test = map(torch.from_numpy, scaled_arrays(folder))
widths = [X.shape[1], *hidden, CLASSES]
layers = [layer for d, units in pairwise(widths) for layer in (nn.Linear(d, units), nn.ReLU())]
model = nn.Sequential(*layers[:-1])
for layer in model:
    if isinstance(layer, nn.Linear):  # as scikit-learn begins, which has no other way, and so everyone
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
criterion = nn.CrossEntropyLoss()
updater = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[optimizer](model.parameters(), lr=lr, fused=True)


def epoch() -> None:
    for rows in torch.randperm(len(X)).split(BATCH):
        updater.zero_grad()
        criterion(model(X.index_select(0, rows)), y[rows]).backward()
        updater.step()


@torch.inference_mode()
def accuracy() -> float:
    return (model(X_test).argmax(1) == y_test).float().mean().item()


serve(epoch, accuracy)
