"""The report of a model: verdict and findings, and sections in the order in which people ask."""

from __future__ import annotations

from nncli.figures.kinds import Subject
from nncli.report.data_section import data_section
from nncli.report.document import Report
from nncli.report.evidence import Evidence
from nncli.report.findings import findings_of
from nncli.report.how_good import figures_section, importance_section, pictures
from nncli.report.model_card import model_card
from nncli.report.sub_groups import sub_groups
from nncli.report.threshold import threshold_section
from nncli.report.verdict import verdict_of
from nncli.report.words import words_section
from nncli.report.worst_rows import worst_rows


def report_of_model(subject: Subject) -> Report:
    """Judge a model on all rows of a source, or without one on its own test rows, and write down all that was found.
    Raises DataError where there are no such rows."""
    evidence = Evidence(subject)
    findings = findings_of(evidence)
    sections = (
        figures_section(evidence),
        pictures(evidence),
        threshold_section(evidence),
        importance_section(evidence),
        words_section(evidence),
        worst_rows(evidence),
        sub_groups(evidence),
        data_section(evidence),
        model_card(evidence),
    )
    verdict = verdict_of(evidence, findings)
    return Report(f"Report on {subject.file}", verdict, findings, tuple(one for one in sections if one is not None))
