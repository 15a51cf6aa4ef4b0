"""Classes with too few rows to split: left out, or merged into one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from nncli.data.dataset import Dataset, Positions, canonical_class, spellings_of
from nncli.data.table_builder import in_order
from nncli.errors import DataError, listing, mention
from nncli.system.output import counted, in_quotes

DROP, MERGE = "drop", "merge="
UNKNOWN = -1  # the class of a row that is of none


def merged_into(rare: str | None) -> str | None:
    """Return the class that rare ones are merged into, as `--rare` says; None for none."""
    return rare.removeprefix(MERGE) if rare is not None and rare.startswith(MERGE) else None


def merging(rare: str | None) -> str | None:
    """Return what `--rare` says if it merges classes, for rows of which none may be left out."""
    return None if rare == DROP else rare


def settle_rare_classes(
    dataset: Dataset, rows: Positions, groups: Positions | None, least: int, rare: str, remedy: str
) -> tuple[Dataset, list[str]]:
    """Return the data with no class that fewer than `least` of the rows have, or rows of fewer groups (n,) if there are
    some, and a note. Rows of classes that are left out are `UNKNOWN`. DataError where fewer than two are left, with a
    `remedy` beside more rows."""
    K, what = len(dataset.classes), "row" if groups is None else "group"
    y = dataset.y[rows].astype(np.int64)
    counts = np.bincount(y if groups is None else np.unique(groups[rows] * np.int64(K) + y) % K, minlength=K)
    few = np.flatnonzero(counts < least).tolist()
    if not few:
        return dataset, [f"rare: no class has fewer than {counted(least, what)}"]
    into = merged_into(rare)
    kept = [name for k, name in enumerate(dataset.classes) if counts[k] >= least]
    into = (
        None if into is None else next((name for name in kept if canonical_class(name) == canonical_class(into)), into)
    )
    classes = in_order({*kept, *([] if into is None else [into])})
    where = dataset.where
    if len(classes) < 2:
        problem = f"expected two or more classes with at least {counted(least, what)}, found {len(kept)}"
        raise DataError(where, problem, f"Get more rows, or {remedy}")
    settled = in_classes(dataset, classes, rare)
    if settled.test is not None and (settled.test.y == UNKNOWN).any():
        raise DataError(
            where, "its own test set has rows of classes that are left out", f"Use {mention('rare', 'merge=other')}"
        )
    named = listing(f"{in_quotes(dataset.classes[k])} ({counted(int(counts[k]), what)})" for k in few)
    done = "left out" if into is None else f"merged into {in_quotes(into)}"
    return settled, [f"rare: {'class' if len(few) == 1 else 'classes'} {named} {done}"]


def code_in(classes: Sequence[str], rare: str | None) -> Callable[[str], int]:
    """Return what gives the position of a class among those of a model, however it is spelled; of another one, that of
    the class that it is merged into, or `UNKNOWN`."""
    known = spellings_of(classes)
    other = known.get(canonical_class(merged_into(rare) or ""), UNKNOWN)
    return lambda name: known.get(canonical_class(name), other)


def in_classes(dataset: Dataset, classes: Sequence[str], rare: str | None) -> Dataset:
    """Return the data with these classes: rows of others are of the one that they are merged into, or `UNKNOWN`."""
    if dataset.classes == tuple(classes):
        return dataset
    code_of = code_in(classes, rare)
    y = np.array([code_of(name) for name in dataset.classes], np.min_scalar_type(-len(classes)))[dataset.y]
    test = None if dataset.test is None else in_classes(dataset.test, classes, rare)
    return dataclasses.replace(dataset, y=y, classes=tuple(classes), test=test)
