"""Read a column of the data that is no input of the model, as its groups or times, to show figures by it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Dataset, Schema, Table
from nncli.data.load import load_like
from nncli.data.row_columns import set_aside, with_column
from nncli.data.sources import STDIN, Source
from nncli.errors import DataError, OptionError, did_you_mean
from nncli.model.model import Model
from nncli.system.characters import composed


def known_column(model: Model, name: str) -> str:
    """Return the name of a column as the training file has it; OptionError for one that it did not have, or that is the
    target."""
    schema = model.schema
    name = next((own.name for own in schema.profile if composed(own.name) == composed(name)), composed(name))
    if name == schema.target:
        problem = f"'{name}' is the target"
        if model.target is None:
            problem += ", and the figures of each class are shown without it"
        raise OptionError("by", problem, "Leave it out")
    known = [column.name for column in schema.profile] or [*schema.names]
    if name not in known:
        names = [one for one in known if one != schema.target]
        problem = f"there was no column '{name}' in the data that the model was trained on"
        raise OptionError("by", problem, did_you_mean(name, names, listed="columns"))
    return name


def read_beside(model: Model, dataset: Dataset, name: str, **how: Any) -> Table:
    """Read a source again with a column that is no input of the model; `how` is as `load_like` has it. Raises
    OptionError where its rows are not those of the dataset."""
    if dataset.source == STDIN:
        raise OptionError("by", f"'{name}' is no input of the model, and stdin cannot be read twice", "Name a file")
    found = load_for_model(model, dataset.source, with_column(model.schema, name), memory=dataset.memory, **how)
    if not np.array_equal(found.y[:], dataset.y[:]):
        problem = f"'{name}' is no input of the model, and its rows are not all among those that can be read"
        raise OptionError("by", problem, "Correct those that are left out")
    return found.table


def load_for_model(model: Model, source: Source, schema: Schema, **how: Any) -> Dataset:
    """Read rows for a model as `load_like` does, without those of weight 0 where there is the column of weights that
    the training run had."""
    name = model.config.data.csv.weight
    how |= {"words": model.preprocess.columns_of_words}
    known = {*schema.names, *(column.name for column in schema.profile)}
    if name is not None and name in known and source != STDIN:
        weighted = schema if name in schema.names else with_column(schema, name)
        with suppress(DataError):  # rows to judge a model on need no weights
            found = load_like(source, weighted, model.classes, row_columns={"weight": name}, **how)
            return found if weighted is schema else set_aside(found, {"weight": name})[0]
    return load_like(source, schema, model.classes, **how)


def group_codes(table: Table, name: str) -> NDArray[np.int64]:
    """Return the group of each row, (n,), from a column; each row without one is a group of its own."""
    if name in table.texts:
        codes = table.texts[name].codes[:].astype(np.int64)
    else:
        column = table.dates[name] if name in table.dates else table.numbers[:, table.number_names.index(name)]
        codes = np.unique(column[:], return_inverse=True, equal_nan=True)[1]
        codes[np.isnan(column[:].astype(np.float64))] = -1
    missing = np.flatnonzero(codes < 0)
    codes[missing] = codes.max(initial=0) + 1 + np.arange(len(missing))
    return codes
