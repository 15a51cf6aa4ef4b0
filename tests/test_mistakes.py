"""The story of a perceptron's mistakes: how many in each epoch, when it ends, and which weights are kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from epoch_logs import epochs_in
from nncli.config.resolve import resolve
from nncli.config.train_config import TrainConfig
from nncli.data.bundled import path_of
from nncli.data.scaled_rows import Matrix, Subset
from nncli.model import checkpoint
from nncli.model.network import build_network
from nncli.nn.input_layers import InputKinds
from nncli.nn.losses import LOSSES
from nncli.training import run
from nncli.training.trainer import Trainer

Run = Callable[..., Any]
AND = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 0, 0, 1])
# ŷ = 1 if z ≥ 0; w1, w2, b after each row (· where it was right):
# epoch 1: 0 0 −1, ·, ·, 1 1 0          epoch 4: ·, ·, 1 1 −3, 2 2 −2
# epoch 2: 1 1 −1, 1 0 −2, ·, 2 1 −1    epoch 5: ·, 2 1 −3, ·, ·
# epoch 3: ·, 2 0 −2, 1 0 −3, 2 1 −2    epoch 6: ·, ·, ·, ·
MISTAKES = [2, 3, 3, 2, 1, 0]


class InOrder(np.random.Generator):
    """Leaves the rows in their order."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def permutation(self, x: Any, axis: int = 0) -> Any:
        return x


def rows_of(X: np.ndarray, y: np.ndarray) -> Subset:
    return Subset(Matrix(X, np.dtype("float64")), y, np.arange(len(y)))


def trained(train: Subset, val: Subset | None = None, **options: object) -> Trainer:
    """A trainer after its run, on rows in their order, of two classes."""
    asked = TrainConfig(**{"model": "perceptron", "dtype": "float64", "epochs": 50, **options})
    config = resolve(asked, len(train), has_val=val is not None)
    network, loss = build_network(config.model, InputKinds(train.matrix.width), 2)
    found = Trainer(network, loss, config, train, val, 2, InOrder())
    list(found.run())
    return found


def file_of(path: Path, X: np.ndarray, y: np.ndarray) -> str:
    lines = [",".join([*map(str, row), "ab"[k]]) for row, k in zip(X.tolist(), y.tolist(), strict=True)]
    path.write_text("\n".join([",".join([*(f"x{i}" for i in range(X.shape[1])), "class"]), *lines]) + "\n")
    return str(path)


def test_each_epoch_says_its_mistakes_and_the_first_without_one_is_the_last() -> None:
    mine = trained(rows_of(*AND))
    assert [epoch.mistakes for epoch in mine.history] == MISTAKES
    assert mine.network.theta.tolist() == [2, 1, -3]
    assert mine.stopped == "converged: epoch 6 is the first without a mistake, after 11 mistakes in all"


def test_the_average_of_a_perceptron_makes_the_same_mistakes() -> None:
    mine = trained(rows_of(*AND), model="averaged-perceptron")
    assert [epoch.mistakes for epoch in mine.history] == MISTAKES
    assert mine.network.theta.tolist() == [2, 1, -3]
    # the 24 weights above, the first four of them 0 0 −1, 0 0 −1, 0 0 −1, 1 1 0
    w1 = [0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 1, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2]
    assert mine.kept.theta[0] == pytest.approx(sum(w1) / 24)


@pytest.mark.parametrize("options", [{"l2": 0.01}, {"batch_size": 2}, {"optimizer": "adam"}, {"model": "svm"}])
def test_where_a_right_row_moves_the_weights_too_no_mistakes_are_counted(options: dict[str, Any]) -> None:
    mine = trained(rows_of(*AND), epochs=9, **options)
    assert {epoch.mistakes for epoch in mine.history} == {None}
    assert len(mine.history) == 9


def test_mira_goes_on_after_an_epoch_without_a_mistake_until_all_margins_are_1() -> None:
    # the rows ±1: the first step, of τ = 1/2, gives w = 1/2, b = −1/2 (z of the other row 0: L = 1); the second
    # w = 1, b = 0 and both rows have the margin 1
    X, y = np.array([[-1.0], [1.0]]), np.array([0, 1])
    mine = trained(rows_of(X, y), model="mira", lr=1.0)
    # z = 0 says 1: the first row is a mistake; z = 0 of the second is right, and yet has a loss
    assert [epoch.mistakes for epoch in mine.history] == [1, 0]
    assert mine.network.theta.tolist() == [1, 0]
    assert mine.stopped == "converged: in epoch 2 every row was right, and by a margin of 1, after 1 mistake in all"
    slow = trained(rows_of(X, y), model="mira", lr=0.1, epochs=4)  # τ ≤ 0.1: w = 0.2, 0.4, 0.6 …
    assert [epoch.mistakes for epoch in slow.history] == [1, 0, 0, 0]
    assert slow.stopped == "all planned epochs are done"


def test_of_epochs_as_good_on_validation_rows_the_one_that_separates_the_training_rows_is_kept() -> None:
    # (−1, −1) is right from the first epoch on: b = −1, w = (1, 1) there, and z = −2 later too
    mine = trained(rows_of(*AND), val=rows_of(np.array([[-1.0, -1]]), np.array([0])))
    assert [epoch.is_best for epoch in mine.history] == [True, False, False, False, False, True]
    assert mine.kept.theta.tolist() == [2, 1, -3]


def test_an_epoch_that_is_better_on_validation_rows_is_kept_all_the_same() -> None:
    # (0.6, 0.6): z is 1.2 after the first epoch, and 1.8 − 3 at the end
    mine = trained(rows_of(*AND), val=rows_of(np.array([[0.6, 0.6]]), np.array([1])))
    assert [epoch.mistakes for epoch in mine.history] == MISTAKES
    assert mine.kept.epoch is not None
    assert mine.kept.epoch.number == 1


def test_what_is_kept_instead_is_said(nncli: Run, tmp_path: Path) -> None:
    train = file_of(tmp_path / "and.csv", *AND)
    val = file_of(tmp_path / "val.csv", np.array([[0.5, 0.4], [-1, -1]]), np.array([1, 0]))
    words = ["train", train, "--val-data", val, "--test", "0", "--scale", "none", "--model", "perceptron"]
    done = nncli(*words, "--seed", "1", "-o", str(tmp_path / "m.npz"))
    _, provenance = checkpoint.load(tmp_path / "m.npz")
    best, last = provenance.best_epoch, len(provenance.history)
    assert best < last
    line = f"epoch {best} is kept, as it is better on the validation rows than epoch {last}, whose weights separate"
    assert line in done.err


def test_a_run_on_xor_says_that_perhaps_no_plane_separates_the_rows(nncli: Run, tmp_path: Path) -> None:
    xor = file_of(tmp_path / "xor.csv", AND[0], np.array([0, 1, 1, 0]))
    done = nncli(
        "train", xor, "--val", "0", "--test", "0", "--model", "perceptron", "--epochs", "7", "-o", tmp_path / "x.npz"
    )
    assert "no epoch without a mistake in 7 epochs" in done.err
    assert "perhaps no plane separates the training rows" in done.err


def test_mistakes_are_in_the_log_in_json_in_info_and_in_the_curve(
    nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file_of(tmp_path / "and.csv", *AND)
    words = ["train", "and.csv", "--val", "0", "--test", "0", "--scale", "none", "--model", "perceptron"]
    told = json.loads(nncli(*words, "--json", "--log", "log.jsonl").out)["mistakes"]
    logged = [json.loads(line)["mistakes"] for line in Path("log.jsonl").read_text().splitlines()]
    assert told == {"total": sum(logged), "by_epoch": logged, "converged": len(logged)}
    assert logged[-1] == 0
    assert all(logged[:-1])
    info = json.loads(nncli("info", "model.npz", "--json").out)
    assert info["mistakes"] == told
    assert [epoch["mistakes"] for epoch in info["history"]] == logged
    assert f"{sum(logged)} in {len(logged)} epochs, none in the last: converged" in nncli("info", "model.npz").out
    panels = json.loads(nncli("plot", "model.npz", "curve", "--json").out)["panels"]
    assert [panel["y"]["title"] for panel in panels] == ["loss", "accuracy, %", "mistakes"]
    assert panels[2]["marks"][0]["y"] == logged
    assert json.loads(nncli("train", "--resume", "model.npz", "--json").out)["mistakes"] == told


def test_other_models_have_no_mistakes_to_tell(nncli: Run, tmp_path: Path) -> None:
    out = str(tmp_path / "m.npz")
    assert json.loads(nncli("train", "iris", "--model", "softmax", "--epochs", "3", "--json", "-o", out).out)[
        "mistakes"
    ] is None  # fmt: skip
    assert "mistakes" not in nncli("info", out).out


@pytest.mark.parametrize("how", [["--refit"], ["--folds", "3"], ["--memory", "300M"]], ids=lambda words: words[0])
def test_a_perceptron_that_converges_does_so_however_it_is_trained(how: list[str], nncli: Run, tmp_path: Path) -> None:
    two = tmp_path / "two.csv"  # setosa and virginica, which are far apart
    lines = path_of("iris").read_text().splitlines()
    two.write_text("\n".join(line for line in lines if "versicolor" not in line) + "\n")
    done = nncli("train", str(two), "--model", "perceptron", "--json", *how, "-o", str(tmp_path / "m.npz"))
    told = json.loads(done.out)
    assert told["mistakes"]["converged"] == told["epochs"]
    assert told["train"]["accuracy"] == 1


def test_rows_on_the_plane_are_counted_and_their_class_is_named(nncli: Run, tmp_path: Path) -> None:
    data, out = file_of(tmp_path / "and.csv", *AND), str(tmp_path / "m.npz")
    words = ["--val", "0", "--test", "0", "--scale", "none", "--model", "perceptron", "-q", "-o", out]
    nncli("train", data, *words)
    layer = checkpoint.load(tmp_path / "m.npz")[0].network.theta
    on_it = int(np.sum(AND[0] @ layer[:2] + layer[2] == 0))
    assert on_it == 1  # (1, 1): the least weights that separate AND
    line = "1 of the 4 rows has a score of exactly 0, from which on 'b' is predicted"
    assert line in nncli("eval", out, data).err
    done = nncli("predict", out, data)
    assert done.out.split() == ["prediction", "a", "a", "a", "b"]
    assert f"{data}: {line}" in done.err
    assert line in nncli("predict", out, data, "--proba").err
    twice = nncli("predict", out, data, data, "--jobs", "2")
    assert twice.err.count(line) == 2


def test_rows_with_the_same_score_for_two_of_three_classes_are_counted(nncli: Run, tmp_path: Path) -> None:
    # an epoch that ends with the first row a mistake undone: b and c are taken for one another, and all biases are 0
    (tmp_path / "three.csv").write_text("x0,x1,class\n0,3,b\n3,0,c\n0,0,a\n")
    data, out = str(tmp_path / "three.csv"), str(tmp_path / "m.npz")
    words = ["--val", "0", "--test", "0", "--scale", "none", "--model", "perceptron", "-q", "-o", out]
    nncli("train", data, *words, "--epochs", "1")
    done = nncli("predict", out, data, "--proba")
    assert "a,0,0,0" in done.out.splitlines()
    line = "1 of the 3 rows has the same highest score for two classes or more, of which the first is predicted"
    assert line in done.err
    assert line in nncli("eval", out, data).err


@pytest.mark.parametrize(("Z", "tied"), [([[0.0], [-1], [2]], 1), ([[1.0, 1, 0], [1, 2, 0], [0, 0, 0]], 2)])
def test_a_row_is_tied_where_the_highest_score_is_that_of_two_classes(Z: list[list[float]], tied: int) -> None:
    assert LOSSES.create("perceptron").tied(np.array(Z)).sum() == tied


@pytest.mark.parametrize("model", ["perceptron", "averaged-perceptron"])
def test_a_run_that_converges_is_resumed_to_the_same_bytes(
    model: str, nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file_of(Path("and.csv"), *AND)
    words = ["train", "and.csv", "--val", "0", "--test", "0", "--scale", "none", "--model", model, "-q"]
    nncli(*words, "-o", "whole.npz", "--log", "whole.jsonl")
    whole, fit = Path("whole.npz").read_bytes(), run.fit
    epochs = len(Path("whole.jsonl").read_text().splitlines())
    assert epochs > 3
    for done in range(1, epochs + 1):
        with monkeypatch.context() as patch:
            patch.setattr(run, "fit", lambda t, e, s, u, most=done: fit(t, e, lambda: len(t.history) >= most, u))
            nncli(*words, "-o", "m.npz", "--log", "m.jsonl")
        assert nncli("train", "--resume", "m.npz", "-q", "--log", "m.jsonl").code == 0
        assert Path("m.npz").read_bytes() == whole
        assert epochs_in("m.jsonl") == epochs_in("whole.jsonl")
    nncli(*words, "-o", "k.npz", "--keep-state")  # what a kill after the last epoch leaves
    done_more = nncli("train", "--resume", "k.npz", "--epochs", "2000")
    assert "converged" in done_more.err
    assert checkpoint.load(Path("k.npz"))[1].best_epoch == epochs


def test_trials_of_a_sweep_that_converge_say_so(nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = path_of("iris").read_text().splitlines()
    Path("two.csv").write_text("\n".join(line for line in lines if "versicolor" not in line) + "\n")
    assert (
        nncli("sweep", "two.csv", "--model", "perceptron,averaged-perceptron", "--jobs", "1", "-o", "s.npz").code == 0
    )
    (ledger,) = tmp_path.glob("*.jsonl")
    stopped = [record["stopped"] for record in map(json.loads, ledger.read_text().splitlines()) if "stopped" in record]
    assert len(stopped) == 2
    assert all(why.startswith("converged: epoch ") for why in stopped)


def test_a_report_does_not_ask_for_more_epochs_of_a_run_that_has_converged(
    nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = path_of("iris").read_text().splitlines()
    Path("two.csv").write_text("\n".join(line for line in lines if "setosa" not in line) + "\n")
    epochs = json.loads(nncli("train", "two.csv", "--model", "perceptron", "--json").out)["epochs"]
    told = json.loads(nncli("train", "two.csv", "--model", "perceptron", "--json", "--epochs", str(epochs)).out)
    assert told["mistakes"]["converged"] == told["best_epoch"] == epochs
    assert nncli("report", "model.npz", "-o", "r.md", "--to", "md", "-q").code == 0
    assert f"Epoch {epochs} of {epochs} was kept" in Path("r.md").read_text()
    assert "train longer" not in Path("r.md").read_text()
