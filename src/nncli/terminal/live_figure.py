"""Show a figure on stderr while it grows, below the progress of what makes it grow."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rich.console import Console, ConsoleRenderable, Group
from rich.live import Live
from rich.text import Text

from nncli.figures.figure import Figure
from nncli.figures.training_curve import curve_of
from nncli.model.training_state import Epoch
from nncli.terminal.figures import check_width, lines_of, print_figure
from nncli.terminal.progress import Progress
from nncli.terminal.tables import new_console

ROWS, TALL = 16, 22  # of a picture that is below something, and of one with panels below one another
BESIDE = 2  # panels on a terminal of 80 columns
REMEDY = "Make it wider, or leave --plot out"


class CurveProgress(Progress):
    """Shows the progress of a training run with its curve, live on a terminal; and the curve at the end, there too if
    there is no terminal. `before` are the epochs of a run that is resumed."""

    def __init__(
        self,
        noun: str,
        total: int,
        quiet: bool,
        title: str,
        before: Iterable[Epoch],
        is_regression: bool = False,
        loss: str = "loss",
    ) -> None:
        super().__init__(noun, total, quiet)
        self.title, self.epochs, self.is_regression, self.loss = title, [*before], is_regression, loss
        self.console = new_console(stderr=True)
        if not quiet:
            check_width(self.console, REMEDY)
        self.live = live(self.console, self._shown) if self.bar else None

    def __enter__(self) -> CurveProgress:
        if self.bar and self.live:
            self.bar.add_task("", total=self.total)
            self.live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self.live:
            self.live.stop()
        if self.epochs and not self.quiet and error[0] is None:
            figure = self._figure()
            print_figure(figure, self.console, _rows(figure))

    def add(self, epoch: Epoch) -> None:
        """Add an epoch to the curve."""
        self.epochs.append(epoch)

    def _figure(self) -> Figure:
        epochs = [*self.epochs]
        best = max((one.number for one in epochs if one.is_best), default=1)
        return curve_of(epochs, best, self.title, self.is_regression, self.loss, self.noun)

    def _shown(self) -> Group:
        assert self.bar is not None, "there is a terminal"
        return Group(self.bar, *(below(self._figure(), self.console, 1) if self.epochs else ()))


def live(console: Console, shown: Callable[[], ConsoleRenderable]) -> Live:
    """Return what shows something on a terminal four times a second, and nothing in the end."""
    return Live(get_renderable=shown, console=console, transient=True, refresh_per_second=4)


def below(figure: Figure, console: Console, above: int) -> list[Text]:
    """Return the lines of a figure that stands below so many others; none where there is no room."""
    rows = min(_rows(figure), console.height - above)
    lines = lines_of(figure, console, rows)
    return lines if len(lines) < console.height - above else []


def _rows(figure: Figure) -> int:
    """Return how high a picture may be that is below something."""
    return ROWS if len(figure.panels) <= BESIDE else TALL
