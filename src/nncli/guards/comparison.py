"""Compare two files column by column: which columns they have, of what kind, and how far their values differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nncli.guards.bins import counts_of, edges_of
from nncli.guards.drift import holm
from nncli.guards.shares import MISSING, Drift, Shares, names_of_bins, written_date, written_number
from nncli.guards.summary import ColumnSummary, FileSummary, NumberSummary, TextSummary
from nncli.guards.words import WordCounts, WordShares, words_in
from nncli.system.order_statistics import median_of
from nncli.system.output import counted, in_quotes, warnings_in

MOST_FALSE = 0.01  # probability that any column of two like files is said to differ
SMALL, LARGE = 0.1, 0.25  # PSI below and above which a difference is small and large, by convention
MOST_CATEGORIES = 100  # of the first file, that have bins of their own
MOST_NEW = 20  # values that are listed
LEFT_OUT = "row names"  # the kind of a column whose values only tell rows apart


@dataclass(frozen=True)
class Comparison:
    """Two files beside one another; `columns` are those of both, those that differ first, and the more the earlier."""

    one: FileSummary
    other: FileSummary
    columns: list[dict[str, Any]]

    @property
    def gone(self) -> list[str]:
        """Name the columns that only the first file has."""
        return _not_in(self.one, self.other)

    @property
    def new(self) -> list[str]:
        """Name the columns that only the second file has."""
        return _not_in(self.other, self.one)

    @property
    def differing(self) -> list[dict[str, Any]]:
        return [column for column in self.columns if column["differs"]]

    @property
    def verdict(self) -> str:
        """Say in a line whether the files differ."""
        found, parts = self.differing, list[str]()
        if self.gone:
            parts.append(f"{counted(len(self.gone), 'column')} of the first file {_is(self.gone)} missing")
        if self.new:
            parts.append(f"{counted(len(self.new), 'column')} {_is(self.new)} new")
        if found:
            first = found[0]
            how = "is of another kind" if first["psi"] is None else f"PSI {first['psi']:.2f}"
            differ = f"{len(found):,} of {counted(len(self.columns), 'column')} differ{'s' * (len(found) == 1)}"
            parts.append(f"{differ}, most {in_quotes(first['name'])} ({how})")
        elif self.columns:
            of = f"in the {counted(len(self.columns), 'column')} of both"
            parts.append(f"no difference found {of} that chance could not explain")
        return "; ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """Return the document that --json prints."""
        return {
            "files": [self.one.name, self.other.name],
            "rows": [self.one.rows, self.other.rows],
            "verdict": self.verdict,
            "missing_columns": self.gone,
            "new_columns": self.new,
            "left_out": [list(self.one.left_out), list(self.other.left_out)],
            "differing": [column["name"] for column in self.differing],
            "columns": self.columns,
            "warnings": warnings_in([*self.one.notes, *self.other.notes]),
        }


def compare_files(one: FileSummary, other: FileSummary) -> Comparison:
    """Compare two files. A column differs where it is of another kind, or where chance is no likely reason for its
    difference (the test of `Shares.drift`, corrected by Holm for all columns)."""
    found: list[dict[str, Any]] = []
    drifts: list[Drift] = []
    alone = {*_not_in(one, other)}
    for name in one.names:
        a, b = one.columns.get(name), other.columns.get(name)
        if name in alone or (a is None and b is None):
            continue
        column: dict[str, Any] = {"name": name, "kind": [_kind(a), _kind(b)], "differs": False, "psi": None}
        column |= {"missing": [_missing(a, one), _missing(b, other)], "before": _values(a), "now": _values(b)}
        column |= {"size": None, "test": None, "bins": None, "new_values": None, "gone_values": None}
        shares: Shares | WordShares | None = None
        if isinstance(a, NumberSummary) and isinstance(b, NumberSummary) and a.kind == b.kind:
            shares = _of_numbers(a, b)
        elif isinstance(a, TextSummary) and isinstance(b, TextSummary) and (a.is_words or b.is_words):
            before, now = words_in(a.sample), words_in(b.sample)
            column |= {"before": _words(before), "now": _words(now)}
            shares = WordShares.of(before, now)
        elif isinstance(a, TextSummary) and isinstance(b, TextSummary):
            shares = _of_texts(a, b)
            if max(len(a.counts), len(b.counts)) <= MOST_CATEGORIES and not a.others + b.others:
                column |= {"new_values": _only(b, a), "gone_values": _only(a, b)}
        else:
            column["differs"] = True
        if shares is not None:
            column["bins"] = shares.to_json("before", "now")
            column["where"] = shares.where("before")
            drifts.append(shares.drift())
        found.append(column)
    tested = [column for column in found if column["bins"] is not None]
    adjusted = holm([drift.p_value for drift in drifts])
    for column, drift, p in zip(tested, drifts, adjusted, strict=True):
        column |= {"psi": drift.psi, "test": drift.to_json(p), "differs": p <= MOST_FALSE}
        column["size"] = "small" if drift.psi < SMALL else "large" if drift.psi > LARGE else "medium"
    found.sort(key=lambda column: (not column["differs"], -_or_infinite(column["psi"])))
    return Comparison(one, other, found)


def _not_in(one: FileSummary, other: FileSummary) -> list[str]:
    """Name the columns of a file that another one lacks."""
    known = {*other.names}
    return [name for name in one.names if name not in known]


def _or_infinite(index: float | None) -> float:
    return float("inf") if index is None else index


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _kind(column: ColumnSummary | None) -> str:
    """Name the kind of a column; None is one that is left out, as its values only tell rows apart."""
    if column is None:
        return LEFT_OUT
    return "text" if isinstance(column, TextSummary) else column.kind


def _missing(column: ColumnSummary | None, summary: FileSummary) -> float | None:
    return None if column is None else column.missing / summary.rows


def _values(column: ColumnSummary | None) -> dict[str, Any]:
    """Describe the values of a column: of dates low, median and high alone, as they are written."""
    if isinstance(column, TextSummary):
        often = sorted(column.counts, key=lambda value: (-column.counts[value], value))[:3]
        return {"distinct": None if column.others else len(column.counts), "often": often}
    sample = np.empty(0) if column is None else column.sample
    if column is None or not len(sample):
        return {"low": None, "median": None, "mean": None, "high": None}
    median = median_of(sample)
    if column.kind == "date":
        return {
            name: written_date(days) for name, days in (("low", column.low), ("median", median), ("high", column.high))
        }
    return {"low": column.low, "median": median, "mean": column.mean, "high": column.high}


def _words(its: WordCounts) -> dict[str, Any]:
    """Describe the texts of a column."""
    return {"distinct_words": len(its.having), "often": its.most_frequent[:3]}


def _of_numbers(a: NumberSummary, b: NumberSummary) -> Shares:
    """Put two samples in bins of about as many values of the first."""
    samples = [a.sample, b.sample]
    edges, names = edges_of(samples[0]), tuple[str, ...]()
    if len(samples[0]) and a.low == a.high:  # every other value is another one
        edges = np.array([np.nextafter(a.low, -np.inf), a.low])
        write = written_date if a.kind == "date" else written_number
        names = (f"below {write(a.low)}", write(a.low), f"above {write(a.low)}")
    used = len(edges) + 1
    missing = a.sample_missing, b.sample_missing
    before, now = (np.append(counts_of(own, edges)[:used], n) for own, n in zip(samples, missing, strict=True))
    names = names or names_of_bins(edges)
    if a.kind == "date" and a.low < a.high and len(edges):
        days = [written_date(edge) for edge in edges]
        names = (f"up to {days[0]}", *(f"to {day}" for day in days[1:]), f"after {days[-1]}")
    return Shares((*names, MISSING), before, now)


def _of_texts(a: TextSummary, b: TextSummary) -> Shares:
    """Count the most frequent values of the first file in both."""
    names = sorted(a.counts, key=lambda value: (-a.counts[value], value))[:MOST_CATEGORIES]
    counts = []
    for its in (a, b):
        own = [its.counts[name] for name in names]
        counts.append(np.array([*own, its.counts.total() + its.others - sum(own), its.missing], np.float64))
    return Shares((*map(in_quotes, names), "any other value", MISSING), counts[0], counts[1])


def _only(a: TextSummary, b: TextSummary) -> dict[str, int]:
    """Count the values that are in a alone, the most frequent first."""
    own = sorted((value for value in a.counts if value not in b.counts), key=lambda value: (-a.counts[value], value))
    return {value: a.counts[value] for value in own[:MOST_NEW]}
