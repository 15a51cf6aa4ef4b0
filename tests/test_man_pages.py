"""The man pages say what the help says, and are good roff."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest

from nncli.cli.main import COMMANDS

Run = Callable[..., Any]
PAGES = run_path(str(Path(__file__).parents[1] / "docs" / "man.py"))["pages"]()
OPTION = re.compile(r"--[a-z][a-z0-9-]*")


def plain(page: str) -> str:
    return re.sub(r"\\f[BRI]", "", PAGES[page]).replace("\\-", "-").replace("\\e", "\\")


def test_the_program_and_every_command_has_a_page() -> None:
    assert PAGES.keys() == {"nncli.1", *(f"nncli-{name}.1" for name in COMMANDS)}
    for name, (_, summary) in COMMANDS.items():
        assert f"nncli-{name}(1)\\fR\n{summary}".replace("-", "\\-") in PAGES["nncli.1"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_page_has_every_option_and_word_of_the_whole_help(command: str, nncli: Run) -> None:
    words = nncli(command, "--help-all").out.split()
    page = plain(f"nncli-{command}.1")
    assert {*OPTION.findall(" ".join(words))} <= {*OPTION.findall(page)}
    titles = ("Usage:", "Arguments:", "Options:")
    there = {*page.split(), *(f"{group.title()}:" for group in re.findall(r'SH "?(\w+) OPTIONS', page))}
    assert {word for word in words if word not in titles} - there == set()


def test_what_roff_would_obey_is_only_shown() -> None:
    write = run_path(str(Path(__file__).parents[1] / "docs" / "man.py"))["_roff"]
    assert (write(".gz"), write("'a'")) == ("\\&.gz", "\\&'a'")
    assert (write("a\\n -b"), write("  .x")) == ("a\\en \\-b", "\\ \\ \\&.x")


@pytest.mark.skipif(shutil.which("groff") is None, reason="pip cannot install groff: apt-get install groff")
def test_groff_has_no_complaint() -> None:
    text = "\n".join(PAGES.values()).encode()
    done = subprocess.run(["groff", "-man", "-k", "-ww", "-Tutf8"], input=text, capture_output=True, check=True)
    assert done.stderr == b""
    shown = re.sub(r"\x1b\[\d+m|.\x08", "", done.stdout.decode())
    assert "--class-weight HOW" in shown
    assert "½ λ Σ w²" in shown
