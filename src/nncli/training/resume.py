"""A training run in a model file, to be resumed to the end that it would have had."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from nncli.config.train_config import TrainConfig
from nncli.config.usual_model import choices_in
from nncli.data.sources import ARRAYS, STDIN, title
from nncli.data.unchanged_source import check_as_it_was
from nncli.errors import DataError, flag, mention
from nncli.model import checkpoint
from nncli.model.model import Model
from nncli.model.provenance import Provenance
from nncli.model.training_state import Epoch, TrainingState
from nncli.nn.kernels import choice
from nncli.system.threads import VARIABLE
from nncli.training.prepare import Prepared

MAY_CHANGE = ("epochs", "patience", "time_limit", "threads")  # they say when a run ends, and not how it gets there


@dataclass(frozen=True)
class ResumableRun:
    """The file of a training run, and what is in it."""

    path: Path
    model: Model
    provenance: Provenance

    @classmethod
    def find(cls, path: Path) -> ResumableRun | None:
        """Load the file at a path; None where there is none: the run was stopped before there was anything to save."""
        if not path.exists():
            return None
        model, provenance = checkpoint.load(path)
        if provenance.parent is not None:
            problem = f"it went on from another model, and {mention('resume')} ends a run that was stopped"
            raise DataError(str(path), problem, f"Go on from it with {mention('from', str(path))} and new rows")
        return cls(path, model, provenance)

    @property
    def options(self) -> TrainConfig:
        """Return the options that the run was started with."""
        return self.model.config.options

    @property
    def history(self) -> list[Epoch]:
        """Return the epochs that are done."""
        return self.provenance.epochs(self.model.config.row_by_row)

    @property
    def chosen(self) -> list[str]:
        """Return the notes on the choice of the model, where none was named."""
        return choices_in(self.provenance.notes)

    @property
    def epochs(self) -> int:
        """Return the number of epochs that are done."""
        return len(self.provenance.history)

    def config(self, asked: TrainConfig, given: Collection[str]) -> TrainConfig:
        """Put together what to resume with: the options that the run was started with, and those that are given now.
        DataError where the data that the file names are not there, or are others by now."""
        kernels = self.options.kernels or "numpy"  # where none were needed, none are chosen now
        found = dataclasses.replace(
            self.options, kernels=kernels, **{name: getattr(asked, name) for name in {*given} - {"kernels"}}
        )
        if "kernels" in given and asked.kernels not in (kernels, "auto", None):
            problem = f"it was started with {mention('kernels', kernels)}, and not with {asked.kernels}"
            raise DataError(str(self.path), problem, f"Leave {mention('kernels')} out")
        if kernels == choice.FUSED and choice.problem():
            problem = f"it was started with {mention('kernels', kernels)}: {choice.problem()}"
            raise DataError(str(self.path), problem, choice.INSTALL)
        remedy = "Resume in the folder where it was started, or name the data"
        if found.data == ARRAYS:
            raise DataError(str(self.path), "its data were arrays from Python, which cannot be read again", remedy)
        for name, file in self.provenance.files.items():
            source = getattr(found, name)
            if name not in given and source and not (name == "data" and source == STDIN):
                check_as_it_was(source, file.n_bytes, str(self.path), remedy)
        return found

    def state(self, prepared: Prepared) -> TrainingState | None:
        """Return the state to resume from, or None where nothing is left to do; DataError, with the difference, where
        it would not be the same training run."""
        state, epochs = self.provenance.state, prepared.config.training.epochs
        if difference := self._difference(prepared):
            problem = f"cannot resume this training run: {difference}"
            remedy = f"Give what it was started with, or train anew without {mention('resume')}"
        elif state is None and not self.is_done(prepared):
            problem = "the training run is done, and the state from which to add epochs was not kept"
            refit = prepared.config.options.refit  # with which no state is kept
            remedy = "Train again from the start" + ("" if refit else f", with {mention('keep_state', True)}")
        elif state is not None and self.epochs > epochs:
            problem = f"{self.epochs} epochs are done, and {mention('epochs', epochs)} asks for fewer"
            remedy = "Ask for as many, or for more"
        else:
            return state
        raise DataError(str(self.path), problem, remedy)

    def is_done(self, prepared: Prepared) -> bool:
        """Tell whether nothing is left to do: the run came to its end, and that has not been moved."""
        new, old = prepared.config.options, self.options
        return self.provenance.state is None and (new.epochs, new.patience) == (old.epochs, old.patience)

    def warnings(self) -> list[str]:
        """Say, a line each, why what comes out may differ in the last digits from a run that was never stopped."""
        before, here = self.provenance.kernels, choice.last_digits_by(self.model.config.training.kernels)
        if not before or before == here:
            return []
        library = before.partition(",")[0]
        remedy = f", or set {VARIABLE}={library.split()[-1]}" if library.startswith("openblas") else ""
        return [
            f"warning: {self.path} was started with the matrix kernels {before}, and is resumed with "
            f"{here or 'others'}: the last digits may differ. Resume it with the same NumPy on the same kind of "
            f"processor{remedy}"
        ]

    def _difference(self, prepared: Prepared) -> str:
        """Say how the prepared run differs from this one; empty: not at all."""
        options, data = prepared.config.options, prepared.dataset
        if self.options.data != options.data and self.provenance.files["data"].sha256 != data.sha256:
            return f"it was started with the data {title(self.options.data)}"
        for name, file in self.provenance.files.items():
            source = getattr(options, name)
            if source == getattr(self.options, name) and file.sha256 != prepared.files[name].sha256:
                return f"{title(source)} has changed since"
        # of options, some follow from the data
        for name in TrainConfig.options():
            if getattr(self.options, name) != getattr(options, name) and name not in MAY_CHANGE:
                old, new = self.options.written(name), options.written(name)
                before = f"with {flag(name)} {old}" if old else f"without {flag(name)}"
                return f"it was started {before}" + (f", and not with {new}" if new else "")
        its, vectors = self.model.preprocess.vectors, prepared.preprocess.vectors
        if its is not None and vectors != its:
            return f"{its.file} has changed since"
        same = (self.model.classes, self.model.preprocess.width) == (data.classes, prepared.preprocess.width)
        return "" if same else "it has other classes or columns"
