"""What a guard has found, for a person in a few lines, and for a program as JSON.

Of the tests of one report, all together raise a false alarm on rows that are like the training rows in at most 5 of 100
reports: those of ranges with 4 %, those of drift with 1 % (Holm's correction in each family).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nncli.guards.bins import BINS, EDGES, Floats, counts_between
from nncli.guards.distribution import category_counts
from nncli.guards.drift import (
    chance_outside,
    chi_square_tail,
    holm,
    pooled,
    stability_index,
    two_sample_chi_square,
)
from nncli.guards.guard import MARGIN, Guard
from nncli.system.output import WARNING, counted, in_quotes, percent

FEWEST_ROWS = 500  # from which on drift is tested
MOST_FALSE_RANGE, MOST_FALSE_DRIFT = 0.04, 0.01  # probability of any false alarm
LEAST_SHARE = 0.01  # of the rows that are outside, to be worth a line: fewer are normal
LEAST_INDEX, LEAST_INDEX_OF_PREDICTIONS = 0.1, 0.02  # PSI: what is smaller moves no figure that anybody would notice
TAIL = 1.5  # index of a Pareto distribution: few columns have a heavier tail
MOST_LINES = 3  # of each kind; the JSON has all columns


@dataclass(frozen=True)
class Drift:
    """How far the new values of a column, or what is predicted, are from those of training."""

    index: float  # PSI
    chi_square: float
    df: int
    p_value: float
    where: str  # in words, the bin that has moved most, and its share now and in training


@dataclass(frozen=True)
class Bins:
    """Two counts of the same bins, of training (or validation) rows and of new ones, with names of the bins."""

    names: tuple[str, ...]
    training: Floats
    new: Floats

    def drift(self) -> Drift:
        """Measure and test the difference; bins with few values are put together for that."""
        a, b = pooled(self.training, self.new)
        chi_square, df = two_sample_chi_square(a, b)
        p, q = self.training / max(self.training.sum(), 1), self.new / max(self.new.sum(), 1)
        most = int(np.abs(q - p).argmax())
        where = f"{self.names[most]} in {percent(float(q[most]))} of the rows, {percent(float(p[most]))} in training"
        return Drift(stability_index(a, b), chi_square, df, chi_square_tail(chi_square, df), where)


@dataclass(frozen=True)
class Report:
    """The report of a guard: `columns` and `predictions` as JSON has them, and lines for a person."""

    rows: int
    training_rows: int
    sampled: int
    columns: list[dict[str, Any]]
    predictions: dict[str, Any] | None
    warnings: list[str]  # on values outside of ranges, and on drift, the largest first
    notes: list[str]  # on missing values that are new
    drifted: list[str]  # columns with drift that is worth a line
    outside: list[str]  # columns with values outside that are worth a line

    @property
    def differing(self) -> list[str]:
        """Name the columns that lines are about."""
        return [*dict.fromkeys([*self.outside, *self.drifted])]

    def to_json(self) -> dict[str, Any]:
        """Return the document that --guard writes."""
        return {
            "rows": self.rows, "training_rows": self.training_rows, "sampled_rows": self.sampled,
            "drifted": self.drifted, "outside": self.outside, "warnings": [one.removeprefix(WARNING) for one in self.warnings],
            "columns": self.columns, "predictions": self.predictions,
        }  # fmt: skip


def report_of(guard: Guard, told: Sequence[str] = ()) -> Report:
    """Report on the rows that a guard has seen; columns whose range has been told of are named in `told`."""
    columns = [_number(guard, i) for i in range(len(guard.known))] + _texts(guard)
    bins = {column["name"]: column.pop("_bins") for column in columns}
    ranges = {i: one["outside"] for i, one in enumerate(columns) if one["outside"] and not one["unused"]}
    for its, p_value in zip(ranges.values(), holm([one["p_value"] for one in ranges.values()]), strict=True):
        its["p_adjusted"] = p_value
    tested, drifts = _drifts(guard, bins)
    predictions = None
    for name, (drift, p_adjusted) in drifts.items():
        found = {
            "psi": drift.index, "chi_square": drift.chi_square, "df": drift.df,
            "p_value": drift.p_value, "p_adjusted": p_adjusted,
        }  # fmt: skip
        if name is not None:
            next(one for one in columns if one["name"] == name)["drift"] = found
        else:
            predictions = found
    if None in bins or guard.predicted.sum():
        its = tested.get(None) or _of_predictions(guard)
        predictions = {"drift": predictions, "bins": _listed(its)} if its else None
    outside = [one for i, one in enumerate(columns) if i in ranges and _is_worth_a_line(one, guard.rows)]
    outside = sorted((one for one in outside if one["name"] not in told), key=lambda one: -one["outside"]["count"])
    moved = {name: one for name, (one, p) in drifts.items() if p <= MOST_FALSE_DRIFT and one.index >= _least(name)}
    moved = dict(sorted(moved.items(), key=lambda item: -item[1].index))
    said = [name for name in moved if name not in told]
    warnings = [_line_outside(one, guard.rows) for one in outside[:MOST_LINES]]
    warnings += _more(len(outside), "have values outside of their training range too")
    warnings += [_line_drift(name, moved[name]) for name in said[:MOST_LINES]]
    warnings += _more(len(said), "have drifted too")
    if said:
        warnings.append(
            f"{WARNING}rows that have drifted are not those the model was tested on: measure it on new ones whose answer "
            f"is known (nncli eval), and train it anew on them if it is worse"
        )
    return Report(
        guard.rows,
        guard.distribution.rows,
        guard.distribution.sampled,
        columns,
        predictions,
        warnings,
        _notes_of_missing(columns),
        [name for name in moved if name is not None],
        [one["name"] for one in outside],
    )


def _number(guard: Guard, i: int) -> dict[str, Any]:
    """Describe a column of numbers or dates."""
    its, d = guard.distribution, len(guard.numbers)
    low, high, missing = its.ranges[i].tolist()
    n, found = int(guard.known[i]), int(guard.below[i] + guard.above[i])
    lowest, highest = float(guard.lowest[i]), float(guard.highest[i])
    known = its.rows - int(missing)
    chance = chance_outside(found, n, known) if known else 1.0
    # of each value outside, a Pareto tail of index 1.5, whose variance is infinite, goes t ranges beyond in (1 + t)^−1.5
    beyond = max(lowest < low and low - lowest, highest > high and highest - high)
    if i < d and np.count_nonzero(its.edges[i] == its.edges[i]) == EDGES and found and known:
        chance = 2 * min(chance, chance_outside(1, n, known) * found * (1 + beyond / max(high - low, 1e-300)) ** -TAIL)
    bins = None
    if i < d:
        edges = its.edges[i][its.edges[i] == its.edges[i]]
        counts = np.append(counts_between(guard.up_to[i, : len(edges)], n), guard.rows - n)
        names = (*_names_of_bins(edges), *[""] * (BINS - 1 - len(edges)), "a missing value")
        bins = Bins(names, its.counts[i], counts)
    return {
        "name": (*guard.numbers, *guard.dates)[i],
        "kind": "number" if i < d else "date",
        "unused": guard.is_unused(i),
        "missing": {"count": guard.rows - n, "training_count": int(missing)},
        "outside": {
            "count": found,
            "below": int(guard.below[i]), "above": int(guard.above[i]),
            "lowest": lowest if math.isfinite(lowest) else None,
            "highest": highest if math.isfinite(highest) else None,
            "training_low": low, "training_high": high,
            "p_value": min(1.0, chance),
            "p_adjusted": None,
        },
        "unseen": None,
        "drift": None,
        "bins": None if bins is None else _listed(bins),
        "_bins": bins,
    }  # fmt: skip


def _texts(guard: Guard) -> list[dict[str, Any]]:
    """Describe the columns of text."""
    found = []
    training = category_counts(guard.fitted, guard.distribution.rows)
    for name, counts in guard.texts.items():
        names = (*map(in_quotes, guard.slots[name]), "any other value", "a missing value")
        bins = Bins(names, training[name], counts.astype(np.float64))
        found.append(
            {
                "name": name,
                "kind": "text",
                "unused": False,
                "missing": {"count": int(counts[-1]), "training_count": int(training[name][-1])},
                "outside": None,
                "unseen": int(counts[-2]),
                "drift": None,
                "bins": _listed(bins),
                "_bins": bins,
            }
        )
    return found


def _names_of_bins(edges: Floats) -> list[str]:
    """Name the bins between some edges."""
    if not len(edges):
        return ["a value"]
    shown = [f"{edge:.6g}" for edge in edges]
    between = [f"above {a} to {b}" for a, b in zip(shown, shown[1:], strict=False)]
    return [f"up to {shown[0]}", *between, f"above {shown[-1]}"]


def _of_predictions(guard: Guard) -> Bins | None:
    """Return what is predicted, beside what was predicted of the validation rows."""
    known = guard.distribution.predictions
    if known is None or not guard.predicted.sum():
        return None
    names = tuple(map(in_quotes, guard.classes)) or tuple(_names_of_bins(np.array(known.edges)))
    return Bins(names, np.array(known.counts, np.float64), guard.predicted.astype(np.float64))


def _drifts(
    guard: Guard, bins: dict[str, Bins | None]
) -> tuple[dict[str | None, Bins], dict[str | None, tuple[Drift, float]]]:
    """Test all columns but dates, which move by nature, and the predictions (None), where there are rows enough; return
    what was tested, and the drift of each with its corrected p-value."""
    if guard.rows < FEWEST_ROWS:
        return {}, {}
    tested: dict[str | None, Bins] = {name: its for name, its in bins.items() if its is not None}
    if (its := _of_predictions(guard)) is not None:
        tested[None] = its
    found = {name: its.drift() for name, its in tested.items()}
    adjusted = holm([one.p_value for one in found.values()])
    return tested, {name: (one, p) for (name, one), p in zip(found.items(), adjusted, strict=True)}


def _least(name: str | None) -> float:
    return LEAST_INDEX_OF_PREDICTIONS if name is None else LEAST_INDEX


def _is_worth_a_line(column: dict[str, Any], rows: int) -> bool:
    """Tell whether values outside are more, or farther, than by chance, and either many or very far."""
    its = column["outside"]
    if not its["count"] or its["p_adjusted"] > MOST_FALSE_RANGE:
        return False
    return its["count"] >= LEAST_SHARE * rows or _ranges_beyond(its) >= 1


def _ranges_beyond(its: dict[str, Any]) -> float:
    low, high = its["training_low"], its["training_high"]
    ends = [low - its["lowest"]] if its["lowest"] is not None else []
    ends += [its["highest"] - high] if its["highest"] is not None else []
    return max(ends, default=0.0) / max(high - low, 1e-300)


def _line_outside(column: dict[str, Any], rows: int) -> str:
    its, name = column["outside"], in_quotes(column["name"])
    write = _written_date if column["kind"] == "date" else _written
    low, high = write(its["training_low"]), write(its["training_high"])
    ends = [f"down to {write(its['lowest'])}"] if its["below"] else []
    ends += [f"up to {write(its['highest'])}"] if its["above"] else []
    are = "is" if its["count"] == 1 else "are"
    return (
        f"{WARNING}column {name}: {its['count']:,} of {counted(rows, 'row')} {are} outside of the training range, {low} to "
        f"{high}, {' and '.join(ends)}: what is predicted of such rows is a guess"
    )


def _line_drift(name: str | None, its: Drift) -> str:
    what = "the predictions have" if name is None else f"column {in_quotes(name)} has"
    return f"{WARNING}{what} drifted (PSI {its.index:.2f}): {its.where}"


def _more(n: int, what: str) -> list[str]:
    return [f"{WARNING}{counted(n - MOST_LINES, 'more column')} {what}"] if n > MOST_LINES else []


def _notes_of_missing(columns: Sequence[dict[str, Any]]) -> list[str]:
    """Tell in a line of columns that have missing values and had none in training, most first."""
    new = [one for one in columns if one["missing"]["count"] and not one["missing"]["training_count"]]
    new = sorted((one for one in new if not one["unused"]), key=lambda one: -one["missing"]["count"])
    if not new:
        return []
    listed = [f"{in_quotes(one['name'])} ({counted(one['missing']['count'], 'cell')})" for one in new[:MOST_LINES]]
    more = f" and {counted(len(new) - MOST_LINES, 'more column')}" if len(new) > MOST_LINES else ""
    kinds = {one["kind"] for one in new}
    counts_as = [f"an unseen category{' of a text' if len(kinds) > 1 else ''}"] * ("text" in kinds)
    counts_as = ["the median of its column"] * (kinds != {"text"}) + counts_as
    return [f"values are missing where none was in training: {', '.join(listed)}{more}; counts as {' or '.join(counts_as)}"]


def _listed(bins: Bins) -> list[dict[str, Any]]:
    return [
        {"bin": name, "training": int(a), "new": int(b)}
        for name, a, b in zip(bins.names, bins.training, bins.new, strict=True)
        if name
    ]


def _written(value: float) -> str:
    return f"{value:.6g}"


def _written_date(days: float) -> str:
    from nncli.guards.guard import written_date

    return written_date(days)
