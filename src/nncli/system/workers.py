"""Work for several processes: any order in, results as they come, and no piece lost when a process dies.

`Here` works in this process, `processes` in several of this machine, `cluster` on others. All do the same.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

AHEAD = 2  # bundles for each process that are handed out: one to work on, one to go on with
SHORT, MANY = 0.05, 32  # seconds that a bundle takes, so that handing it out costs little of it; and its pieces at most
PAUSE = 0.2  # seconds between two looks at whether to stop
Stop = Callable[[], bool]
Bundle = list[tuple[int, Any]]  # pieces, each with its number
Take = Callable[[], Any]  # the next piece, or None: there is none, or none before another is done
Check = Callable[[Any], None]  # ValueError for what is no result of the work


def never() -> bool:
    """For work that nobody stops."""
    return False


def trust(result: Any) -> None:
    """Finds nothing wrong with any result."""


class Work(Protocol):
    """A function of a module, so that another process can find it: a piece of work, and what all pieces share.

    Its result is plain: what JSON has, and bytes.
    """

    def __call__(self, piece: Any, shared: Any, /, stop: Stop = never) -> Any: ...


@dataclass(frozen=True)
class Killed:
    """In place of a result: so many processes died of that piece; None: each one that had it."""

    times: int | None

    def __str__(self) -> str:
        often = "each time" if self.times is None else f"{self.times} times"
        return f"its process was killed, {often}, perhaps for want of memory"


class Workers(Protocol):
    """Those who do it."""

    ours: bool  # whether they are processes of this program: only from these are pickles read

    @property
    def jobs(self) -> int:
        """How many work at a time."""
        ...

    def run(
        self, work: Work, shared: Any, take: Take, stop: Stop = never, check: Check = trust
    ) -> Iterator[list[tuple[int, Any]]]:
        """Works on what `take()` gives until it gives no more, and yields what has come out since the last time: the
        number of a piece, from 0, in the order in which they were taken, and its result, or `Killed`.

        When `stop()` becomes true, what is under way is given up. `check` looks at the results of workers that are not
        ours: NncliError for what it refuses.
        """
        ...


def in_order(
    workers: Workers, work: Work, shared: Any, pieces: Iterable[Any], check: Check = trust
) -> Iterator[tuple[Any, Any]]:
    """The pieces in order, each with its result. What is far ahead of the next result waits its turn, so that few are
    in memory."""
    waiting, taken, early, due = iter(pieces), dict[int, Any](), dict[int, Any](), 0

    def take() -> Any:
        if len(taken) >= 2 * AHEAD * max(1, workers.jobs):
            return None
        piece = next(waiting, None)
        if piece is not None:
            taken[due + len(taken)] = piece
        return piece

    for results in workers.run(work, shared, take, check=check):
        early |= dict(results)
        while due in early:
            yield taken.pop(due), early.pop(due)
            due += 1


class Here:
    """This process, one piece at a time."""

    ours, jobs = True, 1

    def run(
        self, work: Work, shared: Any, take: Take, stop: Stop = never, check: Check = trust
    ) -> Iterator[list[tuple[int, Any]]]:
        number = 0
        while (piece := take()) is not None:
            result = work(piece, shared, stop)
            if stop():
                return
            yield [(number, result)]
            number += 1


class Bundles:
    """What there is to take, as bundles that take about as long as `SHORT`: more pieces each time, as long as all of
    them are done in that time. Those left over are handed out again, one by one."""

    def __init__(self, take: Take) -> None:
        self.take, self.taken, self.size = take, 0, 1
        self.again: deque[tuple[int, Any]] = deque()

    def __call__(self) -> Bundle:
        """The next one; empty if there is none now."""
        if self.again:
            return [self.again.popleft()]
        bundle: Bundle = []
        while len(bundle) < self.size and (piece := self.take()) is not None:
            bundle.append((self.taken, piece))
            self.taken += 1
        return bundle

    def done(self, bundle: Bundle, results: Sequence[Any]) -> list[tuple[int, Any]]:
        """The results, one for each of the first pieces, with their numbers."""
        if len(results) < len(bundle):
            self.size = len(results)
            self.again.extend(bundle[len(results) :])
        elif len(bundle) == self.size:
            self.size = min(2 * self.size, MANY)
        return [(number, result) for (number, _), result in zip(bundle, results, strict=False)]


def work_on(work: Work, bundle: Bundle, shared: Any) -> list[Any]:
    """What a process does: as many of the pieces, in order, as are begun within `SHORT`."""
    began, results = time.monotonic(), []
    for _, piece in bundle:
        results.append(work(piece, shared))
        if time.monotonic() - began > SHORT:
            break
    return results
