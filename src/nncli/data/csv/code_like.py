"""Tell which cells that can be read as numbers may be codes, and which texts look like numbers that are not read."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Sequence
from datetime import datetime

from nncli.data.cells import NUMBER, quoted
from nncli.data.month_names import in_english
from nncli.data.spellings import MONEY, number_spellings
from nncli.errors import flag, listing, write_names

LETTER_E = re.compile(r"\d+[eE]\d+", re.ASCII)  # programs write 1e+10 or 1.0E10
SHORTENED = re.compile(r"\d\.\d\dE\+(?:1[1-9]|2\d)", re.ASCII)  # as Excel writes codes of 12 figures or more
VERSION = re.compile(r"\d{1,3}\.\d{1,3}", re.ASCII)
PHONES = re.compile(r"\n(?:\+?\d{7,}\n)+", re.ASCII)
CALLED_CODES = (  # as people call codes of places and goods that are figures
    r"(?i)(.*[_ .-])?(zip|plz|postal|postcode|fips|cap|sku|ean|upc|isbn|icd|code)([_ .-]?(code|nr|no|number|id|5))?"
)
FIGURES = re.compile(r"\n(?:\d{3,}\n)+", re.ASCII)
LEADING_ZERO, ENDING_ZERO = re.compile(r"\n0\d", re.ASCII), re.compile(r"\.\d*0\n", re.ASCII)
HEXADECIMAL = re.compile(r"[+-]?0[xX][0-9a-fA-F]+")
MONTH = (
    r"(?i:\b(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?)\b)"
)
LIKE_A_NUMBER = rf"(?i)(?:[<>≤≥~≈±+−–(%-]*\s?[{MONEY}]?\s?|{MONTH}\.?[-/ ])\d"
CODE, MAYBE_DATE = re.compile(r"[\d ()+./-]+", re.ASCII), re.compile(r"\d{1,4}([-/. ])\d{1,2}\1\d{1,4}( .*)?", re.ASCII)
LIST_OF_WORDS = re.compile(r"[^\W\d]{2}[,;] ?[^\W\d]{2}")  # 5" pipe, red
PAIR = re.compile(r"9 ?[x×*/:–-] ?9\D*")  # 122/75, 23x32 cm
MOST_SHAPES, MOST_WORDS = 2, 5  # with letters, of cells that look like numbers; among them
NEARLY_ALL = 0.9
YEAR = re.compile(r"\d{4}")
DATE_FORMS = ("%Y-%m", "%Y/%m", "%m/%Y", "%b %Y", "%B %Y", "%b-%Y", "%Y-%b")
DAYS_OF_FIGURES = {"%Y%m%d": 8, "%Y%m": 6}  # and how many they are
MONTHS_OF_YEARS = re.compile(r"\n(?:(?:0?[1-9]|1[0-2])\.(?:19|20)\d\d\n)+", re.ASCII)
YEARS = range(1800, 2200)  # of dates that a column probably has


def why_codes(cells: Sequence[str], text: str) -> str:
    """Say why the cells are codes, though some or all of them can be read as numbers; the empty string if they are not.
    A leading zero says it, for no number is written so, and so do codes with other letters beside one such as 1E10.
    The text is that of all cells, a line each: one search in it is far faster than one in each cell."""
    if LEADING_ZERO.search(text):
        distinct = set(cells)
        if all(cell.isascii() and cell.isdigit() for cell in distinct):
            one_width = len({*map(len, distinct)}) == 1
            zeros = [cell for cell in distinct if cell[0] == "0" and len(cell) > 1]
            return "cells begin with 0" if one_width or any(map(int, zeros)) else ""
    if example := _letter_e(cells, text):
        others = [cell for cell in cells if NUMBER.fullmatch(cell) is None]
        if others and all(cell.isascii() and cell.isalnum() and re.search(r"\d", cell) for cell in others):
            return f"cells are codes: {quoted(example)} stands beside {quoted(others[0])}"
    return ""


def doubt_of_numbers(name: str, cells: Sequence[str], text: str) -> str:
    """Say how cells of a column are read that are numbers as they stand, but may be meant as codes, versions, phone
    numbers or dates; the empty string where nothing hints at it. The text is that of all cells, as in `why_codes`."""
    if example := _letter_e(cells, text):
        return f"{quoted(example)} is read as {float(example):.15g} (--categorical keeps codes apart)"
    if MONTHS_OF_YEARS.fullmatch(text) and len({cell[-4:] for cell in cells}) > 1:
        return f"{quoted(cells[0])} is read as a number (--date-format %m.%Y reads months)"
    if "E+" in text and (shortened := [*filter(SHORTENED.fullmatch, cells)]) and len({*shortened}) < len(shortened):
        told = "as Excel shortens long codes: write all digits into the file, or leave the column out with --drop"
        return f"{quoted(shortened[0])} is read as {float(shortened[0]):.0f}, and several rows have it, {told}"
    if ENDING_ZERO.search(text) and (lost := _lost_zero(cells, text)):
        return f"{lost} (--categorical keeps versions and codes apart)"
    for form, width in DAYS_OF_FIGURES.items():
        if len(cells[0]) == width and are_dates_of(cells, form):
            return f"{quoted(cells[0])} is read as a number (--date-format {form} reads dates)"
    if PHONES.fullmatch(text):
        if cells[0][0] == "+":
            return "numbers with + in front are read as numbers (--drop leaves out phone numbers)"
        if len(set(cells)) >= NEARLY_ALL * len(cells):
            many = "whole numbers of 7 digits or more, nearly all different"
            return f"{many}, are read as numbers (--drop leaves out phone numbers and other codes)"
    if re.fullmatch(CALLED_CODES, name) and FIGURES.fullmatch(text):
        short, long = min(cells, key=len), max(cells, key=len)
        lost = f"{quoted(short)} beside {quoted(long)} may have lost a zero; " if len(short) + 1 == len(long) else ""
        return f"its codes are read as numbers ({lost}--categorical keeps codes apart)"
    return ""


def unread_form(cells: Sequence[str]) -> str:
    """Say that texts look like numbers or dates in a form that is not read, and what to do; the empty string if they do
    not, or are codes. Most of the different ones do, as 12/7 and 3/4 do, and they have few shapes."""
    distinct = dict.fromkeys(cells)
    for form in DATE_FORMS if cells and YEAR.search(cells[0]) else ():
        if all(_is_date(cell, form) for cell in distinct):
            advice = f"add {flag('date_format')} {shlex.quote(form)}"
            return f"look like dates in a form that is not read ({quoted(cells[0])}): {advice} to learn from them"
    shapes = {cell: shape for cell in distinct if (shape := _shape(cell))}
    with_words = {shape for shape in shapes.values() if any(map(str.isalpha, shape))}  # as addresses have
    if 2 * len(shapes) <= len(distinct) or len(with_words) > max(MOST_SHAPES, len(shapes) // 3):
        return ""
    words = [cell for cell in distinct if cell not in shapes]
    if words and number_spellings([*shapes]):
        if figures := [word for word in words if any(map(str.isdigit, word))]:
            written = listing(map(quoted, figures), MOST_WORDS)
            return f"look like numbers except {written}: write plain numbers, as 1234.5, to learn from them"
        few = words[:MOST_WORDS]
        missing = f"{flag('missing')} {shlex.quote(write_names(few))}{', …' * (len(words) > len(few))}"
        return f"look like numbers except {listing(map(quoted, words), MOST_WORDS)}: add {missing} to learn from them"
    if 2 * sum(_is_code(cell) for cell in shapes) > len(distinct):
        return ""
    advice = "write plain numbers, as 1234.5, or dates, as 2024-01-31, to learn from them"
    if all(map(PAIR.fullmatch, shapes.values())):
        advice = "write each number into a column of its own, as 1234.5, to learn from them"
    example = next((cell for cell in shapes if not NUMBER.fullmatch(cell)), cells[0])
    return f"look like numbers in a form that is not read ({quoted(example)}): {advice}"


def _is_code(cell: str) -> bool:
    """Tell whether a cell has three groups of figures or more, as phone numbers and those of books do, and is no date
    that is written in some way."""
    groups = len(re.findall(r"\d+", cell))
    return groups > 2 and CODE.fullmatch(cell) is not None and MAYBE_DATE.fullmatch(cell) is None


def _shape(cell: str) -> str:
    """Write a cell that begins as a number does with 9 for its figures, and the same month for all; the empty string
    for others, and for codes."""
    is_hexadecimal = HEXADECIMAL.fullmatch(cell) is not None
    if (
        not re.match(LIKE_A_NUMBER, cell)
        or LIST_OF_WORDS.search(cell)
        or (cell.isalnum() and not cell.isdigit() and not is_hexadecimal)
    ):
        return ""
    return "0x9" if is_hexadecimal else re.sub(MONTH, "May", re.sub(r"\d+([.,]\d+)*", "9", cell))


def are_dates_of(cells: Collection[str], form: str) -> bool:
    """Tell whether all cells are dates of a format, though they may be numbers too, as 20240131 and 01.2024 are."""
    return bool(cells) and all(_is_date(cell, form) for cell in {*cells})


def _is_date(cell: str, form: str) -> bool:
    cell = in_english(cell, form)
    try:
        moment = datetime.strptime(cell, form)
    except ValueError:
        return False
    return moment.year in YEARS and moment.strftime(form).lstrip("0") == cell.lstrip("0")


def _letter_e(cells: Sequence[str], text: str) -> str:
    """Return the first cell such as 1E10."""
    return next(filter(LETTER_E.fullmatch, cells), "") if "E" in text or "e" in text else ""


def _lost_zero(cells: Sequence[str], text: str) -> str:
    """Say which cells lose a zero at their end, as versions do: 1.10 beside 1.1, or among others that look like 1.9."""
    figures = len(cells[0].partition(".")[2])
    if re.fullmatch(rf"\n(?:[+-]?\d*\.\d{{{figures}}}\n)*+", text):
        return ""  # a program has written so many for each
    distinct, shortest = {*cells}, dict[str, str]()
    for cell in sorted((cell for cell in distinct if "." in cell), key=lambda cell: (len(cell), cell)):
        bare = cell.rstrip("0")
        if bare[-1] != "." and (other := shortest.setdefault(bare, cell)) != cell:
            return f"{quoted(other)} and {quoted(cell)} are one number"
    fractions = {cell.partition(".")[2] for cell in distinct}
    if not all(map(VERSION.fullmatch, distinct)) or any(
        fraction[0] == "0" for fraction in fractions if len(fraction) > 1
    ):
        return ""
    longest = max(sorted(cell for cell in distinct if cell[-1] == "0"), key=len)
    return f"{quoted(longest)} is read as {float(longest):g}" if longest[-2] != "." else ""
