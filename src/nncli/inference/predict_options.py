"""Hold the options of a prediction, and refuse what a model cannot do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from nncli.data.csv.header import DETECTED, TextOptions
from nncli.errors import OptionError, mention
from nncli.model.model import Model
from nncli.system.output import counted


@dataclass(frozen=True)
class PredictOptions:
    """Options of a prediction: what is read and written for each row.

    keep: the columns of the input to write before the prediction.
    proba: add a column for each class, `p_<class>`, or `score_<class>` if the model gives no probabilities.
    threshold: for two classes, predict the positive one from this probability on; None: as the model decides.
    reasons: add so many columns that add most to the lead of the prediction, or to the predicted number, `reason_1`,
        and how much, `contribution_1`, …; of more than two classes, before them the class that it leads over,
        `runner_up`.
    interval: add columns `low` and `high`, between which a predicted number lies with that probability; of classes, a
        column `set`, of which one is the class of the row with that probability.
    uncertainty: add a column `uncertainty`, the standard deviation over the members of an ensemble of the probability
        of the predicted class, or of the predicted number, in its unit.
    embed: write the outputs of the last hidden layer instead, `h_0`, `h_1`, …; of an ensemble those of all members.
    on_error: whether to stop at a row that cannot be read, or to leave its prediction empty.
    escape_formulas: put an apostrophe before text that a spreadsheet would run as a formula.
    jsonl: write each row as a JSON object, with null for an empty prediction, instead of CSV.
    strict: stop at the first row that has what no training row had, and fail at the end where rows have drifted.
    """

    keep: Sequence[str] | Literal["all"] = ()
    proba: bool = False
    threshold: float | None = None
    reasons: int = 0
    interval: float | None = None
    uncertainty: bool = False
    embed: bool = False
    on_error: Literal["fail", "blank"] = "fail"
    escape_formulas: bool = False
    jsonl: bool = False
    strict: bool = False
    text: TextOptions = DETECTED


def check_options(options: PredictOptions, model: Model) -> None:
    """Raise OptionError where the model cannot do what the options ask for."""
    name = model.config.model.name
    for option in ("proba", "threshold"):
        if getattr(options, option) not in (False, None):
            model.refuse_for_numbers(option)
    if options.interval is not None and model.target is None and not model.probabilistic:
        problem = f"prediction sets rest on probabilities, and {name} gives scores"
        raise OptionError("interval", problem, f"Train it with {mention('calibrate', True)}")
    if options.interval is not None and options.embed:
        problem = f"it replaces the predictions, and {mention('interval')} asks for them"
        raise OptionError("embed", problem, "Leave one of them out")
    if options.threshold is not None:
        model.check_threshold("threshold")
    if options.embed and not model.network.has_hidden:
        raise OptionError("embed", f"model '{name}' has no hidden layer", f"Train one with {mention('model', 'mlp')}")
    if options.reasons:
        from nncli.explain.reasons import check_background

        check_background(model, "reasons")
        if options.reasons > len(model.schema.names) and model.preprocess.words is None:
            problem = f"expected at most {counted(len(model.schema.names), 'column')}, as the model has"
            raise OptionError("reasons", f"{problem}, found {options.reasons:,}")
    if options.uncertainty and not model.network.is_several:
        problem = "it is the spread between the members of an ensemble, and the model is none"
        remedy = f"train it with {mention('ensemble', 8)}"
        if model.config.parts:  # which that option does not suit
            remedy = f"search again with more {mention('time_limit')}, as a blend of all folds has members"
        raise OptionError("uncertainty", problem, f"Leave it out, or {remedy}")
    others = {"proba": options.proba, "threshold": options.threshold is not None, "reasons": options.reasons > 0}
    others["uncertainty"] = options.uncertainty
    if options.embed and any(others.values()):
        other = mention(next(name for name, is_given in others.items() if is_given))
        raise OptionError("embed", f"it replaces the predictions, and {other} asks for them", "Leave one of them out")
    if options.jsonl and options.escape_formulas:
        raise OptionError("escape_formulas", "a spreadsheet does not read JSON", "Leave it out")
