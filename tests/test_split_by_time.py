"""train --time: the latest rows are the test, those before them validate, and a model is asked about the future."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import TimeSeriesSplit

from ledgers import trials
from nncli.data.dates import written
from nncli.data.time_split import time_fold, time_split
from nncli.model import checkpoint

Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def walk(path: str, days: int = 1500) -> None:
    """Random walks: where they are says which day it is nearly, and so the class of the days around it."""
    rng = np.random.default_rng(6)
    a, b, hidden = np.cumsum(rng.normal(size=(3, days)), axis=1)
    day = np.datetime64("2020-01-01") + np.arange(days).astype("timedelta64[D]")
    above = hidden > np.convolve(hidden, np.ones(401) / 401, "same")  # of both classes at any time
    rows = [f"{day[i]},{a[i]:.3f},{b[i]:.3f},{'up' if above[i] else 'down'}" for i in rng.permutation(days)]
    Path(path).write_text("day,a,b,class\n" + "\n".join(rows) + "\n")


@settings(max_examples=200)
@given(
    times=st.lists(st.integers(0, 30), min_size=3, max_size=300).filter(lambda found: len(set(found)) > 2),
    val=st.floats(0.05, 0.4),
    test=st.floats(0.05, 0.4),
)
def test_parts_follow_one_another_and_equal_times_stay_together(times: list[int], val: float, test: float) -> None:
    column = np.array(times, float)
    split = time_split(column, val, test, "f", "t")
    parts = [split.train, split.val, split.test]
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(len(times)))
    assert all((np.diff(rows) > 0).all() and len(rows) for rows in parts)
    assert column[split.train].max() < column[split.val].min()
    assert column[split.val].max() < column[split.test].min()


def test_the_cuts_are_where_the_shares_are_nearest() -> None:
    # by hand: 20 rows, 15 % are 3; the times 5 and 6 come twice, and 8 of the last rows are of time 9
    times = np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 8, 9, 9, 9, 9], float)
    split = time_split(times, 0.15, 0.15, "f", "t")
    assert [len(split.train), len(split.val), len(split.test)] == [14, 2, 4]  # 4 and 1 rows off, the other way
    distinct = np.random.default_rng(0).permutation(100).astype(float)
    split = time_split(distinct, 0.2, 0.1, "f", "t")
    assert [sorted(distinct[rows].astype(int)) for rows in (split.train, split.val, split.test)] == [
        [*range(70)], [*range(70, 90)], [*range(90, 100)]
    ]  # fmt: skip


@pytest.mark.parametrize(("n", "folds"), [(60, 5), (66, 2), (40, 3)])
def test_folds_are_those_of_scikit_learn(n: int, folds: int) -> None:
    """TimeSeriesSplit, where the rows come in blocks of one size."""
    times = np.arange(n, dtype=float)
    for k, (train, val) in enumerate(TimeSeriesSplit(folds).split(times)):
        found = time_fold(times, k, folds, "f", "t")
        np.testing.assert_array_equal(found[0], train)
        np.testing.assert_array_equal(found[1], val)


def test_a_random_split_flatters_where_a_split_by_time_does_not(nncli: Run) -> None:
    walk("d.csv")
    drawn = nncli("train", "d.csv", "--drop", "day", "--json", "-q").json["test"]["accuracy"]
    timed = nncli("train", "d.csv", "--time", "day", "--json")
    assert drawn > timed.json["test"]["accuracy"] + 0.1
    assert [timed.json[f"n_{part}"] for part in ("train", "val", "test")] == [1050, 225, 225]
    assert "column 'day': the times of the rows, not an input" in timed.err
    # 1,500 days from the 1st of January 2020 on, 1,050 and 225 of them before the cuts
    assert (
        "split by column 'day': training from 2020-01-01 to 2022-11-15, validation from 2022-11-16 to 2023-06-28, "
        "test from 2023-06-29 to 2024-02-08" in timed.err
    )
    assert nncli("eval", "model.npz", "--json", "-q").json["accuracy"] == timed.json["test"]["accuracy"]
    model, provenance = checkpoint.load(Path("model.npz"))
    assert model.schema.names == ("a", "b")
    days = np.array([line.split(",")[0] for line in Path("d.csv").read_text().splitlines()[1:]])
    assert min(days[provenance.test_rows]) == "2023-06-29"
    assert max(days[provenance.val_rows]) == "2023-06-28"
    Path("new.csv").write_text("a,b\n0,0\n")
    assert nncli("predict", "model.npz", "new.csv", "-q").code == 0


@pytest.mark.parametrize(
    ("time", "last"),
    [
        ("{i}", "test from 85 to 99"),
        ("{i}.5", "test from 85.5 to 99.5"),
        ("{i}.1", "test from 85.1 to 99.1"),  # which float32 holds as 85.09999847412109
        ("202601{i:02}", "test from 20260185 to 20260199"),  # which float32 cannot tell apart
        ("18{i:02}-03-01", "test from 1885-03-01 to 1899-03-01"),
        ("01.03.18{i:02}", "test from 1885-03-01 to 1899-03-01"),
        ("1/30/18{i:02}", "test from 1885-01-30 to 1899-01-30"),
        # 12 rows in each minute, or hour: 85 = 7 · 12 + 1, 99 = 8 · 12 + 3
        ("2026-01-01T10:{hour}:{rest:02}", "test from 2026-01-01 10:17:01 to 2026-01-01 10:18:03"),
        ("2026-01-01 {hour}:{rest:02}:00+01:00", "test from 2026-01-01 16:01:00 to 2026-01-01 17:03:00"),
    ],
)
def test_times_are_dates_or_numbers_however_written(time: str, last: str, nncli: Run) -> None:
    cells = [time.format(i=i, hour=10 + i // 12, rest=i % 12) for i in range(100)]
    rows = [f"{cells[i]},{i * 7 % 31},{'pq'[i % 2]}" for i in np.random.default_rng(0).permutation(100)]
    Path("d.csv").write_text("at,a,class\n" + "\n".join(rows) + "\n")
    outcome = nncli("train", "d.csv", "--time", "at", "--dry-run", "--json")
    assert outcome.code == 0, outcome.err
    assert (outcome.json["inputs"], outcome.json["n_test"]) == (1, 15)
    assert outcome.err.split("split by column 'at': ")[1].splitlines()[0].endswith(last)


@pytest.mark.parametrize(
    ("days", "text"), [(0, "1970-01-01"), (-1.5, "1969-12-30 12:00:00"), (20454.25, "2026-01-01 06:00:00")]
)
def test_days_are_written_as_dates(days: float, text: str) -> None:
    assert written(days) == text


SKIP = "Correct it, or leave such rows out with --on-error skip."


@pytest.mark.parametrize(
    ("cell", "words", "message"),
    [
        ("soon", "", f"d.csv:3: column 'at': expected a date such as 2026-11-21, found 'soon'. {SKIP}"),
        ("2026-02-31", "", f"d.csv:3: column 'at': expected a date such as 2026-11-21, found '2026-02-31'. {SKIP}"),
        ("", "", f"d.csv:3: column 'at': expected a time, found an empty cell. {SKIP}"),
        ("never", "--missing never", f"d.csv:3: column 'at': expected a time, found 'never'. {SKIP}"),
        ("2026-01-09", "--categorical at", "d.csv: column 'at': expected dates or numbers, to order rows with, found "
         "text. Name another column with --time, or say how dates are written with --date-format."),
        ("2026-01-09", "--group a", "--time: --group says already how rows are split. Leave one of them out."),
        ("2026-01-09", "--split-seed 1", "--split-seed: the time says which rows are in which part, and no seed. Leave "
         "it out."),
        ("2026-01-09", "--drop at", "--drop: 'at' is named by --time too. Name it once."),
    ],
)  # fmt: skip
def test_times_that_cannot_be(cell: str, words: str, message: str, nncli: Run) -> None:
    lines = [f"2026-01-{i % 28 + 1:02},{i * i % 17},{'pq'[i % 2]}" for i in range(60)]
    lines[1] = cell + lines[1][lines[1].index(",") :]
    Path("d.csv").write_text("at,a,class\n" + "\n".join(lines) + "\n")
    outcome = nncli("train", "d.csv", "--time", "at", *words.split(), "-q")
    assert (outcome.code, outcome.err) == (2 if message.startswith("--") else 1, message + "\n")
    if SKIP in message:  # as advised
        words = ["train", "d.csv", "--time", "at", *words.split(), "--on-error", "skip", "--epochs", "2", "-q"]
        assert nncli(*words).code == 0


def test_text_is_no_time_and_few_times_are_refused(nncli: Run) -> None:
    lines = [f"{['early', 'late'][i % 2]},{i % 2},{i * i % 17},{'pq'[i // 2 % 2]}" for i in range(60)]
    Path("d.csv").write_text("word,half,a,class\n" + "\n".join(lines) + "\n")
    assert nncli("train", "d.csv", "--time", "word", "-q").err == (
        "d.csv: column 'word': expected dates or numbers, to order rows with, found text. Name another column with "
        "--time, or say how dates are written with --date-format.\n"
    )
    words = ["train", "d.csv", "--time", "half", "-q"]
    assert nncli(*words).err == (
        "d.csv: column 'half': expected at least 3 different times, one for each of the 3 parts of the split, found 2. "
        "Name another column with --time, or set --val 0 or --test 0.\n"
    )
    assert nncli(*words, "--val", "0").code == 0


def test_a_class_that_comes_late_is_refused_and_one_that_goes_is_told(nncli: Run) -> None:
    lines = [f"{i},{i * i % 17},{'pq'[i % 2]}" for i in range(100)]
    late = [line[:-1] + "r" if i >= 95 else line for i, line in enumerate(lines)]
    Path("late.csv").write_text("at,a,class\n" + "\n".join(late) + "\n")
    refused = nncli("train", "late.csv", "--time", "at", "-q")
    assert (refused.code, refused.err) == (
        1, "late.csv: class 'r': expected training rows, found none in a split by --time. Set smaller shares with "
        "--val and --test, leave the class out, or split at random, without --time.\n",
    )  # fmt: skip
    assert nncli("train", "late.csv", "--time", "at", "-q", "--val", "0.02", "--test", "0.02").code == 0
    gone = [line[:-1] + "r" if i < 5 else line for i, line in enumerate(lines)]
    Path("gone.csv").write_text("at,a,class\n" + "\n".join(gone) + "\n")
    assert (
        "warning: class 'r': there is no row of it among the test rows, so"
        in nncli("train", "gone.csv", "--time", "at").err
    )


def test_folds_of_a_sweep_go_forward_in_time(nncli: Run) -> None:
    """120 rows: 18 are the test, and the 102 others six blocks of 17."""
    lines = [f"{i},{i * i % 17},{'pq'[i % 2]}" for i in np.random.default_rng(0).permutation(120)]
    Path("d.csv").write_text("at,a,class\n" + "\n".join(lines) + "\n")
    words = ["sweep", "d.csv", "--time", "at", "--lr", "0.01,0.001", "--epochs", "3", "--jobs", "1"]
    outcome = nncli(*words, "--folds", "5", "--json")
    assert outcome.code == 0, outcome.err
    assert [one["n_val"] for one in trials()] == [17] * 10
    assert "split_seed" not in {name for name, value in trials()[0]["config"].items() if value is not None}
    made = Path("model.npz").read_bytes()
    assert nncli(*outcome.json["winner"]["command"].split()[1:], "-q").code == 0
    assert Path("model.npz").read_bytes() == made
    few = nncli(*words, "--folds", "200", "-q", "--ledger", "few.jsonl")
    assert (few.code, few.err) == (
        1, "d.csv: column 'at': expected at least 201 different times before the test rows, as 200 folds need, found "
        "102. Ask for fewer --folds.\n",
    )  # fmt: skip


@pytest.mark.parametrize("split", ["--time day", "--drop day"])
def test_intervals_of_rows_that_follow_one_another_are_said_to_be_narrow(split: str, nncli: Run) -> None:
    """Said once in each output, and only where the split is by time."""
    walk("d.csv")
    said, expected = "too narrow where rows that are near in time are alike", int("time" in split)
    trained = nncli("train", "d.csv", *split.split(), "--epochs", 2)
    assert trained.err.count(said) == 0  # there are no intervals
    for words in (["model.npz"], ["model.npz", "d.csv"], ["model.npz", "model.npz"]):
        assert nncli("eval", *words).err.count(said) == expected
    judged = nncli("train", "d.csv", *split.split(), "--epochs", 2, "--folds", 3, "-o", "folds.npz")
    assert judged.err.count(said) == expected
