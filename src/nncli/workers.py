"""Trials on several processes: any order in, results as they come, and no trial lost when a process dies."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from nncli.trial import Shared, Trial, run_trial

AHEAD = 2  # trials for each job that are handed out: one to work on, one to go on with
PAUSE = 0.2  # seconds between two looks at whether to stop
STRIKES = 3  # so often a trial may be at work when its process dies, before it is said to be the reason
Result = tuple[Trial, dict[str, Any]]


def run_all(trials: Iterable[Trial], data: Shared, jobs: int, stop: Callable[[], bool]) -> Iterator[list[Result]]:
    """Runs the trials, and yields what has come out since the last time; one job works in this process.

    When `stop()` becomes true, what is under way is given up.
    """
    if jobs > 1:
        yield from _Pool(data, jobs, stop).run(trials)
        return
    for trial in trials:
        record = run_trial(trial, data, stop)
        if stop():
            return
        yield [(trial, record)]


class _Pool:
    """A pool of processes that is made anew when one of them dies.

    Nobody says which trial a process died of. So those that were handed out then run one by one, in a pool
    of their own, and one that is alone when its process dies has a strike.
    """

    def __init__(self, data: Shared, jobs: int, stop: Callable[[], bool]) -> None:
        self.data, self.jobs, self.stop = data, jobs, stop

    def run(self, trials: Iterable[Trial]) -> Iterator[list[Result]]:
        waiting, suspects = iter(trials), deque[Trial]()
        while True:
            with _executor(self.jobs) as executor:
                lost = yield from self._in_flight(executor, waiting, self.jobs * AHEAD)
            if not lost:
                return
            suspects.extend(lost)
            while suspects and not self.stop():
                yield [(suspects[0], self._alone(suspects[0]))]
                suspects.popleft()

    def _in_flight(self, executor: Executor, waiting: Iterator[Trial], most: int) -> Any:
        """Runs what is waiting, `most` at a time; returns those that were under way when a process died."""
        flying: dict[Future[dict[str, Any]], Trial] = {}
        while True:
            while len(flying) < most and (trial := next(waiting, None)) is not None:
                try:
                    flying[executor.submit(run_trial, trial, self.data)] = trial
                except BrokenProcessPool:
                    return [*flying.values(), trial]
            if not flying or self.stop():
                return []
            done, _ = wait(flying, PAUSE, FIRST_COMPLETED)
            errors = {future: future.exception() for future in done}
            finished = [(flying.pop(future), future.result()) for future, error in errors.items() if error is None]
            if finished:
                yield finished
            for error in errors.values():
                if isinstance(error, BrokenProcessPool):
                    return list(flying.values())
                if error is not None:
                    raise error

    def _alone(self, trial: Trial) -> dict[str, Any]:
        for _ in range(STRIKES):
            with _executor(1) as executor:
                try:
                    record: dict[str, Any] = executor.submit(run_trial, trial, self.data).result()
                    return record
                except BrokenProcessPool:
                    continue
        return {
            "outcome": "failed",
            "reason": f"its process was killed, {STRIKES} times, perhaps for want of memory.",
            "seconds": 0.0,
        }


@contextlib.contextmanager
def _executor(jobs: int) -> Iterator[Executor]:
    from joblib.externals.loky import ProcessPoolExecutor

    executor = ProcessPoolExecutor(max_workers=jobs, initializer=_start_worker, initargs=(os.getpid(),))
    try:
        yield executor
    finally:
        executor.shutdown(kill_workers=True)  # by then, nobody waits for what they do


def _start_worker(parent: int) -> None:
    """A worker does not outlive the sweep, however that ends, and leaves Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, on Linux
    except (OSError, AttributeError):
        return
    if os.getppid() != parent:  # it has died in the meantime
        os.kill(os.getpid(), signal.SIGKILL)
