"""IDX, the format of MNIST: images in one file, their labels in another, often gzipped.

    00 00   type   dimensions   │ one size per dimension, 4 bytes each, big-endian │ the items
            08 = unsigned bytes, the only type read here

A folder holds train-images-idx3-ubyte, train-labels-idx1-ubyte and perhaps the same two of t10k
(the official test set); `.gz` and the spelling `train-images.idx3-ubyte` are found too.
"""

from __future__ import annotations

import hashlib
import math
import re
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nncli.data.byte_input import Input, open_input, open_raw, refuse_bomb
from nncli.data.cells import DEFAULT_MISSING, check_width
from nncli.data.dataset import Dataset, Schema, Table, by, check_shape, image_shape_of
from nncli.data.formats.known_formats import IDX
from nncli.data.row_blocks import RowBlock
from nncli.errors import DataError

_OTHER_TYPES = {
    0x09: "signed bytes",
    0x0B: "16-bit integers",
    0x0C: "32-bit integers",
    0x0D: "32-bit floats",
    0x0E: "64-bit floats",
}
_MOST_DIMENSIONS = 4
_LONGEST_HEADER = 4 + 4 * _MOST_DIMENSIONS
_CHUNK = 1 << 20
_IMAGES, _LABELS = "images-idx3", "labels-idx1"
_AGAIN = "Download or copy it again"


def is_folder(path: Path) -> bool:
    """Tell whether a folder has a file of MNIST's name."""
    return any(_in_folder(path, prefix, kind) for prefix in ("train", "t10k") for kind in (_IMAGES, _LABELS))


def read(path: Path, like: Schema | None = None) -> Dataset:
    """Read a folder, with its t10k files as `test`, or an images file and the labels beside it, whatever it is to be
    like. `table.numbers` is uint8 (n, rows·columns). Raises DataError."""
    pairs = _pairs(path)
    images, shape, labels = _images_and_labels(*pairs[0])
    present = np.flatnonzero(np.bincount(labels))
    classes = tuple(str(label) for label in present)
    code = np.full(256, -1, dtype=np.int64)
    code[present] = np.arange(len(present))
    names = tuple(f"pixel_{i}" for i in range(images.shape[1]))
    # by position, as in MNIST's usual CSV form: the label first, then the pixels
    columns = tuple((name, "number") for name in names)
    schema = Schema(columns, "label", True, DEFAULT_MISSING, target_place=0, image_shape=image_shape_of(shape))
    check_shape(schema.image_shape, like, str(path))

    test = None
    for images_file, labels_file in pairs[1:]:
        remedy = "Check that the training and test files belong together"
        test_images, test_shape, test_labels = _images_and_labels(images_file, labels_file)
        if test_shape != shape:
            problem = f"expected images of {by(shape)}, like {pairs[0][0].name}, found {by(test_shape)}"
            raise DataError(str(images_file), problem, remedy)
        y = code[test_labels]
        if (y < 0).any():
            i = int(np.argmax(y < 0))
            problem = f"expected only labels that {pairs[0][1].name} has, found {test_labels[i]} (item {i + 1})"
            raise DataError(str(labels_file), problem, remedy)
        test_digest = _sha256((images_file, labels_file))
        test = Dataset(Table(names, test_images), y, classes, schema, (str(images_file),), test_digest)

    notes = () if path.is_dir() else (f"labels: read from {pairs[0][1].name}",)
    return Dataset(Table(names, images), code[labels], classes, schema, (str(path),), digest(path), test, notes)


def row_blocks(path: Path, like: Schema) -> Iterator[RowBlock]:
    """Read the images of one file, (n, rows·columns), whatever they are to be like; no labels are looked for."""
    if path.is_dir():
        raise DataError(str(path), "expected one images file, found a folder", "Name the images file in it")
    images, shape = _array(path, _IMAGES)
    check_shape(image_shape_of(shape), like, str(path))
    return iter([RowBlock(Table((), images), None, {}, {})])


def digest(path: Path) -> str:
    """Return the `sha256` of the Dataset that `read` would make, without parsing it."""
    return _sha256(files_of(path))


def files_of(path: Path) -> list[Path]:
    """List the images and labels of a folder, those for training first, or an images file and its labels. Raises
    DataError where one is missing."""
    return [file for pair in _pairs(path) for file in pair]


# ── which files ──────────────────────────────────────────────────────────────────────────────────


def _in_folder(folder: Path, prefix: str, kind: str) -> Path | None:
    for spelling in (kind, kind.replace("-", ".")):
        for suffix in ("", ".gz"):
            file = folder / f"{prefix}-{spelling}-ubyte{suffix}"
            if file.is_file():
                return file
    return None


def _pairs(path: Path) -> list[tuple[Path, Path]]:
    """List (images, labels) of the training set, then of the test set if there is one."""
    if not path.is_dir():
        return [(path, _labels_beside(path))]
    pairs = []
    for prefix in ("train", "t10k"):
        images, labels = _in_folder(path, prefix, _IMAGES), _in_folder(path, prefix, _LABELS)
        if images and labels:
            pairs.append((images, labels))
        elif images or labels or prefix == "train":
            there = images or labels
            beside = f" beside {there.name}" if there else ""
            missing = f"{prefix}-{_LABELS if images else _IMAGES}-ubyte (or .gz)"
            remedy = "Put it there" if prefix == "train" else "Put it there, or remove the other t10k file"
            raise DataError(str(path), f"expected {missing}{beside}, found no such file", remedy)
    return pairs


def _labels_beside(images: Path) -> Path:
    name = re.sub(r"images([-.])idx3", r"labels\1idx1", images.name)
    if name == images.name:
        problem = f"expected {_IMAGES} in the name, to find the labels beside it, found none"
        raise DataError(str(images), problem, "Give the images file, named like train-images-idx3-ubyte, or the folder")
    bare = name.removesuffix(".gz")
    for candidate in (name, bare, bare + ".gz"):
        if (labels := images.with_name(candidate)).is_file():
            return labels
    raise DataError(str(images), f"expected its labels beside it, in {name}, found no such file", "Put it there")


# ── one file ─────────────────────────────────────────────────────────────────────────────────────


def _sha256(files: Iterable[Path]) -> str:
    """Return the digest of all files, as if they were one."""
    sha256 = hashlib.sha256()
    for file in files:
        with open_raw(str(file)) as raw:
            while chunk := raw.read(_CHUNK):
                sha256.update(chunk)
    return sha256.hexdigest()


def _extend(content: bytearray, file: Input, size: int) -> None:
    """Read more, until there are so many bytes in all; `content` grows with what is there, whatever a header says."""
    while len(content) < size and (chunk := file.read(min(_CHUNK, size - len(content)))):
        content += chunk


def _array(path: Path, kind: str) -> tuple[NDArray[np.uint8], tuple[int, ...]]:
    """Return the items as (n, values per item), and the shape of one; every byte of the file is accounted for."""
    with open_input(str(path)) as file:
        return _items(file, path.stat().st_size, kind)


def _items(file: Input, size: int, kind: str) -> tuple[NDArray[np.uint8], tuple[int, ...]]:
    """Read a file of `size` bytes on the disk."""
    where, content = file.where, bytearray()
    _extend(content, file, _LONGEST_HEADER)
    head = bytes(content)
    if not IDX.matches(head):
        found = head[:4].hex(" ") or "an empty file"
        raise DataError(where, f"expected an IDX file, which begins with 00 00 08, found {found}")
    if head[2] != 0x08:
        problem = f"expected unsigned bytes (IDX type 08), found {_OTHER_TYPES[head[2]]} ({head[2]:02x})"
        raise DataError(where, problem, "Save such numbers as CSV, Parquet or .npz")
    dimensions = head[3]
    if (dimensions == 1) != (kind == _LABELS):
        expected, found = "images (3 dimensions)", "labels (1 dimension)"
        if kind == _LABELS:
            expected, found = found, f"images ({dimensions} dimensions)"
        remedy = "Check whether the images and labels files are swapped"
        raise DataError(where, f"expected {expected}, found {found}", remedy)
    start = 4 + 4 * dimensions
    if len(head) < start:
        raise DataError(where, f"expected a header of {start} bytes, found {len(head)}", _AGAIN)
    shape = struct.unpack(f">{dimensions}I", head[4:start])
    n = start + math.prod(shape)  # of Python integers: it cannot overflow
    if n == start:
        item = "label" if kind == _LABELS else "image"
        raise DataError(where, f"expected at least one {item}, found {by(shape)}")
    check_width(math.prod(shape[1:]), where, "pixels in an image")
    if file.kind:
        refuse_bomb(where, f"the {file.kind} data", n, size, _AGAIN)
    _extend(content, file, n + 1)
    if len(content) != n:
        unit = "unpacked bytes" if file.kind else "bytes"
        found = "more" if len(content) > n else str(len(content))
        raise DataError(where, f"expected {n} {unit}, as its header says, found {found}", _AGAIN)
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape[0], -1), shape[1:]


def _images_and_labels(
    images_file: Path, labels_file: Path
) -> tuple[NDArray[np.uint8], tuple[int, ...], NDArray[np.uint8]]:
    images, shape = _array(images_file, _IMAGES)
    labels = _array(labels_file, _LABELS)[0][:, 0]
    if len(labels) != len(images):
        problem = f"expected {len(images)} labels, one per image of {images_file.name}, found {len(labels)}"
        raise DataError(str(labels_file), problem, "Check that the two files belong together")
    return images, shape, labels
