"""Decide which rows are in which part: at random, by group or by time, and by files of their own."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncli.config.data_options import DEFAULT_SHARE
from nncli.config.ensemble_kind import ensemble_of
from nncli.config.train_config import TrainConfig
from nncli.data.dataset import Dataset, Positions, TextColumn
from nncli.data.dates import written
from nncli.data.group_split import group_folds, group_split
from nncli.data.rare_classes import settle_rare_classes
from nncli.data.row_columns import RowColumns
from nncli.data.row_hashes import Hashes
from nncli.data.scaled_rows import Subset
from nncli.data.split import Split, quantile_strata, set_one_to_0, stratified_fold, stratified_split
from nncli.data.time_split import Times, time_fold, time_split
from nncli.errors import DataError, OptionError, flag, listing, mention
from nncli.nn.schedules import SCHEDULES
from nncli.system.output import counted, in_quotes
from nncli.training.seeds import Seeds

PARTS = {"train": "training", "val": "validation", "test": "test"}
FEW_ROWS = 20  # with numbers: a part of fewer would have one to three rows, on which no figure rests
PLACED_BY_VALIDATION = ("calibrate", "choose_threshold")  # what needs rows that the model was not trained on


class Fold(NamedTuple):
    """One of several parts of all rows but the test rows, in their place or in that of the validation rows."""

    number: int  # from 0
    of: int
    is_test: bool = False
    repeat: int = 0  # of several times that the folds are drawn


def split_rows(
    config: TrainConfig, dataset: Dataset, columns: RowColumns, rows: Positions, fold: Fold | None, on_all: bool = False
) -> tuple[Split, list[str]]:
    """Draw those of the rows that each part has, and say how; those that come from files of their own are not among
    them. Where a fold is the test, its validation rows are drawn from the others; `on_all`, the validation rows are
    training rows. DataError and OptionError where that cannot be."""
    val, test = _shares(config, dataset)
    few, in_folds = list[str](), dataset
    if dataset.is_numeric:
        few = _too_few(config, dataset, val + test)
        # the test rows are the same however many folds the others are put in, which may have room for fewer strata
        in_folds = dataset if fold is None else _with_strata(dataset, rows, (val, test), fold.of)
        dataset = _with_strata(dataset, rows, (val, test), 1)
    split, notes = _drawn(config, dataset, in_folds, columns, rows, (val, test), fold, on_all)
    notes = [*few, *notes]
    if fold is not None and fold.is_test:
        if in_folds is not dataset:
            held = int(val * len(split.train))
            in_folds = _with_enough_rows(in_folds, split.train, 2, min(held, len(split.train) - held) if held else 1)
        inner, _ = _drawn(config, in_folds, in_folds, columns, split.train, (val, 0), None)
        return Split(inner.train, inner.val, split.val), notes
    return split, notes


def split_for_members(
    config: TrainConfig, dataset: Dataset, columns: RowColumns, rows: Positions, split: Split
) -> tuple[Split, NDArray[np.int64] | None]:
    """Return the split, and which member leaves out each row of the data, −1 for the test rows, where each member of an
    ensemble leaves out a fold of the training and validation rows, which all train then; else the split as it is, and
    None. DataError where a fold would lack a class."""
    members = ensemble_of(config.ensemble)
    if members is None or not members.folds:
        return split, None
    folds = np.full(len(dataset), -1, np.int64)
    for i in range(members.number):
        try:
            of_member, _ = split_rows(config, dataset, columns, rows, Fold(i, members.number))
        except DataError as error:
            raise DataError(error.where, error.problem, f"Use fewer members in {flag('ensemble')}") from None
        folds[of_member.val] = i
    return joined(split), folds


def has_room_for_folds(dataset: Dataset, columns: RowColumns, rows: Positions, folds: int) -> bool:
    """Tell whether these rows, from which no test rows are drawn any more, can be put in so many folds, each with two
    rows of each class at least, and a group of its own where there are groups."""
    of_class = [len(rows)] if dataset.is_numeric else np.bincount(dataset.y[rows], minlength=len(dataset.classes))
    groups = folds if columns.group is None else len(np.unique(columns.group.codes[rows]))
    return min(of_class) >= 2 * folds and groups >= folds


def repeated_in_folds(hashes: Hashes, folds: NDArray[np.int64]) -> list[str]:
    """Say how many rows (n,) have the same values as a row that another member leaves out."""
    _, which = np.unique(hashes, return_inverse=True)
    of_rows = which.astype(np.int64) * (int(folds.max()) + 1) + folds
    n_folds = np.bincount(np.unique(of_rows) // (int(folds.max()) + 1))
    repeated = int(np.count_nonzero(n_folds[which] > 1))
    if not repeated:
        return []
    same = f"{repeated:,} of {counted(len(folds), 'row')} {'has' if repeated == 1 else 'have'} the same values as a row"
    return [f"{same} of another fold: the validation figures look better than they are"]


def _with_strata(dataset: Dataset, rows: Positions, shares: tuple[float, float], folds: int) -> Dataset:
    """Return data whose target is a number with the stratum of each row in the place of its class."""
    n, parts = len(rows), [share for share in (*shares, 1 - sum(shares)) if share > 0]
    sizes = [round(n * share / min(2, folds)) for share in parts]  # of folds, each has a split of its own
    codes, names = quantile_strata(dataset.y[rows], [*sizes, *([n // (2 * folds)] if folds > 1 else [])])
    y = np.zeros(len(dataset), codes.dtype)
    y[rows] = codes
    return dataclasses.replace(dataset, y=y, classes=names)


def _with_enough_rows(strata: Dataset, rows: Positions, least: int, most: int) -> Dataset:
    """Return the strata of a number, at most so many of them, if each has at least so many of these rows; else one for
    all rows."""
    counts = np.bincount(strata.y[rows], minlength=len(strata.classes))
    if counts.min() >= least and len(counts) <= most:
        return strata
    return dataclasses.replace(strata, y=np.zeros_like(strata.y), classes=("all rows",))


def _too_few(config: TrainConfig, dataset: Dataset, held_out: float) -> list[str]:
    """Say of few rows with numbers that none is held back, unless somebody asked how many are."""
    asked = config.val is not None or config.test is not None or config.val_data or config.test_data
    if held_out or asked or dataset.test is not None:
        return []
    rows = f"{counted(len(dataset), 'row')} {'is' if len(dataset) == 1 else 'are'} too few to hold some back"
    return [f"{rows}: all of them train the model ({flag('test')} 0.3 keeps some for the test)"]


def joined(split: Split) -> Split:
    """Return a split whose validation rows are training rows too."""
    train = np.sort(np.concatenate([split.train, split.val]))
    return Split(train, train[:0], split.test)


def _drawn(
    config: TrainConfig,
    dataset: Dataset,
    in_folds: Dataset,
    columns: RowColumns,
    rows: Positions,
    shares: tuple[float, float],
    fold: Fold | None,
    on_all: bool = False,
) -> tuple[Split, list[str]]:
    """Draw parts in which the classes of the data are as frequent as in all; of a number these are strata, which may be
    others `in_folds`."""
    (val, test), y, where = shares, dataset.y[rows], dataset.where
    seed = int(Seeds.of(config).split.generate_state(1)[0])
    of_folds = seed if fold is None else seed + fold.repeat
    if columns.group is not None:
        groups = columns.group.codes[rows]
        drawn = _by_group(groups, y, in_folds.y[rows], val, test, (seed, of_folds), fold, where, str(config.group))
    elif columns.time is not None:
        drawn = _by_time(columns.time[rows], val, test, fold, where, str(config.time))
    else:
        drawn = stratified_split(y, dataset.classes, val, test, seed, where)
    drawn = joined(drawn) if on_all else drawn
    split = Split(rows[drawn.train], rows[drawn.val], rows[drawn.test])
    if config.group is None and config.time is None:
        if fold is None:
            return split, []
        sweeps = not fold.is_test
        if in_folds is not dataset:
            rest = np.concatenate([split.train, split.val])
            in_folds = _with_enough_rows(in_folds, rest, fold.of, len(rest))
        return stratified_fold(in_folds.y, in_folds.classes, split, *fold[:2], of_folds, where, sweeps), []
    return split, [_described(config, columns, split), *_absent_classes(config, dataset, split)]


def _described(config: TrainConfig, columns: RowColumns, split: Split) -> str:
    """Say which groups or times each part has."""
    parts = []
    for part, rows in vars(split).items():
        if len(rows) and columns.group is not None:
            parts.append(f"{counted(len(np.unique(columns.group.codes[rows])), 'group')} for {PARTS[part]}")
        elif len(rows) and columns.time is not None:
            write, times = written if columns.are_dates else _shortest, columns.time[rows]
            parts.append(f"{PARTS[part]} from {write(times.min())} to {write(times.max())}")
    return f"split by column '{config.group or config.time}': {', '.join(parts)}"


def _shortest(time: float) -> str:
    """Write a number as it was in its cell: one that float32 holds, in no more figures than tell it apart there."""
    return f"{float(str(np.float32(time))) if np.float32(time) == time else time:.15g}"


def settle_rare(config: TrainConfig, dataset: Dataset, columns: RowColumns) -> tuple[Dataset, list[str]]:
    """Drop or merge the classes with too few rows, or groups, for a part each; return the data, and notes."""
    weight, group = columns.weight, columns.group
    rows = np.arange(len(dataset)) if weight is None else np.flatnonzero(weight)
    val, test = _shares(config, dataset)
    least, remedy = 1 + (val > 0) + (test > 0), set_one_to_0(val, test)
    if config.folds is not None:  # of what is left beside the test rows, each fold has one
        least = max(least, math.ceil((config.folds[0] + 1) / (1 - test)))
        remedy = f"ask for fewer {mention('folds')}"
    return settle_rare_classes(dataset, rows, None if group is None else group.codes, least, str(config.rare), remedy)


def _shares(config: TrainConfig, dataset: Dataset) -> tuple[float, float]:
    """Return the shares of the rows for validation and for the test; 0 for those in files of their own."""
    own_test = bool(config.test_data) or dataset.test is not None
    usual = 0.0 if dataset.schema.numeric_target and len(dataset) < FEW_ROWS else DEFAULT_SHARE
    val = 0.0 if config.val_data else usual if config.val is None else config.val
    test = 0.0 if own_test else usual if config.test is None else config.test
    if val + test >= 1:
        expected = f"expected {mention('val')} and {mention('test')} to be below 1 together"
        raise OptionError("val", f"{expected}, found {val:g} and {test:g}", "Lower one of them")
    return val, test


def check_split_options(config: TrainConfig, dataset: Dataset) -> None:
    """Raise OptionError for options of the split that contradict one another."""
    for part in ("val", "test"):
        if getattr(config, part) is not None and getattr(config, f"{part}_data"):
            raise OptionError(part, f"expected either {mention(part)} or {mention(f'{part}_data')}, found both")
    if dataset.test is not None:
        for name in ("test", "test_data"):
            if getattr(config, name) not in (None, ()):
                problem = f"the data bring their own test set of {len(dataset.test)} rows"
                raise OptionError(name, problem, "Leave the option out")
    if config.time is not None and config.group is not None:
        raise OptionError("time", f"{mention('group')} says already how rows are split", "Leave one of them out")
    if config.folds is not None or config.refit:
        _check_trained_on_all(config)
    if config.time is not None and config.split_seed is not None:
        raise OptionError("split_seed", "the time says which rows are in which part, and no seed", "Leave it out")


def _check_trained_on_all(config: TrainConfig) -> None:
    """Raise OptionError for what has no rows where the model is trained on all but the test rows."""
    asked = "refit" if config.refit else "folds"
    if config.refit and config.folds is not None:
        raise OptionError("refit", f"with {mention('folds')} the model is trained on all rows already", "Leave it out")
    if config.val_data:
        raise OptionError(asked, f"{mention('val_data')} has its validation rows elsewhere", "Put all rows in one file")
    if config.refit and config.val == 0:
        raise OptionError("refit", "there are no validation rows to choose an epoch by", "Leave it out")
    if config.schedule is not None and SCHEDULES.create(config.schedule).needs_validation:
        problem = f"it follows the validation rows, and {mention(asked)} trains the final model without any"
        raise OptionError("schedule", problem, "Use another one, or leave one of them out")
    if config.time_limit is not None:
        problem = f"it is for one training run, and {mention(asked)} makes several"
        raise OptionError("time_limit", problem, "Leave one of them out")
    for name in PLACED_BY_VALIDATION:
        if getattr(config, name) and not (config.refit and name == "calibrate"):  # the run that chooses the epoch does
            problem = f"it needs rows that the model was not trained on, and {mention(asked)} leaves none"
            raise OptionError(name, problem, "Leave one of them out")
    refuse_repeats_by_time(config)


def refuse_repeats_by_time(config: TrainConfig) -> None:
    """Raise OptionError for folds by time that are to be drawn repeatedly."""
    if config.folds is not None and config.folds[1] > 1 and config.time is not None:
        raise OptionError("folds", "folds by time are the same each time they are drawn", "Name one number, as 5")


def classes_without_rows(config: TrainConfig, option: str, part: Subset, classes: Sequence[str]) -> list[str]:
    """Say which classes have no row in a file of its own. OptionError where the part should calibrate them."""
    if part.is_numeric:
        return []
    absent = _absent(part.y[part.rows], classes)
    return _warning(config, option, f"in {mention(option)}", "Add rows there", absent) if absent else []


def refuse_shared_groups(name: str, where: Mapping[str, str], groups: Mapping[str, TextColumn]) -> None:
    """Raise DataError for a group, of the column `name`, in two files, which are called `where`."""
    known: dict[str, str] = {}
    for option, column in groups.items():
        for code in np.unique(column.codes).tolist():
            value = column.values[code]
            if (other := known.setdefault(value, option)) != option:
                problem = f"column '{name}': expected groups that are in no other part, found {in_quotes(value)}"
                remedy = "Leave its rows out of one of the two files"
                raise DataError(where[option], f"{problem}, which is in {where[other]} too", remedy)


def _by_group(
    groups: Positions,
    y: Positions,
    in_folds: Positions,
    val: float,
    test: float,
    seeds: tuple[int, int],
    fold: Fold | None,
    where: str,
    name: str,
) -> Split:
    split = group_split(groups, y, val, test, seeds[0], where, name)
    if fold is None:
        return split
    rest = np.sort(np.concatenate([split.train, split.val]))
    fold_of = group_folds(groups[rest], in_folds[rest], fold.of, seeds[1], where, name)
    return Split(rest[fold_of != fold.number], rest[fold_of == fold.number], split.test)


def _by_time(times: Times, val: float, test: float, fold: Fold | None, where: str, name: str) -> Split:
    split = time_split(times, val, test, where, name)
    if fold is None:
        return split
    rest = np.sort(np.concatenate([split.train, split.val]))
    train, validation = time_fold(times[rest], *fold[:2], where, name)
    return Split(rest[train], rest[validation], split.test)


def _absent_classes(config: TrainConfig, dataset: Dataset, split: Split) -> list[str]:
    """Say which classes have no row to validate or to test on. DataError for those without a training row."""
    if dataset.schema.numeric_target:
        return []
    by = mention("group" if config.group is not None else "time")
    absent = _absent(dataset.y[split.train], dataset.classes)
    if absent:
        problem = f"class {absent[0]}: expected training rows, found none in a split by {by}"
        remedy = f"Set smaller shares with {mention('val')} and {mention('test')}, leave the class out, or split at "
        raise DataError(dataset.where, problem, f"{remedy}random, without {by}")
    found = []
    for part, rows in (("val", split.val), ("test", split.test)):
        if len(rows) and (absent := _absent(dataset.y[rows], dataset.classes)):
            found += _warning(config, part, f"among the {PARTS[part]} rows", f"Set another {mention(part)}", absent)
    return found


def _absent(y: Positions, classes: Sequence[str]) -> list[str]:
    there = np.bincount(y, minlength=len(classes))
    return [in_quotes(classes[i]) for i in np.flatnonzero(there == 0).tolist()]


def _warning(config: TrainConfig, option: str, where: str, remedy: str, absent: Sequence[str]) -> list[str]:
    of = f"class {absent[0]}" if len(absent) == 1 else f"classes {listing(absent)}"
    if config.calibrate and option in ("val", "val_data"):
        problem = f"{of}: there is no row {where} to calibrate the probability on"
        raise OptionError("calibrate", problem, f"{remedy}, or leave the option out")
    where = where.replace(mention(option), flag(option))
    return [f"warning: {of}: there is no row of it {where}, so that their figures say nothing about it"]
