"""The verdict on a model of numbers: three sentences for a person who knows neither the model nor the field."""

from __future__ import annotations

from collections.abc import Sequence

from nncli.errors import listing
from nncli.report.document import Finding
from nncli.report.numbers.evidence import EvidenceOfNumbers, plain
from nncli.report.verdict import CONSTANT, FLATTERED, MINOR, SEEN
from nncli.system.output import counted, in_quotes, percent, shortened


def verdict_of_numbers(of: EvidenceOfNumbers, findings: Sequence[Finding]) -> tuple[str, str, str]:
    """Say how far off the model is and against what, how sure that is, and what it may be used for."""
    found = {one.name: one.title for one in findings if one.state == "look"}
    to_look_at = {name: title for name, title in found.items() if name not in MINOR}
    return _how_good(of, SEEN in to_look_at), _how_sure(of, [*to_look_at]), _whether_to_use(to_look_at)


def _how_good(of: EvidenceOfNumbers, has_seen: bool) -> str:
    """Compare the model with always giving one answer."""
    target, (name, error) = in_quotes(shortened(of.model.schema.target)), of.guess
    rows = "For rows, of which it has seen some before," if has_seen else "For rows that it has not seen,"
    said = f"{rows} this model predicts {target} and is off by {plain(of.estimate('mae')[0])} on average, where "
    return f"{said}always answering the {name} is off by {plain(error)}."


def _how_sure(of: EvidenceOfNumbers, to_look_at: Sequence[str]) -> str:
    """Say within which limits the figure lies, how far off most rows are, and whether it may flatter."""
    _, low, high = of.estimate("mae")
    said = f"That was measured on {counted(of.n, 'row')}"
    if low < high:
        said += f", so the true number is very probably between {plain(low)} and {plain(high)}; half of the rows are "
        said += f"off by no more than {plain(of.estimate('median_error')[0])}"
    if (interval := of.metrics["interval"]) is not None:
        said += f", and {percent(interval['coverage'])} by no more than {plain(interval['half_width'])}"
    if any(name in FLATTERED for name in to_look_at):
        said += ". It may be farther off in use, as the findings below say"
    return f"{said}."


def _whether_to_use(to_look_at: dict[str, str]) -> str:
    """Say whether to use it, for which rows, and what to look at before."""
    if CONSTANT in to_look_at:
        return "Do not use it for decisions: it is not shown to be nearer than always giving one answer."
    kind = "It can be used for rows of the same kind as those it was trained on"
    if not to_look_at:
        return f"{kind}: nothing was found that speaks against it."
    found = listing([*map(in_quotes, to_look_at.values())], len(to_look_at))
    return f"{kind}, once somebody has looked at what was found: {found}."
