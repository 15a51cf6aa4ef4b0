"""What comes from a cluster: plain values as bytes, and nothing that names code.

Dask unpickles much of what it receives, and whoever sends it chooses what that is. A pickle runs code by naming it:
so nothing in this process may name any while it is connected.
"""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Iterator
from typing import Any

ALLOWED = {("builtins", "bytes")}  # with which Dask labels the bytes that it passes on
_connections, _watches = 0, False


def pack(value: Any) -> bytes:
    """Writes a plain value, one of what JSON has and bytes; tuples become lists."""
    import msgpack

    packed: bytes = msgpack.packb(value, unicode_errors="surrogatepass")  # names of files may have half a letter
    return packed


def unpack(data: Any) -> Any:
    """Reads what `pack` wrote; ValueError for anything else."""
    import msgpack

    if type(data) is not bytes:
        raise ValueError("no bytes")
    try:
        value = msgpack.unpackb(data, unicode_errors="surrogatepass")
        _check_plain(value)
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException):
        raise ValueError("bytes that say nothing plain") from None
    return value


def _check_plain(value: Any) -> None:
    kind = type(value)
    if kind is dict:
        for name, inner in value.items():
            if type(name) is not str:
                raise ValueError("a name that is no text")
            _check_plain(inner)
    elif kind is list:
        for inner in value:
            _check_plain(inner)
    elif kind is float:
        if not math.isfinite(value):
            raise ValueError("a number that is not finite")
    elif not (value is None or kind in (str, int, bool, bytes)):
        raise ValueError(f"a {kind.__name__}")


@contextlib.contextmanager
def nothing_unpickled() -> Iterator[None]:
    """Refuses, in all of this process, to unpickle what names a class or a function. A pickle of bare numbers, texts
    and bytes is still read."""
    global _connections, _watches
    if not _watches:
        sys.addaudithook(_refuse)  # for good: Python has no way to take it away
        _watches = True
    _connections += 1
    try:
        yield
    finally:
        _connections -= 1


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "pickle.find_class" and _connections and arguments not in ALLOWED:
        # as for a name that is not there, which those who unpickle are prepared for
        raise AttributeError("what comes from a cluster names no code")
