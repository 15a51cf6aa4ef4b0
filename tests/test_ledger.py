"""The ledger: appended whole lines, torn ends taken off, damage and other files refused."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ledgers import documents, line_of
from nncli.config.train_config import TrainConfig
from nncli.errors import DataError, OutputError
from nncli.sweep.ledger import Ledger, read
from nncli.sweep.trial import Trial

HEADER = {"nncli": "0.1", "data": ["größe.csv"], "sha256": "0a" * 32, "rows": 150, "val_sha256": "", "folds": 1}


def record(seed: int, data: tuple[str, ...] = ("größe.csv",), **changes: Any) -> dict[str, Any]:
    """A trial that got the first nine of twelve rows right, in two epochs."""
    trial = Trial(TrainConfig(data, seed=seed, target="größe “x”"))
    return {
        "trial": trial.key, "config": trial.config, "fold": 0, "share": 1, "nncli": "0.1", "outcome": "done",
        "reason": "", "parameters": 7, "epochs": 2, "best_epoch": 1, "stopped": "after 2 epochs",
        "val": {"accuracy": 0.75, "balanced-accuracy": 2 / 3, "loss": 0.1 + seed}, "n_val": 12,
        "right": b64encode(np.packbits([True] * 9 + [False] * 3).tobytes()).decode(),
        "evidence": "",
        "history": [[0.5, 0.5, None, None]] * 2, "seconds": 0.25, **changes,
    }  # fmt: skip


RECORDS = [record(seed) for seed in range(5)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger of five trials."""
    path = tmp_path / "sweep.jsonl"
    ledger = Ledger(path, HEADER)
    ledger.append(RECORDS[:2])
    ledger.append(RECORDS[2:])
    ledger.close()
    return path


def keys(records: Any) -> list[str]:
    return [record["trial"] for record in records]


def keys_of(path: Path) -> list[str]:
    ledger = Ledger(path, HEADER)
    ledger.close()
    return [*ledger.records]


def test_what_is_appended_is_read_again(path: Path) -> None:
    header, records = read(path)
    assert header["data"] == ["größe.csv"]
    for found, given in zip(records, RECORDS, strict=True):
        assert found == {name: given[name] for name in found}
        assert {"config", "right", "val", "seconds"} < found.keys()
    ledger = Ledger(path, HEADER)
    assert [*ledger.records.values()] == records
    ledger.close()
    # and it is what it says: JSON, an object on a line
    assert len([json.loads(line) for line in path.read_text("utf-8").splitlines()]) == 6


def test_a_trial_is_there_once(path: Path) -> None:
    ledger = Ledger(path, HEADER)
    ledger.append([{**RECORDS[0], "seconds": 7.0}])
    ledger.close()
    assert keys_of(path) == keys(RECORDS)
    assert read(path)[1][0]["seconds"] == 0.25


def test_a_ledger_that_ends_anywhere_loses_only_the_torn_line(path: Path) -> None:
    whole = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(whole) if byte == ord("\n")]
    for stop in [*range(ends[0] + 20), *range(ends[0] + 20, len(whole), 311), *ends, *(end - 1 for end in ends)]:
        path.write_bytes(whole[:stop])
        lines = sum(end <= stop for end in ends)
        assert keys_of(path) == keys(RECORDS[: max(0, lines - 1)]), stop
        if lines:
            assert path.read_bytes() == whole[: ends[lines - 1]]
        ledger = Ledger(path, HEADER)
        assert not ledger.torn
        ledger.append(RECORDS)
        ledger.close()
        assert path.read_bytes() == whole


def test_damage_within_is_told_with_its_line(path: Path) -> None:
    data = path.read_bytes()
    place = data.index(RECORDS[2]["trial"].encode()) + 1
    path.write_bytes(data[:place] + b"x" + data[place + 1 :])
    with pytest.raises(DataError) as error:
        Ledger(path, HEADER)
    assert str(error.value) == (
        f"{path}:4: a damaged line: its checksum does not match. Remove the line, and its trial runs again."
    )
    assert path.read_bytes() == data[:place] + b"x" + data[place + 1 :]


@pytest.mark.parametrize("content", [b"a,b,c\n1,2,3\n", b"{}\n", b"hello", b"\x00\x01\n", b'{"kind":"other"}'])
def test_another_file_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DataError, match="expected a ledger written by nncli sweep, found something else"):
        Ledger(path, HEADER)
    assert path.read_bytes() == content


def test_a_ledger_of_another_format_is_refused(path: Path) -> None:
    header, *trials = documents(str(path))
    path.write_bytes(line_of({**header, "format": 1, "data": "d.csv"}) + b"".join(map(line_of, trials)))
    with pytest.raises(DataError, match="expected a ledger in format 3, found one of an older or newer nncli"):
        read(path)


def test_one_sweep_at_a_time(path: Path) -> None:
    first = Ledger(path, HEADER)
    with pytest.raises(OutputError, match="another sweep is writing to it"):
        Ledger(path, HEADER)
    assert len(read(path)[1]) == 5  # but it can be looked at
    first.close()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_where_there_are_no_locks_it_goes_on_without(path: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refused)
    ledger = Ledger(path, HEADER)
    assert ledger.unlocked
    ledger.append([record(5)])
    ledger.close()
    assert len(read(path)[1]) == 6


def test_folders_and_devices_are_no_ledgers(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(OutputError, match="expected a file for the ledger, found something else"):
            Ledger(path, HEADER)
        with pytest.raises(DataError, match="expected a ledger written by nncli sweep, found no file"):
            read(path)


def test_what_cannot_be_written_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new.jsonl"
    with pytest.raises(ValueError, match="too many names and values"):
        Ledger(path, {**HEADER, "data": ["x" * (9 << 20)]})
    assert not path.exists()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="cannot write: No space left on device"):
        Ledger(path, HEADER)
    assert not path.exists()


def test_names_of_files_that_are_not_utf_8_are_kept(tmp_path: Path) -> None:
    name = os.fsdecode(b"d\xff.csv")
    ledger = Ledger(tmp_path / "sweep.jsonl", {**HEADER, "data": [name]})
    ledger.append([record(0, (name,), stopped=name)])
    ledger.close()
    assert read(tmp_path / "sweep.jsonl")[0]["data"] == [name]
    assert documents(str(tmp_path / "sweep.jsonl"))[1]["stopped"] == name


def test_of_many_epochs_the_history_has_every_so_many(tmp_path: Path) -> None:
    """Of 25,000 epochs every third: 1, 4, …"""
    history = [[float(i), 0.5, 0.25, 0.75] for i in range(1, 25_001)]
    ledger = Ledger(tmp_path / "sweep.jsonl", HEADER)
    ledger.append([record(0, epochs=25_000, history=history)])
    ledger.close()
    assert len(read(tmp_path / "sweep.jsonl")[1]) == 1
    rows = documents(str(tmp_path / "sweep.jsonl"))[1]["history"]
    assert [row[0] for row in rows[:3]] == [1, 4, 7]
    assert len(rows) == 8334


def test_names_of_many_files_are_in_memory_once(tmp_path: Path) -> None:
    data = tuple(f"day-{i:05}.csv" for i in range(10_000))
    ledger = Ledger(tmp_path / "sweep.jsonl", {**HEADER, "data": list(data)})
    ledger.append([record(seed, data) for seed in range(3)])
    ledger.close()
    _, records = read(tmp_path / "sweep.jsonl")
    assert [one["config"].data for one in records] == [data] * 3
    assert len({id(one["config"].data) for one in records}) == 1
