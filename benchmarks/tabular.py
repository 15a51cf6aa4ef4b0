"""How good the models are on tables, beside boosted trees and other networks with their defaults, on the same rows.

python benchmarks/tabular.py RESULTS.jsonl [FOLDER of CSV files] [--peers PYTHON] [--sets NAME …] [--methods NAME …]
                             [--splits N …]

Each result is a line of RESULTS.jsonl, written as soon as it is there; what has a line is not measured again, so that a
run can be stopped and continued. At the end, or at once with --table, the tables are printed, in Markdown.
"""

from __future__ import annotations

import argparse
import csv
import fnmatch
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

import tabular_figures
import tabular_sets
from comparison import Record, available, compare
from measure import SETTINGS, THREAD_VARIABLES, Crashed, Finished, process
from tabular_sets import Split, Tabular

PEER = Path(__file__).parent / "peers" / "tabular_sklearn.py"
NNCLI = {
    "defaults": [],
    "tabular": ["--model", "tabular"],
    "ensemble-8": ["--model", "tabular", "--ensemble", "8"],
    "best-60": ["--best", "--time-limit", "60"],
    "mlp-64": ["--model", "mlp", "--hidden", "64"],
    "mlp-256x256": ["--hidden", "256x256", "--epochs", "100"],
}  # ways to train, and their options
PEERS = {
    "logistic": "sklearn",
    "sklearn-mlp": "sklearn",
    "histgb": "sklearn",
    "lightgbm": "lightgbm",
    "catboost": "catboost",
    "realmlp-td-s": "pytabkit",
}  # and the library of each; pandas and scikit-learn are needed for all


def main() -> int:
    options = _options()
    os.environ |= dict.fromkeys(THREAD_VARIABLES, str(options.threads))
    for variable in SETTINGS:
        os.environ.pop(variable, None)
    return compare(
        options,
        lambda: _sets(options),
        lambda: available(options.methods, options.peers, PEERS, ["pandas", "sklearn"]),
        lambda read, folder, split: read().write(folder, split),
        lambda method, folder, rows, split: _measure(method, folder, rows, split, options),
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    methods = [*NNCLI, *PEERS]
    parser.add_argument("results", type=Path, metavar="RESULTS.jsonl", help="file of the results, which is added to")
    parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="of CSV files without a header")
    parser.add_argument("--target", nargs="+", default=[], metavar="NAME=COLUMN", help="targets not in the last column")
    parser.add_argument("--peers", default=sys.executable, metavar="PYTHON", help="interpreter that has the peers")
    parser.add_argument("--sets", nargs="+", default=["*"], metavar="NAME", help="names, or patterns as 'made-*'")
    parser.add_argument(
        "--methods", nargs="+", default=methods, choices=methods, metavar="NAME", help=" ".join(methods)
    )
    parser.add_argument("--splits", nargs="+", type=int, default=[0, 1, 2], metavar="N", help="0 1 2")
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="of each method")
    parser.add_argument("--table", action="store_true", help="print the tables of what is there, and measure nothing")
    return parser.parse_args()


def _sets(options: argparse.Namespace) -> dict[str, Callable[[], Tabular]]:
    targets = dict(tabular_sets.ELSEWHERE)
    for text in options.target:
        name, _, column = text.partition("=")
        targets[name] = int(column)
    sets = tabular_sets.of_folder(options.folder, targets) if options.folder else {}
    sets |= tabular_sets.of_bundle() | tabular_sets.of_families()
    chosen = {
        name: read for name, read in sets.items() if any(fnmatch.fnmatch(name, pattern) for pattern in options.sets)
    }
    if not chosen:
        raise Crashed(f"--sets: expected some of {', '.join(sets)}, found {', '.join(options.sets)}")
    return chosen


def _measure(method: str, folder: Path, split: Split, seed: int, options: argparse.Namespace) -> Record:
    """Return the figures of one method on the rows of the folder."""
    if method in NNCLI:
        run, fit_seconds = _nncli(NNCLI[method], folder, split.task, seed)
    else:
        run = process([options.peers, str(PEER), method, str(folder), str(options.threads)], folder)
        fit_seconds = json.loads(run.output.splitlines()[-1])["fit_seconds"]
    about = {"task": split.task, "rows": split.n_train, "test": len(split.y), "columns": split.d}
    figures = _figures(folder / "predictions.csv", split)
    costs = {"seconds": run.seconds, "fit_seconds": fit_seconds, "megabytes": run.megabytes, "threads": options.threads}
    return about | {"classes": len(split.classes)} | figures | costs


def _nncli(options: list[str], folder: Path, task: str, seed: int) -> tuple[Finished, float]:
    """Train and predict; return the process that trained, and the seconds of its epochs."""
    nncli = [sys.executable, "-m", "nncli"]
    rows = ["train.csv", "--test-data", "test.csv", "--target", tabular_sets.TARGET, "--task", task]
    run = process([*nncli, "train", *rows, "--seed", str(seed), *options, "-o", "m.npz", "--json", "--quiet"], folder)
    proba = ["--proba"] if task == "classification" else []
    process([*nncli, "predict", "m.npz", "test.csv", *proba, "-o", "predictions.csv", "--quiet"], folder)
    return run, json.loads(run.output)["seconds"]


def _figures(predictions: Path, split: Split) -> Record:
    with predictions.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    if len(rows) != len(split.y):
        raise Crashed(f"expected {len(split.y)} predictions, found {len(rows)}")
    predicted = [row["prediction"] for row in rows]
    if split.task == "regression":
        return {"rmse": tabular_figures.rmse(np.array(predicted, float), np.array(split.y, float))}
    if not set(predicted) <= set(split.classes):
        raise Crashed(f"expected predictions {', '.join(split.classes)}, found {', '.join(sorted(set(predicted)))}")
    P = np.array([[float(row.get(f"p_{name}", 0)) for name in split.classes] for row in rows])
    y = np.array([split.classes.index(text) for text in split.y])
    return {
        "accuracy": tabular_figures.accuracy(predicted, split.y),
        "log_loss": tabular_figures.log_loss(P, y),
        "ece": tabular_figures.expected_calibration_error(P, y),
    }


if __name__ == "__main__":
    sys.exit(main())
