"""Write the part of an exported program that makes inputs of the words of texts, or of rows of few cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from nncli.data.words.hashing import BASE, WORD_BASE
from nncli.data.words.segmentation import SINGLES, UNSEEN
from nncli.export.description import Description
from nncli.export.text import filled

HALF = (1 << 32) - 1
ABSENT = "A column that a row has not is 0, and one that the model does not know says nothing.\n"
Escape = Callable[[int], str]  # of a code point


def more_of(description: Description, ending: str) -> dict[str, str]:
    """Return the parts of a template that models of few cells in a row fill, in a language by the ending of its
    files."""
    is_python = ending == "py.txt"
    if "words" in description:
        call = "words_in(row)" if is_python else "wordsIn(row)"
        parts = _words_in_python() if is_python else _words_in_javascript()
        return {"FOUND": call, "ABSENT": "", "MORE": filled(f"words.{ending}", parts)}
    if "sparse" in description:
        call = "cells_of(row)" if is_python else "cellsOf(row)"
        return {
            "FOUND": call,
            "ABSENT": ABSENT if is_python else f"// {ABSENT}",
            "MORE": filled(f"sparse_rows.{ending}", {}),
        }
    return {"FOUND": "()" if is_python else "[]", "ABSENT": "", "MORE": ""}


def _words_in_python() -> dict[str, str]:
    def escape(code: int) -> str:
        return f"\\u{code:04x}" if code < 1 << 16 else f"\\U{code:08x}"

    return {"BASE": f"{BASE:#x}", "WORD_BASE": f"{WORD_BASE:#x}", **_classes(escape)}


def _words_in_javascript() -> dict[str, str]:
    def escape(code: int) -> str:
        return f"\\u{code:04x}" if code < 1 << 16 else f"\\u{{{code:x}}}"

    bases = {"BASE": BASE, "WORD_BASE": WORD_BASE}
    return {
        **{name: f"{base >> 32:#x}, {base & HALF:#x}" for name, base in bases.items()},
        **_classes(escape),
        "BLANKS": _class(_ranges(_blanks()), escape),
    }


def _classes(escape: Escape) -> dict[str, str]:
    hidden = "".join(one if one == "-" else escape(ord(one)) for one in UNSEEN.pattern[1:-1])
    return {"SINGLES": _class(SINGLES, escape), "HIDDEN": hidden}


def _blanks() -> list[int]:
    """Return the code points of whitespace, between which pieces are."""
    return [code for code in range(1 << 16) if chr(code).isspace()]


def _ranges(codes: Sequence[int]) -> list[tuple[int, int]]:
    """Return runs of code points as the first and the last of each."""
    firsts = [code for code in codes if code - 1 not in codes]
    lasts = [code for code in codes if code + 1 not in codes]
    return [*zip(firsts, lasts, strict=True)]


def _class(ranges: Iterable[tuple[int, int]], escape: Escape) -> str:
    """Write ranges of code points as what stands in a class of a regular expression."""
    return "".join(escape(a) if a == b else f"{escape(a)}-{escape(b)}" for a, b in ranges)
