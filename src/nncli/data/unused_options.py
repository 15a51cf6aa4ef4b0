"""Refuse options that say nothing about a file of some kind, so that none is ignored without a word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nncli.data.formats.format import Format
from nncli.data.formats.known_formats import IMAGES, TEXT, XLSX
from nncli.errors import OptionError

OF_COLUMNS = {
    "target": "no named columns",
    "drop": "no named columns",
    "only": "no named columns",
    "categorical": "no named columns",
    "numeric": "no named columns",
    "text": "no named columns",
    "weight": "no column of weights",
    "group": "no column of groups",
    "time": "no column of times",
    "missing": "no texts that could mean a missing value",
    "no_missing": "no texts that could mean a missing value",
    "date_format": "no dates",
}
OF_LINES = {
    "delimiter": "no delimiter",
    "decimal": "no choice of decimal signs",
    "thousands": "no choice of thousands separators",
    "header": "no header line",
    "header_rows": "no rows of names",
    "quote": "no choice of quotes",
    "escape": "no choice of escape characters",
    "encoding": "no choice of encodings",
    "skip_rows": "no lines to skip",
    "rows": "no choice of rows",
}
OTHERS = {"sheet": "no sheets", "resize": "no pictures to resize"}
LACKING = OF_COLUMNS | OF_LINES | OTHERS  # option → what a file has not that has no use for it


def refuse_unused(files: Iterable[tuple[str, Format]], given: Mapping[str, Any]) -> None:
    """Raise OptionError for an option, given with a value other than its default, of which a file has no use. What is
    refused does not depend on the order of the files."""
    files = list(files)
    for option, lacking in LACKING.items():
        if given.get(option) in (None, (), 0) and given.get(option) is not False:
            continue
        for name, found in files:
            if option not in _used_by(found):
                remedy = "Leave it out" if len(files) == 1 else "Leave it out, or save all files in one format"
                if found == XLSX and option == "header":
                    if given[option]:  # as it is
                        continue
                    lacking, remedy = "its names of columns at the top", "Insert a row with names, or save it as CSV"
                raise OptionError(option, f"{name} is {found.name}, which has {lacking}", remedy)


def _used_by(found: Format) -> set[str]:
    if found.is_matrix:
        return {"resize"} if found == IMAGES else set()
    if found == TEXT:
        return {*OF_COLUMNS, *OF_LINES}
    return {*OF_COLUMNS, "skip_rows", "sheet"} if found == XLSX else {*OF_COLUMNS}
