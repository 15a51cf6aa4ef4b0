"""How long a row waits for its answer in a warm pipe: written alone, answered before the next is written."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from measure import Comparison, process
from nncli.data.bundled import path_of
from shown import heading, show

NNCLI = str(Path(sys.executable).with_name("nncli"))
WARM, ROWS = 20, 500  # rows that are not counted, and those that are
ADDED = 1.0  # ms that nncli may take longer than a program that only hands the row on


def latency(data: Any, folder: Path, peers: set[str]) -> None:
    heading(f"predict one row in a warm pipe: the digits, one at a time, {ROWS} of them")
    process([NNCLI, "train", "digits", "-q", "-o", "digits.npz"], folder)
    lines = path_of("digits").read_text().splitlines(keepends=True)
    ours = waits([NNCLI, "predict", "digits.npz"], lines, folder)
    theirs = waits(["cat"], lines, folder)
    show(Comparison("median", "ms", "cat", ours, theirs, added=ADDED))
    print(f"  nncli: 99 % within {sorted(ours)[int(0.99 * ROWS)]:.2f} ms, longest {max(ours):.2f} ms")


def waits(command: Sequence[str], lines: Sequence[str], folder: Path) -> list[float]:
    """Milliseconds for each row, of a command that answers each line, and the header before them, with one."""
    found = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder) as running:
        assert running.stdin
        assert running.stdout
        header, *rows = lines
        running.stdin.write(header.encode())
        running.stdin.flush()
        running.stdout.readline()
        for i in range(WARM + ROWS):
            time.sleep(0.005)
            began = time.perf_counter()
            running.stdin.write(rows[i % len(rows)].encode())
            running.stdin.flush()
            running.stdout.readline()
            found.append((time.perf_counter() - began) * 1000)
        running.stdin.close()
    return found[WARM:]
