"""A training that was begun, and is to go on to the end that it would have had."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from nncli.config.train_config import TrainConfig
from nncli.data.load import check_as_it_was
from nncli.data.sources import ARRAYS, STDIN, title
from nncli.errors import DataError, flag
from nncli.model import checkpoint
from nncli.model.model import Model
from nncli.model.provenance import Provenance
from nncli.model.training_state import Snapshot
from nncli.system.threads import VARIABLE, kernels
from nncli.training.prepare import Prepared

MAY_CHANGE = ("epochs", "patience", "time_limit", "threads")  # they say when it ends, and not how it gets there


@dataclass(frozen=True)
class Begun:
    """The file of such a training, and what is in it."""

    path: Path
    model: Model
    provenance: Provenance

    @classmethod
    def find(cls, path: Path) -> Begun | None:
        """The one at that path; None where there is no file: it was stopped before there was anything to save."""
        if not path.exists():
            return None
        model, provenance = checkpoint.load(path)
        return cls(path, model, provenance)

    @property
    def trained(self) -> TrainConfig:
        """The options that it was begun with."""
        return self.model.config

    @property
    def epochs(self) -> int:
        """How many are done."""
        return len(self.provenance.history)

    def config(self, asked: TrainConfig, given: Collection[str]) -> TrainConfig:
        """Put together what to go on with: the options it was begun with, and those that are given now. Raises
        DataError where the data that the file names are not there, or are others by now."""
        values = {name: getattr(asked, name) for name in given}
        found = dataclasses.replace(self.trained, **values)
        p, remedy = self.provenance, "Go on in the folder where it was begun, or name the data"
        if found.data == ARRAYS:
            raise DataError(str(self.path), "it was begun with arrays from Python, which cannot be read again", remedy)
        sizes = {"data": p.file_bytes, "val_data": p.val_bytes, "test_data": p.test_bytes}
        for name, size in sizes.items():
            source = getattr(found, name)
            if name not in values and source and not (name == "data" and source == STDIN):
                check_as_it_was(source, size, str(self.path), remedy)
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

    def warnings(self) -> list[str]:
        """Say, a line each, why what comes out may differ in the last digits from a run that was never stopped."""
        begun, here = self.provenance.kernels, kernels()
        if not begun or begun == here:
            return []
        remedy = f", or set {VARIABLE}={begun.split()[-1]}" if begun.startswith("openblas") else ""
        return [
            f"warning: {self.path} was begun with the matrix kernels {begun}, and goes on with {here or 'others'}: the "
            f"last digits may differ. Go on with the same NumPy on the same kind of processor{remedy}"
        ]

    def is_done(self, prepared: Prepared) -> bool:
        """Whether nothing is left to do: it was brought to its end, and that has not been moved."""
        return self.provenance.state is None and all(
            getattr(prepared.config, name) == getattr(self.trained, name) for name in ("epochs", "patience")
        )

    def _difference(self, prepared: Prepared) -> str:
        config, found = prepared.config, self.provenance
        for name in TrainConfig.options():
            if getattr(self.trained, name) != getattr(config, name) and name not in MAY_CHANGE:
                old, new = self.trained.text(name), config.text(name)
                begun = f"with {flag(name)} {old}" if old else f"without {flag(name)}"
                return f"it was begun {begun}" + (f", and not with {new}" if new else "")
        if self.trained.data != config.data and found.sha256 != prepared.dataset.sha256:
            return f"it was begun with the data {title(self.trained.data)}"
        files = [
            (config.data, found.sha256, prepared.dataset.sha256),
            (config.val_data, found.val_sha256, prepared.val_sha256),
            (config.test_data, found.test_sha256, prepared.test_sha256),
        ]
        changed = [source for source, old, new in files if old != new]
        if changed:
            return f"{title(changed[0])} has changed since"
        here = prepared.dataset.classes, prepared.preprocess.width
        return "" if (self.model.classes, self.model.preprocess.width) == here else "it has other classes or columns"
