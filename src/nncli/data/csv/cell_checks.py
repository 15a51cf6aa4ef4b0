"""Judge the cells of one row: what each of them means, or what is wrong with it and what to do about that."""

from __future__ import annotations

import re

import numpy as np

from nncli.data.cells import (
    DEFAULT_MISSING,
    INFINITY,
    PlainNumber,
    as_number,
    bare,
    column_number,
    in_spelling,
    is_missing,
    later_days,
    later_number,
    quoted,
)
from nncli.data.csv.row_text import check_utf8
from nncli.data.dataset import canonical_class
from nncli.data.row_blocks import Layout
from nncli.data.spellings import Spelling, looks_like_number
from nncli.errors import MOST_LISTED, DataError, mention

# A number that has one meaning: what comes in threes behind a point may be thousands.
PLAIN = re.compile(r"-?[0-9]+(?:\.(?:[0-9]{1,2}|[0-9]{4,}))?")
MAYBE_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}[.,][0-9]{3}")
A_TOTAL, A_NOTE = "it seems to be a total of other rows", "it has no value and no class"


class CellChecker:
    """Takes the cells of rows that are laid out alike; `training` decides which remedies make sense, and `is_text`
    whether they come from a text table."""

    def __init__(self, layout: Layout, training: bool, is_text: bool) -> None:
        self.layout, self.training, self.is_text = layout, training, is_text
        self.missing = frozenset(layout.missing)
        place = layout.place_of
        self.target = None if layout.target is None else place[layout.target]
        kinds = {"number": layout.numeric, "text": layout.text, "date": layout.dates}
        self.features = [(kind, name, place[name]) for kind, names in kinds.items() for name in names]
        used = {i for _, _, i in self.features}
        self.used = sorted(used if self.target is None else {*used, self.target})
        self.weight = None if layout.weight is None else (layout.weight, place[layout.weight])
        # columns of numbers in which a plain number needs no other check
        others = {*layout.spellings, *layout.known, *layout.needed}
        self.plain = {*layout.numeric} - others if layout.decimal == "." else set()
        self.data = b""  # the text around the row, if it comes from one
        skip = mention("on_error", "skip")  # of each command that reads rows with their classes
        self.or_skip = f", or leave such rows out with {skip}" if training or self.target is not None else ""

    def clean(self, cells: list[str], where: str) -> list[str | None]:
        """Numeric cells, then text cells, dates, and the target; None for a missing one."""
        whole = "".join(cells)
        for i in self.used if not whole.isascii() or "\0" in whole else ():
            if not is_utf8(cells[i]):
                check_utf8(cells[i], where, self._encoding_remedy())
            if "\0" in cells[i]:
                problem = f"column '{self.layout.names[i]}': expected text, found a zero byte in it"
                raise DataError(where, problem, "Write the file again: it is damaged, or not a text")
        clean: list[str | None] = []
        for kind, name, i in self.features:
            if name in self.plain and PLAIN.fullmatch(cells[i]) and cells[i] not in self.missing:
                clean.append(cells[i])
                continue
            cell = bare(cells[i])
            expected, value = "", None if is_missing(cell, self.missing) else cell
            spelling = self.layout.spellings.get(name)
            if value is not None and kind == "number":
                is_plain = isinstance(cells[i], PlainNumber)
                value = column_number(cells[i] if is_plain else cell, spelling, self.layout.decimal)
                if value is None and not (self.training or is_plain):
                    value = later_number(cell, spelling, self.layout.decimal)
                if value is None:
                    expected = "a finite number" if INFINITY.fullmatch(cell) else "a number"
                    expected += f" ({spelling})" if spelling else ""
                elif not is_plain and self._may_be_other_thousands(name, cell, spelling):
                    raise _maybe_thousands(cell, name, where)
            elif value is not None and kind == "date" and self._days(cell, spelling) is None:
                expected = f"a date ({spelling})" if spelling else "a date such as 2026-11-21"
            if expected:
                problem = f"column '{name}': expected {expected}, found {quoted(cell)}"
                raise DataError(where, problem, self._remedy_for_no_row(cells) or self._remedy(name, cell, cells))
            self._check_known(name, cell, where)
            if name in self.layout.needed:
                self._check_filled(name, cell, value, where)
            clean.append(value)
        if self.target is None:
            return [*clean, None]
        spelling = self.layout.spellings.get(self.layout.target or "")
        cell = bare(in_spelling(cells[self.target], spelling))
        if is_missing(cell, self.missing):
            found = quoted(cell) if cell else "an empty cell"
            what = self._kind_of_target()
            problem = f"target column '{self.layout.target}': expected {what}, found {found}"
            remedy = f"Fill it in{self.or_skip}{self._or_value(cell, 'class')}"
            raise DataError(where, problem, self._remedy_for_no_row(cells) or remedy)
        name = self.layout.target or ""
        if self.layout.numeric_target:
            from nncli.data.numeric_target import check_number

            check_number(name, cell, spelling, self.layout.decimal, where, self.or_skip)
        self._check_known(name, cell, where)
        return [*clean, cell]

    def _days(self, cell: str, spelling: Spelling | None) -> float | None:
        return spelling.days(cell) if spelling and self.training else later_days(cell, spelling)

    def _kind_of_target(self) -> str:
        """Say what stands in the column to predict: fractions are no classes, and whole numbers may be either."""
        target = next((column for column in self.layout.profile if column.name == self.layout.target), None)
        if self.layout.numeric_target or (target and target.kind == "number" and not target.whole):
            return "a number"
        return "a class or a number" if target and target.kind == "number" else "a class"

    def is_missing(self, cell: str) -> bool:
        """Tell whether a cell without blanks around it means a missing value."""
        return is_missing(cell, self.missing)

    def without_weight(self, cells: list[str]) -> list[str | None]:
        """Return a row of which nothing but its weight is read, as that is 0; nothing for another."""
        if self.weight is None:
            return []
        name, place = self.weight
        if float(as_number(bare(cells[place]), self.layout.decimal) or 1):
            return []
        return ["0" if own == name else None for _, own, _ in self.features] + [None]

    def _check_filled(self, name: str, cell: str, value: str | None, where: str) -> None:
        """Raise DataError for a row without its group, its time or a weight from 0."""
        what = self.layout.needed[name]
        if value is None or (what == "weight" and name in self.layout.numeric and float(value) < 0):
            expected = "a weight of 0 or more" if what == "weight" else f"a {what}"
            problem = f"column '{name}': expected {expected}, found {quoted(cell) if cell else 'an empty cell'}"
            fill = "" if cell or what != "group" else ", fill the cells down where a group is written once"
            or_value = self._or_value(cell, what) if what == "group" else ""
            raise DataError(where, problem, f"Correct it{fill}{self.or_skip}{or_value}")

    def _or_value(self, cell: str, what: str) -> str:
        """Say how a word that stands for a missing value is read as what is needed there."""
        is_word = cell in DEFAULT_MISSING[1:] and not is_missing(cell, ("",))
        return f"; add {mention('no_missing', cell)} if that is a {what}" if self.training and is_word else ""

    def _may_be_other_thousands(self, name: str, cell: str, spelling: Spelling | None) -> bool:
        """Tell whether a cell of a column of whole numbers may have thousands in it, written otherwise than there."""
        thousands = spelling.thousands if spelling else ""
        return name in self.layout.whole and MAYBE_THOUSANDS.fullmatch(cell) is not None and cell[-4] != thousands

    def _check_known(self, name: str, cell: str, where: str) -> None:
        known = self.layout.known.get(name)
        if known is None or canonical_class(cell) in known or is_missing(cell, self.missing):
            return
        classes = sorted(known)
        shown = ", ".join(classes[:MOST_LISTED]) + (", …" if len(classes) > MOST_LISTED else "")
        problem = f"column '{name}': expected a class that the model knows ({shown}), found {quoted(cell)}"
        if self.layout.target is None:
            raise DataError(where, problem, "Write the names of the columns above the rows")
        from nncli.data.labels import advice_for_class

        raise DataError(where, problem, advice_for_class(cell, classes, self.or_skip))

    def _remedy_for_no_row(self, cells: list[str]) -> str:
        """Say what to do with a total or a comment among the rows; nothing for a row."""
        from nncli.data.csv.missing_words import ERROR_VALUE
        from nncli.data.totals import is_total

        is_comment = cells[0].lstrip().startswith("#") and not ERROR_VALUE.fullmatch(bare(cells[0]))
        told = "it seems to be a comment" if is_comment else A_TOTAL if is_total(cells) else ""
        return f"Delete the row{self.or_skip}: {told or A_NOTE}" if told or self._is_note(cells) else ""

    def _is_note(self, cells: list[str]) -> bool:
        """Tell whether a row has one text at most, and no number, as empty rows and notes below a table do, or is a
        rule."""
        filled = [cell for cell in map(bare, cells) if not is_missing(cell, self.missing)]
        is_measured = len(self.layout.numeric) + len(self.layout.dates) > 0
        is_rule = all(not cell.strip("-=_") for cell in filled)
        has_text = is_rule or (len(filled) <= 1 and not any(map(looks_like_number, filled)))
        return self.training and is_measured and has_text

    def _encoding_remedy(self) -> str:
        """Say what to do about a byte that is not UTF-8: not to read rows in another encoding that are in UTF-8. The
        empty string where nothing shows that."""
        text = self.data.decode("utf-8", "surrogateescape")
        if any(character > "\x7f" and is_utf8(character) for character in text):
            return f"Write it in UTF-8, as other cells are{self.or_skip}"
        return ""

    def _remedy(self, name: str, cell: str, cells: list[str]) -> str:
        """Say what to do with a cell that is no number or date."""
        from nncli.data.csv.cell_advice import advice_to_learn, advice_to_predict

        if self.training:
            return advice_to_learn(self.layout, name, cell, cells, self.or_skip, self.is_text)
        return advice_to_predict(self.layout, name, cell)

    def too_large(self, cell: str, name: str, where: str) -> DataError:
        remedy = "Correct it, or leave the cell empty"
        if self.training:
            from nncli.data.csv.cell_advice import as_no_number

            wide = self.layout.dtype == "float32" and np.isfinite(float(cell))
            first = f"Use {mention('dtype', 'float64')}" if wide else "Correct it"
            remedy = f"{first}, {as_no_number(name)}"
        return DataError(where, f"column '{name}': {quoted(cell)} is too large for {self.layout.dtype}", remedy)


def _maybe_thousands(cell: str, name: str, where: str) -> DataError:
    digits = re.sub("[.,]", "", cell)
    problem = f"column '{name}': expected a whole number, as all were in training; found {quoted(cell)}"
    return DataError(where, f"{problem}, which may be {digits}", f"Write {digits}, or {cell}0 for a fraction")


def is_utf8(cell: str) -> bool:
    return cell.isascii() or not any("\ud800" <= character <= "\udfff" for character in cell)
