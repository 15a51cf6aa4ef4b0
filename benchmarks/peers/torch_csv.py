"""pandas and PyTorch do what `nncli train train.csv --test-data test.csv` does.

python torch_csv.py TRAIN.csv TEST.csv MODEL; prints one JSON object.
"""

from __future__ import annotations

import copy
import json
import os
import sys

import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import train_test_split
from torch import nn


def read(path: str) -> tuple[torch.Tensor, torch.Tensor]:
    """X (n, 784) as float32 from 0 to 1, y (n,)."""
    frame = pd.read_csv(path, dtype=np.uint8)
    y = torch.from_numpy(frame.pop("label").to_numpy(np.int64))
    X = torch.from_numpy(np.ascontiguousarray(frame, np.float32))  # frames lie column by column: slow mini-batches
    X /= 255
    return X, y


@torch.inference_mode()
def accuracy(model: nn.Module, X: torch.Tensor, y: torch.Tensor) -> float:
    return (model(X).argmax(1) == y).float().mean().item()


train, test, model_file = sys.argv[1:]
torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
torch.manual_seed(0)
X, y = read(train)
rows, val = map(torch.from_numpy, train_test_split(np.arange(len(y)), test_size=0.15, stratify=y, random_state=0))
X_val, y_val = X[val], y[val]
model = nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))
for layer in model:
    if isinstance(layer, nn.Linear):  # as scikit-learn and JAX begin; its own way of drawing weights learns more slowly
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.002, fused=True)
best, best_state = -1.0, model.state_dict()
for _ in range(10):
    for batch in rows[torch.randperm(len(rows))].split(128):
        optimizer.zero_grad()
        criterion(model(X.index_select(0, batch)), y[batch]).backward()
        optimizer.step()
    if (found := accuracy(model, X_val, y_val)) > best:
        best, best_state = found, copy.deepcopy(model.state_dict())
model.load_state_dict(best_state)
torch.save(best_state, model_file)
print(json.dumps({"test": {"accuracy": accuracy(model, *read(test))}}))
