"""Decompress gzip, bz2 and xz: members one after the other, and zeros behind them."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Any

MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd", b"\xfd7zXZ": "xz"}
UNPACKERS = {"gzip": "gzip -dc", "bz2": "bzip2 -dc", "zstd": "zstd -dc", "xz": "xz -dc"}  # commands, before a file
XZ_MEMORY = 256 << 20  # bytes; what xz makes needs 65 MiB at most unless it is asked for more
PACKED_BYTES = 1 << 18  # unpacked at a time


class _Zlib:
    """A gzip member unpacked, with the interface of `lzma.LZMADecompressor`."""

    def __init__(self) -> None:
        self._decoder, self._rest, self._more = zlib.decompressobj(wbits=31), b"", False

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._rest and not self._more

    def decompress(self, data: bytes, size: int) -> bytes:
        found = self._decoder.decompress(self._rest + data, size)
        self._rest, self._more = self._decoder.unconsumed_tail, len(found) == size
        return found


class Members:
    """The bytes that compressed members unpack to, one after the other; zeros may pad them, as tapes do, and nothing
    else."""

    def __init__(self, stream: Any, decoder: Callable[[], Any]) -> None:
        self._stream, self._new, self.close = stream, decoder, stream.close
        self._decoder = decoder()

    def read(self, size: int = -1, /) -> bytes:
        found = b""
        while not found:
            data = b""
            if self._decoder.eof:
                unused = self._decoder.unused_data or self._stream.read(PACKED_BYTES)
                while unused and not (data := unused.lstrip(b"\0")):
                    unused = self._stream.read(PACKED_BYTES)
                if not data:
                    return b""
                self._decoder = self._new()
            elif self._decoder.needs_input and not (data := self._stream.read(PACKED_BYTES)):
                raise EOFError
            found = self._decoder.decompress(data, size)
        return found


DECODERS: dict[str, Callable[[], Any]] = {
    "gzip": _Zlib,
    "bz2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, XZ_MEMORY),
}
