"""What the tests of CSV share: text in, columns or a complaint out."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import numpy as np
import pytest

from nncli.data.byte_input import ByteStream, open_input
from nncli.data.cells import DEFAULT_MISSING
from nncli.data.csv import reader as reader_module
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.csv.reader import CsvReader, open_training, read_blocks
from nncli.data.csv.reading_plan import ReadingPlan
from nncli.data.dataset import Dataset, Schema, TextColumn
from nncli.data.row_blocks import Layout, RowBlock
from nncli.data.table_builder import MemoryStorage, read_files, to_learn_from
from nncli.data.task import CLASSIFICATION
from nncli.errors import NncliError


class Dribble(io.RawIOBase):
    """A pipe that gives a few bytes at a time."""

    def __init__(self, data: bytes, size: int) -> None:
        self.data, self.size = data, size

    def read(self, size: int = -1, /) -> bytes:
        size = self.size if size < 0 else min(size, self.size)
        out, self.data = self.data[:size], self.data[size:]
        return out


def read_dataset(source: str, options: CsvOptions, dtype: str = "float32", stream: ByteStream | None = None) -> Dataset:
    """All of a file, or of the stream in its place, to learn from."""
    rows = read_files([lambda schema: open_training(source, options, dtype, stream)], source, MemoryStorage())
    return to_learn_from(rows, (source,), CLASSIFICATION if rows.schema.target in options.categorical else None)


def load(data: bytes | str, **options: Any) -> Dataset:
    dtype = options.pop("dtype", "float32")
    data = data.encode() if isinstance(data, str) else data
    return read_dataset("data.csv", CsvOptions(**options), dtype, stream=io.BytesIO(data))


def complaint(data: bytes | str, **options: Any) -> str:
    with pytest.raises(NncliError) as caught:
        load(data, **options)
    return str(caught.value)


def strings(column: TextColumn | None) -> list[str | None]:
    assert column is not None
    return [None if code < 0 else column.values[code] for code in column.codes]


def assert_same_rows(found: Dataset, expected: Dataset) -> None:
    """Compare two data sets, in memory, cell by cell."""
    assert found.schema == expected.schema
    np.testing.assert_array_equal(found.y, expected.y)
    np.testing.assert_array_equal(found.table.numbers, expected.table.numbers)
    assert found.table.dates.keys() == expected.table.dates.keys()
    for name, days in expected.table.dates.items():
        np.testing.assert_array_equal(found.table.dates[name], days)
    assert found.table.texts.keys() == expected.table.texts.keys()
    for name, text in expected.table.texts.items():
        assert found.table.texts[name].values == text.values
        np.testing.assert_array_equal(found.table.texts[name].codes, text.codes)


def blocks(data: bytes | str, expected: Schema, size: int | None = None, **options: Any) -> list[RowBlock]:
    data = data.encode() if isinstance(data, str) else data
    stream = io.BytesIO(data) if size is None else Dribble(data, size)
    with read_blocks("data.csv", expected, stream=stream, **options) as reader:
        return list(reader)


def read_layout(
    data: bytes, layout: Layout, by_hand: bool = False, dtype: str = "float64", **options: Any
) -> list[RowBlock]:
    opened = open_input("data.csv", stream=io.BytesIO(b""))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader_module, "FEW_BYTES", 1 << 30 if by_hand else 0)
        return list(
            CsvReader(
                opened,
                ReadingPlan(dataclasses.replace(layout, dtype=dtype), data, opened, 1),
                training=True,
                **options,
            )
        )


def schema(
    columns: tuple[tuple[str, str], ...], target: str = "label", header: bool = True, target_place: int = -1
) -> Schema:
    """What a model expects; without a place told, the target was the last column."""
    place = len(columns) if target_place < 0 else target_place
    return Schema(columns, target, header, DEFAULT_MISSING, place, width=len(columns) + 1)


IRIS = "length,width,species\n5.1,3.5,setosa\n4.9,,virginica\n6.0,2.2,setosa\n"
MODEL = schema((("age", "number"), ("city", "text")), target="label")
