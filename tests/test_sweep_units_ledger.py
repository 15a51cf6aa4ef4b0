"""The ledger of a sweep by group or with repeated folds: stopped and resumed, of an older version, forged."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import peak_memory
from cli_errors import BAD_COMMAND, BAD_DATA
from cli_process import PROGRAM
from ledgers import documents, line_of, trials
from nncli.sweep import trial as trial_module
from nncli.sweep import units as units_module
from nncli.sweep.units import Units, units_in
from short_and_long import some_short
from unit_sweeps import GROUPED, REPEATED, clustered

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def _data(in_a_folder_of_its_own: None) -> None:
    clustered("d.csv", 40, 0)


# stopped, resumed, shared out


@pytest.mark.parametrize("words", [GROUPED, REPEATED, [*GROUPED, "--folds", "3x2"]])
def test_a_sweep_that_was_cut_off_goes_on_to_the_same_ledger_and_ranking(words: list[str], nncli: Run) -> None:
    whole = nncli(*words, "-q", "--json").json
    expected, header = trials(), documents()[0]
    lines = Path("model.sweep.jsonl").read_bytes().splitlines(keepends=True)
    for kept in (1, 2, len(lines) - 1):
        Path("model.sweep.jsonl").write_bytes(b"".join(lines[:kept]) + lines[kept][:100])
        again = nncli(*words, "--json")
        assert "the last line was incomplete and is removed" in again.err
        assert (trials(), documents()[0]) == (expected, header)
        # only the time that it took may differ
        assert [{**one, "seconds": 0} for one in again.json["standings"]] == [
            {**one, "seconds": 0} for one in whole["standings"]
        ]


@pytest.mark.long
@pytest.mark.parametrize("kills", some_short([1, 10], 1))
def test_a_sweep_that_is_killed_goes_on_to_the_same_ledger_and_ranking(nncli: Run, kills: int) -> None:
    words = ["sweep", "d.csv", "--group", "who", "--folds", "3x2", "--lr", "0.1,0.01,0.001", "--epochs", "60"]
    words += ["--patience", "60", "-q", "--json"]
    whole = nncli(*words, "--jobs", "1", "-o", "w.npz").json
    rng = np.random.default_rng(0)
    for _ in range(kills):
        process = subprocess.Popen(
            [*PROGRAM, *words, "--jobs", "2"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(rng.uniform(0.5, 2))
        process.send_signal(signal.SIGKILL)
        process.wait()
    again = nncli(*words, "--jobs", "1").json
    assert trials() == trials("w.sweep.jsonl")
    assert documents()[0] == documents("w.sweep.jsonl")[0]
    assert [(one["options"], one["mean"], one["chance"]) for one in again["standings"]] == [
        (one["options"], one["mean"], one["chance"]) for one in whole["standings"]
    ]


@pytest.mark.long
def test_any_number_of_jobs_and_halving_come_to_the_same(nncli: Run) -> None:
    words = ["sweep", "d.csv", "--group", "who", "--folds", "2x2", "--lr", "0.1,0.01,0.001", "--epochs", "9"]
    for search in ("grid", "halving"):
        found = {}
        for jobs in (1, 3):
            out = f"{search}{jobs}.npz"
            done = nncli(*words, "--search", search, "--jobs", jobs, "-q", "--json", "-o", out).json
            chances = [one["chance"] for one in done["standings"]]
            found[jobs] = trials(out.replace("npz", "sweep.jsonl")), Path(out).read_bytes(), chances
        assert found[1] == found[3]


def test_other_folds_are_another_sweep(nncli: Run) -> None:
    assert nncli(*REPEATED, "-q").code == 0
    for folds, difference in (("3", "3x2, not 3"), ("3x3", "3x2, not 3x3"), ("2x2", "3x2, not 2x2")):
        outcome = nncli(*REPEATED, "--folds", folds, "-q")
        assert outcome.code == BAD_DATA
        assert f"found that of another: it has --folds {difference}. Name" in outcome.err
    header = documents()[0]
    units = units_in(header)
    assert units is not None
    other = Units(units.unit_of_row, units.fold_of_unit[::-1], 3)
    Path("model.sweep.jsonl").write_bytes(b"".join(map(line_of, [{**header, "units": other.to_json()}])))
    assert "found that of another: its folds have other rows. Name" in nncli(*REPEATED, "-q").err


def test_folds_by_time_are_not_drawn_repeatedly(nncli: Run) -> None:
    outcome = nncli("sweep", "d.csv", "--time", "a", "--folds", "3x2", "--lr", "0.1,0.2")
    assert outcome.err == "--folds: folds by time are the same each time they are drawn. Name one number, as 5.\n"
    assert outcome.code == BAD_COMMAND


def test_the_note_at_the_end_names_the_folds_and_showing_does(nncli: Run) -> None:
    assert "nncli train --folds 3x2 with its options judges it on rows" in nncli(*REPEATED).err
    shown = nncli("sweep", "--show", "model.sweep.jsonl")
    assert shown.err == "a sweep of iris, 150 rows, 3 folds drawn 2 times: 12 trials\n"
    assert "p-value" in shown.out


# what the ledger does not have, and what it should not


def test_other_sweeps_have_the_header_that_they_had(nncli: Run) -> None:
    assert nncli("sweep", "iris", "--lr", "0.1,0.2", "--epochs", "1", "--folds", "3", "--jobs", "1", "-q").code == 0
    assert [*documents()[0]] == ["kind", "format", "nncli", "data", "sha256", "rows", "val_sha256", "folds"]


def test_an_older_ledger_by_group_goes_on_without_p_values(nncli: Run) -> None:
    assert nncli(*GROUPED, "-q").code == 0
    header, *records = documents()
    del header["units"]
    Path("model.sweep.jsonl").write_bytes(b"".join(map(line_of, [header, records[0]])))
    note = (
        "note: no p-values, which would take rows of one who as independent: the ledger does not have which rows "
        "belong together\n"
    )
    done = nncli(*GROUPED, "--json")
    assert done.json["standings"][1]["chance"] is None
    assert note in done.err
    assert note in nncli("sweep", "--show", "model.sweep.jsonl").err
    assert "p-value" not in nncli("sweep", "--show", "model.sweep.jsonl").out


def test_what_is_too_much_for_a_ledger_is_left_out_and_said(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for limit, least in (("MOST_ROWS", 100), ("MOST_FOLDS", 0), ("MOST_TEXT", 50)):
        with monkeypatch.context() as patch:
            patch.setattr(units_module, limit, least)
            for words, wrong in ((REPEATED, "count a row several times"), (GROUPED, "take rows of one who as ")):
                out = ["-o", f"{limit}-{words[1]}.npz"]
                if limit == "MOST_ROWS" and words is GROUPED:
                    continue  # 34 validation rows
                done = nncli(*words, *out, "--json")
                assert f"note: no p-values, which would {wrong}" in done.err
                assert [one["chance"] for one in done.json["standings"]] == [None, None]
                assert nncli(*words, *out, "--json").json == done.json
                assert documents(f"{limit}-{words[1]}.sweep.jsonl")[0]["units"] is None


def hostile(units: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """What a forged header may have for the units: 128 rows, in 3 folds, twice."""
    pack = units_module._packed
    bomb = pack(np.zeros(50_000_000, np.int64), "<u1")
    rows, folds = np.append(0, np.ones(127, np.int64)), np.arange(256) % 3
    changes: list[tuple[str, dict[str, Any]]] = [
        ("no object", {"units": 3}), ("a text", {"units": "eJw="}), ("nothing in it", {"units": {}}),
        ("no repeats", {"repeats": 0}), ("one repeat", {"repeats": 1}), ("other repeats", {"repeats": 3}),
        ("a repeat and a half", {"repeats": 1.5}), ("many repeats", {"repeats": 1 << 50}),
        ("other folds", {"folds": 2}), ("many folds", {"folds": 1 << 50}), ("few rows in all", {"rows": 100}),
    ]  # fmt: skip
    of_units = {
        "more": {"more": 1}, "no rows": {"rows": 0}, "many rows": {"rows": 1 << 40}, "other rows": {"rows": 127},
        "rows as text": {"rows": "128"}, "no units": {"units": 0}, "other units": {"units": 127},
        "many units": {"units": 1 << 21}, "no base64": {"unit_of_row": "ä"}, "odd base64": {"unit_of_row": "AAA"},
        "no text": {"fold_of_unit": [1]}, "empty": {"fold_of_unit": ""}, "not compressed": {"unit_of_row": "AAAA"},
        "cut off": {"unit_of_row": pack(rows, "<i4")[:-8]}, "too short": {"fold_of_unit": pack(folds[1:], "<u1")},
        "too long": {"fold_of_unit": pack(np.append(folds, 0), "<u1")}, "a bomb": {"fold_of_unit": bomb},
        "another bomb": {"unit_of_row": bomb}, "a fold beyond": {"fold_of_unit": pack(folds + 1, "<u1")},
        "units below 0": {"unit_of_row": pack(rows - 1, "<i4")},
        "a unit beyond": {"unit_of_row": pack(rows + 1, "<i4")},
        "units without rows": {"unit_of_row": pack(rows * 0, "<i4")},
        "more behind": {"unit_of_row": b64encode(b64decode(pack(rows, "<i4")) + b"more").decode()},
    }  # fmt: skip
    return changes + [(name, {"units": {**units, **change}}) for name, change in of_units.items()]


@pytest.mark.long
def test_a_forged_header_is_one_line(nncli: Run) -> None:
    assert nncli(*REPEATED, "-q").code == 0
    header, *records = documents()
    for name, change in hostile(header["units"]):
        Path("model.sweep.jsonl").write_bytes(b"".join(map(line_of, [{**header, **change}, *records])))
        for words in (["sweep", "--show", "model.sweep.jsonl"], [*REPEATED, "-q"]):
            outcome = nncli(*words)
            assert (outcome.code, outcome.out, outcome.err.count("\n")) == (BAD_DATA, "", 1), (name, outcome.err)
            assert outcome.err.startswith("model.sweep.jsonl:1: "), (name, outcome.err)


@pytest.mark.long
def test_no_forged_header_takes_much_memory(nncli: Run) -> None:
    """Of 200 MB of zeros that are compressed, and of as many folds as there are rows."""
    assert nncli(*REPEATED, "-q").code == 0
    header, *records = documents()
    pack, n = units_module._packed, 1 << 20
    one = {"rows": n, "units": n, "unit_of_row": pack(np.append(0, np.ones(n - 1, np.int64)), "<i4")}
    forged = [
        {"units": {**header["units"], "fold_of_unit": pack(np.zeros(200_000_000, np.uint8), "<u1")}},
        {"rows": n, "folds": n, "units": {**one, "fold_of_unit": pack(np.arange(2 * n) % n, "<u4")}},
    ]
    _, least = peak_memory.run("sweep", "--show", "model.sweep.jsonl")
    for change in forged:
        Path("forged.jsonl").write_bytes(b"".join(map(line_of, [{**header, **change}, *records])))
        done, peak = peak_memory.run("sweep", "--show", "forged.jsonl")
        assert (done.returncode, done.stderr.count("\n")) == (BAD_DATA, 1)
        assert peak - least < 64 << 10  # KiB


def test_a_forged_trial_is_one_line_and_its_advice_works(nncli: Run) -> None:
    assert nncli(*REPEATED, "-q").code == 0
    shutil.copy("model.sweep.jsonl", "good.jsonl")
    header, *records = documents()
    one = next(record for record in records if record["fold"] == 5)
    fewer = {"n_val": 1, "right": "gA==", "val": {**one["val"], "accuracy": 1}}
    for change in ({"fold": 6}, {"fold": -1}, {"fold": 2}, fewer):
        others = [record for record in records if record is not one]
        lines = [header, {**one, **change}, *others]
        Path("model.sweep.jsonl").write_bytes(b"".join(map(line_of, lines)))
        for words in (["sweep", "--show", "model.sweep.jsonl"], [*REPEATED, "-q"]):
            outcome = nncli(*words)
            assert (outcome.code, outcome.out, outcome.err.count("\n")) == (BAD_DATA, "", 1), outcome.err
            assert outcome.err.startswith("model.sweep.jsonl:2: ")
        Path("model.sweep.jsonl").write_bytes(b"".join(map(line_of, [header, *others])))
        assert nncli(*REPEATED, "-q").code == 0
        assert trials() == trials("good.jsonl")


def test_a_ledger_without_what_the_metric_has_to_know_of_each_row_says_so(
    nncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one of very many rows, and one that is shown by another metric than that of its sweep."""
    note = "note: no p-values: the ledger does not have what {} has to know of each row\n"
    monkeypatch.setattr(trial_module, "MOST_EVIDENCE", 10)
    done = nncli(*GROUPED, "--metric", "roc-auc", "--json")
    assert done.json["standings"][1]["chance"] is None
    assert note.format("roc-auc") in done.err
    assert "no p-values" not in nncli("sweep", "--show", "model.sweep.jsonl", "--metric", "accuracy").err
    shown = nncli("sweep", "--show", "model.sweep.jsonl", "--metric", "balanced-accuracy")
    assert note.format("balanced-accuracy") in shown.err
