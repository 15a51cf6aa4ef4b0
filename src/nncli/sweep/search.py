"""Which trainings of a space a sweep tries, and in which order.

A search yields rounds: trials that may run side by side. It looks at what the rounds before came to, so that the
same records always lead to the same next round: what is interrupted goes on as if it had not been.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nncli.config.train_config import TrainConfig
from nncli.sweep.ranking import Record, Standing
from nncli.sweep.space import Choices, Range, Space
from nncli.sweep.trial import Trial

ROUNDS = 3  # of refine: one over the whole space, then each in a part of it around the best
SHRINK = 3  # by which a range is shorter in the next round
RUNGS, KEPT = 3, 3  # of halving: a third goes on to the next rung, and trains three times as long
Round = Sequence[Trial]


@dataclass(frozen=True)
class Plan:
    """What to try, and how to choose. Every training is repeated for `seeds` seeds and `folds` folds."""

    space: Space
    search: str = "grid"
    trials: int | None = None  # how many trainings are drawn; None: all of a grid
    seeds: int = 1
    folds: int = 1
    metric: str = "accuracy"

    @property
    def size(self) -> int:
        """How many trials there are at most, side by side."""
        return (len(self.configs()) if self.trials is None else self.trials) * self.seeds * self.folds

    def rounds(self, records: Mapping[str, Record]) -> Iterator[Round]:
        """The trials, round by round; `records` are those there are by then, by the keys of the trials."""
        return SEARCHES[self.search](self, records)

    def trials_of(self, config: TrainConfig, share: float = 1) -> list[Trial]:
        """A training's repetitions: other seeds for all but the split, which is the same for all trials."""
        others = [dataclasses.replace(config, seed=config.seed + i) for i in range(1, self.seeds)]
        return [Trial(one, fold, self.folds, share) for one in (config, *others) for fold in range(self.folds)]

    def standing(self, config: TrainConfig, records: Mapping[str, Record], share: float = 1) -> Standing:
        """What its trials have come to so far."""
        keys = [trial.key for trial in self.trials_of(config, share)]
        found = tuple(records[key] for key in keys if key in records)
        return Standing(config, found, self.metric, share, len(keys))

    def configs(self) -> list[TrainConfig]:
        """All of a grid; or so many at random, the first of them the same for any number."""
        if self.trials is None:
            return self.space.grid()
        return draw(self.space, self.trials, np.random.default_rng(self.space.base.seed))


def draw(space: Space, n: int, rng: np.random.Generator, known: Collection[TrainConfig] = ()) -> list[TrainConfig]:
    """n trainings of the space at random that are not known yet; fewer where it has no more."""
    found: dict[TrainConfig, None] = {}
    for _ in range(100 * n):
        config = space.draw(rng)
        if config not in known:
            found[config] = None
        if len(found) == n:
            break
    return list(found)


def all_at_once(plan: Plan, records: Mapping[str, Record]) -> Iterator[Round]:
    """One round of them all."""
    yield [trial for config in plan.configs() for trial in plan.trials_of(config)]


def refine(plan: Plan, records: Mapping[str, Record]) -> Iterator[Round]:
    """First at random over the whole space, then in smaller and smaller parts of it, around the best so far."""
    assert plan.trials is not None
    rng, space = np.random.default_rng(plan.space.base.seed), plan.space
    known: dict[TrainConfig, None] = {}
    for number in range(ROUNDS):
        n = plan.trials * (number + 1) // ROUNDS - len(known)
        if not n:
            continue  # of one or two trials
        chosen = draw(space, n, rng, known)
        known |= dict.fromkeys(chosen)
        yield [trial for config in chosen for trial in plan.trials_of(config)]
        best = min((plan.standing(config, records) for config in known), key=lambda one: one.rank)
        space = around(plan.space, best.config, SHRINK ** (number + 1))


def around(space: Space, config: TrainConfig, factor: float) -> Space:
    """The part of a space near a training: ranges shorter by a factor, of lists the neighbours."""
    axes: dict[str, Choices | Range] = {}
    for name, axis in space.axes.items():
        value = getattr(config, name)
        if isinstance(axis, Range):
            axes[name] = axis if value is None else axis.around(value, factor)
        else:
            place = axis.values.index(value) if value in axis.values else None
            axes[name] = (
                axis if place is None else dataclasses.replace(axis, values=axis.values[max(place - 1, 0) : place + 2])
            )
    return Space(space.base, axes)


def halving(plan: Plan, records: Mapping[str, Record]) -> Iterator[Round]:
    """All for a share of their epochs, the best third of them for three times as long, and so on (Jamieson and
    Talwalkar 2016). They go on from where they were."""
    running = plan.configs()
    for rung in reversed(range(RUNGS)):
        share = 1 / KEPT**rung
        yield [trial for config in running for trial in plan.trials_of(config, share)]
        ranked = sorted((plan.standing(config, records, share) for config in running), key=lambda one: one.rank)
        running = [one.config for one in ranked if one.whole][: math.ceil(len(running) / KEPT)]


SEARCHES: dict[str, Callable[[Plan, Mapping[str, Record]], Iterator[Round]]] = {
    "grid": all_at_once,
    "random": all_at_once,
    "refine": refine,
    "halving": halving,
}
