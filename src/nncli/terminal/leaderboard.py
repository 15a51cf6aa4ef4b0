"""A sweep → a person: its trainings, the best first, while it runs and at its end."""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from nncli.sweep.ranking import Standing, chances, importance, varied
from nncli.sweep.runner import Sweep
from nncli.system.output import number, one_line, percent, put, say
from nncli.terminal.tables import new_table, show

if TYPE_CHECKING:
    from nncli.sweep.ranking import Record
    from nncli.system.workers import Workers

LIVE, MOST = 8, 30  # trainings that are shown while it runs, and at its end
SECONDS_BETWEEN_LINES = 10  # where there is no terminal
NOISE = 0.05  # a difference from the best that chance makes this often, or more often, tells nothing


class Leaderboard:
    """What is done, what is to do, and the best so far: in one place on a terminal, a line now and then elsewhere."""

    def __init__(self, sweep: Sweep, workers: Workers, quiet: bool) -> None:
        self.sweep, self.workers, self.quiet = sweep, workers, quiet
        self.planned, self.known, self.done, self.failed = 0, 0, 0, 0
        self.began = self.spoke = time.monotonic()
        console = Console(stderr=True)
        watched = not quiet and console.is_terminal and not console.is_dumb_terminal
        self.live = Live(console=console, transient=True, refresh_per_second=4) if watched else None

    def __enter__(self) -> Leaderboard:
        if self.live:
            self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live:
            self.live.stop()

    def begin(self, planned: int, known: int) -> None:
        """A round of so many trials, some of which are known."""
        self.planned += planned
        self.known += known

    def __call__(self, records: Sequence[Record]) -> None:
        self.done += len(records)
        self.failed += sum(record["outcome"] != "done" for record in records)
        now = time.monotonic()
        if self.live and now - self.spoke > 0.5:
            self.spoke = now
            standings = [one for one in self.sweep.standings() if one.records]
            self.live.update(Group(Text(self._line(now)), _table(standings[:LIVE], varied(list(self.sweep.reached)))))
        elif not self.live and now - self.spoke > SECONDS_BETWEEN_LINES:
            self.spoke = now
            say(self._line(now), self.quiet)

    def _line(self, now: float) -> str:
        left = self.planned - self.known - self.done
        seconds = (now - self.began) / self.done * left
        failed = f", {self.failed} failed" if self.failed else ""
        return (
            f"{self.known + self.done:,} of {self.planned:,} trials{failed}, {min(self.workers.jobs, left)} running, "
            f"about {_duration(seconds)} to go"
        )


def print_standings(standings: Sequence[Standing], quiet: bool = False) -> None:
    """The table of a sweep, what its differences mean, and which options made them."""
    names = varied([one.config for one in standings])
    show(_table(standings[:MOST], names, tested=True))
    if len(standings) > MOST:
        put(f"and {len(standings) - MOST:,} more; --json has all")
    close = sum(p >= NOISE for p in chances(standings).values())
    if close:
        noun = "training is" if close == 1 else "trainings are"
        put(f"{close} other {noun} within noise of the best: validation rows like these cannot tell them apart")
    shares = sorted(importance(standings).items(), key=lambda item: -item[1])
    if shares:
        put(
            "what mattered, each option by itself: "
            + ", ".join(f"{name.replace('_', ' ')} {percent(share)}" for name, share in shares)
        )
    for reason, count in _reasons(standings).items():
        say(f"{count} failed: {reason}", quiet)


def print_csv(standings: Sequence[Standing]) -> None:
    """A line for each training, the best first."""
    names = varied([one.config for one in standings])
    writer = csv.writer(sys.stdout, lineterminator="\n")
    chance_of = chances(standings)
    figures = ("mean", "sd", "chance", "trials", "failed", "parameters", "epochs", "seconds", "reason")
    writer.writerow([*names, "metric", *figures])
    for one in standings:
        failed = len(one.records) - len(one.done)
        values = [one_line(one.config.text(name)) for name in names]
        mean, sd = one.mean if one.values else "", one.sd if len(one.values) > 1 else ""
        parameters, epochs = (one.done[0]["parameters"], one.epochs) if one.done else ("", "")
        seconds = round(sum(record["seconds"] for record in one.records), 3)
        reason = one_line(next((record["reason"] for record in one.records if record["reason"]), ""))
        found = (mean, sd, chance_of.get(one.config, ""), len(one.records), failed, parameters, epochs, seconds, reason)
        writer.writerow([*values, one.metric, *found])


def _table(standings: Sequence[Standing], names: Sequence[str], tested: bool = False) -> Table:
    metric = standings[0].metric if standings else ""
    chance_of = chances(standings) if tested else {}
    tested = bool(chance_of)
    figures = (f"validation {metric}", "parameters", "epochs", "time", *(["chance"] if tested else []))
    table = new_table(*(name.replace("_", " ") for name in names), *figures)
    table.padding = (0, 1, 0, 0)
    best = next((one for one in standings if one.whole), None)
    for one in standings:
        values = [one.config.text(name) for name in names]
        spent = sum(record["seconds"] for record in one.records)
        seconds = f"{spent:.2f} s" if spent < 1 else f"{spent:.1f} s"
        if not one.values:
            table.add_row(*values, Text("failed" if one.records else "", "red"), "", "", seconds)
            continue
        figure = number(one.mean) if metric == "loss" else percent(one.mean)
        if len(one.values) > 1:
            figure += f" ± {number(one.sd) if metric == 'loss' else f'{100 * one.sd:.1f}'}"
        p = chance_of.get(one.config)
        last = ["" if p is None else f"{p:.2f}" if p >= 0.005 else "< 0.01"] if tested else []
        row = [*values, figure, f"{one.done[0]['parameters']:,}", f"{one.epochs:.0f}", seconds, *last]
        table.add_row(*row, style="bold" if one is best else "" if p is None or p >= NOISE else "dim")
    return table


def _reasons(standings: Sequence[Standing]) -> dict[str, int]:
    reasons: dict[str, int] = {}
    for one in standings:
        for record in one.records:
            if record["reason"]:
                reasons[record["reason"]] = reasons.get(record["reason"], 0) + 1
    return reasons


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
