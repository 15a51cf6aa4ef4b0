"""IDX, the format of MNIST: images in one file, their labels in another, often gzipped.

    00 00   type   dimensions   │ one size per dimension, 4 bytes each, big-endian │ the items
            08 = unsigned bytes, the only type read here

A folder holds train-images-idx3-ubyte, train-labels-idx1-ubyte and perhaps the same two of t10k
(the official test set); `.gz` and the spelling `train-images.idx3-ubyte` are found too.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nncli.data.byte_input import refuse_bomb
from nncli.data.cells import DEFAULT_MISSING
from nncli.data.dataset import Dataset, Schema, Table
from nncli.data.formats.known_formats import IDX
from nncli.errors import DataError

_TYPES = {
    0x08: "unsigned bytes",
    0x09: "signed bytes",
    0x0B: "16-bit integers",
    0x0C: "32-bit integers",
    0x0D: "32-bit floats",
    0x0E: "64-bit floats",
}
_MOST_DIMENSIONS = 4
_LONGEST_HEADER = 4 + 4 * _MOST_DIMENSIONS
_GZIP = b"\x1f\x8b"
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
    read = [(_read_bytes(images), _read_bytes(labels)) for images, labels in pairs]
    everything = _sha256([content for pair in read for content in pair])

    test = None
    images, shape, labels = _images_and_labels(pairs[0], read[0])
    present = np.flatnonzero(np.bincount(labels))
    classes = tuple(str(label) for label in present)
    code = np.full(256, -1, dtype=np.int64)
    code[present] = np.arange(len(present))
    names = tuple(f"pixel_{i}" for i in range(images.shape[1]))
    # by position, as in MNIST's usual CSV form: the label first, then the pixels
    schema = Schema(tuple((name, "number") for name in names), "label", True, DEFAULT_MISSING, target_place=0)

    if len(pairs) == 2:
        test_images, test_shape, test_labels = _images_and_labels(pairs[1], read[1])
        if test_shape != shape:
            raise DataError(
                str(pairs[1][0]),
                f"expected images of {_by(shape)}, like {pairs[0][0].name}, found {_by(test_shape)}",
                "Check that the training and test files belong together",
            )
        y = code[test_labels]
        if (y < 0).any():
            i = int(np.argmax(y < 0))
            raise DataError(
                str(pairs[1][1]),
                f"expected only labels that {pairs[0][1].name} has, found {test_labels[i]} (item {i + 1})",
                "Check that the training and test files belong together",
            )
        test = Dataset(Table(names, test_images), y, classes, schema, (str(pairs[1][0]),), _sha256(read[1]))

    notes = () if path.is_dir() else (f"labels: read from {pairs[0][1].name}",)
    return Dataset(Table(names, images), code[labels], classes, schema, (str(path),), everything, test, notes)


def row_blocks(path: Path, like: Schema) -> Iterator[NDArray[np.uint8]]:
    """Read the images of one file, (n, rows·columns), whatever they are to be like; no labels are looked for."""
    if path.is_dir():
        raise DataError(str(path), "expected one images file, found a folder", "Name the images file in it")
    return iter([_array(path, _read_bytes(path), _IMAGES)[0]])


def digest(path: Path) -> str:
    """Return the `sha256` of the Dataset that `read` would make, without parsing it."""
    return _sha256([_read_bytes(file) for file in files_of(path)])


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
            missing = f"{prefix}-{_LABELS if images else _IMAGES}-ubyte"
            beside = images or labels
            raise DataError(
                str(path),
                f"expected {missing} (or .gz)" + (f" beside {beside.name}" if beside else "") + ", found no such file",
                "Put it there" if prefix == "train" else "Put it there, or take the other t10k file away",
            )
    return pairs


def _labels_beside(images: Path) -> Path:
    name = re.sub(r"images([-.])idx3", r"labels\1idx1", images.name)
    if name == images.name:
        raise DataError(
            str(images),
            f"expected {_IMAGES} in the name, to find the labels beside it, found none",
            "Give the images file, named like train-images-idx3-ubyte, or the folder",
        )
    bare = name.removesuffix(".gz")
    for candidate in (name, bare, bare + ".gz"):
        if (labels := images.with_name(candidate)).is_file():
            return labels
    raise DataError(str(images), f"expected its labels beside it, in {name}, found no such file", "Put it there")


# ── one file ─────────────────────────────────────────────────────────────────────────────────────


def _read_bytes(path: Path) -> bytes:
    """Read all of a gzipped file; of another, one byte more than its header says at most, by which it is refused."""
    try:
        with path.open("rb") as file:
            head = file.read(_LONGEST_HEADER)
            size = path.stat().st_size
            most = size if head.startswith(_GZIP) else min(size, _expected(head) + 1 - len(head))
            return head + file.read(max(0, most))
    except OSError as error:
        raise DataError(str(path), f"cannot be read: {error.strerror}") from None


def _expected(head: bytes) -> int:
    """Return how many bytes a file has that begins so; 0 if it is no IDX file."""
    start = 4 + 4 * head[3] if IDX.matches(head) else len(head) + 1
    if len(head) < start:
        return 0
    size: int = math.prod(struct.unpack(f">{head[3]}I", head[4:start]))  # of Python integers: it cannot overflow
    return start + size


def _sha256(contents: list[bytes] | tuple[bytes, ...]) -> str:
    sha256 = hashlib.sha256()
    for content in contents:
        sha256.update(content)
    return sha256.hexdigest()


def _by(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))


def _unpacked(path: Path, content: bytes, most: int) -> bytes | bytearray:
    """Return the content itself, or, if it is gzipped, its first `most` bytes unpacked."""
    if not content.startswith(_GZIP):
        return content
    unpacked = bytearray()  # grows with what is really there, whatever a header promises
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            while chunk := file.read(min(_CHUNK, most - len(unpacked))):
                unpacked += chunk
    except EOFError:
        raise DataError(str(path), "the gzip data ends too early", _AGAIN) from None
    except (gzip.BadGzipFile, zlib.error):
        raise DataError(str(path), "the gzip data is damaged", _AGAIN) from None
    return unpacked


def _array(path: Path, content: bytes, kind: str) -> tuple[NDArray[np.uint8], tuple[int, ...]]:
    """Return the items as (n, values per item), and the shape of one; every byte of the file is accounted for."""
    where = str(path)
    head = _unpacked(path, content, _LONGEST_HEADER)
    if not IDX.matches(bytes(head)):
        found = head[:4].hex(" ") or "an empty file"
        raise DataError(where, f"expected an IDX file, which begins with 00 00 08, found {found}")
    if head[2] != 0x08:
        raise DataError(
            where,
            f"expected {_TYPES[0x08]} (IDX type 08), found {_TYPES[head[2]]} ({head[2]:02x})",
            "Save such numbers as CSV, Parquet or .npz",
        )
    dimensions = head[3]
    if (dimensions == 1) != (kind == _LABELS):
        images, labels = "images (3 dimensions)", "labels (1 dimension)"
        raise DataError(
            where,
            f"expected {labels}, found {images.replace('3', str(dimensions))}"
            if kind == _LABELS
            else f"expected {images}, found {labels}",
            "Check whether the images and labels files are swapped",
        )
    start = 4 + 4 * dimensions
    if len(head) < start:
        raise DataError(where, f"expected a header of {start} bytes, found {len(head)}", _AGAIN)
    shape = struct.unpack(f">{dimensions}I", head[4:start])
    size = math.prod(shape)  # of Python integers: it cannot overflow
    if size == 0:
        item = "label" if kind == _LABELS else "image"
        raise DataError(where, f"expected at least one {item}, found {_by(shape)}")

    expected = start + size
    if content.startswith(_GZIP):
        refuse_bomb(where, "the gzip data", expected, len(content), _AGAIN)
    items = _unpacked(path, content, expected + 1)
    if len(items) != expected:
        unit = "unpacked bytes" if content.startswith(_GZIP) else "bytes"
        found = "more" if len(items) > expected else str(len(items))
        raise DataError(where, f"expected {expected} {unit}, as its header says, found {found}", _AGAIN)
    return np.frombuffer(items, np.uint8, offset=start).reshape(shape[0], -1), shape[1:]


def _images_and_labels(
    paths: tuple[Path, Path], contents: tuple[bytes, bytes]
) -> tuple[NDArray[np.uint8], tuple[int, ...], NDArray[np.uint8]]:
    images, shape = _array(paths[0], contents[0], _IMAGES)
    labels = _array(paths[1], contents[1], _LABELS)[0][:, 0]
    if len(labels) != len(images):
        raise DataError(
            str(paths[1]),
            f"expected {len(images)} labels, one per image of {paths[0].name}, found {len(labels)}",
            "Check that the two files belong together",
        )
    return images, shape, labels
