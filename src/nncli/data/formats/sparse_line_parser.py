"""Parse lines of sparse text one by one, those that cannot be parsed all at once: they are written in another way, or
wrong, which is told with the number of the line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.cells import check_width
from nncli.errors import DataError
from nncli.system.output import in_quotes, shortened

if TYPE_CHECKING:
    from scipy.sparse import csr_array

MOST_FEATURES = 1 << 20  # of sparse text; each has weights of its own
AS_IN = "as in '1 3:0.5 7:2'"
QUERY = re.compile(rb"qid:[0-9]+")  # of rows that were ranked together, which SVMlight has behind the label
FEATURE = re.compile(rb"\+?[0-9]{1,30}")
NUMBER = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
MISSING = re.compile(rb"(?i:[+-]?nan)")  # of a label, where none is needed


def parsed_line_by_line(lines: Sequence[bytes], number: int, where: str) -> tuple[csr_array, NDArray[np.float64]]:
    """Return the rows of lines and their labels, NaN for nan; `number` is that of the first line. Features may stand in
    any order. Raises DataError for a line that is wrong."""
    from scipy.sparse import csr_array

    labels, places, values, starts = list[float](), list[int](), list[float](), [0]
    for at, line in enumerate(lines, number):
        words = line.partition(b"#")[0].split()
        if not words:  # nothing, or a comment alone
            continue
        label, *pairs = words
        if not (NUMBER.fullmatch(label) or MISSING.fullmatch(label)):
            problem = f"expected a finite number as the label, {AS_IN}, found {_quoted(label)}"
            raise DataError(f"{where}:{at}", problem, "Number the classes, and write one number")
        labels.append(float(label))
        if pairs and QUERY.fullmatch(pairs[0]):
            del pairs[0]
        own = dict(_pair(pair, f"{where}:{at}") for pair in pairs)
        if len(own) < len(pairs):
            raise DataError(f"{where}:{at}", "expected each feature once, found one twice", "Leave one of them out")
        places.extend(sorted(own))
        values.extend(own[place] for place in sorted(own))
        starts.append(len(places))
    columns = np.array(places, np.int32)
    found: Any = (np.array(values, np.float32), columns, np.array(starts, np.int32))
    return csr_array(found, (len(labels), int(columns.max(initial=0)) + 1)), np.array(labels)


def _pair(pair: bytes, place: str) -> tuple[int, float]:
    """Return a feature and its value."""
    feature, colon, value = pair.partition(b":")
    if not colon:
        problem = f"expected a feature and its value, {AS_IN}, found {_quoted(pair)}"
        raise DataError(place, problem, "Write both with a colon between them, and no blank")
    if not FEATURE.fullmatch(feature):
        problem = f"expected the number of a feature, 0, 1, 2 or so on, before ':', found {_quoted(feature)}"
        raise DataError(place, problem, "Number the features from 0 or 1 on")
    check_width(int(feature), place, "features", MOST_FEATURES)
    with np.errstate(over="ignore"):  # infinite then
        is_finite = NUMBER.fullmatch(value) and np.isfinite(np.float32(float(value)))
    if not is_finite:
        problem = f"feature {int(feature)}: expected a finite number that fits float32, found {_quoted(value)}"
        raise DataError(place, problem, "Correct it, or leave it out where it is 0 or not known")
    return int(feature), float(value)


def _quoted(text: bytes) -> str:
    return in_quotes(shortened(text.decode(errors="replace")))
