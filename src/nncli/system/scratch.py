"""A folder for files that are needed only while a command runs."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from nncli.system import owned_folders
from nncli.system.os_errors import explain

PREFIX = "nncli-"
NAME = re.compile(PREFIX + "[0-9a-f]{16}")
# the data of a sweep, the states of its training runs, predictions of files, and the parts of a table on the disk
FILES = re.compile(
    r"data|[0-9a-f]{16}|[0-9]+|numbers(\.uint8)?|columns|values|texts|(text|date)-[0-9]+(-ends)?|target|table\.json"
    r"|SHA256SUMS|entries"
)
VARIABLE = "TMPDIR"


@contextlib.contextmanager
def folder(within: Path | None = None) -> Iterator[Path]:
    """Make a folder within another, by default the one for temporary files, and remove it at the end.

    Folders that killed commands have left are removed too. Raises OutputError if it cannot be made; OSError within a
    folder that is given, whose purpose the caller knows.
    """
    try:
        place = within or Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        raise explain(error) from None
    sweep_up(place)
    made = place / f"{PREFIX}{os.urandom(8).hex()}"
    with contextlib.ExitStack() as stack:
        stack.callback(owned_folders.remove, made, NAME, FILES)
        with contextlib.nullcontext() if within else writing(made):
            stack.enter_context(owned_folders.make(made))
        yield made


def writing(made: Path) -> contextlib.AbstractContextManager[None]:
    """Report a failure to write to such a folder as one of the folder that it is in."""
    return owned_folders.writing(made.parent, "temporary files", VARIABLE)


def sweep_up(within: Path) -> None:
    """Remove what killed commands have left in a folder."""
    with contextlib.suppress(OSError):  # it may not be listed, or is not there
        for path in within.iterdir():
            owned_folders.remove(path, NAME, FILES, abandoned=True)
