"""A trained model: preprocessing, network, loss (with its link) and class names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.config import TrainConfig
from nncli.data.dataset import Schema, Table
from nncli.data.matrix import Matrix
from nncli.data.preprocess import Preprocess
from nncli.errors import OptionError
from nncli.nn.losses import LOSSES, Loss
from nncli.nn.network import Network, multilayer

EVAL_ROWS = 1024  # rows that pass through the network at once outside training


def build_network(config: TrainConfig, d: int, K: int) -> tuple[Network, Loss]:
    """The untrained network and the loss that a resolved config describes, for d inputs and K classes."""
    assert config.hidden is not None
    assert config.loss is not None
    loss = LOSSES.create(config.loss)
    try:
        return multilayer(d, config.hidden, loss.outputs(K), config.activation or "identity", config.dtype), loss
    except (MemoryError, ValueError, OverflowError):  # beyond the memory, and beyond what NumPy can address
        widths = "x".join(map(str, config.hidden))
        raise OptionError("--hidden", f"a network of {d} inputs and {widths} units does not fit in memory") from None


@dataclass
class Model:
    """Rows in, probabilities out."""

    config: TrainConfig  # resolved
    schema: Schema
    preprocess: Preprocess
    network: Network
    loss: Loss
    classes: tuple[str, ...]

    def probabilities(self, table: Table) -> NDArray[Any]:
        """P (n, K): the probability of each class for each row of the table."""
        P = np.empty((len(table), len(self.classes)), self.network.dtype)
        matrix = self.preprocess.transform(table, self.network.dtype)
        for start, Z in scores(self.network, matrix):
            link = np.empty_like(Z)
            self.loss.link(Z, link)
            P[start : start + len(Z)] = self.loss.probabilities(link)
        return P


def scores(network: Network, matrix: Matrix) -> Iterator[tuple[int, NDArray[Any]]]:
    """(first row, Z) for a thousand rows of the matrix at a time; Z lives until the next ones."""
    for start in range(0, len(matrix), EVAL_ROWS):
        yield start, network.forward(matrix.slice(start, start + EVAL_ROWS))
