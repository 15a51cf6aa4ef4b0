"""Print how two files of rows differ."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from nncli.guards.comparison import Comparison
from nncli.system.output import counted, in_quotes, percent, put
from nncli.terminal.tables import cut, cut_names, first_names, fits, new_table, show

MOST_COLUMNS, ALIKE = 40, 5  # columns that are shown, of which so many do not differ; --json has all
WIDE, NARROW = (24, 16), (14, 8)  # most characters of a name and of a value, by the room for a table
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
        table = _table_of(shown)
        show(table if fits(table) else _table_of(shown, is_narrow=True))
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


def _table_of(columns: list[dict[str, Any]], is_narrow: bool = False) -> Table:
    """Make the table of columns, a row each; where it is narrow, names and values are cut shorter."""
    of_name, of_value = NARROW if is_narrow else WIDE
    has_missing = any(any(column["missing"]) for column in columns)
    is_other_kind = any(len({*column["kind"]}) > 1 for column in columns)
    more = [*(["kind"] if is_other_kind else []), *(["missing"] if has_missing else [])]
    table = new_table(
        "column", *more, "typical\nbefore" if is_narrow else "typical before", "now", "PSI", "p", "", align="left"
    )
    for name, column in zip(cut_names([one["name"] for one in columns], of_name), columns, strict=True):
        kind, missing = " → ".join(dict.fromkeys(column["kind"])), _missing(*column["missing"])
        changes = [*([kind] if is_other_kind else []), *([missing] if has_missing else [])]
        typical = (_typical(column[when], of_value) for when in ("before", "now"))
        table.add_row(name, *changes, *typical, *_test(column))
    return table


def _missing(before: float | None, now: float | None) -> str:
    """Write the shares of missing cells, as 49.3 → 52.2 %, or the one that both are."""
    one, other = (percent(share or 0) for share in (before, now))
    return other if one == other else f"{one.removesuffix(' %')} → {other}"


def _typical(values: dict[str, Any], most: int) -> str:
    if "often" in values:
        return cut(values["often"][0], most) if values["often"] else ""
    median = values["median"]
    if median is None or isinstance(median, str):
        return median or ""
    return f"{median:,.0f}" if 1e4 <= abs(median) < 1e9 else f"{median:.4g}"


def _test(column: dict[str, Any]) -> tuple[str, str, str]:
    """Write the PSI of a column, its corrected p-value, and whether it differs, and how much."""
    if column["test"] is None:
        return "", "", "another kind"
    p = column["test"]["p_adjusted"]
    return f"{column['psi']:.3f}", "<0.001" if p < 0.001 else f"{p:.3f}", column["size"] if column["differs"] else ""
