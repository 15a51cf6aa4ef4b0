"""The playground's engine room: its steps, numbers and files are those of the other commands."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nncli import load
from nncli.config.train_config import TrainConfig
from nncli.data import bundled
from nncli.nn.models import MODELS
from nncli.play.drawing import SIDE, as_picture
from nncli.play.session import Session
from nncli.play.setup import THREADS, options_of
from nncli.play.shelf import MOST_ROWS, Shelf
from nncli.system.threads import multiply_with
from short_and_long import short_and_long, some_short

Run = Callable[..., Any]
GIVEN = TrainConfig()


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    (tmp_path / "dropped").mkdir()
    with multiply_with(THREADS):  # as the command does
        yield Shelf(tmp_path / "dropped")


def opened(
    shelf: Shelf, key: str = "bundled:xor", columns: tuple[str, ...] = (), noise: float = 0, **options: str
) -> Session:
    session = Session(shelf, shelf.items[key], GIVEN)
    said = ask(session, "open", data=key, options=options, noise=noise, columns=[*columns])
    assert [one["kind"] for one in said] == ["state", "frame"], said
    return session


def ask(session: Session, do: str, **more: Any) -> list[dict[str, Any]]:
    said = session.receive({"do": do, **more})
    json.dumps(said, allow_nan=False)
    return said


def dropped(shelf: Shelf, name: str, data: bytes) -> str:
    with shelf.dropping(name) as (path, found):
        path.write_bytes(data)
    return found[0].key


def theta(session: Session) -> Any:
    assert session.setup is not None
    return session.setup.trainer.network.theta


def play_until(session: Session, epoch: int) -> None:
    ask(session, "play")
    while session.setup is not None and session.setup.epoch < epoch and session.playing:
        session.play_on(0)
    ask(session, "pause")


OF_CLASSES = [(data, name) for data in ("xor", "iris") for name in MODELS if MODELS[name].classes]
OF_NUMBERS = [("chocolate", name) for name in MODELS if MODELS[name].numbers]


@pytest.mark.parametrize(("data", "model"), some_short([*OF_CLASSES, *OF_NUMBERS], 10))
def test_the_command_below_trains_the_same_weights(
    data: str, model: str, shelf: Shelf, nncli: Run, tmp_path: Path
) -> None:
    session = opened(shelf, f"bundled:{data}", model=model, seed="3", test="0.2")
    play_until(session, 4)
    frame = ask(session, "pause")[0]
    assert not frame["departed"]
    words = frame["command"].split()
    assert words[:3] == ["nncli", "train", data]
    assert nncli(*words[1:], "-q", "-o", tmp_path / "trained.npz").code == 0
    name, saved = session.model()
    (tmp_path / name).write_bytes(saved)
    mine, trained = load(tmp_path / name), load(tmp_path / "trained.npz")
    np.testing.assert_array_equal(mine.model_.network.theta, trained.model_.network.theta)
    assert mine.figures_ == trained.figures_
    ours = nncli("predict", tmp_path / name, data)
    assert ours.code == 0
    assert ours.out == nncli("predict", tmp_path / "trained.npz", data).out


@pytest.mark.parametrize("unit", ["epoch", "batch", "row"])
def test_steps_add_up_to_an_epoch(unit: str, shelf: Shelf) -> None:
    stepped, whole = (opened(shelf, batch_size="1" if unit == "row" else "32") for _ in range(2))
    steps = {"epoch": 1, "batch": 9, "row": 280}[unit]  # 280 training rows: 0.7 · 400, 9 batches of at most 32
    for step in range(steps):
        assert stepped.setup is not None
        assert stepped.setup.epoch == 0, step
        said = ask(stepped, "step", of=unit)
    ask(whole, "step", of="epoch")
    assert said[-1]["epoch"] == 1
    np.testing.assert_array_equal(theta(stepped), theta(whole))


def close(value: float) -> Any:
    """The same number, of a row that was read as float32: graph reads it as float64."""
    return pytest.approx(value, rel=1e-5, abs=1e-12)


@pytest.mark.parametrize("data", ["xor", "chocolate"])
def test_a_step_of_one_row_shows_the_numbers_of_graph_and_subtracts_them(
    data: str, shelf: Shelf, nncli: Run, tmp_path: Path
) -> None:
    session = opened(shelf, f"bundled:{data}", optimizer="sgd", lr="0.5", batch_size="1", hidden="3x2", l2="0")
    ask(session, "step", of="epoch")
    (tmp_path / "before.npz").write_bytes(session.model()[1])
    before = theta(session).copy()
    found = ask(session, "step", of="row")[0]
    graph = nncli("graph", tmp_path / "before.npz", "--row", found["row"], "--json").json
    nodes = {one["is"].split(" = ")[0]: one for one in graph["nodes"]}
    for number, layer in enumerate(found["layers"], 1):
        for unit, (z, dz) in enumerate(zip(layer["z"], layer["dz"], strict=True)):
            expected = nodes[f"Z{number}[{unit}]"]
            assert (z, dz) == (close(expected["value"]), close(expected["derivative"]))
        for i, row in enumerate(layer["dW"]):
            for j, derivative in enumerate(row):
                assert derivative == close(graph["variables"][f"W{number}[{i}, {j}]"]["derivative"])
        for unit, (da, slope, dz) in enumerate(zip(layer["da"], layer["slope"], layer["dz"], strict=False)):
            assert dz == pytest.approx(da * slope, rel=1e-9), unit
    assert found["loss"] == close(graph["value"])
    # plain gradient descent: w ← w − 0.5 dL/dw
    gradient = np.concatenate([np.ravel(layer[part]) for layer in found["layers"] for part in ("dW", "db")])
    np.testing.assert_allclose(theta(session), before - 0.5 * gradient, atol=2e-7)


@pytest.mark.parametrize("model", [name for name in MODELS if MODELS[name].classes])
def test_the_derivative_of_each_model_comes_with_its_formula(model: str, shelf: Shelf) -> None:
    found = ask(opened(shelf, "bundled:xor", model=model, hidden=""), "row", row=3)[0]
    before, sign, behind = found["loss_formula"].partition(";")
    assert (before.count("L ="), sign, "dL/d" in behind) == (1, ";", True)


def test_xor_is_learned_and_the_map_shows_four_regions(shelf: Shelf) -> None:
    session = opened(shelf)
    play_until(session, 80)
    frame = ask(session, "pause")[0]
    assert frame["point"][2] == 1
    classes = np.frombuffer(base64.b64decode(frame["maps"]["classes"]), np.uint8).reshape(48, 48)
    corners = classes[[8, 8, 39, 39], [8, 39, 8, 39]].tolist()  # from the top left
    assert corners == [0, 1, 1, 0]  # of xor: different, same / same, different


def test_a_line_is_fitted_and_its_model_answers(shelf: Shelf, nncli: Run, tmp_path: Path) -> None:
    """A bar costs ten times as much as it is liked: 40 for a liking of 4."""
    session = Session(shelf, shelf.items["bundled:chocolate"], GIVEN)
    state, _ = ask(session, "open", data="bundled:chocolate", noise=0, columns=[],
                   options={"model": "linear", "optimizer": "sgd", "lr": "0.1"})  # fmt: skip
    assert (state["task"], state["is_curve"], [axis["title"] for axis in state["axes"]]) == (
        "regression", True, ["liking", "price"],
    )  # fmt: skip
    assert state["points"]["train"]["number"] == [10, 15, 20, 22.5, 30]
    play_until(session, 400)
    frame = ask(session, "pause")[0]
    assert frame["point"][2] == pytest.approx(0, abs=1e-3)  # RMSE
    across, up = state["axes"]
    likings = across["low"] + (across["high"] - across["low"]) * (np.arange(48) + 0.5) / 48
    prices = up["low"] + (up["high"] - up["low"]) * np.array(frame["maps"]["curve"])
    np.testing.assert_allclose(prices, 10 * likings, atol=0.01)
    (tmp_path / "m.npz").write_bytes(session.model()[1])
    (tmp_path / "new.csv").write_text("liking\n4\n")
    answer = nncli("predict", tmp_path / "m.npz", tmp_path / "new.csv").out.split()[1]
    assert float(answer) == pytest.approx(40, abs=0.01)


@pytest.fixture
def plane_csv(tmp_path: Path) -> Path:
    """120 rows with y = 100 + 5 a − 5 b, and a text that says nothing."""
    rng = np.random.default_rng(0)
    rows = [
        f"{a:.4f},{b:.4f},{'uv'[i % 2]},{100 + 5 * a - 5 * b:.4f}\n"
        for i, (a, b) in enumerate(rng.normal(size=(120, 2)))
    ]
    (tmp_path / "plane.csv").write_text("a,b,c,y\n" + "".join(rows))
    return tmp_path / "plane.csv"


def test_numbers_over_two_columns_are_a_map_of_colours(plane_csv: Path, shelf: Shelf) -> None:
    """127 is the mean of the training rows, 0 and 254 are as far from it as any of them goes."""
    key = dropped(shelf, "plane.csv", plane_csv.read_bytes())
    session = Session(shelf, shelf.items[key], GIVEN)
    state, _ = ask(
        session,
        "open",
        data=key,
        noise=0,
        columns=["a", "b"],
        options={"model": "linear", "optimizer": "sgd", "lr": "0.1"},
    )
    play_until(session, 150)
    frame = ask(session, "pause")[0]
    found = np.frombuffer(base64.b64decode(frame["maps"]["numbers"]), np.uint8).reshape(48, 48)
    a, b = (axis["low"] + (axis["high"] - axis["low"]) * (np.arange(48) + 0.5) / 48 for axis in state["axes"])
    _, mean, most = state["colours"]
    share = (100 + 5 * a[None, :] - 5 * b[::-1, None] - mean) / (most - mean)
    np.testing.assert_allclose(found, 127 + 127 * np.clip(share, -1, 1), atol=1.5)


def test_a_model_of_numbers_goes_on_also_on_other_rows(
    plane_csv: Path, shelf: Shelf, nncli: Run, tmp_path: Path
) -> None:
    assert nncli("train", plane_csv, "--hidden", "5", "--epochs", "7", "-q", "-o", tmp_path / "m.npz").code == 0
    model = load(tmp_path / "m.npz")
    item = shelf.add_given((), str(tmp_path / "m.npz"), ())
    session = opened(shelf, item.key, **shown_options(session_of(shelf, item.key), item.key))
    np.testing.assert_array_equal(theta(session), model.model_.network.theta)
    figures = model.figures_["test"]
    shown = [pytest.approx(figures[name], rel=1e-5) for name in ("loss", "rmse")]  # of six digits
    assert ask(session, "pause")[0]["point"][3:] == shown
    lines = plane_csv.read_text().splitlines(keepends=True)
    (tmp_path / "rows.csv").write_text("".join([lines[0], *lines[81:]]))
    (tmp_path / "other.npz").write_bytes((tmp_path / "m.npz").read_bytes())
    item = shelf.add_given((), str(tmp_path / "other.npz"), (str(tmp_path / "rows.csv"),))
    session = opened(shelf, item.key, **shown_options(session_of(shelf, item.key), item.key))
    assert session.setup is not None
    answers = np.array(nncli("predict", tmp_path / "m.npz", tmp_path / "rows.csv").out.split()[1:], float)
    test, y = session.setup.prepared.test.rows, session.setup.prepared.dataset.y
    rmse = np.sqrt(np.mean((answers[test] - y[test]) ** 2))
    assert ask(session, "pause")[0]["point"][4] == pytest.approx(rmse, rel=1e-4)


def test_a_weight_set_by_hand_is_the_weight_and_is_said(shelf: Shelf) -> None:
    session = opened(shelf, model="softmax")
    frame = ask(session, "weight", layer=0, input=1, unit=0, value=2.5)[0]
    assert frame["weights"][0]["W"][1][0] == 2.5
    frame = ask(session, "weight", layer=0, input=None, unit=1, value=-1)[0]
    assert frame["weights"][0]["b"] == [0, -1]
    assert frame["departed"] == ["weights were set by hand"]
    # "same" where 10 (x1 + x2) > 12, of columns of mean 0 and deviation 1: in the cloud at the top right
    for i, values in ((0, (-5, 5)), (1, (-5, 5)), (None, (6, -6))):
        for unit, value in enumerate(values):
            frame = ask(session, "weight", layer=0, input=i, unit=unit, value=value)[0]
    assert 0.7 < frame["point"][2] < 0.8  # right for three clouds of four
    assert ask(session, "weight", layer=1, input=0, unit=0, value=1)[0]["kind"] == "error"
    assert ask(session, "weight", layer=0, input=2, unit=0, value=1)[0]["kind"] == "error"


def test_another_rate_goes_on_from_the_weights_that_are_there(shelf: Shelf) -> None:
    session = opened(shelf)
    ask(session, "step", of="epoch")
    before = theta(session).copy()
    state, frame = ask(session, "rate", lr="0.25")
    np.testing.assert_array_equal(theta(session), before)
    assert state["options"]["lr"] == "0.25"
    assert frame["departed"] == ["the learning rate was changed to 0.25 after epoch 1"]
    assert "--lr 0.25" in frame["command"]
    assert ask(session, "reset")[1]["departed"] == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"hidden": "4", "optimizer": "no"}, "--optimizer: expected one of sgd"),
        ({"lr": "-1"}, "--lr: expected a number above 0, found '-1'"),
        ({"hidden": "3000x3000"}, "--hidden: expected a network of at most 2,000,000 parameters to play with"),
        ({"test": "1"}, "--test: expected a share of the rows from 0 to below 1"),
        ({"target": "no"}, "no"),
        ({"model": "mira", "l2": "0.1"}, "--l2: mira works out its step from the loss of a row alone"),
    ],
    ids=["optimizer", "rate", "size", "test", "target", "mira"],
)
def test_what_cannot_be_is_said_and_changes_nothing(options: dict[str, str], said: str, shelf: Shelf) -> None:
    session = opened(shelf)
    play_until(session, 1)
    before = theta(session).copy()
    [error] = ask(session, "open", data="bundled:xor", options=options, noise=0, columns=[])
    assert error["kind"] == "error"
    assert said in error["text"]
    np.testing.assert_array_equal(theta(session), before)


def test_training_that_has_ended_does_not_go_on(shelf: Shelf) -> None:
    session = opened(shelf, "bundled:iris", model="perceptron")
    play_until(session, 1000)
    frame = ask(session, "pause")[0]
    assert frame["ended"].startswith("converged")
    assert frame["mistakes"] == 0
    [error] = ask(session, "step", of="epoch")
    assert "training has ended: converged" in error["text"]


def test_training_that_diverges_is_said(shelf: Shelf) -> None:
    session = opened(shelf, model="adaline", optimizer="sgd", lr="1000")
    ask(session, "play")
    said = [session.play_on(0)[0] for _ in range(30) if session.playing]
    assert said[-1]["kind"] == "error"
    assert "the learning rate 1000 is too high" in said[-1]["text"]


def test_a_dropped_table_is_opened_and_its_model_predicts(shelf: Shelf, nncli: Run, tmp_path: Path) -> None:
    rows = "".join(f"{i % 7},{i % 5},{'red' if i % 3 else 'blue'},{'yes' if i % 7 > 3 else 'no'}\n" for i in range(100))
    text = f"a,b,colour,answer\n{rows}"
    key = dropped(shelf, "mine.csv", text.encode())
    assert key == "dropped:mine.csv"
    session = opened(shelf, key, target="answer", columns=("b", "a"))
    play_until(session, 60)
    frame = ask(session, "pause")[0]
    assert frame["command"].startswith("nncli train mine.csv --target answer ")
    (tmp_path / "mine.csv").write_text(text)
    (tmp_path / "model.npz").write_bytes(session.model()[1])
    answers = nncli("predict", tmp_path / "model.npz", tmp_path / "mine.csv").out.splitlines()
    assert answers[0].startswith("prediction")
    right = [line.split(",")[0] == row.split(",")[3] for line, row in zip(answers[1:], rows.splitlines(), strict=True)]
    assert np.mean(right) == 1


def test_columns_that_the_command_line_names_are_of_its_own_data_alone(shelf: Shelf) -> None:
    given = dataclasses.replace(GIVEN, target="price", drop=("id",), model="softmax")
    key = dropped(shelf, "other.csv", ("a,y\n" + "".join(f"{i % 9},{'pq'[i % 2]}\n" for i in range(40))).encode())
    assert options_of(shelf.items[key], given) == {"model": "softmax"}
    session = Session(shelf, shelf.items[key], given)
    state, _ = ask(session, "open", data=key, options=options_of(shelf.items[key], given), noise=0, columns=[])
    assert (state["kind"], sum(state["rows"].values())) == ("state", 40)
    own = dataclasses.replace(shelf.items[key], key="given:other.csv")
    assert options_of(own, given) == {"model": "softmax", "target": "price", "drop": "id"}


def test_a_damaged_table_is_named_as_it_was_dropped(shelf: Shelf) -> None:
    key = dropped(shelf, "bad.csv", b"a,b,class\n1,2,x\n3,4,y\n5,z\n")
    session = Session(shelf, shelf.items[key], GIVEN)
    [error] = ask(session, "open", data=key, options={}, noise=0, columns=[])
    assert error["text"].startswith("bad.csv:4: ")
    assert str(shelf.folder) not in error["text"]


@pytest.mark.parametrize("n", short_and_long(30_000, 1_000_000))
def test_of_many_rows_a_sample_is_taken_and_said(n: int, shelf: Shelf, nncli: Run, tmp_path: Path) -> None:
    text = "x,z,class\n" + "".join(f"{i % 97},{i % 89},{'ab'[i % 97 > 50]}\n" for i in range(n))
    session = opened(shelf, dropped(shelf, "many.csv", text.encode()))
    state, frame = ask(session, "reset")
    assert sum(state["rows"].values()) == pytest.approx(MOST_ROWS, abs=20)
    said = f"the playground uses {sum(state['rows'].values()):,} of the {n:,} rows, drawn at random"
    assert frame["departed"] == [said]
    assert said in state["notes"]
    ask(session, "step", of="epoch")
    (tmp_path / "model.npz").write_bytes(session.model()[1])
    (tmp_path / "many.csv").write_text(text)
    refused = nncli("eval", tmp_path / "model.npz")  # its test rows are those of the sample
    assert refused.code != 0
    assert nncli("eval", tmp_path / "model.npz", tmp_path / "many.csv", "--json").json["n"] == n


def test_noise_is_added_and_said(shelf: Shelf) -> None:
    session = opened(shelf, noise=0.5)
    frame = ask(session, "pause")[0]
    assert frame["departed"] == ["noise of 0.5 standard deviations was added to the numbers"]
    plain, noisy = (s.setup.prepared.dataset.table.numbers for s in (opened(shelf), session) if s.setup is not None)
    spread = (noisy - plain).std(axis=0) / plain.std(axis=0)
    np.testing.assert_allclose(spread, 0.5, rtol=0.15)  # of 400 rows: a standard error of 3.5 %


def test_a_model_goes_on_from_its_own_weights(shelf: Shelf, nncli: Run, tmp_path: Path) -> None:
    assert nncli("train", "moons", "--hidden", "5", "--epochs", "7", "-q", "-o", tmp_path / "m.npz").code == 0
    model = load(tmp_path / "m.npz")
    item = shelf.add_given((), str(tmp_path / "m.npz"), ())
    session = opened(shelf, item.key, **shown_options(session_of(shelf, item.key), item.key))
    np.testing.assert_array_equal(theta(session), model.model_.network.theta)
    frame = ask(session, "pause")[0]
    assert frame["epoch"] == 7
    assert frame["point"][4] == pytest.approx(model.figures_["test"]["accuracy"], abs=1e-6)
    assert frame["departed"] == [f"training goes on from {tmp_path / 'm.npz'}"]
    ask(session, "step", of="epoch")
    assert not np.array_equal(theta(session), model.model_.network.theta)
    for other in ({"hidden": "6"}, {"scale": "none"}, {"seed": "5"}):
        anew = opened(shelf, item.key, **shown_options(session, item.key) | other)
        assert ask(anew, "pause")[0]["epoch"] == 0, other


def test_a_model_is_played_on_other_rows_as_it_sees_them(shelf: Shelf, nncli: Run, tmp_path: Path) -> None:
    assert nncli("train", "moons", "--hidden", "5", "--epochs", "7", "-q", "-o", tmp_path / "m.npz").code == 0
    rows = Path(str(bundled.path_of("moons"))).read_text().splitlines()
    (tmp_path / "rows.csv").write_text("\n".join(rows[:301]) + "\n")
    item = shelf.add_given((), str(tmp_path / "m.npz"), (str(tmp_path / "rows.csv"),))
    session = opened(shelf, item.key, **shown_options(session_of(shelf, item.key), item.key))
    assert session.setup is not None
    test = session.setup.prepared.test.rows
    answers = nncli("predict", tmp_path / "m.npz", tmp_path / "rows.csv").out.splitlines()[1:]
    table = session.setup.prepared.dataset
    right = np.mean([answers[i] == table.classes[table.y[i]] for i in test])
    assert ask(session, "pause")[0]["point"][4] == pytest.approx(right, abs=1e-6)


def session_of(shelf: Shelf, key: str) -> Session:
    return Session(shelf, shelf.items[key], GIVEN)


def shown_options(session: Session, key: str) -> dict[str, str]:
    options: dict[str, str] = next(one["options"] for one in session.hello()["items"] if one["key"] == key)
    return options


def test_a_dropped_model_waits_for_its_rows(shelf: Shelf, nncli: Run, tmp_path: Path) -> None:
    (tmp_path / "my.csv").write_text("x,z,class\n" + "".join(f"{i},{i % 9},{'ab'[i > 50]}\n" for i in range(100)))
    assert nncli("train", tmp_path / "my.csv", "--epochs", "5", "-q", "-o", tmp_path / "m.npz").code == 0
    key = dropped(shelf, "m.npz", (tmp_path / "m.npz").read_bytes())
    session = session_of(shelf, key)
    [error] = ask(session, "open", data=key, options={}, noise=0, columns=[])
    assert error["text"].startswith("m.npz: expected the rows that it was trained on")  # and the file is not looked for
    assert dropped(shelf, "rows.csv", (tmp_path / "my.csv").read_bytes()) == key
    again = opened(shelf, key, **shown_options(session, key))
    np.testing.assert_array_equal(theta(again), load(tmp_path / "m.npz").model_.network.theta)


@pytest.mark.parametrize("change", ["gone", "other", "longer"])
def test_a_model_whose_data_have_changed_is_told(change: str, shelf: Shelf, nncli: Run, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("x,z,class\n" + "".join(f"{i},{i % 9},{'ab'[i > 50]}\n" for i in range(100)))
    assert nncli("train", table, "--epochs", "2", "-q", "-o", tmp_path / "m.npz").code == 0
    if change == "gone":
        table.unlink()
    else:
        table.write_text(table.read_text().replace("99,0,b", "98,0,b") + "7,7,a\n" * (change == "longer"))
    done = nncli("play", tmp_path / "m.npz", "--no-browser")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"{table}: {'no such file' if change == 'gone' else 'the data have changed'}")
    assert done.err.endswith("Name the data behind the model.\n")


def test_a_dropped_model_opens_no_file_that_it_names(shelf: Shelf, nncli: Run, tmp_path: Path) -> None:
    test = tmp_path / "test.csv"
    test.write_text("x1,x2,class\n1,1,same\n1,-1,different\n")
    assert nncli("train", "xor", "--test-data", test, "--epochs", "2", "-q", "-o", tmp_path / "m.npz").code == 0
    key = dropped(shelf, "m.npz", (tmp_path / "m.npz").read_bytes())
    assert shelf.items[key].rows is None  # so that its rows have to be dropped too


def test_a_page_names_no_file_by_its_path(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a,class\n1,x\n2,y\n")
    session = session_of(shelf, "bundled:xor")
    for name in (str(tmp_path / "secret.csv"), "bundled:../secret.csv", f"given:{tmp_path / 'secret.csv'}"):
        [error] = ask(session, "open", data=name, options={}, noise=0, columns=[])
        assert error["text"].startswith("data: that file is not here") or error["text"].startswith("data")
        assert session.setup is None


def test_real_digits_drawn_large_are_answered_as_they_are(shelf: Shelf) -> None:
    session = opened(shelf, "bundled:digits", hidden="32", activation="relu")
    play_until(session, 25)
    setup = session.setup
    assert setup is not None
    rows = setup.prepared.test.rows[:20]
    X, y = setup.prepared.dataset.table.numbers[rows], setup.prepared.dataset.y[rows]
    right = []
    for digit, k in zip(X, y, strict=True):
        paper = np.kron(digit.reshape(8, 8) * (255 / 16), np.ones((SIDE // 8, SIDE // 8))).astype(np.uint8)
        [found] = ask(session, "draw", drawing=base64.b64encode(paper.tobytes()).decode())
        assert sum(found["p"]) == pytest.approx(1, abs=1e-4)
        right.append(found["predicted"] == k)
    assert np.mean(right) > 0.8


def test_a_drawing_for_mnist_has_a_border_and_its_mass_in_the_middle() -> None:
    ink = np.zeros((SIDE, SIDE))
    ink[2:30, 60:70] = 1  # a stroke in a corner of the paper
    picture = as_picture(ink, 28, 28)
    assert picture[:4].max() == picture[-4:].max() == 0
    assert np.ptp(np.flatnonzero(picture.any(axis=1))) + 1 == 20  # rows, as of each digit of MNIST
    mass = picture / picture.sum()
    assert (mass.sum(axis=1) * (np.arange(28) + 0.5)).sum() == pytest.approx(14, abs=0.6)
    assert (mass.sum(axis=0) * (np.arange(28) + 0.5)).sum() == pytest.approx(14, abs=0.6)


def test_no_digit_is_drawn_for_what_is_no_picture(shelf: Shelf) -> None:
    drawing = base64.b64encode(bytes(SIDE * SIDE)).decode()
    assert "rows are pictures" in ask(opened(shelf), "draw", drawing=drawing)[0]["text"]
    assert "nothing drawn" in ask(opened(shelf, "bundled:digits"), "draw", drawing=drawing)[0]["text"]


def test_the_plane_of_two_columns_has_the_rows_where_they_are(shelf: Shelf) -> None:
    session = opened(shelf, "bundled:iris", columns=("petal_length_cm", "sepal_width_cm"))
    assert session.setup is not None
    state = ask(session, "reset")[0]
    table = session.setup.prepared.dataset.table
    places = [table.number_names.index(name) for name in state["seen"]]
    points = state["points"]["train"]
    expected = table.numbers[np.array(points["row"])][:, places]
    for i, key in enumerate("xy"):
        axis = state["axes"][i]
        at = axis["low"] + (axis["high"] - axis["low"]) * np.array(points[key])
        np.testing.assert_allclose(at, expected[:, i], atol=1e-3)


def test_rows_at_0_have_room_on_the_map_as_all_others_have(shelf: Shelf) -> None:
    key = dropped(shelf, "or.csv", b"a,b,class\n" + b"0,0,no\n0,1,yes\n1,0,yes\n1,1,yes\n" * 10)
    points = ask(Session(shelf, shelf.items[key], GIVEN), "open", data=key, noise=0, columns=[], options={})[0][
        "points"
    ]["train"]
    assert 0 < min(points["x"] + points["y"]) < max(points["x"] + points["y"]) < 1


def test_memory_does_not_grow_with_pictures(shelf: Shelf) -> None:
    import tracemalloc

    session = opened(shelf)
    play_until(session, 60)
    ask(session, "play")
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(40):
        session.play_on(0)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 40 * 1500  # bytes: an epoch is remembered, a picture of 14 kB is not


@pytest.mark.long
def test_fifty_epochs_a_second_and_flat_memory_over_thousands(shelf: Shelf) -> None:
    import resource
    import time

    text = "x,z,class\n" + "".join(f"{i % 37},{i % 41},{'ab'[(i % 37 > 18) ^ (i % 41 > 20)]}\n" for i in range(1000))
    session = opened(shelf, dropped(shelf, "thousand.csv", text.encode()), hidden="8x8", test="0")
    play_until(session, 200)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ask(session, "play")
    began, first = time.process_time(), 200
    while session.setup is not None and session.setup.epoch < 3_200:
        session.play_on()
    rate = (session.setup.epoch - first) / (time.process_time() - began) if session.setup is not None else 0
    assert rate > 50  # of processor time, pictures included
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 3 << 10  # KiB: a kilobyte for each epoch


def test_options_of_the_page_open_no_file() -> None:
    from nncli.config.file_kinds import Files
    from nncli.play.setup import OF_PAGE

    assert not [name for name in OF_PAGE if isinstance(TrainConfig.kind(name), Files)]
    assert {*OF_PAGE} <= {field.name for field in dataclasses.fields(TrainConfig)}


@pytest.mark.parametrize(
    ("options", "value"),
    [
        pytest.param({"activation": "relu", "loss": "mse"}, 1e6, id="no such number"),
        pytest.param({"activation": "tanh"}, 1e6, id="no logarithm of 0"),
        pytest.param({"activation": "silu", "loss": "squared-hinge"}, 1e6, id="derivatives with rounding errors"),
    ],
)
def test_numbers_too_large_for_derivatives_end_no_talk(shelf: Shelf, options: dict[str, str], value: float) -> None:
    """With weights of 10⁶, or after steps that are much too long, scores are larger than a number can be."""
    session = opened(shelf, hidden="3", batch_size="4", **options)
    for unit in range(3):
        for row in (0, 1):
            ask(session, "weight", layer=0, input=row, unit=unit, value=value)
        ask(session, "weight", layer=1, input=unit, unit=0, value=value * (-1) ** unit)
    ask(session, "rate", lr="1e38")
    said = [one for row in range(8) for one in ask(session, "row", row=row) + ask(session, "step", of="batch")]
    said += ask(session, "look", columns=[])
    problems = {one["text"] for one in said if one["kind"] == "error"}
    assert problems
    assert not any("EXPRESSION" in one for one in problems)


def test_an_optimizer_without_a_learning_rate_takes_none_while_it_trains(shelf: Shelf) -> None:
    """Otherwise the page could not be reset: the option would be refused there."""
    session = opened(shelf, optimizer="lbfgs")
    [error] = ask(session, "rate", lr="0.5")
    assert error["text"] == "--lr: lbfgs finds the length of its steps by itself. Leave it out."
    assert ask(session, "reset")[0]["kind"] == "state"
