"""Vectors of words: the files that they start from, and the nearest words."""

from __future__ import annotations

import gzip
import hashlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nncli.data.words.options import WordOptions
from nncli.data.words.vectors import read_vectors
from nncli.errors import DataError
from nncli.model.checkpoint import load
from nncli.nn.word_embedding import WordEmbedding
from reviews import OPTIONS, write_reviews
from test_word_features import place_of

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")

Run = Callable[..., Any]


@pytest.fixture
def reviews(in_a_folder_of_its_own: None) -> Path:
    return write_reviews()


VEC = "4 2\ngood 1 2 \nBad -1 0.5\nnever -3e-1 4\ndon't 9 9\n"


def saved(text: str | bytes, name: str = "words.vec") -> str:
    Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return name


def test_each_word_has_its_place() -> None:
    options = WordOptions(bits=12)
    found = read_vectors(saved(VEC), options, 2, "float64", 2)
    assert (found.words, found.places.shape) == (4, (3, 2))  # don't is two words, as texts are cut
    assert found.of.sha256 == hashlib.sha256(VEC.encode()).hexdigest()
    expected = np.zeros((4096, 2))
    for word, vector in {"good": (1, 2), "bad": (-1, 0.5), "never": (-0.3, 4)}.items():
        for column in range(2):
            place, sign = place_of([word], 0, options, column)
            expected[place] = np.multiply(sign, vector)
    assert np.array_equal(found.values, expected)
    assert found.known.sum() == 6
    assert found.sharing == 0


def test_words_of_one_place_are_averaged() -> None:
    """Of 9 words in 2 places, each with the vector (n) of its number, the mean with their signs."""
    options, words = WordOptions(bits=1), [chr(ord("a") + i) for i in range(9)]
    found = read_vectors(
        saved("\n".join(["9 1", *[f"{word} {i}" for i, word in enumerate(words)]])), options, 1, "float32", 1
    )
    of_place: dict[int, list[float]] = {0: [], 1: []}
    for i, word in enumerate(words):
        place, sign = place_of([word], 0, options, 0)
        of_place[place].append(i * sign)
    assert found.values[:, 0] == pytest.approx([sum(own) / len(own) for own in of_place.values()])
    assert found.sharing == 1


def test_a_file_is_read_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nncli.data.words.vectors.AT_ONCE", 7)
    how = WordOptions(bits=12), 1, "float32", 2
    in_parts = read_vectors(saved(VEC), *how)
    packed = read_vectors(saved(gzip.compress(VEC.encode()), "words.vec.gz"), *how)
    monkeypatch.setattr("nncli.data.words.vectors.AT_ONCE", 1 << 20)
    whole = read_vectors("words.vec", *how)
    for one in (in_parts, packed):
        assert np.array_equal(one.values, whole.values)


FAULTS = {
    "no first line": ("good 1 2\n", "words.vec:1: expected the number of words and of the numbers of each"),
    "nothing": ("", "words.vec:1: expected the number of words and of the numbers of each"),
    "no words": ("0 2\n", "words.vec:1: expected at least one word"),
    "another width": ("1 3\ngood 1 2 3\n", "words.vec:1: expected vectors of 2 numbers, as --embedding says, found 3"),
    "too few numbers": ("2 2\ngood 1 2\nbad 1\n", "words.vec:3: expected a word and 2 finite numbers, with one blank"),
    "too many numbers": ("1 2\ngood 1 2 3\n", "words.vec:2: expected a word and 2 finite numbers"),
    "two blanks": ("1 2\ngood 1  2\n", "words.vec:2: expected a word and 2 finite numbers"),
    "no number": ("1 2\ngood 1 x\n", "words.vec:2: expected a word and 2 finite numbers"),
    "not finite": ("1 2\ngood 1 nan\n", "words.vec:2: expected a word and 2 finite numbers"),
    "too large": ("1 2\ngood 1 1e39\n", "words.vec:2: expected a word and 2 finite numbers"),
    "too large together": ("2 2\ngood 1 3e38\nGood 1 3e38\n", "words.vec: expected numbers whose sums fit float32"),
    "an empty line": ("2 2\n\nbad 1 2\n", "words.vec:2: expected a word and 2 finite numbers"),
    "fewer words": ("3 2\ngood 1 2\nbad 1 2\n", "words.vec:4: expected 3 words, as the first line says, found the end"),
    "more words": ("1 2\ngood 1 2\nbad 1 2\n", "words.vec:3: expected the end behind 1 word, as the first line says"),
    "not UTF-8": (b"1 2\ng\xfcd 1 2\n", "words.vec:2: expected text in UTF-8, found other bytes"),
    "no line feed": (b"1 2\n" + b"x" * 3_000_000, "words.vec:2: expected a word and its numbers, found a line of more"),
    "no word of a text": ("1 2\n,, 1 2\n", "words.vec: expected words as texts are cut into them, found none"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_file_is_refused_in_one_line(fault: str, nncli: Run, reviews: Path) -> None:
    text, expected = FAULTS[fault]
    done = nncli("train", reviews, *OPTIONS, "--embedding", 2, "--vectors", saved(text))
    assert done.code == 1
    assert done.err.splitlines()[-1].startswith(expected)
    assert not Path("model.npz").exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--vectors", "none.vec"], 1, "none.vec: no such file"),
        (["--vectors", "words.vec", "--embedding", 0], 2, "--vectors: --embedding 0 asks for no vectors"),
        (["--vectors", "words.vec", "--ngrams", "chars:3"], 2, "--vectors: it has vectors of single words"),
        (["--embedding", 4, "--categorical", "text"], 2, "--embedding: the data have no column of texts"),
        (["--vectors", "words.vec", "--categorical", "text"], 2, "--vectors: the data have no column of texts"),
    ],
    ids=["no file", "no width", "no words", "no text", "vectors without text"],
)
def test_options_without_use_are_refused(nncli: Run, reviews: Path, words: list[object], code: int, said: str) -> None:
    saved(VEC)
    usual = [] if "--categorical" in words else ["--text", "text"]
    done = nncli("train", reviews, *usual, *words)
    assert (done.code, said in done.err) == (code, True), done.err
    assert not Path("model.npz").exists()


def test_a_run_starts_from_a_file(nncli: Run, reviews: Path) -> None:
    """With a learning rate of nearly 0 the vectors stay; a word that no training row has is known all the same."""
    done = nncli("train", reviews, *OPTIONS, "--vectors", saved(VEC), "--lr", 1e-12, "--epochs", 1, "--keep-state")
    assert done.code == 0
    assert "--vectors words.vec: 4 words with 2 numbers each; training rows have the inputs of 2" in done.err
    model, _ = load(Path("model.npz"))
    layer, words = model.network.layers[0], model.preprocess.words
    assert isinstance(layer, WordEmbedding)
    assert words is not None
    assert words.vectors == ("words.vec", hashlib.sha256(VEC.encode()).hexdigest())
    place, sign = place_of(["never"], 0, words.options, 0)
    assert layer.E[place].tolist() == pytest.approx([-0.3 * sign, 4 * sign])
    assert words.idf[place] == pytest.approx(math.log(25) + 1)  # ln((1 + 24) / (1 + 0)) + 1
    assert "vectors    from words.vec, SHA-256" in nncli("info", "model.npz").out


def test_a_run_is_resumed_with_the_vectors_that_it_started_from(nncli: Run, reviews: Path) -> None:
    words = ["train", reviews, *OPTIONS, "--vectors", saved(VEC), "--schedule", "constant"]
    assert nncli(*words, "--epochs", 4, "-o", "whole.npz").code == 0
    assert nncli(*words, "--epochs", 2, "--keep-state").code == 0
    saved(VEC.replace("-1 0.5", "-1 0.6"))
    done = nncli("train", "--resume", "model.npz", "--epochs", 4)
    assert (done.code, "words.vec has changed since" in done.err) == (1, True), done.err
    saved(VEC)
    assert nncli("train", "--resume", "model.npz", "--epochs", 4).code == 0
    whole, resumed = (load(Path(name))[0] for name in ("whole.npz", "model.npz"))
    assert np.array_equal(whole.network.theta, resumed.network.theta)


def test_too_few_places_are_said(nncli: Run, reviews: Path) -> None:
    lines = [f"w{i} 0.1 1" for i in range(500)]
    done = nncli("train", reviews, *OPTIONS, "--vectors", saved("\n".join(["500 2", *lines])), "--epochs", 1)
    assert "of them share an input, and so the mean of their vectors; --hash-bits 13 tells them apart" in done.err


def test_large_and_small_letters_are_no_reason_for_more_places(nncli: Run, reviews: Path) -> None:
    done = nncli("train", reviews, *OPTIONS, "--vectors", saved("3 2\ngood 1 2\nGood 1 2\nbad 2 1"), "--epochs", 1)
    assert (done.code, "share an input" in done.err) == (0, False), done.err


# --- the nearest words ---

NEAR = "5 2\ngood 1 0\ngreat 2 0.1\nbad -1 0.1\nawful 0 3\nnever 5 -1\n"


def test_the_nearest_words_by_hand(nncli: Run, reviews: Path) -> None:
    """Cosines with (1, 0): 2 / √4.01, 5 / √26, 0 and -1 / √1.01; words without a vector of the file have other ones."""
    assert nncli("train", reviews, *OPTIONS, "--vectors", saved(NEAR), "--lr", 1e-12, "--epochs", 1).code == 0
    done = nncli("info", "model.npz", "--nearest", "Good", "--json")
    (column,) = done.json["columns"]
    assert (column["column"], column["word"], column["times"]) == ("text", "good", 6)
    near = {one["word"]: (one["cosine"], one["times"]) for one in column["nearest"]}
    cosines = {"great": 2 / math.sqrt(4.01), "never": 5 / math.sqrt(26)}
    for word, cosine in cosines.items():
        assert near[word] == (pytest.approx(cosine, abs=1e-6), 6 if word == "great" else 0)
    assert [one["cosine"] for one in column["nearest"]] == sorted((c for c, _ in near.values()), reverse=True)
    assert "great    0.999       6" in nncli("info", "model.npz", "--nearest", "good").out.replace("  \n", "\n")


def test_words_that_share_an_input_are_named(nncli: Run) -> None:
    """Of 300 words in 256 places, some share one; they are not among the nearest, where each would be the first."""
    names = [f"w{i}" for i in range(300)]
    options = WordOptions(bits=8)
    places = [place_of([name], 0, options, 0) for name in names]  # with their signs
    i, j = next((i, j) for i in range(300) for j in range(i) if places[i] == places[j])
    rows = [f"{names[j]} {names[i]} {' '.join(names[k : k + 12])},{k // 6 % 2}" for k in range(0, 288, 6)]
    Path("w.csv").write_text("\n".join(["text,label", *rows, ""]))
    assert nncli("train", "w.csv", "--text", "text", "--hash-bits", 8, "--embedding", 2, "--epochs", 1).code == 0
    (column,) = nncli("info", "model.npz", "--nearest", names[i], "--json").json["columns"]
    assert names[j] in column["sharing"]
    assert not {one["word"] for one in column["nearest"]} & {names[i], *column["sharing"]}
    assert f"it shares its input with '{column['sharing'][0]}'" in nncli("info", "model.npz", "--nearest", names[i]).out


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("grate", "--nearest: expected a word that the model has a vector of, found 'grate'. Did you mean 'great'?"),
        ("very good", "--nearest: expected one word, found 'very good'. Name a single word."),
        (",", "--nearest: expected one word, found ','. Name a single word."),
    ],
    ids=["not known", "two words", "no word"],
)
def test_other_words_are_refused(nncli: Run, reviews: Path, word: str, said: str) -> None:
    assert nncli("train", reviews, *OPTIONS, "--embedding", 2, "--epochs", 1).code == 0
    done = nncli("info", "model.npz", "--nearest", word)
    assert (done.code, done.err.strip()) == (2, said)


def test_models_without_vectors_and_without_their_rows_say_so(nncli: Run, reviews: Path) -> None:
    assert nncli("train", reviews, *OPTIONS, "--epochs", 1).code == 0
    done = nncli("info", "model.npz", "--nearest", "good")
    assert (done.code, "model.npz has no vectors of words. Train a model with --embedding 64" in done.err) == (2, True)
    assert nncli("train", reviews, *OPTIONS, "--embedding", 2, "--epochs", 1).code == 0
    reviews.unlink()
    done = nncli("info", "model.npz", "--nearest", "good")
    assert (done.code, "the model keeps no words, and they cannot be read again" in done.err) == (1, True)
    done = nncli("info", "model.npz", "--nearest", "good", "--weights")
    assert (done.code, "--nearest: it does not go with --weights" in done.err) == (2, True)


def test_a_pipe_is_no_file_of_vectors() -> None:
    with pytest.raises(DataError, match="expected a file of vectors, found a pipe or a device"):
        read_vectors("/dev/zero", WordOptions(), 1, "float32", 2)


def test_a_vocabulary_takes_the_place_of_the_training_file(nncli: Run, reviews: Path) -> None:
    words = [*OPTIONS, "--ngrams", "words:1-2,chars:3-4", "--vectors", saved(NEAR), "--lr", 1e-12, "--epochs", 1]
    assert nncli("train", reviews, *words, "--vocabulary").code == 0
    reviews.unlink()
    done = nncli("info", "model.npz", "--nearest", "good", "--json")
    (column,) = done.json["columns"]
    near = {one["word"]: (one["cosine"], one["times"]) for one in column["nearest"]}
    assert near["great"] == (pytest.approx(2 / math.sqrt(4.01), abs=1e-6), None)
    assert near["never"] == (pytest.approx(5 / math.sqrt(26), abs=1e-6), 0)
    assert not {"grea", "goo", "a good"} & {*near}
    assert "nearest to 'good' in column 'text'" in nncli("info", "model.npz", "--nearest", "good").out
