"""A tracker of experiments, and several of them as one, of which none can stop a run."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from nncli.config.train_config import TrainConfig
from nncli.model.training_state import Epoch, described
from nncli.system.output import shortened

Status = Literal["finished", "killed", "failed"]
Values = Mapping[str, float | str]  # an option or a figure by its name
OF_THE_RUN = ("epochs", "best_epoch", "baseline_accuracy")
NO_FIGURES = ("number", "is_best")


class Tracker(ABC):
    """One run, as a tracker shows it. Any of its methods may raise what its package raises."""

    name: str  # of the option that asks for it

    @abstractmethod
    def options(self, options: Values) -> None:
        """Tell how the model is trained."""

    @abstractmethod
    def epoch(self, number: int, figures: Mapping[str, float]) -> None:
        """Tell the figures of an epoch, from 1."""

    @abstractmethod
    def result(self, options: Values, figures: Mapping[str, float], model: Path | None) -> None:
        """Tell the final figures, and show the file of the model, if it is in one."""

    @abstractmethod
    def close(self, status: Status) -> None:
        """End the run: what it was told is on the disk, or with the server, after that."""


class Tracking:
    """Tells trackers of a run. A context manager, which ends them in any case.

    A tracker that fails on the way, as its disk is full or its server gone, is told no more, and `say` gets a line: it
    is no reason to lose the model.
    """

    def __init__(self, trackers: Sequence[Tracker], say: Callable[[str], None], is_regression: bool = False) -> None:
        self.trackers, self.say, self.is_regression = [*trackers], say, is_regression
        self.status: Status = "finished"
        self.failed: list[str] = []  # names of trackers

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.status = "failed" if isinstance(error, Exception) else "killed"
        self._tell(lambda one: one.close(self.status))

    def options(self, config: TrainConfig) -> None:
        """Tell how the model is trained."""
        self._options = options_of(config) if self.trackers else {}
        self._tell(lambda one: one.options(self._options))

    def epoch(self, epoch: Epoch) -> None:
        """Tell the figures of an epoch."""
        if self.trackers:
            figures = figures_of_epoch(epoch, self.is_regression)
            self._tell(lambda one: one.epoch(epoch.number, figures))

    def result(self, figures: Mapping[str, Any], model: Path | None) -> None:
        """Tell the final figures, as `train --json` has them."""
        final = final_figures(figures)
        self._tell(lambda one: one.result(self._options, final, model))

    def _tell(self, tell: Callable[[Tracker], None]) -> None:
        for one in [*self.trackers]:
            try:
                tell(one)
            except Exception as error:
                self.trackers.remove(one)
                self.failed.append(one.name)
                what = shortened(" ".join(str(error).split()) or type(error).__name__)
                self.say(f"warning: {one.name} is told no more of this run: {what}")


def options_of(config: TrainConfig) -> dict[str, float | str]:
    """Return the options that a run has, by their names; texts but for numbers and yes or no."""
    names = [name for name in ("data", *config.options()) if config.written(name)]
    values = {name: getattr(config, name) for name in names}
    return {name: value if isinstance(value, int | float) else config.written(name) for name, value in values.items()}


def figures_of_epoch(epoch: Epoch, is_regression: bool) -> dict[str, float]:
    """Return the figures of an epoch, by the names that the log has for them; those that are not known are left out."""
    found = {name: value for name, value in described(epoch, is_regression).items() if name not in NO_FIGURES}
    return _known({**found, **(vars(epoch.steps) if epoch.steps else {})})


def final_figures(figures: Mapping[str, Any]) -> dict[str, float]:
    """Return the final figures of each part, as `final_test_accuracy`, and what tells how far training went."""
    found: dict[str, Any] = {name: figures[name] for name in OF_THE_RUN if name in figures}
    for part in ("train", "val", "test"):
        found |= {f"final_{part}_{name}": value for name, value in (figures.get(part) or {}).items()}
        asked = figures.get("metric")
        if asked is not None:
            found[f"final_{part}_{asked['name'].replace('-', '_')}"] = asked[part]
    return _known(found)


def _known(figures: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: float(value) for name, value in figures.items() if isinstance(value, int | float) and math.isfinite(value)
    }
