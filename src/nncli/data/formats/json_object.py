"""Single JSON objects, as rows for a model: each is read as the only line of a file of JSON Lines is, but what depends
on its keys alone is worked out once for all objects that have them."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from nncli.data.byte_input import Input
from nncli.data.csv.positions import Known
from nncli.data.csv.repeated_header import RepeatedHeader
from nncli.data.csv.strict_parser import StrictParser
from nncli.data.dataset import Schema
from nncli.data.formats.json_lines import ZERO, Expected, Keys, cells_of, open_rows
from nncli.data.formats.row_reader import MOST_ABSENT, read_blocks
from nncli.data.row_blocks import RowBlock
from nncli.errors import listing

MOST_PLANS = 32  # keys that are remembered; whoever sends others each time gains nothing
Read = tuple[RowBlock, tuple[str, ...]]  # one row, and notes


def say_absent(keys: Sequence[str]) -> str:
    """Say which keys of a model an object does not have, in a line."""
    named = listing([f"'{key}'" for key in keys], MOST_ABSENT)
    are = f"key {named} is absent" if len(keys) == 1 else f"{len(keys)} keys are absent: {named}"
    return f"{are}; read as {'a missing value' if len(keys) == 1 else 'missing values'}"


class _Plan(NamedTuple):
    """How an object with certain keys is read: the keys with those of the model that are absent, and the notes."""

    expected: Expected
    parser: StrictParser
    notes: tuple[str, ...]


class ObjectReader:
    """Reads objects as rows of the columns of a model, one by one. One thread may use it at a time."""

    def __init__(self, schema: Schema, dtype: str, known: Known, where: str) -> None:
        self.schema, self.dtype, self.known, self.where = schema, dtype, known, where
        self._plans: dict[Keys, _Plan] = {}

    def read(self, line: bytes, keys: Keys, values: Sequence[Any]) -> Read:
        """Read an object, which has no line feeds in it, and these keys and values, as `json_lines.DECODER` finds them.
        Raises DataError as the reader of JSON Lines does."""
        place = f"{self.where}:1"
        plan = self._plans.get(keys)
        if plan is not None:
            cells, faults = cells_of(keys, values, plan.expected, Counter(), place)
            if not faults:
                block = plan.parser.read_rows([(place, cells)])
                if not block.errors and plan.parser.other_table is None:
                    return block, plan.notes
            del self._plans[keys]  # the parser has met another table, perhaps
        return self._read(line, keys)

    def _read(self, line: bytes, keys: Keys) -> Read:
        """Read an object as a file of one line, and remember how if its keys are new."""
        rows = open_rows(Input(io.BytesIO(line), self.where, hashed=False), self.schema)
        with read_blocks(rows, self.schema, dtype=self.dtype, known=self.known) as reader:
            [block] = reader
        known, is_sparse = {*keys}, self.schema.sparse
        absent = (*(key for key in (self.schema.names if is_sparse else rows.absent) if key not in known),)
        told = (rows.say_absent(), say_absent(absent)) if absent and not is_sparse else ("", "")
        notes = tuple(told[1] if note == told[0] else note for note in reader.notes)
        if len(self._plans) >= MOST_PLANS:
            self._plans.clear()
        parser = StrictParser(reader.layout, self.where, False, RepeatedHeader([rows.names]))
        expected = Expected((*keys, *absent), self.schema.names)
        if is_sparse:
            expected = expected._replace(told=(), absent=ZERO)
        self._plans[keys] = _Plan(expected, parser, notes)
        return block, notes
