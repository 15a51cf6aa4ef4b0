"""Mark the tests of the fused kernels, which need an extra."""

from __future__ import annotations

import pytest

from nncli.nn.kernels import choice

# `dev` has Numba; whoever installs without it has all other tests, as the program runs without it too
needs_numba = pytest.mark.skipif(not choice.is_installed(), reason="it is an extra: pip install 'nncli[fast]'")
