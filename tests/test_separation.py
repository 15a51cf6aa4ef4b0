"""Whether weights separate the training rows, the widest margin, and the most mistakes that it allows."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog
from sklearn.svm import SVC

from nncli.config.resolve import resolve
from nncli.config.train_config import TrainConfig
from nncli.data.scaled_rows import Matrix, Subset
from nncli.explain.separation import vectors, widest_margin
from nncli.model.network import build_network
from nncli.nn.input_layers import InputKinds
from nncli.training.trainer import Trainer
from short_and_long import short_and_long
from test_mistakes import AND, file_of

Run = Callable[..., Any]


def kesler(X: np.ndarray, y: np.ndarray, K: int) -> np.ndarray:
    """What weights (K, d + 1), one row after the other, should have a product above 0 with."""
    found = []
    for x, k in zip(X, y, strict=True):
        for j in range(K):
            if j != k:
                v = np.zeros((K, X.shape[1] + 1))
                v[k], v[j] = [*x, 1], [*-x, -1]
                found.append(v.ravel())
    return np.array(found)


def of_svc(V: np.ndarray) -> float:
    """The widest margin of a hard-margin SVM without a bias: with each row mirrored in 0, it has none to find."""
    svm = SVC(kernel="linear", C=1e6, tol=1e-5).fit(np.vstack([V, -V]), np.repeat([1, -1], len(V)))
    return float(1 / np.linalg.norm(svm.coef_))


def is_feasible(V: np.ndarray) -> bool:
    return linprog(np.zeros(V.shape[1]), A_ub=-V, b_ub=-np.ones(len(V)), bounds=(None, None)).status == 0


def separable(seed: int, K: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows in the classes of the highest of K random linear scores, none of them near a border."""
    rng = np.random.default_rng(seed)
    d, n = int(rng.integers(1, 5)), int(rng.integers(3, 60))
    X, W = rng.normal(size=(4 * n + 200, d)), rng.normal(size=(d + 1, K))
    Z = np.hstack([X, np.ones((len(X), 1))]) @ W
    first = np.sort(Z, axis=1)
    clear = first[:, -1] - first[:, -2] > 0.2
    return X[clear][:n], Z.argmax(axis=1)[clear][:n]


def test_the_widest_margin_of_and_by_hand() -> None:
    # −b ≥ γ, −(w + b) ≥ γ, 2w + b ≥ γ with w1 = w2 = w: at best b = −3γ, w = 2γ, of length √(4 + 4 + 9) γ = 1
    V = vectors(*AND, 2)
    assert V.tolist() == [[0, 0, -1], [0, -1, -1], [-1, 0, -1], [1, 1, 1]]
    assert widest_margin(V) == (True, pytest.approx(1 / math.sqrt(17)))


def test_no_weights_are_right_for_all_rows_of_xor() -> None:
    assert widest_margin(vectors(AND[0], np.array([0, 1, 1, 0]), 2)) == (False, None)


def test_the_same_row_in_two_classes_cannot_be_separated() -> None:
    X = np.array([[0.3, 0.7], [1, 2], [0.3, 0.7]])
    assert widest_margin(vectors(X, np.array([0, 1, 1]), 2)) == (False, None)
    assert widest_margin(vectors(X, np.array([0, 1, 2]), 3)) == (False, None)


@pytest.mark.parametrize("K", [2, 3, 4])
def test_the_widest_margin_is_that_of_the_hard_margin_svm(K: int) -> None:
    for seed in range(8):
        X, y = separable(seed, K)
        V = np.where(y == 1, 1, -1)[:, None] * np.hstack([X, np.ones((len(X), 1))]) if K == 2 else kesler(X, y, K)
        np.testing.assert_array_equal(vectors(X, y, K), V)
        found, margin = widest_margin(V)
        assert found is True
        assert margin == pytest.approx(of_svc(V), rel=1e-3)


@pytest.mark.parametrize("K", [2, 3])
def test_rows_are_said_to_be_separable_just_where_a_linear_program_finds_weights(K: int) -> None:
    seen = set()
    for seed in range(60):
        rng = np.random.default_rng(seed)
        n, d = int(rng.integers(3, 14)), int(rng.integers(1, 4))
        V = vectors(rng.normal(size=(n, d)), rng.integers(K, size=n), K)
        found, _ = widest_margin(V)
        assert found == is_feasible(V)
        seen.add(found)
    assert seen == {True, False}


@pytest.mark.parametrize("sets", short_and_long(10, 60))
@pytest.mark.parametrize(("model", "K", "lr"), [("perceptron", 2, 0.3), ("perceptron", 3, 1.0), ("mira", 2, 0.05)])
def test_on_separable_sets_there_are_no_more_mistakes_than_the_theorem_allows(
    model: str, K: int, lr: float, sets: int
) -> None:
    """R²/γ² for the perceptron; for MIRA with steps up to C = --lr, max(R², 1/C)/γ²."""
    converged = 0
    for seed in range(sets):
        X, y = separable(seed, K)
        config = resolve(TrainConfig(model=model, lr=lr, dtype="float64", epochs=200), len(y), has_val=False)
        network, loss = build_network(config.model, InputKinds(X.shape[1]), K)
        train = Subset(Matrix(X, np.dtype("float64")), y, np.arange(len(y)))
        mine = Trainer(network, loss, config, train, None, K, np.random.default_rng(seed))
        mistakes = sum(epoch.mistakes or 0 for epoch in mine.run())
        V = vectors(X, y, K)
        R2 = (V * V).sum(axis=1).max()
        _, margin = widest_margin(V)
        assert margin is not None
        assert mistakes <= (max(R2, 1 / lr) if model == "mira" else R2) / margin**2
        converged += mine.history[-1].changed_nothing
    assert converged > 0.9 * sets or model == "mira"


def test_eval_tells_the_bound_beside_the_mistakes_as_info_does(nncli: Run, tmp_path: Path) -> None:
    """w·x + b of AND: R² = 3, γ = 1/√17."""
    data, out = file_of(tmp_path / "and.csv", *AND), str(tmp_path / "m.npz")
    nncli("train", data, "--val", "0", "--test", "0", "--scale", "none", "--model", "perceptron", "-q", "-o", out)
    found = nncli("eval", out, data, "-q")
    assert "at most R²/γ² = 51 are possible" in found.out
    assert "γ = 0.2425 is the widest" in found.out
    told, known = json.loads(nncli("eval", out, data, "--json").out), json.loads(nncli("info", out, "--json").out)
    assert {name: told[name] for name in ("mistakes", "separation")} == {
        name: known[name] for name in ("mistakes", "separation")
    }
    Path(data).rename(tmp_path / "elsewhere.csv")
    found = nncli("eval", out, tmp_path / "elsewhere.csv", "--json")
    assert (found.code, found.json["separation"]) == (0, None)


def test_info_tells_the_bound_beside_the_mistakes(nncli: Run, tmp_path: Path) -> None:
    data, out = file_of(tmp_path / "and.csv", *AND), str(tmp_path / "m.npz")
    nncli("train", data, "--val", "0", "--test", "0", "--scale", "none", "--model", "perceptron", "-q", "-o", out)
    told = json.loads(nncli("info", out, "--json").out)
    found = told["separation"]
    assert found["R"] == pytest.approx(math.sqrt(3))
    assert found["widest_margin"] == pytest.approx(1 / math.sqrt(17))
    assert found["most_mistakes"] == pytest.approx(51)
    said = nncli("info", out).out
    assert "at most R²/γ² = 51 are possible" in said
    assert "γ = 0.2425 is the widest" in said


def test_the_margin_of_the_weights_is_that_of_their_worst_row(nncli: Run, tmp_path: Path) -> None:
    # rows −1 and 2, classes 0 and 1, in any order: z = 0 says 1, so −1 moves w to 1, b to −1; then all are right
    data, out = file_of(tmp_path / "two.csv", np.array([[-1.0], [2.0]]), np.array([0, 1])), str(tmp_path / "m.npz")
    nncli("train", data, "--val", "0", "--test", "0", "--scale", "none", "--model", "perceptron", "-q", "-o", out)
    found = json.loads(nncli("info", out, "--json").out)["separation"]
    assert found["R"] == pytest.approx(math.sqrt(5))
    assert found["margin"] == pytest.approx(1 / math.sqrt(2))  # 2 − 1, and 1 + 1, over ‖(1, −1)‖
    # the point nearest to 0 between (2, 1) and −(−1, 1): (1, −1) + s (1, 2), s = 1/5
    assert found["widest_margin"] == pytest.approx(math.hypot(6 / 5, 3 / 5))


def test_where_no_plane_separates_the_rows_info_says_so_for_certain(nncli: Run, tmp_path: Path) -> None:
    data, out = file_of(tmp_path / "xor.csv", AND[0], np.array([0, 1, 1, 0])), str(tmp_path / "m.npz")
    nncli("train", data, "--val", "0", "--test", "0", "--model", "perceptron", "--epochs", "9", "-q", "-o", out)
    assert json.loads(nncli("info", out, "--json").out)["separation"]["separable"] is False
    assert "no weights can be right for all 4 training rows" in nncli("info", out).out


@pytest.mark.parametrize("options", [["--class-weight", "balanced"], ["--schedule", "cosine"], ["--init", "he"]])
def test_where_the_theorem_does_not_hold_no_bound_is_told(options: list[str], nncli: Run, tmp_path: Path) -> None:
    data, out = file_of(tmp_path / "and.csv", *AND), str(tmp_path / "m.npz")
    words = ["--val", "0", "--test", "0", "--scale", "none", "--model", "perceptron", "-q", "-o", out]
    assert nncli("train", data, *words, *options).code == 0
    found = json.loads(nncli("info", out, "--json").out)["separation"]
    assert found["separable"]
    assert found["most_mistakes"] is None
    assert "at most" not in nncli("info", out).out


def test_info_still_tells_the_rest_where_the_rows_are_gone_or_many(nncli: Run, tmp_path: Path) -> None:
    data, out = file_of(tmp_path / "and.csv", *AND), str(tmp_path / "m.npz")
    nncli("train", data, "--val", "0", "--test", "0", "--model", "perceptron", "-q", "-o", out)
    Path(data).unlink()
    done = nncli("info", out)
    assert done.code == 0
    assert "none in the last: converged" in done.out
    assert "is not known: " in done.err
    nncli("train", "digits", "--model", "perceptron", "--epochs", "1", "-q", "-o", out)
    assert "its 1,257 training rows are too many to tell" in nncli("info", out).err
