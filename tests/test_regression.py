# ruff: noqa: E501  (messages and their cases stand on one line each)
"""Numbers are predicted: from a file to a model, its figures, and the answers of the commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, median_absolute_error, r2_score, root_mean_squared_error

import nncli as package
from forgery import with_meta
from nncli.errors import DataError, NncliError

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def table() -> str:
    """600 rows: four numbers and a kind, and a price that follows from them with noise."""
    rng = np.random.default_rng(0)
    x, kind = rng.normal(size=(600, 4)), rng.choice(list("abc"), 600)
    price = 1000 + 50 * np.sin(x[:, 0]) + 20 * x[:, 1] + 30 * (kind == "a") + 5 * rng.normal(size=600)
    rows = [f"{','.join(f'{v:.4f}' for v in row)},{k},{y:.2f}\n" for row, k, y in zip(x, kind, price, strict=True)]
    return "a,b,c,d,kind,price\n" + "".join(rows)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("d.csv").write_text(table)
    return tmp_path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, table: str) -> Path:
    """A linear model of the table, which is beside it."""
    from nncli.cli.main import main

    place = tmp_path_factory.mktemp("numbers")
    (place / "d.csv").write_text(table)
    words = ["train", place / "d.csv", "-t", "price", "-m", "linear", "-q", "--json", "-o", place / "m.npz"]
    assert main(list(map(str, words))) == 0
    return place / "m.npz"


def test_the_prices_of_chocolate(nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven bars on the line price = 10 · liking: w = 10, b = 0, and a liking of 4 pays 40."""
    monkeypatch.chdir(tmp_path)
    trained = nncli("train", "chocolate", "--model", "linear", "-o", "c.npz")
    assert trained.code == 0
    assert "w = 10, b = 0: price = 10 · liking + 0" in trained.err
    assert "so numbers are predicted (regression); --task classification makes each a class" in trained.err
    assert "7 rows are too few to hold some back: all of them train the model" in trained.err
    Path("new.csv").write_text("liking\n4\n0\n2.5\n")
    assert nncli("predict", "c.npz", "new.csv").out == "prediction\n40\n0\n25\n"
    assert nncli("predict", "c.npz", "new.csv", "--jsonl", "--keep", "liking").out.splitlines()[0] == (
        '{"liking":"4","prediction":40}'
    )


@pytest.mark.long
def test_eval_has_scikit_learns_figures(nncli: Run, model: Path) -> None:
    """Of all rows of the file, from what predict writes of them."""
    data = model.with_name("d.csv")
    y = np.array([float(line.split(",")[-1]) for line in data.read_text().split()[1:]])
    predicted = np.array(list(map(float, nncli("predict", model, data).out.split()[1:])))
    found = nncli("eval", model, data, "--json", "-q").json
    expected = {
        "rmse": root_mean_squared_error, "mae": mean_absolute_error, "r2": r2_score,
        "median_error": median_absolute_error,
    }  # fmt: skip
    for name, metric in expected.items():
        assert found[name] == pytest.approx(metric(y, predicted)), name
        low, high = found["metrics"][name]["interval"]
        assert low < found[name] < high
    train = [i for i in range(600) if i not in held_out(model)]
    for name, guess in (("mean", y[train].mean()), ("median", np.median(y[train]))):
        assert found["baseline"][name]["rmse"] == pytest.approx(root_mean_squared_error(y, np.full(600, guess)))
        assert found["baseline"][name]["mae"] == pytest.approx(mean_absolute_error(y, np.full(600, guess)))


def held_out(model: Path) -> set[int]:
    loaded = package.load(model)
    return {*loaded.provenance_.val_rows.tolist(), *loaded.provenance_.test_rows.tolist()}


def test_intervals_of_numbers_stand_on_one_line(nncli: Run, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    _, *lines = nncli("eval", model).out.splitlines()  # the first one names the file, wherever that is
    assert max(map(len, lines)) <= 80
    assert sum(" to " in line for line in lines if line.startswith(("RMSE", "MAE", "R²", "median"))) == 4


def test_eval_judges_its_own_test_rows(nncli: Run, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(model.parent)
    found = nncli("eval", model, "--json", "-q")
    trained = package.load(model).figures_["test"]
    assert found.code == 0
    assert (found.json["n"], found.json["task"]) == (90, "regression")
    for name in ("rmse", "mae", "r2", "median_error"):
        assert found.json[name] == pytest.approx(trained[name], rel=1e-4)
    shown = nncli("eval", model, "--metric", "mae")
    first = shown.out.partition("─\n")[2].splitlines()[0]
    assert first.split()[:2] == ["MAE", f"{trained['mae']:.3f}"]


def test_each_part_has_low_and_high_numbers(model: Path) -> None:
    """The split is by tenths of the target: 15 % of each are in the test."""
    loaded = package.load(model)
    lines = model.with_name("d.csv").read_text().split()[1:]
    y = np.array([float(line.split(",")[-1]) for line in lines])
    tenth = np.argsort(np.argsort(y)) * 10 // 600
    for rows in (loaded.provenance_.val_rows, loaded.provenance_.test_rows):
        assert np.bincount(tenth[rows], minlength=10).tolist() == [9] * 10


@pytest.mark.parametrize(
    ("values", "task", "is_number"),
    [
        ([0.5, 1, 1.5] * 20, None, True),
        (range(21), None, True),
        (list(range(20)) * 5, None, False),
        ([3, 1, 4, 1, 5, 9, 2, 6], None, True),  # seven different of eight
        ([1, 2, 3] * 20, None, False),
        ([1, 2, 3] * 20, "regression", True),
        ([0.5, 1, 1.5] * 20, "classification", False),
        (["$1,234.50", "$2,345.50", "$3,000.00"] * 8, "regression", True),
        (["12%", "7.5%", "9.25%"] * 8, None, True),
        (["01", "02", "03", "04", "05", "06", "07"] * 3, None, False),
    ],
    ids=["fractions", "21 different", "20 different", "mostly different", "few", "few, told", "fractions, told",
         "money", "percent", "codes"],
)  # fmt: skip
def test_what_a_target_looks_like_decides(
    nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: Any, task: str | None, is_number: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text("a,y\n" + "".join(f'{i % 7},"{value}"\n' for i, value in enumerate(values)))
    asked = [] if task is None else ["--task", task]
    out = nncli("train", "t.csv", "-m", "mlp", "--val", 0, "--test", 0, "--dry-run", "--json", "-q", *asked)
    assert out.code == 0, out.err
    assert (out.json.get("task") == "regression") == is_number
    assert ("classes" in out.json) != is_number
    if not is_number:
        return
    named = nncli("train", "t.csv", "--val", 0, "--test", 0, "--dry-run", "--json", "-q", "--categorical", "y")
    assert (named.code, "classes" in named.json) == (0, True)


def test_a_target_with_a_unit_is_read_so_in_later_files(
    nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text("a,y\n" + "".join(f'{i},"${1000 + 10.5 * i:,.2f}"\n' for i in range(100)))
    assert nncli("train", "t.csv", "-m", "linear", "-q", "-o", "m.npz").code == 0
    Path("n.csv").write_text('a,y\n200,"$3,100.00"\n300,"$4,150"\n')
    found = nncli("eval", "m.npz", "n.csv", "--json", "-q").json
    assert found["mae"] == pytest.approx(0, abs=0.05)
    assert nncli("predict", "m.npz", "n.csv").out.split()[1:] == ["3100", "4150"]


WRONG = {
    "word": ("oops", "expected a number, as in the other rows, found 'oops'"),
    "infinite": ("inf", "expected a finite number, found 'inf'"),
    "too large": ("1e200", "expected a number of at most 1e+100, found '1e200'"),
}


@pytest.mark.parametrize("how", WRONG)
def test_a_cell_that_is_no_number_is_named_with_its_line(nncli: Run, folder: Path, model: Path, how: str) -> None:
    cell, problem = WRONG[how]
    lines = Path("d.csv").read_text().split("\n")
    lines[49] = lines[49].rsplit(",", 1)[0] + f",{cell}"
    Path("bad.csv").write_text("\n".join(lines))
    line = f"bad.csv:50: target column 'price': {problem}. Correct it, or leave the row out"
    for words in (["train", "bad.csv", "-t", "price", "-o", "x.npz"], ["eval", model, "bad.csv"]):
        out = nncli(*words, "-q")
        assert (out.code, out.err.strip()) == (1, f"{line}, or leave such rows out with --on-error skip.")
    assert not Path("x.npz").exists()
    skipped = nncli("train", "bad.csv", "-t", "price", "-m", "linear", "--on-error", "skip", "--json", "-o", "x.npz")
    assert (skipped.code, sum(skipped.json[n] for n in ("n_train", "n_val", "n_test"))) == (0, 599)


@pytest.mark.parametrize("cell", ["oops", "inf"])
def test_one_such_cell_is_named_in_however_few_rows(nncli: Run, tmp_path: Path, cell: str) -> None:
    data = tmp_path / "few.csv"
    data.write_text("a,y\n" + "".join(f"{i},{cell if i == 3 else i + 0.5}\n" for i in range(8)))
    out = nncli("train", data, "-m", "linear", "-q", "-o", tmp_path / "x.npz")
    assert out.code == 1
    assert "few.csv:5: target column 'y': expected a" in out.err
    assert f"found '{cell}'" in out.err


def test_a_decimal_comma_of_the_target_alone_is_enough_to_doubt_a_comma_between_thousands(
    nncli: Run, tmp_path: Path
) -> None:
    data, model = tmp_path / "d.csv", tmp_path / "m.npz"
    data.write_text("a;y\n" + "".join(f"{i % 9 + 1},{i + 100};{i},5\n" for i in range(40)))
    asked = nncli("train", data, "-t", "y", "-m", "linear", "-q", "-o", model)
    assert (asked.code, "'1,100' can be 1100 or 1.1" in asked.err) == (2, True)
    done = nncli("train", data, "-t", "y", "-m", "linear", "-q", "-o", model, "--decimal", "comma")
    assert done.code == 0
    assert nncli("explain", model, data, "--row", "1", "--json").json["contributions"][0]["value"] == pytest.approx(1.1)


def test_a_target_that_is_always_the_same_is_refused(nncli: Run, tmp_path: Path) -> None:
    data = tmp_path / "c.csv"
    data.write_text("a,y\n" + "".join(f"{i},7\n" for i in range(30)))
    out = nncli("train", data, "--task", "regression", "-q")
    problem = "target column 'y': expected numbers that differ, found only 7"
    assert (out.code, out.err) == (1, f"{data}: {problem}. Choose another column with --target.\n")


@pytest.mark.parametrize("unit", ["e-300", "e-320", "e-110"])
def test_a_target_that_differs_too_little_to_be_squared_is_refused(nncli: Run, tmp_path: Path, unit: str) -> None:
    """The squares of such errors would be 0, and the RMSE and R² wrong without a word."""
    data = tmp_path / "tiny.csv"
    data.write_text("a,y\n" + "".join(f"{i},{i % 7 + 0.5}{unit}\n" for i in range(30)))
    out = nncli("train", data, "--task", "regression", "-q", "-o", tmp_path / "m.npz")
    problem = "target 'y': expected numbers with a standard deviation of 1e-100 or more, found less"
    assert (out.code, out.err) == (1, f"{data}: {problem}. Write them in a smaller unit.\n")
    assert not (tmp_path / "m.npz").exists()


REFUSED = {
    "--class-weight balanced": "--class-weight: it is for classes, and the target is a number. Leave it out.",
    "--positive a": "--positive: it is for classes, and the target is a number. Leave it out.",
    "--calibrate": "--calibrate: it is for classes, and the target is a number. Leave it out.",
    "--choose-threshold f1": "--choose-threshold: it is for classes, and the target is a number. Leave it out.",
    "--cost missed=1,false-alarm=2": "--cost: it is for classes, and the target is a number. Leave it out.",
    "--label-smoothing 0.1": "--label-smoothing: it is for classes, and the target is a number. Leave it out.",
    "--rare drop": "--rare: it is for classes, and the target is a number. Leave it out.",
    "--metric accuracy": "--metric: accuracy is of classes, and the target is a number. Use rmse, mae, median-error or r2.",
    "--loss cross-entropy": "--loss: cross-entropy is of classes, and the target is a number. Use --loss mse, mae, huber or quantile.",
    "--loss mse:link=softmax": "--loss: mse with the link softmax is of classes, and the target is a number. Use --loss mse, mae, huber or quantile.",
    "--model svm": "--model: svm predicts classes, and the target is a number. Use --model linear, --model mlp or --model tabular, or make classes of the numbers with --task classification.",
    "--optimizer mira": "--optimizer: mira is for classes, and the target is a number. Leave it out.",
    "--optimizer exact": "--optimizer: exact knows the optimum of linear regression alone, with --loss mse, or mae or quantile without penalties. Use --optimizer lbfgs or --optimizer adam.",
    "--optimizer exact --loss mae": "--optimizer: exact knows the optimum of linear regression alone, with --loss mse, or mae or quantile without penalties. Use --optimizer adam.",
    "--model linear --init he": "--init: exact needs no initial weights. Leave it out, or use another --optimizer.",
    "--model linear --l1 0.1 --optimizer lbfgs": "--l1: lbfgs needs the same smooth objective at every step. Leave it out, or use another --optimizer.",
}  # fmt: skip


@pytest.mark.parametrize("words", REFUSED)
def test_what_is_for_classes_is_refused_for_numbers(nncli: Run, folder: Path, words: str) -> None:
    out = nncli("train", "d.csv", "-t", "price", "-q", *words.split())
    assert (out.code, out.err.strip()) == (2, REFUSED[words])
    assert not Path("model.npz").exists()


OF_NUMBERS = {
    "--metric rmse": "--metric: rmse is of numbers, and the target has classes. Use accuracy.",
    "--model linear": "--model: linear predicts numbers, and the target has classes. Use --model logistic, --model softmax, --model mlp or --model tabular; if its classes are numbers to predict, add --task regression.",
    "--loss huber": "--loss: huber is of numbers, and the target has classes. Use --loss cross-entropy; if its classes are numbers to predict, add --task regression.",
    "--loss quantile:q=0.9": "--loss: quantile is of numbers, and the target has classes. Use --loss cross-entropy; if its classes are numbers to predict, add --task regression.",
    "--model svm --loss huber:delta=2": "--loss: huber is of numbers, and the target has classes. Use --loss hinge.",
    "--optimizer exact": "--optimizer: exact is for numbers, and the target has classes. Leave it out.",
}  # fmt: skip


@pytest.mark.parametrize("words", OF_NUMBERS)
def test_what_is_for_numbers_is_refused_for_classes(nncli: Run, words: str) -> None:
    out = nncli("train", "iris", "-q", *words.split())
    assert (out.code, out.err.strip()) == (2, OF_NUMBERS[words])


COMMANDS = [
    "eval M --threshold 0.5", "eval M --positive a", "eval M --curve c.csv",
    "eval M --metric accuracy", "eval M D D --threshold 0.5", "eval M M D --positive a", "eval M --choose-threshold f1",
    "predict M D --proba", "predict M D --threshold 0.5", "predict M D --embed",
    "explain M --metric accuracy", "plot M confusion",
]  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_for_classes_refuses_a_model_of_numbers_in_one_line(
    nncli: Run, model: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.chdir(model.parent)
    before = sorted(model.parent.iterdir())
    out = nncli(*({"M": "m.npz", "D": "d.csv"}.get(word, word) for word in words.split()))
    assert (out.code, out.out, out.err.count("\n")) == (2, "", 1)
    assert "number" in out.err or "hidden layer" in out.err
    assert sorted(model.parent.iterdir()) == before


@pytest.mark.parametrize("words", ["info M", "info M --json", "info M --weights", "graph M --row 3", "gradcheck M",
                                   "plot M curve", "plot M weights", "check D -t price"])  # fmt: skip
def test_a_command_knows_numbers(nncli: Run, model: Path, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.chdir(model.parent)
    out = nncli(*({"M": "m.npz", "D": "d.csv"}.get(word, word) for word in words.split()))
    assert out.code == 0, out.err
    assert out.out


@pytest.mark.parametrize("options", [[], ["--loss", "huber:delta=0.5"], ["--loss", "mae"], ["--loss", "quantile:q=0.8"],
                                     ["--model", "linear"]])  # fmt: skip
def test_gradients_of_numbers_are_right(nncli: Run, folder: Path, options: list[str]) -> None:
    out = nncli("gradcheck", "d.csv", "-t", "price", "--json", "-q", *options)
    assert (out.code, out.json["passed"]) == (0, True)


def test_a_resumed_run_is_the_same_bytes(nncli: Run, folder: Path) -> None:
    words = ["train", "d.csv", "-t", "price", "--hidden", 8, "--schedule", "constant", "-q", "--keep-state"]
    assert nncli(*words, "--epochs", 3, "-o", "part.npz").code == 0
    assert nncli(*words, "--epochs", 6, "-o", "whole.npz").code == 0
    assert nncli("train", "--resume", "part.npz", "--epochs", 6, "--keep-state", "-q").code == 0
    assert Path("part.npz").read_bytes() == Path("whole.npz").read_bytes()


@pytest.mark.parametrize("kind", ["linear", "mlp"])
def test_a_table_on_the_disk_gives_the_same_bytes(
    nncli: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("NNCLI_CACHE", str(folder / "cache"))
    words = ["train", "d.csv", "-t", "price", "-m", kind, "--epochs", 3, "-q"]
    assert nncli(*words, "-o", "a.npz").code == 0
    assert nncli(*words, "--memory", "2GB", "-o", "b.npz").code == 0
    assert Path("a.npz").read_bytes() == Path("b.npz").read_bytes()
    assert nncli("eval", "b.npz", "--memory", "2GB", "--json", "-q").json == nncli("eval", "a.npz", "--json", "-q").json


def test_folds_judge_each_row_once(nncli: Run, folder: Path) -> None:
    out = nncli("train", "d.csv", "-t", "price", "-m", "linear", "--folds", 4, "--json", "-q", "-o", "f.npz")
    folds = out.json["folds"]
    assert (out.code, folds["n"], folds["folds"]) == (0, 510, 4)
    low, high = folds["metrics"]["rmse"]["interval"]
    assert low < folds["metrics"]["rmse"]["value"] < high
    assert nncli("info", "f.npz").code == 0


def test_refit_trains_on_the_validation_rows_too(nncli: Run, folder: Path) -> None:
    out = nncli("train", "d.csv", "-t", "price", "--epochs", 3, "--refit", "--json", "-o", "f.npz")
    assert (out.code, out.json["n_train"], out.json["n_val"]) == (0, 510, 0)
    assert "with an RMSE of" in out.err


def test_a_sweep_chooses_by_rmse(nncli: Run, folder: Path) -> None:
    out = nncli("sweep", "d.csv", "-t", "price", "--hidden", "4,16", "--epochs", 8, "--jobs", 1, "--json", "-q")
    assert out.code == 0, out.err
    assert out.json["metric"] == "rmse"
    means = [one["mean"] for one in out.json["standings"]]
    assert means == sorted(means)
    assert 0 < out.json["standings"][1]["chance"] <= 1
    winner = package.load("model.npz")
    assert winner.figures_["val"]["rmse"] == pytest.approx(means[0])
    shown = nncli("sweep", "--show", "model.sweep.jsonl", "--json", "-q").json
    assert [one["mean"] for one in shown["standings"]] == means


@pytest.mark.parametrize("losses", ["mse,huber", "quantile:q=0.1,quantile:q=0.9"])
def test_a_sweep_does_not_compare_losses_of_different_kinds(nncli: Run, folder: Path, losses: str) -> None:
    out = nncli("sweep", "d.csv", "-t", "price", "--loss", losses, "--metric", "loss", "--epochs", 2, "-q")
    problem = "--metric: losses of different kinds cannot be compared. Use rmse, or one --loss.\n"
    assert (out.code, out.err) == (2, problem)


def test_what_needs_a_smooth_loss_names_those_of_numbers(nncli: Run, folder: Path) -> None:
    out = nncli("train", "d.csv", "-t", "price", "-m", "linear", "--optimizer", "lbfgs", "--loss", "mae", "-q")
    problem = "--optimizer: lbfgs needs a loss without kinks, and mae has some. Use one of mse, huber.\n"
    assert (out.code, out.err) == (2, problem)


def test_two_models_are_compared_on_the_same_rows(nncli: Run, folder: Path) -> None:
    """The difference in squared errors, and by chance 95 % of such differences leave out 0 as their p-value says."""
    for kind in ("linear", "mlp"):
        assert nncli("train", "d.csv", "-t", "price", "-m", kind, "--seed", 1, "-q", "-o", f"{kind}.npz").code == 0
    found = nncli("eval", "mlp.npz", "linear.npz", "--json", "-q").json
    assert (found["n"], [*found["figures"]]) == (90, ["rmse", "mae", "r2", "median-error"])
    for name, one in found["figures"].items():
        alone = [
            nncli("eval", f"{kind}.npz", "--json", "-q").json[name.replace("-", "_")] for kind in ("mlp", "linear")
        ]
        assert one["values"] == pytest.approx(alone), name
        assert one["difference"] == pytest.approx(alone[0] - alone[1], abs=1e-9)
        low, high = one["interval"]
        assert (low > 0 or high < 0) == (one["p_value"] < 0.05)
    shown = nncli("eval", "mlp.npz", "linear.npz", "d.csv", "--metric", "mae")
    assert (shown.code, "in MAE, mlp.npz is better by more than chance" in shown.out) == (0, True)
    same = nncli("eval", "mlp.npz", "mlp.npz", "--json", "-q").json["figures"]["rmse"]
    assert (same["difference"], same["p_value"]) == (0, 1)
    mixed = nncli("train", "iris", "-q", "-o", "i.npz", "--epochs", 2)
    refused = nncli("eval", "mlp.npz", "i.npz", "d.csv")
    assert (mixed.code, refused.code, refused.err.count("\n")) == (0, 2, 1)


def test_groups_and_times_split_numbers_too(nncli: Run, folder: Path) -> None:
    for option in (["--group", "kind"], ["--time", "a"]):
        out = nncli("train", "d.csv", "-t", "price", "-m", "linear", *option, "--json", "-q", "-o", "g.npz")
        assert out.code == 0, out.err
        assert nncli("eval", "g.npz", "--json", "-q").code == 0


def test_rows_that_weigh_nothing_take_no_part(nncli: Run, folder: Path) -> None:
    rows = [(i, 3 * i + 1, 1) for i in range(60)] + [(i, 1000 - i, 0) for i in range(60)]
    Path("w.csv").write_text("a,y,w\n" + "".join(f"{a},{y},{w}\n" for a, y, w in rows))
    out = nncli("train", "w.csv", "-m", "linear", "--weight", "w", "-o", "w.npz")
    assert "w = 3, b = 1: y = 3 · a + 1" in out.err


def test_files_of_validation_and_test_rows(nncli: Run, folder: Path) -> None:
    lines = Path("d.csv").read_text().splitlines(keepends=True)
    for name, rows in (("train", lines[1:400]), ("val", lines[400:500]), ("test", lines[500:])):
        Path(f"{name}.csv").write_text(lines[0] + "".join(rows))
    out = nncli("train", "train.csv", "-t", "price", "--val-data", "val.csv", "--test-data", "test.csv", "--epochs", 4,
                "--json", "-q", "-o", "p.npz")  # fmt: skip
    assert (out.code, out.json["n_val"], out.json["n_test"]) == (0, 100, 101)
    assert nncli("eval", "p.npz", "--json", "-q").json["rmse"] == pytest.approx(out.json["test"]["rmse"])


def test_the_log_has_rmse_in_the_place_of_the_accuracy(nncli: Run, folder: Path) -> None:
    assert nncli("train", "d.csv", "-t", "price", "--epochs", 2, "--log", "l.jsonl", "-q", "-o", "l.npz").code == 0
    epochs = [json.loads(line) for line in Path("l.jsonl").read_text().splitlines()]
    assert [*epochs[0]][:7] == ["number", "train_loss", "train_rmse", "val_loss", "val_rmse", "is_best", "mistakes"]
    # mse is half the mean square, in the square of the unit
    assert epochs[-1]["val_loss"] == pytest.approx(epochs[-1]["val_rmse"] ** 2 / 2, rel=1e-6)
    best = next(one for one in reversed(epochs) if one["is_best"])
    assert package.load("l.npz").figures_["val"]["rmse"] == pytest.approx(best["val_rmse"], rel=1e-4)


def test_python_names_the_row_of_a_number_that_is_none() -> None:
    x, y = np.arange(30.0)[:, None], np.arange(30) + 0.5
    y[4] = np.inf
    with pytest.raises(DataError, match=r"y: row 4: expected a number of at most 1e\+100, found inf"):
        package.NNRegressor().fit(x, y)


def test_an_array_file_of_fractions_is_a_regression(
    nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    X = np.random.default_rng(0).normal(size=(100, 3))
    np.savez("a.npz", X=X, y=X @ [1.0, 2, 3] + 0.25)
    assert nncli("train", "a.npz", "-m", "linear", "-q", "-o", "m.npz").code == 0
    found = nncli("eval", "m.npz", "--json", "-q")
    assert (found.code, found.json["n"]) == (0, 15)
    assert found.json["rmse"] < 1e-4
    assert nncli("eval", "m.npz", "a.npz", "--json", "-q").json["n"] == 100


def test_a_model_file_says_what_a_target_must_be(model: Path, tmp_path: Path) -> None:
    """A scale that no target has, none at all, or classes beside it, are refused."""
    zero = {"mean": 0.0, "sd": 0.0, "median": 0.0, "errors": []}
    falling = {"mean": 0.0, "sd": 1.0, "median": 0.0, "errors": [2.0, 1.0]}
    changes = [("target", zero), ("target", falling), ("target", None), ("classes", ["a", "b"]), ("config.task", None)]
    changes += [("config.loss", "cross-entropy"), ("config.loss", "mse:link=softmax"), ("schema.numeric_target", True)]
    for place, value in changes:
        path = tmp_path / "x.npz"
        path.write_bytes(with_meta(place, value)(model.read_bytes()))
        with pytest.raises(NncliError, match="expected a model written by nncli"):
            package.load(path)


def test_rows_without_the_target_are_asked_for_its_numbers(nncli: Run, folder: Path, model: Path) -> None:
    header, *rows = Path("d.csv").read_text().split("\n")
    Path("none.csv").write_text("\n".join(line.rpartition(",")[0] for line in (header, *rows)))
    out = nncli("eval", model, "none.csv", "-q")
    assert (out.code, "'price' is missing. Give the column with the numbers that name" in out.err) == (1, True)
