"""Show the progress of a long run on stderr."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from nncli.system.output import counted, number, one_line, percent, quantity, say

if TYPE_CHECKING:
    import rich.progress

    from nncli.model.training_state import Epoch

SECONDS_BETWEEN_LINES = 10  # where there is no terminal


class Progress:
    """Shows a bar with ETA and a few words on a terminal, elsewhere a line now and then. `noun` is what is counted."""

    def __init__(self, noun: str, total: int, quiet: bool) -> None:
        self.noun, self.total, self.quiet = noun, total, quiet
        self.bar = None if quiet or not sys.stderr.isatty() else _bar(noun)
        self.spoke = time.monotonic()

    def __enter__(self) -> Progress:
        if self.bar:
            self.bar.start()
            self.bar.add_task("", total=self.total)
        return self

    def __exit__(self, *error: object) -> None:
        if self.bar:
            self.bar.stop()

    def __call__(self, done: int, words: str) -> None:
        if self.bar:
            self.bar.update(self.bar.task_ids[0], completed=done, description=one_line(words))
        elif time.monotonic() - self.spoke > SECONDS_BETWEEN_LINES:
            self.spoke = time.monotonic()
            say(f"{self.noun} {done}/{self.total}: {words}", self.quiet)

    def add(self, epoch: Epoch) -> None:
        """Take note of an epoch, for those that draw it."""


def words_of(epoch: Epoch, is_regression: bool = False, loss: str = "loss") -> str:
    """Return the losses, which are called `loss`, and the accuracy of an epoch, to show; of numbers, RMSE."""
    write = quantity if is_regression else number
    words = f"{loss} {write(epoch.train_loss)}"
    if epoch.val_loss is not None and epoch.val_accuracy is not None:
        share = f"RMSE {quantity(epoch.val_accuracy)}" if is_regression else percent(epoch.val_accuracy)
        words += f"  val {write(epoch.val_loss)}  {share}"
    if epoch.mistakes is not None:
        words += f"  {counted(epoch.mistakes, 'mistake')}"
    return words


def _bar(noun: str) -> rich.progress.Progress | None:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal or console.is_dumb_terminal:
        return None
    return Progress(
        TextColumn(f"{noun} {{task.completed}}/{{task.total}}"),
        BarColumn(bar_width=12),
        TextColumn("{task.description}", markup=False),
        TextColumn("ETA"),
        TimeRemainingColumn(compact=True),
        console=console,
        transient=True,
    )
