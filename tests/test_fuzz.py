# ruff: noqa: E501, PT017  (tokens stand on one line; an error is looked at where it is caught)
"""Files with anything at all changed in them: read, or refused in a line; never a traceback, never a hang.

Each example is some bytes, which choose the changes: so Hypothesis finds the fewest that go wrong.
`make test` looks at a few hundred of each kind, `make test-long` at ten thousand in all, `make fuzz` at a million.
"""

from __future__ import annotations

import dataclasses
import functools
import io
import json
import os
import struct
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from blends import train_blend
from csv_reading import read_dataset
from forgery import member, members, zipped
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.csv.reader import read_blocks
from nncli.data.dataset import Schema
from nncli.data.formats.idx import read as read_idx
from nncli.data.load import load_like
from nncli.errors import DataError, ModelFileError, OptionError
from nncli.model import file_format
from short_and_long import for_examples, short_and_long

lengths = pytest.mark.parametrize("count", short_and_long(120, int(os.environ.get("NNCLI_EXAMPLES", "2000"))))
MODELS = Path(__file__).parent / "models"
NAMES = ("format-3.npz", "format-3-unfinished.npz", "format-4.npz", "format-4-unfinished.npz")
changes = st.binary(min_size=12, max_size=40)


@functools.cache
def bases() -> list[bytes]:
    """Models of some formats, and a blend."""
    with tempfile.TemporaryDirectory() as folder:
        blend, _ = train_blend(Path(folder), "blend", "iris --no-calibrate")
        return [*((MODELS / name).read_bytes() for name in NAMES), blend.read_bytes()]


class Choices:
    """Numbers out of the bytes of an example; zeros when there are no more."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def below(self, n: int) -> int:
        part = self.data[self.at : self.at + 3]
        self.at += 3
        return int.from_bytes(part, "little") % n if n else 0

    def of(self, things: list[Any]) -> Any:
        return things[self.below(len(things))]

    @property
    def over(self) -> bool:
        return self.at >= len(self.data)


def changed(data: bytes, choices: Choices, tokens: list[bytes]) -> bytes:
    """Some bytes of the data flipped, replaced, taken out, put in, repeated, moved, or cut off."""
    edited = bytearray(data)
    while not choices.over:
        place, other = choices.below(len(edited) + 1), choices.below(len(edited) + 1)
        low, high = sorted((place, min(other, place + 64) if choices.below(4) else other))
        action = choices.below(7)
        if action == 0 and place < len(edited):
            edited[place] ^= 1 << choices.below(8)
        elif action == 1:
            edited[place : place + choices.below(9)] = choices.of(tokens)
        elif action == 2:
            del edited[low:high]
        elif action == 3:
            edited[place:place] = choices.of(tokens)
        elif action == 4:
            edited[place:place] = edited[low:high]
        elif action == 5:
            edited[low:high] = reversed(edited[low:high])
        elif choices.below(8) == 0:
            del edited[place:]
    return bytes(edited)


class Stream:
    """Bytes in pieces, as a pipe gives them."""

    def __init__(self, data: bytes, piece: int) -> None:
        self.data, self.piece, self.closed = data, piece, False

    def read(self, size: int = -1, /) -> bytes:
        n = min(self.piece, size) if size >= 0 else self.piece
        found, self.data = self.data[:n], self.data[n:]
        return found

    def close(self) -> None:
        self.closed = True


# models

NUMBERS = [struct.pack("<L", n) for n in (0, 1, 2**16, 2**31 - 1, 2**32 - 1)] + [b"\xff" * 8, b"\0" * 8, b"\x7f\xf0"]
ZIP = [
    b"PK\3\4",
    b"PK\1\2",
    b"PK\5\6",
    b"PK\6\6",
    b"PK\6\7",
    b".npy",
    b"\x93NUMPY\x01\x00",
    b"<f4",
    b"|O",
    b"(9,)",
    *NUMBERS,
]
VALUES: list[Any] = [
    None, True, 0, -1, 2**63, 10**30, 1.5, -1e308, "", "a", "\ud7ff", "\0", "x" * 5000, [], [[]], {}, {"a": 1},
    [1, 2, 3], "1", "nan", ["a", "a"], [["a", "number"]], "adam", "lbfgs:memory=0", "float64", "mlp", "hinge",
]  # fmt: skip
ROWS = "".join(f"{i}\n" for i in range(3))
DEEPEST = 8  # more than any model file has


def at_places(document: Any) -> list[tuple[Any, Any]]:
    """Every container of a document, with every key in it; but not those that a mutation has put in one another."""
    found, containers = [], [(document, 0)]
    while containers:
        one, depth = containers.pop(0)
        for key, value in one.items() if isinstance(one, dict) else enumerate(one):
            found.append((one, key))
            if isinstance(value, dict | list) and depth < DEEPEST:
                containers.append((value, depth + 1))
    return found


def other_meta(text: bytes, choices: Choices) -> bytes:
    document = json.loads(text)
    for _ in range(1 + choices.below(3)):
        container, key = choices.of(at_places(document))
        if choices.below(4):
            container[key] = choices.of(VALUES)
        else:
            del container[key]
    return json.dumps(document).encode()


def other_array(part: bytes, choices: Choices) -> bytes:
    array = np.load(io.BytesIO(part)).copy()
    flat = array.reshape(-1)
    action = choices.below(5)
    if action == 0 and len(flat):
        with np.errstate(all="ignore"):
            flat[choices.below(len(flat))] = choices.of(
                [0, 1, -1, np.nan, np.inf, 3e38, 1e-40] if array.dtype.kind == "f" else [0, 1]
            )
    elif action == 1:
        array = flat[: choices.below(len(flat) + 1)]
    elif action == 2:
        array = array.astype(choices.of(["float32", "float64", "uint8", "bool", "int64", "float16"]), casting="unsafe")
    elif action == 3:
        array = array[None]
    else:
        array = np.concatenate([flat, flat])
    return member(array)


def other_model(data: bytes) -> bytes:
    choices = Choices(data)
    base = choices.of(bases())
    kind = choices.below(4)
    if kind == 0:
        return changed(base, choices, ZIP)
    parts = members(base)
    if kind == 1:
        text = np.load(io.BytesIO(parts["meta.npy"])).tobytes()
        parts["meta.npy"] = member(np.frombuffer(other_meta(text, choices), np.uint8))
    elif kind == 2:
        name = choices.of([name for name in parts if name != "meta.npy"])
        with np.errstate(all="ignore"):
            parts[name] = other_array(parts[name], choices)
    else:
        name = choices.of([*parts])
        parts[name] = changed(parts[name], choices, ZIP)
    return zipped([*parts.items()])


@lengths
@pytest.mark.filterwarnings("ignore")
def test_a_changed_model_file_is_refused_or_is_a_model(count: int) -> None:
    """It can be written again, and it predicts a row."""
    for_examples(count, read_model, data=changes)


def read_model(data: bytes) -> None:
    try:
        model, provenance = file_format.read(io.BytesIO(other_model(data)))
    except (ModelFileError, ValueError) as error:
        assert "\n" not in str(error)
        return
    file_format.encode(model, provenance)
    names = [name for name, _ in model.schema.columns]
    try:
        row = (",".join(f'"{name}"' for name in names) + "\n" + ",".join("1" for _ in names) + "\n").encode()
        with read_blocks("-", model.schema, stream=Stream(row, 1 << 20)) as reader:
            for block in reader:
                model.by_class(model.scores(block.table))
    except (DataError, OptionError, ModelFileError):
        return


# CSV

TABLE = b'a,b,"c d",class\n' + b"".join(
    b'%d,%d.5,"x, %d",%s\n' % (i, i * i % 7, i % 3, b"pqr"[i % 3 : i % 3 + 1]) for i in range(12)
)
CELLS = [
    b",", b";", b"\t", b"|", b"\n", b"\r", b"\r\n", b'"', b'""', b"'", b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"\xff", b"\xc3",
    "größe ∂".encode(), b"NA", b"nan", b"inf", b"1e999", b"-0", b"1e39", b"0x10", b"1_000", b"1,5", b" ", b"9" * 400, b"\x1f\x8b\x08",
    b"\x28\xb5\x2f\xfd", b"BZh", b"PAR1", b"class", b"a", b"1", b"\n\n\n",
]  # fmt: skip


ENCODINGS = ["utf-8", "utf-8", "iso8859-1", "cp1252", "utf-16", "utf-16-le", "utf-32", "utf-7", "cp500"]
SCHEMA = Schema((("a", "number"), ("b", "number"), ("c d", "text")), "class", True, ("",), 3, ",", 4)


@lengths
def test_a_changed_table_is_refused_or_read(count: int) -> None:
    """Both ways of reading: for training, and for predictions."""
    for_examples(count, read_table, data=changes)


def read_table(data: bytes) -> None:
    choices = Choices(data)
    piece = choices.of([1 << 20, 64, 7])
    table = changed(TABLE, choices, CELLS)
    schema = dataclasses.replace(
        SCHEMA, encoding=choices.of(ENCODINGS), decimal=choices.of([".", ","]), dtype=choices.of(["float32", "float64"]),
        columns=(*SCHEMA.columns[:2], ("c d", choices.of(["text", "date"]))),
    )  # fmt: skip
    for read in (
        lambda: len(read_dataset("-", CsvOptions(), stream=Stream(table, piece))),
        lambda: sum(map(len, read_blocks("-", schema, on_error="blank", stream=Stream(table, piece)))),
    ):
        try:
            assert read() >= 0
        except (DataError, OptionError) as error:
            assert len(str(error)) < 3000


# IDX

IMAGES = struct.pack(">4B3L", 0, 0, 8, 3, 6, 2, 2) + bytes(range(24))
LABELS = struct.pack(">4BL", 0, 0, 8, 1, 6) + bytes([0, 1, 2, 0, 1, 2])
HEADS = [struct.pack(">L", n) for n in (0, 1, 6, 2**16, 2**31, 2**32 - 1)] + [
    b"\0\0\x08\x01",
    b"\0\0\x0d\x03",
    b"\x1f\x8b\x08",
    b"\0",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("idx")


@lengths
def test_changed_images_are_refused_or_read(count: int, folder: Path) -> None:
    images, labels = folder / "t-images-idx3-ubyte", folder / "t-labels-idx1-ubyte"

    def read_images(data: bytes) -> None:
        choices = Choices(data)
        contents = [IMAGES, LABELS]
        which = choices.below(2)
        contents[which] = changed(contents[which], choices, HEADS)
        images.write_bytes(contents[0])
        labels.write_bytes(contents[1])
        try:
            found = read_idx(images)
        except DataError as error:
            assert "\n" not in str(error)
            return
        assert len(found) == len(found.y) > 0

    for_examples(count, read_images, data=changes)


def test_what_is_not_changed_is_read(folder: Path) -> None:
    """Else nothing is proved by the others."""
    for base in bases():
        model, _ = file_format.read(io.BytesIO(base))
        assert model.classes
    assert len(read_dataset("-", CsvOptions(), stream=Stream(TABLE, 7))) == 12
    (folder / "t-images-idx3-ubyte").write_bytes(IMAGES)
    (folder / "t-labels-idx1-ubyte").write_bytes(LABELS)
    assert len(read_idx(folder / "t-images-idx3-ubyte")) == 6
    assert (
        len(
            load_like(
                ("iris",),
                file_format.read(io.BytesIO(bases()[1]))[0].schema,
                ("setosa", "versicolor", "virginica"),
                "float32",
            )
        )
        == 150
    )
