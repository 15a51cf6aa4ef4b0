# ruff: noqa: E501  (a case stands on one line)
"""`train --reference` trains a model of scikit-learn on the same rows, and says which of the two is better."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from nncli.config.train_config import TrainConfig
from nncli.metrics.paired import sign_flip_p
from nncli.training.prepare import prepare

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("pair", [(0, 0), (1, 0), (3, 9), (50, 50), (120, 80), (2000, 2100)])
def test_flipping_signs_of_rows_right_and_wrong_is_the_binomial_test(pair: tuple[int, int]) -> None:
    expected = binomtest(pair[0], sum(pair)).pvalue if sum(pair) else 1
    assert sign_flip_p(np.repeat([1.0, -1.0], pair)) == pytest.approx(expected)


@pytest.mark.parametrize("d", [[3, -1, 1, 2], [5, 5, -1, -1, -1, 2, 7, 7], [1.5, 0.5, -2.5, 4.0, 4.0, 0.25]])
def test_flipping_signs_of_other_numbers_counts_all_ways_to_flip_them(d: list[float]) -> None:
    ways = [abs(np.dot(signs, d)) >= abs(sum(d)) for signs in itertools.product([-1, 1], repeat=len(d))]
    whole = all(one == round(one) for one in d)
    assert sign_flip_p(np.array(d, float)) == pytest.approx(np.mean(ways), rel=1e-9 if whole else 0.1)


@pytest.mark.parametrize("kind", ["trees", "linear"])
def test_it_learns_from_the_same_rows_and_is_compared_on_the_test_rows(nncli: Run, kind: str) -> None:
    outcome = nncli("train", "wine", "--epochs", 20, "--reference", kind, "--seed", 3, "--json")
    assert outcome.code == 0, outcome.err
    prepared = prepare(TrainConfig(data=("wine",), seed=3))
    table, y, split = prepared.dataset.table, prepared.dataset.y, prepared.split
    X = (table.numbers - table.numbers[split.train].mean(axis=0)) / table.numbers[split.train].std(axis=0)
    reference = HistGradientBoostingClassifier(random_state=3) if kind == "trees" else LogisticRegression(max_iter=1000)
    found = reference.fit(X[split.train], y[split.train]).predict(X[split.test])
    assert outcome.json["reference"]["accuracy"] == pytest.approx(np.mean(found == y[split.test]))
    ours = nncli("predict", "model.npz", "wine").out.splitlines()[1:]
    right = np.array([prepared.dataset.classes.index(name) for name in ours])[split.test] == y[split.test]
    b, c = int((right & (found != y[split.test])).sum()), int((~right & (found == y[split.test])).sum())
    assert outcome.json["reference"]["p_value"] == pytest.approx(binomtest(b, b + c).pvalue if b + c else 1)
    assert outcome.json["reference"]["difference"] == pytest.approx((b - c) / len(split.test))


def test_a_network_that_is_the_wrong_tool_is_told(nncli: Run) -> None:
    """Whether a number is in one of many small intervals is easy for trees, and hard for a small network."""
    rng = np.random.default_rng(0)
    x = rng.random(4000)
    Path("d.csv").write_text("x,label\n" + "".join(f"{v:.5f},{'pq'[int(40 * v) % 2]}\n" for v in x))
    outcome = nncli("train", "d.csv", "--epochs", 3, "--hidden", 8, "--reference", "trees")
    verdict = "the model is less often right than gradient-boosted trees, by more than chance ("
    assert verdict in outcome.out  # as a result, also of -q
    assert verdict not in outcome.err
    assert "reference (gradient-boosted trees)" in outcome.out
    assert "trees 9" in nncli("info", "model.npz").out
    words = ["train", "d.csv", "--epochs", 1, "--hidden", 8, "--reference", "linear"]
    assert "on these rows (" in nncli(*words, "-q").out
    told = nncli(*words, "--json")
    assert "on these rows (" in told.err
    assert told.json["reference"]["p_value"] <= 1


def test_weights_count_for_the_reference_too(nncli: Run) -> None:
    rng = np.random.default_rng(0)
    lines = []
    for _ in range(600):
        x, wrong = rng.normal(), rng.random() < 0.6
        label = "pq"[int((x > 0) != wrong)]
        lines.append(f"{x:.3f},{1 if wrong else 9},{label}")  # most labels are wrong, but count little
    Path("d.csv").write_text("x,w,label\n" + "\n".join(lines) + "\n")
    found = nncli("train", "d.csv", "--weight", "w", "--epochs", 2, "--reference", "linear", "--json").json
    assert found["reference"]["accuracy"] < 0.5
    assert (
        nncli("train", "d.csv", "--drop", "w", "--epochs", 2, "--reference", "linear", "--json").json["reference"][
            "accuracy"
        ]
        > 0.5
    )


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ("--reference forest", "--reference: expected one of trees, linear; found 'forest'."),
        ("--reference trees --val 0 --test 0", "--reference: there are no rows to compare on. Set --test above 0."),
        ("--reference trees --memory 500MB", "--reference: gradient-boosted trees need all rows in memory. Leave out --memory."),
    ],
)  # fmt: skip
def test_where_there_is_nothing_to_compare_it_is_refused(nncli: Run, options: str, line: str) -> None:
    Path("d.csv").write_text("x,label\n" + "".join(f"{i % 17},{'pq'[i % 2]}\n" for i in range(100)))
    outcome = nncli("train", "d.csv", "-q", *options.split())
    assert (outcome.code, outcome.err) == (2, line + "\n")
    assert not Path("model.npz").exists()
