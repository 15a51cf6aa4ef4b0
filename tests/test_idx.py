"""IDX files are written here by hand, from the description of the format; nncli only reads them."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import math
import os
import struct
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from nncli.data.dataset import Schema
from nncli.data.formats.idx import digest, row_blocks
from nncli.data.formats.idx import read as read_idx
from nncli.data.formats.known_formats import IDX, format_of
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


# ── what is read ─────────────────────────────────────────────────────────────────────────────────


def test_folder_gives_images_as_rows_and_labels_as_classes(tmp_path):
    dataset = read_idx(folder(tmp_path, x=X, y=Y, x_test=X_TEST, y_test=Y_TEST))
    assert dataset.table.numbers.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert dataset.table.numbers.dtype == np.uint8
    assert dataset.table.numbers.flags.c_contiguous
    assert dataset.table.number_names == ("pixel_0", "pixel_1", "pixel_2", "pixel_3")
    assert dataset.classes == ("3", "7")
    assert dataset.y.tolist() == [1, 0, 1]
    assert dataset.y.dtype == np.int64
    assert (dataset.schema.target, dataset.source, dataset.notes) == ("label", (str(tmp_path),), ())
    assert dataset.test is not None
    assert dataset.test.table.numbers.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert dataset.test.table.number_names == dataset.table.number_names
    assert dataset.test.classes == ("3", "7")
    assert dataset.test.y.tolist() == [0, 1]


def test_classes_are_in_numeric_order(tmp_path):
    folder(tmp_path, x=idx((3, 1, 1), bytes(3)), y=idx((3,), bytes([10, 9, 2])))
    assert read_idx(tmp_path).classes == ("2", "9", "10")


def test_folder_without_test_files_has_no_test_set(tmp_path):
    assert read_idx(folder(tmp_path, x=X, y=Y)).test is None


def test_single_images_file_finds_its_labels_and_says_so(tmp_path):
    folder(tmp_path, x=X, y=Y, x_test=X_TEST, y_test=Y_TEST)
    dataset = read_idx(tmp_path / TEST_X)
    assert dataset.y.tolist() == [0, 1]
    assert dataset.test is None
    assert dataset.notes == (f"labels: read from {TEST_Y}",)


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (TRAIN_X, TRAIN_Y),
        (TRAIN_X + ".gz", TRAIN_Y + ".gz"),
        (TRAIN_X + ".gz", TRAIN_Y),
        (TRAIN_X, TRAIN_Y + ".gz"),
        ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
        ("train-images.idx3-ubyte.gz", "train-labels.idx1-ubyte.gz"),
    ],
)
def test_every_spelling_reads_the_same_as_folder_and_as_file(tmp_path, images, labels):
    # Two members, as `cat a.gz b.gz` makes them, are one gzip file too.
    packed = {name: gzip.compress(c[:9]) + gzip.compress(c[9:]) for name, c in ((images, X), (labels, Y))}
    for name, content in (images, X), (labels, Y):
        (tmp_path / name).write_bytes(packed[name] if name.endswith(".gz") else content)
    assert format_of(tmp_path) == IDX
    assert format_of(tmp_path / images) == IDX
    for path in tmp_path, tmp_path / images:
        dataset = read_idx(path)
        assert dataset.table.numbers.ravel().tolist() == list(range(12))
        assert dataset.y.tolist() == [1, 0, 1]


def test_gzip_is_known_by_its_content_not_its_name(tmp_path):
    folder(tmp_path, x=gzip.compress(X), y=Y)
    assert len(read_idx(tmp_path)) == 3


def test_images_are_read_without_labels(tmp_path):
    folder(tmp_path, x=X)
    assert read_images(tmp_path / TRAIN_X).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_packed_images_and_labels_are_those_that_were_packed(tmp_path, pack):
    x, y = pack(X), pack(Y)
    folder(tmp_path, x=x, y=y)
    assert read_idx(tmp_path).table.numbers.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert read_idx(tmp_path).sha256 == hashlib.sha256(x + y).hexdigest()


def test_sha256_is_of_the_raw_bytes_images_then_labels_training_then_test(tmp_path):
    x = gzip.compress(X)
    folder(tmp_path, x=x, y=Y, x_test=X_TEST, y_test=Y_TEST)
    assert read_idx(tmp_path).sha256 == hashlib.sha256(x + Y + X_TEST + Y_TEST).hexdigest()
    assert read_idx(tmp_path).test.sha256 == hashlib.sha256(X_TEST + Y_TEST).hexdigest()
    for path in tmp_path, tmp_path / TRAIN_X:
        assert digest(path) == read_idx(path).sha256


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (X, True),
        (gzip.compress(X, mtime=0), True),
        (idx((2,), bytes(8), 0x0D), True),  # of floats: recognised, so that it is refused with the reason
        (b"", False),
        (b"\0\0\x08", False),
        (b"a,b\n1,2\n", False),
        (gzip.compress(b"a,b\n1,2\n", mtime=0), False),
        (gzip.compress(X, mtime=0)[:9], False),
        (b"\x1f\x8b" + b"junk" * 9, False),
        (b"\0\0\x08\0" + bytes(9), False),
        (b"\0\0\x07\3" + bytes(9), False),
    ],
)
def test_idx_is_recognised_by_its_first_bytes(tmp_path, content, expected):
    (tmp_path / "file").write_bytes(content)
    assert (format_of(tmp_path / "file") == IDX) is expected


def test_looking_at_a_pipe_takes_nothing_from_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert format_of(tmp_path / "pipe") != IDX  # opening it would wait for ever


def test_other_folders_and_absent_paths_are_not_idx(tmp_path):
    with pytest.raises(
        DataError, match="expected a folder of tables, pictures or MNIST-style IDX files, found none in it"
    ):
        format_of(tmp_path)
    assert format_of(tmp_path / "absent") != IDX


# ── what is refused ──────────────────────────────────────────────────────────────────────────────

AGAIN = "Download or copy it again."
SWAPPED = "Check whether the images and labels files are swapped."
GZ = gzip.compress(X)
DAMAGED = f"DATA/{TRAIN_X}: the gzip data is damaged or cut short. Fetch or compress it again."


@pytest.mark.parametrize(
    ("files", "line"),
    [
        ({}, f"DATA: expected {TRAIN_X} (or .gz), found no such file. Put it there."),
        ({"x": X}, f"DATA: expected {TRAIN_Y} (or .gz) beside {TRAIN_X}, found no such file. Put it there."),
        ({"y": Y}, f"DATA: expected {TRAIN_X} (or .gz) beside {TRAIN_Y}, found no such file. Put it there."),
        (
            {"x": X, "y": Y, "x_test": X_TEST},
            f"DATA: expected {TEST_Y} (or .gz) beside {TEST_X}, found no such file. "
            "Put it there, or take the other t10k file away.",
        ),
        (
            {"x": b"a,b\n1,2", "y": Y},
            f"DATA/{TRAIN_X}: expected an IDX file, which begins with 00 00 08, found 61 2c 62 0a.",
        ),
        (
            {"x": b"", "y": Y},
            f"DATA/{TRAIN_X}: expected an IDX file, which begins with 00 00 08, found an empty file.",
        ),
        (
            {"x": idx((1, 2, 2), bytes(16), 0x0D), "y": Y},
            f"DATA/{TRAIN_X}: expected unsigned bytes (IDX type 08), found 32-bit floats (0d). "
            "Save such numbers as CSV, Parquet or .npz.",
        ),
        ({"x": Y, "y": Y}, f"DATA/{TRAIN_X}: expected images (3 dimensions), found labels (1 dimension). {SWAPPED}"),
        ({"x": X, "y": X}, f"DATA/{TRAIN_Y}: expected labels (1 dimension), found images (3 dimensions). {SWAPPED}"),
        ({"x": X[:9], "y": Y}, f"DATA/{TRAIN_X}: expected a header of 16 bytes, found 9. {AGAIN}"),
        ({"x": X[:-1], "y": Y}, f"DATA/{TRAIN_X}: expected 28 bytes, as its header says, found 27. {AGAIN}"),
        ({"x": X + b"!", "y": Y}, f"DATA/{TRAIN_X}: expected 28 bytes, as its header says, found more. {AGAIN}"),
        (
            {"x": gzip.compress(X[:-1]), "y": Y},
            f"DATA/{TRAIN_X}: expected 28 unpacked bytes, as its header says, found 27. {AGAIN}",
        ),
        (
            {"x": gzip.compress(X + b"!"), "y": Y},
            f"DATA/{TRAIN_X}: expected 28 unpacked bytes, as its header says, found more. {AGAIN}",
        ),
        ({"x": GZ[:-1], "y": Y}, DAMAGED),
        ({"x": GZ + b"junk", "y": Y}, DAMAGED),
        # The last eight bytes are the checksum and the length.
        ({"x": GZ[:-8] + bytes(8), "y": Y}, DAMAGED),
        # The header has ten bytes; 0xff begins a block of a kind that deflate does not have.
        ({"x": GZ[:10] + b"\xff" + GZ[11:], "y": Y}, DAMAGED),
        (
            {"x": X, "y": Y_TEST},
            f"DATA/{TRAIN_Y}: expected 3 labels, one per image of {TRAIN_X}, found 2. "
            "Check that the two files belong together.",
        ),
        (
            {"x": idx((1, 400, 400), bytes(160_000)), "y": idx((1,), bytes(1))},
            f"DATA/{TRAIN_X}: expected at most 100,000 pixels in an image, found 160,000.",
        ),
        ({"x": idx((0, 2, 2), b""), "y": Y}, f"DATA/{TRAIN_X}: expected at least one image, found 0 × 2 × 2."),
        ({"x": idx((3, 0, 2), b""), "y": Y}, f"DATA/{TRAIN_X}: expected at least one image, found 3 × 0 × 2."),
        ({"x": X, "y": idx((0,), b"")}, f"DATA/{TRAIN_Y}: expected at least one label, found 0."),
        (
            {"x": X, "y": Y, "x_test": idx((2, 1, 4), bytes(8)), "y_test": Y_TEST},
            f"DATA/{TEST_X}: expected images of 2 × 2, like {TRAIN_X}, found 1 × 4. "
            "Check that the training and test files belong together.",
        ),
        (
            {"x": X, "y": Y, "x_test": X_TEST, "y_test": idx((2,), bytes([3, 4]))},
            f"DATA/{TEST_Y}: expected only labels that {TRAIN_Y} has, found 4 (item 2). "
            "Check that the training and test files belong together.",
        ),
    ],
)
def test_fault_is_told_in_one_exact_line(tmp_path, files, line):
    assert refusal(folder(tmp_path, **files)) == line


def test_single_file_without_labels_beside_it_is_refused(tmp_path):
    folder(tmp_path, x=X)
    line = f"DATA/{TRAIN_X}: expected its labels beside it, in {TRAIN_Y}, found no such file. Put it there."
    assert refusal(tmp_path / TRAIN_X) == line
    assert refusal(tmp_path / TRAIN_X, digest) == line


def test_single_file_that_is_not_named_as_images_is_refused(tmp_path):
    folder(tmp_path, y=Y)
    assert refusal(tmp_path / TRAIN_Y) == (
        f"DATA/{TRAIN_Y}: expected images-idx3 in the name, to find the labels beside it, found none. "
        "Give the images file, named like train-images-idx3-ubyte, or the folder."
    )


def test_read_images_refuses_folders_labels_and_absent_files(tmp_path):
    folder(tmp_path, y=Y)
    assert refusal(tmp_path, read_images) == (
        "DATA: expected one images file, found a folder. Name the images file in it."
    )
    assert refusal(tmp_path / TRAIN_Y, read_images) == (
        f"DATA/{TRAIN_Y}: expected images (3 dimensions), found labels (1 dimension). {SWAPPED}"
    )
    assert refusal(tmp_path / TRAIN_X, read_images) == (f"DATA/{TRAIN_X}: no such file. Did you mean 'DATA/{TRAIN_Y}'?")


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("shape", [(2**32 - 1,) * 3, (1 << 20, 1 << 10, 1 << 10), (60000, 28, 28)])
def test_header_that_promises_more_than_the_file_has_allocates_nothing_for_it(tmp_path, shape, pack):
    (tmp_path / "file").write_bytes(pack(idx(shape, bytes(10))))
    tracemalloc.start()
    try:
        line = refusal(tmp_path / "file", read_images)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    refused = f"expected {16 + math.prod(shape)} ", "more than 200 times the size", "at most 100,000 pixels in an image"
    assert any(reason in line for reason in refused)
    assert peak < 4 << 20  # the smallest of the three promises 47 MB


def test_gzip_that_unpacks_to_far_more_than_its_header_says_is_not_unpacked(tmp_path):
    (tmp_path / "file").write_bytes(gzip.compress(X + bytes(64 << 20)))
    tracemalloc.start()
    try:
        line = refusal(tmp_path / "file", read_images)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert line == f"DATA/file: expected 28 unpacked bytes, as its header says, found more. {AGAIN}"
    assert peak < 4 << 20


small_images = arrays(np.uint8, array_shapes(min_dims=3, max_dims=3, max_side=4))


@given(images=small_images, packed=st.booleans(), data=st.data())
def test_any_images_and_labels_are_read_back(images, packed, data):
    labels = data.draw(arrays(np.uint8, len(images)))
    pack = gzip.compress if packed else bytes
    with tempfile.TemporaryDirectory() as where:
        folder(Path(where), x=pack(idx(images.shape, images.tobytes())), y=pack(idx(labels.shape, labels.tobytes())))
        dataset = read_idx(Path(where))
    assert dataset.table.numbers.tolist() == images.reshape(len(images), -1).tolist()
    assert [int(dataset.classes[k]) for k in dataset.y] == labels.tolist()
    assert sorted(set(labels.tolist())) == [int(name) for name in dataset.classes]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("key", ["x", "y", "x_test", "y_test"])
def test_every_truncation_of_every_file_is_refused(tmp_path, pack, key):
    files = {key: pack(content) for key, content in {"x": X, "y": Y, "x_test": X_TEST, "y_test": Y_TEST}.items()}
    assert len(read_idx(folder(tmp_path, **files))) == 3
    for length in range(len(files[key])):
        assert refusal(folder(tmp_path, **{key: files[key][:length]})).startswith("DATA/")


@given(start=st.binary(max_size=40))
def test_any_bytes_are_read_or_refused_in_one_line(start):
    with tempfile.TemporaryDirectory() as where:
        path = Path(where) / "file"
        for prefix in b"", b"\0\0\x08\3", b"\x1f\x8b\x08\0":
            path.write_bytes(prefix + start)
            try:
                outcome = f"read {len(read_images(path))}"
            except DataError as error:
                outcome = str(error)
            assert len(outcome.splitlines()) == 1
