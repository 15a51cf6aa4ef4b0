"""Decide how probabilities become a class: from what mistakes cost, or by a threshold chosen on validation rows."""

from __future__ import annotations

import csv
import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nncli.config.decision_kinds import MISTAKES, MISTAKES_FORM, MOST_COST, PROMISES, mistakes_of, positive_class
from nncli.config.resolved import ResolvedConfig
from nncli.config.train_config import TrainConfig
from nncli.errors import DataError, OptionError, TrainingError, listing, mention
from nncli.metrics.definitions import METRICS
from nncli.metrics.rows import ScoredRows
from nncli.model.decision import Costs, Decision
from nncli.model.thresholds import Thresholds
from nncli.nn.losses import LOSSES
from nncli.system.addresses import address_problem
from nncli.system.characters import composed
from nncli.system.numbers import read_number
from nncli.system.output import counted, in_quotes
from nncli.training.class_weights import Weights

Vector = NDArray[np.float64]
COST_BYTES = 64 << 20
FEW_ROWS = 20  # on which a share is known to 20 points or so
NO_THRESHOLD = "The model is saved without a threshold"


def plan_decision(
    config: ResolvedConfig, classes: Sequence[str], has_val: bool, rows: NDArray[np.int64], of_class: Weights
) -> Decision | None:
    """Return what is decided before training, where something is asked for: the positive class, and what mistakes cost.
    `rows` is how many rows each class has, (K,), and `of_class` what each of them counts.

    Raises OptionError for options that the model or the data cannot meet, DataError for a bad file of costs.
    """
    options = config.options
    asked = [name for name in ("choose_threshold", "cost") if getattr(options, name) is not None]
    K = len(classes)
    positive = 1 if options.positive is None else positive_class(options.positive, classes)
    if K != 2 and options.choose_threshold is not None:
        remedy = f"Leave it out, or say what mistakes cost, in a file for {mention('cost')}"
        raise OptionError("choose_threshold", f"expected two classes, found {K}", remedy)
    probabilistic = LOSSES.create(config.model.loss).probabilistic or options.calibrate
    if asked and not probabilistic:
        problem = f"expected a model with probabilities, and {options.model} gives scores"
        raise OptionError(asked[0], problem, f"Add {mention('calibrate')}")
    if options.choose_threshold is not None and not has_val:
        raise OptionError(
            "choose_threshold", "there are no validation rows to choose on", f"Set {mention('val')} above 0"
        )
    if options.positive is None and K == 2 and rows[1] > rows[0]:
        _refuse_common_class(options, classes)
    if not asked and options.positive is None:
        return None
    costs = () if options.cost is None else _costs(options.cost, classes, positive)
    if options.choose_threshold == "cost" and not costs:
        remedy = f"Add {mention('cost', 'missed=5,false-alarm=1')}"
        raise OptionError("choose_threshold", "expected to know what mistakes cost", remedy)
    if K > 2 and costs and of_class is not None:
        problem = f"with {mention('cost')} and more than two classes, all rows have to count the same"
        raise OptionError("class_weight", problem, "Leave one of them out")
    threshold = threshold_of(costs, positive, of_class) if K == 2 and costs else None
    return Decision(positive, threshold, costs)


def _refuse_common_class(options: TrainConfig, classes: Sequence[str]) -> None:
    """Raise OptionError where what is asked for depends on which of two classes is to be found."""
    names = {"cost": MISTAKES, "choose_threshold": ("f1", *(f"{promise}=" for promise in PROMISES))}
    for option, begins in names.items():
        if (getattr(options, option) or "").startswith(begins):
            raise which_is_positive(option, classes)
    if options.metric is not None and METRICS.create(options.metric).is_of_positive:
        raise which_is_positive("metric", classes)


def which_is_positive(option: str, classes: Sequence[str]) -> OptionError:
    """Return the error for an option that depends on which of two classes is to be found, where nobody says so, though
    the second one is the commoner: who speaks of missed rows mostly means the rarer."""
    problem = f"expected to know which class is to be found: {in_quotes(classes[0])} is the rarer one"
    remedy = f"Add {mention('positive', classes[0])}, or {mention('positive', classes[1])}"
    return OptionError(option, problem, remedy)


def threshold_of(costs: Costs, positive: int, of_class: Weights = None) -> float:
    """Return the probability of the positive class from which predicting it costs less on average: f / (f + m), where a
    false alarm costs f and a missed row m more than the right answer would.

    Rows of class k that count w_k times in training raise its odds to w_k times what they are, and the threshold is on
    these odds: f w_p / (f w_p + m w_n), of the positive class p and the other n.
    """
    negative = 1 - positive
    missed = costs[positive][negative] - costs[positive][positive]
    false_alarm = costs[negative][positive] - costs[negative][negative]
    if of_class is not None:
        false_alarm, missed = false_alarm * float(of_class[positive]), missed * float(of_class[negative])
    return false_alarm / (false_alarm + missed)


def choose_threshold(p: Vector, is_positive: NDArray[np.bool_], rule: str, decision: Decision) -> float:
    """Return the threshold on the probabilities p (n,) of the positive class that is best on these rows by a rule:

    f1, mcc: the largest; cost: the least mean cost; recall=R: the highest threshold with at least that recall;
    precision=P: the lowest with at least that precision. Of several, the highest. Raises TrainingError where there is
    none.
    """
    at = Thresholds.of(p, is_positive)
    name, _, value = rule.partition("=")
    if not at.tp[-1]:
        raise TrainingError(mention("choose_threshold"), "no validation row is of the positive class", NO_THRESHOLD)
    if name == "recall":
        return float(at.t[np.argmax(at.recall >= float(value))])
    if name == "precision":
        good = np.flatnonzero(at.precision >= float(value))
        if not len(good):
            best = f"the highest on the validation rows is {np.nanmax(at.precision):.3g}"
            raise TrainingError(mention("choose_threshold"), f"no threshold has that precision: {best}", NO_THRESHOLD)
        return float(at.t[good[-1]])
    if name == "cost":
        return float(at.t[at.mean_cost(decision.costs, decision.positive).argmin()])
    return float(at.t[(at.f1 if name == "f1" else at.mcc).argmax()])


def at_chosen_threshold(rows: ScoredRows, rule: str, decision: Decision) -> ScoredRows:
    """Return rows of two classes as they are predicted with the threshold that a rule chooses on them, as it will on
    the scores of the final model; unchanged where none keeps the promise."""
    p = np.exp(-np.logaddexp(0, -rows.lead(decision.positive)))  # of a margin too, whose order is all that matters
    try:
        threshold = choose_threshold(p, rows.y == decision.positive, rule, decision)
    except TrainingError:
        return rows
    predicted = np.where(p >= threshold, decision.positive, 1 - decision.positive)
    return dataclasses.replace(rows, predicted=predicted)


def few_rows(rule: str, is_called: NDArray[np.bool_], is_positive: NDArray[np.bool_]) -> list[str]:
    """Warn of a promise that rests on few validation rows: those of the positive class for a recall, those that are
    called so for a precision."""
    name = rule.partition("=")[0]
    if name not in PROMISES:
        return []
    n = int((is_positive if name == "recall" else is_called).sum())
    which = "of the positive class" if name == "recall" else "called positive"
    return [f"warning: {rule} rests on {counted(n, 'validation row')} {which}"] if n < FEW_ROWS else []


def _costs(text: str, classes: Sequence[str], positive: int) -> Costs:
    if text.startswith(tuple(f"{name}=" for name in MISTAKES)):
        if len(classes) != 2:
            problem = f"missed and false-alarm are mistakes between two classes, and there are {len(classes)}"
            raise OptionError("cost", problem, "Name a CSV file with a row and a column for each class")
        cost = mistakes_of(text)
        of_row = {positive: cost["missed"], 1 - positive: cost["false-alarm"]}
        return tuple(tuple(0.0 if j == k else of_row[j] for k in range(2)) for j in range(2))
    return _read_costs(text, classes)


def _cost(path: str, true: str, predicted: str, cell: str, sign: str) -> float:
    """Read a cell of a matrix of costs; DataError for what is no number, or too large."""
    try:
        cost = read_number(cell if sign == "," else cell.replace(",", "."))
    except ValueError:
        cost = math.inf
    if abs(cost) <= MOST_COST:
        return cost
    found = f"found {in_quotes(cell.strip())}" if cell.strip() else "found an empty cell"
    problem = f"row '{true}', column '{predicted}': expected a number up to {MOST_COST:g}, {found}"
    raise DataError(path, problem, "Write what it costs, or 0")


def _is_number(text: str) -> bool:
    try:
        read_number(text)
    except ValueError:
        return False
    return True


def _read_costs(path: str, classes: Sequence[str]) -> Costs:
    """Read a matrix of costs: a header with the predicted classes, and a row for each true class, whose name is its
    first cell. Raises DataError for anything else."""
    form = f"Write a row and a column for each of the classes {listing(classes)}, with their names"
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            text = composed(file.read(COST_BYTES + 1))
        if len(text) > COST_BYTES:
            raise DataError(path, f"expected a matrix of costs, found more than {COST_BYTES >> 20} MiB", form)
        lines = [line for line in text.splitlines() if line.strip(",;\t ")]
        cuts = (([*csv.reader(lines, delimiter=sign)], sign) for sign in ",;\t")
        rows, sign = next((cut for cut in cuts if cut[0] and len(cut[0][0]) == len(classes) + 1), ([], ","))
        rows = rows or [*csv.reader(lines)]
    except OSError as error:
        if address := address_problem(path):
            raise DataError(*address) from None
        if _is_number(path):
            problem = f"expected what each mistake costs, or a file with that, found the number {path}"
            remedy = "Name a CSV file with a row and a column for each class"
            remedy = f"Use {mention('cost', MISTAKES_FORM)}" if len(classes) == 2 else remedy
            raise OptionError("cost", problem, remedy) from None
        raise DataError(path, f"the costs cannot be read: {error.strerror}", form) from None
    except (UnicodeDecodeError, csv.Error):
        raise DataError(path, "expected a CSV file of costs, found something else", form) from None
    names = [cell.strip() for cell in rows[0][1:]] if rows else []
    of_row = {row[0].strip(): row[1:] for row in rows[1:]}
    for found, what in ((names, "column"), ([row[0].strip() for row in rows[1:]], "row")):
        if sorted(found) != sorted(classes):
            raise DataError(path, f"expected a {what} for each class, found {listing(found) or 'none'}", form)
    costs = []
    for true in classes:
        cells = dict(zip(names, of_row[true], strict=False))
        if len(of_row[true]) != len(names):
            raise DataError(path, f"row '{true}': expected {len(names)} costs, found {len(of_row[true])}", form)
        costs.append(tuple(_cost(path, true, name, cells.get(name, ""), sign) for name in classes))
        j = classes.index(true)
        if costs[-1][j] > min(costs[-1]) or costs[-1][j] == max(costs[-1]):
            problem = f"row '{true}': expected the right answer to cost less than a wrong one"
            raise DataError(path, problem, "Correct it: the cost of a right answer is usually 0")
    return tuple(costs)
