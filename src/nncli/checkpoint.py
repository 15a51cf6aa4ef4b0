"""Model ↔ model.npz.

The file is an uncompressed zip of .npy members, readable with `np.load(path, allow_pickle=False)`:

    meta         UTF-8 bytes of one JSON object: format, program version, config, classes, calibration, the
                 schema of the columns, the history, where the data came from
    theta        all parameters, one flat vector (size,)
    median, shift, scale   of the number columns, float64
    dead         the inputs that were 0 in every training row, bool
    val_rows, test_rows    one bit for each row of the data file (np.packbits), set where the row is in
                 the validation or test part; empty where that part came from a file of its own

The same run writes the same bytes: no clock, no path of the output, no order left to chance.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import sys
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.atomic import atomic_file
from nncli.config import TrainConfig
from nncli.data.dataset import Schema
from nncli.data.preprocess import Preprocess
from nncli.errors import ModelFileError
from nncli.model import Model, build_network
from nncli.nn.calibration import Calibration
from nncli.registry import did_you_mean
from nncli.trainer import Epoch

FORMAT = "nncli model"
FORMAT_VERSION = 2
MEMBERS = ("meta", "theta", "median", "shift", "scale", "dead", "val_rows", "test_rows")
_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that zip knows


# What is raised for a file that is no model. RuntimeError is zipfile's, for a damaged header that asks for a
# password, or for a way of compression that it does not know.
DAMAGE = (zipfile.BadZipFile, RuntimeError, KeyError, ValueError, TypeError, EOFError, OSError)


@dataclass(frozen=True)
class Provenance:
    """Where a model comes from: enough to find its test rows again, and to say what was done."""

    version: str  # of the program that trained it
    source: str
    sha256: str
    test_sha256: str  # of the file of test rows, if that is another
    n_rows: int  # of the data file
    val_rows: NDArray[np.int64]  # numbers of the rows in each part; the others were trained on
    test_rows: NDArray[np.int64]
    has_test_file: bool  # the test set came from a file of its own, or with the data
    best_epoch: int
    history: tuple[Epoch, ...]
    figures: dict[str, Any]  # the final figures, as `train --json` has them
    notes: tuple[str, ...]


def save(path: Path, model: Model, provenance: Provenance) -> None:
    """Writes the file whole or not at all; `-` is stdout."""
    data = _encode(model, provenance)
    if path == Path("-"):
        sys.stdout.buffer.write(data)
        return
    with atomic_file(path) as file:
        file.write(data)


def load(path: Path) -> tuple[Model, Provenance]:
    """Reads a model, `-` from stdin; ModelFileError, in one line, for a file that is none."""
    data = _read(path)
    try:
        return _decode(data)
    except ModelFileError as error:
        raise ModelFileError(str(path), error.problem, error.remedy) from None
    except DAMAGE:
        raise ModelFileError(
            str(path), "expected a model written by nncli, found something else or a damaged file", "Train it again"
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
        return sys.stdin.buffer.read() if path == Path("-") else path.read_bytes()
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
        "columns": [{"name": name, "kind": kind} for name, kind in model.schema.columns],
        "calibration": model.calibration and asdict(model.calibration),
        "scaling": model.preprocess.scaling,
        "categories": {name: list(values) for name, values in model.preprocess.categories.items()},
        "data": {"source": p.source, "sha256": p.sha256, "rows": p.n_rows},
        "options": model.config.to_json(),
        "command_line": model.config.command_line(),
        "figures": p.figures,
        "notes": list(p.notes),
        "history": [asdict(epoch) for epoch in p.history],
    }


def _near(path: Path) -> str:
    models = sorted(p.name for p in path.parent.glob("*.npz")) if path.parent.is_dir() else []
    listed = f"There is {', '.join(models[:3])} in that folder" if models else "Make one with: nncli train"
    return did_you_mean(path.name, models) or listed


def _encode(model: Model, p: Provenance) -> bytes:
    meta = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "nncli": p.version,
        "config": model.config.to_json(),
        "classes": model.classes,
        "calibration": model.calibration and asdict(model.calibration),
        "schema": asdict(model.schema),
        "scaling": model.preprocess.scaling,
        "categories": [[name, list(values)] for name, values in model.preprocess.categories.items()],
        "data": {
            "source": p.source,
            "sha256": p.sha256,
            "test_sha256": p.test_sha256,
            "n_rows": p.n_rows,
            "has_test_file": p.has_test_file,
        },
        "best_epoch": p.best_epoch,
        "history": [asdict(epoch) for epoch in p.history],
        "figures": p.figures,
        "notes": p.notes,
    }
    text = json.dumps(meta, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    arrays = {
        "meta": np.frombuffer(text.encode(), np.uint8),
        "theta": model.network.theta,
        "median": model.preprocess.median,
        "shift": model.preprocess.shift,
        "scale": model.preprocess.scale,
        "dead": model.preprocess.dead,
        "val_rows": _bits(p.val_rows, p.n_rows),
        "test_rows": _bits(p.test_rows, p.n_rows),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as file:
        for name in MEMBERS:
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(arrays[name]), allow_pickle=False)
            file.writestr(zipfile.ZipInfo(f"{name}.npy", _DATE), member.getvalue())
    return out.getvalue()


def _decode(data: bytes) -> tuple[Model, Provenance]:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        if sorted(file.namelist()) != sorted(f"{name}.npy" for name in MEMBERS):
            raise ModelFileError("", "expected a model written by nncli, found another kind of zip or npz file")
        arrays = {
            name: np.lib.format.read_array(io.BytesIO(file.read(f"{name}.npy")), allow_pickle=False) for name in MEMBERS
        }
    meta = json.loads(arrays["meta"].tobytes())
    if meta["format"] != FORMAT:
        raise ModelFileError("", f"expected the format '{FORMAT}', found '{meta['format']}'")
    if meta["format_version"] != FORMAT_VERSION:
        raise ModelFileError(
            "",
            f"expected format version {FORMAT_VERSION}, found {meta['format_version']}, written by nncli "
            f"{meta['nncli']}",
            "Use a program version that knows it",
        )
    schema = Schema(
        **{
            **meta["schema"],
            "columns": tuple((name, kind) for name, kind in meta["schema"]["columns"]),
            "missing": tuple(meta["schema"]["missing"]),
        }
    )
    preprocess = Preprocess(
        number_names=schema.of_kind("number"),
        median=arrays["median"],
        shift=arrays["shift"],
        scale=arrays["scale"],
        categories={name: tuple(values) for name, values in meta["categories"]},
        scaling=meta["scaling"],
        dead=arrays["dead"],
    )
    k = len(preprocess.number_names)
    shapes = {"median": (k,), "shift": (k,), "scale": (k,), "dead": (preprocess.width,)}
    if any(arrays[name].shape != shape for name, shape in shapes.items()):
        raise ValueError("the preprocessing does not fit the columns")
    config = TrainConfig.from_json(meta["config"])
    if config.hidden is None or config.loss is None:
        raise ValueError("the options leave open what the network is")
    classes = tuple(meta["classes"])
    network, loss = build_network(config, preprocess.width, len(classes))
    theta = arrays["theta"]
    if theta.shape != network.theta.shape or theta.dtype != network.dtype:
        raise ModelFileError(
            "", f"expected {network.size} parameters of {network.dtype}, found {theta.shape} of {theta.dtype}"
        )
    network.theta[:] = theta
    calibration = None
    if meta["calibration"] is not None:
        calibration = Calibration(float(meta["calibration"]["a"]), float(meta["calibration"]["b"]))
    n_rows = meta["data"]["n_rows"]
    provenance = Provenance(
        version=meta["nncli"],
        **meta["data"],
        val_rows=_rows(arrays["val_rows"], n_rows),
        test_rows=_rows(arrays["test_rows"], n_rows),
        best_epoch=meta["best_epoch"],
        history=tuple(Epoch(**epoch) for epoch in meta["history"]),
        figures=meta["figures"],
        notes=tuple(meta["notes"]),
    )
    return Model(config, schema, preprocess, network, loss, classes, calibration), provenance


def _bits(rows: NDArray[np.int64], n_rows: int) -> NDArray[np.uint8]:
    if len(rows) == 0:
        return np.zeros(0, np.uint8)
    mask = np.zeros(n_rows, bool)
    mask[rows] = True
    return np.packbits(mask)


def _rows(bits: NDArray[np.uint8], n_rows: int) -> NDArray[np.int64]:
    return np.flatnonzero(np.unpackbits(bits, count=n_rows)) if len(bits) else np.zeros(0, np.int64)
