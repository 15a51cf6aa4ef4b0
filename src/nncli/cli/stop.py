"""Ctrl-C and SIGTERM as a polite request: the step is finished, the best model saved."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType

from nncli.errors import INTERRUPTED, TERMINATED


class StopRequest:
    """While it is entered, the first SIGINT or SIGTERM only makes `__call__` true; a second one ends at once."""

    def __init__(self) -> None:
        self.exit_code: int | None = None

    def __call__(self) -> bool:
        return self.exit_code is not None

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.exit_code = INTERRUPTED if number == signal.SIGINT else TERMINATED
        self._restore()

    def __enter__(self) -> StopRequest:
        self._before = {number: signal.signal(number, self._request) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
