"""Model ↔ the bytes of model.npz, format version 11.

The file is an uncompressed zip of .npy members, readable with `np.load(path, allow_pickle=False)`. With m numeric
inputs (number columns, then three for each date column), d inputs in all, and n rows of data, its members are, in this
order:

    meta         UTF-8 bytes of one JSON object, whose form is `META` in `file_members.py`: format and program version,
                 matrix kernels, resolved options, those of the parts of a blend, classes, calibration, decision, schema
                 and categories of the columns, where the data came from, best epoch, figures, notes, and the numbers of
                 `state`; and only where a
                 number is predicted, the mean, sd and median of the `target` in the training rows, and how far off
                 validation rows are; and only where the run went on from another model, in `from`, the digest of the
                 file of that one, and the data of all before it
    theta        all parameters, one flat vector (size,) of the network's dtype: W row by row, then b, then the slopes
                 of PReLU, layer after layer; of an ensemble all of this for the first member, then for the second …,
                 or where members share weights, before the first dense layer the factors r of the inputs, a row for
                 each member, and in the last layer W of all members, then b of all members; of a blend all of this
                 for the first part, then for the second …
    median, shift, scale   (m,) float64: x = (v − shift) · scale, with the median for a missing v
    dead         (d,) bool: the inputs that were 0 in every training row
    mean         (d,) float64: the mean input of the training rows; not in files of older versions
    idf          (2^bits,) float32: the weights of the inputs that are made of words, which stand behind the others;
                 only in a model with columns of text whose words are learned from
    named, names   (k,) int64 and uint8: which n-grams the columns of text have in places of theirs, as `Vocabulary`
                 has them, each name in UTF-8 with a line feed behind it; only in a model with a vocabulary
    ranges, edges, counts   (k, 3), (c, 9), (c, 11) float64: of the k columns of numbers and dates the lowest and
                 highest training value, and how many are missing; of the c columns of numbers the edges of bins, and
                 how many of some training rows are in each, as `Distribution` has them; not in files of older versions
    val_rows, test_rows    one bit for each of the n rows (np.packbits), set where the row is in the validation or
                 test part; empty where there is no such part, or it came from a file of its own
    history      (epochs, 5) float64: training loss and accuracy, validation loss and accuracy (NaN without validation
                 rows), and 1 where the epoch was the best so far; of numbers, RMSE in place of accuracy
    state.…      only in a file that can be resumed: the arrays of `TrainingState` by their names, sorted, of the dtype
                 of theta; `best_theta` is theta itself, and left out
    sha256       (32,) uint8: the digest of all of them, see `npz.py`

The same run writes the same bytes: no clock, no path of the output, no order left to chance. A file from a stranger
is safe to open: nothing in it can name code, and what is not exactly such a file is refused before it costs memory.
How a row becomes a prediction is specified in docs/reference/model-file.md.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from nncli.config.file_kinds import Encoding
from nncli.data.dataset import Schema, schema_of
from nncli.data.sources import portable
from nncli.model import lineage, npz, training_state
from nncli.model.conformal import MOST_SCORES
from nncli.model.file_members import FLAT, MEMBERS, OF_COLUMNS, OTHER_MEMBERS, MemberSizes, members_of
from nncli.model.file_parts import (
    FILES,
    MOST,
    check_finite,
    config_of,
    decision_of,
    distribution_of,
    preprocess_of,
    provenance_of_file,
)
from nncli.model.model import Model
from nncli.model.network import build_network, network_inputs, network_sizes
from nncli.model.older_formats import FORMAT, FORMAT_VERSION
from nncli.model.provenance import Provenance, figures_to_store
from nncli.nn.calibration import Calibration
from nncli.nn.losses import LOSSES
from nncli.system import plain_json


def encode(model: Model, p: Provenance) -> bytes:
    """Return the bytes of the file; ValueError for a model that no file can hold."""
    words = model.preprocess.words
    named = None if words is None else words.vocabulary
    document: dict[str, Any] = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "nncli": p.version,
        "kernels": p.kernels,
        "config": model.config.options.to_json(),
        "parts": [{"times": one.times, "config": one.options.to_json()} for one in model.config.parts],
        "classes": list(model.classes),
        "calibration": model.calibration and asdict(model.calibration),
        "decision": model.decision and asdict(model.decision),
        "own_probabilities": list(model.own_probabilities),
        "schema": _as_stored(model.schema),
        "scaling": model.preprocess.scaling,
        "categories": [[name, list(values)] for name, values in model.preprocess.categories.items()],
        "dates": [list(one) for one in model.preprocess.dates],
        "heaps": [[place, list(edges)] for place, edges in model.preprocess.heaps],
        "words": words
        and {
            "columns": list(words.columns),
            **asdict(words.options),
            "vectors": words.vectors and words.vectors._asdict(),
        },
        "data": {
            "source": list(map(portable, p.source)),
            **{n_bytes: p.files[name].n_bytes for name, (n_bytes, _) in FILES.items()},
            **{sha256: p.files[name].sha256 for name, (_, sha256) in FILES.items()},
            "n_rows": p.n_rows,
            "has_test_file": p.has_test_file,
            "row_hashes": p.row_hashes,
            "val_row_hashes": p.val_row_hashes,
            "class_counts": list(p.class_counts),
        },
        "best_epoch": p.best_epoch,
        "figures": figures_to_store(p.figures),
        "notes": list(p.notes),
        "state": p.state and training_state.finite(p.state.numbers),
    }
    if model.target is not None:
        document["target"] = {**asdict(model.target), "errors": list(model.target.errors)}
    if p.parent is not None:
        document["from"] = lineage.to_json(p.parent)
    known = model.distribution
    document["distribution"] = known and {
        "rows": known.rows,
        "sampled": known.sampled,
        "predictions": known.predictions and asdict(known.predictions),
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
            **({} if model.preprocess.mean is None else {"mean": model.preprocess.mean}),
            **({} if words is None else {"idf": words.idf}),
            **({} if named is None else {"named": named.keys, "names": named.to_bytes()}),
            **({} if known is None else {name: getattr(known, name) for name in OF_COLUMNS}),
            "val_rows": p.val_bits,
            "test_rows": p.test_bits,
            "history": p.history,
            **{f"state.{name}": state[name] for name in sorted(state) if name != "best_theta"},  # that is theta
        }
    )


def _as_stored(schema: Schema) -> dict[str, Any]:
    """Return what `asdict` would, but for what is said by the target, and without a copy of all that thousands of
    columns have."""
    spellings = [(name, asdict(spelling)) for name, spelling in schema.spellings]
    found = vars(schema) | {"spellings": spellings, "profile": [*map(vars, schema.profile)], "sparse": None}
    if schema.sparse:
        found |= {"columns": [], "sparse": [int(schema.names[0][1:]), len(schema.columns)]}
    del found["numeric_target"]
    return found


def read(file: BinaryIO) -> tuple[Model, Provenance]:
    """Read a model from its file, from the beginning to the end. ValueError, with the reason, for a file
    whose parts do not belong together; it is found before anything large is read or made."""
    sizes = MemberSizes()
    arrays = npz.unpack(file, MEMBERS[0], sizes.most)
    if len(arrays) < len(members_of(arrays)):
        raise ValueError(OTHER_MEMBERS)
    stored = sizes.document(arrays)
    for name, kind in FLAT.items():
        ndim = 2 if name in OF_COLUMNS else 1
        if name in arrays and (arrays[name].ndim != ndim or arrays[name].dtype != kind):
            raise ValueError(f"member {name} is no {'vector' if ndim == 1 else 'matrix'} of {kind}")
    return _model(stored, arrays)


def _model(stored: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> tuple[Model, Provenance]:
    schema = schema_of(stored["schema"])
    if Encoding().read(schema.encoding) != schema.encoding:
        raise ValueError("an encoding by another name")
    preprocess = preprocess_of(schema, stored, arrays)
    config, classes = config_of(stored), tuple(stored["classes"])
    theta, calibration = arrays["theta"], stored["calibration"] and Calibration(**stored["calibration"])
    target = None
    if stored["target"]:
        from nncli.model.target_scale import TargetScale

        target = TargetScale(**{**stored["target"], "errors": tuple(stored["target"]["errors"])})
        target.check()
        loss_of_target = LOSSES.create(config.model.loss)
        if not loss_of_target.power or loss_of_target.link != "identity":
            raise ValueError("a loss that is none of numbers")
    if config.options.is_regression != (target is not None):
        raise ValueError("a target of another kind than its task")
    if len(set(classes)) < max(2, len(classes)) if target is None else classes or calibration or stored["decision"]:
        raise ValueError("fewer than two classes, or one twice")
    # in Python's numbers, which have no largest one, before a network of that size is made
    inputs = network_inputs(preprocess)
    needed, _ = network_sizes(config.model, inputs, len(classes))
    if needed != theta.size:
        raise ValueError(f"{theta.size:,} parameters in place of {needed:,}")
    network, loss = build_network(config.model, inputs, len(classes))
    if theta.shape != network.theta.shape or theta.dtype != network.dtype:
        raise ValueError(f"{theta.shape} parameters of {theta.dtype} in place of {network.size:,} of {network.dtype}")
    if calibration is not None and not (0 < calibration.a < MOST and abs(calibration.b) < MOST):
        raise ValueError("a calibration that no scores could have")
    with np.errstate(over="ignore"):
        for name in ("median", "shift", "scale"):  # as they are used
            check_finite(name, arrays[name].astype("float64" if schema.dtype == "float64" else config.model.dtype))
    check_finite("theta", theta)
    network.theta[:] = theta
    provenance = provenance_of_file(stored, arrays)
    if stored["state"] is not None:
        of_state = {name.removeprefix("state."): arrays[name] for name in arrays if name.startswith("state.")} | {
            "best_theta": theta
        }
        history, best = provenance.history, provenance.best_epoch
        state = training_state.from_file(stored["state"], of_state, config.training, history, best)
        provenance = dataclasses.replace(provenance, state=state)
    decision = stored["decision"] and decision_of(**stored["decision"])
    if decision is not None:
        decision.check(len(classes))
    own = tuple(stored["own_probabilities"])
    p = np.array(own)
    if len(p) > MOST_SCORES or (p < 0).any() or (p > 1).any() or (np.diff(p) > 0).any() or (target and own):
        raise ValueError("probabilities that no validation rows have")
    of_columns = distribution_of(stored, arrays, preprocess, len(classes))
    made = config, schema, preprocess, network, loss, classes, calibration, decision, target, own, of_columns
    return Model(*made), provenance
