"""A training in the middle: all that decides how it goes on, taken from a trainer and put into another."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from nncli.trainer import Trainer

PARTS = ("optimizer", "average", "schedule")
OWN = ("history", "best", "least", "best_theta", "_known", "_sums")


def take(trainer: Trainer) -> dict[str, Any]:
    """The state between two epochs: arrays, numbers and what holds them."""
    parts = {name: vars(getattr(trainer, name)) for name in PARTS}
    if trainer.average.mean is trainer.network.theta:
        parts["average"] = {}  # it keeps nothing of its own
    generators = {name: getattr(trainer, name) for name in ("shuffle", "drop")}
    return copy.deepcopy(
        {
            "network": {"theta": trainer.network.theta, "grad": trainer.network.grad},
            **parts,
            "own": {name: getattr(trainer, name) for name in OWN},
            "generators": {name: one.bit_generator.state for name, one in generators.items() if one is not None},
        }
    )


def put(trainer: Trainer, state: dict[str, Any]) -> None:
    """Makes a new trainer of the same network, options and rows go on from there, to the same digits."""
    _fill(vars(trainer.network), state["network"])
    for name in PARTS:
        _fill(vars(getattr(trainer, name)), state[name])
    _fill(vars(trainer), state["own"])
    for name, generator in state["generators"].items():
        getattr(trainer, name).bit_generator.state = generator


def _fill(target: dict[str, Any], source: dict[str, Any]) -> None:
    """Puts arrays where arrays are, as others look at them there."""
    for name, value in source.items():
        here = target.get(name)
        if isinstance(here, np.ndarray) and isinstance(value, np.ndarray):
            np.copyto(here, value)
        elif isinstance(here, dict) and isinstance(value, dict):
            _fill(here, value)
        else:
            target[name] = copy.deepcopy(value)
