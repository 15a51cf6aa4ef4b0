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
from nncli.figures.lines import MODULES

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

for _module in MODULES:
    importlib.import_module(f"nncli.figures.{_module}")
