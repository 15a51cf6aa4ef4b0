"""Where a training run goes on from: the parameters of a model, new rows, and perhaps rows of before."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nncli.config.train_config import TrainConfig
from nncli.data.dataset import Dataset, Positions, Table
from nncli.data.more_categories import extended, rescaled
from nncli.data.preprocess import Preprocess
from nncli.data.row_columns import RowColumns
from nncli.data.split import Split
from nncli.model.model import Model
from nncli.model.provenance import Parent
from nncli.model.target_scale import TargetScale
from nncli.system.output import counted
from nncli.training.scale_of_target import scale_of
from nncli.training.seeds import Seeds
from nncli.training.splitting import split_rows

REPLAY = 23  # a purpose of its own for random numbers, beside those of a run


@dataclass(frozen=True)
class OldRows:
    """Rows of before in a data set, behind the new ones: those that may train and validate the model, and those that
    the models before were tested on, by how their data are called."""

    train: Positions
    val: Positions
    test: dict[str, Positions]


@dataclass(frozen=True)
class Start:
    """A model to go on from. The first `n_new` rows of the data set are new, all others are of before. Of the training
    rows, and of the validation rows, a `share` is of before, or less where there are too few."""

    model: Model
    parent: Parent
    n_new: int
    old: OldRows
    share: float
    refits: bool  # the scaling

    def split(
        self, config: TrainConfig, dataset: Dataset, columns: RowColumns, rows: Positions
    ) -> tuple[Split, list[str]]:
        """Draw the parts of the new rows, and those of before that are used; see `split_rows`. Of a class that has too
        few new rows for all parts, they are drawn together with those of other such classes; of a group that has new
        rows for validation or test, none of before is used."""
        own = rows[rows < self.n_new]
        parts = 1 + (config.val != 0 and not config.val_data) + (config.test != 0 and not config.test_data)
        strata = dataset if dataset.is_numeric else _with_few_together(dataset, own, parts)
        split, notes = split_rows(config, strata, columns, own, None)
        rng = np.random.default_rng([REPLAY, *Seeds.of(config).split.generate_state(2)])
        if columns.group is not None:  # no group is in two parts
            groups = columns.group.codes
            rows = rows[~np.isin(groups[rows], groups[np.concatenate([split.val, split.test])])]
            tested = np.unique(groups[np.concatenate([rows[:0], *self.old.test.values()])])
            if shared := int(np.isin(tested, groups[split.train]).sum()):
                told = (
                    f"{counted(shared, 'group')} of the test rows of before {'has' if shared == 1 else 'have'} new rows"
                )
                notes = [*notes, f"warning: {told} that train the model: what was forgotten looks less than it is"]
        drawn = [
            _drawn(np.intersect1d(its, rows), len(new), self.share, rng)
            for its, new in ((self.old.train, split.train), (self.old.val, split.val))
        ]
        train, val = (np.concatenate([new, old]) for new, old in zip((split.train, split.val), drawn, strict=True))
        return Split(train, val, split.test), notes

    @property
    def words(self) -> tuple[str, ...]:
        """Return the columns of text whose words the model learns from."""
        return self.model.preprocess.columns_of_words

    def preprocess(self, table: Table, rows: Positions) -> Preprocess:
        """Return the preprocessing of the model, with the categories that training rows have besides."""
        found = extended(self.model.preprocess, table, rows)
        return rescaled(found, table, rows) if self.refits else found

    def target(self, dataset: Dataset, rows: Positions) -> TargetScale:
        """Return the scale of the target of the model; that of these training rows where it is to be fitted anew."""
        return scale_of(dataset, rows) if self.refits else dataclasses.replace(self.model.of_numbers, errors=())


def _with_few_together(dataset: Dataset, rows: Positions, parts: int) -> Dataset:
    """Return data whose classes can be drawn from: those with fewer of these rows than there are parts are one, and
    where that has too few rows too, it is one with the most frequent class."""
    counts = np.bincount(dataset.y[rows], minlength=len(dataset.classes))
    few = counts < parts
    if not few.any():
        return dataset
    code = np.cumsum(~few) - 1
    n_kept = int(code[-1]) + 1
    code[few] = n_kept if counts[few].sum() >= parts else code[int(counts.argmax())]
    names = [name for name, is_few in zip(dataset.classes, few, strict=True) if not is_few]
    y: NDArray[np.int64] = code[dataset.y.astype(np.int64)]
    return dataclasses.replace(dataset, y=y, classes=(*names, *(["others"] if n_kept in code[few] else [])))


def _drawn(rows: Positions, n_new: int, share: float, rng: np.random.Generator) -> Positions:
    """Draw so many rows that they are the share of all, beside the new ones; all of them where there are fewer."""
    n = min(len(rows), round(n_new * share / (1 - share)))
    return np.sort(rng.permutation(rows)[:n])
