"""Rows without the group, the time or the weight that an option names: refused with their line, or left out."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

Run = Callable[..., Any]
N, BAD = 400, 100  # rows, and the one without; enough for the fast parser
CASES = {
    "group": ("", "expected a group, found an empty cell"),
    "time": ("NA", "expected a time, found 'NA'"),
    "weight": ("", "expected a weight of 0 or more, found an empty cell"),
    "weight=": ("-0.5", "expected a weight of 0 or more, found '-0.5'"),
}

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def rows_with(option: str, cell: str) -> list[dict[str, str]]:
    rows = [
        {"group": f"g{i % 20}", "time": f"2026-01-{i % 28 + 1:02}", "weight": str(1 + i % 3), "a": str(i * i % 17),
         "class": "pq"[i // 2 % 2]}
        for i in range(N)
    ]  # fmt: skip
    rows[BAD][option] = cell
    others = {"group", "time", "weight"} - {option}
    return [{name: cell for name, cell in row.items() if name not in others} for row in rows]


def write(rows: list[dict[str, str]], path: Path) -> None:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps({k: cell or None for k, cell in row.items()}) + "\n" for row in rows))
    elif path.suffix == ".parquet":
        columns: dict[str, Any] = {name: [row[name] for row in rows] for name in rows[0]}
        for name in {"a", "weight"} & columns.keys():
            columns[name] = pa.array([float(cell) if cell else None for cell in columns[name]], pa.float32())
        parquet.write_table(pa.table(columns), path)
    else:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, [*rows[0]])
            writer.writeheader()
            writer.writerows(rows)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("case", CASES)
def test_such_a_row_is_named_by_its_line_and_left_out_as_advised(case: str, suffix: str, nncli: Run) -> None:
    option, (cell, problem) = case.rstrip("="), CASES[case]
    write(rows_with(option, cell), Path("d" + suffix))
    line = f"d{suffix}:{BAD + (2 if suffix == '.csv' else 1)}"
    words = ["train", f"d{suffix}", f"--{option}", option, "--epochs", "1"]
    refused = nncli(*words, "-q")
    fill = ", fill the cells down where a group is written once" * (case == "group")
    remedy = f"Correct it{fill}, or leave such rows out with --on-error skip."
    assert (refused.code, refused.err) == (1, f"{line}: column '{option}': {problem}. {remedy}\n")
    trained = nncli(*words, "--on-error", "skip", "--json", "-o", "m.npz")
    assert trained.code == 0
    assert f"left out 1 of {N} rows, which cannot be read" in trained.err
    assert f"{line}: left out: column '{option}': {problem}\n" in trained.err
    found = json.loads(trained.out)
    assert sum(found[f"n_{part}"] for part in ("train", "val", "test")) == N - 1
    assert json.loads(nncli("eval", "m.npz", "--json").out)["n"] == found["n_test"]


@pytest.mark.parametrize("option", ["group", "weight"])
def test_it_holds_for_validation_rows_of_their_own(option: str, nncli: Run) -> None:
    good = rows_with(option, "3")
    bad = [row | ({"group": f"v{row['group']}"} if option == "group" else {}) for row in good]
    bad[BAD][option] = ""
    write(good, Path("good.csv"))
    write(bad, Path("bad.csv"))
    words = ["train", "good.csv", f"--{option}", option, "--val-data", "bad.csv", "--epochs", "1"]
    assert nncli(*words, "-q").err.startswith(f"bad.csv:{BAD + 2}: column '{option}': expected a {option}")
    trained = nncli(*words, "--on-error", "skip", "--json")
    assert json.loads(trained.out)["n_val"] == N - 1


def test_a_group_of_zeros_and_a_weight_of_zero_are_there(nncli: Run) -> None:
    for option in ("group", "weight"):
        write(rows_with(option, "0"), Path("d.csv"))
        assert nncli("train", "d.csv", f"--{option}", option, "--epochs", "1", "-q").code == 0
