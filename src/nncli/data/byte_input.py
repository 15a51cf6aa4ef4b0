"""Bytes from a path or stdin: decompressed on the way, hashed as they are on disk, errors explained."""

from __future__ import annotations

import hashlib
import lzma
import os
import stat
import zipfile
import zlib
from contextlib import closing, suppress
from io import FileIO
from pathlib import Path
from typing import Any, Protocol

from nncli.data.decompression import DECODERS, MAGIC, Members
from nncli.data.sources import title
from nncli.data.zip_archive import BEGINS, OnlyFile
from nncli.errors import DataError, did_you_mean_file
from nncli.system.os_errors import NO_FILES, explain

BOMB_BYTES, BOMB_RATIO = 256 << 20, 200  # no table of numbers is packed so well
# what the libraries raise that unpack: pyarrow OSError and ValueError, zipfile also RuntimeError
UNREADABLE = (OSError, ValueError, EOFError, RuntimeError, lzma.LZMAError, zlib.error, zipfile.BadZipFile)
PIPE_BYTES = 1 << 20  # a fast writer fills it meanwhile: many rows at a time, where 64 KiB may hold only a few


class ByteStream(Protocol):
    """A source of bytes, from which every reader reads: `read(n)` gives up to n bytes, fewer if fewer have arrived, and
    b"" at the end."""

    def read(self, size: int = -1, /) -> bytes: ...
    def close(self) -> None: ...


def reason(error: Exception) -> str:
    """Return what a library says is wrong, as part of a line."""
    return (str(error).splitlines() or [type(error).__name__])[0][:100].rstrip(". ")


class HashingReader:
    """Passes a stream through and remembers the SHA-256 of it."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._sha = hashlib.sha256()
        self.closed = False  # pyarrow asks

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(size)
        self._sha.update(data)
        return data

    def hexdigest(self) -> str:
        """Return the digest of the whole stream; what nobody has read yet (padding after packed data) is read."""
        while not self.closed and self.read(1 << 20):
            pass
        return self._sha.hexdigest()

    def close(self) -> None:
        self.closed = True
        self._stream.close()


class PushbackStream:
    """A stream with its first bytes put back; `bytes` have been read from it so far."""

    def __init__(self, first: bytes, stream: ByteStream) -> None:
        self._first, self._stream, self.closed, self.bytes = first, stream, False, len(first)

    def read(self, size: int = -1, /) -> bytes:
        if not self._first:
            data = self._stream.read(size)
            self.bytes += len(data)
            return data
        if size < 0:
            first, self._first = self._first, b""
            return first + self._stream.read(size)
        first, self._first = self._first[:size], self._first[size:]
        return first

    def close(self) -> None:
        self.closed = True
        self._stream.close()


class Input:
    """An open file or stdin as plain bytes; `hexdigest()` is of the bytes before decompression. `line` is the number of
    its first line. What is `hashed` is read to its end, and unless told, `kept` in memory."""

    line = 1
    notes: tuple[str, ...] = ()

    def __init__(self, raw: ByteStream, where: str, hashed: bool, kept: bool = True) -> None:
        self.where, self.is_kept = where, hashed and kept
        status = os.fstat(raw.fileno()) if isinstance(raw, FileIO) else None
        path = raw.name if isinstance(raw, FileIO) and status and stat.S_ISREG(status.st_mode) else None
        self.hashing = HashingReader(raw) if hashed else None
        raw = self.hashing or raw
        self._stream: Any = raw
        self.kind = ""
        first = b""
        # A slow pipe is asked for more only as long as what has come may be the start of a magic number.
        while not self.kind and any(magic.startswith(first) for magic in MAGIC):
            more = self._guarded(5 - len(first))
            if not more:
                break
            first += more
            self.kind = next((kind for magic, kind in MAGIC.items() if first.startswith(magic)), "")
        self._packed = self._stream = PushbackStream(first, raw)
        self._unpacked = 0
        self.size = status.st_size if status and not self.kind else 0  # of what there is to read; 0: unknown
        if self.kind in DECODERS:
            self._stream = Members(self._stream, DECODERS[self.kind])
        elif self.kind:
            import pyarrow as pa

            self._stream = pa.CompressedInputStream(self._stream, self.kind)
        elif first.startswith(BEGINS) and status and isinstance(path, str):  # stdin has a number
            self.kind, self.size, self._packed.bytes = "zip", 0, status.st_size
            self._stream = OnlyFile(path, raw)

    def _guarded(self, size: int) -> bytes:
        try:
            data: bytes = self._stream.read(size)
        except IsADirectoryError:
            raise DataError(self.where, "is a folder, not a file", "Name a file in it") from None
        except UNREADABLE as error:
            if self.kind:
                raise DataError(
                    self.where, f"the {self.kind} data is damaged or cut short", "Fetch or compress it again"
                ) from None
            raise DataError(self.where, f"cannot be read ({getattr(error, 'strerror', None) or error})") from None
        return data

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:  # in pieces, so that a bomb is noticed before it is all in memory
            return b"".join(iter(lambda: self.read(PIPE_BYTES), b""))
        data = self._guarded(size)
        if self.kind and self.is_kept:
            self._unpacked += len(data)
            refuse_bomb(self.where, f"the {self.kind} data", self._unpacked, self._packed.bytes)
        return data

    @property
    def packed(self) -> int:
        """Return how many bytes have been read so far, as they are on the disk."""
        return self._packed.bytes

    def hexdigest(self) -> str:
        assert self.hashing is not None, "opened without hashed=True"
        return self.hashing.hexdigest()

    def close(self) -> None:
        self._stream.close()

    def __enter__(self) -> Input:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def refuse_bomb(
    where: str, what: str, unpacked: int, packed: int, remedy: str = "Unpack it by hand first", ratio: int = BOMB_RATIO
) -> None:
    """Raise DataError where so many bytes of memory come of so few in a file."""
    if unpacked > max(BOMB_BYTES, ratio * packed):
        raise DataError(where, f"{what} takes more than {ratio} times the size of the file in memory", remedy)


def open_raw(source: str) -> FileIO:
    """Open a file, or stdin as `-`, as the bytes on the disk. Raises DataError if it cannot be opened, and another
    NncliError if no file can be."""
    if source == "-":
        # Unbuffered: a row must arrive when it is written, not when a buffer is full.
        try:
            stdin = FileIO(0, "rb", closefd=False)
        except OSError as error:
            raise DataError("stdin", f"cannot be read ({error.strerror})") from None
        with suppress(ImportError, AttributeError, OSError):  # Linux, and only a pipe
            import fcntl

            if fcntl.fcntl(0, fcntl.F_GETPIPE_SZ) < PIPE_BYTES:
                fcntl.fcntl(0, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        return stdin
    path = Path(source)
    try:
        return path.open("rb", buffering=0)
    except (FileNotFoundError, NotADirectoryError):
        try:
            near = did_you_mean_file(
                path.name, sorted(p.name for p in path.parent.iterdir()), source[: -len(path.name)]
            )
        except OSError:
            near = ""
        raise DataError(source, "no such file", near) from None
    except IsADirectoryError:
        raise DataError(source, "is a folder, not a file", "Name a file in it") from None
    except PermissionError:
        raise DataError(source, "no permission to read it", "Allow it with chmod u+r, or ask its owner") from None
    except OSError as error:
        if error.errno in NO_FILES:
            raise explain(error) from None
        raise DataError(source, f"cannot be opened ({error.strerror})") from None
    except ValueError:  # a zero byte in the name
        raise DataError(repr(source), "is not the name of a file") from None


def peek(stream: ByteStream, size: int) -> tuple[bytes, ByteStream]:
    """Return the first bytes, up to that many or the end of a line, and the stream with them put back."""
    first = b""
    while len(first) < size and b"\n" not in first and (more := stream.read(size - len(first))):
        first += more
    return first, PushbackStream(first, stream)


def open_input(source: str, *, stream: ByteStream | None = None, hashed: bool = False, kept: bool = True) -> Input:
    """Open `source` (`-` is stdin) as plain bytes; for `hashed` and `kept` see `Input`. gzip, bz2, zstd, xz and zip are
    known by their first bytes.

    With `stream` given, that is read, and `source` is only its name. Raises DataError for what cannot be opened now, or
    read later.
    """
    return Input(open_raw(source) if stream is None else stream, title((source,)), hashed, kept)


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file as it is on the disk, the same that a hashed `open_input` ends with."""
    with closing(HashingReader(open_raw(str(path)))) as reader:
        return reader.hexdigest()
