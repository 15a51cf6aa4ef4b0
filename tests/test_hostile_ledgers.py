# ruff: noqa: E501  (each change stands on one line)
"""Ledgers with right checksums and wrong content: one line each, in little memory."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import random
import resource
import shutil
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import peak_memory
from cli_errors import BAD_DATA
from ledgers import documents, line_of, with_sum
from nncli.cli.main import main
from nncli.config.train_config import TrainConfig
from nncli.data.bundled import path_of
from nncli.errors import DataError
from nncli.sweep.ledger import read
from nncli.sweep.ranking import describe, ranking_of
from nncli.sweep.trial import Trial
from short_and_long import some_short

Run = Callable[..., Any]
SWEEP = ["sweep", "iris", "--lr", "0.05,1e30", "--optimizer", "sgd", "--epochs", "3", "--folds", "2", "--jobs", "1"]
Changed = dict[str, Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ledger of two trainings in two folds each, of which one fails."""
    folder = tmp_path_factory.mktemp("ledger")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main([*SWEEP, "-q", "--json"]) == 0
    return folder / "model.sweep.jsonl"


@pytest.fixture
def lines(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Changed]:
    """Its header, two trials that are done and two that failed; the file is in the folder to work in."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(made, "model.sweep.jsonl")
    header, *trials = documents()
    return [header, *sorted(trials, key=lambda one: (one["outcome"], one["fold"]))]


def write(lines: list[Changed]) -> None:
    Path("model.sweep.jsonl").write_bytes(b"".join(map(line_of, lines)))


HEADERS = [
    {"data": "iris"}, {"data": [1]}, {"rows": -1}, {"rows": 1.5}, {"rows": True}, {"folds": 0}, {"folds": None},
    {"nncli": "\x1b[31m"}, {"sha256": "x"}, {"sha256": 5}, {"val_sha256": None}, {"more": 1},
]  # fmt: skip
DONE = [
    {"n_val": 2_000_000_000}, {"n_val": 0}, {"n_val": 1}, {"n_val": "9"}, {"n_val": 10**400}, {"right": ""}, {"right": "AA=="}, {"right": "ä"},
    {"right": 3}, {"fold": 2}, {"fold": -1}, {"fold": 0.0}, {"share": 0}, {"share": 2}, {"share": "1"}, {"trial": "0" * 16}, {"trial": None},
    {"epochs": 0}, {"epochs": 4}, {"best_epoch": 9}, {"parameters": -3}, {"seconds": -1}, {"seconds": 1e300}, {"seconds": None},
    {"outcome": "odd"}, {"outcome": ["done"]}, {"outcome": "failed"}, {"reason": "why"}, {"reason": 7}, {"val": {}}, {"val": None},
    {"val": {"accuracy": 2, "balanced-accuracy": 0.5, "loss": 1}}, {"val": {"accuracy": 0, "balanced-accuracy": 0.5, "loss": 1}},
    {"val": {"accuracy": "1", "balanced-accuracy": 0.5, "loss": 1}}, {"history": [[1, 1, 1]] * 3}, {"history": [[1, 1, 1, "1"]] * 3},
    {"evidence": 3}, {"evidence": "ä"}, {"evidence": "AAAA"},
    {"val": {"accuracy": 1, "balanced-accuracy": 0.5, "loss": 1, "mcc": 1}}, {"history": []}, {"history": None}, {"config": {}}, {"config": None}, {"config": {"lr": "fast"}}, {"nncli": 1}, {"nncli": "\n"}, {"more": 1},
]  # fmt: skip
FAILED = [
    {"outcome": "done"},
    {"reason": ""},
    {"seconds": "1"},
    {"fold": 7},
    {"config": {"lr": 0.1}},
    {"right": "AA=="},
]
CASES = [*((0, one) for one in HEADERS), *((1, one) for one in DONE), *((3, one) for one in FAILED)]


@pytest.mark.parametrize(
    ("place", "change"), some_short(CASES, 20), ids=[f"{place}-{str(change)[:40]!a}" for place, change in CASES]
)
def test_wrong_content_is_one_line_that_says_where(
    place: int, change: Changed, lines: list[Changed], nncli: Run
) -> None:
    changed = copy.deepcopy(lines)
    changed[place] |= change
    write(changed)
    before = Path("model.sweep.jsonl").read_bytes()
    for words in (["sweep", "--show", "model.sweep.jsonl"], [*SWEEP, "-q"]):
        outcome = nncli(*words)
        assert (outcome.code, outcome.out, outcome.err.count("\n")) == (BAD_DATA, "", 1), outcome.err
        assert outcome.err.startswith(f"model.sweep.jsonl:{place + 1}: ")
        assert outcome.err[:-1].isprintable()
    assert Path("model.sweep.jsonl").read_bytes() == before
    if place:  # what the error advises works
        write([line for i, line in enumerate(changed) if i != place])
        assert nncli(*SWEEP, "-q").code == 0
        assert len(documents()) == 5


@pytest.mark.parametrize(
    "text",
    [b'{"trial":NaN}', b'{"trial":1e999}', b'{"trial":' + b"[" * 100_000 + b"}", b'{"trial":"a","trial":"b"}', b'{"trial":' + b"9" * 5000 + b"}",
     b'{"trial":"\xff"}', b'{"trial":"\\ud800"}', b"[]", b"7", b"{}", b"", b'{"trial":[' + b"[]," * 400_000 + b"0]}"],
)  # fmt: skip
def test_odd_json_is_one_line(text: bytes, lines: list[Changed], nncli: Run) -> None:
    Path("model.sweep.jsonl").write_bytes(b"".join(map(line_of, lines[:2])) + with_sum(text))
    outcome = nncli("sweep", "--show", "model.sweep.jsonl")
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (BAD_DATA, "", 1), outcome.err
    assert outcome.err.startswith("model.sweep.jsonl:3: ")


def test_lines_have_to_suit_each_other(lines: list[Changed], nncli: Run) -> None:
    header, one, other, *failed = lines
    write([header, one, other, one])
    assert "model.sweep.jsonl:4: a duplicate of a trial further up" in nncli("sweep", "--show", "model.sweep.jsonl").err
    elsewhere = {**one["config"], "drop": ["a"]}
    key = Trial(TrainConfig.from_json(elsewhere), one["fold"], 2).key
    write([header, other, {**one, "config": elsewhere, "trial": key}])
    assert (
        "model.sweep.jsonl:3: expected a trial: 'config.drop' is not that of the trials further up"
        in nncli("sweep", "--show", "model.sweep.jsonl").err
    )
    half = {**one["val"], "accuracy": 0.5}
    words = [word.replace("0.05,1e30", "0.04") for word in SWEEP]
    assert nncli(*words, "-q", "--ledger", "other.jsonl").code == 0
    again = next(line for line in documents("other.jsonl")[1:] if line["fold"] == one["fold"])
    write([header, one, {**again, "n_val": 2, "right": "gA==", "val": half}])
    assert (
        "model.sweep.jsonl:3: other validation rows than those of the lines further up"
        in nncli("sweep", "--show", "model.sweep.jsonl").err
    )
    write([header, *failed])
    assert nncli("sweep", "--show", "model.sweep.jsonl").code == 0


def test_any_change_of_any_value_is_read_or_refused(lines: list[Changed]) -> None:
    """Each value, at any depth, becomes another: the file is read and described, or there is a DataError, and nothing
    else."""
    rng = random.Random(0)
    odd = [None, True, -1, 0, 1, 2**31, 10**30, 0.5, 1e308, "", "x", "\x1b[2J", [], [[]], {}, {"a": 1}, [1, 2, 3, 4]]
    for _ in range(250):
        changed = copy.deepcopy(lines)
        at: Any = changed[rng.randrange(len(changed))]
        while True:
            key = rng.choice(list(at) if isinstance(at, dict) else range(len(at)))
            if isinstance(at[key], dict | list) and at[key] and rng.random() < 0.7:
                at = at[key]
                continue
            if rng.random() < 0.2:
                del at[key]
            else:
                at[key] = rng.choice(odd)
            break
        write(changed)
        with contextlib.suppress(DataError):
            _, records = read(Path("model.sweep.jsonl"))
            for metric in ("accuracy", "balanced-accuracy", "loss"):
                json.dumps(describe(ranking_of(records, metric)), allow_nan=False)


@pytest.mark.long
def test_no_line_takes_much_memory(lines: list[Changed]) -> None:
    """Of a few kilobytes that claim to be billions of rows, of four megabytes of brackets, and of a file full of nothing."""
    huge = {**lines[1], "n_val": 2_000_000_000}
    empty = Path("empty.jsonl")
    with empty.open("wb") as file:
        file.truncate(3 << 30)
    write([lines[0], huge])
    Path("deep.jsonl").write_bytes(line_of(lines[0]) + with_sum(b'{"trial":[' + b"[]," * 90_000 + b"0]}") * 9)
    used = []
    for file in ("absent.jsonl", "model.sweep.jsonl", "deep.jsonl", "empty.jsonl", "/dev/zero"):
        done, peak = peak_memory.run("sweep", "--show", file, preexec_fn=limited)
        assert (done.returncode, done.stderr.count("\n")) == (BAD_DATA, 1)
        used.append(peak)
    assert max(used) - used[0] < 64 << 10  # KiB


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))


def test_many_validation_rows_are_compared_in_little_memory_and_time(lines: list[Changed], nncli: Run) -> None:
    """Two trainings that are right in every second row of four million, and in every other one."""
    n = 4_000_000
    trials = []
    for lr, byte in (("0.04", b"\x55"), ("0.03", b"\xaa")):
        words = ["sweep", "iris", "--lr", lr, "--epochs", "2", "--jobs", "1", "-q", "--ledger", f"{lr}.jsonl"]
        assert nncli(*words).code == 0
        header, one = documents(f"{lr}.jsonl")
        right = b64encode(byte * (n // 8)).decode()
        trials.append({**one, "n_val": n, "right": right, "val": {**one["val"], "accuracy": 0.5}})
    write([{**header, "rows": 2 * n}, *trials])
    done, peak = peak_memory.run("sweep", "--show", "model.sweep.jsonl", "--json", "-q")
    assert json.loads(done.stdout)["standings"][1]["chance"] == 1
    assert peak < 160 << 10  # KiB


def test_nothing_in_a_ledger_moves_the_cursor(lines: list[Changed], nncli: Run) -> None:
    header, one, other, *failed = lines
    header["data"] = ["a\x1b[31m.csv", "b.csv", "c.csv", "d.csv"]
    failed[0]["reason"] = "\x1b]0;title\x07\nsecond line\u202e"
    write([header, one, other, *failed])
    for words in ([], ["--csv"], ["--json"]):
        outcome = nncli("sweep", "--show", "model.sweep.jsonl", *words)
        assert outcome.code == 0
        for text in (outcome.out, outcome.err):
            assert not {"\x1b", "\x07"} & set(text)
            assert words == ["--json"] or all(line.isprintable() for line in text.splitlines())
    assert "a sweep of a\\x1b[31m.csv, b.csv and 2 more, 150 rows, 2 folds: 4 trials" in outcome.err


def test_a_trial_that_is_missing_spoils_no_comparison(nncli: Run, lines: list[Changed]) -> None:
    """As after a stop: one training has two seeds of the first fold, another both folds of one seed."""
    words = ["sweep", "iris", "--lr", "0.05,0.01", "--epochs", "2", "--folds", "2", "--seeds", "2", "--jobs", "1", "-q"]
    assert nncli(*words, "--ledger", "whole.jsonl").code == 0
    header, *trials = documents("whole.jsonl")
    kept = [one for one in trials if (one["config"]["seed"] if one["config"]["lr"] == 0.01 else one["fold"]) == 0]
    write([header, *kept])
    found = nncli("sweep", "--show", "model.sweep.jsonl", "--json").json["standings"]
    assert [(len(one["values"]), one["chance"]) for one in found] == [(2, None), (2, None)]


def test_a_file_whose_name_is_not_utf_8_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nncli: Run) -> None:
    monkeypatch.chdir(tmp_path)
    name = os.fsdecode(b"d\xff.csv")
    shutil.copy(path_of("iris"), name)
    words = ["sweep", name, "--val-data", name, "--lr", "0.05,0.01", "--epochs", "2", "--jobs", "1", "-q", "--json"]
    first = nncli(*words)
    assert first.code == 0, first.err
    assert documents()[0]["data"] == [name]
    assert nncli(*words).json == first.json
    assert nncli("sweep", "--show", "model.sweep.jsonl").code == 0
