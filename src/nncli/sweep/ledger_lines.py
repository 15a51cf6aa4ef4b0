"""What stands in the lines of a ledger: the header of a sweep, and one finished trial each.

A line may come from a stranger, as a model file may: each value is checked, by itself and against the others, before it
is used.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import re
import sys
from collections.abc import Mapping
from typing import Any

from nncli.config.train_config import TrainConfig
from nncli.data.sources import native
from nncli.sweep.space import can_vary
from nncli.sweep.trial import Trial
from nncli.system import plain_json

KIND, FORMAT = "nncli sweep", 2
NUMBER = (float, int)
HEADER = {"kind": str, "format": int, "nncli": str, "data": [str], "sha256": str, "rows": int, "val_sha256": str,
          "folds": int}  # fmt: skip
FAILED = {"trial": str, "config": dict, "fold": int, "share": NUMBER, "nncli": str, "outcome": str, "reason": str,
          "seconds": NUMBER}  # fmt: skip
DONE = {**FAILED, "parameters": int, "epochs": int, "best_epoch": int, "stopped": str, "n_val": int, "right": str,
        "val": {"accuracy": NUMBER, "balanced-accuracy": NUMBER, "loss": NUMBER},
        "history": list}  # fmt: skip
FIGURES = {float, int, type(None)}  # in a row of the history
OF_LINE = ("trial", "config", "fold", "share", "nncli")  # what a line has beside what a worker has found
UNREAD = ("history", "stopped", "best_epoch")  # for a person who looks into the file
MOST_COUNTED = 1 << 53  # of anything
MOST_EPOCHS = 10_000  # in the history of a trial; of more, every so many
MOST_SECONDS = 1e10
VERSION, DIGEST = re.compile(r"[0-9A-Za-z.+!-]{1,40}"), re.compile("[0-9a-f]{64}")


class UnknownOptions(ValueError):
    """The options of a trial are not those that this version has."""


def to_json(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a trial as a line has it."""
    found = {**record, "config": record["config"].to_json()}
    history = found.get("history", [])
    return found | {"history": history[:: -(-len(history) // MOST_EPOCHS)]} if history else found


def in_memory(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a sweep needs to know of a trial, which is much less than the line has."""
    return {name: value for name, value in record.items() if name not in UNREAD}


def header_of(document: dict[str, Any]) -> dict[str, Any]:
    """Return the header of a sweep; raise ValueError for one that cannot be that."""
    plain_json.check(document, HEADER, "header")
    for name in document["data"]:
        native(name)
    _expect(VERSION.fullmatch(document["nncli"]), "'nncli' is no version")
    _expect(DIGEST.fullmatch(document["sha256"]), "'sha256' is no digest")
    _expect(DIGEST.fullmatch(document["val_sha256"] or "0" * 64), "'val_sha256' is no digest")
    for name in ("rows", "folds"):
        _expect(1 <= document[name] <= MOST_COUNTED, f"'{name}' is out of range")
    return document


def trial_of(document: dict[str, Any], header: Mapping[str, Any], like: TrainConfig | None) -> dict[str, Any]:
    """Return the record of a trial in memory, its options as a TrainConfig; raise ValueError for what is no trial of a
    sweep with that header and, unless it is the first, another trial `like` this."""
    folds, done = header["folds"], document.get("outcome") == "done"
    plain_json.check(document, DONE if done else FAILED, "record")
    _expect(VERSION.fullmatch(document["nncli"]), "'nncli' is no version")
    try:
        config = TrainConfig.from_json(document["config"])
    except ValueError:
        raise UnknownOptions("'config' has other options than train") from None
    _expect(0 <= document["fold"] < folds, "'fold' is out of range")
    _expect(0 < document["share"] <= 1, "'share' is out of range")
    _expect(0 <= document["seconds"] <= MOST_SECONDS, "'seconds' is out of range")
    _expect(document["outcome"] in ("done", "failed"), "'outcome' is neither done nor failed")
    _expect(done == (document["reason"] == ""), "'reason' does not suit the outcome")
    if Trial(config, document["fold"], folds, document["share"]).key != document["trial"]:
        raise UnknownOptions("'trial' is not the key of its options")
    if like is not None:
        for name in _fixed():
            _expect(
                getattr(config, name) == getattr(like, name), f"'config.{name}' is not that of the trials further up"
            )
        # one copy of what may be ten thousand names of files
        config = dataclasses.replace(config, **{name: getattr(like, name) for name in _fixed()})
    if done:
        _check_figures(document, MOST_EPOCHS)
        fits = document["n_val"] <= header["rows"] or header["val_sha256"]  # which is of a file of its own
        _expect(fits, "'n_val' is more than there are rows")
    names = [name for name in (DONE if done else FAILED) if name not in UNREAD]  # strings that all records share
    return {name: document[name] for name in names} | {"config": config}


@functools.cache
def _fixed() -> tuple[str, ...]:
    """Name the options that are the same for all trials of a sweep."""
    return ("data", *(name for name in TrainConfig.options() if not can_vary(name) and name != "seed"))


def check_result(result: Any) -> None:
    """Raise ValueError for what `run_trial` never returns, as a stranger in a cluster may send it."""
    plain_json.check(result, list)
    _expect(len(result) == 2, "no record with a state")
    record, state = result
    plain_json.check(record, dict)
    plain_json.check(state, (bytes, None))
    done = record.get("outcome") == "done"
    form = DONE if done else FAILED
    plain_json.check(record, {name: kind for name, kind in form.items() if name not in OF_LINE}, "record")
    _expect(record["outcome"] in ("done", "failed"), "'outcome' is neither done nor failed")
    _expect(done == (record["reason"] == ""), "'reason' does not suit the outcome")
    _expect(0 <= record["seconds"] <= MOST_SECONDS, "'seconds' is out of range")
    if done:
        _check_figures(record, MOST_COUNTED)


def _check_figures(document: dict[str, Any], most_epochs: int) -> None:
    """Raise ValueError for figures that no trial comes to. Of more than `most_epochs`, only some are in the history."""
    for name in ("parameters", "epochs", "n_val"):
        _expect(1 <= document[name] <= MOST_COUNTED, f"'{name}' is out of range")
    _expect(1 <= document["best_epoch"] <= document["epochs"], "'best_epoch' is out of range")
    history, val, epochs = document["history"], document["val"], document["epochs"]
    rows = -(-epochs // -(-epochs // most_epochs))
    _expect(len(history) == rows, "'history' does not have as many rows as there were epochs")
    for row in history:
        _expect(type(row) is list and len(row) == 4 and set(map(type, row)) <= FIGURES, "'history' is not of its form")
    for name in ("accuracy", "balanced-accuracy"):
        _expect(0 <= val[name] <= 1, f"'val.{name}' is out of range")
    _expect(abs(val["loss"]) <= sys.float_info.max, "'val.loss' is out of range")
    n = document["n_val"]
    bits = base64.b64decode(document["right"], validate=True)
    number = int.from_bytes(bits)
    whole = len(bits) == -(-n // 8) and number % 2 ** (-n % 8) == 0
    _expect(whole, "'right' does not have one bit for each of 'n_val' rows")
    _expect(abs(number.bit_count() / n - val["accuracy"]) < 1e-9, "'right' does not come to 'val.accuracy'")


def _expect(holds: object, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)
