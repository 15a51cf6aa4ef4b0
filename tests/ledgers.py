"""The trials of a ledger, to compare."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any


def trials(ledger: str = "model.sweep.jsonl") -> list[dict[str, Any]]:
    """In the order of their keys, as they stand in the file, without what is never the same."""
    _, *records = documents(ledger)
    return sorted(({**record, "seconds": 0} for record in records), key=lambda record: record["trial"])


def with_sum(text: bytes) -> bytes:
    """A line of a ledger, with the checksum that its text has."""
    return text[:-1] + b',"sum":"%08x"}\n' % zlib.crc32(text)


def line_of(document: dict[str, Any]) -> bytes:
    return with_sum(json.dumps(document, separators=(",", ":")).encode())


def documents(ledger: str = "model.sweep.jsonl") -> list[dict[str, Any]]:
    """The header and the trials, as they stand in the file; a torn line at its end does not count."""
    found = [json.loads(line) for line in Path(ledger).read_bytes().split(b"\n")[:-1]]
    return [{key: value for key, value in one.items() if key != "sum"} for one in found]
