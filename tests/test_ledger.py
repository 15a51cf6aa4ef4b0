"""The ledger: appended whole lines, torn ends taken off, damage and other files refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nncli.errors import DataError, OutputError
from nncli.ledger import Ledger, read

HEADER = {"sha256": "abc"}
RECORDS = [{"trial": f"t{i}", "val": i / 3, "reason": "größe “x”"} for i in range(5)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger of five trials."""
    path = tmp_path / "sweep.jsonl"
    ledger = Ledger(path, HEADER)
    ledger.append(RECORDS[:2])
    ledger.append(RECORDS[2:])
    ledger.close()
    return path


def records_of(path: Path) -> list[dict[str, object]]:
    ledger = Ledger(path, {"sha256": "another"})
    ledger.close()
    return [{key: value for key, value in record.items() if key != "sum"} for record in ledger.records.values()]


def test_what_is_appended_is_read_again(path: Path) -> None:
    assert records_of(path) == RECORDS
    header, records = read(path)
    assert header["sha256"] == "abc"
    assert records == RECORDS
    # and it is what it says: JSON, an object on a line
    assert len([json.loads(line) for line in path.read_text("utf-8").splitlines()]) == 6


def test_a_trial_is_there_once(path: Path) -> None:
    ledger = Ledger(path, HEADER)
    ledger.append([{**RECORDS[0], "val": 7}])
    ledger.close()
    assert records_of(path) == RECORDS


def test_a_ledger_that_ends_anywhere_loses_only_the_torn_line(path: Path) -> None:
    whole = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(whole) if byte == ord("\n")]
    for stop in range(len(whole)):
        path.write_bytes(whole[:stop])
        lines = sum(end <= stop for end in ends)
        assert records_of(path) == RECORDS[: max(0, lines - 1)], stop
        if lines:
            assert path.read_bytes() == whole[: ends[lines - 1]]
        ledger = Ledger(path, HEADER)
        ledger.append(RECORDS)
        ledger.close()
        assert records_of(path) == RECORDS


def test_damage_within_is_told_with_its_line(path: Path) -> None:
    data = path.read_bytes()
    place = data.index(b'"t2"') + 1
    path.write_bytes(data[:place] + b"x" + data[place + 1 :])
    with pytest.raises(DataError) as error:
        Ledger(path, HEADER)
    assert str(error.value) == (
        f"{path}:4: a damaged line: its checksum is not that of its text. Take the line out, and its trial runs again."
    )
    assert path.read_bytes() == data[:place] + b"x" + data[place + 1 :]


@pytest.mark.parametrize("content", [b"a,b,c\n1,2,3\n", b"{}\n", b"hello", b"\x00\x01\n", b'{"kind":"other"}'])
def test_another_file_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DataError, match="expected a ledger written by nncli sweep, found something else"):
        Ledger(path, HEADER)
    assert path.read_bytes() == content


def test_one_sweep_at_a_time(path: Path) -> None:
    first = Ledger(path, HEADER)
    with pytest.raises(OutputError, match="another sweep is writing to it"):
        Ledger(path, HEADER)
    assert len(read(path)[1]) == 5  # but it can be looked at
    first.close()


def test_folders_and_devices_are_no_ledgers(tmp_path: Path) -> None:
    for path in (tmp_path, Path("/dev/zero")):
        with pytest.raises(OutputError, match="expected a file for the ledger, found something else"):
            Ledger(path, HEADER)
