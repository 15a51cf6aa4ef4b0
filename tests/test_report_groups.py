"""Groups of rows in a report: they are compared by the mistakes that are made in them, not by how often it is right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from nncli.data.dataset import Table, TextColumn
from nncli.inference.judged_rows import JudgedRows
from nncli.metrics.rows import ScoredRows
from nncli.report.mistakes import mistakes_by_group
from reports import blocks, listing, report, two_classes, write_rows

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def judged(town: list[str], y: list[int], predicted: list[int], K: int = 2) -> JudgedRows:
    """Return rows of towns, each with its class and what a model says."""
    names = tuple(dict.fromkeys(town))
    column = TextColumn(np.array([names.index(one) for one in town]), names)
    n, classes = len(y), tuple("abc"[:K])
    scored = ScoredRows(np.array(y), np.array(predicted), K, np.zeros((n, K)), True)
    model: Any = SimpleNamespace(classes=classes, positive=1)
    table = Table((), np.zeros((n, 0), np.float32), {"town": column})
    return JudgedRows(model, table, np.arange(n), np.zeros((n, K)), scored, "test")


def test_groups_are_compared_by_the_mistakes_of_each_kind() -> None:
    """North: 20 of 100 rows are of class 1, of which 15 are missed; south: 100 of 200, of which 10 are missed. Of class
    0, 4 of 80 and 5 of 100 are wrong. North is right for 81 % and south for 92.5 %, though the mistakes about class 0
    are as many. The intervals are Wilson's, for four shares together."""
    rows = [("n", 1, 0)] * 15 + [("n", 1, 1)] * 5 + [("n", 0, 1)] * 4 + [("n", 0, 0)] * 76
    rows += [("s", 1, 0)] * 10 + [("s", 1, 1)] * 90 + [("s", 0, 1)] * 5 + [("s", 0, 0)] * 95
    found = {one.name: one for one in mistakes_by_group(judged(*map(list, zip(*rows, strict=True))), ["town"])["town"]}
    assert [found["n"].n, found["s"].n] == [100, 200]
    assert [found["n"].accuracy, found["s"].accuracy] == pytest.approx([0.81, 0.925])
    missed, false = found["n"].mistakes
    assert (missed.true, missed.n, missed.share, missed.elsewhere) == (1, 20, 0.75, pytest.approx(25 / 120))
    assert (false.true, false.n, false.share, false.elsewhere) == (0, 80, pytest.approx(0.05), pytest.approx(9 / 180))
    z = norm.ppf(1 - 0.05 / 4 / 2)
    assert missed.interval == pytest.approx(binom_wilson(15, 20, z))
    assert missed.excess == pytest.approx(binom_wilson(15, 20, z)[0] - 25 / 120)
    assert missed.excess > 0 > false.excess
    assert all(one.excess < 0 for one in found["s"].mistakes)


def binom_wilson(k: int, n: int, z: float) -> tuple[float, float]:
    """Return the ends of Wilson's interval: where |k/n − p| = z √(p (1 − p) / n), solved for p."""
    ends = np.roots([1 + z * z / n, -(2 * k + z * z) / n, (k / n) ** 2])
    return float(min(ends)), float(max(ends))


def test_of_three_classes_a_group_is_compared_with_what_its_classes_let_expect() -> None:
    """Of class a no row is wrong, of b 10 of 40, of c 30 of 60. East has the rows of a and half of those of b: of its
    30 rows, 5 are expected to be wrong, of the 20 of b the quarter."""
    rows = [("e", 0, 0)] * 10 + [("e", 1, 1)] * 12 + [("e", 1, 0)] * 8 + [("w", 1, 1)] * 18 + [("w", 1, 2)] * 2
    rows += [("w", 2, 2)] * 30 + [("w", 2, 1)] * 30
    found = {
        one.name: one for one in mistakes_by_group(judged(*map(list, zip(*rows, strict=True)), K=3), ["town"])["town"]
    }
    (east,), (west,) = found["e"].mistakes, found["w"].mistakes
    assert (east.n, east.share, east.elsewhere) == (30, pytest.approx(8 / 30), pytest.approx(5 / 30))
    assert (west.n, west.share, west.elsewhere) == (80, pytest.approx(32 / 80), pytest.approx(35 / 80))


def test_texts_make_groups_however_little_they_matter_and_what_is_left_out_is_said(nncli: Run) -> None:
    rng = np.random.default_rng(2)
    idle = {"sex": np.array(["f", "m"])[rng.integers(2, size=1500)], "height": rng.normal(size=1500)}
    write_rows("d.csv", {**idle, "town": [f"n{i}" for i in rng.integers(90, size=1500)], **two_classes(1500)})
    assert nncli("train", "d.csv", "--epochs", 3, "-q").code == 0
    made = report(nncli, "model.npz")
    assert [row["group"] for row in listing(made, "Groups of rows", "By sex")] in (["f", "m"], ["m", "f"])
    said = blocks(made, "Groups of rows", "paragraph")[-1]["text"]
    assert "'height' (numbers that are not sure to matter)" in said
    assert "'town' (more than 50 categories)" in said
