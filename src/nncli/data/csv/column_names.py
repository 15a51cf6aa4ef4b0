"""The columns of a table by their names: how they are called, which is to be predicted, and which to learn from."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Sequence

from nncli.data.cells import quoted
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.csv.header_row import TARGETS
from nncli.errors import DataError, OptionError, did_you_mean, listing, mention, nearest, write_names
from nncli.system.characters import composed

OTHER_BLANKS = re.compile(r"\s*[^\S ]\s*")  # line breaks, no-break spaces
POSITION = re.compile(r"[+-]?[0-9]{1,9}", re.ASCII)


def column_names(first: Sequence[str], header: bool, tell: bool) -> tuple[tuple[str, ...], list[str]]:
    """Name all columns after the cells of the first row, or by their positions; also return notes."""
    if not header:
        names = tuple(f"c{i}" for i in range(len(first)))
        called = f"no header: the columns are called {names[0]}" + (f" to {names[-1]}" if len(names) > 1 else "")
        return names, [called] * tell
    written = [*map(typed, first)]
    names, notes = unique_names(written), []
    for i, (own, name) in enumerate(zip(written, names, strict=True), 1):
        if name != own:
            problem = "has the same name as an earlier column" if own else "has no name in the header"
            notes.append(f"column {i} {problem}: it is called {name}")
    return names, notes


def typed(name: str) -> str:
    """Write a name as one types it, in options too: with a blank for line breaks and other white space, and with each
    letter and its accent as one character."""
    return composed(name if name.isprintable() else OTHER_BLANKS.sub(" ", name))


def no_such_column(option: str, name: str, names: Sequence[str]) -> OptionError:
    """Make the error for a name in a list of columns that none has; one with a comma has to stand in double quotes."""
    whole = (known for known in names if "," in known and name in map(str.strip, known.split(",")))
    near = next(whole, None) or nearest(name, names)
    remedy = did_you_mean(name, names, listed="columns")
    if near is not None and (written := write_names([near])) != near:
        remedy = f"If you mean '{near}', add double quotes around its name: {mention(option, written)}"
    return OptionError(option, f"no column is called '{name}'", remedy)


def features_of(names: tuple[str, ...], target: str, options: CsvOptions, where: str) -> list[str]:
    """Return the columns to learn from; OptionError for unknown names, and for options that contradict one another."""
    given = {
        "drop": options.drop, "only": options.only, "categorical": options.categorical,
        "numeric": options.numeric, "text": options.text,
    }  # fmt: skip
    for option, named in given.items():
        for name in named:
            if name not in names:
                raise no_such_column(option, name, names)
            if name == target and option != "categorical":  # which says that its numbers are classes
                raise OptionError(
                    option, f"'{name}' is the target column", f"Name another one with {mention('target')}"
                )
    given |= {option: (name,) for option, name in options.row_columns.items()}
    pairs = [("drop", option) for option in ("only", "categorical", "numeric", "text", *options.row_columns)]
    pairs += [("numeric", "categorical"), ("numeric", "text"), ("categorical", "text")]
    for one, other in (*pairs, *((option, "text") for option in options.row_columns)):
        both = [name for name in given[one] if name in given[other]]
        if both:
            raise OptionError(one, f"'{both[0]}' is named by {mention(other)} too", "Name it once")
    for option in ("categorical", "numeric", "text") if options.only else ():
        for name in given[option]:
            if name not in (*options.only, *options.row_columns.values(), target):
                problem = f"'{name}' is none of the columns to learn from, which {mention('only')} names"
                raise OptionError(option, problem, "Name it there too, or leave it out here")
    wanted = {*options.only, *options.row_columns.values()} if options.only else {*names}
    found = [name for name in names if name in wanted and name != target and name not in options.drop]
    if not found:
        raise DataError(where, f"no column is left to learn from beside the target '{target}'", "Drop fewer columns")
    return found


def unique_names(given: Sequence[str]) -> tuple[str, ...]:
    """Names for all columns: c2 for the third one where it has none, a_2 for the second one called a."""
    taken, found = set(given), dict[str, None]()
    for i, own in enumerate(given):
        name = base = own or f"c{i}"
        number = 2
        while name in found or (name != own and name in taken):
            name, number = f"{base}_{number}", number + 1
        found[name] = None
    return tuple(found)


def with_full_names(options: CsvOptions, names: Sequence[str], parts: Sequence[Sequence[str]]) -> CsvOptions:
    """Write names in options that are a part of one name alone as that name, which several rows tell together."""
    times = Counter(part for column in zip(*parts, strict=True) for part in {*column} if part)
    full = {part: name for name, column in zip(names, zip(*parts, strict=True), strict=False) for part in column}

    def name_of(given: str) -> str:
        return full[given] if times[given] == 1 and given not in names else given

    target = options.target
    if target is None and not has_target(names):
        found = [part for part in times if part.lower() in TARGETS]
        target = name_of(found[0]) if len(found) == 1 else None
    elif target is not None:
        target = name_of(target)
    return dataclasses.replace(
        options,
        target=target,
        drop=tuple(map(name_of, options.drop)),
        only=tuple(map(name_of, options.only)),
        categorical=tuple(map(name_of, options.categorical)),
        numeric=tuple(map(name_of, options.numeric)),
        text=tuple(map(name_of, options.text)),
    )


def has_target(names: Sequence[str]) -> bool:
    """Tell whether a column has a name that a target usually has."""
    return any(name.lower() in TARGETS for name in names)


def find_target(names: tuple[str, ...], given: str | None, where: str) -> tuple[str, list[str]]:
    """Return the column to predict, and a note; DataError or OptionError if there is none, or several."""
    if given is None:
        found = [name for name in names if name.lower() in TARGETS]
        if len(found) == 1:
            return found[0], [f"target column: {found[0]} (the only column called label, target, class or y)"]
        if found:
            raise DataError(
                where, f"several columns could be the target: {listing(found)}", f"Choose one with {mention('target')}"
            )
        if len(names) == 1:
            remedy = (
                f"If it is a table, name what stands between its cells with {mention('delimiter')}; else fetch it again"
            )
            raise DataError(where, f"expected a table, found one column alone: {quoted(names[0])}", remedy)
        raise DataError(
            where,
            f"expected a column called label, target, class or y; found {listing(names)}",
            f"Name the target with {mention('target')}",
        )
    if given in names:
        return given, []
    if POSITION.fullmatch(given):
        place, width = int(given), len(names)
        if not -width <= place < width:
            raise OptionError("target", f"expected a position from {-width} to {width - 1}, found {place}")
        return names[place], []
    raise OptionError("target", f"no column is called '{given}'", did_you_mean(given, names, listed="columns"))
