"""Print how two files of rows differ."""

from __future__ import annotations

from typing import Any

from nncli.guards.comparison import Comparison
from nncli.system.output import counted, in_quotes, percent, put
from nncli.terminal.tables import cut, cut_names, first_names, new_table, show

MOST_COLUMNS, ALIKE = 40, 5  # columns that are shown, of which so many do not differ; --json has all
LONGEST, SHORTER = 24, 16  # characters of a name, and of a value
MOST_LISTED = 5  # values that are new or gone
MOST_MOVED = 5  # columns of which the bin is said


def print_comparison_of_files(found: Comparison) -> None:
    """Print the verdict, the columns that one file alone has, and a table of the others."""
    one, other = found.one, found.other
    put(found.verdict)
    put(f"before: {one.name}, {counted(one.rows, 'row')}; now: {other.name}, {counted(other.rows, 'row')}")
    for title, names in (("missing", found.gone), ("new", found.new)):
        if names:
            put(f"{title}: {first_names(names)}")
    left_out = [name for name in one.left_out if name in other.left_out]
    if left_out:
        put(f"not compared, as their values only tell rows apart: {first_names(left_out)}")
    shown = found.columns[: min(MOST_COLUMNS, len(found.differing) + ALIKE)]
    if shown:
        put()
        any_missing = ["missing"] if any(any(column["missing"]) for column in shown) else []
        any_kind = ["kind"] if any(len({*column["kind"]}) > 1 for column in shown) else []
        table = new_table("column", *any_kind, *any_missing, "typical before", "now", "PSI", "p", "", align="left")
        for name, column in zip(cut_names([column["name"] for column in shown], LONGEST), shown, strict=True):
            kind = [_change(*column["kind"]) for _ in any_kind]
            missing = [_change(*(percent(share or 0) for share in column["missing"])) for _ in any_missing]
            table.add_row(name, *kind, *missing, _typical(column["before"]), _typical(column["now"]), *_test(column))
        show(table)
        put("typical: the median of numbers, the most frequent text")
        if any("distinct_words" in column["before"] for column in shown):
            put("texts of several words are compared by how many have each word; typical is the most frequent one")
    if len(found.columns) > len(shown):
        put(f"and {counted(len(found.columns) - len(shown), 'more column')}, less different; --json has all")
    _print_moved(found)


def _print_moved(found: Comparison) -> None:
    """Print, of the columns that differ most, where they do, and values that one file alone has."""
    lines = []
    for column in found.differing[:MOST_MOVED]:
        name = in_quotes(cut(column["name"]))
        if column["psi"] is None:
            lines.append(f"column {name}: {column['kind'][0]} before, {column['kind'][1]} now")
        else:
            lines.append(f"column {name}: {column['where']}")
    for column in found.columns:
        for what, values in (("new", column["new_values"]), ("gone", column["gone_values"])):
            if values:
                listed = ", ".join(f"{in_quotes(cut(value))} ({n:,})" for value, n in [*values.items()][:MOST_LISTED])
                more = f" and {len(values) - MOST_LISTED} more" if len(values) > MOST_LISTED else ""
                lines.append(f"column {in_quotes(cut(column['name']))}: {what} values: {listed}{more}")
    if lines:
        put()
    for line in lines:
        put(line)


def _change(before: str, now: str) -> str:
    return before if before == now else f"{before} → {now}"


def _typical(values: dict[str, Any]) -> str:
    if "often" in values:
        return cut(values["often"][0], SHORTER) if values["often"] else ""
    return _number(values["median"])


def _number(value: float | str | None) -> str:
    return "" if value is None else value if isinstance(value, str) else f"{value:.4g}"


def _test(column: dict[str, Any]) -> tuple[str, str, str]:
    """Write the PSI of a column, its corrected p-value, and whether it differs, and how much."""
    if column["test"] is None:
        return "", "", "another kind"
    p = column["test"]["p_adjusted"]
    return f"{column['psi']:.3f}", "< 0.001" if p < 0.001 else f"{p:.3f}", column["size"] if column["differs"] else ""
