"""Tables beside pandas and scikit-learn: read, answered through a pipe, and larger than memory."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from measure import Crashed, process, rounds
from nncli.data.bundled import path_of
from shown import heading, show_process

PEERS = Path(__file__).parent / "peers"
NNCLI = str(Path(sys.executable).with_name("nncli"))
ROUNDS, ANSWER_ROUNDS = 5, 3
READ_TIME, READ_MEMORY = 1.0, 0.7  # against pandas
FRACTIONS_TIME, WHOLE_TIME = 0.25, 0.15  # against pandas and scikit-learn
COLUMNS, READ_ROWS, ANSWERED_ROWS, LARGE_ROWS = 30, 500_000, 1_000_000, 2_000_000
AT_ONCE = 100_000
ALLOWED = "300MB"


def reading(data: Any, folder: Path, peers: set[str]) -> None:
    """A CSV file to an array of float32 and its classes, in a process that does nothing else."""
    if "pandas" not in peers:
        return
    write_images(data, folder)
    write(folder / "floats.csv", READ_ROWS)
    for what, path, target in (("MNIST", folder / "train.csv", "label"), ("floats", folder / "floats.csv", "class")):
        size = path.stat().st_size / 1e6
        heading(f"read {what} as CSV ({size:.0f} MB) to a float32 array and classes; whole process")
        commands = {
            name: [sys.executable, str(PEERS / f"read_{name}.py"), str(path), target] for name in ("nncli", "pandas")
        }
        found = rounds({name: partial(process, command, folder) for name, command in commands.items()}, ROUNDS)
        show_process(found, "pandas", READ_TIME, READ_MEMORY)
        sums = {name: json.loads(runs[-1].output) for name, runs in found.items()}
        if not np.allclose(sums["nncli"], sums["pandas"], rtol=1e-6):
            raise Crashed(f"the contenders have read different numbers: {sums}")


def answering(data: Mapping[str, NDArray[Any]], folder: Path, peers: set[str]) -> None:
    """A million rows through a pipe, to a file of classes: fractions, the bundled digits, and images."""
    if "pandas" not in peers:
        return
    write(folder / "learn.csv", 20_000)
    write(folder / "rows.csv", ANSWERED_ROWS, classes=False)
    _answered(f"{COLUMNS} fractions", folder / "learn.csv", "class", folder, FRACTIONS_TIME)
    repeat(path_of("digits"), "label", folder / "rows.csv")
    _answered("64 whole numbers", path_of("digits"), "label", folder, WHOLE_TIME)
    write_images(data, folder)
    repeat(folder / "test.csv", "label", folder / "rows.csv")
    _answered("784 pixels", folder / "test.csv", "label", folder, WHOLE_TIME)
    (folder / "rows.csv").unlink()


def _answered(what: str, learn: Path, target: str, folder: Path, limit: float) -> None:
    """The rows of rows.csv, by models that have learned from another file."""
    peer = str(PEERS / "answer_sklearn.py")
    process([NNCLI, "train", str(learn), "--hidden", "64", "--epochs", "5", "-o", "rows.npz", "-q"], folder)
    process([sys.executable, peer, str(learn), "rows.pickle", target], folder)
    size = (folder / "rows.csv").stat().st_size / 1e6
    heading(f"predict {ANSWERED_ROWS:,} rows of {what} ({size:.0f} MB) through a pipe, 64 hidden units; whole process")
    commands = {"nncli": [NNCLI, "predict", "rows.npz"], "sklearn": [sys.executable, peer, "rows.pickle"]}
    found = rounds(
        {
            name: partial(process, ["sh", "-c", f"cat rows.csv | {shlex.join(command)} > {name}.txt"], folder)
            for name, command in commands.items()
        },
        ANSWER_ROUNDS,
    )
    show_process(found, "sklearn", limit)
    for name in commands:
        lines = (folder / f"{name}.txt").read_bytes().count(b"\n")
        if lines != ANSWERED_ROWS + 1:
            raise Crashed(f"{name}: expected {ANSWERED_ROWS:,} answers and a header, found {lines:,} lines")
    print(f"  nncli: {size / min(run.seconds for run in found['nncli']):.0f} MB/s at best")


def repeat(path: Path, target: str, to: Path) -> None:
    """The rows of a CSV file without their target, over and over until they are so many as are answered."""
    table = csv.read_csv(path).drop_columns([target])
    options = csv.WriteOptions(include_header=False)
    with to.open("wb") as file:
        file.write(",".join(table.column_names).encode() + b"\n")
        for start in range(0, ANSWERED_ROWS, len(table)):
            csv.write_csv(table.slice(0, ANSWERED_ROWS - start), file, options)


def larger_than_memory(data: Any, folder: Path, peers: set[str]) -> None:
    """Training from the disk beside training in memory: the models are the same, byte for byte."""
    write(folder / "large.csv", LARGE_ROWS)
    size = (folder / "large.csv").stat().st_size / 1e6
    heading(f"train on {LARGE_ROWS:,} rows of {COLUMNS} ({size:.0f} MB), 5 epochs, --memory {ALLOWED}; whole process")
    command = [NNCLI, "train", "large.csv", "--epochs", "5", "-q", "-o"]
    cache = ["env", f"NNCLI_CACHE={folder / 'cache'}"]
    process([*cache, *command, "disk.npz", "--memory", ALLOWED], folder)  # parses it, and is not counted
    found = rounds(
        {
            "nncli": partial(process, [*cache, *command, "disk.npz", "--memory", ALLOWED], folder),
            "in memory": partial(process, [*command, "memory.npz"], folder),
        },
        1,
    )
    show_process(found, "in memory")
    if (folder / "disk.npz").read_bytes() != (folder / "memory.npz").read_bytes():
        raise Crashed("the model from the disk is another than that from memory")


def write_images(data: Mapping[str, NDArray[Any]], folder: Path) -> None:
    """train.csv and test.csv, unless they are there: the label, then the pixels."""
    for name in ("", "_test"):
        X, y, path = data[f"X{name}"], data[f"y{name}"], folder / f"{name.strip('_') or 'train'}.csv"
        if path.exists():
            continue
        names = ["label", *(f"p{i}" for i in range(X.shape[1]))]
        with path.open("wb") as file:
            file.write(",".join(names).encode() + b"\n")
            table = pa.Table.from_arrays([pa.array(y), *map(pa.array, np.ascontiguousarray(X.T))], names=names)
            csv.write_csv(table, file, csv.WriteOptions(include_header=False))


def write(path: Path, rows: int, classes: bool = True) -> None:
    """Columns of normal numbers, all digits of them; the class depends on some."""
    rng = np.random.default_rng(rows)
    with path.open("wb") as file:
        for start in range(0, rows, AT_ONCE):
            X: NDArray[Any] = rng.normal(size=(min(AT_ONCE, rows - start), COLUMNS))
            columns: dict[str, Any] = {f"x{i}": x for i, x in enumerate(X.T)}
            if classes:
                noise = rng.normal(size=len(X))
                columns["class"] = np.where(X[:, 0] + X[:, 1] * X[:, 2] + noise > 0, "yes", "no").tolist()
            options = csv.WriteOptions(include_header=not start, quoting_style="none")
            csv.write_csv(pa.table(columns), file, options)
