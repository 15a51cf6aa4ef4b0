"""The names of the files of one data set: from the names to the files themselves. `expand` makes them of the words of a
command line.

A `Source` is a tuple of names: of files, or the one name of a folder of IDX files or of a bundled set, or `-` for
stdin. It stays a tuple all the way into the model file. The empty one stands for arrays that came from Python.
"""

from __future__ import annotations

import os
from pathlib import Path

from nncli.data.bundled import BUNDLED, path_of
from nncli.errors import DataError, did_you_mean

Source = tuple[str, ...]
STDIN: Source = ("-",)
ARRAYS: Source = ()
NAMED = 3  # files of a source that are named in a message; of the others only the number is said


def paths_of(source: Source) -> list[Path]:
    """Find the files of a source: each the one of its name if there is one, else the bundled set. Raises DataError for
    one name that can be neither, and for stdin beside other files."""
    if "-" in source and len(source) > 1:
        raise DataError("stdin", "cannot be one of several files", "Write it to a file first")
    return [_path_of(name, alone=len(source) == 1) for name in source]


def _path_of(name: str, alone: bool) -> Path:
    path = Path(name)
    if name == "-":
        return path
    if is_there(path):
        return path.absolute() if str(path) == "-" else path  # ./- is a file, and - is stdin
    if name in BUNDLED:
        return path_of(name)
    if path.parent == Path() and not path.suffix and alone:
        near = did_you_mean(name, BUNDLED) or f"The bundled sets are {', '.join(BUNDLED)}"
        raise DataError(name, "no such file, and no bundled data set of that name", near)
    return path


def is_there(path: Path) -> bool:
    """Tell whether there is such a file; also true where it may not be looked at, or has a name that no file can have:
    whoever opens it says so."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return True


def title(source: Source) -> str:
    """Name a source in a message: the first few of its files, and how many more there are."""
    if source == ARRAYS:
        return "arrays"
    names = ["stdin" if name == "-" else name for name in source]
    if len(names) <= NAMED:
        return ", ".join(names)
    return f"{', '.join(names[: NAMED - 1])} and {len(names) - NAMED + 1:,} more"


def portable(name: str) -> str:
    """Write a file name as UTF-8 has it, whatever the locale: bytes that are no UTF-8 become lone surrogates."""
    return os.fsencode(name).decode("utf-8", "surrogateescape")


def native(name: str) -> str:
    """Read what `portable` has written, as the names of files are read here. Raises ValueError for other surrogates."""
    return os.fsdecode(name.encode("utf-8", "surrogateescape"))
