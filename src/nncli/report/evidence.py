"""Work out what a report of a classifier is made from: each thing when it is first asked for, and once."""

from __future__ import annotations

import dataclasses
import functools
import shlex
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.row_hashes import hash_rows
from nncli.data.sparse_numbers import is_sparse
from nncli.diagnostics.data_check import DataReport, check_prepared, random_split_flatters
from nncli.errors import NncliError
from nncli.explain.importance import MOST_SHUFFLED, Importances, importances, permutations, suited
from nncli.explain.retraining import prepare_again
from nncli.figures.images import image_shape
from nncli.figures.kinds import Subject
from nncli.inference.judged_rows import JudgedRows
from nncli.inference.metrics import metric_for
from nncli.metrics.rows import ScoredRows
from nncli.model.model import Model
from nncli.report.mistakes import Group, mistakes_by_group
from nncli.report.simple_reference import compare_with_linear
from nncli.system.output import counted, percent
from nncli.training.prepare import Prepared
from nncli.training.repeated_rows import trained_on

MATTER, MOST_GROUPED = 5, 15  # columns that make groups as they matter, and in all
FEW_NUMBERS, MOST_CATEGORIES = 5, 50  # values of a column that makes groups whether it matters or not
IMPORTANCE_ROWS, IMPORTANCE_REPEATS = 2000, 5
WIDE = 0.1  # of the interval of the accuracy, beyond which the rows are too few to tell much
MOST_COLUMNS = 2000  # whose importance is asked for
SHUFFLED_CELLS, FEWEST_ROWS = 800_000, 200  # for which there is time: fewer rows of many columns


@dataclass(frozen=True)
class Evidence:
    """A model, and the rows that it is judged on."""

    subject: Subject

    @property
    def model(self) -> Model:
        return self.subject.model

    @property
    def figures(self) -> dict[str, Any]:
        """Return the figures that training ended with."""
        return self.subject.provenance.figures

    @property
    def rows(self) -> JudgedRows:
        return self.subject.judged.rows

    @property
    def scored(self) -> ScoredRows:
        return self.rows.scored

    @property
    def n(self) -> int:
        """Return the number of rows that the model is judged on."""
        return len(self.scored)

    @property
    def metrics(self) -> dict[str, Any]:
        """Return what `eval --json` reports of these rows."""
        return self.subject.judged.metrics

    def estimate(self, name: str) -> tuple[float, float, float]:
        """Return the value of a metric that `eval` reports, and the ends of its interval, which are the value itself
        where it has none."""
        one = self.metrics["metrics"][name]
        low, high = one["interval"] or (one["value"],) * 2
        return one["value"], low, high

    @property
    def is_vague(self) -> bool:
        """Tell whether the rows are too few to know the accuracy well: what is not found by so few may be there."""
        _, low, high = self.estimate("accuracy")
        return high - low > WIDE

    @functools.cached_property
    def commonest(self) -> str:
        """Return the class that most of the rows have."""
        return self.model.classes[int(np.bincount(self.scored.y).argmax())]

    @functools.cached_property
    def _prepared(self) -> tuple[Prepared | None, str]:
        try:
            return prepare_again(self.model, self.subject.provenance, self.subject.file), ""
        except NncliError as error:
            return None, f"{error.where}: {error.problem}"

    @property
    def prepared(self) -> Prepared | None:
        """Return the data of the training run; None where they cannot be read any more, as `not_prepared` says."""
        return self._prepared[0]

    @property
    def not_prepared(self) -> str:
        return self._prepared[1]

    @functools.cached_property
    def data(self) -> DataReport | None:
        """Return what `check` says of the data of the training run."""
        return None if self.prepared is None else check_prepared(self.prepared, self.flattering)

    @functools.cached_property
    def flattering(self) -> list[str]:
        """Say by which columns or near copies a random split flatters, if the data can be read."""
        return [] if self.prepared is None else random_split_flatters(self.prepared)

    @functools.cached_property
    def seen(self) -> tuple[int, int, bool] | None:
        """Count the rows whose values are those of a row that trained the model, and of a validation row, and tell
        whether that is exact; None where it is not known."""
        rows, known = hash_rows(self.rows.table.take(self.rows.rows)), self.subject.provenance
        if self.prepared is not None:
            return self.prepared.hashes.in_training(rows), 0, True
        if not known.row_hashes:
            return None
        seen, exact = trained_on(rows, known.row_hashes)
        return seen, trained_on(rows, known.val_row_hashes)[0], exact

    @functools.cached_property
    def reference(self) -> tuple[dict[str, Any] | None, str]:
        """Return the comparison with a model of another kind on the test rows: that of training, or else with logistic
        regression, if it takes little time; None, and why, where there is none."""
        if self.figures["reference"] is not None:
            return self.figures["reference"], ""
        if self.prepared is None:
            return None, self.not_prepared
        try:
            return compare_with_linear(self.prepared, self.model), ""
        except NncliError as error:
            return None, error.problem

    @functools.cached_property
    def importances(self) -> Importances | None:
        """Return how much each column matters, on some of the rows; None of too many columns."""
        if self.n_shuffled > MOST_COLUMNS or self.n < 2:
            return None
        picked = evenly(self.n, self.n_of_importances)
        some = rows_of(self.scored, picked)
        metric, orders = metric_for(suited(self.model), some), permutations(len(picked), IMPORTANCE_REPEATS)
        return importances(self.model, self.rows.table.take(self.rows.rows[picked]), some, metric, orders)

    @property
    def n_shuffled(self) -> int:
        """Return the number of columns whose importance is looked for."""
        names = len(self.model.schema.names)
        return min(names, MOST_SHUFFLED) if is_sparse(self.rows.table.numbers) else names

    @property
    def n_of_importances(self) -> int:
        """Return the number of rows that importance is of."""
        affordable = max(FEWEST_ROWS, SHUFFLED_CELLS // self.n_shuffled)
        return min(self.n, IMPORTANCE_ROWS, affordable)

    @property
    def no_importances(self) -> str:
        """Say why there are none, and how to get them."""
        if self.n < 2:
            return "One row is too few to tell which columns matter."
        columns = counted(len(self.model.schema.names), "column")
        return f"That would take long for {columns}. This does it: nncli explain {shlex.quote(self.subject.file)}"

    @property
    def has_sparse_inputs(self) -> bool:
        """Tell whether most inputs of a row are 0, as those of texts are."""
        return self.model.preprocess.words is not None or is_sparse(self.rows.table.numbers)

    @property
    def importance_rows(self) -> str:
        """Say which rows importance is of."""
        n = self.n_of_importances
        return f"{n:,} of {counted(self.n, 'row')}" if n < self.n else counted(n, "row")

    @property
    def image_shape(self) -> tuple[int, ...] | None:
        """Return the shape of a row that is a picture, or None."""
        return image_shape(self.model)

    def columns_that_matter(self, most: int) -> list[str]:
        """Return the columns without which the answers get worse for sure, the most important first; no pixels, which
        nobody knows by name."""
        known = [] if self.importances is None or self.image_shape else self.importances.columns
        return [one.column for one in known if one.interval is not None and one.interval[0] > 0][:most]

    @functools.cached_property
    def groups(self) -> dict[str, list[Group]]:
        """Return the groups of rows by the columns that matter most, and then by those of texts and of few numbers,
        however little they matter to the model: people ask for them."""
        words = self.model.preprocess.columns_of_words
        first = [name for name in self.columns_that_matter(MATTER) if name not in words]
        names = [] if is_sparse(self.rows.table.numbers) else self.model.schema.names  # those without names mean little
        others = [name for name in names if name not in first and not self.no_groups(name)]
        return mistakes_by_group(self.rows, [] if self.image_shape else [*first, *others][:MOST_GROUPED])

    def no_groups(self, name: str) -> str:
        """Say why a column that is not sure to matter makes no groups; nothing where it does: texts do, and numbers of
        which there are few."""
        table = self.rows.table
        if is_sparse(table.numbers):  # of which there may be very many
            return "numbers that are not sure to matter"
        names = self.model.schema.of_kind("number")
        if name in self.model.preprocess.columns_of_words:
            return "texts that are read as words"
        if name in table.dates:
            return "dates that are not sure to matter"
        if is_text := name in table.texts:
            values = table.texts[name].codes[self.rows.rows]
        else:
            values = table.numbers[self.rows.rows, (table.number_names or names).index(name)]
        kinds = len(np.unique(values))
        if kinds < 2:
            return "the same value in all rows"
        if is_text:
            return "" if kinds <= MOST_CATEGORIES else f"more than {MOST_CATEGORIES} categories"
        return "" if kinds <= FEW_NUMBERS else "numbers that are not sure to matter"


def rows_of(scored: ScoredRows, at: NDArray[np.int64]) -> ScoredRows:
    """Return some of the rows."""
    groups = None if scored.groups is None else scored.groups[at]
    return dataclasses.replace(
        scored, y=scored.y[at], predicted=scored.predicted[at], logits=scored.logits[at], groups=groups
    )


def evenly(n: int, most: int) -> NDArray[np.int64]:
    """Return the positions of at most so many of n rows, evenly spaced."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).astype(np.int64))


def between(low: float, high: float) -> str:
    """Write an interval of shares."""
    return f"95 % interval {percent(low)} to {percent(high)}"
