from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from threadpoolctl import threadpool_info

from nncli.config.train_config import TrainConfig
from nncli.system.threads import multiply_with, use_threads
from nncli.training.prepare import prepare
from nncli.training.run import new_trainer
from nncli.training.side_by_side import threads_worth


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


def test_blocks_that_overlap_leave_what_was_before_them() -> None:
    """As those of two Python threads do, of which the first to begin is the first to end."""
    with use_threads(2):
        first, second, third = (multiply_with(1) for _ in range(3))
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        third.__enter__()
        assert threads()[0] == {1}
        second.__exit__(None, None, None)
        assert threads()[0] == {1}
        third.__exit__(None, None, None)
        assert threads()[0] == {2}


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


@pytest.mark.parametrize(
    ("given", "threads"),
    [
        ({"hidden": (128, 128), "batch_size": 256}, 1),  # 256 · 128 · 128 = 2²²
        ({"hidden": (128, 129), "batch_size": 256}, None),
        ({"hidden": (128, 128), "batch_size": 256, "ensemble": "4"}, 1),  # a product each
        ({"hidden": (128, 128), "batch_size": 256, "ensemble": "shared:4"}, None),  # one of all their rows
        ({"model": "perceptron"}, 1),
    ],
    ids=["small", "large", "members", "members that share weights", "row by row"],
)
def test_small_products_are_not_shared_out(given: dict[str, Any], threads: int | None) -> None:
    assert threads_worth(new_trainer(prepare(TrainConfig(data=("breast-cancer",), **given)))) == threads
