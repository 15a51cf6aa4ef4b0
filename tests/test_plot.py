"""`nncli plot`: what the figures of a model show, where they go, and what is refused."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from nncli.data.bundled import path_of
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.load import load_dataset
from nncli.figures.all_kinds import (
    FIGURES,
    Data,
    OfData,
    OfLedger,
    OfModel,
    Subject,
    build_of_data,
    build_of_model,
    trials_of,
)
from nncli.model import checkpoint
from nncli.terminal.figures import print_figure

Run = Callable[..., Any]
OF_A_COLUMN, OF_PICTURES = {"effect"}, {"pictures"}
HOSTILE = '</script><script>alert(1)</script>\\" + (\x1b[31m\u202e'

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def marks(outcome: Any, kind: str, panel: int = 0) -> list[dict[str, Any]]:
    assert outcome.code == 0, outcome.err
    return [one for one in outcome.json["panels"][panel]["marks"] if one["mark"] == kind]


def judged_rows(nncli: Run, model: Path, classes: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return y, the predictions, and P of the test rows, from what `eval --judged` writes."""
    assert nncli("eval", model, "--judged", "j.csv", "-q").code == 0
    with Path("j.csv").open(newline="") as file:
        rows = [*csv.reader(file)]
    found = np.array(rows[1:])
    P = found[:, -1 - len(classes) : -1].astype(float)
    return found[:, -3 - len(classes)], found[:, -2 - len(classes)], P


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of two classes that makes mistakes, and says what they cost."""
    from nncli.cli.main import main

    folder = tmp_path_factory.mktemp("two")
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=600)
    X = rng.normal(size=(600, 2)) + y[:, None]
    lines = [f"{a:.4f},{b:.4f},{['no', 'yes'][k]}" for (a, b), k in zip(X.tolist(), y.tolist(), strict=True)]
    (folder / "d.csv").write_text("a,b,late\n" + "\n".join(lines) + "\n")
    argv = ["train", str(folder / "d.csv"), "--epochs", "5", "--target", "late", "-q", "--json"]
    argv += ["--cost", "missed=5,false-alarm=1", "--positive", "yes", "-o", str(folder / "two.npz")]
    assert main(argv) == 0
    return folder / "two.npz"


def test_the_curve_is_the_history_of_the_model_with_its_best_epoch_marked(nncli: Run, iris_model: Path) -> None:
    info, outcome = nncli("info", iris_model, "--json").json, nncli("plot", iris_model, "curve", "--json")
    for panel, (figure, factor) in enumerate([("loss", 1), ("accuracy", 100)]):
        for line, part in zip(marks(outcome, "line", panel), ("train", "val"), strict=True):
            expected = [factor * epoch[f"{part}_{figure}"] for epoch in info["history"]]
            assert line["y"] == pytest.approx(expected)
            assert line["x"] == [*range(1, len(expected) + 1)]
        assert [rule["x"] for rule in marks(outcome, "rule", panel)] == [info["figures"]["best_epoch"]]


def test_the_confusions_are_those_that_eval_counts(nncli: Run, digits_model: Path) -> None:
    counted = nncli("eval", digits_model, "--json").json
    (cells,) = marks(outcome := nncli("plot", digits_model, "confusion", "--json"), "cells")
    shown = [[int(text.replace("·", "0")) for text in row] for row in cells["texts"]]
    assert shown == counted["confusion_matrix"]
    shares, is_right = np.array(shown) / np.sum(shown, axis=1, keepdims=True), np.eye(len(shown), dtype=bool)
    assert np.array(cells["values"]) == pytest.approx(np.where(is_right, shares, -shares))
    assert outcome.json["panels"][0]["x"]["names"] == outcome.json["panels"][0]["y"]["names"] == counted["classes"]


def test_the_curves_of_two_classes_are_those_of_scikit_learn(nncli: Run, two: Path) -> None:
    y, _, P = judged_rows(nncli, two, ["no", "yes"])
    is_late = y == "yes"
    counted = nncli("eval", two, "--json").json["metrics"]
    (_, roc) = marks(nncli("plot", two, "roc", "--json"), "line")
    fpr, tpr, _ = roc_curve(is_late, P[:, 1], drop_intermediate=False)
    assert (roc["x"], roc["y"]) == (pytest.approx(fpr), pytest.approx(tpr))
    assert auc(roc["x"], roc["y"]) == pytest.approx(counted["roc-auc"]["value"])
    assert roc["name"] == f"yes, area {counted['roc-auc']['value']:.4f}"
    (pr,) = marks(nncli("plot", two, "pr", "--json"), "line")
    precision, recall, _ = precision_recall_curve(is_late, P[:, 1])
    assert (pr["x"][1:], pr["y"][1:]) == (pytest.approx(recall[-2::-1]), pytest.approx(precision[-2::-1]))
    assert pr["name"] == f"yes, average precision {average_precision_score(is_late, P[:, 1]):.4f}"


def test_three_classes_have_a_line_each_whose_areas_are_those_of_eval(nncli: Run, iris_model: Path) -> None:
    names = ["setosa", "versicolor", "virginica"]
    y, _, P = judged_rows(nncli, iris_model, names)
    lines = marks(nncli("plot", iris_model, "roc", "--json"), "line")[1:]
    areas = [auc(line["x"], line["y"]) for line in lines]
    assert areas == pytest.approx([roc_auc_score(y == name, P[:, k]) for k, name in enumerate(names)])
    assert np.mean(areas) == pytest.approx(nncli("eval", iris_model, "--json").json["roc_auc"])
    lines = marks(nncli("plot", iris_model, "pr", "--json"), "line")
    expected = [
        f"{name}, average precision {average_precision_score(y == name, P[:, k]):.4f}" for k, name in enumerate(names)
    ]
    assert [line["name"] for line in lines] == expected


def test_of_ten_classes_the_six_that_are_told_apart_worst_have_a_line(nncli: Run, digits_model: Path) -> None:
    y, _, P = judged_rows(nncli, digits_model, [*"0123456789"])
    outcome = nncli("plot", digits_model, "roc", "--json")
    areas = [roc_auc_score(y == str(k), P[:, k]) for k in range(10)]
    assert [int(line["name"][0]) for line in marks(outcome, "line")[1:]] == sorted(np.argsort(areas)[:6].tolist())
    assert outcome.json["notes"] == ["the 6 of 10 classes with the smallest area"]


def test_the_bins_of_the_calibration_add_up_to_the_calibration_error(nncli: Run, two: Path) -> None:
    y, _, P = judged_rows(nncli, two, ["no", "yes"])
    outcome = nncli("plot", two, "calibration", "--json")
    (points,), (intervals,) = marks(outcome, "points"), marks(outcome, "intervals")
    bins = np.minimum((P.max(axis=1) * 15).astype(int), 14)
    sizes = np.array([np.sum(bins == b) for b in np.unique(bins)])
    ece = sizes @ np.abs(np.array(points["y"]) - points["x"]) / len(y)
    assert ece == pytest.approx(nncli("eval", two, "--json").json["ece"])
    assert points["x"] == pytest.approx([np.mean(P.max(axis=1)[bins == b]) for b in np.unique(bins)])
    # the likeliest class, whatever the threshold of the model makes of it
    likeliest = np.array(["no", "yes"])[P.argmax(axis=1)]
    assert points["y"] == pytest.approx([np.mean((y == likeliest)[bins == b]) for b in np.unique(bins)])
    for low, share, high in zip(intervals["low"], points["y"], intervals["high"], strict=True):
        assert low <= share <= high


def test_the_thresholds_are_those_that_eval_writes_with_the_one_in_use_marked(nncli: Run, two: Path) -> None:
    assert nncli("eval", two, "--curve", "c.csv", "-q").code == 0
    with Path("c.csv").open(newline="") as file:
        written = [*csv.DictReader(file)]
    outcome = nncli("plot", two, "threshold", "--json")
    lines = [*marks(outcome, "line", 0), *marks(outcome, "line", 1)]
    assert [line["name"] for line in lines] == ["precision", "recall", "cost"]
    for line in lines:
        assert line["x"] == pytest.approx([float(row["threshold"]) for row in written])
        expected = [float(row[line["name"]]) if row[line["name"]] else None for row in written]
        assert line["y"] == pytest.approx(expected)
    threshold = nncli("eval", two, "--json").json["decision"]["threshold"]
    assert threshold == pytest.approx(1 / 6)  # a false alarm costs 1, a miss 5
    assert [rule["x"] for rule in marks(outcome, "rule")] == [threshold]


def test_other_rows_are_judged_where_they_are_named(nncli: Run, two: Path) -> None:
    data = two.parent / "d.csv"
    expected = nncli("eval", two, data, "--json").json["confusion_matrix"]
    outcome = nncli("plot", two, "confusion", "--data", data, "--json")
    assert [[int(text.replace("·", "0")) for text in row] for row in marks(outcome, "cells")[0]["texts"]] == expected
    assert "the same values as a row that trained the model" in outcome.err
    assert "all 600 rows" in outcome.json["title"]


@pytest.fixture(scope="module")
def ledger(two: Path) -> Path:
    """The ledger of a sweep over numbers, sizes and names."""
    from nncli.cli.main import main

    argv = ["sweep", str(two.parent / "d.csv"), "-t", "late", "--hidden", "4,8x4", "--lr", "log:0.0001:0.5"]
    argv += ["--activation", "relu,tanh", "--search", "random", "--trials", "14", "--epochs", "2", "--jobs", "1"]
    assert main([*argv, "-q", "--json", "-o", str(two.parent / "swept.npz")]) == 0
    return two.parent / "swept.sweep.jsonl"


@pytest.mark.parametrize("words", ["TWO roc", "DIGITS weights"])  # of lines, and of images
def test_a_figure_is_drawn_as_png(words: str, nncli: Run, two: Path, digits_model: Path) -> None:
    argv = [{"TWO": two, "DIGITS": digits_model}.get(word, word) for word in words.split()]
    outcome = nncli("plot", *argv, "-o", "figure.png")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    assert Path("figure.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_drawn(name: str, nncli: Run, two: Path, ledger: Path, priced: Path) -> None:
    kind, options = FIGURES.create(name), list[str]()
    if isinstance(kind, OfModel) and not kind.of_classes:
        two = priced / "mlp.npz"
    if isinstance(kind, OfData):
        data = path_of("digits") if name in OF_PICTURES else two.parent / "d.csv"
        two, options = data, ["-t", "label" if name in OF_PICTURES else "late", "-q"]
    two = ledger if isinstance(kind, OfLedger) else two
    words = [two, *options, name, *["a"] * (name in OF_A_COLUMN)]
    shown = nncli("plot", *words)
    assert (shown.code, shown.err) == (0, "")
    assert max(map(len, shown.out.splitlines())) <= 100
    outcome = nncli("plot", *words, "--json")
    assert nncli("plot", *words, "-o", "figure.svg") == type(shown)(0, "", "")
    assert ElementTree.parse("figure.svg").getroot().tag.endswith("svg")
    title = re.findall(r"\w+", outcome.json["title"])[0]
    assert title in Path("figure.svg").read_text("utf-8")
    assert title in shown.out


@pytest.mark.parametrize("name", FIGURES)
def test_a_picture_fits_the_terminal_and_its_characters(
    name: str, digits_model: Path, ledger: Path, priced: Path
) -> None:
    kind = FIGURES.create(name)
    if isinstance(kind, OfLedger):
        figure = kind.build(trials_of(str(ledger)))
    elif isinstance(kind, OfData):
        figure = build_of_data(
            kind, Data(load_dataset(("digits" if name in OF_PICTURES else "wine",), CsvOptions(), "float32"))
        )
    else:
        assert isinstance(kind, OfModel)
        model = digits_model if name != "threshold" else ledger.parent / "two.npz"
        model = model if kind.of_classes else priced / "mlp.npz"
        loaded, provenance = checkpoint.load(model)
        columns = (loaded.schema.names[20],) if name in OF_A_COLUMN else ()
        figure = build_of_model(kind, Subject(loaded, provenance, str(model), columns=columns))
    for width, rows, encoding in ((80, 24, "utf-8"), (120, 40, "utf-8"), (80, 40, "ascii"), (120, 24, "ascii")):
        out = io.TextIOWrapper(io.BytesIO(), encoding)
        console = Console(file=out, width=width, height=rows, force_terminal=True, legacy_windows=False)
        print_figure(figure, console)
        out.seek(0)
        lines = re.sub(r"\x1b\[[0-9;]*m", "", out.read()).splitlines()
        assert len(lines) < rows, "the first line has gone when the prompt comes"
        assert max(map(cell_len, lines)) < width
        assert all(line.isascii() for line in lines) == (encoding == "ascii")


@pytest.mark.parametrize("name", ["weights", "confusion"])
def test_a_table_of_many_inputs_or_classes_fits_24_lines(name: str, nncli: Run) -> None:
    rows = [",".join([*(str((i * k) % 7) for k in range(30)), f"c{i % 30}"]) for i in range(600)]
    Path("d.csv").write_text("\n".join([",".join([*(f"x{k}" for k in range(30)), "class"]), *rows]))
    assert nncli("train", "d.csv", "--epochs", 1, "-q").code == 0
    lines = nncli("plot", "model.npz", name).out.splitlines()
    assert sum(line.strip().startswith(("x", "c")) for line in lines) >= 15, "it has most of its lines"
    assert len(lines) < 24, "the first line has gone when the prompt comes"


def test_a_terminal_without_unicode_gets_ascii(two: Path) -> None:
    environment = os.environ | {"COLUMNS": "80", "PYTHONIOENCODING": "ascii", "FORCE_COLOR": "1", "TERM": "xterm"}
    done = subprocess.run(
        [sys.executable, "-m", "nncli", "plot", two, "curve"], capture_output=True, check=True, env=environment
    )
    assert b"O training   X validation" in re.sub(rb"\x1b\[[0-9;]*m", b"", done.stdout)


@pytest.mark.long
def test_names_from_data_do_no_harm(nncli: Run) -> None:
    rows = [[f"{i % 7}", f"{i % 5}", HOSTILE * (i % 3), HOSTILE if i % 2 else "ok"] for i in range(120)]
    with Path("d.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["a", HOSTILE + "column", "text", "label"], *rows])
    assert nncli("train", "d.csv", "--epochs", 1, "-q").code == 0
    assert nncli("train", "d.csv", "-t", "a", "--task", "regression", "--epochs", 1, "-q", "-o", "n.npz").code == 0
    for name in sorted(set(FIGURES) - {"sweep", "parallel"} - OF_PICTURES):
        kind = FIGURES.create(name)
        of_data, of_classes = isinstance(kind, OfData), getattr(kind, "of_classes", True)
        words = [
            "d.csv" if of_data else "model.npz" if of_classes else "n.npz",
            name,
            *["-q"] * of_data,
            *[HOSTILE + "column"] * (name in OF_A_COLUMN),
        ]
        shown = nncli("plot", *words).out
        assert not {"\x1b", "\u202e"} & set(shown)
        for ending in ("svg", "html") if name in ("confusion", "boundary") else ("svg",):
            assert nncli("plot", *words, "-o", f"f.{ending}").code == 0
            text = Path(f"f.{ending}").read_text("utf-8")
            assert "<script>alert" not in text
            assert "\u202e" not in text


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        ("IRIS threshold", 2, "WHAT: threshold: expected a model of two classes, found 3. Use pr, which has a line "),
        ("IRIS rok", 2, "WHAT: expected one of "),
        ("IRIS roc -o r.pdf", 2, "--out: expected a name that ends in .svg, .png or .html, found 'r.pdf'."),
        ("IRIS roc -o -", 2, "--out: expected a name that ends in .svg, .png or .html, found '-'."),
        ("IRIS roc -o nowhere/r.svg", 1, "nowhere/r.svg: cannot write: there is no folder"),
        ("IRIS roc --data none.csv", 1, "none.csv: "),
        ("none.npz roc", 1, "none.npz: cannot read the model: No such file or directory."),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused(words: str, code: int, line: str, nncli: Run, iris_model: Path) -> None:
    outcome = nncli("plot", *words.replace("IRIS", str(iris_model)).split())
    assert (outcome.code, outcome.out) == (code, "")
    assert outcome.err.startswith(line)
    assert outcome.err.count("\n") == 1
    assert [*Path().iterdir()] == []


def test_scores_are_no_probabilities(nncli: Run, two: Path) -> None:
    assert (
        nncli("train", two.parent / "d.csv", "-t", "late", "--model", "svm", "--epochs", 3, "-q", "-o", "svm.npz").code
        == 0
    )
    for name in ("calibration", "threshold"):
        outcome = nncli("plot", "svm.npz", name)
        assert outcome.err.endswith("and svm gives scores. Train it with --calibrate, or use roc.\n")
    outcome = nncli("plot", "svm.npz", "roc", "--json")
    line = marks(outcome, "line")[1]
    assert auc(line["x"], line["y"]) == pytest.approx(nncli("eval", "svm.npz", "--json").json["roc_auc"])


def test_a_model_without_test_rows_needs_data(nncli: Run, two: Path) -> None:
    data = two.parent / "d.csv"
    assert nncli("train", data, "-t", "late", "--test", 0, "--epochs", 1, "-q").code == 0
    outcome = nncli("plot", "model.npz", "roc")
    remedy = "Name the data to evaluate on: nncli plot MODEL WHAT --data FILE."
    assert outcome.err == f"model.npz: the model was trained without test rows. {remedy}\n"
    assert nncli("plot", "model.npz", "roc", "--data", data).code == 0
    assert nncli("plot", "model.npz", "curve").code == 0


def test_rows_of_one_class_have_no_roc(nncli: Run, two: Path) -> None:
    Path("one.csv").write_text("a,b,late\n1,2,yes\n0,1,yes\n")
    outcome = nncli("plot", two, "roc", "--data", "one.csv")
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert "expected rows of two classes or more, found one" in outcome.err


def test_a_terminal_of_20_columns_is_too_narrow(nncli: Run, two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("FORCE_COLOR", "1")
    outcome = nncli("plot", two, "roc")
    remedy = "Make it wider, or write a file, as with -o picture.svg."
    expected = f"terminal: expected 40 columns or more for a picture, found 20. {remedy}"
    assert (outcome.code, outcome.out, outcome.err) == (1, "", f"{expected}\n")


@pytest.mark.parametrize(("columns", "expected"), [("60", 59), ("140", 139), ("0", 99), ("wide", 99), ("", 99)])
def test_what_is_no_terminal_is_as_wide_as_columns_says(
    columns: str, expected: int, nncli: Run, two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert max(map(len, nncli("plot", two, "roc").out.splitlines())) == expected


def test_long_names_that_begin_alike_can_be_told_apart(nncli: Run, tmp_path: Path) -> None:
    names = [f"average_monthly_amount_of_all_transactions_{one}" for one in ("min", "max", "mean")]
    rows = [f"{i * 7 % 60},{i % 7},{i % 5},{'pq'[i % 2]}" for i in range(60)]
    Path("long.csv").write_text(f"{','.join(names)},class\n" + "\n".join(rows) + "\n")
    assert nncli("train", "long.csv", "--epochs", 1, "-q", "-o", "long.npz").code == 0
    for words in ("plot long.npz importance", "explain long.npz", "explain long.npz --row 1", "check long.csv"):
        shown = nncli(*words.split()).out
        assert all(f"_{end} " in shown for end in ("min", "max", "mean")), words
    nncli("plot", "long.npz", "importance", "-o", "long.svg")
    assert all(f"_{end}<" in Path("long.svg").read_text() for end in ("min", "max", "mean"))


def test_without_the_package_that_draws_only_files_are_refused(
    nncli: Run, two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    assert nncli("plot", two, "roc").code == 0
    outcome = nncli("plot", two, "roc", "-o", "r.svg")
    how = "Install it with: pip install 'nncli[plots]'."
    assert outcome == type(outcome)(2, "", f"--out: to draw a file needs vl-convert-python. {how}\n")


def test_a_reader_that_goes_away_ends_the_program_quietly(two: Path) -> None:
    code = f"{sys.executable} -m nncli plot {two} roc | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("141\n", "")


def test_json_and_a_file_can_be_had_together(nncli: Run, two: Path) -> None:
    outcome = nncli("plot", two, "roc", "--json", "-o", "r.svg")
    assert json.loads(outcome.out)["panels"]
    assert Path("r.svg").exists()


def test_what_a_terminal_shows_needs_no_package_for_pictures(two: Path) -> None:
    run = f"main(['plot', {str(two)!r}, 'roc']); print(*sys.modules, file=sys.stderr)"
    code = f"import sys; from nncli.cli.main import main; {run}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"vl_convert", "sklearn", "scipy"} & set(done.stderr.split())
