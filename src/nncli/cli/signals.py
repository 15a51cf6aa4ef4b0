"""Signals that ask the program to end: as a polite request where there is something to save, else at once."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from types import FrameType

from nncli.errors import HANGUP, INTERRUPTED, TERMINATED

SOON = 0.005  # seconds
MOST_SIGNALS = 1 << 16  # that a pipe holds
CODES = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: TERMINATED, signal.SIGHUP: HANGUP}


class Ended(BaseException):
    """A signal has come; temporary files are removed on the way out."""

    def __init__(self, code: int) -> None:
        self.code = code


def end_at_once() -> None:
    """Make the first signal raise `Ended`, and any other do nothing; one that is ignored, as by nohup, stays so."""
    ending = False

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal ending
        if not ending:
            ending = True
            raise Ended(CODES[signal.Signals(number)])

    for number in CODES:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, end)

    def again(lost: sys.UnraisableHookArgs) -> None:
        if not isinstance(lost.exc_value, Ended):
            sys.__unraisablehook__(lost)
            return
        # It was raised where nobody can hear it, as in the end of an object; so is all that is raised here.
        code = lost.exc_value.code

        def end_now(number: int, frame: FrameType | None) -> None:
            raise Ended(code)

        signal.signal(signal.SIGALRM, end_now)
        signal.setitimer(signal.ITIMER_REAL, SOON)

    sys.unraisablehook = again


class StopRequest:
    """While it is entered, the first signal only makes `__call__` true; a second one ends at once.

    Python hears of signals between steps of its own, and of all that came during one matrix product only once: the
    wakeup pipe, into which each writes its number as it comes, tells how many there were.
    """

    def __init__(self) -> None:
        self.exit_code: int | None = None

    def __call__(self) -> bool:
        return self.exit_code is not None

    def _request(self, number: int, frame: FrameType | None) -> None:
        code = CODES[signal.Signals(number)]
        second, self.exit_code = self.exit_code is not None, code
        self.restore()
        came = b""
        with contextlib.suppress(BlockingIOError):  # another handler has read what came for both
            came = os.read(self._pipe[0], MOST_SIGNALS)
        if second or sum(byte in CODES for byte in came) > 1:
            signal.raise_signal(number)

    def __enter__(self) -> StopRequest:
        self._pipe = os.pipe()
        for end in self._pipe:
            os.set_blocking(end, False)
        self._wakeup_before = signal.set_wakeup_fd(self._pipe[1])
        self._before = {number: handler for number in CODES if (handler := signal.getsignal(number)) != signal.SIG_IGN}
        for number in self._before:
            signal.signal(number, self._request)
        return self

    def __exit__(self, *error: object) -> None:
        self.restore()
        signal.set_wakeup_fd(self._wakeup_before)
        for end in self._pipe:
            os.close(end)

    def restore(self) -> None:
        """End at once from now on, with the first signal that comes."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
