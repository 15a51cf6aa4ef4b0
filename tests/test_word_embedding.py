"""Vectors of words: their layer, and what trains it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.sparse import csr_array, hstack

from nncli.diagnostics.network_graph import loss_graph
from nncli.model.checkpoint import load
from nncli.nn.input_layers import InputKinds
from nncli.nn.layers import Array, Dense
from nncli.nn.losses import LOSSES
from nncli.nn.network import Network, layers_of
from nncli.nn.optimizers import OPTIMIZERS
from nncli.nn.plain import plain
from nncli.nn.touched_rows import TouchedRows
from nncli.nn.word_embedding import WordEmbedding
from nncli.system.threads import multiply_with
from numba_extra import needs_numba
from reviews import OPTIONS, write_reviews
from sparse_training import both, sparse_rows, trainer

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")

Run = Callable[..., Any]
PASSED, D = 2, 12


@pytest.fixture
def reviews(in_a_folder_of_its_own: None) -> Path:
    return write_reviews()


def network_of(dtype: str = "float64", hidden: tuple[int, ...] = (5,), passed: int = PASSED) -> Network:
    network = Network(D, layers_of(hidden, 3, "tanh", input_layers=[WordEmbedding(4, passed)]), dtype)
    rng = np.random.default_rng(0)
    network.initialize(None, rng)
    network.theta += rng.normal(0, 0.1, network.size)
    return network


def test_a_text_by_hand() -> None:
    """A number passes; e_0 = (1, 2) and e_1 = (3, -1) with x = (0.6, -0.8): a = 0.6 (1, 2) - 0.8 (3, -1)."""
    network = Network(3, [WordEmbedding(2, 1)], "float64")
    network.theta[:] = [1, 2, 3, -1]
    X = np.array([[5, 0.6, -0.8]])
    for rows in (X, csr_array(X)):
        assert network.forward(rows).tolist() == [pytest.approx([5, 0.6 - 2.4, 1.2 + 0.8])]


def test_vectors_start_as_those_of_fasttext() -> None:
    """Uniform between -1/size and 1/size, of which the variance is (2 / size)² / 12."""
    network = Network(5000, [WordEmbedding(10, 0)], "float32")
    network.initialize(None, np.random.default_rng(0))
    assert np.abs(network.theta).max() <= 0.1
    assert network.theta.var() == pytest.approx(0.2**2 / 12, rel=0.02)
    assert abs(float(network.theta.mean())) < 0.001


def test_gradients_are_those_of_differences() -> None:
    network, rng = network_of(), np.random.default_rng(1)
    X, V = rng.normal(size=(4, D)), rng.normal(size=(4, 3))
    dX = np.empty_like(X)

    def s_of_theta(theta: Array) -> float:
        return float((network.with_parameters(theta).forward(X) * V).sum())

    def s_of_rows(flat: Array) -> float:
        return float((network.forward(flat.reshape(X.shape)) * V).sum())

    network.forward(X)
    network.backward(V.copy(), dX)
    g = network.grad.copy()
    assert np.allclose(g, approx_fprime(network.theta.copy(), s_of_theta), rtol=1e-5, atol=1e-5)
    assert np.allclose(dX.ravel(), approx_fprime(X.ravel(), s_of_rows), rtol=1e-5, atol=1e-5)
    network.forward(csr_array(X))
    network.backward(V.copy())
    assert np.allclose(network.grad, g, rtol=1e-12)


def test_a_scalar_graph_has_the_same_derivatives() -> None:
    x = np.where(np.arange(D) % 3 == 0, 0.5, 0)
    _, difference = loss_graph(network_of(), LOSSES.create("cross-entropy"), x, 1, 3)
    assert difference < 1e-9


@pytest.mark.parametrize("hidden", [(), (5,)], ids=["linear", "hidden"])
@pytest.mark.parametrize("passed", [0, PASSED], ids=["words", "beside"])
def test_dense_layers_compute_the_same(passed: int, hidden: tuple[int, ...]) -> None:
    network = network_of(hidden=hidden, passed=passed)
    X = np.random.default_rng(2).normal(size=(20, D))
    dense = plain(network)
    assert [layer.W.shape[0] for layer in dense.dense] == [D, *hidden]
    assert all(not isinstance(layer, WordEmbedding) for layer in dense.layers)
    assert np.abs(dense.forward(X) - network.forward(X)).max() < 1e-13


def test_words_of_a_model_that_is_gone_on_from() -> None:
    network, other = network_of(), Network(D + 1, [WordEmbedding(4, PASSED + 1), Dense(3)], "float64")
    layer, its = other.layers[0], network.layers[0]
    assert isinstance(layer, WordEmbedding)
    assert isinstance(its, WordEmbedding)
    before = np.array([0, 1, 1, *range(PASSED, D)])  # one more number, like the second one
    assert layer.take(its, before).tolist() == [0, 1, 1, *range(PASSED, PASSED + 4)]
    assert np.array_equal(layer.E, its.E)


@pytest.mark.parametrize("kernels", ["numpy", pytest.param("numba", marks=needs_numba)])
@pytest.mark.parametrize("passed", [0, PASSED], ids=["words", "beside"])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adagrad", "adam:eps=1e-30"])
def test_steps_on_the_words_of_a_batch_are_those_on_all(optimizer: str, passed: int, kernels: str) -> None:
    rng = np.random.default_rng(0)
    X = hstack([csr_array(rng.normal(size=(60, passed))), sparse_rows(60, 400)], format="csr")
    X = csr_array((X.data, X.indices.astype(np.int32), X.indptr.astype(np.int32)), shape=X.shape)
    y = np.arange(60) % 3
    kinds, made = InputKinds(passed, words=400), []
    how: dict[str, Any] = {"kinds": kinds, "model": "mlp", "hidden": (4,), "embedding": 5, "l2": 0.01, "lr": 0.01}
    for rows, its in zip(both(X, y), ("numpy", kernels), strict=True):
        one = trainer(rows, optimizer=optimizer, kernels=its, **how)
        with multiply_with(1):
            assert [*one.run()]
        made.append(one)
    dense, sparse = made
    assert sparse.parameters.touched is not None
    assert sparse.parameters.touched._compact
    size = float(np.abs(dense.network.theta).max())
    np.testing.assert_allclose(sparse.network.theta, dense.network.theta, rtol=0, atol=1e-9 * size)


def test_a_step_touches_the_vectors_of_its_words_alone() -> None:
    X, y = sparse_rows(40, 500), np.arange(40) % 3
    _, rows = both(X, y)
    one = trainer(rows, kinds=InputKinds(0, words=500), embedding=3, optimizer="adagrad", batch_size=4)
    layer = one.network.layers[0]
    assert isinstance(layer, WordEmbedding)
    before = layer.E.copy()
    for epoch in one.run(until=1):
        assert epoch.number == 1
    never = np.setdiff1d(np.arange(500), X.indices)
    assert len(never)
    assert np.array_equal(layer.E[never], before[never])
    assert isinstance(one.parameters.touched, TouchedRows)
    assert max(one.parameters.touched._compact) < 64


def test_texts_are_learned_with_numbers_beside_them(nncli: Run, reviews: Path) -> None:
    done = nncli("train", reviews, *OPTIONS, "--embedding", 8, "--lr-scale", "embedding=2", "--epochs", 60, "--json")
    assert done.code == 0, done.err
    assert done.json["train"]["accuracy"] == 1
    model, _ = load(Path("model.npz"))
    assert [type(layer).__name__ for layer in model.network.layers] == ["WordEmbedding", "Dense"]
    assert model.network.widths == [1 + 1024, 1 + 8, 2]
    assert nncli("gradcheck", reviews, *OPTIONS, "--embedding", 3).code == 0


def test_every_optimizer_takes_embeddings(reviews: Path, nncli: Run) -> None:
    for optimizer in OPTIMIZERS:
        if OPTIMIZERS[optimizer].margin or OPTIMIZERS[optimizer].exact:
            continue
        batch = [] if OPTIMIZERS[optimizer].batch else ["--batch-size", 6]
        words = [*OPTIONS[:-2], *batch, "--embedding", 2, "--optimizer", optimizer, "--epochs", 2, "-q"]
        assert nncli("train", reviews, *words).code == 0, optimizer
