"""Tell what would make a model learn more, as far as its training shows: all findings of a report advise by it."""

from __future__ import annotations

import math

import numpy as np

from nncli.model.training_state import first_as_good
from nncli.nn.schedules import SCHEDULES
from nncli.report.evidence import Evidence
from nncli.system.output import counted
from nncli.training.misfits import large_penalty

WENT_ON = 0.98  # of the loss of the kept epoch: one that sinks lower later has gone on learning its own rows
SOON = 0.1  # of the epochs, before which the best came early
SLOWER = 10  # times
TELLS = 3  # epochs, of which the losses tell whether more would help: of fewer, more always did
SMALL_RATE = 0.1  # of the learning rate, at the end of a schedule
# by how much the validation loss must sink in the second half to sink further in twice as many epochs: of that in the
# middle, and of that of guessing
STILL_SINKS, MATTERS = 0.03, 0.01


def is_blend(of: Evidence) -> bool:
    """Tell whether a search found the model, which has a history of networks, and options of its own choice."""
    return bool(of.model.config.parts)


def searched(of: Evidence) -> str:
    """Say what a search came to."""
    kept = "the best" if len(of.model.config.parts) == 1 else "those best together"
    return f"A search trained {counted(len(of.subject.provenance.history), 'network')}, and kept {kept}."


def has_validation(of: Evidence) -> bool:
    """Tell whether each epoch was judged on validation rows."""
    return not bool(np.isnan(of.subject.provenance.history[:, 2]).all())


def ended_by_plan(of: Evidence) -> bool:
    """Tell whether training ended because all epochs that were planned are done, and not since nothing changed."""
    p = of.subject.provenance
    if is_blend(of) or of.figures["refit"] or of.figures["folds"] or len(p.history) < of.model.config.training.epochs:
        return False
    return not p.epochs(of.model.config.row_by_row)[-1].changed_nothing


def is_still_improving(of: Evidence) -> bool:
    """Tell whether the model still got better on validation rows when training ended."""
    p, last = of.subject.provenance, len(of.subject.provenance.history)
    if p.best_epoch < last or not (ended_by_plan(of) and has_validation(of)):
        return False
    losses = p.history[:, 2]
    before = losses[(last - 1) // 2]
    if last >= TELLS and _rate_sinks(of) and before - losses[-1] < _matters(of, before):
        return False  # the last epoch, with the smallest steps, is the best however many there are
    return first_as_good(p.epochs(of.model.config.row_by_row), last) == last


def _rate_sinks(of: Evidence) -> bool:
    """Tell whether the learning rate was to be next to nothing at the end, by its schedule."""
    schedule = SCHEDULES.create(of.model.config.training.schedule)
    schedule.start(1)
    return schedule.shape(1.0) < SMALL_RATE


def _matters(of: Evidence, before: float) -> float:
    """Return by how much a validation loss must sink that was so large before: the cross-entropy of guessing is log K
    for K classes; other losses, and those of numbers that are standardised, are about 1."""
    return max(STILL_SINKS * before, MATTERS * max(1.0, math.log(max(1, len(of.model.classes)))))


def longer(of: Evidence) -> str:
    """Advise more epochs."""
    return f"The last epoch was the best: train longer, with --epochs {2 * of.model.config.training.epochs}."


def what_helps(of: Evidence) -> tuple[str, str]:
    """Say why a model may know little, and what helps: a smaller penalty, if it is large; more epochs only if
    the last was the best; or else columns, a lower rate or more units, by what its loss did after the epoch that was
    kept."""
    if penalty := large_penalty(of.model.config.training, of.has_sparse_inputs):
        return f"Most likely {penalty} keeps its weights near to 0.", "Make that penalty smaller."
    if is_blend(of):
        return searched(of), "Find columns that say more."
    if is_still_improving(of):
        return "It still got better when training ended.", longer(of)
    if ended_by_plan(of) and not has_validation(of):
        why = "Without validation rows nothing says whether it still got better when training ended."
        return why, "Set --val above 0 to see that, or find columns that say more."
    p, training = of.subject.provenance, of.model.config.training
    done, best, losses = len(p.history), p.best_epoch, p.history[:, 0]
    why = f"Longer training would not help: epoch {best:,} of {done:,} was the best."
    if losses[-1] < WENT_ON * losses[best - 1]:
        why += " What it learned later is true of its own rows only."
        remedy = "Find columns that say more, or more rows"
        if best <= max(1, SOON * done) and training.optimizer != "lbfgs":
            remedy += f"; or learn more slowly, with --lr {training.lr / SLOWER:g}"
        return why, f"{remedy}."
    if of.has_sparse_inputs:  # which a straight border tells apart
        return why, "Find columns that say more, or more rows."
    if len(of.model.network.dense) == 1:
        return why, "Try --model mlp, which finds more than a straight border, or find columns that say more."
    widths = "x".join(str(layer.units) for layer in of.model.network.dense[:-1])
    return why, f"Try more units in --hidden than {widths}, or find columns that say more."
