"""Find the encoding of a text, and read it as UTF-8."""

from __future__ import annotations

import codecs
import re
from typing import TypeVar

from nncli.data.byte_input import ByteStream
from nncli.data.cells import quoted
from nncli.data.csv.alphabets import european_encoding
from nncli.errors import DataError, NncliError, mention

E = TypeVar("E", bound=NncliError)
UTF_8, UTF_16, UTF_32 = "utf-8", "utf-16", "utf-32"
MARKS = {  # the longer ones first: one of UTF-32 begins as one of UTF-16 does
    b"\xff\xfe\0\0": UTF_32,
    b"\0\0\xfe\xff": UTF_32,
    b"\xef\xbb\xbf": UTF_8,
    b"\xff\xfe": UTF_16,
    b"\xfe\xff": UTF_16,
}
# words of Russian and others, with no capital behind a small letter
RUSSIAN = re.compile(r"(?:[\x00-\x7f]|(?<![а-яё])[А-ЯЁ]|[а-яё])*+")
NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1f]")
ONLY_WINDOWS = re.compile(rb"[\x80-\x9f]")  # control characters in Latin-1, letters and quotes on Windows
MIXED = re.compile("\\w*[ÂÃ][\u0080-\u00bf]\\w*")
OF_OTHER_LETTERS = re.compile(r"[^\W\d_]*[^\W\d_\x00-\x7f][^\W\d_]*")  # a word that shows the encoding
WESTERN = ("latin-1", "cp1252")
MOST_WAITING = 16 << 20
SAMPLE_BYTES = 1 << 20
GUESSED_BYTES = 64 << 10  # charset-normalizer needs a second for a megabyte


def warnings_of_mixture(text: bytes, encoding: str) -> list[str]:
    """Warn of UTF-8 in a text that was read by another encoding, as Ã¶ for ö: such a file has parts in both. `text` is
    that text, as UTF-8 now."""
    if encoding == UTF_8 or (found := MIXED.search(text.decode("utf-8", "replace"))) is None:
        return []
    return [f"warning: '{found[0]}' looks like UTF-8 that is read as {encoding}: the file has parts in two encodings"]


def encoding_of_mark(data: bytes) -> str | None:
    """Return the encoding that the first bytes tell, if they do."""
    return next((encoding for mark, encoding in MARKS.items() if data.startswith(mark)), None)


def guessed_encoding(data: bytes, where: str) -> tuple[str, list[str]]:
    """Guess UTF-8, unless most of the characters beyond ASCII are not UTF-8; also return notes. Raises DataError where
    there is no good guess."""
    if not data or (data.isascii() and b"\0" not in data):
        return UTF_8, []
    if 0.25 < data.count(b"\0") / len(data) < 0.75:
        problem = "expected UTF-8, found what looks like UTF-16 without a mark"
        raise DataError(where, problem, f"Add {mention('encoding', 'utf-16-le')}")
    # the last character that has been read may be cut
    text = codecs.getincrementaldecoder(UTF_8)("surrogateescape").decode(data)
    beyond = [character for character in text if character > "\x7f"]
    bad = sum("\udc80" <= character <= "\udcff" for character in beyond)
    if 2 * bad <= len(beyond) or NO_TEXT.search(data):
        return UTF_8, []
    found = WESTERN[ONLY_WINDOWS.search(data) is not None]
    if _is_hardly_western(data, found):
        found = _of_other_script(data, where)
    else:
        found = european_encoding(data[:SAMPLE_BYTES]) or found
    word = OF_OTHER_LETTERS.search(data[:SAMPLE_BYTES].decode(found, "replace"))
    reads = f": it has {quoted(word[0])}" if word else ""
    note = f"encoding: {found}, as it is not UTF-8, a guess (--encoding names another){reads}"
    return codecs.lookup(found).name, [note]


def _is_hardly_western(data: bytes, encoding: str) -> bool:
    """Tell whether most letters are beyond ASCII in an encoding of western Europe, where few are."""
    letters = [character for character in data.decode(encoding, "replace") if character > "\x7f" or character.isalpha()]
    first_line = data[: data.find(b"\n") + 1]
    if first_line.isascii():  # English names of columns say nothing of the text below
        below = data[len(first_line) :].decode(encoding, "replace")
        letters = [character for character in below if character > "\x7f" or character.isalpha()]
    return 2 * sum(character > "\x7f" for character in letters) > len(letters)


def _of_other_script(data: bytes, where: str) -> str:
    import logging

    from charset_normalizer import from_bytes

    sample = data[:GUESSED_BYTES]
    lines = sample[: sample.rfind(b"\n") + 1] or sample  # no character is cut
    logging.getLogger("charset_normalizer").setLevel(logging.ERROR)
    found = from_bytes(lines)
    best = found.best()
    if best is None or best.encoding in (UTF_8, "ascii"):
        raise DataError(
            where, "expected UTF-8, found text in an unknown encoding", f"Name it with {mention('encoding')}"
        )
    # old Macintosh encodings have the small letters of Windows in their places, and are hardly met
    if best.encoding.startswith("mac_"):
        for encoding in ("cp1251", "koi8-r", "cp866"):
            if RUSSIAN.fullmatch(lines.decode(encoding, "replace")):
                return encoding
    windows = [one.encoding for one in found if one.encoding.startswith("cp125")]
    return windows[0] if best.encoding.startswith("mac_") and windows else best.encoding


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
        return self.encoding if self.unless_utf_8 and self.decoder and not self.is_open else ""

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
            problem = f"expected text in {self.encoding}, found other bytes"
            raise DataError(self.where, problem, f"Name another one with {mention('encoding')}") from None

    def close(self) -> None:
        self.stream.close()
