"""--rare: classes with too few rows for every part of a split are left out, or are one class together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nncli.model import checkpoint

Run = Callable[..., Any]
TRAIN = ["train", "d.csv", "--epochs", "3"]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def write(path: str = "d.csv", rare: str = "rrst", more: int = 100) -> None:
    """Rows of the classes p and q, with some of others among them."""
    lines = [f"{i},{i * i % 17},{'pq'[i % 2]}" for i in range(more)]
    for i, name in enumerate(rare):
        lines.insert(20 * i + 3, f"{900 + i},{i},{name}")
    Path(path).write_text("id,a,class\n" + "\n".join(lines) + "\n")


def test_they_are_refused_and_then_left_out_as_advised(nncli: Run) -> None:
    write()
    assert nncli(*TRAIN, "-q").err == (
        "d.csv: class 's': expected at least 3 rows, one for each of the 3 parts of the split, found 1. Get more rows "
        "of it, leave it out with --rare drop, or set --val 0 or --test 0.\n"
    )
    outcome = nncli(*TRAIN, "--rare", "drop", "--json")
    assert outcome.json["classes"] == ["p", "q"]
    assert [outcome.json[f"n_{part}"] for part in ("train", "val", "test")] == [70, 15, 15]  # of 100
    assert "rare: classes 'r' (2 rows), 's' (1 row) and 't' (1 row) left out" in outcome.err
    # the model finds its rows again, and none of them is of those classes
    assert nncli("eval", "model.npz", "--json").json["accuracy"] == outcome.json["test"]["accuracy"]
    assert nncli("gradcheck", "model.npz", "-q").code == 0
    classes = np.array([line[-1] for line in Path("d.csv").read_text().splitlines()[1:]])
    _, provenance = checkpoint.load(Path("model.npz"))
    assert {*classes[provenance.test_rows], *classes[provenance.val_rows]} == {"p", "q"}
    # what is left is split and learned as if they had not been there
    write("without.csv", rare="")
    same = nncli("train", "without.csv", "--epochs", "3", "--json", "-o", "same.npz").json
    assert (same["test"], same["val"]) == (outcome.json["test"], outcome.json["val"])


def test_they_are_merged_into_a_class_of_their_own(nncli: Run) -> None:
    write()
    outcome = nncli(*TRAIN, "--rare", "merge=other", "--json")
    assert outcome.json["classes"] == ["other", "p", "q"]
    assert "rare: classes 'r' (2 rows), 's' (1 row) and 't' (1 row) merged into 'other'" in outcome.err
    judged = nncli("eval", "model.npz", "--json").json
    assert judged["accuracy"] == outcome.json["test"]["accuracy"]
    # in other files too, where it is said
    found = nncli("eval", "model.npz", "d.csv", "--json")
    assert found.json["per_class"]["other"]["n"] == 4
    assert "d.csv: rows of class 'r', 's' and 't' count as 'other'" in found.err
    assert nncli("gradcheck", "model.npz", "-q").code == 0


def test_they_are_merged_into_a_class_that_there_is(nncli: Run) -> None:
    write()
    assert nncli(*TRAIN, "--rare", "merge=q", "--json").json["classes"] == ["p", "q"]
    # numbers stay in numeric order, and 1.0 is 1
    Path("d.csv").write_text("a,class\n" + "".join(f"{i},{[2, 10, 1][i % 3]}\n" for i in range(90)) + "5,11\n")
    assert nncli(*TRAIN, "--rare", "merge=1.0", "--json").json["classes"] == ["1", "2", "10"]


@pytest.mark.parametrize("rare", ["drop", "merge=other"])
def test_files_of_their_own_are_read_in_the_same_classes(rare: str, nncli: Run) -> None:
    write()
    write("val.csv", rare="" if rare == "drop" else "rs")
    write("rare.csv", rare="s")
    outcome = nncli(*TRAIN, "--rare", rare, "--val-data", "val.csv", "--test-data", "val.csv", "-q")
    # only one part is drawn: no class is too rare for that
    assert outcome.code == 0
    outcome = nncli(*TRAIN, "--rare", rare, "--test-data", "val.csv", "--json")
    assert outcome.code == 0, outcome.err
    assert nncli("eval", "model.npz", "--json").json["accuracy"] == outcome.json["test"]["accuracy"]
    refused = nncli(*TRAIN, "--rare", rare, "--test-data", "rare.csv", "-q")
    if rare == "drop":
        assert "column 'class': expected a class that the model knows (p, q, r), found 's'" in refused.err
    else:
        assert refused.code == 0


def test_with_groups_it_is_the_groups_that_are_counted(nncli: Run) -> None:
    lines = [f"{i % 20},{i * i % 17},{'pq'[i // 20 % 2]}" for i in range(200)] + [f"99,{i},r" for i in range(9)]
    Path("d.csv").write_text("who,a,class\n" + "\n".join(lines) + "\n")
    outcome = nncli(*TRAIN, "--group", "who", "--rare", "drop", "--json")
    assert outcome.json["classes"] == ["p", "q"]
    assert "rare: class 'r' (1 group) left out" in outcome.err


def test_nothing_rare_is_told_and_nothing_left_refused(nncli: Run) -> None:
    write(rare="")
    outcome = nncli(*TRAIN, "--rare", "merge=other")
    assert "rare: no class has fewer than 3 rows" in outcome.err
    write(rare="rst", more=2)
    assert nncli(*TRAIN, "--rare", "drop", "-q").err == (
        "d.csv: expected two or more classes with at least 3 rows, found 0. Get more rows, or set --val 0 or "
        "--test 0.\n"
    )
    write(rare="r")
    assert nncli(*TRAIN, "--rare", "merge=other", "-q").err == (  # of one row as well
        "d.csv: class 'other': expected at least 3 rows, one for each of the 3 parts of the split, found 1. Get more "
        "rows of it, leave it out with --rare drop, or set --val 0 or --test 0.\n"
    )
    refused = nncli(*TRAIN, "--rare", "mrege=x", "-q")
    assert (refused.code, refused.err) == (2, "--rare: expected drop or merge=NAME, found 'mrege=x'.\n")


@pytest.mark.usefixtures("tables_on_the_disk")
@pytest.mark.parametrize("rare", ["drop", "merge=other"])
def test_tables_on_the_disk_sweeps_and_resumed_runs_are_the_same(rare: str, nncli: Run) -> None:
    write(more=600)
    words = ["d.csv", "--rare", rare, "--schedule", "constant", "-q"]
    assert nncli("train", *words, "--epochs", 4, "-o", "one.npz").code == 0
    assert nncli("train", *words, "--epochs", 4, "-o", "disk.npz", "--memory", "300MB").code == 0
    assert Path("disk.npz").read_bytes() == Path("one.npz").read_bytes()
    judged = [nncli("eval", "disk.npz", "--json", "-q", *more).json for more in ([], ["--memory", "300MB"])]
    assert judged[0] == judged[1]
    assert nncli("train", *words, "--epochs", 2, "--keep-state", "-o", "half.npz").code == 0
    assert nncli("train", "--resume", "half.npz", "--epochs", 4, "-q").code == 0
    assert Path("half.npz").read_bytes() == Path("one.npz").read_bytes()
    swept = nncli("sweep", *words, "--epochs", 4, "--lr", "0.01,0.001", "--folds", 3, "--jobs", 1, "--json")
    assert swept.json["winner"]["classes"] == (["p", "q"] if rare == "drop" else ["other", "p", "q"])


def test_check_counts_the_rows_that_are_left(nncli: Run) -> None:
    write()
    outcome = nncli("check", "d.csv", "--rare", "drop", "--json")
    assert (outcome.code, outcome.json["classes"]) == (0, {"p": 50, "q": 50})


def test_a_class_that_was_left_out_is_not_taken_for_one_that_is_spelled_wrongly(nncli: Run) -> None:
    rows = [f"{i},{'yes' if i % 2 else 'no'}" for i in range(60)]
    Path("d.csv").write_text("\n".join(["x,class", *rows, "7,yess"]) + "\n")
    assert nncli(*TRAIN, "--rare", "drop", "-q").code == 0
    refused = nncli("eval", "model.npz", "d.csv")
    assert refused.err == (
        "d.csv:62: column 'class': expected a class that the model knows (no, yes), found 'yess'. "
        "Correct it, or leave such rows out with --on-error skip. Did you mean 'yes'?\n"
    )
    assert "evaluated on all 60 rows" in nncli("eval", "model.npz", "d.csv", "--on-error", "skip").out


@pytest.mark.parametrize(("label", "behind"), [("yes.", "."), ("no .", " ."), ("YES.", ""), ("no*", "*")])
def test_a_class_with_a_sign_behind_it_is_named(label: str, behind: str, nncli: Run) -> None:
    rows = [f"{i},{'yes' if i % 2 else 'no'}" for i in range(60)]
    Path("d.csv").write_text("\n".join(["x,class", *rows]) + "\n")
    Path("other.csv").write_text("\n".join(["x,class", *rows[:9], f"7,{label}"]) + "\n")
    remedy = f"Write it as '{label.removesuffix(behind)}', without the '{behind}' behind it"
    if not behind:  # upper case may be another class
        remedy = "Correct it"
    assert f"found '{label}'. {remedy}" in nncli(*TRAIN, "-q", "--test-data", "other.csv").err
    nncli(*TRAIN, "-q")
    assert f"found '{label}'. {remedy}, or leave such rows out" in nncli("eval", "model.npz", "other.csv").err


def test_rows_without_names_say_so_too(nncli: Run) -> None:
    rows = [f"{i},{'yes' if i % 2 else 'no'}" for i in range(60)]
    Path("d.csv").write_text("\n".join(rows) + "\n")
    Path("other.csv").write_text("\n".join(f"{row}." for row in rows) + "\n")
    nncli(*TRAIN, "--target", "c1", "-q")
    refused = nncli("eval", "model.npz", "other.csv")
    assert refused.err.endswith("found 'no.'. Write it as 'no', without the '.' behind it.\n")
