"""Plan the search of `--model auto`: which networks it tries, in which rounds, on which rows.

The plan follows from the options and the size of the data alone, never from a clock, so that the same number of steps
gives the same model. A time limit chooses a plan by what it costs on a usual processor, and ends it where that is
too slow.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from nncli.config.contradictions import refuse
from nncli.config.ensemble_kind import ONE, ensemble_of
from nncli.config.train_config import TrainConfig
from nncli.config.usual_model import said
from nncli.data.category_inputs import MAX_CATEGORIES
from nncli.data.dataset import Table
from nncli.errors import OptionError, mention
from nncli.nn.models import MODELS, AutoModel, LinearModel, MLPModel, SoftmaxModel, TabularModel

FOLDS = 5
EVERY = 3  # one in so many goes on to the next round
FIRST, SECOND = 1 / 4, 1 / 2  # of the epochs, in the rounds before the last
# seconds of a step of 256 rows, and for each of so many weights, on one of today's processors with two cores
OF_STEP, OF_WEIGHTS, WEIGHTS = 0.001, 0.0027, 100_000
OF_NUMBER, DATE_INPUTS = 4, 3  # inputs of a number with its embedding, and numbers that a date becomes
TOGETHER = 0.8  # of the time of several networks one after another, that members trained together take
SURE = 0.7  # of a time limit that a plan may take by this estimate
BY_HEART: dict[str, Any] = {"dropout": 0.0, "label_smoothing": 0.0, "l2": 0.0}


class Candidate(NamedTuple):
    """A network that the search tries: a model, and options for it."""

    model: str
    options: Mapping[str, Any] = MappingProxyType({})
    epochs: float = 1.0  # times the usual number


WIDE: dict[str, Any] = {"hidden": (256, 256, 256)}
LONGER, LONGEST = 4 / 3, 2.0
# those that are best most often come first, as a short search tries only the first few
CANDIDATES = (
    Candidate(TabularModel.name),
    Candidate(TabularModel.name, WIDE, LONGER),
    Candidate(MLPModel.name),
    Candidate(TabularModel.name, WIDE | BY_HEART, LONGEST),
    Candidate(SoftmaxModel.name),
    Candidate(TabularModel.name, WIDE | {"number_embedding": "none"}, LONGER),
    Candidate(TabularModel.name, WIDE | {"number_embedding": "pbld:sd=0.5"}, LONGER),
    Candidate(TabularModel.name, {"hidden": (512, 512)}, LONGER),
    Candidate(TabularModel.name, WIDE | {"activation": "selu"}, LONGER),
    Candidate(TabularModel.name, WIDE | {"dropout": 0.3}, LONGER),
    Candidate(TabularModel.name, {"hidden": (64, 64), "lr": 0.02}, LONGER),
    Candidate(TabularModel.name, WIDE | BY_HEART | {"number_embedding": "pbld:sd=0.5"}, LONGEST),
)
QUICK = [one.model for one in CANDIDATES].index(MLPModel.name)


class Round(NamedTuple):
    """Train the best so many networks for a share of their epochs; each on all folds, or on one alone."""

    networks: int
    share: float
    on_folds: bool


class SearchPlan(NamedTuple):
    """The rounds of a search, and the number of folds; with 0, validation rows judge the networks. `candidates` are the
    places in the list of those that the first round begins with."""

    rounds: tuple[Round, ...]
    folds: int
    candidates: Sequence[int] = range(len(CANDIDATES))

    @property
    def steps(self) -> int:
        """Return how many networks, or ensembles of one for each fold, are trained."""
        return sum(one.networks for one in self.rounds)


def search_plan(config: TrainConfig, rows: int, inputs: int) -> SearchPlan:
    """Return the plan for data of so many rows, with so many inputs: the largest that fits in the time limit; where not
    even the first candidate does, as of many pixels, a quick one alone."""
    members, limit = ensemble_of(config.ensemble), config.time_limit
    folds = [FOLDS, 0] if config.ensemble is None else [0 if members is None else members.number]
    every = [SearchPlan(rounds, one) for one in folds for rounds in _rounds(bool(one))]
    fitting = (plan for plan in every if limit is None or _seconds(plan, rows, inputs) <= SURE * limit)
    return next(fitting, every[-1]._replace(candidates=(QUICK,)))


def _rounds(on_folds: bool) -> list[tuple[Round, ...]]:
    """Return rounds to choose from, the longest first; only with much time are all of them on all folds."""
    n = len(CANDIDATES)
    short = [_halving(networks, last, False, on_folds) for networks, last in ((n, 3), (n, 2), (n, 1), (n // 2, 1))]
    if on_folds:
        return [_halving(n, 3, True, True), *short]
    return [*short, *(_halving(networks, 1, False, False) for networks in (n // 4, 2)), (Round(1, FIRST, False),)]


def _halving(networks: int, last: int, first_on_folds: bool, on_folds: bool) -> tuple[Round, ...]:
    """Return the rounds from so many networks to the last ones, which are trained in full."""
    found = [Round(networks, FIRST, first_on_folds)]
    if networks > EVERY * last:
        found.append(Round(math.ceil(networks / EVERY), SECOND, first_on_folds))
    return (*found, Round(last, 1.0, on_folds))


def _seconds(plan: SearchPlan, rows: int, inputs: int) -> float:
    """Estimate how long a plan takes."""
    of_candidates = [_seconds_of(one, rows, inputs) for one in CANDIDATES]
    total = 0.0
    for one in plan.rounds:
        mean = sum(of_candidates[: one.networks]) / one.networks
        total += one.networks * one.share * mean * (TOGETHER * plan.folds if one.on_folds else 1)
    return total


def _seconds_of(candidate: Candidate, rows: int, inputs: int) -> float:
    """Estimate how long a network is trained in full, on all rows."""
    preset = MODELS[candidate.model]
    widths = [inputs, *candidate.options.get("hidden", preset.hidden), 1]
    weights = sum(a * b for a, b in itertools.pairwise(widths))
    steps = candidate.epochs * TabularModel.of_training["epochs"] * math.ceil(rows / TabularModel.batch_size)
    return steps * (OF_STEP + OF_WEIGHTS * weights / WEIGHTS)


def inputs_of(table: Table) -> int:
    """Estimate the inputs of the first dense layer, with the usual embedding of numbers."""
    numbers = len(table.number_names) + DATE_INPUTS * len(table.dates)
    return OF_NUMBER * numbers + sum(min(len(one.values), MAX_CATEGORIES) + 1 for one in table.texts.values())


def with_folds(config: TrainConfig, rows: int, inputs: int, has_room: bool) -> TrainConfig:
    """Return the options of a search with the folds that it judges networks by, or with none, where the data have no
    room for them. OptionError for options that the search chooses itself, or that contradict it."""
    for name in said(config):
        if name not in ("model", "scale"):
            problem = f"{mention('model', AutoModel.name)} chooses it by itself"
            raise OptionError(name, problem, f"Leave it out, or name another {mention('model')}")
    why = f"{mention('model', AutoModel.name)} trains several networks, and judges them by folds of its own"
    refuse(config, ("folds", "refit"), why, "Leave it out")
    members = ensemble_of(config.ensemble)
    if members is not None and not members.folds:
        remedy = f"Use {mention('ensemble', f'folds:{FOLDS}')}, or leave it out"
        raise OptionError("ensemble", f"{mention('model', AutoModel.name)} chooses the members itself", remedy)
    if config.ensemble is not None:
        return config
    has_folds = not config.val_data and config.time is None and has_room and config.val is None
    folds = search_plan(config, rows, inputs).folds if has_folds else 0
    return dataclasses.replace(config, ensemble=f"folds:{folds}" if folds else ONE)


def options_of(candidate: Candidate, config: TrainConfig, on_folds: bool) -> TrainConfig:
    """Return the options that train a candidate in a search with other options."""
    name = candidate.model
    if config.is_regression and name == SoftmaxModel.name:
        name = LinearModel.name
    more: dict[str, Any] = {"optimizer": "adam"} if name == LinearModel.name else {}
    return dataclasses.replace(
        config,
        model=name,
        **candidate.options,
        **more,
        ensemble=config.ensemble if on_folds else ONE,
        time_limit=None,
        search_steps=None,
        calibrate=None,
    )


def in_brief(options: TrainConfig) -> str:
    """Write the options of a network of a search by which candidates differ: its model, what it has that is not usual
    for that, and its epochs."""
    preset = options.preset
    usual = {**preset.of_network, **preset.of_training, "hidden": preset.hidden, "lr": preset.lr}
    usual |= {} if options.is_regression else preset.of_classes
    names = {name for one in CANDIDATES if one.model == options.model for name in one.options} | {"ensemble"}
    usual = {"ensemble": ONE} | usual
    own = {name: getattr(options, name) for name in names if getattr(options, name) != usual.get(name)}
    return TrainConfig(model=options.model, epochs=options.epochs, **own).command_line(brief=True)
