"""Notes and errors on stderr: one line in a file, wrapped between words on a terminal."""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nncli.system.output import counted, in_quotes, say

Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


WORDS = ("word " * 30 + "a-name-that-is-much-longer-than-the-forty-columns-of-this-terminal.csv and more").split()


def shown_on_a_terminal(columns: int, monkeypatch: pytest.MonkeyPatch, wrap: bool = True) -> list[str]:
    fcntl, pty, termios = (pytest.importorskip(name) for name in ("fcntl", "pty", "termios"))
    monkeypatch.delenv("COLUMNS", raising=False)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        say(" ".join(WORDS), wrap=wrap)
        text = ""
        while not text.endswith(f"{WORDS[-1]}\r\n"):  # it may come in parts
            text += os.read(ours, 1 << 16).decode()
    os.close(ours)
    return text.split("\r\n")[:-1]


def test_a_terminal_shows_whole_words(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown_on_a_terminal(40, monkeypatch)
    assert " ".join(lines).split() == WORDS
    assert [len(line) for line in lines if len(line) > 40] == [len(max(WORDS, key=len))]
    assert len(lines[0]) > 40 - len(" word")


def test_a_command_stays_one_line_that_can_be_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown_on_a_terminal(40, monkeypatch, wrap=False) == [" ".join(WORDS)]


def test_a_file_gets_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    say(" ".join(WORDS))
    assert capsys.readouterr().err == " ".join(WORDS) + "\n"


def test_one_is_singular(nncli: Run) -> None:
    assert [counted(n, "row") for n in (0, 1, 2, 2000)] == ["0 rows", "1 row", "2 rows", "2,000 rows"]
    assert "at most 1 epoch\n" in nncli("train", "iris", "--epochs", "1").err


def test_a_name_with_quotes_is_quoted_with_others(nncli: Run) -> None:
    assert (in_quotes("a b"), in_quotes("'1'")) == ("'a b'", "\"'1'\"")
    rows = [f"{i % 7},{i % 5},{i % 2}'\n" for i in range(40)]
    Path("d.csv").write_text("a,b,class\n" + "".join(rows) + "1,2,3'\n")
    assert 'class "3\'": expected at least' in nncli("train", "d.csv").err
