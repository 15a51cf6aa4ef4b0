"""Which trainings each search tries, and that they are those of a grid."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledgers import documents, trials
from nncli.model.training_state import Epoch
from nncli.sweep.space import Space
from nncli.training.trainer import Trainer

Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def test_random_trials_go_on_where_fewer_ended(nncli: Run) -> None:
    words = ["sweep", "iris", "--lr", "log:1e-3:1e-1", "--hidden", "int:2:9", "--epochs", "2", "--jobs", "1", "-q"]
    assert nncli(*words, "--trials", "4").code == 0
    first = {record["trial"] for record in trials()}
    assert nncli(*words, "--trials", "7").code == 0
    more = {record["trial"] for record in trials()}
    assert (len(first), len(more)) == (4, 7)
    assert first < more


@pytest.mark.long
def test_halving_trains_the_best_on_to_where_a_grid_has_them(nncli: Run) -> None:
    """Nine for a ninth of their epochs, three for a third, one to the end: as if it had never paused."""
    words = ["sweep", "digits", "--lr", "0.02,0.005,0.0005", "--hidden", "4,16,32", "--epochs", "18", "-q"]
    assert nncli(*words, "--jobs", "2", "--search", "halving").code == 0
    halving = trials()
    assert sorted(record["epochs"] for record in halving) == [2] * 9 + [6] * 3 + [18]
    assert nncli(*words, "--jobs", "1", "--ledger", "grid.jsonl").code == 0
    grid = trials("grid.jsonl")
    [whole] = [record for record in halving if record["share"] == 1]
    [same] = [record for record in grid if record["trial"] == whole["trial"]]
    assert same == whole
    _, *raw = documents()  # the seconds are those of all rungs
    spent = {record["share"]: record["seconds"] for record in raw if record["config"] == whole["config"]}
    assert spent[1] > spent[1 / 3] > spent[1 / 9] > 0
    # whoever went on was among the best third of its rung, by the validation accuracy
    first = sorted((r["val"]["accuracy"] for r in halving if r["share"] < 0.2), reverse=True)
    on = {json.dumps(r["config"]) for r in halving if 0.2 < r["share"] < 1}
    assert {r["val"]["accuracy"] for r in halving if r["share"] < 0.2 and json.dumps(r["config"]) in on} <= set(
        first[:3]
    )


def test_halving_trains_no_epoch_twice(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine for 2 epochs, three for 4 more, one for 12 more: 42, not 162; nor is the winner trained again."""
    trained = []
    end_epoch = Trainer.end_epoch

    def counted(trainer: Trainer) -> Epoch:
        trained.append(1)
        return end_epoch(trainer)

    monkeypatch.setattr(Trainer, "end_epoch", counted)
    words = ["sweep", "digits", "--lr", "0.02,0.005,0.0005", "--hidden", "4,8,16", "--epochs", "18", "-q"]
    assert nncli(*words, "--jobs", "1", "--search", "halving").code == 0
    assert len(trained) == 9 * 2 + 3 * 4 + 12


def test_what_patience_has_ended_does_not_go_on(nncli: Run) -> None:
    """Trained to its end in the first rung, a training has no more epochs in the next ones."""
    words = ["sweep", "digits", "--lr", "0.1,0.05,0.02", "--hidden", "16", "--patience", "1", "--epochs", "90", "-q"]
    assert nncli(*words, "--jobs", "1", "--search", "halving").code == 0
    assert nncli(*words, "--jobs", "1", "--ledger", "grid.jsonl").code == 0
    ends = {record["config"]["lr"]: record["epochs"] for record in trials("grid.jsonl")}
    assert min(ends.values()) < 10  # the first rung has so many
    for record in trials():
        assert record["epochs"] == min(ends[record["config"]["lr"]], round(90 * record["share"]))


def test_refine_looks_closer_around_the_best(nncli: Run) -> None:
    words = ["sweep", "iris", "--lr", "log:1e-5:1", "--hidden", "2,4,8,16", "--epochs", "3", "--jobs", "1", "-q"]
    assert nncli(*words, "--trials", "12", "--search", "refine").code == 0
    _, *records = documents()
    rates = [math.log10(record["config"]["lr"]) for record in records]
    assert len(records) == 12
    spans = [max(part) - min(part) for part in (rates[:4], rates[4:8], rates[8:])]
    assert spans[1] <= 5 / 3
    assert spans[2] <= 5 / 9
    # stopped in the middle of a round, it comes to the same
    lines = Path("model.sweep.jsonl").read_text().splitlines(keepends=True)
    found = trials()
    Path("model.sweep.jsonl").write_text("".join(lines[:7]))
    assert nncli(*words, "--trials", "12", "--search", "refine").code == 0
    assert trials() == found


def test_drawing_ends_soon_where_a_space_has_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nncli: Run
) -> None:
    """Rates are rounded to three figures: of 0.01 to 0.011, there are 0.01, 0.0101 … 0.011."""
    monkeypatch.chdir(tmp_path)
    drawn = []
    draw_one = Space.draw
    monkeypatch.setattr(Space, "draw", lambda *words: drawn.append(1) or draw_one(*words))
    words = ["sweep", "xor", "--epochs", 1, "--hidden", 2, "--lr", "0.01:0.011", "--jobs", 1, "-o", "m.npz"]
    done = nncli(*words, "--trials", 5000)
    assert done.code == 0
    assert "the ranges have 11 combinations, of which each is tried, not 5,000\n" in done.err
    assert len(trials("m.sweep.jsonl")) == 11
    assert len(drawn) < 20_000  # and not a hundred for each of those that were asked for, every time
