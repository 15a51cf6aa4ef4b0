"""What the program makes of a saved ensemble: uncertainty, explanations, more rows, and what it refuses."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import VotingClassifier
from sklearn.preprocessing import LabelEncoder

import exported
from blends import assert_scores_of_shuffled_rows
from exported import NEEDS
from forgery import with_meta
from nncli import NNClassifier
from nncli.cli.main import main
from nncli.data.bundled import path_of
from nncli.data.dataset import Table
from nncli.data.load_stream import stream_like
from nncli.model.checkpoint import load
from nncli.nn.ensemble import Ensemble
from nncli.nn.integrated_gradients import integrated_gradients

Run = Callable[..., Any]
SCHEMA = json.loads((Path(__file__).parents[1] / "docs/reference/export.schema.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ensembles of classes, of two classes by one score, and of numbers."""
    folder = tmp_path_factory.mktemp("ensembles")
    for name, words in {
        "iris": "iris --hidden 6x4 --dtype float64 --calibrate",
        "two": "breast-cancer --hidden 4 --loss binary-cross-entropy",
        "shared": "wine --hidden 6 --ensemble shared:3",
        "margin": "iris --hidden 4 --loss hinge",
        "numbers": "breast-cancer --hidden 5 --task regression -t mean_radius --epochs 12",
    }.items():
        how = ["--epochs", "8", *words.split()[1:], "-q", "--json"]
        how = how if "shared" in words else ["--ensemble", "3", *how]
        assert main(["train", words.split()[0], *how, "-o", str(folder / f"{name}.npz")]) == 0
    return folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def cells(out: str) -> tuple[list[str], list[list[str]]]:
    header, *lines = (line.split(",") for line in out.splitlines())
    return header, lines


@pytest.mark.parametrize("name", ["iris", "two", "shared", "margin"])
def test_uncertainty_is_the_spread_of_the_probability_of_the_predicted_class(
    name: str, nncli: Run, models: Path
) -> None:
    """Against the members, each as a model of its own."""
    path = models / f"{name}.npz"
    model, provenance = load(path)
    assert isinstance(model.network, Ensemble)
    data = provenance.source[0]
    header, lines = cells(nncli("predict", path, data, "--proba", "--uncertainty", "-q").out)
    assert header[-1] == "uncertainty"
    codes = [model.classes.index(line[0]) for line in lines]
    table = table_of(data, model)
    of_members = []
    for member in model.network.members():
        alone = dataclasses.replace(model, network=member)
        of_members.append(alone.by_class(alone.scores(table))[np.arange(len(codes)), codes])
    expected = np.std(np.array(of_members, np.float64), axis=0)
    np.testing.assert_allclose([float(line[-1]) for line in lines], expected, rtol=1e-3, atol=2e-6)


def table_of(data: str, model: Any) -> Table:
    with stream_like(data, model.schema, model.config.model.dtype, (), "fail", known=model.known_cells) as (blocks, *_):
        return next(iter(blocks)).table


def test_uncertainty_of_numbers_is_in_their_unit(nncli: Run, models: Path) -> None:
    model, _ = load(models / "numbers.npz")
    _, lines = cells(nncli("predict", models / "numbers.npz", "breast-cancer", "--uncertainty", "-q").out)
    Z = model.scores_of_members(table_of("breast-cancer", model))
    predicted = model.of_numbers.mean + model.of_numbers.sd * Z[:, :, 0].astype(np.float64)
    np.testing.assert_allclose([float(line[0]) for line in lines], predicted.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose([float(line[1]) for line in lines], predicted.std(axis=0), rtol=1e-3, atol=1e-3)


def test_uncertainty_needs_members(nncli: Run, iris_model: Path) -> None:
    outcome = nncli("predict", iris_model, "iris", "--uncertainty")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("--uncertainty: it is the spread between the members of an ensemble")


@pytest.mark.parametrize("name", ["iris", "two", "shared", "numbers"])
def test_reasons_add_up_to_what_the_score_changes_by(name: str, models: Path) -> None:
    """Σ φ = s(x) − s(x₀), which is known without any integral."""
    model = load(models / f"{name}.npz")[0].in_double()
    d, outputs = model.network.widths[0], model.network.widths[-1]
    rng = np.random.default_rng(0)
    X, x0 = rng.normal(size=(30, d)), rng.normal(size=d)
    V = rng.normal(size=(30, outputs))
    found = integrated_gradients(model.network, X, x0, V)
    s = np.vecdot(model.network.forward(X), V) - V @ model.network.forward(x0[None])[0]
    np.testing.assert_allclose(found.difference, s, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.of_inputs.sum(axis=1), s, rtol=0.02, atol=0.02 * np.abs(s).max())


@pytest.mark.parametrize("name", ["iris", "two", "shared"])
def test_importance_is_the_loss_of_rows_with_a_shuffled_column(name: str, models: Path) -> None:
    assert_scores_of_shuffled_rows(load(models / f"{name}.npz")[0].in_double().network)


def test_more_rows_go_on_from_an_ensemble(nncli: Run, models: Path, tmp_path: Path) -> None:
    out, (header, *lines) = tmp_path / "more.npz", Path(path_of("iris")).read_text().splitlines()
    lines = lines[::2] + lines[1::2]  # of all classes
    for name, part in (("old", lines[:90]), ("new", lines[90:])):
        (tmp_path / f"{name}.csv").write_text("\n".join([header, *part, ""]))
    old = tmp_path / "old.npz"
    how = ("--hidden", "4", "--epochs", "8", "-q", "--json")
    assert nncli("train", tmp_path / "old.csv", "--ensemble", "3", *how, "-o", old).code == 0
    outcome = nncli("train", "--from", old, tmp_path / "new.csv", "--epochs", "2", "-q", "--json", "-o", out)
    assert outcome.code == 0, outcome.err
    assert nncli("info", out, "--json").json["members"] == 3
    assert nncli("train", tmp_path / "old.csv", "--ensemble", "shared:3", *how, "-o", old).code == 0
    outcome = nncli("train", "--from", old, tmp_path / "new.csv", "-q", "-o", out)
    assert outcome.code == 2
    assert outcome.err.splitlines()[-1].startswith("--from: the members of the model share weights")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("info --weights {}", "each of the 3 members has weights of its own"),
        ("plot {} weights", "expected a model of one network, found an ensemble of 3 members"),
        ("explain {} --coefficients", "has hidden layers, and its weights are no coefficients"),
        ("graph {} --row 1", "expected a model of one network, found an ensemble of 3 members"),
        ("play xor --ensemble 3 --no-browser", "--ensemble: the playground shows one network"),
        ("play {} --no-browser", "expected a model of one network to play with, found an ensemble of 3 members"),
    ],
)
def test_what_is_of_one_network_is_refused(words: str, said: str, nncli: Run, models: Path) -> None:
    outcome = nncli(*(word.format(models / "iris.npz") for word in words.split()))
    assert outcome.code in (1, 2)
    assert said in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize("figure", ["effect proline", "activations", "embedding", "boundary", "importance"])
def test_figures_are_of_the_whole_ensemble(figure: str, nncli: Run, models: Path) -> None:
    outcome = nncli("plot", models / "shared.npz", *figure.split())
    assert outcome.code == 0, outcome.err


def test_a_sweep_compares_ensembles(nncli: Run, tmp_path: Path) -> None:
    words = ("sweep", "iris", "--ensemble", "1,3", "--hidden", "4", "--epochs", "2", "--jobs", "1", "-q", "--json")
    outcome = nncli(*words, "-o", tmp_path / "m.npz")
    assert outcome.code == 0, outcome.err
    assert "ensemble" in outcome.out


def test_estimators_take_members() -> None:
    """Their mean of probabilities, as scikit-learn's soft voting of the members has it; and further steps."""
    X, y = load_iris(return_X_y=True)
    one = NNClassifier(hidden=(5,), ensemble=3, epochs=5, dtype="float64").fit(X, y)
    network = one.model_.network
    assert isinstance(network, Ensemble)
    members = []
    for member in network.members():
        alone = copy.copy(one)
        alone.model_ = dataclasses.replace(one.model_, network=member)
        members.append(alone)
    voting = VotingClassifier([(str(i), member) for i, member in enumerate(members)], voting="soft")
    voting.estimators_, voting.le_, voting.classes_ = members, LabelEncoder().fit(y), np.unique(y)
    np.testing.assert_allclose(one.predict_proba(X), voting.predict_proba(X), rtol=1e-6)
    steps = NNClassifier(hidden=(5,), ensemble="shared:3").partial_fit(X, y, classes=np.unique(y))
    assert steps.partial_fit(X, y).predict(X).shape == y.shape


LANGUAGES = ["python", "json", "onnx", *exported.PROGRAMS]
SHORT = [("two", language) for language in LANGUAGES] + [(name, "python") for name in ("iris", "numbers", "shared")]
LONG = [(name, language) for name in ("iris", "numbers", "shared", "margin") for language in LANGUAGES[1:]]


def exports(pairs: list[tuple[str, str]], *marks: pytest.MarkDecorator) -> list[Any]:
    own = [(pair, NEEDS[pair[1]]) if pair[1] in NEEDS else (pair, ()) for pair in pairs]
    return [pytest.param(*pair, marks=[*marks, *([mark] if mark else [])], id="-".join(pair)) for pair, mark in own]


@pytest.mark.parametrize(("name", "language"), exports(SHORT) + exports(LONG, pytest.mark.long))
def test_exports_give_the_answers_of_the_ensemble(
    name: str, language: str, nncli: Run, models: Path, tmp_path: Path
) -> None:
    """Their golden rows have the answers of `predict`, and a runtime of its own computes them anew."""
    out = tmp_path / "export"
    outcome = nncli("export", models / f"{name}.npz", "--to", language, "-o", out, "-q")
    assert outcome.code == 0, outcome.err
    outcome = nncli("export", "--verify", out)
    assert (outcome.code, outcome.out.startswith("20 golden rows: right")) == (0, True), outcome.err
    if language == "json":
        document = json.loads(out.read_text())
        jsonschema.Draft202012Validator(SCHEMA).validate(document)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft202012Validator(SCHEMA).validate(document | {"layers": document["members"][0]})


def test_an_ensemble_is_no_select(nncli: Run, models: Path) -> None:
    outcome = nncli("export", models / "two.npz", "--to", "sql", "-o", "-")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("--to: expected one network, found an ensemble of 3")


@pytest.mark.usefixtures("folder")
def test_a_tabular_model_of_before_there_were_members_is_one_network(nncli: Run) -> None:
    """Its options do not say how many there are, and it goes on as it is."""
    words = "--model tabular --hidden 4 --epochs 2 --ensemble 1 --threads 1 -q"
    assert nncli("train", "wine", *words.split()).code == 0
    path = Path("model.npz")
    path.write_bytes(with_meta("config.ensemble", ...)(path.read_bytes()))
    model = load(path)[0]
    assert (model.network.copies, model.config.model.ensemble) == (1, "")
    header, *rows = path_of("wine").read_text(encoding="utf-8").splitlines()
    Path("new.csv").write_text("\n".join([header, *(row.replace(",", ",0", 1) for row in rows)]))
    assert nncli("train", "--from", "model.npz", "new.csv", "--epochs", 1, "-q", "-o", "more.npz").code == 0
    assert load(Path("more.npz"))[0].network.copies == 1


@pytest.mark.usefixtures("folder")
def test_tabular_is_four_networks(nncli: Run) -> None:
    assert nncli("train", "wine", "--model", "tabular", "--hidden", 4, "--epochs", 1, "-q").code == 0
    assert load(Path("model.npz"))[0].network.copies == 4
