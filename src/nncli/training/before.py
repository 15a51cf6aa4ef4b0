"""The model that a run goes on from, and the options that it goes on with."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from nncli.config.train_config import TrainConfig
from nncli.errors import OptionError, mention
from nncli.model import checkpoint
from nncli.model.model import Model
from nncli.model.provenance import Parent, Provenance
from nncli.nn.optimizers import OPTIMIZERS
from nncli.system.output import in_quotes

SLOWER = 0.3  # times the learning rate of the model, unless there are new classes: what it knows is changed gently
# what the parameters of a model rest on, and how its data are read
FIXED = (
    "target", "task", "drop", "only", "categorical", "numeric", "text", "ngrams", "hash_bits", "vocabulary", "missing",
    "no_missing", "header", "delimiter", "decimal", "thousands", "date_format", "resize", "scale", "rare", "model",
    "hidden", "activation", "loss", "init", "learn_scale", "number_embedding", "category_embedding", "embedding",
    "vectors", "ensemble", "dtype",
)  # fmt: skip
ELSEWHERE = ("folds", "refit")  # what trains several models, each from the beginning
# what belongs to the files and the run of before, and is as usual where nobody says otherwise
OF_ONE_RUN = (
    "val", "test", "val_data", "test_data", "skip_rows", "rows", "sheet", "quote", "escape", "header_rows", "encoding",
    "on_error", "dedupe", "epochs", "patience", "time_limit", "schedule", "dropout_schedule", "decay_schedule",
    "threads", "kernels", "split_seed", "seed", *ELSEWHERE,
)  # fmt: skip


class Before(NamedTuple):
    """The model to go on from: the name and the digest of its file, and what is in it."""

    file: str
    sha256: str
    model: Model
    provenance: Provenance

    @classmethod
    def load(cls, path: Path) -> Before:
        """Read a model file; ModelFileError for one that is none."""
        model, provenance = checkpoint.load(path)
        return cls(str(path), checkpoint.ModelFile.at(path).sha256, model, provenance)

    @property
    def parent(self) -> Parent:
        """Return what the file of a model that goes on from this one tells of it."""
        return Parent(self.sha256, self.provenance.data_so_far)


def options_to_go_on(before: Before, asked: TrainConfig, given: Collection[str]) -> TrainConfig:
    """Return the options of the model's run, but for what is given now, and what was of that run alone. Raises
    OptionError for options that a model cannot change."""
    if before.model.config.parts:
        problem = "it is a blend of several networks, which were chosen together on their rows"
        raise OptionError("from", problem, f"Train anew on all rows with {mention('model', 'auto')}")
    for name in FIXED:
        if name in given:
            if name == "target" and asked.target == before.model.schema.target:
                continue
            problem = f"the model of {mention('from')} has its own, {_own(before.model, name)}which cannot change"
            raise OptionError(name, problem, f"Leave it out, or train another model without {mention('from')}")
    for name in ELSEWHERE:
        if name in given and getattr(asked, name):
            problem = f"it trains models from the beginning, and {mention('from')} goes on with one"
            raise OptionError(name, problem, "Leave one of them out")
    if "data" not in given:
        raise OptionError("data", "expected new rows to learn from, found none", "Name their file, or - for stdin")
    old, usual = before.model.config.options, TrainConfig()
    found = dataclasses.replace(old, **{name: getattr(usual, name) for name in OF_ONE_RUN})
    if old.batch_size != 1:
        found = dataclasses.replace(found, batch_size=None)
    own = {name: getattr(asked, name) for name in given if name != "target"}
    if OPTIMIZERS.create(before.model.config.training.optimizer).smooth:  # its optimum is that of these rows alone
        found = dataclasses.replace(found, optimizer=None, lr=None, batch_size=None, schedule="cosine")
    elif not before.model.config.row_by_row:
        found = dataclasses.replace(found, lr=None)  # which depends on the rows
    return dataclasses.replace(found, **own)


def takes_a_stream(model: Model) -> bool:
    """Tell whether a model learns from one row after the other, so that it can learn from rows as they come."""
    steps_of_one_row = model.config.training.batch_size == 1 and model.target is None
    return model.config.row_by_row or steps_of_one_row or model.config.model.name == "adaline"


def _own(model: Model, name: str) -> str:
    """Write the value of an option that a model has, with a comma; nothing where it has the usual one."""
    value = model.schema.target if name == "target" else model.config.options.written(name)
    return f"{in_quotes(value)}, " if value else ""
