"""Whether time and memory grow faster than the arithmetic, as rows, columns, units or classes become many."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from epochs import in_turns
from measure import Comparison, process, rounds
from shown import heading, show

SMALL = {"rows": 100_000, "columns": 100, "hidden": 64, "classes": 10}
GROWN = {"rows": 10, "columns": 10, "hidden": 4, "classes": 100}
ROUNDS = 5
LIMIT = 1.0
PEERS = Path(__file__).parent / "peers"
NNCLI = str(Path(sys.executable).with_name("nncli"))
CLASSES, ROWS_OF_CLASSES, SAID_SECONDS = 100_000, 1_000_000, 10.0
CATEGORIES = (5, 20, 100, 1000, 5000, 50, 300, 20_000, 12, 8)  # of the columns of text
TEXT_ROWS, TEXT_MEMORY = 2_000_000, 2.0  # as many times the size of the file
SPARSE_COLUMNS, SPARSE_ROWS, ENTRIES, CHECK_SECONDS = 200_000, 300, 300, 3.0
FEW_ROUNDS = 3


def growth(data: Any, folder: Path, peers: set[str]) -> None:
    for what, factor in GROWN.items():
        large = SMALL | {what: SMALL[what] * factor}
        more = arithmetic(**large) / arithmetic(**SMALL)
        heading(f"growth: one epoch with {what} × {factor}, where the arithmetic grows × {more:.1f}")
        found, memory = in_turns(
            {name: ["growth_nncli.py", *map(str, shape.values())] for name, shape in (("1", SMALL), ("x", large))},
            ROUNDS,
        )
        peer = f"{more:.1f} × the smaller"
        show(Comparison("time", "s", peer, found["x"], [more * seconds for seconds in found["1"]], LIMIT))
        more = max(more, rows_and_columns(**large) / rows_and_columns(**SMALL))
        show(Comparison("memory", "MB", f"{more:.1f} × the smaller", [memory["x"]], [more * memory["1"]], LIMIT))


def rows_and_columns(rows: int, columns: int, hidden: int, classes: int) -> int:
    """The numbers of the table."""
    return rows * columns


def arithmetic(rows: int, columns: int, hidden: int, classes: int) -> int:
    """Multiplications of an epoch, as far as it depends on these."""
    return rows * (columns * hidden + hidden * classes)


def many_classes(data: Any, folder: Path, peers: set[str]) -> None:
    """What training needs is said, or refused, soon after the file is read."""
    rng, file = np.random.default_rng(0), folder / "classes.csv"
    y = rng.permutation(np.arange(ROWS_OF_CLASSES) % CLASSES)
    columns = [*np.char.mod("%.2f", rng.normal(size=(6, ROWS_OF_CLASSES))), np.char.mod("c%06d", y)]
    _write(file, [*(f"x{i}" for i in range(6)), "class"], columns)
    heading(f"growth: {CLASSES:,} classes in {ROWS_OF_CLASSES:,} rows of 6: train --dry-run; whole process")
    commands = {
        "nncli": [NNCLI, "train", file.name, "--hidden", "64", "--dry-run", "--json", "-q"],
        "reading": [sys.executable, str(PEERS / "read_nncli.py"), file.name, "class"],
    }
    found = rounds({name: partial(process, command, folder) for name, command in commands.items()}, FEW_ROUNDS)
    ours, theirs = ([run.seconds for run in found[name]] for name in commands)
    show(Comparison("time", "s", "reading alone", ours, theirs, most=SAID_SECONDS))
    file.unlink()


def text_columns(data: Any, folder: Path, peers: set[str]) -> None:
    """Columns of categories, whose inputs are nearly all 0."""
    rng, file = np.random.default_rng(0), folder / "texts.csv"
    columns = [np.char.mod(f"word{i}-%05d", rng.integers(0, many, TEXT_ROWS)) for i, many in enumerate(CATEGORIES)]
    names = [f"t{i}" for i in range(len(CATEGORIES))]
    _write(file, [*names, "class"], [*columns, rng.choice(["yes", "no"], TEXT_ROWS)])
    size = file.stat().st_size / 1e6
    heading(
        f"growth: softmax regression of {TEXT_ROWS:,} rows of {len(CATEGORIES)} columns of text ({size:.0f} MB), one "
        "epoch; whole process"
    )
    words = ["--model", "softmax", "--epochs", "1", "-o", "texts.npz", "--json", "-q"]
    found = process([NNCLI, "train", file.name, *words], folder)
    show(Comparison("peak memory", "MB", "the file", [found.megabytes], [size], TEXT_MEMORY))
    file.unlink()


def sparse_columns(data: Any, folder: Path, peers: set[str]) -> None:
    """A check of sparse text with many columns, beside scikit-learn, which only reads it."""
    rng, file = np.random.default_rng(0), folder / "sparse.svm"
    with file.open("w") as lines:
        for i in range(SPARSE_ROWS):
            places = np.sort(rng.choice(SPARSE_COLUMNS, ENTRIES, replace=False)) + 1
            entries = (f"{k}:{x:.3f}" for k, x in zip(places, rng.random(ENTRIES), strict=True))
            lines.write(f"{i % 2} {' '.join(entries)}\n")
        lines.write(f"1 {SPARSE_COLUMNS}:1\n")
    heading(f"growth: check of {SPARSE_ROWS} sparse rows of {SPARSE_COLUMNS:,} columns; whole process")
    reads = "import sys; from sklearn.datasets import load_svmlight_file; load_svmlight_file(sys.argv[1])"
    commands = {
        "nncli": [NNCLI, "check", file.name, "--json", "-q"],
        "reading": [sys.executable, "-c", reads, file.name],
    }
    found = rounds({name: partial(process, command, folder) for name, command in commands.items()}, FEW_ROUNDS)
    ours, theirs = ([run.seconds for run in found[name]] for name in commands)
    show(Comparison("time", "s", "sklearn, which reads", ours, theirs, most=CHECK_SECONDS))


def _write(file: Path, names: list[str], columns: list[Any]) -> None:
    """Write columns of texts as CSV."""
    with file.open("w") as lines:
        lines.write(",".join(names) + "\n")
        lines.writelines(",".join(row) + "\n" for row in zip(*(column.tolist() for column in columns), strict=True))
