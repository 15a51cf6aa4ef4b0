"""Write in a model file which model it went on from, and read that again: its digest, and the data of all before it."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.sources import native, portable
from nncli.model.provenance import EarlierData, Fingerprint, Parent

MOST_TEXT = 1 << 20  # characters of all rows together, as a model file has room for other things too
MOST_ROWS = 1 << 28  # of all data together: so many bits are 32 MB
DIGEST = re.compile("[0-9a-f]{64}")
ROWS = re.compile("[A-Za-z0-9+/]*={0,2}")  # bits, compressed by zlib, in base64
LINEAGE = {
    "sha256": DIGEST,
    "data": [
        {
            "source": [str],
            "sha256": DIGEST,
            "bytes": (int, None),
            "n_rows": range(1, MOST_ROWS),
            "val_rows": ROWS,
            "test_rows": ROWS,
        }
    ],
}


def to_json(parent: Parent) -> dict[str, Any]:
    """Return the document; the oldest data are left out where there is no room for all of their rows."""
    found, room, left = list[dict[str, Any]](), MOST_TEXT, MOST_ROWS
    for one in parent.data:
        left -= one.n_rows
        rows = {name: _written(bits) for name, bits in (("val_rows", one.val_bits), ("test_rows", one.test_bits))}
        room -= sum(map(len, rows.values()))
        if room < 0 or left < 0:
            break
        source = [*map(portable, one.source)]
        its = {"source": source, "sha256": one.file.sha256, "bytes": one.file.n_bytes, "n_rows": one.n_rows}
        found.append(its | rows)
    return {"sha256": parent.sha256, "data": found}


def from_json(stored: Mapping[str, Any] | None) -> Parent | None:
    """Read a document of the form `LINEAGE`. Raises ValueError for rows that the data did not have."""
    if stored is None:
        return None
    data = []
    if sum(one["n_rows"] for one in stored["data"]) > MOST_ROWS:
        raise ValueError("more rows of earlier data than a file tells of")
    for one in stored["data"]:
        bits = {name: _read(one[f"{name}_rows"], one["n_rows"]) for name in ("val", "test")}
        file = Fingerprint(one["sha256"], one["bytes"])
        data.append(EarlierData(tuple(map(native, one["source"])), file, one["n_rows"], bits["val"], bits["test"]))
    return Parent(stored["sha256"], tuple(data))


def _written(bits: NDArray[np.uint8]) -> str:
    return base64.b64encode(zlib.compress(bits.tobytes(), 9)).decode() if len(bits) else ""


def _read(text: str, n_rows: int) -> NDArray[np.uint8]:
    """Unpack bits for so many rows; ValueError for others, before they take memory."""
    n_bytes = (n_rows + 7) // 8
    if not text:
        return np.zeros(0, np.uint8)
    try:
        unpacker = zlib.decompressobj()
        found = unpacker.decompress(base64.b64decode(text, validate=True), n_bytes + 1)
    except (ValueError, zlib.error):
        raise ValueError("rows of earlier data that are not of their form") from None
    if len(found) != n_bytes or not unpacker.eof:
        raise ValueError("rows that earlier data did not have")
    return np.frombuffer(found, np.uint8)
