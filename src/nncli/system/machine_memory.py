"""How much memory there is: of the machine, or of the container in it."""

from __future__ import annotations

import functools
import math
import os
from contextlib import suppress
from pathlib import Path

LIMIT_OF_CONTAINER = Path("/sys/fs/cgroup/memory.max")  # a number of bytes, or max


@functools.cache
def machine_memory() -> float:
    """Return how many bytes of memory a process can have at most; infinity where the system does not say."""
    found = math.inf
    with suppress(ValueError, OSError, AttributeError):  # of a system without it
        found = float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with suppress(ValueError, OSError):
        found = min(found, float(LIMIT_OF_CONTAINER.read_text("ascii")))
    return found if found > 0 else math.inf
