from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedShuffleSplit

from nncli.data.split import stratified_split
from nncli.errors import DataError

CLASSES = ("a", "b", "c")


@settings(max_examples=50, deadline=None)
@given(counts=st.lists(st.integers(20, 60), min_size=2, max_size=3), seed=st.integers(0, 2**32 - 1))
def test_every_row_is_in_one_part_and_every_class_in_proportion(counts: list[int], seed: int) -> None:
    y = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    split = stratified_split(y, CLASSES[: len(counts)], 0.2, 0.1, seed, "f")
    np.testing.assert_array_equal(np.sort(np.concatenate([split.train, split.val, split.test])), np.arange(len(y)))
    assert (len(split.val), len(split.test)) == (round(0.2 * len(y)), round(0.1 * len(y)))
    for part, share in ((split.train, 0.7), (split.val, 0.2), (split.test, 0.1)):
        assert (np.diff(part) > 0).all()
        np.testing.assert_allclose(np.bincount(y[part], minlength=len(counts)), np.array(counts) * share, atol=2)


@settings(max_examples=100, deadline=None)
@given(
    counts=st.lists(st.integers(4, 60), min_size=2, max_size=9),
    seed=st.integers(0, 2**32 - 1),
    test=st.floats(0.15, 0.35),
    val=st.floats(0.15, 0.35),
)
def test_the_rows_are_those_of_scikit_learn(counts: list[int], seed: int, test: float, val: float) -> None:
    y = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    try:
        split = stratified_split(y, [f"c{k}" for k in range(len(counts))], val, test, seed, "f")
    except DataError:
        assume(False)
    rest = np.arange(len(y))
    for part, share in ((split.test, test), (split.val, val)):
        splitter = StratifiedShuffleSplit(n_splits=1, test_size=round(share * len(y)), random_state=seed)
        [(keep, out)] = splitter.split(np.zeros((len(rest), 1)), y[rest])
        np.testing.assert_array_equal(part, np.sort(rest[out]))
        rest = np.sort(rest[keep])
    np.testing.assert_array_equal(split.train, rest)


def test_the_seed_decides() -> None:
    y = np.arange(300) % 3
    first, again, other = (stratified_split(y, CLASSES, 0.15, 0.15, seed, "f") for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.test, again.test)
    assert not np.array_equal(first.test, other.test)


def test_parts_of_size_0_have_no_rows() -> None:
    split = stratified_split(np.arange(30) % 3, CLASSES, 0, 0, 0, "f")
    assert (len(split.train), len(split.val), len(split.test)) == (30, 0, 0)


@pytest.mark.parametrize(
    ("counts", "val", "message"),
    [
        (
            [50, 50, 2], 0.15,
            "f: class 'c': expected at least 3 rows, one for each of the 3 parts of the split, found 2. "
            "Get more rows of it, leave it out with --rare drop, or set --val 0 or --test 0.",
        ),
        (  # as in the playground, which has no --val
            [50, 50, 1], 0,
            "f: class 'c': expected at least 2 rows, one for each of the 2 parts of the split, found 1. "
            "Get more rows of it, leave it out with --rare drop, or set --test 0.",
        ),
        (
            [4, 4, 4], 0.15,
            "f: --test 0.15: expected at least one row for each of the 3 classes in every part, found 12 rows in all, "
            "2 of them for this part. Get more rows, or set another --test.",
        ),
    ],
)  # fmt: skip
def test_too_few_rows_are_refused(counts: list[int], val: float, message: str) -> None:
    with pytest.raises(DataError) as error:
        stratified_split(np.repeat(np.arange(3), counts), CLASSES, val, 0.15, 0, "f")
    assert str(error.value) == message
