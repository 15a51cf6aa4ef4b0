"""The verdict of a report: three sentences for a person who knows neither the model nor the field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nncli.errors import listing
from nncli.report.document import Finding
from nncli.report.evidence import Evidence
from nncli.system.output import counted, in_quotes, number, shortened

MINOR = ("Columns that may do nothing", "Names of the columns")  # which are no reason not to use it
SEEN, CONSTANT = "Rows it has seen before", "Better than always one answer"
MANY = 0.05  # of the rows: so many seen before belong in the first sentence
FLATTERED = (SEEN, "Rows that belong together", "A column that gives the class away")


def verdict_of(of: Evidence, findings: Sequence[Finding]) -> tuple[str, str, str]:
    """Say how good the model is and against what, how sure that is, and what it may be used for."""
    found = {one.name: one.title for one in findings if one.state == "look"}
    to_look_at = {name: title for name, title in found.items() if name not in MINOR}
    minor = [title for name, title in found.items() if name in MINOR]
    return _how_good(of, SEEN in to_look_at), _how_sure(of, [*to_look_at]), _whether_to_use(of, to_look_at, minor)


def _how_good(of: Evidence, has_seen: bool) -> str:
    """Compare the model with always giving one answer; of two classes, say how many of the positive one it finds."""
    target, answer = in_quotes(shortened(of.model.schema.target)), in_quotes(shortened(of.commonest))
    accuracy, constant = of.estimate("accuracy")[0], of.metrics["baseline"]["accuracy"]
    rows = "rows that it has not seen"
    if has_seen:  # as words that are proportionate
        seen = 0 if of.seen is None else of.seen[0]
        rows = f"rows, of which it has seen about {out_of_100(seen / of.n)} before" if seen >= MANY * of.n else "rows"
    said = f"Of 100 {rows}, this model gets {target} right for about {out_of_100(accuracy)}, "
    said += f"where always answering {answer} is right for {out_of_100(constant)}"
    if (positive := of.metrics["positive"]) is not None:
        its = of.metrics["per_class"][positive]
        if its["n"]:
            found = round(its["recall"] * its["n"])
            said += f"; it finds {found:,} of the {counted(its['n'], 'row')} that are {in_quotes(shortened(positive))}"
    if "cost" in of.metrics["metrics"]:
        cost, cheapest = of.metrics["metrics"]["cost"]["value"], of.metrics["baseline"]["cost"]
        said += f"; its mistakes cost {number(cost)} a row, and always giving the cheapest answer {number(cheapest)}"
    return f"{said}."


def _how_sure(of: Evidence, to_look_at: Sequence[str]) -> str:
    """Say within which limits the figure lies, and whether it may flatter."""
    _, low, high = of.estimate("accuracy")
    said = f"That was measured on {counted(of.n, 'row')}, so the true number is very probably "
    said += f"between {out_of_100(low)} and {out_of_100(high)} of 100"
    if any(name in FLATTERED for name in to_look_at):
        said += ", and it may be lower in use, as the findings below say"
    return f"{said}."


def _whether_to_use(of: Evidence, to_look_at: Mapping[str, str], minor: Sequence[str]) -> str:
    """Say whether to use it, for which rows, and what to look at before; what is `minor` is no reason against it."""
    if CONSTANT in to_look_at:
        return "Do not use it for decisions: it is not shown to be better than always giving one answer."
    kind = "It can be used for rows of the same kind as those it was trained on"
    if not to_look_at:
        but = f" Of less weight: {listing([*map(in_quotes, minor)])}, below." if minor else ""
        return f"{kind}: nothing was found that speaks against it.{but}"
    found = listing([*map(in_quotes, to_look_at.values())], len(to_look_at))
    order = ", the gravest first" if len(to_look_at) > 1 else ""
    return f"{kind}, once somebody has looked at what was found{order}: {found}."


def out_of_100(share: float) -> str:
    """Write a share as a number out of a hundred, with a decimal where it would otherwise look like none or all."""
    return f"{100 * share:.0f}" if share in (0, 1) or 0.005 <= share < 0.995 else f"{100 * share:.1f}"
