"""Read rows with their classes for a model: of a source, or of the data that it was trained on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nncli.data.dataset import Dataset
from nncli.data.load import load_like
from nncli.data.rare_classes import UNKNOWN
from nncli.data.sources import Source
from nncli.data.unchanged_source import check_as_it_was
from nncli.errors import DataError
from nncli.model.model import Model
from nncli.model.provenance import Provenance


def labelled_rows(model: Model, provenance: Provenance, model_file: str, source: Source, dtype: str) -> Dataset:
    """Read the rows of a source; if none is named, of the data that the model was trained on.

    DataError where those are not as they were.
    """
    if source:
        return load_like(source, model.schema, model.classes, dtype)
    remedy = "Name the data behind the model"
    check_as_it_was(provenance.source, provenance.files["data"].n_bytes, model_file, remedy)
    csv = model.config.data.csv
    dataset = load_like(
        provenance.source, model.schema, model.classes, dtype, csv.of_text,
        on_error=csv.on_error, rare=model.config.options.rare,
    )  # fmt: skip
    if dataset.sha256 != provenance.files["data"].sha256:
        raise DataError(dataset.where, f"the data have changed since {model_file} was trained on them", remedy)
    rows = np.flatnonzero(dataset.y != UNKNOWN)
    return dataset if len(rows) == len(dataset) else replace(dataset, table=dataset.table.take(rows), y=dataset.y[rows])
