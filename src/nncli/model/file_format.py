"""Model ↔ the bytes of model.npz.

The file is an uncompressed zip of .npy members, readable with `np.load(path, allow_pickle=False)`:

    meta         UTF-8 bytes of one JSON object: format, program version, matrix kernels, config, classes,
                 calibration, the schema of the columns, where the data came from
    theta        all parameters, one flat vector (size,)
    median, shift, scale   of the number columns, float64
    dead         the inputs that were 0 in every training row, bool
    val_rows, test_rows    one bit for each row of the data file (np.packbits), set where the row is in
                 the validation or test part; empty where that part came from a file of its own
    history      a row for each epoch, float64: training loss and accuracy, validation loss and accuracy (NaN
                 without validation rows), and 1 where it was the best so far
    sha256       the digest of all of them

The same run writes the same bytes: no clock, no path of the output, no order left to chance. A file from a stranger
is safe to open: nothing in it can name code, and what is not exactly such a file is refused before it costs memory.
What belongs into it is said in `file_schema.py`.
"""

from __future__ import annotations

import dataclasses
import io
import itertools
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from nncli.config.option import read_encoding
from nncli.config.train_config import TrainConfig
from nncli.data.dataset import Schema, schema_of
from nncli.data.preprocess import SCALINGS, Preprocess
from nncli.data.sources import native, portable
from nncli.model import npz, training_state
from nncli.model.file_schema import FLAT, FORMAT, FORMAT_VERSION, MEMBERS, OTHER_MEMBERS, Expected
from nncli.model.model import Model, build_network
from nncli.model.provenance import Provenance
from nncli.model.training_state import Snapshot
from nncli.nn.buffers import all_finite
from nncli.nn.calibration import Calibration
from nncli.system import plain_json

MOST = 1e30
FARTHEST_DAY = 2e11  # from 1970: beyond what a date of milliseconds can be
RESOLVED = ("optimizer", "lr", "schedule", "average", "epochs", "batch_size")


def encode(model: Model, p: Provenance) -> bytes:
    """The file."""
    document = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "nncli": p.version,
        "kernels": p.kernels,
        "config": model.config.to_json(),
        "classes": list(model.classes),
        "calibration": model.calibration and asdict(model.calibration),
        "schema": asdict(model.schema),
        "scaling": model.preprocess.scaling,
        "categories": [[name, list(values)] for name, values in model.preprocess.categories.items()],
        "dates": [list(one) for one in model.preprocess.dates],
        "data": {
            "source": list(map(portable, p.source)),
            "file_bytes": p.file_bytes,
            "val_bytes": p.val_bytes,
            "test_bytes": p.test_bytes,
            "sha256": p.sha256,
            "val_sha256": p.val_sha256,
            "test_sha256": p.test_sha256,
            "n_rows": p.n_rows,
            "has_test_file": p.has_test_file,
        },
        "best_epoch": p.best_epoch,
        "figures": p.figures,
        "notes": list(p.notes),
        "state": p.state and training_state.finite(p.state.numbers),
    }
    state = {} if p.state is None else p.state.arrays
    return npz.pack(
        {
            "meta": np.frombuffer(plain_json.encode(document), np.uint8),
            "theta": model.network.theta,
            "median": model.preprocess.median,
            "shift": model.preprocess.shift,
            "scale": model.preprocess.scale,
            "dead": model.preprocess.dead,
            "val_rows": p.val_bits,
            "test_rows": p.test_bits,
            "history": p.history,
            **{f"state.{name}": state[name] for name in sorted(state) if name != "best_theta"},  # that is theta
        }
    )


def decode(data: bytes) -> tuple[Model, Provenance]:
    """Read a model from the bytes of its file, as `read` does."""
    return read(io.BytesIO(data))


def read(file: BinaryIO) -> tuple[Model, Provenance]:
    """Read a model from its file, from the beginning to the end. Raises ValueError, with the reason, for a file that
    does not hang together: known before anything large is read or made."""
    expected = Expected()
    arrays = npz.unpack(file, MEMBERS[0], expected)
    if len(arrays) < len(MEMBERS):
        raise ValueError(OTHER_MEMBERS)
    stored = expected.document(arrays)
    for name, kind in FLAT.items():
        if arrays[name].ndim != 1 or arrays[name].dtype != kind:
            raise ValueError(f"member {name} is no vector of {kind}")
    return _model(stored, arrays)


def _model(stored: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> tuple[Model, Provenance]:
    schema = schema_of(stored["schema"])
    if read_encoding(schema.encoding) != schema.encoding:
        raise ValueError("an encoding by another name")
    preprocess = _preprocess(schema, stored, arrays)
    config, classes = TrainConfig.from_json(stored["config"]), tuple(stored["classes"])
    theta, calibration = arrays["theta"], stored["calibration"] and Calibration(**stored["calibration"])
    if len(set(classes)) < max(2, len(classes)):
        raise ValueError("fewer than two classes, or one twice")
    if config.hidden is None or config.loss is None or any(getattr(config, name) is None for name in RESOLVED):
        raise ValueError("options that leave open what the network is")
    # in Python's numbers, which have no largest one, before a network of that size is made
    widths = [preprocess.width, *config.hidden, *([len(classes)] if len(classes) > 2 else [1])]
    if sum(a * b for a, b in itertools.pairwise(widths)) > theta.size:
        raise ValueError(f"{theta.size:,} parameters, which are fewer than the network needs")
    network, loss = build_network(config, preprocess.width, len(classes))
    if theta.shape != network.theta.shape or theta.dtype != network.dtype:
        raise ValueError(f"{theta.shape} parameters of {theta.dtype} in place of {network.size:,} of {network.dtype}")
    if calibration is not None and not (0 < calibration.a < MOST and abs(calibration.b) < MOST):
        raise ValueError("a calibration that no scores could have")
    with np.errstate(over="ignore"):
        for name in ("median", "shift", "scale"):  # as they are used
            _check_finite(name, arrays[name].astype("float64" if schema.dtype == "float64" else config.dtype))
    _check_finite("theta", theta)
    network.theta[:] = theta
    provenance = _provenance(stored, arrays)
    if stored["state"] is not None:
        provenance = dataclasses.replace(provenance, state=_state(stored, arrays, config, provenance))
    return Model(config, schema, preprocess, network, loss, classes, calibration), provenance


def _state(
    stored: dict[str, Any], arrays: Mapping[str, NDArray[Any]], config: TrainConfig, provenance: Provenance
) -> Snapshot:
    theta, numbers = arrays["theta"], training_state.from_finite(stored["state"])
    found = {name.removeprefix("state."): array for name, array in arrays.items() if name.startswith("state.")}
    found["best_theta"] = theta
    kinds, shapes = training_state.form_of(config, theta.size)
    training_state.check(numbers, kinds)
    if {name: array.shape for name, array in found.items()} != shapes:
        raise ValueError("the state of another training")
    if [*found][:-1] != sorted([*found][:-1]) or any(array.dtype != theta.dtype for array in found.values()):
        raise ValueError("a state of another form")
    for name, array in found.items():
        _check_finite(f"state.{name}", array)
    return Snapshot(numbers, found, provenance.history, provenance.best_epoch)


def _preprocess(schema: Schema, stored: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Preprocess:
    if any(len(pair) != 2 or type(pair[0]) is not str or type(pair[1]) is not list for pair in stored["categories"]):
        raise ValueError("categories that are not of their form")
    if [type(part) for pair in stored["dates"] for part in pair] != [str, float] * len(stored["dates"]):
        raise ValueError("dates that are not of their form")
    if any(abs(first) > FARTHEST_DAY for _, first in stored["dates"]):
        raise ValueError("dates that no calendar has")
    preprocess = Preprocess(
        number_names=schema.of_kind("number"),
        median=arrays["median"],
        shift=arrays["shift"],
        scale=arrays["scale"],
        categories={name: tuple(values) for name, values in stored["categories"]},
        scaling=stored["scaling"],
        dead=arrays["dead"],
        dates=tuple((name, first) for name, first in stored["dates"]),
    )
    k = preprocess.n_numbers
    shapes = {"median": (k,), "shift": (k,), "scale": (k,), "dead": (preprocess.width,)}
    texts = [name for name, _ in stored["categories"]]
    if (any(arrays[name].shape != shape for name, shape in shapes.items()) or texts != [*schema.of_kind("text")]) or [
        name for name, _ in preprocess.dates
    ] != [*schema.of_kind("date")]:
        raise ValueError("preprocessing that does not fit the columns")
    for name in ("median", "shift", "scale"):
        _check_finite(name, arrays[name])
    if preprocess.scaling not in SCALINGS or preprocess.dead.view(np.uint8).max(initial=0) > 1:
        raise ValueError("a scaling, or dead inputs, of another kind")
    return preprocess


def _provenance(stored: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Provenance:
    n, history = stored["data"]["n_rows"], arrays["history"]
    parts = [arrays[name] for name in ("val_rows", "test_rows")]
    if any((stored["data"][f"{part}_bytes"] or 0) < 0 for part in ("file", "val", "test")):
        raise ValueError("data of fewer than no bytes")
    if n < 1 or any(len(part) not in (0, (n + 7) // 8) for part in parts):
        raise ValueError("rows that the data file did not have")
    if history.ndim != 2 or history.shape[1] != 5 or history.dtype != np.float64:
        raise ValueError("a history that is not of its form")
    accuracies = history[:, [1, 3]]
    if not (np.isfinite(history[:, :2]).all() and (np.isnan(history[:, 2]) == np.isnan(history[:, 3])).all()):
        raise ValueError("a history of numbers that are not finite")
    if np.isinf(history).any() or (accuracies < 0).any() or (accuracies > 1).any():
        raise ValueError("a history of numbers that are not finite, or no shares")
    if not 1 <= stored["best_epoch"] <= len(history):
        raise ValueError("a best epoch that is not in the history")
    return Provenance(
        version=stored["nncli"],
        kernels=stored["kernels"],
        **{**stored["data"], "source": tuple(map(native, stored["data"]["source"]))},
        val_bits=parts[0],
        test_bits=parts[1],
        best_epoch=stored["best_epoch"],
        history=history,
        figures=stored["figures"],
        notes=tuple(stored["notes"]),
    )


def _check_finite(name: str, array: NDArray[Any]) -> None:
    if array.size and not all_finite(array):
        raise ValueError(f"numbers in {name} that are not finite")
