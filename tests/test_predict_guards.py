"""predict and eval say how rows differ from the training rows; --strict stops at them, --guard writes all of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import peak_memory
from guarded import HEADER, rows
from nncli.data.bundled import BUNDLED
from short_and_long import some_short

Run = Callable[..., Any]
FOLDERS = ("digits-idx",)  # bundled sets whose images have no test rows of their own to write


@pytest.fixture(autouse=True)
def _in_its_folder(in_a_guarded_folder: None) -> None:
    """Each test has d.csv and a model of it, m.npz."""


def write(text: str, name: str = "new.csv") -> None:
    Path(name).write_text(text)


def test_rows_like_the_training_rows_are_passed_over_in_silence(nncli: Run) -> None:
    write(rows(800, 1, target=False))
    outcome = nncli("predict", "m.npz", "new.csv", "--strict", "--guard", "g.json")
    assert (outcome.code, outcome.err) == (0, "")
    document = json.loads(Path("g.json").read_text())
    assert (document["rows"], document["drifted"], document["outside"], document["warnings"]) == (800, [], [], [])


def test_drift_of_a_column_and_of_the_predictions_is_told(nncli: Run) -> None:
    write(rows(800, 1, shift=1, target=False))
    outcome = nncli("predict", "m.npz", "new.csv", "-q", "--guard", "g.json")
    lines = outcome.err.splitlines()
    assert lines[0].startswith("warning: new.csv: column 'a' has drifted (PSI ")
    assert lines[1].startswith("warning: new.csv: the predictions have drifted (PSI ")
    assert len(lines) == 3
    document = json.loads(Path("g.json").read_text())
    assert (document["drifted"], document["predictions_drifted"]) == (["a"], True)
    assert [column["name"] for column in document["columns"]] == ["a", "b", "kind"]
    drift = document["columns"][0]["drift"]
    assert (drift["psi"] > 0.5, drift["p_adjusted"] < 1e-9, drift["df"]) == (True, True, 9)
    assert sum(one["new"] for one in document["columns"][0]["bins"]) == 800
    assert document["predictions"]["drift"]["df"] == 1
    at_other = nncli("predict", "m.npz", "new.csv", "-q", "--threshold", "0.9").err
    assert "predictions have drifted" not in at_other  # which is as somebody asked
    assert "column 'a' has drifted" in at_other


def test_eval_tells_of_named_rows_and_not_of_the_models_own(nncli: Run) -> None:
    write(rows(800, 1, shift=1))
    outcome = nncli("eval", "m.npz", "new.csv", "-q", "--json")
    assert any(line.startswith("column 'a' has drifted (PSI ") for line in outcome.json["warnings"])
    assert "train it anew on such rows if they are worse" in outcome.err
    assert nncli("eval", "m.npz", "-q").err == ""


@pytest.mark.parametrize("through_a_pipe", [False, True], ids=["file", "pipe"])
def test_strict_stops_at_the_first_row_unlike_those_of_training(nncli: Run, through_a_pipe: bool) -> None:
    good = rows(5, 1, target=False).splitlines()
    for bad, column, found in [
        ("99,0,u", "'a'", "found 99"),
        ("0,-77,u", "'b'", "found -77"),
        ("0,0,x", "'kind'", "found 'x'"),
        ("0,,u", "'b'", "found a missing value"),
        ("0,0,", "'kind'", "found a missing value"),
    ]:
        text = "\n".join([*good, bad, *good[1:]]) + "\n"
        write(text)
        words = ["-"] if through_a_pipe else ["new.csv"]
        outcome = nncli("predict", "m.npz", *words, "--strict", stdin=text)
        where = "stdin" if through_a_pipe else "new.csv"
        assert outcome.code == 1
        assert outcome.out.count("\n") == 1 + 5  # the rows before it
        assert outcome.err.startswith(f"{where}: row 6: column {column}: expected ")
        assert found in outcome.err
        assert "leave --strict out" in outcome.err
        assert nncli("predict", "m.npz", *words, "--strict", "-o", "out.csv", stdin=text).code == 1
        assert not Path("out.csv").exists()


def test_strict_fails_at_the_end_where_rows_have_drifted(nncli: Run) -> None:
    """Each row is like one of training, but they are not like all of them."""
    lines = [line for line in rows(4000, 2, target=False).splitlines()[1:] if 0.3 < float(line.split(",")[0]) < 2]
    write("\n".join([HEADER, *lines]) + "\n")
    outcome = nncli("predict", "m.npz", "new.csv", "--strict", "-o", "out.csv", "--guard", "g.json")
    assert (outcome.code, Path("out.csv").exists()) == (1, False)
    refusal = outcome.err.splitlines()[-1]
    assert refusal.startswith("new.csv: expected rows like those of training, found others, by 'a'.")
    assert json.loads(Path("g.json").read_text())["drifted"] == ["a"]
    assert nncli("predict", "m.npz", "new.csv", "-o", "out.csv").code == 0


def test_strict_fails_where_no_category_is_known_though_rare_ones_may_be_new(nncli: Run) -> None:
    """Of more categories than a model has inputs for, the rare ones count as unseen in training too: a row with a new
    one is no reason to stop, forty of them are, too few as they are for a test of drift."""
    numbers = np.random.default_rng(0).integers(150, size=2000)
    write("city,class\n" + "".join(f"c{k},{'no' if k % 2 else 'yes'}\n" for k in numbers), "cities.csv")
    assert nncli("train", "cities.csv", "-m", "logistic", "--epochs", "2", "-q", "-o", "cities.npz").code == 0
    write("city\n" + "".join(f"C{k}\n" for k in range(40)))
    outcome = nncli("predict", "cities.npz", "new.csv", "-o", "p.csv", "--strict")
    assert outcome.code == 1
    assert "none of its first 40 cells has a category that the model knows" in outcome.err
    problem = "new.csv: expected rows like those of training, found others, by 'city'."
    assert outcome.err.splitlines()[-1].startswith(problem)
    assert not Path("p.csv").exists()
    write("city\nC1\n" + "".join(f"c{k}\n" for k in range(150)))  # of which two thirds are known
    assert nncli("predict", "cities.npz", "new.csv", "-o", "p.csv", "--strict").code == 0


def test_rows_that_cannot_be_read_are_not_among_those_counted(nncli: Run) -> None:
    write(f"{HEADER}\n0,0,u\nbad,0,u\n0,0,v\n")
    outcome = nncli("predict", "m.npz", "new.csv", "--on-error", "blank", "--guard", "g.json")
    document = json.loads(Path("g.json").read_text())
    assert (outcome.code, document["rows"]) == (0, 2)
    assert [column["missing"]["count"] for column in document["columns"]] == [0, 0, 0]
    assert sum(one["new"] for one in document["predictions"]["bins"]) == 2


def test_several_files_are_one_report_whoever_reads_them(nncli: Run) -> None:
    for i in range(3):
        write(rows(300, i, shift=1, target=False), f"{i}.csv")
    found = []
    for more in ((), ("--jobs", "2")):
        outcome = nncli("predict", "m.npz", "0.csv", "1.csv", "2.csv", "--guard", "g.json", *more)
        document = json.loads(Path("g.json").read_text())
        found.append((outcome.code, outcome.out, outcome.err, document))
    assert found[0] == found[1]
    assert found[0][3]["rows"] == 900
    assert "column 'a' has drifted" in found[0][2]


def test_what_another_warning_tells_is_not_told_twice(nncli: Run) -> None:
    """A column in another unit is outside, and has drifted, too."""
    lines = rows(800, 1, target=False).splitlines()[1:]
    write(
        "\n".join([HEADER, *(f"{1000 + float(line.split(',')[0])},{line.split(',', 1)[1]}" for line in lines)]) + "\n"
    )
    told = [line for line in nncli("predict", "m.npz", "new.csv", "-q").err.splitlines() if "'a'" in line]
    assert len(told) == 1
    assert told[0].endswith("another unit?")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("--guard -", "--guard: the predictions go to stdout. Name a file."),
        ("--guard m.npz", "m.npz: cannot write: it is one of the files that are read or written."),
        ("--guard new.csv", "new.csv: cannot write: it is one of the files that are read or written."),
        ("--guard x.csv -o x.csv", "--guard: x.csv is the file of the predictions too. Name another file."),
        ("--guard no/where.json", "no/where.json: cannot write: "),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_at_once(nncli: Run, words: str, problem: str) -> None:
    write(rows(3, 1, target=False))
    outcome = nncli("predict", "m.npz", "new.csv", *words.split())
    assert (outcome.code in (1, 2), outcome.out) == (True, "")
    assert outcome.err.startswith(problem)


def test_numbers_are_guarded_like_classes(nncli: Run, priced: Path) -> None:
    text = (priced / "d.csv").read_text().splitlines()
    lines = [line.split(",") for line in text[1:]]
    write("\n".join([text[0], *(",".join([str(float(line[0]) + 3), *line[1:]]) for line in lines * 3)]) + "\n")
    outcome = nncli("predict", priced / "linear.npz", "new.csv", "-q", "--guard", "g.json")
    document = json.loads(Path("g.json").read_text())
    assert document["drifted"] == ["a"]
    assert document["predictions_drifted"] is True
    assert "the predictions have drifted" in outcome.err
    assert [column["kind"] for column in document["columns"]] == ["number", "number", "number", "date", "text"]
    assert "column 'a' has drifted" in nncli("eval", priced / "linear.npz", "new.csv", "-q").err


@pytest.mark.parametrize("name", some_short([name for name in BUNDLED if name not in FOLDERS], 5))
def test_the_own_test_rows_of_bundled_data_raise_no_alarm(nncli: Run, name: str) -> None:
    options = ["--epochs", "2", "-m", "logistic"] if name != "chocolate" else ["--test", "0.3"]
    trained = nncli("train", name, *options, "-q", "--json", "-o", "own.npz")
    assert trained.code == 0, trained.err
    judged = nncli("eval", "own.npz", "--judged", "own.csv", "-q")
    assert judged.code == 0, judged.err
    outcome = nncli("predict", "own.npz", "own.csv")
    assert (outcome.code, [line for line in outcome.err.splitlines() if not line.startswith("adaline")]) == (0, [])


def test_the_same_run_has_the_same_statistics_in_memory_and_on_the_disk(
    nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nncli.data.disk import cache

    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    found = []
    for i, more in enumerate(((), ("--memory", "400M"))):
        nncli("train", "d.csv", "-m", "logistic", "--epochs", "2", "-q", "--json", *more, "-o", f"{i}.npz")
        with np.load(f"{i}.npz") as file:
            found.append({name: file[name].tobytes() for name in ("ranges", "edges", "counts", "theta")})
            distribution = json.loads(file["meta"].tobytes())["distribution"]
    assert found[0] == found[1]
    assert (distribution["rows"], distribution["sampled"]) == (840, 840)


@pytest.mark.parametrize("how", [["--refit"], ["--folds", "3"]], ids=["refit", "folds"])
def test_models_without_validation_rows_know_what_was_predicted_of_others(nncli: Run, how: list[str]) -> None:
    assert nncli("train", "d.csv", "-m", "logistic", "--epochs", "3", *how, "-q", "--json", "-o", "r.npz").code == 0
    with np.load("r.npz") as file:
        distribution = json.loads(file["meta"].tobytes())["distribution"]
    expected = 180 if how == ["--refit"] else distribution["rows"]
    assert sum(distribution["predictions"]["counts"]) == expected


@pytest.mark.long
def test_a_pipe_is_guarded_in_constant_memory(tmp_path: Path) -> None:
    peaks = []
    for copies in (100, 800):
        body = rows(5000, 1, target=False).split("\n", 1)[1]
        write(HEADER + "\n" + body * copies, "big.csv")
        with Path("big.csv").open() as stdin:
            done, peak = peak_memory.run("predict", "m.npz", "-o", "out.csv", stdin=stdin)
        assert done.returncode == 0, done.stderr
        peaks.append(peak)
    assert peaks[1] < peaks[0] + 30_000  # KiB, of a file that has 60,000 more
