"""Delimiters that are not looked for, and names with another one than the rows: told with what to do."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from csv_reading import complaint, load
from nncli.config.file_kinds import Delimiter

ROWS = [("size", "colour", "label"), *((f"{i % 7}.5", f"c{i % 3}", "ab"[i % 2]) for i in range(40))]


def table(rows_between: str, names_between: str | None = None) -> str:
    names, *rows = ROWS
    return "\n".join([(names_between or rows_between).join(names), *map(rows_between.join, rows)]) + "\n"


@pytest.mark.parametrize("sign", [*":^~#*!&@$/"])
def test_a_sign_that_all_lines_have_is_named_with_the_option(sign: str) -> None:
    error = complaint(table(sign))
    assert error == (
        f"data.csv:1: expected a delimiter, as a comma, between cells; found '{sign}' 2 times in each line. "
        f"If it is the delimiter, add --delimiter {shlex.quote(sign)}."
    )
    told = Delimiter().read(shlex.split(error.removesuffix("."))[-1])
    assert load(table(sign), delimiter=told).schema.names == ("size", "colour")


@pytest.mark.parametrize("sign", ["\x01", "\x02"], ids=["1", "2"])
def test_a_control_character_is_named_with_a_command_that_works(sign: str, tmp_path: Path) -> None:
    error = complaint(table(sign))
    assert f"found a control character, {ord(sign)}." in error
    command = re.search(r"(tr .*) < FILE > FILE\.tsv\.$", error)
    assert command is not None
    (tmp_path / "d").write_text(table(sign))
    with (tmp_path / "d").open() as file:
        done = subprocess.run(shlex.split(command[1]), stdin=file, capture_output=True, text=True, check=True)
    assert load(done.stdout).schema.names == ("size", "colour")


@pytest.mark.parametrize(("names", "rows"), [(";", ","), ("\t", ","), (",", ";"), (",", "\t"), ("|", ",")])
def test_names_with_another_delimiter_than_the_rows_are_refused(names: str, rows: str) -> None:
    here, there = (f"'{sign}'" if sign != "\t" else "tabs" for sign in (rows, names))
    assert complaint(table(rows, names), target="c2") == (
        f"data.csv:1: expected {here} between the names, as in the rows below, found {there}. Write {here} there too."
    )
    assert len(load(table(rows, names).replace(names.join(ROWS[0]), rows.join(ROWS[0])))) == 40


def test_titles_with_another_delimiter_are_left_out_as_before() -> None:
    assert len(load("Report; May; Berlin\n" + table(","))) == 40


def test_an_empty_column_in_the_middle_is_told_as_a_border_between_tables() -> None:
    rows = [f"{','.join(row)},,{price},{town},{kind}" for row, (price, town, kind) in zip(ROWS, [
        ("price", "town", "kind"), *((f"{i % 5}.25", f"t{i % 4}", "xy"[i % 2]) for i in range(40))], strict=True)
    ]  # fmt: skip
    text = "\n".join(rows) + "\n"
    told = "warning: column 'c3' may stand between two tables: --only reads columns of one"
    assert told in load(text).notes
    assert load(text, only=("size", "colour")).schema.names == ("size", "colour")
    assert told not in load("\n".join(",".join([*row, ""]) for row in ROWS) + "\n").notes


@pytest.mark.parametrize("target", [None, "kind"])
@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_a_turned_table_is_told_with_a_command_that_turns_it(sign: str, target: str | None, tmp_path: Path) -> None:
    names = ["size", "colour", target or "label"]
    columns = zip(*ROWS[1:], strict=True)
    turned = "\n".join(sign.join([name, *cells]) for name, cells in zip(names, columns, strict=True)) + "\n"
    text = sign.join(["", *(f"s{i}" for i in range(40))]) + "\n" + turned
    error = complaint(text, target=target)
    assert error.startswith(
        f"data.csv:1: expected the names of the columns in the first row, found '{names[2]}' in the first column. "
    )
    command = re.search(r"Turn the table: (python3 .*) < FILE > FILE\.csv\.$", error)
    assert command is not None
    (tmp_path / "d").write_text(text)
    with (tmp_path / "d").open() as file:
        done = subprocess.run(shlex.split(command[1]), stdin=file, capture_output=True, text=True, check=True)
    assert load(done.stdout, target=target).schema.names == ("size", "colour")
