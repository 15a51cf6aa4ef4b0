"""Explanations: the importance of columns beside scikit-learn's, reasons for predictions, and whole reports."""

from __future__ import annotations

import gzip
import json
import shlex
import sys
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

from epochs import in_turns
from measure import Comparison, Crashed, Finished, process, rounds
from nncli.data.bundled import path_of
from nncli.model import checkpoint
from shown import heading, show, show_process
from tables import write

PEERS = Path(__file__).parent / "peers"
NNCLI = str(Path(sys.executable).with_name("nncli"))
ROUNDS, LONG_ROUNDS = 3, 2
UNITS, LEARNED, EXPLAINED, COLUMNS = 64, 20_000, 10_000, 50
EXPLAIN_LIMIT = 1 / 5  # of the time of permutation_importance
SAME_SUM = 0.05  # of importances by other permutations
METRICS = {"log-loss": "neg_log_loss", "accuracy": "accuracy"}
REASONS_ROWS, REASONS_A_SECOND = 100_000, 20_000
ADULT_SECONDS, ADULT_MEGABYTES, IRIS_SECONDS = 10, 500, 2
ADULT = (
    "age workclass fnlwgt education education_years marital_status occupation relationship race sex capital_gain "
    "capital_loss hours_per_week country class"
)


def importance(data: Any, folder: Path, peers: set[str]) -> None:
    """The same network, rows, repeats and metric for both; the sums of the importances are the same but for chance."""
    X, y = _planted(LEARNED + EXPLAINED)
    for name, rows in (("learn", slice(LEARNED)), ("explain", slice(LEARNED, None))):
        columns = {f"x{i}": x for i, x in enumerate(X[rows].T)} | {"class": y[rows].tolist()}
        csv.write_csv(pa.table(columns), folder / f"{name}.csv")
    options = ["--hidden", str(UNITS), "--epochs", "5", "-o", "explain-model.npz", "-q"]
    process([NNCLI, "train", "learn.csv", *options], folder)
    _write_parameters(folder / "explain-model.npz", folder / "explain.npz", X[LEARNED:], y[LEARNED:])
    what = f"explain {EXPLAINED:,} × {COLUMNS}, {UNITS} hidden units, 5 repeats"
    for metric, scoring in METRICS.items():
        heading(f"{what}, by {metric}")
        rows_file = str(folder / "explain.csv")
        commands = {
            "nncli": ["explain_nncli.py", str(folder / "explain-model.npz"), rows_file, metric],
            "sklearn": ["explain_sklearn.py", str(folder), scoring],
        }
        found, sums = in_turns(commands, ROUNDS)
        _check_sums(sums)
        peer = "sklearn's permutation_importance"
        show(Comparison("time", "s", peer, found["nncli"], found["sklearn"], EXPLAIN_LIMIT))
        if "pandas" not in peers:
            continue
        heading(f"{what}, by {metric}; whole process")
        ours = [NNCLI, "explain", "explain-model.npz", rows_file, "--metric", metric, "--json", "-q"]
        theirs = [sys.executable, str(PEERS / "explain_sklearn.py"), str(folder), scoring, rows_file]
        runs = rounds(
            {"nncli": partial(process, ours, folder), "sklearn": partial(process, theirs, folder)}, LONG_ROUNDS
        )
        show_process(runs, "sklearn", EXPLAIN_LIMIT)
        said = json.loads(runs["nncli"][-1].output)["importance"]
        _check_sums(
            {
                "nncli": sum(one["importance"] for one in said),
                "sklearn": json.loads(runs["sklearn"][-1].output)["sum"],
            }
        )


def _planted(n: int) -> tuple[Any, Any]:
    """Return normal columns, of which ten tell the class."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, COLUMNS)).astype(np.float32)
    level = X[:, :5] @ rng.normal(size=5) + X[:, 5:10].prod(axis=1) + rng.normal(size=n)
    return X, np.where(level > 0, "yes", "no")


def _write_parameters(model: Path, to: Path, X: Any, y: Any) -> None:
    """Write what the peer needs to be the same network: scale of the columns, weights and biases; and the rows."""
    loaded, _ = checkpoint.load(model)
    first, last = loaded.network.dense
    its = loaded.preprocess
    np.savez(to, shift=its.shift, scale=its.scale, W1=first.W, b1=first.b, W2=last.W, b2=last.b, X=X, y=y)


def _check_sums(sums: dict[str, float]) -> None:
    if abs(sums["nncli"] - sums["sklearn"]) > SAME_SUM * sums["sklearn"]:
        raise Crashed(f"the contenders have not explained the same network: {sums}")


def reasons(data: Any, folder: Path, peers: set[str]) -> None:
    """Three reasons for each row, beside its prediction alone."""
    write(folder / "learn.csv", 20_000)
    write(folder / "rows.csv", REASONS_ROWS, classes=False)
    process([NNCLI, "train", "learn.csv", "--hidden", "64", "--epochs", "5", "-o", "reasons.npz", "-q"], folder)
    heading(f"predict --reasons 3, {REASONS_ROWS:,} rows of 30, 64 hidden units; whole process")
    command = shlex.join([NNCLI, "predict", "reasons.npz", "rows.csv"])
    turns = {"nncli": f"{command} --reasons 3 > reasons.csv", "without reasons": f"{command} > plain.csv"}
    found = rounds({name: partial(process, ["sh", "-c", line], folder) for name, line in turns.items()}, LONG_ROUNDS)
    ours, theirs = ([run.seconds for run in found[name]] for name in turns)
    show(Comparison("time", "s", "without reasons", ours, theirs, most=REASONS_ROWS / REASONS_A_SECOND))
    print(f"  nncli: {REASONS_ROWS / min(ours):,.0f} rows a second at best")


def report(data: Any, folder: Path, peers: set[str]) -> None:
    """A report beside the training of its model; and both together beside mljar-supervised, which does both at once."""
    _report("iris", path_of("iris"), folder, peers, IRIS_SECONDS, None)
    if (folder / "adult.csv").exists():
        _report("adult", folder / "adult.csv", folder, peers, ADULT_SECONDS, ADULT_MEGABYTES)
    else:
        print("\nreport of adult: skipped, as --adult FILE names no rows")


def _report(name: str, rows: Path, folder: Path, peers: set[str], seconds: float, megabytes: float | None) -> None:
    model, page = f"{name}-report.npz", f"{name}-report.html"
    train = [NNCLI, "train", str(rows), "--model", "mlp", "-o", model, "-q"]
    write_report = [NNCLI, "report", model, "-o", page, "-q"]
    turns: dict[str, Callable[[], Finished]] = {
        "its training": partial(process, train, folder),
        "nncli": partial(process, write_report, folder),
    }
    if "supervised" in peers:
        folders = (f"{name}-mljar-{i}" for i in count())
        script = [sys.executable, str(PEERS / "report_mljar.py"), str(rows)]
        turns["mljar"] = lambda: process([*script, next(folders)], folder)
    found = rounds(turns, 1 if name == "adult" else LONG_ROUNDS)
    heading(f"report of {name}, mlp; whole process")
    ours, training = found["nncli"], found["its training"]
    for what, unit, most in (("seconds", "s", seconds), ("megabytes", "MB", megabytes)):
        figures = [[float(getattr(run, what)) for run in runs] for runs in (ours, training)]
        title = "time" if unit == "s" else "peak memory"
        show(Comparison(title, unit, "its training", figures[0], figures[1], most=most))
    if "supervised" not in peers:
        print("  mljar-supervised is not installed: no other report to compare with")
        return
    heading(f"train one network on {name} and report on it; whole processes")
    both = [
        Finished(
            one.seconds + other.seconds, one.cpu_seconds + other.cpu_seconds, max(one.megabytes, other.megabytes), ""
        )
        for one, other in zip(training, ours, strict=True)
    ]
    show_process({"nncli": both, "mljar": found["mljar"]}, "mljar", 1.0)


def write_adult(file: Path, folder: Path) -> None:
    """Write the rows of Adult (Kohavi 1996), which have no header, with the names of their columns."""
    content = file.read_bytes()
    content = gzip.decompress(content) if file.suffix == ".gz" else content
    (folder / "adult.csv").write_bytes(",".join(ADULT.split()).encode() + b"\n" + content)
