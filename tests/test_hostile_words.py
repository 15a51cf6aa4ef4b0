"""Model files of texts from a stranger: weights and names of words that no training gives are refused in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from forgery import Forge, with_array, with_meta, with_parts
from nncli.cli.main import main
from nncli.errors import ModelFileError
from nncli.model import checkpoint

WORDS = {"columns": ["t"], "ngrams": "words:1", "bits": 8, "seed": 0, "vectors": None}


def with_words(**changes: object) -> Forge:
    return with_meta("words", WORDS | changes)


def first_is(value: float) -> Forge:
    return with_array("idf", lambda idf: np.concatenate([np.array([value], np.float32), idf[1:]]))


ATTACKS = {
    "an idf of another length": with_array("idf", lambda idf: idf[:-1]),
    "a longer idf": with_array("idf", lambda idf: np.concatenate([idf, idf])),
    "an idf of two axes": with_array("idf", lambda idf: idf[None]),
    "an idf of float64": with_array("idf", lambda idf: idf.astype(np.float64)),
    "an idf that is no number": first_is(np.nan),
    "an endless idf": first_is(np.inf),
    "an idf below 0": first_is(-1.0),
    "words without idf": with_parts(lambda parts: [(name, part) for name, part in parts.items() if name != "idf.npy"]),
    "idf without words": with_meta("words", None),
    "another column": with_words(columns=["u"]),
    "no column": with_words(columns=[]),
    "a column twice": with_words(columns=["t", "t"]),
    "a column that holds numbers": with_words(columns=["n"]),
    "more inputs than there are weights": with_words(bits=9),
    "very many inputs": with_words(bits=31),
    "n-grams of no kind": with_words(ngrams="lines:1"),
    "n-grams without end": with_words(ngrams="words:1-999999999"),
    "n-grams of another type": with_words(ngrams=1),
    "a seed below 0": with_words(seed=-1),
    "vectors of no file": with_words(vectors="here"),
}


@pytest.fixture(scope="module")
def true(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A model of a column of texts beside one of numbers."""
    folder = tmp_path_factory.mktemp("hostile")
    rows = [f"a {word} day in town number {i},{i},{word}" for i in range(30) for word in ("fine", "dull")]
    (folder / "d.csv").write_text("t,n,label\n" + "\n".join(rows) + "\n")
    words = ["--text", "t", "--ngrams", "words:1", "--hash-bits", "8", "--epochs", "1", "-q", "--json"]
    assert main(["train", str(folder / "d.csv"), *words, "-o", str(folder / "m.npz")]) == 0
    return (folder / "m.npz").read_bytes()


def test_what_nobody_has_touched_is_read(true: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    path.write_bytes(with_words()(true))
    assert checkpoint.load(path)[0].preprocess.columns_of_words == ("t",)


@pytest.mark.parametrize("name", ATTACKS)
def test_words_that_no_training_gives_are_refused(name: str, true: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    path.write_bytes(ATTACKS[name](true))
    with pytest.raises(ModelFileError) as error:
        checkpoint.load(path)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400
