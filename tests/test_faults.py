# ruff: noqa: E501  (faults and what comes of them stand on one line each)
"""One clean file and what can be wrong with it, one fault at a time: the right values, or the error with its line."""

from __future__ import annotations

import gzip
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clean_table import (
    CLEAN,
    HEADER,
    ROWS,
    A,
    Edit,
    N,
    between,
    cell,
    check,
    column,
    digits,
    each,
    joined,
    numbered,
    quoted,
    read,
    row,
)
from csv_reading import strings
from nncli.errors import DataError, OptionError

SAME: dict[str, tuple[Edit, dict[str, Any]]] = {
    "rows of delimiters below": (lambda clean: clean + ",,,\n,,,\n", {}),
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
    "names on two lines": (lambda clean: clean.replace(HEADER, '"a\nm",b,"t\r\n(of the day)",y'), {"categorical": ("t (of the day)",)}),
    "a name on two lines below a preamble": (lambda clean: clean.replace(HEADER, 'made by hand\n"a\nm",b,t,y'), {"numeric": ("a m",)}),
    "no-break blanks in names": (lambda clean: clean.replace(HEADER, "a\u00a0m,b,t\u202fu,y"), {"only": ("a m", "b", "t u")}),
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
    "no-break blanks around cells": (joined("\u00a0,\u202f"), {}),
    "blanks of no width around cells": (joined("\u200b,\u200b"), {}),
    "blanks of both sorts around cells": (joined(" \u200b ,\u200d\t"), {"delimiter": ","}),
    "marks of direction around cells": (joined("\u200f,\u200e"), {}),
    "a byte order mark on each line": (each(lambda line: "\ufeff" + line), {}),
    "a byte order mark twice": (lambda clean: "\ufeff\ufeff" + clean, {}),
    "soft hyphens around names": (lambda clean: clean.replace(HEADER, "\u00ada,b\u00ad,t,\u200by"), {}),
    "a blank of no width behind some classes": (lambda clean: clean.replace(",q\n", ",q\u200b\n", 5), {}),
    "a no-break blank behind some classes": (lambda clean: clean.replace(",q\n", ",q\u00a0\n", 5), {}),
    "accents as characters of their own": (lambda clean: unicodedata.normalize("NFD", clean), {}),
    "accents as characters of their own, in places": (lambda clean: clean.replace("süd", "su\u0308d", 5), {}),
    "Arabic digits": (digits("٠"), {}),
    "Arabic digits and decimal sign": (digits("٠", "٫"), {}),
    "Persian digits": (digits("۰"), {}),
    "Devanagari digits": (digits("०"), {}),
    "digits of full width": (digits("０", "．"), {}),
    "Bengali digits in one cell": (cell("১৯.৫"), {}),
    "a unit": (column(0, lambda text: text + " kg"), {}),
    "a currency": (column(0, lambda text: "$" + text), {}),
    "a currency behind": (column(0, lambda text: text + "\u00a0€"), {}),
    "the code of a currency": (column(0, lambda text: "USD " + text), {}),
    "percent": (column(0, lambda text: text + "%"), {}),
    "quoted numbers": (column(0, quoted), {}),
    "exponents": (column(0, lambda text: f"{float(text) * 10:.0f}e-1"), {}),
    "zeros behind": (column(0, lambda text: text + "00"), {}),
    "whole numbers with a fraction": (column(1, lambda text: text + ".0"), {}),
    "whole numbers with a point": (column(1, lambda text: text + "."), {}),
    "plus signs": (column(0, lambda text: "+" + text), {}),
    "a delimiter behind each line, not told": (each(lambda line: line + ","), {}),
    "two delimiters behind each line": (each(lambda line: line + ",,"), {}),
    "a semicolon behind each line": (each(lambda line: line.replace(",", ";") + ";"), {}),
    "a table of Markdown": (each(lambda line: "| " + line.replace(",", " | ") + " |"), {}),
    "two bars": (joined("||"), {}),
    "a unit separator, told": (joined("\x1f"), {"delimiter": "\x1f"}),
    "an index of pandas": (numbered("", lambda i: i), {}),
    "an index of pandas, written twice": (numbered("Unnamed: 0", lambda i: i), {}),
    "row names of R with a name": (numbered('"row"', lambda i: f'"{i + 1}"'), {}),
    "ids of 19 digits": (numbered("id", lambda i: 1582218195625938945 + i), {}),
    "keys": (numbered("key", lambda i: f"u-{i * 7919 % 10007:05d}x"), {}),
    "no name but that of the target": (lambda clean: clean.replace(HEADER, ",,,y"), {}),
    "a name twice": (lambda clean: clean.replace(HEADER, "a,a,t,y"), {}),
    "a name in both cases": (lambda clean: clean.replace(HEADER, "a,A,t,y"), {}),
    "CR CR LF": (lambda clean: clean.replace("\n", "\r\r\n"), {}),
    "CR CR LF, quoted": (lambda clean: each(quoted)(clean).replace("\n", "\r\r\n"), {}),
    "UTF-32": (lambda clean: clean.encode("utf-32"), {}),
    "UTF-32, the other way round": (lambda clean: ("\ufeff" + clean).encode("utf-32-be"), {}),
    "DOS, told": (lambda clean: clean.encode("cp437"), {"encoding": "cp437"}),
    "Macintosh, told": (lambda clean: clean.encode("mac-roman"), {"encoding": "mac-roman"}),
    "Chinese, told": (lambda clean: clean.encode("gb18030"), {"encoding": "gb18030"}),
    "the header again three times": (lambda clean: HEADER + "\n" + clean.replace(ROWS[19], f"{HEADER}\n{ROWS[19]}") + HEADER + "\n", {}),
    "a sum below, left out": (lambda clean: clean + "Total,220,,\n", {"rows": (1, N)}),
}  # fmt: skip
MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "?", "nAn", '""', " NA "]
NO_NUMBER = [
    "0x10",
    "1_0",
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
    "#DIV/0!",
    "5 kg",
    "½",
    "1O",
    "1e5.5",
    "0b1",
    "∞",
    "<5",
    "5*",
    "nan(1)",
    "1/2",
    "07:44",
    "2026-11-21",
    "=5",
    "'5",
    "1\u200b9",
    "None",
]
# what is left out with --on-error skip: the line 22, and why
SKIPPED: dict[str, tuple[str | bytes, str]] = {
    "a cell too few": ("1,2,3", "expected 4 columns, found 3"),
    "a cell too many": ("1,2,x,y,p", "expected 4 columns, found 5"),
    "an empty row": ("", "expected 4 columns, found an empty line"),
    "blanks alone": ("   ", "expected 4 columns, found 1"),
    "delimiters alone": (",,,", "target column 'y': expected a class, found an empty cell"),
    "a comment": ("# a break", "expected 4 columns, found 1"),
    "a quote that nothing closes": ('1,2,"x,p', "an open quote: it is never closed"),
    "text behind a quote": ('1,2,""A"" ST,p', "a quoted cell has text after its closing quote"),
    "no class": ("1,2,x,", "target column 'y': expected a class, found an empty cell"),
    "no number": ("abc,2,x,p", "column 'a': expected a number, found 'abc'"),
    "no finite number": ("inf,2,x,p", "column 'a': expected a finite number, found 'inf'"),
    "a zero byte": ("1,2,x\0,p", "column 't': expected text, found a zero byte in it"),
    "no UTF-8": (b"1,2,\xe9\xff,p", "expected UTF-8, found the byte 0xe9"),
    "a sum": ("Total,220,,", "column 'a': expected a number, found 'Total'"),
}
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
    "names in another order": (row(30, "b,a,t,label"), {}, "d.csv:31: expected a row, found the names of the columns in another order than a, b, t and y."),
    "true among 0 and 1": (cell("TRUE"), {}, "d.csv:21: column 'a': expected a number, found 'TRUE'. Write it as 1, read the column as text"),
    "yes among 0 and 1": (cell("yes"), {}, "d.csv:21: column 'a': expected a number, found 'yes'. Correct it, read the column as text"),
    "the error of a formula": (cell("#REF!"), {}, "d.csv:21: column 'a': expected a number, found '#REF!'. Add --missing '#REF!', read the column as text"),
    "the error of a German formula": (cell("#WERT!"), {}, "d.csv:21: column 'a': expected a number, found '#WERT!'. Add --missing '#WERT!', read"),
    "two words for a missing number": (lambda clean: clean.replace("19.5,", "k.A.,").replace("29.5,", "-,"), {}, "d.csv:21: column 'a': expected a number, found 'k.A.'. Add --missing k.A.,- for all such words, read"),
    "a comment of as many cells": (cell("#see below"), {}, "d.csv:21: column 'a': expected a number, found '#see below'. Delete the row, or leave such rows out with --on-error skip: it seems to be a comment."),
    "a group that is written once": (row(30, "29.5,9,,q"), {"group": "t"}, "d.csv:31: column 't': expected a group, found an empty cell. Correct it, fill the cells down where a group is written once, or"),
    "a group that is called NA": (row(30, "29.5,9,NA,q"), {"group": "t"}, "d.csv:31: column 't': expected a group, found 'NA'. Correct it, or leave such rows out with --on-error skip; add --no-missing NA if that is a group."),
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
    "one column": (each(lambda line: line[-1]), {}, "d.csv: no column is left to learn from beside the target 'y'."),
    "no target": (lambda clean: clean.replace("y\n", "z\n", 1), {}, "d.csv: expected a column called label, target, class or y; found a, b, t and z."),
    "two targets": (lambda clean: clean.replace(HEADER, "a,b,class,y"), {}, "d.csv: several columns could be the target: class and y."),
    "a header without the row names of R": (lambda clean: clean.replace(HEADER, "b,t,y"), {}, "d.csv:1: expected 4 names, as each row below has 4 cells; found 3. Write one name for each column, also"),
    "a delimiter behind all rows but the header": (lambda clean: str(each(lambda line: line + ",")(clean)).replace("y,\n", "y\n", 1), {}, "d.csv:1: expected 5 names, as each row below has 5 cells; found 4. Write a ',' at the end of the header too."),
    "a delimiter behind the header alone": (lambda clean: clean.replace("y\n", "y,\n", 1), {}, "d.csv:1: expected 4 names, as each row below has 4 cells; found 5. Remove the ',' at the end of the header."),
    "a name too many": (lambda clean: clean.replace("y\n", "y,z\n", 1), {}, "d.csv:1: expected 4 names, as each row below has 4 cells; found 5. Write one name for each column."),
    "an open quote in the header": (lambda clean: clean.replace(HEADER, 'a,"b,t,y'), {}, "d.csv:1: an open quote: it is never closed."),
    "two targets of one name": (lambda clean: clean.replace(HEADER, "a,y,t,y"), {}, "d.csv: several columns are called 'y', and could be the target. Choose one by its position, as --target 1."),
    "a line of dashes below the header": (lambda clean: clean.replace(HEADER, HEADER + "\n---,---,---,---"), {}, "d.csv:2: column 'a': expected a number, found '---'."),
    "a comment among the rows": (between("# a break"), {}, "d.csv:22: expected 4 columns, found 1."),
    "a break in a cell without quotes": (row(30, "29.5,9,O\nst,q"), {}, "d.csv:31: expected 4 columns, found 3."),
    "quotes that are doubled twice": (row(30, '29.5,9,""A"" ST,q'), {}, "d.csv:31: a quoted cell has text after its closing quote."),
    "a blank behind quotes": (each(lambda line: quoted(line).replace('",', '" ,')), {}, "d.csv:1: a quoted cell has text after its closing quote."),
    "codes that are no numbers": (column(1, lambda text: f"{text}E400"), {}, "d.csv:3: column 'b': '7E400' is too large for float64. Correct it, read the column as text with --categorical b,"),
    "LF CR": (lambda clean: clean.replace("\n", "\n\r"), {}, "d.csv:2: expected a line to end in LF or CR LF, found a single CR."),
    "the end of a file of DOS": (lambda clean: clean + "\x1a", {}, "d.csv:42: expected 4 columns, found 1."),
    "a web page": (lambda clean: "<!DOCTYPE html>\n<html><body><h1>404</h1></body></html>\n", {}, "d.csv: expected data, found a web page."),
    "JSON in one array": (lambda clean: '[{"a": 1, "y": "p"}, {"a": 2, "y": "q"}]', {}, "d.csv: expected data, found JSON in one array."),
    "JSON with its rows in a list": (lambda clean: '{"data": [{"a": 1, "y": "p"}, {"a": 2, "y": "q"}]}', {}, "d.csv: expected data, found JSON with its rows in a list. Write one object a line: python3 -c"),
    "JSON with a list for each column": (lambda clean: '{"a": [1, 2], "y": ["p", "q"]}', {}, "d.csv: expected data, found JSON with a list for each column. Write it as CSV: python3 -c"),
    "a pointer": (lambda clean: "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", {}, "d.csv: expected data, found a Git LFS pointer in place of the file."),
    "a PDF": (lambda clean: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", {}, "d.csv: expected data, found a PDF."),
    "gzip that is cut off": (lambda clean: gzip.compress(clean.encode())[:-12], {}, "d.csv: the gzip data is damaged or cut short."),
    "a picture": (lambda clean: b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, {}, "d.csv"),
}  # fmt: skip


@pytest.mark.usefixtures("by_each_parser")
@pytest.mark.parametrize("fault", SAME)
def test_a_harmless_oddity_of_a_table_changes_nothing(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit, options = SAME[fault]
    check(read(edit(CLEAN), tmp_path, monkeypatch, options), A)


@pytest.mark.usefixtures("by_each_parser")
@pytest.mark.parametrize("fault", SKIPPED)
def test_a_damaged_row_is_left_out_and_counted(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line, why = SKIPPED[fault]
    found = read(between(line)(CLEAN), tmp_path, monkeypatch, {"on_error": "skip"})
    check(found, A)
    told = [note for note in found.notes if "left out" in note]
    assert told == ["warning: left out 1 of 41 rows, which cannot be read", f"d.csv:22: left out: {why}"]


@pytest.mark.usefixtures("by_each_parser")
@pytest.mark.parametrize("token", MISSING)
def test_a_token_for_a_missing_number_is_one(token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(read(cell(token)(CLEAN), tmp_path, monkeypatch, {}), [*A[:19], np.nan, *A[20:]])


@pytest.mark.usefixtures("by_each_parser")
@pytest.mark.parametrize("text", NO_NUMBER)
def test_a_text_among_numbers_is_refused_with_its_line(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError) as caught:
        read(cell(text)(CLEAN), tmp_path, monkeypatch, {})
    assert str(caught.value).startswith(f"d.csv:21: column 'a': expected a number, found '{text}'.")


@pytest.mark.usefixtures("by_each_parser")
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


@pytest.mark.long
def test_ten_thousand_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"c{i}" for i in range(10_000)]
    rows = [",".join([*(str(i * j % 7) for j in range(10_000)), "pq"[i % 2]]) for i in range(6)]
    found = read("\n".join([",".join([*names, "y"]), *rows]) + "\n", tmp_path, monkeypatch, {})
    np.testing.assert_array_equal(found.table.numbers, [[i * j % 7 for j in range(10_000)] for i in range(6)])
