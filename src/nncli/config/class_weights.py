"""The option that says how much the rows of each class count."""

from __future__ import annotations

from nncli.config.file_kinds import Columns
from nncli.config.option import Kind
from nncli.errors import write_names
from nncli.system.numbers import read_number, write_number

WORDS = ("balanced", "none")


class ClassWeights(Kind):
    """`balanced`, `none`, or the weights of classes between commas, as a=1,b=5; a name that holds a comma stands in
    double quotes, with its weight: "a, b=5"."""

    def read(self, text: str) -> str:
        text = text.strip()
        if text in WORDS:
            return text
        try:
            return write_names(f"{name}={write_number(weight)}" for name, weight in pairs_of(text).items())
        except ValueError:
            raise ValueError("balanced, none, or weights above 0 such as a=1,b=5") from None

    def words(self) -> tuple[str, ...]:
        return WORDS

    def several(self, text: str) -> list[str]:
        return [text] if "=" in text else text.split(",")


def pairs_of(text: str) -> dict[str, float]:
    """Return the weight of each class that is named. Raises ValueError for a text that is no such list."""
    found: dict[str, float] = {}
    for pair in Columns().read(text):
        name, _, weight = pair.rpartition("=")
        if not name.strip() or name.strip() in found or not read_number(weight) > 0:
            raise ValueError(pair)
        found[name.strip()] = read_number(weight)
    if not found:
        raise ValueError(text)
    return found
