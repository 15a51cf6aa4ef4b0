"""Choose kernels by their name."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from nncli.nn.kernels.plain import NUMPY, Kernels
from nncli.system.threads import kernels, products

FUSED = "numba"
MISSING, INSTALL = "and Numba is not installed", "Install it with: pip install 'nncli[fast]'"


def is_installed() -> bool:
    """Tell whether there is Numba, without loading it."""
    return find_spec(FUSED) is not None


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


def is_compiled(name: str) -> bool:
    """Tell whether the loops of that name need not be compiled first, but for some that were never used."""
    if name != FUSED:
        return True
    from nncli.nn.kernels.compiling import is_cached

    return is_cached()
