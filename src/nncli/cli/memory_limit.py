"""Check that a limit of memory (ulimit -v) leaves room for the libraries that a command loads.

Without room they print lines of their own, end the program or crash, each in its own way. So it is looked at before.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from nncli.cli.help import HELP

MiB = 1 << 20
# Address space that a command takes in one thread: with NumPy, and with pyarrow and some rows.
NUMPY, TABLES = 110 * MiB, 330 * MiB
THREAD = 50 * MiB  # for each further thread of the matrix products
NEED = {"info": NUMPY, "graph": NUMPY, "datasets": NUMPY}
LIMIT = re.compile(r"^Max address space +(\d+)", re.MULTILINE)


def check_memory_limit(words: Sequence[str]) -> None:
    """Raise MemoryError where there is too little for the command; where it is scarce, have fewer threads multiply."""
    if not words or words[0].startswith("-"):
        return
    need = NEED.get(words[0], TABLES) if set(HELP).isdisjoint(words) else NUMPY  # for the names of components
    try:
        found = LIMIT.search(Path("/proc/self/limits").read_text("ascii"))
        used = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # not Linux
        return
    if found is None:  # unlimited
        return
    left = int(found[1]) - used - need
    if left < 0:
        raise MemoryError
    threads = 1 + left // THREAD
    if threads < (os.cpu_count() or 1):
        os.environ.setdefault("OPENBLAS_NUM_THREADS", str(threads))
