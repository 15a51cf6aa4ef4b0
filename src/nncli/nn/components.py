"""Give components what they share: settings, which are checked, and a state, from which they can be resumed."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

StateNumber = int | float | bool | None
State = Mapping[str, StateNumber | NDArray[Any]]


def setting(default: Any, expected: str, holds: Callable[[Any], bool]) -> Any:
    """Return a field with a check; `expected` says which values pass it, with the name of the field as {name}."""
    return dataclasses.field(default=default, metadata={"expected": expected, "holds": holds})


def share(default: float) -> Any:
    return setting(default, "0 ≤ {name} < 1", lambda value: 0 <= value < 1)


def factor(default: float) -> Any:
    return setting(default, "a factor between 0 and 1", lambda value: 0 < value < 1)


def positive(default: float) -> Any:
    return setting(default, "0 < {name} < ∞", lambda value: 0 < value < math.inf)


@dataclasses.dataclass(eq=False)
class Configurable:
    """A component whose settings are checked as it is made: ValueError for a value that it may not have.

    It is a dataclass, and each setting is a field; one without settings need not say so again.
    """

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.metadata and not field.metadata["holds"](value):
                expected = field.metadata["expected"].format(name=field.name)
                raise ValueError(f"{field.name}: expected {expected}, found {value}")


class Stateful:
    """A component that changes while it works. `saved` names the attributes that do, which are numbers and arrays."""

    saved: ClassVar[tuple[str, ...]] = ()

    def state(self) -> State:
        """Return what changes, by name; the arrays are those that the component works with, not copies."""
        return {name: getattr(self, name) for name in self.saved}

    def load_state(self, state: State) -> None:
        """Continue from a state that a component with the same settings was in."""
        for name, here in self.state().items():
            if isinstance(here, np.ndarray):
                np.copyto(here, np.asarray(state[name]))  # in place: others look at it there
            else:
                setattr(self, name, state[name])
