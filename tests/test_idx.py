"""IDX files written by hand are read as what they hold."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from idx_files import TEST_X, TEST_Y, TRAIN_X, TRAIN_Y, X_TEST, Y_TEST, X, Y, folder, idx, read_images
from nncli.data.formats.idx import digest
from nncli.data.formats.idx import read as read_idx
from nncli.data.formats.known_formats import IDX, format_of
from nncli.errors import DataError


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
