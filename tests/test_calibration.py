from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from scipy.stats import norm
from sklearn.calibration import _SigmoidCalibration

from nncli.metrics.definitions import METRICS
from nncli.metrics.rows import ScoredRows
from nncli.nn.calibration import Calibration, calibrate, likelihood_of
from nncli.nn.losses import LOSSES


def drawn(n: int = 4000, K: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and classes drawn with the probabilities softmax gives for them."""
    rng = np.random.default_rng(seed)
    Z = rng.normal(0, 2, (n, K))
    P = np.exp(log_softmax(Z, axis=1))
    return Z, (P.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)


def probabilities(calibration: Calibration, Z: np.ndarray) -> np.ndarray:
    return likelihood_of(Z).by_class(calibration.scores(Z))


def calibration_error(logits: np.ndarray, y: np.ndarray) -> float:
    rows = ScoredRows(y, logits.argmax(axis=1), logits.shape[1], logits, probabilistic=True)
    return METRICS.create("ece").value(rows)


def test_the_temperature_is_found() -> None:
    Z, y = drawn()
    for T in (0.5, 1, 3):
        fitted = calibrate(Z * T, y, LOSSES.create("cross-entropy"), 4)
        assert 1 / fitted.a == pytest.approx(T, rel=0.06)
        assert fitted.b == 0


@pytest.mark.parametrize("n", [20, 300])
def test_the_temperature_is_the_likeliest(n: int) -> None:
    """Before the rows, log T is normal about 0 with a standard deviation of 0.5."""
    Z, y = drawn(n)
    Z *= 3

    def minus_log_density(log_t: float) -> float:
        log_p = log_softmax(Z / np.exp(log_t), axis=1)[np.arange(n), y]
        return float(-log_p.sum() - norm.logpdf(log_t, 0, 0.5))

    best = minimize_scalar(minus_log_density, bounds=(-3, 3), method="bounded", options={"xatol": 1e-10})
    fitted = calibrate(Z, y, LOSSES.create("cross-entropy"), 4)
    assert fitted.a == pytest.approx(np.exp(-best.x), rel=1e-5)


def test_platt_scaling_against_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(2, size=500)
    z = 5 * (y + rng.normal(size=500))
    fitted = calibrate(z[:, None], y, LOSSES.create("hinge"), 2)
    reference = _SigmoidCalibration().fit(z, y)  # 1 / (1 + exp(a z + b))
    np.testing.assert_allclose([fitted.a, fitted.b], [-reference.a_, -reference.b_], rtol=1e-3)
    np.testing.assert_allclose(probabilities(fitted, z[:, None])[:, 1], reference.predict(z), atol=1e-4)


def test_scores_of_more_classes_have_a_slope_and_keep_their_order() -> None:
    Z, y = drawn(20_000)
    fitted = calibrate(Z / 10, y, LOSSES.create("perceptron"), 4)
    assert fitted.a == pytest.approx(10, rel=0.05)
    assert fitted.b == 0


@pytest.mark.parametrize("loss", ["cross-entropy", "mse:link=softmax", "hinge", "mse", "binary-cross-entropy"])
def test_calibrated_probabilities_can_be_taken_at_their_word(loss: str) -> None:
    Z, y = drawn(8000)
    half = len(y) // 2
    one = LOSSES.create(loss)
    fitted = calibrate(4 * Z[:half], y[:half], one, 4)
    after = calibration_error(likelihood_of(Z).logits(fitted.scores(4 * Z[half:])), y[half:])
    assert after < 0.03
    if one.probabilistic:
        assert after < calibration_error(one.logits(4 * Z[half:]), y[half:]) / 2


@pytest.mark.parametrize("loss", [name for name in LOSSES if not LOSSES.create(name).probabilistic])
def test_margins_that_are_all_right_do_not_make_it_sure(loss: str) -> None:
    """Of the 20 rows of each class and two more, one would be wrong: 21/22."""
    one = LOSSES.create(loss)
    y = np.array([0, 1] * 20)
    Z = (2.0 * y - 1)[:, None] if one.outputs(2) == 1 else np.eye(2)[y]
    P = probabilities(calibrate(50 * Z, y, one, 2), 50 * Z)
    np.testing.assert_allclose(P[np.arange(40), y], 21 / 22, rtol=1e-4)


@pytest.mark.parametrize("loss", [name for name in LOSSES if LOSSES.create(name).probabilistic])
def test_few_rows_say_little_against_the_probabilities(loss: str) -> None:
    """Of 6 rows of each of 2 classes, all right with a probability of about 0.9, Platt's doubt would make 7/8."""
    one = LOSSES.create(loss)
    y = np.array([0, 1] * 6)
    Z = (2.0 * y - 1)[:, None] if one.outputs(2) == 1 else np.eye(2)[y]
    Z = Z * np.log(9)
    p = probabilities(calibrate(Z, y, one, 2), Z)[np.arange(12), y]
    assert ((p > 0.9) & (p < 0.98)).all()


def test_weights_that_are_all_the_same_change_nothing() -> None:
    Z, y = drawn(30)
    loss = LOSSES.create("cross-entropy")
    assert calibrate(Z, y, loss, 4, np.full(30, 7.0)).a == pytest.approx(calibrate(Z, y, loss, 4).a)
    # rows of weight 0 say nothing
    half = (np.arange(30) < 15).astype(float)
    assert calibrate(Z, y, loss, 4, half).a == pytest.approx(calibrate(Z[:15], y[:15], loss, 4).a)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("K", [2, 3])
def test_scores_that_are_worse_than_chance_are_not_turned_around(loss: str, K: int) -> None:
    one, rng = LOSSES.create(loss), np.random.default_rng(0)
    y = rng.integers(K, size=60)
    Z = rng.normal(size=(60, one.outputs(K)))
    Z[np.arange(60), y if Z.shape[1] > 1 else 0] -= 2 if Z.shape[1] > 1 else 4 * y
    fitted = calibrate(Z, y, one, K)
    assert fitted.a > 0
    if K == 3:
        P = probabilities(fitted, Z.astype(np.float32))
        np.testing.assert_array_equal(P.argmax(axis=1), Z.argmax(axis=1))


def test_rows_count_in_calibration_as_they_do_in_training() -> None:
    rng = np.random.default_rng(2)
    y = rng.integers(2, size=400)
    z = (3 * (y + rng.normal(size=400)))[:, None]
    weights = 1.0 + y  # the doubt goes by the number of rows, so twice the rows have a little less
    twice = np.repeat(np.arange(400), weights.astype(int))
    weighted = calibrate(z, y, LOSSES.create("hinge"), 2, weights)
    repeated = calibrate(z[twice], y[twice], LOSSES.create("hinge"), 2)
    alike = calibrate(z, y, LOSSES.create("hinge"), 2)
    assert weighted.b == pytest.approx(repeated.b, abs=0.05)
    assert weighted.b > alike.b + 0.3, "log 2, about"
