"""PyTorch does what `nncli gradcheck` does: a network on the bundled digits, its gradients against differences.

python gradcheck_torch.py DIGITS.csv; prints whether they passed. PyTorch's `gradcheck` compares every entry.
"""

from __future__ import annotations

import os
import sys

import numpy as np
import torch
from torch.func import functional_call

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
torch.manual_seed(0)
rows = np.loadtxt(sys.argv[1], delimiter=",", skiprows=1)[:32]
X, y = torch.from_numpy(rows[:, :-1] / 16).requires_grad_(), torch.from_numpy(rows[:, -1].astype(np.int64))
model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10)).double()
names = [name for name, _ in model.named_parameters()]


def loss(X: torch.Tensor, *parameters: torch.Tensor) -> torch.Tensor:
    Z = functional_call(model, dict(zip(names, parameters, strict=True)), (X,))
    return torch.nn.functional.cross_entropy(Z, y)


print(torch.autograd.gradcheck(loss, (X, *model.parameters())))
