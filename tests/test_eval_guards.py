"""`eval --guard` and `--strict` compare labelled rows with the training rows, as those of `predict` do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from guarded import rows
from nncli.model import checkpoint

Run = Callable[..., Any]
OLD = Path(__file__).parent / "models" / "format-7.npz"  # it has no statistics of its training columns
CLUSTER = "for one file. Leave --cluster out."
TWO = "two models are compared as they are. Leave it out, or name one model."


@pytest.fixture(autouse=True)
def _in_its_folder(in_a_guarded_folder: None) -> None:
    """Each test has d.csv and a model of it, m.npz."""


def with_row(row: str, place: int = 5, n: int = 9) -> str:
    """Labelled rows like those of training, and one more among them."""
    lines = rows(n, 1).splitlines()
    return "\n".join([*lines[: place + 1], row, *lines[place + 1 :]]) + "\n"


def document(name: str) -> dict[str, Any]:
    """Read a report; what it advises is for its command."""
    found: dict[str, Any] = json.loads(Path(name).read_text())
    return found | {"warnings": [line for line in found["warnings"] if not line.endswith("worse")]}


@pytest.mark.parametrize("shift", [0, 1, 1000], ids=["alike", "drifted", "another-unit"])
@pytest.mark.parametrize("threshold", [(), ("--threshold", "0.9")], ids=["as-trained", "threshold"])
def test_the_report_is_that_of_predict(nncli: Run, shift: float, threshold: tuple[str, ...]) -> None:
    Path("new.csv").write_text(rows(800, 1, shift))
    judged = nncli("eval", "m.npz", "new.csv", "--guard", "e.json", "-q", *threshold)
    predicted = nncli("predict", "m.npz", "new.csv", "--guard", "p.json", "-q", *threshold)
    assert (judged.code, predicted.code) == (0, 0)
    assert document("e.json") == document("p.json")
    found = document("e.json")
    assert (found["rows"], found["drifted"]) == (800, ["a"] if shift else [])
    assert found["outside"] == (["a"] if shift == 1000 else [])  # also where another line says so on stderr
    assert found["predictions"] is None if threshold else found["predictions_drifted"] == bool(shift)
    assert judged.out == nncli("eval", "m.npz", "new.csv", "-q", *threshold).out  # the figures are the same


def test_numbers_are_guarded_like_classes(nncli: Run, priced: Path) -> None:
    for command in ("eval", "predict"):
        words = [command, priced / "linear.npz", priced / "d.csv", "--guard", f"{command}.json", "-q"]
        assert nncli(*words).code == 0
    assert document("eval.json") == document("predict.json")
    lines = (priced / "d.csv").read_text().splitlines()
    Path("far.csv").write_text("\n".join([*lines[:4], lines[4].replace(lines[4].split(",")[0], "1e9", 1)]) + "\n")
    outcome = nncli("eval", priced / "linear.npz", "far.csv", "--strict")
    assert (outcome.code, outcome.out) == (1, "")
    assert "far.csv: row 4: column 'a': expected" in outcome.err


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("99,0,u,yes", "column 'a': expected"),
        ("0,0,x,no", "column 'kind': expected a category of training, found 'x'"),
        ("0,,u,yes", "column 'b': expected"),
    ],
    ids=["far", "unseen", "missing"],
)
def test_strict_stops_at_the_row_at_which_predict_stops(nncli: Run, row: str, problem: str) -> None:
    Path("new.csv").write_text(with_row(row))
    words = ("m.npz", "new.csv", "--strict", "--guard", "g.json")
    judged = nncli("eval", *words, "--judged", "judged.csv", "--curve", "curve.csv", "--json")
    predicted = nncli("predict", *words, "-o", "out.csv")
    assert (judged.code, judged.out, predicted.code) == (1, "", 1)
    assert judged.err == predicted.err
    assert judged.err.startswith(f"new.csv: row 6: {problem}")
    assert {path.name for path in Path.cwd().iterdir()} == {"d.csv", "m.npz", "new.csv"}
    assert nncli("eval", "m.npz", "-", "--strict", stdin=with_row(row)).err.startswith("stdin: row 6: ")
    assert nncli("eval", "m.npz", "new.csv", "--judged", "judged.csv").code == 0


def test_strict_counts_rows_that_can_be_read_where_others_are_left_out(nncli: Run) -> None:
    bad = with_row("word,0,u,yes", place=1)
    Path("new.csv").write_text(bad + "99,0,u,yes\n")
    outcome = nncli("eval", "m.npz", "new.csv", "--strict", "--on-error", "skip")
    assert outcome.code == 1
    assert "new.csv: row 10 of those that can be read: column 'a': expected" in outcome.err


def test_strict_fails_at_the_end_where_rows_have_drifted_and_writes_the_report_alone(nncli: Run) -> None:
    lines = [line for line in rows(4000, 2).splitlines()[1:] if 0.3 < float(line.split(",")[0]) < 2]
    Path("new.csv").write_text("\n".join(["a,b,kind,class", *lines]) + "\n")
    words = ("eval", "m.npz", "new.csv", "--guard", "g.json", "--judged", "judged.csv")
    outcome = nncli(*words, "--strict")
    assert (outcome.code, outcome.out, Path("judged.csv").exists()) == (1, "", False)
    assert "column 'a' has drifted" in outcome.err
    assert outcome.err.splitlines()[-1].startswith(
        "new.csv: expected rows like those of training, found others, by 'a'"
    )
    assert document("g.json")["drifted"] == ["a"]
    assert (nncli(*words).code, Path("judged.csv").exists()) == (0, True)


def test_strict_lets_rows_like_those_of_training_pass(nncli: Run) -> None:
    Path("new.csv").write_text(rows(800, 1))
    outcome = nncli("eval", "m.npz", "new.csv", "--strict", "-q")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == nncli("eval", "m.npz", "new.csv", "-q").out


@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [
        ("m.npz --guard g.json", 2, "--guard: it compares new rows with those of training. Name a file of new rows."),
        ("m.npz --strict", 2, "--strict: it compares new rows with those of training. Name a file of new rows."),
        ("m.npz m.npz d.csv --guard g.json", 2, f"--guard: {TWO}"),
        ("m.npz m.npz d.csv --strict", 2, f"--strict: {TWO}"),
        ("m.npz d.csv d.csv --guard g.json", 2, "--guard: for one file. Name one file at a time."),
        ("m.npz d.csv d.csv --strict --jobs 2", 2, "--strict: for one file. Name one file at a time."),
        ("m.npz d.csv --guard -", 2, "--guard: the figures go to stdout. Name a file."),
        ("m.npz d.csv --guard m.npz", 1, "m.npz: cannot write: it is one of the files that are read or written."),
        ("m.npz d.csv --guard d.csv", 1, "d.csv: cannot write: it is one of the files that are read or written."),
        ("m.npz d.csv --guard x --judged x", 2, "--guard: x is the file of --judged too. Name another file."),
        ("m.npz d.csv --guard x --curve x", 2, "--guard: x is the file of --curve too. Name another file."),
        ("m.npz d.csv --strict --insecure --cluster tcp://localhost:1", 2, f"--strict: {CLUSTER}"),
    ],
)  # fmt: skip
def test_where_it_makes_no_sense_it_is_refused_at_once(nncli: Run, words: str, code: int, problem: str) -> None:
    outcome = nncli("eval", *words.split())
    assert (outcome.code, outcome.out) == (code, "")
    assert outcome.err.startswith(problem), outcome.err
    assert {path.name for path in Path.cwd().iterdir()} == {"d.csv", "m.npz"}


def test_a_model_without_statistics_is_known_to_have_none(nncli: Run) -> None:
    model, _ = checkpoint.load(OLD)
    assert model.schema.names == ("tag", "umsatz", "ort")
    lines = [f"0{i + 1}.02.2031,{i},nord,{name}" for i, name in enumerate(model.classes)]
    Path("new.csv").write_text("\n".join([f"tag,umsatz,ort,{model.schema.target}", *lines]) + "\n")
    outcome = nncli("eval", OLD, "new.csv", "--guard", "g.json")
    assert outcome.code == 0, outcome.err
    assert "guards are off. If it is an older one, train it again with this version." in outcome.err
    assert json.loads(Path("g.json").read_text()) == {"model": str(OLD), "data": ["new.csv"], "known": False}
    refused = nncli("eval", OLD, "new.csv", "--strict")
    assert (refused.code, refused.out) == (1, "")
    assert "--strict compares rows with its training rows, and it has no statistics" in refused.err
