"""Predict blocks of rows in several threads, each with buffers of its own."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from numpy.typing import NDArray

from nncli.data.row_blocks import RowBlock
from nncli.errors import NncliError
from nncli.inference.predict_options import PredictOptions
from nncli.inference.predictor import Predictor
from nncli.model.model import Model


class Answer(NamedTuple):
    """Holds the answer to a block of rows: the `lines` to write; what the model has `predicted` of the rows, for a
    guard to count (empty where a threshold of the command decides); of how many `decided` rows two scores were `tied`;
    and how many texts of each column are `unknown`, with none of the words of training."""

    lines: bytes
    predicted: list[NDArray[Any]]
    decided: int
    tied: int
    unknown: dict[str, int]


class _Heard(list[NDArray[Any]]):
    look_at_predictions = list.append


class Answers:
    """Answers blocks of rows: `begin` once, then each of them, by any thread."""

    def __init__(self, model: Model, options: PredictOptions) -> None:
        self.model, self.options = model, options
        self._idle = SimpleQueue[Predictor]()

    def begin(self, keep: Sequence[str]) -> bytes:
        """Prepare to write the columns `keep` of the input before the predictions; return the header. OptionError where
        the model cannot do what is asked."""
        self._first = Predictor(self.model, self.options, keep)
        return self._first.header

    def of(self, block: RowBlock) -> Answer:
        """Answer the rows of a block. Raises NncliError where the model cannot."""
        try:
            predictor = self._idle.get_nowait()
        except Empty:
            predictor = copy.copy(self._first)
            predictor.model = self.model.for_another_thread()
        predictor.rows = predictor.tied = 0
        heard = _Heard()
        predictor.guard = heard if self.options.threshold is None else None
        lines = predictor.predict(block)
        unknown = {name: len(rows) for name, rows in predictor.unknown_texts(block.errors).items()}
        self._idle.put(predictor)
        return Answer(lines, heard, predictor.rows, predictor.tied, unknown)

    def ahead(self, block: RowBlock) -> Answer | None:
        """Answer the rows of a block before those above it; None where that cannot be done, which is told in its
        turn."""
        try:
            return self.of(block)
        except NncliError:
            return None
