"""Count the cells that a model knows nothing of: those with a category that it has not seen, and texts without a word
of training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Table
from nncli.data.scaled_rows import InMemory, SparseMatrix
from nncli.model.model import Model
from nncli.system.output import counted, in_quotes


class UnfamiliarCells:
    """Counts by column the cells with an `unseen` category, and the `unknown` texts, which have none of the words of
    training."""

    def __init__(self) -> None:
        self.unseen, self.unknown = Counter[str](), Counter[str]()

    def add(self, unseen: Mapping[str, int], unknown: Mapping[str, int]) -> None:
        """Add the counts of some rows."""
        self.unseen.update(unseen)
        self.unknown.update(unknown)

    def scores(self, model: Model, table: Table) -> NDArray[np.floating]:
        """Return the scores Z (n, outputs) that a model gives the rows of a table, and count their cells."""

        def look(inputs: InMemory) -> None:
            of_texts = inputs.unknown if isinstance(inputs, SparseMatrix) else {}
            self.add(
                model.preprocess.unseen(table), {name: int(its.sum()) for name, its in of_texts.items() if its.any()}
            )

        return model.scores(table, look)

    def notes(self) -> list[str]:
        """Say how many there are, a line for each column."""
        seen = "with a category that the model has not seen"
        found = [f"column {in_quotes(name)}: {counted(n, 'cell')} {seen}" for name, n in self.unseen.items()]
        for name, n in self.unknown.items():
            have = f"{counted(n, 'text')} {'has' if n == 1 else 'have'}"
            found.append(f"column {in_quotes(name)}: {have} none of the words of training")
        return found
