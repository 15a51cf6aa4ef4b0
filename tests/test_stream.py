"""`train --from MODEL -`: rows are learned from as they come, each predicted first."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import peak_memory
from cli_process import PROGRAM, wait_for
from months import before, digest, month
from nncli.cli.main import main
from nncli.data.load import load_like
from nncli.nn import online
from nncli.training.steps import options_for_steps, prepared_rows, steps_from
from nncli.training.stream import StreamRun
from short_and_long import some_short

Run = Callable[..., Any]
ONLINE = ("perceptron", "averaged-perceptron", "mira", "adaline")
N = 1300  # rows: two blocks that are taken together, and some


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of each kind that learns from single rows, and rows that come later."""
    folder = tmp_path_factory.mktemp("streams")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        classes = ("low", "high", "far")
        Path("old.csv").write_text(month(200, 1, classes=classes))
        Path("new.csv").write_text(month(N, 2, shift=1.5, classes=classes))
        for name in (*ONLINE, "softmax"):
            assert (
                main(["train", "old.csv", "-t", "level", "-m", name, "--epochs", "3", "-q", "-o", f"{name}.npz"]) == 0
            )
    return folder


@pytest.fixture(autouse=True)
def _in_a_copy(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(trained, tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")


def stream(nncli: Run, model: str, data: str, *words: str) -> Any:
    outcome = nncli("train", "--from", model, "-", "--json", "-q", *words, stdin=data)
    assert outcome.code == 0, outcome.err
    return outcome.json


@pytest.mark.parametrize("model", ONLINE)
def test_a_stream_is_the_pass_in_memory_bit_for_bit(model: str, nncli: Run) -> None:
    """One pass over all rows in their order, by the trainer that runs of files have."""
    stream(nncli, f"{model}.npz", Path("new.csv").read_text(), "-o", "new.npz")
    old, new = before(f"{model}.npz"), before("new.npz")
    data = load_like(("new.csv",), old.model.schema, old.model.classes, "float32")
    run = steps_from(old.model, old.provenance, new.model.config, data)
    rows = prepared_rows(run.prepared.config, data, old.model.preprocess, None, None)
    run.trainer.learn_from(rows.train)
    run.trainer.rows.shuffle = _InOrder()
    run.trainer.begin_epoch()
    while len(run.trainer.rows_left):
        run.trainer.step(run.trainer.at_once)
    run.trainer.end_epoch()
    np.testing.assert_array_equal(new.model.network.theta, run.trainer.kept.theta)


class _InOrder:
    """A generator that leaves rows in their order."""

    def permutation(self, rows: np.ndarray) -> np.ndarray:
        return rows


@pytest.mark.parametrize("model", some_short(ONLINE, 2))
def test_rows_are_learned_alike_however_they_come(model: str, nncli: Run) -> None:
    """In one block, in pieces of many sizes, and in two runs, of which the second goes on from the first."""
    run, old = StreamRun(before(f"{model}.npz")), before(f"{model}.npz")
    header, *lines = Path("new.csv").read_text().splitlines(keepends=True)
    for start in range(0, N, 97):
        Path("piece.csv").write_text(header + "".join(lines[start : start + 97]))
        run.add(block(old.model, "piece.csv"))
    run.finish()
    theta = run.result()[0].network.theta
    stream(nncli, f"{model}.npz", header + "".join(lines), "-o", "whole.npz")
    np.testing.assert_array_equal(theta, before("whole.npz").model.network.theta)
    stream(nncli, f"{model}.npz", header + "".join(lines[: online.ROWS]), "-o", "half.npz")
    stream(nncli, "half.npz", header + "".join(lines[online.ROWS :]), "-o", "rest.npz")
    np.testing.assert_array_equal(before("rest.npz").model.network.theta, before("whole.npz").model.network.theta)


def block(model: Any, file: str) -> Any:
    from nncli.data.load_stream import stream_like

    with stream_like(file, model.schema, "float32", known=model.known_cells, with_target=True) as (blocks, _, _):
        [found] = [one for one in blocks if len(one)]
    return found


@pytest.mark.parametrize("model", some_short(["mira", "perceptron"], 1))
def test_each_row_is_predicted_before_it_is_learned_from(model: str, nncli: Run) -> None:
    """The textbook loop in float64: predict, count, learn."""
    found = stream(nncli, f"{model}.npz", Path("new.csv").read_text(), "-o", "new.npz")
    old = before(f"{model}.npz").model
    data = load_like(("new.csv",), old.schema, old.classes, "float32")
    X = old.preprocess.transform(data.table, np.dtype(np.float64)).slice(0, N)
    [layer], right = old.network.dense, np.zeros(N, bool)
    W, b = layer.W.astype(np.float64), layer.b.astype(np.float64)
    alpha = old.config.training.lr
    for i, (x, y) in enumerate(zip(X, data.y, strict=True)):
        z = x @ W + b
        right[i] = z.argmax() == y
        rivals = z + (model == "mira")  # the margin of 1
        rivals[y] = z[y]
        j = int(rivals.argmax())
        if j != y:
            tau = alpha if model == "perceptron" else min(alpha, (1 + z[j] - z[y]) / (2 * (x @ x + 1)))
            W[:, j], b[j] = W[:, j] - tau * x, b[j] - tau
            W[:, y], b[y] = W[:, y] + tau * x, b[y] + tau
    assert found["progressive"]["n"] == found["n_train"] == N
    assert found["progressive"]["accuracy"] == pytest.approx(right.mean(), abs=2 / N)  # the engine has float32
    assert found["train"]["accuracy"] == found["progressive"]["accuracy"]
    assert found["seconds"] > 0
    at_start = nncli("eval", f"{model}.npz", "new.csv", "--json", "-q").json["accuracy"]
    assert found["progressive"]["before"] == pytest.approx(at_start)
    learned = before("new.npz").model.network.dense[0]
    np.testing.assert_allclose(learned.W, W, atol=1e-3)


def test_adaline_takes_the_step_of_widrow_and_hoff(nncli: Run) -> None:
    """w ← w − α (z − y) x for each class, α a tenth of 1 / (inputs + 1), the mean of ‖x‖² + 1."""
    stream(nncli, "adaline.npz", Path("new.csv").read_text(), "-o", "new.npz")
    old = before("adaline.npz").model
    data = load_like(("new.csv",), old.schema, old.classes, "float32")
    X = old.preprocess.transform(data.table, np.dtype(np.float64)).slice(0, N)
    W, b = (its.astype(np.float64) for its in (old.network.dense[0].W, old.network.dense[0].b))
    alpha, Y = 0.1 / (X.shape[1] + 1), np.eye(3)[data.y]
    for x, t in zip(X, Y, strict=True):
        e = x @ W + b - t
        W, b = W - alpha * np.outer(x, e), b - alpha * e
    np.testing.assert_allclose(before("new.npz").model.network.dense[0].W, W, atol=1e-4)


def test_steps_of_one_row_by_adagrad_are_those_of_the_textbook(nncli: Run) -> None:
    """θ ← θ − α g / (√s + 1e-10), s ← s + g², with g = x (σ(z) − y) for each class (Duchi et al. 2011)."""
    how = ["-t", "level", "-m", "logistic", "--optimizer", "adagrad", "--batch-size", "1", "--epochs", "2", "-q"]
    assert nncli("train", "old.csv", *how, "-o", "logistic.npz").code == 0
    found = stream(nncli, "logistic.npz", Path("new.csv").read_text(), "-o", "new.npz")
    old = before("logistic.npz").model
    data = load_like(("new.csv",), old.schema, old.classes, "float32")
    X = old.preprocess.transform(data.table, np.dtype(np.float64)).slice(0, N)
    theta = np.vstack([its.astype(np.float64) for its in (old.network.dense[0].W, old.network.dense[0].b)])
    s, alpha, right = np.zeros_like(theta), old.config.training.lr, 0
    for x, y in zip(X, data.y, strict=True):
        z = np.append(x, 1) @ theta
        right += z.argmax() == y
        g = np.outer(np.append(x, 1), 1 / (1 + np.exp(-z)) - np.eye(3)[y])
        s += g**2
        theta -= alpha * g / (np.sqrt(s) + 1e-10)
    np.testing.assert_allclose(before("new.npz").model.network.dense[0].W, theta[:-1], atol=1e-3)
    assert found["progressive"]["accuracy"] == pytest.approx(right / N, abs=2 / N)


def test_learning_on_is_judged_beside_the_model_as_it_was(nncli: Run) -> None:
    found = stream(nncli, "averaged-perceptron.npz", Path("new.csv").read_text(), "-o", "new.npz")["progressive"]
    assert found["accuracy"] - found["before"] == pytest.approx(found["difference"])
    assert found["interval"][0] <= found["difference"] <= found["interval"][1]
    shown = nncli("train", "--from", "averaged-perceptron.npz", "-", "-o", "n.npz", stdin=Path("new.csv").read_text())
    assert "progressive validation" in shown.out
    assert "1,024 rows: " in shown.err
    assert digest("n.npz") == digest("new.npz")


def test_the_difference_of_counts_is_that_of_the_rows() -> None:
    """As `eval A B` works it out from rows one by one."""
    from nncli.metrics.definitions import METRICS
    from nncli.metrics.paired import compared, compared_shares
    from nncli.metrics.rows import ScoredRows

    rng = np.random.default_rng(0)
    for chance in (0.5, 0.9):
        y = np.zeros(200, np.int64)
        one, other = (rng.random(200) > 0.3).astype(np.int64), (rng.random(200) > chance).astype(np.int64)
        a, b = (ScoredRows(y, its, 2, np.empty((200, 0)), False) for its in (one, other))
        counts = np.bincount(2 * (one == 0) + (other == 0), minlength=4)
        expected, found = compared(METRICS.create("accuracy"), a, b), compared_shares(counts)
        for name, value in dataclasses.asdict(expected).items():
            assert getattr(found, name) == pytest.approx(value), name
    # where none differ: ±1.96 √(½ + ½) / (n + 2), from half a row of each of the four (Agresti and Min 2005)
    assert compared_shares(np.array([2, 0, 0, 5])).interval == pytest.approx((-1.96 / 9, 1.96 / 9), rel=0.1)


def test_a_row_that_cannot_be_read_ends_the_stream_or_is_left_out(nncli: Run) -> None:
    lines = Path("new.csv").read_text().splitlines()
    lines[700] = "x,1,Graz,low"
    text = "\n".join(lines) + "\n"
    outcome = nncli("train", "--from", "mira.npz", "-", "-o", "new.npz", "-q", stdin=text)
    assert (outcome.code, outcome.err.startswith("stdin:701: column 'a': expected a number, found 'x'")) == (1, True)
    assert not Path("new.npz").exists()
    found = stream(nncli, "mira.npz", text, "--on-error", "skip", "-o", "new.npz")
    assert found["progressive"]["n"] == N - 1


def test_an_unknown_class_is_refused(nncli: Run) -> None:
    text = Path("new.csv").read_text() + "1,2,Graz,fra\n"
    outcome = nncli("train", "--from", "mira.npz", "-", "-o", "new.npz", "-q", stdin=text)
    assert outcome.code == 1
    assert outcome.err.startswith(f"stdin:{N + 2}: column 'level': expected"), outcome.err
    assert "found 'fra'" in outcome.err


@pytest.mark.parametrize(
    "words",
    ["--replay old.csv", "--refit-scaling", "--epochs 3", "--memory 1GB", "--val 0.2", "--log l.jsonl", "--dry-run"],
)
def test_what_needs_rows_again_is_refused(words: str, nncli: Run) -> None:
    outcome = nncli("train", "--from", "mira.npz", "-", *words.split(), stdin=Path("new.csv").read_text())
    problem = f"{words.split()[0]}: rows from stdin are learned from as they come, and seen once. Leave it out, or save"
    assert (outcome.code, outcome.err.startswith(problem)) == (2, True), outcome.err


@pytest.mark.parametrize("text", ["", "a,b,city,level\n"], ids=["nothing", "a header"])
def test_no_rows_save_nothing(text: str, nncli: Run) -> None:
    outcome = nncli("train", "--from", "mira.npz", "-", "-o", "new.npz", "-q", stdin=text)
    assert (outcome.code, len(outcome.err.splitlines())) == (1, 1)
    assert not Path("new.npz").exists()


def test_other_models_read_stdin_to_its_end_like_a_file(nncli: Run) -> None:
    outcome = nncli(
        "train",
        "--from",
        "softmax.npz",
        "-",
        "--epochs",
        "3",
        "--json",
        "-o",
        "a.npz",
        stdin=Path("new.csv").read_text(),
    )
    assert outcome.code == 0, outcome.err
    assert outcome.json["epochs"] == 3
    assert nncli("train", "--from", "softmax.npz", "new.csv", "--epochs", "3", "-q", "--json", "-o", "b.npz").code == 0
    np.testing.assert_array_equal(before("a.npz").model.network.theta, before("b.npz").model.network.theta)


def test_the_model_of_a_stream_is_one_like_others(nncli: Run) -> None:
    stream(nncli, "mira.npz", Path("new.csv").read_text(), "-o", "new.npz")
    assert nncli("predict", "new.npz", "old.csv", "-q").code == 0
    assert nncli("eval", "new.npz", "old.csv", "--json", "-q").json["n"] == 200
    assert nncli("info", "new.npz", "--json").json["from"]["sha256"] == digest("mira.npz")
    outcome = nncli("eval", "new.npz")
    assert (outcome.code, "stdin" in outcome.err or "without test rows" in outcome.err) == (1, True)
    model = before("new.npz")
    assert options_for_steps(model.model).data == ("-",)


@pytest.mark.parametrize("number", some_short([signal.SIGINT, signal.SIGTERM], 1), ids=str)
def test_a_signal_saves_what_has_been_learned(number: int) -> None:
    """A producer that stops in the middle: the rows so far are learned from, and the model is that of a shorter
    stream."""
    header, *lines = Path("new.csv").read_text().splitlines(keepends=True)
    words = [*PROGRAM, "train", "--from", "mira.npz", "-", "-o", "new.npz", "--json"]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(words, text=True, **pipes) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        os.write(process.stdin.fileno(), (header + "".join(lines[:1100])).encode())
        wait_for(lambda: "1,024 rows" in process.stderr.readline())
        process.send_signal(number)
        shown, _ = process.communicate(timeout=30)
    assert process.returncode in (-number, 128 + number)
    assert json.loads(shown)["progressive"]["n"] == 1100
    assert before("new.npz").provenance.n_rows == 1100


@pytest.mark.long
def test_memory_does_not_grow_with_the_stream() -> None:
    header, *lines = Path("new.csv").read_text().splitlines(keepends=True)
    peaks = []
    for times in (10, 300):
        Path("long.csv").write_text(header + "".join(lines * times))
        with Path("long.csv").open() as file:
            done, peak = peak_memory.run("train", "--from", "mira.npz", "-", "-o", "n.npz", "-q", stdin=file)
        assert done.returncode == 0, done.stderr
        peaks.append(peak)
    assert peaks[1] < peaks[0] + 30_000  # KiB


def test_categories_that_are_not_known_are_counted(nncli: Run) -> None:
    text = Path("new.csv").read_text().replace("Graz", "Bonn")
    outcome = nncli("train", "--from", "mira.npz", "-", "-o", "new.npz", stdin=text)
    n = text.count("Bonn")
    assert f"column 'city': {n} cells with a category that the model has not seen" in outcome.err
    assert before("new.npz").model.preprocess.categories == before("mira.npz").model.preprocess.categories
