"""What the tests of IDX files share: files written by hand, from the description of the format."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from nncli.data.dataset import Schema
from nncli.data.formats.idx import read as read_idx
from nncli.data.formats.idx import row_blocks
from nncli.errors import DataError

TRAIN_X, TRAIN_Y = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_X, TEST_Y = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


def idx(shape: tuple[int, ...], items: bytes, type_code: int = 8) -> bytes:
    return bytes([0, 0, type_code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + items


# Three images of 2 × 2 with labels 7, 3, 7, and a test set of two.
X = idx((3, 2, 2), bytes(range(12)))
Y = idx((3,), bytes([7, 3, 7]))
X_TEST = idx((2, 2, 2), bytes(range(8)))
Y_TEST = idx((2,), bytes([3, 7]))


def folder(where: Path, /, **files: bytes) -> Path:
    """The four files, or those of them that are given."""
    names = {"x": TRAIN_X, "y": TRAIN_Y, "x_test": TEST_X, "y_test": TEST_Y}
    for key, content in files.items():
        (where / names[key]).write_bytes(content)
    return where


def read_images(path: Path):
    """All of one file; whatever images a model asks for, those of the file are read."""
    asked = Schema(columns=(("x", "number"), ("y", "text")), target="y", header=True, missing=(), target_place=1)
    (block,) = row_blocks(path, asked)
    return block.table.numbers


def refusal(path: Path, read=read_idx) -> str:
    with pytest.raises(DataError) as caught:
        read(path)
    line = str(caught.value)
    assert "\n" not in line
    return line.replace(str(path if path.is_dir() else path.parent), "DATA")
