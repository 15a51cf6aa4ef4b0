"""The findings of a report: each is one function that looks at the evidence and says what it found.

To add one, write such a function and list it here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import get_args

from nncli.report import findings_of_columns, findings_of_fit, findings_of_rows
from nncli.report.document import Finding, State
from nncli.report.evidence import Evidence

# the gravest first: what makes the figures untrue or the model useless, then where it fails, then what may be better
FINDINGS: tuple[Callable[[Evidence], Finding], ...] = (
    findings_of_fit.baseline,
    findings_of_columns.giveaway,
    findings_of_rows.flattering_split,
    findings_of_rows.duplicates,
    findings_of_columns.drift,
    findings_of_rows.too_few_rows,
    findings_of_rows.few_groups,
    findings_of_rows.uneven_groups,
    findings_of_rows.imbalance,
    findings_of_fit.simple_reference,
    findings_of_fit.overfitting,
    findings_of_fit.underfitting,
    findings_of_fit.stopped_early,
    findings_of_fit.calibration,
    findings_of_columns.names,
    findings_of_columns.useless,
)
ORDER = get_args(State)


def findings_in_order(evidence: Evidence) -> list[Finding]:
    """Return all findings on a model, in the order of their gravity, whatever their state."""
    return [look(evidence) for look in FINDINGS]


def findings_of(evidence: Evidence) -> tuple[Finding, ...]:
    """Return all findings on a model, sorted."""
    return sorted_findings(findings_in_order(evidence))


def sorted_findings(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort findings: those to look at, then those that nobody can tell, that were not tested, and that passed. Of one
    state, they stay in their order."""
    return tuple(sorted(found, key=lambda one: ORDER.index(one.state)))
