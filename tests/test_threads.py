from __future__ import annotations

import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_info

from nncli.system.threads import use_threads


def threads() -> tuple[set[int], int]:
    """Of the BLAS libraries, and of pyarrow."""
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}, pa.cpu_count()


def test_threads_are_limited_inside_the_block_and_only_there() -> None:
    assert np.ones(1).sum() == 1, "NumPy is loaded"
    before = threads()
    with use_threads(1):
        assert threads() == ({1}, 1)
    assert threads() == before
    with use_threads(None):
        assert threads() == before
