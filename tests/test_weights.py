"""Rows and classes that count more or less than others: columns of weights, and --class-weight."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def weighted(tmp_path: Path) -> Path:
    """Ones and twos that overlap; those of class b count double."""
    rng = np.random.default_rng(0)
    lines = ["x,w,class"]
    for i in range(400):
        lines.append(f"{rng.normal() + (i % 2):.4f},{1 + i % 2},{'ab'[i % 2]}")
    path = tmp_path / "weighted.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_rows_count_as_their_column_says(weighted: Path, tmp_path: Path, nncli: Callable[..., Any]) -> None:
    from sklearn.linear_model import LogisticRegression

    model = tmp_path / "m.npz"
    flags = ["-m", "logistic", "--val", 0, "--test", 0, "--optimizer", "lbfgs", "--dtype", "float64", "--scale", "none"]
    assert nncli("train", weighted, "--weight", "w", *flags, "-q", "-o", model).code == 0
    cells = [line.split(",") for line in weighted.read_text().splitlines()[1:]]
    X, w, y = np.array([[float(x)] for x, _, _ in cells]), [float(w) for _, w, _ in cells], [c for _, _, c in cells]
    reference = LogisticRegression(C=np.inf, tol=1e-10).fit(X, y, sample_weight=w)
    with np.load(model) as file:
        np.testing.assert_allclose(file["theta"], [reference.coef_[0, 0], reference.intercept_[0]], atol=1e-4)
    # new rows need no weights
    assert nncli("predict", model, "-o", "-", weighted).code == 0
    (tmp_path / "new.csv").write_text("x\n-3\n3\n")
    assert nncli("predict", model, tmp_path / "new.csv").out == "prediction\na\nb\n"


def test_a_model_finds_its_test_rows_again_beside_a_column_of_weights(
    weighted: Path, tmp_path: Path, nncli: Callable[..., Any]
) -> None:
    words = ["--weight", "w", "--epochs", 5, "-q", "--json", "-o", tmp_path / "m.npz"]
    trained = nncli("train", weighted, *words).json
    assert nncli("eval", tmp_path / "m.npz", "--json").json["accuracy"] == trained["test"]["accuracy"]


@pytest.mark.parametrize("order", ["xcw", "wxc", "cxw"])
def test_rows_without_names_may_have_all_columns_of_the_training_file(
    order: str, weighted: Path, tmp_path: Path, nncli: Callable[..., Any]
) -> None:
    """Also where the last one was the weight, which is no column of the model."""
    cells = [dict(zip("xwc", line.split(","), strict=True)) for line in weighted.read_text().splitlines()[1:]]
    file, model = tmp_path / "bare.csv", tmp_path / "m.npz"
    file.write_text("".join(",".join(row[key] for key in order) + "\n" for row in cells))
    flags = ["--weight", f"c{order.index('w')}", "-t", order.index("c"), "--test-data", file]
    assert nncli("train", file, *flags, "--epochs", 20, "-q", "-o", model).code == 0
    rows = tmp_path / "rows.csv"
    rows.write_text("".join(",".join({"x": x, "w": "1", "c": "a"}[key] for key in order) + "\n" for x in ("-3", "3")))
    assert nncli("predict", model, rows).out == "prediction\na\nb\n"
    assert nncli("eval", model, file).code == 0


@pytest.mark.parametrize("order", ["wxc", "xwc", "wcx", "cwx"])
def test_the_target_keeps_its_place_whatever_column_has_the_weights(
    order: str, weighted: Path, tmp_path: Path, nncli: Callable[..., Any]
) -> None:
    """A model that knows names meets rows without: those with the target have it where it was among the features."""
    cells = [dict(zip("xwc", line.split(","), strict=True)) for line in weighted.read_text().splitlines()]
    cells = [{**row, "z": "0.5" if i else "z"} for i, row in enumerate(cells)]  # a second feature, in front
    file, model = tmp_path / "ordered.csv", tmp_path / "m.npz"
    file.write_text("".join(",".join(row[key] for key in "z" + order) + "\n" for row in cells))
    assert nncli("train", file, "--weight", "w", "--epochs", 20, "-q", "-o", model).code == 0
    rest = "z" + order.replace("w", "")
    for columns in (rest, rest.replace("c", "")):
        rows = tmp_path / "rows.csv"
        rows.write_text(
            "".join(",".join({"z": "0.5", "x": x, "c": "a"}[key] for key in columns) + "\n" for x in ("-3", "3"))
        )
        assert nncli("predict", model, rows).out == "prediction\na\nb\n"


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (
            ("1", "-2"),
            ":3: column 'w': expected a weight of 0 or more, found '-2'. Correct it, or leave such rows out with "
            "--on-error skip.",
        ),
        (
            ("1", ""),
            ":3: column 'w': expected a weight of 0 or more, found an empty cell. Correct it, or leave such rows out "
            "with --on-error skip.",
        ),
        (("0", "0"), ": column 'w': expected a weight above 0, found only zeros."),
        (("x", "y"), ": column 'w': expected numbers, to weigh rows with, found text."),
    ],
)  # fmt: skip
def test_weights_that_cannot_be(
    cells: tuple[str, str], message: str, tmp_path: Path, nncli: Callable[..., Any]
) -> None:
    path = tmp_path / "w.csv"
    path.write_text("x,w,class\n" + "".join(f"{i},{cells[i % 2]},{'ab'[i // 2 % 2]}\n" for i in range(40)))
    found = nncli("train", path, "--weight", "w", "-q", "-o", tmp_path / "m.npz")
    assert (found.code, found.err) == (1, f"{path}{message}\n")


def test_balanced_classes_count_alike(tmp_path: Path, nncli: Callable[..., Any]) -> None:
    """Of two clouds on top of each other, nine in ten rows are a: only with balanced classes does b get its half."""
    rng = np.random.default_rng(0)
    path = tmp_path / "rare.csv"
    path.write_text("x,class\n" + "".join(f"{rng.normal():.3f},{'b' if i % 10 == 0 else 'a'}\n" for i in range(2000)))
    shares = {}
    for how in ("none", "balanced"):
        model = tmp_path / f"{how}.npz"
        assert nncli("train", path, "-m", "softmax", "--class-weight", how, "-q", "-o", model).code == 0
        P = [line.split(",")[2] for line in nncli("predict", model, path, "--proba").out.splitlines()[1:]]
        shares[how] = np.array(P, float).mean()
    assert shares["none"] == pytest.approx(0.1, abs=0.02)
    assert shares["balanced"] == pytest.approx(0.5, abs=0.03)


def test_classes_that_are_given_a_weight_count_as_rows_with_that_weight_do(
    tmp_path: Path, nncli: Callable[..., Any]
) -> None:
    rng = np.random.default_rng(1)
    rows = [f"{rng.normal():.3f},{rng.normal():.3f},{['p', 'q, r', 's'][i % 3]}" for i in range(300)]
    weight = {"p": "1", "q, r": "2.5", "s": "4"}
    plain, weighted = tmp_path / "plain.csv", tmp_path / "weighted.csv"
    cells = [row.split(",", 2) for row in rows]
    plain.write_text("x,z,class\n" + "".join(f'{x},{y},"{label}"\n' for x, y, label in cells))
    weighted.write_text("x,z,w,class\n" + "".join(f'{x},{y},{weight[label]},"{label}"\n' for x, y, label in cells))
    for path, more in ((plain, ["--class-weight", '"q, r=2.5",s=4']), (weighted, ["--weight", "w"])):
        found = nncli("train", path, "-m", "softmax", "--epochs", 5, *more, "-o", path.with_suffix(".npz"))
        assert found.code == 0, found.err
    one, other = (np.load(path.with_suffix(".npz")) for path in (plain, weighted))
    assert np.array_equal(one["theta"], other["theta"])


@pytest.mark.parametrize(
    ("weights", "code", "line"),
    [
        ("setsoa=2", 2, "--class-weight: no class is called 'setsoa'. Did you mean 'setosa'?"),
        ("x=2", 2, "--class-weight: no class is called 'x'. The classes are setosa, versicolor and virginica."),
        *(
            (text, 2, f"--class-weight: expected balanced, none, or weights above 0 such as a=1,b=5, found '{text}'.")
            for text in ("setosa=0", "setosa=1,setosa=2", "=3", "setosa")
        ),
    ],
)  # fmt: skip
def test_weights_of_what_is_no_class_are_refused(weights: str, code: int, line: str, nncli: Callable[..., Any]) -> None:
    found = nncli("train", "iris", "--class-weight", weights, "--dry-run")
    assert (found.code, found.err.splitlines()[-1]) == (code, line)


def test_a_sweep_takes_weights_of_classes_as_one_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nncli: Callable[..., Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["sweep", "iris", "--lr", "0.1,0.2", "--epochs", 1, "--jobs", 1, "--class-weight"]
    found = nncli(*command, "setosa=2,virginica=3", "--json")
    assert found.code == 0
    assert [one["options"] for one in found.json["standings"]] == [{"lr": 0.1}, {"lr": 0.2}]


def test_check_counts_no_row_of_weight_0(tmp_path: Path, nncli: Callable[..., Any]) -> None:
    """100 rows that count, each with another x, beside 12 copies of one of them and a huge number, of weight 0."""
    rows = [f"{i * 7 % 100},{'ab'[i * i % 3 == 0]},1" for i in range(100)]
    rows += [f"0,{'ab'[1]},0"] * 12 + ["999999999,a,0"]
    path = tmp_path / "t.csv"
    path.write_text("x,label,w\n" + "\n".join(rows) + "\n")
    found = nncli("check", path, "--weight", "w", "--json").json
    assert found["rows"] == 100
    assert sum(found["classes"].values()) == 100
    assert found["columns"][0]["high"] == 99
    assert not [line for line in found["findings"] if "duplicate" in line or "reaches" in line]
    assert "column 'w': 13 rows with a weight of 0, which are not used" in found["notes"]
    every = nncli("check", path, "--drop", "w", "--json").json["findings"]
    assert "12 of 113 rows are duplicates of an earlier row with the same class (--dedupe keeps the first)" in every
    assert [line for line in every if "column x reaches 1e+09" in line or "'x' reaches 1e+09" in line]


OUT = ["5,0,", "6,0,zzz", "999999999,0.0,a", "not a number,0,b", ",0,"]  # no class, one of its own, and no numbers


@pytest.mark.parametrize("place", ["above", "below"])
def test_rows_of_weight_0_take_no_part_whatever_is_in_them(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nncli: Callable[..., Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(2)
    rows = [f"{rng.normal() + i % 2:.3f},1,{'ab'[i % 2]}" for i in range(80)]
    others = [f"{rng.normal() + i % 2:.3f},2,{'ab'[i % 2]}" for i in range(30)]
    for name, its in (("t", rows), ("test", others)):
        Path(f"{name}.csv").write_text("\n".join(["x,w,class", *its]) + "\n")
        more = [*OUT, *its] if place == "above" else [*its, *OUT]
        Path(f"{name}_more.csv").write_text("\n".join(["x,w,class", *more]) + "\n")
    options = ["--weight", "w", "--epochs", 5, "--json"]
    few = nncli("train", "t.csv", "--test-data", "test.csv", *options).json
    found = nncli("train", "t_more.csv", "--test-data", "test_more.csv", *options, "-o", "more.npz")
    assert found.json["classes"] == ["a", "b"]
    for part in ("n_train", "n_val", "n_test", "train", "val", "test"):
        assert found.json[part] == few[part], part
    assert "data: t_more.csv, 80 rows, 1 column, 2 classes" in found.err
    assert "column 'w': 5 rows with a weight of 0, which are not used" in found.err
    for data in ((), ("test_more.csv",)):
        judged = nncli("eval", "more.npz", *data, "--json").json
        assert (judged["n"], judged["accuracy"]) == (30, few["test"]["accuracy"])
    Path("bare.csv").write_text("\n".join(["x,class", *(f"{r.split(',')[0]},{r[-1]}" for r in others)]) + "\n")
    assert nncli("eval", "more.npz", "bare.csv", "--json").json["n"] == 30  # new rows need no weights


def test_a_model_finds_its_test_rows_again_among_rows_of_weight_0(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nncli: Callable[..., Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"{i * 37 % 101},{i % 3 and 1},{'ab'[i * i % 5 > 1]}" for i in range(150)]
    Path("t.csv").write_text("\n".join(["x,w,class", *rows]) + "\n")
    trained = nncli("train", "t.csv", "--weight", "w", "--epochs", 5, "--json").json
    assert trained["n_train"] + trained["n_val"] + trained["n_test"] == 100
    assert nncli("eval", "model.npz", "--json").json["accuracy"] == trained["test"]["accuracy"]
