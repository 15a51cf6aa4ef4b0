from __future__ import annotations

import dataclasses
import itertools
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nncli.config.option import FULL_BATCH
from nncli.config.resolve import resolve
from nncli.config.resolved import ResolvedConfig
from nncli.config.train_config import TrainConfig
from nncli.errors import OptionError
from nncli.nn.losses import LOSSES
from nncli.nn.models import MODELS
from nncli.nn.optimizers import OPTIMIZERS


def test_a_config_survives_json() -> None:
    config = resolve(TrainConfig(hidden=(128, 64), drop=("a", "b"), lr=0.1), 1000, has_val=True).options
    assert TrainConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("hidden", "64", (64,)), ("hidden", "128x64", (128, 64)), ("hidden", "128,64", (128, 64)),
        ("batch_size", "full", FULL_BATCH), ("batch_size", "32", 32), ("lr", "1e-3", 0.001), ("delimiter", "tab", "\t"),
        ("drop", 'a, "b, c",d', ("a", "b, c", "d")), ("optimizer", "adam:beta1=0.5", "adam:beta1=0.5"),
    ],
)  # fmt: skip
def test_texts_are_read(name: str, text: str, value: object) -> None:
    assert getattr(TrainConfig.from_values({name: text}), name) == value


def test_command_line_beats_config_file_beats_defaults(nncli: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text('data = "iris"\nlr = 0.125\nbatch-size = 8\nhidden = [9, 5]\nmodel = "mlp"\n')
    done = nncli("train", "--config", file, "--lr", "0.25", "--dry-run", "--json", "-q")
    config = done.json["config"]
    assert (config["lr"], config["batch_size"], config["hidden"], config["data"]) == (0.25, 8, [9, 5], ["iris"])
    assert config["seed"] == 0


@pytest.mark.parametrize(
    ("n", "batch_size", "epochs"),
    [  # 5,000 steps: 4 batches of 32 are 1,250 epochs, cut to 1,000; 399 batches of 128 are 12.5 epochs
        (105, 32, 1000), (51_000, 128, 13), (3000, 64, 107), (10_000_000, 128, 10),
    ],
)  # fmt: skip
def test_how_long_to_train_depends_on_the_rows(n: int, batch_size: int, epochs: int) -> None:
    config = resolve(TrainConfig(), n, has_val=True).training
    assert (config.batch_size, config.epochs) == (batch_size, epochs)


def test_nothing_given_is_overridden() -> None:
    given = {"model": "softmax", "loss": "cross-entropy", "optimizer": "sgd", "lr": 0.3, "epochs": 3, "batch_size": 5,
             "patience": 2, "init": "glorot"}  # fmt: skip
    config = resolve(TrainConfig(**given), 1000, has_val=True).options
    assert {name: getattr(config, name) for name in given} == given


@pytest.mark.parametrize(
    ("options", "has_val", "message"),
    [
        ({"model": "logistic", "activation": "tanh"}, True,
         "--activation: model 'logistic' has no hidden layer. Give it one with --hidden 64."),
        ({"patience": 3}, False, "--patience: there are no validation rows. Set --val above 0."),
    ],
)  # fmt: skip
def test_nothing_is_silently_ignored(options: dict[str, Any], has_val: bool, message: str) -> None:
    with pytest.raises(OptionError) as error:
        resolve(TrainConfig(**options), 100, has_val)
    assert str(error.value) == message


def test_a_resolved_config_leaves_nothing_open() -> None:
    """Initial weights alone may be said not to be chosen: each layer takes what suits its activation."""
    for model in MODELS:
        task = None if MODELS[model].classes else "regression"
        config = resolve(TrainConfig(model=model, task=task), 100, has_val=False)
        for group in (config.model, config.training):
            for field in dataclasses.fields(group):
                assert getattr(group, field.name) is not None or field.name == "init"


def test_options_that_leave_something_open_are_no_resolved_config() -> None:
    with pytest.raises(ValueError, match="leave open"):
        ResolvedConfig.of(TrainConfig(model="mlp"))


def fit_each_other(model: str, optimizer: str | None, hidden: tuple[int, ...] | None) -> bool:
    """An exact optimum is known of linear regression alone, and a margin is one of classes."""
    if optimizer is None:
        return True
    if OPTIMIZERS[optimizer].exact:
        return not (MODELS[model].classes or hidden)
    return MODELS[model].classes or not OPTIMIZERS[optimizer].margin


@pytest.mark.parametrize(
    ("model", "optimizer", "hidden"),
    [case for case in itertools.product(MODELS, [None, *OPTIMIZERS], [None, (5,)]) if fit_each_other(*case)],
)
def test_a_resolved_config_resolves_to_itself(
    model: str, optimizer: str | None, hidden: tuple[int, ...] | None
) -> None:
    """So the command line that `info` shows makes the same model again."""
    loss = None
    task = None if MODELS[model].classes else "regression"
    if optimizer is not None and OPTIMIZERS[optimizer].smooth and task is None:
        loss = "squared-hinge"
    elif optimizer is not None and OPTIMIZERS[optimizer].margin:
        loss = "hinge"
    options = TrainConfig(model=model, task=task, optimizer=optimizer, hidden=hidden, loss=loss)
    config = resolve(options, 500, has_val=True)
    given: dict[str, str | bool] = {}
    for word in shlex.split(config.options.command_line()):
        if word.startswith("--"):
            name = word.removeprefix("--").replace("-", "_")
            given[name] = True  # unless a value follows
        else:
            given[name] = word
    again = TrainConfig.from_values(given)
    assert resolve(again, 500, has_val=True) == config


@pytest.mark.parametrize(
    ("denied", "rates"),
    [
        ({"learn_scale": False}, "weight=fan-in,bias=0.1,embedding=0.1"),
        ({"number_embedding": "none"}, "weight=fan-in,bias=0.1,input=6"),
        ({"learn_scale": False, "number_embedding": "none", "scale": "standard"}, "weight=fan-in,bias=0.1"),
        ({"dropout_schedule": "constant"}, "weight=fan-in,bias=0.1,input=6,embedding=0.1"),
        ({"ensemble": "1"}, "weight=fan-in,bias=0.1,input=6,embedding=0.1"),
    ],
    ids=["learn-scale", "number-embedding", "both", "dropout-schedule", "ensemble"],
)
def test_what_a_preset_has_can_be_denied(denied: dict[str, Any], rates: str) -> None:
    """Its rates are then of what is left; and whoever begins with the options of that run denies the same."""
    resolved = resolve(TrainConfig(model="tabular", **denied), 2000, True)
    assert resolved.options.lr_scale == rates
    assert {name: getattr(resolved.options, name) for name in denied} == denied
    assert resolve(resolved.options, 2000, True) == resolved
    assert TrainConfig.from_json(resolved.options.to_json()) == resolved.options


@pytest.mark.parametrize(
    ("given", "members"),
    [
        ({}, "4"),
        ({"ensemble": "1"}, ""),
        ({"ensemble": "shared:8"}, "shared:8"),
        ({"optimizer": "lbfgs", "average": "none", "dropout": 0.0}, ""),
    ],
    ids=["usual", "one", "said", "of another optimizer"],
)
def test_tabular_has_four_members_unless_they_cannot_be(given: dict[str, Any], members: str) -> None:
    """Those of L-BFGS are not trained together."""
    assert resolve(TrainConfig(model="tabular", **given), 2000, True).model.ensemble == members


def test_members_that_share_weights_have_scales_of_inputs() -> None:
    config = TrainConfig(hidden=(8,), ensemble="shared:3", lr_scale="input=2")
    assert resolve(config, 2000, True).training.lr_scale == "input=2"
    with pytest.raises(OptionError, match="no parameters of the kind input"):
        resolve(dataclasses.replace(config, ensemble="3"), 2000, True)


def test_no_model_of_folds_is_calibrated_unasked() -> None:
    """No row is left for that. With refit, the run that chooses the epoch has some."""
    for how, calibrates in ({}, True), ({"refit": True}, True), ({"folds": (3, 1)}, False):
        config = dataclasses.replace(TrainConfig(model="tabular"), **how)
        assert bool(resolve(config, 2000, True).training.calibrate) == calibrates


def test_a_linear_svm_is_held_down_as_with_c_of_one() -> None:
    assert resolve(TrainConfig(model="svm"), 250, has_val=True).training.l2 == 1 / 250
    assert resolve(TrainConfig(model="svm", l2=0.5), 250, has_val=True).training.l2 == 0.5
    assert resolve(TrainConfig(model="svm", l2=0.0), 250, has_val=True).training.l2 == 0
    assert resolve(TrainConfig(optimizer="adamw"), 250, has_val=True).training.l2 == 0.01
    assert resolve(TrainConfig(), 250, has_val=True).training.l2 == 0


@pytest.mark.parametrize(
    ("other", "lr", "schedule", "batch_size"),
    [
        ({}, 1.0, "constant", 1),
        ({"optimizer": "adam"}, 0.005, "cosine", 32),
        ({"loss": "mse"}, 0.1, "cosine", 32),
        ({"hidden": (8,)}, 0.1, "cosine", 32),
    ],
)
def test_the_rate_of_a_perceptron_is_for_its_own_parts(
    other: dict[str, Any], lr: float, schedule: str, batch_size: int
) -> None:
    config = resolve(TrainConfig(model="perceptron", **other), 500, has_val=True).training
    assert (config.lr, config.schedule, config.batch_size) == (lr, schedule, batch_size)


@pytest.mark.parametrize("loss", [name for name in LOSSES if not LOSSES[name].soft])
def test_labels_of_margin_losses_cannot_be_smoothed(loss: str) -> None:
    resolve(TrainConfig(loss=loss, label_smoothing=0.0), 100, has_val=True)
    with pytest.raises(OptionError, match=f"--label-smoothing: the loss {loss} is of one true class"):
        resolve(TrainConfig(loss=loss, label_smoothing=0.1), 100, has_val=True)


def test_losses_of_one_true_class_are_the_three_of_the_lectures() -> None:
    assert {name for name in LOSSES if not LOSSES[name].soft} == {"perceptron", "hinge", "squared-hinge"}
