"""How good a saved model is, on the test rows it was made with or on other data."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nncli.data.csv.header import DETECTED, TextOptions
from nncli.data.dataset import Dataset, Positions, without_weights
from nncli.data.load import check_as_it_was, digest_of_source, load_dataset, load_like
from nncli.data.sources import Source, title
from nncli.data.split import row_numbers
from nncli.errors import DataError, NncliError, OptionError
from nncli.inference.metrics import all_metrics, check_metrics
from nncli.model.checkpoint import Saved
from nncli.model.model import EVAL_ROWS, Model
from nncli.model.provenance import Provenance
from nncli.system import plain_json
from nncli.system.threads import use_threads
from nncli.system.workers import Killed, Stop, Workers, in_order, never
from nncli.training.prepare import csv_options

CELLS_AT_ONCE = 1 << 21
OF_PROGRAM = 100 << 20  # bytes that it takes without any data
ROW_BYTES, JUDGED_BYTES = 9, 90  # of each row of the data, and of each row that is judged
PAIR_BYTES = 600  # of each class, and of each pair that is confused, on their way to JSON
COPIES = 4  # of the rows that are judged at once, and of the parameters


def evaluate_model(
    model: Model,
    provenance: Provenance,
    model_file: str,
    source: Source = (),
    text: TextOptions = DETECTED,
    memory: int | None = None,
) -> tuple[dict[str, Any], list[str]]:
    """The metrics of a model on all rows of a source, or else on the test rows it was made with; and notes. With
    `memory`, in bytes, tables stay on the disk."""
    K = len(model.classes)
    if not source:
        dataset, rows, notes = _test_rows(model, provenance, model_file, memory)
    else:
        dataset = load_like(source, model.schema, model.classes, model.config.dtype, text, memory)
        rows = row_numbers(len(dataset))
        notes = [f"evaluated on all {len(dataset):,} rows of {title(source)}", *dataset.notes]
        if dataset.sha256 == provenance.sha256:
            trained = provenance.n_rows - len(provenance.val_rows) - len(provenance.test_rows)
            notes.append(
                f"warning: this is the file the model was trained on: it has seen {trained:,} of these rows. "
                f"nncli eval {model_file} judges by the test rows alone"
            )
    at_once = max(EVAL_ROWS, CELLS_AT_ONCE // max(model.preprocess.width, K) // EVAL_ROWS * EVAL_ROWS)
    if memory is not None:
        _refuse_too_little(memory, model, len(dataset), len(rows), min(at_once, len(rows)))
    figures, predicted = np.empty((len(rows), K), model.network.dtype), np.empty(len(rows), np.int64)
    for start in range(0, len(rows), at_once):
        part = slice(start, start + at_once)
        Z = model.scores(dataset.table.take(rows[part]))
        figures[part], predicted[part] = model.by_class(Z), model.predicted(Z)
    y = dataset.y[rows].astype(np.int64)
    return all_metrics(figures, predicted, y, model.classes, model.probabilistic), notes


def _refuse_too_little(memory: int, model: Model, n: int, judged: int, at_once: int) -> None:
    """Raise OptionError where `memory` is: the figures of all rows that are judged are there at once, of n rows."""
    K, network = len(model.classes), model.network
    block = at_once * COPIES * (network.widths[0] + K) + EVAL_ROWS * sum(network.widths)
    figures = judged * K + block + COPIES * network.size
    pairs = min(judged, K * K) + K
    needed = OF_PROGRAM + ROW_BYTES * n + JUDGED_BYTES * judged + PAIR_BYTES * pairs + network.dtype.itemsize * figures
    if needed > memory:
        raise OptionError(
            "--memory", f"to judge {judged:,} rows of {K:,} classes takes {-(-needed // 10**6):,}MB, found "
            f"{memory // 10**6:,}MB", "Allow so much",
        )  # fmt: skip


def evaluate_files(
    workers: Workers, model: Saved, sources: Sequence[str], text: TextOptions
) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
    """Each file, with its metrics and notes, in the order of the files; some are read at the same time."""
    check = functools.partial(check_evaluation, list(model.load()[0].classes))
    for source, found in in_order(workers, evaluate_file, (model, text), sources, check):
        if isinstance(found, Killed):
            raise DataError(title((source,)), str(found))
        if found["failure"] is not None:
            raise NncliError.from_json(found["failure"])
        yield source, found["metrics"], found["notes"]


def check_evaluation(classes: list[str], found: Any) -> None:
    """ValueError for what `evaluate_file` never returns, as a stranger in a cluster may send it."""
    plain_json.check(found, {"metrics": (dict, None), "notes": [str], "failure": ([str], None)})
    if found["failure"] is not None:
        NncliError.from_json(found["failure"])
    else:
        check_metrics(found["metrics"], classes)


def evaluate_file(source: str, shared: tuple[Saved, TextOptions], stop: Stop = never) -> dict[str, Any]:
    """What a worker does with a file."""
    saved, text = shared
    try:
        with use_threads(1):
            metrics, notes = evaluate_model(*saved.load(), saved.path, (source,), text)
        return {"metrics": metrics, "notes": notes, "failure": None}
    except NncliError as error:
        return {"metrics": None, "notes": [], "failure": error.to_json()}


def _test_rows(
    model: Model, provenance: Provenance, model_file: str, memory: int | None
) -> tuple[Dataset, Positions, list[str]]:
    """The data with the rows that were held out for the test, read again from where they came, and which they are."""
    config, source = model.config, provenance.source
    remedy = "Name the data to judge by: nncli eval MODEL DATA"
    if not provenance.has_test_file and len(provenance.test_rows) == 0:
        raise DataError(model_file, "the model was trained without test rows", remedy)
    changed = f"the data have changed since {model_file} was trained on them: its test rows cannot be told"
    if config.test_data:
        check_as_it_was(config.test_data, provenance.test_bytes, model_file, remedy)
        test = load_like(config.test_data, model.schema, model.classes, config.dtype, csv_options(config).text, memory)
        if test.sha256 != provenance.test_sha256:
            raise DataError(test.where, changed, remedy)
        return test, row_numbers(len(test)), [f"evaluated on the {len(test):,} rows of {test.where}"]
    check_as_it_was(source, provenance.file_bytes, model_file, remedy)
    if digest_of_source(source) != provenance.sha256:
        raise DataError(title(source), changed, remedy)
    # the same bytes: the same rows and classes
    dataset = load_dataset(source, csv_options(config), config.dtype, memory)
    if config.weight is not None:
        dataset, _ = without_weights(dataset, config.weight)
    if dataset.test is not None:
        test = dataset.test
        return test, row_numbers(len(test)), [f"evaluated on the {len(test):,} test rows of {dataset.where}"]
    rows = provenance.test_rows
    return dataset, rows, [f"evaluated on the {len(rows):,} test rows of {dataset.where}"]
