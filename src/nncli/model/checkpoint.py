"""Model ↔ model.npz: save, load, describe, and name it to other processes. Its bytes are in `file_format.py`."""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import sys
from collections.abc import Iterator
from dataclasses import asdict
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from nncli.data.category_inputs import MAX_CATEGORIES
from nncli.data.dataset import Dataset
from nncli.data.formats.known_formats import HEAD_BYTES, MODEL, TEXT, ZIP, format_of, format_of_bytes
from nncli.data.sources import portable
from nncli.data.task import REGRESSION
from nncli.errors import DataError, ModelFileError, OutputError, did_you_mean_file, listing, mention
from nncli.model.file_format import encode, read
from nncli.model.model import Model
from nncli.model.npz import BEGINS, OtherKind
from nncli.model.provenance import Provenance
from nncli.model.training_state import described, mistakes_of
from nncli.system import plain_json
from nncli.system.addresses import address_problem
from nncli.system.atomic import atomic_file
from nncli.system.os_errors import NO_FILES, explain

OTHER_COPY = "Take another copy, or train it again"
ROOM = 1 << 16  # bytes of a model file's text that are for other things than names


def save(path: Path, model: Model, provenance: Provenance) -> None:
    """Write the file whole or not at all; `-` is stdout."""
    try:
        data = encode(model, provenance)
    except ValueError as error:
        raise OutputError(str(path), f"the model cannot be saved: {error}") from None
    if path == Path("-"):
        sys.stdout.buffer.write(data)
        return
    with atomic_file(path) as file:
        file.write(data)


def load(path: Path) -> tuple[Model, Provenance]:
    """Read a model, `-` from stdin; ModelFileError for a file that is none."""
    head = b""
    try:
        with _opened(path) as file:
            if isinstance(file, BufferedReader):
                head = file.peek(HEAD_BYTES)[:HEAD_BYTES]
            return read(file)
    except ModelFileError as error:
        where = error.where if address_problem(str(path)) else str(path)
        raise ModelFileError(where, error.problem, error.remedy) from None
    except OtherKind as error:
        found = format_of(path) if path != Path("-") and path.is_file() else format_of_bytes(head)
        name = str(error) if found in (MODEL, TEXT, ZIP) else found.name
        remedy = "Name a model first, and data behind it" if found.reader and found != TEXT else OTHER_COPY
        raise ModelFileError(str(path), f"expected a model written by nncli, found {name}", remedy) from None
    except ValueError as error:
        raise ModelFileError(str(path), f"expected a model written by nncli, found {error}", OTHER_COPY) from None


def check_fits_model_file(dataset: Dataset) -> None:
    """Raise DataError now, rather than after training, if a model file could not hold all names of such data."""
    schema, texts = dataset.schema, dataset.table.texts
    document = {
        "columns": [] if schema.sparse else schema.columns,  # of which a file has the first and their number
        "classes": 2 * dataset.classes,
        "categories": [[name, *column.values[:MAX_CATEGORIES]] for name, column in texts.items()],
        "dates": [[name, 0.0] for name in schema.of_kind("date")],
        "sources": 2 * [*map(portable, dataset.source)],
        "left": " " * ROOM,
    }
    try:
        plain_json.encode(document)
    except ValueError as error:
        problem = f"a model cannot hold all names of its files, columns, categories and classes: {error}"
        remedy = f"Leave columns out with {mention('drop')}, or put many small files together"
        raise DataError(dataset.where, problem, remedy) from None


class ModelFile(NamedTuple):
    """The path and digest of a model file, by which other processes load the same bytes: see `load_same`."""

    path: str
    sha256: str

    @classmethod
    def at(cls, path: Path) -> ModelFile:
        """Note the digest of a file; what does not begin as a model is read no further."""
        with _opened(path) as file:
            head = file.read(len(BEGINS))
            digest = hashlib.sha256(head)
            while head == BEGINS and (part := file.read(1 << 20)):
                digest.update(part)
            return cls(str(path), digest.hexdigest())


@functools.lru_cache(maxsize=1)
def load_same(file: ModelFile) -> tuple[Model, Provenance]:
    """Read the model that a `ModelFile` names, once for all tasks of a worker."""
    if ModelFile.at(Path(file.path)) != file:
        raise ModelFileError(file.path, "expected the model that the others have, found another", "Use one file")
    return load(Path(file.path))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a model file, or stdin as `-`; ModelFileError where it cannot be read, unless no file can be."""
    try:
        if path == Path("-"):
            if sys.stdin is None:
                raise OSError(errno.EBADF, "it is closed")
            yield sys.stdin.buffer
        else:
            with path.open("rb") as file:
                yield file
    except OSError as error:
        if error.errno in NO_FILES:
            raise explain(error) from None
        where = "stdin" if path == Path("-") else str(path)
        if isinstance(error, FileNotFoundError) and (problem := address_problem(where)):
            raise ModelFileError(*problem) from None
        raise ModelFileError(where, f"cannot read the model: {error.strerror}", _near(path)) from None


def describe(model: Model, p: Provenance) -> dict[str, Any]:
    """Return what `info --json` shows of a model."""
    history, words = p.epochs(model.config.row_by_row), model.preprocess.words
    return {
        "nncli": p.version,
        "kernels": p.kernels,
        "model": model.config.model.name,
        "layers": model.network.widths_shown(),
        **({"members": model.network.number} if model.network.is_several else {}),
        "parameters": model.network.size,
        "blocks": {block.name: list(block.shape) for block in model.network.blocks},
        "classes": list(model.classes),
        "target": model.schema.target,
        "columns": _columns(model),
        "reading": {
            name: getattr(model.schema, name)
            for name in ("header", "delimiter", "decimal", "encoding", "missing", "dtype")
        },
        "calibration": model.calibration and asdict(model.calibration),
        "decision": model.decision and asdict(model.decision),
        "scaling": model.preprocess.scaling,
        "categories": {name: list(values) for name, values in model.preprocess.categories.items()},
        **({} if words is None else {"words": {"columns": list(words.columns), **asdict(words.options)}}),
        "data": {
            "source": list(p.source),
            "bytes": p.files["data"].n_bytes,
            "sha256": p.files["data"].sha256,
            "rows": p.n_rows,
        },
        **({} if model.preprocess.vectors is None else {"vectors": model.preprocess.vectors._asdict()}),
        "from": p.parent and {"sha256": p.parent.sha256, "data": [list(one.source) for one in p.parent.data]},
        "options": model.config.options.to_json(),
        **({"parts": _parts(model)} if model.config.parts else {}),
        "command_line": model.config.options.command_line(),
        "figures": p.figures,
        "notes": list(p.notes),
        "guards": _guards(model),
        "resumable": p.state is not None,
        "mistakes": mistakes_of(history),
        "history": [described(epoch, model.target is not None) for epoch in history],
    } | ({} if model.target is None else {"task": REGRESSION, "target_scale": asdict(model.target)})


def _parts(model: Model) -> list[dict[str, Any]]:
    """Describe the parts of a blend: how often each counts, and the options that it was trained with."""
    from nncli.config.search_plan import in_brief

    return [{"times": one.times, "trained_with": in_brief(one.options)} for one in model.config.parts]


def _guards(model: Model) -> dict[str, Any] | None:
    """Describe what later rows are compared with; None where nothing is known of the training columns."""
    known = model.distribution
    if known is None:
        return None
    predicted = None if known.predictions is None else sum(known.predictions.counts)
    return {"training_rows": known.rows, "sampled_rows": known.sampled, "predicted_rows": predicted}


def _columns(model: Model) -> list[dict[str, Any]]:
    """Describe what was learned of each column: x = (value − shift) · scale, before a smooth clip where the scaling has
    one, the median if missing; the first date."""
    fitted, first = model.preprocess, dict(model.preprocess.dates)
    places = {name: i for i, name in enumerate(fitted.number_names)}
    spellings = dict(model.schema.spellings)
    found = []
    for name, kind in model.schema.columns:
        learned: dict[str, Any] = {}
        if kind == "number":
            learned = {what: float(getattr(fitted, what)[places[name]]) for what in ("median", "shift", "scale")}
        elif kind == "date":
            learned = {"first": str(np.datetime64(int(np.floor(first[name])), "D"))}
        if name in spellings:
            learned["cells"] = str(spellings[name])
        found.append({"name": name, "kind": kind, **learned})
    return found


def _near(path: Path) -> str:
    models = sorted(p.name for p in path.parent.glob("*.npz")) if path.parent.is_dir() else []
    listed = f"That folder has {listing(models, most=3)}" if models else "Make one with: nncli train"
    return did_you_mean_file(path.name, models) or listed
