"""Share out tasks among processes: results come as they are done, and no task is lost when a process dies.

`SameProcess` does the tasks in this process, `processes` in several of this machine, `cluster` in those of others.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

AHEAD = 2  # chunks handed out to each process: one in work and one to follow
CHUNK_SECONDS, MOST_IN_CHUNK = 0.05, 32  # a chunk takes about this long, so that handing it out costs little of it
PAUSE = 0.2  # seconds between two looks at whether to stop
Stop = Callable[[], bool]
Chunk = list[tuple[int, Any]]  # tasks, each with its number
Results = list[tuple[int, Any]]  # results, each with the number of its task
NextTask = Callable[[], Any]  # None: there is no task, or none before another is done
ResultCheck = Callable[[Any], None]  # raises ValueError for an impossible result


def never() -> bool:
    """Stop nothing; the default of `stop`."""
    return False


def accept_any(result: Any) -> None:
    """Accept any result; the default of `check`."""


class TaskFunction(Protocol):
    """A function at the top of a module, where another process can import it: it does one task, with what all share.

    Its result consists of what JSON has, and bytes.
    """

    def __call__(self, task: Any, shared: Any, /, stop: Stop = never) -> Any: ...


class Work(NamedTuple):
    """Tasks for one function: those that `next_task()` returns, until it returns None."""

    function: TaskFunction
    shared: Any  # what all tasks share
    next_task: NextTask
    stop: Stop = never  # once it is true, unfinished tasks are given up
    check: ResultCheck = accept_any  # for results of workers that are not ours


class ProcessDeath(NamedTuple):
    """Stands in place of a result: `times` processes died of the task; None: every process that tried it."""

    times: int | None

    def __str__(self) -> str:
        often = "each time" if self.times is None else f"{self.times} times"
        return f"its process was killed, {often}, perhaps for want of memory"


class Workers(Protocol):
    """Whoever does the tasks."""

    ours: bool  # whether they are processes of this program: pickles are read only from these

    @property
    def jobs(self) -> int:
        """Return how many tasks are in work at a time."""
        ...

    def run(self, work: Work) -> Iterator[Results]:
        """Do the tasks, numbered from 0 in the order in which they are taken; yield the results as they come.

        A result may be a `ProcessDeath`. Raises NncliError for a result that `work.check` refuses.
        """
        ...


def in_order(
    workers: Workers, function: TaskFunction, shared: Any, tasks: Iterable[Any], check: ResultCheck = accept_any
) -> Iterator[tuple[Any, Any]]:
    """Yield each task with its result, in the order of the tasks, holding few results in memory."""
    waiting, taken, early, due = iter(tasks), dict[int, Any](), dict[int, Any](), 0

    def next_task() -> Any:
        if len(taken) >= 2 * AHEAD * max(1, workers.jobs):
            return None  # far ahead of the result that is due
        task = next(waiting, None)
        if task is not None:
            taken[due + len(taken)] = task
        return task

    for results in workers.run(Work(function, shared, next_task, check=check)):
        early |= dict(results)
        while due in early:
            yield taken.pop(due), early.pop(due)
            due += 1


class SameProcess:
    """Does one task at a time, in this process."""

    ours, jobs = True, 1

    def run(self, work: Work) -> Iterator[Results]:
        number = 0
        while (task := work.next_task()) is not None:
            result = work.function(task, work.shared, work.stop)
            if work.stop():
                return
            yield [(number, result)]
            number += 1


class ChunkQueue:
    """Puts tasks into chunks that take about `CHUNK_SECONDS`: they grow as long as whole chunks are done in that time.
    Tasks left over from a chunk are handed out again, one by one."""

    def __init__(self, next_task: NextTask) -> None:
        self.next_task, self.taken, self.size = next_task, 0, 1
        self.again: deque[tuple[int, Any]] = deque()

    def __call__(self) -> Chunk:
        """Return the next chunk; an empty one if there is no task now."""
        if self.again:
            return [self.again.popleft()]
        chunk: Chunk = []
        while len(chunk) < self.size and (task := self.next_task()) is not None:
            chunk.append((self.taken, task))
            self.taken += 1
        return chunk

    def done(self, chunk: Chunk, results: Sequence[Any]) -> Results:
        """Number the results, one for each of the first tasks of a chunk; take back the other tasks."""
        if len(results) < len(chunk):
            self.size = len(results)
            self.again.extend(chunk[len(results) :])
        elif len(chunk) == self.size:
            self.size = min(2 * self.size, MOST_IN_CHUNK)
        return [(number, result) for (number, _), result in zip(chunk, results, strict=False)]


def run_chunk(function: TaskFunction, chunk: Chunk, shared: Any) -> list[Any]:
    """Do, in a worker, as many tasks of a chunk as can be started within `CHUNK_SECONDS`."""
    began, results = time.monotonic(), []
    for _, task in chunk:
        results.append(function(task, shared))
        if time.monotonic() - began > CHUNK_SECONDS:
            break
    return results
