"""A model of another kind that predicts numbers from the same rows and inputs, beside which a network has to prove
itself."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from nncli.data.scaled_rows import Subset
from nncli.errors import TrainingError, mention
from nncli.metrics.definitions import METRICS
from nncli.metrics.paired import CHANCE, compared, mean_interval, sign_flip_p, sums_of_groups
from nncli.metrics.rows import Floats, ScoredRows
from nncli.model.model import Model
from nncli.system.output import quantity
from nncli.training.final_figures import figures_of_numbers, scored
from nncli.training.prepare import Prepared

NAMES = {"trees": "gradient-boosted trees", "linear": "linear regression"}


def compare_numbers(kind: str, prepared: Prepared, model: Model) -> dict[str, Any]:
    """Train a reference of scikit-learn with its defaults, on the training rows and as the network sees them, and
    compare it with a model on the test rows, or else on the validation rows, which the reference has not used.

    By the mean squared error there: how much higher that of the model is, with its 95 % interval and the p-value of
    flipping the signs of the differences of rows; and by the metric of the model, if it is another one, with its paired
    test. Rows of a group count as one. Raises TrainingError where the reference cannot learn from these rows.
    """
    part, held, groups = "val", prepared.val, prepared.val_groups
    if prepared.test:
        part, held, groups = "test", prepared.test, prepared.test_groups
    ours = dataclasses.replace(scored(model, held), groups=groups)
    theirs = dataclasses.replace(ours, predicted=_predicted(kind, prepared, held), losses=None)
    unit = model.of_numbers.sd  # in which squares of squares of large numbers can be counted
    squares = [(np.asarray(rows.predicted - rows.y, np.float64) / unit) ** 2 for rows in (ours, theirs)]
    d = squares[0] - squares[1]
    p_value = sign_flip_p(d if groups is None else sums_of_groups(d, groups))
    found: dict[str, Any] = {
        "name": kind,
        "part": part,
        **figures_of_numbers(theirs),
        "difference": float(d.mean()) * unit**2,
        "interval": _interval(d, groups, p_value, unit**2),
        "p_value": p_value,
        "metric": None,
    }
    asked = model.config.options.metric
    if asked not in (None, "loss", "rmse") and METRICS.create(asked).problem(theirs) is None:
        by = dataclasses.asdict(compared(METRICS.create(asked), ours, theirs))
        found["metric"] = {"name": asked, "value": by.pop("values")[1], **by}
    return found


def _interval(d: Floats, groups: Any, p_value: float, unit: float) -> list[float] | None:
    """Return the interval of the mean of the differences d (n,) of that unit, as wide as their p-value says; None for
    one row."""
    low, high = mean_interval(d, groups)
    if p_value >= CHANCE:
        low, high = min(low, 0.0), max(high, 0.0)
    return [low * unit, high * unit] if low < high else None


def _predicted(kind: str, prepared: Prepared, part: Subset) -> Floats:
    """Train a reference; return the numbers (n,) that it predicts for the rows of a part, in the unit of the target."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import LinearRegression

    train, scale = prepared.train, prepared.target
    assert scale is not None
    seed = prepared.config.options.seed
    reference = LinearRegression() if kind == "linear" else HistGradientBoostingRegressor(random_state=seed)
    weights = None if train.weights is None else train.weights[train.rows]
    try:
        reference.fit(train.inputs().astype(np.float64), train.y[train.rows], sample_weight=weights)
    except ValueError as error:
        problem = f"{NAMES[kind]} cannot be trained on these rows: {str(error).splitlines()[0].rstrip('.')}"
        raise TrainingError(mention("reference"), problem, "The model is saved without it") from None
    z: Floats = np.asarray(reference.predict(part.inputs().astype(np.float64)), np.float64)
    return scale.numbers(z[:, None])


def say_comparison_of_numbers(found: dict[str, Any]) -> list[str]:
    """Say, a line each, whether the reference differs from the model by more than chance: in the squared errors, and in
    the metric."""
    other, rows = NAMES[found["name"]], "these rows"
    if found["part"] == "val":
        rows = "the validation rows, by which the epoch was chosen too"
    p_value = f"p-value {found['p_value']:.2g}"
    ours = max(found["rmse"] ** 2 + found["difference"], 0.0) ** 0.5
    how = "nearer to" if found["difference"] < 0 else "farther from"
    said = f"the model is {how} the true numbers than {other}, by more than chance"
    if found["p_value"] >= CHANCE:
        said = f"the model and {other} differ by no more than chance"
    lines = [f"{said} on {rows} (RMSE {quantity(ours)} and {quantity(found['rmse'])}, {p_value})"]
    if (by := found["metric"]) is not None:
        metric = METRICS.create(by["name"])
        write = quantity if metric.name != "r2" else "{:.4f}".format
        test = f"({write(by['value'] + by['difference'])} and {write(by['value'])}, p-value {by['p_value']:.2g})"
        better = "better" if (by["difference"] > 0) == metric.higher_is_better else "worse"
        said = f"the model is {better} than {other}, by more than chance"
        if by["p_value"] >= CHANCE:
            said = "they differ by no more than chance"
        lines.append(f"in {metric.title}, {said} {test}")
    return lines


def say_not_compared_by(found: dict[str, Any], model: Model, rows: ScoredRows) -> list[str]:
    """Say so, in a line, where the metric that was asked for is not defined for the rows."""
    asked = model.config.options.metric
    problem = None if asked in (None, "loss") else METRICS.create(asked).problem(rows)
    if found["metric"] is not None or problem is None:
        return []
    return [f"the reference is compared by RMSE alone, not by {asked}: {problem[0]}"]
