"""The figures of a report beside the baseline and the reference, and the pictures of them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from nncli.errors import DataError, OptionError, listing
from nncli.figures.all_kinds import FIGURES, OfModel, Subject, build_of_model
from nncli.figures.importance import MOST_COLUMNS, figure_of_importances
from nncli.inference.metrics import shown
from nncli.metrics.definitions import METRICS
from nncli.metrics.metric import Metric
from nncli.report.document import Block, Drawing, Folded, Listing, Paragraph, Section
from nncli.report.evidence import Evidence
from nncli.report.what_helps import is_blend, searched
from nncli.system.output import counted, in_quotes, number, percent, shortened
from nncli.training.reference import REFERENCES

MOST_CLASSES = 20  # that are listed, those with the lowest F1
EFFECTS = 3  # columns whose effect is drawn
AVERAGES = {"macro": "the mean over the classes", "weighted": "the mean over the classes, each by its number of rows"}
MAIN = ("accuracy", "balanced-accuracy", "log-loss", "cost", "precision", "recall")  # metrics that are not folded
ROC = (
    "How well the model puts the rows of a class before the others. Take any row of the class and any other row: the "
    "area below the line is how often the first gets the higher score, where 1 is perfect and 0.5 is guessing"
)
PR = (
    "To the right, more of the rows of a class are found; upwards, more of those that are named really are of it. The "
    "later the line falls, the better: the area below it is 1 if the model is perfect"
)
CALIBRATION = (
    "Can its probabilities be believed? A point stands for rows of which the model is about as sure: to the right, how "
    "sure it says it is, and upwards, how often it is right. On the dashed line both are the same: of 100 answers of "
    "which it is 80 % sure, 80 are right. Below the line it claims more than it keeps, and above it keeps more. The "
    "upright lines are 95 % intervals."
)
THRESHOLD = (
    "At each threshold, how many of the rows named are right (precision), and how many of the class are found (recall)."
)


def figures_section(of: Evidence) -> Section:
    """Write what `eval` reports, with intervals, and the figures of each class; those of less weight are folded."""
    metrics = {name: METRICS.create(name) for name in shown(of.metrics)}
    main = {name: one for name, one in metrics.items() if one.name in MAIN or name == of.model.metric}
    more = {name: one for name, one in metrics.items() if name not in main}
    said = f"These figures are of {of.subject.judged.of}. Other rows of the same kind would give slightly other ones: "
    said += "the interval says how sure a figure is, and about 95 of 100 such intervals contain the true figure. "
    said += "Beside them is what one gets without a model, by always predicting the most frequent class"
    said += ", or for the cost the class that costs least." if "cost" in of.metrics["metrics"] else "."
    notes = [note.removeprefix("warning: ") for note in of.subject.notes]
    blocks: list[Block] = [Paragraph(said), *(Paragraph(f"{note[:1].upper()}{note[1:]}.") for note in notes)]
    blocks += [_figures(of, main, "Figures"), _classes(of), _meanings(of, main, "What the figures say")]
    if more:
        folded = _figures(of, more, "More figures"), _meanings(of, more, "What these figures say")
        blocks.append(Folded(f"{counted(len(more), 'more figure')}, for those who know them", folded))
    return Section("How good it is", tuple(blocks))


def _figures(of: Evidence, metrics: Mapping[str, Metric], caption: str) -> Listing:
    """List figures beside those of always one answer and of the reference, where these have any."""
    reference, rows = of.reference[0], list[tuple[str, ...]]()
    header = ["figure", "this model", "95 % interval", "always one answer"]
    for name, metric in metrics.items():
        one, write = of.metrics["metrics"][name], percent if metric.in_percent else number
        constant, beside = _of_one_answer(of, metric), None
        if reference is not None:
            by = reference["metric"] or {"name": None}
            beside = {"accuracy": reference["accuracy"], by["name"]: by.get("value")}.get(name)
        rows.append((
            metric.label(of.metrics["positive"]),
            "not defined" if one["value"] is None else write(one["value"]),
            " to ".join(map(write, one["interval"] or ())),
            "" if constant is None else write(constant),
            "" if beside is None else write(beside),
        ))  # fmt: skip
    if reference is not None:
        header.append(f"{REFERENCES[reference['name']]}{' on the rows of the training run' * bool(of.subject.source)}")
    kept = [k for k in range(len(header)) if k < 3 or any(row[k] for row in rows)]
    titles = tuple(header[k] for k in kept)
    return Listing(titles, tuple(tuple(row[k] for k in kept) for row in rows), frozenset(titles[1:]), caption)


def _meanings(of: Evidence, metrics: Mapping[str, Metric], caption: str) -> Listing:
    """Say in everyday words what figures are."""
    found = {metric.title: metric.meaning for metric in metrics.values()}
    if "log-loss" in metrics and of.estimate("log-loss")[0] is not None:
        loss, p = of.estimate("log-loss")[0], np.bincount(of.scored.y) / of.n
        guessing = -float((p[p > 0] * np.log(p[p > 0])).sum())
        found[metrics["log-loss"].title] += (
            f". {number(loss)} is as if it gave the true class of every row {_of_loss(loss)}; guessing by how frequent "
            f"each class is comes to {_of_loss(guessing)}"
        )
    labels = [metric.label(of.metrics["positive"]) for metric in metrics.values()]
    found |= {name: said for name, said in AVERAGES.items() if any(label.endswith(f", {name}") for label in labels)}
    return Listing(("figure", "what it says"), tuple(found.items()), caption=caption)


def _of_loss(loss: float) -> str:
    """Say which probability has this log loss, p = e^−loss."""
    return f"a probability of {100 * math.exp(-loss):.0f} %"


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
    """Draw the figures that fit the model, each with a sentence that says what it shows; some are folded."""
    captions = {"confusion": _confusion(of), "calibration": CALIBRATION}
    of_less_weight = {
        "roc": _area(of, "roc-auc", ROC),
        "pr": _area(of, "average-precision", PR),
        "threshold": THRESHOLD,
        "curve": _curve(of),
    }
    drawn, more = (
        [one for one in (draw(of.subject, name, said) for name, said in its.items()) if one is not None]
        for its in (captions, of_less_weight)
    )
    folded = [Folded(f"{counted(len(more), 'more picture')}: {listing([_lower(one) for one in more])}", tuple(more))]
    return Section("Pictures", (*drawn, *(folded if more else [])))


def _lower(drawing: Drawing) -> str:
    title = drawing.figure.title
    return title if title.isupper() else title[:1].lower() + title[1:]


def draw(subject: Subject, name: str, caption: str) -> Drawing | None:
    """Draw a figure; None where it does not fit the model or the rows."""
    kind = FIGURES.create(name)
    assert isinstance(kind, OfModel)
    try:
        figure = build_of_model(kind, subject)
    except (OptionError, DataError):
        return None
    title = figure.title.removesuffix(f", {subject.judged.of}")  # the page says once which rows they are
    return Drawing(dataclasses.replace(figure, title=title.partition(f" of {subject.file} (")[0]), caption)


def _confusion(of: Evidence) -> str:
    classes = of.metrics["classes"]
    wrong = [(true, said, n) for true, said, n in of.metrics["confusion_counts"] if true != said]
    if not wrong:
        return f"All {of.n:,} rows are on the diagonal: the model is right for all of them."
    true, said, n = max(wrong, key=lambda one: one[2])
    names = (in_quotes(shortened(classes[k])) for k in (true, said))
    total = sum(one[2] for one in wrong)
    said = "A line has the rows that really are of one class; a column, those that the model puts into one. Blue ones "
    said += "are right and brown ones wrong; the stronger the colour, the larger the share of the line. The most "
    said += f"frequent of {counted(total, 'mistake')}: {counted(n, 'row')} of class "
    return said + "{}, predicted {}.".format(*names)


def _area(of: Evidence, name: str, what: str) -> str:
    one = of.metrics["metrics"][name]
    if one["value"] is None:
        return f"{what}."
    ends = f" (95 % interval {' to '.join(map(number, one['interval']))})" if one["interval"] else ""
    return f"{what}. Here it is {number(one['value'])}{ends}."


def of_search(of: Evidence) -> str:
    """Say what the curve of a search shows; nothing for one of a training run."""
    return f"How good each network is by itself, at its best epoch. {searched(of)}" if is_blend(of) else ""


def _curve(of: Evidence) -> str:
    if is_blend(of):
        return of_search(of)
    p = of.subject.provenance
    said = "How training went: an epoch is one pass over the training rows, and the loss is what training makes small. "
    if not np.isnan(p.history[:, 2]).all():
        said += "The validation rows are kept from it: where their line rises while that of the training rows falls, "
        said += "the model learns rows by heart. "
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
    if found.left_out:
        text += f" Of {len(found.columns) + found.left_out:,} columns, {found.say_left_out()}."
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
    numbers = Listing(header, rows, frozenset(header[1:]))
    blocks: list[Block] = [Paragraph(text), Drawing(figure, caption), Folded("The numbers of this picture", (numbers,))]
    for name in of.columns_that_matter(EFFECTS):
        caption = f"What the model would say if all rows had the same value of {in_quotes(shortened(name))}, one value "
        caption += "after another: its mean, and how far single rows are from it."
        drawing = draw(of.subject.asked_for(name), "effect", caption)
        blocks += [drawing] if drawing else []
    return Section(title, tuple(blocks))
