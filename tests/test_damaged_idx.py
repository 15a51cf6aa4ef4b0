"""IDX files that are damaged, cut short, or not what they say, are refused in one exact line."""

from __future__ import annotations

import gzip
import math
import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idx_files import TEST_X, TEST_Y, TRAIN_X, TRAIN_Y, X_TEST, Y_TEST, X, Y, folder, idx, read_images, refusal
from nncli.data.formats.idx import digest
from nncli.data.formats.idx import read as read_idx
from nncli.errors import DataError

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
            "Put it there, or remove the other t10k file.",
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


def refusal_and_peak(path: Path) -> tuple[str, int]:
    """Read a file that is refused. Return the message, and the most bytes that were allocated on the way."""
    tracemalloc.start()
    try:
        return refusal(path, read_images), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("shape", [(2**32 - 1,) * 3, (1 << 20, 1 << 10, 1 << 10), (60000, 28, 28)])
def test_header_that_promises_more_than_the_file_has_allocates_nothing_for_it(tmp_path, shape, pack):
    (tmp_path / "file").write_bytes(pack(idx(shape, bytes(10))))
    line, peak = refusal_and_peak(tmp_path / "file")
    refused = f"expected {16 + math.prod(shape)} ", "more than 200 times the size", "at most 100,000 pixels in an image"
    assert any(reason in line for reason in refused)
    assert peak < 4 << 20  # the smallest of the three promises 47 MB


def test_gzip_that_unpacks_to_far_more_than_its_header_says_is_not_unpacked(tmp_path):
    (tmp_path / "file").write_bytes(gzip.compress(X + bytes(64 << 20)))
    line, peak = refusal_and_peak(tmp_path / "file")
    assert line == f"DATA/file: expected 28 unpacked bytes, as its header says, found more. {AGAIN}"
    assert peak < 4 << 20


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
