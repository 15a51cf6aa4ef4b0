"""Arrays ↔ a plain .npz, in one way only.

A zip of .npy members in a given order, stored as they are, with nothing before, between or behind them. The last,
`sha256`, is the digest of the names and bytes of all others. `np.load(file, allow_pickle=False)` reads it; here
nothing else is read than what `pack` writes. It is read from its beginning to its end, as a pipe gives it, and the size
of each member is checked before any memory is asked for.
"""

from __future__ import annotations

import hashlib
import io
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that zip knows: the same arrays are the same bytes
DIGEST = "sha256"
MOST_BYTES = 2 * 10**9  # of all arrays: from 2 GiB on, zip would need another form
TYPES = {"<f4": "float32", "<f8": "float64", "<i8": "int64", "|u1": "uint8", "|b1": "bool"}
BEGINS, LIST_BEGINS, END_BEGINS = b"PK\3\4", b"PK\1\2", b"PK\5\6"
HEAD = struct.Struct("<4s5H3L2H")  # of a member, before its name
IN_LIST = struct.Struct("<4s4B4H3L5H2L")  # a member in the list at the end, before its name
END = struct.Struct("<4s4H2LH")  # of the file: signature, disks, members, size and place of their list, comment
VERSION, DAY = 20, (DATE[0] - 1980) << 9 | DATE[1] << 5 | DATE[2]  # as zipfile writes them
MADE_BY, MODE = (VERSION, 3), 0o600 << 16  # on Unix; what zipfile gives the files that it writes
LONGEST_NAME = 100
HEADER = (  # as text: it is compiled when a file is read
    rb"(?s)\x93NUMPY\x01\x00..\{'descr': '([<|][fiub][1-8])', 'fortran_order': False, 'shape': "
    rb"\((|\d{1,15},|\d{1,15}(?:, \d{1,15}){1,3})\), \} *\n"
)
HEADER_BYTES = 256
Array = NDArray[np.generic]
Most = Callable[[str, Mapping[str, Array]], int]  # the bytes that a member may have, beside the arrays before it


class OtherKind(ValueError):
    """A file is of another kind, not a damaged one of this."""


def pack(arrays: Mapping[str, Array]) -> bytes:
    """Return the bytes of the file; ValueError beyond `MOST_BYTES`, before any is made."""
    if sum(array.nbytes for array in arrays.values()) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES / 1e9:g} GB")
    digest = hashlib.sha256()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, allowZip64=False) as file:
        for name, array in arrays.items():
            member = _npy(array)
            digest.update(_labelled(name, len(member)))
            digest.update(member)
            file.writestr(zipfile.ZipInfo(f"{name}.npy", DATE), member)
        file.writestr(zipfile.ZipInfo(f"{DIGEST}.npy", DATE), _npy(np.frombuffer(digest.digest(), np.uint8)))
    return out.getvalue()


def unpack(file: BinaryIO, first: str, most: Most) -> dict[str, Array]:
    """Return the arrays of a file; ValueError, with the reason, for any that `pack` has not written, and then no more
    of it is read. `first` is the name of the first array, which tells such a file from those of other programs. `most`
    is asked before each member how many bytes belong there, and may raise ValueError for its name."""
    arrays: dict[str, Array] = {}
    digest, listed, at = hashlib.sha256(), b"", 0
    signature = file.read(len(BEGINS))
    if signature != BEGINS:
        raise OtherKind("something else")
    while signature == BEGINS:
        name, crc, size = _head(file, first, arrays)
        limit = len(_npy(np.zeros(32, np.uint8))) if name == DIGEST else most(name, arrays)
        if size > limit:
            raise ValueError(f"member {name} of {size:,} bytes, where at most {limit:,} belong")
        member = _exactly(file, size)
        if zlib.crc32(member) != crc:
            raise ValueError(f"member {name} is damaged")
        stored = arrays[name] = _array(name, memoryview(member))
        listed += _in_list(name, crc, size, at)
        at += HEAD.size + len(f"{name}.npy") + size
        signature = file.read(len(BEGINS))
        if name == DIGEST:
            break
        digest.update(_labelled(name, size))
        digest.update(member)
    if signature != LIST_BEGINS:
        between = f"something else behind member {[*arrays][-1]}"
        raise ValueError("a file that is cut off" if len(signature) < len(BEGINS) else between)
    end = END.pack(END_BEGINS, 0, 0, len(arrays), len(arrays), len(listed), at, 0)
    expected = (listed + end)[len(LIST_BEGINS) :]
    found = file.read(len(expected) + 1)
    if len(found) != len(expected):
        raise ValueError("a file that is cut off, or has data after its end")
    if found != expected:
        raise ValueError("a list of its members that is damaged")
    if arrays.pop(DIGEST, None) is None or stored.tobytes() != digest.digest():
        raise ValueError("the checksum over its members does not match them")
    return arrays


def _head(file: BinaryIO, first: str, arrays: Mapping[str, Array]) -> tuple[str, int, int]:
    """Read the name of the next member, its checksum, and its size in bytes."""
    rest = file.read(HEAD.size - len(BEGINS))
    if len(rest) < HEAD.size - len(BEGINS):
        raise ValueError("a file that is cut off")
    _, version, flags, method, time, day, crc, packed, size, length, extra = HEAD.unpack(BEGINS + rest)
    file_name = file.read(min(length, LONGEST_NAME)).decode("ascii", "replace")
    name = file_name.removesuffix(".npy")
    if not arrays and name != first:
        raise OtherKind("another kind of zip or npz file")
    if name == file_name or not name.isascii() or not name.isprintable():
        raise ValueError(f"a member of another kind, {file_name[:50]!r}")
    if (version, flags, method, time, day, packed, extra) != (VERSION, 0, zipfile.ZIP_STORED, 0, DAY, size, 0):
        raise ValueError(f"member {name[:50]} is not stored as it is")
    if name in arrays:
        raise ValueError(f"two members called {name[:50]}")
    return name, crc, size


def _exactly(file: BinaryIO, size: int) -> bytearray:
    """Read so many bytes; memory grows with what there is, not with what the file claims."""
    found = bytearray()
    while len(found) < size:
        part = file.read(min(size - len(found), 1 << 24))
        if not part:
            raise ValueError("a file that is cut off")
        found += part
    return found


def _in_list(name: str, crc: int, size: int, place: int) -> bytes:
    """Return the entry of a member in the list at the end, in which nothing is left to choose."""
    file_name = f"{name}.npy".encode()
    head = b"PK\1\2", *MADE_BY, VERSION, 0, 0, zipfile.ZIP_STORED, 0, DAY, crc, size, size
    return IN_LIST.pack(*head, len(file_name), 0, 0, 0, 0, MODE, place) + file_name


def _array(name: str, member: memoryview) -> Array:
    header = re.match(HEADER, member[:HEADER_BYTES])
    kind = header and TYPES.get(header[1].decode())
    if header is None or kind is None:
        raise ValueError(f"member {name} is no array of numbers in the form that NumPy writes")
    shape = tuple(int(part) for part in header[2].split(b",") if part.strip())
    dtype, size = np.dtype(kind), len(member) - header.end()
    if math.prod(shape) * dtype.itemsize != size or member[: header.end()] != _npy_header(dtype, shape):
        raise ValueError(f"member {name} says shape {shape} of {kind}, and has {size} bytes")
    return np.frombuffer(member.toreadonly(), dtype, offset=header.end()).reshape(shape)


def _npy(array: Array) -> bytes:
    member = io.BytesIO()
    np.lib.format.write_array(member, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return member.getvalue()


def _npy_header(dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> bytes:
    header = io.BytesIO()
    described = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, described)
    return header.getvalue()


def _labelled(name: str, size: int) -> bytes:
    """Return what the digest covers of a member beside its bytes, so that none can pass for another."""
    return f"{name} {size}\n".encode()
