"""Bring the JSON of a model file that an older version wrote into the form of today."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nncli.config.data_options import SOURCES
from nncli.config.ensemble_kind import ONE
from nncli.data.sources import is_there
from nncli.errors import ModelFileError
from nncli.nn.models import TabularModel

FORMAT = "nncli model"
FORMAT_VERSION = 11
PARTS = ("train", "val", "test")  # with figures each, None where it has no rows
# what each version added, with what it means for files without it; before 5, the names of files were one text each
NEW_IN: dict[int, dict[str, Any]] = {
    4: {"schema": {"decimal": ".", "encoding": "utf-8", "dtype": "float32"}, "dates": []},
    5: {"data": {"file_bytes": None, "val_bytes": None, "test_bytes": None}, "kernels": ""},
    6: {
        "schema": {
            "spellings": [],
            "image_shape": [],
            "resized": False,
            "profile": [],
            "quote": '"',
            "escape": "",
            "blanks": False,
            "header_rows": 1,
        },
        "data": {"row_hashes": "", "class_counts": []},
        "decision": None,
        "figures": {
            **{part: {"log_loss": None} for part in PARTS},
            "positive": None,
            "metric": None,
            "reference": None,
            "refit": None,
            "folds": None,
        },
    },
    7: {"data": {"val_row_hashes": ""}, "own_probabilities": []},
    8: {"distribution": None},
    9: {"heaps": []},
    10: {"parts": []},
    11: {"words": None},
}
OLDEST = 3
# what the programs that wrote version 6 added to it one after another; files that predict numbers have all of it
ADDED_TO_6: dict[str, Any] = {
    **NEW_IN[6],
    "figures": {**NEW_IN[6]["figures"], "reference": {"metric": None}, "folds": {"repeated": 0}},
}


def as_today(stored: dict[str, Any]) -> dict[str, Any]:
    """Return the document of a model file of any version in the form of this one. Raises ValueError for another kind of
    file, and ModelFileError for a version that is not known."""
    version = _version(stored)
    if version == 6 and stored.get("target") is None:
        stored = _completed(stored, ADDED_TO_6)
    for newer in range(version + 1, FORMAT_VERSION + 1):
        stored = _upgraded(stored, NEW_IN[newer])
    if version < 5:
        stored = _with_split_names(stored)
    if version < 9:
        stored = _with_calibration_said(stored)
    return {"from": None, **_with_members_said(_with_target(stored))}


def _with_target(stored: dict[str, Any]) -> dict[str, Any]:
    """Return a document that says in any case what its target is, and whether its numbers are stored sparse; ValueError
    for a schema that says the first too."""
    schema = stored.get("schema")
    if not isinstance(schema, dict) or "numeric_target" in schema:
        raise ValueError("'schema' is not of its form")
    target = stored.get("target")
    return {**stored, "target": target, "schema": {"sparse": None, **schema, "numeric_target": target is not None}}


def _with_calibration_said(stored: dict[str, Any]) -> dict[str, Any]:
    """Return an older document without the option of calibration where nothing is calibrated: there it stood in any
    case, now it says that somebody has denied it."""
    config = stored.get("config")
    if not isinstance(config, dict) or config.get("calibrate") is not False:
        return stored
    return {**stored, "config": {name: value for name, value in config.items() if name != "calibrate"}}


def _with_members_said(stored: dict[str, Any]) -> dict[str, Any]:
    """Return a document that says of a tabular model how many members it has: where nothing is said, it is one."""
    config = stored.get("config")
    if not isinstance(config, dict) or config.get("model") != TabularModel.name or "ensemble" in config:
        return stored
    return {**stored, "config": {**config, "ensemble": ONE}}


def _with_split_names(stored: dict[str, Any]) -> dict[str, Any]:
    """Split the names of files in an older document, where they stood in one text, as a shell takes them."""
    config, data = stored.get("config"), stored.get("data")
    if not isinstance(config, dict) or not isinstance(data, dict):
        return stored
    names = {name: _names(config[name]) for name in SOURCES if name in config}
    source = [] if data.get("source") == "arrays" else _names(data.get("source"))
    return {**stored, "config": {**config, **names}, "data": {**data, "source": source}}


def _names(text: Any) -> Any:
    if not isinstance(text, str):
        return [] if text is None else text
    try:
        words = shlex.split(text)
    except ValueError:
        return [text]
    return words if len(words) > 1 and shlex.join(words) == text and not is_there(Path(text)) else [text]


def _version(stored: dict[str, Any]) -> int:
    if stored.get("format") != FORMAT:
        raise ValueError("another kind of npz file")
    version = stored.get("format_version")
    if not (type(version) is int and OLDEST <= version <= FORMAT_VERSION):
        found = f"{str(version)[:20]}, written by nncli {str(stored.get('nncli'))[:20]}"
        problem = f"expected format version {FORMAT_VERSION}, found {found}"
        raise ModelFileError("", problem, "Use a program version that knows it")
    return version


def _upgraded(stored: dict[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Add to an older document what is new since; ValueError where it is there already."""
    found = dict(stored)
    for name, value in new.items():
        inner = found.get(name)
        if isinstance(value, dict) and isinstance(inner, dict):
            found[name] = _upgraded(inner, value)
        elif isinstance(value, dict) and name in found and inner is None:
            continue  # a part without rows
        elif name in found:
            raise ValueError(f"'{name}' in a file of an older version")
        else:
            found[name] = value
    return found


def _completed(stored: dict[str, Any], added: Mapping[str, Any]) -> dict[str, Any]:
    """Add to a document of version 6 what it lacks: several programs wrote this version, each with more in it."""
    found = dict(stored)
    for name, value in added.items():
        inner = found.get(name)
        if isinstance(value, dict) and isinstance(inner, dict):
            found[name] = _completed(inner, value)
        elif name not in found:
            found[name] = None if isinstance(value, dict) else value
    return found
