"""The report of a model that predicts numbers: verdict and findings, and sections in the order in which people ask."""

from __future__ import annotations

from nncli.figures.kinds import Subject
from nncli.report.document import Report
from nncli.report.how_good import importance_section
from nncli.report.numbers.card import card_of_numbers, data_of_numbers
from nncli.report.numbers.evidence import EvidenceOfNumbers
from nncli.report.numbers.figures import figures_of_numbers, pictures_of_numbers
from nncli.report.numbers.findings import findings_of_numbers
from nncli.report.numbers.rows import groups_of_numbers, worst_numbers
from nncli.report.numbers.verdict import verdict_of_numbers
from nncli.report.words import words_section


def report_of_numbers(subject: Subject) -> Report:
    """Judge a model on all rows of a source, or without one on its own test rows, and write down all that was found.
    Raises DataError where there are no such rows."""
    evidence = EvidenceOfNumbers(subject)
    findings = findings_of_numbers(evidence)
    sections = (
        figures_of_numbers(evidence),
        pictures_of_numbers(evidence),
        importance_section(evidence),
        words_section(evidence),
        worst_numbers(evidence),
        groups_of_numbers(evidence),
        data_of_numbers(evidence),
        card_of_numbers(evidence),
    )
    return Report(
        f"Report on {subject.file}", verdict_of_numbers(evidence, findings), findings, tuple(filter(None, sections))
    )
