from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from nncli.nn.links import softmax
from nncli.nn.losses import LOSSES
from short_and_long import for_examples, short_and_long

LARGEST = float(np.finfo(np.float32).max)


def row_losses(name: str, Z: np.ndarray, y: np.ndarray, K: int) -> np.ndarray:
    loss = LOSSES.create(name)
    return loss.forward(Z, loss.targets(K)[y].astype(Z.dtype), np.empty_like(Z))


# each loss with each of its links
SPECS = [f"{name}:link={link}" for name in LOSSES for link in LOSSES[name].links]


@pytest.mark.parametrize("K", [2, 4])
@pytest.mark.parametrize("name", SPECS)
def test_backward_is_the_derivative_of_forward(name: str, K: int) -> None:
    n, h = 30, 1e-6
    rng = np.random.default_rng(1)
    loss = LOSSES.create(name)
    Z, y = rng.normal(size=(n, loss.outputs(K))), rng.integers(K, size=n)
    Y, P, dZ = loss.targets(K)[y], np.empty_like(Z), np.empty_like(Z)
    loss.forward(Z, Y, P)
    loss.backward(Z, P, Y, dZ)
    for i, k in np.ndindex(Z.shape):
        step = np.zeros_like(Z)
        step[i, k] = h
        numeric = (row_losses(name, Z + step, y, K)[i] - row_losses(name, Z - step, y, K)[i]) / (2 * h)
        assert dZ[i, k] == pytest.approx(numeric, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("examples", short_and_long(15, 150))
@pytest.mark.parametrize("K", [2, 4])
@pytest.mark.parametrize("name", SPECS)
def test_losses_and_gradients_are_finite_for_any_finite_float32(name: str, K: int, examples: int) -> None:
    finite = st.floats(-LARGEST, LARGEST, width=32)
    extreme = st.sampled_from([LARGEST, -LARGEST, 0.0, 1e-45, 88.8, -88.8, 104.0])

    def check(numbers: list[float], classes: list[int]) -> None:
        loss = LOSSES.create(name)
        Z = np.array(numbers[: 3 * loss.outputs(K)], np.float32).reshape(3, -1)
        Y, P, dZ = loss.targets(K)[np.array(classes)].astype(np.float32), np.empty_like(Z), np.empty_like(Z)
        losses = loss.forward(Z, Y, P)
        loss.backward(Z, P, Y, dZ)
        assert np.isfinite(losses).all()
        assert (losses >= 0).all()
        assert np.isfinite(dZ).all()
        assert np.isfinite(P).all()
        if loss.probabilistic:
            np.testing.assert_allclose(loss.by_class(Z).sum(axis=1), 1, rtol=1e-5)

    for_examples(
        examples,
        check,
        numbers=st.lists(finite | extreme, min_size=3 * K, max_size=3 * K),
        classes=st.lists(st.integers(0, K - 1), min_size=3, max_size=3),
    )


def test_worked_softmax_outputs() -> None:
    """Four rows of softmax outputs for classes 0, 1, 2, 2: −log 0.3792 = 0.96969 and so on, mean 0.93352."""
    P = np.array(
        [[0.3792, 0.3104, 0.3104], [0.3072, 0.4147, 0.2780], [0.4263, 0.2248, 0.3490], [0.2668, 0.2978, 0.4354]]
    )
    y = np.array([0, 1, 2, 2])
    P[np.arange(4), (y + 1) % 3] += 1 - P.sum(axis=1)  # rounded as they are, two rows miss 1 by 0.0001
    found = row_losses("cross-entropy", np.log(P), y, 3)
    np.testing.assert_allclose(found, [0.96969, 0.88020, 1.05268, 0.83149], atol=5e-6)
    assert found.mean() == pytest.approx(0.93352, abs=5e-6)


def test_worked_softmax_regression_step() -> None:
    """One row of softmax regression, all its numbers: z, p, L, dL/db, dL/dW, dL/dx."""
    from nncli.nn.network import multilayer

    network = multilayer(2, (), 2, dtype="float64")
    W, b = (block.view(network.theta) for block in network.blocks)
    W[...] = np.array([[0.65, 1.19], [0.69, -0.92]]).T  # given with a row for each class
    b[...] = 0
    x, loss = np.array([[0.2, 0.7]]), LOSSES.create("cross-entropy")
    Z = network.forward(x)
    np.testing.assert_allclose(Z, [[0.963, -0.506]], atol=1e-9)
    P, Y, dZ = np.empty_like(Z), loss.targets(2)[[0]], np.empty_like(Z)
    assert loss.forward(Z, Y, P)[0] == pytest.approx(0.20714, abs=5e-6)
    np.testing.assert_allclose(P, [[0.81291, 0.18709]], atol=5e-6)
    loss.backward(Z, P, Y, dZ)
    network.backward(dZ)
    dW, db = (block.view(network.grad) for block in network.blocks)
    np.testing.assert_allclose(db, [-0.18709, 0.18709], atol=5e-6)
    np.testing.assert_allclose(dW.T, [[-0.03742, -0.13097], [0.03742, 0.13097]], atol=6e-6)
    np.testing.assert_allclose(dZ @ W.T, [[0.00748, -0.39477]], atol=6e-6)


@pytest.mark.parametrize(("p", "expected"), [(0.6, 0.51083), (0.8, 0.22314)])
def test_worked_binary_cross_entropy(p: float, expected: float) -> None:
    z = np.array([[np.log(p / (1 - p))]])
    assert row_losses("binary-cross-entropy", z, np.array([1]), 2)[0] == pytest.approx(expected, abs=5e-6)


@pytest.mark.parametrize(("p", "expected"), [((0.3, 0.3, 0.4), 0.91629), ((0.1, 0.2, 0.7), 0.35667)])
def test_worked_cross_entropy_of_three_classes(p: tuple[float, ...], expected: float) -> None:
    assert row_losses("cross-entropy", np.log([p]), np.array([2]), 3)[0] == pytest.approx(expected, abs=5e-6)


def test_softmax_against_scipy() -> None:
    from scipy.special import softmax as reference

    Z = np.random.default_rng(2).normal(0, 30, (50, 7))
    P = np.empty_like(Z)
    softmax(Z, P)
    np.testing.assert_allclose(P, reference(Z, axis=1), rtol=1e-12)


def test_binary_cross_entropy_of_three_classes_adds_up_three_answers() -> None:
    # p = (0.6, 0.2, 0.3), true class 0: −log 0.6 − log 0.8 − log 0.7 = 0.51083 + 0.22314 + 0.35667
    p = np.array([[0.6, 0.2, 0.3]])
    assert row_losses("binary-cross-entropy", np.log(p / (1 - p)), np.array([0]), 3)[0] == pytest.approx(
        1.09064, abs=5e-6
    )
    # and 0.6 of 1.1 is the share of class 0
    shares = LOSSES.create("binary-cross-entropy").by_class(np.log(p / (1 - p)))
    np.testing.assert_allclose(shares, [[0.54545, 0.18182, 0.27273]], atol=5e-6)


@pytest.mark.parametrize(("p", "expected"), [(0.6, 0.08), (0.8, 0.02)])
def test_worked_squared_error_of_two_classes(p: float, expected: float) -> None:
    assert row_losses("mse", np.array([[p]]), np.array([1]), 2)[0] == pytest.approx(expected)
    z = np.array([[np.log(p / (1 - p))]])
    assert row_losses("mse:link=sigmoid", z, np.array([1]), 2)[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("p", "expected", "of_three_rows"), [((0.3, 0.3, 0.4), 0.27, 0.09), ((0.1, 0.2, 0.7), 0.07, 0.02333)]
)
def test_worked_squared_error_of_three_classes(p: tuple[float, ...], expected: float, of_three_rows: float) -> None:
    for name, z in (("mse", p), ("mse:link=softmax", np.log(p))):
        found = row_losses(name, np.array([z]), np.array([2]), 3)[0]
        assert found == pytest.approx(expected)
        assert found / 3 == pytest.approx(of_three_rows, abs=5e-6)


def test_absolute_error_by_hand() -> None:
    # p = (0.1, 0.2, 0.7) for class 2: 0.1 + 0.2 + 0.3
    assert row_losses("mae", np.array([[0.1, 0.2, 0.7]]), np.array([2]), 3)[0] == pytest.approx(0.6)


@pytest.mark.parametrize(("p", "in_base_ten"), [(0.6, 0.22185), (0.8, 0.09691)])
def test_worked_cross_entropy_in_base_ten(p: float, in_base_ten: float) -> None:
    z = np.array([[np.log(p / (1 - p))]])
    assert row_losses("binary-cross-entropy", z, np.array([1]), 2)[0] / np.log(10) == pytest.approx(
        in_base_ten, abs=5e-6
    )


@pytest.mark.parametrize(
    ("p", "q", "entropy", "divergence"),
    [
        ((0.8, 0.2), (0.8, 0.2), 0.72193, 0.0),
        ((0.5, 0.5), (0.5, 0.5), 1.0, 0.0),
        ((0.8, 0.2), (0.5, 0.5), 0.72193, 0.27807),
        ((0.8, 0.2), (0.88, 0.12), 0.72193, 0.03739),
    ],
)
def test_cross_entropy_is_entropy_and_divergence(
    p: tuple[float, float], q: tuple[float, float], entropy: float, divergence: float
) -> None:
    """For targets p and outputs q, in bits: H(p) + KL(p‖q)."""
    Z = np.log([q])
    found = LOSSES.create("cross-entropy").forward(Z, np.array([p]), np.empty_like(Z))[0] / np.log(2)
    assert found == pytest.approx(entropy + divergence, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "z", "y", "loss", "dz"),
    [
        # right: nothing to learn;  a draw is won by the first, and is a mistake without a loss
        ("perceptron", (1, 3, 2), 1, 0, (0, 0, 0)),
        ("perceptron", (1, 3, 2), 2, 1, (0, 1, -1)),
        ("perceptron", (2, 2, 0), 1, 0, (1, -1, 0)),
        ("perceptron", (0.5,), 1, 0, (0,)),
        ("perceptron", (0.5,), 0, 0.5, (1,)),
        ("perceptron", (-0.5,), 1, 0.5, (-1,)),
        ("perceptron", (0,), 0, 0, (1,)),
        # 1 + 3 − 4.5 < 0;  1 + 3 − 3.5 = 0.5;  1 + 3 − 2 = 2;  a margin of just 1 is enough
        ("hinge", (1, 4.5, 3), 1, 0, (0, 0, 0)),
        ("hinge", (1, 3.5, 3), 1, 0.5, (0, -1, 1)),
        ("hinge", (1, 3, 2), 2, 2, (0, 1, -1)),
        ("hinge", (1, 3, 4), 2, 0, (0, 0, 0)),
        ("hinge", (0.25,), 1, 0.75, (-1,)),
        ("hinge", (0.25,), 0, 1.25, (1,)),
        ("hinge", (-1,), 0, 0, (0,)),
        # (1 + 1)² + (1 − 3 < 0) + (1 + 2)²;  dL/dz = −2 t (1 − t z)
        ("squared-hinge", (1, 3, 2), 1, 13, (4, 0, 6)),
        ("squared-hinge", (0.25,), 1, 0.5625, (-1.5,)),
    ],
)  # fmt: skip
def test_margin_losses_by_hand(name: str, z: tuple[float, ...], y: int, loss: float, dz: tuple[float, ...]) -> None:
    one, K = LOSSES.create(name), max(len(z), 2)
    Z, Y = np.array([z], float), one.targets(K)[[y]]
    P, dZ = np.empty_like(Z), np.empty_like(Z)
    assert one.forward(Z, Y, P)[0] == pytest.approx(loss)
    one.backward(Z, P, Y, dZ)
    assert dZ[0].tolist() == list(dz)


@pytest.mark.parametrize("name", SPECS)
def test_the_predicted_class_has_the_highest_figure(name: str) -> None:
    loss, rng = LOSSES.create(name), np.random.default_rng(0)
    for K in (2, 4):
        Z = rng.normal(0, 2, (50, loss.outputs(K)))
        np.testing.assert_array_equal(loss.classes(Z), loss.by_class(Z).argmax(axis=1))


def test_two_classes_are_told_apart_where_their_probabilities_meet() -> None:
    borders = {"binary-cross-entropy": 0, "mse": 0.5, "mae": 0.5, "mse:link=sigmoid": 0, "hinge": 0, "perceptron": 0}
    for name, border in borders.items():
        loss = LOSSES.create(name)
        assert loss.classes(np.array([[border - 0.01], [border], [border + 0.01]])).tolist() == [0, 1, 1]
        first, second = loss.by_class(np.array([[border]], float))[0]
        assert first == second


def test_a_tiny_probability_keeps_its_digits() -> None:
    """e⁻³⁰ = 9.3576e-14, which 1 − p would lose; and scores that all saturate still have a highest."""
    loss = LOSSES.create("binary-cross-entropy")
    P = loss.by_class(np.array([[30.0], [-30.0]], np.float32))
    np.testing.assert_allclose(P.min(axis=1), 9.3576e-14, rtol=1e-4)
    assert loss.classes(np.array([[18.0, 40.0, -5.0]], np.float32)).tolist() == [1]


def test_a_margin_is_not_lost_beside_large_scores() -> None:
    loss, Z, dZ = LOSSES.create("hinge"), np.array([[3e7, 3e7, 0]], np.float32), np.empty((1, 3), np.float32)
    Y = np.eye(3, dtype=np.float32)[[0]]
    assert loss.forward(Z, Y, np.empty_like(Z))[0] == 1
    loss.backward(Z, Z, Y, dZ)
    assert dZ[0].tolist() == [-1, 1, 0]


def test_two_classes_can_do_with_one_output() -> None:
    found = {name: LOSSES.create(name).outputs(2) for name in SPECS}
    assert {name for name, outputs in found.items() if outputs == 2} == {
        name for name in SPECS if name.endswith("softmax")
    }
    assert all(LOSSES.create(name).outputs(5) == 5 for name in SPECS)


def test_labels_become_rows_of_zeros_and_a_one() -> None:
    assert LOSSES.create("cross-entropy").targets(4)[[0, 1, 3, 2]].tolist() == [
        [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0],
    ]  # fmt: skip
