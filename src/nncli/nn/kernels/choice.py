"""Choose kernels by their name."""

from __future__ import annotations

import functools
import re
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from nncli.nn.kernels.plain import NUMPY, Kernels
from nncli.system.threads import kernels, products

FUSED = "numba"
OLDEST = 0, 61  # version of Numba, as the extra `fast` has it
INSTALL = "Install it with: pip install 'nncli[fast]'"


def is_installed() -> bool:
    """Tell whether there is Numba, without loading it."""
    return find_spec(FUSED) is not None


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


def kernels_again(name: str | None) -> str:
    """Return the kernels for a run like one that had those, None if NumPy's: the same ones, if they can be used here.
    With NumPy's, only the last digits are others."""
    return FUSED if name == FUSED and not problem() else NUMPY.name


def kernels_named(name: str) -> Kernels:
    """Return the kernels of that name, for as many threads as products have now; those of NumPy where there is none."""
    if name != FUSED:
        return NUMPY
    from nncli.nn.kernels.fused import FusedKernels  # which loads Numba

    return FusedKernels(*products())


def last_digits_by(name: str) -> str:
    """Say by what the last digits of a run with the kernels of that name come about: the library of its products, and
    Numba with its version, where it compiles the rest. NumPy has to be loaded."""
    if name != FUSED:
        return kernels()
    try:
        return f"{kernels()}, {FUSED} {version(FUSED)}"
    except PackageNotFoundError:
        return kernels()


def is_compiled(name: str, for_sparse_rows: bool = False) -> bool:
    """Tell whether the loops of that name need not be compiled first, but for some that were never used; and those for
    sparse rows, where these are asked for."""
    if name != FUSED:
        return True
    from nncli.nn.kernels.compiling import is_cached

    return is_cached("loops") and (not for_sparse_rows or is_cached("sparse_loops"))
