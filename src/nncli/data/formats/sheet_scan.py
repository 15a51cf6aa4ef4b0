"""Look through the sheets of an Excel file: where their cells are, and which have no value that can be read."""

from __future__ import annotations

import posixpath
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

from nncli.data.byte_input import refuse_bomb
from nncli.data.zip_archive import DAMAGED, open_zip

BROKEN = (*DAMAGED, expat.ExpatError, ElementTree.ParseError)
REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
NOT_AVAILABLE = "#N/A"  # stands for a missing value
FORMULA = "="  # stands for one without a result
KNOWN_FAULTS = (FORMULA, "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!")  # by the library
NO_RESULT = "expected a value, found a formula whose result is not in the file"


@dataclass
class Sheet:
    """A sheet, with its first and last row and column that have a cell, from 1. Its `faults` are the cells without a
    value, by row and column: what they show, what is wrong, and what to do."""

    name: str
    visible: bool
    top: int = 1 << 20
    left: int = 1 << 15
    bottom: int = 0
    right: int = 0
    faults: dict[tuple[int, int], tuple[str, str, str]] = field(default_factory=dict)

    @property
    def cells(self) -> int:
        """Count the cells of the rectangle that holds all of them."""
        return (self.bottom - self.top + 1) * (self.right - self.left + 1) if self.bottom else 0


def sheets_in(path: Path, where: str) -> list[Sheet]:
    """List the sheets of a file, in order. Raises DataError for one that unpacks to far more than it is, and what
    `BROKEN` lists for one that is damaged."""
    with path.open("rb") as raw, open_zip(raw) as archive:
        refuse_bomb(where, "the Excel file", sum(info.file_size for info in archive.infolist()), path.stat().st_size)
        relations = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
        part_of = {one.get("Id"): one for one in relations}
        found = []
        for element in ElementTree.fromstring(archive.read("xl/workbook.xml")).iter():
            if element.tag.rpartition("}")[2] != "sheet":
                continue
            relation = part_of[element.get(RELATION)]
            if not (relation.get("Type") or "").endswith("/worksheet"):
                continue  # a chart
            sheet = Sheet(element.get("name") or "", element.get("state", "visible") == "visible")
            part = posixpath.normpath(posixpath.join("/xl", relation.get("Target") or "")).lstrip("/")
            _Scan(sheet).read(archive, part)
            found.append(sheet)
    return found


class _Scan:
    """Reads the XML of a sheet, cell by cell."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.row = self.column = 0
        self.kind, self.value = "", ""
        self.has_formula = self.has_value = self.in_value = False

    def read(self, archive: zipfile.ZipFile, part: str) -> None:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler = self._text
        with archive.open(part) as file:
            parser.ParseFile(file)

    def _start(self, tag: str, attributes: dict[str, Any]) -> None:
        name = tag.rpartition(":")[2]
        if name == "row":
            self.row, self.column = int(attributes.get("r", self.row + 1)), 0
        elif name == "c":
            match = REFERENCE.fullmatch(attributes.get("r", ""))
            if match is not None:
                self.row, self.column = int(match[2]), _number(match[1])
            else:  # it stands beside the one before it
                self.column += 1
            self.kind, self.value = attributes.get("t", "n"), ""
            self.has_formula = self.has_value = False
        self.has_formula |= name == "f"
        self.has_value |= name in ("v", "is")
        self.in_value = name in ("v", "t")

    def _text(self, text: str) -> None:
        if self.in_value:
            self.value += text

    def _end(self, tag: str) -> None:
        self.in_value = False
        if tag.rpartition(":")[2] != "c":
            return
        sheet, fault = self.sheet, None
        if self.kind == "e" and self.value != NOT_AVAILABLE:
            shown = self.value[:20]
            fault = shown, f"expected a value, found {shown}", "Correct its formula, or clear the cell"
        elif self.has_formula and not self.value and self.kind != "str":
            fault = FORMULA, NO_RESULT, "Open the file in a spreadsheet program, and save it"
        if fault:
            sheet.faults[self.row, self.column] = fault
        if fault or self.has_value:  # also an empty text, for which room is made
            sheet.top, sheet.bottom = min(sheet.top, self.row), max(sheet.bottom, self.row)
            sheet.left, sheet.right = min(sheet.left, self.column), max(sheet.right, self.column)


def _number(letters: str) -> int:
    """Return the number of a column, from 1: A is 1, and AA is 27."""
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - ord("A") + 1
    return number


def cell_name(row: int, column: int) -> str:
    """Name a cell as Excel does: B7 is the second one of the seventh row."""
    return f"{_letters(column)}{row}"


def _letters(number: int) -> str:
    """Return the letters of a column."""
    found = ""
    while number:
        number, digit = divmod(number - 1, 26)
        found = chr(ord("A") + digit) + found
    return found
