"""Print what a model that goes on from another one has gained and forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nncli.metrics.definitions import METRICS
from nncli.metrics.paired import may_be_chance
from nncli.system.output import percent, put
from nncli.terminal.evaluation import signed, writer_for
from nncli.terminal.tables import cut, new_table, show

if TYPE_CHECKING:
    from nncli.inference.change import Change


def print_changes(changes: Mapping[str, Change | None]) -> None:
    """Print the figures before and after, on the new rows and on those of before, and what they say in a line each."""
    table, lines = new_table("", "rows", "before", "after", "difference", "95 % interval"), list[str]()
    for what, change in changes.items():
        for name, figure in (change.figures if change else {}).items():
            metric = METRICS.create(name)
            write = writer_for(metric)
            interval = " to ".join(signed(write, end) for end in figure["interval"] or ())
            values = write(figure["before"]), write(figure["after"]), signed(write, figure["difference"])
            rows = f"{'new' if what == 'gained' else 'old'} rows, {cut(metric.label(None))}"
            table.add_row(rows, f"{change.n:,}" if change else "", *values, interval)
        if change and change.figures:
            lines.append(_told(what, change))
    if lines:
        show(table)
    for line in lines:
        put(line)


def _told(what: str, change: Change) -> str:
    """Say whether the new model is better or worse on the rows of a change, by its first figure; and by others, where
    these say something else."""
    (name, figure), *others = change.figures.items()
    metric, found = METRICS.create(name), _verdict(name, figure)
    if not found:
        said = f"{what}: no difference beyond chance in {metric.label(None)}"
    else:
        words = {"gained": {"better": "gained", "worse": "lost"}}
        words["forgotten"] = {"better": "better even there", "worse": "forgotten"}
        said = f"{words[what][found]}: {signed(writer_for(metric), figure['difference'])} in {metric.label(None)}"
    for name, figure in others:
        if (other := _verdict(name, figure)) and other != found:
            metric = METRICS.create(name)
            said += f", but {metric.label(None)} is {other} ({signed(writer_for(metric), figure['difference'])})"
    return f"{said}, on {change.where}"


def _verdict(name: str, figure: Mapping[str, Any]) -> str:
    """Say whether a figure is better or worse than before; nothing where that may be chance."""
    if may_be_chance(figure):
        return ""
    return "better" if (figure["difference"] > 0) == METRICS.create(name).higher_is_better else "worse"


def print_progressive(found: Mapping[str, Any], baseline: float) -> None:
    """Print how often a model was right on the rows of a stream, each before it learned from it, beside the model that
    it began as, on the same rows."""
    table = new_table("", "rows", "accuracy")
    table.add_row("progressive validation", f"{found['n']:,}", percent(found["accuracy"]))
    table.add_row("the model before, as it was", f"{found['n']:,}", percent(found["before"]))
    table.add_row("baseline (most frequent class)", "", percent(baseline), style="dim")
    show(table)
    low, high = (signed(percent, end) for end in found["interval"] or (0.0, 0.0))
    difference = f"{signed(percent, found['difference'])} (95 % interval {low} to {high})"
    if may_be_chance(found):
        put(f"learning on made no difference beyond chance: {difference}")
    else:
        put(f"learning on {'gained' if found['difference'] > 0 else 'lost'} {difference}")
