"""Offer the data sets of the playground: bundled ones, what the command line has named, and files dropped on the page.

The page names them by keys, such as `bundled:xor` or `dropped:flowers.csv`. A key is looked up here and never opened as
a path, so a page can read no file that nobody has given it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.config.resolved import DataConfig
from nncli.config.train_config import TrainConfig
from nncli.data.bundled import BUNDLED
from nncli.data.dataset import Dataset, Table
from nncli.data.formats.known_formats import is_model
from nncli.data.load import load_dataset, load_like
from nncli.data.sources import ARRAYS, Source, title
from nncli.data.task import CLASSIFICATION, REGRESSION
from nncli.data.unchanged_source import check_as_it_was
from nncli.errors import DataError, NncliError
from nncli.model import checkpoint
from nncli.model.model import Model
from nncli.model.provenance import Provenance

MOST_ROWS = 10_000  # more are sampled: an epoch should be over before one looks away
MOST_DROPPED = 8  # files that are kept; the oldest make room
SAMPLE_SEED = 0
REMEDY = "Name the data behind the model"
LONGEST_KEY = 200  # characters of the name in it
CHARACTERS = 80  # of the name of a dropped file


@dataclass(frozen=True)
class Item:
    """Data, or a model with the rows it is to be played on.

    `key` is how the page asks for it, and `name` what people call it. `source` is what is read, and `named` how people
    and command lines call that, which are not the same for a file that was dropped. `rows` are other rows for a model
    than those that it was trained on; None where a dropped model waits for its rows to be dropped too.
    """

    key: str
    name: str
    source: Source
    named: Source
    model: Model | None = None
    provenance: Provenance | None = None
    file: str = ""  # of the model
    rows: Source | None = ()

    def load(self, options: TrainConfig) -> Dataset:
        """Read the data, as options say; of a model, the rows of its training or others. Raises DataError."""
        try:
            found = self._read(options)
        except NncliError as error:
            for path, name in zip(self.source, self.named, strict=False):
                error.where, error.problem = error.where.replace(path, name), error.problem.replace(path, name)
            raise
        return dataclasses.replace(found, source=self.named, notes=tuple(map(self._rename, found.notes)))

    def _rename(self, note: str) -> str:
        for path, name in zip(self.source, self.named, strict=False):
            note = note.replace(path, name)
        return note

    def _read(self, options: TrainConfig) -> Dataset:
        data = DataConfig.of(options)
        if self.model is None or self.provenance is None:
            return load_dataset(self.source, data.csv, options.dtype)
        if self.rows is None:
            problem = f"expected the rows that it was trained on, {title(self.provenance.source)}"
            raise DataError(self.name, problem, "Drop that file on the page too")
        if self.rows:
            return load_like(self.rows, self.model.schema, self.model.classes, options.dtype)
        for name, file in self.provenance.files.items():  # which a model from a stranger may have chosen
            if its := getattr(self.model.config.options, name):
                check_as_it_was(its, file.n_bytes, self.name, REMEDY)
        if self.provenance.parent is not None:  # whose columns are those of the model before
            found = load_like(self.source, self.model.schema, self.model.classes, options.dtype)
        else:
            task = CLASSIFICATION if self.model.target is None else REGRESSION
            found = load_dataset(self.source, data.csv, options.dtype, task=task)
        if found.sha256 != self.provenance.files["data"].sha256:
            problem = f"the data have changed since {self.name} was trained on them"
            raise DataError(title(self.source), problem, REMEDY)
        return found


class Shelf:
    """All items of a playground; several pages share it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder  # for what is dropped
        self.items = {f"bundled:{name}": Item(f"bundled:{name}", name, (name,), (name,)) for name in BUNDLED}
        self._dropped, self._lock = 0, threading.Lock()

    def add_given(self, source: Source, model_file: str | None, rows: Source) -> Item:
        """Add what the command line names: data, or a model and perhaps its rows. Raises ModelFileError."""
        if model_file is None:
            key = f"bundled:{source[0]}" if len(source) == 1 and source[0] in BUNDLED else _given(title(source))
            return self.items.setdefault(key, Item(key, title(source), source, source))
        model, provenance = checkpoint.load(Path(model_file))
        _refuse_others(model, model_file)
        its = rows or provenance.source
        item = Item(_given(model_file), model_file, its, its, model, provenance, model_file, rows)
        return self.items.setdefault(item.key, item)

    @contextlib.contextmanager
    def dropping(self, name: str) -> Iterator[tuple[Path, list[Item]]]:
        """Make a file for what is being dropped; at the end of the block, the item that it is stands in the list."""
        with self._lock:
            self._dropped += 1
            path = self.folder / str(self._dropped)
        found: list[Item] = []
        try:
            yield path, found
            found.append(self._shelve(path, "".join(filter(str.isprintable, name))[-CHARACTERS:] or "data"))
        finally:
            if not found or found[0].source != (str(path),):
                path.unlink(missing_ok=True)  # a model is in memory by now

    def _shelve(self, path: Path, name: str) -> Item:
        key = f"dropped:{name}"
        if is_model(path):
            try:
                model, provenance = checkpoint.load(path)
            except NncliError as error:
                error.where = name
                raise
            _refuse_others(model, name)
            options, known = model.config.options, {(name,) for name in BUNDLED}
            others = options.val_data or options.test_data or options.vectors  # a page names no files of this computer
            own = provenance.source if provenance.source in known and not others else None
            item = Item(key, name, own or (), own or (), model, provenance, name, () if own else None)
        else:
            waiting = next((one for one in reversed([*self.items.values()]) if one.rows is None), None)
            if waiting is None:
                item = Item(key, name, (str(path),), (name,))
            else:
                item = dataclasses.replace(waiting, source=(str(path),), named=(name,), rows=(str(path),))
        with self._lock:
            self.items.pop(item.key, None)
            self.items[item.key] = item
            dropped = [one for one in self.items if one.startswith("dropped:")]
            for old in dropped[:-MOST_DROPPED]:
                self._remove(self.items.pop(old))
        return item

    def _remove(self, item: Item) -> None:
        for path in map(Path, item.source):
            if path.parent == self.folder:
                path.unlink(missing_ok=True)


def _given(name: str) -> str:
    """Return the key of what the command line names, as short as a message of the page may have it."""
    return f"given:{name[-LONGEST_KEY:]}"


def sampled(dataset: Dataset, most: int = MOST_ROWS) -> tuple[Dataset, list[str]]:
    """Return at most about so many of the rows, each class in proportion, and say so."""
    n = len(dataset)
    if dataset.test is not None:
        dataset = dataclasses.replace(dataset, test=sampled(dataset.test, most)[0])
    if n <= most:
        return dataset, []
    rng, kept = np.random.default_rng(SAMPLE_SEED), []
    for rows in [np.arange(n)] if dataset.is_numeric else [*map(np.flatnonzero, _of_each_class(dataset))]:
        kept.append(rng.choice(rows, min(len(rows), max(10, round(len(rows) * most / n))), replace=False))
    rows = np.sort(np.concatenate(kept))
    taken = _changed(dataset, f"rows {SAMPLE_SEED} {most}", dataset.table.take(rows), dataset.y[rows])
    return taken, [f"the playground uses {len(rows):,} of the {n:,} rows, drawn at random"]


def _of_each_class(dataset: Dataset) -> list[NDArray[np.bool_]]:
    return [dataset.y == k for k in range(len(dataset.classes))]


def with_noise(dataset: Dataset, noise: float, seed: int) -> Dataset:
    """Add normal noise to each column of numbers, of `noise` times the standard deviation of that column."""
    if not noise or not dataset.table.numbers.shape[1]:
        return dataset
    numbers = dataset.table.numbers
    values = numbers.astype(np.float32 if numbers.dtype == np.uint8 else numbers.dtype)
    spread = np.nanstd(values, axis=0, dtype=np.float64)
    values += (noise * spread * np.random.default_rng(seed).normal(size=values.shape)).astype(values.dtype)
    return _changed(dataset, f"noise {noise} {seed}", dataclasses.replace(dataset.table, numbers=values), dataset.y)


def _changed(dataset: Dataset, how: str, table: Table, y: NDArray[Any]) -> Dataset:
    """Return a data set that is no longer that of its file, so that no later command takes it for that."""
    digest = hashlib.sha256(f"{dataset.sha256} {how}".encode()).hexdigest()
    return dataclasses.replace(dataset, source=ARRAYS, sha256=digest, file_bytes=0, table=table, y=y)


def _refuse_others(model: Model, where: str) -> None:
    """Raise DataError for a model of several networks, of which a page could show none, or of one that a search has
    trained, by options that are not those of the model."""
    if model.network.is_several:
        problem = f"expected a model of one network to play with, found an ensemble of {model.network.number} members"
        raise DataError(where, problem, model.remedy_alone)
    if model.config.parts:
        problem = "expected a model that was trained by itself to play with, found one that a search has found"
        raise DataError(where, problem, model.remedy_alone)
