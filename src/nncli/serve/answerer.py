"""Answers: what `nncli predict` says of the rows of a request, in the form in which they were sent.

A single object takes a way of its own, without files and tables of Arrow; it is read, predicted and written by the same
functions.
"""

from __future__ import annotations

import io
import json
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nncli.data.csv.header import DETECTED, TextOptions
from nncli.data.formats.json_object import ObjectReader
from nncli.data.formats.known_formats import JSON_LINES, TEXT
from nncli.data.source_files import open_like
from nncli.errors import NncliError
from nncli.inference.other_units import FarColumns, NewCategories
from nncli.inference.predict_options import PredictOptions
from nncli.inference.predictor import Predictor
from nncli.inference.written_cells import csv_quoted
from nncli.model.model import Model
from nncli.serve.bodies import Body, Form, too_many_rows
from nncli.serve.problems import WHERE, Problem
from nncli.serve.row_warnings import Oddities, RowWarnings
from nncli.serve.served_rows import ServedRows

WARNINGS = "warnings"  # the column behind those of `nncli predict`
MEDIA = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}
MOST_PREDICTORS = 16  # that are kept, one for each set of options


@dataclass(frozen=True)
class Asked:
    """Hold what the address of a request asks for beside the prediction: so many reasons, an interval or a set that
    holds the truth with that probability; and how its text is written."""

    reasons: int = 0
    interval: float | None = None
    text: TextOptions = DETECTED


@dataclass
class Answer:
    """The answer to a request, and what there is to count. `notes` are of the whole request, not of a row."""

    body: bytes
    media: str
    rows: int
    classes: Counter[str]
    oddities: Oddities
    notes: list[str] = field(default_factory=list)


class Answerer:
    """Answers requests with a model, one at a time: each thread has an answerer of its own. What is answered is counted
    in `served`."""

    def __init__(self, model: Model, served: ServedRows) -> None:
        self.model, self.served = model.for_another_thread(), served
        self.dtype = model.config.model.dtype
        self.objects = ObjectReader(model.schema, self.dtype, model.known_cells, WHERE)
        self.row_warnings = RowWarnings(self.model)
        self._predictors: dict[tuple[int, float | None, bool], Predictor] = {}

    def warm_up(self) -> None:
        """Answer a row without values, so that the first request need not wait for what is loaded at first use."""
        line = json.dumps(dict.fromkeys(self.model.schema.names)).encode()
        with suppress(NncliError):
            self.row(Body("row", line, self.model.schema.names, [None] * len(self.model.schema.names)), Asked())

    def row(self, body: Body, asked: Asked) -> Answer:
        """Answer a single object. Raises NncliError, as the reader and the model do."""
        if asked.text != DETECTED:
            raise of_csv_alone(asked.text)
        block, notes = self.objects.read(body.lines, body.keys, body.values)
        predictor, oddities = self._predictor(asked, is_json=True), Oddities()
        predictor.guard = seen = self.served.begin(len(body.lines))
        columns = predictor.columns(block)
        unknown = predictor.unknown_texts(block.errors)
        found = self.row_warnings.look(block.table, oddities, unknown)
        own = json.dumps([*notes, *found.get(0, []), *self._ties(predictor)])
        line = predictor.lines(block, [*columns, [own]])
        if seen is not None:
            seen.look(block.table)
            seen.unknown.update({name: len(rows) for name, rows in unknown.items()})
            self.served.add(seen)
        return Answer(line[:-1], "application/json", 1, self._classes(predictor, columns), oddities)

    def table(self, body: Body, asked: Asked, most_rows: int, until: float) -> Answer:
        """Answer many rows, before that time of the monotonic clock. Raises NncliError as the reader and the model do,
        and Problem for too many rows, and where there is no more time."""
        is_json, form = body.form != "csv", body.form
        if is_json and asked.text != DETECTED:
            raise of_csv_alone(asked.text)
        model, predictor, oddities = self.model, self._predictor(asked, is_json), Oddities()
        parts, notes = list[Any](), list[str]()
        predictor.guard = seen = self.served.begin(len(body.lines))
        rows, classes, names = 0, Counter[str](), [*predictor.names, WARNINGS]
        if form in ("rows", "columns") and not body.lines:  # an empty list is answered by one
            return Answer(_joined(form, parts, b"", names), _media(form), rows, classes, oddities)
        kind, stream, known = TEXT if form == "csv" else JSON_LINES, io.BytesIO(body.lines), model.known_cells
        with open_like(Path(WHERE), kind, stream, model.schema, asked.text, dtype=self.dtype, known=known) as reader:
            far, new = FarColumns(model.schema), NewCategories(model.preprocess.categories)
            for block in reader:
                if time.monotonic() > until:
                    problem = "expected an answer within the time limit, found no end of it"
                    raise Problem(503, WHERE, problem, "Send fewer rows in each request", retry_after=1)
                rows += len(block)
                if rows > most_rows:
                    raise too_many_rows(most_rows)
                unseen = Counter(oddities.unseen)
                columns = predictor.columns(block)
                unknown = predictor.unknown_texts(block.errors)
                found = self.row_warnings.look(block.table, oddities, unknown)
                columns.append(_written(found, len(block), is_json))
                classes.update(self._classes(predictor, columns))
                parts.append(columns if form == "columns" else predictor.lines(block, columns))
                if seen is not None:
                    seen.look(block.table)
                    seen.unknown.update({name: len(rows) for name, rows in unknown.items()})
                far.look(block.table)
                new.look(block.table, oddities.unseen - unseen)
                notes += block.notes
            notes += [*reader.notes, *far.notes(), *new.notes(), *self._ties(predictor)]
        if seen is not None:
            self.served.add(seen)
        return Answer(_joined(form, parts, predictor.header, names), _media(form), rows, classes, oddities, notes)

    def _predictor(self, asked: Asked, is_json: bool) -> Predictor:
        key = asked.reasons, asked.interval, is_json
        found = self._predictors.get(key)
        if found is None:
            proba = self.model.target is None
            options = PredictOptions(proba=proba, reasons=asked.reasons, interval=asked.interval, jsonl=is_json)
            if len(self._predictors) >= MOST_PREDICTORS:
                self._predictors.clear()
            found = self._predictors[key] = Predictor(self.model, options, beside=(WARNINGS,))
        found.rows = found.tied = 0
        return found

    def _classes(self, predictor: Predictor, columns: Sequence[Any]) -> Counter[str]:
        """Count the predicted classes; none of a model of numbers."""
        if self.model.target is not None:
            return Counter()
        first = columns[0]
        if isinstance(first, list):
            written = Counter(first)
        else:
            written = Counter({one["values"]: one["counts"] for one in first.value_counts().to_pylist()})
        return Counter({predictor.class_of_cell[cell]: n for cell, n in written.items()})

    def _ties(self, predictor: Predictor) -> list[str]:
        return self.model.say_ties(predictor.tied, predictor.rows) if predictor.tied else []


def of_csv_alone(text: TextOptions) -> Problem:
    """Say that a parameter of the address is for CSV, and JSON was sent."""
    name = next(name for name, value in vars(text).items() if value != getattr(DETECTED, name))
    return Problem(400, f"?{name}", "it says how CSV is written, and JSON was sent", "Leave it out")


def _written(found: dict[int, list[str]], n: int, is_json: bool) -> list[str]:
    """Write the warnings of n rows: in JSON as a list, in CSV as one text."""
    cells = ["[]" if is_json else ""] * n
    for row, lines in found.items():
        cells[row] = json.dumps(lines) if is_json else csv_quoted("; ".join(lines))
    return cells


def _joined(form: Form, parts: list[Any], header: bytes, names: Sequence[str]) -> bytes:
    """Join the lines of some blocks, or their columns, as one answer."""
    if form == "csv":
        return b"".join([header, *parts])
    if form == "ndjson":
        return b"".join(parts)
    if form == "rows":
        return b"[" + b"".join(parts)[:-1].replace(b"\n", b",") + b"]"
    columns: list[list[str]] = [[] for _ in names]
    for part in parts:
        for cells, column in zip(columns, part, strict=True):
            cells += column if isinstance(column, list) else column.to_pylist()
    written = (f"{json.dumps(name)}:[{','.join(cells)}]" for name, cells in zip(names, columns, strict=True))
    return f"{{{','.join(written)}}}".encode()


def _media(form: Form) -> str:
    return MEDIA.get(form, "application/json")
