"""Signals that ask the program to end: as a polite request where there is something to save, else at once."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType

from nncli.errors import HANGUP, INTERRUPTED, TERMINATED

SOON = 0.01  # seconds
MOST_SIGNALS = 1 << 16  # that a pipe holds
CODES = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: TERMINATED, signal.SIGHUP: HANGUP}


class Ended(BaseException):
    """A signal has come; temporary files are removed on the way out."""


class _Ending:
    """The end of the program by a signal: raises `Ended`, again and again until it is heard.

    What is raised between two steps of Python can be lost: in the end of an object, in the making of a class, or in a
    library that catches everything. The program would run on, deaf to every later signal.
    """

    def __init__(self) -> None:
        self.code: int | None = None

    def begin(self, number: int, frame: FrameType | None) -> None:
        """Raise `Ended` for the first signal; those after it change nothing."""
        if self.code is None:
            self.code = CODES[signal.Signals(number)]
            signal.signal(signal.SIGALRM, self._again)
            signal.setitimer(signal.ITIMER_REAL, SOON, SOON)
            raise Ended

    def _again(self, number: int, frame: FrameType | None) -> None:
        if not _is_behind(sys.exception()):
            raise Ended

    def hush(self, lost: sys.UnraisableHookArgs) -> None:
        """Print what Python has dropped, as it does by itself, unless it is `Ended`."""
        if not isinstance(lost.exc_value, Ended):
            sys.__unraisablehook__(lost)


_ENDING = _Ending()


def _is_behind(error: BaseException | None) -> bool:
    """Tell whether `Ended` is being handled: temporary files are removed, and that is not to be disturbed."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, Ended):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def end_at_once() -> None:
    """Make the first signal raise `Ended`, and any other do nothing; one that is ignored, as by nohup, stays so."""
    for number in CODES:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _ENDING.begin)
    sys.unraisablehook = _ENDING.hush


def code_of_signal() -> int | None:
    """Return the exit code of the signal that ends the program, and raise `Ended` no more; None if none has come."""
    if _ENDING.code is not None:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return _ENDING.code


def kill_children() -> None:
    """Kill the processes that this one has started and not ended, as a signal came while they were starting: Python
    would wait for them at its end, and they for work."""
    if processes := sys.modules.get("multiprocessing.process"):
        for child in processes.active_children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGKILL)


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Have signals that end the program wait until what is done inside is done: it takes a moment, and may not be done
    by halves."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*CODES, signal.SIGALRM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


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
