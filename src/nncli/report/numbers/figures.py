"""The figures of a model of numbers beside the baselines and the reference, and its pictures."""

from __future__ import annotations

from nncli.metrics.definitions import METRICS
from nncli.metrics.metric import Metric
from nncli.report.document import Listing, Paragraph, Section
from nncli.report.how_good import draw, of_search
from nncli.report.numbers.evidence import EvidenceOfNumbers
from nncli.system.output import percent, quantity
from nncli.training.reference_of_numbers import NAMES

PREDICTED = (
    "Each mark is a row: the true number to the right, and what the model predicts upwards. On the diagonal it is "
    "right; the farther a mark is from it, the farther off."
)
RESIDUALS = (
    "How far each prediction is too high (above 0) or too low (below), and how many rows are that far off. A bend says "
    "that something can still be learned; a funnel, that some predictions are less sure than others."
)


def write(metric: Metric, value: float | None) -> str:
    """Write a figure: in the unit of the target, or R²."""
    if value is None:
        return "not defined"
    return f"{value:.4f}" if metric.name == "r2" else quantity(value)


def figures_of_numbers(of: EvidenceOfNumbers) -> Section:
    """Write what `eval` reports, with intervals, beside always one answer and the reference."""
    reference = of.reference[0]
    header = ["figure", "this model", "95 % interval", "always the mean", "always the median"]
    if reference is not None:
        of_training = " on the rows of the training run" if of.subject.source else ""
        header.append(f"{NAMES[reference['name']]}{of_training}")
    rows, metrics = [], {name: METRICS.create(name.replace("_", "-")) for name in of.metrics["metrics"]}
    for name, metric in metrics.items():
        one = of.metrics["metrics"][name]
        cells = [metric.title, write(metric, one["value"])]
        cells.append(" to ".join(write(metric, end) for end in one["interval"] or ()))
        cells += [write(metric, of.metrics["baseline"][guess].get(name)) for guess in ("mean", "median")]
        if reference is not None:
            cells.append(write(metric, reference.get(name)))
        rows.append(tuple(cells))
    said = f"These figures are of {of.subject.judged.of}. Other rows of the same kind would give slightly other ones: "
    said += "the interval says how sure a figure is, and about 95 of 100 such intervals contain the true figure. "
    said += "Beside them is what one gets without a model, by always predicting the mean or the median of the training "
    said += "rows."
    listing = Listing(tuple(header), tuple(rows), frozenset(header[1:]), "Figures")
    meanings = tuple((metric.title, metric.meaning) for metric in metrics.values())
    notes = [Paragraph(f"{note.removeprefix('warning: ')}.") for note in of.subject.notes]
    about = Listing(("figure", "what it says"), meanings, caption="What the figures say")
    return Section("How good it is", (Paragraph(said), *notes, listing, *_interval(of), about))


def _interval(of: EvidenceOfNumbers) -> list[Paragraph]:
    """Say how wide an interval around a prediction is, and how many rows it holds."""
    found = of.metrics["interval"]
    if found is None:
        return []
    low, high = map(percent, found["coverage_interval"])
    said = f"Prediction ± {quantity(found['half_width'])} is an interval that should hold {percent(found['share'])} of "
    said += f"the rows; it holds {percent(found['coverage'])} of these (95 % interval {low} to {high})."
    return [Paragraph(said)]


def pictures_of_numbers(of: EvidenceOfNumbers) -> Section:
    """Draw predicted against true numbers, errors, and how training went."""
    p = of.subject.provenance
    curve = "How training went: an epoch is one pass over the training rows. "
    curve += f"Epoch {p.best_epoch:,} of {len(p.history):,} was kept."
    captions = {"predicted": PREDICTED, "residuals": RESIDUALS, "curve": of_search(of) or curve}
    drawn = [draw(of.subject, name, caption) for name, caption in captions.items()]
    return Section("Pictures", tuple(one for one in drawn if one is not None))
