from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nncli.config.train_config import TrainConfig
from nncli.inference.predict_options import PredictOptions
from nncli.inference.predictor import Predictor
from nncli.inference.written_cells import csv_quoted
from nncli.model import checkpoint
from nncli.training.prepare import prepare
from nncli.training.run import run_training


@pytest.fixture(scope="module")
def two_classes() -> Predictor:
    done = run_training(prepare(TrainConfig(data=("moons",), epochs=1)))
    assert done is not None
    return Predictor(done.model, PredictOptions(threshold=0.5))


def test_the_threshold_itself_is_enough_for_the_second_class(two_classes: Predictor) -> None:
    """Of a softmax over two scores, with a draw, 0.49 and 0.51 for the second."""
    Z = np.array([[1, 1], [0.04, 0], [0, 0.04]])
    for threshold, expected in ((0.5, [1, 0, 1]), (0.505, [0, 0, 1]), (0.48, [1, 1, 1])):
        assert two_classes.model.predicted(Z, threshold).tolist() == expected


def test_without_a_threshold_the_likelier_class_is_predicted(iris_model: Path) -> None:
    model, _ = checkpoint.load(iris_model)
    assert model.predicted(np.array([[0.2, 0.3, 0.5], [0.4, 0.35, 0.25]])).tolist() == [2, 0]


@pytest.mark.parametrize(
    ("cell", "expected"), [("a", "a"), ("a b", "a b"), ("a,b", '"a,b"'), ('say "x"', '"say ""x"""'), ("a\nb", '"a\nb"')]
)
def test_cells_are_quoted_where_they_must_be(cell: str, expected: str) -> None:
    assert csv_quoted(cell) == expected


def test_formulas_are_kept_as_they_are_or_escaped_where_asked(nncli: Callable[..., Any], tmp_path: Path) -> None:
    """A spreadsheet would take a cell that begins with = + - @, tab or CR for a formula, unless it is a number."""
    names = ["=1+1", "-5", "@SUM(A1)"]
    notes = ["-cmd|' /C calc'!A0", "-5.5", "+1e-3", "=HYPERLINK(1)", "plain", "'quoted", "- 5", "=a,b"]
    notes += [" =1", "\n=1", "＝1", "＋1"]  # some take what follows blanks for one, and full-width signs
    header = "=x,note,class"
    rows = [f'{i % 3},"{notes[i % 12]}","{names[i % 3]}"' for i in range(48)]
    path, model = tmp_path / "d.csv", tmp_path / "m.npz"
    path.write_text("\n".join([header, *rows]) + "\n")
    words = ["train", path, "--drop", "note", "--model", "softmax", "--epochs", "60", "-q", "--json", "-o", model]
    assert nncli(*words).code == 0
    found = list(csv.reader(io.StringIO(nncli("predict", model, path, "--keep", "=x,note").out)))
    assert found[0] == ["=x", "note", "prediction"]
    assert [row[1:] for row in found[1:]] == [[notes[i % 12], names[i % 3]] for i in range(48)]
    outcome = nncli("predict", model, path, "--keep", "=x,note", "--escape-formulas")
    safe = list(csv.reader(io.StringIO(outcome.out)))
    assert safe[0] == ["'=x", "note", "prediction"]
    escaped = ["'-cmd|' /C calc'!A0", "-5.5", "+1e-3", "'=HYPERLINK(1)", "plain", "'quoted", "'- 5", "'=a,b"]
    escaped += ["' =1", "'\n=1", "'＝1", "'＋1"]
    classes = ["'=1+1", "-5", "'@SUM(A1)"]
    assert [row[1:] for row in safe[1:]] == [[escaped[i % 12], classes[i % 3]] for i in range(48)]
