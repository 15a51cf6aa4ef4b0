"""A model of another kind on the same rows and inputs, beside which a network has to prove itself."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.scaled_rows import Matrix, Subset
from nncli.errors import OptionError, TrainingError, mention
from nncli.metrics.paired import sign_flip_p, sums_of_groups
from nncli.model.model import Model
from nncli.system.output import percent
from nncli.training.batch import scores
from nncli.training.prepare import Prepared

REFERENCES = {"trees": "gradient-boosted trees", "linear": "logistic regression"}
STEPS = 1000  # of logistic regression, beyond which it is not waited for


def check_reference(kind: str, prepared: Prepared) -> None:
    """Raise OptionError where there is no reference for these data."""
    if not (prepared.test or (prepared.val and not prepared.config.options.refit)):
        raise OptionError("reference", "there are no rows to compare on", f"Set {mention('test')} above 0")
    if not isinstance(prepared.train.matrix, Matrix):
        raise OptionError("reference", f"{REFERENCES[kind]} need all rows in memory", f"Leave out {mention('memory')}")


def compare(kind: str, prepared: Prepared, model: Model) -> dict[str, Any]:
    """Train a reference of scikit-learn with its defaults, on the training rows and as the network sees them, and
    compare it on the test rows, or else on the validation rows: its accuracy there, and the p-value of McNemar's exact
    test of the rows at which one of the two is right. Of both, the likeliest class counts, whatever the model decides.
    Raises TrainingError where it cannot learn from these rows."""
    return compare_predictions(kind, _predicted(kind, prepared, held_out(prepared)), prepared, model)


def held_out(prepared: Prepared) -> Subset:
    """Return the rows to compare on: the test rows, or else the validation rows."""
    return prepared.test or prepared.val


def compare_predictions(kind: str, found: NDArray[np.int64], prepared: Prepared, model: Model) -> dict[str, Any]:
    """Return what `compare` does for the classes that a reference has predicted for the rows to compare on."""
    part, held = "test" if prepared.test else "val", held_out(prepared)
    y = held.y[held.rows]
    Z = scores(model.network, model.loss, held, len(model.classes))
    likeliest = dataclasses.replace(model, decision=None)
    ours, theirs = np.concatenate([likeliest.predicted(one) for one in Z]) == y, found == y
    groups = prepared.test_groups if part == "test" else None
    d = ours.astype(np.float64) - theirs
    return {
        "name": kind,
        "part": part,
        "accuracy": float(theirs.mean()),
        "difference": float(ours.mean() - theirs.mean()),
        "p_value": sign_flip_p(d if groups is None else sums_of_groups(d, groups)),  # a group counts as one
    }


def _predicted(kind: str, prepared: Prepared, held: Subset) -> NDArray[np.int64]:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    train, seed = prepared.train, prepared.config.options.seed
    if kind == "trees":
        reference = HistGradientBoostingClassifier(random_state=seed)
    else:
        reference = LogisticRegression(max_iter=STEPS, random_state=seed)
    weights = None if train.weights is None else train.weights[train.rows]
    try:
        reference.fit(_inputs(train), train.y[train.rows], sample_weight=weights)
    except ValueError as error:
        problem = f"{REFERENCES[kind]} cannot be trained on these rows: {str(error).splitlines()[0].rstrip('.')}"
        raise TrainingError(mention("reference"), problem, "The model is saved without it") from None
    return reference.predict(_inputs(held))


def _inputs(part: Subset) -> NDArray[Any]:
    """Return the inputs of the rows of a part, (n, d)."""
    matrix = part.matrix
    assert isinstance(matrix, Matrix)
    found = np.empty((len(part), matrix.width), matrix.dtype)
    raw = np.empty((0, 0) if matrix.raw_dtype is None else found.shape, matrix.raw_dtype or matrix.dtype)
    matrix.take(part.rows, raw, found)
    return found


def say_comparison(found: dict[str, Any]) -> str:
    """Say whether the reference differs from the model by more than chance."""
    other, ours = REFERENCES[found["name"]], found["accuracy"] + found["difference"]
    test = (
        f"({percent(ours)} and {percent(found['accuracy'])} of the likeliest classes, p-value {found['p_value']:.2g})"
    )
    if found["p_value"] >= 0.05:
        return f"the model and {other} differ by no more than chance on these rows {test}"
    more = "more" if found["difference"] > 0 else "less"
    return f"the model is {more} often right than {other}, by more than chance {test}"
