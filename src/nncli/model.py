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
from nncli.nn.calibration import Calibration
from nncli.nn.losses import LOSSES, Loss
from nncli.nn.network import Network, multilayer

EVAL_ROWS = 1024  # rows that pass through the network at once outside training


def build_network(config: TrainConfig, d: int, K: int) -> tuple[Network, Loss]:
    """The untrained network and the loss that a resolved config describes, for d inputs and K classes."""
    assert config.hidden is not None
    assert config.loss is not None
    loss = LOSSES.create(config.loss)
    try:
        network = multilayer(
            d, config.hidden, loss.outputs(K), config.activation or "identity", config.dtype, config.dropout or 0,
            config.input_dropout or 0,
        )  # fmt: skip
    except (MemoryError, ValueError, OverflowError):  # beyond the memory, and beyond what NumPy can address
        widths = "x".join(map(str, config.hidden))
        raise OptionError("--hidden", f"a network of {d} inputs and {widths} units does not fit in memory") from None
    return network, loss


@dataclass
class Model:
    """Rows in, classes out, with a figure for each class: its probability, or else its score."""

    config: TrainConfig  # resolved
    schema: Schema
    preprocess: Preprocess
    network: Network
    loss: Loss
    classes: tuple[str, ...]
    calibration: Calibration | None = None

    @property
    def probabilistic(self) -> bool:
        """Whether it gives probabilities, not only scores."""
        return self.loss.probabilistic or self.calibration is not None

    def by_class(self, table: Table) -> NDArray[Any]:
        """(n, K): for each row of the table the probability of each class, or its score."""
        found = np.empty((len(table), len(self.classes)), self.network.dtype)
        for start, X in self._batches(table):
            found[start : start + len(X)] = self.of_scores(self.network.forward(X))
        return found

    def of_scores(self, Z: NDArray[Any]) -> NDArray[Any]:
        """The same from the scores of the network, Z (n, outputs)."""
        if self.calibration is not None:
            return self.calibration.probabilities(Z)
        P = np.empty_like(Z)
        self.loss.apply_link(Z, P)
        return self.loss.by_class(P)

    def predicted(self, figures: NDArray[Any], threshold: float | None = None) -> NDArray[np.int64]:
        """The position of the predicted class (n,), from what `by_class` gives.

        Of two classes the second wins a draw, as in the perceptron's ŷ = 1 if z ≥ 0; and with a `threshold`,
        from that probability on. Of more, the first of the highest.
        """
        codes: NDArray[np.int64]
        if len(self.classes) > 2:
            codes = figures.argmax(axis=1)
        else:
            codes = (figures[:, 1] >= (figures[:, 0] if threshold is None else threshold)).astype(np.int64)
        return codes

    def embed(self, table: Table) -> NDArray[Any]:
        """(n, h): what the last hidden layer gives for each row of the table."""
        found = np.empty((len(table), self.network.dense[-1].W.shape[0]), self.network.dtype)
        for start, X in self._batches(table):
            found[start : start + len(X)] = self.network.embed(X)
        return found

    def _batches(self, table: Table) -> Iterator[tuple[int, NDArray[Any]]]:
        """(first row, X) for a thousand rows of the table at a time."""
        matrix: Matrix = self.preprocess.transform(table, self.network.dtype)
        for start in range(0, len(matrix), EVAL_ROWS):
            yield start, matrix.slice(start, start + EVAL_ROWS)
