"""Choose what counts and weighs texts: NumPy, or compiled loops where Numba is installed and pays. Both do it to the
same bits, so that nobody need be asked."""

from __future__ import annotations

import sys
from types import ModuleType

from nncli.data.words.options import WordOptions
from nncli.system.numba_installed import NUMBA, compiles

FUSED = "nncli.data.words.fused"
# n-grams, about, that have to come before Numba is loaded: NumPy counts as many in that time. Fewer than several at
# once are not counted among these, as whoever asks about a few texts shall not wait for that
MANY, SEVERAL = 16_000_000, 500_000


class _Expected:
    """Counts the n-grams that the process was asked for, in several texts at once."""

    n = 0


def expect(characters: int, options: WordOptions) -> None:
    """Take notice of n-grams that are going to be counted, in texts of so many characters."""
    chars = options.parts.chars
    lengths = (options.parts.words is not None) + (0 if chars is None else chars[1] - chars[0] + 1)
    if (n := characters * lengths) >= SEVERAL:
        _Expected.n += n


def fused_loops() -> ModuleType | None:
    """Return the compiled loops, `fused.py`; None for NumPy."""
    pays = FUSED in sys.modules or _Expected.n >= (SEVERAL if NUMBA in sys.modules else MANY)
    if not pays or not compiles():
        return None
    from nncli.data.words import fused

    return fused
