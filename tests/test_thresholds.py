"""Thresholds on probabilities: the best by each rule, and the figures of each, from brute force and scikit-learn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import f1_score, matthews_corrcoef, precision_recall_curve, precision_score, recall_score

from nncli.errors import TrainingError
from nncli.model.decision import Decision, chosen
from nncli.model.thresholds import Thresholds
from nncli.training.decision import choose_threshold
from short_and_long import some_short

COSTS = ((0.0, 1.0), (5.0, 0.0))  # a false alarm costs 1, a missed row 5


def rows(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and whether each row is positive: with ties, and with 0 and 1 among them."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 60))
    p = rng.random(n) if seed % 3 else rng.integers(0, 5, n) / 4
    is_positive = rng.random(n) < p
    is_positive[:2] = True, False
    return p, is_positive


def best_of_all(p: np.ndarray, is_positive: np.ndarray, score: Callable[[np.ndarray], float]) -> float:
    """Return the largest score that any threshold has: each probability is tried, and one above all."""
    return max(score(p >= t) for t in [*p, 2.0])


@pytest.mark.parametrize("seed", some_short(range(30), 6))
def test_the_threshold_that_is_chosen_is_the_best_there_is(seed: int) -> None:
    p, y = rows(seed)
    decision = Decision(1, None, COSTS)
    of = {
        "f1": lambda found: f1_score(y, found, zero_division=0),
        "mcc": lambda found: matthews_corrcoef(y, found),
        "cost": lambda found: -float((5 * (y & ~found) + (found & ~y)).mean()),
    }
    for rule, score in of.items():
        found = p >= choose_threshold(p, y, rule, decision)
        assert score(found) == pytest.approx(best_of_all(p, y, score)), rule


@pytest.mark.parametrize("seed", some_short(range(24), 6))
def test_a_promise_is_kept_and_no_more_is_given_up_than_it_takes(seed: int) -> None:
    p, y = rows(seed)
    decision = Decision(1)
    precision, recall, thresholds = precision_recall_curve(y, p)  # of each probability, and of one above all
    for share in (0.3, 0.75, 1.0):
        found = p >= choose_threshold(p, y, f"recall={share}", decision)
        assert recall_score(y, found) >= share
        highest = thresholds[recall[:-1] >= share].max()
        assert found.sum() == (p >= highest).sum()  # the highest threshold that keeps it
        keeps = precision[:-1] >= share
        if not keeps.any():
            with pytest.raises(TrainingError, match="no threshold has that precision: the highest"):
                choose_threshold(p, y, f"precision={share}", decision)
            continue
        found = p >= choose_threshold(p, y, f"precision={share}", decision)
        assert precision_score(y, found) >= share
        assert recall_score(y, found) == recall[:-1][keeps].max()


@pytest.mark.parametrize("seed", some_short(range(20), 3))
def test_the_figures_of_each_threshold_are_those_of_scikit_learn(seed: int) -> None:
    p, y = rows(seed)
    at = Thresholds.of(p, y)
    assert at.t[0] >= 1
    assert (np.diff(at.t) < 0).all()
    for i, t in enumerate(at.t):
        found = p >= t
        assert at.recall[i] == pytest.approx(recall_score(y, found))
        assert np.nan_to_num(at.precision[i]) == pytest.approx(precision_score(y, found, zero_division=0))
        assert np.isnan(at.precision[i]) == (not found.any())
        assert at.f1[i] == pytest.approx(f1_score(y, found, zero_division=0))
        assert at.mcc[i] == pytest.approx(matthews_corrcoef(y, found))
        if not y.all():
            assert at.false_positive_rate[i] == pytest.approx(recall_score(~y, found))
        assert at.mean_cost(COSTS, 1)[i] == pytest.approx((5 * (y & ~found) + (found & ~y)).mean())


def test_a_threshold_parts_probabilities_that_no_number_is_between() -> None:
    """Half-way between two neighbours is rounded to one of them, and may not be the lower one."""
    for p in (0.3, 0.5, float(np.nextafter(1, 0)), 1e-310):
        low, high = np.nextafter(p, 0), p
        for pair in ((low, high), (high, np.nextafter(high, 1))):
            at = Thresholds.of(np.array(pair), np.array([False, True]))
            P = np.array([[0, one] for one in pair])
            assert [chosen(P, 1, t).tolist() for t in at.t] == [[0, 0], [0, 1], [1, 1]]


def test_a_threshold_between_two_probabilities_of_float32_parts_them() -> None:
    low = np.float32(0.9)
    P = np.array([[0, low], [0, np.nextafter(low, np.float32(1))]], np.float32)
    t = Thresholds.of(P[:, 1].astype(np.float64), np.array([False, True])).t[1]
    assert chosen(P, 1, t).tolist() == [0, 1]
