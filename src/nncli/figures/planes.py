"""Figures of rows on a plane: the boundary between classes over two columns, and the last hidden layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Table, TextColumn
from nncli.data.sparse_numbers import SparseNumbers, is_sparse, with_column
from nncli.errors import DataError, OptionError, did_you_mean
from nncli.explain.retraining import parameters_by_epoch
from nncli.figures.bands import Bands
from nncli.figures.figure import Axis, Figure, Floats, Line, Panel, Points, Regions
from nncli.figures.kinds import FIGURES, OfModel, Problem, Subject, hidden_layer
from nncli.figures.straight_border import (
    BORDER,
    MARGIN,
    StraightBorder,
    earlier_borders,
    has_straight_border,
    signed_score,
)
from nncli.model.model import Model
from nncli.model.network import EVAL_ROWS
from nncli.system.output import in_quotes

GRID = (48, 64)  # places at which the model is asked, up and across
CURVE = 200  # places of a curve
ROOM = 0.15  # around the rows, to see the plane beyond them
TSNE, FEWEST_ROWS = "tsne", 10
MOST_ROWS, MOST_CLASSES = 500, 10  # that can be told apart


@dataclass(frozen=True)
class Plane:
    """Rows on a plane: their places (n, 2), what its two directions are, and the scores of the model at places."""

    at: Floats
    titles: tuple[str, ...]
    scores: Callable[[Floats], NDArray[Any]]
    unit: Floats  # (2,), how far along each direction an input of the network is 1 more
    note: str = ""


def few_classes(of: Subject) -> Problem:
    """Say what is wrong unless the classes can be told apart by colour."""
    K = len(of.model.classes)
    return None if K <= MOST_CLASSES else (f"expected at most {MOST_CLASSES} classes, found {K:,}", "Use confusion")


@FIGURES.register("boundary")
class Boundary(OfModel):
    """classes or numbers over two columns, or two components"""

    needs = (few_classes,)
    most_columns = 2
    judges = False
    of_numbers = True

    def build(self, of: Subject) -> Figure:
        if (name := _only_column(of)) is not None:
            return fitted_curve(of, name)
        model = of.model
        if of.epochs_shown and not has_straight_border(model):
            problem = "it needs a linear model of two classes, whose border is a straight line"
            raise OptionError("epochs_shown", problem, "Leave it out")
        names = _two_columns(of)
        is_straight = has_straight_border(model) and (names is None or model.preprocess.is_affine)
        if of.epochs_shown and not is_straight:
            problem = f"the scaling {model.preprocess.scaling} bends the columns, and with them the border"
            raise OptionError("epochs_shown", problem, "Leave it out")
        judged = of.judged
        picked = evenly(len(judged.rows.y))
        rows = judged.rows.table.take(judged.rows.rows[picked])
        plane = _of_components(model, rows) if names is None else _of_columns(model, rows, names)
        x, y = (Axis.around(title, plane.at[:, i], room=ROOM, is_amount=False) for i, title in enumerate(plane.titles))
        across, up = (
            axis.low + (axis.high - axis.low) * (np.arange(n) + 0.5) / n for axis, n in ((x, GRID[1]), (y, GRID[0]))
        )
        Z = plane.scores(np.stack(np.meshgrid(across, up), axis=2).reshape(-1, 2))
        known, notes = np.isfinite(plane.at).all(axis=1), [said(len(picked), len(judged.rows.y)), plane.note]
        y_known = judged.rows.y[picked][known]
        if model.target is not None:
            bands = Bands.of(judged.rows.y)
            shade = bands.places(model.numbers(Z)).reshape(GRID)
            marks, regions = bands.points(plane.at[known], y_known), Regions(shade, np.ones(GRID), bands.names)
            notes.append(f"a row has the colour of its true {model.schema.target}, its place that of the predicted one")
        else:
            marks, regions = rows_by_class(plane.at[known], y_known, model.classes), _regions(model, Z)
        border = _straight_border(of, plane, x, y, marks) if is_straight else []
        what = " and ".join(names or ["two principal components"])
        title = f"{'Classes' if model.target is None else model.schema.target} by {what}, {judged.of}"
        return Figure(title, (Panel(x, y, (regions, *border, *marks)),), tuple(filter(None, notes)))


def _straight_border(of: Subject, plane: Plane, x: Axis, y: Axis, marks: Sequence[Points]) -> list[Line]:
    """Return the border of a linear model as lines, with its weights, and the margin of rows that are all right."""
    model = of.model

    def z(at: Floats) -> Floats:
        return signed_score(model, plane.scores(at))

    found = list[Line]()
    if of.epochs_shown:
        by_epoch = parameters_by_epoch(model, of.provenance, of.file)
        found += earlier_borders(model, by_epoch, of.epochs_shown, z, x, y)
    border = StraightBorder.of(z, x, y)
    if border is None or not len(border.level()):  # it is outside
        return found
    found += [border.line(border.level(), BORDER), *border.arrow(plane.unit)]
    if model.preprocess.width == 2:  # on any other plane, rows lie before it and behind it
        signed = np.concatenate(
            [(1 if one.name == model.classes[1] else -1) * z(np.stack([one.x, one.y], 1)) for one in marks]
        )
        if (margin := float(signed.min())) > 0:
            ends = [border.level(-margin), np.full((1, 2), np.nan), border.level(margin)]
            found.append(border.line(np.concatenate(ends), MARGIN, dashed=True))
    return found


def _only_column(of: Subject) -> str | None:
    """Return the column of numbers over which a model of numbers is a curve: the one that is asked for, or there is."""
    numbers, asked = of.model.schema.of_kind("number"), of.columns or of.model.schema.names
    is_curve = of.model.target is not None and len({*asked}) == 1 and not of.epochs_shown
    return asked[0] if is_curve and asked[0] in numbers else None


def fitted_curve(of: Subject, name: str) -> Figure:
    """Draw what a model of numbers predicts over a column, with the rows; all other columns are what they mostly
    are."""
    judged, model = of.judged, of.model
    picked = evenly(len(judged.rows.y))
    rows = judged.rows.table.take(judged.rows.rows[picked])
    plane = _of_columns(model, rows, (name,))
    at, y = plane.at[:, 0], judged.rows.y[picked].astype(np.float64)
    x = Axis.around(name, at, room=ROOM, is_amount=False)
    across = np.linspace(x.low, x.high, CURVE)
    curve = model.numbers(plane.scores(across[:, None]))
    known = np.isfinite(at)
    up = Axis.around(model.schema.target, y[known], curve, is_amount=False)
    marks = Line(across, curve, "predicted"), Points(at[known], y[known], "row, its true number")
    notes = tuple(filter(None, [said(len(picked), len(judged.rows.y)), plane.note]))
    return Figure(f"{model.schema.target} by {name}, {judged.of}", (Panel(x, up, marks),), notes)


def _two_columns(of: Subject) -> tuple[str, str] | None:
    """Return the columns that are asked for, or the only two; None for principal components of all."""
    numbers = of.model.schema.of_kind("number")
    for name in of.columns:
        if name not in numbers:
            problem = f"boundary: the model has no column of numbers {in_quotes(name)}"
            raise OptionError("figure", problem, did_you_mean(name, numbers, listed="columns of numbers"))
    if len(set(of.columns)) == 2:
        return of.columns[0], of.columns[1]
    if of.columns:
        raise OptionError("figure", "boundary: expected two columns, found one", "Name another, or none")
    if len(of.model.schema.columns) < 2:
        remedy = "Use another figure, such as confusion"
        raise OptionError("figure", "boundary: expected a model of two columns or more, found one", remedy)
    if len(numbers) != 2 and (words := of.model.preprocess.columns_of_words):
        problem = (
            f"boundary: column {in_quotes(words[0])} is read as words, of too many inputs for a plane of components"
        )
        remedy = "Name two columns of numbers" if len(numbers) > 2 else "Use another figure, such as confusion"
        raise OptionError("figure", problem, remedy)
    return (numbers[0], numbers[1]) if len(numbers) == 2 else None


def _of_columns(model: Model, rows: Table, names: tuple[str, ...]) -> Plane:
    """Return the plane of two columns of numbers, or the line of one; on it, all others are what they mostly are."""
    numbers = model.preprocess.number_names or model.schema.of_kind("number")
    places, sparse = [numbers.index(name) for name in names], is_sparse(rows.numbers)

    def scores(at: Floats) -> NDArray[Any]:
        cells: Any = np.full((len(at), 0 if sparse else len(numbers)), np.nan)  # a missing one counts as the median
        if sparse:
            cells = SparseNumbers.repeated(model.preprocess.median, len(at))
        for place, values in zip(places, at.T, strict=True):
            cells = with_column(cells, place, values, "float64")
        words = model.preprocess.columns_of_words
        texts = {name: _most_frequent(column, len(at)) for name, column in rows.texts.items() if name not in words}
        texts |= {name: TextColumn(np.full(len(at), -1), ()) for name in words}
        dates = {name: np.full(len(at), np.nan) for name in rows.dates}
        return model.scores(Table(rows.number_names, cells, texts, dates))

    kinds = {
        "medians": len(numbers) > len(names) or rows.dates,
        "most frequent categories": model.preprocess.categories,
    }
    at_their = " or ".join(name for name, is_there in kinds.items() if is_there)
    note = f"the other columns are at their {at_their}" if at_their else ""
    if model.preprocess.words is not None:
        note += "; there is no text" if note else "there is no text"
    scale = model.preprocess.scale[places]
    unit = np.divide(1, scale, out=np.zeros(len(names)), where=scale != 0)  # a column that is constant is no input
    return Plane(rows.numbers[:, places].astype(np.float64), names, scores, unit, note)


def _most_frequent(column: TextColumn, n: int) -> TextColumn:
    """Return a column of n cells, all with the category that most cells of another have."""
    code = int(np.bincount(column.codes[:].astype(np.int64) + 1).argmax()) - 1
    return TextColumn(np.full(n, code), column.values)


def _of_components(model: Model, rows: Table) -> Plane:
    """Return the plane of the two principal components of the inputs."""
    refuse_sparse(rows.numbers, "boundary")
    inputs: Any = model.preprocess.transform(rows, model.network.dtype).slice(0, len(rows))
    found = PrincipalComponents.of(inputs.astype(np.float64))

    def scores(at: Floats) -> NDArray[Any]:
        inputs = (found.mean + at @ found.directions).astype(model.network.dtype)
        with np.errstate(all="ignore"):
            parts = [model.network.forward(inputs[i : i + EVAL_ROWS]).copy() for i in range(0, len(at), EVAL_ROWS)]
        return np.concatenate(parts)

    return Plane(found.at, found.titles, scores, np.ones(2), "the plane is that on which the inputs vary most")


def _regions(model: Model, Z: NDArray[Any]) -> Regions:
    """Shade a plane by the class that is predicted and how certain that is: (p − 1/K) / (1 − 1/K), 0 where all classes
    are as likely. Scores are taken as certain."""
    K, predicted = len(model.classes), model.predicted(Z)
    certainty = np.ones(len(predicted))
    if model.probabilistic:
        p = model.by_class(Z)[np.arange(len(predicted)), predicted].astype(np.float64)
        certainty = np.maximum((p - 1 / K) / (1 - 1 / K), 0)
    return Regions(predicted.reshape(GRID), certainty.reshape(GRID), model.classes)


@dataclass(frozen=True)
class PrincipalComponents:
    """The two directions (2, d) in which rows vary most, and their places (n, 2) along them from their mean (d,)."""

    mean: Floats
    directions: Floats
    at: Floats
    titles: tuple[str, str]

    @classmethod
    def of(cls, X: Floats) -> PrincipalComponents:
        """Find them for X (n, d) by its singular value decomposition. The largest entry of each is positive."""
        mean = X.mean(axis=0)
        _, sizes, found = np.linalg.svd(X - mean, full_matrices=False)
        directions, variances = np.zeros((2, X.shape[1])), np.zeros(2)
        k = min(2, len(found))
        directions[:k], variances[:k] = found[:k], sizes[:k] ** 2
        largest = directions[np.arange(2), np.abs(directions).argmax(axis=1)]
        directions *= np.where(largest < 0, -1, 1)[:, None]
        first, second = 100 * variances / (np.sum(sizes**2) or 1)
        titles = f"component 1, {first:.0f} % of the variance", f"component 2, {second:.0f} % of the variance"
        return cls(mean, directions, (X - mean) @ directions.T, titles)


@FIGURES.register("embedding")
class Embedding(OfModel):
    """last hidden layer by its principal components, or tsne"""

    needs = (hidden_layer,)
    most_columns = 1  # the word tsne
    of_numbers = True

    def build(self, of: Subject) -> Figure:
        if of.columns not in ((), (TSNE,)):
            problem = f"embedding: expected {TSNE} or nothing more, found {in_quotes(of.columns[0])}"
            raise OptionError("figure", problem)
        judged, model = of.judged, of.model
        picked = evenly(len(judged.rows.y))
        H = model.embed(judged.rows.table.take(judged.rows.rows[picked])).astype(np.float64)
        if of.columns:
            at, titles = neighbours(H, judged.of), ("t-SNE 1", "t-SNE 2")
        else:
            found = PrincipalComponents.of(H)
            at, titles = found.at, found.titles
        x, y = (Axis.around(title, at[:, i]) for i, title in enumerate(titles))
        notes = [said(len(picked), len(judged.rows.y))]
        if len(model.classes) > MOST_CLASSES:
            notes.append(f"the {MOST_CLASSES} classes with the most rows")
        title = f"Last hidden layer ({H.shape[1]} units), {judged.of}"
        of_rows = judged.rows.y[picked]
        if model.target is None:
            marks = rows_by_class(at, of_rows, model.classes)
        else:
            marks = Bands.of(judged.rows.y).points(at, of_rows)
            notes.append(f"a mark has the colour of the true {model.schema.target}")
        return Figure(title, (Panel(x, y, marks),), tuple(notes))


def neighbours(H: Floats, of: str) -> Floats:
    """Return places (n, 2) at which rows near one another in H (n, h) are so too, by t-SNE (van der Maaten, Hinton
    2008), from the principal components on; distances between groups mean little."""
    if len(H) < FEWEST_ROWS:
        raise DataError(of, f"expected at least {FEWEST_ROWS} rows for {TSNE}, found {len(H)}")
    from sklearn.manifold import TSNE as Method

    fitted = Method(init="pca", perplexity=min(30, (len(H) - 1) / 3), random_state=0).fit_transform(H)
    return np.asarray(fitted, np.float64)


def rows_by_class(at: Floats, y: NDArray[np.int64], classes: Sequence[str]) -> tuple[Points, ...]:
    """Return the points of each class, of many classes those with the most rows."""
    often = np.bincount(y, minlength=len(classes)).argsort(kind="stable")[::-1][:MOST_CLASSES]
    shown = [k for k in sorted(often.tolist()) if np.any(y == k)]
    return tuple(Points(at[y == k, 0], at[y == k, 1], classes[k]) for k in shown)


def refuse_sparse(numbers: Any, figure: str) -> None:
    """Raise OptionError for principal components of numbers that are stored sparse: they need all zeros."""
    if is_sparse(numbers):
        problem = f"{figure}: expected few columns for principal components, found {numbers.shape[1]:,} of sparse data"
        raise OptionError("figure", problem, "Name two columns, as c1 and c2, or plot columns")


def evenly(n: int, most: int = MOST_ROWS) -> NDArray[np.int64]:
    """Return the positions of at most so many of n rows, evenly spaced; or of as many as can be told apart."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).astype(np.int64))


def said(shown: int, n: int) -> str:
    """Say how many of the rows are shown."""
    return f"every mark is a row, {shown:,} of {n:,}" if shown < n else "every mark is a row"
