"""The tables of tabular.py, and how each is split: files of a folder, bundled sets, and generated families."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets, model_selection

from measure import Crashed
from nncli.data.bundled import path_of

MISSING = {"", "?"}
TARGET, TARGETS = "target", {"label", "class", "y"}
SUFFIXES = (".csv", ".csv.gz")
ELSEWHERE = {"horse-colic": 23}  # the column of the target, from 0, where it is not the last one
BUNDLED = ("digits", "iris", "wine", "breast-cancer", "xor", "moons", "spirals")
TEST_SHARE = 0.2
FEWEST = 5  # rows of a class: one to test, and enough for two more parts
MOST_CLASSES = 20  # of a target of whole numbers

Rows = list[list[str]]


@dataclass(frozen=True)
class Tabular:
    """A table: its cells as text, "" for a missing one; `y` is their target. The rows from `n_train` on are the
    official test rows, where there are some."""

    name: str
    cells: Rows
    y: list[str]
    n_train: int | None = None

    @property
    def task(self) -> Literal["classification", "regression"]:
        """Tell regression, where the target has fractions or more than 20 different numbers, from classification."""
        different = set(self.y)
        numbers = [float(text) for text in different if is_number(text)]
        if len(numbers) < len(different):
            return "classification"
        whole = all(number.is_integer() for number in numbers)
        return "classification" if whole and len(numbers) <= MOST_CLASSES else "regression"

    def categorical(self) -> list[str]:
        """Name the columns with a text that is no number."""
        columns = zip(*self.cells, strict=True)
        return [
            f"x{i}" for i, column in enumerate(columns) if not all(text == "" or is_number(text) for text in column)
        ]

    def write(self, folder: Path, split: int) -> Split:
        """Write train.csv, test.csv and about.json of one split into the folder; rows of classes with fewer than 5 rows
        are left out."""
        rows, test = self._parts(split)
        d = len(self.cells[0])
        for file, some in (("train.csv", rows), ("test.csv", test)):
            with (folder / file).open("w", newline="", encoding="utf-8") as lines:
                writer = csv.writer(lines)
                writer.writerow([*(f"x{i}" for i in range(d)), TARGET])
                writer.writerows([*self.cells[row], self.y[row]] for row in some)
        used = {self.y[row] for row in (*rows, *test)}
        classes = tuple(sorted(used)) if self.task == "classification" else ()
        about = {"task": self.task, "categorical": self.categorical(), "target": TARGET, "seed": split}
        (folder / "about.json").write_text(json.dumps(about), encoding="utf-8")
        return Split(self.task, len(rows), d, classes, [self.y[row] for row in test])

    def _parts(self, split: int) -> tuple[list[int], list[int]]:
        if self.n_train is not None:
            return list(range(self.n_train)), list(range(self.n_train, len(self.y)))
        counts = Counter(self.y)
        is_class = self.task == "classification"
        rows = [row for row, text in enumerate(self.y) if not is_class or counts[text] >= FEWEST]
        stratify = [self.y[row] for row in rows] if is_class else None
        train, test = model_selection.train_test_split(
            rows, test_size=TEST_SHARE, stratify=stratify, random_state=split
        )
        return train, test


@dataclass(frozen=True)
class Split:
    """What was written: the task, the training rows, the columns, the classes and the target of the test rows."""

    task: str
    n_train: int
    d: int
    classes: tuple[str, ...]
    y: list[str]


def is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


# ── files ────────────────────────────────────────────────────────────────────────────────────────


def of_folder(folder: Path, targets: Mapping[str, int]) -> dict[str, Callable[[], Tabular]]:
    """Return what reads each table of the folder, by name, the smallest first: NAME.csv or NAME.csv.gz without a
    header, or NAME-train and NAME-test. `targets` has the column of the target, where it is not the last one."""
    files = {
        path.name.removesuffix(suffix): path
        for path in sorted(folder.iterdir(), key=lambda path: path.stat().st_size)
        for suffix in SUFFIXES
        if path.name.endswith(suffix)
    }
    if not files:
        raise Crashed(f"{folder}: expected files NAME.csv or NAME.csv.gz, found none")
    found: dict[str, Callable[[], Tabular]] = {}
    for name, path in files.items():
        whole = name.removesuffix("-train")
        if name.endswith("-test") and f"{name.removesuffix('-test')}-train" in files:
            continue
        test = files.get(f"{whole}-test") if whole != name else None
        whole = whole if test else name
        found[whole] = partial(_from_files, whole, path, test, targets.get(whole, -1))
    return found


def _from_files(name: str, path: Path, test: Path | None, target: int) -> Tabular:
    cells = _read(path)
    y = [row.pop(target) for row in cells]
    if test is None:
        return Tabular(name, cells, y)
    more = _read(test)
    y_test = [row.pop(target) for row in more]
    known = set(y)
    y_test = [text if text in known else text.removesuffix(".") for text in y_test]  # as those of Adult end
    return Tabular(name, [*cells, *more], [*y, *y_test], len(y))


def _read(path: Path) -> Rows:
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
    lines = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
    rows = [[_cell(text) for text in row] for row in lines if row]
    if len({len(row) for row in rows}) != 1:
        raise Crashed(f"{path}: expected as many cells in each row, found {sorted({len(row) for row in rows})}")
    return rows


def _cell(text: str) -> str:
    """Return the text without blanks and single quotes around it; "" for a missing value."""
    text = text.strip()
    text = text[1:-1] if len(text) > 1 and text[0] == text[-1] == "'" else text
    return "" if text in MISSING else text


def of_bundle() -> dict[str, Callable[[], Tabular]]:
    """Return what reads each bundled table."""
    return {f"bundled-{name}": partial(_bundled, name) for name in BUNDLED}


def _bundled(name: str) -> Tabular:
    header, *cells = _read(path_of(name))
    [target] = [i for i, column in enumerate(header) if column in TARGETS]
    return Tabular(f"bundled-{name}", cells, [row.pop(target) for row in cells])


# ── generated ────────────────────────────────────────────────────────────────────────────────────


def of_families() -> dict[str, Callable[[], Tabular]]:
    """Return what generates each table, always the same one."""
    clusters = partial(datasets.make_classification, random_state=0)
    families: dict[str, Callable[[], Any]] = {
        "two-classes": partial(clusters, 2000, 20, n_informative=5, n_redundant=5, flip_y=0.05),
        "clusters": partial(clusters, 5000, 20, n_informative=8, n_classes=3, n_clusters_per_class=4),
        "ten-classes": partial(clusters, 6000, 30, n_informative=15, n_classes=10),
        "wide": partial(clusters, 1500, 100, n_informative=10, n_redundant=10),
        "rare": partial(clusters, 8000, 15, n_informative=6, n_clusters_per_class=3, weights=[0.95]),
        "hastie": partial(datasets.make_hastie_10_2, 4000, random_state=0),
        "moons": _noisy_moons,
        "categories": _categories,
        "friedman1": partial(datasets.make_friedman1, 3000, noise=1.0, random_state=0),
        "friedman2": partial(datasets.make_friedman2, 3000, noise=125.0, random_state=0),
        "friedman3": partial(datasets.make_friedman3, 3000, noise=0.1, random_state=0),
    }  # the noise is about a third of the target's standard deviation, as Friedman has it
    return {f"made-{name}": partial(_made, name, make) for name, make in families.items()}


def _made(name: str, make: Callable[[], tuple[NDArray[Any], NDArray[Any]]]) -> Tabular:
    X, y = make()
    whole = np.array_equal(y, y.astype(int))
    target = [str(int(value)) if whole else f"{value:.7g}" for value in y]
    cells = [[value if isinstance(value, str) else f"{value:.7g}" for value in row] for row in X.tolist()]
    return Tabular(f"made-{name}", cells, target)


def _noisy_moons() -> tuple[NDArray[Any], NDArray[Any]]:
    """Make two half-moons in two columns, and eight columns of noise."""
    X, y = datasets.make_moons(3000, noise=0.3, random_state=0)
    return np.hstack([X, np.random.default_rng(0).normal(size=(len(X), 8))]), y


def _categories() -> tuple[NDArray[Any], NDArray[Any]]:
    """Make two columns of 40 and 200 categories, each with an effect of its own, the former also on a slope, and four
    numbers."""
    rng, n = np.random.default_rng(0), 6000
    few, many = rng.integers(40, size=n), rng.integers(200, size=n)
    X = rng.normal(size=(n, 4))
    z = rng.normal(size=40)[few] + rng.normal(size=200)[many] + rng.normal(size=40)[few] * X[:, 0] + X[:, 1] * X[:, 2]
    y = rng.random(n) < 1 / (1 + np.exp(-1.5 * z))
    names = [[f"a{i}" for i in few], [f"b{i}" for i in many]]
    return np.column_stack([np.array(names, object).T, X.astype(object)]), y.astype(int)
