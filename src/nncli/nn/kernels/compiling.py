"""Compile a loop, once: the machine code is kept beside this file or, where nothing may be written there, in the cache
folder of the user; where there is neither, it is compiled anew in each process."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache

# a product and a sum may be rounded once; nothing else may be changed, so that what is not finite stays so
EXACT = {"contract", "nsz"}
# of sums whose order is free, so that several of their terms are added at once; the same ones each time
REORDERED = {*EXACT, "reassoc"}


class _KeptCode(FunctionCache):
    """Keeps the machine code of a function until one of the files of this folder changes, as code of one goes into that
    of others. Files that are damaged, or cannot be written, are as if there were none."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._cache_file._source_stamp = _stamp()

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # whatever comes of reading other bytes
            with suppress(OSError):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(Exception):  # a full disk, and damaged files that could not be replaced
            super().save_overload(sig, data)


@functools.cache
def _stamp() -> tuple[tuple[str, int, int], ...]:
    files = [(file.name, file.stat()) for file in sorted(Path(__file__).parent.glob("*.py"))]
    return tuple((name, its.st_mtime_ns, its.st_size) for name, its in files)


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function when it is first called, to run without Python's lock."""
    return _compiled(function, EXACT)


def reordered(function: Callable[..., Any]) -> Any:
    """Compile a function whose sums may be added up in any order, which is the same one each time."""
    return _compiled(function, REORDERED)


def _compiled(function: Callable[..., Any], fastmath: set[str]) -> Any:
    how: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": fastmath}
    try:
        made = numba.njit(cache=True, **how)(function)
    except RuntimeError:  # no folder to keep it in
        return numba.njit(**how)(function)
    if not numba.config.DISABLE_JIT:
        made._cache = _KeptCode(function)
    return made


def is_cached(file: str) -> bool:
    """Tell whether the machine code of earlier runs for a file of this folder is kept where that of this one will
    be."""

    if numba.config.DISABLE_JIT:
        return True

    def probe() -> None:
        """Stand for any function of this folder."""

    try:
        place = Path(numba.njit(cache=True)(probe).stats.cache_path)
    except RuntimeError:
        return False
    return any(place.glob(f"{file}.*.nbi"))
