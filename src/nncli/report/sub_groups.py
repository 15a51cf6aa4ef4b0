"""Where a model makes more mistakes than elsewhere, said in sentences and tables."""

from __future__ import annotations

from nncli.errors import listing
from nncli.report.document import Block, Folded, Listing, Paragraph, Section
from nncli.report.evidence import MOST_GROUPED, Evidence
from nncli.report.mistakes import Group, Mistakes
from nncli.system.output import counted, in_quotes, percent, shortened

MOST_OPEN = 3  # tables that are not folded
LARGE = 0.1  # a difference between shares of a class from which it is said


def worse_categories(of: Evidence) -> list[Group] | None:
    """Return the categories with more mistakes of a kind than chance explains, those with the most first; None where
    there is no column of categories. Numbers that the model goes by are left to the tables: of the rows of a class
    that lie where most are of another, any model misses more."""
    columns = [name for name in of.groups if not of.no_groups(name)]
    found = [group for name in columns for group in of.groups[name] if group.worst.excess > 0]
    return sorted(found, key=lambda one: -one.worst.excess) if columns else None


def say_mistakes(of: Evidence, group: Group) -> str:
    """Say in sentences which mistakes are more frequent in a group than elsewhere, and whether its classes differ."""
    its, classes = group.worst, of.model.classes
    rows = "rows" if its.true is None else f"rows that are {in_quotes(shortened(classes[its.true]))}"
    assert its.interval is not None
    low, high = map(percent, its.interval)
    said = f"Where {in_quotes(shortened(group.column))} is {shortened(group.name)}, the model is wrong about "
    said += f"{percent(its.share)} of the {rows} (95 % interval {low} to {high}); "
    if its.true is None:
        return f"{said}of rows of these classes elsewhere, it is wrong about {percent(its.elsewhere)}."
    said += f"of all {rows}, it is wrong about {percent(its.elsewhere)}."
    k = of.model.positive
    here, of_all = float(group.shares[k]), float((of.scored.y == k).mean())
    if abs(here - of_all) >= LARGE:
        name = in_quotes(shortened(classes[k]))
        said += f" {percent(here)} of these rows are {name}, and {percent(of_all)} of all rows: with such different "
        said += "shares, how often it is right does not show this."
    return said


def sub_groups(of: Evidence) -> Section:
    """Write the groups of each column: those where they differ most first, and the others folded."""
    title = "Groups of rows"
    if not of.groups:
        why = "pixels are no groups" if of.image_shape else "none is sure to matter, and none has few values"
        return Section(title, (Paragraph(f"There is no column to compare by: {why}."),))
    order = sorted(of.groups, key=lambda name: -max(one.worst.excess for one in of.groups[name]))
    tables = {name: _table(of, name, of.groups[name]) for name in order}
    differing = [name for name in order if max(one.worst.excess for one in of.groups[name]) > 0]
    open_ = differing[:MOST_OPEN] or order[:1]
    blocks: list[Block] = [Paragraph(_how_to_read(of)), *(tables[name] for name in open_)]
    if folded := [name for name in order if name not in open_]:
        names = listing([*map(in_quotes, map(shortened, folded))], len(folded))
        blocks.append(
            Folded(f"By {counted(len(folded), 'more column')}: {names}", tuple(tables[one] for one in folded))
        )
    blocks.append(Paragraph(_left_out(of)))
    return Section(title, tuple(blocks))


def _how_to_read(of: Evidence) -> str:
    said = (
        "Is the model equally good for all kinds of rows? How often it is right does not tell: a group is easy where "
    )
    said += "nearly all rows are of one class, and always giving its most frequent answer is right as often as “always "
    said += "one answer” says. "
    if len(of.model.classes) == 2:
        said += (
            "So compare the mistakes of one kind: “wrong about” a class is the share of the rows that really are of "
        )
        said += "it which the model takes for the other class, with its 95 % interval in brackets. "
    else:
        said += (
            "So compare it with “as expected”: how often the model would be right if it were as good for each class "
        )
        said += "as among all rows. "
    said += "“More mistakes” says where there are more than among all rows, by more than chance. The most frequent "
    said += "categories stand first; numbers and dates are put into up to four groups of about as many rows. "
    return f"{said}As so many groups are looked at, the intervals are wider here, so that hardly any misleads."


def _table(of: Evidence, name: str, groups: list[Group]) -> Listing:
    classes, k = of.model.classes, of.model.positive
    is_of_two = len(classes) == 2
    kinds = [in_quotes(shortened(classes[one])) for one in (k, 1 - k)] if is_of_two else []
    header = ["group", "rows", *(f"of them {kind}" for kind in kinds[:1]), "right"]
    header += [] if is_of_two else ["95 % interval", "as expected"]
    header += ["always one answer", *(f"wrong about {kind}" for kind in kinds), "more mistakes"]
    rows = []
    for one in groups:
        constant, more = percent(float(one.shares.max())), [its.excess > 0 for its in one.mistakes]
        if is_of_two:
            cells = [percent(float(one.shares[k])), percent(one.accuracy), constant, *map(_with_interval, one.mistakes)]
            told = listing([kind for kind, it_is in zip(kinds, more, strict=True) if it_is])
            cells.append(f"about {told}" if told else "")
        else:
            (its,) = one.mistakes
            ends = "" if its.interval is None else f"{percent(1 - its.interval[1])} to {percent(1 - its.interval[0])}"
            cells = [percent(one.accuracy), ends, percent(1 - its.elsewhere), constant, "yes" if more[0] else ""]
        rows.append((one.name, f"{one.n:,}", *cells))
    return Listing(tuple(header), tuple(rows), frozenset(header[1:-1]), f"By {name}")


def _with_interval(its: Mistakes) -> str:
    if not its.n:
        return "no such row"
    ends = "" if its.interval is None else f" ({100 * its.interval[0]:.0f} to {100 * its.interval[1]:.0f} %)"
    return f"{percent(its.share)}{ends}"


def _left_out(of: Evidence) -> str:
    """Say which columns are left out and why."""
    why = dict[str, list[str]]()
    for name in of.model.schema.names:
        if name not in of.groups:
            reason = of.no_groups(name) or f"more than {MOST_GROUPED} columns"
            why.setdefault(reason, []).append(in_quotes(shortened(name)))
    said = "Any other column of the data, also one that the model does not use, is looked at by nncli eval with --by."
    if not why:
        return f"No column of the model is left out. {said}"
    return f"Left out: {'; '.join(f'{listing(names, 20)} ({reason})' for reason, names in why.items())}. {said}"
