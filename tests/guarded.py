"""Rows of many distributions, and what a guard says of them, for tests of guards."""

from __future__ import annotations

import numpy as np

from nncli.data.dataset import Table, TextColumn
from nncli.data.preprocess import Preprocess
from nncli.guards.distribution import Distribution
from nncli.guards.guard import Guard
from nncli.guards.report import Report, report_of

COLUMNS = 30
LETTERS = tuple("abcdef")
HEADER = "a,b,kind"


def drawn(rng: np.random.Generator, rows: int, shift: float = 0.0) -> Table:
    """30 columns of numbers (normal, log-normal with a heavy tail, whole numbers, rare flags, some with gaps) and one
    of text; `shift` moves one by so many standard deviations."""
    X = rng.normal(size=(rows, COLUMNS)).astype(np.float32)
    X[:, 10:16] = np.exp(2 * X[:, 10:16])
    X[:, 16:22] = rng.poisson(1.3, (rows, 6))
    X[:, 22:24] = rng.random((rows, 2)) < 0.05
    X[:, 24:27] = np.where(rng.random((rows, 3)) < 0.2, np.nan, X[:, 24:27])
    X[:, 5] += shift
    kind = TextColumn(rng.choice(6, rows, p=[0.4, 0.3, 0.2, 0.05, 0.04, 0.01]), LETTERS)
    return Table(tuple(f"x{i}" for i in range(COLUMNS)), X, {"kind": kind})


def guard_of(table: Table) -> Guard:
    """The guard of a model that was trained on all rows of a table."""
    rows = np.arange(len(table))
    fitted = Preprocess.fit(table, rows, "auto")
    distribution = Distribution.fit(table, rows, fitted)
    assert distribution is not None
    return Guard(distribution, fitted, ("a", "b"))


def report_on(guard: Guard, *tables: Table) -> Report:
    """What a guard says of some rows."""
    for table in tables:
        guard.look(table)
    return report_of(guard)


def rows(n: int, seed: int, shift: float = 0.0, target: bool = True) -> str:
    """Rows of two numbers, a text and a class (or without it)."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=n) + shift, rng.normal(size=n)
    kind, noise = rng.choice(list("uvw"), n), rng.normal(size=n)
    classes = np.where(a + b + 0.5 * noise > shift, "yes", "no")
    lines = [
        f"{x:.4f},{y:.4f},{z}" + (f",{c}" if target else "") for x, y, z, c in zip(a, b, kind, classes, strict=True)
    ]
    return "\n".join([HEADER + ",class" * target, *lines]) + "\n"
