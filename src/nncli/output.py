"""What leaves the program: lines on stderr, JSON on stdout."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import Any


def one_line(text: str) -> str:
    """The text with line breaks and other signs that move the cursor made visible."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def say(line: str, quiet: bool = False) -> None:
    """A note for the person: one line on stderr. That nobody can read it is no reason to stop."""
    if not quiet:
        with contextlib.suppress(OSError):
            print(one_line(line), file=sys.stderr, flush=True)


def print_json(document: Any) -> None:
    """What scripts read."""
    print(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def number(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:.3g}"


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"
