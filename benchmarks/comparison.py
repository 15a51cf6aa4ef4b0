"""Compare methods on sets, split by split: what has a result is not measured again, and the tables come last."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import tabular_figures
from measure import Crashed, process

LOOK = "import importlib.util, sys; print(*filter(importlib.util.find_spec, sys.argv[1:]))"
Record = dict[str, Any]
Set = TypeVar("Set")  # as it is named
Rows = TypeVar("Rows")  # what is known of those in a folder


def compare(
    options: argparse.Namespace,
    sets: Callable[[], Mapping[str, Set]],
    methods: Callable[[], Iterable[str]],
    write: Callable[[Set, Path, int], Rows],
    measure: Callable[[str, Path, Rows, int], Record],
    base: str | None = None,
) -> int:
    """Measure the `methods` on all splits of the sets that have no result yet, each on the rows that `write` has
    written into a folder, and print the tables; with --table, print them alone. Return the exit code."""
    try:
        named, records = sets(), _read(options.results)
        failures = [] if options.table else _measure_all(options, named, records, [*methods()], write, measure)
    except Crashed as error:
        print(f"crashed: {error}", file=sys.stderr)
        return 1
    chosen = [
        record
        for name in named
        for record in records
        if record["set"] == name and record["method"] in options.methods and record["split"] in options.splits
    ]
    print(tabular_figures.markdown(chosen, options.methods, *([] if base is None else [base])))
    for failure in failures:
        print(f"crashed: {failure}", file=sys.stderr)
    return 1 if failures else 0


def available(methods: Iterable[str], python: str, peers: Mapping[str, str], beside: Collection[str]) -> Iterator[str]:
    """Yield the methods whose library an interpreter has, with what all peers need beside it; say which it has not."""
    there = set(process([python, "-c", LOOK, *beside, *peers.values()], Path()).output.split())
    for method in methods:
        needed = {*beside, peers[method]} if method in peers else set()
        if needed <= there:
            yield method
        else:
            print(f"{method} is left out: {python} does not have {', '.join(needed - there)}", file=sys.stderr)


def _measure_all(
    options: argparse.Namespace,
    sets: Mapping[str, Set],
    records: list[Record],
    methods: list[str],
    write: Callable[[Set, Path, int], Rows],
    measure: Callable[[str, Path, Rows, int], Record],
) -> list[Crashed]:
    """Measure what has no record yet, and add it to the records and to the file; return what failed."""
    there = {(record["set"], record["split"], record["method"]) for record in records}
    failures = []
    for split in options.splits:
        for name, one in sets.items():
            due = [method for method in methods if (name, split, method) not in there]
            if not due:
                continue
            with tempfile.TemporaryDirectory() as temporary:
                folder = Path(temporary)
                rows = write(one, folder, split)
                for method in due:
                    (folder / "predictions.csv").unlink(missing_ok=True)
                    try:
                        figures = measure(method, folder, rows, split)
                    except Crashed as failure:
                        failures.append(Crashed(f"{name}, split {split}, {method}: {failure}"))
                        print(f"crashed: {name}, split {split}, {method}", file=sys.stderr)
                        continue
                    record = {"set": name, "split": split, "method": method} | figures
                    records.append(record)
                    with options.results.open("a", encoding="utf-8") as lines:
                        lines.write(json.dumps(record) + "\n")
                    print(" ".join(map(_shown, record.values())), file=sys.stderr, flush=True)
    return failures


def _read(results: Path) -> list[Record]:
    return [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []


def _shown(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
