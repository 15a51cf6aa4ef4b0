# ruff: noqa: E501  (faults and what comes of them stand on one line each)
"""One clean file and what can be wrong with it, one fault at a time: the right values, or the error with its line."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from csv_reading import strings
from nncli.data.csv.detection import CsvOptions
from nncli.data.load import load_dataset
from nncli.errors import DataError, OptionError

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


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return out.getvalue()


SAME: dict[str, tuple[Edit, dict[str, Any]]] = {
    "nothing": (lambda clean: clean, {}),
    "semicolons": (joined(";"), {}),
    "tabs": (joined("\t"), {}),
    "bars": (joined("|"), {}),
    "colons, told": (joined(":"), {"delimiter": ":"}),
    "carets, told": (joined("^"), {"delimiter": "^"}),
    "all quoted": (each(quoted), {}),
    "a quoted header": (lambda clean: clean.replace(HEADER, quoted(HEADER)), {}),
    "blanks around cells": (joined(" ,\t "), {"delimiter": ","}),
    "CR LF": (lambda clean: clean.replace("\n", "\r\n"), {}),
    "CR LF in places": (lambda clean: clean.replace("p\n", "p\r\n"), {}),
    "no end of the last line": (lambda clean: clean.rstrip("\n"), {}),
    "empty lines at the end": (lambda clean: clean + "\n\n\r\n", {}),
    "a byte order mark": (lambda clean: clean.encode("utf-8-sig"), {}),
    "UTF-16": (lambda clean: clean.encode("utf-16"), {}),
    "UTF-16, the other way round": (lambda clean: ("\ufeff" + clean).encode("utf-16-be"), {}),
    "UTF-16 without a mark, told": (lambda clean: clean.encode("utf-16-le"), {"encoding": "utf-16-le"}),
    "Latin-1": (lambda clean: clean.encode("latin-1"), {}),
    "Latin-1, told": (lambda clean: clean.encode("latin-1"), {"encoding": "latin-1"}),
    "EBCDIC, told": (lambda clean: clean.encode("cp500"), {"encoding": "cp500"}),
    "a preamble, told": (lambda clean: f"made by hand;;;\n# on a Tuesday\n{clean}", {"skip_rows": 2}),
    "a preamble": (lambda clean: f"made by hand\n# on a Tuesday, late\n\n{clean}", {}),
    "a preamble of a spreadsheet": (lambda clean: f"made by hand,,,\n,,,\n{clean}", {}),
    "an empty line first": (lambda clean: "\n" + clean, {}),
    "CR alone": (lambda clean: clean.replace("\n", "\r"), {}),
    "CR alone, quoted": (lambda clean: each(quoted)(clean).replace("\n", "\r"), {}),
    "CR, then LF": (lambda clean: clean.replace("\n", "\r", 9), {}),
    "single quotes": (each(lambda line: quoted(line).replace('"', "'")), {}),
    "single quotes, told": (each(lambda line: quoted(line).replace('"', "'")), {"quote": "'"}),
    "quotes where there is a blank": (each(lambda line: line.replace("x y", '"x y"')), {}),
    "blanks before quotes": (each(lambda line: quoted(line).replace(",", ",  ")), {}),
    "a blank before a quote": (lambda clean: clean.replace(",Ost,", ', "Ost",', 1), {}),
    "escaped letters": (each(lambda line: line.replace("Ost", '"\\O\\st"')), {"escape": "\\"}),
    "rows quoted whole": (each(lambda line: f'"{line}"'), {}),
    "rows of quoted cells quoted whole": (each(lambda line: '"' + quoted(line).replace('"', '""') + '"'), {}),
    "a line that tells the delimiter": (lambda clean: "sep=;\n" + clean.replace(",", ";"), {}),
    "a line that tells a rare delimiter": (lambda clean: "\ufeffSEP=^\r\n" + clean.replace(",", "^"), {}),
    "blanks between": (each(lambda line: line.replace("x y", '"x y"').replace(",", "   ")), {}),
    "blanks and tabs between, told": (each(lambda line: " " + line.replace("x y", '"x y"').replace(",", " \t ")), {"delimiter": " "}),
    "the header again": (lambda clean: clean.replace(ROWS[19], f"{ROWS[19]}\n{HEADER}"), {}),
    "the header again with blanks": (lambda clean: clean.replace(ROWS[19], f"{ROWS[19]}\n {HEADER.replace(',', ' ,')}"), {}),
    "the header again with quotes": (lambda clean: clean.replace(ROWS[19], f'{ROWS[19]}\n"{HEADER.replace(",", """",""")}"'), {}),
    "the header again with its mark": (lambda clean: clean.replace(ROWS[19], f"{ROWS[19]}\n\ufeff{HEADER}"), {}),
    "a second table, left out": (lambda clean: clean + "\nk,v\n1,2\n3,4\n", {"rows": (1, N)}),
    "two lines of names, the lower one empty": (lambda clean: clean.replace(HEADER, f"{HEADER}\n,,,"), {"header_rows": 2}),
    "decimal commas": (lambda clean: clean.replace(",", ";").replace(".", ","), {}),
    "no header": (lambda clean: clean.split("\n", 1)[1], {"target": "3"}),
    "no header, told": (lambda clean: clean.split("\n", 1)[1], {"target": "-1", "header": False}),
    "a delimiter behind each line": (each(lambda line: line + ","), {"drop": ("c4",)}),
    "a counter in front": (lambda clean: "\n".join(f"{i},{line}" if i else f"id,{line}" for i, line in enumerate(clean.splitlines())), {}),
    "a plus": (cell("+19.5"), {}),
    "an exponent": (cell("195e-1"), {}),
    "a capital exponent": (cell("1.95E+1"), {}),
    "zeros in front": (cell("0019.50"), {}),
    "blanks and a tab": (cell(" \t19.5 "), {}),
    "a quoted number": (cell('"19.5"'), {}),
    "more digits than any type has": (cell("19.5000000000000000000000000000000001"), {}),
}  # fmt: skip
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zip": lambda data: zipped({"d.csv": data}),
    "zip beside what a Mac adds": lambda data: zipped({"x/d.csv": data, "__MACOSX/x/._d.csv": b"\0\5"}),
    "zstd": lambda data: bytes(pa.compress(data, "zstd", asbytes=True)),
}
MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "?", "nAn", '""', " NA "]
NO_NUMBER = [
    "0x10",
    "1_0",
    "١٢",
    "1d5",
    "1.2.3",
    "--5",
    "5%",
    "$5",
    "TRUE",
    "-",
    ".",
    "1e",
    "12 3",
    "1'00",
    "n.a.",
]
WRONG: dict[str, tuple[Edit, dict[str, Any], str]] = {
    "a CR in a line": (row(7, "1,2\r,x,p"), {}, "d.csv:8: expected a line to end in LF or CR LF, found a single CR."),
    "an empty line": (row(7, ""), {}, "d.csv:8: expected 4 columns, found an empty line."),
    "no UTF-8": (lambda clean: clean.encode().replace(b"x y", b"x\xe9y", 1), {}, "d.csv:3: expected UTF-8, found the byte 0xe9."),
    "UTF-16 without a mark": (lambda clean: clean.encode("utf-16-le"), {}, "d.csv: expected UTF-8, found what looks like UTF-16"),
    "another encoding than told": (lambda clean: clean.encode("latin-1"), {"encoding": "utf-8"}, "d.csv:2: expected UTF-8, found the byte 0xfc."),
    "ASCII, told": (lambda clean: clean.encode(), {"encoding": "ascii"}, "d.csv: expected text in ascii, found other bytes."),
    "a separator missing at the start": (row(9, "12,x,p"), {}, "d.csv:10: expected 4 columns, found 3."),
    "a separator missing at the end": (row(N, "1,2,xp"), {}, "d.csv:41: expected 4 columns, found 3."),
    "a separator too many": (row(1, "1,2,,x,p"), {}, "d.csv:2: expected 4 columns, found 5."),
    "a separator at the end": (row(22, "1,2,x,p,"), {}, "d.csv:23: expected 4 columns, found 5."),
    "a wide row": (row(5, ROWS[4] + "," + ROWS[5]), {}, "d.csv:6: expected 4 columns, found 8."),
    "a quote opens behind a text": (row(30, '29.5,9"x, y",1,Ost,q'), {}, "d.csv:31: expected 4 columns, found 6."),
    "a quote opens behind a text, with as many cells": (row(30, '29.5,9"x,y",q'), {}, "d.csv:31: expected ',' before a quoted cell, found '9\"x'."),
    "a second table": (lambda clean: clean + "\nk,v\n1,2\n3,4\n", {}, "d.csv:43: expected 4 columns, found what looks like another table, of 2 columns. Read the first one with --rows 1:40."),
    "a second table at once": (lambda clean: clean + "k,v,w\n1,2,3\n3,4,5\n", {}, "d.csv:42: expected 4 columns, found what looks like another table, of 3 columns."),
    "a zero byte in a text": (row(30, "29.5,9,O\0st,q"), {}, "d.csv:31: column 't': expected text, found a zero byte in it."),
    "a zero byte in a class": (row(30, "29.5,9,Ost,q\0"), {}, "d.csv:31: column 'y': expected text, found a zero byte in it."),
    "no header, two rows of one": (lambda clean: clean, {"header": False, "header_rows": 2, "target": "-1"}, "--header-rows: there is no header"),
    "headers of different widths": (lambda clean: "x,y\n" + clean, {"header_rows": 2, "target": "-1"}, "d.csv:2: expected 2 names as in the line above, found 4."),
    "single quotes, but none told": (each(lambda line: line.replace("Ost", "'O,st'")), {"quote": '"'}, "d.csv:4: expected 4 columns, found 5."),
    "a footer": (lambda clean: clean + "Total,220,,\n", {}, "d.csv:42: column 'a': expected a number, found 'Total'."),
    "a footer of one cell": (lambda clean: clean + "40 rows\n", {}, "d.csv:42: expected 4 columns, found 1."),
    "names in another order": (row(30, "b,a,t,label"), {}, "d.csv:31: column 'a': expected a number, found 'b'."),
    "a zero byte in a number": (cell("1\0"), {}, "d.csv:21: column 'a': expected text, found a zero byte in it."),
    "thousands": (cell('"1,00.5"'), {}, "d.csv:21: column 'a': expected a number, found '1,00.5'."),
    "too large for float32": (cell("1e39"), {"dtype": "float32"}, "d.csv:21: column 'a': '1e39' is too large for float32."),
    "too large for all": (cell("1e400"), {}, "d.csv:21: column 'a': '1e400' is too large for float64."),
    "infinity": (cell("-inf"), {}, "d.csv:21: column 'a': expected a finite number, found '-inf'."),
    "a point among decimal commas": (lambda clean: clean.replace(",", ";").replace(".", ",").replace("19,5", "19.5"), {}, "d.csv:21: column 'a': expected a number, found '19.5'."),
    "an open quote at the end": (lambda clean: clean + '1,2,"x,p\n', {}, "d.csv:42: an open quote: it is never closed."),
    "an open quote": (row(3, '1,2,"x,p'), {}, "d.csv:4: an open quote: it is never closed."),
    "text behind a quote": (row(3, '1,2,"x"y,p'), {}, "d.csv:4: a quoted cell has text after its closing quote."),
    "no class": (row(12, "1,2,x,"), {}, "d.csv:13: target column 'y': expected a class, found an empty cell."),
    "a class that is missing": (row(12, "1,2,x,?"), {}, "d.csv:13: target column 'y': expected a class, found '?'."),
    "one class": (lambda clean: clean.replace(",q\n", ",p\n"), {}, "d.csv: target column 'y': expected two or more classes, found only 'p'."),
    "a header alone": (lambda clean: HEADER + "\n", {}, "d.csv: no rows below the header."),
    "nothing at all": (lambda clean: "", {}, "d.csv: the file is empty."),
    "only ends of lines": (lambda clean: "\n\n\n", {}, "d.csv: the file is empty."),
    "one column": (each(lambda line: line[-1]), {}, "d.csv: no feature column is left beside the target 'y'."),
    "no target": (lambda clean: clean.replace("y\n", "z\n", 1), {}, "d.csv: expected a column called label, target, class or y; found a, b, t and z."),
    "two targets": (lambda clean: clean.replace(HEADER, "a,b,class,y"), {}, "d.csv: several columns could be the target: class and y."),
    "gzip that is cut off": (lambda clean: gzip.compress(clean.encode())[:-12], {}, "d.csv: the gzip data is damaged or cut short."),
    "a picture": (lambda clean: b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, {}, "d.csv"),
}  # fmt: skip


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


@pytest.fixture(params=[False, True], ids=["pyarrow", "by hand"])
def _by_each_parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nncli.data.csv.reader.FEW_BYTES", 1 << 30 if request.param else 0)


@pytest.mark.usefixtures("_by_each_parser")
@pytest.mark.parametrize("fault", SAME)
def test_a_harmless_oddity_of_a_table_changes_nothing(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit, options = SAME[fault]
    check(read(edit(CLEAN), tmp_path, monkeypatch, options), A)


@pytest.mark.parametrize("packer", PACKED)
def test_a_compressed_table_is_unpacked(packer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(read(PACKED[packer](CLEAN.encode()), tmp_path, monkeypatch, {}), A)


@pytest.mark.usefixtures("_by_each_parser")
@pytest.mark.parametrize("token", MISSING)
def test_a_token_for_a_missing_number_is_one(token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(read(cell(token)(CLEAN), tmp_path, monkeypatch, {}), [*A[:19], np.nan, *A[20:]])


@pytest.mark.usefixtures("_by_each_parser")
@pytest.mark.parametrize("text", NO_NUMBER)
def test_a_text_among_numbers_is_refused_with_its_line(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError) as caught:
        read(cell(text)(CLEAN), tmp_path, monkeypatch, {})
    assert str(caught.value).startswith(f"d.csv:21: column 'a': expected a number, found '{text}'.")


@pytest.mark.usefixtures("_by_each_parser")
@pytest.mark.parametrize("fault", WRONG)
def test_a_fault_of_a_table_is_refused_with_its_place(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit, options, line = WRONG[fault]
    with pytest.raises((DataError, OptionError)) as caught:
        read(edit(CLEAN), tmp_path, monkeypatch, options)
    assert str(caught.value).startswith(line)


def test_a_cell_that_is_larger_than_what_is_read_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = "ü," * (2 << 20)
    found = read(row(20, f'19.5,1,"{long}",p')(CLEAN), tmp_path, monkeypatch, {"categorical": ("t",)})
    assert strings(found.table.texts["t"])[19] == long
    assert strings(found.table.texts["t"])[20] == "Ost"


def test_ten_thousand_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"c{i}" for i in range(10_000)]
    rows = [",".join([*(str(i * j % 7) for j in range(10_000)), "pq"[i % 2]]) for i in range(6)]
    found = read("\n".join([",".join([*names, "y"]), *rows]) + "\n", tmp_path, monkeypatch, {})
    np.testing.assert_array_equal(found.table.numbers, [[i * j % 7 for j in range(10_000)] for i in range(6)])
