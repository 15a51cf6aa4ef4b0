"""How far a long run has come, on stderr."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from nncli.output import number, percent, say

if TYPE_CHECKING:
    from rich.progress import Progress

    from nncli.trainer import Epoch

SECONDS_BETWEEN_LINES = 10  # where there is no terminal


class TrainProgress:
    """A bar with ETA, loss and accuracy on a terminal; elsewhere a plain line now and then."""

    def __init__(self, epochs: int, quiet: bool) -> None:
        self.epochs, self.quiet = epochs, quiet
        self.bar = None if quiet or not sys.stderr.isatty() else _bar()
        self.spoke = time.monotonic()

    def __enter__(self) -> TrainProgress:
        if self.bar:
            self.bar.start()
            self.bar.add_task("", total=self.epochs)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar:
            self.bar.stop()

    def __call__(self, epoch: Epoch) -> None:
        figures = f"loss {number(epoch.train_loss)}"
        if epoch.val_loss is not None and epoch.val_accuracy is not None:
            figures += f"  val {number(epoch.val_loss)}  {percent(epoch.val_accuracy)}"
        if self.bar:
            self.bar.update(self.bar.task_ids[0], completed=epoch.number, description=figures)
        elif time.monotonic() - self.spoke > SECONDS_BETWEEN_LINES:
            self.spoke = time.monotonic()
            say(f"epoch {epoch.number}/{self.epochs}: {figures}", self.quiet)


def _bar() -> Progress | None:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal or console.is_dumb_terminal:
        return None
    return Progress(
        TextColumn("epoch {task.completed}/{task.total}"), BarColumn(bar_width=12), TextColumn("{task.description}"),
        TextColumn("ETA"), TimeRemainingColumn(compact=True), console=console, transient=True,
    )  # fmt: skip
