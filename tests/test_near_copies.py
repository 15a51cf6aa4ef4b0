"""`check` tells of rows that are nearly copies of others, where a random split flatters because of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def findings(nncli: Run, X: np.ndarray[Any, Any], y: np.ndarray[Any, Any], *options: str) -> list[str]:
    names = ",".join(f"x{j}" for j in range(X.shape[1]))
    lines = [",".join(map("{:.5f}".format, row)) + f",{'ab'[k]}" for row, k in zip(X, y, strict=True)]
    Path("d.csv").write_text(f"{names},class\n" + "\n".join(lines) + "\n")
    return [line for line in nncli("check", "d.csv", *options, "--json").json["findings"] if "near copies" in line]


def measured(copies: int, noise: float, seed: int = 0) -> tuple[Any, Any]:
    """Objects whose class is drawn by lot, each measured several times."""
    rng, n = np.random.default_rng(seed), 600 // copies
    objects, y = np.repeat(rng.normal(size=(n, 6)), copies, axis=0), np.repeat(rng.integers(2, size=n), copies)
    order = rng.permutation(len(y))
    return (objects + rng.normal(0, noise, objects.shape))[order], y[order]


@pytest.mark.parametrize(("copies", "noise"), [(2, 0.02), (5, 0.02), (10, 0.05)])
def test_measurements_of_one_object_are_near_copies(nncli: Run, copies: int, noise: float) -> None:
    X, y = measured(copies, noise)
    (said,) = findings(nncli, X, y)
    assert "a random split looks better than it is" in said
    rows = [int(word.strip(":,")) - 1 for word in said.split("as rows ")[1].replace("and ", "").split()[:2]]
    assert np.linalg.norm(X[rows[0]] - X[rows[1]]) < 10 * noise  # others are at a distance of about 1.5
    assert y[rows[0]] == y[rows[1]]


def test_rows_that_are_only_close_are_no_copies(nncli: Run) -> None:
    rng = np.random.default_rng(1)
    for d in (3, 8):
        X = rng.normal(size=(1500, d))
        assert findings(nncli, X, (X[:, 0] > 0) * 1) == []
    centres = rng.normal(size=(40, 5))[rng.integers(40, size=1200)]  # clusters of thirty
    assert findings(nncli, centres + rng.normal(0, 0.05, centres.shape), rng.integers(2, size=1200)) == []


def test_copies_that_change_no_figure_are_left_alone(nncli: Run) -> None:
    X, y = measured(5, 0.02)
    X[:, 0] += 12 * y  # with which the class is known without them
    assert findings(nncli, X, y) == []


def test_nothing_is_said_where_groups_are_named(nncli: Run) -> None:
    X, y = measured(5, 0.02)
    X[:, 0] = np.round(X[:, 1] * 3)
    assert findings(nncli, X, y, "--group", "x0", "--categorical", "x0") == []


@pytest.mark.parametrize("data", ["iris", "wine", "digits", "breast-cancer", "moons"])
def test_bundled_sets_have_no_such_copies(nncli: Run, data: str) -> None:
    assert not any("near copies" in line for line in nncli("check", data, "--json").json["findings"])


def test_few_copies_are_left_alone(nncli: Run) -> None:
    """Of 600 rows, 40 are pairs whose classes agree: no tenth of them."""
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(600, 6)), rng.integers(2, size=600)
    X[:20], y[:20] = X[20:40] + rng.normal(0, 0.01, (20, 6)), y[20:40]
    assert findings(nncli, X, y) == []


def test_copies_whose_classes_are_drawn_by_lot_are_left_alone(nncli: Run) -> None:
    X, y = measured(2, 0.02)
    assert findings(nncli, X, np.random.default_rng(1).permutation(y)) == []
