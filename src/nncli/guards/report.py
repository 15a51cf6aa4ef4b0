"""Report what a guard has found, as JSON has it, and choose what is worth a line (see `lines.py`).

Of the tests of one report, all together raise a false alarm on rows that are like the training rows in at most 5 of 100
reports: those of ranges with 4 %, those of drift with 1 % (Holm's correction in each family).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nncli.guards import lines
from nncli.guards.bins import EDGES, counts_between
from nncli.guards.distribution import category_counts
from nncli.guards.drift import chance_outside, holm
from nncli.guards.guard import Guard
from nncli.guards.lines import WHEN_PREDICTED
from nncli.guards.shares import MISSING, Drift, Shares, names_of_bins
from nncli.system.output import in_quotes, warnings_in

FEWEST_ROWS = 500  # from which on drift is tested
MOST_FALSE_RANGE, MOST_FALSE_DRIFT = 0.04, 0.01  # probability of any false alarm
LEAST_SHARE = 0.01  # of the rows that are outside, to be worth a line: fewer are normal, unless they are very far
LEAST_INDEX, LEAST_INDEX_OF_PREDICTIONS = 0.1, 0.02  # PSI: what is smaller moves no figure that anybody would notice
TAIL = 1.5  # index of a Pareto distribution: few columns have a heavier tail
SMALLEST = 1e-300  # of a range that is divided by


@dataclass(frozen=True)
class Report:
    """The report of a guard: `columns` and `predictions` as JSON has them, and lines for a person. What is `told` of
    columns elsewhere is in the warnings, but not in the lines that are said."""

    rows: int
    binned: int  # of which numbers are counted in bins
    training_rows: int
    sampled: int
    columns: list[dict[str, Any]]
    predictions: dict[str, Any] | None
    outside: list[str]  # columns with values outside that are worth a line, most first
    drifted: list[str]  # columns with drift that is worth a line, the largest first
    warnings: list[str]
    said: list[str]  # notes on missing values that are new, and the warnings that nobody has told yet
    told: Sequence[str]  # columns of which all has been said
    unknown: dict[str, int]  # texts of each column of words that have none of the words of training

    @property
    def differing(self) -> list[str]:
        """Name the columns that are unlike those of training."""
        return [*dict.fromkeys([*self.told, *self.outside, *self.drifted])]

    def to_json(self) -> dict[str, Any]:
        """Return the document that --guard writes."""
        return {
            "rows": self.rows, "binned_rows": self.binned,
            "training_rows": self.training_rows, "sampled_rows": self.sampled,
            "outside": self.outside, "drifted": self.drifted,
            "predictions_drifted": bool(self.predictions and self.predictions["drifted"]),
            "warnings": warnings_in(self.warnings), "columns": self.columns, "predictions": self.predictions,
            **({"unknown_texts": self.unknown} if self.unknown else {}),
        }  # fmt: skip


def report_of(guard: Guard, told: Sequence[str] = (), advice: str = WHEN_PREDICTED) -> Report:
    """Report on the rows that a guard has seen, with what to do about drift; columns of which all has been said are
    named in `told`."""
    columns = {name: _number(guard, i) for i, name in enumerate((*guard.numbers, *guard.dates))}
    shares: dict[str | None, Shares] = {name: _of_numbers(guard, i) for i, name in enumerate(guard.numbers)}
    shares |= _of_texts(guard)
    columns |= {name: _text(guard, name) for name in guard.texts}
    ranges = [one["outside"] for one in columns.values() if one["outside"] and not one["unused"]]
    for its, p_value in zip(ranges, holm([one["p_value"] for one in ranges]), strict=True):
        its["p_adjusted"] = p_value
    if (predicted := _of_predictions(guard)) is not None:
        shares[None] = predicted
    drifts: dict[str | None, Drift] = {}
    if guard.rows >= FEWEST_ROWS:  # of all columns but dates, which move by nature
        drifts = {name: its.drift() for name, its in shares.items()}
    adjusted = dict(zip(drifts, holm([one.p_value for one in drifts.values()]), strict=True))
    moved = [name for name, one in drifts.items() if adjusted[name] <= MOST_FALSE_DRIFT and one.psi >= _least(name)]
    moved.sort(key=lambda name: -drifts[name].psi)
    for name, one in columns.items():
        one["drift"] = drifts[name].to_json(adjusted[name]) if name in drifts else None
        one["bins"] = shares[name].to_json("training", "new") if name in shares else None
    predictions = None
    if predicted is not None:
        drift = drifts[None].to_json(adjusted[None]) if None in drifts else None
        predictions = {"drifted": None in moved, "drift": drift, "bins": predicted.to_json("validation", "new")}
    outside = [name for name, one in columns.items() if _is_worth_a_line(one, guard.rows)]
    outside.sort(key=lambda name: -columns[name]["outside"]["count"])

    def warnings_but_of(left_out: Sequence[str]) -> list[str]:
        ranges = [columns[name] for name in outside if name not in left_out]
        found = [(name, drifts[name].psi, shares[name]) for name in moved if name not in left_out]
        return [*lines.of_ranges(ranges, guard.rows), *lines.of_drifts(found, advice)]

    its = guard.distribution
    found = [*columns.values()]
    drifted = [name for name in moved if name is not None]
    said = [*lines.of_missing(found), *warnings_but_of(told)]
    unknown = dict(zip(guard.fitted.columns_of_words, guard.unknown.tolist(), strict=True))
    known = guard.rows, guard.binned, its.rows, its.sampled
    return Report(*known, found, predictions, outside, drifted, warnings_but_of(()), said, told, unknown)


def _number(guard: Guard, i: int) -> dict[str, Any]:
    """Describe a column of numbers or dates."""
    its, is_number = guard.distribution, i < len(guard.numbers)
    low, high, missing = its.ranges[i].tolist()
    n, found = int(guard.known[i]), int(guard.below[i] + guard.above[i])
    known = its.rows - int(missing)
    chance = chance_outside(found, n, known) if known else 1.0
    lowest, highest = (float(end) if math.isfinite(end) else None for end in (guard.lowest[i], guard.highest[i]))
    outside = {
        "count": found, "below": int(guard.below[i]), "above": int(guard.above[i]),
        "lowest": lowest, "highest": highest, "training_low": low, "training_high": high,
    }  # fmt: skip
    if is_number and np.count_nonzero(its.edges[i] == its.edges[i]) == EDGES and found and known:
        # of values outside, a share of (1 + t)^−1.5 lies more than t ranges beyond, if the tail is that of Pareto
        far = chance_outside(1, n, known) * found * (1 + ranges_beyond(outside)) ** -TAIL
        chance = min(1.0, 2 * min(chance, far))
    return {
        "name": (*guard.numbers, *guard.dates)[i],
        "kind": "number" if is_number else "date",
        "unused": guard.is_unused(i),
        "missing": {"count": guard.rows - n, "training_count": int(missing)},
        "outside": outside | {"p_value": chance, "p_adjusted": None},
        "unseen": None,
    }


def _text(guard: Guard, name: str) -> dict[str, Any]:
    """Describe a column of text."""
    counts = guard.texts[name]
    missing = int(category_counts(guard.fitted, guard.distribution.rows)[name][-1])
    return {
        "name": name,
        "kind": "text",
        "unused": False,
        "missing": {"count": int(counts[-1]), "training_count": missing},
        "outside": None,
        "unseen": int(counts[-2]),
    }


def ranges_beyond(outside: dict[str, Any]) -> float:
    """Return how many times the width of the training range the farthest value lies beyond it."""
    low, high = outside["training_low"], outside["training_high"]
    ends = [low - outside["lowest"]] if outside["lowest"] is not None else []
    ends += [outside["highest"] - high] if outside["highest"] is not None else []
    return float(max(ends, default=0.0) / max(high - low, SMALLEST))


def _of_numbers(guard: Guard, i: int) -> Shares:
    its = guard.distribution
    edges = its.edges[i][its.edges[i] == its.edges[i]]
    used, n = len(edges) + 1, int(guard.binned_known[i])
    now = np.append(counts_between(guard.up_to[i, : len(edges)], n)[:used], guard.binned - n)
    return Shares((*names_of_bins(edges), MISSING), np.append(its.counts[i, :used], its.counts[i, -1]), now)


def _of_texts(guard: Guard) -> dict[str | None, Shares]:
    training = category_counts(guard.fitted, guard.distribution.rows)
    return {
        name: Shares(
            (*map(in_quotes, guard.slots[name]), "any other value", MISSING), training[name], counts.astype(np.float64)
        )
        for name, counts in guard.texts.items()
    }


def _of_predictions(guard: Guard) -> Shares | None:
    """Return what is predicted, beside what was predicted of the validation rows."""
    known = guard.distribution.predictions
    if known is None or not guard.predicted.sum():
        return None
    names = tuple(map(in_quotes, guard.classes)) or names_of_bins(np.array(known.edges))
    return Shares(names, np.array(known.counts, np.float64), guard.predicted.astype(np.float64))


def _least(name: str | None) -> float:
    return LEAST_INDEX_OF_PREDICTIONS if name is None else LEAST_INDEX


def _is_worth_a_line(column: dict[str, Any], rows: int) -> bool:
    """Tell whether values outside are more, or farther, than by chance, and either many or very far."""
    its = column["outside"]
    if its is None or not its["count"] or column["unused"] or its["p_adjusted"] > MOST_FALSE_RANGE:
        return False
    return bool(its["count"] >= LEAST_SHARE * rows or ranges_beyond(its) >= 1)
