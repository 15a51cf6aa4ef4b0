"""The kind of value of --ensemble: how many members, what they have in common, and whether each leaves out a fold."""

from __future__ import annotations

from typing import NamedTuple

from nncli.config.option import Kind
from nncli.system.numbers import read_whole

MOST_MEMBERS = 1000
EXPECTED = f"a number of members from 1 to {MOST_MEMBERS:,}, as 8, or from 2 as shared:8 for shared weights, or folds:8"
ONE = "1"  # member, which is no ensemble
KINDS = ("", "shared", "folds")


class Members(NamedTuple):
    """How many members an ensemble has, whether they share weights, and whether each leaves out a fold of the rows."""

    number: int
    shared: bool = False
    folds: bool = False


def ensemble_of(text: str | None) -> Members | None:
    """Return the members that a value asks for; None where that is one network. ValueError for another text."""
    if not text:
        return None
    kind, sign, number = text.rpartition(":")
    found = Members(read_whole(number), shared=kind == "shared", folds=kind == "folds")
    is_known = kind in KINDS and bool(kind) == bool(sign)
    if not is_known or not 1 + bool(kind) <= found.number <= MOST_MEMBERS:
        raise ValueError(EXPECTED)
    return None if found.number == 1 else found


def members_in_words(text: str | None, *, of_classes: bool) -> str:
    """Say how many members there are, how they are kin, and what is done with what they say; empty where there is one
    network."""
    members = ensemble_of(text)
    if members is None:
        return ""
    kin = " that share weights" if members.shared else ""
    kin = " that each leave out a fold of the rows" if members.folds else kin
    return f"{members.number} members{kin}; their {'answers' if of_classes else 'predictions'} are averaged"


class Ensembles(Kind):
    """A number of members, as 8, shared:8 or folds:8."""

    def read(self, text: str) -> str:
        try:
            ensemble_of(text or "0")
        except ValueError:
            raise ValueError(EXPECTED) from None
        kind, sign, number = text.rpartition(":")
        return f"{kind}{sign}{read_whole(number)}"
