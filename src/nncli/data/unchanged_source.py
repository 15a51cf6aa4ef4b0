"""Tell whether a source still is what a model was trained on: its files, their digest and their size."""

from __future__ import annotations

from pathlib import Path

from nncli.data.byte_input import sha256_of
from nncli.data.source_files import SourceFiles
from nncli.data.sources import ARRAYS, STDIN, Source, is_there, paths_of, title
from nncli.data.table_builder import digest_of
from nncli.errors import DataError

MOST_BYTES = 16 << 30  # of the data of an older model, whose file does not say how many there were


def digest_of_source(source: Source) -> str:
    """Return the SHA-256 of the bytes of a source, as `Dataset.sha256` has it."""
    given = SourceFiles.of(source)
    if given.is_folder:
        return given.formats[0].load().digest(given.paths[0])
    return digest_of([sha256_of(path) for path in given.paths])


def files_read(source: Source) -> list[Path]:
    """List the files that reading a source opens: also those within a folder, and the labels beside images. Raises
    DataError as `paths_of` does."""
    return paths_of(source) if source == STDIN else SourceFiles.of(source).files()  # a look would take bytes from stdin


def check_as_it_was(source: Source, size: int | None, model_file: str, remedy: str) -> None:
    """Raise DataError unless a source that a model file names can be what the model was trained on: files, a folder of
    IDX files or a bundled set, and together of that size in bytes. A file from a stranger may name anything: a device
    without an end, a pipe, all that matches a pattern. `size` None: an older file, which does not say it."""
    if source in (STDIN, ARRAYS):
        raise DataError(model_file, f"the model was trained on {title(source)}, which cannot be read again", remedy)
    for name, path in zip(source, paths_of(source), strict=True):
        if not is_there(path):
            raise DataError(name, f"no such file, from which the rows of {model_file} are read", remedy)
        if not (path.is_file() or path.is_dir()):
            raise DataError(name, f"expected a file, from which the rows of {model_file} are read", remedy)
    found = SourceFiles.of(source).bytes()
    if found == 0 or (found > MOST_BYTES if size is None else found != size):
        had = "" if size is None else f", and had {size:,} then"
        raise DataError(
            title(source), f"the data have changed since {model_file} was trained on them: {found:,} bytes{had}", remedy
        )
