"""The options that say how probabilities become a class: the rule of a threshold, and what mistakes cost."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nncli.config.file_kinds import Columns
from nncli.config.option import Kind, Number
from nncli.errors import OptionError, did_you_mean
from nncli.system.characters import composed
from nncli.system.numbers import read_number, write_number
from nncli.system.output import in_quotes

RULES = ("f1", "mcc", "cost")
PROMISES = ("recall", "precision")  # of which a rule names a value
MOST_COST = 1e30
NEVER = math.nextafter(1, 2)  # a threshold that no probability reaches, as where some are 1
THRESHOLD = Number("a probability from 0 to 1", lambda value: 0 <= value <= NEVER)
MISTAKES = ("missed", "false-alarm")  # of two classes


class ThresholdRule(Kind):
    """A rule by which a threshold is chosen: f1, mcc, cost, or a value of recall or precision, as recall=0.85."""

    def read(self, text: str) -> str:
        name, equals, value = text.strip().partition("=")
        if name in RULES and not equals:
            return name
        if name in PROMISES and equals:
            try:
                share = read_number(value)
            except ValueError:
                share = 0.0
            if 0 < share <= 1:
                return f"{name}={write_number(share)}"
        raise ValueError("f1, mcc, cost, or a share above 0 such as recall=0.85 or precision=0.9")

    def words(self) -> tuple[str, ...]:
        return (*RULES, *(f"{name}=" for name in PROMISES))


MISTAKES_FORM = "missed=5,false-alarm=1"


class Costs(Kind):
    """Reads what mistakes cost: of two classes, as missed=5,false-alarm=1, or else the name of a file with a matrix."""

    def read(self, text: str) -> str:
        if not text.strip() or "\0" in text:
            raise ValueError(f"{MISTAKES_FORM}, or a file")
        if not text.startswith(tuple(f"{name}=" for name in MISTAKES)):
            return text
        cost = mistakes_of(text)
        return ",".join(f"{name}={write_number(cost[name])}" for name in MISTAKES)

    def several(self, text: str) -> list[str]:
        return [text]


def mistakes_of(text: str) -> dict[str, float]:
    """Return what a positive row that is missed costs, and a false alarm. Raises ValueError for another text."""
    expected = f"{MISTAKES_FORM}, numbers from 0 to {MOST_COST:g} of which one is above 0"
    found: dict[str, float] = {}
    for pair in Columns().read(text):
        name, _, value = pair.partition("=")
        try:
            found[name.strip()] = read_number(value)
        except ValueError:
            raise ValueError(expected) from None
    costs = found.values()
    if sorted(found) != sorted(MISTAKES) or min(costs) < 0 or not 0 < max(costs) <= MOST_COST:
        raise ValueError(expected)
    return found


def positive_class(name: str, classes: Sequence[str]) -> int:
    """Return the position of the class that is to be found; OptionError where it is not one of two."""
    if len(classes) != 2:
        raise OptionError("positive", f"expected two classes, found {len(classes)}", "Leave it out")
    known = [*map(composed, classes)]
    if composed(name) not in known:
        problem = f"no class is called {in_quotes(name)}"
        raise OptionError("positive", problem, did_you_mean(name, classes, listed="classes"))
    return known.index(composed(name))
