"""Rows with their classes, as a saved model reads them."""

from __future__ import annotations

from nncli.data.dataset import Dataset
from nncli.data.load import check_as_it_was, load_like
from nncli.data.sources import Source
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
    dataset = load_like(provenance.source, model.schema, model.classes, dtype, model.config.data.csv.text)
    if dataset.sha256 != provenance.files["data"].sha256:
        raise DataError(dataset.where, f"the data have changed since {model_file} was trained on them", remedy)
    return dataset
