"""Findings on what the model has learned: better than simple answers, neither too much nor too little, well judged."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from nncli.metrics.definitions import CalibrationError
from nncli.metrics.rows import Floats
from nncli.metrics.student import share_interval
from nncli.report.document import Finding
from nncli.report.evidence import Evidence, between
from nncli.report.what_helps import (
    ended_by_plan,
    has_validation,
    is_blend,
    is_still_improving,
    longer,
    searched,
    what_helps,
)
from nncli.system.output import in_quotes, percent, shortened
from nncli.training.reference import REFERENCES, is_beaten_by, is_better_than, say_comparison

GAP = 0.05  # between the accuracy of training rows and others, from which a model knows its own rows by heart
TOLD_APART = (
    "Rows of so many inputs, as of texts, can nearly all be told apart by what each has alone, so that this is usual "
    "for a good model too. More rows bring the two together."
)
LITTLE = 0.1  # of the way from the baseline to no mistake, on the training rows


def baseline(of: Evidence) -> Finding:
    """Compare with always giving one answer; for a class that is rare, count each class the same."""
    name = "Better than always one answer"
    accuracy, low, high = of.estimate("accuracy")
    constant = of.metrics["baseline"]["accuracy"]
    answer = f"always answering {in_quotes(shortened(of.commonest))} is right for {percent(constant)}"
    evidence = f"The model is right for {percent(accuracy)} of the rows ({between(low, high)}); {answer}."
    if low > constant:
        return Finding(name, "passed", evidence)
    balanced, least, most = of.estimate("balanced-accuracy")
    guessed = 1 / len(of.scored.present)
    each = f"With each class counting the same, it is right for {percent(balanced)} ({between(least, most)})"
    if least > guessed:
        return Finding(name, "passed", f"{evidence} {each}, and one answer for {percent(guessed)}.")
    remedy = "Do not use it yet: look at the data with nncli check, add columns that say more, or add rows."
    return Finding(name, "look", f"{evidence} {each}: that is not shown to be better.", remedy)


def simple_reference(of: Evidence) -> Finding:
    """Compare with a model of another kind."""
    name = "A simple reference"
    found, why = of.reference
    is_one = of.model.config.model.is_linear and of.model.probabilistic
    if found is None and is_one:
        return Finding(name, "passed", "The model is one itself, of the kind of logistic regression.")
    if found is None:
        return Finding(name, "unknown", f"It was not tested: {why}.", "Train with --reference linear to compare.")
    said = "; ".join(say_comparison(found, of.figures["positive"]))
    evidence = f"{said[0].upper()}{said[1:]}{', on the rows of the training run' if of.subject.source else ''}."
    other = REFERENCES[found["name"]]
    if is_beaten_by(found):
        if is_still_improving(of):
            remedy = longer(of)
        elif found["name"] == "linear" and not of.model.config.model.is_linear:
            remedy = "Try --model softmax, which is of the same kind as that."
        else:
            remedy = "Try other options with nncli sweep."
        return Finding(name, "look", evidence, f"What {other} finds can be learned. {remedy}")
    if is_better_than(found):
        return Finding(name, "passed", evidence)
    if is_one and found["name"] == "linear":
        return Finding(name, "passed", f"{evidence} The model is of that kind itself.")
    remedy = "Judge both on more rows; if they still do not differ, take the simpler one."
    return Finding(name, "undecided", f"{evidence} That is too little to say which is better.", remedy)


def overfitting(of: Evidence) -> Finding:
    """Compare the accuracy of training rows with that of rows the model has not seen."""
    name = "Overfitting"
    if of.figures["train"] is None:
        return Finding(name, "unknown", "The accuracy of the training rows is not known.")
    known, (accuracy, low, high) = of.figures["train"]["accuracy"], of.estimate("accuracy")
    evidence = (
        f"The model is right for {percent(known)} of the rows that trained it, and for {percent(accuracy)} of those "
        f"here ({between(low, high)})."
    )
    if known - accuracy > GAP and known > high:
        if of.has_sparse_inputs:
            return Finding(name, "undecided", f"{evidence} {TOLD_APART}")
        return Finding(name, "look", evidence, f"It has learned rows by heart: {less_by_heart(of)}.")
    if known - low > 2 * GAP:
        evidence += " So few rows do not tell whether it has learned rows by heart."
        return Finding(name, "undecided", evidence)
    return Finding(name, "passed", evidence)


def less_by_heart(of: Evidence) -> str:
    """Say which rows or options leave less to be learned by heart."""
    if is_blend(of):
        return "more rows help"
    if of.model.config.model.is_linear:
        return "more rows help, or --l2 0.01"
    return "more rows help, or --l2 0.01, --dropout 0.2 or fewer units in --hidden"


def underfitting(of: Evidence) -> Finding:
    """Look whether the model has learned its own training rows."""
    name = "Underfitting"
    if of.figures["train"] is None:
        return Finding(name, "unknown", "The accuracy of the training rows is not known.")
    decision = of.model.decision
    if of.model.config.training.class_weight != "none" or (decision is not None and not decision.is_likeliest):
        evidence = "The model is not made to be right as often as possible, so that its accuracy does not tell."
        return Finding(name, "unknown", evidence)
    known, constant = of.figures["train"]["accuracy"], of.figures["baseline_accuracy"]
    evidence = f"The model is right for {percent(known)} of its own training rows, and always one answer for about "
    evidence += f"{percent(constant)}."
    if known - constant < LITTLE * (1 - constant):
        why, remedy = what_helps(of)
        return Finding(name, "look", f"{evidence} It has learned little. {why}", remedy)
    return Finding(name, "passed", evidence)


def stopped_early(of: Evidence) -> Finding:
    """Look whether training ended while the model still got better."""
    name = "Training to its end"
    if is_blend(of):
        return Finding(name, "passed", searched(of))
    done, best = len(of.subject.provenance.history), of.subject.provenance.best_epoch
    evidence = f"An epoch is one pass over the training rows. Epoch {best:,} of {done:,} was the best, and was kept"
    if best < done:
        return Finding(name, "passed", f"{evidence}: training for longer would not help.")
    if is_still_improving(of):
        return Finding(name, "look", f"{evidence}: the model still got better when training ended.", longer(of))
    if ended_by_plan(of) and not has_validation(of):
        evidence = f"All {done:,} epochs that were planned are done. Without validation rows the last epoch is kept, "
        evidence += "and nothing says whether more would help."
        return Finding(name, "unknown", evidence, "Set --val above 0.")
    if ended_by_plan(of):
        return Finding(name, "passed", f"{evidence}: the loss hardly fell any more before that.")
    return Finding(name, "passed", f"{evidence}; at most {of.model.config.training.epochs:,} were planned.")


def calibration(of: Evidence) -> Finding:
    """Compare what the model says of its certainty with how often it is right."""
    name = "Honest probabilities"
    if not of.model.probabilistic:
        evidence = f"A {of.model.config.model.name} gives scores and no probabilities."
        return Finding(name, "unknown", evidence, "Train with --calibrate to have probabilities.")
    metric = CalibrationError()
    confidence, right = metric.evidence(of.scored).T
    low, high = share_interval(int(right.sum()), of.n)
    off = _bins_off(confidence, right, metric.bins)
    evidence = (
        f"On average the model says that it is {percent(float(confidence.mean()))} sure of its answer, and it is "
    )
    evidence += f"right for {percent(float(right.mean()))} of the rows ({between(low, high)})."
    if low <= confidence.mean() <= high and not off:
        if of.is_vague:
            return Finding(name, "undecided", f"{evidence} So few rows tell no more.")
        return Finding(name, "passed", evidence)
    if off:
        evidence += f" Where it says about {percent(off[0])}, that is off by more than chance."
    calibrated = of.model.config.training.calibrate
    remedy = "Calibrate on more validation rows." if calibrated else "Train with --calibrate."
    return Finding(name, "look", evidence, remedy)


def _bins_off(confidence: Floats, right: Floats, bins: int) -> list[float]:
    """Return the mean confidence of each bin whose share of right rows differs from it by more than chance, at 95 % for
    all m bins with rows together (Bonferroni: of each, 1 − 0.05 / m)."""
    bin_of = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    used, found = np.unique(bin_of), list[float]()
    z = NormalDist().inv_cdf(1 - 0.025 / len(used))
    for one in used:
        rows = bin_of == one
        mean = float(confidence[rows].mean())
        low, high = share_interval(int(right[rows].sum()), int(rows.sum()), z)
        if not low <= mean <= high:
            found.append(mean)
    return found
