"""Blocks parsed by several threads at once, in order, from a source that may be slow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache
from itertools import chain
from queue import Empty, Queue
from threading import Thread, current_thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")
R = TypeVar("R")
PATIENCE = 0.2  # seconds
MALLOPT = {-3: 8 << 20, -1: 64 << 20}  # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD: bytes


def side_by_side(
    function: Callable[[T], R], items: Iterable[T], threads: int, is_little: Callable[[T], bool] = lambda item: False
) -> Iterator[R]:
    """`map(function, items)`, that many at a time, and few further ahead. Items are awaited in a thread of their own,
    so that one that is slow to come, as from a pipe, does not hold up the results before it. With one thread, there is
    no other than that of the caller, nor up to the first item that is more than little work: to hand an item from
    thread to thread takes longer than to read a row."""
    items = iter(items)
    for item in items:
        if threads > 1 and not is_little(item):
            items = chain([item], items)
            break
        yield function(item)
    else:
        return
    from concurrent.futures import Future, ThreadPoolExecutor

    results: Queue[Future[R] | None] = Queue(threads)
    pool, stopped = ThreadPoolExecutor(threads), False

    def take() -> None:
        try:
            for item in items:
                results.put(pool.submit(function, item))
                if stopped:
                    return
        except BaseException as error:  # told after what comes before it
            failed = Future[R]()
            failed.set_exception(error)
            results.put(failed)
        results.put(None)

    taker = Thread(target=take, daemon=True)  # which may wait for a pipe for ever
    taker.start()
    try:
        while (result := results.get()) is not None:
            yield result.result()
    finally:
        stopped = True
        pool.shutdown(wait=False, cancel_futures=True)
        # until it has come to its end, nobody may close the file: it could read from another with the same number
        until = time.monotonic() + PATIENCE
        # the garbage collector may come here in that thread itself, which cannot wait for its own end
        while taker.is_alive() and taker is not current_thread() and time.monotonic() < until:
            with suppress(Empty):
                results.get_nowait()  # makes room
            taker.join(0.001)


@cache
def keep_freed_memory() -> None:
    """Blocks that are freed stay with the process for the next ones. The C library would give those of megabytes back,
    and the system would clear them page by page whenever they are asked for again: a tenth of the time of reading."""
    import ctypes

    with suppress(OSError, AttributeError):  # GNU alone has it
        for option, size in MALLOPT.items():
            ctypes.CDLL(None).mallopt(option, size)
