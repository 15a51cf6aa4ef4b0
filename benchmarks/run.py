"""nncli beside its peers: time and memory of whole processes, training epochs, start-up.

python benchmarks/run.py [FOLDER of the four MNIST files] [--json FILE]

Contenders take turns (A B C A B C …) after one round to warm up; a row has the medians, the ratio of
the medians, the median of the ratios within rounds, and the promised limit, which both must keep.
Timings decide nothing: the exit code is 1 only if something crashed.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import tables
from measure import Comparison, Crashed, Finished, Worker, process, rounds
from nncli.data import idx
from nncli.data.bundled import path_of
from nncli.errors import NncliError
from shown import compare_accuracies, comparisons, heading, show, show_process

PEERS = Path(__file__).parent / "peers"
NNCLI = str(Path(sys.executable).with_name("nncli"))
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
THREADS = min(2, CORES)
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PJRT_NPROC")  # the last is JAX's

CSV_ROUNDS, EPOCH_ROUNDS, START_ROUNDS = 5, 7, 15
CSV_LIMITS = 0.4, 0.5  # of time and peak memory, against scikit-learn
EPOCH_LIMIT = 0.6  # for 64 hidden units, against scikit-learn and PyTorch
PERCEPTRON_LIMIT = 0.35
SWEEP_LIMIT = 0.6  # against scikit-learn
JOBS_LIMIT = 1 / 1.7  # two jobs against one

Arrays = dict[str, NDArray[Any]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="of the four MNIST files")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every single figure to a file")
    options = parser.parse_args()
    for variable in THREAD_VARIABLES:
        os.environ[variable] = str(THREADS)
    machine = describe_machine()
    peers = {package for package in ("pandas", "torch", "jax") if is_there(package)}
    try:
        data = mnist(options.folder) if options.folder else synthetic()
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            from_csv(data, folder, peers)
            if "pandas" in peers:
                tables.reading(folder, folder / "train.csv")
                tables.answering(folder)
            tables.larger_than_memory(folder)
            epochs(data, folder, peers)
            perceptron(folder)
            gradients(folder, peers)
            sweeps(folder)
            start_up(folder)
    except (Crashed, NncliError) as error:
        print(f"crashed: {error}", file=sys.stderr)
        return 1
    if options.json:
        results = [asdict(c) | {"ratio": c.ratio, "pairwise": c.pairwise, "met": c.met} for c in comparisons]
        options.json.write_text(json.dumps({"machine": machine, "comparisons": results}, indent=1) + "\n")
    return 0


# ── what is measured ─────────────────────────────────────────────────────────────────────────────


def from_csv(data: Arrays, folder: Path, peers: set[str]) -> None:
    """The whole process: from a CSV file to a saved model and its test accuracy."""
    write_csv(folder / "train.csv", data["X"], data["y"])
    write_csv(folder / "test.csv", data["X_test"], data["y_test"])
    n, size = len(data["X"]), (folder / "train.csv").stat().st_size / 1e6
    heading(
        f"CSV ({n:,} rows, {size:.0f} MB) to saved model and test accuracy: 784-64-10, Adam, ten epochs; whole process"
    )
    options = "--hidden 64 --batch-size 128 --epochs 10 --patience 10 -o m.npz --json"
    commands = {"nncli": [NNCLI, "train", "train.csv", "--test-data", "test.csv", *options.split()]}
    for peer, needed in {"sklearn": {"pandas"}, "torch": {"pandas", "torch"}}.items():
        if needed <= peers:
            script = str(PEERS / f"{peer}_csv.py")
            commands[peer] = [sys.executable, script, "train.csv", "test.csv", f"m.{peer}"]
    found = rounds({name: partial(process, command, folder) for name, command in commands.items()}, CSV_ROUNDS)
    accuracies = {name: json.loads(runs[-1].output)["test"]["accuracy"] for name, runs in found.items()}
    for peer in list(found)[1:]:
        show_process(found, peer, *(CSV_LIMITS if peer == "sklearn" else ()))
    compare_accuracies(accuracies)


def epochs(data: Arrays, folder: Path, peers: set[str]) -> None:
    """One training epoch with the rows in memory, each contender in a process of its own."""
    for name, array in data.items():
        np.save(folder / f"{name}.npy", array)
    contenders = ["nncli", "sklearn", *(peer for peer in ("torch", "jax") if peer in peers)]
    for hidden in (64, 256):
        for optimizer in ("adam", "sgd"):
            heading(
                f"one epoch in memory: 784-{hidden}-10, {optimizer}, {len(data['X']):,} rows, batches of 128, float32"
            )
            arguments = [str(folder), str(hidden), optimizer]
            with ExitStack() as stack:
                workers = {
                    name: stack.enter_context(Worker([sys.executable, str(PEERS / f"epoch_{name}.py"), *arguments]))
                    for name in contenders
                }
                found = rounds({name: worker.turn for name, worker in workers.items()}, EPOCH_ROUNDS)
                accuracies = {name: worker.finish() for name, worker in workers.items()}
            for peer in contenders[1:]:
                limit = EPOCH_LIMIT if hidden == 64 and peer != "jax" else None
                show(Comparison("time", "s", peer, found["nncli"], found[peer], limit))
            compare_accuracies(accuracies)


def perceptron(folder: Path) -> None:
    """The first epoch of a perceptron with the rows in memory: mistakes are most frequent then."""
    heading("one epoch of a new perceptron in memory, row by row, float32")
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(Worker([sys.executable, str(PEERS / f"perceptron_{name}.py"), str(folder)]))
            for name in ("nncli", "sklearn")
        }
        found = rounds({name: worker.turn for name, worker in workers.items()}, EPOCH_ROUNDS)
        accuracies = {name: worker.finish() for name, worker in workers.items()}
    show(Comparison("time", "s", "sklearn", found["nncli"], found["sklearn"], PERCEPTRON_LIMIT))
    # one epoch is a snapshot of a θ in motion, and of several classes scikit-learn trains each against the rest
    print("  test accuracy:   " + ", ".join(f"{name} {accuracy:.2%}" for name, accuracy in accuracies.items()))


def gradients(folder: Path, peers: set[str]) -> None:
    """A gradient check; nncli's compares a sample and whole directions, PyTorch's every entry."""
    if "torch" not in peers:
        return
    heading("gradient check: 64-64-10 on 32 of the digits, float64; whole process")
    digits = str(path_of("digits"))
    commands = {
        "nncli": [NNCLI, "gradcheck", "digits", "--json", "--quiet"],
        "torch": [sys.executable, str(PEERS / "gradcheck_torch.py"), digits],
    }
    found = rounds({name: partial(process, command, folder) for name, command in commands.items()}, CSV_ROUNDS)
    ours, theirs = ([seconds(run) for run in found[name]] for name in commands)
    show(Comparison("time", "s", "torch", ours, theirs, None))


def sweeps(folder: Path) -> None:
    """A grid of 24 small networks, two at a time, and the same one at a time."""
    heading("sweep: 24 networks on the digits, 100 epochs each, to the best one's test accuracy; whole process")
    options = "--lr 0.05,0.02,0.01,0.005,0.002,0.001 --hidden 16,32,64,128 --epochs 100 --patience 100 --json --quiet"

    def swept(jobs: int) -> Finished:
        (folder / "sweep.jsonl").unlink(missing_ok=True)
        return process([NNCLI, "sweep", "digits", *options.split(), "--jobs", str(jobs), "-o", "best.npz"], folder)

    script = [sys.executable, str(PEERS / "sweep_sklearn.py"), str(path_of("digits"))]
    found = rounds(
        {"nncli": partial(swept, 2), "one job": partial(swept, 1), "sklearn": partial(process, script, folder)},
        CSV_ROUNDS,
    )
    ours, alone, theirs = ([*map(seconds, found[name])] for name in ("nncli", "one job", "sklearn"))
    show(Comparison("time", "s", "sklearn", ours, theirs, SWEEP_LIMIT))
    show(Comparison("time", "s", "one job", ours, alone, JOBS_LIMIT))


def start_up(folder: Path) -> None:
    """Short commands against the mere imports they cannot do without."""
    heading("start-up: whole process, against Python that only imports the libraries")
    process([NNCLI, "train", "digits", "-o", "digits.npz", "--quiet"], folder)
    rows = "".join(path_of("digits").read_text().splitlines(keepends=True)[:11])
    for what, command, stdin, imports, limit in (
        ("nncli --help", [NNCLI, "--help"], "", "import typer, rich", 1.5),
        ("predict 10 rows", [NNCLI, "predict", "digits.npz"], rows, "import numpy, typer, pyarrow.csv", 1.6),
    ):
        turns: dict[str, Callable[[], Finished]] = {
            "nncli": partial(process, command, folder, stdin),
            "imports": partial(process, [sys.executable, "-c", imports], folder, stdin),
        }
        found = rounds(turns, START_ROUNDS)
        ours, theirs = ([run.seconds * 1000 for run in found[name]] for name in turns)
        show(Comparison(what, "ms", imports, ours, theirs, limit))


# ── the data ─────────────────────────────────────────────────────────────────────────────────────


def mnist(folder: Path) -> Arrays:
    dataset = idx.read(folder)
    if dataset.test is None:
        raise Crashed(f"{folder}: expected four files, found no t10k files")
    print(f"data: MNIST from {folder}, in its own order")
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


def write_csv(path: Path, X: NDArray[Any], y: NDArray[Any]) -> None:
    import pyarrow as pa
    from pyarrow import csv

    names = ["label", *(f"p{i}" for i in range(X.shape[1]))]
    with path.open("wb") as file:
        file.write(",".join(names).encode() + b"\n")
        table = pa.Table.from_arrays([pa.array(y), *map(pa.array, np.ascontiguousarray(X.T))], names=names)
        csv.write_csv(table, file, csv.WriteOptions(include_header=False))


# ── what is shown ────────────────────────────────────────────────────────────────────────────────


def describe_machine() -> dict[str, object]:
    """Prints and returns the processor, the versions and the threads."""
    versions = {"python": platform.python_version()}
    for name in ("nncli", "numpy", "scikit-learn", "pandas", "pyarrow", "torch", "jax"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    kernels = subprocess.run(
        [sys.executable, "-c", "import os, nncli.blas as b; b.choose_kernels(); print(os.environ.get(b.VARIABLE, ''))"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
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


def seconds(run: Finished) -> float:
    return run.seconds


if __name__ == "__main__":
    sys.exit(main())
