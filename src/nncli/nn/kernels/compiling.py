"""Compile a loop, once: the machine code is kept beside this file or, where nothing may be written there, in the cache
folder of the user; where there is neither, it is compiled anew in each process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

# a product and a sum may be rounded once; nothing else may be changed, so that what is not finite stays so
EXACT = {"contract", "nsz"}
# of sums whose order is free, so that several of their terms are added at once; the same ones each time
REORDERED = {*EXACT, "reassoc"}


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function when it is first called, to run without Python's lock."""
    return _compiled(function, EXACT)


def reordered(function: Callable[..., Any]) -> Any:
    """Compile a function whose sums may be added up in any order, which is the same one each time."""
    return _compiled(function, REORDERED)


def _compiled(function: Callable[..., Any], fastmath: set[str]) -> Any:
    how: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": fastmath}
    try:
        return numba.njit(cache=True, **how)(function)
    except RuntimeError:  # no folder to keep it in
        return numba.njit(**how)(function)


def is_cached() -> bool:
    """Tell whether the machine code of earlier runs is kept where that of this one will be."""

    if numba.config.DISABLE_JIT:
        return True

    def probe() -> None:
        """Stand for any function of this folder."""

    try:
        place = Path(numba.njit(cache=True)(probe).stats.cache_path)
    except RuntimeError:
        return False
    return any(place.glob("loops.*.nbi"))
