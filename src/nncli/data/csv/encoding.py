"""Find the encoding of a text, and read it as UTF-8."""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Iterable
from typing import TypeVar

from nncli.data.byte_input import ByteStream
from nncli.data.cells import quoted
from nncli.errors import DataError, NncliError, mention
from nncli.system.characters import encoding_name

E = TypeVar("E", bound=NncliError)
UTF_8, UTF_16, UTF_32 = "utf-8", "utf-16", "utf-32"
MARKS = {  # the longer ones first: one of UTF-32 begins as one of UTF-16 does
    b"\xff\xfe\0\0": UTF_32,
    b"\0\0\xfe\xff": UTF_32,
    b"\xef\xbb\xbf": UTF_8,
    b"\xff\xfe": UTF_16,
    b"\xfe\xff": UTF_16,
}
NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1f]")
ONLY_WINDOWS = re.compile(rb"[\x80-\x9f]")  # control characters in Latin-1, letters and quotes on Windows
MIXED = re.compile("\\w*[ÂÃ][\u0080-\u00bf]\\w*")
OF_OTHER_LETTERS = re.compile(r"[^\W\d_]*[^\W\d_\x00-\x7f][^\W\d_]*")  # a word that shows the encoding
WESTERN = ("latin-1", "cp1252")
MOST_WAITING = 16 << 20
SAMPLE_BYTES = 1 << 20
CLEAR = math.log(100)  # how much likelier a guess is than one that need not be told


def warnings_of_mixture(text: bytes, encoding: str) -> list[str]:
    """Warn of UTF-8 in a text that was read by another encoding, as Ã¶ for ö: such a file has parts in both. `text` is
    that text, as UTF-8 now."""
    if encoding == UTF_8 or (found := MIXED.search(text.decode("utf-8", "replace"))) is None:
        return []
    name = encoding_name(encoding)
    return [f"warning: '{found[0]}' looks like UTF-8 that is read as {name}: the file has parts in two encodings"]


def encoding_of_mark(data: bytes) -> str | None:
    """Return the encoding that the first bytes tell, if they do."""
    return next((encoding for mark, encoding in MARKS.items() if data.startswith(mark)), None)


def _wide_encoding(data: bytes) -> str | None:
    """Name the encoding of two or four bytes a character that the places of zero bytes tell, if there are as many."""
    first, second, third, fourth = (data[i::4].count(b"\0") * 4 / len(data) for i in range(4))
    if min(second, third) > 0.5 and max(first, fourth) > 0.5 > min(first, fourth):
        return "utf-32-le" if fourth > first else "utf-32-be"
    if 0.25 < (first + second + third + fourth) / 4 < 0.75:
        return "utf-16-le" if second + fourth > first + third else "utf-16-be"
    return None


def guessed_encoding(data: bytes, where: str) -> tuple[str, list[str]]:
    """Guess UTF-8, unless most of the characters beyond ASCII are not UTF-8; also return notes. Raises DataError where
    there is no good guess."""
    if not data or (data.isascii() and b"\0" not in data):
        return UTF_8, []
    if wide := _wide_encoding(data):
        problem = f"expected UTF-8, found what looks like {wide[:6].upper()} without a mark"
        raise DataError(where, problem, f"Add {mention('encoding', wide)}")
    # the last character that has been read may be cut
    text = codecs.getincrementaldecoder(UTF_8)("surrogateescape").decode(data)
    beyond = [character for character in text if character > "\x7f"]
    bad = sum("\udc80" <= character <= "\udcff" for character in beyond)
    if 2 * bad <= len(beyond) or NO_TEXT.search(data):
        return UTF_8, []
    sample = data[:SAMPLE_BYTES]
    from nncli.data.csv.likely_encoding import likely_encodings

    likely = likely_encodings(sample)
    if not likely:
        problem = "expected UTF-8, found text in an unknown encoding"
        raise DataError(where, problem, f"Name it with {mention('encoding')}")
    (best, found), *others = likely
    reads, text = "", sample.decode(found, "replace")
    if word := OF_OTHER_LETTERS.search(text):
        reads = f": it has {quoted(word[0])}"
        if other := _other_reading(word[0], found, [name for score, name in others if score > best - CLEAR]):
            reads += f", which is {quoted(other[0])} in {encoding_name(other[1])}"
    if found == "cp1252":
        found = WESTERN[ONLY_WINDOWS.search(data) is not None]
    note = f"encoding: {encoding_name(found)}, a guess, as it is not UTF-8 (--encoding names another){reads}"
    return codecs.lookup(found).name, [note]


def _other_reading(word: str, encoding: str, others: Iterable[str]) -> tuple[str, str] | None:
    """Read a word in the first of other encodings in which it is another one; also return that."""
    data = word.encode(encoding)
    return next(((other, name) for name in others if (other := data.decode(name, "replace")) != word), None)


class Utf8Text:
    """A stream of some encoding, as UTF-8. With `unless_utf_8`, the first line with a byte beyond ASCII decides: a
    line that is valid UTF-8 is hardly anything else."""

    def __init__(self, stream: ByteStream, encoding: str, where: str, unless_utf_8: bool = False) -> None:
        self.stream, self.where, self.encoding, self.unless_utf_8 = stream, where, encoding, unless_utf_8
        self.decoder = None if encoding == UTF_8 else codecs.getincrementaldecoder(encoding)()
        is_superset = "a,\n".encode(encoding) == b"a,\n"  # of ASCII
        self.is_open = unless_utf_8 and self.decoder is not None and is_superset
        self.waiting, self.at_end = b"", False

    @property
    def guess(self) -> str:
        """Return the encoding, if what has been read so far needs one that nobody told."""
        return encoding_name(self.encoding) if self.unless_utf_8 and self.decoder and not self.is_open else ""

    def with_guess(self, error: E) -> E:
        """Say in an error about the text how it is read, if that is a guess."""
        said = f" (the text is read as {self.guess}, which is a guess: {mention('encoding')} names another)"
        if self.guess and said not in error.problem:
            NncliError.__init__(error, error.where, error.problem + said, error.remedy)
        return error

    def read(self, size: int = -1, /) -> bytes:
        text = b""
        while not text and not self.at_end:  # what has come may be a part of a character
            data = self.stream.read(size)
            self.at_end = not data
            text = self._decoded(self._decidable(self.waiting + data) if self.is_open else data)
        return text

    def _decidable(self, data: bytes) -> bytes:
        """Return what can be read now; the line that decides waits for its end."""
        self.waiting = b""
        if data.isascii():
            return data
        beyond = len(data) - len(data.lstrip(bytes(range(128))))
        start, end = data.rfind(b"\n", 0, beyond) + 1, data.find(b"\n", beyond)
        if end < 0 and not self.at_end and len(data) < MOST_WAITING:
            self.waiting = data[start:]
            return data[:start]
        self.is_open = False
        try:
            data[start : end if end >= 0 else len(data)].decode()
            self.decoder = None
        except UnicodeDecodeError:
            pass
        return data

    def _decoded(self, data: bytes) -> bytes:
        if self.decoder is None:
            return data
        try:
            return self.decoder.decode(data, final=self.at_end).encode()
        except UnicodeError:
            problem = f"expected text in {encoding_name(self.encoding)}, found other bytes"
            raise DataError(self.where, problem, f"Name another one with {mention('encoding')}") from None

    def close(self) -> None:
        self.stream.close()
