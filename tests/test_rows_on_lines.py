"""Rows of data on lines of any width: cells are cut, columns left out with a word, and none is broken."""

from __future__ import annotations

import pytest

from nncli.terminal.tables import show_rows

HEADER = "row", "class", "prediction", "p of class"
SAID = [("1,483", "Gospodarstvo", "Politika", "0.006356"), ("12", "Šport", "Drugo", "0.00941")]
TEXT = "A text of many words, which goes on and on, and is longer than any line of a terminal that anybody has " * 2


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_a_text_has_the_room_that_is_there(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    show_rows(HEADER, SAID, {"text": [TEXT, "short"]})
    header, _, first, second = capsys.readouterr().out.splitlines()
    assert width - 2 <= len(first) <= width  # the blanks around a table are taken away
    assert first.endswith("…")
    assert first[header.index("text") : -1] == TEXT[: len(first) - header.index("text") - 1]
    assert second.endswith("  short")


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_columns_that_have_no_room_are_said_to_be_left_out(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    cells = {"when": ["2026-08-01T12:30:59", "2026-08-02"], "text": [TEXT, ""], "a": ["12345.6"] * 2, "b": ["7"] * 2}
    show_rows(HEADER, SAID, cells | {"c": ["1"] * 2})
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines[:4])) <= width
    shown = len(lines[0].split()) - len(" ".join(HEADER).split())
    if shown < 4:  # of the five, no more than four are shown
        columns = "1 more column" if shown == 3 else f"{4 - shown} more columns"
        assert lines[-1] == f"{columns} would be too wide for these lines; --json has all"
    assert len(lines) == 4 + (shown < 4)  # no row stands on two lines
    assert ("  2026-08-…" if width == 60 else "  2026-08-01T…") in lines[2]
    assert shown == {60: 1, 80: 1, 100: 3, 120: 4}[width]
