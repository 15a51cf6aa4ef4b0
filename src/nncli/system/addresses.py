"""Addresses on the network that stand where files are named."""

from __future__ import annotations

import re
import shlex
from typing import NamedTuple

ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://?([^/].*|/.*)")  # a path has lost one of the two slashes
TO_FETCH = ("http", "https", "ftp", "ftps")  # what curl fetches


class NotAFile(NamedTuple):
    """Say what is wrong with an address in the place of a file: as it was typed, the problem, and what to do."""

    where: str
    problem: str
    remedy: str


def address_problem(word: str) -> NotAFile | None:
    """Return what is wrong with an address in the place of a file that is read; None for what is no address."""
    match = ADDRESS.fullmatch(word)
    if match is None:
        return None
    scheme, rest = match[1].lower(), match[2].lstrip("/")
    where = f"{match[1]}://{'/' * (scheme == 'file')}{rest}"
    if scheme in TO_FETCH:
        remedy = f"Files are read from disk. Download it first: curl -LO {shlex.quote(f'{scheme}://{rest}')}"
    elif scheme == "file":
        remedy = f"Name the file itself: /{rest}"
    else:
        remedy = "Files are read from disk. Copy it to this computer first"
    return NotAFile(where, "expected a file, found an address", remedy)
