"""Tell a column of texts, which are to be read word by word, from one of categories, names or codes.

Asked is a sample of cells that are there, with their repeats. In doubt the answer is no, for a text that is taken for a
category only learns less, and `--text` says better.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nncli.data.words.segmentation import code_points, word_bounds

MOST_CELLS = 2_000
LEAST_CELLS = 20
LEAST_DIFFERENT = 0.8
LEAST_WORDS = 4.0  # in a cell, on average
LEAST_LETTERS = 0.6  # of what is not blank


def looks_like_text(values: Sequence[str]) -> bool:
    """Tell whether the cells of a column are texts: of several words, nearly all different, mostly of letters, with
    words that come again in other cells."""
    if len(values) < LEAST_CELLS:
        return False
    values = values[:: -(-len(values) // MOST_CELLS)]
    if len(set(values)) < LEAST_DIFFERENT * len(values):
        return False
    codes, _ = code_points(values)
    begins, _ = word_bounds(codes)
    return len(begins) >= LEAST_WORDS * len(values) and float(np.mean(codes > 64)) >= LEAST_LETTERS
