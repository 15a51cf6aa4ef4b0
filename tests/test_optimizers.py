# ruff: noqa: E501  (each message stands on one line)
from __future__ import annotations

import math

import numpy as np
import pytest

from nncli.errors import OptionError
from nncli.nn import elementwise as base
from nncli.nn.elementwise import Elementwise, Part
from nncli.nn.network import multilayer
from nncli.nn.optimizers import OPTIMIZERS
from nncli.nn.regularisation import Penalty


def steps(spec: str, gradients: list[float], lr: float, theta: float = 1.0) -> list[float]:
    """θ after each step, for a single parameter."""
    optimizer, vector = OPTIMIZERS.create(spec), np.array([float(theta)])
    optimizer.start(vector)
    found = []
    for g in gradients:
        optimizer.step(vector, np.array([float(g)]), lr)
        found.append(float(vector[0]))
    return found


def test_sgd() -> None:
    # 1 − 0.1·2 = 0.8;  0.8 − 0.1·(−1) = 0.9
    assert steps("sgd", [2, -1], 0.1) == pytest.approx([0.8, 0.9])


def test_momentum() -> None:
    # v = 2, θ = 1 − 0.2;  v = 0.9·2 − 1 = 0.8, θ = 0.8 − 0.08;  v = 0.72 + 0 , θ = 0.72 − 0.072
    assert steps("momentum", [2, -1, 0], 0.1) == pytest.approx([0.8, 0.72, 0.648])


def test_nesterov_looks_ahead() -> None:
    # v = 2, θ = 1 − 0.1·(2 + 0.9·2) = 0.62;  v = 0.9·2 − 1 = 0.8, θ = 0.62 − 0.1·(−1 + 0.9·0.8) = 0.648
    assert steps("nesterov", [2, -1], 0.1) == pytest.approx([0.62, 0.648])


def test_adagrad() -> None:
    # s = 4, θ = 1 − 0.1·2/2 = 0.9;  s = 5, θ = 0.9 + 0.1·1/√5
    assert steps("adagrad", [2, -1], 0.1) == pytest.approx([0.9, 0.9 + 0.1 / math.sqrt(5)])
    assert 0.9 + 0.1 / math.sqrt(5) == pytest.approx(0.944721, abs=1e-6)


def test_rmsprop() -> None:
    # s = 0.1·4 = 0.4, θ = 1 − 0.1·2/√0.4 = 0.683772;  s = 0.9·0.4 + 0.1·1 = 0.46, θ = 0.683772 + 0.1/√0.46
    assert steps("rmsprop", [2, -1], 0.1) == pytest.approx([0.683772, 0.831214], abs=1e-6)


@pytest.mark.parametrize("spec", ["adagrad", "rmsprop:rho=0", "adam"])
def test_epsilon_stands_beside_the_root(spec: str) -> None:
    # the first step is 0.1 · 2 / (2 + 2)
    assert steps(f"{spec}:eps=2", [2], 0.1) == pytest.approx([0.95])


def test_adam() -> None:
    # step 1: m̂ = g = 2, v̂ = g² = 4: θ = 1 − 0.1·2/2 = 0.9
    # step 2: m = 0.9·0.2 + 0.1·(−1) = 0.08, m̂ = 0.08/0.19; v = 0.999·0.004 + 0.001·1 = 0.004996, v̂ = 0.004996/0.001999
    second = 0.9 - 0.1 * (0.08 / 0.19) / math.sqrt(0.004996 / 0.001999)
    assert steps("adam", [2, -1], 0.1) == pytest.approx([0.9, second], rel=1e-7)
    assert second == pytest.approx(0.873366, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "size"), [("sgd", 2), ("momentum", 2), ("nesterov", 3.8), ("adagrad", 1), ("adam", 1)]
)
def test_parts_have_rates_of_their_own(name: str, size: float) -> None:
    """The first step along g = 2 is α g, of Nesterov α (1 + 0.9) g, and α where it is divided by |g|."""
    theta, optimizer = np.ones(5), OPTIMIZERS.create(name)
    optimizer.start(theta, [Part(0, 1), Part(1, 3, 0.5), Part(3, 5, 6.0)])
    optimizer.step(theta, np.full(5, 2.0), 0.1)
    np.testing.assert_allclose(theta, 1 - 0.1 * size * np.array([1, 0.5, 0.5, 6, 6]), rtol=1e-7)


def test_mira_mends_the_row_and_no_more() -> None:
    # L = 0.6, g = (3, 4), ‖g‖² = 25: τ = 0.024, up to α = 0.01
    for lr, tau in ((1.0, 0.024), (0.01, 0.01)):
        optimizer, theta = OPTIMIZERS.create("mira"), np.array([1.0, 1.0])
        optimizer.start(theta)
        optimizer.step(theta, np.array([3.0, 4.0]), lr, 0.6)
        assert theta.tolist() == pytest.approx([1 - 3 * tau, 1 - 4 * tau])
        optimizer.step(theta, np.zeros(2), lr, 0.0)
        assert theta.tolist() == pytest.approx([1 - 3 * tau, 1 - 4 * tau])


def test_adamw_decays_weights_apart_from_the_gradient_and_no_biases() -> None:
    # α λ = 0.1 · 0.5: a weight of 2 decays to 1.9, a bias of 2 does not; the first step of Adam is α sign g
    network, optimizer = multilayer(1, (), 1, dtype="float64"), OPTIMIZERS.create("adamw")
    optimizer.start(network.theta)
    network.theta[:] = 2
    penalty = Penalty(l2=0.5, decoupled=optimizer.decoupled)
    network.grad[:] = 7
    penalty.add_gradient(network)
    assert network.grad.tolist() == [7, 7]
    penalty.decay(network, 0.1)
    optimizer.step(network.theta, network.grad, 0.1)
    assert network.theta.tolist() == pytest.approx([1.8, 1.9])


def rosenbrock(spec: str, steps: int) -> tuple[np.ndarray, int]:
    """(1 − a)² + 100 (b − a²)² from (−1.2, 1), whose least is at (1, 1); and how often it was worked out."""
    optimizer, theta, g, calls = OPTIMIZERS.create(spec), np.array([-1.2, 1.0]), np.zeros(2), 0

    def objective() -> float:
        nonlocal calls
        calls += 1
        a, b = theta
        g[:] = -2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)
        return float((1 - a) ** 2 + 100 * (b - a * a) ** 2)

    optimizer.start(theta)
    for _ in range(steps):
        loss = objective()
        optimizer.step(theta, g, 1.0, loss, objective)
        if optimizer.done:
            break
    return theta, calls


def test_lbfgs_finds_its_way_through_a_curved_valley() -> None:
    theta, calls = rosenbrock("lbfgs", 200)
    np.testing.assert_allclose(theta, [1, 1], atol=1e-7)
    assert calls < 120, "steepest descent needs thousands"


@pytest.mark.parametrize("rise", [0.0, 1.0, math.inf])
def test_lbfgs_takes_no_step_that_does_not_lower_the_loss(rise: float) -> None:
    """Where the loss never falls, though the gradient says it should, θ and g stay as they were."""
    optimizer, theta, g, looked = OPTIMIZERS.create("lbfgs"), np.array([1.0, 2.0]), np.array([0.5, -0.5]), 0

    def objective() -> float:
        nonlocal looked
        looked += 1
        g[:] = 9
        return 3.0 + rise

    optimizer.start(theta)
    assert optimizer.step(theta, g, 1.0, 3.0, objective) is None
    assert looked > 3
    assert (theta.tolist(), g.tolist(), optimizer.done) == ([1, 2], [0.5, -0.5], True)


def test_lbfgs_forgets_what_misleads_before_it_gives_up() -> None:
    """After a good step, a failed search is no end: the next is along −g itself."""
    optimizer, theta, g = OPTIMIZERS.create("lbfgs"), np.array([1.0, 2.0]), np.zeros(2)

    def bowl() -> float:
        g[:] = theta
        return float(0.5 * theta @ theta)

    optimizer.start(theta)
    optimizer.step(theta, g, 1.0, bowl(), bowl)
    optimizer.step(theta, g, 1.0, 3.0, lambda: 4.0)
    assert not optimizer.done
    optimizer.step(theta, g, 1.0, 3.0, lambda: 4.0)
    assert optimizer.done


def test_lbfgs_returns_the_loss_where_it_is() -> None:
    optimizer, theta, g = OPTIMIZERS.create("lbfgs"), np.array([3.0]), np.zeros(1)

    def bowl() -> float:
        g[:] = theta
        return float(0.5 * theta @ theta)

    optimizer.start(theta)
    found = optimizer.step(theta, g, 1.0, bowl(), bowl)
    assert found == 0.5 * theta[0] ** 2
    assert g[0] == theta[0]


def test_lbfgs_is_done_at_the_lowest_point() -> None:
    optimizer, theta, g = OPTIMIZERS.create("lbfgs"), np.zeros(2), np.zeros(2)
    optimizer.start(theta)
    assert optimizer.step(theta, g, 1.0, 3.0, lambda: 4.0) == 3, "as nothing else was tried"
    assert optimizer.done
    assert theta.tolist() == [0, 0]


def test_lbfgs_does_not_search_long_below_a_loss_of_0() -> None:
    """A loss near 0 is rounded to it, and its gradient is not: no step shows a fall, however short."""
    optimizer, looked = OPTIMIZERS.create("lbfgs"), 0
    theta, g = np.array([30.0], dtype=np.float32), np.array([-1e-7], dtype=np.float32)

    def objective() -> float:
        nonlocal looked
        looked += 1
        return 0.0

    optimizer.start(theta)
    assert optimizer.step(theta, g, 1.0, 0.0, objective) is None
    assert optimizer.done
    assert looked < 20, "until the step itself is 0, it is a thousand"


def test_lbfgs_solves_a_quadratic_in_about_as_many_steps_as_it_has_dimensions() -> None:
    c = np.array([1.0, 3, 9, 27, 81])
    optimizer, theta, g = OPTIMIZERS.create("lbfgs"), np.zeros(5), np.zeros(5)

    def objective() -> float:
        g[:] = c * (theta - 1)
        return float(0.5 * (c * (theta - 1) ** 2).sum())

    optimizer.start(theta)
    for _ in range(20):
        loss = objective()
        optimizer.step(theta, g, 1.0, loss, objective)
    np.testing.assert_allclose(theta, 1, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if issubclass(OPTIMIZERS[name], Elementwise)])
def test_blocks_change_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=1000), rng.normal(size=(3, 1000))

    def run() -> np.ndarray:
        optimizer, theta = OPTIMIZERS.create(name), start.copy()
        optimizer.start(theta)
        for g in gradients:
            optimizer.step(theta, g.copy(), 0.01, 1.0)
        return theta

    whole = run()
    monkeypatch.setattr(base, "BLOCK", 7)
    np.testing.assert_array_equal(run(), whole)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_finds_the_minimum_of_a_bowl(name: str) -> None:
    """L = ½ Σ c (θ − 3)², whose gradient is c (θ − 3)."""
    optimizer, theta, c = OPTIMIZERS.create(name), np.zeros(3), np.array([0.5, 1, 2])
    optimizer.start(theta)
    g = np.zeros(3)

    def objective() -> float:
        g[:] = c * (theta - 3)
        return float(0.5 * (c * (theta - 3) ** 2).sum())

    for t in range(2000):
        loss = objective()
        optimizer.step(theta, g, 0.5 * (1 - t / 2000), loss, objective)
    np.testing.assert_allclose(theta, 3, atol=1e-2)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("adma", f"--optimizer: expected one of {', '.join(OPTIMIZERS)}; found 'adma'. Did you mean 'adam'?"),
        ("adam:bta1=0.9", "--optimizer: expected beta1=…, beta2=…, eps=… after 'adam'; found 'bta1=0.9'. Did you mean 'beta1'?"),
        ("adam:beta1=1", "--optimizer: adam: beta1: expected 0 ≤ beta1 < 1, found 1.0."),
        ("momentum:mu=fast", "--optimizer: momentum:mu: expected a number, found 'fast'."),
        ("sgd:mu=0.9", "--optimizer: expected no settings after 'sgd'; found 'mu=0.9'."),
        ("exact:memory=3", "--optimizer: expected no settings after 'exact'; found 'memory=3'."),
        ("rmsprop:rho=1", "--optimizer: rmsprop: rho: expected 0 ≤ rho < 1, found 1.0."),
        ("adagrad:eps=0", "--optimizer: adagrad: eps: expected 0 < eps < ∞, found 0.0."),
        ("adam:eps=inf", "--optimizer: adam:eps: expected a number, found 'inf'."),
    ],
)  # fmt: skip
def test_bad_settings_are_explained(spec: str, message: str) -> None:
    with pytest.raises(OptionError) as error:
        OPTIMIZERS.create(spec)
    assert str(error.value) == message
