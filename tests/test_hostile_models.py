"""A model file from a stranger is safe to open: what is not exactly one is refused, at once and in one line."""

from __future__ import annotations

import io
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forgery import (
    with_array,
    with_meta,
)
from model_attacks import ATTACKS, STATE
from nncli.cli.main import main
from nncli.errors import ModelFileError
from nncli.model import checkpoint, file_format
from short_and_long import short_and_long

SMALL = ["train", "iris", "--model", "softmax", "--epochs", "2", "-q", "--json"]


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A model of 15 parameters."""
    path = tmp_path_factory.mktemp("small") / "m.npz"
    assert main([*SMALL, "-o", str(path)]) == 0
    return path.read_bytes()


@pytest.fixture(scope="session")
def unfinished(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The same with the state of its training."""
    path = tmp_path_factory.mktemp("unfinished") / "m.npz"
    assert main([*SMALL, "--keep-state", "-o", str(path)]) == 0
    return path.read_bytes()


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_hostile_files_are_refused_in_one_line(name: str, small: bytes, unfinished: bytes, tmp_path: Path) -> None:
    forge, reason = ATTACKS[name]
    true = unfinished if name in STATE else small
    data, path = forge(true), tmp_path / "m.npz"
    assert data != true, "nothing was forged"
    path.write_bytes(data)
    tracemalloc.start()
    began = time.process_time()
    try:
        with pytest.raises(ModelFileError, match=reason) as error:
            checkpoint.load(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert time.process_time() - began < 5
    assert peak < len(data) + (64 << 20)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


def test_parameters_beyond_all_measure_are_told(small: bytes, tmp_path: Path, nncli: Callable[..., Any]) -> None:
    """They are finite, and what comes of them is not."""
    (tmp_path / "m.npz").write_bytes(with_array("theta", lambda a: a * 0 + np.float32(3e38))(small))
    for words in (["eval", tmp_path / "m.npz"], ["predict", tmp_path / "m.npz", "iris"]):
        outcome = nncli(*words, "-q")
        assert (outcome.code, outcome.err) == (1, "model: its scores for these rows are not finite. Train it again.\n")


def test_what_has_no_end_is_read_no_further_than_its_beginning(nncli: Callable[..., Any]) -> None:
    outcome = nncli("info", "/dev/zero")
    assert (outcome.code, outcome.err) == (
        1, "/dev/zero: expected a model written by nncli, found something else. Take another copy, or train it again.\n"
    )  # fmt: skip


def test_what_has_only_the_size_of_a_model_is_not_read(nncli: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    with path.open("wb") as file:
        file.write(b"PK\3\4")
        file.truncate(1 << 40)  # more than any memory has, and nothing on the disk
    assert nncli("info", path).err.startswith(
        f"{path}: expected a model written by nncli, found a zip archive that cannot be read: its end is missing"
    )


def test_names_move_no_cursor(nncli: Callable[..., Any], small: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    path.write_bytes(with_meta("data.source", ["\33[31m[bold]red"])(small))
    assert "\\x1b[31m[bold]red, 150 rows" in nncli("info", path).out


@pytest.mark.parametrize("step", short_and_long(11, 1))
def test_every_truncation_is_refused(small: bytes, unfinished: bytes, step: int) -> None:
    for true in (small, unfinished):
        for length in range(0, len(true), step):
            with pytest.raises((ModelFileError, ValueError)):
                file_format.read(io.BytesIO(true[:length]))


@pytest.mark.parametrize("step", short_and_long(29, 1))
def test_every_flipped_bit_is_refused(small: bytes, step: int) -> None:
    for place in range(0, len(small), step):
        for bit in range(8):
            with pytest.raises((ModelFileError, ValueError)):
                file_format.read(io.BytesIO(small[:place] + bytes([small[place] ^ 1 << bit]) + small[place + 1 :]))
