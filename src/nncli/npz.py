"""Arrays ↔ the bytes of a plain .npz, in one way only.

A zip of .npy members in a given order, stored as they are, with nothing before, between or behind them. The last,
`sha256`, is the digest of the names and bytes of all others. `np.load(file, allow_pickle=False)` reads it; here
nothing else is read than what `pack` writes, and every size is known to be right before any memory is asked for.
"""

from __future__ import annotations

import hashlib
import io
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that zip knows: the same arrays are the same bytes
DIGEST = "sha256"
TYPES = {"<f4": "float32", "<f8": "float64", "|u1": "uint8", "|b1": "bool"}
MOST_MEMBERS = 100
BEGINS, END_BEGINS = b"PK\3\4", b"PK\5\6"
END = struct.Struct("<4s4H2LH")  # of a zip file: signature, disks, members, size and place of their list, comment
IN_LIST = struct.Struct("<4s4B4H3L5H2L")  # a member in that list, before its name
MADE_BY, MODE = (20, 3), 0o600 << 16  # version 2.0, on Unix; what zipfile gives the files that it writes
HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '([<|][fub][1-8])', 'fortran_order': False, 'shape': "
    rb"\((|\d{1,15},|\d{1,15}(?:, \d{1,15}){1,3})\), \} *\n",
    re.DOTALL,
)
HEADER_BYTES = 256


def pack(arrays: Mapping[str, NDArray[np.generic]]) -> bytes:
    """The file; ValueError beyond 4 GiB, which is where zip would need another form."""
    digest = hashlib.sha256()
    out = io.BytesIO()
    try:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, allowZip64=False) as file:
            for name, array in arrays.items():
                member = _npy(array)
                digest.update(_labelled(name, member))
                digest.update(member)
                file.writestr(zipfile.ZipInfo(f"{name}.npy", DATE), member)
            file.writestr(zipfile.ZipInfo(f"{DIGEST}.npy", DATE), _npy(np.frombuffer(digest.digest(), np.uint8)))
    except zipfile.LargeZipFile:
        raise ValueError("more than 4 GiB") from None
    return out.getvalue()


def unpack(data: bytes, first: str) -> dict[str, NDArray[np.generic]]:
    """The arrays, as read-only views of the data; ValueError, with the reason, for any other bytes. `first` is the name
    of the first, by which such a file is known from those that others write."""
    members = dict(_members(data, first))
    digest = hashlib.sha256()
    for name, member in members.items():
        if name != DIGEST:
            digest.update(_labelled(name, member))
            digest.update(member)
    arrays = {name: _array(name, member) for name, member in members.items()}
    stored = arrays.pop(DIGEST, None)
    if stored is None or stored.tobytes() != digest.digest():
        raise ValueError("the checksum over its members does not fit them")
    return arrays


def _members(data: bytes, first: str) -> Iterable[tuple[str, memoryview]]:
    """Name and bytes of each member, if the whole file is what zipfile would have written for them."""
    view, n, listed = memoryview(data), *_end(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            members, start, comment = file.infolist(), file.start_dir, file.comment
    except (zipfile.BadZipFile, RuntimeError, ValueError, struct.error, EOFError, OSError) as error:
        raise ValueError(f"a zip file whose list of members is damaged ({error})") from None
    if not members or members[0].filename != f"{first}.npy":
        raise ValueError("another kind of zip or npz file")
    at, seen = 0, set()
    for member in members:
        name, plain = member.filename.removesuffix(".npy"), (0, 0, b"", b"", zipfile.ZIP_STORED)
        if member.filename == name or not name.isascii() or not name.isprintable():
            raise ValueError(f"a member of another kind, {member.filename[:50]!r}")
        if name in seen:
            raise ValueError(f"two members called {name[:50]}")
        seen.add(name)
        found = (member.flag_bits, member.volume, member.extra, member.comment, member.compress_type)
        if found != plain or member.date_time != DATE or member.file_size != member.compress_size:
            raise ValueError(f"member {name[:50]} is not stored as it is")
        header = member.FileHeader(zip64=False)
        begin = at + len(header)
        if member.header_offset != at or view[at:begin] != header:
            raise ValueError(f"something else before member {name[:50]}")
        at = begin + member.file_size
        if at > start or zlib.crc32(view[begin:at]) != member.CRC:
            raise ValueError(f"member {name[:50]} is damaged")
        yield name, view[begin:at]
    size = sum(IN_LIST.size + len(member.filename) for member in members)
    if (len(members), size) != (n, listed) or comment or at != start or at + size + END.size != len(data):
        raise ValueError("something else between or behind its members")
    if view[at : at + size] != b"".join(map(_in_list, members)):
        raise ValueError("a list of its members that is damaged")


def _in_list(member: zipfile.ZipInfo) -> bytes:
    """What the list has of it, with nothing left to choose."""
    date, name = DATE, member.filename.encode()
    at_night, day = 0, (date[0] - 1980) << 9 | date[1] << 5 | date[2]
    sizes = member.CRC, member.file_size, member.file_size
    head = b"PK\1\2", *MADE_BY, 20, 0, 0, zipfile.ZIP_STORED, at_night, day, *sizes
    return IN_LIST.pack(*head, len(name), 0, 0, 0, 0, MODE, member.header_offset) + name


def _end(data: bytes) -> tuple[int, int]:
    """How many members there are, and how long their list is: looked at before anything is made of it."""
    if not data.startswith(BEGINS):
        raise ValueError("something else")
    if len(data) < END.size:
        raise ValueError("a file that is cut off")
    signature, *disks, n, listed, start, comment = END.unpack(data[-END.size :])
    if signature != END_BEGINS or comment or disks != [0, 0, n] or start + listed + END.size != len(data):
        raise ValueError("a file that is cut off, or goes on behind its end")
    if n > MOST_MEMBERS or listed > n * (IN_LIST.size + 100) or data[-END.size - 20 :].startswith(b"PK\6\7"):
        raise ValueError("a zip file of another kind")
    return n, listed


def _array(name: str, member: memoryview) -> NDArray[np.generic]:
    header = HEADER.match(member[:HEADER_BYTES])
    kind = header and TYPES.get(header[1].decode())
    if header is None or kind is None:
        raise ValueError(f"member {name} is no array of numbers in the form that NumPy writes")
    shape = tuple(int(part) for part in header[2].split(b",") if part.strip())
    dtype, size = np.dtype(kind), len(member) - header.end()
    if math.prod(shape) * dtype.itemsize != size or member[: header.end()] != _npy_header(dtype, shape):
        raise ValueError(f"member {name} says shape {shape} of {kind}, and has {size} bytes")
    return np.frombuffer(member, dtype, offset=header.end()).reshape(shape)


def _npy(array: NDArray[np.generic]) -> bytes:
    member = io.BytesIO()
    np.lib.format.write_array(member, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return member.getvalue()


def _npy_header(dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> bytes:
    header = io.BytesIO()
    described = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, described)
    return header.getvalue()


def _labelled(name: str, member: bytes | memoryview) -> bytes:
    """What the digest has of a member beside its bytes: so that none can pass for another."""
    return f"{name} {len(member)}\n".encode()
