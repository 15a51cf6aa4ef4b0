"""`check` and `report` tell of texts that are nearly copies of others, where a random split flatters by them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reports import finding, report

Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")
WORDS = np.array(
    [f"{a}{b}" for a in "bcdfghklmn" for b in ("a", "ei", "ou", "ing", "ert", "ol", "um", "y", "ash", "ep")]
)
COPIES: dict[str, Callable[[str, int], str]] = {
    "another number at the end": lambda text, i: f"{text} Order {100_000 + i}",
    "a date before it": lambda text, i: f"2026-01-{1 + i % 28:02} {text}",
    "capitals and punctuation": lambda text, i: [text, text.upper(), f"{text}!", text.replace(" ", ", ", 4)][i % 4],
    "one word in twenty": lambda text, i: " ".join([*text.split()[:-1], str(WORDS[i % 100])]),
}


def texts(n: int, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, 20)) for _ in range(n)]


def findings(nncli: Run, rows: Sequence[str], y: np.ndarray[Any, Any], *options: str) -> list[str]:
    lines = [f'"{text}",{"ab"[k]}\n' for text, k in zip(rows, y, strict=True)]
    Path("d.csv").write_text("text,label\n" + "".join(lines))
    found = nncli("check", "d.csv", "--text", "text", *options, "--json").json["findings"]
    return [line for line in found if "near copies" in line]


@pytest.mark.parametrize("how", COPIES)
def test_texts_that_come_again_in_other_words_are_near_copies(how: str, nncli: Run) -> None:
    """The class is drawn by lot, so that copies alone tell it."""
    rng = np.random.default_rng(1)
    order = rng.permutation(240)
    y = np.repeat(rng.integers(2, size=60), 4)[order]
    rows = [COPIES[how](text, i) for i, text in enumerate(np.repeat(texts(60), 4).tolist())]
    (said,) = findings(nncli, [rows[i] for i in order], y)
    assert said.startswith("100.0 % of the rows have near copies")
    assert "has the same class in 100.0 %" in said
    first, second = (int(word.strip(":,")) - 1 for word in said.split("as rows ")[1].replace("and ", "").split()[:2])
    assert order[first] // 4 == order[second] // 4


def test_other_texts_of_the_same_words_are_no_copies(nncli: Run) -> None:
    assert findings(nncli, texts(240), np.random.default_rng(1).integers(2, size=240)) == []


def test_few_copies_are_left_alone(nncli: Run) -> None:
    rows = texts(240)
    rows[:6] = [f"{text} again" for text in rows[10:16]]
    assert findings(nncli, rows, np.random.default_rng(1).integers(2, size=240)) == []


def test_the_report_finds_them_too_and_says_where_it_does_not_look(nncli: Run) -> None:
    rng = np.random.default_rng(1)
    y = np.repeat(rng.integers(2, size=60), 4)
    rows = [f"{text} Order {i}" for i, text in enumerate(np.repeat(texts(60), 4).tolist())]
    findings(nncli, rows, y)
    assert nncli("train", "d.csv", "--text", "text", "--hash-bits", 10, "--epochs", 1, "-q").code == 0
    its = finding(report(nncli, "model.npz"), "Rows that belong together")
    assert its["state"] == "look"
    assert "--group COLUMN" in its["remedy"]
    Path("d.svm").write_text("".join(f"{k} {1 + i}:1 {3000 + i % 7}:1\n" for i, k in enumerate(y)))
    assert nncli("train", "d.svm", "--epochs", 1, "-q", "-o", "s.npz").code == 0
    its = finding(report(nncli, "s.npz"), "Rows that belong together")
    assert its["state"] == "unknown"
    assert its["evidence"] == "Near copies of rows were not looked for: the numbers are stored sparse."
