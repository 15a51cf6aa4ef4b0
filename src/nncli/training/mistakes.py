"""The mistakes of training row by row: when it has converged, and what may be said where it has not.

A mistake is a row that was answered wrongly when its turn came, and so changed the weights (Rosenblatt 1958). After an
epoch that changed no weight, no later one would: the weights separate all training rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from nncli.model.training_state import Epoch
from nncli.nn.row_loss import Loss
from nncli.system.output import counted


def why_converged(history: Sequence[Epoch], loss: Loss) -> str:
    """Say that the last epoch changed no weight, as the end of a sentence."""
    after = f"after {counted(sum(one.mistakes or 0 for one in history), 'mistake')} in all"
    last = len(history)
    if loss.margin:
        return f"converged: in epoch {last} every row was right, and by a margin of 1, {after}"
    return f"converged: epoch {last} is the first without a mistake, {after}"


def notes_on_mistakes(history: Sequence[Epoch], best: Epoch, loss: Loss, averages: bool, is_whole: bool) -> list[str]:
    """Say, a line each, where what is kept is not what separates the training rows, but another epoch or, of a run that
    `averages` its weights, a mean; or where a run that `is_whole`, not one up to an epoch that was chosen, has no epoch
    without a mistake."""
    last = history[-1]
    if last.mistakes is None:
        return []
    if last.changed_nothing:
        if averages:
            return ["the weights of the last epoch separate the training rows; kept is their average, which need not"]
        if best.number == last.number:
            return []
        kept = f"epoch {best.number} is kept, as it is better on the validation rows"
        return [f"{kept} than epoch {last.number}, whose weights separate the training rows"]
    fewest = min(history, key=lambda one: one.mistakes or 0)
    if loss.margin or not is_whole:
        return []
    found = f"no epoch without a mistake in {counted(len(history), 'epoch')}"
    least = f"the fewest, {fewest.mistakes:,}, in epoch {fewest.number}"
    return [f"{found} ({least}): perhaps no plane separates the training rows; nncli info tells, if they are few"]
