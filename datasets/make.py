"""Rewrites the data sets in this folder but for the texts: `python datasets/make.py`. The same bytes every time."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine

HERE = Path(__file__).resolve().parent


def write_csv(name: str, columns: Sequence[str], X: NDArray[Any], target: str, labels: Iterable[str]) -> None:
    # A column of whole numbers is written without ".0"; the rest as the shortest text that reads back the same.
    cells = [[str(int(x)) for x in x_j] if (x_j == x_j.round()).all() else [repr(float(x)) for x in x_j] for x_j in X.T]
    lines = [",".join([*columns, target]), *(",".join(row) for row in zip(*cells, labels, strict=True))]
    (HERE / name).write_bytes(("\n".join(lines) + "\n").encode())


def digits() -> None:
    bunch = load_digits()
    columns = [f"pixel_{row}_{column}" for row in range(8) for column in range(8)]
    write_csv("digits.csv", columns, bunch.data, "label", map(str, bunch.target))


def iris() -> None:
    bunch = load_iris()
    columns = ["sepal_length_cm", "sepal_width_cm", "petal_length_cm", "petal_width_cm"]
    write_csv("iris.csv", columns, bunch.data, "class", bunch.target_names[bunch.target])


def wine() -> None:
    bunch = load_wine()
    columns = [name.replace("/od315_of_diluted_wines", "_od315") for name in bunch.feature_names]
    cultivars = np.array(["barolo", "grignolino", "barbera"])  # scikit-learn only numbers them
    write_csv("wine.csv", columns, bunch.data, "class", cultivars[bunch.target])


def breast_cancer() -> None:
    bunch = load_breast_cancer()
    columns = [name.replace(" ", "_") for name in bunch.feature_names]
    write_csv("breast-cancer.csv", columns, bunch.data, "class", bunch.target_names[bunch.target])


def write_points(name: str, X: NDArray[Any], labels: NDArray[Any], rng: np.random.Generator) -> None:
    order = rng.permutation(len(X))
    # Four decimals: sin and cos differ between processors in the last place.
    write_csv(name, ["x1", "x2"], X[order].round(4) + 0.0, "class", labels[order])


def xor() -> None:
    """Clouds around the corners of the unit square; the class says whether the two coordinates are the same."""
    rng = np.random.default_rng(1)
    corners = np.repeat([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], 100, axis=0)
    labels = np.where(corners[:, 0] == corners[:, 1], "same", "different")
    write_points("xor.csv", corners + 0.12 * rng.standard_normal(corners.shape), labels, rng)


def moons() -> None:
    """Two half circles, each with its tip in the hollow of the other."""
    rng = np.random.default_rng(2)
    angle = np.pi * rng.random(500)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    lower = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
    X = np.concatenate([upper, lower])
    labels = np.repeat(["upper", "lower"], 500)
    write_points("moons.csv", X + 0.1 * rng.standard_normal(X.shape), labels, rng)


def spirals() -> None:
    """Three arms, a turn and a quarter each: radius t, angle 2π (1.25 t + arm/3)."""
    rng = np.random.default_rng(3)
    arm = np.repeat([0, 1, 2], 400)
    t = 0.1 + 0.9 * np.sqrt(rng.random(len(arm)))  # the square root spreads the points evenly over the arm
    angle = 2 * np.pi * (1.25 * t + arm / 3)
    X = np.stack([t * np.cos(angle), t * np.sin(angle)], axis=1)
    labels = np.array(["first", "second", "third"])[arm]
    write_points("spirals.csv", X + 0.02 * rng.standard_normal(X.shape), labels, rng)


def chocolate() -> None:
    """Seven bars on one line through 0: a liking of 1 pays 10."""
    liking = np.array([1, 1.5, 2, 2.25, 3, 3.1, 3.5])
    rows = [f"{x:g},{10 * x:g}" for x in liking]
    (HERE / "chocolate.csv").write_bytes(("\n".join(["liking,price", *rows]) + "\n").encode())


def write_idx(name: str, items: NDArray[np.uint8]) -> None:
    header = bytes([0, 0, 8, items.ndim]) + np.array(items.shape, dtype=">u4").tobytes()
    # No time and no name in the gzip header: the bytes stay the same.
    with (HERE / name).open("wb") as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
        packed.write(header + items.tobytes())


def digits_idx() -> None:
    """The digits in the four files of MNIST; 297 test images, each digit in its proportion."""
    bunch = load_digits()
    images, labels = bunch.images.astype(np.uint8), bunch.target.astype(np.uint8)
    rng = np.random.default_rng(4)
    held_out = np.zeros(len(labels), dtype=bool)
    for digit in range(10):
        rows = rng.permutation(np.flatnonzero(labels == digit))
        held_out[rows[: round(len(rows) * 297 / 1797)]] = True
    (HERE / "digits-idx").mkdir(exist_ok=True)
    for prefix, rows in ("train", ~held_out), ("t10k", held_out):
        write_idx(f"digits-idx/{prefix}-images-idx3-ubyte.gz", images[rows])
        write_idx(f"digits-idx/{prefix}-labels-idx1-ubyte.gz", labels[rows])


if __name__ == "__main__":
    for make in digits, iris, wine, breast_cancer, xor, moons, spirals, chocolate, digits_idx:
        make()
