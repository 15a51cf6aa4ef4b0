"""The figures of a report beside the baseline and the reference, and the pictures of them."""

from __future__ import annotations

import dataclasses

import numpy as np

from nncli.errors import DataError, OptionError
from nncli.figures.all_kinds import FIGURES, OfModel, Subject, build_of_model
from nncli.figures.importance import MOST_COLUMNS, figure_of_importances
from nncli.metrics.definitions import METRICS
from nncli.metrics.metric import Metric
from nncli.report.document import Block, Drawing, Listing, Paragraph, Section
from nncli.report.evidence import Evidence
from nncli.system.output import counted, in_quotes, number, percent, shortened
from nncli.training.reference import REFERENCES

MOST_CLASSES = 20  # that are listed, those with the lowest F1
EFFECTS = 3  # columns whose effect is drawn
AVERAGES = {"macro": "the mean over the classes", "weighted": "the mean over the classes, each by its number of rows"}
ROC = (
    "How well the model puts the rows of a class before all others: the area below the line is 1 if it is perfect, and "
    "0.5 if it guesses"
)
PR = (
    "The more rows of a class are to be found (to the right), the fewer of those named are right (downwards): the area "
    "below the line is 1 if the model is perfect"
)
CALIBRATION = (
    "Points on the diagonal: the model is right as often as it says, for 80 % of the rows where it is 80 % sure. "
    "Points below it: the model is too sure of itself."
)
THRESHOLD = (
    "At each threshold, how many of the rows named are right (precision), and how many of the class are found (recall)."
)


def figures_section(of: Evidence) -> Section:
    """Write what `eval` reports, with intervals, and the figures of each class."""
    reference = of.reference[0]
    header = ["figure", "this model", "95 % interval", "always one answer"]
    if reference is not None:
        of_training = " on the rows of the training run" if of.subject.source else ""
        header.append(f"{REFERENCES[reference['name']]}{of_training}")
    rows = []
    for name, one in of.metrics["metrics"].items():
        metric = METRICS.create(name)
        write = percent if metric.in_percent else number
        constant = _of_one_answer(of, metric)
        cells = [
            metric.label(of.metrics["positive"]),
            "not defined" if one["value"] is None else write(one["value"]),
            " to ".join(map(write, one["interval"] or ())),
            "" if constant is None else write(constant),
        ]
        if reference is not None:
            by = reference["metric"] or {"name": None}
            beside = {"accuracy": reference["accuracy"], by["name"]: by.get("value")}.get(name)
            cells.append("" if beside is None else write(beside))
        rows.append(tuple(cells))
    said = f"These figures are of {of.subject.judged.of}. Other rows of the same kind would give slightly other ones: "
    said += "the interval says how sure a figure is, and about 95 of 100 such intervals contain the true figure. "
    said += "Beside them is what one gets without a model, by always predicting the most frequent class"
    said += ", or for the cost the class that costs least." if "cost" in of.metrics["metrics"] else "."
    listing = Listing(tuple(header), tuple(rows), frozenset(header[1:]), "Figures")
    found = {metric.title: metric.meaning for metric in map(METRICS.create, of.metrics["metrics"])} | AVERAGES
    meanings = Listing(("figure", "what it says"), tuple(found.items()), caption="What the figures say")
    notes = [Paragraph(f"{note.removeprefix('warning: ')}.") for note in of.subject.notes]
    return Section("How good it is", (Paragraph(said), *notes, listing, _classes(of), meanings))


def _of_one_answer(of: Evidence, metric: Metric) -> float | None:
    """Return the value of a metric where all rows have the same answer: the most frequent class, or for the cost the
    cheapest one; None of a metric of more than the predicted classes."""
    if metric.name in of.metrics["baseline"]:
        found: float | None = of.metrics["baseline"][metric.name]
        return found
    rows = dataclasses.replace(of.scored, predicted=np.full(of.n, np.bincount(of.scored.y).argmax())).oriented
    return None if metric.needs != "classes" or metric.problem(rows) else metric.value(rows)


def _classes(of: Evidence) -> Listing:
    """List the figures of each class; of many, of the worst."""
    classes, caption = [*of.metrics["per_class"].items()], "By class"
    if len(classes) > MOST_CLASSES:
        caption = f"The {MOST_CLASSES} of {len(classes):,} classes with the lowest F1"
        classes = sorted(classes, key=lambda one: (one[1]["f1"] is None, one[1]["f1"]))[:MOST_CLASSES]
    rows = tuple(
        (name, f"{its['n']:,}", *(percent(its[key]) for key in ("precision", "recall")), f"{its['f1']:.4f}")
        if its["n"]
        else (name, "0", "", "", "")
        for name, its in classes
    )
    header = "class", "rows", "precision", "recall", "F1"
    return Listing(header, rows, frozenset(header[1:]), caption)


def pictures(of: Evidence) -> Section:
    """Draw the figures that fit the model, each with a sentence that says what it shows."""
    captions = {
        "confusion": _confusion(of),
        "roc": _area(
            of,
            "roc-auc",
            ROC,
        ),
        "pr": _area(
            of,
            "average-precision",
            PR,
        ),
        "calibration": CALIBRATION,
        "threshold": THRESHOLD,
        "curve": _curve(of),
    }
    drawn = [draw(of.subject, name, caption) for name, caption in captions.items()]
    return Section("Pictures", tuple(one for one in drawn if one is not None))


def draw(subject: Subject, name: str, caption: str) -> Drawing | None:
    """Draw a figure; None where it does not fit the model or the rows."""
    kind = FIGURES.create(name)
    assert isinstance(kind, OfModel)
    try:
        return Drawing(build_of_model(kind, subject), caption)
    except (OptionError, DataError):
        return None


def _confusion(of: Evidence) -> str:
    classes = of.metrics["classes"]
    wrong = [(true, said, n) for true, said, n in of.metrics["confusion_counts"] if true != said]
    if not wrong:
        return f"All {of.n:,} rows are on the diagonal: the model is right for all of them."
    true, said, n = max(wrong, key=lambda one: one[2])
    names = (in_quotes(shortened(classes[k])) for k in (true, said))
    total = sum(one[2] for one in wrong)
    said = (
        "How many rows of each class (beside the figure) the model puts into which class (below it): on the diagonal "
    )
    said += f"it is right. The most frequent of {counted(total, 'mistake')}: {counted(n, 'row')} of class "
    return said + "{}, predicted {}.".format(*names)


def _area(of: Evidence, name: str, what: str) -> str:
    one = of.metrics["metrics"][name]
    if one["value"] is None:
        return f"{what}."
    ends = f" (95 % interval {' to '.join(map(number, one['interval']))})" if one["interval"] else ""
    return f"{what}. Here it is {number(one['value'])}{ends}."


def _curve(of: Evidence) -> str:
    p = of.subject.provenance
    said = "How training went: an epoch is one pass over the training rows. "
    return f"{said}Epoch {p.best_epoch:,} of {len(p.history):,} was kept."


def importance_section(of: Evidence) -> Section:
    """List how much worse the answers get without each column, and draw the effect of the first few."""
    title, found = f"Which {'pixels' if of.image_shape else 'columns'} matter", of.importances
    if found is None:
        return Section(title, (Paragraph(of.no_importances),))
    metric = found.metric.label(of.metrics["positive"])
    text = (
        "A column matters to the model if its answers get worse once the values of the column are shuffled among the "
    )
    text += f"rows, so that they say nothing any more. Importance is how much worse the {metric} gets, on "
    text += f"{of.importance_rows}. Where its interval contains 0, the column may do nothing."
    rows = tuple(
        (one.column, f"{one.importance:.4f}", " to ".join(f"{end:.4f}" for end in one.interval or ()))
        for one in found.columns[:MOST_COLUMNS]
    )
    header = "column", "importance", "95 % interval"
    figure = figure_of_importances(found, of.model, of.metrics["positive"], of.importance_rows)
    if of.image_shape:
        caption = "The bluer a pixel, the more the model relies on it; brown ones seem to do harm, mostly by chance."
        return Section(title, (Drawing(figure, caption),))
    caption = (
        "The further to the right, the more the model relies on the column; one whose line crosses 0 may do nothing."
    )
    blocks: list[Block] = [Paragraph(text), Drawing(figure, caption), Listing(header, rows, frozenset(header[1:]))]
    for name in of.columns_that_matter(EFFECTS):
        caption = (
            f"What the model would say on average if all rows had the same value of {in_quotes(shortened(name))}, "
        )
        caption += "one value after another."
        drawing = draw(of.subject.asked_for(name), "effect", caption)
        blocks += [drawing] if drawing else []
    return Section(title, tuple(blocks))
