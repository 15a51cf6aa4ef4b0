# ruff: noqa: E501  (each message stands on one line)
"""Lists and ranges of the options of train."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from nncli.config.train_config import TrainConfig
from nncli.errors import OptionError
from nncli.sweep.space import Range, Space


def space(**given: Any) -> Space:
    return Space.from_values(given)


def test_a_grid_has_every_combination_once_in_the_order_given() -> None:
    grid = space(lr="0.1,0.01", hidden="32,64,128x64", epochs="5").grid()
    assert [(c.hidden, c.lr) for c in grid] == [
        ((32,), 0.1), ((32,), 0.01), ((64,), 0.1), ((64,), 0.01), ((128, 64), 0.1), ((128, 64), 0.01),
    ]  # fmt: skip
    assert {c.epochs for c in grid} == {5}
    assert len(space(lr="0.1,0.1,0.10").grid()) == 1


def test_lists_may_come_from_a_file() -> None:
    assert [c.lr for c in space(lr=[0.1, 0.01]).grid()] == [0.1, 0.01]
    assert [c.hidden for c in space(hidden=["32", "64x32"]).grid()] == [(32,), (64, 32)]


def test_models_without_hidden_layers_leave_out_what_is_of_hidden_layers() -> None:
    grid = space(model="softmax,mlp", hidden="32,64", dropout="0,0.5").grid()
    assert [(c.model, c.hidden, c.dropout) for c in grid] == [
        ("softmax", None, None),
        ("mlp", (32,), 0), ("mlp", (32,), 0.5), ("mlp", (64,), 0), ("mlp", (64,), 0.5),
    ]  # fmt: skip
    # one model, and it is said to have hidden layers
    assert {c.hidden for c in space(model="softmax", hidden="32,64").grid()} == {(32,), (64,)}


def test_columns_and_texts_may_have_commas() -> None:
    found = space(drop="a,b", missing="?,none", lr="0.1,0.2")
    assert (found.base.drop, found.base.missing) == (("a", "b"), ("?", "none"))
    assert list(found.axes) == ["lr"]


def test_values_that_may_have_commas_have_semicolons_between_them() -> None:
    found = space(ngrams="words:1;words:1-2,chars:3-5", hash_bits="10,12", lr_scale="bias=0.1;bias=0.1,weight=2")
    assert found.values("ngrams") == ("words:1-1", "words:1-2,chars:3-5")
    assert found.values("hash_bits") == (10, 12)
    assert found.values("lr_scale") == ("bias=0.1", "weight=2,bias=0.1")
    assert str(found.axes["ngrams"]) == "words:1-1 or words:1-2,chars:3-5"
    assert space(ngrams="words:1-2,chars:3-5", vectors="a,b.vec").axes == {}
    assert space(ngrams=["words:1-2,chars:3-5", "words:1"]).values("ngrams") == ("words:1-2,chars:3-5", "words:1-1")


@pytest.mark.parametrize("is_learned", [False, True], ids=["no", "yes"])
def test_a_flag_of_the_model_is_the_same_for_all(is_learned: bool) -> None:
    assert [(c.lr, c.learn_scale) for c in space(lr="0.1,0.2", learn_scale=is_learned).grid()] == [
        (0.1, is_learned),
        (0.2, is_learned),
    ]


def test_components_with_settings_are_no_ranges() -> None:
    grid = space(optimizer="sgd,adam:beta1=0.8", schedule="cosine:warmup=5").grid()
    assert [(c.optimizer, c.schedule) for c in grid] == [
        ("sgd", "cosine:warmup=5"),
        ("adam:beta1=0.8", "cosine:warmup=5"),
    ]


def drawn(n: int = 2000, **given: Any) -> list[TrainConfig]:
    rng, found = np.random.default_rng(0), space(**given)
    return [found.draw(rng) for _ in range(n)]


def test_a_logarithmic_range_has_as_many_values_in_each_decade() -> None:
    values = np.array([c.lr for c in drawn(lr="log:1e-4:1e-1")])
    assert values.min() >= 1e-4
    assert values.max() <= 1e-1
    for low in (1e-4, 1e-3, 1e-2):
        assert np.mean((values >= low) & (values < 10 * low)) == pytest.approx(1 / 3, abs=0.04)


def test_a_range_is_even_and_one_of_whole_numbers_has_both_ends() -> None:
    values = np.array([c.dropout for c in drawn(dropout="0:0.5")])
    assert np.histogram(values, 5, (0, 0.5))[0] / len(values) == pytest.approx(np.full(5, 0.2), abs=0.04)
    assert {c.hidden for c in drawn(hidden="int:3:6")} == {(3,), (4,), (5,), (6,)}


def test_drawn_numbers_have_three_digits() -> None:
    """So that the command that makes the training again can be read, and typed."""
    for config in drawn(50, lr="log:1e-4:1e-1"):
        assert config.lr == float(f"{config.lr:.3g}")


def test_what_is_drawn_from_a_space_lies_in_it() -> None:
    found = space(lr="log:1e-3:1e-1", hidden="32,64", model="softmax,mlp", epochs="5")
    rng = np.random.default_rng(0)
    assert not any(found.difference(found.draw(rng)) for _ in range(50))


def test_what_is_0_has_no_schedule() -> None:
    found = space(
        model="softmax,mlp", dropout="0,0.5", dropout_schedule="flat-cos", l2="0,0.1", decay_schedule="cosine"
    )
    assert not any(map(found.difference, found.grid()))
    schedules = {(c.model, c.dropout, c.l2): (c.dropout_schedule, c.decay_schedule) for c in found.grid()}
    assert schedules == {
        ("softmax", None, 0): (None, None),
        ("softmax", None, 0.1): (None, "cosine"),
        ("mlp", 0, 0): (None, None),
        ("mlp", 0, 0.1): (None, "cosine"),
        ("mlp", 0.5, 0): ("flat-cos", None),
        ("mlp", 0.5, 0.1): ("flat-cos", "cosine"),
    }


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        ({"lr": "0.5"}, "--lr 0.5, not 0.1, 0.01"),
        ({"hidden": "32"}, "--hidden 32, not --hidden by default"),
        ({"epochs": "6"}, "--epochs 6, not 5"),
        ({"data": "wine"}, "DATA wine, not digits"),
        ({"lr": "0.1", "seed": "1"}, "--split-seed 1, not 0"),
    ],
)
def test_what_is_of_another_space_is_told(other: Mapping[str, str], difference: str) -> None:
    found = space(lr="0.1,0.01", epochs="5")
    assert found.difference(space(**{"lr": "0.1", "epochs": "5", **other}).base) == difference


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"lr": "0.1,fast"}, "--lr: expected a number above 0, found 'fast'."),
        ({"lr": "0.1,"}, "--lr: expected a number above 0, found ''."),
        ({"lr": "1e-1:1e-4"}, "--lr: expected a range from low to high, found '1e-1:1e-4'."),
        ({"lr": "log:0:1"}, "--lr: expected a range of numbers above 0 after log:, found 'log:0:1'."),
        ({"lr": "0:1"}, "--lr: expected a number above 0, found '0'."),
        ({"hidden": "16:64"}, "--hidden: expected a range of whole numbers, found '16:64'. Write int:16:64."),
        ({"epochs": "log:2:50"}, "--epochs: expected a range of whole numbers, found 'log:2:50'. Write int:2:50."),
        ({"hidden": "int:1.5:3"}, "--hidden: expected a range of whole numbers after int:, found 'int:1.5:3'."),
        ({"hidden": "0:3"}, "--hidden: expected a width such as 64, or one for each layer such as 128x64, found '0'."),
        ({"activation": "relu,tahn"}, "--activation: expected one of identity, step, sign, sigmoid, tanh, arctan, relu, leaky-relu, prelu, elu, selu, softplus, gelu, silu, mish; found 'tahn'. Did you mean 'tanh'?"),
        ({"seed": "1,2"}, "--seed: expected one value, as all trials share the data and the split, found '1,2'. Repeat each configuration with --seeds N."),
        ({"test": "0.1,0.2"}, "--test: expected one value, as all trials share the data and the split, found '0.1,0.2'. Give one."),
        ({"ngrams": "words:1,words:2"}, "--ngrams: expected words:1-2, chars:3-5 or both with a comma between them, of 1 to 5 words and 1 to 8 characters, found 'words:1,words:2'. Several values have ';' between them."),
        ({"hash_bits": "10:12"}, "--hash-bits: expected a range of whole numbers, found '10:12'. Write int:10:12."),
        ({"dropout": "0:1"}, "--dropout: expected a share from 0 to below 1, found '1'."),
    ],
)  # fmt: skip
def test_what_is_no_space_is_one_line(given: Mapping[str, str], message: str) -> None:
    with pytest.raises(OptionError) as error:
        space(**given)
    assert str(error.value) == message


def test_a_grid_of_a_range_has_no_end() -> None:
    with pytest.raises(OptionError, match="a grid cannot have a range, and found log:0"):
        space(lr="log:1e-3:1e-1").grid()


def test_ranges_are_named_as_they_are_given() -> None:
    axes = space(lr="log:1e-3:1e-1", dropout="0:0.5", hidden="int:8:64").axes
    assert [str(axes[name]) for name in ("lr", "dropout", "hidden")] == ["log:0.001:0.1", "0:0.5", "int:8:64"]
    axis = axes["lr"]
    assert isinstance(axis, Range)
    assert math.isclose(axis.low, 1e-3)
