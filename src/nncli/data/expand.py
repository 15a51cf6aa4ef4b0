"""From the words of a command line to the names of files: patterns, and folders whose files are parts of one table."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Iterable
from pathlib import Path

from nncli.data.bundled import BUNDLED
from nncli.data.sources import Source, is_there
from nncli.errors import DataError, NncliWarning
from nncli.system.addresses import address_problem

PATTERN_CHARACTERS = "*?["
COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
NOT_DATA = ("_", ".")  # how the names of files begin that programs put beside the parts
LOGS = ("_delta_log", ".hoodie")  # folders of logs that say which of the files count
HEAD_BYTES = 1 << 16  # of a part, in which its first line stands


def expand(words: Iterable[str]) -> Source:
    """List the files that the words name, in order; a word that is no file and has `*`, `?` or `[` in it is a pattern,
    and stands for all files that match it, by name; a folder of tables stands for all of them, by name. Raises
    DataError where nothing matches, and for an address on the network."""
    found: list[str] = []
    for word in words:
        path = Path(word)
        if word == "-":
            found.append(word)
        elif is_there(path):
            found += _tables_in(path, word)
        elif word in BUNDLED:
            found.append(word)
        elif problem := address_problem(word):
            raise DataError(*problem)
        elif any(one in word for one in PATTERN_CHARACTERS):
            matching = _matching(path)
            if not matching:
                raise DataError(word, "no file matches that pattern")
            for one in matching:
                found += _tables_in(one, str(one))
        else:
            found.append(word)
    return tuple(found)


def _matching(pattern: Path) -> list[Path]:
    try:
        return sorted(Path(pattern.anchor or ".").glob(str(pattern.relative_to(pattern.anchor))))
    except ValueError:  # as of `a**`, or of a zero byte
        return []


def _tables_in(path: Path, word: str) -> list[str]:
    """List the parts of a table in a folder, without those that are empty; anything else stays the word it is. Raises
    DataError for a folder of which not all files are parts of one table."""
    from nncli.data.formats.known_formats import format_of_folder

    try:
        if not path.is_dir() or format_of_folder(path) is not None:
            return [word]
        inside = sorted(path.iterdir())
    except (OSError, ValueError):
        return [word]
    log = next((one.name for one in inside if one.name in LOGS), None)
    if log is not None:
        problem = f"expected a folder of tables, found one whose log ({log}) says which of its files count"
        raise DataError(word, problem, "Write the table as one Parquet or CSV file")
    shown = [one for one in inside if not one.name.startswith(NOT_DATA)]
    files, folders = [one for one in shown if one.is_file()], [one for one in shown if one.is_dir()]
    if folders and (files or "=" in folders[0].name):
        problem = f"expected a folder of tables, found the folder {folders[0].name} in it"
        remedy = "Its name would be a column: write that into the files" if "=" in folders[0].name else "Name the files"
        raise DataError(word, problem, remedy)
    first = next((one for one in files if _ending(one) != _ending(files[0])), None)
    if first is not None:
        raise DataError(
            word, f"expected tables of one kind in that folder, found {files[0].name} and {first.name}",
            f"Name those to read: {shlex.quote(f'{path}/*{files[0].suffix}')}",
        )  # fmt: skip
    full = _with_rows(files)
    if 0 < len(full) < len(files):
        empty = len(files) - len(full)
        note = f"{word}: {empty:,} of its {len(files):,} files {'has' if empty == 1 else 'have'} no rows"
        warnings.warn(NncliWarning(note), stacklevel=2)
    return [*map(str, full or files[:1])] or [word]


def _ending(file: Path) -> str:
    """Return how the name of a file ends, without what compression adds."""
    bare = Path(file.stem) if file.suffix.lower() in COMPRESSED else file
    return bare.suffix.lower()


def _with_rows(files: list[Path]) -> list[Path]:
    """Leave out files of 0 bytes, Parquet files of 0 rows and, where all files have the same header, those with that
    alone: none of them can tell what the columns are."""
    files = [file for file in files if file.stat().st_size]
    if files and _ending(files[0]) == ".parquet":
        from nncli.data.formats.parquet import count_rows

        return [file for file in files if count_rows(file) != 0]
    heads = {file: _first_line(file) for file in files}
    if len({line for line, _ in heads.values()}) > 1 or not any(more for _, more in heads.values()):
        return files
    return [file for file in files if heads[file][1]]


def _first_line(file: Path) -> tuple[bytes, bool]:
    """Return the first line of a file, and whether there is more behind it."""
    from nncli.data.byte_input import open_input

    try:
        with open_input(str(file)) as opened:
            data = b""
            while len(data) < HEAD_BYTES and (more := opened.read(HEAD_BYTES)):
                data += more
            line, _, rest = data.partition(b"\n")
            return line.strip(), bool(rest.strip())
    except DataError:  # which whoever reads it explains
        return b"", True
