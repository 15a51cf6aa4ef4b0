"""Hold the options by which a user says how a table to learn from is read."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from nncli.data.csv.header import DETECTED, TextOptions
from nncli.data.row_blocks import OnError


@dataclass(frozen=True)
class CsvOptions:
    """Options of the user on how a table is read; None and () stand for what is detected."""

    target: str | None = None
    drop: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    text: tuple[str, ...] = ()  # whose words are learned from
    weight: str | None = None  # this and the next two are no inputs
    group: str | None = None
    time: str | None = None
    missing: tuple[str, ...] = ()
    no_missing: tuple[str, ...] = ()
    header: bool | None = None
    delimiter: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    date_format: str | None = None
    encoding: str | None = None
    skip_rows: int = 0
    quote: str | None = None
    escape: str | None = None
    header_rows: int | None = None
    rows: tuple[int, int] | None = None
    sheet: str | None = None
    resize: tuple[int, int] | None = None
    on_error: OnError = "fail"

    @property
    def row_columns(self) -> dict[str, str]:
        """Return the columns that say something of each row and are no inputs, by the options that name them."""
        named = {"weight": self.weight, "group": self.group, "time": self.time}
        return {option: name for option, name in named.items() if name is not None}

    @property
    def needed(self) -> dict[str, str]:
        """Return what such columns are (weight, group or time), by their names."""
        return {name: option for option, name in self.row_columns.items()}

    @property
    def of_text(self) -> TextOptions:
        return TextOptions(**{name: getattr(self, name) for name in vars(DETECTED)})

    @property
    def text_of_others(self) -> TextOptions:
        """Say how files beside the training file are written. The lines around its table and its sheet are its own."""
        return dataclasses.replace(self.of_text, skip_rows=0, rows=None, sheet=None)

    def of_table(self) -> CsvOptions:
        """Return the options for a file that says by itself what its cells are."""
        return dataclasses.replace(self, header=True, delimiter=",", decimal=".", encoding="utf-8")
