"""The coefficients of a linear model, in the units of the columns, and how sure they are."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from nncli.data.dates import INPUTS, written
from nncli.errors import OptionError, mention
from nncli.explain.columns import MISSING, OTHER, inputs_of
from nncli.explain.leads import lead_of_scores
from nncli.metrics.intervals import middle
from nncli.metrics.rows import Floats
from nncli.model.model import Model
from nncli.nn.layers import Array
from nncli.nn.plain import plain

INTERCEPT = "(intercept)"
HEADER = "column", "part", "class", "coefficient", "low", "high", "odds_ratio", "odds_low", "odds_high"  # of the CSV
OF_CLASSES = "class", "odds_ratio", "odds_low", "odds_high", "odds_interval"


@dataclass(frozen=True)
class Coefficient:
    """How much the lead of a class, or the predicted number, grows by one unit of a column, by a category in place of
    the first one, or by a part of a date; and by what factor the odds of the class grow, where there are odds."""

    column: str
    part: str  # a category, or a part of a date; empty for a number
    class_name: str | None  # None: of a number
    coefficient: float
    interval: tuple[float, float] | None
    odds_ratio: float | None
    odds_interval: tuple[float, float] | None

    def to_json(self) -> dict[str, Any]:
        """Return it as `explain --coefficients --json` has it."""
        named = {name.replace("class_name", "class"): value for name, value in dataclasses.asdict(self).items()}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in named.items()
            if self.class_name is not None or name not in OF_CLASSES
        }

    def cells(self) -> tuple[Any, ...]:
        """Return it as a row under what `header` says."""
        ends, odds_ends = (its or (None, None) for its in (self.interval, self.odds_interval))
        if self.class_name is None:
            return self.column, self.part, self.coefficient, *ends
        named = self.column, self.part, self.class_name, self.coefficient
        return (*named, *ends, self.odds_ratio, *odds_ends)


def header(model: Model) -> tuple[str, ...]:
    """Return the titles of the columns of `explain --coefficients --csv`."""
    return HEADER if model.target is None else tuple(name for name in HEADER if name not in OF_CLASSES)


def check_linear(model: Model) -> None:
    """Raise OptionError for a model that is not linear, or one whose inputs are no multiples of its columns."""
    if not model.config.model.is_linear:
        how = model.config.model
        what = "hidden layers" if how.hidden else "members" if how.ensemble or len(how.parts) > 1 else "embeddings"
        problem = f"model '{model.config.model.name}' has {what}, and its weights are no coefficients of columns"
        linear = "logistic" if model.target is None else "linear"
        raise OptionError("coefficients", problem, f"Leave it out, or train a linear model, such as {linear}")
    if not model.preprocess.n_others:
        problem = "the model has no columns beside those of text, of which n-grams have weights"
        raise OptionError("coefficients", problem, f"Leave it out: {mention('words')} shows them")
    if not model.preprocess.is_affine:
        scaling = model.preprocess.scaling
        problem = f"the scaling {scaling} bends the columns, so that one unit more does not add the same everywhere"
        raise OptionError("coefficients", problem, f"Leave it out, or train with {mention('scale', 'standard')}")


def coefficients(model: Model, others: list[Array]) -> list[Coefficient]:
    """Return the coefficients of a linear model, column after column, of each class; of two, of the positive one.

    The lead of a class, or the predicted number, is the sum of the intercept and of coefficient times value, where the
    value of a category is 1 for a row that has it. The intervals are those of `others`, the parameters of the model
    when it is trained on resampled rows; without any, there are none.
    """
    terms, names = [*_terms(model)], model.classes or (None,)
    classes = [model.positive] if len(names) == 2 else range(len(names))
    own = _in_units(model, model.network.theta)
    drawn = np.array([_in_units(model, theta) for theta in others])
    found = []
    unused = np.concatenate([[False], model.preprocess.dead])
    for i, (column, part) in enumerate(terms):
        if part == OTHER and unused[i]:
            continue  # no row of training had one
        for k in classes:
            value, interval = float(own[i, k]), None
            if len(others) > 1 and drawn[:, i, k].min() < drawn[:, i, k].max():
                interval = middle(drawn[:, i, k], value)
            odds = odds_interval = None
            if model.probabilistic and column != INTERCEPT:
                odds = _factor(value)
                odds_interval = interval and (_factor(interval[0]), _factor(interval[1]))
            found.append(Coefficient(column, part, names[k], value, interval, odds, odds_interval))
    return found


def _factor(coefficient: float) -> float:
    return float(np.exp(np.clip(coefficient, -700, 700)))


def _terms(model: Model) -> Iterator[tuple[str, str]]:
    """Yield what each coefficient is of: a column, and a part of it."""
    preprocess = model.preprocess
    yield INTERCEPT, ""
    yield from ((name, "") for name in preprocess.number_names)
    for name, first in preprocess.dates:
        yield from ((name, part) for part in (f"{INPUTS[0]} since {written(first)}", *INPUTS[1:]))
    for name, categories in preprocess.categories.items():
        yield from ((name, MISSING if category is None else category) for category in categories)
        yield name, OTHER


def _in_units(model: Model, theta: Array) -> Floats:
    """Return the coefficients (1 + d, K) that the parameters θ are: the intercepts, then those of each input as it was
    before scaling, where x = (v − shift) · scale, and the first category of each text counts 0."""
    preprocess, [layer] = model.preprocess, plain(model.network.with_parameters(theta)).dense
    W, b = layer.W.astype(np.float64), layer.b.astype(np.float64)
    V, c = lead_of_scores(model)
    C, intercept, m = W[: preprocess.n_others] @ V, b @ V + c, preprocess.n_numbers
    C[:m] *= preprocess.scale[:, None]
    intercept -= preprocess.shift @ C[:m]
    for name in preprocess.categories:
        place = inputs_of(model.schema, preprocess)[name]
        first = C[place.start].copy()
        intercept += first
        C[place] -= first
    return np.vstack([intercept, C])
