"""The search of --model auto: what it plans, that it judges on rows nobody has learned, and what it refuses."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nncli.config.search_plan import CANDIDATES, Round, SearchPlan, search_plan, with_folds
from nncli.config.train_config import TrainConfig
from nncli.errors import OptionError
from nncli.model.checkpoint import load
from nncli.model.training_state import Epoch
from nncli.nn.models import AutoModel
from nncli.training.greedy_selection import greedy_selection
from nncli.training.prepare import Prepared, prepare
from nncli.training.search import OUT_OF_TIME, Search, plan_of, search

Run = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")
AUTO = TrainConfig(model="auto")
MLP, LINEAR = ([one.model for one in CANDIDATES].index(name) for name in ("mlp", "softmax"))
TWO_STEPS = "--search-steps", "2", "--ensemble", "folds:2", "--threads", "1"


def log_loss(p: np.ndarray) -> float:
    return -float(np.log(p).mean())


def test_models_that_are_right_in_turn_are_better_together() -> None:
    """Of two rows, a gives their own classes 0.9 and 0.4, b gives them 0.3 and 0.9. The log loss is 0.511 of a, 0.655
    of b, 0.471 of the mean of both, and 0.462 of that of a twice and b; a fourth one makes none better (0.466, 0.471).
    c, with 0.5 and 0.3, is of no use."""
    a, b, c = np.array([0.9, 0.4]), np.array([0.3, 0.9]), np.array([0.5, 0.3])
    assert greedy_selection([b, c, a], log_loss) == [1, 0, 2]


def test_a_model_that_is_better_than_any_mean_stays_alone() -> None:
    """0.8 and 0.8 has a log loss of 0.223; with 0.9 and 0.6 beside it, 0.85 and 0.7, it is 0.260."""
    assert greedy_selection([np.array([0.9, 0.6]), np.array([0.8, 0.8])], log_loss) == [0, 1]


def test_of_models_that_are_the_same_the_first_is_taken_once() -> None:
    assert greedy_selection([np.array([0.5, 0.8])] * 3, log_loss) == [1, 0, 0]


def test_more_time_plans_no_fewer_steps() -> None:
    steps = [
        search_plan(dataclasses.replace(AUTO, time_limit=limit), 5000, 20).steps for limit in (1, 5, 20, 60, 300, 3600)
    ]
    assert steps == sorted(steps)
    assert steps[0] == 1
    assert steps[-1] == search_plan(AUTO, 5000, 20).steps <= AutoModel.most_steps


def test_too_little_time_for_the_first_candidate_is_given_to_a_quick_one() -> None:
    """Of 60,000 pictures of 784 pixels, that trains longer than 10 s; a table of 500 rows has time for it."""
    short = dataclasses.replace(AUTO, time_limit=10)
    assert [*search_plan(short, 500, 40).candidates] == [*range(len(CANDIDATES))]
    pictures = search_plan(short, 60_000, 4 * 784)
    assert (pictures.steps, pictures.candidates) == (1, (MLP,))


def test_little_time_does_without_folds_and_much_time_tries_everything_on_folds() -> None:
    quick, slow = (search_plan(dataclasses.replace(AUTO, time_limit=limit), 5000, 20) for limit in (10, 100_000))
    assert quick.folds == 0
    assert slow.folds == 5
    assert slow.rounds[0].networks == len(CANDIDATES)
    assert all(one.on_folds for one in slow.rounds)


@pytest.mark.parametrize(
    ("config", "has_room"),
    [
        (AUTO, False),
        (dataclasses.replace(AUTO, time="day"), True),
        (dataclasses.replace(AUTO, val_data=("v.csv",)), True),
        (dataclasses.replace(AUTO, val=0.2), True),
    ],
    ids=["no room for folds", "rows in time", "validation rows of their own", "a share of validation rows"],
)
def test_where_folds_make_no_sense_validation_rows_judge(config: TrainConfig, has_room: bool) -> None:
    assert with_folds(AUTO, 500, 4, has_room=True).ensemble == "folds:5"
    assert with_folds(config, 500, 4, has_room).ensemble == "1"


@pytest.mark.parametrize(
    ("options", "ensemble"),
    [
        ({}, "folds:5"),
        ({"test": 0.6}, "1"),  # of 20 rows of class b, it leaves 8
        ({"group": "seven"}, "folds:5"),
        ({"group": "four"}, "1"),
        ({"group": "four", "ensemble": "folds:3"}, "folds:3"),
    ],
    ids=["room", "few rows beside the test rows", "groups", "few groups", "few groups for the folds asked for"],
)
def test_folds_need_rows_of_each_class_and_groups(options: dict[str, Any], ensemble: str) -> None:
    rows = [f"{i / 7:.3f},{i % 4},{i % 7},{'aaab'[i // 20]}" for i in range(80)]
    Path("d.csv").write_text("\n".join(["x,four,seven,class", *rows]) + "\n")
    prepared = prepare(TrainConfig(("d.csv",), model="auto", **options))
    assert prepared.config.options.ensemble == ensemble
    assert (prepared.val.folds is None) == (ensemble == "1")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"epochs": 3}, "--epochs: --model auto chooses it by itself. Leave it out, or name another --model."),
        ({"l2": 0.0}, "--l2: --model auto chooses it by itself. Leave it out, or name another --model."),
        ({"folds": (5, 1)}, "--folds: --model auto trains several networks, and judges them by folds of its own. Lea"),
        ({"refit": True}, "--refit: --model auto trains several networks, and judges them by folds of its own. Leav"),
        ({"ensemble": "4"}, "--ensemble: --model auto chooses the members itself. Use --ensemble folds:5, or leave it"),
    ],
    ids=["epochs", "a penalty of 0", "folds", "refit", "members"],
)
def test_what_the_search_chooses_cannot_be_said(given: dict[str, Any], said: str) -> None:
    with pytest.raises(OptionError) as error:
        with_folds(dataclasses.replace(AUTO, **given), 500, 4, has_room=True)
    assert str(error.value).startswith(said)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("train iris --best --model mlp", "--best: it searches for a model, and --model mlp names one. Leave one of "),
        ("train iris --best --keep-state", "--keep-state: a run with --model auto is saved only at its end. Leave it"),
        ("train iris --best --save-every 1", "--save-every: a run with --model auto is saved only at its end. Leave "),
        ("train iris --best --val 0", "--val: --model auto chooses by validation rows, and there are none. Set --val "),
        (
            "train iris --best --val-data iris --ensemble folds:3",
            "--val-data: with --ensemble folds:3 each member is validated on the fold that it leaves out. Leave one",
        ),
        ("train iris --search-steps 2", "--search-steps: it is for --model auto. Leave it out."),
        ("sweep iris --model mlp,auto", "--model: auto is a search by itself, and a sweep compares models. Use nncli "),
        ("gradcheck --model auto -q", "--model: auto is a search for a model, and one network is asked for. Use --mod"),
    ],
)
def test_it_is_refused_where_it_makes_no_sense(command: str, said: str, nncli: Run) -> None:
    outcome = nncli(*command.split())
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.splitlines()[-1].startswith(said)
    assert not Path("model.npz").exists()


def test_one_network_of_a_search_has_no_spread_and_a_longer_one_is_advised(nncli: Run) -> None:
    nncli("train", "wine", "--best", "--search-steps", "1", "--ensemble", "1", "--threads", "1")
    outcome = nncli("predict", "model.npz", "wine", "--uncertainty")
    assert outcome.code == 2
    assert outcome.err.endswith("search again with more --time-limit, as a blend of all folds has members.\n")


@pytest.mark.parametrize("on_folds", [True, False], ids=["all folds", "one fold"])
def test_networks_are_judged_on_rows_that_they_have_not_learned(on_folds: bool) -> None:
    """Of noise, a network knows by heart what it has learned, and of all other rows half."""
    rng = np.random.default_rng(5)
    X, y = rng.normal(size=(300, 150)), rng.integers(2, size=300)
    rows = [",".join([*(f"{x:.4f}" for x in row), "xy"[k]]) for row, k in zip(X, y, strict=True)]
    Path("noise.csv").write_text("\n".join([",".join([*(f"c{i}" for i in range(150)), "class"]), *rows]) + "\n")
    config = TrainConfig(("noise.csv",), model="auto", ensemble="folds:3", metric="accuracy", threads=1)
    its = Search(prepare(config), lambda epoch: None, lambda: False)
    its.step(MLP, Round(1, 1.0, on_folds))
    [trial], prepared = its.trials, its.prepared_for(on_folds)
    assert trial.epoch.train_accuracy > 0.85
    assert len(trial.said) == len(prepared.val) == (len(prepared.train) if on_folds else len(its.prepared.train) / 3)
    assert (trial.said.argmax(axis=1) == prepared.val.y[prepared.val.rows]).mean() < 0.65


def test_the_same_steps_write_the_same_bytes(nncli: Run) -> None:
    for name in ("one.npz", "two.npz"):
        assert nncli("train", "iris", "--best", *TWO_STEPS, "-q", "-o", name).code == 0
    assert Path("one.npz").read_bytes() == Path("two.npz").read_bytes()


def test_a_saved_blend_says_what_it_said(nncli: Run) -> None:
    trained = nncli("train", "iris", "--best", *TWO_STEPS, "--json", "-o", "b.npz").json
    model, _ = load(Path("b.npz"))
    judged = nncli("eval", "b.npz", "--json", "-q").json
    assert judged["accuracy"] == trained["test"]["accuracy"]
    assert judged["log_loss"] == pytest.approx(trained["test"]["log_loss"], rel=1e-6)
    told = nncli("info", "b.npz", "--json").json
    assert [one["times"] for one in told["parts"]] == [one.times for one in model.config.parts]
    assert told["parts"][0]["trained_with"].startswith("--model tabular ")
    text = nncli("info", "b.npz").out
    assert "by 2 folds, of 2 networks in 2 steps of 19 planned" in text
    assert f"part 1 {told['parts'][0]['times']} of" in " ".join(text.split())


def test_numbers_are_predicted_too(nncli: Run) -> None:
    """y = x² + noise of standard deviation 0.1: more than nine tenths of the variance can be told."""
    x = np.random.default_rng(1).uniform(-2, 2, 200)
    y = x**2 + np.random.default_rng(2).normal(0, 0.1, 200)
    Path("n.csv").write_text("x,y\n" + "".join(f"{a:.5f},{b:.5f}\n" for a, b in zip(x, y, strict=True)))
    found = nncli("train", "n.csv", "--best", "--search-steps", "2", "--threads", "1", "--json", "-q").json
    assert found["task"] == "regression"
    assert found["test"]["r2"] > 0.9


def prepared_iris(**more: Any) -> Prepared:
    return prepare(TrainConfig(("iris",), model="auto", ensemble="folds:2", threads=1, **more))


def test_a_search_that_is_stopped_blends_what_it_has() -> None:
    seen: list[Epoch] = []
    run = search(prepared_iris(), seen.append, stop=lambda: len(seen) >= 2)
    assert run is not None
    assert run.stopped == "interrupted"
    assert run.figures["epochs"] == 2
    assert 1 <= len(run.model.config.parts) <= 2


def test_a_search_that_is_stopped_at_once_has_nothing() -> None:
    assert search(prepared_iris(), stop=lambda: True) is None


def test_a_search_that_ends_before_its_folds_blends_networks_judged_on_one() -> None:
    prepared = prepared_iris(time_limit=3.5, search_steps=1)
    assert [one.on_folds for one in plan_of(prepared).rounds] == [False, False, True]
    run = search(prepared)
    assert run is not None
    assert run.figures["n_train"] == run.figures["n_val"] == len(prepared.train) / 2
    assert [one.options.ensemble for one in run.model.config.parts] == ["1"] * len(run.model.config.parts)
    assert run.provenance.val_bits.any()


def test_the_best_network_is_one_of_those_that_the_blend_may_have() -> None:
    """What one fold says of networks that are trained a little is no measure of those that all folds judge."""
    its = Search(prepared_iris(), lambda epoch: None, lambda: False)
    for place, on_folds in ((MLP, False), (MLP, False), (LINEAR, True), (MLP, True)):
        its.step(place, Round(1, 0.25, on_folds))
    by_one, again, linear, mlp = its.trials
    assert min(by_one.badness, again.badness) < mlp.badness < linear.badness
    assert [epoch.is_best for epoch in its.history] == [True, False, True, True]


def test_a_search_says_that_steps_were_reached_only_where_they_were_asked_for() -> None:
    """A round has fewer networks than planned where those of the round before came to nothing."""
    its = Search(prepared_iris(), lambda epoch: None, lambda: False)
    its.plan = SearchPlan((Round(1, 0.25, True), Round(2, 0.25, True)), folds=2)
    its.run()
    assert (its.steps, its.ended) == (2, "")


def test_networks_without_room_in_memory_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tabular one has more than 100,000 numbers in θ, g, the best θ and two of Adam, mlp a few thousand."""
    monkeypatch.setattr("nncli.training.memory.machine_memory", lambda: 400_000.0)
    its = Search(prepared_iris(), lambda epoch: None, lambda: False)
    for place in (0, MLP):
        its.step(place, Round(1, 0.25, True))
    assert [one.candidate for one in its.trials] == [MLP]
    assert its.steps == 2
    [note] = its.notes
    assert note.startswith("--model tabular --ensemble folds:2 --epochs 12 is left out: 2 networks of 4 inputs")
    assert note.endswith("and there are 0.0 GB of memory")


def test_what_came_of_a_stop_is_what_so_many_steps_give() -> None:
    """As where the time limit ends the search: the same plan, and fewer of its steps."""
    seen: list[Epoch] = []
    stopped, asked = (
        search(prepared_iris(), seen.append, stop=lambda: len(seen) >= 2),
        search(prepared_iris(search_steps=2)),
    )
    assert stopped is not None
    assert asked is not None
    np.testing.assert_array_equal(stopped.model.network.theta, asked.model.network.theta)


def test_a_time_limit_too_short_for_anything_says_so(nncli: Run) -> None:
    outcome = nncli("train", "iris", "--best", "--time-limit", "1e-9", "-q")
    assert outcome.code == 1
    assert outcome.err.endswith(
        "--time-limit: expected time for one network at least, found 1e-09 s too short. Nothing is saved.\n"
    )
    assert not Path("model.npz").exists()


def test_a_first_network_without_time_to_its_end_is_kept_as_far_as_it_has_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By a clock that goes on by a second at each look, one look for each epoch."""
    seconds = itertools.count()
    monkeypatch.setattr("nncli.training.search.time", SimpleNamespace(monotonic=lambda: next(seconds)))
    run = search(prepared_iris(time_limit=4.0))
    assert run is not None
    assert run.stopped == OUT_OF_TIME
    assert run.figures["val"]["accuracy"] > 0.5
    assert run.notes[0].endswith(
        "in 1 step of 19 planned; it was cut short by the time limit, so that the same command may give another model"
    )


def test_the_metric_that_is_asked_for_chooses(nncli: Run) -> None:
    found = nncli("train", "breast-cancer", "--best", "--metric", "f1", *TWO_STEPS, "--json", "-q").json
    assert found["metric"]["name"] == "f1"
    assert found["metric"]["val"] > 0.9


def test_the_log_has_a_line_for_each_network(nncli: Run) -> None:
    nncli("train", "iris", "--best", *TWO_STEPS, "-q", "--log", "l.jsonl")
    lines = [json.loads(line) for line in Path("l.jsonl").read_text().splitlines()]
    assert [line["number"] for line in lines if "number" in line] == [1, 2]
