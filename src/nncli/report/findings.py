"""The findings of a report: each is one function that looks at the evidence and says what it found.

To add one, write such a function and list it here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from nncli.report import findings_of_columns, findings_of_fit, findings_of_rows
from nncli.report.document import Finding, State
from nncli.report.evidence import Evidence

# in the order in which a person needs to know them
FINDINGS: tuple[Callable[[Evidence], Finding], ...] = (
    findings_of_fit.baseline,
    findings_of_fit.simple_reference,
    findings_of_rows.too_few_rows,
    findings_of_rows.few_groups,
    findings_of_rows.duplicates,
    findings_of_rows.flattering_split,
    findings_of_columns.giveaway,
    findings_of_columns.drift,
    findings_of_fit.overfitting,
    findings_of_fit.underfitting,
    findings_of_fit.stopped_early,
    findings_of_fit.calibration,
    findings_of_rows.imbalance,
    findings_of_rows.uneven_groups,
    findings_of_columns.useless,
)
ORDER: tuple[State, ...] = ("look", "unknown", "passed")


def findings_of(evidence: Evidence) -> tuple[Finding, ...]:
    """Return all findings on a model."""
    return sorted_findings([look(evidence) for look in FINDINGS])


def sorted_findings(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort findings: those to look at, then those that could not be tested, then those that passed."""
    return tuple(sorted(found, key=lambda one: ORDER.index(one.state)))
