"""The frame of epoch_*.py and perceptron_*.py. Imports NumPy only after they had their say on how it is to be started.

python epoch_NAME.py FOLDER 784-64-10 adam|sgd: says `ready`, then for each number on stdin does so many epochs
and prints the seconds of one, their median; and at the end of stdin prints the accuracy on the test rows, the median
of those after each line: one alone is that of a θ in motion.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

BATCH, CLASSES = 128, 10
LEARNING_RATES = {"adam": 0.001, "sgd": 0.1}


def arguments() -> tuple[Path, tuple[int, ...], str, float]:
    """The folder of the arrays, the units of each hidden layer, the optimizer and its learning rate. Nncli's kernels,
    which may come last, are its own affair."""
    folder, hidden, optimizer = sys.argv[1:4]
    return Path(folder), tuple(map(int, hidden.split("-")[1:-1])), optimizer, LEARNING_RATES[optimizer]


def folder_given() -> Path:
    [folder] = sys.argv[1:]
    return Path(folder)


def arrays(folder: Path) -> tuple[Any, Any, Any, Any]:
    """X (n, 784) uint8 and y (n,) int64 of the training rows, then of the test rows."""
    import numpy as np

    X, y, X_test, y_test = (np.load(folder / f"{name}.npy") for name in ("X", "y", "X_test", "y_test"))
    return X, y, X_test, y_test


def scaled_arrays(folder: Path) -> tuple[Any, Any, Any, Any]:
    """The same with X as float32 from 0 to 1."""
    import numpy as np

    X, y, X_test, y_test = arrays(folder)
    return X / np.float32(255), y, X_test / np.float32(255), y_test


def serve(epoch: Callable[[], object], accuracy: Callable[[], float]) -> None:
    print("ready", flush=True)
    accuracies = []
    for line in sys.stdin:
        times = [seconds(epoch) for _ in range(int(line))]
        accuracies.append(accuracy())
        print(statistics.median(times), flush=True)
    print(statistics.median(accuracies))


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
