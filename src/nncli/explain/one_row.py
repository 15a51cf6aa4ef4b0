"""One row explained: its prediction, the reasons for it, and the nearest change of one column that changes it; of a
number, how far each column could move it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from nncli.data.csv.header import TextOptions
from nncli.data.dataset import Table
from nncli.data.load_stream import stream_like
from nncli.data.sources import STDIN, Source, title
from nncli.data.sparse_numbers import is_sparse
from nncli.data.unchanged_source import check_as_it_was
from nncli.errors import DataError, OptionError
from nncli.explain.largest_moves import largest_moves
from nncli.explain.leads import reasons_title, runners_up
from nncli.explain.marks import marked_texts
from nncli.explain.nearest_change import nearest_changes, values_of
from nncli.explain.reasons import Reasons, check_background, reasons, reasons_for_numbers
from nncli.model.model import Model
from nncli.model.provenance import Provenance
from nncli.system.output import in_quotes

MOST_CHANGED = 100  # columns of very many, whose changes are looked for
BACKGROUND = "the mean input of the training rows"
WITHOUT_TEXT = "a row without text"
MEAN_WITHOUT_TEXT = "the mean input of the training rows, without text"
MOST_NGRAMS = 20
NAME_DATA = "Name the data: nncli explain MODEL DATA --row N"


def own_rows(model: Model, provenance: Provenance, model_file: str) -> tuple[Source, TextOptions]:
    """Return the files that the test rows of a model are in, and how their text is written; DataError where they are
    not there as they were."""
    data = model.config.data
    source, file = data.test_source or provenance.source, provenance.files["test_data" if data.test_source else "data"]
    if source == STDIN:
        raise DataError(model_file, "its data came from stdin, and cannot be read again", NAME_DATA)
    check_as_it_was(source, file.n_bytes, model_file, NAME_DATA)
    return source, data.csv.text_of_others if data.test_source else data.csv.of_text


def read_row(model: Model, source: Source, text: TextOptions, number: int) -> Table:
    """Read row `number`, from 1, of some files, as a table of one; other rows may be such as cannot be read. DataError
    where it is, and OptionError where there are fewer rows."""
    before = 0
    for name in source:
        with stream_like(name, model.schema, model.config.model.dtype, (), "blank", text, model.known_cells) as (
            blocks,
            _,
            _,
        ):
            for block in blocks:
                place = number - 1 - before
                if place < len(block):
                    if place in block.errors:
                        raise block.errors[place]
                    return block.table.take(np.array([place]))
                before += len(block)
    raise OptionError("row", f"expected a row from 1 to {before:,} of {title(source)}, found {number:,}")


def explain_row(model: Model, row: Table) -> dict[str, Any]:
    """Return what `explain --row --json` says of a row, a table of one. OptionError for a model of an older version."""
    check_background(model, "row")
    Z = model.scores(row)
    if model.target is not None:
        return _number(model, row, float(model.numbers(Z)[0]))
    predicted = model.predicted(Z)
    runner_up = runners_up(Z, predicted)
    found, figures = reasons(model, row, predicted, runner_up), model.by_class(Z)[0]
    second = model.classes[runner_up[0]]
    return {
        "prediction": model.classes[predicted[0]],
        "probabilities" if model.probabilistic else "scores": dict(zip(model.classes, figures.tolist(), strict=True)),
        "runner_up": second,
        "explained": reasons_title(model, f"the runner-up, {in_quotes(second)}"),
        "lead": float(found.lead[0]),
        "background": {"of": _background(model), "lead": float(found.background[0])},
        **_contributions(model, row, found),
        "changes": [dataclasses.asdict(one) for one in nearest_changes(model, row, _to_change(row, found))[0]],
    }


def _number(model: Model, row: Table, prediction: float) -> dict[str, Any]:
    """Return the same for the number that is predicted for a row."""
    found = reasons_for_numbers(model, row)
    return {
        "prediction": prediction,
        "explained": reasons_title(model, ""),
        "background": {"of": _background(model), "prediction": float(found.background[0])},
        **_contributions(model, row, found),
        "moves": [dataclasses.asdict(one) for one in largest_moves(model, row, _to_change(row, found))],
    }


def _to_change(row: Table, found: Reasons) -> list[str] | None:
    """Name the columns whose changes are looked for: all (None); where they are stored sparse, those that add most."""
    if not is_sparse(row.numbers):
        return None
    return [found.columns[i] for i in found.largest(MOST_CHANGED)[0][0].tolist()]


def _contributions(model: Model, row: Table, found: Reasons) -> dict[str, Any]:
    """Return what each column of a row adds, the largest first, and how exact that is."""
    order, values = found.largest(len(found.columns))
    names = [found.columns[i] for i in order[0].tolist()]
    return {
        "contributions": [
            {"column": name, "value": cell, "contribution": value}
            for name, cell, value in zip(names, values_of(model, row, names), values[0].tolist(), strict=True)
        ],
        "method": "exact" if model.config.model.is_linear else "integrated gradients",
        "error_of_sum": float(found.error[0]),
        **_words(row, found),
    }


def _words(row: Table, found: Reasons) -> dict[str, Any]:
    """Return the n-grams of a row that add most, and the words to mark in its texts, if it has any."""
    if found.of_words is None:
        return {}
    return {
        "ngrams": [one.to_json() for one in found.of_words.largest(row, MOST_NGRAMS)[0]],
        "texts": [one.to_json() for one in marked_texts(found.of_words, row)],
    }


def _background(model: Model) -> str:
    """Say which row a row is compared with."""
    if model.preprocess.words is None:
        return BACKGROUND
    return MEAN_WITHOUT_TEXT if model.preprocess.n_others else WITHOUT_TEXT
