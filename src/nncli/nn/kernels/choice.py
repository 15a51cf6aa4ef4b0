"""Choose kernels by their name."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from nncli.nn.kernels.plain import NUMPY, Kernels
from nncli.system.numba_installed import NUMBA as FUSED
from nncli.system.numba_installed import is_disabled, is_installed, problem
from nncli.system.threads import kernels, products

__all__ = [
    "FUSED",
    "INSTALL",
    "is_compiled",
    "is_disabled",
    "is_installed",
    "kernels_again",
    "kernels_named",
    "last_digits_by",
    "problem",
]
INSTALL = "Install it with: pip install 'nncli[fast]'"


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


def is_compiled(name: str, for_sparse_rows: bool = False, for_units: bool = False) -> bool:
    """Tell whether the loops of that name need not be compiled first, but for some that were never used; and those for
    sparse rows, and for units that are dropped or of exponentials, where these are asked for."""
    if name != FUSED:
        return True
    from nncli.system.compiling import is_cached

    asked = {"loops.py": True, "sparse_loops.py": for_sparse_rows, "unit_loops.py": for_units}
    return all(is_cached(Path(__file__).with_name(file)) for file, is_asked in asked.items() if is_asked)
