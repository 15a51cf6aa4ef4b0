"""How often a model is right for the categories, or the quarters of the numbers, of the columns that matter."""

from __future__ import annotations

from nncli.report.document import Block, Listing, Paragraph, Section
from nncli.report.evidence import Evidence
from nncli.system.output import percent

Worst = tuple[str, str, float, tuple[float, float]]  # column, group, accuracy, interval


def standing_out(evidence: Evidence) -> tuple[int, Worst | None] | None:
    """Return how many columns were looked at, and the group that is least often right, if by more than chance; None
    where there is no column to look at."""
    found = evidence.groups
    if not found:
        return None
    overall = evidence.estimate("accuracy")[0]
    worse = [
        (name, one["group"], one["accuracy"], (one["interval"][0], one["interval"][1]))
        for name, groups in found.items()
        for one in groups
        if one["stands_out"] and one["accuracy"] < overall
    ]
    return len(found), min(worse, key=lambda one: one[2], default=None)


def sub_groups(evidence: Evidence) -> Section:
    """Write the groups of each column."""
    found, blocks = evidence.groups, list[Block]()
    header = "group", "rows", "right", "95 % interval", "differs"
    for name, groups in found.items():
        rows = tuple(
            (
                one["group"],
                f"{one['n']:,}",
                percent(one["accuracy"]),
                " to ".join(map(percent, one["interval"] or ())),
                "yes" if one["stands_out"] else "",
            )
            for one in groups
        )
        blocks.append(Listing(header, rows, frozenset({"rows", "right"}), f"By {name}"))
    if blocks:
        text = "For how many rows of each kind the model is right. Numbers and dates are put into up to four groups of "
        text += (
            "about as many rows each. A group differs if it differs from all rows by more than chance; the intervals "
        )
        text += "hold for all groups of a column together."
        blocks.insert(0, Paragraph(text))
    else:
        blocks.append(
            Paragraph("There is no column to compare by: none is sure to matter, and none has few categories.")
        )
    return Section("Groups of rows", tuple(blocks))
