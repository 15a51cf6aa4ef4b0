"""Processes of this machine that do tasks, and the error where the system has no room for them."""

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
from pathlib import Path
from typing import Any

from nncli.errors import NncliError
from nncli.system.workers import AHEAD, PAUSE, Chunk, ChunkQueue, ProcessDeath, Results, Work, run_chunk

STRIKES = 3  # times that a process may die of a task alone in it, before the task is given up
MORE = "Ask for fewer processes, or allow more with ulimit {}"
# the words of the system and of Python for a shortage, what is short, and the limit on it
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
    """Some processes of this machine; a process that dies is replaced. A context manager.

    Nothing says which task a process died of, so all that were handed out by then run one by one, in their own process.
    """

    ours = True

    def __init__(self, jobs: int, module: str) -> None:
        """Start the processes, which first import the module of the task function."""
        self.jobs, self.module = jobs, module
        self._executor = self._new(jobs)

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        with contextlib.suppress(RuntimeError):  # where not even a thread can begin
            self._executor.shutdown(kill_workers=True)  # by then, nobody waits for what they do
        problem = shortage(error) if isinstance(error, OSError | RuntimeError) else None
        if problem:  # this process itself had no room beside the others
            raise problem from None

    def run(self, work: Work) -> Iterator[Results]:
        waiting = ChunkQueue(work.next_task)
        while True:
            lost = yield from self._until_death(work, waiting)
            if not lost:
                return
            self._executor.shutdown(kill_workers=True)
            yield from self._one_by_one(work, lost)
            self._executor = self._new(self.jobs)

    def _until_death(self, work: Work, waiting: ChunkQueue) -> Any:
        """Do the waiting tasks; return those that were handed out when a process died."""
        flying: dict[Future[Any], Chunk] = {}
        while True:
            while len(flying) < AHEAD * self.jobs and (chunk := waiting()):
                try:
                    flying[self._executor.submit(run_chunk, work.function, chunk, work.shared)] = chunk
                except BrokenExecutor as broken:
                    self._check_start(broken)
                    return [numbered for chunk in (*flying.values(), chunk) for numbered in chunk]
            if not flying or work.stop():
                return []
            done, _ = wait(flying, PAUSE, FIRST_COMPLETED)
            errors = [future.exception() for future in done]
            finished: Results = []
            for future, error in zip(done, errors, strict=True):
                if error is None:
                    finished += waiting.done(flying.pop(future), future.result())
            if finished:
                yield finished
            for error in errors:
                if isinstance(error, BrokenExecutor):
                    self._check_start(error)
                    return [numbered for chunk in flying.values() for numbered in chunk]
                if error is not None:
                    raise shortage(error) or error

    def _one_by_one(self, work: Work, suspects: Chunk) -> Iterator[Results]:
        executor = self._new(1)
        try:
            for number, task in suspects:
                result: Any = ProcessDeath(STRIKES)
                for _ in range(STRIKES):
                    try:
                        future = executor.submit(work.function, task, work.shared)
                        while not wait([future], PAUSE).done:
                            if work.stop():
                                return
                        result = future.result()
                        break
                    except BrokenExecutor as error:
                        self._check_start(error)
                        executor.shutdown(kill_workers=True)
                        executor = self._new(1)
                    except Exception as error:
                        raise shortage(error) or error from None
                yield [(number, result)]
        finally:
            executor.shutdown(kill_workers=True)

    def _check_start(self, error: BrokenExecutor) -> None:
        """Raise NncliError where processes ended for another reason than a task."""
        problem = shortage(error)
        if problem:
            raise problem
        if not any(one.done() and one.exception() is None for one in self._starts):
            ended = "expected processes that start, found that each of them ended before it did any work"
            raise NncliError("--jobs", ended, MORE.format("-v"))

    def _new(self, jobs: int) -> Any:
        """Return a new executor of loky, whose processes are starting."""
        executor = None
        try:
            Path.cwd()  # where it is gone, Python 3.13.0 cannot begin, and the helper process of loky would be dead
            import loky

            with _silent():
                _hush()
                executor = loky.ProcessPoolExecutor(jobs, initializer=_start, initargs=(os.getpid(),))
                # loky starts a process only when there is something to do
                self._starts = [executor.submit(_import, self.module) for _ in range(jobs)]
            return executor
        except Exception as error:  # loky stumbles over an error of the system, and raises another
            if executor is not None:
                with contextlib.suppress(Exception):  # not all of it is there to be ended
                    executor.shutdown(kill_workers=True)
            raise shortage(error) or error from None


def shortage(error: BaseException) -> NncliError | None:
    """Return the NncliError for a shortage that an error, or one of its causes, speaks of; None if it does not."""
    texts = ""
    looked_at = None if isinstance(error, NncliError) else error
    while looked_at is not None and len(texts) < 1 << 16:
        texts += f"{type(looked_at).__name__}: {looked_at}\n"
        looked_at = looked_at.__cause__ or looked_at.__context__
    for words, problem, limit in SHORTAGES:
        if any(word in texts for word in words):
            return NncliError("--jobs", f"expected room for the processes, found that {problem}", MORE.format(limit))
    return None


@functools.cache
def _hush() -> None:
    """Keep loky from printing, and its helper process, which tidies up behind a killed program."""
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
    """Give processes that start meanwhile nowhere to print to: we report what is wrong with them, in one line."""
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
    """Prepare a worker: it leaves Ctrl-C to the program, and does not outlive it, however that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, on Linux
        if os.getppid() != parent:  # the program has died meanwhile
            os.kill(os.getpid(), signal.SIGKILL)


def _import(module: str) -> None:
    """Import a module, before there is any work: what is missing for it is known then. A module cannot be returned."""
    importlib.import_module(module)
