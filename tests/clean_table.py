"""One clean table, how to edit it, and what has to be read."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from csv_reading import strings
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.load import load_dataset

N = 40
HEADER = "a,b,t,y"
ROWS = [f"{i}.5,{i * 7 % 11},{['süd', 'x y', 'Ost'][i % 3]},{'pq'[i % 2]}" for i in range(N)]
CLEAN = "\n".join([HEADER, *ROWS]) + "\n"
Edit = Callable[[str], str | bytes]


def row(i: int, text: str) -> Edit:
    """The file with another row i, from 1: its line is i + 1."""
    return lambda clean: "\n".join([HEADER, *ROWS[: i - 1], text, *ROWS[i:]]) + "\n"


def cell(text: str) -> Edit:
    """The file with another number in the first cell of row 20, which is line 21."""
    return row(20, f"{text}{ROWS[19][ROWS[19].index(',') :]}")


def joined(delimiter: str) -> Edit:
    return lambda clean: clean.replace(",", delimiter)


def each(edit: Callable[[str], str]) -> Edit:
    return lambda clean: "".join(edit(line) + "\n" for line in clean.splitlines())


def quoted(line: str) -> str:
    return ",".join(f'"{one}"' for one in line.split(","))


def column(i: int, edit: Callable[[str], str]) -> Edit:
    """The file with the cells of a column written otherwise."""

    def edited(line: str) -> str:
        cells = line.split(",")
        return ",".join([*cells[:i], edit(cells[i]), *cells[i + 1 :]])

    return lambda clean: "\n".join([HEADER, *map(edited, ROWS)]) + "\n"


def digits(zero: str, point: str = ".") -> Edit:
    """The file with the numbers of the first column in the digits from that zero on."""
    return column(0, lambda text: "".join(chr(ord(zero) + int(one)) if one.isdigit() else point for one in text))


def numbered(name: str, number: Callable[[int], object]) -> Edit:
    """The file with a column in front that numbers the rows, from 0."""
    return lambda clean: "".join(
        f"{number(i - 1) if i else name},{line}\n" for i, line in enumerate(clean.splitlines())
    )


def between(line: str | bytes) -> Edit:
    """The file with a further line 22."""
    line = line if isinstance(line, bytes) else line.encode()
    return lambda clean: clean.encode().replace(ROWS[19].encode(), ROWS[19].encode() + b"\n" + line)


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return out.getvalue()


def read(data: str | bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]) -> Any:
    monkeypatch.chdir(tmp_path)
    Path("d.csv").write_bytes(data if isinstance(data, bytes) else data.encode())
    options = dict(options)
    dtype = options.pop("dtype", "float64")
    return load_dataset(("d.csv",), CsvOptions(**options), dtype)


def check(found: Any, a: list[float]) -> None:
    np.testing.assert_array_equal(found.table.numbers, np.column_stack([a, [i * 7 % 11 for i in range(N)]]))
    [text] = found.table.texts.values()
    assert strings(text) == [["süd", "x y", "Ost"][i % 3] for i in range(N)]
    assert [found.classes[k] for k in found.y] == ["pq"[i % 2] for i in range(N)]


A = [i + 0.5 for i in range(N)]
