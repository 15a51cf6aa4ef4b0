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
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

import tabular_figures
import tabular_sets
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
LOOK = "import importlib.util, sys; print(*filter(importlib.util.find_spec, sys.argv[1:]))"

Record = dict[str, Any]


def main() -> int:
    options = _options()
    os.environ |= dict.fromkeys(THREAD_VARIABLES, str(options.threads))
    for variable in SETTINGS:
        os.environ.pop(variable, None)
    try:
        sets = _sets(options)
        records = _read(options.results)
        failures = [] if options.table else _measure_all(sets, records, options)
    except Crashed as error:
        print(f"crashed: {error}", file=sys.stderr)
        return 1
    chosen = [
        record
        for name in sets
        for record in records
        if record["set"] == name and record["method"] in options.methods and record["split"] in options.splits
    ]
    print(tabular_figures.markdown(chosen, options.methods))
    for failure in failures:
        print(f"crashed: {failure}", file=sys.stderr)
    return 1 if failures else 0


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


def _read(results: Path) -> list[Record]:
    return [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []


# ── measuring ────────────────────────────────────────────────────────────────────────────────────


def _measure_all(
    sets: dict[str, Callable[[], Tabular]], records: list[Record], options: argparse.Namespace
) -> list[Crashed]:
    """Measure what has no record yet, and add it to the records and to the file; return what failed."""
    methods = list(_available(options.methods, options.peers))
    there = {(record["set"], record["split"], record["method"]) for record in records}
    failures = []
    for split in options.splits:
        for name, read in sets.items():
            due = [method for method in methods if (name, split, method) not in there]
            if not due:
                continue
            with tempfile.TemporaryDirectory() as temporary:
                folder = Path(temporary)
                written = read().write(folder, split)
                for method in due:
                    try:
                        record = _measure(method, folder, written, split, options)
                    except Crashed as failure:
                        failures.append(Crashed(f"{name}, split {split}, {method}: {failure}"))
                        print(f"crashed: {name}, split {split}, {method}", file=sys.stderr)
                        continue
                    record = {"set": name, "split": split, "method": method} | record
                    records.append(record)
                    with options.results.open("a", encoding="utf-8") as lines:
                        lines.write(json.dumps(record) + "\n")
                    print(" ".join(map(_shown, record.values())), file=sys.stderr, flush=True)
    return failures


def _available(methods: Iterable[str], python: str) -> Iterable[str]:
    there = set(process([python, "-c", LOOK, "pandas", "sklearn", *PEERS.values()], Path()).output.split())
    for method in methods:
        needed = {"pandas", "sklearn", PEERS[method]} if method in PEERS else set()
        if needed <= there:
            yield method
        else:
            print(f"{method} is left out: {python} does not have {', '.join(needed - there)}", file=sys.stderr)


def _measure(method: str, folder: Path, split: Split, seed: int, options: argparse.Namespace) -> Record:
    """Return the figures of one method on the rows of the folder."""
    (folder / "predictions.csv").unlink(missing_ok=True)
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


def _shown(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
