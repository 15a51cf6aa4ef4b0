"""Model files as somebody with bad intentions makes them."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import struct
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nncli.model import npz

Forge = Callable[[bytes], bytes]
DATE = (1980, 1, 1, 0, 0, 0)


def member(array: np.ndarray[Any, Any]) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array(out, array)
    return out.getvalue()


def members(data: bytes) -> dict[str, bytes]:
    """File name → bytes of each member, the checksum left out."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return {name: file.read(name) for name in file.namelist() if name != "sha256.npy"}


def zipped(parts: Sequence[tuple[str, bytes]], checksum: bool = True, **settings: Any) -> bytes:
    """A zip file of these members, with a right checksum over them at its end."""
    digest = hashlib.sha256()
    for name, part in parts:
        digest.update(f"{name.removesuffix('.npy')} {len(part)}\n".encode() + part)
    if checksum:
        parts = [*parts, ("sha256.npy", member(np.frombuffer(digest.digest(), np.uint8)))]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, part in parts:
            info = zipfile.ZipInfo(name, DATE)
            for key, value in settings.items():
                setattr(info, key, value)
            file.writestr(info, part)
    return out.getvalue()


def with_parts(edit: Callable[[dict[str, bytes]], Any]) -> Forge:
    """The model with other members, all sums right."""

    def forge(data: bytes) -> bytes:
        parts = members(data)
        made = edit(parts)
        return zipped(made if isinstance(made, list) else [*parts.items()])

    return forge


def with_array(name: str, edit: Callable[[Any], Any]) -> Forge:
    def forge(data: bytes) -> bytes:
        arrays = {
            key: value.copy()
            for key, value in npz.unpack(io.BytesIO(data), "meta", lambda name, arrays: len(data)).items()
        }
        arrays[name] = np.asarray(edit(arrays[name]))
        return zipped([(f"{key}.npy", member(value)) for key, value in arrays.items()])

    return forge


def in_turn(*forges: Forge) -> Forge:
    """The model after one edit and then the next."""
    return lambda data: functools.reduce(lambda made, forge: forge(made), forges, data)


def with_text(edit: Callable[[bytes], bytes]) -> Forge:
    return with_array("meta", lambda meta: np.frombuffer(edit(meta.tobytes()), np.uint8))


def with_meta(path: str, value: Any) -> Forge:
    """The model with another value in its JSON, at a place such as schema.target."""

    def edit(text: bytes) -> bytes:
        document = json.loads(text)
        place = document
        *way, last = path.split(".")
        for name in way:
            place = place[int(name) if isinstance(place, list) else name]
        if value is ...:
            del place[last]
        else:
            place[last] = value
        return json.dumps(document).encode()

    return with_text(edit)


def with_state(name: str, value: Any) -> Forge:
    """The model with another number in the state of its training."""

    def edit(text: bytes) -> bytes:
        document = json.loads(text)
        assert name in document["state"]
        document["state"][name] = value
        return json.dumps(document).encode()

    return with_text(edit)


def with_header(text: bytes, name: str = "theta.npy", version: bytes = b"\x01\x00") -> Forge:
    """The model with a member that says something else of itself."""

    def edit(parts: dict[str, bytes]) -> None:
        header = text + b" " * (-(len(text) + 11) % 64) + b"\n"
        body = parts[name][128:]
        parts[name] = b"\x93NUMPY" + version + struct.pack("<H", len(header)) + header + body

    return with_parts(edit)


def patched(old: bytes, new: bytes, last: bool = False) -> Forge:
    """The file with some of its bytes replaced, once."""

    def forge(data: bytes) -> bytes:
        at = data.rindex(old) if last else data.index(old)
        return data[:at] + new + data[at + len(old) :]

    return forge
