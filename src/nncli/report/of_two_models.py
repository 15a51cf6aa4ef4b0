"""The report of two models, side by side on the same rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from nncli.data.csv.header import TextOptions
from nncli.data.sources import Source
from nncli.errors import listing
from nncli.figures.kinds import Subject
from nncli.inference.compare import Comparison, compare_models
from nncli.metrics.definitions import METRICS
from nncli.metrics.paired import may_be_chance
from nncli.model.model import Model
from nncli.model.provenance import Provenance
from nncli.report.document import Finding, Listing, Paragraph, Report, Section
from nncli.report.evidence import Evidence
from nncli.report.findings import findings_in_order, sorted_findings
from nncli.report.how_good import figures_section, pictures
from nncli.report.model_card import model_card
from nncli.report.verdict import CONSTANT, out_of_100
from nncli.system.output import counted, number, percent

Loaded = tuple[str, Model, Provenance]


def report_of_two_models(loaded: tuple[Loaded, Loaded], source: Source, text: TextOptions, notes: list[str]) -> Report:
    """Compare two models on all rows of a source, or without one on their test rows, which must be the same. Raises
    what `compare_models` does."""
    found = compare_models(loaded, source, text)
    notes += found.notes
    names = _short_names(found.files)
    each = [Evidence(Subject(model, its, file, source, text=text, command="report")) for file, model, its in loaded]
    findings, useless = [_different(found, name, names) for name in found.figures], list[str]()
    for of_both in zip(*map(findings_in_order, each), strict=True):
        for name, one in zip(names, of_both, strict=True):
            if one.state != "passed":
                findings.append(dataclasses.replace(one, name=f"{one.title} ({name})"))
                useless += [name] if one.name == CONSTANT and one.state == "look" else []
    sections = [_differences(found, names), _agreement(each, names)]
    for name, evidence in zip(names, each, strict=True):
        for section in (figures_section(evidence), pictures(evidence), model_card(evidence)):
            sections.append(dataclasses.replace(section, title=f"{name}: {section.title}"))
    title = f"Report on {found.files[0]} and {found.files[1]}"
    return Report(title, _verdict(found, names, useless), sorted_findings(findings), tuple(sections))


def _short_names(files: tuple[str, str]) -> tuple[str, str]:
    """Return the names of two files without their folders, if those tell them apart."""
    short = Path(files[0]).name, Path(files[1]).name
    return short if short[0] != short[1] else files


def _verdict(found: Comparison, names: tuple[str, str], useless: list[str]) -> tuple[str, str, str]:
    """Say how good both are, on which rows, and which to take: of two that are better than always one answer, the one
    with the lower cost, or else with more right answers, if that is more than chance."""
    one, other = map(out_of_100, found.figures["accuracy"]["values"])
    good = f"Of 100 rows, {names[0]} is right for about {one}, and {names[1]} for {other}"
    if "cost" in found.figures:
        costs = map(number, found.figures["cost"]["values"])
        good += "; the mistakes of the first cost {} a row, those of the second {}".format(*costs)
    sure = f"Both were asked about the same {counted(found.n, 'row')}: {found.evaluated_on}."
    better = _better(found, "cost" if "cost" in found.figures else "accuracy", names)
    if len(useless) == 2:
        advice = "Use neither for decisions: neither is shown to be better than always giving one answer."
    elif useless and better in (None, *useless):
        better = next(name for name in names if name not in useless)
        advice = f"Take {better}, unless the findings below speak against it: {useless[0]} is not shown to be better "
        advice += "than always giving one answer."
    elif better is None:
        advice = _of_other_figures(found, names)
    else:
        advice = f"That is more than chance: take {better}, unless the findings below speak against it."
    return f"{good}.", sure, advice


def _of_other_figures(found: Comparison, names: tuple[str, str]) -> str:
    """Say which to take of two that are right about as often: the one that is better by other figures, if it is one."""
    winners = {METRICS.create(name).label(found.positive): _better(found, name, names) for name in found.figures}
    won = {label: winner for label, winner in winners.items() if winner is not None}
    if not won:
        return "That may be chance: these rows do not tell which is better, so take the simpler or cheaper one."
    if len({*won.values()}) > 1:
        said = ", and ".join(f"{winner} by {label}" for label, winner in won.items())
        return (
            f"Which is right more often may be chance; by more than chance, better is {said}: take what matters to you."
        )
    winner, by = next(iter(won.values())), listing(list(won))
    said = f"Which is right more often may be chance, but by {by} {winner} is better by more than chance"
    return f"{said}: take it, unless the other is much simpler or cheaper."


def _better(found: Comparison, name: str, names: tuple[str, str]) -> str | None:
    """Return the model that is better by a metric; None where that may be chance."""
    figure = found.figures[name]
    if may_be_chance(figure):
        return None
    return names[0 if (figure["difference"] > 0) == METRICS.create(name).higher_is_better else 1]


def _different(found: Comparison, name: str, names: tuple[str, str]) -> Finding:
    """Say whether the two differ by a metric."""
    metric, figure = METRICS.create(name), found.figures[name]
    write = percent if metric.in_percent else number
    one, other = map(write, figure["values"])
    evidence = f"{names[0]} has {one}, {names[1]} {other} (p-value {figure['p_value']:.2g})."
    better = _better(found, name, names)
    label = metric.label(found.positive)
    title = f"{label[0].upper()}{label[1:]} of the two"
    if better is None:
        return Finding(title, "undecided", f"{evidence} The difference may be chance.")
    return Finding(title, "look", f"{evidence} {better} is better by more than chance.")


def _differences(found: Comparison, names: tuple[str, str]) -> Section:
    """List what `eval A B` reports."""
    rows = []
    for name, figure in found.figures.items():
        metric = METRICS.create(name)
        write = percent if metric.in_percent else number
        less = "" if metric.higher_is_better else " (less is better)"
        interval = " to ".join(_signed(write, end) for end in figure["interval"] or ())
        cells = [*map(write, figure["values"]), _signed(write, figure["difference"]), interval]
        rows.append((f"{metric.label(found.positive)}{less}", *cells, f"{figure['p_value']:.2g}"))
    header = "figure", *names, "difference", "95 % interval", "p-value"
    text = f"Both models on {found.evaluated_on}. The difference is the first less the second, row by row. It is "
    text += "hardly chance if the p-value is below 0.05 and the interval leaves out 0."
    return Section("Side by side", (Paragraph(text), Listing(header, tuple(rows), frozenset(header[1:]))))


def _signed(write: Callable[[float], str], value: float) -> str:
    return f"{'−' if value < 0 else '+'}{write(abs(value))}"


def _agreement(each: list[Evidence], names: tuple[str, str]) -> Section:
    """Count the rows at which both, one or none of the models is right."""
    one, other = (its.rows.predicted == its.rows.y for its in each)
    counts = {
        "both": (one & other).sum(),
        f"only {names[0]}": (one & ~other).sum(),
        f"only {names[1]}": (~one & other).sum(),
        "none": (~one & ~other).sum(),
    }
    rows = tuple((who, f"{int(n):,}", percent(float(n) / len(one))) for who, n in counts.items())
    listing = Listing(("right", "rows", "share"), rows, frozenset({"rows", "share"}))
    return Section("Where they agree", (listing,))
