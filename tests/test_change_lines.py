"""The lines of `train --from` that say what was gained and what was forgotten."""

from __future__ import annotations

from typing import Any

import pytest

from nncli.inference.change import Change
from nncli.terminal.change import print_changes


def figure(difference: float, is_chance: bool = False) -> dict[str, Any]:
    """A difference whose interval holds 0, or not."""
    low, high = (-0.4, 0.4) if is_chance else sorted((0.5 * difference, 1.5 * difference))
    p_value = 0.5 if is_chance else 0.01
    return {"before": 0.5, "after": 0.6, "difference": difference, "interval": [low, high], "p_value": p_value}


# of accuracy more is better, of log loss less
LINES = {
    "both better": (figure(0.1), figure(-0.2), "better even there: +10.0 % in accuracy, on the rows"),
    "both worse": (figure(-0.1), figure(0.2), "forgotten: −10.0 % in accuracy, on the rows"),
    "both by chance": (
        figure(0.1, is_chance=True), figure(0.2, is_chance=True),
        "forgotten: no difference beyond chance in accuracy, on the rows",
    ),
    "the second worse": (
        figure(0.1, is_chance=True), figure(0.2),
        "forgotten: no difference beyond chance in accuracy, but log loss is worse (+0.2000), on the rows",
    ),
    "the second worse, the first better": (
        figure(0.1), figure(0.2), "better even there: +10.0 % in accuracy, but log loss is worse (+0.2000), on the rows"
    ),
    "the second by chance": (figure(-0.1), figure(0.2, is_chance=True), "forgotten: −10.0 % in accuracy, on the rows"),
}  # fmt: skip


@pytest.mark.parametrize("name", LINES)
def test_every_figure_that_says_something_else_is_named(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    accuracy, log_loss, line = LINES[name]
    print_changes({"forgotten": Change("the rows", 90, {"accuracy": accuracy, "log-loss": log_loss})})
    assert capsys.readouterr().out.splitlines()[-1] == line
