"""Rows drawn at random, for what needs rows but no data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from nncli.data.dataset import Dataset
from nncli.data.labels import dataset_of
from nncli.data.sources import is_there
from nncli.registry import Registry

ROWS_EACH = 40  # of each class


@dataclass
class RandomRows:
    """Inputs from a normal distribution, classes that have nothing to do with them."""

    inputs: int = 10
    classes: int = 3

    name: ClassVar[str]

    def __post_init__(self) -> None:
        for setting, least in (("inputs", 1), ("classes", 2)):
            if getattr(self, setting) < least:
                raise ValueError(f"{setting}: expected at least {least}, found {getattr(self, setting)}")


KINDS: Registry[RandomRows] = Registry("data")
KINDS.register("random")(RandomRows)


def is_random(source: str) -> bool:
    """Tell whether the source is `random`, also with settings, and not a file of that name."""
    return source.split(":")[0] in KINDS and not is_there(Path(source))


def random_dataset(source: str, rng: np.random.Generator) -> Dataset:
    """Draw the data set that `random:inputs=10:classes=3` describes; OptionError for settings that it does not have."""
    rows = KINDS.create(source)
    n = ROWS_EACH * rows.classes
    y = rng.permutation(np.arange(n) % rows.classes)
    return dataset_of(rng.normal(size=(n, rows.inputs)), y, source, "", like=None)
