"""Reasons for a prediction: what each column of a row adds to the lead of the predicted class, or to the number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Table
from nncli.data.text_inputs import TextInputs
from nncli.errors import OptionError
from nncli.explain.columns import inputs_of
from nncli.explain.leads import leads
from nncli.explain.word_reasons import WordSlopes
from nncli.metrics.rows import Floats
from nncli.model.model import Model
from nncli.nn.first_layer import split
from nncli.nn.integrated_gradients import integrated_gradients, mean_slopes
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
    of_words: WordSlopes | None = None  # for the n-grams of columns of text whose words are learned from

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
    if model.preprocess.words is not None:
        return reasons_with_words(model, model.preprocess.words, table, predicted, runner_up)
    dtype, inputs = model.network.dtype, inputs_of(model.schema, model.preprocess)
    matrix, x0 = model.preprocess.transform(table.with_zeros(), dtype), model.preprocess.mean.astype(dtype)
    X: Array = matrix.slice(0, len(table))
    V, c, unit = _score(model, predicted, runner_up)
    with np.errstate(all="ignore"):
        found = integrated_gradients(model.network, X, x0, (V / unit).astype(dtype))
    contributions = _of_columns(found.of_inputs, inputs)
    if model.target is not None:
        contributions = contributions.astype(np.float64) * unit
    background = found.background * unit + c
    return Reasons(tuple(inputs), contributions, background, background + found.difference * unit)


def reasons_with_words(
    model: Model, words: TextInputs, table: Table, predicted: NDArray[np.int64], runner_up: NDArray[np.int64]
) -> Reasons:
    """Return the same for a model with columns of text whose words are learned from. In their background there is no
    text, so that a column of text adds what its own n-grams add."""
    from scipy.sparse import csr_array, hstack

    preprocess, dtype, names = model.preprocess, model.network.dtype, model.schema.names
    assert preprocess.mean is not None
    k, x0, (V, c, unit) = preprocess.n_others, preprocess.mean.astype(dtype), _score(model, predicted, runner_up)
    first, rest = split(model.network)
    with np.errstate(all="ignore"):
        others = preprocess.others(table, dtype).slice(0, len(table)) - x0
        texts = [words.of_column(table.texts[name], i, dtype) for i, name in enumerate(words.columns)]
        D = hstack([csr_array(others), sum(texts[1:], texts[0])], format="csr")
        found = mean_slopes(first, rest, D, x0 @ first.W[:k] + first.b, (V / unit).astype(dtype))
        inputs = inputs_of(model.schema, preprocess)
        own = dict(zip(inputs, _of_columns(others * (found.mean @ first.W[:k].T), inputs).T, strict=True))
        own |= {name: np.vecdot(found.mean, X @ first.W[k:]) for name, X in zip(words.columns, texts, strict=True)}
    contributions = np.stack([own[name] for name in names], axis=1)
    if model.target is not None:
        contributions = contributions.astype(np.float64) * unit
    background = found.background * unit + c
    slopes = WordSlopes(words, first.W[k:], found.mean, unit)
    return Reasons(tuple(names), contributions, background, background + found.difference * unit, slopes)


def _score(model: Model, predicted: NDArray[np.int64], runner_up: NDArray[np.int64]) -> tuple[Floats, Floats, float]:
    """Return V and c of the leads, and the unit of the target, which the type of the network may not hold."""
    return *leads(model, predicted, runner_up), 1.0 if model.target is None else model.target.sd


def _of_columns(of_inputs: NDArray[Any], inputs: dict[str, slice]) -> NDArray[Any]:
    """Add up what the inputs of each column add, (n, columns)."""
    if not inputs:
        return of_inputs[:, :0]
    starts = {place.start: name for name, place in inputs.items()}
    sums = np.add.reduceat(of_inputs, sorted(starts), axis=1)
    places = {starts[start]: i for i, start in enumerate(sorted(starts))}
    return sums[:, [places[name] for name in inputs]]


def largest_with_words(found: Reasons, table: Table, most: int) -> tuple[NDArray[Any], Floats]:
    """Return what adds most to the rows of a table, or takes most away: columns, and of columns of text n-grams. That
    are the names, None where a row has no more, and the numbers, (n, most) each."""
    assert found.of_words is not None
    texts = {*found.of_words.words.columns}
    others = [(i, name) for i, name in enumerate(found.columns) if name not in texts]
    names, values = np.full((len(table), most), None, object), np.zeros((len(table), most), found.contributions.dtype)
    for row, of_words in enumerate(found.of_words.largest(table, most)):
        both = [(float(found.contributions[row, i]), name) for i, name in others]
        both += [(one.contribution, one.name) for one in of_words]
        both = sorted(both, key=lambda one: -abs(one[0]))[:most]
        for k, (value, name) in enumerate(both):
            names[row, k], values[row, k] = name, value
    return names, values
