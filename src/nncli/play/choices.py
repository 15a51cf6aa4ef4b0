"""The choices that a page offers, from the registries: what is added there stands on the page by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nncli.config.train_config import TrainConfig
from nncli.data.task import CLASSIFICATION, REGRESSION
from nncli.nn.activations import ACTIVATIONS
from nncli.nn.averages import AVERAGES
from nncli.nn.initializers import INITIALIZERS
from nncli.nn.losses import LOSSES
from nncli.nn.models import MODELS
from nncli.nn.optimizers import OPTIMIZERS
from nncli.registry import Registry

REGISTRIES: dict[str, Registry[Any]] = {
    "model": MODELS, "activation": ACTIVATIONS, "loss": LOSSES, "init": INITIALIZERS, "optimizer": OPTIMIZERS,
    "average": AVERAGES,
}  # fmt: skip
FITS: dict[str, Callable[[Any], bool]] = {  # which can be played with, where not all can
    "optimizer": lambda optimizer: not optimizer.exact,
    "activation": lambda activation: activation.differentiable,
}
RATES = ("0.0001", "0.001", "0.003", "0.01", "0.03", "0.1", "0.3", "1", "3", "10")
PENALTIES = ("0", "0.0001", "0.001", "0.003", "0.01", "0.03", "0.1", "0.3")
SHARES = ("0", "0.1", "0.2", "0.3", "0.4", "0.5")
BATCHES = ("1", "4", "8", "16", "32", "64", "128", "full")


def _tasks(name: str, component: Any) -> list[str]:
    """Return the tasks that a component is for, by the name of its registry."""
    if name == "model":
        fits = {CLASSIFICATION: component.classes, REGRESSION: component.numbers}
    elif name == "loss":
        fits = {CLASSIFICATION: component.for_classes, REGRESSION: component.power > 0}
    else:
        fits = {CLASSIFICATION: True, REGRESSION: True}
    return [task for task, is_for in fits.items() if is_for]


def choices() -> dict[str, Any]:
    """Return the choices of each option of a page: the words, and what each of them is."""
    found = {}
    for name, registry in REGISTRIES.items():
        words = [one for one in registry if name not in FITS or FITS[name](registry[one])]
        found[name] = [
            {"value": word, "help": registry.summary(word), "tasks": _tasks(name, registry[word])} for word in words
        ]
    for name, values in (
        ("lr", RATES),
        ("l1", PENALTIES),
        ("l2", PENALTIES),
        ("dropout", SHARES),
        ("batch_size", BATCHES),
    ):
        found[name] = [{"value": value, "help": ""} for value in values]
    found["scale"] = [{"value": word, "help": ""} for word in TrainConfig.kind("scale").words()]
    formulas = {name: MODELS[name].formula for name in MODELS}
    return {
        "choices": found,
        "formulas": formulas,
        "help": {name: one.help for name, one in TrainConfig.options().items()},
    }
