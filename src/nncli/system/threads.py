"""Matrix kernels and processor threads. The kernels have to be chosen before NumPy is first imported."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

VARIABLE = "OPENBLAS_CORETYPE"
OF_ARROW = ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT")  # by which it counts threads
PRODUCT = "scipy_cblas_sgemm64_"  # of two matrices, as NumPy's own library has it
NEEDED = {"avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512cd"}


def choose_kernels() -> None:
    """Let OpenBLAS use AVX-512 on AMD processors that have it: up to twice as fast as its own choice there (AVX2).

    Does nothing where the user has chosen, or where the processor is another or unknown.
    """
    if VARIABLE in os.environ:
        return
    try:
        with Path("/proc/cpuinfo").open(encoding="ascii", errors="replace") as file:
            first = file.read(8192).split("\n\n")[0]  # all processors of a machine are of one kind
    except OSError:
        return
    if "AuthenticAMD" in first and set(first.split()) >= NEEDED:
        os.environ[VARIABLE] = "SkylakeX"


def kernels() -> str:
    """Name the library that multiplies NumPy's matrices, its version and its kernels, as OpenBLAS 0.3.31 SkylakeX: the
    last digits depend on it. Empty where that is not to be had. NumPy has to be loaded."""
    from threadpoolctl import threadpool_info

    found = [one for one in threadpool_info() if one.get("user_api") == "blas"]
    found.sort(key=lambda one: "numpy" not in one.get("filepath", ""))  # SciPy may bring one of its own
    keys = ("internal_api", "version", "architecture")
    return " ".join(str(found[0][key]) for key in keys if found[0].get(key)) if found else ""


def products() -> tuple[int, str]:
    """Return how many threads matrix products have now, and the file of the library that does them, where that is the
    one that NumPy brings, whose products can be called one by one; else an empty name."""
    from threadpoolctl import threadpool_info

    found = [one for one in threadpool_info() if one.get("user_api") == "blas"]
    found.sort(key=lambda one: "numpy" not in one.get("filepath", ""))
    if not found:
        return 1, ""
    threads, file = int(found[0]["num_threads"]), str(found[0]["filepath"])
    return threads, file if hasattr(ctypes.CDLL(file), PRODUCT) else ""


class _Limit:
    """A limit that is in force: `before` brings back what there was before it."""

    def __init__(self, threads: int) -> None:
        self.before: Any = _controller(len(sys.modules)).limit(limits=threads)


_limits: list[_Limit] = []
_changing = threading.RLock()  # the garbage collector may end a block within a change


@contextlib.contextmanager
def multiply_with(threads: int | None) -> Iterator[None]:
    """Limit the threads of the matrix products, inside the block; None leaves them all. NumPy has to be loaded.

    The limit holds for the process. Blocks of several Python threads may end in any order: the last begun has its
    limit until it ends, and after all of them there is what was before the first.
    """
    if threads is None:
        yield
        return
    with _changing:
        own = _Limit(threads)
        _limits.append(own)
    try:
        yield
    finally:
        with _changing:
            at = _limits.index(own)
            if own is _limits[-1]:
                own.before.restore_original_limits()
            else:
                _limits[at + 1].before = own.before
            del _limits[at]


@functools.lru_cache(maxsize=1)
def _controller(modules: int) -> Any:
    """Find the libraries that multiply. That takes 2 ms: it is done again only when more modules have been loaded,
    which may have brought another one."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def reader_threads() -> int:
    """Return how many threads may read a file: as many as Arrow has, or would have if it were loaded."""
    if "pyarrow" in sys.modules:
        import pyarrow

        return int(pyarrow.cpu_count())
    asked, most = (_first_number(os.environ.get(name, "")) for name in OF_ARROW)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = asked or cores
    return min(threads, most) if most else threads


def _first_number(text: str) -> int:
    """Read the first of some numbers with commas between them, as Arrow does; 0 for anything else."""
    found = re.match(r"\s*(\d{1,9})", text.split(",")[0], re.ASCII)
    return 0 if found is None else int(found[1])


@contextlib.contextmanager
def use_threads(n: int | None) -> Iterator[None]:
    """Limit the threads of the matrix products and of the file readers, inside the block; None leaves them all."""
    if n is None:
        yield
        return
    import pyarrow

    before = pyarrow.cpu_count()
    pyarrow.set_cpu_count(n)
    try:
        with multiply_with(n):
            yield
    finally:
        pyarrow.set_cpu_count(before)
