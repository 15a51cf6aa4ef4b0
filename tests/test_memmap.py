"""Arrays in files: their rows are those of the array, whatever is asked for."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nncli.data.disk.memmap import ArrayFile, ColumnsFile, DiskArray, File
from nncli.errors import DataError

pytestmark = pytest.mark.usefixtures("tables_on_the_disk")  # in parts of a few hundred rows
N = 2000


def stored(array: np.ndarray, path: Path) -> DiskArray:
    path.write_bytes(b"before it" + array.tobytes())
    return DiskArray(File(path), array.dtype, array.shape, 9)


@pytest.mark.parametrize("shape", [(N,), (N, 3), (N, 1)])
def test_rows_are_those_of_the_array(shape: tuple[int, ...], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    whole = rng.normal(size=shape).astype(np.float32)
    found = stored(whole, tmp_path / "a")
    assert (found.shape, found.dtype, len(found)) == (shape, np.dtype(np.float32), N)
    for rows in ([], [0], [N - 1], [5, 5, 5], [N - 1, 0, 350, 350], rng.permutation(N), np.arange(N)):
        assert (found[np.array(rows, np.int32)] == whole[np.array(rows, np.int32)]).all()
    mask = rng.random(N) < 0.3
    assert np.array_equal(found[mask], whole[mask])
    for start, stop in ((0, N), (10, 1601), (7, 7), (1999, 5000)):
        assert np.array_equal(found[start:stop], whole[start:stop])
    with pytest.raises(IndexError):
        found[np.array([N])]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_column_is_taken_out(place: int, tmp_path: Path) -> None:
    whole = np.random.default_rng(0).normal(size=(N, 3))
    found = stored(whole, tmp_path / "a")
    assert (found.column(place) == whole[:, place]).all()
    without, rows = np.delete(whole, place, axis=1), np.array([3, 1600, 2])
    assert (found.without(place)[rows] == without[rows]).all()
    assert (found.without(place).without(0)[:] == without[:, 1:]).all()
    again = pickle.loads(pickle.dumps(found.without(place)))
    assert (again[:] == without).all()
    (tmp_path / "a").unlink()  # whoever has it open keeps it
    assert (found.without(place)[:] == without).all()


def test_rows_are_appended_and_may_grow_wider(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    small, large = rng.integers(256, size=(N, 3), dtype=np.uint8), rng.normal(size=(90, 3)).astype(np.float32)
    file = ArrayFile(tmp_path / "a")
    for block in (small[:700], small[700:], large, small[:5]):
        file.append(block)
    found = file.finish()
    whole = np.concatenate([small, large, small[:5]])  # which is float32
    assert found.dtype == whole.dtype == np.float32
    assert (found[:] == whole).all()
    assert (tmp_path / "a").read_bytes() == whole.tobytes()
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_few_rows_of_many_are_read_without_what_lies_between(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nncli.data.disk.memmap.PART", 1 << 26)
    whole = np.random.default_rng(0).normal(size=(N, 2000))
    found, read = stored(whole, tmp_path / "a"), []
    fill = File.fill

    def counted(self: File, buffer: memoryview, at: int) -> None:
        read.append(len(buffer))
        fill(self, buffer, at)

    monkeypatch.setattr(File, "fill", counted)
    rows = np.array([1999, 3, 700])
    assert (found[rows] == whole[rows]).all()
    assert read == [16000, 16000, 16000]


def test_columns_that_are_built_apart_are_one_file(tmp_path: Path) -> None:
    file = ColumnsFile(tmp_path / "columns")
    days, codes = np.arange(1000) / 7, np.arange(1000, dtype=np.int32)
    arrays = {name: file.builder(name) for name in ("date-0", "text-0")}
    for start in range(0, 1000, 100):
        arrays["date-0"].append(days[start : start + 100])
        arrays["text-0"].append(codes[start : start + 100])
    found = [arrays[name].finish() for name in ("text-0", "date-0")]
    assert (found[0][:] == codes).all()
    assert (found[1][:] == days).all()
    assert [file.name for file in tmp_path.iterdir()] == ["columns"]
    assert (tmp_path / "columns").read_bytes() == codes.tobytes() + days.tobytes()


def test_a_file_that_is_cut_short_while_it_is_open_is_one_line(tmp_path: Path) -> None:
    """A mapped file would end the program with a signal."""
    found = stored(np.zeros((N, 3)), tmp_path / "a")
    os.truncate(tmp_path / "a", 100)
    for rows in (slice(None), np.array([N - 1])):
        with pytest.raises(DataError, match=r"a: the table on the disk is shorter than it was when .* Run the same"):
            found[rows]


@pytest.mark.parametrize("change", [lambda path: path.unlink(), lambda path: path.write_bytes(b"other")])
def test_another_process_does_not_take_another_file_for_it(change: Callable[[Path], object], tmp_path: Path) -> None:
    sent = pickle.dumps(stored(np.zeros(N), tmp_path / "a"))
    assert len(pickle.loads(sent)) == N
    change(tmp_path / "a")
    with pytest.raises(DataError, match="a: the table on the disk was changed or removed while it was used"):
        pickle.loads(sent)
