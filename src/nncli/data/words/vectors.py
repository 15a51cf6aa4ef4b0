"""Vectors of words from a file, as word2vec and fastText write them, in the places that the words are hashed to.

The first line says how many words there are and how many numbers each vector has; then each line has a word and its
numbers, with one blank between two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncli.data.byte_input import Input, open_input
from nncli.data.words.features import places_of_words
from nncli.data.words.options import WordOptions
from nncli.errors import DataError, flag, mention
from nncli.system.output import counted, in_quotes, shortened

MOST_NUMBERS = 1000  # of a vector
MOST_LINE = 1 << 20  # bytes
AT_ONCE = 1 << 20  # bytes that are read, and lines that are looked at, at a time
FORM = "as 2000 100 for 2,000 vectors of 100 numbers"


class VectorFile(NamedTuple):
    """A file of vectors, by its name and the SHA-256 of its bytes."""

    file: str
    sha256: str


@dataclass(frozen=True)
class Vectors:
    """The vectors of a file: of each input that one of its words is hashed to, the mean over its words, with the sign
    that each of them has there."""

    of: VectorFile
    words: int  # in the file
    places: NDArray[np.int64]  # (m, columns of text), of the words that are one as texts are cut too
    values: NDArray[Any]  # (2^bits, size): 0 where there is no word

    @property
    def known(self) -> NDArray[np.bool_]:
        """Tell which inputs have a vector, (2^bits,)."""
        found = np.zeros(len(self.values), np.bool_)
        found[self.places.ravel()] = True
        return found

    @property
    def sharing(self) -> float:
        """Return the share of the words that share their place with another one."""
        return float((np.bincount(self.places.ravel())[self.places] > 1).mean())


def size_of_vectors(file: str) -> int:
    """Return how many numbers each vector of a file has; DataError where its first line does not say so."""
    with open_input(_regular(file)) as stream:
        for _, line in _lines(stream):
            return _head(file, line)[1]
    raise _no_head(file, "the end of the file")


def read_vectors(file: str, options: WordOptions, columns: int, dtype: str, size: int) -> Vectors:
    """Read a file of vectors of `size` numbers for so many columns of text, line by line: beside the vectors of the
    inputs, memory is that of a block of lines. DataError, with the line, for a file that is not as it should be."""
    sums, times = np.zeros((options.places, size), dtype), np.zeros(options.places, np.int64)
    found: list[NDArray[np.int64]] = []
    words, stop = 0, -1
    with open_input(_regular(file), hashed=True) as stream:
        for number, lines in _blocks(_lines(stream)):
            if stop < 0:
                stop, own = _head(file, lines[0])
                if own != size:
                    problem = f"expected vectors of {size} numbers, as {flag('embedding')} says, found {own}"
                    raise DataError(f"{file}:1", problem, f"Use {mention('embedding', own)}, or leave it out")
                lines, number = lines[1:], number + 1
            if words + len(lines) > stop:
                problem = f"expected the end behind {counted(stop, 'word')}, as the first line says, found more"
                raise DataError(f"{file}:{stop + 2}", problem, "Correct the first line")
            words += len(lines)
            named, numbers = _parsed(file, number, lines, size, dtype)
            of_columns = []
            for column in range(columns):
                which, places, signs = places_of_words(named, options, column)
                with np.errstate(over="ignore"):  # which is looked for at the end
                    np.add.at(sums, places, numbers[which] * signs[:, None])
                times += np.bincount(places, minlength=options.places)
                of_columns.append(places)
            found.append(np.stack(of_columns, axis=1))
        sha256 = stream.hexdigest()
    if stop < 0:
        raise _no_head(file, "the end of the file")
    if words < stop:
        problem = f"expected {counted(stop, 'word')}, as the first line says, found the end behind {words:,}"
        raise DataError(f"{file}:{words + 2}", problem, "Fetch the whole file, or correct the first line")
    places = np.concatenate(found)
    if not len(places):
        raise DataError(file, "expected words as texts are cut into them, found none", "Use vectors of single words")
    several = np.flatnonzero(times > 1)
    with np.errstate(invalid="ignore"):
        sums[several] /= times[several, None]
    if not np.isfinite(sums).all():
        raise DataError(file, "expected numbers whose sums fit float32, found larger ones", "Divide all of them by one")
    return Vectors(VectorFile(file, sha256), words, places, sums)


def words_in(file: str, sha256: str) -> list[str]:
    """Return the words of a file of vectors; DataError where it cannot be read or has other bytes by now."""
    with open_input(_regular(file), hashed=True) as stream:
        found = [line.partition(b" ")[0].decode(errors="replace") for number, line in _lines(stream) if number > 1]
        if stream.hexdigest() != sha256:
            raise DataError(file, "expected the vectors that the model started from, found others", "Put them back")
    return found


def _regular(file: str) -> str:
    """Return the name of a file; DataError for a device or a pipe, which a model from a stranger might name."""
    path = Path(file)
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise DataError(file, "expected a file of vectors, found a pipe or a device", "Save them in a file first")
    return file


def _lines(stream: Input) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a file, and the number of each, from 1."""
    rest, number = b"", 0
    while data := stream.read(AT_ONCE):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            number += 1
            yield number, line
        if len(rest) > MOST_LINE:
            problem = f"expected a word and its numbers, found a line of more than {MOST_LINE:,} bytes"
            raise DataError(f"{stream.where}:{number + 1}", problem, "Use a text file of vectors, one word a line")
    if rest:
        yield number + 1, rest


def _blocks(lines: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, list[bytes]]]:
    """Yield several lines at a time, and the number of the first."""
    block, size, first = list[bytes](), 0, 1
    for number, line in lines:
        if not block:
            first, size = number, 0
        block.append(line)
        size += len(line)
        if size >= AT_ONCE:
            yield first, block
            block = []
    if block:
        yield first, block


def _head(file: str, line: bytes) -> tuple[int, int]:
    """Return how many words there are, and how many numbers each has, from the first line of a file."""
    fields = line.removeprefix(b"\xef\xbb\xbf").split()
    if len(fields) != 2 or not all(field.isdigit() and len(field) < 12 for field in fields):
        raise _no_head(file, in_quotes(shortened(line.decode(errors="replace"))))
    words, size = map(int, fields)
    if not (words and 1 <= size <= MOST_NUMBERS):
        problem = f"expected at least one word, and 1 to {MOST_NUMBERS:,} numbers each, found {words:,} and {size:,}"
        raise DataError(f"{file}:1", problem, "Use another file of vectors")
    return words, size


def _no_head(file: str, found: str) -> DataError:
    problem = f"expected the number of words and of the numbers of each, {FORM}, found {found}"
    return DataError(f"{file}:1", problem, "Put such a line first")


def _parsed(
    file: str, first: int, lines: Sequence[bytes], size: int, dtype: str
) -> tuple[list[str], NDArray[np.floating]]:
    """Return the words of lines, and their numbers (n, size)."""
    words, numbers = list[str](), list[str]()
    for i, line in enumerate(lines):
        try:
            word, _, rest = line.rstrip(b" \r").decode().partition(" ")
        except UnicodeDecodeError:
            problem = "expected text in UTF-8, found other bytes"
            raise DataError(f"{file}:{first + i}", problem, "Save it as text, in UTF-8") from None
        words.append(word)
        numbers.append(rest)
    found = _numbers(numbers, size, dtype)
    if found is None:
        i, bad = next((i, one) for i, one in enumerate(numbers) if _numbers([one], size, dtype) is None)
        have = len(bad.split(" ")) if bad else 0
        told = f"{have:,}" if have != size else in_quotes(shortened(bad))
        problem = f"expected a word and {counted(size, 'finite number')}, with one blank between two, found {told}"
        raise DataError(f"{file}:{first + i}", problem, "Correct the line, or leave it out and count one word less")
    return words, found


def _numbers(texts: Sequence[str], size: int, dtype: str) -> NDArray[np.floating] | None:
    """Return the numbers (n, size) that texts have; None where one has others."""
    if any(text.count(" ") != size - 1 or not text for text in texts):
        return None
    if not texts:
        return np.zeros((0, size), dtype)
    try:
        with np.errstate(over="ignore"):
            found = np.loadtxt(texts, dtype, comments=None, delimiter=" ", ndmin=2)
    except ValueError:
        return None
    return found if found.shape == (len(texts), size) and np.isfinite(found).all() else None
