"""Find the columns of a model in a row without names, by its width and by what training has shown of each column."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from nncli.data.cells import is_missing, later_number, quoted
from nncli.data.dataset import Schema, canonical_class, spellings_of
from nncli.data.dates import days_of
from nncli.errors import DataError, listing

Known = Mapping[str, Collection[str]]  # column → what it held in training: the classes of the target, categories
LIKE_THAT = "Write the names of the columns above the rows"


def widths(expected: Schema) -> list[int]:
    """List how many columns rows without names may have."""
    return sorted({len(names) for names in candidates(expected)})


def names_of_row(
    first: Sequence[str], expected: Schema, known: Known, header: bool, labelled: bool, place: str
) -> tuple[str, ...] | None:
    """Name the columns of a row by their positions: the features, with or without the target, or all columns of the
    training file. None where no number shows that it is no header. Raises DataError where its cells do not fit, or fit
    in two ways. The cells of a `header` with other names tell nothing; a `labelled` row has the target."""
    ways = [names for names in candidates(expected) if len(names) == len(first)]
    ways = [names for names in ways if expected.target in names] or ways if labelled else ways
    if not ways or (expected.header and (header or not _has_number(first, ways, expected))):
        return None
    misfits = {names: None if header else _misfit(first, names, expected, known) for names in ways}
    fitting = [names for names, misfit in misfits.items() if misfit is None]
    if len({_places(names, expected.names) for names in fitting}) == 1:  # whatever the other columns are
        return fitting[0]
    if fitting:
        could_be = ", or ".join(listing(names) for names in fitting)
        raise DataError(place, f"the {len(first)} columns have no names, and could be {could_be}", LIKE_THAT)
    found, remedy = misfits[ways[0]] or ("", "")
    problem = f"the first row has no names of columns, and its cells do not fit in their places: {found}"
    raise DataError(place, problem, remedy)


def _places(names: Sequence[str], wanted: Sequence[str]) -> tuple[int, ...]:
    place = {name: i for i, name in enumerate(names)}
    return tuple(place[name] for name in wanted)


def candidates(expected: Schema) -> list[tuple[str, ...]]:
    """List the columns that a row may have."""
    names, place = expected.names, expected.target_place
    with_target = (*names[:place], expected.target, *names[place:])
    every = _training_columns(expected)
    without_target = tuple(name for name in every if name != expected.target) if expected.profile else ()
    return [found for found in dict.fromkeys((names, with_target, every, without_target)) if found]


def _training_columns(expected: Schema) -> tuple[str, ...]:
    """Name all columns of the training file; none where that is not known."""
    if expected.profile:
        return tuple(column.name for column in expected.profile)
    if expected.header:
        return ()
    places = [int(name[1:]) for name in (*expected.names, expected.target) if name[1:].isdecimal()]
    return tuple(f"c{i}" for i in range(max(expected.width, 1 + max(places))))


def _has_number(first: Sequence[str], ways: Sequence[tuple[str, ...]], expected: Schema) -> bool:
    """Tell whether a number stands in the place of one, in some way to name the columns."""
    numeric, spellings = {*expected.of_kind("number")}, dict(expected.spellings)
    return any(
        name in numeric and later_number(cell, spellings.get(name), expected.decimal) is not None
        for names in ways
        for cell, name in zip(first, names, strict=True)
    )


def _misfit(first: Sequence[str], names: Sequence[str], expected: Schema, known: Known) -> tuple[str, str] | None:
    """Say of the first cell that does not fit its column what is wrong with it, and what to do."""
    kinds, profiles = dict(expected.columns), {column.name: column for column in expected.profile}
    spellings = dict(expected.spellings)
    for cell, name in zip(first, names, strict=True):
        profile, used, spelling = profiles.get(name), name in kinds, spellings.get(name)
        kind = kinds.get(name) or (profile.kind if profile else "text")
        if is_missing(cell, expected.missing):
            continue
        if name == expected.target and expected.numeric_target:
            wanted = "a number" if later_number(cell, spelling, expected.decimal) is None else ""
        elif name == expected.target:
            wanted = "" if is_class(cell, known.get(name)) else f"a class ({listing(known[name])})"
        elif kind == "date":
            wanted = "" if (spelling.days(cell) if spelling else days_of(cell)) is not None else "a date"
        elif kind == "number":
            number = later_number(cell, spelling, expected.decimal)
            wanted = "a number" if number is None else ""
            if number is not None and profile is not None:
                if profile.whole and not float(number).is_integer():
                    wanted = "a whole number"
                elif used and profile.is_far(float(number)):
                    wanted = f"a number such as {profile.low:g} to {profile.high:g}"
        else:
            wanted = ""
        if wanted:
            from nncli.data.labels import written_as

            remedy = written_as(cell, known[name]) if name == expected.target and name in known else ""
            return f"column '{name}': expected {wanted}, as in training, found {quoted(cell)}", remedy or LIKE_THAT
    return None


def is_class(cell: str, classes: Collection[str] | None) -> bool:
    """Tell whether a cell is one of the classes; where they are not known, any may be one."""
    return classes is None or cell in classes or canonical_class(cell) in spellings_of(classes)
