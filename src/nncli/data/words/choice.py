"""Choose what counts and weighs texts: NumPy, or compiled loops where Numba is installed and pays. Both do it to the
same bits, so that nobody need be asked."""

from __future__ import annotations

import sys
import threading
from types import ModuleType

from nncli.data.words.options import WordOptions
from nncli.system.numba_installed import NUMBA, compiles

FUSED = "nncli.data.words.fused"
# n-grams, about, that NumPy counts in the time that it takes to load Numba and to use it first; and of which there are
# at least as many in what is more than a few texts, whose reader shall not wait for that
MANY, SEVERAL = 12_000_000, 500_000
ENOUGH = 1 << 30  # bytes of memory that a run may take, from which on the 115 MB of Numba are no matter


class _Expected:
    """Counts the n-grams that were asked for, but for those of a few texts; and knows whether Numba would take too much
    of the memory that there is."""

    n = 0
    is_too_large = False


# threads wait here until Numba is loaded: counting in NumPy meanwhile would slow that down
_loading = threading.Lock()


def allow(memory: int | None) -> None:
    """Take notice of how much memory a run may take, in bytes; None: as much as it likes."""
    _Expected.is_too_large = memory is not None and memory < ENOUGH


def expect(characters: int, options: WordOptions) -> None:
    """Take notice of n-grams that are going to be counted, in texts of so many characters."""
    chars = options.parts.chars
    lengths = (options.parts.words is not None) + (0 if chars is None else chars[1] - chars[0] + 1)
    if (n := characters * lengths) >= SEVERAL:
        _Expected.n += n


def _pays() -> bool:
    """Tell whether it pays to use loops, whose code is loaded. Of a stream nobody knows how much is to come: where as
    much has come as would pay at once, as much again may come."""
    if FUSED in sys.modules:
        return True
    if NUMBA in sys.modules:
        return _Expected.n > 0
    return _Expected.n >= MANY and not _Expected.is_too_large


def fused_loops() -> ModuleType | None:
    """Return the compiled loops, `fused.py`, loading them first; None for NumPy, and where nothing compiles."""
    if not _pays():
        return None
    with _loading:
        if not compiles():
            return None
        from nncli.data.words import fused

        fused.begin()
    return fused
