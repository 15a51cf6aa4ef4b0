"""Show the configurations of a sweep, the best first, while it runs and at its end."""

from __future__ import annotations

import csv
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from rich.console import ConsoleRenderable, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from nncli.config.resolved import objective_name
from nncli.config.train_config import TrainConfig
from nncli.sweep.ranking import RankedConfig, importance, p_values, varied, written_score
from nncli.sweep.runner import Sweep
from nncli.system.output import one_line, percent, put, say
from nncli.terminal.progress import SECONDS_BETWEEN_LINES
from nncli.terminal.tables import new_console, new_table, show

if TYPE_CHECKING:
    from nncli.figures.figure import Figure
    from nncli.sweep.ranking import TrialRecord
    from nncli.sweep.units import Units
    from nncli.system.workers import Workers

LIVE, MOST = 8, 30  # configurations that are shown while the sweep runs, and at its end
MAY_BE_LEFT_OUT = ("time", "epochs", "parameters")  # the first one first
PValues = Mapping[TrainConfig, float]
NO_TEST: PValues = MappingProxyType({})
NOISE = 0.05  # a difference from the best with at least this p-value is called noise


class Leaderboard:
    """Shows progress and the best configurations so far: live on a terminal, elsewhere a line now and then. With
    `plot`, a picture of the trials too, and at the end everywhere."""

    def __init__(self, sweep: Sweep, workers: Workers, quiet: bool, plot: bool = False) -> None:
        self.sweep, self.workers, self.quiet = sweep, workers, quiet
        self.planned, self.known, self.done, self.failed = 0, 0, 0, 0
        self.began = self.spoke = time.monotonic()
        self.console = console = new_console(stderr=True)
        self.plot = plot and not quiet
        if self.plot:
            from nncli.terminal.figures import check_width

            check_width(console, "Make it wider, or leave --plot out")
        watched = not quiet and console.is_terminal and not console.is_dumb_terminal
        self.live = Live(console=console, transient=True, refresh_per_second=4) if watched else None

    def __enter__(self) -> Leaderboard:
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self.live:
            self.live.stop()
        if error[0] is None and (figure := self._figure()):
            from nncli.terminal.figures import print_figure
            from nncli.terminal.live_figure import ROWS

            print_figure(figure, self.console, ROWS)

    def begin(self, planned: int, known: int) -> None:
        """Count a new round of `planned` trials, of which `known` are in the ledger."""
        self.planned += planned
        self.known += known

    def __call__(self, records: Sequence[TrialRecord]) -> None:
        self.done += len(records)
        self.failed += sum(record["outcome"] != "done" for record in records)
        now = time.monotonic()
        if self.live and now - self.spoke > 0.5:
            self.spoke = now
            ranking = [one for one in self.sweep.ranking() if one.records]
            shown: list[ConsoleRenderable] = [
                Text(self._line(now)),
                _table(ranking[:LIVE], varied(list(self.sweep.reached))),
            ]
            if figure := self._figure():
                from nncli.terminal.live_figure import below

                shown += below(figure, self.console, LIVE + 4)
            self.live.update(Group(*shown))
        elif not self.live and now - self.spoke > SECONDS_BETWEEN_LINES:
            self.spoke = now
            say(self._line(now), self.quiet)

    def _figure(self) -> Figure | None:
        """Return the picture of the trials so far, if it is asked for, and there are any."""
        metric, records = self.sweep.plan.metric, self.sweep.ledger.records.values()
        values = [record["val"][metric] for record in records if record["outcome"] == "done"] if self.plot else []
        if not values:
            return None
        from nncli.figures.best_so_far import best_so_far

        return best_so_far(values, metric, f"Trials of {self.sweep.ledger.path}")

    def _line(self, now: float) -> str:
        left = self.planned - self.known - self.done
        seconds = (now - self.began) / self.done * left
        failed = f", {self.failed} failed" if self.failed else ""
        trials = f"{self.known + self.done:,} of {self.planned:,} trials{failed}"
        return f"{trials}, {min(self.workers.jobs, left)} running, about {_duration(seconds)} to go"


def print_ranking(ranking: Sequence[RankedConfig], units: Units | None, quiet: bool = False) -> None:
    """Print the table of a sweep, which differences mean nothing, and which options matter."""
    names = varied([one.config for one in ranking])
    p_value_of = p_values(ranking, units)
    show(_table(ranking[:MOST], names, p_value_of))
    if len(ranking) > MOST:
        put(f"and {len(ranking) - MOST:,} more; --json has all")
    close = sum(p >= NOISE for p in p_value_of.values())
    if close:
        noun = "other is" if close == 1 else "others are"
        put(f"{close} {noun} within noise of the best (p-value ≥ {NOISE}): these rows cannot tell them apart")
    shares = sorted(importance(ranking).items(), key=lambda item: -item[1])
    if shares:
        listed = ", ".join(f"{name.replace('_', ' ')} {percent(share)}" for name, share in shares)
        put(f"importance (share of the differences that each option explains alone): {listed}")
    reasons = Counter(record["reason"] for one in ranking for record in one.records if record["reason"])
    for reason, count in reasons.items():
        say(f"{count} failed: {reason}", quiet)


def print_csv(ranking: Sequence[RankedConfig], units: Units | None) -> None:
    """Print the ranking as CSV, a line for each configuration."""
    names = varied([one.config for one in ranking])
    writer = csv.writer(sys.stdout, lineterminator="\n")
    p_value_of = p_values(ranking, units)
    figures = ("mean", "sd", "chance", "trials", "failed", "parameters", "epochs", "seconds", "reason")
    writer.writerow([*names, "metric", *figures])
    for one in ranking:
        figure = {
            "mean": one.mean if one.values else "",
            "sd": one.sd if len(one.values) > 1 else "",
            "chance": p_value_of.get(one.config, ""),
            "trials": len(one.records),
            "failed": len(one.records) - len(one.done),
            "parameters": one.done[0]["parameters"] if one.done else "",
            "epochs": one.epochs if one.done else "",
            "seconds": round(sum(record["seconds"] for record in one.records), 3),
            "reason": one_line(next((record["reason"] for record in one.records if record["reason"]), "")),
        }
        values = [one_line(one.written(name)) for name in names]
        writer.writerow([*values, one.metric, *(figure[name] for name in figures)])


def _table(ranking: Sequence[RankedConfig], names: Sequence[str], p_value_of: PValues = NO_TEST) -> Table:
    """Make the table of a ranking; figures that a narrow terminal has no room for are left out."""
    metric = ranking[0].metric if ranking else ""
    if metric == "loss":  # of two classes a loss may be the log loss, of more not: a ledger does not say how many
        metric = objective_name(ranking[0].config, 0 if ranking[0].config.is_regression else 3)
    figures = [f"validation\n{metric}", "parameters", "epochs", "time", *(["p-value"] if p_value_of else [])]
    best = next((one for one in ranking if one.whole), None)
    rows = []
    for one in ranking:
        spent, p = sum(record["seconds"] for record in one.records), p_value_of.get(one.config)
        row = {name: one.written(name) for name in names}
        row["time"] = f"{spent:.2f} s" if spent < 1 else f"{spent:.1f} s"
        row["p-value"] = "" if p is None else f"{p:.2f}" if p >= 0.005 else "< 0.01"
        if one.values:
            row |= {"parameters": f"{one.done[0]['parameters']:,}", "epochs": f"{one.epochs:.0f}"}
            row[figures[0]] = written_score(one)
        elif one.records:
            row[figures[0]] = "failed"
        rows.append((row, "bold" if one is best else "dim" if p is not None and p < NOISE else ""))
    for less in range(len(MAY_BE_LEFT_OUT) + 1):
        columns = [*names, *(name for name in figures if name not in MAY_BE_LEFT_OUT[:less])]
        table = new_table(*(name.replace("_", " ") for name in columns))
        table.padding = (0, 1, 0, 0)
        for row, style in rows:
            cells = [row.get(name, "") for name in columns]
            table.add_row(*(Text(cell, "red") if cell == "failed" else cell for cell in cells), style=style)
        console = new_console()
        if console.measure(table, options=console.options.update(width=1000)).maximum <= console.width:
            break
    return table


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
