"""Reasons for a prediction: what each column of a row adds to the lead of the predicted class, or to the number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Table
from nncli.errors import OptionError
from nncli.explain.columns import inputs_of
from nncli.explain.leads import leads
from nncli.metrics.rows import Floats
from nncli.model.model import Model
from nncli.nn.integrated_gradients import integrated_gradients
from nncli.nn.layers import Array


@dataclass(frozen=True)
class Reasons:
    """Hold the reasons for n predictions: `contributions` (n, columns), what each column adds to the lead of the
    predicted class over the runner-up, beyond the lead (n,) that it has for the `background`, the mean input of the
    training rows. Together they are the `lead` (n,) for the row. Of a model of numbers, the lead is the predicted
    number."""

    columns: tuple[str, ...]
    contributions: NDArray[np.floating[Any]]
    background: Floats
    lead: Floats

    @property
    def error(self) -> Floats:
        """Return how far the sum of the contributions is from the difference of the two leads, as a share of that."""
        difference = self.lead - self.background
        gap = np.abs(self.contributions.sum(axis=1, dtype=np.float64) - difference)
        return gap / np.maximum(np.abs(difference), 1e-30)

    def largest(self, most: int) -> tuple[NDArray[np.int64], NDArray[np.floating[Any]]]:
        """Return the positions of the columns that add most, or take most away, and how much; (n, most) each."""
        order = np.argsort(-np.abs(self.contributions), axis=1, kind="stable")[:, :most]
        return order, np.take_along_axis(self.contributions, order, axis=1)


def check_background(model: Model, option: str) -> None:
    """Raise OptionError for a model whose file does not know the mean input of its training rows."""
    if model.preprocess.mean is None:
        problem = "the model was saved by an older version, which did not note the mean of the training rows"
        raise OptionError(option, problem, "Train it again")


def reasons_for_numbers(model: Model, table: Table) -> Reasons:
    """Return the reasons for the numbers that are predicted for the rows of a table."""
    only_output = np.zeros(len(table), np.int64)
    return reasons(model, table, only_output, only_output)


def reasons(model: Model, table: Table, predicted: NDArray[np.int64], runner_up: NDArray[np.int64]) -> Reasons:
    """Return the reasons for which the rows of a table are predicted to be of a class (n,) and not of the runner-up
    (n,): exact for a linear model, and by integrated gradients for another. A text is one column, and so is a date."""
    assert model.preprocess.mean is not None, "check_background comes first"
    dtype, inputs = model.network.dtype, inputs_of(model.schema, model.preprocess)
    matrix, x0 = model.preprocess.transform(table.with_zeros(), dtype), model.preprocess.mean.astype(dtype)
    X: Array = matrix.slice(0, len(table))
    V, c = leads(model, predicted, runner_up)
    unit = 1.0 if model.target is None else model.target.sd  # which the type of the network may not hold
    with np.errstate(all="ignore"):
        found = integrated_gradients(model.network, X, x0, (V / unit).astype(dtype))
    background = found.background * unit + c
    starts = {place.start: name for name, place in inputs.items()}
    sums = np.add.reduceat(found.of_inputs, sorted(starts), axis=1)
    places = {starts[start]: i for i, start in enumerate(sorted(starts))}
    contributions = sums[:, [places[name] for name in inputs]]
    if model.target is not None:
        contributions = contributions.astype(np.float64) * unit
    return Reasons(tuple(inputs), contributions, background, background + found.difference * unit)
