"""The columns of the data, as they were before preprocessing, among the inputs of the network."""

from __future__ import annotations

from typing import Any

import numpy as np

from nncli.data.dataset import Schema
from nncli.data.dates import INPUTS
from nncli.data.preprocess import Preprocess

OTHER, MISSING = "(other)", "(missing)"  # categories: any that training did not have, and none
STRONG = 0.8  # correlation
MOST_INPUTS = 2000  # whose correlations fit in memory, and take no longer than the rest


def inputs_of(schema: Schema, preprocess: Preprocess) -> dict[str, slice]:
    """Return which inputs (d,) each column has become, in the order of the columns: one of a number, `dates.INPUTS` of
    a date, and of a text one for each category and one for any other. Columns of text whose words are learned from
    share the inputs behind all of these, and are left out."""
    widths = dict.fromkeys(preprocess.number_names, 1) | {name: len(INPUTS) for name, _ in preprocess.dates}
    widths |= {name: len(categories) + 1 for name, categories in preprocess.categories.items()}
    ends = np.cumsum([*widths.values()]).tolist()
    places = {name: slice(end - width, end) for (name, width), end in zip(widths.items(), ends, strict=True)}
    return {name: places[name] for name in schema.names if name in places}


def names_of_inputs(schema: Schema, preprocess: Preprocess) -> list[str]:
    """Return the names of the inputs (d,): columns of numbers, what dates are made of, and categories."""
    names = [*(preprocess.number_names or schema.of_kind("number"))]
    names += [f"{name}, {what}" for name, _ in preprocess.dates for what in INPUTS]
    for name, categories in preprocess.categories.items():
        names += [f"{name}={MISSING if category is None else category}" for category in categories] + [
            f"{name}={OTHER}"
        ]
    if preprocess.words is not None:
        names += [f"n-grams in place {place:,}" for place in range(preprocess.words.width)]
    return names


def correlated(X: Any, inputs: dict[str, slice]) -> list[tuple[str, str, float]]:
    """Return the pairs of columns that are strongly correlated over some rows X (n, d), the strongest first, with how
    strongly, from 0 to 1. Of too many inputs, no pairs.

    It is √(φ² / m) with φ² = ‖C_aa^−½ C_ab C_bb^−½‖² less what chance makes of it, r_a r_b / (n − 1), and m = min(r_a,
    r_b), where r is the rank of the inputs of a column: |r| of Pearson for two numbers, the correlation ratio η for a
    number and a text, and the V of Cramér (1946), corrected after Bergsma (2013), for two texts.
    """
    n, d = X.shape
    if d > MOST_INPUTS or n < 3 or len(inputs) < 2:
        return []
    X = X if isinstance(X, np.ndarray) else X.toarray()
    white, ranks, owner = [], [], []
    for i, place in enumerate(inputs.values()):
        part = X[:, place].T.astype(np.float64, order="C")  # (inputs, n): rows are quicker to stack
        part -= part.mean(axis=1, keepdims=True)
        U, sizes, _ = np.linalg.svd(part.T, full_matrices=False)
        kept = U.T[sizes > 1e-6 * max(float(sizes[0]), 1e-30)]
        white.append(kept)
        ranks.append(len(kept))
        owner += [i] * len(kept)
    U, r = np.vstack(white).T, np.array(ranks)
    if not U.shape[1]:
        return []
    member = np.zeros((U.shape[1], len(r)))
    member[np.arange(len(owner)), owner] = 1
    phi2 = member.T @ (U.T @ U) ** 2 @ member
    smaller = np.minimum.outer(r, r)
    chance = np.where(smaller > 0, np.outer(r, r) / (n - 1), 0)
    V = np.sqrt(np.maximum(phi2 - chance, 0) / np.maximum(smaller, 1))
    pairs = np.argwhere(np.triu(V >= STRONG, 1))
    names = [*inputs]
    found = [(names[a], names[b], min(1.0, float(V[a, b]))) for a, b in pairs.tolist()]
    return sorted(found, key=lambda pair: -pair[2])
