"""Find the columns of a model in a new table, by name or else by position."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Sequence

from nncli.data.byte_input import Input
from nncli.data.cells import is_number, normalized, quoted
from nncli.data.csv.below_header import ROW_NAMES, has_row_names, with_rule
from nncli.data.csv.column_names import no_such_column, typed, unique_names
from nncli.data.csv.dialect import Dialect
from nncli.data.csv.dialect_detection import dialect_for, first_cells
from nncli.data.csv.header import DETECTED, Head, TextOptions
from nncli.data.csv.header_row import joined_names, looks_like_header
from nncli.data.csv.lines_of_text import as_json_lines, is_of_one_text
from nncli.data.csv.other_quotes import refuse_other_quotes
from nncli.data.csv.positions import Known, candidates, is_class, names_of_row, widths
from nncli.data.csv.reading_plan import ReadingPlan, planned
from nncli.data.dataset import Schema, spellings_of
from nncli.data.row_blocks import Layout, one_line_and_few
from nncli.errors import MOST_LISTED, DataError, OptionError, listing, nearest


def plan_answering(
    stream: Input,
    expected: Schema,
    dtype: str,
    keep: Sequence[str] | str = (),
    with_target: bool = False,
    options: TextOptions = DETECTED,
    known: Known | None = None,
) -> ReadingPlan:
    """Decide from the first line alone how to read a text table: a slow producer gets its predictions row by row.
    `known` are the classes and categories of the model. Raises DataError and OptionError as `aligned` does."""
    head = Head(stream, options, expected.encoding)
    try:
        return _plan(head, expected, dtype, keep, with_target, options, known or {})
    except (DataError, OptionError) as error:
        raise head.text.with_guess(error) from None


def _plan(
    head: Head,
    expected: Schema,
    dtype: str,
    keep: Sequence[str] | str,
    with_target: bool,
    options: TextOptions,
    known: Known,
) -> ReadingPlan:
    dialect, unusual = dialect_for(head, expected, widths(expected), options, known)
    head.use(dialect)
    best = dialect.delimiter
    header_rows = options.header_rows or expected.header_rows
    if header_rows > 1 and not {*expected.names}.intersection(first_cells([*head.lines()], Dialect(best), header_rows)):
        header_rows = 1
    row, parts = head.split_header(best, header_rows)
    first = _as_in_training(joined_names(parts), expected)
    refuse_other_quotes([first], row, head.place, head.encoding)
    named, told = _is_header(first, expected, known, head.place)
    names_row = row
    if named:
        row = with_rule(head, row, best)
        its = unique_names(["", *first])[0]  # as in training; else a row with a cell too many is a damaged one
        own = bool(expected.profile) and expected.profile[0].name == its
        if own and has_row_names(first, [head.row_behind(len(row), best)]):
            first, told, names_row = ["", *first], [*told, ROW_NAMES], b""
    header = named or _is_unnamed_header(first, expected, known)
    if not header:
        told = [*told, *_doubts_of_count(first, expected, head.place)]
    layout, notes = aligned(first, header, expected, dtype, keep, with_target, head.place, known)
    ours = {*expected.names}
    whole = frozenset(column.name for column in expected.profile if column.whole and column.name in ours)
    words = {
        name: frozenset(known[name])
        for name in (*layout.text, *([layout.target] if layout.target else []))
        if name in known
    }
    layout = dataclasses.replace(
        layout,
        delimiter=best,
        encoding=head.encoding,
        quote=dialect.quote,
        is_rewritten=not dialect.is_usual,
        whole=whole,
        words=words,
        **one_line_and_few({name: its for name, its in known.items() if name in layout.names}),
    )
    return planned(layout, head, row, [*head.notes, *told, *notes, *unusual], options, names_row)


def aligned(
    first: Sequence[str],
    header: bool,
    expected: Schema,
    dtype: str,
    keep: Sequence[str] | str,
    with_target: bool,
    place: str,
    known: Known | None = None,
) -> tuple[Layout, list[str]]:
    """Find the columns of a model among those of a table, by the names in its header or else by position; also return
    notes. Raises DataError where one is missing or comes twice, OptionError where one to keep is missing."""
    first = _as_in_training(first, expected)
    named, known = header and not set(expected.names).isdisjoint(first), known or {}
    notes, of_label = [], ""
    if named:
        names = list(unique_names(first))  # as in training
        there = set(names)
        absent = [name for name in (*expected.names, *([expected.target] if with_target else [])) if name not in there]
        if absent and absent != [expected.target]:
            raise _absent(absent, names, expected, place)
    else:
        positions = names_of_row(first, expected, known, header, with_target, place)
        if positions is None:
            if expected.header:
                raise _absent(list(expected.names), list(first), expected, place)
            raise DataError(
                place,
                f"expected {' or '.join(map(str, widths(expected)))} columns, found {len(first)}",
                f"The model's columns are {listing(expected.names)}",
            )
        names = list(positions)
        problem = f"the header has other names, {_quoted_row(first)}" if header else "no header"
        ours = set(expected.names)
        others = [f", number {i} as '{name}'" for i, name in enumerate(names, 1) if name not in ours]
        notes.append(f"{problem}: columns are matched by position{''.join(others[:MOST_LISTED])}")
        if expected.target in known and expected.target in names and not with_target:
            of_label = expected.target  # whose cells prove later that the columns are in their places
    target = expected.target if with_target else None
    if target is not None and target not in names:
        what = "numbers" if expected.numeric_target else "classes"
        add = f"Give the column with the {what} that name, or leave this file out"
        raise DataError(
            place, f"the target column '{target}' is missing", _suggestion([target], names, expected) or add
        )
    kept, there = tuple(names) if keep == "all" else tuple(keep), set(names)
    for name in kept:
        if name not in there:
            raise no_such_column("keep", name, names)
    times, ours = Counter(first), set(expected.names)
    for name in (*expected.names, *([target] if target else [])):
        if named and times[name] > 1 and f"{name}_2" not in ours:
            raise DataError(place, f"two columns are called '{name}'", "Rename one of them")
    layout = Layout(
        names=tuple(names),
        delimiter=expected.delimiter,
        header=header,
        numeric=expected.of_kind("number"),
        text=(*expected.of_kind("text"), *([of_label] if of_label else [])),
        target=target,
        keep=kept,
        missing=expected.missing,
        decimal=expected.decimal,
        spellings=dict(expected.spellings),
        dtype="float64" if "float64" in (dtype, expected.dtype) else "float32",
        dates=expected.of_kind("date"),
        numeric_target=expected.numeric_target and target is not None,
        known={name: frozenset(spellings_of(known[name])) for name in (target, of_label) if name and name in known},
    )
    return layout, notes


def _as_in_training(first: Sequence[str], expected: Schema) -> list[str]:
    """Spell the names of a first row as the training file has them, where only the form of Unicode differs, or white
    space, or what nobody sees around them."""
    ours = {*expected.names, expected.target, *(column.name for column in expected.profile)}
    if ours.issuperset(first):
        return [*first]
    spelt = {normalized(typed(name)): name for name in ours}
    return [name if name in ours else spelt.get(normalized(typed(name)), typed(name)) for name in first]


def _absent(absent: list[str], names: list[str], expected: Schema, where: str) -> DataError:
    quoted = ", ".join(f"'{name}'" for name in absent[:10]) + (", …" if len(absent) > 10 else "")
    problem = f"column {quoted} is missing" if len(absent) == 1 else f"columns {quoted} are missing"
    read = f"The columns are {listing(names)}. If that line is a row, write the names of the columns above it"
    if is_of_one_text(expected):
        command = as_json_lines(expected.names[0])
        read = f"If each line is a text, without names of columns, pass the lines through: {command}"
    return DataError(where, problem, _suggestion(absent, names, expected) or read)


def _suggestion(absent: Sequence[str], names: Sequence[str], expected: Schema) -> str:
    """Ask whether other columns are meant, and none that the model has found already: first those that differ in upper
    and lower case, blanks and underscores alone."""
    ours = {*expected.names, expected.target}
    others = {_folded(name): name for name in names if name not in ours}
    meant = {name: others.pop(_folded(name)) for name in absent if _folded(name) in others}
    for name in absent[:MOST_LISTED]:
        if name not in meant and (near := nearest(name, others.values())) is not None:
            meant[name] = others.pop(_folded(near))
    if len(absent) == 1:
        return "".join(f"Did you mean '{other}'?" for other in meant.values())
    pairs = [f"'{meant[name]}' for '{name}'" for name in absent if name in meant]
    return f"Did you mean {listing(pairs)}?" if pairs else ""


def _folded(name: str) -> str:
    return re.sub(r"[\s_]+", "", name).casefold()


def _is_header(first: Sequence[str], expected: Schema, known: Known, place: str) -> tuple[bool, list[str]]:
    """Tell whether the first row names columns of the model; also return notes. A name that is a number, or a text that
    its column has held, may just as well stand in a row of data: then the row is quoted, and refused if the order is
    another one."""
    ours = {*expected.names, expected.target, *(column.name for column in expected.profile)}
    found = [name for name in first if name in ours]
    if not set(expected.names) & set(found):
        return False, []
    if not all(is_number(name) or name in known.get(name, ()) for name in found):
        return True, []
    if _has_class(first, expected, known):
        return False, []
    if not set(expected.names) <= set(found):
        return False, []
    own = {*expected.names}
    if [name for name in first if name in own] == [*expected.names]:
        return True, [f"the first row is taken for the header: {_quoted_row(first)}"]
    raise DataError(
        place,
        f"the first row, {_quoted_row(first)}, may be a row of data, or a header in another order than in training",
        f"Write the columns in the order {listing(expected.names)}, with these names above them",
    )


def _has_class(first: Sequence[str], expected: Schema, known: Known) -> bool:
    """Tell whether a class stands in the place of the label, which no header has there."""
    names = next((names for names in candidates(expected) if len(names) == len(first) and expected.target in names), ())
    cell = first[names.index(expected.target)] if names else expected.target
    return cell != expected.target and expected.target in known and is_class(cell, known[expected.target])


def _quoted_row(first: Sequence[str]) -> str:
    return quoted(", ".join(first))


def _doubts_of_count(first: Sequence[str], expected: Schema, place: str) -> list[str]:
    """Return a note on a first row that counts the columns, as 0,1,2: it may be a header, or a row. Raises DataError
    where a column had fractions in training, so that hardly any row is like it."""
    n = len(first)
    if n < 2 or [*first] not in ([*map(str, range(n))], [*map(str, range(1, n + 1))]):
        return []
    names = next((names for names in candidates(expected) if len(names) == n), ())
    fractional = {column.name for column in expected.profile if column.kind == "number" and not column.whole}
    if fractional.intersection(names):
        problem = f"the first row, {_quoted_row(first)}, may be a row of data, or a header that numbers the columns"
        raise DataError(
            place, problem, f"Delete it if it is not a row, or write {first[0]}{expected.decimal}0 if it is one"
        )
    return [f"the first row, {_quoted_row(first)}, is read as data: delete it if it only numbers the columns"]


def _is_unnamed_header(first: Sequence[str], expected: Schema, known: Known) -> bool:
    """Tell whether a model trained without names meets a file that has some: where it has numbers they tell, else that
    no cell of several is one that training has shown."""
    if expected.header or not looks_like_header(first):
        return False
    if expected.of_kind("number"):
        return True
    names = next((names for names in candidates(expected) if len(names) == len(first)), ())
    seen = [cell in known[name] for cell, name in zip(first, names, strict=False) if name in known]
    return len(seen) > 1 and not any(seen)
