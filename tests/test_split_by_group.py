"""train --group: rows of one group are in one part, and a model is asked about groups it has not seen."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

import nncli as nncli_package
from ledgers import trials
from nncli.data.group_split import group_folds, group_split
from nncli.model import checkpoint

Run = Callable[..., Any]
Rows = NDArray[np.int64]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def patients(path: str, numbers: range = range(60), seed: int = 0) -> None:
    """Ten visits each, whose cells identify the patient; ill or well is the flip of a coin for each patient."""
    rng = np.random.default_rng(seed)
    lines = ["patient,a,b,c,d,e,class"]
    for number in numbers:
        person, state = rng.normal(size=5), "ill" if rng.random() < 0.5 else "well"
        for visit in person + rng.normal(0, 0.05, (10, 5)):
            lines.append(f"{1000 + number},{','.join(f'{x:.4f}' for x in visit)},{state}")
    Path(path).write_text("\n".join(lines) + "\n")


def clustered(seed: int) -> tuple[Rows, Rows]:
    """Groups of different sizes, each with classes in proportions of its own."""
    rng = np.random.default_rng(seed)
    n_groups, K = int(rng.integers(8, 60)), int(rng.integers(2, 5))
    groups = rng.permutation(np.repeat(np.arange(n_groups), rng.integers(1, rng.integers(2, 30), n_groups)))
    shares = rng.dirichlet(np.full(K, rng.choice([0.2, 1, 5])), n_groups)
    y = np.array([rng.choice(K, p=shares[group]) for group in groups])
    return groups, np.unique(y, return_inverse=True)[1]


def imbalance(fold_of: Rows, y: Rows, folds: int) -> float:
    """The largest difference of a fold's share of a class from an equal one."""
    counts = np.bincount(y)
    return max(float(np.abs(np.bincount(y[fold_of == k], minlength=len(counts)) / counts - 1 / folds).max())
               for k in range(folds))  # fmt: skip


@settings(max_examples=100, derandomize=True)
@given(seed=st.integers(0, 10**6), val=st.floats(0.05, 0.4), test=st.floats(0.05, 0.4))
def test_a_group_is_in_one_part_and_every_row_in_one(seed: int, val: float, test: float) -> None:
    groups, y = clustered(seed)
    split = group_split(groups, y, val, test, seed, "f", "g")
    parts = [split.train, split.val, split.test]
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(len(y)))
    assert all((np.diff(rows) > 0).all() and len(rows) for rows in parts)
    assert sum(len(np.unique(groups[rows])) for rows in parts) == len(np.unique(groups))
    # no part is off by more than the largest group, and by a row of each class, whose share is to be even too
    most = np.bincount(groups).max() + len(np.unique(y))
    for rows, share in zip(parts, (1 - val - test, val, test), strict=True):
        assert abs(len(rows) - share * len(y)) <= most


def test_folds_are_as_even_as_those_of_scikit_learn() -> None:
    """Each group in one fold, as GroupKFold has it; classes as balanced as StratifiedGroupKFold can, or better."""
    mine, sizes, theirs, their_sizes = [], [], [], []
    for seed in range(60):
        groups, y = clustered(seed)
        folds = 2 + seed % 4
        fold_of = group_folds(groups, y, folds, seed, "f", "g")
        assert all(len(np.unique(fold_of[groups == group])) == 1 for group in np.unique(groups))
        stratified, plain = np.empty_like(y), np.empty_like(y)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of classes with fewer rows than folds
            for k, (_, rows) in enumerate(
                StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(y, y, groups)
            ):
                stratified[rows] = k
        for k, (_, rows) in enumerate(GroupKFold(folds).split(y, y, groups)):
            plain[rows] = k
        mine.append(imbalance(fold_of, y, folds))
        theirs.append(imbalance(stratified, y, folds))
        sizes.append(np.ptp(np.bincount(fold_of)) / len(y))
        their_sizes.append(np.ptp(np.bincount(plain)) / len(y))
    assert np.mean(mine) <= np.mean(theirs)
    assert np.mean(np.array(mine) <= np.array(theirs) + 1e-9) > 0.8
    # GroupKFold looks at sizes alone, and is no more even by them than a few rows in a hundred
    assert np.mean(sizes) <= np.mean(their_sizes) + 0.03


def test_equal_groups_of_one_class_each_are_shared_out_exactly() -> None:
    """By hand: 40 groups of 5 rows, half of each class: 28, 6 and 6 groups, half of each class again."""
    groups = np.repeat(np.arange(40), 5)
    y = groups % 2
    split = group_split(groups, y, 0.15, 0.15, 3, "f", "g")
    assert [np.bincount(y[rows]).tolist() for rows in (split.train, split.val, split.test)] == [
        [70, 70], [15, 15], [15, 15]
    ]  # fmt: skip
    other = group_split(groups, y, 0.15, 0.15, 4, "f", "g")
    assert not np.array_equal(split.test, other.test)
    # three groups: one for each part, and the smallest are held out
    three = group_split(np.repeat([0, 1, 2], [10, 9, 8]), np.arange(27) % 2, 0.15, 0.15, 0, "f", "g")
    assert sorted((len(three.val), len(three.test))) == [8, 9]


def test_a_random_split_flatters_where_a_split_by_group_does_not(nncli: Run) -> None:
    patients("d.csv")
    drawn = nncli("train", "d.csv", "--drop", "patient", "--json", "-q").json["test"]["accuracy"]
    grouped = nncli("train", "d.csv", "--group", "patient", "--json")
    assert drawn > 0.95
    assert 0.25 < grouped.json["test"]["accuracy"] < 0.7  # a coin: 0.5, on nine patients
    assert "column 'patient': the groups of the rows, not an input" in grouped.err
    assert (
        "split by column 'patient': 42 groups for training, 9 groups for validation, 9 groups for test" in grouped.err
    )
    # the model finds its test rows again, and predicts rows that say nothing of the patient
    assert nncli("eval", "model.npz", "--json", "-q").json["accuracy"] == grouped.json["test"]["accuracy"]
    Path("new.csv").write_text("a,b,c,d,e\n0,0,0,0,0\n")
    assert nncli("predict", "model.npz", "new.csv", "-q").code == 0
    model, provenance = checkpoint.load(Path("model.npz"))
    assert model.schema.names == ("a", "b", "c", "d", "e")
    names = np.array([line.split(",")[0] for line in Path("d.csv").read_text().splitlines()[1:]])
    tested, validated = set(names[provenance.test_rows]), set(names[provenance.val_rows])
    assert (len(tested), len(validated), tested & validated) == (9, 9, set())


def test_the_seed_decides_and_a_resumed_run_has_the_same_rows(nncli: Run) -> None:
    patients("d.csv")
    words = ["train", "d.csv", "--group", "patient", "--schedule", "constant", "-q"]
    assert nncli(*words, "--epochs", 4, "-o", "one.npz").code == 0
    assert nncli(*words, "--epochs", 4, "-o", "two.npz").code == 0
    assert Path("one.npz").read_bytes() == Path("two.npz").read_bytes()
    assert nncli(*words, "--epochs", 2, "--keep-state", "-o", "half.npz").code == 0
    assert nncli("train", "--resume", "half.npz", "--epochs", 4, "-q").code == 0
    assert Path("half.npz").read_bytes() == Path("one.npz").read_bytes()
    assert nncli(*words, "--epochs", 4, "--split-seed", 1, "-o", "other.npz").code == 0
    first, other = (checkpoint.load(Path(name))[1].test_rows for name in ("one.npz", "other.npz"))
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("ids", ["{0}", "00{0}", "P-{0}", "2026-01-{0:02}", "{0}.0", "9007199254740{0:03}"])
def test_a_group_is_what_is_written_whatever_it_looks_like(ids: str, nncli: Run) -> None:
    """Numbers, codes, dates and numbers that float64 rounds: 20 groups of five rows, none of which is an input."""
    rows = [f"{ids.format(i % 20 + 1)},{i * 7 % 31},{i * 5 % 13},{'pq'[i // 20 % 2]}" for i in range(100)]
    Path("d.csv").write_text("who,a,b,class\n" + "\n".join(rows) + "\n")
    outcome = nncli("train", "d.csv", "--group", "who", "--dry-run", "--json")
    assert outcome.json["inputs"] == 2
    assert "split by column 'who': 14 groups for training, 3 groups for validation, 3 groups for test" in outcome.err


def test_a_group_in_two_files_is_refused(nncli: Run) -> None:
    patients("train.csv", range(30))
    patients("apart.csv", range(30, 50), seed=1)
    patients("shared.csv", range(29, 50), seed=1)
    for option in ("--val-data", "--test-data"):
        words = ["train", "train.csv", "--group", "patient", "--epochs", "2", "-q"]
        assert nncli(*words, option, "apart.csv").code == 0
        refused = nncli(*words, option, "shared.csv")
        assert (refused.code, refused.err) == (
            1, "shared.csv: column 'patient': expected groups that are in no other part, found '1029', which is in "
            "train.csv too. Leave its rows out of one of the two files.\n",
        )  # fmt: skip
        # as advised
        kept = [line for line in Path("shared.csv").read_text().splitlines() if not line.startswith("1029,")]
        Path("less.csv").write_text("\n".join(kept) + "\n")
        assert nncli(*words, option, "less.csv").code == 0
    assert nncli(*words[:-1], "--val-data", "apart.csv", "--test-data", "apart.csv").code == 1


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            ["1,{i},{c}", ",{i},{c}"],
            "d.csv:3: column 'who': expected a group, found an empty cell. Correct it, fill the cells down where "
            "a group is written once, or leave such rows out with --on-error skip.",
        ),
        (
            ["1,{i},{c}", "2,{i},{c}"],
            "d.csv: column 'who': expected at least 3 groups, one for each of the 3 parts of the split, found 2. "
            "Name another column with --group, or set --val 0 or --test 0.",
        ),
    ],
)
def test_groups_that_cannot_be(rows: list[str], message: str, nncli: Run) -> None:
    lines = [rows[i % 2].format(i=i * i % 17, c="pq"[i // 2 % 2]) for i in range(60)]
    Path("d.csv").write_text("who,a,class\n" + "\n".join(lines) + "\n")
    outcome = nncli("train", "d.csv", "--group", "who", "-q")
    assert (outcome.code, outcome.err) == (1, message + "\n")


def test_a_class_that_one_group_has_is_trained_on_and_told(nncli: Run) -> None:
    lines = [f"{i % 20},{i * i % 17},{'pq'[i // 20 % 2]}" for i in range(200)] + [f"99,{i},r" for i in range(9)]
    Path("d.csv").write_text("who,a,class\n" + "\n".join(lines) + "\n")
    outcome = nncli("train", "d.csv", "--group", "who", "--epochs", "2")
    assert outcome.code == 0
    for part in ("validation", "test"):
        absent = f"there is no row of it among the {part} rows, so that their figures say nothing about it"
        warning = f"warning: class 'r': {absent}"
        assert warning in outcome.err
    refused = nncli("train", "d.csv", "--group", "who", "--calibrate", "-q")
    assert refused.err == (
        "--calibrate: class 'r': there is no row among the validation rows to calibrate the probability on. "
        "Set another --val, or leave the option out.\n"
    )
    # and where it is in the fold that validates, nothing is left to learn it from
    folded = nncli("sweep", "d.csv", "--group", "who", "--folds", "3", "--epochs", "2", "-q")
    assert (folded.code, folded.err) == (
        1, "d.csv: class 'r': expected training rows, found none in a split by --group. Set smaller shares with --val "
        "and --test, leave the class out, or split at random, without --group.\n",
    )  # fmt: skip


def test_folds_of_a_sweep_share_out_the_groups(nncli: Run) -> None:
    patients("d.csv")
    words = ["sweep", "d.csv", "--group", "patient", "--lr", "0.01,0.001", "--epochs", "3", "--jobs", "1", "-q"]
    assert nncli(*words, "--folds", "3").code == 0
    # 51 of the 60 patients are not in the test: 17 in each fold
    assert [one["n_val"] for one in trials()] == [170] * 6
    Path("model.sweep.jsonl").unlink()
    found = nncli(*words, "--json").json
    assert found["winner"]["n_test"] == 90
    assert "--group patient" in found["winner"]["command"]


def test_a_sweep_refuses_a_shared_group_before_it_trains(nncli: Run) -> None:
    patients("d.csv")
    outcome = nncli("sweep", "d.csv", "--group", "patient", "--test-data", "d.csv", "--epochs", "2", "-q")
    assert outcome.code == 1
    assert "expected groups that are in no other part" in outcome.err
    assert not Path("model.sweep.jsonl").exists()


def test_weights_and_groups_are_both_no_inputs(nncli: Run) -> None:
    rows = [f"{i % 20},{i * 7 % 31},{i % 3},{'pq'[i // 20 % 2]}" for i in range(200)]
    Path("d.csv").write_text("who,a,w,class\n" + "\n".join(rows) + "\n")
    words = ["train", "d.csv", "--group", "who", "--weight", "w", "--epochs", "2"]
    assert nncli(*words, "--dry-run", "--json").json["inputs"] == 1
    for again in ("who", "w"):
        refused = nncli(*words, "--drop", again, "-q")
        option = {"who": "group", "w": "weight"}[again]
        assert (refused.code, refused.err) == (2, f"--drop: '{again}' is named by --{option} too. Name it once.\n")
    refused = nncli("train", "d.csv", "--group", "w", "--weight", "w", "-q")
    assert (refused.code, refused.err) == (2, "--group: 'w' is named by --weight too. Name another column.\n")


def test_python_has_groups_too() -> None:
    rng = np.random.default_rng(0)
    X = {"a": rng.normal(size=100), "who": np.arange(100) % 20}
    model = nncli_package.NNClassifier(group="who", epochs=2, test=0.15).fit(X, rng.integers(2, size=100))
    assert model.model_.schema.names == ("a",)
    assert not {*(model.provenance_.test_rows % 20)} & {*(model.provenance_.val_rows % 20)}
