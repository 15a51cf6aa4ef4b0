"""`nncli report` of two models, and of the ledger of a sweep."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from reports import blocks, finding, listing, report, two_classes, write_rows

Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def train_two(nncli: Run, *worse: object) -> None:
    write_rows("d.csv", two_classes(1000, apart=1.5))
    for out, options in (("a.npz", ("--epochs", 10)), ("b.npz", worse)):
        assert nncli("train", "d.csv", "--seed", 1, *options, "-q", "-o", out).code == 0


def test_two_models_have_the_differences_of_eval(nncli: Run) -> None:
    train_two(nncli, "--epochs", 1, "--lr", 1e-6)
    expected, made = nncli("eval", "a.npz", "b.npz", "--json").json["figures"], report(nncli, "a.npz", "b.npz")
    rows = listing(made, "Side by side")
    for row, (name, one) in zip(rows, expected.items(), strict=True):
        percent = name in ("accuracy", "balanced-accuracy")
        first, second = ((f"{100 * x:.1f} %" if percent else f"{x:.4f}") for x in one["values"])
        assert (row["a.npz"], row["b.npz"], row["p-value"]) == (first, second, f"{one['p_value']:.2g}")
    assert made["verdict"][2].startswith("That is more than chance: take a.npz")
    counts = {row["right"]: int(row["rows"]) for row in listing(made, "Where they agree")}
    right = [round(x * 150) for x in expected["accuracy"]["values"]]
    assert [counts["both"] + counts[f"only {name}"] for name in ("a.npz", "b.npz")] == right
    assert sum(counts.values()) == 150


def test_two_models_that_chance_may_tell_apart_are_said_to_be_so(nncli: Run) -> None:
    train_two(nncli, "--epochs", 11)
    made = report(nncli, "a.npz", "b.npz", "d.csv")
    assert "may be chance" in made["verdict"][2]
    assert finding(made, "Accuracy of the two")["state"] == "undecided"


def test_no_model_is_to_be_taken_that_is_no_better_than_one_answer(nncli: Run) -> None:
    """b.npz learned from shuffled rows: it has the 95 % right that are "no", and finds none of the others."""
    rng = np.random.default_rng(0)
    x, noise = rng.normal(size=2000), rng.normal(size=2000)
    label = np.where(x + rng.normal(size=2000) > 2.3, "yes", "no")
    write_rows("d.csv", {"x": x, "noise": noise, "class": label})
    write_rows("n.csv", {"x": rng.permutation(x), "noise": noise, "class": label})
    of_shuffled = ("n.csv", "--epochs", 5)
    for out, *options in (
        ("a.npz", "d.csv", "--class-weight", "balanced"),
        ("b.npz", *of_shuffled),
        ("c.npz", *of_shuffled, "--seed", 2),
    ):
        assert nncli("train", *options, "-q", "-o", out).code == 0
    figures = nncli("eval", "a.npz", "b.npz", "d.csv", "--json").json["figures"]["accuracy"]
    assert figures["values"][1] > figures["values"][0]
    assert figures["p_value"] < 0.01
    one = report(nncli, "a.npz", "b.npz", "d.csv")["verdict"][2]
    assert one.startswith("Take a.npz, unless")
    assert "b.npz is not shown to be better than always giving one answer" in one
    assert report(nncli, "b.npz", "c.npz", "d.csv")["verdict"][2].startswith("Use neither for decisions")


def test_two_models_of_other_test_rows_need_data(nncli: Run) -> None:
    train_two(nncli, "--epochs", 1, "--split-seed", 5)
    outcome = nncli("report", "a.npz", "b.npz", "--to", "md")
    assert outcome.code == 1
    assert "it was tested on other rows than a.npz" in outcome.err


@pytest.fixture
def ledger(nncli: Run) -> str:
    options = ("--lr", "0.0001,0.01,0.1", "--hidden", "4,16", "--epochs", 5, "--jobs", 1, "-q", "-o", "s.npz")
    assert nncli("sweep", "iris", *options).code == 0
    return "s.sweep.jsonl"


def test_a_ledger_has_the_ranking_of_sweep(ledger: str, nncli: Run) -> None:
    expected, made = nncli("sweep", "--show", ledger, "--json").json, report(nncli, ledger)
    rows = listing(made, "Leaderboard")
    assert [(float(row["lr"]), int(row["hidden"]), row["accuracy"]) for row in rows] == [
        (one["options"]["lr"], *one["options"]["hidden"], f"{100 * one['mean']:.1f} %") for one in expected["standings"]
    ]
    shares = {
        row["option"]: row["share of the differences that it explains alone"]
        for row in listing(made, "Leaderboard", "Options that matter")
    }
    assert shares == {name: f"{100 * share:.1f} %" for name, share in expected["importance"].items()}
    assert f"{100 * expected['standings'][0]['mean']:.1f} %" in made["verdict"][0]


def test_the_best_so_far_never_gets_worse_and_ends_at_the_best(ledger: str, nncli: Run) -> None:
    drawn = blocks(report(nncli, ledger), "Pictures", "drawing")[-1]["figure"]
    (line,) = (mark["y"] for mark in drawn["panels"][0]["marks"] if mark["mark"] == "line")
    best = nncli("sweep", "--show", ledger, "--json").json["standings"][0]["mean"]
    assert line == sorted(line)
    assert len(line) == 2 * 6 - 1  # steps of six trials
    assert line[-1] == pytest.approx(100 * best)


def test_the_command_of_the_winner_trains_a_model_as_good_as_it_says(ledger: str, nncli: Run) -> None:
    (command,) = blocks(report(nncli, ledger), "The winner", "command")
    assert nncli(*shlex.split(command["line"])[1:], "-q").code == 0
    val = nncli("info", "best.npz", "--json").json["figures"]["val"]
    best = nncli("sweep", "--show", ledger, "--json").json["standings"][0]["mean"]
    assert val["accuracy"] == pytest.approx(best)


def test_a_best_value_at_the_end_of_its_range_is_found(ledger: str, nncli: Run) -> None:
    its = finding(report(nncli, ledger), "Range of lr")
    best = nncli("sweep", "--show", ledger, "--json").json["standings"][0]["options"]["lr"]
    assert its["state"] == ("look" if best in (0.0001, 0.1) else "passed")


def test_a_ledger_takes_no_data(ledger: str, nncli: Run) -> None:
    outcome = nncli("report", ledger, "iris", "--to", "md")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "a sweep has no rows to be judged on" in outcome.err


def test_the_report_of_a_ledger_is_beside_it_in_markdown_or_json(ledger: str, nncli: Run) -> None:
    assert nncli("report", ledger, "--to", "md").out.startswith(f"# Report on the sweep {ledger}\n")
