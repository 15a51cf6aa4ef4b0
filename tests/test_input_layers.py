"""Layers before the first dense one: their gradients, and the network of dense layers that computes the same."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from nncli.data.heaps import BINS_OF_ALL, FEWEST_BINS, heaps_of
from nncli.model.checkpoint import load
from nncli.nn.bins import BinnedNumbers
from nncli.nn.embeddings import CategoryEmbedding, PeriodicEmbedding, PeriodicLayer
from nncli.nn.ensemble import WideMembers
from nncli.nn.input_layers import InputKinds, InputScale
from nncli.nn.layers import Array, Layer
from nncli.nn.network import Network, layers_of
from nncli.nn.optimizers import OPTIMIZERS
from nncli.nn.plain import plain
from nncli.nn.rates import parts_of

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")

Run = Callable[..., Any]
EDGES = (-0.7, -0.2, 0.1, 0.8)
KINDS = InputKinds(3, (15, 4), ((1, EDGES),))  # numbers, a column of many categories and one of few; bins of a number
D = KINDS.width


def before(*names: str, kinds: InputKinds = KINDS) -> list[Layer]:
    """The layers of these names, as a model stacks them."""
    found: list[Layer] = []
    if "bins" not in names:
        kinds = kinds._replace(bins=())
    if {"pbld", "bins"} & {*names}:
        found += PeriodicEmbedding(frequencies=5, size=4).layers(kinds)
        kinds = kinds._replace(numbers=4 * kinds.numbers + (3 if kinds.bins else 0))
    if "categories" in names:
        found.append(CategoryEmbedding(2, kinds))
    return [*found, *([InputScale()] if "scale" in names else [])]


def network_of(*names: str, dtype: str = "float64", hidden: tuple[int, ...] = (6, 5)) -> Network:
    network = Network(D, layers_of(hidden, 3, "tanh", input_layers=before(*names)), dtype)
    rng = np.random.default_rng(0)
    network.initialize(None, rng)
    network.theta += rng.normal(0, 0.1, network.size)
    return network


def rows(n: int, dtype: str = "float64") -> Array:
    rng = np.random.default_rng(1)
    X = np.zeros((n, D), dtype)
    X[:, :3] = rng.normal(size=(n, 3))
    X[np.arange(n), 3 + rng.integers(15, size=n)] = 1
    X[np.arange(n), 18 + rng.integers(4, size=n)] = 1
    return X


ALL = [("scale",), ("categories",), ("pbld",), ("bins",), ("bins", "categories", "scale")]
IDS = ["+".join(names) for names in ALL]


@pytest.mark.parametrize("names", ALL, ids=IDS)
def test_gradients_are_those_of_differences(names: tuple[str, ...]) -> None:
    """scipy's forward differences of s = Σ Z ∘ V, with respect to θ and to X."""
    network, X = network_of(*names), rows(4)
    V, dX = np.random.default_rng(2).normal(size=(4, 3)), np.empty_like(X)

    def s_of_theta(theta: Array) -> float:
        return float((network.with_parameters(theta).forward(X) * V).sum())

    def s_of_rows(flat: Array) -> float:
        return float((network.forward(flat.reshape(X.shape)) * V).sum())

    network.forward(X)
    network.backward(V.copy(), dX)
    g = network.grad.copy()
    assert np.allclose(g, approx_fprime(network.theta.copy(), s_of_theta), rtol=1e-5, atol=1e-5)
    assert np.allclose(dX.ravel(), approx_fprime(X.ravel(), s_of_rows), rtol=1e-5, atol=1e-5)
    network.forward(X)
    network.backward(V.copy())
    assert np.array_equal(network.grad, g)  # without dX too


@pytest.mark.parametrize(("dtype", "within"), [("float64", 1e-13), ("float32", 1e-5)])
@pytest.mark.parametrize("names", ALL, ids=IDS)
def test_dense_layers_compute_the_same(names: tuple[str, ...], dtype: str, within: float) -> None:
    network, X = network_of(*names, dtype=dtype), rows(20, dtype)
    dense = plain(network)
    assert np.abs(dense.forward(X) - network.forward(X)).max() < within
    assert dense.widths[-4:] == [6, 5, 5, 3]
    assert [layer.units for layer in dense.dense[-3:]] == [6, 5, 3]


def test_a_network_without_input_layers_is_left_as_it_is() -> None:
    network = network_of()
    assert plain(network) is network


def test_every_second_member_begins_with_high_frequencies_of_small_weights() -> None:
    """Of three frequencies, the first and third member have standard deviations of 0.1 alone, and weights V uniform
    within 1/√3; the second has 0.1, 1 and 10, and weights within 1, 0.1 and 0.01 times that."""
    layers = PeriodicEmbedding(frequencies=3, sd=0.1, top=10.0).layers(InputKinds(2000))
    network = WideMembers(2000, layers, 3, "softmax", "float64")
    network.initialize(None, np.random.default_rng(0))
    for i, member in enumerate(network.members()):
        layer, ratios = member.layers[0], np.array([1, 10, 100]) if i == 1 else np.ones(3)
        assert isinstance(layer, PeriodicLayer)
        assert layer.w.std(axis=0) == pytest.approx(0.1 * ratios, rel=0.05)
        assert np.abs(layer.V).max(axis=(0, 2)) == pytest.approx(1 / math.sqrt(3) / ratios, rel=0.01)


def test_periodic_embedding_by_hand() -> None:
    """One number x = 0.5, one frequency w = 0.25, b = π/2, V = 3, c = 1: cos(2π·0.25·0.5 + π/2) = cos(3π/4) = −√½, so
    a = (0.5, 1 − 3 √½)."""
    network = Network(1, PeriodicEmbedding(frequencies=1, size=2).layers(InputKinds(1)), "float64")
    network.theta[:] = [0.25, math.pi / 2, 3, 1]
    assert network.forward(np.array([[0.5]])).tolist() == [pytest.approx([0.5, 1 - 3 * math.sqrt(0.5)])]


def test_bins_by_hand() -> None:
    """Between -0.2 and 0.1, x = 0 is past the first bin, two thirds along the second, and before the third."""
    network = Network(2, [BinnedNumbers(InputKinds(1, (1,), ((0, EDGES),)))], "float64")
    A = network.forward(np.array([[0.0, 1.0], [-5.0, 0.0], [0.8, 0.0]]))
    assert np.allclose(A, [[0, 1, 2 / 3, 0, 1], [-5, 0, 0, 0, 0], [0.8, 1, 1, 1, 0]])


def test_a_bin_that_is_too_narrow_is_left_out() -> None:
    layer = BinnedNumbers(InputKinds(1, (), ((0, (0.0, 1e-5, 2e-5, 1.0)),)))
    assert layer.width(1) == 2
    assert layer.width_of.tolist() == [1.0]


def test_a_column_that_heaps_up_has_bins() -> None:
    """Of 5 values 8, 1, 4, 2 and 16 beside a heap of 0, four edges are the quantiles 0, 1/3, 2/3 and 1: of the ordered
    1, 2, 4, 8, 16 those at the places 0, 4/3, 8/3 and 4, so 1, 2 + 2/3, 4 + 8/3 and 16. The heap itself is one too."""
    sample = np.array([0.0] * 20 + [8, 1, 4, 2, 16])[:, None]
    columns = np.hstack([sample] * (BINS_OF_ALL // FEWEST_BINS))  # so many that each has the fewest bins
    heaps = heaps_of(columns, np.zeros(columns.shape[1]), np.ones(columns.shape[1], np.bool_))
    assert [heap.column for heap in heaps] == [*range(columns.shape[1])]
    assert heaps[-1].edges == pytest.approx((0, 1, 8 / 3, 20 / 3, 16))


@pytest.mark.parametrize("others", [[], [1.0], [1.0, 1.0], [math.nan]], ids=["none", "one", "one twice", "missing"])
def test_a_column_with_one_other_value_has_no_bins(others: list[float]) -> None:
    sample = np.array([0.0] * 20 + others)[:, None]
    assert heaps_of(sample, np.zeros(1), np.ones(1, np.bool_)) == ()


def test_what_no_training_row_had_changes_nothing() -> None:
    """The vectors and weights of categories that no row had are 0."""
    network = network_of("categories", "scale")
    dead = np.zeros(D, np.bool_)
    dead[[7, 20]] = True  # a category with a vector, and one of the few
    network.forget_inputs(dead)
    X = np.zeros((3, D))
    X[1, 7] = X[2, 20] = 1
    Z = network.forward(X)
    assert np.array_equal(Z[0], Z[1])
    assert np.array_equal(Z[0], Z[2])


def test_rates_of_their_own_are_those_of_the_neural_tangent_parametrisation() -> None:
    """With z = W' x / √d and Adam, a step of W' by α is one of W = W' / √d by α / √d; the bias moves by a tenth."""
    network = network_of(hidden=(6,))
    parts = parts_of(network, {"weight": "fan-in", "bias": 0.1})
    adam = OPTIMIZERS.create("adam:eps=1e-30")
    adam.start(network.theta, parts)
    before = network.theta.copy()
    network.grad[:] = np.random.default_rng(3).normal(size=network.size)
    signs = np.sign(network.grad)
    adam.step(network.theta, network.grad, 0.04)  # the first step of Adam is α sign g
    moved = (before - network.theta) / signs
    sizes = {block.name: block.view(moved) for block in network.blocks}
    for name, size in {"W1": 0.04 / math.sqrt(D), "W2": 0.04 / math.sqrt(6), "b1": 0.004, "b2": 0.004}.items():
        assert np.allclose(sizes[name], size, rtol=1e-9), name


def test_equal_rates_are_one_part() -> None:
    network = network_of("scale")
    assert parts_of(network, {"weight": 1.0}) == [(0, network.size, 1.0)]
    assert parts_of(network, {"input": 6.0})[0] == (0, D, 6.0)


MIXED = "p,q,c,label\n" + "".join(  # q is 0 in 6 of 7 rows
    f"{i % 7},{0 if i % 7 else i / 10},k{i % 15},{'abc'[(i % 7 + i % 15) % 3]}\n" for i in range(150)
)
OPTIONS = ["--scale", "robust", "--number-embedding", "pbld:frequencies=4", "--category-embedding", 3, "--learn-scale",
           "--lr-scale", "embedding=0.5,input=6,weight=fan-in,bias=0.1", "--hidden", "8x8", "--epochs", 6]  # fmt: skip


def test_they_are_trained_saved_and_used(nncli: Run) -> None:
    Path("d.csv").write_text(MIXED)
    assert nncli("train", "d.csv", *OPTIONS, "-o", "m.npz", "-q").code == 0
    model, _ = load(Path("m.npz"))
    blocks = [block.name for block in model.network.blocks]
    assert blocks == ["frequency", "phase", "V", "c", "E", "scale", "W1", "b1", "W2", "b2", "W3", "b3"]
    [(column, edges)] = model.preprocess.heaps
    bins = len(edges) - 1
    assert (column, edges[0]) == (1, 0)
    assert model.network.widths[:5] == [2 + 16, 2 + bins + 16, 2 * 4 + bins + 16, 2 * 4 + bins + 3, 2 * 4 + bins + 3]
    said = [nncli(*words).out for words in (
        ("eval", "m.npz", "d.csv", "--json"), ("gradcheck", "m.npz", "d.csv"), ("explain", "m.npz", "d.csv"),
        ("predict", "m.npz", "d.csv", "--reasons", 2), ("info", "m.npz", "--weights"),
    )]  # fmt: skip
    assert all(said)
    assert "passed" in said[1]


def test_new_categories_get_vectors(nncli: Run) -> None:
    """A new category begins with the vector of those that were not known: before the first step, the answer to a row is
    the old one."""
    Path("d.csv").write_text(MIXED)
    nncli("train", "d.csv", *OPTIONS, "-o", "m.npz", "-q")
    Path("new.csv").write_text(MIXED.replace(",k3,", ",new,"))
    done = nncli("train", "--from", "m.npz", "new.csv", "--epochs", 1, "--lr", 1e-12, "-o", "n.npz", "-q")
    assert done.code == 0, done.err
    before, after = (nncli("predict", name, "new.csv", "--proba").out.splitlines() for name in ("m.npz", "n.npz"))
    first, second = ([[float(cell) for cell in line.split(",")[1:]] for line in lines[1:]] for lines in (before, after))
    assert np.allclose(first, second, atol=1e-5)


def test_an_embedding_of_no_numbers_is_refused(nncli: Run) -> None:
    Path("d.csv").write_text("c,label\n" + "".join(f"k{i % 3},{'ab'[i % 3 == 0]}\n" for i in range(60)))
    done = nncli("train", "d.csv", "--scale", "robust", "--number-embedding", "pbld")
    assert (done.code, done.err) == (2, "--number-embedding: expected columns of numbers, found none. Leave it out.\n")
    assert nncli("train", "d.csv", "--model", "tabular", "--hidden", 4, "--epochs", 1).code == 0  # which needs none


@pytest.mark.parametrize("how", ["--refit", "--folds 2"])
def test_tabular_embeds_no_numbers_where_a_run_is_prepared_again(nncli: Run, how: str) -> None:
    """The options of a run say all that its model brought along, and are read again by runs on other
    rows, and by the report."""
    Path("d.csv").write_text("c,label\n" + "".join(f"k{i % 3},{'ab'[i % 3 == 0]}\n" for i in range(60)))
    tabular = ["--model", "tabular", "--ensemble", 1, "--hidden", 4, "--epochs", 1, "-o", "m.npz"]
    for words in ("train", "d.csv", *tabular, *how.split()), ("report", "m.npz", "-o", "r.html"):
        done = nncli(*words)
        assert done.code == 0, done.err


def test_rows_with_fewer_categories_than_all_stop_no_run(nncli: Run) -> None:
    """One row has the 13th category, so that all folds but one train on it: the other has nothing to embed."""
    Path("d.csv").write_text("c,label\n" + "".join(f"k{i % 12 if i else 12},{'ab'[i % 2]}\n" for i in range(60)))
    words = ["d.csv", "--hidden", 3, "--epochs", 1, "--test", 0, "-q"]
    done = nncli("train", *words, "--category-embedding", 2, "--folds", 3, "--json")
    assert done.code == 0, done.err
    assert done.json["folds"]["n"] == 60
    done = nncli("sweep", *words, "--category-embedding", "2,3", "--folds", 3, "--jobs", 1, "--json")
    assert done.code == 0, done.err
    assert (done.json["trials"], done.json["failed"]) == (6, 0)
    said = []
    for seed in range(8):  # one in three has the row to validate on
        done = nncli("train", "d.csv", "--val", 0.33, "--seed", seed, "--category-embedding", 2, "--dry-run")
        assert done.code == 0, done.err
        said.append("--category-embedding has nothing to do: no column has more than 12 categories" in done.err)
    assert {*said} == {True, False}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--number-embedding", "pbld"], "--number-embedding: pbld needs inputs within bounds"),
        (["--number-embedding", "pbld:sd=1", "--scale", "standard"], "which --scale robust gives. Use --scale robust."),
        (["--model", "tabular", "--scale", "none"], "--scale: model 'tabular' embeds numbers, and pbld needs inputs "
         "within bounds, which --scale robust gives. Leave it out, or add --number-embedding none."),
        (["--number-embedding", "pbld:top=2", "--scale", "robust"], "--number-embedding: top is of every second"),
        (["--model", "tabular", "--ensemble", "shared:4", "--number-embedding", "pbld:top=2"], "and there is none. Use "
         "--ensemble 4, or leave top out."),
        (["--lr-scale", "input=6"], "--lr-scale: the network has no parameters of the kind input. Use --learn-scale"),
        (["--lr-scale", "slope=2"], "--lr-scale: the network has no parameters of the kind slope"),
        (["--lr-scale", "embedding=2"], "--lr-scale: the network has no parameters of the kind embedding"),
        (["--lr-scale", "wight=2"], "--lr-scale: expected factors of weight, bias"),
        (["--lr-scale", "bias=fan-in"], "--lr-scale: expected factors of weight, bias"),
        (["--model", "softmax", "--optimizer", "lbfgs", "--lr-scale", "bias=2"], "--lr-scale: lbfgs finds the length"),
        (["--model", "mira", "--lr-scale", "bias=2"], "--lr-scale: mira finds the length"),
        (["--category-embedding", 4], "--category-embedding: expected a column of text with more than 12 categories"),
        (["--number-embedding", "pbld:size=1", "--scale", "robust"], "--number-embedding: pbld: size: expected"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(nncli: Run, options: list[str], message: str) -> None:
    done = nncli("train", "iris", *options)
    assert done.code == 2
    assert message in " ".join(done.err.split())
