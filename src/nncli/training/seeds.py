"""One seed → a generator for each purpose, so that what one draws moves none of the others."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nncli.config.train_config import TrainConfig


class Seeds(NamedTuple):
    """The seeds of a run, one for each purpose that draws random numbers."""

    split: np.random.SeedSequence
    init: np.random.SeedSequence
    shuffle: np.random.SeedSequence
    dropout: np.random.SeedSequence
    distort: np.random.SeedSequence  # one more at the end moves none of the others

    @classmethod
    def of(cls, options: TrainConfig) -> Seeds:
        found = cls(*np.random.SeedSequence(options.seed).spawn(5))
        if options.split_seed is None:
            return found
        return found._replace(split=np.random.SeedSequence(options.split_seed).spawn(4)[0])
