# ruff: noqa: E501  (messages and their cases stand on one line each)
"""A --config file may hold anything: it is read to a bound, and refused in one line."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from cli_process import PROGRAM

Run = Callable[..., Any]
PLAIN = "expected a text, a number, true or false, or a list of these, found"
DEEP = "expected TOML, found keys or brackets too deep within one another"
CASES = {
    "deep-list": ("lr = " + "[" * 100_000, f"c.toml: {DEEP}."),
    "deep-table": ("lr = " + "{a=" * 5000, f"c.toml: {DEEP}."),
    "deep-key": (".".join(["a"] * 100_000) + " = 1", f"c.toml: {DEEP}."),
    "deep-header": ("[" + '"a" . ' * 50_000 + "a]", f"c.toml: {DEEP}."),
    "digits": ("lr = " + "9" * 5000, "c.toml: expected TOML, found a number of thousands of digits."),
    "hexadecimal": ("epochs = 0x" + "f" * 5000, f"c.toml: epochs: {PLAIN} a number of hundreds of digits."),
    "list-of-digits": ("hidden = [1, " + "9" * 400 + "]", f"c.toml: hidden: {PLAIN} a number of hundreds of digits."),
    "long-key": ('"' + "k" * 1_000_000 + '" = 1', "c.toml: unknown option '" + "k" * 60 + "…'."),
    "escape-in-key": ('"\\u001b[31mred" = 1', "c.toml: unknown option '\\x1b[31mred'."),
    "escape": ("lr = \x1b[31m", "c.toml: expected TOML, found an error: Invalid value (at line 1, column 6)."),
    "table": ("[target]\na = 1", f"c.toml: target: {PLAIN} a table."),
    "dotted": ("target.a = 1", f"c.toml: target: {PLAIN} a table."),
    "list-of-tables": ("[[drop]]\na = 1", f"c.toml: drop: {PLAIN} a table."),
    "list-of-lists": ("drop = [['a']]", f"c.toml: drop: {PLAIN} a list within a list."),
    "date": ("target = 2020-01-01", f"c.toml: target: {PLAIN} a date or a time."),
    "nan": ("lr = nan", "c.toml: lr: expected a number above 0, found 'nan'."),
    "twice": ("lr = 1\nlr = 2\n", "c.toml: expected TOML, found an error: Cannot overwrite a value (at line 2, column 7)."),
    "no-utf-8": (b"lr = 1\n# \xff", "c.toml: expected TOML, found a byte that is no UTF-8, 0xff in line 2."),
    "long": ("#" * (1 << 20) + "\n", "--config: c.toml: expected at most 1 MiB of options, found more."),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_is_no_file_of_options_is_one_line(name: str, nncli: Run, folder: Path) -> None:
    content, line = CASES[name]
    Path("c.toml").write_bytes(content if isinstance(content, bytes) else content.encode())
    began = time.process_time()
    found = nncli("train", "two.csv", "--config", "c.toml", "--epochs", "1", "-q")
    assert (found.code, found.out, found.err) == (2, "", line + "\n")
    assert time.process_time() - began < 5


def test_a_file_as_long_as_is_allowed_is_read(nncli: Run, folder: Path) -> None:
    Path("c.toml").write_text("epochs = 2\n#".ljust((1 << 20) - 1, "x") + "\n")
    assert nncli("train", "two.csv", "--config", "c.toml", "-q", "--json").json["epochs"] == 2


def test_names_with_points_are_no_deep_keys(nncli: Run, folder: Path) -> None:
    Path("c.toml").write_text("drop = ['id', " + ", ".join(["1.5"] * 200) + "]\n# " + "a. " * 40)
    assert "'1.5'" in nncli("train", "two.csv", "--config", "c.toml", "-q").err


@pytest.mark.parametrize("name", ["/dev/zero", "huge.toml"])
def test_a_file_without_an_end_is_not_read_to_it(name: str, folder: Path) -> None:
    with Path("huge.toml").open("wb") as file:
        file.truncate(3 << 30)
    limit = (1 << 30, 1 << 30)
    done = subprocess.run(
        [*PROGRAM, "train", "two.csv", "--config", name], capture_output=True, timeout=30, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, limit),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == f"--config: {name}: expected at most 1 MiB of options, found more.\n"


def test_options_may_come_through_a_pipe(nncli: Run, folder: Path) -> None:
    os.mkfifo("pipe")
    writer = Thread(target=lambda: Path("pipe").write_text("epochs = 2"))
    writer.start()
    assert nncli("train", "two.csv", "--config", "pipe", "-q", "--json").json["epochs"] == 2
    writer.join()
