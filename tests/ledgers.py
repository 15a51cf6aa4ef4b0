"""The trials of a ledger, to compare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nncli.ledger import read


def trials(ledger: str = "sweep.jsonl") -> list[dict[str, Any]]:
    """In the order of their keys, without what is never the same."""
    _, records = read(Path(ledger))
    return sorted(({**record, "seconds": 0} for record in records), key=lambda record: record["trial"])
