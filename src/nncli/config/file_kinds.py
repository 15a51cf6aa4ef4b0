"""The kinds of options that say which files are read, and how: what stands in them, and between what."""

from __future__ import annotations

import codecs
import encodings.aliases
import re
import shlex
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar

from nncli.config.option import Kind, as_text
from nncli.errors import write_names
from nncli.system.characters import composed, encoding_name
from nncli.system.numbers import read_whole

NONE = "none"
ENCODINGS = {*encodings.aliases.aliases, *encodings.aliases.aliases.values()}  # that Python has
MOST_PIXELS = 9999  # of a side
BLANKS = r"[^\S\r\n]*+"
NAME = rf'{BLANKS}(?:"((?:[^"]|"")*+)"|(?!")([^,\r\n]*?)){BLANKS}(,|$)'  # one of several between commas


class Files(Kind):
    """Names of files, given one by one, as any character may be part of a name; written as a shell takes them."""

    def read(self, text: str) -> tuple[str, ...]:
        return self.accept(shlex.split(text))

    def write(self, value: tuple[str, ...]) -> str:
        return shlex.join(value)

    def accept(self, value: Any) -> tuple[str, ...]:
        files = [value] if isinstance(value, str) else value
        if not (isinstance(files, list | tuple) and files and all(isinstance(file, str) and file for file in files)):
            raise ValueError("the name of a file")
        return tuple(files)

    def arguments(self, flag: str, value: tuple[str, ...]) -> list[str]:
        return [word for file in value for word in (flag, file)]


class Columns(Kind):
    """Names between commas; a name that holds a comma stands in double quotes."""

    def read(self, text: str) -> tuple[str, ...]:
        names: list[str] = []
        text = composed(text)
        at, more = 0, bool(text.strip())
        while more:
            found = re.compile(NAME).match(text, at)
            if found is None:
                raise ValueError("names between commas, on one line")
            names.append(found[2] if found[1] is None else found[1].replace('""', '"'))
            at, more = found.end(), found[3] == ","
        return tuple(names)

    def write(self, value: tuple[str, ...]) -> str:
        return write_names(value)


class Delimiter(Kind):
    """A delimiter: the character between two cells of a row, or its name."""

    NAMES: ClassVar = {
        "comma": ",",
        "semicolon": ";",
        "tab": "\t",
        "\\t": "\t",
        "blanks": " ",
        "blank": " ",
        "bar": "|",
    }

    def read(self, text: str) -> str:
        text = self.NAMES.get(text, text)
        if len(text) != 1 or not text.isascii() or text in '"\r\n\0' or text.isalnum():
            raise ValueError("one character such as ; or tab")
        return text

    def write(self, value: str) -> str:
        return {"\t": "tab", " ": "blanks"}.get(str(value), str(value))


@dataclass(frozen=True)
class Sign(Kind):
    """One of a few characters, by itself or by its name; the empty text has a name alone, which is none."""

    names: Mapping[str, str]  # name → character
    expected: str

    def read(self, text: str) -> str:
        sign = self.names.get(text, text)
        if sign not in self.names.values() or not text:
            raise ValueError(self.expected)
        return sign

    def words(self) -> tuple[str, ...]:
        return tuple(self.names)

    def write(self, value: str) -> str:
        return str(value) or NONE

    def accept(self, value: Any) -> str:
        return self.read(as_text(value) or NONE)


class Encoding(Kind):
    """An encoding of text, by the name that Python has for it."""

    def read(self, text: str) -> str:
        with suppress(LookupError, ValueError):
            if text.lower().replace("-", "_") in ENCODINGS:  # of which a model from a stranger may name one
                found = codecs.lookup(text)
                "a,b\n".encode(found.name)  # which what is no encoding of text refuses
                if found.incrementaldecoder is not None:
                    return found.name
        raise ValueError("an encoding such as utf-8, utf-16, latin-1 or cp1252")

    def write(self, value: str) -> str:
        return encoding_name(value.lower())


class Pair(Kind):
    """Two numbers with a sign between them; `expected` says which."""

    sign: ClassVar[str]
    expected: ClassVar[str]

    @abstractmethod
    def holds(self, first: int, second: int) -> bool:
        """Tell whether the two may stand together."""

    def read(self, text: str) -> tuple[int, int]:
        with suppress(ValueError):
            first, second = map(read_whole, text.split(self.sign))
            if self.holds(first, second):
                return first, second
        raise ValueError(self.expected)

    def write(self, value: Sequence[int]) -> str:
        return self.sign.join(map(str, value))

    def accept(self, value: Any) -> tuple[int, int]:
        return self.read(self.write(value) if isinstance(value, list | tuple) else as_text(value))


class RowRange(Pair):
    """The first and the last of some rows, from 1, as 1:83."""

    sign, expected = ":", "two numbers of rows such as 1:83"

    def holds(self, first: int, second: int) -> bool:
        return 1 <= first <= second


class PictureSize(Pair):
    """Width and height of a picture in pixels, as 28x28."""

    sign, expected = "x", "a width and a height such as 28x28"

    def holds(self, first: int, second: int) -> bool:
        return min(first, second) >= 1 and max(first, second) <= MOST_PIXELS
