"""Errors from below the command line name options as their reader writes them: `--val` on it, `val` in Python."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from csv_reading import load
from nncli.config.train_config import TrainConfig
from nncli.data.csv.encoding import guessed_encoding
from nncli.data.group_split import group_folds
from nncli.data.time_split import time_fold
from nncli.errors import NncliError, mention
from nncli.training.prepare import prepare

FOUR, ROWS = np.arange(4) % 2, "".join(f"{i},{i % 7},{'pq'[i // 2 % 2]}\n" for i in range(40))
CASES: dict[str, tuple[Callable[[], Any], str, str]] = {
    "folds of groups": (lambda: group_folds(FOUR, FOUR, 3, 0, "d", "g"), "fewer --folds.", "fewer folds."),
    "folds of time": (lambda: time_fold(FOUR.astype(float), 0, 2, "d", "t"), "fewer --folds.", "fewer folds."),
    "validation rows": (
        lambda: prepare(TrainConfig.from_values({"data": "moons", "val": "0", "choose_threshold": "f1"})),
        "Set --val above 0.",
        "Set val above 0.",
    ),
    "a cell": (
        lambda: load("a,b,y\n" + ROWS + "none,1,p\n"),
        "Add --missing none, read the column as text with --categorical a, or leave it out with --drop a.",
        "Add missing='none', read the column as text with categorical='a', or leave it out with drop='a'.",
    ),
    "a large number": (lambda: load("a,b,y\n" + ROWS + "1e39,1,p\n"), "Use --dtype float64,", "Use dtype='float64',"),
    "a footer": (
        lambda: load("a,b,y\n" + ROWS + "made by hand\n"),
        "with --rows 1:40",
        "with rows='1:40'",
    ),
    "another table": (
        lambda: load("a,b,y\n" + ROWS + "\nx,y\n1,2\n1,2\n1,2\n"),
        "with --rows 1:40",
        "with rows='1:40'",
    ),
    "an encoding": (
        lambda: guessed_encoding("a,b\n1,2\n".encode("utf-16-le"), "d"),
        "Add --encoding utf-16-le.",
        "Add encoding='utf-16-le'.",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_option_is_written_as_its_reader_has_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    failing, on_the_command_line, in_python = CASES[name]
    with pytest.raises(NncliError) as caught:
        failing()
    assert on_the_command_line in str(caught.value)
    monkeypatch.setattr(NncliError, "in_python", True)
    assert in_python in str(caught.value)
    assert "--" not in str(caught.value)


def test_values_are_quoted_as_a_shell_needs_it() -> None:
    error = NncliError("d.csv", "found it", f"Add {mention('missing', 'not known')}")
    assert str(error) == "d.csv: found it. Add --missing 'not known'."
