"""Thrift's compact protocol, in which Parquet writes its footer and the headers of its pages, as far as those go."""

from __future__ import annotations

from collections.abc import Iterator

TRUE, FALSE, BYTE, SHORT, INT, LONG, DOUBLE, TEXT, LIST, SET, STRUCT = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12
DEEPEST = 16  # more than any footer or header has


class ThriftReader:
    """Values out of bytes, one after the other; IndexError where the bytes end, ValueError for what cannot be."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def fields(self) -> Iterator[tuple[int, int]]:
        """Yield (number, kind) of each field of a struct; a value that the caller does not read is skipped."""
        field = 0
        while head := self.byte():
            field = field + (head >> 4) if head >> 4 else self.integer()
            start = self.at
            yield field, head & 15
            if self.at == start:
                self.skip(head & 15)

    def elements(self) -> tuple[int, int]:
        """Read how many elements a list has, and their kind."""
        head = self.byte()
        return (head >> 4 if head >> 4 < 15 else self._number()), head & 15

    def integers(self, *wanted: int) -> dict[int, int]:
        """Read the whole numbers in some fields of a struct."""
        found = {}
        for field, kind in self.fields():
            if field in wanted and SHORT <= kind <= LONG:
                found[field] = self.integer()
        return found

    def skip(self, kind: int, depth: int = 0) -> None:
        """Pass over a value of that kind."""
        if SHORT <= kind <= LONG:
            self._number()
        elif kind == TEXT:
            self._forward(self._number())
        elif kind in (BYTE, DOUBLE):
            self._forward(1 if kind == BYTE else 8)
        elif kind == STRUCT and depth < DEEPEST:
            for _, inner in self.fields():
                self.skip(inner, depth + 1)
        elif kind in (LIST, SET) and depth < DEEPEST:
            n, inner = self.elements()
            if n > len(self.data):
                raise ValueError("a list is cut short")
            for _ in range(n):
                self.skip(BYTE if inner in (TRUE, FALSE) else inner, depth + 1)
        elif kind not in (TRUE, FALSE):
            raise ValueError("a field has no known type")

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def integer(self) -> int:
        number = self._number()
        return (number >> 1) ^ -(number & 1)

    def _number(self) -> int:
        number = shift = 0
        while True:
            byte = self.byte()
            number |= (byte & 127) << shift
            if byte < 128:
                return number
            shift += 7
            if shift > 63:
                raise ValueError("a number is too long")

    def _forward(self, size: int) -> None:
        self.at += size
        if self.at > len(self.data):
            raise IndexError("cut short")
