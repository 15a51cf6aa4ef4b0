"""Figures of what a network has learned: weights, boundary, hidden layers; and of a sweep."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA

import nncli as package

Run = Callable[..., Any]
NO_LAYER = "expected a model with a hidden layer, and softmax has none. Use weights, or train it with --model mlp."

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def panels(outcome: Any) -> list[dict[str, Any]]:
    assert outcome.code == 0, outcome.err
    found: list[dict[str, Any]] = outcome.json["panels"]
    return found


def write(path: str, header: Sequence[str], rows: Any) -> None:
    with Path(path).open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def own_rows(nncli: Run, model: Path) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return the names and cells of the columns of the test rows of a model, and their classes."""
    assert nncli("eval", model, "--judged", "judged.csv", "-q").code == 0
    with Path("judged.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    d = header.index("prediction") - 2
    cells = np.array(rows)
    return header[1 : 1 + d], cells[:, 1 : 1 + d].astype(float), cells[:, 1 + d]


def embedded(nncli: Run, model: Path) -> np.ndarray:
    """Return what `predict --embed` says of rows.csv, (n, h)."""
    return np.array([*csv.reader(nncli("predict", model, "rows.csv", "--embed").out.splitlines())][1:], float)


def test_the_weights_of_a_linear_model_are_those_that_its_scores_are_made_of(nncli: Run) -> None:
    """Scores are X W + b with standardised columns: so differences of log-probabilities are linear in the columns."""
    assert nncli("train", "iris", "--model", "softmax", "--epochs", 30, "-q", "-o", "m.npz").code == 0
    (panel,) = panels(nncli("plot", "m.npz", "weights", "--json"))
    names = panel["y"]["names"]
    W = np.array(panel["marks"][0]["values"])
    info = nncli("info", "m.npz", "--json").json
    scale = {column["name"]: column["scale"] for column in info["columns"]}
    start = dict.fromkeys(names, 3.0)
    rows = [list(start.values())] + [list((start | {name: 4.0}).values()) for name in names]
    write("x.csv", names, rows)
    said = [*csv.reader(nncli("predict", "m.npz", "x.csv", "--proba").out.splitlines())]
    log_p = np.log(np.array([[float(cell) for cell in row[1:]] for row in said[1:]]))
    effect = log_p[1:] - log_p[0]
    expected = W * np.array([[scale[name]] for name in names])
    centred = [one - one.mean(axis=1, keepdims=True) for one in (effect, expected)]
    assert centred[0] == pytest.approx(centred[1], abs=1e-4)


def test_a_logistic_model_has_a_bar_for_each_input(nncli: Run) -> None:
    write("d.csv", ["a", "colour", "label"], [[i % 9, ["red", "blue"][i % 2], "pq"[(i % 9) > 4]] for i in range(90)])
    assert nncli("train", "d.csv", "--model", "logistic", "--epochs", 9, "-q").code == 0
    (panel,) = panels(nncli("plot", "model.npz", "weights", "--json"))
    assert panel["y"]["names"] == ["a", "colour=blue", "colour=red", "colour=(other)"]
    assert panel["marks"][0]["mark"] == "bars"
    assert panel["marks"][0]["values"][0] > 0  # the larger a, the more often q
    assert panel["marks"][0]["values"][3] == 0  # no row had another colour
    assert panel["x"]["title"] == "weight towards q"


def test_the_weights_of_pixels_are_images(nncli: Run, digits_model: Path) -> None:
    found = panels(nncli("plot", digits_model, "weights", "--json"))
    W = package.load(str(digits_model)).model_.network.dense[0].W
    largest = np.sort(np.argsort(-np.linalg.norm(W.astype(float), axis=0))[:12])
    assert [panel["title"] for panel in found] == [str(unit + 1) for unit in largest]
    for panel, unit in zip(found, largest, strict=True):
        image = np.array(panel["marks"][0]["values"])[::-1]  # the first row is at the bottom
        assert np.array_equal(image, W[:, unit].astype(float).reshape(8, 8))
        assert panel["marks"][0]["high"] == -panel["marks"][0]["low"] == pytest.approx(np.abs(W[:, largest]).max())


@pytest.mark.parametrize("names", [("petal_length_cm", "sepal_width_cm")])
def test_the_boundary_is_what_predict_says_with_the_others_at_their_medians(
    nncli: Run, iris_model: Path, names: tuple[str, str]
) -> None:
    outcome = nncli("plot", iris_model, "boundary", *names, "--json")
    (panel,) = panels(outcome)
    regions, *points = panel["marks"]
    x, y = panel["x"], panel["y"]
    certainty, series = np.array(regions["certainty"]), np.array(regions["series"])
    n_up, n_across = certainty.shape
    info = nncli("info", iris_model, "--json").json
    median = {column["name"]: column["median"] for column in info["columns"]}
    rows, places = [], [(i, j) for i in range(0, n_up, 7) for j in range(0, n_across, 9)]
    for i, j in places:
        at = {names[0]: x["low"] + (j + 0.5) / n_across * (x["high"] - x["low"])}
        at |= {names[1]: y["low"] + (i + 0.5) / n_up * (y["high"] - y["low"])}
        rows.append([(median | at)[name] for name in median])
    write("grid.csv", [*median], rows)
    answers = [*csv.reader(nncli("predict", iris_model, "grid.csv", "--proba").out.splitlines())][1:]
    for (i, j), (prediction, *p) in zip(places, answers, strict=True):
        assert info["classes"][series[i, j]] == prediction
        most = max(map(float, p))
        assert certainty[i, j] == pytest.approx((most - 1 / 3) / (2 / 3), abs=1e-4)
    columns, cells, classes = own_rows(nncli, iris_model)
    for mark in points:
        own = cells[classes == mark["name"]]
        assert mark["x"] == pytest.approx(own[:, columns.index(names[0])], rel=1e-5)
        assert mark["y"] == pytest.approx(own[:, columns.index(names[1])], rel=1e-5)


def test_a_boundary_of_rows_that_trained_the_model_is_no_figure_that_could_be_wrong(nncli: Run) -> None:
    write("and.csv", ["x1", "x2", "class"], [[0, 0, "no"], [0, 1, "no"], [1, 0, "no"], [1, 1, "yes"]])
    options = ("--val", 0, "--test", 0, "--epochs", 1)
    assert nncli("train", "and.csv", *options, "-q").code == 0
    assert nncli("plot", "model.npz", "boundary", "--data", "and.csv").err == ""
    assert "figures look better than they are" in nncli("plot", "model.npz", "confusion", "--data", "and.csv").err


def test_texts_are_at_their_most_frequent_category_on_a_boundary(nncli: Run) -> None:
    rows = [[i % 9, i % 7, "red" if i % 3 else "blue", "pq"[(i % 9 > 4) ^ (i % 3 == 0)]] for i in range(300)]
    write("d.csv", ["a", "b", "colour", "label"], rows)
    assert nncli("train", "d.csv", "--epochs", 20, "-q").code == 0
    outcome = nncli("plot", "model.npz", "boundary", "--json")
    (panel,) = panels(outcome)
    series = np.array(panel["marks"][0]["series"])
    across = panel["x"]["low"] + (np.arange(series.shape[1]) + 0.5) / series.shape[1] * (
        panel["x"]["high"] - panel["x"]["low"]
    )
    write("grid.csv", ["a", "b", "colour"], [[a, 3, "red"] for a in across])
    expected = [["p", "q"].index(line) for line in nncli("predict", "model.npz", "grid.csv").out.split()[1:]]
    at_three = round((3 - panel["y"]["low"]) / (panel["y"]["high"] - panel["y"]["low"]) * series.shape[0] - 0.5)
    assert np.mean(series[at_three] == expected) > 0.95  # b is a little off
    assert "the other columns are at their most frequent categories" in outcome.json["notes"]


def test_without_columns_the_boundary_is_on_the_principal_components(nncli: Run, iris_model: Path) -> None:
    (panel,) = panels(nncli("plot", iris_model, "boundary", "--json"))
    _, cells, classes = own_rows(nncli, iris_model)
    info = nncli("info", iris_model, "--json").json
    scaled = [(cells[:, i] - one["shift"]) * one["scale"] for i, one in enumerate(info["columns"])]
    fitted = PCA(2).fit(np.stack(scaled, axis=1))
    places = fitted.transform(np.stack(scaled, axis=1))
    found = {mark["name"]: np.stack([mark["x"], mark["y"]], axis=1) for mark in panel["marks"][1:]}
    for name, at in found.items():
        assert np.abs(at) == pytest.approx(np.abs(places[classes == name]), abs=1e-4)
    shares = [
        f"component {i + 1}, {100 * share:.0f} % of the variance"
        for i, share in enumerate(fitted.explained_variance_ratio_)
    ]
    assert [panel["x"]["title"], panel["y"]["title"]] == shares


def test_a_row_lies_in_the_region_of_its_prediction_where_two_components_are_all_there_is(nncli: Run) -> None:
    """Of two columns, the plane of components is that of the columns, turned."""
    from nncli.figures.planes import PrincipalComponents

    X = np.random.default_rng(0).normal(size=(50, 2)) @ np.array([[3.0, 1.0], [0.0, 0.5]])
    found = PrincipalComponents.of(X)
    assert found.mean + found.at @ found.directions == pytest.approx(X)
    assert np.std(found.at[:, 0]) > np.std(found.at[:, 1])


def test_one_column_has_a_component_and_nothing_beside_it() -> None:
    from nncli.figures.planes import PrincipalComponents

    found = PrincipalComponents.of(np.arange(5.0)[:, None])
    assert found.at[:, 0] == pytest.approx([-2, -1, 0, 1, 2])
    assert found.at[:, 1] == pytest.approx(0)
    assert PrincipalComponents.of(np.ones((3, 2))).at == pytest.approx(np.zeros((3, 2)))


def test_the_embedding_is_the_last_hidden_layer_on_its_principal_components(nncli: Run, iris_model: Path) -> None:
    (panel,) = panels(nncli("plot", iris_model, "embedding", "--json"))
    names, cells, classes = own_rows(nncli, iris_model)
    write("rows.csv", names, cells)
    H = embedded(nncli, iris_model)
    places = PCA(2).fit_transform(H)
    for mark in panel["marks"]:
        at = np.stack([mark["x"], mark["y"]], axis=1)
        assert np.abs(at) == pytest.approx(np.abs(places[classes == mark["name"]]), abs=1e-4)


def test_the_activations_are_counted_and_dead_units_too(nncli: Run) -> None:
    assert nncli("train", "iris", "--hidden", 40, "--lr", "0.5", "--epochs", 20, "-q").code == 0
    (panel,) = panels(nncli("plot", "model.npz", "activations", "--json"))
    names, cells, _ = own_rows(nncli, Path("model.npz"))
    write("rows.csv", names, cells)
    H = embedded(nncli, Path("model.npz"))
    dead = int(np.sum(H.max(axis=0) == H.min(axis=0)))
    assert dead > 0, "the test is of no use"
    assert panel["title"] == f"layer 1, relu: 40 units, {dead} dead"
    shares = np.histogram(H, 10)[0] / H.size * 100
    assert panel["marks"][0]["values"][::-1] == pytest.approx(shares, abs=0.2)  # a cell of the output is rounded


def test_of_a_deep_network_each_layer_has_a_panel(nncli: Run) -> None:
    assert nncli("train", "moons", "--hidden", "6x5x4", "--activation", "relu,tanh,gelu", "--epochs", 1, "-q").code == 0
    titles = [panel["title"].split(",")[0:2] for panel in panels(nncli("plot", "model.npz", "activations", "--json"))]
    assert titles == [["layer 1", " relu: 6 units"], ["layer 2", " tanh: 5 units"], ["layer 3", " gelu: 4 units"]]


def test_a_sweep_has_a_panel_for_each_option_with_the_figures_that_it_is_ranked_by(nncli: Run) -> None:
    options = (
        "--hidden 4,8x4 --lr log:0.0001:0.5 --activation relu,tanh --search random --trials 14 --epochs 2 --jobs 1"
    )
    assert nncli("sweep", "moons", *options.split(), "-q", "-o", "s.npz").code == 0
    standings = nncli("sweep", "--show", "s.sweep.jsonl", "--json").json["standings"]
    found = {panel["x"]["title"]: panel for panel in panels(nncli("plot", "s.sweep.jsonl", "sweep", "--json"))}
    assert found.keys() == {"log10 of lr", "hidden", "activation"}
    for title, name in (("log10 of lr", "lr"), ("hidden", "hidden"), ("activation", "activation")):
        others, best = found[title]["marks"]
        assert [*best["y"], *others["y"]] == pytest.approx([100 * one["mean"] for one in standings])
        places = [*best["x"], *others["x"]]
        if name == "lr":
            assert places == pytest.approx([np.log10(one["options"]["lr"]) for one in standings])
        else:
            shown = [found[title]["x"]["names"][int(place)] for place in places]
            expected = [
                "x".join(map(str, one["options"]["hidden"])) if name == "hidden" else one["options"][name]
                for one in standings
            ]
            assert shown == expected
    assert found["hidden"]["x"]["names"] == ["4", "8x4"]  # by size


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("iris.npz boundary petal_length_cm", "WHAT: boundary: expected two columns, found one. Name another, "),
        (
            "iris.npz boundary petal_length petal_width_cm",
            "WHAT: boundary: the model has no column of numbers 'petal_length'. Did you mean 'petal_length_cm'?",
        ),
        ("iris.npz boundary a b c", "WHAT: boundary: expected at most 2 columns, found 3."),
        ("iris.npz embedding a", "WHAT: embedding: expected tsne or nothing more, found 'a'."),
        ("linear.npz embedding", f"WHAT: embedding: {NO_LAYER}"),
        ("linear.npz activations", f"WHAT: activations: {NO_LAYER}"),
        ("one.npz boundary", "WHAT: boundary: expected a model of two columns or more, found one. Use another figure"),
        ("iris.npz sweep", "iris.npz: expected a ledger written by nncli sweep, found something else. Name another"),
        ("none.jsonl sweep", "none.jsonl: cannot read the ledger: No such file or directory."),
        ("none.jsonl sweep a", "WHAT: sweep has no use for columns. Leave that out."),
        ("none.jsonl sweep --data iris", "WHAT: sweep has no use for --data. Leave that out."),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_model_is_refused(words: str, line: str, nncli: Run, iris_model: Path) -> None:
    Path("iris.npz").write_bytes(iris_model.read_bytes())
    if "linear" in words:
        assert nncli("train", "iris", "--model", "softmax", "--epochs", 1, "-q", "-o", "linear.npz").code == 0
    if "one" in words:
        write("one.csv", ["a", "label"], [[i % 9, "pq"[i % 9 > 4]] for i in range(90)])
        assert nncli("train", "one.csv", "--epochs", 1, "-q", "-o", "one.npz").code == 0
    outcome = nncli("plot", *words.split())
    assert (outcome.code > 0, outcome.out, outcome.err.count("\n")) == (True, "", 1)
    assert outcome.err.startswith(line)


def test_bins_have_names_that_differ() -> None:
    from nncli.figures.activations import bin_names

    assert bin_names([0.0, 0.5, 1.0]) == ["0 to 0.5", "0.5 to 1"]
    assert bin_names([1.0, 1.0001, 1.0002]) == ["1 to 1.0001", "1.0001 to 1.0002"]


@pytest.mark.long
def test_tsne_keeps_the_neighbours_of_the_last_hidden_layer(nncli: Run, digits_model: Path) -> None:
    from sklearn.manifold import trustworthiness

    names, X, _ = own_rows(nncli, digits_model)
    write("rows.csv", names, X.tolist())
    H = embedded(nncli, digits_model)
    (panel,) = panels(nncli("plot", digits_model, "embedding", "tsne", "--json"))
    y = np.array(nncli("eval", digits_model, "--json").json["confusion_matrix"]).sum(axis=1)
    assert [len(mark["x"]) for mark in panel["marks"]] == y.tolist()
    with Path("judged.csv").open(newline="") as file:
        digits = [row["label"] for row in csv.DictReader(file)]
    at = np.empty((len(H), 2))
    for mark in panel["marks"]:
        at[[i for i, digit in enumerate(digits) if digit == mark["name"]]] = np.array([mark["x"], mark["y"]]).T
    assert trustworthiness(H, at) > 0.97
    assert panels(nncli("plot", digits_model, "embedding", "tsne", "--json"))[0]["marks"] == panel["marks"]


def test_an_embedding_is_by_tsne_or_principal_components(nncli: Run, digits_model: Path) -> None:
    outcome = nncli("plot", digits_model, "embedding", "umap")
    assert (outcome.code, outcome.err) == (2, "WHAT: embedding: expected tsne or nothing more, found 'umap'.\n")
    Path("few.csv").write_text(
        "\n".join((Path(__file__).parents[1] / "datasets" / "digits.csv").read_text().splitlines()[:6]) + "\n"
    )
    outcome = nncli("plot", digits_model, "embedding", "tsne", "--data", "few.csv")
    assert outcome.err.endswith("few.csv: expected at least 10 rows for tsne, found 5.\n")
