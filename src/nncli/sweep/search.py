"""Search strategies: which configurations of a space a sweep tries, and in which order.

A search yields rounds of trials that may run side by side. Each round depends only on the records of the rounds before,
so that an interrupted sweep resumes as if it had not been interrupted.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nncli.config.train_config import TrainConfig
from nncli.sweep.ranking import RankedConfig, TrialRecord
from nncli.sweep.space import Space
from nncli.sweep.trial import Trial

# Of S configurations that are as likely as one another, this many times S draws miss one with probability e^−20.
MOST_IN_VAIN = 20
ROUNDS = 3  # of refine: the first over the whole space, each other in a part of it around the best
SHRINK = 3  # factor by which a range is shorter in the next round
RUNGS, KEPT = 3, 3  # of halving: the best third reaches the next rung, and trains three times as long
Records = Mapping[str, TrialRecord]  # by the keys of the trials
Rounds = Iterator[Sequence[Trial]]


@dataclass(frozen=True)
class SearchPlan:
    """A plan of a sweep: what to try, and how to choose. It repeats each configuration with all seeds and folds."""

    space: Space
    search: str = "grid"
    trials: int | None = None  # how many configurations are drawn; None: all of a grid
    seeds: int = 1
    folds: int = 1
    repeats: int = 1  # of the folds, drawn anew
    metric: str = "accuracy"

    @property
    def size(self) -> int:
        """Return the largest number of trials that may run side by side."""
        return (len(self.configs()) if self.trials is None else self.trials) * self.seeds * self.folds * self.repeats

    def rounds(self, records: Records) -> Rounds:
        """Yield the trials, round by round; `records` grows meanwhile, by the keys of the trials."""
        return SEARCHES[self.search](self, records)

    def trials_of(self, config: TrainConfig, share: float = 1) -> list[Trial]:
        """Return the repetitions of a configuration: with other seeds and folds, but always the same splits."""
        others = [dataclasses.replace(config, seed=config.seed + i) for i in range(1, self.seeds)]
        folds = range(self.folds * self.repeats)
        return [Trial(one, fold, self.folds, share) for one in (config, *others) for fold in folds]

    def ranked(self, config: TrainConfig, records: Records, share: float = 1) -> RankedConfig:
        """Return a configuration with the records of its trials so far."""
        keys = [trial.key for trial in self.trials_of(config, share)]
        found = tuple(records[key] for key in keys if key in records)
        return RankedConfig(config, found, self.metric, share=share, planned=len(keys))

    def configs(self) -> list[TrainConfig]:
        """Return all configurations of a grid, or `trials` random ones; the first are the same for any number."""
        if self.trials is None:
            return self.space.grid()
        return draw(self.space, self.trials, np.random.default_rng(self.space.base.seed))


def draw(space: Space, n: int, rng: np.random.Generator, known: Collection[TrainConfig] = ()) -> list[TrainConfig]:
    """Draw n configurations that are not known yet; fewer where the space has no more."""
    found: dict[TrainConfig, None] = {}
    in_vain = 0  # draws since the last that was new
    while len(found) < n and in_vain < MOST_IN_VAIN * (len(found) + len(known) + 50):
        config = space.draw(rng)
        if config in known or config in found:
            in_vain += 1
        else:
            found[config], in_vain = None, 0
    return list(found)


def all_at_once(plan: SearchPlan, records: Records) -> Rounds:
    """Try all in one round."""
    yield [trial for config in plan.configs() for trial in plan.trials_of(config)]


def refine(plan: SearchPlan, records: Records) -> Rounds:
    """Draw from the whole space first, then from smaller and smaller parts of it around the best so far."""
    assert plan.trials is not None
    rng, space = np.random.default_rng(plan.space.base.seed), plan.space
    known: dict[TrainConfig, None] = {}
    for number in range(ROUNDS):
        n = plan.trials * (number + 1) // ROUNDS - len(known)
        if not n:
            continue  # fewer trials than rounds
        chosen = draw(space, n, rng, known)
        known |= dict.fromkeys(chosen)
        yield [trial for config in chosen for trial in plan.trials_of(config)]
        best = min((plan.ranked(config, records) for config in known), key=lambda one: one.rank)
        factor = SHRINK ** (number + 1)
        near = {name: axis.around(getattr(best.config, name), factor) for name, axis in plan.space.axes.items()}
        space = Space(plan.space.base, near)


def halving(plan: SearchPlan, records: Records) -> Rounds:
    """Train all for a share of their epochs, the best third for three times as many … (Jamieson, Talwalkar 2016)."""
    running = plan.configs()
    for rung in reversed(range(RUNGS)):
        share = 1 / KEPT**rung
        yield [trial for config in running for trial in plan.trials_of(config, share)]
        ranked = sorted((plan.ranked(config, records, share) for config in running), key=lambda one: one.rank)
        running = [one.config for one in ranked if one.whole][: math.ceil(len(running) / KEPT)]


SEARCHES: dict[str, Callable[[SearchPlan, Records], Rounds]] = {
    "grid": all_at_once,
    "random": all_at_once,
    "refine": refine,
    "halving": halving,
}
