"""What somebody is told who has plain texts: lines without columns, few sentences, short ones, other encodings."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
LINES = "Broke after a week, what a waste\nA great phone\n"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def trained(nncli: Run, name: str, encoding: str = "utf-8") -> None:
    """Train a model of one column of texts of that name, in a file of that encoding."""
    some = "".join(f"{'great schön' if i % 2 else 'broke'} phone {i},{'yn'[i % 2]}\n" for i in range(40))
    quoted = '"' + name.replace('"', '""') + '"'
    Path("d.csv").write_text(f"{quoted},label\n{some}", encoding)
    how = ("--text", name, "--ngrams", "words:1", "--hash-bits", 10, "--epochs", 30, "-q")
    outcome = nncli("train", "d.csv", *how)
    assert outcome.code == 0, outcome.err


@pytest.mark.parametrize("name", ["text", 'it\'s "so"'], ids=["plain", "quotes"])
@pytest.mark.parametrize("above", ["", "the name"], ids=["lines", "below the name"])
def test_lines_of_text_are_refused_with_a_command_that_makes_rows_of_them(name: str, above: str, nncli: Run) -> None:
    trained(nncli, name)
    head = '"' + name.replace('"', '""') + '"\n' if above else ""
    Path("lines.txt").write_text(head + LINES)
    refused = nncli("predict", "model.npz", "lines.txt", "-q")
    assert refused.code == 1
    begin = "column" if not above else "expected 1 column, found 2. Put texts with a ',' in quotes, or pass the lines "
    assert refused.err.startswith(f"lines.txt:{2 if above else 1}: {begin}")
    found = re.search(r"the lines(?: below the name)? through: (.*)\.$", refused.err)
    assert found is not None
    made = subprocess.run(found[1], shell=True, input=LINES, capture_output=True, text=True, check=True).stdout
    Path("rows.jsonl").write_text(made)
    assert nncli("predict", "model.npz", "rows.jsonl", "-q").out == "prediction\ny\nn\n"


def test_a_later_file_of_another_encoding_names_the_option_that_reads_it(nncli: Run) -> None:
    trained(nncli, "text")
    Path("new.csv").write_text("text,label\nschön,n\n", "latin-1")
    for command in ("predict", "eval"):
        refused = nncli(command, "model.npz", "new.csv", "-q")
        assert (
            refused.code,
            "expected UTF-8, found the byte 0xf6. Name the encoding, such as --encoding latin-1" in refused.err,
        ) == (1, True)
        assert nncli(command, "model.npz", "new.csv", "-q", "--encoding", "latin-1").code == 0
        assert "cp1252. [UTF-8, or as in training]" in " ".join(nncli(command, "--help-all").out.split())
    trained(nncli, "text", "latin-1")
    assert nncli("predict", "model.npz", "new.csv", "-q").out == "prediction\nn\n"
