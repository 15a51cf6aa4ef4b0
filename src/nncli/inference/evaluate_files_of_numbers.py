"""Evaluate a model that predicts numbers on several files, each by itself, in worker processes or on a cluster."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterator, Sequence
from typing import Any

from nncli.data.csv.header import TextOptions
from nncli.data.row_blocks import OnError
from nncli.data.sources import title
from nncli.errors import DataError, NncliError
from nncli.inference.evaluate_numbers import EvaluationOfNumbers, evaluate_numbers
from nncli.inference.metrics import ESTIMATE_FORM
from nncli.metrics.reported import OF_NUMBERS
from nncli.model.checkpoint import ModelFile, load_same
from nncli.system import plain_json
from nncli.system.threads import use_threads
from nncli.system.workers import ProcessDeath, Stop, Workers, in_order, never
from nncli.training.final_figures import key_of

BASELINE_FORM = {key_of(name): (float, None) for name in OF_NUMBERS}
INTERVAL_FORM = {
    "share": float, "half_width": float, "held": int, "coverage": float, "coverage_interval": [float],
}  # fmt: skip
FORM = {
    "n": range(1, (1 << 53) + 1),
    "figures": dict.fromkeys(OF_NUMBERS, ESTIMATE_FORM),
    "baseline": {"mean": BASELINE_FORM, "median": BASELINE_FORM},
    "target": {"name": str, "mean": float, "sd": float},
    "evaluated_on": str,
    "notes": [str],
    "interval": (INTERVAL_FORM, None),
    "guard": None,  # its lines are among the notes
}


def evaluate_files_of_numbers(
    workers: Workers, model: ModelFile, sources: Sequence[str], text: TextOptions, on_error: OnError = "fail"
) -> Iterator[tuple[str, EvaluationOfNumbers]]:
    """Evaluate on each file by itself, several at a time; yield them in the order given."""
    check = functools.partial(check_evaluation_of_numbers, load_same(model)[0].schema.target)
    for source, result in in_order(workers, evaluate_file_of_numbers, (model, text, on_error), sources, check):
        if isinstance(result, ProcessDeath):
            raise DataError(title((source,)), str(result))
        if result["failure"] is not None:
            raise NncliError.from_json(result["failure"])
        yield source, EvaluationOfNumbers(**result["evaluation"])


def check_evaluation_of_numbers(target: str, result: Any) -> None:
    """Raise ValueError for what `evaluate_file_of_numbers` cannot have returned: on a cluster, any machine may have
    sent it."""
    plain_json.check_form(result, {"evaluation": (FORM, None), "failure": ([str], None)})
    if result["failure"] is not None:
        NncliError.from_json(result["failure"])
        return
    if result["evaluation"] is None:
        raise ValueError("neither an evaluation nor a failure")
    found = result["evaluation"]
    if found["target"]["name"] != target or not found["target"]["sd"] >= 0:
        raise ValueError("the figures of another model")
    if any(len(one["interval"] or (0, 0)) != 2 for one in found["figures"].values()):
        raise ValueError("an interval without two ends")
    if any(found["figures"][name]["value"] is None for name in OF_NUMBERS if name != "r2"):
        raise ValueError("a figure that is always known is not")


def evaluate_file_of_numbers(
    source: str, shared: tuple[ModelFile, TextOptions, OnError], stop: Stop = never
) -> dict[str, Any]:
    """Evaluate on one file in a worker; return the fields of an `EvaluationOfNumbers`, or a failure."""
    saved, text, on_error = shared
    try:
        with use_threads(1):
            found = evaluate_numbers(*load_same(saved), saved.path, (source,), text, on_error=on_error)
        return {"evaluation": dataclasses.asdict(dataclasses.replace(found, guard=None)), "failure": None}
    except NncliError as error:
        return {"evaluation": None, "failure": error.to_json()}


def pooled_numbers(parts: Sequence[EvaluationOfNumbers]) -> dict[str, Any]:
    """Return the figures of all rows together, from those of each part; only those that add up.

    Σ (y − ȳ)² of all rows is that of each part about its own mean, and n times the square of how far that is from ȳ.
    """
    n = sum(part.n for part in parts)
    squares = sum(part.n * part.figures["rmse"]["value"] ** 2 for part in parts)
    mean = sum(part.n * part.target["mean"] for part in parts) / n
    spread = sum(part.n * (part.target["sd"] ** 2 + (part.target["mean"] - mean) ** 2) for part in parts)
    return {
        "n": n,
        "rmse": math.sqrt(squares / n),
        "mae": sum(part.n * part.figures["mae"]["value"] for part in parts) / n,
        "r2": 1 - squares / spread if spread > 0 else None,
    }
