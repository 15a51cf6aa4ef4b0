"""Data sets one below the other, as one: of the same columns, and of classes that one of them may lack."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from nncli.data.dataset import Dataset, Table, TextColumn
from nncli.data.disk.memmap import DiskArray
from nncli.data.disk.sparse_rows import DiskSparseNumbers, StackedSparseNumbers
from nncli.data.disk.stacked import Stacked
from nncli.data.disk.texts import DiskTexts, StackedTexts
from nncli.data.sparse_numbers import SparseNumbers


def joined(parts: Sequence[Dataset], classes: Sequence[str]) -> Dataset:
    """Return the rows of all parts, which are read for one schema, with these classes; whatever else is said of them is
    that of the first. What is on the disk stays there."""
    first, table = parts[0], joined_tables([part.table for part in parts])
    if first.is_numeric:
        return dataclasses.replace(first, table=table, y=np.concatenate([part.y[:] for part in parts]))
    place = {name: i for i, name in enumerate(classes)}
    small = np.min_scalar_type(-len(classes))
    # the last is for a row of no class, as one that is left out
    codes = [np.array([*(place[name] for name in part.classes), -1], small)[part.y[:]] for part in parts]
    return dataclasses.replace(first, table=table, y=np.concatenate(codes), classes=tuple(classes))


def joined_tables(parts: Sequence[Table]) -> Table:
    """Return the rows of all parts, whose columns are the same."""
    first = parts[0]
    return Table(
        first.number_names,
        _stacked([part.numbers for part in parts]),
        {name: _text([part.texts[name] for part in parts]) for name in first.texts},
        {name: _stacked([part.dates[name] for part in parts]) for name in first.dates},
    )


def _stacked(arrays: Sequence[Any]) -> Any:
    if len(arrays) == 1:
        return arrays[0]
    if all(isinstance(array, SparseNumbers) for array in arrays):
        return _sparse(arrays)
    if any(isinstance(array, DiskArray) for array in arrays):
        return Stacked(arrays)
    return np.concatenate(arrays)


def _sparse(parts: Sequence[SparseNumbers]) -> SparseNumbers:
    from scipy.sparse import vstack

    if any(isinstance(part, DiskSparseNumbers) for part in parts):
        return StackedSparseNumbers(parts)
    return SparseNumbers(vstack([part.csr for part in parts], format="csr"))


def _text(columns: Sequence[TextColumn]) -> TextColumn:
    values: dict[str, int] = {}
    codes = []
    if any(isinstance(column.values, DiskTexts) for column in columns):
        first = 0
        for column in columns:
            own = column.codes[:].astype(np.int64)
            codes.append(np.where(own < 0, -1, own + first).astype(np.int32))
            first += len(column.values)
        return TextColumn(np.concatenate(codes), StackedTexts([column.values for column in columns]))
    for column in columns:
        recode = [values.setdefault(value, len(values)) for value in column.values]
        codes.append(np.array([*recode, -1], np.int32)[column.codes[:]])  # −1, a missing cell, finds the last one
    return TextColumn(np.concatenate(codes), tuple(values))
