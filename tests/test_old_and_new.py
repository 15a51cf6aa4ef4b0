"""What a model gains on new rows and forgets of the old ones, on handwritten digits: a class that it did not know, and
another scanner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from months import before
from nncli.data.bundled import path_of

Run = Callable[..., Any]
QUICK = ("-q", "--json", "--epochs", "60")

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def digits(seed: int) -> tuple[str, np.ndarray]:
    """Return the header of the bundled digits, and their rows of 64 pixels and a label in a random order."""
    header, *lines = Path(path_of("digits")).read_text("utf-8").splitlines()
    assert header.endswith(",label")
    rows = np.array([line.split(",") for line in lines], np.int64)
    return header, rows[np.random.default_rng(seed).permutation(len(rows))]


def write(file: str, header: str, rows: np.ndarray) -> None:
    Path(file).write_text("\n".join([header, *(",".join(map(str, row)) for row in rows.tolist())]) + "\n")


def gone_on(nncli: Run, model: str, old: np.ndarray, new: np.ndarray, header: str, *words: str) -> Any:
    """Train on old rows, go on with new ones, and return what was gained and forgotten."""
    write("old.csv", header, old)
    write("new.csv", header, new)
    assert nncli("train", "old.csv", "-t", "label", "-m", model, *QUICK, "-o", "old.npz").code == 0
    how = ("--replay", "old.csv", *words, *QUICK, "-o", "new.npz")
    outcome = nncli("train", "--from", "old.npz", "new.csv", *how)
    assert outcome.code == 0, outcome.err
    return outcome.json["from"]


def with_a_new_class(nncli: Run, model: str, label: int) -> tuple[float, float, float]:
    """Go on from a model of nine digits with rows of all ten. Return by how much it is better on new test rows than a
    model that begins with random weights and has the same rows: in accuracy, and in recall of the new class; and how
    much better than before it is on the old test rows."""
    header, rows = digits(seed=label)
    is_old = (np.arange(len(rows)) < len(rows) // 2) & (rows[:, -1] != label)
    old, new = rows[is_old], rows[~is_old]
    found = gone_on(nncli, model, old, new, header, "--test", "0.4")
    held = {name: before(f"{name}.npz").provenance.test_rows for name in ("old", "new")}
    write("held.csv", header, new[held["new"]])
    write("rest.csv", header, np.vstack([np.delete(old, held["old"], axis=0), np.delete(new, held["new"], axis=0)]))
    words = ("rest.csv", "-t", "label", "-m", model, *QUICK, "--test", "0")
    assert nncli("train", *words, "-o", "scratch.npz").code == 0
    after, scratch = (nncli("eval", f"{name}.npz", "held.csv", "--json", "-q").json for name in ("new", "scratch"))
    recall = (its["per_class"][str(label)]["recall"] for its in (after, scratch))
    return (
        after["accuracy"] - scratch["accuracy"],
        float(np.subtract(*recall)),
        found["forgotten"]["figures"]["accuracy"]["difference"],
    )


def test_a_new_class_is_learned_as_well_as_from_scratch(nncli: Run) -> None:
    accuracy, _, old = with_a_new_class(nncli, "mira", 8)
    assert accuracy >= -0.02
    assert old >= -0.01


@pytest.mark.long
@pytest.mark.parametrize(
    ("model", "labels"),
    [
        ("mlp", range(0, 10, 2)), ("softmax", range(1, 10, 2)),  # five of the ten digits each
        ("logistic", (0, 5, 8)), ("svm", (1, 6, 9)), ("mira", (2, 4, 7)), ("averaged-perceptron", (3, 5, 8)),
        ("adaline", range(10)),
    ],
)  # fmt: skip
def test_each_of_ten_classes_is_learned_as_well_as_from_scratch(model: str, labels: Sequence[int], nncli: Run) -> None:
    accuracy, recall, old = np.mean([with_a_new_class(nncli, model, label) for label in labels], axis=0)
    assert accuracy >= -0.02
    assert recall >= -0.02
    assert old >= -0.01


def on_grey_paper(rows: np.ndarray) -> np.ndarray:
    """Return digits as a worse scanner has them, on grey paper: of 16 shades, the lightest half is one."""
    return np.hstack([np.minimum(rows[:, :-1] + 8, 16), rows[:, -1:]])


def with_grey_rows(nncli: Run, model: str, seed: int) -> tuple[float, float]:
    """Go on from a model of digits with those on grey paper; return what was gained on these, and on the old ones."""
    header, rows = digits(seed)
    found = gone_on(nncli, model, rows[:1000], on_grey_paper(rows[1000:]), header)
    gained = found["gained"]["figures"]["accuracy"]
    assert gained["interval"][0] > 0, gained
    return gained["difference"], found["forgotten"]["figures"]["accuracy"]["difference"]


def test_rows_that_have_changed_are_learned_and_the_old_ones_not_forgotten(nncli: Run) -> None:
    gained, old = with_grey_rows(nncli, "mira", 0)
    assert gained > 0.05
    assert old >= -0.01


@pytest.mark.long
@pytest.mark.parametrize("model", ["mlp", "softmax", "mira"])
def test_over_many_months_few_rows_are_forgotten(model: str, nncli: Run) -> None:
    gained, old = np.mean([with_grey_rows(nncli, model, seed) for seed in range(4)], axis=0)
    assert gained > 0.05
    assert old >= -0.01
