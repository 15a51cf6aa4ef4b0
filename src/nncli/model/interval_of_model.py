"""How wide the interval of a prediction is, and which classes are likely enough for a set, or why nobody knows."""

from __future__ import annotations

from nncli.errors import OptionError, mention
from nncli.model.conformal import MOST_SCORES, rows_needed
from nncli.model.model import Model
from nncli.system.output import counted


def half_width(model: Model, share: float) -> float:
    """Return how far the interval of a prediction goes on both sides; OptionError for too few validation rows."""
    found = model.of_numbers.half_width(share)
    if found is None:
        raise _too_few("an interval", model, share, len(model.of_numbers.errors))
    return found


def least_probability(model: Model, share: float) -> float:
    """Return the probability from which on a class is in a prediction set; OptionError for too few validation rows."""
    found = model.least_probability(share)
    if found is None:
        raise _too_few("a prediction set", model, share, len(model.own_probabilities))
    return found


def _too_few(what: str, model: Model, share: float, n: int) -> OptionError:
    """Return the error for a model that knows of `n` validation rows, too few for that share."""
    if n:
        problem = f"{what} of {share:g} rests on {counted(needed := rows_needed(share), 'validation row')} or more"
        problem += f", and the model has {n:,}"
        if needed > MOST_SCORES:
            return OptionError("interval", f"{problem}: no more than {MOST_SCORES:,} are kept", "Ask for 0.999 or less")
        return OptionError("interval", problem, f"Ask for less, or train with more {mention('val')}")
    problem = f"{what} rests on predictions of validation rows, and the model file has none"
    options = model.config.options
    if options.folds is not None:
        remedy = f"Train it again without {mention('folds')}"
    else:
        remedy = f"Train it again, with {mention('val', '0.15')}"
    return OptionError("interval", problem, remedy)
