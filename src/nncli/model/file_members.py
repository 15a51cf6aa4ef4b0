"""Describe the form of a model file: its members, their sizes, and the JSON of the first, in this version."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Collection, Mapping
from typing import Any

from numpy.typing import NDArray

from nncli.config.data_options import SOURCES
from nncli.config.ensemble_kind import ensemble_of
from nncli.config.option import MOST_LAYERS
from nncli.data.dataset import SCHEMA_FORM, n_columns
from nncli.data.words.options import LONGEST_NAME, MOST_NAMES
from nncli.errors import OptionError
from nncli.guards.bins import BINS, EDGES
from nncli.model import npz
from nncli.model.lineage import LINEAGE
from nncli.model.older_formats import PARTS, as_today
from nncli.nn.models import AutoModel
from nncli.system import plain_json

REFERENCES = ("trees", "linear")  # models of another kind that a model may be compared with
MOST_MEMBERS = 100
MOST_STATE = 2000  # arrays as long as the parameters that an optimizer may keep in one: L-BFGS, two for each step
FLAT = {
    "meta": "uint8",
    "median": "float64",
    "shift": "float64",
    "scale": "float64",
    "dead": "bool",
    "mean": "float64",
    "idf": "float32",
    "named": "int64",
    "names": "uint8",
    "ranges": "float64",
    "edges": "float64",
    "counts": "float64",
    "val_rows": "uint8",
    "test_rows": "uint8",
}  # arrays, and the types of their numbers
OF_COLUMNS = ("ranges", "edges", "counts")  # what the distribution has of each column: arrays of rows, not vectors
MEMBERS = (
    "meta",
    "theta",
    "median",
    "shift",
    "scale",
    "dead",
    "mean",
    "idf",
    "named",
    "names",
    *OF_COLUMNS,
    "val_rows",
    "test_rows",
    "history",
)
NOT_IN_ALL = ("mean", "idf", "named", "names", *OF_COLUMNS)
OTHER_MEMBERS = f"other members than {', '.join(MEMBERS)}"
_COUNTS = ("folds", "repeats", "n", "repeated", "epochs")
_COMPARED = (
    {"name": str, "value": float, "difference": float, "interval": ([float], None), "p_value": float},
    None,
)
_PART = {"loss": float, "log_loss": (float, None), "accuracy": float}
_DISTRIBUTION = {
    "rows": range(1, 1 << 53),
    "sampled": range(1, 1 << 53),
    "predictions": ({"edges": [float], "counts": [range(1 << 53)]}, None),
}
META = {
    "format": str, "format_version": int, "nncli": str, "kernels": str, "config": dict, "classes": [str],
    "calibration": ({"a": float, "b": float}, None),
    "decision": ({"positive": int, "threshold": (float, None), "costs": [[float]], "rule": str}, None),
    "schema": SCHEMA_FORM,
    "scaling": str, "categories": [[(str, [(str, None)])]], "dates": [[(str, float)]],
    "heaps": [[(range(1 << 31), [float])]], "parts": [{"times": range(1, 1 << 31), "config": dict}],
    "words": ({"columns": [str], "ngrams": str, "bits": range(1, 32), "seed": range(1 << 63),
               "vectors": ({"file": str, "sha256": str}, None)}, None),
    "data": {"source": [str], "file_bytes": (int, None), "val_bytes": (int, None), "test_bytes": (int, None),
             "sha256": str, "val_sha256": str, "test_sha256": str, "n_rows": int, "has_test_file": bool,
             "row_hashes": re.compile("([0-9a-f]{16})*"), "val_row_hashes": re.compile("([0-9a-f]{16})*"),
             "class_counts": [range(1 << 53)]},
    "best_epoch": int, "notes": [str], "state": (dict, None), "target": None,
    "own_probabilities": [float], "from": (LINEAGE, None),
    "distribution": (_DISTRIBUTION, None),
    "figures": {"model": str, "classes": [str], "n_train": int, "n_val": int, "n_test": int, "epochs": int,
                "best_epoch": int, **dict.fromkeys(PARTS, (_PART, None)), "baseline_accuracy": float,
                "positive": (str, None),
                "metric": ({"name": str, **dict.fromkeys(PARTS, (float, None))}, None),
                "refit": ({"epoch": int, "n_val": int, **_PART}, None),
                "folds": ({**dict.fromkeys(_COUNTS, int), "metrics": dict}, None),
                "reference": ({"name": str, "part": str, "accuracy": float, "difference": float, "p_value": float,
                               "metric": _COMPARED}, None)},
}  # fmt: skip
_OF_NUMBERS = dict.fromkeys(("loss", "rmse", "mae", "median_error"), float) | {"r2": (float, None)}
_GUESSED = {name: form for name, form in _OF_NUMBERS.items() if name != "loss"}
META_OF_NUMBERS = META | {
    "calibration": None, "decision": None, "own_probabilities": [],
    "target": {"mean": float, "sd": float, "median": float, "errors": [float]},
    "figures": {"task": str, "model": str, "n_train": int, "n_val": int, "n_test": int, "epochs": int,
                "best_epoch": int, **dict.fromkeys(PARTS, (_OF_NUMBERS, None)),
                "baseline": {"mean": _GUESSED, "median": _GUESSED},
                "metric": ({"name": str, **dict.fromkeys(PARTS, (float, None))}, None),
                "refit": ({"epoch": int, "n_val": int, **_OF_NUMBERS}, None),
                "folds": ({**dict.fromkeys(_COUNTS, int), "metrics": dict}, None),
                "reference": ({"name": str, "part": str, **_GUESSED, "difference": float, "interval": ([float], None),
                               "p_value": float, "metric": _COMPARED}, None)},
}  # fmt: skip


class MemberSizes:
    """Limits on the bytes of each member of a file, which follow from the document in the first."""

    def __init__(self) -> None:
        self._stored: dict[str, Any] | None = None

    def document(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
        """Return the JSON of the first member, in the form of this version; ValueError for another form."""
        if self._stored is None:
            stored = as_today(plain_json.decode(arrays[MEMBERS[0]].tobytes(), dict))
            plain_json.check_form(stored, META if stored["target"] is None else META_OF_NUMBERS)
            _refuse_surrogates(stored)
            self._stored = stored
        return self._stored

    def most(self, name: str, arrays: Mapping[str, NDArray[Any]]) -> int:
        """Return the most bytes for a member, after the arrays before it; ValueError for one that does not belong
        there."""
        if not arrays:
            return npz.HEADER_BYTES + plain_json.MOST_BYTES
        stored, place = self.document(arrays), len(arrays)
        members = members_of({*arrays, name})
        is_state = len(members) <= place < MOST_MEMBERS and name.startswith("state.") and stored["state"] is not None
        if not is_state and members[place : place + 1] != (name,):
            raise ValueError(OTHER_MEMBERS)
        if is_state:
            parameters: int = arrays["theta"].size
            return npz.HEADER_BYTES + MOST_STATE * 8 * max(parameters, 1)
        columns = n_columns(stored["schema"])
        inputs = 3 * columns + sum(len(part) + 1 for pair in stored["categories"] for part in pair[1:])
        of_words = 0 if stored["words"] is None else 1 << stored["words"]["bits"]
        rows = (max(stored["data"]["n_rows"], 0) + 7) // 8
        epochs = stored["config"].get("epochs")
        history = 40 * (epochs if type(epochs) is int else AutoModel.most_steps)
        sizes: dict[str, int] = {
            "dead": inputs,
            "mean": 8 * inputs,
            "idf": 4 * of_words,
            "named": 8 * MOST_NAMES,
            "names": (4 * LONGEST_NAME + 1) * MOST_NAMES,
            "val_rows": rows,
            "test_rows": rows,
            "history": history,
            "counts": 8 * (BINS + 1) * columns,
            "edges": 8 * EDGES * columns,
        }
        configs = [part["config"] for part in stored["parts"]] or [stored["config"]]
        sizes["theta"] = sum(_most_parameters(stored, config, inputs + of_words) for config in configs)
        return npz.HEADER_BYTES + sizes.get(name, 8 * 3 * columns)


def members_of(names: Collection[str]) -> tuple[str, ...]:
    """Return the members that a file with some of these names has: an older one has no mean input, and no distribution
    of its columns, nor has one of very many columns."""
    return tuple(name for name in MEMBERS if name in names or name not in NOT_IN_ALL)


def _most_parameters(stored: Mapping[str, Any], config: Mapping[str, Any], inputs: int) -> int:
    """Return the bytes of the parameters that the layers of a config can have at most: weights, biases, a slope for
    each unit; and before the first, embeddings, and a scale for each input."""
    hidden = config.get("hidden")
    hidden = hidden if isinstance(hidden, list) and all(type(width) is int for width in hidden) else []
    if len(hidden) > MOST_LAYERS:
        raise ValueError(f"more than {MOST_LAYERS:,} hidden layers")
    embedding, sizes = config.get("number_embedding"), map(config.get, ("category_embedding", "embedding"))
    of_inputs = 0
    for size in sizes:
        if type(size) is int:
            of_inputs, inputs = of_inputs + inputs * size, inputs * (1 + size)
    if isinstance(embedding, str):
        from nncli.nn.embeddings import EMBEDDINGS
        from nncli.nn.input_layers import InputKinds

        try:
            layers = EMBEDDINGS.create(embedding).layers(InputKinds(inputs))
        except OptionError as error:
            raise ValueError(str(error)) from None
        for layer in layers:
            of_inputs += sum(map(math.prod, layer.shapes(inputs).values()))
            inputs = layer.width(inputs)
        inputs += sum(len(edges) for _, edges in stored["heaps"])
    widths: list[int] = [inputs, *hidden, len(stored["classes"]) or 1]
    numbers = of_inputs + inputs + sum((a + 2) * b for a, b in itertools.pairwise(widths))
    return 8 * numbers * _members(config.get("ensemble"))


def _members(text: Any) -> int:
    try:
        members = ensemble_of(text) if isinstance(text, str) else None
    except ValueError:
        return 1  # it is refused where the options are read
    return 1 if members is None else members.number


def _refuse_surrogates(stored: Mapping[str, Any]) -> None:
    """Raise ValueError for lone surrogates (half a character), which JSON can hold; only file names may have them."""
    configs = [stored["config"], *(part["config"] for part in stored["parts"])]
    named = [{name: value for name, value in config.items() if name not in SOURCES} for config in configs]
    others = {**stored, "config": named, "parts": None, "data": None, "notes": None, "from": None}
    json.dumps(others, ensure_ascii=False).encode()
