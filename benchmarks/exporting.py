"""Exports: a row through the C file, and rows through ONNX beside what skl2onnx makes of an equal MLPClassifier."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from epochs import in_turns
from measure import Comparison, Crashed, process
from nncli.data.bundled import path_of
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.load import load_dataset
from nncli.model import checkpoint
from shown import heading, show

NNCLI = str(Path(sys.executable).with_name("nncli"))
HIDDEN, ROUNDS, ROWS = "64x64", 5, 10_000
C_ROWS, C_MICROSECONDS = 200_000, 5
DRIVER = """
#include "digits.c"
#include <stdio.h>
#include <time.h>
int main(int argc, char **argv)
{
    static double numbers[%d][64];
    double answers[10], sum = 0;
    struct timespec a, b;
    FILE *rows = fopen(argv[argc - 1], "rb");
    if (fread(numbers, sizeof numbers[0], %d, rows) != %d) return 1;
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int i = 0; i < %d; i++) { digits_predict(numbers[i %% %d], NULL, answers); sum += answers[0]; }
    clock_gettime(CLOCK_MONOTONIC, &b);
    printf("%%.9g\\n", ((double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9) / %d * 1e6 + 0 * sum);
    return 0;
}
"""


def exports(data: Any, folder: Path, peers: set[str]) -> None:
    """The digits, whose 64 columns go through two layers of 64 to ten classes."""
    process([NNCLI, "train", "digits", "--hidden", HIDDEN, "--epochs", "5", "-q", "-o", "digits.npz"], folder)
    model, _ = checkpoint.load(folder / "digits.npz")
    table = load_dataset((str(path_of("digits")),), CsvOptions(), "float32").table
    X = np.asarray(table.numbers, np.float32)
    heading("one row through exports of a network of 64-64-64-10")
    onnx_microseconds = _onnx(folder, model, X, peers, 1)
    seconds = _in_c(folder, X)
    show(Comparison("C", "µs", "ONNX", seconds, onnx_microseconds, most=C_MICROSECONDS))
    heading(f"{ROWS:,} rows through exports of a network of 64-64-64-10")
    _onnx(folder, model, X, peers, ROWS)


def _in_c(folder: Path, X: Any) -> list[float]:
    """Return the microseconds that a row takes, of several runs."""
    process([NNCLI, "export", "digits.npz", "-o", "digits.c", "-q"], folder)
    n = len(X)
    (folder / "driver.c").write_text(DRIVER % (n, n, n, C_ROWS, n, C_ROWS))
    X.astype(np.float64).tofile(folder / "rows.bin")
    words = ["cc", "-std=gnu99", "-O2", "driver.c", "-lm", "-o", "driver"]
    subprocess.run(words, cwd=folder, check=True)
    return [float(process(["./driver", "rows.bin"], folder).output) for _ in range(ROUNDS)]


def _onnx(folder: Path, model: Any, X: Any, peers: set[str], rows: int) -> list[float]:
    """Show the time of so many rows in onnxruntime, and return the microseconds of a row through nncli's file."""
    its = model.preprocess
    layers = {f"{name}{i}": getattr(layer, name) for i, layer in enumerate(model.network.dense) for name in "Wb"}
    np.savez(
        folder / "digits-parameters.npz", shift=its.shift, scale=its.scale, X=np.resize(X, (rows, X.shape[1])), **layers
    )
    process([NNCLI, "export", "digits.npz", "-o", "digits.onnx", "--matrix", "-q"], folder)
    commands = {"nncli": ["onnx_session.py", str(folder), "nncli"]}
    if "skl2onnx" in peers:
        commands["skl2onnx"] = ["onnx_session.py", str(folder), "skl2onnx"]
    found, sums = in_turns(commands, ROUNDS, 2000 if rows == 1 else 20)
    ours = [seconds * 1e6 for seconds in found["nncli"]]
    if "skl2onnx" in peers:
        if abs(sums["nncli"] - sums["skl2onnx"]) > 1e-4 * rows:
            raise Crashed(f"the contenders have not run the same network: {sums}")
        theirs = [seconds * 1e6 for seconds in found["skl2onnx"]]
        show(Comparison("onnxruntime", "µs", "the file of skl2onnx", ours, theirs, 1.0))
    return ours
