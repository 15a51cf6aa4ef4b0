"""The report of two models that predict numbers, side by side on the same rows."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from nncli.data.csv.header import TextOptions
from nncli.data.sources import Source
from nncli.figures.kinds import Subject
from nncli.inference.compare import Comparison
from nncli.inference.compare_numbers import compare_numbers
from nncli.metrics.definitions import METRICS
from nncli.metrics.paired import may_be_chance
from nncli.model.model import Model
from nncli.model.provenance import Provenance
from nncli.report.document import Finding, Listing, Paragraph, Report, Section
from nncli.report.findings import sorted_findings
from nncli.report.numbers.card import card_of_numbers
from nncli.report.numbers.evidence import EvidenceOfNumbers, plain
from nncli.report.numbers.figures import figures_of_numbers, pictures_of_numbers, write
from nncli.report.numbers.findings import findings_of_numbers
from nncli.report.verdict import CONSTANT
from nncli.system.output import counted, percent

Loaded = tuple[str, Model, Provenance]


def report_of_two_numbers(loaded: tuple[Loaded, Loaded], source: Source, text: TextOptions, notes: list[str]) -> Report:
    """Compare two models on all rows of a source, or without one on their test rows, which must be the same. Raises
    what `compare_numbers` does."""
    found = compare_numbers(loaded, source, text)
    notes += found.notes
    short = Path(found.files[0]).name, Path(found.files[1]).name
    names = short if short[0] != short[1] else found.files
    each = [
        EvidenceOfNumbers(Subject(model, its, file, source, text=text, command="report")) for file, model, its in loaded
    ]
    findings, useless = [_different(found, name, names) for name in found.figures], list[str]()
    for name, evidence in zip(names, each, strict=True):
        own = [one for one in findings_of_numbers(evidence) if one.state != "passed"]
        useless += [name] if any(one.name == CONSTANT and one.state == "look" for one in own) else []
        findings += [dataclasses.replace(one, name=f"{one.title} ({name})") for one in own]
    sections = [_differences(found, names), _nearer(each, names)]
    for name, evidence in zip(names, each, strict=True):
        for section in (figures_of_numbers(evidence), pictures_of_numbers(evidence), card_of_numbers(evidence)):
            sections.append(dataclasses.replace(section, title=f"{name}: {section.title}"))
    title = f"Report on {found.files[0]} and {found.files[1]}"
    return Report(title, _verdict(found, names, useless), sorted_findings(findings), tuple(sections))


def _verdict(found: Comparison, names: tuple[str, str], useless: list[str]) -> tuple[str, str, str]:
    """Say how far off both are, on which rows, and which to take, if that is more than chance."""
    one, other = map(plain, found.figures["mae"]["values"])
    good = f"On average, {names[0]} is off by {one}, and {names[1]} by {other}."
    sure = f"Both were asked about the same {counted(found.n, 'row')}: {found.evaluated_on}."
    better = _better(found, "mae", names)
    if len(useless) == 2:
        return good, sure, "Use neither for decisions: neither is shown to be nearer than always giving one answer."
    if better is None or better in useless:
        by_squares = _better(found, "rmse", names)
        if by_squares is None or by_squares in useless:
            advice = "That may be chance: these rows do not tell which is better, so take the simpler or cheaper one."
        else:
            advice = f"That may be chance, but {by_squares} has fewer large errors, by more than chance: take it, "
            advice += "unless the other is much simpler or cheaper."
        return good, sure, advice
    return good, sure, f"That is more than chance: take {better}, unless the findings below speak against it."


def _better(found: Comparison, name: str, names: tuple[str, str]) -> str | None:
    """Return the model that is better by a metric; None where that may be chance, or the metric is not defined."""
    figure = found.figures.get(name)
    if figure is None or may_be_chance(figure):
        return None
    return names[0 if (figure["difference"] > 0) == METRICS.create(name).higher_is_better else 1]


def _different(found: Comparison, name: str, names: tuple[str, str]) -> Finding:
    """Say whether the two differ by a metric."""
    metric, figure = METRICS.create(name), found.figures[name]
    one, other = (write(metric, value) for value in figure["values"])
    evidence = f"{names[0]} has {one}, {names[1]} {other} (p-value {figure['p_value']:.2g})."
    better, title = _better(found, name, names), f"{metric.title[0].upper()}{metric.title[1:]} of the two"
    if better is None:
        return Finding(title, "passed", f"{evidence} The difference may be chance.")
    return Finding(title, "look", f"{evidence} {better} is better by more than chance.")


def _differences(found: Comparison, names: tuple[str, str]) -> Section:
    """List what `eval A B` reports."""
    rows = []
    for name, figure in found.figures.items():
        metric = METRICS.create(name)
        less = "" if metric.higher_is_better else " (less is better)"
        signed = [
            f"{'−' if value < 0 else '+'}{write(metric, abs(value))}"
            for value in (figure["difference"], *(figure["interval"] or ()))
        ]
        cells = [*(write(metric, value) for value in figure["values"]), signed[0], " to ".join(signed[1:])]
        rows.append((f"{metric.title}{less}", *cells, f"{figure['p_value']:.2g}"))
    header = "figure", *names, "difference", "95 % interval", "p-value"
    text = f"Both models on {found.evaluated_on}. The difference is the first less the second. It is hardly chance "
    text += "if the p-value is below 0.05 and the interval leaves out 0."
    return Section("Side by side", (Paragraph(text), Listing(header, tuple(rows), frozenset(header[1:]))))


def _nearer(each: list[EvidenceOfNumbers], names: tuple[str, str]) -> Section:
    """Count the rows for which each of the models is nearer."""
    one, other = (np.abs(its.judged.errors) for its in each)
    counts = {names[0]: (one < other).sum(), names[1]: (other < one).sum(), "as near": (one == other).sum()}
    rows = tuple((who, f"{int(n):,}", percent(float(n) / len(one))) for who, n in counts.items())
    return Section("Which is nearer", (Listing(("nearer", "rows", "share"), rows, frozenset({"rows", "share"})),))
