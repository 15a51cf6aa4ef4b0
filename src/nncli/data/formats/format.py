"""Describe a kind of file: its name, how such a file begins, and its reader or what to do where there is none."""

from __future__ import annotations

import codecs
import importlib
import re
import shlex
from typing import Any, NamedTuple

BLANK = b" \t\n\r\f\v"  # what \s is of bytes


class Format(NamedTuple):
    """A kind of file, as it is told from others and read. `reader` is its module, or a class in it; empty for what
    is no data that can be read."""

    name: str  # with its article, as messages have it
    begins: bytes  # a pattern
    reader: str = ""
    is_matrix: bool = False  # numbers and labels without column names
    is_text: bool = False
    remedy: str = "Convert it to CSV"  # {file} stands for its name, as a shell takes it
    first: bytes = b""  # its first byte is one of these, where they are told: then other files need no pattern compiled

    def matches(self, head: bytes) -> bool:
        """Tell whether a file of this format may begin so."""
        head = head.removeprefix(codecs.BOM_UTF8)
        if self.first and head[:1] not in self.first:
            return False
        if self.is_text and b"\n" not in head:  # a long line, which may be cut within a number
            head = head[: max(head.rfind(b" "), head.rfind(b"\t"))]
        return re.match(self.begins, head, re.DOTALL) is not None

    def load(self) -> Any:
        """Import the reader."""
        module, _, name = self.reader.partition(":")
        found = importlib.import_module(f"nncli.data.{module}")
        return getattr(found, name) if name else found

    def advice(self, file: str) -> str:
        """Say what to do with a file of this format."""
        return self.remedy.replace("{file}", shlex.quote(file))
