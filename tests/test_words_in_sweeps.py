"""Columns of texts in sweeps: each trial is what `train` would do, and what it cannot do is refused first."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from film_reviews import write
from ledgers import trials
from nncli.config.train_config import TrainConfig
from nncli.model import checkpoint

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with texts and their classes, t.csv."""
    return write(tmp_path_factory.mktemp("sweeps") / "t.csv", 120, 1, "review label").parent


def test_a_sweep_trains_as_train_does(folder: Path, tmp_path: Path, nncli: Run) -> None:
    """A linear model where none is named; what it prints to train the winner again gives the same figures."""
    words = ["sweep", folder / "t.csv", "--ngrams", "words:1", "--hash-bits", "12", "--lr", "0.01,0.1", "--epochs", "2"]
    outcome = nncli(*words, "--jobs", "1", "-o", tmp_path / "s.npz")
    assert outcome.code == 0, outcome.err
    [again] = [line for line in outcome.err.splitlines() if line.startswith("nncli train ")]
    assert "--model softmax" in again
    own = again.split()[1:]
    own[own.index("-o") + 1] = str(tmp_path / "again.npz")
    assert nncli(*own).code == 0
    first, second = (checkpoint.load(path)[0].network.theta for path in (tmp_path / "s.npz", tmp_path / "again.npz"))
    np.testing.assert_array_equal(first, second)


VECTORS = "5 2\nfine 1 0\nlovely 2 1\nawful -1 0\ndull -2 1\nday 0 0\n"


@pytest.mark.parametrize(
    "varied",
    ["--ngrams words:1;words:1-2,chars:3 --hash-bits 8,10", "--embedding 0,3", "--vectors words.vec --lr 0.05,0.02"],
    ids=["n-grams", "embedding", "vectors"],
)
@pytest.mark.usefixtures("in_a_folder_of_its_own")
def test_each_trial_of_texts_is_what_train_would_do(varied: str, folder: Path, nncli: Run) -> None:
    """And the model that is kept is the one that its command trains."""
    Path("words.vec").write_text(VECTORS)
    usual = ["--hash-bits", "10", "--vocabulary", "--epochs", "2"]
    words = [folder / "t.csv", *(usual[2:] if "--hash-bits" in varied else usual), *varied.split()]
    outcome = nncli("sweep", *words, "--jobs", "1")
    assert outcome.code == 0, outcome.err
    found = trials()
    assert len(found) == (4 if "--hash-bits" in varied else 2)
    assert len({record["val"]["loss"] for record in found}) == len(found)
    for record in found:
        own = shlex.split(TrainConfig.from_json(record["config"]).command_line(brief=True))
        figures = nncli("train", folder / "t.csv", *own, "--threads", "1", "--json", "-q", "-o", "again.npz").json
        assert figures["val"]["objective"] == pytest.approx(record["val"]["loss"], rel=1e-12)
    [again] = [line for line in outcome.err.splitlines() if line.startswith("nncli train ")]
    assert nncli(*shlex.split(again.replace("model.npz", "again.npz"))[1:]).code == 0
    first, second = (checkpoint.load(Path(file))[0] for file in ("model.npz", "again.npz"))
    np.testing.assert_array_equal(first.network.theta, second.network.theta)
    assert first.preprocess.words is not None
    assert first.preprocess.words.vocabulary is not None


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("iris --embedding 0,8", "--embedding: the data have no column of texts"),
        ("iris --ngrams words:1;chars:2", "--ngrams: the data have no column of texts"),
        ("iris --hash-bits int:8:12 --trials 2", "--hash-bits: the data have no column of texts"),
        ("reviews --vectors words.vec --embedding 2,3", "--embedding: the vectors of a file have one width."),
        ("reviews --vectors words.vec --ngrams words:1;chars:2", "--vectors: it has vectors of single words"),
        ("reviews --vectors words.vec --embedding 3", "words.vec:1: expected vectors of 3 numbers"),
        ("reviews --vectors other.vec", "other.vec: no such file."),
        (
            "reviews --vectors words.vec --cluster tcp://127.0.0.1:1 --insecure",
            "--vectors: the workers of a cluster look for it",
        ),
    ],
)
@pytest.mark.usefixtures("in_a_folder_of_its_own")
def test_a_sweep_refuses_options_of_texts_before_it_begins(words: str, line: str, nncli: Run) -> None:
    Path("words.vec").write_text(VECTORS)
    own = ["--epochs", 1, *([] if "--trials" in words or "--cluster" in words else ["--lr", "0.1,0.2", "--jobs", 1])]
    outcome = nncli("sweep", *words.split(), *own, "-q")
    assert outcome.code in (1, 2)
    assert outcome.err.startswith(line)
    assert outcome.err.count("\n") == 1
    assert not Path("model.sweep.jsonl").exists()


@pytest.mark.usefixtures("in_a_folder_of_its_own")
def test_a_sweep_notices_vectors_that_have_changed(folder: Path, nncli: Run) -> None:
    Path("words.vec").write_text(VECTORS)
    words = ["sweep", folder / "t.csv", "--vectors", "words.vec", "--hash-bits", "8", "--epochs", "1", "--jobs", "1"]
    assert nncli(*words).code == 0
    assert "has 1 trial already" in nncli(*words).err
    Path("words.vec").write_text(VECTORS.replace("lovely 2", "lovely 3"))
    outcome = nncli(*words)
    assert outcome.code == 1
    assert "found that of another: words.vec has changed since then." in outcome.err


def test_a_sweep_refuses_models_that_cannot_take_words_before_it_begins(
    folder: Path, tmp_path: Path, nncli: Run
) -> None:
    words = ["sweep", folder / "t.csv", "--model", "softmax,tabular", "--epochs", "1", "--jobs", "1"]
    outcome = nncli(*words, "-o", tmp_path / "s.npz")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert outcome.err.startswith("--model: tabular is for numbers and categories")
    assert not [*tmp_path.iterdir()]
