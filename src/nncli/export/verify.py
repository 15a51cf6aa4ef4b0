"""Check a written file by the golden rows in it: run it in its own runtime, and say how near its answers are."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nncli.errors import OutputError, UsageError
from nncli.system.output import shortened

SECONDS = 600
MOST_TOLD = 300  # characters of what a check says
WRITE_AGAIN = "Write it again with nncli export"


def run_program(command: Sequence[str], path: Path, read: str = "") -> str:
    """Run a file that checks itself, with what it reads from stdin: return what it says. OutputError with the line that
    tells most where its answers are others."""
    try:
        done = subprocess.run(
            command,
            input=read,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except FileNotFoundError:
        problem = f"expected the program {command[0]} to run it, found none"
        remedy = f"Install {command[0]}, or verify the file on a computer that has it"
        raise UsageError("--verify", problem, remedy) from None
    except subprocess.TimeoutExpired:
        raise OutputError(str(path), f"its check did not end within {SECONDS} seconds", WRITE_AGAIN) from None
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip() or "it says nothing"
        found = re.search(r"golden row \d+: .*", said) or re.search(r"\w*[eE]rror: .*", said)
        told = found[0] if found else said.splitlines()[-1]
        raise OutputError(str(path), f"its check failed: {shortened(told, MOST_TOLD)}", WRITE_AGAIN)
    return done.stdout.strip()


def compare(found: Sequence[Sequence[float]], predictions: Sequence[Any], description: dict[str, Any]) -> float:
    """Compare answers with those of the golden rows, and the predictions with theirs: return the largest difference.
    ValueError for one that is too large, or another class where the first two are not level."""
    golden, largest = description["golden"], 0.0
    for i, (values, answers, tolerance) in enumerate(zip(found, golden["answers"], golden["tolerances"], strict=True)):
        difference = max(abs(value - answer) for value, answer in zip(values, answers, strict=True))
        if not difference <= tolerance:
            raise ValueError(f"golden row {i + 1}: expected {answers}, found {[*values]}")
        if description["task"] == "classification" and not is_level(answers, tolerance, description["output"]):
            expected = golden["predictions"][i]
            if predictions[i] != expected:
                raise ValueError(f"golden row {i + 1}: expected '{expected}', found '{predictions[i]}'")
        largest = max(largest, difference)
    return largest


def is_level(answers: Sequence[float], tolerance: float, output: dict[str, Any]) -> bool:
    """Tell whether rounding may decide between two classes."""
    near = 1e-5 + 2 * tolerance
    if output["threshold"] is not None:
        return bool(abs(answers[output["positive"]] - output["threshold"]) <= near)
    if output["costs"]:
        near *= max(abs(cost) for costs in output["costs"] for cost in costs)
        answers = [
            -sum(p * cost for p, cost in zip(answers, costs, strict=True))
            for costs in zip(*output["costs"], strict=True)
        ]
    first, second = sorted(answers, reverse=True)[:2]
    return first - second <= near


def said_of(rows: int, largest: float) -> str:
    """Say how near the answers of the golden rows are."""
    return f"{rows} golden rows: right, within {largest:.1e} of nncli"
