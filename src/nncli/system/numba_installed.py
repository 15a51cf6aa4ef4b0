"""Tell whether Numba, which compiles loops, is installed and can be used."""

from __future__ import annotations

import functools
import re
import sys
from importlib.util import find_spec

NUMBA = "numba"
OLDEST = 0, 61  # version, as the extra `fast` has it


def is_installed() -> bool:
    """Tell whether there is Numba, without loading it."""
    return find_spec(NUMBA) is not None


@functools.cache
def problem() -> str:
    """Say why Numba cannot be used here, which may be there for other programs and too old for NumPy; empty if it can.
    Loads Numba."""
    if not is_installed():
        return "Numba is not installed"
    try:
        import numba
    except Exception as error:  # whatever the parts that do not fit together raise
        return f"Numba cannot be loaded ({' '.join(str(error).split()).rstrip('.')})"
    found = tuple(map(int, re.findall(r"\d+", numba.__version__)[:2]))
    oldest = ".".join(map(str, OLDEST))
    return "" if found >= OLDEST else f"expected Numba {oldest} or newer, found {numba.__version__}"


def compiles() -> bool:
    """Tell whether Numba can be used here, and compiles. Loads Numba."""
    return not problem() and not is_disabled()


def is_disabled() -> bool:
    """Tell whether Numba, if it is loaded, is told not to compile: its loops in plain Python are for tests."""
    numba = sys.modules.get(NUMBA)
    return numba is not None and bool(numba.config.DISABLE_JIT)
