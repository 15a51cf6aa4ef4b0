"""Choose kernels by their name."""

from __future__ import annotations

from nncli.nn.kernels.plain import NUMPY, Kernels
from nncli.system.threads import products

FUSED = "numba"


def kernels_named(name: str) -> Kernels:
    """Return the kernels of that name, for as many threads as products have now; those of NumPy where there is none."""
    if name != FUSED:
        return NUMPY
    from nncli.nn.kernels.fused import FusedKernels  # which loads Numba

    return FusedKernels(*products())
