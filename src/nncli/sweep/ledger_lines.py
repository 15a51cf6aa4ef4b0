"""The lines of a ledger: the header of a sweep, then one finished trial each.

A ledger may come from a stranger, as a model file may: each value is checked, by itself and against the others, before
it is used.
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
TEXTS, COUNTS = ("kind", "nncli", "sha256", "val_sha256"), ("format", "rows", "folds")
HEADER = {"data": [str], **dict.fromkeys(TEXTS, str), **dict.fromkeys(COUNTS, int)}
TRIAL = {"trial": str, "config": dict, "fold": int, "share": NUMBER, "nncli": str}
FAILED = {"outcome": str, "reason": str, "seconds": NUMBER}  # the result of a worker, which the ledger has beside TRIAL
VAL = dict.fromkeys(("accuracy", "balanced-accuracy", "loss"), NUMBER)
INTEGERS = dict.fromkeys(("parameters", "epochs", "best_epoch", "n_val"), int)
DONE = {**FAILED, **INTEGERS, "stopped": str, "right": str, "val": VAL, "history": list}
FIGURES = {float, int, type(None)}  # in a row of the history
NOT_IN_MEMORY = ("history", "stopped", "best_epoch")  # for a person who looks into the file
MOST_COUNTED = 1 << 53  # of anything
MOST_EPOCHS = 10_000  # in the history of a trial; of more, every n-th is kept
MOST_SECONDS = 1e10
VERSION, DIGEST = re.compile(r"[0-9A-Za-z.+!-]{1,40}"), re.compile("[0-9a-f]{64}")


class UnknownOptions(ValueError):
    """The options of a trial are not those of this version."""


def to_json(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a trial as it stands in a line."""
    found = {**record, "config": record["config"].to_json()}
    history = found.get("history", [])
    return found | {"history": history[:: -(-len(history) // MOST_EPOCHS)]} if history else found


def in_memory(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a sweep needs of a record, which is much less than the line has."""
    return {name: value for name, value in record.items() if name not in NOT_IN_MEMORY}


def header_of(document: dict[str, Any]) -> dict[str, Any]:
    """Return the header of a ledger; ValueError for one that is impossible."""
    plain_json.check_form(document, HEADER, "header")
    for name in document["data"]:
        native(name)
    _expect(VERSION.fullmatch(document["nncli"]), "'nncli' is no version")
    _expect(DIGEST.fullmatch(document["sha256"]), "'sha256' is no digest")
    _expect(DIGEST.fullmatch(document["val_sha256"] or "0" * 64), "'val_sha256' is no digest")
    for name in ("rows", "folds"):
        _expect(1 <= document[name] <= MOST_COUNTED, f"'{name}' is out of range")
    return document


def trial_of(document: dict[str, Any], header: Mapping[str, Any], like: TrainConfig | None) -> dict[str, Any]:
    """Return the record of a trial for memory, with its options as a TrainConfig.

    `like` is the config of an earlier trial, None for the first. Raises ValueError for what cannot be a trial of
    this header.
    """
    folds, form = header["folds"], _result_form(document)
    plain_json.check_form(document, {**TRIAL, **form}, "record")
    _expect(VERSION.fullmatch(document["nncli"]), "'nncli' is no version")
    try:
        config = TrainConfig.from_json(document["config"])
    except ValueError:
        raise UnknownOptions("'config' has other options than train") from None
    _expect(0 <= document["fold"] < folds, "'fold' is out of range")
    _expect(0 < document["share"] <= 1, "'share' is out of range")
    _check_result(document, MOST_EPOCHS)
    if Trial(config, document["fold"], folds, document["share"]).key != document["trial"]:
        raise UnknownOptions("'trial' is not the key of its options")
    if like is not None:
        for name in _fixed():
            _expect(
                getattr(config, name) == getattr(like, name), f"'config.{name}' is not that of the trials further up"
            )
        # one copy, as they may name ten thousand files
        config = dataclasses.replace(config, **{name: getattr(like, name) for name in _fixed()})
    if form is DONE:
        own_file = header["val_sha256"]
        _expect(document["n_val"] <= header["rows"] or own_file, "'n_val' is more than there are rows")
    names = [name for name in (*TRIAL, *form) if name not in NOT_IN_MEMORY]  # strings that all records share
    return {name: document[name] for name in names} | {"config": config}


@functools.cache
def _fixed() -> tuple[str, ...]:
    """Return the options that are the same for all trials of a sweep."""
    return ("data", *(name for name in TrainConfig.options() if not can_vary(name) and name != "seed"))


def check_trial_result(result: Any) -> None:
    """Raise ValueError for anything that `run_trial` cannot have returned: on a cluster, any machine may have sent
    it."""
    plain_json.check_form(result, list)
    _expect(len(result) == 2, "no record with a state")
    record, state = result
    plain_json.check_form(record, dict)
    plain_json.check_form(state, (bytes, None))
    plain_json.check_form(record, _result_form(record), "record")
    _check_result(record, MOST_COUNTED)


def _result_form(document: Mapping[str, Any]) -> dict[str, Any]:
    return DONE if document.get("outcome") == "done" else FAILED


def _check_result(document: dict[str, Any], most_epochs: int) -> None:
    """Raise ValueError for an impossible result."""
    done = document["outcome"] == "done"
    _expect(done or document["outcome"] == "failed", "'outcome' is neither done nor failed")
    _expect(done == (document["reason"] == ""), "'reason' does not match the outcome")
    _expect(0 <= document["seconds"] <= MOST_SECONDS, "'seconds' is out of range")
    if done:
        _check_figures(document, most_epochs)


def _check_figures(document: dict[str, Any], most_epochs: int) -> None:
    """Raise ValueError for impossible figures. Of more than `most_epochs`, only some are in the history."""
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
    _expect(abs(number.bit_count() / n - val["accuracy"]) < 1e-9, "'right' does not match 'val.accuracy'")


def _expect(holds: object, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)
