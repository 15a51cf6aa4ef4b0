"""Evaluating models of many classes: what is printed, and the memory that it takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import peak_memory
from nncli.cli.main import main
from nncli.data.split import stratified_split
from nncli.errors import OutputError
from nncli.inference import evaluate
from nncli.inference.metrics import all_metrics
from nncli.metrics import rows, stored_logits
from nncli.metrics.rows import ScoredRows
from nncli.metrics.stored_logits import StoredLogits, logits_of
from nncli.terminal.evaluation import print_confusions

Run = Callable[..., Any]


def trained(K: int, rows: int, epochs: int) -> None:
    """Make d.csv, whose classes are what its one column is rounded to, and m.npz, a model of it that is often wrong."""
    x = np.arange(rows) % K + np.random.default_rng(0).uniform(-0.4, 0.4, rows)
    Path("d.csv").write_text("x,class\n" + "".join(f"{value:.3f},c{round(value)}\n" for value in x))
    words = ["train", "d.csv", "--test", "0", "--val", "0", "--hidden", "8", "--batch-size", "1000", "-q", "--json"]
    assert main([*words, "--epochs", str(epochs), "-o", "m.npz"]) == 0


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    trained(250, 1000, 3)


@pytest.mark.usefixtures("many")
def test_json_has_the_counts_and_says_that_the_matrix_is_left_out(nncli: Run) -> None:
    for words in (["d.csv"], ["d.csv", "d.csv"]):
        outcome = nncli("eval", "m.npz", *words, "--json")
        found = outcome.json if len(words) == 1 else outcome.json["files"][1]
        assert "confusion_matrix is left out for more than 200 classes; confusion_counts lists" in outcome.err
        assert (found["confusion_matrix"], found["confusion_matrix_omitted"]) == (None, True)
        assert sum(count for _, _, count in found["confusion_counts"]) == found["n"] == 1000
        right = sum(count for true, predicted, count in found["confusion_counts"] if true == predicted)
        assert right == pytest.approx(found["accuracy"] * 1000)
    assert outcome.json["all"]["accuracy"] == pytest.approx(found["accuracy"])


@pytest.mark.usefixtures("many")
def test_the_most_frequent_confusions_are_shown(nncli: Run) -> None:
    found = nncli("eval", "m.npz", "d.csv", "--json", "-q").json
    classes = found["classes"]
    confused = {(classes[i], classes[j]): count for i, j, count in found["confusion_counts"] if i != j}
    outcome = nncli("eval", "m.npz", "d.csv")
    shown = [line.split() for line in outcome.out[outcome.out.index("true ") :].splitlines()[2:]]
    assert [int(count) for _, _, count in shown] == sorted(confused.values(), reverse=True)[:10]
    assert all(confused[true, predicted] == int(count) for true, predicted, count in shown)
    assert f"the 10 most frequent of {len(confused)} confusions; --json has all\n" in outcome.err
    seen, guessing = nncli("eval", "m.npz", "d.csv", "-q").err.splitlines()
    assert seen.startswith("warning: 1,000 of the 1,000 rows have the same values as a row that trained the model")
    assert guessing.startswith("warning: the log loss of these rows, ")


@pytest.mark.long
def test_eval_takes_no_more_memory_than_it_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nncli: Run
) -> None:
    """Of 8,000 rows and 4,000 classes, the probabilities alone are 128 MB; a matrix of counts would be as much."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NNCLI_CACHE", str(tmp_path / "cache"))
    trained(4000, 8000, 1)
    outcome = nncli("eval", "m.npz", "d.csv", "--memory", "260MB")
    match = re.fullmatch(
        r"--memory: expected at least (\d+)MB to evaluate 8,000 rows of 4,000 classes, found 260MB. Allow that much.\n",
        outcome.err,
    )
    assert outcome.code == 2
    assert match
    done, peak = peak_memory.run("eval", "m.npz", "d.csv", "-q", "--json", "--memory", f"{match[1]}MB")
    assert done.returncode == 0
    assert int(match[1]) < 400
    assert peak * 1024 < int(match[1]) * 1e6


def test_logits_in_a_file_have_the_figures_of_those_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    rng, n, K = np.random.default_rng(0), 71, 23
    Z, y = np.round(rng.normal(size=(n, K)), 1), np.arange(n) % K
    monkeypatch.setattr(rows, "CELLS_AT_ONCE", 7 * K)
    monkeypatch.setattr(stored_logits, "CELLS_AT_ONCE", 7 * K)  # 11 files of rows, the last of one
    monkeypatch.setattr(stored_logits, "MOST_IN_MEMORY", 5 * K)
    stored = logits_of(n, K, Z.dtype)
    assert isinstance(stored, StoredLogits)
    for start, stop in ((0, 3), (3, 20), (20, 71)):
        stored.append(Z[start:stop])
    np.testing.assert_array_equal(stored[5:40], Z[5:40])
    some = rng.permutation(n)[:30]
    np.testing.assert_array_equal(stored[some][:], Z[some])  # in a file of its own
    np.testing.assert_array_equal(stored[np.array([70, 2])], Z[[70, 2]])
    names = [f"c{k}" for k in range(K)]
    for probabilistic in (True, False):
        kept, lent = (ScoredRows(y, Z.argmax(axis=1), K, one, probabilistic) for one in (Z, stored))
        assert all_metrics(lent, names) == all_metrics(kept, names)
        assert all_metrics(lent.take(y < 20), names) == all_metrics(kept.take(y < 20), names)


@pytest.mark.usefixtures("many")
def test_eval_keeps_neither_all_logits_nor_a_matrix_of_counts(monkeypatch: pytest.MonkeyPatch, nncli: Run) -> None:
    expected = nncli("eval", "m.npz", "d.csv", "--json", "-q").out
    for module in (rows, stored_logits, evaluate):
        monkeypatch.setattr(module, "CELLS_AT_ONCE", 2500, raising=False)
    monkeypatch.setattr(stored_logits, "MOST_IN_MEMORY", 1000)
    shapes = []
    appended = StoredLogits.append
    monkeypatch.setattr(StoredLogits, "append", lambda self, Z: shapes.append(Z.shape) or appended(self, Z))
    assert nncli("eval", "m.npz", "d.csv", "--json", "-q").out == expected
    assert sum(n for n, _ in shapes) == 1000


def test_a_full_disk_for_logits_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    stored = StoredLogits(4, 3, np.dtype(np.float32))
    assert not list(tmp_path.iterdir())  # a killed program leaves nothing

    def full(*words: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.write", full)
    with pytest.raises(OutputError, match=f"^{tmp_path}: cannot write temporary files: No space left on device. "):
        stored.append(np.zeros((4, 3), np.float32))


def test_scores_that_the_disk_has_no_room_for_are_refused_before_the_first_is_written() -> None:
    with pytest.raises(OutputError, match=r"the scores of 1,000,000,000 rows for 100,000,000 classes: expected room"):
        StoredLogits(10**9, 10**8, np.dtype("float32"))  # 400 PB


def test_many_classes_are_split_in_one_step() -> None:
    """With a look at all rows for each class, ten times as many would take a quarter of an hour. The parts are those of
    scikit-learn's StratifiedShuffleSplit, as in test_split.py; here, each class is in each part."""
    K, of_each = 10_000, 8
    y = np.random.default_rng(0).permutation(np.arange(K * of_each) % K)
    split = stratified_split(y, [f"c{k}" for k in range(K)], 0.25, 0.25, 0, "d.csv")
    assert [np.bincount(y[part]).min() for part in (split.train, split.val, split.test)] == [4, 2, 2]
    assert len(np.unique(np.concatenate([split.train, split.val, split.test]))) == K * of_each


@pytest.mark.usefixtures("many")
def test_what_a_run_with_many_classes_needs_is_said_before_it_begins(nncli: Run) -> None:
    """4 bytes of 1,000 rows at once: targets, probabilities and gradient of 250 classes, and twice the outputs of
    1 + h + 250 units, with h = 100,000: 0.8 GB; 4 bytes of h + h + 250 h + 250 parameters, five times: 0.5 GB; and the
    program."""
    words = ["train", "d.csv", "--test", "0", "--val", "0", "--batch-size", "1000", "--dry-run", "--json"]
    assert "memory:" not in nncli(*words, "--hidden", "8").err
    assert "memory: about 1.4 GB\n" in nncli(*words, "--hidden", "100000").err


@pytest.mark.usefixtures("many")
def test_more_classes_than_memory_are_refused_with_what_helps(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nncli.training.memory.machine_memory", lambda: 1e6)
    monkeypatch.setattr("nncli.training.memory.MANY_CLASSES", 200)
    outcome = nncli("train", "d.csv", "--test", "0", "--val", "0", "--hidden", "8", "--dry-run", "-q")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("--hidden: a network of 1 inputs and 8 units for 250 classes takes at least 0.0 GB")
    assert outcome.err.endswith("Use fewer units, smaller batches, or leave rare classes out with --rare drop.\n")


@pytest.mark.parametrize("names", ["short", "long", "alike"])
def test_no_number_of_a_confusion_matrix_is_broken(
    names: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of few classes all numbers are there; where there is no room, a line says that they are left out."""
    write = {"short": "c{}", "long": "a class with a long name {}", "alike": "{} of all that have the same end"}[names]
    complete = set()
    for K in (2, 3, 9, 10, 14, 20, 21, 40):
        counts = np.arange(K * K).reshape(K, K) + 12_345  # all differ, and none is a part of another
        classes = [write.format(chr(97 + i // 26) + chr(97 + i % 26)) for i in range(K)]
        entries = [[i, j, int(counts[i, j])] for i in range(K) for j in range(K)]
        metrics = {"classes": classes, "confusion_matrix": counts.tolist(), "confusion_counts": entries}
        for width in (60, 80, 100, 120):
            monkeypatch.setenv("COLUMNS", str(width))
            print_confusions(metrics)
            said = capsys.readouterr()
            assert max(map(len, said.out.splitlines())) <= width
            shown = [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", said.out)]
            assert set(shown) <= set(counts.flat)
            if len(shown) == K * K:
                complete.add((K, width))
            else:
                assert K > 20 or "too wide for these lines; --json has it" in said.err
                assert len(shown) == 10
                assert "the 10 most frequent of" in said.err
    # 16 characters of a name and 7 or 8 more for each number of five: 3 classes have room everywhere, 9 at 120
    assert {(K, width) for K in (2, 3) for width in (60, 80, 100, 120)} | {(9, 120)} <= complete
