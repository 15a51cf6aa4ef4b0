"""Work for several processes of this machine, and what is said where the system has no room for them."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import importlib
import logging
import os
import signal
import warnings
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from types import TracebackType
from typing import Any

from nncli.errors import NncliError
from nncli.system.workers import AHEAD, PAUSE, Bundle, Bundles, Check, Killed, Stop, Take, Work, never, trust, work_on

STRIKES = 3  # so often a piece may be at work when its process dies, before it is said to be the reason
MORE = "Ask for fewer processes, or allow more with ulimit {}"
# what the system and Python call a want of something, what it is, and the limit on it
SHORTAGES = (
    (("Too many open files",), "too many files are open", "-n"),
    (
        ("can't start new thread", "Resource temporarily unavailable"),
        "no more processes or threads can begin",
        "-u or -v",
    ),
    (("MemoryError", "failed to map segment", "Cannot allocate memory"), "there is not enough memory", "-v"),
)


class Processes:
    """Some processes of this machine; another takes the place of one that dies. A context manager.

    Nobody says which piece a process died of. So those that were handed out then run one by one, in a process
    of their own, and one that is alone when its process dies has a strike.
    """

    ours = True

    def __init__(self, jobs: int, module: str) -> None:
        """They start at once, and import the module whose work is to come."""
        self.jobs, self.module = jobs, module
        self._executor = self._new(jobs)

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(RuntimeError):  # where not even a thread can begin
            self._executor.shutdown(kill_workers=True)  # by then, nobody waits for what they do
        wanting = shortage(error) if isinstance(error, OSError | RuntimeError) else None
        if wanting:  # as what this process had no room for, beside the others
            raise wanting from None

    def run(
        self, work: Work, shared: Any, take: Take, stop: Stop = never, check: Check = trust
    ) -> Iterator[list[tuple[int, Any]]]:
        waiting = Bundles(take)
        while True:
            lost = yield from self._in_flight(work, shared, waiting, stop)
            if not lost:
                return
            self._executor.shutdown(kill_workers=True)
            yield from self._one_by_one(work, lost, shared, stop)
            self._executor = self._new(self.jobs)

    def _in_flight(self, work: Work, shared: Any, waiting: Bundles, stop: Stop) -> Any:
        """Works on what is waiting; returns the pieces that were under way when a process died."""
        flying: dict[Future[Any], Bundle] = {}
        while True:
            while len(flying) < AHEAD * self.jobs and (bundle := waiting()):
                try:
                    flying[self._executor.submit(work_on, work, bundle, shared)] = bundle
                except BrokenExecutor as broken:
                    self._refuse(broken)
                    return [numbered for bundle in (*flying.values(), bundle) for numbered in bundle]
            if not flying or stop():
                return []
            done, _ = wait(flying, PAUSE, FIRST_COMPLETED)
            errors = {future: future.exception() for future in done}
            finished = [
                waiting.done(flying.pop(future), future.result()) for future, error in errors.items() if error is None
            ]
            if finished:
                yield [numbered for results in finished for numbered in results]
            for error in errors.values():
                if isinstance(error, BrokenExecutor):
                    self._refuse(error)
                    return [numbered for bundle in flying.values() for numbered in bundle]
                if error is not None:
                    raise shortage(error) or error

    def _one_by_one(self, work: Work, suspects: Bundle, shared: Any, stop: Stop) -> Iterator[list[tuple[int, Any]]]:
        executor = self._new(1)
        try:
            for number, piece in suspects:
                result: Any = Killed(STRIKES)
                for _ in range(STRIKES):
                    try:
                        future = executor.submit(work, piece, shared)
                        while not wait([future], PAUSE).done:
                            if stop():
                                return
                        result = future.result()
                        break
                    except BrokenExecutor as error:
                        self._refuse(error)
                        executor.shutdown(kill_workers=True)
                        executor = self._new(1)
                    except Exception as error:
                        raise shortage(error) or error from None
                yield [(number, result)]
        finally:
            executor.shutdown(kill_workers=True)

    def _refuse(self, error: BrokenExecutor) -> None:
        """NncliError where processes ended for another reason than a piece of work."""
        wanting = shortage(error)
        if wanting:
            raise wanting
        if not any(one.done() and one.exception() is None for one in self._begun):
            problem = "expected processes that begin their work, found that each of them ended before"
            raise NncliError("--jobs", problem, MORE.format("-v"))

    def _new(self, jobs: int) -> Any:  # an executor with types of its own
        executor = None
        try:
            with _silent():
                executor = _pool(jobs)
                # loky starts a process when there is work for it
                self._begun = [executor.submit(_load, self.module) for _ in range(jobs)]
            return executor
        except Exception as error:  # loky stumbles over an error of the system, and raises another
            if executor is not None:
                with contextlib.suppress(Exception):  # not all of it is there to be ended
                    executor.shutdown(kill_workers=True)
            raise shortage(error) or error from None


def shortage(error: BaseException) -> NncliError | None:
    """What an error, or what it came from, says that there is too little of, if it is that."""
    texts = ""
    looked_at = None if isinstance(error, NncliError) else error
    while looked_at is not None and len(texts) < 1 << 16:
        texts += f"{type(looked_at).__name__}: {looked_at}\n"
        looked_at = looked_at.__cause__ or looked_at.__context__
    for words, problem, limit in SHORTAGES:
        if any(word in texts for word in words):
            return NncliError("--jobs", f"expected room for the processes, found that {problem}", MORE.format(limit))
    return None


def _pool(jobs: int) -> Any:
    import loky

    _hush()
    return loky.ProcessPoolExecutor(jobs, initializer=_start, initargs=(os.getpid(),))


@functools.cache
def _hush() -> None:
    """Keeps loky from printing: errors reach those who wait for a result. Its helper, which tidies up behind a program
    that was killed, need not tell the terminal what it finds, nor that it was killed itself and another is there."""
    from loky.backend import resource_tracker

    logging.getLogger("concurrent.futures").disabled = True
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker")
    warnings.filterwarnings("ignore", "resource_tracker")
    spawn = resource_tracker.spawnv_passfds

    def spawn_silently(*arguments: Any) -> Any:
        with _silent():
            return spawn(*arguments)

    resource_tracker.spawnv_passfds = spawn_silently


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """While entered, processes that begin have nowhere to print to: what is wrong with them is said here, in a line."""
    kept = []
    for fd in (1, 2):
        try:
            kept.append((fd, os.dup(fd)))
        except OSError as error:
            if error.errno != errno.EBADF:  # it is closed
                raise
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        for fd, _ in kept:
            os.dup2(null, fd)
        os.close(null)
        yield
    finally:
        for fd, copy in kept:
            os.dup2(copy, fd)
            os.close(copy)


def _start(parent: int) -> None:
    """A worker does not outlive the program, however that ends, and leaves Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, on Linux
        if os.getppid() != parent:  # it has died in the meantime
            os.kill(os.getpid(), signal.SIGKILL)


def _load(module: str) -> None:
    """The first that a process does: what is missing for the work is known before there is any."""
    importlib.import_module(module)
