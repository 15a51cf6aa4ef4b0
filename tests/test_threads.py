from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
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


@pytest.mark.parametrize(
    ("number", "limit"),
    [("", ""), ("1", ""), ("3,2", ""), (" 5", "2"), ("0", ""), ("-2", ""), ("many", "1"), ("2x", "0"), ("", "1")],
)
def test_files_are_read_by_as_many_threads_as_arrow_has(number: str, limit: str) -> None:
    """They are counted before it is loaded."""
    environment = {**os.environ, "OMP_NUM_THREADS": number, "OMP_THREAD_LIMIT": limit}
    code = "from nncli.system.threads import reader_threads; print(reader_threads()); import pyarrow; "
    code += "print(pyarrow.cpu_count())"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    counted, its_own = done.stdout.split()
    assert counted == its_own
