"""Signals that ask the program to end: as a polite request where there is something to save, else at once."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType, TracebackType

from nncli.errors import HANGUP, INTERRUPTED, TERMINATED

CODES = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: TERMINATED, signal.SIGHUP: HANGUP}


class Ended(BaseException):
    """A signal has come; what was begun is tidied up on the way out."""

    def __init__(self, code: int) -> None:
        self.code = code


def end_at_once() -> None:
    """From now on a signal raises `Ended`; but one that was ignored, as nohup has it, still is."""

    def end(number: int, frame: FrameType | None) -> None:
        raise Ended(CODES[signal.Signals(number)])

    for number in CODES:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, end)

    def again(lost: sys.UnraisableHookArgs) -> None:
        if isinstance(lost.exc_value, Ended):  # it was raised where nobody can hear it, as in the end of an object
            code = lost.exc_value.code
            os.kill(os.getpid(), next(number for number in CODES if CODES[number] == code))
        else:
            sys.__unraisablehook__(lost)

    sys.unraisablehook = again


class StopRequest:
    """While it is entered, the first signal only makes `__call__` true; a second one ends at once."""

    def __init__(self) -> None:
        self.exit_code: int | None = None

    def __call__(self) -> bool:
        return self.exit_code is not None

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.exit_code = CODES[signal.Signals(number)]
        self._restore()

    def __enter__(self) -> StopRequest:
        heard = [number for number in CODES if signal.getsignal(number) != signal.SIG_IGN]
        self._before = {number: signal.signal(number, self._request) for number in heard}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
