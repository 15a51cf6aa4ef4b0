"""How good the models are on texts, beside fastText, Vowpal Wabbit and pipelines of scikit-learn, on the same rows.

python benchmarks/text.py RESULTS.jsonl FOLDER of CSV files [--peers PYTHON] [--sets NAME …] [--methods NAME …]
                          [--splits N …] [--base METHOD]

Each file has a header with the columns text and label; others are left out, as most peers have no way to take them.
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
from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split

import tabular_figures
from comparison import Record, available, compare
from measure import SETTINGS, THREAD_VARIABLES, Crashed, Finished, process

PEER = Path(__file__).parent / "peers" / "text_sklearn.py"
NNCLI: dict[str, list[str]] = {
    "nncli": [],
    "nncli-text": ["--text", "text"],  # where the column is not found to be text, as that of one word each
    "nncli-10": ["--text", "text", "--model", "logistic", "--epochs", "10"],
}  # ways to train, and their options
PEERS = {
    "fasttext": "fasttext",
    "fasttext-10": "fasttext",
    "fasttext-tutorial": "fasttext",
    "vw": "vowpalwabbit",
    "vw-passes": "vowpalwabbit",
    "tfidf-logistic": "sklearn",
    "hashing-sgd": "sklearn",
}  # and the library of each; pandas is needed for all
TEST_SHARE = 0.2


def main() -> int:
    options = _options()
    os.environ |= dict.fromkeys(THREAD_VARIABLES, str(options.threads))
    for variable in SETTINGS:
        os.environ.pop(variable, None)
    csv.field_size_limit(1 << 30)
    return compare(
        options,
        lambda: _sets(options),
        lambda: available(options.methods, options.peers, PEERS, ["pandas"]),
        _write,
        lambda method, folder, y, split: _measure(method, folder, y, split, options),
        options.base,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    methods = [*NNCLI, *PEERS]
    parser.add_argument("results", type=Path, metavar="RESULTS.jsonl", help="file of the results, which is added to")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="of CSV files with columns text and label")
    parser.add_argument("--peers", default=sys.executable, metavar="PYTHON", help="interpreter that has the peers")
    parser.add_argument("--sets", nargs="+", default=["*"], metavar="NAME", help="names, or patterns as 'tomatoes*'")
    parser.add_argument(
        "--methods", nargs="+", default=methods, choices=methods, metavar="NAME", help=" ".join(methods)
    )
    parser.add_argument("--splits", nargs="+", type=int, default=[0, 1, 2], metavar="N", help="0 1 2")
    parser.add_argument("--base", default="nncli", choices=methods, metavar="NAME", help="whom the others differ from")
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="of each method")
    parser.add_argument("--table", action="store_true", help="print the tables of what is there, and measure nothing")
    return parser.parse_args()


def _sets(options: argparse.Namespace) -> dict[str, Path]:
    """Return the files by name, the smallest first."""
    files = sorted(options.folder.glob("*.csv"), key=lambda file: file.stat().st_size)
    sets = {file.stem: file for file in files if any(fnmatch.fnmatch(file.stem, one) for one in options.sets)}
    if not sets:
        found = ", ".join(file.stem for file in files) or "no CSV file"
        raise Crashed(f"{options.folder}: expected sets {', '.join(options.sets)}, found {found}")
    return sets


def _write(file: Path, folder: Path, split: int) -> list[str]:
    """Write train.csv and test.csv of one split, with the same shares of the classes; return those of the test rows."""
    with file.open(newline="", encoding="utf-8") as lines:
        rows = [(row["text"], row["label"]) for row in csv.DictReader(lines)]
    parts = train_test_split(rows, test_size=TEST_SHARE, stratify=[label for _, label in rows], random_state=split)
    for name, part in zip(("train.csv", "test.csv"), parts, strict=True):
        with (folder / name).open("w", newline="", encoding="utf-8") as lines:
            csv.writer(lines).writerows([("text", "label"), *part])
    return [label for _, label in parts[1]]


def _measure(method: str, folder: Path, y: list[str], seed: int, options: argparse.Namespace) -> Record:
    """Return the figures of one method on the rows of the folder."""
    if method in NNCLI:
        run, fit_seconds = _nncli(NNCLI[method], folder, seed)
    else:
        run = process([options.peers, str(PEER), method, str(folder), str(options.threads)], folder)
        fit_seconds = json.loads(run.output.splitlines()[-1])["fit_seconds"]
    costs = {"seconds": run.seconds, "cpu_seconds": run.cpu_seconds, "megabytes": run.megabytes}
    return _figures(folder / "predictions.csv", y) | {"fit_seconds": fit_seconds, "threads": options.threads} | costs


def _nncli(options: list[str], folder: Path, seed: int) -> tuple[Finished, float]:
    """Train and predict; return the process that trained, and the seconds of its epochs. It answers the test rows too,
    as the process of each peer does."""
    nncli = [sys.executable, "-m", "nncli"]
    rows = ["train.csv", "--test-data", "test.csv", "--target", "label"]
    run = process([*nncli, "train", *rows, "--seed", str(seed), *options, "-o", "m.npz", "--json", "--quiet"], folder)
    process([*nncli, "predict", "m.npz", "test.csv", "--proba", "-o", "predictions.csv", "--quiet"], folder)
    return run, json.loads(run.output)["seconds"]


def _figures(predictions: Path, y: list[str]) -> Record:
    with predictions.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    if len(rows) != len(y):
        raise Crashed(f"expected {len(y)} predictions, found {len(rows)}")
    classes = sorted(set(y))
    P = np.array([[float(row.get(f"p_{name}", 0)) for name in classes] for row in rows])
    places = np.array([classes.index(label) for label in y])
    return {
        "test": len(y),
        "classes": len(classes),
        "accuracy": tabular_figures.accuracy([row["prediction"] for row in rows], y),
        "log_loss": tabular_figures.log_loss(P, places),
        "ece": tabular_figures.expected_calibration_error(P, places),
    }


if __name__ == "__main__":
    sys.exit(main())
