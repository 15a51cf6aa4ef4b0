"""Models of texts that go on with new rows, and what nobody can write them for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nncli.data.bundled import path_of
from nncli.model import checkpoint

Nncli = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


@pytest.fixture(name="first")
def _first() -> list[str]:
    """Write 200 bundled reviews, and 120 others with a shop beside them; return the latter."""
    header, *rows = path_of("reviews").read_text("utf-8").splitlines()
    Path("first.csv").write_text("\n".join([f"shop,{header}", *(f"a,{row}" for row in rows[:200])]) + "\n", "utf-8")
    later = [f"b,zyxgood {row}" if not row.startswith('"') else f"b,{row}" for row in rows[200:320]]
    Path("later.csv").write_text("\n".join([f"shop,{header}", *later]) + "\n", "utf-8")
    return later


@pytest.mark.parametrize("model", ["logistic", "mlp"])
def test_new_rows_bring_categories_and_n_grams(first: list[str], nncli: Nncli, model: str) -> None:
    train = "train", "first.csv", "--model", model, "--ngrams", "words:1", "--hash-bits", 12, "--epochs", 3
    assert nncli(*train, "-q", "-o", "a.npz").code == 0
    assert nncli("train", "--from", "a.npz", "later.csv", "-q", "-o", "b.npz").code == 0
    old, new = (checkpoint.load(Path(name))[0].preprocess for name in ("a.npz", "b.npz"))
    assert (old.categories, new.categories) == ({"shop": ("a",)}, {"shop": ("a", "b")})
    assert old.words is not None
    assert new.words is not None
    known = old.words.idf > 0
    np.testing.assert_array_equal(new.words.idf[known], old.words.idf[known])
    assert (new.words.idf > 0).sum() > known.sum()  # zyxgood, and others


def test_a_stream_of_texts_is_learned_from(first: list[str], nncli: Nncli) -> None:
    assert nncli("train", "first.csv", "--model", "averaged-perceptron", "-q", "-o", "a.npz").code == 0
    done = nncli("train", "--from", "a.npz", "-", "--json", "-o", "b.npz", stdin=Path("later.csv").read_text("utf-8"))
    assert done.code == 0
    assert checkpoint.load(Path("b.npz"))[1].n_rows == len(first)


@pytest.mark.parametrize("language", ["onnx", "c", "js", "python", "sql", "json"])
def test_no_export_reads_words(first: list[str], nncli: Nncli, language: str) -> None:
    assert nncli("train", "first.csv", "--epochs", 1, "-q", "-o", "a.npz").code == 0
    done = nncli("export", "a.npz", "--to", language, "-o", "a.out")
    told = "--to: the model reads the words of column 'text', which no export can do. "
    assert (done.code, done.err) == (2, f"{told}Predict with nncli predict, nncli serve or Python's nncli.load.\n")
    assert not Path("a.out").exists()
