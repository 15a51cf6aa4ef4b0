"""What the log of a training run says, but for times, which are never the same again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TIMES = ("seconds", "epoch_seconds")


def epochs_in(log: str) -> list[dict[str, Any]]:
    """Read a log of JSON without its times."""
    lines = map(json.loads, Path(log).read_text().splitlines())
    return [{name: value for name, value in line.items() if name not in TIMES} for line in lines]
