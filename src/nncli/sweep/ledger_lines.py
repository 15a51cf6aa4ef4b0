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
from nncli.metrics.definitions import METRICS
from nncli.sweep.space import can_vary
from nncli.sweep.trial import BY_ERROR, CHOSEN_BY, OF_STEPS, Trial, evidence_of
from nncli.sweep.units import units_in
from nncli.system.plain_json import Between, check_form

KIND, FORMAT = "nncli sweep", 3
OF_WORKER = "steps"  # in the result of a worker alone: with times, which are never the same again
NOT_IN_MEMORY = ("history", "stopped", "best_epoch", OF_WORKER)  # the first are for a person who looks into the file
MOST_COUNTED = 1 << 53  # of anything
MOST_EPOCHS = 10_000  # in the history of a trial; of more, every n-th is kept
FIGURES = {float, int, type(None)}  # in a row of the history
COUNT, SHARE = range(1, MOST_COUNTED + 1), Between(0, 1)
VERSION = re.compile(r"[0-9A-Za-z.+!-]{1,40}")
DIGEST, DIGEST_IF_ANY = re.compile("[0-9a-f]{64}"), re.compile("([0-9a-f]{64})?")
HEADER = {"kind": str, "format": int, "nncli": VERSION, "data": [str], "rows": COUNT, "folds": COUNT}
HEADER |= {"sha256": DIGEST, "val_sha256": DIGEST_IF_ANY}
# of a sweep that needs them: how often the folds are drawn, which validation rows belong together, and what the file of
# vectors of words is
OPTIONAL = {"repeats": range(2, MOST_COUNTED + 1), "units": (None, dict), "vectors_sha256": DIGEST}
TRIAL = {"trial": str, "config": dict, "fold": int, "share": Between(1e-9, 1), "nncli": VERSION}
# the result of a worker, which the ledger has beside TRIAL
FAILED = {"outcome": re.compile("failed"), "reason": re.compile(".+", re.DOTALL), "seconds": Between(0, 1e10)}
DONE = {**FAILED, "outcome": re.compile("done"), "reason": re.compile("")}
DONE |= {"stopped": str, "right": str, "evidence": str, "val": dict, "history": list}
DONE |= dict.fromkeys(("parameters", "epochs", "best_epoch", "n_val"), COUNT)
NUMBER = Between(-sys.float_info.max, sys.float_info.max)
VAL_OF_NUMBERS = {"rmse": NUMBER, "loss": NUMBER}
VAL = {"accuracy": SHARE, "balanced-accuracy": SHARE, "loss": NUMBER}


class UnknownOptions(ValueError):
    """The options of a trial are not those of this version."""


def to_json(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a trial as it stands in a line."""
    found = {**record, "config": record["config"].to_json()}
    found.pop(OF_WORKER, None)
    history = found.get("history", [])
    return found | {"history": history[:: -(-len(history) // MOST_EPOCHS)]} if history else found


def in_memory(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a sweep needs of a record, which is much less than the line has."""
    return {name: value for name, value in record.items() if name not in NOT_IN_MEMORY}


def header_of(document: dict[str, Any]) -> dict[str, Any]:
    """Return the header of a ledger; ValueError for one that is impossible."""
    check_form(document, HEADER | {name: form for name, form in OPTIONAL.items() if name in document}, "header")
    for name in document["data"]:
        native(name)
    units = units_in(document)
    if units is not None and not document["val_sha256"]:
        _expect(len(units.unit_of_row) <= document["rows"], "'units' has more rows than there are")
    return document


def trial_of(document: dict[str, Any], header: Mapping[str, Any], like: TrainConfig | None) -> dict[str, Any]:
    """Return the record of a trial for memory, with its options as a TrainConfig.

    `like` is the config of an earlier trial, None for the first. ValueError for what cannot be a trial of this header.
    """
    folds, form = header["folds"], {**TRIAL, **_result_form(document)}
    check_form(document, form, "record")
    try:
        config = TrainConfig.from_json(document["config"])
    except ValueError:
        raise UnknownOptions("'config' has other options than train") from None
    _expect(0 <= document["fold"] < folds * header.get("repeats", 1), "'fold' is out of range")
    if document["outcome"] == "done":
        _check_relations(document, MOST_EPOCHS)
        _expect(document["n_val"] <= header["rows"] or header["val_sha256"], "'n_val' is more than there are rows")
        check_evidence(document, config.metric, config.is_regression)
    if Trial(config, document["fold"], folds, document["share"]).key != document["trial"]:
        raise UnknownOptions("'trial' is not the key of its options")
    if like is not None:
        fixed = {name: getattr(like, name) for name in _fixed()}
        for name, value in fixed.items():
            _expect(getattr(config, name) == value, f"'config.{name}' is not that of the trials further up")
        config = dataclasses.replace(config, **fixed)  # one copy, as they may name ten thousand files
    names = [name for name in form if name not in NOT_IN_MEMORY]  # strings that all records share
    return {name: document[name] for name in names} | {"config": config}


@functools.cache
def _fixed() -> tuple[str, ...]:
    """Return the options that are the same for all trials of a sweep."""
    return ("data", *(name for name in TrainConfig.options() if not can_vary(name) and name != "seed"))


def check_trial_result(result: Any) -> None:
    """Raise ValueError for what `run_trial` cannot have returned: on a cluster, any machine may have sent it."""
    _expect(type(result) is list and len(result) == 2, "no record with a state")
    record, state = result
    check_form(state, (bytes, None))
    check_form(record, dict)
    is_done = record.get("outcome") == "done"
    check_form(record, _result_form(record) | ({OF_WORKER: list} if is_done else {}), "record")
    if is_done:
        _check_relations(record, MOST_COUNTED)
        steps = record[OF_WORKER]
        number: set[type] = {float, type(None)}
        form: list[set[type]] = [{int, type(None)}, *[number] * len(OF_STEPS)]
        _expect(len(steps) == record["epochs"], "'steps' does not have as many rows as there were epochs")
        _expect(all(type(row) is list and len(row) == len(form) for row in steps), "'steps' is not of its form")
        kinds = [set(map(type, column)) for column in zip(*steps, strict=True)]
        known = all(found <= of for found, of in zip(kinds, form, strict=True)) and len(kinds[0]) == 1
        _expect(known, "'steps' is not of its form")


def check_evidence(document: dict[str, Any], metric: str | None, is_regression: bool) -> None:
    """Raise ValueError unless a trial has the figure that a sweep by this metric chooses by, and what it came from."""
    usual = VAL_OF_NUMBERS if is_regression else VAL
    _expect(document["val"].keys() == usual.keys() | {metric or CHOSEN_BY}, "'val' has other metrics than the sweep")
    evidence_of(document, METRICS.create(metric or CHOSEN_BY))


def _result_form(document: Mapping[str, Any]) -> dict[str, Any]:
    return DONE if document.get("outcome") == "done" else FAILED


def _check_relations(document: dict[str, Any], most_epochs: int) -> None:
    """Raise ValueError for figures that contradict each other; of more than `most_epochs`, the history has some."""
    history, epochs, n = document["history"], document["epochs"], document["n_val"]
    _expect(document["best_epoch"] <= epochs, "'best_epoch' is out of range")
    rows = -(-epochs // -(-epochs // most_epochs))
    _expect(len(history) == rows, "'history' does not have as many rows as there were epochs")
    for row in history:
        _expect(type(row) is list and len(row) == 4 and set(map(type, row)) <= FIGURES, "'history' is not of its form")
    is_regression = BY_ERROR in document["val"]
    usual = VAL_OF_NUMBERS if is_regression else VAL
    check_form(document["val"], {**usual, **dict.fromkeys(document["val"].keys() - usual.keys(), NUMBER)}, "val")
    if is_regression:
        _expect(not document["right"], "'right' is of classes")
        return
    bits = base64.b64decode(document["right"], validate=True)
    number = int.from_bytes(bits)
    whole = len(bits) == -(-n // 8) and number % 2 ** (-n % 8) == 0
    _expect(whole, "'right' does not have one bit for each of 'n_val' rows")
    _expect(abs(number.bit_count() / n - document["val"]["accuracy"]) < 1e-9, "'right' does not match 'val.accuracy'")


def _expect(holds: object, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)
