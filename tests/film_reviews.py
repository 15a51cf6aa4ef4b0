"""Texts of which two words tell a class, beside other columns."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

GOOD, BAD = ("fine", "lovely", "warm", "kind"), ("awful", "dull", "cruel", "sad")
REST = ("the", "film", "was", "a", "day", "in", "town", "with", "people")


def rows(n: int, seed: int) -> Iterator[list[object]]:
    """Yield a text of nine words, a number, a colour, how good it is, and a class that two of the words tell."""
    rng = np.random.default_rng(seed)
    for i in range(n):
        words = [*rng.choice(REST, 7), *rng.choice(GOOD if i % 2 else BAD, 2)]
        rng.shuffle(words)
        stars = i % 2 * 3 + rng.normal(scale=0.1)
        yield [
            " ".join(words),
            round(float(rng.exponential()), 3),
            rng.choice(["red", "blue"]),
            round(stars, 3),
            "ny"[i % 2],
        ]


def write(path: Path, n: int, seed: int, columns: str = "review price colour stars label") -> Path:
    names = ["review", "price", "colour", "stars", "label"]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns.split())
        for row in rows(n, seed):
            writer.writerow([row[names.index(name)] for name in columns.split()])
    return path
