"""What the tests of tables on the disk share: one with columns of all kinds, and a complaint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Run = Callable[..., Any]
ROWS = 3000
DISK = ("--memory", "300MB")
GOOD, BAD = ("fine", "lovely", "warm", "kind"), ("awful", "dull", "cruel", "sad")
REST = [
    "the",
    "naïve",
    "東京",
    *(a + b + c for a in ("ba", "lo", "mi") for b in "rnstk" for c in ("ela", "on", "ums", "i")),
]


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


def reviews(path: str, n: int = 900, seed: int = 0, columns: str = "id text price colour label") -> None:
    """Write texts, of which some are missing and some come twice, beside other columns, and a class that they tell."""
    rng = np.random.default_rng(seed)
    lines, before = [columns.replace(" ", ",")], ""
    for i in range(n):
        words = [*rng.choice(REST, int(rng.integers(4, 12))), *rng.choice(GOOD if i % 2 else BAD, 2)]
        rng.shuffle(words)
        before = text = "" if i % 50 == 3 else before if i % 40 == 7 else " ".join(words)
        cells = {"id": "ab"[i % 2] + str(i % 7), "text": text, "title": " ".join(words[:6][::-1]), "label": "ny"[i % 2]}
        cells |= {"price": f"{rng.exponential():.3f}", "colour": ["red", "blue", ""][i % 3]}
        lines.append(",".join(cells[name] for name in columns.split()))
    Path(path).write_text("\n".join(lines) + "\n", "utf-8")
