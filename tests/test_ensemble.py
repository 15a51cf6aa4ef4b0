"""Ensembles: each member is what it would be alone, and their probabilities are averaged."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.special import expit, softmax

from nncli.config.resolve import resolve
from nncli.config.train_config import TrainConfig
from nncli.data.scaled_rows import Matrix, Subset
from nncli.model import network as networks
from nncli.model.network import build_network
from nncli.nn.ensemble import Ensemble
from nncli.nn.input_layers import InputKinds
from nncli.nn.links import LINKS
from nncli.nn.network import Network
from nncli.training.batch import Batch
from nncli.training.trainer import Trainer
from training import K, blobs

Run = Callable[..., Any]
KINDS = InputKinds(2)
EVERYTHING = "robust"  # the scaling that embeddings of numbers ask for


def made(train: Subset, val: Subset | None, rngs: list[np.random.Generator], **options: object) -> Trainer:
    """A trainer of a network, or of an ensemble with a generator for each member."""
    asked = TrainConfig(**{"hidden": (5, 4), "dtype": "float64", "epochs": 6, "batch_size": 16, **options})
    config = resolve(asked, len(train), has_val=val is not None)
    network, loss = build_network(config.model, KINDS, K)
    network.initialize(config.model.init, *rngs)
    return Trainer(network, loss, config, train, val, K, np.random.default_rng(7))


@pytest.fixture(params=["together", "one by one"])
def steps(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How separate members take their steps, which is by their width else."""
    monkeypatch.setattr(networks, "WIDE", 1 if request.param == "one by one" else 10**9)


@pytest.mark.usefixtures("steps")
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"hidden": (), "model": "logistic", "init": "glorot", "average": "exponential"},
        {"optimizer": "nesterov", "clip_norm": 0.05, "max_norm": 1.1, "l1": 0.001, "l2": 0.02},
        {"activation": "prelu", "optimizer": "adamw", "l2": 0.05, "lr_scale": "weight=fan-in,bias=0.1,slope=2"},
        {"scale": EVERYTHING, "learn_scale": True, "number_embedding": "pbld:frequencies=3:size=3:sd=1:top=1"},
    ],
    ids=["mlp", "linear", "norms", "prelu", "input-layers"],
)
def test_each_member_learns_what_it_would_alone(options: dict[str, Any]) -> None:
    train = blobs(100)
    together = made(train, None, [np.random.default_rng(i) for i in range(3)], ensemble="3", **options)
    list(together.run())
    for i, theta in enumerate(together.network.theta.reshape(3, -1)):
        alone = made(train, None, [np.random.default_rng(i)], **options)
        list(alone.run())
        np.testing.assert_allclose(theta, alone.network.theta, rtol=1e-9, atol=1e-12)


@pytest.mark.usefixtures("steps")
def test_members_drop_other_units() -> None:
    same = [np.random.default_rng(0) for _ in range(2)]
    for options in ({"dropout": 0.5}, {"input_dropout": 0.5}):
        together = made(blobs(60), None, same, ensemble="2", **options)
        one, two = together.network.theta.reshape(2, -1)
        two[:] = one
        together.drop = np.random.default_rng(3)
        list(together.run())
        assert np.abs(one - two).max() > 1e-3


SHARES = {"alike": None, "shares": np.array([0.4, 0.3, 0.2, 0.1])}


@pytest.mark.parametrize("of", SHARES)
@pytest.mark.parametrize("name", ["softmax", "sigmoid", "identity"])
def test_scores_of_an_ensemble_say_the_mean_of_what_its_members_say(name: str, of: str) -> None:
    shares = SHARES[of]
    link = {"softmax": lambda Z: softmax(Z, axis=-1), "sigmoid": expit, "identity": lambda Z: Z}[name]
    rng = np.random.default_rng(0)
    Z = rng.normal(0, 3, (4, 5, 3))
    M = LINKS.create(name).mean(Z, shares)
    np.testing.assert_allclose(link(M), np.average(link(Z), axis=0, weights=shares), rtol=1e-12)
    V = rng.normal(size=(5, 3))

    def value(z: np.ndarray) -> float:
        return float((LINKS.create(name).mean(z.reshape(Z.shape), shares) * V).sum())

    found = LINKS.create(name).mean_backward(Z, M, V, shares)
    np.testing.assert_allclose(found.ravel(), approx_fprime(Z.ravel(), value, 1e-7), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "first", "second", "expected"),
    [
        # p = 0.2 and 0.6, 0.8 and 0.4: 3/4 · 0.2 + 1/4 · 0.6 = 0.3, and 0.7
        ("softmax", np.log([0.2, 0.8]) + 5, np.log([0.6, 0.4]), np.log([0.3, 0.7])),
        ("sigmoid", [np.log(0.2 / 0.8)], [np.log(0.6 / 0.4)], [np.log(0.3 / 0.7)]),
        ("identity", [1.0], [5.0], [2.0]),  # 3/4 · 1 + 1/4 · 5
    ],
    ids=["softmax", "sigmoid", "identity"],
)
def test_of_two_members_one_may_count_three_times(name: str, first: Any, second: Any, expected: Any) -> None:
    Z = np.array([[first], [second]], np.float64)
    M = LINKS.create(name).mean(Z, np.array([3 / 4, 1 / 4]))
    np.testing.assert_allclose(M, [expected], rtol=1e-12)


@pytest.mark.parametrize("name", ["softmax", "sigmoid"])
def test_scores_far_from_0_stay_finite(name: str) -> None:
    Z = np.array([[[-900.0, 900.0]], [[-800.0, 700.0]]])
    link = LINKS.create(name)
    M = link.mean(Z)
    assert np.isfinite(M).all()
    assert np.isfinite(link.mean_backward(Z, M, np.ones((1, 2)))).all()
    # by hand: p₁ = e^−1800 and e^−1500, whose mean is e^−1500 / 2; σ(−900) and σ(−800): e^−800 / 2
    assert M[0, 0] == pytest.approx({"softmax": -1500, "sigmoid": -800}[name] - np.log(2))


def network_of(ensemble: str, **options: Any) -> Network:
    asked = TrainConfig(hidden=(4, 3), dtype="float64", ensemble=ensemble, activation="prelu", **options)
    network, _ = build_network(resolve(asked, 100, has_val=False).model, KINDS, K)
    rng = np.random.default_rng(0)
    network.initialize(None, rng)
    network.theta += rng.normal(0, 0.2, network.size)
    return network


INPUT_LAYERS = {"scale": EVERYTHING, "learn_scale": True, "number_embedding": "pbld:frequencies=2:size=2"}


@pytest.mark.usefixtures("steps")
@pytest.mark.parametrize(
    ("ensemble", "options"),
    [
        ("3", {}),
        ("3", INPUT_LAYERS),
        ("3", {"input_dropout": 0.2}),
        ("shared:3", {}),
        ("shared:3", {**INPUT_LAYERS, "input_dropout": 0.2}),
    ],
    ids=["plain", "plain-inputs", "plain-dropout", "shared", "shared-all"],
)
def test_an_ensemble_has_the_gradient_that_finite_differences_have(ensemble: str, options: dict[str, Any]) -> None:
    network = network_of(ensemble, **options)
    rng = np.random.default_rng(1)
    X, V = rng.normal(size=(6, 2)), rng.normal(size=(6, K))
    network.forward(X)
    dX = np.empty_like(X)
    network.backward(V, dX)
    g, theta = network.grad.copy(), network.theta.copy()

    def of_theta(changed: np.ndarray) -> float:
        network.theta[:] = changed
        return float((network.forward(X) * V).sum())

    np.testing.assert_allclose(g, approx_fprime(theta, of_theta, 1e-7), rtol=1e-3, atol=1e-5)
    network.theta[:] = theta
    of_x = approx_fprime(X.ravel(), lambda x: float((network.forward(x.reshape(X.shape)) * V).sum()), 1e-7)
    np.testing.assert_allclose(dX.ravel(), of_x, rtol=1e-3, atol=1e-5)


@pytest.mark.usefixtures("steps")
@pytest.mark.parametrize("ensemble", ["3", "shared:3"])
def test_members_are_networks_of_their_own(ensemble: str) -> None:
    network = network_of(ensemble, **INPUT_LAYERS)
    X = np.random.default_rng(1).normal(size=(40, 2))
    Z = network.scores_of_members(X).reshape(3, 40, K).copy()
    assert isinstance(network, Ensemble)
    for one, member in zip(Z, network.members(), strict=True):
        np.testing.assert_allclose(member.forward(X), one, rtol=1e-12)
    np.testing.assert_allclose(softmax(network.forward(X), axis=1), softmax(Z, axis=2).mean(axis=0), rtol=1e-12)
    for other in (network.for_another_thread(), network.with_parameters(network.theta)):
        assert np.array_equal(other.forward(X[:9]), network.forward(X[:9]))
    # of members of 4 and 3 units, whose activations are side by side
    assert [(name, A.shape) for name, A in network.activations()] == [
        ("layer 1, prelu", (9, 12)),
        ("layer 2, prelu", (9, 9)),
    ]
    assert network.embed(X).shape == (40, network.embedded) == (40, 9)


def test_members_that_share_weights_learn_from_the_mean_of_their_losses() -> None:
    """Where all members are the same network, the gradient of the weights that they share is that of one network, so
    that a learning rate and a penalty mean the same for any number of members."""
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(12, 2)), rng.integers(K, size=12)
    found = {}
    for ensemble in ("", "shared:4"):
        config = resolve(TrainConfig(hidden=(5,), dtype="float64", ensemble=ensemble or None), 12, has_val=False)
        network, loss = build_network(config.model, InputKinds(2), K)
        parts = {block.name: block.view(network.theta) for block in network.blocks}
        draw = np.random.default_rng(4)
        W1, W2 = draw.normal(size=(2, 5)), draw.normal(size=(5, K))
        for name, part in parts.items():
            if name == "r":
                part[...] = 1
            elif name.endswith(("W1", "W2")):
                part[...] = W1 if name.endswith("W1") else W2
        subset = Subset(Matrix(X, network.dtype), y, np.arange(12))
        Batch(subset, loss, K, network, 12, each_member=True).learn(np.arange(12))
        found[ensemble] = next(block.view(network.grad) for block in network.blocks if block.name == "W1").copy()
    np.testing.assert_allclose(found["shared:4"], found[""], rtol=1e-12)


def test_shared_members_start_with_other_signs_of_their_inputs() -> None:
    network, _ = build_network(
        resolve(TrainConfig(hidden=(4,), ensemble="shared:8"), 100, has_val=False).model, InputKinds(20), K
    )
    network.initialize(None, np.random.default_rng(0))
    [r] = [block.view(network.theta) for block in network.blocks if block.name == "r"]
    assert set(r.ravel().tolist()) == {1.0, -1.0}
    assert len({tuple(row) for row in r.tolist()}) == 8
    lasts = [block.view(network.theta) for block in network.blocks if block.name.endswith("W2")]
    assert all(not np.array_equal(a, b) for a, b in itertools.combinations(lasts, 2))


@pytest.mark.usefixtures("steps")
def test_weights_of_rows_count_for_each_member() -> None:
    """A row of weight 2 counts as two rows."""
    X = np.random.default_rng(0).normal(size=(12, 2))
    y = np.arange(12) % K
    twice = np.r_[np.arange(12), np.arange(6)]
    weighted = Subset(Matrix(X, np.dtype("float64")), y, np.arange(12), np.where(np.arange(12) < 6, 2.0, 1.0))
    repeated = Subset(Matrix(X[twice], np.dtype("float64")), y[twice], np.arange(18))
    found = []
    for train, lr in ((weighted, 0.1 * 12 / 18), (repeated, 0.1)):  # the mean is over 12 rows, and over 18
        rngs = [np.random.default_rng(i) for i in range(2)]
        one = made(train, None, rngs, ensemble="2", optimizer="sgd", lr=lr, schedule="constant", batch_size=18)
        list(one.run())
        found.append(one.network.theta)
    np.testing.assert_allclose(*found, rtol=1e-9, atol=1e-12)
