"""A model of another kind on the same rows and inputs, beside which a network has to prove itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from nncli.data.scaled_rows import RowWindow, Subset
from nncli.errors import OptionError, TrainingError, mention
from nncli.metrics.definitions import METRICS
from nncli.metrics.paired import compared, sign_flip_p, sums_of_groups
from nncli.metrics.rows import Floats, ScoredRows
from nncli.model.decision import Decision
from nncli.model.model import Model
from nncli.system.output import number, percent
from nncli.training.decision import choose_threshold
from nncli.training.final_figures import scored
from nncli.training.prepare import Prepared
from nncli.training.reference_of_numbers import (
    NAMES,
    compare_numbers,
    say_comparison_of_numbers,
    say_not_compared_by,
)

REFERENCES = {"trees": "gradient-boosted trees", "linear": "logistic regression"}
STEPS = 1000  # of logistic regression, beyond which it is not waited for
CHANCE = 0.05
NEVER = -1000.0  # the logit of a class that a reference has not seen
LogitsOf = Callable[[Subset], Floats]  # (n, K) of the rows of a part, or (n, 1) of two classes


def check_reference(kind: str, prepared: Prepared) -> None:
    """Raise OptionError where there is no reference for these data."""
    trains_val = prepared.config.options.refit or prepared.val.folds is not None
    if not (prepared.test or (prepared.val and not trains_val)):
        raise OptionError("reference", "there are no rows to compare on", f"Set {mention('test')} above 0")
    its = (REFERENCES if prepared.target is None else NAMES)[kind]
    if prepared.train.matrix.is_sparse and kind != "linear":
        problem = f"{its} cannot learn from rows of which only what is not 0 is stored, as those of texts are"
        raise OptionError("reference", problem, f"Use {mention('reference', 'linear')}")
    if isinstance(prepared.train.matrix, RowWindow):
        raise OptionError("reference", f"{its} need all rows in memory", f"Leave out {mention('memory')}")


def compare(kind: str, prepared: Prepared, model: Model) -> dict[str, Any]:
    """Train a reference of scikit-learn with its defaults, on the training rows and as the network sees them, and
    compare it as `compare_with` does, or `compare_numbers`. Raises TrainingError where it cannot learn from these
    rows."""
    if model.target is not None:
        return compare_numbers(kind, prepared, model)
    return compare_with(kind, _fitted(kind, prepared), prepared, model)


def compare_with(kind: str, logits_of: LogitsOf, prepared: Prepared, model: Model) -> dict[str, Any]:
    """Compare a model with a reference, whose probabilities are softmax(logits), on the test rows, or else on the
    validation rows, which the reference has not used.

    By accuracy there, with the p-value of McNemar's test of the rows at which one of the two is right; and by the
    metric of the model, if there is one, with its paired test. Both decide in one way: see `_decision`. Rows of a group
    count as one.
    """
    part, held, groups = "val", prepared.val, prepared.val_groups
    if prepared.test:
        part, held, groups = "test", prepared.test, prepared.test_groups
    theirs = _judged(logits_of(held), held, model, _decision(logits_of, prepared, model))
    ours, theirs = (dataclasses.replace(rows, groups=groups) for rows in (scored(model, held), theirs))
    d = (ours.predicted == ours.y).astype(np.float64) - (theirs.predicted == theirs.y)
    found = {
        "name": kind,
        "part": part,
        "accuracy": float((theirs.predicted == theirs.y).mean()),
        "difference": float(d.mean()),
        "p_value": sign_flip_p(d if groups is None else sums_of_groups(d, groups)),
        "metric": None,
    }
    name = _metric(model)
    if name is not None and METRICS.create(name).problem(ours.oriented) is None:
        by = dataclasses.asdict(compared(METRICS.create(name), ours, theirs))
        found["metric"] = {"name": name, "value": by.pop("values")[1], **by}
    return found


def _metric(model: Model) -> str | None:
    """Return the metric that a model is compared by beside accuracy, if any. A reference has no loss of training: its
    log loss is as near to that as may be."""
    asked = model.config.options.metric
    return "log-loss" if asked == "loss" else model.metric


def say_not_compared(found: dict[str, Any], model: Model, prepared: Prepared) -> list[str]:
    """Say so, in a line, where the model and a reference could not be compared by the metric that was asked for."""
    if model.target is not None:
        return say_not_compared_by(found, model, scored(model, prepared.test or prepared.val))
    name = _metric(model)
    if name is None or found["metric"] is not None:
        return []
    problem = METRICS.create(name).problem(scored(model, prepared.test or prepared.val).oriented)
    assert problem is not None
    return [f"the reference is compared by accuracy alone, not by {name}: {problem[0]}"]


def _judged(Z: Floats, part: Subset, model: Model, decision: Decision | None) -> ScoredRows:
    """Return the rows of a part with what a reference says of them, by its logits Z."""
    K, y = len(model.classes), part.y[part.rows].astype(np.int64)
    costs = None if decision is None else decision.cost_matrix
    rows = ScoredRows(y, np.zeros_like(y), K, Z, True, positive=model.positive, costs=costs)
    likeliest = decision is None or decision.is_likeliest
    blocks = rows.blocks() if likeliest else rows.probabilities()
    predicted = [P.argmax(axis=1) if decision is None or likeliest else decision.classes(P) for _, P in blocks]
    return dataclasses.replace(rows, predicted=np.concatenate(predicted))


def _decision(logits_of: LogitsOf, prepared: Prepared, model: Model) -> Decision | None:
    """Return how the reference decides: by the costs of the model, or a threshold of its own, chosen by the rule of the
    model on the validation rows, if the model has one."""
    decision, rule = prepared.decision, prepared.config.options.choose_threshold
    if decision is None or rule is None or (model.decision is not None and model.decision.threshold is None):
        return model.decision
    rows = _judged(logits_of(prepared.val), prepared.val, model, None)
    p = np.concatenate([P[:, decision.positive] for _, P in rows.probabilities()])
    try:
        threshold = choose_threshold(p, rows.y == decision.positive, rule, decision)
    except TrainingError:  # none keeps the promise, as for a model
        return dataclasses.replace(decision, threshold=None)
    return dataclasses.replace(decision, threshold=threshold)


def _fitted(kind: str, prepared: Prepared) -> LogitsOf:
    """Train a reference; return what gives its logits (n, K) of the rows of a part, or (n, 1) of two classes."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    train, seed, K = prepared.train, prepared.config.options.seed, len(prepared.dataset.classes)
    if kind == "trees":
        reference = HistGradientBoostingClassifier(random_state=seed)
    else:
        reference = LogisticRegression(max_iter=STEPS, random_state=seed)
    weights = None if train.weights is None else train.weights[train.rows]
    try:
        reference.fit(train.inputs(), train.y[train.rows], sample_weight=weights)
    except ValueError as error:
        problem = f"{REFERENCES[kind]} cannot be trained on these rows: {str(error).splitlines()[0].rstrip('.')}"
        raise TrainingError(mention("reference"), problem, "The model is saved without it") from None

    def logits_of(part: Subset) -> Floats:
        Z = np.asarray(reference.decision_function(part.inputs()), np.float64).reshape(len(part), -1)
        if K == 2 or Z.shape[1] == K:
            return Z
        found = np.full((len(part), K), NEVER)  # classes without training rows
        found[:, reference.classes_] = np.hstack([np.zeros_like(Z), Z]) if Z.shape[1] == 1 else Z
        return found

    return logits_of


def say_comparison(found: dict[str, Any], positive: str | None) -> list[str]:
    """Say, a line each, whether the reference differs from the model by more than chance: in accuracy, and in the
    metric. `positive` is the positive class, of two. Of numbers, see `say_comparison_of_numbers`."""
    if "rmse" in found:
        return say_comparison_of_numbers(found)
    other, ours = REFERENCES[found["name"]], found["accuracy"] + found["difference"]
    rows = "these rows" if found["part"] == "test" else "the validation rows, by which the epoch was chosen too"
    test = f"({percent(ours)} and {percent(found['accuracy'])}, p-value {found['p_value']:.2g})"
    more = "more" if found["difference"] > 0 else "less"
    said = f"the model is {more} often right than {other}, by more than chance"
    if found["p_value"] >= CHANCE:
        said = f"the model and {other} differ by no more than chance"
    lines = [f"{said} on {rows} {test}"]
    if (by := found["metric"]) is not None:
        metric = METRICS.create(by["name"])
        write = percent if metric.in_percent else number
        test = f"({write(by['value'] + by['difference'])} and {write(by['value'])}, p-value {by['p_value']:.2g})"
        label, better = metric.label(positive), (by["difference"] > 0) == metric.higher_is_better
        said = f"the model is {'better' if better else 'worse'} than {other}, by more than chance"
        lines.append(f"in {label}, {said if by['p_value'] < CHANCE else 'they differ by no more than chance'} {test}")
    return lines


def is_better_than(found: dict[str, Any]) -> bool:
    """Tell whether the model is better than the reference by more than chance, in accuracy or the metric, and by
    neither of them worse."""
    if is_beaten_by(found):
        return False
    by = found["metric"]
    return bool(found["p_value"] < CHANCE and found["difference"] > 0) or (by is not None and by["p_value"] < CHANCE)


def is_beaten_by(found: dict[str, Any]) -> bool:
    """Tell whether the reference is better than the model by more than chance, in accuracy, or squared errors, or the
    metric."""
    by = found["metric"]
    if by is not None and by["p_value"] < CHANCE:
        return (by["difference"] < 0) == METRICS.create(by["name"]).higher_is_better
    is_worse = found["difference"] > 0 if "rmse" in found else found["difference"] < 0
    return bool(found["p_value"] < CHANCE and is_worse)
