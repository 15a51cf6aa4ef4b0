"""What every reader reads from: bytes that come one after the other."""

from __future__ import annotations

from typing import Protocol


class ByteStream(Protocol):
    """`read(n)` gives up to n bytes, fewer if fewer have arrived, and b"" at the end."""

    def read(self, size: int = -1, /) -> bytes: ...
    def close(self) -> None: ...
