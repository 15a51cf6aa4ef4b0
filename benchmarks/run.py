"""nncli beside its peers: training epochs, whole processes, time and memory.

python benchmarks/run.py [FOLDER of the four MNIST files] [--adult FILE] [--only NAME …]

Contenders take turns (A B C A B C …) after one round to warm up; a row has the medians, the ratio of
the medians, the median of the ratios within rounds, and the promised limit, which both must keep.
A run of everything leaves its figures in results.json and results.svg, and its table in BENCHMARKS.md.
Timings decide nothing: the exit code is 1 only if something crashed.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import epochs
import explaining
import exporting
import growth
import latency
import processes
import results
import serving
import tables
from measure import SETTINGS, THREAD_VARIABLES, Crashed
from nncli.data.formats import idx
from nncli.errors import NncliError
from shown import comparisons

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
THREADS = min(2, CORES)
PEERS = ("pandas", "torch", "jax", "fastapi", "skl2onnx", "supervised")  # the last is mljar-supervised

Arrays = dict[str, NDArray[Any]]
SECTIONS: dict[str, Callable[[Arrays, Path, set[str]], None]] = {
    "epochs": epochs.batches,
    "rows": epochs.rows,
    "optimum": epochs.optimum,
    "regression": epochs.regression,
    "iris": processes.iris,
    "chocolate": processes.chocolate,
    "csv": processes.from_csv,
    "latency": latency.latency,
    "serving": serving.serving,
    "answering": tables.answering,
    "reading": tables.reading,
    "memory": tables.larger_than_memory,
    "growth": growth.growth,
    "classes": growth.many_classes,
    "texts": growth.text_columns,
    "sparse": growth.sparse_columns,
    "gradcheck": processes.gradients,
    "sweep": processes.sweeps,
    "explain": explaining.importance,
    "reasons": explaining.reasons,
    "report": explaining.report,
    "export": exporting.exports,
    "start-up": processes.start_up,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="of the four MNIST files")
    parser.add_argument("--adult", type=Path, metavar="FILE", help="training rows of Adult (UCI), CSV without header")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, metavar="NAME", help=f"some of {', '.join(SECTIONS)}")
    options = parser.parse_args()
    for variable in THREAD_VARIABLES:
        os.environ[variable] = str(THREADS)
    for variable in SETTINGS:
        os.environ.pop(variable, None)
    machine = describe_machine()
    peers = {package for package in PEERS if is_there(package)}
    try:
        data, source = (mnist(options.folder), "MNIST") if options.folder else (synthetic(), "synthetic images")
        with tempfile.TemporaryDirectory() as folder:
            if options.adult:
                explaining.write_adult(options.adult, Path(folder))
            for name in options.only or SECTIONS:
                SECTIONS[name](data, Path(folder), peers)
    except (Crashed, NncliError) as error:
        print(f"crashed: {error}", file=sys.stderr)
        return 1
    if not options.only:
        results.write(machine | {"data": source}, comparisons)
    return 0


# ── the data ─────────────────────────────────────────────────────────────────────────────────────


def mnist(folder: Path) -> Arrays:
    dataset = idx.read(folder)
    if dataset.test is None:
        raise Crashed(f"{folder}: expected four files, found no t10k files")
    print("data: MNIST, in its own order")
    return {"X": dataset.table.numbers, "y": dataset.y, "X_test": dataset.test.table.numbers, "y_test": dataset.test.y}


def synthetic() -> Arrays:
    """Rows of MNIST's shape and about its share of black pixels: ten faint random pictures in noise."""
    print("data: SYNTHETIC, of the shape of MNIST, as no folder was given; the limits are meant for MNIST itself")
    rng = np.random.default_rng(0)
    likely = 0.19 + 0.12 * rng.uniform(-1, 1, (10, 784))  # of a pixel not to be black, for each class
    data: Arrays = {}
    for name, n in (("", 60_000), ("_test", 10_000)):
        y = rng.integers(0, 10, n)
        shown = rng.random((n, 784), np.float32) < likely[y]
        data |= {f"X{name}": rng.integers(1, 256, (n, 784), np.uint8) * shown, f"y{name}": y}
    return data


# ── the machine ──────────────────────────────────────────────────────────────────────────────────


def describe_machine() -> dict[str, Any]:
    """Prints and returns the processor, the versions and the threads."""
    versions = {"python": platform.python_version()}
    for name in ("nncli", "numpy", "scikit-learn", "pandas", "pyarrow", "torch", "jax", "skl2onnx", "mljar-supervised"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    code = "import os; from nncli.system.threads import *; choose_kernels(); print(os.environ.get(VARIABLE, ''))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    kernels = done.stdout.strip()
    load = os.getloadavg()[0]
    print(f"machine: {processor()}, {CORES} cores, {platform.system()} {platform.release()}")
    print("versions: " + ", ".join(f"{name} {version}" for name, version in versions.items()))
    print(f"threads: {THREADS} of {CORES} for everyone")
    print(f"OpenBLAS kernels: nncli sets {kernels or 'nothing'}; the others take the library's choice")
    busy = "; busy: expect these timings to be wrong, multithreaded products most of all" if load > 0.5 else ""
    print(f"load before the start: {load:.2f}{busy}")
    return {
        "processor": processor(), "cores": CORES, "threads": THREADS, "versions": versions, "load": load,
        "kernels": kernels,
    }  # fmt: skip


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), platform.machine())


def is_there(package: str) -> bool:
    found = importlib.util.find_spec(package) is not None
    if not found:
        print(f"{package} is not installed: what needs it is skipped")
    return found


if __name__ == "__main__":
    sys.exit(main())
