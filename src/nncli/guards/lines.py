"""The lines in which a report is told to a person: the most first, a few of each kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nncli.guards.shares import Shares, written_date, written_number
from nncli.system.output import WARNING, counted, in_quotes

MOST_LINES = 3  # of each kind; the JSON has all columns
A_GUESS = "what is predicted there is a guess"
WHEN_PREDICTED = (
    "the model was tested on other rows than these: measure it on new ones whose answer is known (nncli eval), and "
    "train it anew on them if it is worse"
)


def of_ranges(columns: Sequence[dict[str, Any]], rows: int) -> list[str]:
    """Tell of columns with values outside of the training range, in so many rows."""
    return [
        *(_of_range(one, rows) for one in columns[:MOST_LINES]),
        *and_more(len(columns), "values outside of the training range"),
    ]


def _of_range(column: dict[str, Any], rows: int) -> str:
    its, is_date = column["outside"], column["kind"] == "date"

    def write(value: float) -> str:
        return written_date(value) if is_date else written_number(value)

    ends = [f"down to {write(its['lowest'])}"] if its["below"] else []
    ends += [f"up to {write(its['highest'])}"] if its["above"] else []
    are = f"{its['count']:,} of {counted(rows, 'row')} {'is' if its['count'] == 1 else 'are'}"
    known = f"{write(its['training_low'])} to {write(its['training_high'])}"
    return (
        f"{WARNING}column {in_quotes(column['name'])}: {are} outside of the training range, {known}, "
        f"{' and '.join(ends)}: {A_GUESS}"
    )


def of_drifts(found: Sequence[tuple[str | None, float, Shares]], advice: str) -> list[str]:
    """Tell of columns that have drifted, with their PSI, None for the predictions; and what to do."""
    told = []
    for name, index, shares in found[:MOST_LINES]:
        what, when = ("the predictions have", "of the validation rows") if name is None else ("", "in training")
        what = what or f"column {in_quotes(str(name))} has"
        told.append(f"{WARNING}{what} drifted (PSI {index:.2f}): {shares.where(when)}")
    return [*told, *and_more(len(found), "drift"), *([f"{WARNING}{advice}"] if found else [])]


def new_missing(columns: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the columns that have missing values and had none in training, those with the most first."""
    new = [one for one in columns if one["missing"]["count"] and not one["missing"]["training_count"]]
    return sorted((one for one in new if not one["unused"]), key=lambda one: -one["missing"]["count"])


def of_missing(columns: Sequence[dict[str, Any]]) -> list[str]:
    """Tell in a line of columns that have missing values and had none in training."""
    new = new_missing(columns)
    if not new:
        return []
    listed = [f"{in_quotes(one['name'])} ({counted(one['missing']['count'], 'cell')})" for one in new[:MOST_LINES]]
    more = f" and {counted(len(new) - MOST_LINES, 'more column')}" if len(new) > MOST_LINES else ""
    kinds = {one["kind"] for one in new}
    counts_as = ["the median of its column"] if kinds != {"text"} else []
    counts_as += ["an unseen category"] if "text" in kinds else []
    return [
        f"values are missing where none was in training: {', '.join(listed)}{more}; each counts as "
        f"{' or '.join(counts_as)}"
    ]


def and_more(n: int, what: str) -> list[str]:
    """Say of how many of n columns there is no line, as the first few have one."""
    more = n - MOST_LINES
    return [f"{WARNING}{counted(more, 'more column')} {'has' if more == 1 else 'have'} {what} too"] if more > 0 else []
