"""Model ↔ model.npz: saved, loaded, and told of to other processes. What is in the file is in `modelfile.py`."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nncli.atomic import atomic_file
from nncli.errors import ModelFileError, OutputError
from nncli.model import Model
from nncli.modelfile import Provenance, decode, encode
from nncli.npz import BEGINS, END, END_BEGINS
from nncli.registry import did_you_mean


def save(path: Path, model: Model, provenance: Provenance) -> None:
    """Writes the file whole or not at all; `-` is stdout."""
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
    """Reads a model, `-` from stdin; ModelFileError, in one line, for a file that is none."""
    data = _read(path)
    try:
        return decode(data)
    except ModelFileError as error:
        raise ModelFileError(str(path), error.problem, error.remedy) from None
    except ValueError as error:
        raise ModelFileError(
            str(path), f"expected a model written by nncli, found {error}", "Take another copy, or train it again"
        ) from None


@dataclass(frozen=True)
class Saved:
    """A model file as other processes are told of it: they load the same bytes, or it is a ModelFileError."""

    path: str
    sha256: str

    @classmethod
    def at(cls, path: Path) -> Saved:
        return cls(str(path), hashlib.sha256(_read(path)).hexdigest())

    def load(self) -> tuple[Model, Provenance]:
        return _loaded(self)


@functools.lru_cache(maxsize=1)
def _loaded(saved: Saved) -> tuple[Model, Provenance]:
    if Saved.at(Path(saved.path)) != saved:
        raise ModelFileError(saved.path, "expected the model that the others have, found another", "Use one file")
    return load(Path(saved.path))


def _read(path: Path) -> bytes:
    try:
        with contextlib.nullcontext(sys.stdin.buffer) if path == Path("-") else path.open("rb") as file:
            head = file.read(len(BEGINS))
            if head != BEGINS:  # what is no model may have no end
                return head
            if file.seekable():  # and may be far larger than what there is on the disk
                file.seek(-min(END.size, file.seek(0, io.SEEK_END)), io.SEEK_END)
                tail = file.read()
                if not tail.startswith(END_BEGINS):
                    return head + tail
                file.seek(len(head))
            return head + file.read()
    except OSError as error:
        raise ModelFileError(str(path), f"cannot read the model: {error.strerror}", _near(path)) from None


def describe(model: Model, p: Provenance) -> dict[str, Any]:
    """What `info --json` shows of a model."""
    return {
        "nncli": p.version,
        "model": model.config.model,
        "layers": model.network.widths_shown(),
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
        "scaling": model.preprocess.scaling,
        "categories": {name: list(values) for name, values in model.preprocess.categories.items()},
        "data": {"source": p.source, "sha256": p.sha256, "rows": p.n_rows},
        "options": model.config.to_json(),
        "command_line": model.config.command_line(),
        "figures": p.figures,
        "notes": list(p.notes),
        "resumable": p.state is not None,
        "history": [asdict(epoch) for epoch in p.epochs()],
    }


def _columns(model: Model) -> list[dict[str, Any]]:
    """What has been learned of each: x = (value − shift) · scale, with the median for a missing one; the first date."""
    fitted, first = model.preprocess, dict(model.preprocess.dates)
    places = {name: i for i, name in enumerate(fitted.number_names)}
    found = []
    for name, kind in model.schema.columns:
        learned: dict[str, Any] = {}
        if kind == "number":
            learned = {what: float(getattr(fitted, what)[places[name]]) for what in ("median", "shift", "scale")}
        elif kind == "date":
            learned = {"first": str(np.datetime64(0, "D") + int(np.floor(first[name])))}
        found.append({"name": name, "kind": kind, **learned})
    return found


def _near(path: Path) -> str:
    models = sorted(p.name for p in path.parent.glob("*.npz")) if path.parent.is_dir() else []
    listed = f"There is {', '.join(models[:3])} in that folder" if models else "Make one with: nncli train"
    return did_you_mean(path.name, models) or listed
