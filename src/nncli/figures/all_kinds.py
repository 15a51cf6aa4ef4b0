"""Load every kind of figure into the registry, in the order that the help lists them."""

import importlib

from nncli.figures.kinds import (
    FIGURES,
    Data,
    OfData,
    OfLedger,
    OfModel,
    Subject,
    build_of_data,
    build_of_model,
    trials_of,
)

__all__ = [
    "FIGURES",
    "Data",
    "OfData",
    "OfLedger",
    "OfModel",
    "Subject",
    "build_of_data",
    "build_of_model",
    "trials_of",
]

OF_MODELS = "training_curve", "judged", "importance", "effect", "weights", "planes", "activations", "numbers"
for _module in (*OF_MODELS, "sweep", "parallel", "data", "pictures"):
    importlib.import_module(f"nncli.figures.{_module}")
