"""Rows of several months, in which the world changes slowly: what a model was trained on, and what comes after it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nncli.config.train_config import TrainConfig
from nncli.training.before import Before, options_to_go_on
from nncli.training.new_rows import prepare_to_go_on
from nncli.training.prepare import Prepared

CITIES = ("Graz", "Linz", "Wien")


def month(
    n: int, seed: int, shift: float = 0.0, classes: Sequence[str] = ("low", "high"), cities: Sequence[str] = CITIES
) -> str:
    """Return n rows as CSV: two numbers, of which b drifts by `shift`, a city, and a class by where the row lies
    between the others: low and high divide at a + (b − shift) = 0, others are far out, each in its own direction."""
    rng = np.random.default_rng(seed)
    X, city = rng.normal(size=(n, 2)), rng.choice(cities, n)
    its = rng.integers(len(classes), size=n)
    lines = ["a,b,city,level"]
    for (a, b), where, k in zip(X, city, its, strict=True):
        if k < 2:
            k = int(a + b > 0)
        else:
            a, b = a / 2 + 6 * np.cos(k), b / 2 + 6 * np.sin(k)
        lines.append(f"{a:.4f},{b + shift:.4f},{where},{classes[k]}")
    return "\n".join(lines) + "\n"


def numbers(n: int, seed: int, shift: float = 0.0) -> str:
    """Return n rows as CSV whose target is a number: 3 a − b + shift, with a little noise."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2)) + shift
    y = 3 * X[:, 0] - X[:, 1] + shift + rng.normal(size=n) / 10
    return "a,b,price\n" + "".join(f"{a:.4f},{b:.4f},{c:.4f}\n" for (a, b), c in zip(X, y, strict=True))


def before(model_file: str) -> Before:
    return Before.load(Path(model_file))


def prepared(model_file: str, data: str, replay: Sequence[str] = (), **how: object) -> Prepared:
    """Make the rows of a file ready for a model to go on with; options of `train` are taken too."""
    model = before(model_file)
    own = {name: how.pop(name) for name in ("share", "refits", "memory") if name in how}
    config = options_to_go_on(model, TrainConfig(data=(data,), **how), {"data", *how})
    return prepare_to_go_on(model, config, tuple(replay), **own)


def digest(file: str) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()
