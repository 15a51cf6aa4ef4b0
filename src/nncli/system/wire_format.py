"""The format of results from a cluster: plain values as bytes, which can name no code.

Dask unpickles much of what it receives, and the sender chooses what that is. A pickle runs code by naming it, so while
this process is connected, nothing that it unpickles may name any.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from typing import Any

ALLOWED = {("builtins", "bytes")}  # Dask labels with it the bytes that it passes on
_connections, _watches = 0, False


def pack(value: Any) -> bytes:
    """Write a value made of what JSON has, and bytes; tuples become lists."""
    import msgpack

    return msgpack.packb(value, unicode_errors="surrogatepass")  # file names may have lone surrogates


def unpack(data: Any) -> Any:
    """Read what `pack` wrote; ValueError for anything else."""
    import msgpack

    if type(data) is not bytes:
        raise ValueError("no bytes")
    try:
        value = msgpack.unpackb(data, unicode_errors="surrogatepass", ext_hook=_refuse_other)
        json.dumps(value, allow_nan=False, default=_refuse_other)  # raises for all that JSON has not, but bytes
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException):
        raise ValueError("no plain values") from None
    return value


def _refuse_other(value: Any, *_: Any) -> str:
    if type(value) is bytes:
        return ""
    raise ValueError("no plain value")


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
