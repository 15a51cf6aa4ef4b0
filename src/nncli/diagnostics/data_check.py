"""A look at data before anything is learned from them: what each column is and what becomes of it, and what could fool
somebody who learns from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.config.train_config import TrainConfig
from nncli.data.dataset import Dataset, Positions, Table
from nncli.data.load import load_dataset
from nncli.data.preprocess import MAX_CATEGORIES, Preprocess
from nncli.data.split import Split
from nncli.errors import DataError, OptionError
from nncli.system.output import percent
from nncli.training.prepare import Prepared, csv_options, prepare

BINS = 32  # into which numbers are cut, to see what a single column tells
GIVEN_AWAY = 0.98  # balanced accuracy of one column alone on rows that it was not fitted to
FAR = 100  # interquartile ranges beyond the quartiles
FEW = 0.2  # of the rows that a class would have if all had as many


@dataclass(frozen=True)
class DataReport:
    """`columns` and `classes` have a row for each; `findings` is what one should look at, a line each; `refusal` is why
    `train` would not begin."""

    source: str
    rows: int
    columns: list[dict[str, Any]]
    classes: dict[str, int]
    notes: list[str]
    findings: list[str]
    refusal: DataError | OptionError | None


def check_data(config: TrainConfig) -> DataReport:
    """DataError and OptionError for data that cannot be read at all."""
    dataset = load_dataset(config.data, csv_options(config), config.dtype)
    prepared, refusal = None, None
    try:
        prepared = prepare(config, dataset)
        dataset, preprocess = prepared.dataset, prepared.preprocess
    except (DataError, OptionError) as error:
        refusal = error
        preprocess = Preprocess.fit(dataset.table, np.arange(len(dataset)), config.scale)
    counts = np.bincount(dataset.y, minlength=len(dataset.classes)).tolist()
    findings = [*_rare(dataset, counts), *_missing(dataset.table)]
    if preprocess.scaling != "pixels":  # most of which are dark
        findings += _far_out(dataset.table)
    if prepared is not None:
        findings += [*_repeated(prepared), *_given_away(dataset, prepared.split)]
    return DataReport(
        dataset.where,
        len(dataset),
        _columns(dataset, preprocess),
        dict(zip(dataset.classes, counts, strict=True)),
        list(dataset.notes),
        findings,
        refusal,
    )


def _columns(dataset: Dataset, preprocess: Preprocess) -> list[dict[str, Any]]:
    """Of each its kind, how many cells are missing and different, the range, and what becomes of it."""
    table, found = dataset.table, []
    places = {name: i for i, name in enumerate(table.number_names)}
    for name, kind in dataset.schema.columns:
        if kind == "text":
            column = table.texts[name]
            used = np.bincount(column.codes[column.codes >= 0], minlength=len(column.values))
            missing, distinct = int((column.codes < 0).sum()), int((used > 0).sum())
            low = high = None
            often = [column.values[code] for code in np.argsort(-used, kind="stable")[:3] if used[code]]
            kept = sum(value is not None for value in preprocess.categories[name])
            also = ["a missing one"] if None in preprocess.categories[name] else []
            values = f"{kept} values" if kept != 1 else "1 value"
            if distinct > kept == MAX_CATEGORIES:
                values = f"the {kept} most frequent values"
            becomes = f"{kept + len(also) + 1} inputs: {', '.join([values, *also])} and all others"
        else:
            values = table.dates[name] if kind == "date" else table.numbers[:, places[name]]
            known = values[~np.isnan(values)] if values.dtype.kind == "f" else values
            missing, distinct, often = len(values) - len(known), len(np.unique(known)), []
            low, high = (float(known.min()), float(known.max())) if len(known) else (None, None)
            becomes = _becomes(preprocess, places.get(name), missing)
        found.append(
            {"name": name, "kind": kind, "missing": missing, "distinct": distinct, "low": low, "high": high,
             "often": often, "becomes": becomes}
        )  # fmt: skip
    return found


def _becomes(preprocess: Preprocess, place: int | None, missing: int) -> str:
    if place is None:
        return "3 inputs: days since the first, day of the year, weekday"
    if preprocess.scale[place] == 0:
        return "nothing: it is constant in the training rows"
    hows = {"standard": "standardised", "minmax": "0 to 1", "pixels": "divided by the largest"}
    median = f"; a missing one is {preprocess.median[place]:g}, the median" if missing else ""
    return hows.get(preprocess.scaling, "as it is") + median


def _rare(dataset: Dataset, counts: list[int]) -> list[str]:
    fair = len(dataset) / len(counts)
    return [
        f"class '{name}' has {n:,} of {len(dataset):,} rows: --class-weight balanced lets it count as much as others"
        for name, n in zip(dataset.classes, counts, strict=True)
        if n < FEW * fair
    ]


def _far_out(table: Table) -> list[str]:
    """Numbers that reach far beyond where most of their column are."""
    found = []
    for name, column in zip(table.number_names, table.numbers.T, strict=True):
        values = column[~np.isnan(column)] if column.dtype.kind == "f" else column
        if not len(values):
            continue
        low, first, third, high = np.quantile(values.astype(np.float64), [0, 0.25, 0.75, 1])
        if third > first and max(high - third, first - low) > FAR * (third - first):
            end = high if high - third > first - low else low
            found.append(f"column '{name}' reaches {end:g}, and half of it is between {first:g} and {third:g}")
    return found


def _missing(table: Table) -> list[str]:
    absent = {name: (column.codes < 0).mean() for name, column in table.texts.items()}
    absent |= {name: np.isnan(days).mean() for name, days in table.dates.items()}
    if table.numbers.dtype.kind == "f":
        absent |= dict(zip(table.number_names, np.isnan(table.numbers).mean(axis=0), strict=True))
    return [
        f"column '{name}' is missing in {percent(float(share))} of the rows"
        for name, share in absent.items()
        if share > 0.5
    ]


def _repeated(prepared: Prepared) -> list[str]:
    """Rows that are there twice; those in two parts of the split make a model look better than it is."""
    dataset, split = prepared.dataset, prepared.split
    alike = _numbered(dataset.table)
    both = alike * len(dataset.classes) + dataset.y
    found = []
    twice = len(both) - len(np.unique(both))
    if twice:
        found.append(f"{twice:,} of {len(both):,} rows {_are(twice)} there before, class and all")
    contradicted = len(np.unique(both)) - len(np.unique(alike))
    if contradicted:
        noun = "row has" if contradicted == 1 else "rows have"
        found.append(f"{contradicted:,} {noun} another class than others like it: no model can learn both")
    for name, rows in (("validation", split.val), ("test", split.test)):
        seen = int(np.isin(alike[rows], alike[split.train]).sum())
        if seen:
            found.append(
                f"{seen:,} of {len(rows):,} {name} rows {_are(seen)} like training rows: that flatters the figures"
            )
    return found


def _are(n: int) -> str:
    return "is" if n == 1 else "are"


def _numbered(table: Table) -> NDArray[np.int64]:
    """(n,): rows with the same features have the same number."""
    parts = [table.numbers + 0] if table.numbers.size else []  # −0 is 0
    parts += [column.codes[:, None] for column in table.texts.values()]
    parts += [days[:, None] for days in table.dates.values()]
    rows = np.concatenate([np.ascontiguousarray(part).view(np.uint8).reshape(len(table), -1) for part in parts], axis=1)
    whole = rows.view(np.dtype((np.void, rows.shape[1]))).ravel()
    return np.asarray(np.unique(whole, return_inverse=True)[1], np.int64)


def _given_away(dataset: Dataset, split: Split) -> list[str]:
    """Columns each of which is enough, on rows that were not looked at, to tell nearly all classes."""
    table, K = dataset.table, len(dataset.classes)
    judged = np.concatenate([split.val, split.test])
    if not len(judged):
        return []
    columns = dict(zip(table.number_names, table.numbers.T, strict=True)) | dict(table.dates)
    coded = {name: _binned(column, split.train, max(BINS, 2 * K)) for name, column in columns.items()}
    coded |= {name: column.codes.astype(np.int64) + 1 for name, column in table.texts.items()}
    present = np.bincount(dataset.y[judged], minlength=K)
    found = []
    for name, codes in coded.items():
        counts = np.bincount(codes[split.train] * K + dataset.y[split.train], minlength=(int(codes.max()) + 1) * K)
        guess = counts.reshape(-1, K).argmax(axis=1)[codes[judged]]
        right = np.bincount(dataset.y[judged], guess == dataset.y[judged], K)
        score = float((right / np.maximum(present, 1))[present > 0].mean())
        if score >= GIVEN_AWAY:
            found.append(
                f"column '{name}' alone tells the class in {percent(score)} of rows (balanced): is it known by then?"
            )
    return found


def _binned(column: NDArray[Any], train: Positions, bins: int) -> NDArray[np.int64]:
    """Which of so many ranges with as many training rows each; 0 for a missing number."""
    values = column.astype(np.float64)
    known = values[train][~np.isnan(values[train])]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1])) if len(known) else np.zeros(0)
    return np.where(np.isnan(values), 0, 1 + np.searchsorted(edges, values)).astype(np.int64)
