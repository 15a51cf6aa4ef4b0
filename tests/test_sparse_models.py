"""Models of rows that are stored sparse: from the file to answers, as of the same rows with all their zeros."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_svmlight_file
from sklearn.linear_model import LogisticRegression

import peak_memory
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.load import load_dataset
from nncli.data.sparse_numbers import SparseNumbers
from nncli.model.checkpoint import check_fits_model_file, load
from nncli.system import plain_json
from served import app_of, asking
from sparse_files import COLUMNS, sparse_rows, write_npz, write_svm

Run = Callable[..., Any]
CONVEX = ("--model", "logistic", "--optimizer", "lbfgs", "--l2", 0.01, "--epochs", 200, "--dtype", "float64")


@pytest.fixture(autouse=True)
def _rows(in_a_folder_of_its_own: None) -> None:
    X, y = sparse_rows(n=120)
    write_svm("d.svm", X, y)
    new, y = sparse_rows(n=30, seed=1)
    write_svm("new.svm", new, y)
    write_npz("new.npz", new, y)


def with_zeros(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read all files with their zeros, as if they were narrow."""
    monkeypatch.setattr("nncli.data.formats.libsvm.stays_sparse", lambda shape, stored: False)


def theta(file: str) -> Any:
    return np.load(io.BytesIO(zipfile.ZipFile(file).read("theta.npy")))


@pytest.mark.parametrize(
    "how",
    ["logistic --optimizer sgd", "mlp --hidden 4 --optimizer sgd", "averaged-perceptron"],
)
def test_a_model_is_that_of_the_rows_with_all_zeros(how: str, nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same parts, the same rows remembered, and parameters that rounding alone tells apart."""
    words = (
        "train",
        "d.svm",
        "--model",
        *how.split(),
        "--scale",
        "none",
        "--epochs",
        3,
        "--dtype",
        "float64",
        "--json",
        "-q",
    )
    sparse = nncli(*words, "-o", "sparse.npz")
    assert sparse.code == 0
    with_zeros(monkeypatch)
    dense = nncli(*words, "-o", "dense.npz")
    np.testing.assert_allclose(theta("sparse.npz"), theta("dense.npz"), rtol=1e-9, atol=1e-12)
    found, expected = (json.loads(zipfile.ZipFile(name).read("meta.npy")[128:]) for name in ("sparse.npz", "dense.npz"))
    for name in ("row_hashes", "val_row_hashes", "sha256", "class_counts", "n_rows"):
        assert found["data"][name] == expected["data"][name]
    for part in ("train", "val", "test"):
        assert sparse.json[part]["accuracy"] == dense.json[part]["accuracy"]


def test_the_optimum_is_that_of_scikit_learn(nncli: Run) -> None:
    """Of logistic regression with an L2 penalty that leaves the bias alone, on rows as they are."""
    words = "train", "d.svm", *CONVEX, "--scale", "none", "--val", 0, "--test", 0
    assert nncli(*words, "-q", "-o", "m.npz").code == 0
    X, y = load_svmlight_file("d.svm", n_features=COLUMNS)
    X = X.toarray()
    X[:, np.ptp(X, axis=0) == 0] = 0
    expected = LogisticRegression(C=1 / (0.01 * len(y)), tol=1e-10, max_iter=10_000).fit(X, y)
    *w, b = theta("m.npz")
    np.testing.assert_allclose(w, expected.coef_[0], atol=2e-4)
    np.testing.assert_allclose(b, expected.intercept_[0], atol=2e-4)


@pytest.fixture
def trained(nncli: Run) -> str:
    assert nncli("train", "d.svm", "--model", "mlp", "--hidden", 4, "--epochs", 3, "-q", "-o", "m.npz").code == 0
    return "m.npz"


def test_a_model_file_knows_that_its_numbers_are_sparse(trained: str, nncli: Run) -> None:
    """And names its columns in a few bytes."""
    model, _ = load(Path(trained))
    assert model.schema.sparse
    assert model.schema.names == tuple(f"c{i}" for i in range(1, COLUMNS + 1))
    assert model.preprocess.scaling == "max-abs"
    stored = json.loads(zipfile.ZipFile(trained).read("meta.npy")[128:])["schema"]
    assert (stored["columns"], stored["sparse"]) == ([], [1, COLUMNS])
    assert "scaling max-abs" in nncli("info", trained).out


def test_a_model_file_holds_as_many_features_as_sparse_text_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of features that are stored sparse it has the first and their number, and not each name."""
    monkeypatch.setattr(plain_json, "MOST_VALUES", 3_000)
    Path("w.svm").write_text("".join(f"{i % 2} {1 + i % 2}:1 {5000 - i}:1\n" for i in range(20)))
    dataset = load_dataset(("w.svm",), CsvOptions(), "float32")
    assert dataset.table.numbers.shape == (20, 5000)
    check_fits_model_file(dataset)


def test_a_column_without_a_name_is_left_out_of_the_file(nncli: Run) -> None:
    """--drop would be refused."""
    Path("w.svm").write_text("".join(f"{i % 2} 1:{i % 2} 2:{i * 7 % 11}\n" for i in range(200)))
    told = nncli("train", "w.svm", "--epochs", 1, "--dry-run").err
    assert "will you know it when you predict? If not, leave it out of the file\n" in told


@pytest.mark.long
def test_as_many_features_are_trained_on_as_sparse_text_may_have(nncli: Run) -> None:
    Path("w.svm").write_text("".join(f"{i % 2} {1 + i % 2}:1 {(1 << 20) - i}:1\n" for i in range(20)))
    own = ["--model", "logistic", "--epochs", 1, "--val", 0, "--test", 0, "-q", "-o", "w.npz"]
    assert nncli("train", "w.svm", *own).code == 0
    assert nncli("predict", "w.npz", "w.svm").out.count("\n") == 21


def test_answers_do_not_depend_on_how_rows_come(trained: str, nncli: Run) -> None:
    """From a file, a pipe, a matrix in compressed rows, or a table with all zeros, row by row."""
    expected = nncli("predict", trained, "new.svm", "--proba").out
    assert expected.count("\n") == 31
    assert nncli("predict", trained, "--proba", stdin=Path("new.svm").read_text()).out == expected
    assert nncli("predict", trained, "new.npz", "--proba").out == expected
    X, _ = sparse_rows(n=30, seed=1)
    header = ",".join(f"c{i}" for i in range(1, COLUMNS + 1))
    np.savetxt("new.csv", X, delimiter=",", header=header, comments="", fmt="%.9g")
    of_table = [line.split(",") for line in nncli("predict", trained, "new.csv", "--proba").out.splitlines()[1:]]
    by_line = [line.split(",") for line in expected.splitlines()[1:]]
    np.testing.assert_allclose(np.array(of_table, float), np.array(by_line, float), atol=1e-6)


def test_what_a_model_says_is_explained(trained: str, nncli: Run) -> None:
    reasons = nncli("predict", trained, "new.svm", "--reasons", 2)
    assert reasons.code == 0
    outcome = nncli("explain", trained, "new.svm", "--row", 3, "--json")
    assert outcome.code == 0
    added = {one["column"]: one["contribution"] for one in outcome.json["contributions"]}
    assert len(added) == COLUMNS
    total = outcome.json["lead"] - outcome.json["background"]["lead"]
    assert sum(added.values()) == pytest.approx(total, rel=1e-3)


@pytest.mark.long
def test_importance_is_that_of_the_rows_with_all_zeros(
    trained: str, nncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "explain", trained, "new.npz", "--json", "-q"
    monkeypatch.setattr("nncli.explain.importance.MOST_SHUFFLED", COLUMNS)
    sparse = {one["column"]: one["importance"] for one in nncli(*words).json["importance"]}
    monkeypatch.setattr(SparseNumbers, "of", classmethod(_dense_of))
    dense = {one["column"]: one["importance"] for one in nncli(*words).json["importance"]}
    assert sparse.keys() == dense.keys()
    np.testing.assert_allclose([sparse[name] for name in dense], [*dense.values()], atol=1e-6)


def test_only_columns_that_can_move_the_scores_most_are_shuffled(
    trained: str, nncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the largest σ_j ‖W_j‖, as the outputs of the first layer are a sum of x_j W_j."""
    words = "explain", trained, "new.npz", "--json", "-q"
    every = nncli(*words).json
    assert (len(every["importance"]), every["left_out"]) == (500, COLUMNS - 500)
    monkeypatch.setattr("nncli.explain.importance.MOST_SHUFFLED", 7)
    found = nncli(*words).json
    model, _ = load(Path(trained))
    X, _ = sparse_rows(n=30, seed=1)
    reach = (X * model.preprocess.scale).std(axis=0) * np.linalg.norm(model.network.dense[0].W, axis=1)
    expected = {f"c{place + 1}" for place in np.argsort(-reach)[:7]}
    assert {one["column"] for one in found["importance"]} == expected
    assert found["left_out"] == COLUMNS - 7
    for one in found["importance"]:  # the same as among all others
        assert one in every["importance"]
    said = "shuffled are the 7 columns that move the first layer most, and not 1,193 others, which move it less\n"
    assert said in nncli("explain", trained, "new.npz", "-q").out


def _dense_of(cls: type, data: Any, columns: Any, starts: Any, shape: tuple[int, int]) -> Any:
    found = np.zeros(shape, np.float32)
    found[np.repeat(np.arange(shape[0]), np.diff(starts)), columns] = data
    return found


@pytest.mark.parametrize(
    "words",
    [
        ("eval", "m.npz", "new.svm", "--judged", "j.csv", "--worst", "3"),
        ("eval", "m.npz", "new.svm", "--by", "c1"),
        ("gradcheck", "m.npz"),
        ("export", "m.npz", "--to", "python", "-o", "m.py"),
        pytest.param(("report", "m.npz", "new.svm", "-o", "r.html"), marks=pytest.mark.long),
        ("plot", "m.npz", "boundary", "c1", "c2"),
        ("plot", "m.npz", "effect", "c1"),
        ("plot", "d.svm", "columns"),
        ("compare", "d.svm", "new.svm"),
        ("train", "--from", "m.npz", "new.svm", "--replay", "d.svm", "--refit-scaling", "--epochs", "1", "-o", "f.npz"),
        ("sweep", "d.svm", "--lr", "0.1,0.01", "--epochs", "1", "--jobs", "1", "-o", "s.jsonl"),
        ("train", "d.svm", "--folds", "2", "--epochs", "1", "-o", "n.npz"),
        ("train", "d.svm", "--model", "logistic", "--reference", "linear", "--epochs", "1", "-o", "n.npz"),
    ],
    ids=lambda words: " ".join(words[:3]),
)
def test_other_commands_take_them_too(words: tuple[str, ...], trained: str, nncli: Run) -> None:
    assert nncli(*words, "-q").code == 0


@pytest.mark.parametrize("model", ["logistic", "linear"])
def test_judged_rows_have_none_of_their_columns(model: str, nncli: Run) -> None:
    words = ("train", "d.svm", "--model", model, "--epochs", "1", "-q", "-o", "j.npz")
    assert nncli(*words, *(("--task", "regression") if model == "linear" else ())).code == 0
    assert nncli("eval", "j.npz", "new.svm", "--judged", "j.csv", "-q").code == 0
    header, *rows = Path("j.csv").read_text().splitlines()
    own = "error,low,high" if model == "linear" else "p_0,p_1"
    assert header == f"row,y,prediction,{own},part"
    assert [row.split(",")[0] for row in rows] == [str(i) for i in range(1, 31)]


@pytest.mark.parametrize("sampled", [10_000, 50])  # of 120
def test_files_differ_as_they_do_with_all_zeros(sampled: int, nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nncli.guards.summary.SAMPLE_ROWS", sampled)
    found = nncli("compare", "d.svm", "new.svm", "--json").json
    with_zeros(monkeypatch)
    assert found == nncli("compare", "d.svm", "new.svm", "--json").json


def test_mira_mends_rows_of_unit_length_in_full(nncli: Run) -> None:
    """As it does texts; no step that mends such a row is longer than 1."""
    X, y = sparse_rows(n=120)
    write_svm("unit.svm", X / np.sqrt((X * X).sum(axis=1, keepdims=True)), y)
    words = ("--model", "mira", "--epochs", "1", "-o", "mira.npz")
    said = "longest step: 1, as the rows have unit length, so that each is mended in full (--lr)\n"
    assert said in nncli("train", "unit.svm", *words).err
    assert load(Path("mira.npz"))[0].config.training.lr == 1
    for more in (("d.svm",), ("unit.svm", "--lr", "0.5")):
        assert "longest step" not in nncli("train", *more, *words).err
    assert load(Path("mira.npz"))[0].config.training.lr == 0.5


def test_keys_that_an_object_does_not_have_are_0(trained: str, nncli: Run) -> None:
    """Column 1 has a number in each training row, so that its median is none: that of a missing value."""
    X, _ = sparse_rows(n=3, seed=2)
    X[:, 1] = 0
    write_svm("few.svm", X, [0] * 3)
    lines = [{f"c{j + 1}": float(row[j]) for j in np.flatnonzero(row)} for row in X]
    Path("few.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    expected, found = (nncli("predict", trained, f"few.{ending}", "--proba") for ending in ("svm", "jsonl"))
    assert (found.out, found.err) == (expected.out, "")
    with asking(app_of(Path(trained))) as client:
        answers = [client.post("/predict", json=line).json() for line in lines]
        assert "missing" not in client.get("/openapi.json").json()["components"]["schemas"]["Row"]["description"]
    assert [answer["warnings"] for answer in answers] == [[]] * 3
    p = [float(line.split(",")[2]) for line in expected.out.splitlines()[1:]]
    assert [answer["p_1"] for answer in answers] == pytest.approx(p)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("--model tabular", "--model: tabular scales and embeds each input"),
        ("--best", "--model: auto tries networks that scale or embed each input"),
        ("--model mlp --learn-scale", "--learn-scale: it is there for each input"),
        (
            "--model mlp --hidden 4 --ensemble 2 --input-dropout 0.1",
            "--input-dropout: each member leaves out other inputs",
        ),
        ("--model mlp --ensemble shared:3", "--ensemble: members that share weights have a scale of each input"),
    ],
    ids=lambda text: text.split(":")[0],
)
def test_networks_that_need_the_zeros_are_refused(words: str, problem: str, nncli: Run) -> None:
    outcome = nncli("train", "d.svm", *words.split(), "-q")
    assert (outcome.code, outcome.err.split(", and the rows")[0]) == (2, problem)


@pytest.mark.parametrize("figure", ["boundary", "scatter"])
def test_principal_components_of_sparse_numbers_are_refused(figure: str, trained: str, nncli: Run) -> None:
    outcome = nncli("plot", trained if figure == "boundary" else "d.svm", figure)
    assert outcome.code == 2
    assert f"{figure}: expected few columns for principal components, found 1,200 of sparse data" in outcome.err


def test_what_compares_later_rows_says_that_it_does_not(trained: str, nncli: Run) -> None:
    outcome = nncli("predict", trained, "new.svm", "--strict")
    assert outcome.code == 1
    assert "it has no statistics of its training columns" in outcome.err


@pytest.mark.long
def test_memory_of_reading_and_training_is_that_of_the_numbers_that_are_not_0() -> None:
    """20,000 rows of 47,000 columns would be 3.8 GB with their zeros; with 75 numbers each, they are 12 MB."""
    rng = np.random.default_rng(0)
    with Path("rcv.svm").open("w") as file:
        for i in range(20_000):
            places = np.unique(rng.integers(1, 47_001, 75))
            file.write(f"{i % 2} " + " ".join(f"{place}:0.1155" for place in places) + "\n")
    done, peak = peak_memory.run("train", "rcv.svm", "--model", "logistic", "--epochs", "2", "-q", "-o", "r.npz")
    assert done.returncode == 0
    Path("small.svm").write_text("1 47000:1\n0 1:1\n" * 40)
    _, before = peak_memory.run("train", "small.svm", "--model", "logistic", "--epochs", "2", "-q", "-o", "s.npz")
    assert peak - before < 60 << 10  # KiB
