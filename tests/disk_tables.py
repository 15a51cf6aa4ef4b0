"""What the tests of tables on the disk share: one with columns of all kinds, and a complaint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Run = Callable[..., Any]
ROWS = 3000


def mixed(rows: int = ROWS, seed: int = 0) -> str:
    """Numbers with gaps, categories, dates, weights, two classes."""
    rng = np.random.default_rng(seed)
    lines = ["a,w,b,city,day,class"]
    for _ in range(rows):
        a, b = rng.normal(size=2)
        gap = "" if rng.random() < 0.05 else f"{b:.6g}"
        city, day = (
            ["rome", "", "oslo", "zürich"][rng.integers(4)],
            f"20{rng.integers(10, 25)}-0{rng.integers(1, 10)}-15",
        )
        lines.append(f"{a:.6g},{rng.random():.2f},{gap},{city},{day},{'yes' if a * b > rng.normal() / 4 else 'no'}")
    return "\n".join(lines) + "\n"


def complaint(nncli: Run, *argv: object) -> str:
    outcome = nncli(*argv, "-q")
    assert outcome.code in (1, 2)
    assert not Path("model.npz").exists()
    return str(outcome.err.strip())
