"""Names from files, and of files, may hold anything: what is printed of them moves no cursor and begins no line."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nncli.system.output import one_line, print_json
from nncli.terminal.progress import Progress

# a colour, a C1 control sequence, a turn of the direction, a line that nobody has written, and no width at all
HOSTILE = "e\x1b[31m\x9b2J\u202e\u2066\nx: error\r\u200b\x07"
FILE, MODEL = f"{HOSTILE}.csv", f"{HOSTILE}.npz"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table and a model whose columns, categories, classes and names are hostile."""
    from nncli.cli.main import main

    folder = tmp_path_factory.mktemp("hostile")
    rows = [
        f'{i % 7},{i * 3 % 11},"{HOSTILE if i % 2 else "b"}","{HOSTILE + "q" if i % 2 else "p"}"' for i in range(60)
    ]
    (folder / FILE).write_text(f'"{HOSTILE}",b,c,label\n' + "\n".join(rows) + "\n", newline="")
    (folder / "bad.csv").write_text(f'"{HOSTILE}",b,c,label\n1,"{HOSTILE}",p,q\n', newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["train", FILE, "--epochs", "2", "-q", "--json", "-o", MODEL]) == 0
    return folder


COMMANDS = [
    ["check", FILE],
    ["check", FILE, "--json"],
    ["train", FILE, "--epochs", "1", "-o", "m.npz"],
    ["train", FILE, "--dry-run"],
    ["train", f"{HOSTILE}.parquet"],
    ["train", FILE, "--target", HOSTILE],
    ["train", FILE, f"--{HOSTILE}"],
    ["train", FILE, "--model", HOSTILE],
    ["train", FILE, "-o", f"{HOSTILE}/m.npz"],
    ["train", FILE, "--log", f"{HOSTILE}/log"],
    ["train", "--config", HOSTILE],
    ["eval", MODEL],
    ["eval", MODEL, FILE, "--json"],
    ["eval", MODEL, FILE, FILE],
    ["eval", MODEL, "bad.csv"],
    ["predict", MODEL, "bad.csv"],
    ["predict", MODEL, FILE, "-o", f"{HOSTILE}/out"],
    ["info", MODEL],
    ["info", MODEL, "--json"],
    ["info", FILE],
    ["info", "--cache"],
    ["gradcheck", MODEL],
    ["graph", MODEL, "--row", "1"],
    ["graph", HOSTILE],
    ["datasets", HOSTILE],
    [HOSTILE],
]


def signs_that_do_something(text: str) -> set[str]:
    return {sign for sign in text if not sign.isprintable() and sign != "\n"}


@pytest.mark.parametrize("argv", COMMANDS, ids=lambda argv: one_line(" ".join(argv)))
def test_nothing_in_a_name_reaches_the_terminal_as_it_is(
    argv: list[str], made: Path, nncli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(made)
    monkeypatch.setenv("NNCLI_CACHE", HOSTILE)
    found = nncli(*argv)
    assert found.out + found.err
    assert not signs_that_do_something(found.out + found.err)
    assert not [line for line in (found.out + found.err).splitlines() if line.startswith("x: error")]


def test_json_has_every_name_exactly(made: Path, nncli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made)
    described = nncli("info", MODEL, "--json").json
    assert described["classes"] == [HOSTILE + "q", "p"]
    assert described["columns"][0]["name"] == HOSTILE.replace("\n", " ").replace("\r", " ")  # on one line
    assert nncli("train", FILE, "--epochs", "1", "-q", "--json", "-o", MODEL).json["out"] == MODEL


def test_json_escapes_each_sign_that_a_terminal_may_obey(capfd: pytest.CaptureFixture[str]) -> None:
    controls = [*range(0x20), *range(0x7F, 0xA0)]  # C0, DEL, C1
    turns = [0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
    text = "".join(map(chr, [*controls, *turns, 0x2028, 0x2029, 0xDC80, 0xE0041]))
    print_json({text: text})
    out = capfd.readouterr().out
    assert not signs_that_do_something(out)
    assert json.loads(out) == {text: text}


def test_a_message_of_any_length_keeps_its_beginning_and_its_end(nncli: Callable[..., Any]) -> None:
    found = nncli("predict", "absent.npz", "--keep", "\x1b" * 100_000, "--threshold", "y" * 100_000)
    assert len(found.err) < 10_000
    found = nncli("train", "iris", "--target", "z" * 100_000)
    assert (found.code, found.err.count("\n")) == (2, 1)
    assert len(found.err) < 10_000
    assert found.err.startswith("--target: no column is called 'zzz")
    assert found.err.endswith("petal_width_cm and class.\n")


def test_a_bar_shows_words_in_brackets_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.openpty()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr("sys.stderr", terminal)
        with Progress("files", 2, quiet=False) as progress:
            progress(1, "[red]a\nb.csv")
            assert progress.bar is not None
            progress.bar.refresh()
    shown = b""
    with contextlib.suppress(OSError):  # Linux: at the end
        while chunk := os.read(ours, 100_000):
            shown += chunk
    os.close(ours)
    assert b"[red]a\\nb.csv" in shown
