"""A training that was begun, and is to go on to the end that it would have had."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from nncli import checkpoint
from nncli.config import TrainConfig
from nncli.data.load import files_of
from nncli.errors import DataError
from nncli.modelfile import Provenance
from nncli.option import flag
from nncli.prepare import Prepared
from nncli.snapshot import Snapshot
from nncli.space import shown

MAY_CHANGE = ("epochs", "patience", "time_limit", "threads")  # they say when it ends, and not how it gets there


@dataclass(frozen=True)
class Begun:
    """The file of such a training, and what is in it."""

    path: Path
    trained: TrainConfig
    provenance: Provenance

    @classmethod
    def find(cls, path: Path) -> Begun | None:
        """The one at that path; None where there is no file: it was stopped before there was anything to save."""
        if not path.exists():
            return None
        model, provenance = checkpoint.load(path)
        return cls(path, model.config, provenance)

    @property
    def epochs(self) -> int:
        """How many are done."""
        return len(self.provenance.history)

    def config(self, asked: TrainConfig, given: Collection[str]) -> TrainConfig:
        """What to go on with: the options it was begun with, and those that are given now. DataError where the data are
        not there."""
        values = {name: getattr(asked, name) for name in given if name != "data"}
        if "data" in given and Path(asked.data) != self.path:
            values["data"] = asked.data
        found = dataclasses.replace(self.trained, **values)
        if found.data != "-" and not all(Path(file).exists() for file in files_of(found.data) or [found.data]):
            raise DataError(
                found.data, f"no such file, which {self.path} was begun with",
                "Go on in the folder where it was begun, or name the file",
            )  # fmt: skip
        return found

    def state(self, prepared: Prepared) -> Snapshot | None:
        """From where to go on; DataError, with the difference, where it would not be the same training."""
        difference = self._difference(prepared)
        if difference:
            raise DataError(
                str(self.path), f"cannot go on with this training: {difference}",
                "Give what it was begun with, or train anew without --resume",
            )  # fmt: skip
        state = self.provenance.state
        if state is None:
            if not self.is_done(prepared):
                raise DataError(
                    str(self.path), "the training is done, and what more epochs would go on from was not kept",
                    "Train with --keep-state",
                )  # fmt: skip
            return None
        if self.epochs > (prepared.config.epochs or 0):
            raise DataError(
                str(self.path), f"{self.epochs} epochs are done, and --epochs {prepared.config.epochs} asks for fewer",
                "Ask for as many, or for more",
            )  # fmt: skip
        return state

    def is_done(self, prepared: Prepared) -> bool:
        """Whether nothing is left to do: it was brought to its end, and that has not been moved."""
        return self.provenance.state is None and all(
            getattr(prepared.config, name) == getattr(self.trained, name) for name in ("epochs", "patience")
        )

    def _difference(self, prepared: Prepared) -> str:
        config, found = prepared.config, self.provenance
        for name in TrainConfig.options():
            old, new = getattr(self.trained, name), getattr(config, name)
            if old != new and name not in MAY_CHANGE:
                begun = f"without {flag(name)}" if old is None else f"with {flag(name)} {shown(old)}"
                return f"it was begun {begun}" + ("" if new is None else f", and not with {shown(new)}")
        if self.trained.data != config.data and found.sha256 != prepared.dataset.sha256:
            return f"it was begun with the data {self.trained.data}"
        files = {
            config.data: (found.sha256, prepared.dataset.sha256),
            str(config.val_data): (found.val_sha256, prepared.val_sha256),
            str(config.test_data): (found.test_sha256, prepared.test_sha256),
        }
        changed = [name for name, (old, new) in files.items() if old != new]
        return f"{changed[0]} has changed since" if changed else ""
