"""The rows that one model has answered since it was read, counted by its guard: what `predict --guard` says of a file,
of all of them together."""

from __future__ import annotations

from collections import Counter
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Table
from nncli.data.joined import joined_tables
from nncli.guards.guard import Guard
from nncli.guards.report import Report, report_of
from nncli.model.model import Model

FEW = 256  # rows that are counted together: to count a row by itself takes almost as long as to predict it
SHORT = 32 << 10  # bytes of a request whose rows may wait for that


class Seen:
    """The rows of one request, until it is answered: few are kept as they are, many are counted by a guard."""

    def __init__(self, model: Model, size: int) -> None:
        self._model, self._predicted = model, np.zeros(0, np.int64)
        self._most = FEW if size <= SHORT else 0
        self.few: list[tuple[Table, NDArray[Any]]] = []
        self.rows = 0
        self.guard: Guard | None = None
        self.unknown = Counter[str]()  # texts with none of the words of training, by column

    def look_at_predictions(self, predicted: NDArray[Any]) -> None:
        """Take in what is predicted of the rows that come next."""
        self._predicted = predicted.copy()

    def look(self, table: Table) -> None:
        """Take in some rows, whose predictions have just been told."""
        self.rows += len(table)
        self.few.append((table, self._predicted))
        if self.rows > self._most:
            self.guard = self.guard or self._model.guard()
            assert self.guard is not None
            _count(self.few, self.guard)
            self.few.clear()


class ServedRows:
    """Counts of rows, in memory that does not grow with them; all threads may use it. Of a model whose training columns
    are not known nothing is counted."""

    def __init__(self, model: Model) -> None:
        self._model, self._total = model, model.guard()
        self._lock = Lock()
        self._waiting: list[tuple[Table, NDArray[Any]]] = []  # to be counted together
        self._rows = 0  # of these

    @property
    def is_guarded(self) -> bool:
        """Tell whether rows are counted."""
        return self._total is not None

    def begin(self, size: int) -> Seen | None:
        """Return what takes in the rows of a request of so many bytes; None where nothing is counted."""
        return None if self._total is None else Seen(self._model, size)

    def add(self, seen: Seen) -> None:
        """Count the rows of a request that was answered."""
        assert self._total is not None
        state = None if seen.guard is None else seen.guard.state()
        with self._lock:
            if state is not None:
                self._total.add(state)
            self._total.look_at_texts(seen.unknown)
            self._waiting += seen.few
            self._rows += sum(len(table) for table, _ in seen.few)
            if self._rows >= FEW:
                self._flush(self._total)

    def report(self) -> Report | None:
        """Report on all rows so far; None where nothing is counted."""
        found = self._model.guard()
        if found is None or self._total is None:
            return None
        with self._lock:
            self._flush(self._total)
            state = self._total.state()
        found.add(state)  # a report takes longer than others should wait
        return report_of(found)

    def _flush(self, total: Guard) -> None:
        if self._waiting:
            _count(self._waiting, total)
            self._waiting, self._rows = [], 0


def _count(parts: list[tuple[Table, NDArray[Any]]], guard: Guard) -> None:
    """Let a guard count some rows with their predictions."""
    tables, predicted = zip(*parts, strict=True)
    guard.look(tables[0] if len(tables) == 1 else joined_tables(tables))
    guard.look_at_predictions(np.concatenate(predicted))
