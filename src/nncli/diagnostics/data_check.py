"""Check data before training: what each column is and becomes, and what could make the figures misleading."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.config.resolved import DataConfig
from nncli.config.train_config import TrainConfig
from nncli.data.category_inputs import MAX_CATEGORIES
from nncli.data.column_statistics import CELLS_AT_ONCE, some_columns
from nncli.data.dataset import Dataset, Table, Target, TextColumn
from nncli.data.date_inputs import have_hours
from nncli.data.load import load_dataset
from nncli.data.preprocess import Preprocess
from nncli.data.rare_classes import UNKNOWN
from nncli.data.row_blocks import LISTED
from nncli.data.row_hashes import Hashes
from nncli.data.sparse_numbers import is_sparse
from nncli.data.sparse_statistics import sparse_ranges
from nncli.data.split import row_numbers
from nncli.diagnostics.flattering_splits import dated_rows, flattering_splits
from nncli.diagnostics.near_copies import near_copies
from nncli.errors import DataError, OptionError, flag
from nncli.system.order_statistics import in_order, quantiles_of
from nncli.system.output import counted, in_quotes, percent
from nncli.training.doubts import different_texts, giveaways
from nncli.training.prepare import Prepared, prepare, with_model
from nncli.training.repeated_rows import first_rows

OUTLIER = 100  # interquartile ranges beyond the quartiles
SCALED = {
    "standard": "standardised",
    "minmax": "0 to 1",
    "robust": "by median and quartiles",
    "pixels": "divided by the largest value",
    "max-abs": "divided by the largest absolute value",
}
QUARTILES = ("least", "quarter", "median", "three_quarters", "largest")
RARE = 0.2  # of the rows that a class would have if all had equally many


@dataclass(frozen=True)
class DataReport:
    """The columns, the rows of each class, what one should look at (`findings`, one line each), what was looked for and
    not found (`passed`, where nothing was found), and why `train` would refuse the data. Of a target that is a number,
    `target` has what it is in the place of classes."""

    source: str
    rows: int
    columns: list[dict[str, Any]]
    classes: dict[str, int]
    notes: list[str]
    findings: list[str]
    passed: str
    refusal: DataError | OptionError | None
    target: dict[str, float] | None = None


def check_data(config: TrainConfig) -> DataReport:
    """Check the data of a config; DataError or OptionError if they cannot be read at all."""
    dataset = load_dataset(config.data, DataConfig.of(config).csv, config.dtype, task=config.task)
    prepared, refusal = None, None
    try:
        prepared = prepare(config, dataset)
        dataset, preprocess = prepared.dataset, prepared.preprocess
    except (DataError, OptionError) as error:
        refusal, (config, _) = error, with_model(config, dataset)
        preprocess = Preprocess.fit(dataset.table, np.arange(len(dataset)), DataConfig.of(config).scale)
    flattering = [] if prepared is None else random_split_flatters(prepared)
    return _report(dataset, preprocess, prepared, flattering, refusal)


def check_prepared(prepared: Prepared, flattering: list[str]) -> DataReport:
    """Check the data of a training run, for which `random_split_flatters` has been asked."""
    return _report(prepared.dataset, prepared.preprocess, prepared, flattering, None)


def random_split_flatters(prepared: Prepared) -> list[str]:
    """Say, a line each, by which columns or near copies a random split flatters; nothing if it does not."""
    return flattering_splits(prepared) or near_copies(prepared)


def _report(
    dataset: Dataset,
    preprocess: Preprocess,
    prepared: Prepared | None,
    flattering: list[str],
    refusal: DataError | OptionError | None,
) -> DataReport:
    every, rows = dataset, row_numbers(len(dataset))
    if prepared is not None and prepared.of_row is not None:  # rows that do not count are in no figure
        rows = np.flatnonzero(prepared.of_row)
        dataset = dataclasses.replace(dataset, table=dataset.table.take(rows), y=dataset.y[rows])
    is_numeric = dataset.is_numeric
    counts = [] if is_numeric else np.bincount(dataset.y[dataset.y != UNKNOWN], minlength=len(dataset.classes)).tolist()
    doubts = [note for note in dataset.notes if note.startswith("warning: ") or LISTED in note]
    notes = [note for note in dataset.notes if note not in doubts]
    findings = [note.removeprefix("warning: ") for note in doubts]
    passed = "no duplicate rows"
    findings += [*_rare_classes(dataset, counts), *_often_missing(dataset.table)]
    if preprocess.scaling != "pixels":  # most pixels are dark
        findings += _outliers(dataset.table)
    if prepared is not None:
        known = {*dataset.notes, *prepared.hashes.repeats()}
        findings += [
            note.removeprefix("warning: ")
            for note in prepared.notes
            if note not in known and note.startswith("warning: ")
        ]
        findings += _duplicates(prepared.hashes.every[rows], dataset.y, "number" if is_numeric else "class")
        findings += [line.removeprefix("warning: ") for line in prepared.hashes.repeats()]
        words = preprocess.columns_of_words
        given_away = None if is_numeric else giveaways(every, prepared.split, words=words)
        findings += [*different_texts(dataset.table, words), *(given_away or [])]
        if given_away is not None:
            passed += _no_giveaway(len(dataset.schema.columns), len(words))
        findings += flattering or dated_rows(prepared)
    columns, classes = _columns(dataset, preprocess), dict(zip(dataset.classes, counts, strict=True))
    if is_numeric:
        findings += _outliers_of_target(dataset)
    target = _described_target(dataset) if is_numeric else None
    return DataReport(dataset.where, len(dataset), columns, classes, notes, findings, passed, refusal, target)


def _no_giveaway(columns: int, texts: int) -> str:
    """Say that no column gives the class away, of which texts are not tested."""
    tested = ", no column that gives the class away" if columns > texts else ""
    they = "do" if tested else "give the class away"
    return tested + (f"; whether texts {they} is not tested" if texts else "")


def _described_target(dataset: Dataset) -> dict[str, float]:
    """Return mean, standard deviation and quartiles of a target that is a number."""
    y = dataset.y
    quartiles = dict(zip(QUARTILES, map(float, np.quantile(y, [0, 0.25, 0.5, 0.75, 1])), strict=True))
    return {"distinct": len(np.unique(y)), "mean": float(y.mean()), "sd": float(y.std()), **quartiles}


def _outliers_of_target(dataset: Dataset) -> list[str]:
    """Report numbers of the target that are far from most, as they weigh most in squared errors."""
    low, first, third, high = np.quantile(dataset.y, [0, 0.25, 0.75, 1])
    if not (third > first and max(high - third, first - low) > OUTLIER * (third - first)):
        return []
    end = high if high - third > first - low else low
    half = f"half of its values lie between {first:g} and {third:g}"
    advice = "--loss huber or --loss mae gives such rows less weight"
    return [f"target {in_quotes(dataset.schema.target)} reaches {end:g}, while {half}: {advice}"]


def _columns(dataset: Dataset, preprocess: Preprocess) -> list[dict[str, Any]]:
    """Describe each column: its kind, its missing and distinct values, its range, and what it becomes."""
    table, found = dataset.table, []
    numbers = iter(_number_columns(table, preprocess))  # they are in the same order
    for name, kind in dataset.schema.columns:
        if kind == "text":
            described = _text_column(table.texts[name], preprocess.categories.get(name, ()))
            if name in preprocess.columns_of_words and preprocess.words is not None:
                how = preprocess.words.options
                described["becomes"] = f"{how.in_words()}, hashed to 2^{how.bits} inputs"
        elif kind == "date":
            missing, distinct, low, high = next(_ranges(table.dates[name][:, None]))
            hours = ", but not the hour" if have_hours(table.dates[name], np.arange(len(table))) else ""
            becomes = f"3 inputs: days since the first, day of the year, weekday{hours}"
            described = _described(missing, distinct, low, high, becomes)
        else:
            described = next(numbers)
        found.append({"name": name, "kind": kind, **described})
    return found


def _text_column(column: TextColumn, categories: Sequence[str | None]) -> dict[str, Any]:
    used = np.bincount(column.codes[column.codes >= 0], minlength=len(column.values))
    missing, distinct = int((column.codes < 0).sum()), int((used > 0).sum())
    often = [column.values[code] for code in np.argsort(-used, kind="stable")[:3] if used[code]]
    kept = sum(value is not None for value in categories)
    values = f"the {kept} most frequent values" if distinct > kept == MAX_CATEGORIES else counted(kept, "value")
    inputs = [values, *(["missing"] if None in categories else []), "any other"]
    becomes = f"{len(categories) + 1} inputs: {', '.join(inputs)}"
    return {"missing": missing, "distinct": distinct, "low": None, "high": None, "often": often, "becomes": becomes}


def _number_columns(table: Table, preprocess: Preprocess) -> Iterator[dict[str, Any]]:
    """Describe each column of numbers."""
    usual, is_used = SCALED.get(preprocess.scaling, "unchanged"), (preprocess.scale != 0).tolist()
    for place, (missing, distinct, low, high) in enumerate(_ranges(table.numbers)):
        if is_used[place]:
            median = f"; if missing: {preprocess.median[place]:g}, the median" if missing else ""
            becomes = usual + median
        else:
            becomes = "not used: the same in all training rows"
        yield _described(missing, distinct, low, high, becomes)


def _described(missing: int, distinct: int, low: float | None, high: float | None, becomes: str) -> dict[str, Any]:
    return {"missing": missing, "distinct": distinct, "low": low, "high": high, "often": [], "becomes": becomes}


def _ranges(numbers: Any) -> Iterator[tuple[int, int, float | None, float | None]]:
    """Yield of each column how many numbers are missing, how many are distinct, the lowest and the highest."""
    n = len(numbers)
    if is_sparse(numbers):
        yield from sparse_ranges(numbers)
        return
    for columns in some_columns(numbers, row_numbers(n)):
        distinct, missing = np.zeros((2, len(columns)), np.int64)
        low, high = np.full((2, len(columns)), None)
        for at, ordered in in_order(columns):
            missing[at] = n - ordered.shape[1]
            if ordered.shape[1]:
                distinct[at] = 1 + np.count_nonzero(ordered[:, 1:] != ordered[:, :-1], axis=1)
                low[at], high[at] = ordered[:, 0].astype(np.float64), ordered[:, -1].astype(np.float64)
        yield from zip(missing.tolist(), distinct.tolist(), low.tolist(), high.tolist(), strict=True)


def _rare_classes(dataset: Dataset, counts: list[int]) -> list[str]:
    rare = [(name, n) for name, n in zip(dataset.classes, counts, strict=True) if n < RARE * len(dataset) / len(counts)]
    advice = "--class-weight balanced gives all classes equal weight"
    return [f"class {in_quotes(name)} has {n:,} of {len(dataset):,} rows: {advice}" for name, n in rare]


def _outliers(table: Table) -> list[str]:
    """Report numbers far from most of their column."""
    found = dict[int, str]()
    for places, columns in _columns_with_quartiles(table.numbers):
        for at, ordered in in_order(columns):
            if ordered.shape[1]:
                its = zip(places[at].tolist(), _far_out(ordered.astype(np.float64)), strict=True)
                found |= {i: said for i, said in its if said}
    return [f"column {in_quotes(table.number_names[i])} {found[i]}" for i in sorted(found)]


def _columns_with_quartiles(numbers: Any) -> Iterator[tuple[NDArray[np.int64], NDArray[Any]]]:
    """Yield columns, each a row here, some at a time, and their places; of numbers that are stored sparse, those whose
    quartiles may differ: the quartiles of the others are 0."""
    if is_sparse(numbers):
        places = np.flatnonzero(4 * numbers.stored() >= len(numbers) - 1)
        at_once = max(1, CELLS_AT_ONCE // max(1, len(numbers)))
        for start in range(0, len(places), at_once):
            some = places[start : start + at_once]
            yield some, numbers.columns(some).T
        return
    start = 0
    for columns in some_columns(numbers, row_numbers(len(numbers))):
        yield np.arange(start, start + len(columns)), columns
        start += len(columns)


def _far_out(ordered: NDArray[np.float64]) -> list[str]:
    """Say of each row of numbers in ascending order that one is far from most; nothing where none is."""
    low, high = ordered[:, 0], ordered[:, -1]
    first, third = quantiles_of(ordered, 0.25), quantiles_of(ordered, 0.75)
    said = [""] * len(ordered)
    is_far = (third > first) & (np.maximum(high - third, first - low) > OUTLIER * (third - first))
    for i in np.flatnonzero(is_far).tolist():
        end = high[i] if high[i] - third[i] > first[i] - low[i] else low[i]
        said[i] = f"reaches {end:g}, while half of its values lie between {first[i]:g} and {third[i]:g}"
    return said


def _often_missing(table: Table) -> list[str]:
    absent = {name: (column.codes < 0).mean() for name, column in table.texts.items()}
    absent |= {name: np.isnan(days).mean() for name, days in table.dates.items()}
    if table.numbers.dtype.kind == "f" and not is_sparse(table.numbers):
        absent |= dict(zip(table.number_names, np.isnan(table.numbers).mean(axis=0), strict=True))
    often = {name: percent(float(share)) for name, share in absent.items() if share > 0.5}
    return [f"column {in_quotes(name)} is missing in {share} of the rows" for name, share in often.items()]


def _duplicates(hashes: Hashes, y: Target, what: str) -> list[str]:
    """Report duplicate rows: in two parts of the split, they make a model look better than it is."""
    found = []
    distinct = len(first_rows(hashes, y, row_numbers(len(y))))
    duplicates = len(y) - distinct
    if duplicates:
        are = "is a duplicate" if duplicates == 1 else "are duplicates"
        which = f"{duplicates:,} of {len(y):,} rows {are} of an earlier row with the same {what}"
        found.append(f"{which} ({flag('dedupe')} keeps the first)")
    contradictions = distinct - len(np.unique(hashes))
    if contradictions:
        rows_have = "row has" if contradictions == 1 else "rows have"
        which = f"{contradictions:,} {rows_have} the same values as an earlier row and another {what}"
        found.append(f"{which}: no model can learn both")
    return found
