"""Arrays in files: their rows are those of the array, whatever is asked for."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from nncli.data.stored import Growing, Stored

pytestmark = pytest.mark.usefixtures("tables_on_the_disk")  # in parts of a few hundred rows
N = 2000


def stored(array: np.ndarray, path: Path) -> Stored:
    np.save(path, array)
    return Stored(path)


@pytest.mark.parametrize("shape", [(N,), (N, 3), (N, 1)])
def test_rows_are_those_of_the_array(shape: tuple[int, ...], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    whole = rng.normal(size=shape).astype(np.float32)
    found = stored(whole, tmp_path / "a.npy")
    assert (found.shape, found.dtype, len(found)) == (shape, np.dtype(np.float32), N)
    for rows in ([], [0], [N - 1], [5, 5, 5], [N - 1, 0, 350, 350], rng.permutation(N), np.arange(N)):
        assert (found[np.array(rows, np.int32)] == whole[np.array(rows, np.int32)]).all()
    for start, stop in ((0, N), (10, 1601), (7, 7), (1999, 5000)):
        assert np.array_equal(found[start:stop], whole[start:stop])
    with pytest.raises(IndexError):
        found[np.array([N])]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_column_is_taken_out(place: int, tmp_path: Path) -> None:
    whole = np.random.default_rng(0).normal(size=(N, 3))
    found = stored(whole, tmp_path / "a.npy")
    assert (found.column(place) == whole[:, place]).all()
    without, rows = np.delete(whole, place, axis=1), np.array([3, 1600, 2])
    assert (found.without(place)[rows] == without[rows]).all()
    assert (found.without(place).without(0)[:] == without[:, 1:]).all()
    again = pickle.loads(pickle.dumps(found.without(place)))
    assert (again[:] == without).all()
    (tmp_path / "a.npy").unlink()  # whoever has it open keeps it
    assert (found.without(place)[:] == without).all()


def test_rows_are_appended_and_may_grow_wider(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    small, large = rng.integers(256, size=(N, 3), dtype=np.uint8), rng.normal(size=(90, 3)).astype(np.float32)
    growing = Growing(tmp_path / "a.npy")
    for block in (small[:700], small[700:], large, small[:5]):
        growing.append(block)
    found = growing.finished()
    whole = np.concatenate([small, large, small[:5]])  # which is float32
    assert found.dtype == whole.dtype == np.float32
    assert (found[:] == whole).all()
    assert (np.load(tmp_path / "a.npy") == whole).all()
    assert [file.name for file in tmp_path.iterdir()] == ["a.npy"]
