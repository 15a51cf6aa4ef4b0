"""`nncli plot DATA`: the classes, the columns and the rows of data without a model."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def write(rows: list[dict[str, Any]], path: str = "d.csv") -> None:
    with Path(path).open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def drawn(outcome: Any) -> dict[str, Any]:
    assert outcome.code == 0, outcome.err
    found: dict[str, Any] = outcome.json
    return found


def test_the_classes_have_their_rows(nncli: Run) -> None:
    names = "aabcccdd" * 3 + "d"
    write([{"x": i % 7, "kind": name} for i, name in enumerate(names)])
    (panel,) = drawn(nncli("plot", "d.csv", "classes", "--target", "kind", "--json"))["panels"]
    assert dict(zip(panel["y"]["names"], panel["marks"][0]["values"], strict=True)) == dict(Counter(names))


def test_numbers_have_the_share_of_each_class_at_each_value_if_these_are_few(nncli: Run) -> None:
    rng = np.random.default_rng(0)
    rows = [{"x": int(rng.integers(6)), "kind": "pq"[i % 3 > 0]} for i in range(120)]
    rows[5]["x"] = ""
    write(rows)
    found = drawn(nncli("plot", "d.csv", "columns", "-t", "kind", "--json"))
    marks = {one["name"]: one for one in found["panels"][0]["marks"]}
    for kind in "pq":
        values = [row["x"] for row in rows if row["kind"] == kind and row["x"] != ""]
        assert marks[kind]["x"] == [0, 1, 2, 3, 4, 5]
        assert marks[kind]["y"] == pytest.approx([100 * values.count(k) / len(values) for k in range(6)])
    assert "'x' is missing in 0.8 % of the rows" in found["notes"]


def test_many_numbers_are_put_into_bins_with_what_lies_beyond_in_the_outer_ones(nncli: Run) -> None:
    rng = np.random.default_rng(1)
    x = np.append(rng.normal(size=1999).round(3), 50.0)
    write([{"x": value, "kind": "pq"[i % 2]} for i, value in enumerate(x.tolist())])
    (panel,) = drawn(nncli("plot", "d.csv", "columns", "-t", "kind", "--json"))["panels"]
    edges = np.linspace(*np.quantile(x, [0.01, 0.99]), 21)
    for mark, part in zip(panel["marks"], (x[::2], x[1::2]), strict=True):
        counts, _ = np.histogram(part.clip(edges[0], edges[-1]), edges)
        assert mark["x"] == pytest.approx((edges[1:] + edges[:-1]) / 2, abs=1e-6)
        assert mark["y"] == pytest.approx(100 * counts / 1000, abs=0.11)  # a value on an edge may be on either side


def test_categories_have_the_share_of_each_class_with_the_rare_ones_together(nncli: Run) -> None:
    texts = ["red", "green", "blue", "pink", "grey", "black", "white"]
    rng = np.random.default_rng(2)
    weights = [0.3, 0.2, 0.16, 0.14, 0.1, 0.06, 0.04]
    rows = [{"t": texts[rng.choice(7, p=weights)], "x": i, "kind": "pq"[i % 2]} for i in range(400)]
    write(rows)
    (panel,) = drawn(nncli("plot", "d.csv", "columns", "t", "-t", "kind", "--json"))["panels"]
    often = [text for text, _ in Counter(row["t"] for row in rows).most_common(5)]
    assert panel["y"]["names"] == [*often, "(others)"]
    for mark in panel["marks"]:
        its = [row["t"] for row in rows if row["kind"] == mark["name"]]
        shares = [100 * its.count(text) / len(its) for text in often]
        assert mark["x"] == pytest.approx([*shares, 100 - sum(shares)])


def test_those_columns_are_shown_that_differ_most_between_the_classes(nncli: Run) -> None:
    rng = np.random.default_rng(3)
    rows = []
    for i in range(300):
        noise = {f"noise{k}": f"{rng.normal():.3f}" for k in range(6)}
        rows.append(noise | {"far": f"{rng.normal() + 4 * (i % 2):.3f}", "text": "uv"[i % 2], "kind": "pq"[i % 2]})
    write(rows)
    found = drawn(nncli("plot", "d.csv", "columns", "-t", "kind", "--json"))
    assert [panel["x"]["title"] for panel in found["panels"][1:2]] == ["far"]
    assert found["panels"][0]["y"]["title"] == "text"
    assert len(found["panels"]) == 4
    assert "the 4 of 8 columns that differ most between the classes" in found["notes"]


def test_pictures_have_their_mean_by_class(nncli: Run) -> None:
    rng = np.random.default_rng(4)
    X, y = rng.integers(0, 256, size=(60, 3, 4), dtype=np.uint8), np.arange(60) % 3
    np.savez("pictures.npz", X=X, y=y)
    found = drawn(nncli("plot", "pictures.npz", "columns", "--json"))
    assert [panel["title"] for panel in found["panels"]] == [f"{k}, 20 rows" for k in range(3)]
    for k, panel in enumerate(found["panels"]):
        assert np.flipud(panel["marks"][0]["values"]) == pytest.approx(X[y == k].mean(axis=0))


def test_the_first_picture_of_each_class_is_shown(nncli: Run) -> None:
    X, y = load_digits(return_X_y=True)
    found = drawn(nncli("plot", "digits", "pictures", "--json"))
    assert [panel["title"] for panel in found["panels"]] == [str(k) for k in range(10)]
    for k, panel in enumerate(found["panels"]):
        first = X[int(np.argmax(y == k))].reshape(8, 8)
        np.testing.assert_array_equal(np.flipud(panel["marks"][0]["values"]), first)


def test_distorted_pictures_stand_beside_the_one_they_are_made_of(nncli: Run) -> None:
    X, y = load_digits(return_X_y=True)
    words = ["plot", "digits", "pictures", "--json", "--distort", "shift:pixels=1"]
    found, again = drawn(nncli(*words)), drawn(nncli(*words))
    assert found == again
    titles = [panel["title"] for panel in found["panels"]]
    assert titles == [f"{k}, {how}" for k in (0, 1) for how in ("as it is", *["distorted"] * 4)]
    shown = [np.flipud(panel["marks"][0]["values"]) for panel in found["panels"]]
    np.testing.assert_array_equal(shown[5], X[int(np.argmax(y == 1))].reshape(8, 8))
    assert len({one.tobytes() for one in shown}) == 10
    # the centre of mass moves by as much as a picture is shifted, and by no more than a pixel where nothing leaves it
    centres = [np.array([(np.indices((8, 8))[axis] * one).sum() / one.sum() for axis in (0, 1)]) for one in shown[:5]]
    assert all(0 < np.abs(centre - centres[0]).max() < 1.2 for centre in centres[1:])
    assert "of 2 of 10 classes" in found["notes"]


def test_rows_lie_where_the_principal_components_of_scikit_learn_put_them(nncli: Run) -> None:
    (panel,) = drawn(nncli("plot", "iris", "scatter", "--json"))["panels"]
    X = StandardScaler().fit_transform(load_iris().data)
    expected = PCA(2).fit_transform(X)
    ours = np.vstack([np.stack([mark["x"], mark["y"]], axis=1) for mark in panel["marks"]])
    assert np.abs(ours).sum(axis=0) == pytest.approx(np.abs(expected).sum(axis=0), rel=1e-3)
    assert [mark["name"] for mark in panel["marks"]] == ["setosa", "versicolor", "virginica"]
    assert np.abs(ours[:50]) == pytest.approx(np.abs(expected[:50]), abs=0.02)


def test_or_over_two_columns(nncli: Run) -> None:
    words = "petal_length_cm", "petal_width_cm"
    (panel,) = drawn(nncli("plot", "iris", "scatter", *words, "--json"))["panels"]
    assert panel["marks"][0]["x"] == pytest.approx(load_iris().data[:50, 2])
    assert panel["marks"][2]["y"] == pytest.approx(load_iris().data[100:, 3])


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("iris columns size", "WHAT: columns: the data have no column 'size'. "),
        ("iris scatter petal_width_cm", "WHAT: scatter: expected two columns, found one. Name another, or none."),
        (
            "iris pictures",
            "WHAT: pictures: expected pixels alone (64 or more columns of whole numbers from 0 to 255), ",
        ),
        ("iris scatter --distort shift", "--distort: scatter has no use for it. Leave it out, or draw pictures."),
        ("digits pictures --distort shfit", "--distort: expected one of shift, affine, elastic; found 'shfit'."),
        ("iris classes petal_width_cm", "WHAT: classes: expected no columns, found 1."),
        ("iris classes --data iris", "WHAT: classes has no use for --data. Name the data in place of the model: "),
        ("iris roc", "WHAT: roc: it is of a model, and iris is none. Train one with: nncli train iris, or draw "),
        ("model.npz columns", "WHAT: columns: it is of data, and model.npz is a model. Name the data in its place."),
        ("model.npz roc --target late", "--target: roc is not of data. Leave it out."),
    ],
)
def test_what_cannot_be_drawn_is_refused(words: str, line: str, nncli: Run, iris_model: Path) -> None:
    Path("model.npz").write_bytes(iris_model.read_bytes())
    outcome = nncli("plot", *words.split())
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert outcome.err.startswith(line)


def test_numbers_to_predict_are_no_classes(nncli: Run) -> None:
    write([{"x": i % 7, "price": i * i % 101 + 0.5} for i in range(60)])
    outcome = nncli("plot", "d.csv", "classes", "-t", "price", "-q")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == (
        "d.csv: target 'price': expected classes, as the figure classes is for classes only, found numbers. "
        "Choose another column with --target.\n"
    )


def test_by_numbers_to_predict_rows_are_told_apart_in_five_bands(nncli: Run) -> None:
    """y = x + 0.5 of 0 to 99: the first band is the twenty smallest x, and so on."""
    write([{"x": i, "kind": "pq"[i % 2], "price": i + 0.5} for i in range(100)])
    figure = drawn(nncli("plot", "d.csv", "columns", "kind", "-t", "price", "--json"))
    (panel,) = figure["panels"]
    assert panel["x"]["title"] == "% of the rows of each price"
    assert [one["name"] for one in panel["marks"]] == [
        "up to 19.5", "19.5 to 39.5", "39.5 to 59.5", "59.5 to 79.5", "above 79.5",
    ]  # fmt: skip
    assert all(one["x"] == pytest.approx([50, 50]) for one in panel["marks"])
    figure = drawn(nncli("plot", "d.csv", "scatter", "-t", "price", "--json"))
    assert [len(one["x"]) for one in figure["panels"][0]["marks"]] == [20] * 5
    assert figure["notes"][-1] == "the rows are told apart by their price, in bands of about as many rows"


def test_a_date_is_shown_by_days(nncli: Run) -> None:
    write([{"day": f"2024-0{1 + i % 9}-01", "x": i * 7 % 50, "kind": "pq"[i % 9 > 4]} for i in range(90)])
    (panel,) = drawn(nncli("plot", "d.csv", "columns", "day", "-t", "kind", "--json"))["panels"]
    assert panel["x"]["title"] == "day, days after 2024-01-01"
    # the first days of January to September 2024, a leap year
    assert panel["marks"][0]["x"] == [0, 31, 60, 91, 121, 152, 182, 213, 244]


def test_names_from_data_do_no_harm(nncli: Run) -> None:
    hostile = "</script><script>alert(1)</script>\x1b[31m\u202e"
    rows = [{"x": i, hostile: [hostile, "plain", "more"][i % 3], "kind": [hostile, "ok"][i % 2]} for i in range(60)]
    write(rows)
    for name in ("classes", "columns", "scatter"):
        shown = nncli("plot", "d.csv", name, "-t", "kind", "-q").out
        assert not {"\x1b", "\u202e"} & set(shown)
        assert "\\x1b" in shown or "…" in shown
        assert nncli("plot", "d.csv", name, "-t", "kind", "-q", "-o", "f.svg").code == 0
        drawn_file = Path("f.svg").read_text("utf-8")
        assert "<script" not in drawn_file
        assert "\u202e" not in drawn_file


PLAIN = (
    "the and it was bought this for my old phone with case cable which works well in car house after two",
    "weeks of use price good than expected colour nice screen sound battery lasts long time again would buy",
)


def write_texts(**others: str) -> None:
    """Write texts in which only "fine" and "broken" tell the classes apart: 30 of 40 have theirs."""
    rng, rows = np.random.default_rng(0), list[dict[str, Any]]()
    for i in range(40):
        words = [str(word) for word in rng.choice(" ".join(PLAIN).split(), 14)]
        for kind, own in (("p", "fine"), ("q", "broken")):  # of the same words else
            rest = [str(word) for word in rng.permutation(words)]
            text = " ".join([own, *rest] if i % 4 else rest)
            rows.append({"text": f"{text}.", **others, "kind": kind})
    write(rows)


def test_texts_have_the_share_of_each_class_with_the_words_that_differ_most(nncli: Run) -> None:
    write_texts()
    (panel,) = (found := drawn(nncli("plot", "d.csv", "columns", "-t", "kind", "--json")))["panels"]
    shares = {mark["name"]: dict(zip(panel["y"]["names"], mark["x"], strict=True)) for mark in panel["marks"]}
    assert {word: shares["p"][word] for word in ("fine", "broken")} == {"fine": 75.0, "broken": 0.0}
    assert {word: shares["q"][word] for word in ("fine", "broken")} == {"fine": 0.0, "broken": 75.0}
    assert any("words of 'text', those in which the classes differ most" in note for note in found["notes"])


@pytest.mark.parametrize("columns", [(), ("tsne",)])
def test_rows_that_are_texts_alone_are_not_drawn_on_a_plane(columns: tuple[str, ...], nncli: Run) -> None:
    write_texts()
    outcome = nncli("plot", "d.csv", "scatter", *columns, "-t", "kind")
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    assert "scatter: column 'text' is read as words, of too many inputs for a plane" in outcome.err


def test_texts_beside_other_columns_are_left_out_of_a_plane(nncli: Run) -> None:
    write_texts(x="1")
    rows = Path("d.csv").read_text().replace(",1,", ",{},").splitlines()
    Path("d.csv").write_text("\n".join([rows[0], *(row.format(i % 9) for i, row in enumerate(rows[1:]))]) + "\n")
    found = drawn(nncli("plot", "d.csv", "scatter", "-t", "kind", "--json"))
    assert "without column 'text', which is read as words" in found["notes"]
