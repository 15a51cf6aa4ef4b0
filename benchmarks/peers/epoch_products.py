"""The matrix products of nncli's epoch and nothing else: on the same batches over and over, which stay in the cache."""

from __future__ import annotations

from itertools import pairwise

from frame import BATCH, CLASSES, arguments, arrays, serve

from nncli.system.threads import choose_kernels

choose_kernels()  # as the program does; before NumPy is imported

import numpy as np

from nncli.nn.buffers import zeros

folder, hidden, *_ = arguments()
N, D = arrays(folder)[0].shape
rng = np.random.default_rng(0)


def drawn(*shape: int) -> np.ndarray:
    made = zeros(shape, np.float32)
    made[...] = rng.normal(size=shape)
    return made


widths = [D, *hidden, CLASSES]
A = [drawn(BATCH, width) for width in widths]  # X and the output of each layer; and, as large, their gradients
W = [drawn(*shape) for shape in pairwise(widths)]
out, dA, dW = ([zeros(array.shape, np.float32) for array in arrays] for arrays in (A, A, W))


def epoch() -> None:
    for start in range(0, N, BATCH):
        n = min(BATCH, N - start)
        for i in range(len(W)):
            np.matmul(A[i][:n], W[i], out=out[i + 1][:n])  # X W
        for i in reversed(range(len(W))):
            np.matmul(A[i][:n].T, A[i + 1][:n], out=dW[i])  # Xᵀ dZ
            if i:
                np.matmul(A[i + 1][:n], W[i].T, out=dA[i][:n])  # dZ Wᵀ


serve(epoch, lambda: float("nan"))
