# ruff: noqa: E501  (each message stands on one line)
"""Training that came to nothing is said, with the likely cause; training that went well is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from short_and_long import some_short

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("xor.csv").write_text("a,b,y\n0,0,no\n0,1,yes\n1,0,yes\n1,1,no\n")
    Path("same.csv").write_text("a,b,y\n" + "1,2,no\n1,2,yes\n" * 40)
    Path("said.csv").write_text("text,y\n" + "the same words stand here,no\nthe same words stand here,yes\n" * 40)
    Path("useless.csv").write_text("a,b,y\n" + "1,2,no\n1,2,yes\n1,3,no\n1,3,yes\n" * 40)
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(600, 2))
    Path("number.csv").write_text("a,y\n" + "".join(f"5,{a:.3f}\n" for a in noise[:300, 0]))
    Path("huge.csv").write_text(
        "a,b,y\n" + "".join(f"{1e14 * abs(a):.3g},{b:.3f},{'pq'[int(b > 0)]}\n" for a, b in noise[:150])
    )
    for name, share in (("rare", 0.06), ("noise", 0.5)):
        y = np.where(rng.random(600) < share, "rare", "usual")
        rows = [f"{a:.3f},{b:.3f},{c}\n" for (a, b), c in zip(noise, y, strict=True)]
        Path(f"{name}.csv").write_text("a,b,y\n" + "".join(rows))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("xor.csv --model perceptron --val 0 --test 0", "no straight line separates these classes: try --model mlp"),
        ("xor.csv --model logistic --val 0 --test 0", "no straight line separates these classes: try --model mlp"),
        ("xor.csv --model logistic --l2 1 --val 0 --test 0", "no straight line separates these classes: try --model mlp"),
        ("breast-cancer --model svm --l2 100", "are predicted 'benign'; most likely the penalty --l2 100 keeps the weights too near to 0: try a hundredth of it, or leave it out"),
        ("wine --model softmax --l1 1", "most likely the penalty --l1 1 keeps the weights too near to 0"),
        ("chocolate --model linear --l1 10", "most likely the penalty --l1 10 keeps the weights too near to 0"),
        ("iris --optimizer adam --lr 1e9", "most likely the learning rate 1e+09 is too high: try --lr 0.005"),
        ("wine --optimizer adam --lr 3 --hidden 8x8x8 --epochs 30", "with the same scores; most likely the learning rate 3 is too high"),
        ("iris --lr-scale weight=1e4,bias=2", "most likely --lr-scale weight=10000 is too large a factor of the learning rate: try --lr-scale weight=1,bias=2"),
        ("iris --lr-scale weight=0,bias=0", "most likely --lr-scale weight=0 leaves the weights nearly as they were drawn: leave it out"),
        ("huge.csv --model tabular --scale none --number-embedding none --hidden 9x9x9 --ensemble 3 --epochs 9", "with the same scores; most likely column 'a' reaches 3"),
        ("noise.csv --hidden 8 --l2 0.1", "most likely the columns say little about the class of new rows: no epoch after epoch "),
        ("rare.csv", "are predicted 'usual'; most likely because 9"),
        ("useless.csv --best --search-steps 1 --ensemble 1", "are predicted 'no'; most likely the columns say little about the target, as no network of the search"),
        ("noise.csv --hidden 256 --patience 300 --metric accuracy --epochs 300", "is above that of guessing the shares of the classes"),
    ],
)  # fmt: skip
def test_it_is_said_with_the_likely_cause(words: str, said: str, nncli: Run) -> None:
    outcome = nncli("train", *words.split(), "-o", "m.npz")
    assert outcome.code == 0
    assert said in outcome.err
    assert sum("most likely" in line for line in outcome.err.splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [
        "same.csv",
        "same.csv --model logistic --val 0 --test 0",
        "same.csv --model perceptron",
        "same.csv --best --search-steps 1 --ensemble 1",
        "said.csv --text text",
        "number.csv",
    ],
)
def test_inputs_that_are_the_same_in_all_rows_are_blamed_and_nothing_else(words: str, nncli: Run) -> None:
    said = nncli("train", *words.split(), "-o", "m.npz").err
    assert ", as all training rows have the same inputs, from which nothing can be learned: add columns" in said
    assert "most likely" not in said


@pytest.mark.parametrize("words", ["xor.csv --val 0 --test 0 --epochs 200", "iris --optimizer adam", "rare.csv --class-weight balanced"])  # fmt: skip
def test_what_is_advised_helps(words: str, nncli: Run) -> None:
    assert "most likely" not in nncli("train", *words.split(), "-o", "m.npz").err


@pytest.mark.parametrize("data", some_short(["iris", "digits", "wine", "xor", "moons", "breast-cancer"], 2))
@pytest.mark.parametrize("model", ["mlp", "softmax", "svm"])
def test_nothing_is_said_of_a_run_that_went_well(data: str, model: str, nncli: Run) -> None:
    if data not in ("xor", "moons") or model == "mlp":
        assert "most likely" not in nncli("train", data, "--model", model, "-o", "m.npz").err


ONE_CLASS = "test rows that were looked at are predicted 'usual'"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("train iris --optimizer adam --lr 1e9", "the loss of the"),
        ("train rare.csv", ONE_CLASS),
        ("sweep rare.csv --lr 0.005,0.004 --epochs 20 --jobs 1", ONE_CLASS),
    ],
)  # fmt: skip
def test_a_training_that_came_to_nothing_is_said_in_json_and_to_those_who_want_it_quiet(
    words: str, said: str, nncli: Run
) -> None:
    outcome = nncli(*words.split(), "-q", "--json")
    (line,) = outcome.err.splitlines()
    assert line.startswith("warning: ")
    assert said in line
    assert outcome.json.get("winner", outcome.json)["warnings"] == [line.removeprefix("warning: ")]


def test_eval_warns_of_a_model_that_says_the_same_of_all_rows(nncli: Run) -> None:
    nncli("train", "rare.csv", "-q", "-o", "m.npz")
    said = "rows are predicted 'usual': the accuracy is the share of that class, and says nothing about the others"
    outcome = nncli("eval", "m.npz", "-q", "--json")
    assert outcome.err == f"warning: all 90 {said}\n"
    assert outcome.json["warnings"] == [f"all 90 {said}"]
    assert said in nncli("eval", "m.npz", "m.npz", "--json").json["warnings"][0]
    assert said in nncli("eval", "m.npz", "rare.csv", "rare.csv", "--json").json["files"][1]["warnings"][-1]


def test_eval_warns_not_of_rows_that_may_well_be_of_one_class(nncli: Run) -> None:
    """Four rows of another class are too few to say that a model finds none, and a threshold is the wish of somebody."""
    nncli("train", "rare.csv", "-q", "-o", "m.npz")
    head, *rows = Path("rare.csv").read_text().splitlines(keepends=True)
    of = {name: [row for row in rows if name in row] for name in ("rare", "usual")}
    for n, warns in ((4, False), (5, True)):
        Path("few.csv").write_text(head + "".join(of["rare"][:n] + of["usual"][:50]))
        assert ("are predicted 'usual'" in nncli("eval", "m.npz", "few.csv", "-q").err) == warns
    assert "are predicted" not in nncli("eval", "m.npz", "few.csv", "-q", "--threshold", "0").err


def test_what_may_well_be_chance_is_a_note_that_quiet_hides(nncli: Run) -> None:
    words = ["train", "noise.csv", "--model", "logistic", "-o", "m.npz"]
    assert "the log loss of the test rows, 0.6995, is above that of guessing the shares" in nncli(*words).err
    outcome = nncli(*words, "-q", "--json")
    assert (outcome.err, outcome.json["warnings"]) == ("", [])
    assert "the log loss of these rows, 0.6995, is above that of guessing" in nncli("eval", "m.npz").err
    outcome = nncli("eval", "m.npz", "-q", "--json")
    assert (outcome.err, outcome.json["warnings"]) == ("", [])


def test_a_perceptron_that_knows_its_own_rows_no_better_than_by_guessing_is_a_warning(nncli: Run) -> None:
    """After 3 epochs of this seed, one of the four points is right: of no class more than by guessing."""
    words = ["train", "xor.csv", "--model", "perceptron", "--val", "0", "--test", "0", "--epochs", "3", "--seed", "1"]
    outcome = nncli(*words, "-q", "--json")
    said = "of its own training rows 25.0 % are right, no more than by guessing the commonest class; most likely "
    assert outcome.json["warnings"] == [said + "no straight line separates these classes: try --model mlp"]
    assert outcome.err == f"warning: {outcome.json['warnings'][0]}\n"


LOW = ["iris", "--optimizer", "sgd", "--lr", "1e-9"]


def test_a_loss_above_that_of_guessing_is_a_warning_in_train_and_eval(nncli: Run) -> None:
    """The shares of the classes among 106 rows are 0.33, 0.34 and 0.33, whose loss is all but log 3."""
    outcome = nncli("train", *LOW, "-q", "--json", "-o", "m.npz")
    (said,) = outcome.json["warnings"]
    loss = outcome.json["train"]["log_loss"]
    assert loss > np.log(3)
    assert said.startswith(f"the log loss of its own training rows, {loss:.4f}, is above that of guessing the shares")
    assert said.endswith("classes, 1.0985; most likely the learning rate 1e-09 is too low: try --lr 0.1")
    told = nncli("eval", "m.npz", "-q", "--json")
    (said,) = told.json["warnings"]
    assert said.startswith(f"the log loss of these rows, {told.json['log_loss']:.4f}, is above that of guessing")
    assert said.endswith("; most likely the model has learned too little")
    assert told.err == f"warning: {said}\n"


def test_a_loss_above_that_of_guessing_is_told_of_folds_and_with_a_threshold(nncli: Run) -> None:
    assert "the log loss of the rows of the folds, " in nncli("train", *LOW, "--folds", 3, "-q", "-o", "m.npz").err
    words = ["train", "rare.csv", "--positive", "rare", "--optimizer", "sgd", "--lr", "1e-9", "--epochs", 2, "-q"]
    for more in ("--cost missed=30,false-alarm=1", "--choose-threshold recall=0.9"):
        assert "warning: the log loss of its own training rows, " in nncli(*words, *more.split(), "-o", "m.npz").err


def test_eval_says_where_rows_are_unlike_those_of_training(nncli: Run) -> None:
    """The classes of the new rows are the other way round: the model is sure, and wrong."""
    rng = np.random.default_rng(0)
    for name, sign in (("d.csv", 1), ("new.csv", -1)):
        rows = [f"{a:.3f},{b:.3f},{'up' if sign * a > 0 else 'down'}\n" for a, b in rng.normal(size=(200, 2))]
        Path(name).write_text("a,b,y\n" + "".join(rows))
    nncli("train", "d.csv", "-q", "-o", "m.npz")
    assert nncli("eval", "m.npz", "-q", "--json").json["warnings"] == []
    (said,) = nncli("eval", "m.npz", "new.csv", "-q", "--json").json["warnings"]
    assert "is above that of guessing the shares of the classes" in said
    assert "or these rows are unlike those it was trained on" in said


def test_weights_move_the_probabilities_as_somebody_asked(nncli: Run) -> None:
    """With classes that count the same, the rare one is far likelier for the model than its share, on purpose."""
    nncli("train", "rare.csv", "--class-weight", "balanced", "-o", "m.npz")
    outcome = nncli("eval", "m.npz", "rare.csv", "--json")
    assert outcome.json["log_loss"] > 0.3  # of shares of 6 and 94 %: 0.23
    assert "guessing" not in outcome.err


def test_nothing_is_warned_of_in_json_where_all_is_well(nncli: Run) -> None:
    assert nncli("train", "wine", "-q", "--json", "-o", "m.npz").json["warnings"] == []
    assert nncli("eval", "m.npz", "--json").json["warnings"] == []


def test_a_threshold_says_of_which_class_it_is(nncli: Run) -> None:
    nncli("train", "noise.csv", "-o", "m.npz")
    outcome = nncli("predict", "m.npz", "noise.csv", "--threshold", "0.4", "-o", "p.csv")
    assert outcome.err == "'usual' is predicted from the probability 0.4 on\n"
    nncli("predict", "m.npz", "noise.csv", "--proba", "-o", "q.csv")
    table = [line.split(",") for line in Path("q.csv").read_text().splitlines()]
    of = table[0].index("p_usual")
    expected = ["usual" if float(row[of]) >= 0.4 else "rare" for row in table[1:]]
    assert Path("p.csv").read_text().splitlines()[1:] == expected


def test_columns_that_say_nothing_of_new_rows_are_named_as_the_cause(nncli: Run) -> None:
    """The classes of the validation rows are the other way round: what is learned makes their loss worse at once."""
    rng = np.random.default_rng(0)
    for name, sign in (("d.csv", 1), ("val.csv", -1)):
        rows = [f"{a:.3f},{b:.3f},{'up' if sign * a > 0 else 'down'}\n" for a, b in rng.normal(size=(200, 2))]
        Path(name).write_text("a,b,y\n" + "".join(rows))
    said = nncli("train", "d.csv", "--val-data", "val.csv", "--lr", 1e-5, "--test", 0).err
    assert "most likely the columns say little about the class of new rows: no later epoch was better" in said
    assert "more --epochs" not in said


def test_nothing_is_said_of_classes_that_somebody_asked_for(nncli: Run) -> None:
    """With costs the classes are not the likeliest ones, and their accuracy is low on purpose."""
    for more in ("--cost missed=30,false-alarm=1", "--choose-threshold recall=0.9"):
        told = nncli("train", "rare.csv", "--positive", "rare", *more.split(), "-o", "m.npz").err
        assert "are predicted" not in told
        assert "are right" not in told


def test_a_network_that_has_hardly_moved_is_not_said_to_know_rows_by_heart(nncli: Run) -> None:
    told = nncli("train", "iris", "--optimizer", "sgd", "--lr", "1e-3", "--epochs", 1).err
    assert "most likely it has learned too little: try more --epochs, or another --lr" in told
    assert "by heart" not in told


def texts_of_two_kinds(n: int, shares: float) -> None:
    """Write texts of which so many are of one kind, each told by a word of its own among others."""
    rng = np.random.default_rng(0)
    kinds = rng.random(n) < shares
    lines = [f"{' '.join(f'w{k}' for k in rng.integers(500, size=12))} {'ham' if one else 'eggs'}" for one in kinds]
    rows = [f"{line},{'pq'[int(one)]}\n" for line, one in zip(lines, kinds, strict=True)]
    Path("texts.csv").write_text("text,y\n" + "".join(rows))


@pytest.mark.parametrize(("share", "options"), [(0.72, "--l2 0.1"), (0.72, "--l1 0.01")])
def test_a_penalty_that_takes_all_from_texts_is_blamed(share: float, options: str, nncli: Run) -> None:
    texts_of_two_kinds(300, share)
    words = "train", "texts.csv", "--text", "text", "--hash-bits", 12, "--model", "softmax", "--epochs", 5
    said = nncli(*words, *options.split(), "-o", "m.npz").err
    assert f"most likely the penalty {options} keeps the weights too near to 0: try a hundredth of it" in said
    assert "most likely" not in nncli(*words, "-o", "m.npz").err
    assert "--model mlp" not in said
