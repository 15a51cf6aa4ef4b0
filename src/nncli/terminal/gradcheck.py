"""Print the result of a gradient check."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.text import Text

from nncli.diagnostics.gradcheck import NUDGE, GradientCheck, NetworkKind
from nncli.nn.finite_differences import TOLERANCE
from nncli.system.output import put
from nncli.terminal.tables import new_console, new_table, show

LOG_SCALE = "1e-16   1"  # above the bars
UNDECIDED = {
    "zero": "all derivatives found are 0, as of rows without a loss; other rows may have others",
    "kink": "all its points are at kinks",
    "lost": "the derivatives are too small, as those of saturated units are",
}
MOVED = f"compared at weights and rows moved by about {NUDGE:g}"
MOST_FAILURES = 10  # networks that are named


def print_gradient_check(check: GradientCheck) -> None:
    """Print a line for each block, then what the result means."""
    _print_blocks(check)
    directions = max(block.directions for block in check.blocks)
    put(f"[:] is a random direction through a whole block; up to {directions} of each were checked too")
    for verdict, meaning in (("kinks", "there is no derivative to compare with"), ("lost", "smaller than rounding")):
        if any(getattr(block, verdict) for block in check.blocks):
            put(f"{verdict}: {meaning}, which counts neither as right nor as wrong")
    moved = ", ".join(block.name for block in check.blocks if block.moved)
    if moved:
        put(f"{moved}: all derivatives are 0 within rounding, as at an optimum; {MOVED}")
    for verdict, reason in UNDECIDED.items():
        names = ", ".join(block.name for block in check.blocks if block.verdict == verdict)
        if names:
            put(f"nothing is proved about {names}: {reason}")
    wrong = ", ".join(block.name for block in check.blocks if block.verdict == "wrong")
    failed = f"failed, {f'the gradient of {wrong} is wrong' if wrong else 'as nothing is proved'}"
    verdict = "passed" if check.passed else failed
    error = check.max_relative_error
    largest = "no errors to compare" if math.isnan(error) else f"largest relative error {error:.1e}"
    put(f"{largest}, with {TOLERANCE:g} allowed: {verdict}")


def _print_blocks(check: GradientCheck) -> None:
    """Print the table of the blocks; the bars are left out where the terminal is too narrow."""
    extra = [name for name in ("kinks", "lost") if any(getattr(block, name) for block in check.blocks)]
    rows = []
    for block in check.blocks:
        worst, found = block.worst, ["", "", "", "", ""]
        if worst is not None:
            place = "[:]" if worst.index is None else f"[{', '.join(map(str, worst.index))}]"
            numbers = [f"{worst.analytic:.3g}", f"{worst.numeric:.3g}"]
            found = [f"{worst.error:.0e}", place, *numbers, _log_bar(worst.error)]
        others = [str(getattr(block, name) or "") for name in extra]
        shape = "×".join(map(str, block.shape))
        rows.append([block.name, shape, f"{block.entries:,}", *found, block.verdict, *others])
    titles = [
        "block",
        "shape",
        "checked",
        "largest\nerror",
        "at",
        "back-\nprop",
        "differ-\nences",
        LOG_SCALE,
        "",
        *extra,
    ]
    widths = [max(len(cell) for row in [titles, *rows] for cell in row[i].split("\n")) for i in range(len(titles))]
    drawn = sum(widths) + 2 * len(widths) <= new_console().width
    table = new_table(*(title for title in titles if drawn or title != LOG_SCALE))
    table.padding = (0, 1, 0, 0)
    for block, row in zip(check.blocks, rows, strict=True):
        style = {"ok": "green", "wrong": "bold red"}.get(block.verdict, "yellow")
        table.add_row(*(Text(cell, style if i in (7, 8) else "") for i, cell in enumerate(row) if drawn or i != 7))
    show(table)


def print_all_gradient_checks(results: Sequence[tuple[NetworkKind, GradientCheck]]) -> None:
    """Print the largest error of each activation with each loss, over all their networks, in tables that fit."""
    worst: dict[tuple[str, str], list[GradientCheck]] = {}
    for kind, check in results:
        worst.setdefault((kind.activation or "linear", kind.loss), []).append(check)
    rows, columns = (list(dict.fromkeys(names)) for names in zip(*worst, strict=True))
    fitting = max(1, (new_console().width - 12) // 11)
    n_tables = -(-len(columns) // fitting)
    at_once = -(-len(columns) // n_tables)
    for start in range(0, len(columns), at_once):
        part = columns[start : start + at_once]
        table = new_table("", *(name.replace("-", "-\n").replace(":link=", "\n") for name in part))
        for row in rows:
            cells = []
            for checks in (worst[row, column] for column in part):
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
        put(f"{zero:,} of {blocks:,} blocks have derivatives of 0, as those below step and sign do")
    kind, check = max(results, key=lambda result: result[1].max_relative_error)
    right = f"{len(results):,} networks, {len(results) - len(failed):,} right"
    put(f"{right}; largest relative error {check.max_relative_error:.1e}, of {TOLERANCE:g} allowed: {kind}")


def _log_bar(error: float) -> str:
    """Draw an error as a bar, two powers of ten a character, from 1e-16 to 1, with a mark at the tolerance."""
    filled = round(min(max(math.log10(max(error, 1e-300)) + 16, 0), 16) / 2)
    mark = round((math.log10(TOLERANCE) + 16) / 2)
    bar = "█" * filled + "·" * (8 - filled)
    return bar[:mark] + "│" + bar[mark:]
