"""A folder for what is of use only while a command runs."""

from __future__ import annotations

import contextlib
import re
import secrets
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from nncli.system import owned_folders
from nncli.system.os_errors import explain

PREFIX = "nncli-"
NAME = re.compile(PREFIX + "[0-9a-f]{16}")
# the data of a sweep, the states of its trainings, the answers to files, and what a table on the disk grows from
FILES = re.compile(
    r"data|[0-9a-f]{16}|[0-9]+|numbers(\.uint8)?|columns|values|(text|date)-[0-9]+|target|table\.json|SHA256SUMS"
)
YOUNG = 60  # seconds in which a folder may not have its lock yet
VARIABLE = "TMPDIR"
Blame = Callable[[Path], contextlib.AbstractContextManager[None]]


@contextlib.contextmanager
def folder(within: Path | None = None, blame: Blame | None = None) -> Iterator[Path]:
    """Makes a folder in that one, or else among the temporary files, which is gone at the end. Those of commands that
    were killed go as well. OutputError where there can be none; of another form where `blame` says so."""
    within = within or _temporary()
    sweep_up(within)
    made = within / f"{PREFIX}{secrets.token_hex(8)}"
    with contextlib.ExitStack() as stack:
        stack.callback(owned_folders.remove, made, NAME, FILES)
        with (blame or writing)(made):
            stack.enter_context(owned_folders.make(made))
        yield made


def writing(made: Path) -> contextlib.AbstractContextManager[None]:
    """Blames a failure to write to such a folder on the one that it is in."""
    return owned_folders.writing(made.parent, "temporary files", VARIABLE)


def sweep_up(within: Path) -> None:
    """Removes what killed commands have left in that folder."""
    with contextlib.suppress(OSError):  # it may not be listed, or is not there
        for path in within.iterdir():
            owned_folders.remove(path, NAME, FILES, unused_for=YOUNG)


def _temporary() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        raise explain(error) from None
