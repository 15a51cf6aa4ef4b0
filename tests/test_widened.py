"""Before its first step, a network that goes on says of each row what the model says of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from months import before, month, numbers, prepared
from nncli.data.category_inputs import MAX_CATEGORIES
from nncli.data.load import load_like
from nncli.nn.models import MODELS
from nncli.training.going_on import beginning

Run = Callable[..., Any]
ALONE = {"tabular": ("--ensemble", "1")}  # members each keep their scores, and not their mean
CLASSIFIERS = [name for name, model in MODELS.items() if model.classes]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def trained(nncli: Run, text: str, target: str, *options: str) -> None:
    Path("old.csv").write_text(text)
    assert nncli("train", "old.csv", "-t", target, "--epochs", "5", "-q", "--json", *options, "-o", "m.npz").code == 0


def scores(file: str, data: str, new: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores of all rows of a file by the model, and by the network that goes on from it."""
    model = before(file).model
    table = load_like((data,), model.schema, model.classes, "float32").table
    X = new.preprocess.transform(table, np.dtype(np.float32))
    return model.scores(table), beginning(new, new.start).forward(X.slice(0, len(table)))


@pytest.mark.parametrize("model", CLASSIFIERS)
def test_two_classes_keep_their_probabilities_beside_a_new_one(model: str, nncli: Run) -> None:
    """Among the classes that the model knows; and which of two is likelier, however the loss has them in one output."""
    trained(nncli, month(80, 1), "level", "-m", model, *ALONE.get(model, ()))
    Path("new.csv").write_text(month(90, 2, classes=("low", "high", "far")))
    new = prepared("m.npz", "new.csv")
    assert new.dataset.classes == ("far", "high", "low")
    was, now = scores("m.npz", "old.csv", new)
    loss = before("m.npz").model.loss
    P, Q = loss.by_class(was).astype(float), loss.by_class(now.copy())[:, 1:].astype(float)
    if loss.probabilistic:
        np.testing.assert_allclose(Q / Q.sum(axis=1, keepdims=True), P, atol=1e-5)
    sure = np.abs(P[:, 1] - P[:, 0]) > 1e-5
    np.testing.assert_array_equal((Q[:, 1] > Q[:, 0])[sure], (P[:, 1] > P[:, 0])[sure])


@pytest.mark.parametrize("model", CLASSIFIERS)
def test_scores_of_several_classes_are_as_they_were(model: str, nncli: Run) -> None:
    trained(nncli, month(120, 1, classes=("low", "high", "far")), "level", "-m", model, *ALONE.get(model, ()))
    Path("new.csv").write_text(month(140, 2, classes=("low", "high", "far", "beyond")))
    new = prepared("m.npz", "new.csv")
    assert new.dataset.classes == ("beyond", "far", "high", "low")
    was, now = scores("m.npz", "old.csv", new)
    np.testing.assert_allclose(now[:, 1:], was, rtol=1e-5, atol=1e-5)
    assert np.ptp(now[:, 0]) == 0  # the new class has one score everywhere …
    assert now[:, 0].mean() <= was.min(axis=1).mean() + 1  # … as low as the last of the others


def test_new_categories_and_missing_cells_have_the_weights_of_unseen_ones(nncli: Run) -> None:
    trained(nncli, month(80, 1), "level", "--hidden", "7")
    text = month(80, 2, cities=("Wien", "Bonn", "Rom", ""))
    Path("new.csv").write_text(text)
    new = prepared("m.npz", "new.csv")
    assert new.preprocess.categories == {"city": ("Bonn", "Graz", "Linz", "Rom", "Wien", None)}
    assert new.preprocess.width == before("m.npz").model.preprocess.width + 3
    for data in ("old.csv", "new.csv"):
        was, now = scores("m.npz", data, new)
        np.testing.assert_allclose(now, was, rtol=1e-5, atol=1e-6)
    assert "column 'city': new categories 'Bonn', 'Rom' and a missing cell: 3 inputs are added" in ordered(new.notes)


def ordered(notes: tuple[str, ...]) -> list[str]:
    """Return notes with the names of new categories, which stand by how frequent they are, in the order of names."""
    return [note.replace("'Rom', 'Bonn'", "'Bonn', 'Rom'") for note in notes]


def test_no_more_categories_are_added_than_a_column_may_have(nncli: Run) -> None:
    trained(nncli, month(80, 1), "level")
    names = [f"place {i}" for i in range(150)]
    Path("new.csv").write_text(month(900, 2, cities=names))
    assert len(prepared("m.npz", "new.csv").preprocess.categories["city"]) <= MAX_CATEGORIES + 1


def test_flags_in_another_spelling_are_no_new_categories(nncli: Run) -> None:
    rows = [f"{i % 7},{'yes' if i % 2 else 'no'},{'ab'[i % 2]}" for i in range(60)]
    flags = {"yes": "true", "no": "false"}
    old = "\n".join(["x,flag,y", *(row.replace("yes", flags["yes"]).replace("no", flags["no"]) for row in rows)])
    trained(nncli, old + "\n", "y", "--categorical", "flag")
    Path("new.csv").write_text(
        "\n".join(["x,flag,y", *(r.replace("yes", "1").replace("no", "0") for r in rows)]) + "\n"
    )
    new = prepared("m.npz", "new.csv")
    assert new.preprocess.categories == before("m.npz").model.preprocess.categories


@pytest.mark.parametrize("scale", ["standard", "minmax"])
def test_a_scaling_that_is_fitted_anew_changes_no_score(scale: str, nncli: Run) -> None:
    trained(nncli, month(80, 1), "level", "--hidden", "7", "--scale", scale)
    Path("new.csv").write_text(month(80, 2, shift=3))
    new = prepared("m.npz", "new.csv", refits=True)
    assert not np.allclose(new.preprocess.shift, before("m.npz").model.preprocess.shift)
    for data in ("old.csv", "new.csv"):
        was, now = scores("m.npz", data, new)
        np.testing.assert_allclose(now, was, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("model", ["mlp", "linear"])
def test_predicted_numbers_stay_in_the_unit_of_the_target(model: str, nncli: Run) -> None:
    trained(nncli, numbers(80, 1), "price", "-m", model)
    Path("new.csv").write_text(numbers(80, 2, shift=4))
    kept, anew = (prepared("m.npz", "new.csv", refits=refits) for refits in (False, True))
    old = before("m.npz").model
    assert kept.target is not None
    assert anew.target is not None
    assert kept.target.mean == old.of_numbers.mean
    assert anew.target.mean == pytest.approx(12, abs=2)  # 3·4 − 4 + 4, as the rows are made
    for new in (kept, anew):
        was, now = scores("m.npz", "new.csv", new)
        np.testing.assert_allclose(new.target.numbers(now), old.numbers(was), rtol=1e-4, atol=1e-3)


def test_a_column_that_is_constant_now_keeps_its_scaling(nncli: Run) -> None:
    trained(nncli, numbers(80, 1), "price")
    lines = numbers(80, 2).splitlines()
    same = [",".join(["1.5", *line.split(",")[1:]]) for line in lines[1:]]
    Path("new.csv").write_text("\n".join([lines[0], *same]) + "\n")
    new, old = prepared("m.npz", "new.csv", refits=True), before("m.npz").model.preprocess
    assert new.preprocess.scale[0] == old.scale[0] != 0
    assert new.preprocess.scale[1] != old.scale[1]
