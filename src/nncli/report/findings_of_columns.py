"""Findings on the columns: one that gives the class away, one that has changed, and those that say nothing."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Table, TextColumn
from nncli.data.sparse_numbers import is_sparse
from nncli.data.text_inputs import texts_of
from nncli.errors import listing, write_names
from nncli.guards.shares import MISSING
from nncli.guards.words import WordShares, words_in
from nncli.metrics.rows import Floats
from nncli.report.document import Finding
from nncli.report.evidence import Evidence, evenly
from nncli.system.output import counted, in_quotes, shortened
from nncli.training.doubts import MOST_ROWS, giveaways

LARGE, CHANCE = 0.1, 0.01  # a difference between two parts that counts; and how often chance may find one
DRIFT_ROWS = 10_000  # of each part that are compared
MOST_NAMED = 5
GENERATED = re.compile(r"c\d+")  # names of columns that have none


def giveaway(of: Evidence) -> Finding:
    """Look for a column that predicts the class alone."""
    name = "A column that gives the class away"
    if of.prepared is None:
        return Finding(name, "unknown", f"It was not tested: {of.not_prepared}.")
    if of.prepared.preprocess.scaling == "pixels":
        return Finding(name, "unknown", "The columns are pixels, and one alone says little.")
    words = of.prepared.preprocess.columns_of_words
    if len(words) == len(of.model.schema.names):
        return Finding(name, "unknown", "Texts are not tested: look below at the words that matter most.")
    found = giveaways(of.prepared.dataset, of.prepared.split, MOST_ROWS)
    if found is None:
        return Finding(name, "unknown", "It was not tested: too few rows are held out.")
    if not found:
        single = "No single column but those of texts, which were not tested," if words else "No single column"
        return Finding(name, "passed", f"{single} is enough to predict the class of nearly all rows.")
    evidence = f"{'; '.join(line.partition(':')[0] for line in found[:MOST_NAMED])}."
    remedy = "Ask whether it is known when one predicts; if it is not, train without it, with --drop."
    return Finding(name, "look", evidence[0].upper() + evidence[1:], remedy)


def drift(of: Evidence) -> Finding:
    """Compare the values of each column in the rows of training and in those that the model is judged on."""
    name = "The same kind of rows as in training"
    if of.prepared is None:
        return Finding(name, "unknown", f"It was not tested: {of.not_prepared}.")
    rows = of.prepared.train.rows
    before = of.prepared.dataset.table.take(rows[evenly(len(rows), DRIFT_ROWS)])
    after = of.rows.table.take(of.rows.rows[evenly(of.n, DRIFT_ROWS)])
    words = of.model.preprocess.columns_of_words
    found = sorted(drifts(before, after, of.model.schema.of_kind("number"), words), key=lambda one: -one[1])
    changed = [f"{in_quotes(shortened(column))} ({share:.2f}{word})" for column, share, word in found]
    columns = len(of.model.schema.names)
    if not changed:
        none = (
            f"In none of {columns:,} columns do the values differ" if columns > 1 else "The only column does not differ"
        )
        by = "; texts are compared by their most frequent words" if words else ""
        return Finding(name, "passed", f"{none} from training by more than chance{by}.")
    evidence = (
        f"The values differ from those in training in {listing(changed, MOST_NAMED)}, where 0 is no difference and 1 "
    )
    evidence += "the largest possible."
    return Finding(name, "look", evidence, "Find out what has changed; train again on rows of today.")


def drifts(
    before: Table, after: Table, numbers: Sequence[str], words: Sequence[str] = ()
) -> list[tuple[str, float, str]]:
    """Return the columns whose values differ between two tables by much, and by more than chance at `CHANCE` for all
    together (Bonferroni), with how much, from 0 to 1; and of texts that are read as `words`, by which word."""
    names = before.number_names or numbers
    places, all_columns = [*range(len(names))], len(names) + len(before.dates) + len(before.texts)
    if is_sparse(before.numbers):  # columns that are nearly always 0, before and after, differ by little
        shares = [one.numbers.stored() / max(1, len(one)) for one in (before, after)]
        places = np.flatnonzero(np.maximum(*shares) >= LARGE).tolist()
    tested = [(names[i], *ks(*(one.numbers[:, i] for one in (before, after))), "") for i in places]
    tested += [(name, *ks(days, after.dates[name]), "") for name, days in before.dates.items()]
    for name, column in before.texts.items():
        both = column, after.texts[name]
        tested.append((name, *of_words(*both)) if name in words else (name, *of_texts(*both), ""))
    return [(name, size, word) for name, size, p, word in tested if size >= LARGE and p < CHANCE / all_columns]


def of_words(one: TextColumn, other: TextColumn) -> tuple[float, float, str]:
    """Return by how much the texts differ that have the word that differs most, the p-value, and the word."""
    shares = WordShares.of(*(words_in(texts_of(column)) for column in (one, other)))
    name, drift = shares.most
    before, now = shares.share(name)
    return abs(now - before), drift.p_value, f" by {name if name == MISSING else f'the word {in_quotes(name)}'}"


def ks(one: NDArray[np.generic], other: NDArray[np.generic]) -> tuple[float, float]:
    """Return the statistic of Kolmogorov and Smirnov for two samples of numbers, D = max |F − G|, and its p-value for
    many rows, 2 Σ_k (−1)^(k−1) exp(−2 k² D² n m / (n + m)). A missing number is a value above all others."""
    x, y = (np.sort(np.nan_to_num(part.astype(np.float64), nan=np.inf, posinf=np.inf)) for part in (one, other))
    n, m = len(x), len(y)
    values = np.concatenate([x, y])
    D = float(np.abs(np.searchsorted(x, values, "right") / n - np.searchsorted(y, values, "right") / m).max())
    k = np.arange(1, 101)
    p = 2 * float(((-1.0) ** (k - 1) * np.exp(-2 * k * k * D * D * n * m / (n + m))).sum()) if D > 0 else 1.0
    return D, min(1.0, max(0.0, p))


def of_texts(one: TextColumn, other: TextColumn) -> tuple[float, float]:
    """Return the distance ½ Σ |p − q| of the shares of the categories of two columns of text, and the p-value of
    Pearson's χ² after Wilson and Hilferty (1931). Categories with fewer than five rows expected are one."""
    names = {name: i for i, name in enumerate(dict.fromkeys([*one.values, *other.values]))}
    counts = np.stack([_counts(column, names) for column in (one, other)])
    total = counts.sum(axis=1, keepdims=True)
    distance = 0.5 * float(np.abs(counts[0] / total[0] - counts[1] / total[1]).sum())
    rare = counts.sum(axis=0) * total.min() / total.sum() < 5
    kept = np.column_stack([counts[:, ~rare], counts[:, rare].sum(axis=1)])
    kept = kept[:, kept.sum(axis=0) > 0]
    expected = kept.sum(axis=0) * total / total.sum()
    df = kept.shape[1] - 1
    if df == 0:
        return distance, 1.0
    chi2 = float(((kept - expected) ** 2 / expected).sum())
    z = (math.cbrt(chi2 / df) - (1 - 2 / (9 * df))) / math.sqrt(2 / (9 * df))
    return distance, NormalDist().cdf(-z)


def _counts(column: TextColumn, names: dict[str, int]) -> Floats:
    """Count the rows with each of these categories, and at the end those where it is missing."""
    own = np.bincount(column.codes.astype(np.int64) + 1, minlength=len(column.values) + 1).astype(np.float64)
    found = np.zeros(len(names) + 1)
    found[[names[name] for name in column.values]] = own[1:]
    found[-1] = own[0]
    return found


def names(of: Evidence) -> Finding:
    """Look whether the columns have names that people know."""
    name, schema = "Names of the columns", of.model.schema
    if of.image_shape:
        return Finding(name, "passed", "The columns are pixels, which need no names.")
    if schema.header or not all(GENERATED.fullmatch(one) for one in schema.names):
        return Finding(name, "passed", "The data have them.")
    evidence = f"The data have no names of columns, so that this page calls them {schema.names[0]} to "
    evidence += f"{schema.names[-1]}, by their places, and the answer {schema.target}."
    remedy = "Write their names into the first line of the file and train again: then others can read this page."
    return Finding(name, "look", evidence, remedy)


def useless(of: Evidence) -> Finding:
    """Look for columns that can be shuffled without harm."""
    name = "Columns that may do nothing"
    if of.image_shape:
        evidence = "Each pixel of an image may do little. A picture below shows those that do most."
        return Finding(name, "unknown", evidence)
    if of.importances is None:
        return Finding(name, "unknown", f"It was not tested. {of.no_importances}")
    known, others = of.importances.columns, ""
    if of.importances.left_out:
        others = f" {counted(of.importances.left_out, 'column')} that move the first layer less were not shuffled."
    idle = [one.column for one in known if one.interval is None or one.interval[0] <= 0]
    if not idle:
        any_of = "the only column" if len(known) == 1 else f"any of {len(known):,} columns"
        evidence = f"Shuffling {any_of} makes the answers worse by more than chance, on "
        evidence += f"{of.importance_rows}.{others}"
        return Finding(name, "passed", evidence)
    if len(known) == 1:
        evidence = (
            f"Shuffling the only column makes the answers no worse than chance explains, on {of.importance_rows}."
        )
        return Finding(name, "look", evidence, "Add columns that say more, or rows.")
    evidence = f"For {len(idle):,} of {len(known):,} columns, shuffling the values makes the answers no worse than "
    evidence += f"chance explains, on {of.importance_rows}: "
    evidence += f"{listing(map(in_quotes, map(shortened, idle)), MOST_NAMED)}.{others}"
    if is_sparse(of.rows.table.numbers):  # from which no column can be left out
        return Finding(name, "unknown", evidence)
    least = known[-1].column
    remedy = (
        f"Leave out one at a time, first --drop {shlex.quote(write_names([least]))}, and compare with nncli eval A B"
    )
    if of.n_of_importances < of.n:
        remedy = f"First run nncli explain {shlex.quote(of.subject.file)}, which takes all rows. {remedy}"
    return Finding(
        name, "look", evidence, f"{remedy}; not all at once, as columns that are alike stand in for one another."
    )
