"""Components that change while they work, and can be resumed to the same digits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

StateNumber = int | float | bool | None
State = Mapping[str, StateNumber | NDArray[Any]]


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
