"""Prints what a gradient check found."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.text import Text

from nncli.diagnostics.gradcheck import GradientCheck, NetworkKind
from nncli.nn.finite_differences import TOLERANCE
from nncli.system.output import put
from nncli.terminal.tables import new_console, new_table, show

LOG_SCALE = "1e-16   1"  # of the bars below it


UNPROVED = {
    "zero": "all derivatives found are 0; other rows may have others",
    "kink": "there is nothing but kinks",
    "lost": "the derivatives are too small, as those of saturated units are",
}


MOST_FAILURES = 10  # networks that are named


def print_gradient_check(check: GradientCheck) -> None:
    """What a gradient check found, a line for each block, and what it means."""
    extra = [name for name in ("kinks", "lost") if any(getattr(block, name) for block in check.blocks)]
    rows = []
    for block in check.blocks:
        worst = block.worst
        found = ["", "", "", "", ""]
        if worst is not None:
            place = "[:]" if worst.index is None else f"[{', '.join(map(str, worst.index))}]"
            found = [
                f"{worst.error:.0e}",
                place,
                f"{worst.analytic:.3g}",
                f"{worst.numeric:.3g}",
                _log_bar(worst.error),
            ]
        others = [str(getattr(block, name) or "") for name in extra]
        shape = "×".join(map(str, block.shape))
        rows.append([block.name, shape, f"{block.entries:,}", *found, block.verdict, *others])
    titles = ["block", "shape", "checked", "worst\nerror", "at", "back-\nprop", "differ-\nences", LOG_SCALE, "", *extra]
    widths = [max(len(cell) for row in [titles, *rows] for cell in row[i].split("\n")) for i in range(len(titles))]
    drawn = sum(widths) + 2 * len(widths) <= new_console().width  # numbers before pictures
    table = new_table(*(title for title in titles if drawn or title != LOG_SCALE))
    table.padding = (0, 1, 0, 0)
    for block, row in zip(check.blocks, rows, strict=True):
        style = {"ok": "green", "wrong": "bold red"}.get(block.verdict, "yellow")
        cells = [Text(cell, style if i in (7, 8) else "") for i, cell in enumerate(row) if drawn or i != 7]
        table.add_row(*cells)
    show(table)
    directions = max(block.directions for block in check.blocks)
    put(f"[:] is a random direction through a whole block; up to {directions} of each were checked too")
    if "kinks" in extra:
        put("kinks: no derivative to compare with, which counts neither as right nor as wrong")
    if "lost" in extra:
        put("lost: too small to be told from rounding, which counts neither as right nor as wrong")
    named = {verdict: ", ".join(b.name for b in check.blocks if b.verdict == verdict) for verdict in UNPROVED}
    for verdict, why in UNPROVED.items():
        if named[verdict]:
            put(f"nothing is proved of {named[verdict]}: {why}")
    wrong = ", ".join(block.name for block in check.blocks if block.verdict == "wrong")
    verdict = "passed" if check.passed else f"failed, the gradient of {wrong} is wrong" if wrong else "failed"
    error = check.max_relative_error
    found_error = "no errors to compare" if math.isnan(error) else f"worst relative error {error:.1e}"
    put(f"{found_error}, with {TOLERANCE:g} allowed: {verdict}")


def print_all_gradient_checks(results: Sequence[tuple[NetworkKind, GradientCheck]]) -> None:
    """The worst error of each activation with each loss, over all their networks; in as many tables as fit."""
    worst: dict[tuple[str, str], list[GradientCheck]] = {}
    for kind, check in results:
        worst.setdefault((kind.activation or "linear", kind.loss), []).append(check)
    rows, columns = (list(dict.fromkeys(names)) for names in zip(*worst, strict=True))
    width = new_console().width
    fitting = max(1, (width - 12) // 11)
    n_tables = -(-len(columns) // fitting)
    at_once = -(-len(columns) // n_tables)
    for start in range(0, len(columns), at_once):
        part = columns[start : start + at_once]
        table = new_table("", *(name.replace("-", "-\n").replace(":link=", "\n") for name in part))
        for row in rows:
            cells = []
            for column in part:
                checks = worst[row, column]
                error = max(check.max_relative_error for check in checks)
                passed = all(check.passed for check in checks)
                cells.append(Text(f"{error:.0e}" if passed else f"{error:.0e} !", "green" if passed else "bold red"))
            table.add_row(row, *cells)
        show(table)
    failed = [(kind, check) for kind, check in results if not check.passed]
    for kind, check in failed[:MOST_FAILURES]:
        names = ", ".join(block.name for block in check.blocks if block.verdict == "wrong")
        put(f"wrong: {names} of {kind}")
    if len(failed) > MOST_FAILURES:
        put(f"and {len(failed) - MOST_FAILURES:,} more; --json has all")
    zero = sum(block.verdict == "zero" for _, check in results for block in check.blocks)
    if zero:
        blocks = sum(len(check.blocks) for _, check in results)
        put(f"{zero:,} of {blocks:,} blocks are 0, as those behind step and sign are")
    kind, check = max(results, key=lambda result: result[1].max_relative_error)
    put(
        f"{len(results):,} networks, {len(results) - len(failed):,} right; worst relative error "
        f"{check.max_relative_error:.1e}, of {TOLERANCE:g} allowed: {kind}"
    )


def _log_bar(error: float) -> str:
    """Two powers of ten a sign, from 1e-16 to 1; a mark stands at the tolerance."""
    filled = round(min(max(math.log10(max(error, 1e-300)) + 16, 0), 16) / 2)
    mark = round((math.log10(TOLERANCE) + 16) / 2)
    signs = "█" * filled + "·" * (8 - filled)
    return signs[:mark] + "│" + signs[mark:]
