"""The format of results from a cluster: plain values as bytes, which can name no code.

Dask unpickles much of what it receives, and the sender chooses what that is. A pickle runs code by naming it, so while
this process is connected, nothing that it unpickles may name any.
"""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Iterator
from typing import Any

ALLOWED = {("builtins", "bytes")}  # Dask labels with it the bytes that it passes on
_connections, _watches = 0, False


def pack(value: Any) -> bytes:
    """Write a value made of what JSON has, and bytes; tuples become lists."""
    import msgpack

    packed: bytes = msgpack.packb(value, unicode_errors="surrogatepass")  # file names may have lone surrogates
    return packed


def unpack(data: Any) -> Any:
    """Read what `pack` wrote; ValueError for anything else."""
    import msgpack

    if type(data) is not bytes:
        raise ValueError("no bytes")
    try:
        value = msgpack.unpackb(data, unicode_errors="surrogatepass")
        _check_plain(value)
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException):
        raise ValueError("no plain values") from None
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
    """Refuse, in all of this process, to unpickle anything that names a class or a function. Pickles of numbers, text
    and bytes are still read."""
    global _connections, _watches
    if not _watches:
        sys.addaudithook(_refuse)  # for good: Python cannot remove it
        _watches = True
    _connections += 1
    try:
        yield
    finally:
        _connections -= 1


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "pickle.find_class" and _connections and arguments not in ALLOWED:
        # the error for an unknown name, for which callers of pickle are prepared
        raise AttributeError("what comes from a cluster names no code")
