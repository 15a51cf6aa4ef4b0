"""Find the dialect of a text table: from its first rows to learn from it, from its first line alone for a model."""

from __future__ import annotations

import csv
import dataclasses
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import islice

from nncli.data.cells import bare, is_number
from nncli.data.csv.dialect import Dialect
from nncli.data.csv.header import DELIMITERS, SAMPLE_BYTES, Head, TextOptions
from nncli.data.csv.header_row import joined_names
from nncli.data.csv.positions import Known
from nncli.data.csv.preamble import MOST_ABOVE, lines_left_out
from nncli.data.dataset import Schema

DELIMITER_ROWS = 100
FIRST_BYTES = 64 << 10
LEAST_ROWS = 2  # that must agree, where the cut is an unusual one
NAMES = {"\t": "tab", " ": "blanks"}
# each begins with what is searched for fast
UNUSUAL = [re.compile(sign) for sign in (r"'(?<![^,;|\t\n ]')", r' "(?<=[,;|\t ] ")', r"""\\[,;|\t"']""")]
SINGLE = re.compile(r"'.*'", re.DOTALL)


def dialect_to_learn(head: Head, delimiter: str | None, options: TextOptions) -> tuple[Dialect, list[str]]:
    """Find the dialect in which all first rows have the same number of cells; also return notes. What is unusual must
    be certain: it is in the rows, and they cannot be cut otherwise."""
    told = delimiter or head.delimiter
    best, is_even = _usual_delimiter(head, [told] if told else DELIMITERS)
    usual = Dialect(told or best or ",", '"' if options.quote is None else options.quote, options.escape or "")
    found = usual
    lines = [*head.lines(0, SAMPLE_BYTES >> 2)]
    whole = head.at_end and len(head.data) <= SAMPLE_BYTES >> 2
    delimiters = [told] if told else [usual.delimiter, *(d for d in DELIMITERS if d != usual.delimiter)]
    text = "".join(lines)
    if any(sign.search(text) for sign in UNUSUAL):
        found = _unusual(lines, whole, usual, delimiters, options) or usual
    if found == usual and not told:
        others = [Dialect(" ", usual.quote, usual.escape)] if not is_even or usual.delimiter == "," else []
        for other in [*others, *([] if is_even else _wrapped(lines))]:
            rows = _even_rows(lines, whole, other)
            if len(rows) < LEAST_ROWS or (best is not None and not _are_apart(rows, other)):
                continue
            if not is_even or _share_of_numbers(rows) > _share_of_numbers(_even_rows(lines, whole, usual)):
                found = other
    return found, _notes(found, Dialect(delimiter or ","), options)


def _unusual(
    lines: Sequence[str], whole: bool, usual: Dialect, delimiters: Sequence[str], options: TextOptions
) -> Dialect | None:
    """Find a dialect with other quotes, with escapes, or with blanks before quotes, that cuts all rows alike."""
    text, strict = "".join(lines), _even_rows(lines, whole, usual)
    for quote in ('"', "'") if options.quote is None else (options.quote,):
        for escape in ("", "\\") if options.escape is None else (options.escape,):
            for blanks in (False, True)[: 1 + (quote != "")]:
                for delimiter in delimiters:
                    its = Dialect(delimiter, quote, escape, blanks)
                    if its == usual:
                        if strict:
                            continue
                    elif not _is_shown(text, its, usual):
                        continue
                    rows = _even_rows(lines, whole, its)
                    if not rows or _are_same(rows, strict):  # blanks and quotes that are in a quoted text alone
                        continue
                    if its.quote == usual.quote or not strict or _are_single_quotes(strict) or _are_torn(strict):
                        return its
    return None


def _is_shown(text: str, its: Dialect, usual: Dialect) -> bool:
    """Tell whether all that is unusual about a dialect is in a text."""
    d = re.escape(its.delimiter)
    signs = [
        (its.blanks, rf"(?:^|{d}) +{its.quote}"),
        (its.escape != usual.escape, rf"\\[{d}{its.quote}]"),
        (its.quote != usual.quote, rf"(?:^|{d}){' *' * its.blanks}'(?:[^'\n]|''|\\')*'(?:$|{d})"),
    ]
    return all(re.search(sign, text, re.MULTILINE) for needed, sign in signs if needed)


def _are_same(rows: Sequence[Sequence[str]], others: Sequence[Sequence[str]]) -> bool:
    """Tell whether the cells of two readings differ by blanks around them at most."""
    return len(rows) == len(others) and all(
        [*map(str.strip, row)] == [*map(str.strip, other)] for row, other in zip(rows, others, strict=True)
    )


def _are_single_quotes(rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether cells between single quotes are quoted, in rows that can be read otherwise: all of a column are, or
    all names above, or one holds a quote written twice."""
    if all(SINGLE.fullmatch(bare(cell)) for cell in rows[0]):
        return True
    columns = [[cell for cell in map(bare, column[1:]) if cell] for column in zip(*rows, strict=True)]
    quoted = [[cell for cell in cells if SINGLE.fullmatch(cell)] for cells in columns]
    everywhere = any(len(its) == len(cells) >= LEAST_ROWS for its, cells in zip(quoted, columns, strict=True))
    return everywhere or any("''" in cell[1:-1] for its in quoted for cell in its)


def _are_torn(rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether a delimiter within single quotes has cut most rows below the first: a cell begins with a quote, and
    one behind it ends with one."""

    def is_torn(cells: list[str]) -> bool:
        first = next((i for i, cell in enumerate(cells) if cell[:1] == "'" and cell[-1:] != "'"), len(cells))
        return any(cell[-1:] == "'" and cell[:1] != "'" for cell in cells[first + 1 :])

    torn = sum(is_torn([*map(bare, row)]) for row in rows[1:])
    return torn >= LEAST_ROWS and 2 * torn > len(rows) - 1


def _share_of_numbers(rows: Sequence[Sequence[str]]) -> float:
    """Return the share of cells that are numbers with a point or a comma."""
    cells = [bare(cell) for row in rows for cell in row]
    return sum(is_number(cell) or is_number(cell, ",") for cell in cells) / max(1, len(cells))


def _wrapped(lines: Sequence[str]) -> Iterator[Dialect]:
    """Yield the dialects of rows that are one quoted cell each, and hold delimiters; few of them and the names above
    may stand without those quotes."""
    rows = [text for line in lines[1:] if (text := line.strip())] or [*lines]
    if 2 * sum(text[:1] == text[-1:] == '"' for text in map(str.strip, rows)) <= len(rows):
        return
    for delimiter in reversed(DELIMITERS):
        if delimiter in lines[0]:
            yield Dialect(delimiter, wrapped=True)


def _rows(lines: Sequence[str], dialect: Dialect) -> Iterator[list[str]]:
    rows = dialect.cut(lines)
    if not dialect.wrapped:
        return rows
    usual = Dialect(dialect.delimiter)
    return (next(usual.cut(row[0].splitlines(True)), []) if len(row) == 1 else row for row in rows)


def _even_rows(lines: Sequence[str], whole: bool, dialect: Dialect) -> list[list[str]]:
    """Return the rows if they all have the same number of cells, and more than one; else none. The first one may have
    one cell less, as where rows have names."""
    found: list[list[str]] = []
    try:
        for row in _rows(lines, dialect):
            if len(found) == 1 and len(row) == len(found[0]) + 1:
                found[0].insert(0, "")
            found.append(row)
            if len(row) != len(found[0]) or len(row) < 2:
                return []
    except csv.Error as error:
        if whole or "unexpected end" not in str(error):  # the last row may be cut
            return []
    return found


def _are_apart(rows: Sequence[Sequence[str]], dialect: Dialect) -> bool:
    """Tell whether no cell holds a delimiter of another dialect, but for a decimal comma."""
    others = [d for d in DELIMITERS if d != dialect.delimiter]
    return dialect.wrapped or all(_is_apart(cell, others) for row in rows for cell in row)


def _is_apart(cell: str, delimiters: Collection[str]) -> bool:
    return is_number(bare(cell), ",") or not any(d in cell for d in delimiters)


def _usual_delimiter(head: Head, delimiters: Collection[str]) -> tuple[str | None, bool]:
    """Return the delimiter that cuts most rows into the same number of columns, at least two, and whether it cuts all
    so. Of several, the one whose cells hold fewest other delimiters, and are most often numbers; then that of more
    columns."""
    best, found = (0.0, 0.0, 0.0, 0), None
    cut = {}
    for delimiter in delimiters:
        rows = head.sample(delimiter, DELIMITER_ROWS)
        widths = Counter(map(len, rows))
        width, n = widths.most_common(1)[0] if widths else (1, 0)
        n += n + 1 == len(rows) > LEAST_ROWS and len(rows[0]) == width - 1  # a header without a name for those of rows
        if width > 1:
            cut[delimiter] = n / widths.total(), width, rows
    for delimiter, (share, width, rows) in cut.items():
        others = [d for d in cut if d != delimiter]
        apart = numbers = 1.0
        if others:
            cells = [cell for row in rows for cell in row]
            apart = sum(_is_apart(cell, others) for cell in cells) / len(cells)
            numbers = _share_of_numbers(rows)
        score = share, apart, numbers, width
        if score > best:
            best, found = score, delimiter
    return found, best[0] == 1


def _notes(found: Dialect, usual: Dialect, options: TextOptions) -> list[str]:
    notes = []
    if found.delimiter != usual.delimiter:
        notes.append(f"delimiter: {NAMES.get(found.delimiter, found.delimiter)}")
    if options.quote is None and found.quote != usual.quote and not found.wrapped:
        told = f"cells are quoted with {found.quote}" if found.quote else 'none, and " is read as text'
        told += f", not with {usual.quote}" if found.quote and usual.quote else ""
        notes.append(f"quotes: {told}")
    if options.escape is None and found.escape != usual.escape and not found.wrapped:
        notes.append(f"escape character: {found.escape or 'none'}")
    if found.wrapped:
        notes.append("each row is one quoted cell: its quotes are taken off")
    return notes


def first_cells(lines: Sequence[str], dialect: Dialect, rows: int = 1, *, as_names: bool = True) -> list[str]:
    """Return the cells of the first row, bare `as_names` are, or the names that so many rows tell together; none where
    they cannot be cut so, or are not all in these lines."""
    try:
        return joined_names([[*map(bare if as_names else str, row)] for row in islice(_rows(lines, dialect), rows)])
    except csv.Error:
        return []


def dialect_for(
    head: Head, expected: Schema, widths: Collection[int], options: TextOptions, known: Known
) -> tuple[Dialect, list[str]]:
    """Find the dialect of a table for a model from its first line: the one that cuts it into the names of the model, or
    so many cells as its rows may have. Lines above that cannot be a row are left out, where the names stand below them.
    Below names without quotes, the first row shows its own. Also return notes."""
    wanted, header_rows = set(expected.names), options.header_rows or expected.header_rows
    while header_rows > 1 and head.data.count(b"\n") < header_rows and not head.at_end:
        head.more()

    def best(line: int) -> tuple[tuple[int, bool], Dialect]:
        start = 0
        for _ in range(line):
            start = head.data.index(b"\n", start) + 1
        lines = [*head.lines(start, max(start + FIRST_BYTES, head.data.find(b"\n", start) + 1))]

        def rank(dialect: Dialect) -> tuple[int, bool]:
            names = first_cells(lines, dialect, header_rows)
            return len(wanted.intersection(names)), len(names or first_cells(lines, dialect)) in widths

        found = max(_dialects_for(head, lines[0], expected, options), key=rank)
        return rank(found), found

    rank, found = best(0)
    notes = []
    first = first_cells([*head.lines(0, FIRST_BYTES)], found)
    is_title = len(first) > LEAST_ROWS and [*filter(None, first)] == first[:1] and not is_number(first[0])
    is_prose = found.delimiter == " " != expected.delimiter and not any(map(is_number, first))  # its words are no cells
    if not rank[0] and (is_title or is_prose or not rank[1]) and not options.skip_rows and expected.header:
        for above in range(1, MOST_ABOVE + 1):
            while head.data.count(b"\n") <= above and not head.at_end:
                head.more()
            if head.data.count(b"\n") <= above:
                break
            (names, _), its = best(above)
            if names == len(wanted):
                found = its
                notes = [lines_left_out(head, above)]
                break
    if rank[0] and not notes and header_rows == 1 and options.quote is None and not found.wrapped:
        found = _with_quotes_of_row(head, found, known)
    return found, notes + _notes(found, Dialect(expected.delimiter, expected.quote, expected.escape), options)


def _with_quotes_of_row(head: Head, dialect: Dialect, known: Known) -> Dialect:
    """Return the dialect with the quotes in which all texts of the row below the names stand, if these have none and no
    category or class that is `known` stands in such quotes itself; or of rows that are one quoted cell. A row that has
    not come yet is not waited for: a pipe is answered with the names of its columns before its first row."""
    names = head.line_behind(0)
    below, end, _ = head.data[len(names) :].partition(b"\n")
    row = below.decode("utf-8", "surrogateescape").rstrip("\r") if end else ""  # of a part, nothing can be told
    whole = Dialect(dialect.delimiter, wrapped=True)
    width = len(first_cells([names.decode("utf-8", "surrogateescape")], dialect))
    if row[:1] == row[-1:] == '"' and len(first_cells([row], dialect)) == 1 < width == len(first_cells([row], whole)):
        return whole
    d = re.escape(dialect.delimiter)
    spaced = dataclasses.replace(dialect, blanks=True)
    strict = first_cells([row], dialect, as_names=False)
    has_spaced = any(cell[:1] == " " and cell.lstrip(" ")[:1] == dialect.quote for cell in strict if dialect.quote)
    if has_spaced and len(first_cells([row], spaced)) == width:  # else it would be a quote in the middle of a cell
        return spaced
    for sign in {"'", '"'} - {dialect.quote}:
        others = re.sub(rf"(?<![^{d}]) *{sign}(?:[^{sign}]|{sign}{sign})*{sign}(?![^{d}])", "", row)
        cells = [*map(bare, others.split(dialect.delimiter))]
        words = (text for its in known.values() for text in its)
        if (
            others != row
            and sign.encode() not in names
            and all(not cell or is_number(cell) or is_number(cell, ",") for cell in cells)
            and not any(text[:1] == text[-1:] == sign for text in words)
        ):
            blanks = dialect.blanks or re.search(f"{d} +{sign}", row) is not None
            return dataclasses.replace(dialect, quote=sign, blanks=blanks)
    return dialect


def _dialects_for(head: Head, line: str, expected: Schema, options: TextOptions) -> list[Dialect]:
    """List the dialects that a table for a model may have: that of the training file, with the delimiters, quotes and
    blanks that the first line shows."""
    quote = options.quote
    escape = expected.escape if options.escape is None else options.escape
    delimiters = [head.delimiter] if head.delimiter else [*dict.fromkeys([expected.delimiter, *DELIMITERS, " "])]
    found = []
    for delimiter in delimiters:
        d = re.escape(delimiter)
        its = quote
        if its is None:
            its = expected.quote
            cells = [cell.strip() for cell in line.split(delimiter)]
            texts = [cell for cell in cells if cell and not is_number(cell) and not is_number(cell, ",")]
            for sign in '"', "'":
                if texts and all(len(cell) > 1 and cell[0] == cell[-1] == sign for cell in texts):
                    its = sign
        blanks = expected.blanks or (its != "" and re.search(f"(?:^|{d}) +{its}", line) is not None)
        found.append(Dialect(delimiter, its, escape, blanks))
    if line.startswith('"'):
        found += [Dialect(delimiter, wrapped=True) for delimiter in delimiters if delimiter in line]
    return found
