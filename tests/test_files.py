"""Bytes come out as they went in, whatever the compression, and errors say what to do."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import threading
import time
import zlib
from collections.abc import Generator, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from cli_process import nncli, wait_for, without_privileges
from nncli.data.byte_input import open_input, sha256_of
from nncli.data.csv.parallel import side_by_side
from nncli.errors import DataError

TEXT = b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(5000))
PACKERS = {
    "plain": lambda data: data,
    "gzip": gzip.compress,
    "gzip in two members": lambda data: gzip.compress(data[:100]) + gzip.compress(data[100:]),
    "gzip with an empty member": lambda data: (
        gzip.compress(data[:100]) + gzip.compress(b"") + gzip.compress(data[100:])
    ),
    "gzip padded with zeros": lambda data: gzip.compress(data) + bytes(3 << 20),
    "gzip with zeros between members": lambda data: gzip.compress(data[:9]) + bytes(700) + gzip.compress(data[9:]),
    "bz2": bz2.compress,
    "bz2 in two streams": lambda data: bz2.compress(data[:100]) + bz2.compress(data[100:]),
    "bz2 padded with zeros": lambda data: bz2.compress(data) + bytes(5),
    "xz": lzma.compress,
    "xz in two streams": lambda data: lzma.compress(data[:100]) + bytes(4) + lzma.compress(data[100:]),
    "zstd": lambda data: pa.compress(data, "zstd", asbytes=True),
    "zstd in two frames": lambda data: b"".join(
        pa.compress(part, "zstd", asbytes=True) for part in (data[:100], data[100:])
    ),
}


def read_all(source: str, size: int = 1000) -> bytes:
    with open_input(source) as stream:
        return b"".join(iter(lambda: stream.read(size), b""))


@pytest.mark.parametrize("packer", PACKERS)
def test_compressed_files_read_like_plain_ones_under_any_name(packer: str, tmp_path: Path) -> None:
    path = tmp_path / "data.txt"
    path.write_bytes(PACKERS[packer](TEXT))
    assert read_all(str(path)) == TEXT
    assert read_all(str(path), 1 << 20) == TEXT


@pytest.mark.parametrize("packer", PACKERS)
def test_the_digest_is_of_the_bytes_on_disk(packer: str, tmp_path: Path) -> None:
    path = tmp_path / "data.txt"
    path.write_bytes(PACKERS[packer](TEXT))
    on_disk = hashlib.sha256(path.read_bytes()).hexdigest()
    assert sha256_of(str(path)) == on_disk
    with open_input(str(path), hashed=True) as stream:
        stream.read(10)
        assert stream.hexdigest() == on_disk


@pytest.mark.parametrize("packer", ["gzip", "bz2", "xz", "zstd"])
@pytest.mark.parametrize("garbage", [b"garbage behind the end", b"\0\0\0x", b"\x1f"])
def test_what_follows_compressed_data_is_padding_or_an_error(packer: str, garbage: bytes, tmp_path: Path) -> None:
    path = tmp_path / "data.csv.x"
    path.write_bytes(PACKERS[packer](TEXT) + garbage)
    with pytest.raises(DataError) as caught:
        read_all(str(path))
    assert str(caught.value) == f"{path}: the {packer} data is damaged or cut short. Fetch or compress it again."


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_a_flushed_row_arrives_before_the_next_is_written(size: int) -> None:
    out, into = os.pipe()
    packed, rows = zlib.compressobj(wbits=31), list[bytes]()

    def read() -> None:
        stream, row = open_input("-", stream=pipe), b""
        while not row.endswith(b"\n"):
            row += stream.read(size)
        rows.append(row)

    with os.fdopen(out, "rb", buffering=0) as pipe, os.fdopen(into, "wb", buffering=0) as producer:
        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        producer.write(packed.compress(b"aaaaaaaaaaaaaaaaaaaa\n") + packed.flush(zlib.Z_SYNC_FLUSH))
        reader.join(5)
        assert rows == [b"aaaaaaaaaaaaaaaaaaaa\n"]


@pytest.mark.parametrize("packer", ["gzip", "bz2", "xz", "zstd"])
def test_damaged_compressed_data_is_an_error(packer: str, tmp_path: Path) -> None:
    path = tmp_path / "data.csv.x"
    path.write_bytes(PACKERS[packer](TEXT)[:-20])
    with pytest.raises(DataError) as caught:
        read_all(str(path))
    assert str(caught.value) == f"{path}: the {packer} data is damaged or cut short. Fetch or compress it again."


def test_a_missing_file_is_answered_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "iris.csv").touch()
    with pytest.raises(DataError) as caught:
        open_input(str(tmp_path / "iriss.csv"))
    assert str(caught.value) == f"{tmp_path}/iriss.csv: no such file. Did you mean '{tmp_path}/iris.csv'?"
    with pytest.raises(DataError) as caught:
        open_input(str(tmp_path / "nowhere" / "x.csv"))
    assert str(caught.value) == f"{tmp_path}/nowhere/x.csv: no such file."


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        open_input(str(tmp_path))
    assert str(caught.value) == f"{tmp_path}: is a folder, not a file. Name a file in it."


def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.csv").touch(mode=0)
    done = nncli("train", "data.csv", cwd=tmp_path, preexec_fn=without_privileges)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"data.csv: no permission to read it. Allow it with chmod u+r, or ask its owner.\n"


def test_short_and_empty_files_are_no_magic(tmp_path: Path) -> None:
    for data in (b"", b"\x1f", b"B", b"BZ", b"a"):
        path = tmp_path / "data.csv"
        path.write_bytes(data)
        assert read_all(str(path)) == data


def test_a_pipe_gives_what_has_arrived(tmp_path: Path) -> None:
    out, into = os.pipe()
    with os.fdopen(out, "rb", buffering=0) as pipe, os.fdopen(into, "wb", buffering=0) as producer:
        producer.write(b"a\n")
        stream = open_input("-", stream=pipe)  # would wait for ever if it insisted on four bytes
        assert stream.read(1 << 20) == b"a\n"
        producer.write(b"1\n")
        assert stream.read(1 << 20) == b"1\n"


def test_a_compressed_pipe_is_recognised() -> None:
    out, into = os.pipe()
    with os.fdopen(into, "wb") as producer:
        producer.write(gzip.compress(b"a,b\n1,2\n"))
    with os.fdopen(out, "rb", buffering=0) as pipe:
        assert open_input("-", stream=pipe).read() == b"a,b\n1,2\n"


def test_side_by_side_keeps_the_order_and_works_on_two_at_a_time() -> None:
    both = threading.Barrier(2, timeout=60)  # passed only by two threads at the same time

    def double(x: int) -> int:
        both.wait()
        return 2 * x

    assert list(side_by_side(double, range(20), 2)) == list(range(0, 40, 2))


def test_what_is_done_does_not_wait_for_what_is_to_come() -> None:
    """As of a pipe in which nothing comes for a while."""
    comes = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        assert comes.wait(60)
        yield 2

    results = side_by_side(str, items(), 2)
    assert next(results) == "1"
    comes.set()
    assert next(results) == "2"


def test_little_work_is_done_by_the_caller_until_there_is_more() -> None:
    """As of a pipe in which a row comes at a time: nothing is asked for before it is wanted."""
    asked = list[int]()

    def items() -> Iterator[int]:
        for x in range(6):
            asked.append(x)
            yield x

    done_by = side_by_side(lambda x: (x, threading.current_thread()), items(), 2, is_little=lambda x: x < 2)
    assert next(done_by) == (0, threading.main_thread())
    assert asked == [0]
    later = [*done_by]
    assert [x for x, _ in later] == [1, 2, 3, 4, 5]
    assert [thread is threading.main_thread() for _, thread in later] == [True, False, False, False, False]


def test_a_reader_that_leaves_ends_the_taking() -> None:
    before = threading.active_count()
    results = side_by_side(str, iter(range(1000)), 2)
    next(results)
    results.close()
    wait_for(lambda: threading.active_count() <= before)


def test_side_by_side_takes_few_items_ahead_and_tells_an_error_in_its_place() -> None:
    taken = []

    def items() -> Iterator[int]:
        for x in range(10):
            taken.append(x)
            yield x
        raise DataError("here", "it ends badly")

    results = side_by_side(str, items(), 2)
    assert next(results) == "0"
    wait_for(lambda: len(taken) == 4)  # one is given, two are ready, one is taken
    time.sleep(0.2)
    assert taken == [0, 1, 2, 3]
    assert [next(results) for _ in range(9)] == [str(x) for x in range(1, 10)]
    with pytest.raises(DataError, match="ends badly"):
        next(results)


def test_nobody_reads_any_more_once_it_is_left() -> None:
    """Else a thread could read from the next file that is opened, which may have the number of the old one."""

    def items() -> Iterator[int]:
        for i in range(1000):
            time.sleep(0.005)
            yield i

    answers = side_by_side(lambda item: item, items(), 2)
    assert isinstance(answers, Generator)
    assert next(answers) == 0
    assert [thread for thread in threading.enumerate() if "(take)" in thread.name]
    answers.close()
    assert not [thread for thread in threading.enumerate() if "(take)" in thread.name]
