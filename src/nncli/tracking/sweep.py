"""Tell trackers about a sweep: a run for each trial, as it ends, and one for the model that is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nncli.config.train_config import TrainConfig
from nncli.model.training_state import Epoch, StepFigures
from nncli.tracking.tracker import Tracker, Tracking

Make = Callable[[str], Tracker]  # a tracker of the trial of that name


class SweepTracking(Tracking):
    """Tells trackers of a sweep: `makers` make one for each trial, `winner` are those of the model that is kept. What
    fails is told no more of any trial."""

    def __init__(self, makers: Mapping[str, Make], winner: Sequence[Tracker], say: Callable[[str], None]) -> None:
        super().__init__(winner, say)
        self.makers = dict(makers)

    def trials(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Tell of trials that have ended, as the ledger has them."""
        for record in records:
            self._trial(f"trial-{record['trial'][:8]}", record)

    def _trial(self, name: str, record: Mapping[str, Any]) -> None:
        trackers = list[Tracker]()
        for kind, make in [*self.makers.items()]:
            try:
                trackers.append(make(name))
            except Exception as error:
                del self.makers[kind]
                self.say(f"warning: --{kind} is told no more of this sweep: {error}")
        with Tracking(trackers, self.say, self.is_regression) as tracking:
            tracking.status = "finished" if record["outcome"] == "done" else "failed"
            config: TrainConfig = record["config"]
            tracking.options(config)
            epochs = zip(record.get("history", ()), record.get("steps", ()), strict=True)
            for number, ((loss, accuracy, val_loss, val_accuracy), (mistakes, *steps)) in enumerate(epochs, 1):
                its = StepFigures(*steps)
                tracking.epoch(Epoch(number, loss, accuracy, val_loss, val_accuracy, False, mistakes, its))
            if record["outcome"] == "done":
                tracking.result({**record, "metric": None}, None)
        for one in tracking.failed:
            self.makers.pop(one.removeprefix("--"), None)

    def model(self, config: TrainConfig, figures: Mapping[str, Any], file: Path | None) -> None:
        """Tell of the model that is kept."""
        self.options(config)
        self.result(figures, file)
