"""Commands on ensembles: the mean of runs with a seed each, one model file, and refusals in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nncli.model import npz

Run = Callable[..., Any]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def trained(nncli: Run, data: str, out: str, *words: str) -> Any:
    outcome = nncli("train", data, "--hidden", "6", "--epochs", "8", *words, "-q", "--json", "-o", out)
    assert outcome.code == 0, outcome.err
    return outcome.json


def test_probabilities_are_the_means_of_those_of_runs_with_a_seed_each(nncli: Run, here: Path) -> None:
    """With full batches all runs see the rows in the same order; epochs are not chosen, as there is no validation."""
    words = ("--val", "0", "--split-seed", "0", "--batch-size", "full", "--dtype", "float64")
    trained(nncli, "iris", "e.npz", *words, "--ensemble", "3", "--seed", "4")
    shares = []
    for seed in (4, 5, 6):
        trained(nncli, "iris", "one.npz", *words, "--seed", str(seed))
        out = nncli("predict", "one.npz", "iris", "--proba", "-q").out.splitlines()[1:]
        shares.append([[float(cell) for cell in line.split(",")[1:4]] for line in out])
    out = nncli("predict", "e.npz", "iris", "--proba", "-q").out.splitlines()[1:]
    found = [[float(cell) for cell in line.split(",")[1:4]] for line in out]
    np.testing.assert_allclose(found, np.mean(shares, axis=0), rtol=1e-5, atol=1e-9)


def test_an_ensemble_of_one_is_no_ensemble(nncli: Run, here: Path) -> None:
    trained(nncli, "iris", "one.npz", "--ensemble", "1")
    trained(nncli, "iris", "plain.npz")
    assert Path("one.npz").read_bytes() == Path("plain.npz").read_bytes()


def test_info_names_the_members(nncli: Run, here: Path) -> None:
    trained(nncli, "iris", "e.npz", "--ensemble", "3")
    told = nncli("info", "e.npz", "--json").json
    # by hand: 4·6 + 6 + 6·3 + 3 = 51 parameters in each
    assert (told["members"], told["parameters"], told["layers"]) == (3, 153, "3 x 4-6-3")
    assert "3 members; their answers are averaged" in " ".join(nncli("info", "e.npz").out.split())
    for kind, said in (("shared", "that share weights"), ("folds", "that each leave out a fold of the rows")):
        trained(nncli, "iris", "e.npz", "--ensemble", f"{kind}:2")
        assert f"2 members {said}; their answers are averaged" in " ".join(nncli("info", "e.npz").out.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--model perceptron --ensemble 3", "--ensemble: perceptron learns row by row"),
        ("--model mira --ensemble 3", "--ensemble: mira learns row by row"),
        ("--model softmax --optimizer lbfgs --ensemble 3", "--ensemble: members are trained together in steps"),
        ("--model softmax --ensemble shared:3", "--ensemble: without hidden layers there is nothing"),
        ("--model softmax --init zeros --ensemble 3", "--init: members that start alike stay alike"),
        ("--ensemble 0", "--ensemble: expected a number of members from 1 to 1,000"),
        ("--ensemble many", "--ensemble: expected a number of members from 1 to 1,000"),
        (
            "--ensemble folds:1",
            "--ensemble: expected a number of members from 1 to 1,000, as 8, or from 2 as shared:8 for shared weights, "
            "or folds:8, found 'folds:1'.",
        ),
        ("--ensemble shared:1", "--ensemble: expected a number of members from 1 to 1,000, as 8, or from 2 as shared"),
        ("--ensemble bag:3", "--ensemble: expected a number of members from 1 to 1,000"),
        ("--ensemble 1001", "--ensemble: expected a number of members from 1 to 1,000"),
    ],
)
def test_ensembles_without_meaning_are_refused(words: str, said: str, nncli: Run, here: Path) -> None:
    outcome = nncli("train", "iris", *words.split(), "-o", "m.npz")
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err
    assert not Path("m.npz").exists()


def test_an_ensemble_larger_than_memory_is_refused(nncli: Run, here: Path) -> None:
    outcome = nncli("train", "iris", "--hidden", "1000000x1000000", "--ensemble", "1000", "-o", "m.npz")
    assert outcome.code == 2
    assert outcome.err.splitlines()[-1].startswith(
        "--ensemble: 1,000 networks of 4 inputs and 1000000x1000000 units take"
    )


@pytest.mark.parametrize(
    ("words", "bytes_needed", "said"),
    [
        # by hand: 4·9 + 9 + 9·3 + 3 = 75 numbers of 4 bytes, in θ, g, the best θ and two of Adam; of 106 rows, the
        # targets, probabilities and gradient of 3 classes, and twice 4 + 9 + 3
        ("--hidden 9", 4 * (5 * 75 + 106 * (3 * 3 + 2 * 16)), "--hidden: a network of 4 inputs and 9 units takes"),
        ("--hidden 9 --ensemble 2", 2 * 4 * (5 * 75 + 106 * 41), "--ensemble: 2 networks of 4 inputs and 9 units take"),
        ("--hidden 9 --optimizer sgd", 4 * (3 * 75 + 106 * 41), "--hidden: a network of 4 inputs and 9 units takes"),
    ],
    ids=["one", "two", "sgd"],
)
def test_what_takes_more_memory_than_there_is_is_refused_before_it_is_made(
    words: str, bytes_needed: int, said: str, nncli: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system gives more than it has, and ends the program when that is used."""
    command = ["train", "iris", *words.split(), "--dry-run", "-q"]
    monkeypatch.setattr("nncli.training.memory.machine_memory", lambda: float(bytes_needed))
    assert nncli(*command).code == 0
    monkeypatch.setattr("nncli.training.memory.machine_memory", lambda: float(bytes_needed - 1))
    outcome = nncli(*command)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"{said} at least 0.0 GB to train, and there are 0.0 GB of memory. Use fewer ")
    assert nncli("sweep", *command[1:-2], "--lr", "0.1,0.01", "--epochs", "1", "--jobs", "1", "-q").code == 1


def test_what_no_model_file_has_room_for_is_refused_before_it_is_trained(
    nncli: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["train", "iris", "--hidden", "9", "--dry-run", "-q"]  # 75 parameters of 4 bytes, as above …
    monkeypatch.setattr(npz, "MOST_BYTES", 300 + 4 * (9 + 24))  # … and what is known of each input
    assert nncli(*command).code == 0
    monkeypatch.setattr(npz, "MOST_BYTES", 431)
    outcome = nncli(*command)
    assert (outcome.code, outcome.out) == (2, "")
    found = "takes 0.0 GB to save, and a model file has at most 4.31e-07 GB"
    assert outcome.err == f"--hidden: a network of 4 inputs and 9 units {found}. Use fewer units.\n"
    monkeypatch.setattr(npz, "MOST_BYTES", 4 * (2 * 256 + 2) + 4 * 256 - 1)  # parameters, and weights of words
    words = ["train", "reviews", "--hash-bits", "8", "--ngrams", "words:1", "--dry-run", "-q"]
    found = "takes 0.0 GB to save, and a model file has at most 3.079e-06 GB"
    assert nncli(*words).err == f"--hash-bits: a network of 256 inputs {found}. Use a lower --hash-bits.\n"
    assert nncli(*words, "--embedding", "2").err.endswith("Use a lower --hash-bits or --embedding.\n")


def test_a_model_that_no_file_has_room_for_is_one_line(nncli: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By parts that are not known beforehand, as the names of n-grams."""
    command = ["train", "iris", "--hidden", "9", "--epochs", "1", "-q"]
    monkeypatch.setattr(npz, "MOST_BYTES", 3_000)
    outcome = nncli(*command)
    assert (outcome.code, outcome.err) == (1, "model.npz: the model cannot be saved: more than 3e-06 GB.\n")
    assert not Path("model.npz").exists()


@pytest.mark.parametrize("ensemble", ["3", "shared:3"])
def test_gradcheck_knows_ensembles(ensemble: str, nncli: Run, here: Path) -> None:
    words = ("iris", "--hidden", "4", "--dropout", "0.2", "--ensemble", ensemble)
    outcome = nncli("gradcheck", *words, "--json", "-q")
    assert (outcome.code, outcome.json["passed"]) == (0, True), outcome.err
    names = [block["name"] for block in outcome.json["blocks"]]
    assert ("member 3 W2" in names, "member 3 W1" in names, "r" in names) == (True, ensemble == "3", ensemble != "3")
