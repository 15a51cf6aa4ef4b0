"""Do parts of some work on several threads at once. NumPy lets go of Python's lock while it works on many numbers."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

Part = Callable[[int], None]
Share = Callable[[Part, int], None]  # do part 0 to n − 1 of some work


def one_after_another(part: Part, n: int) -> None:
    """Do part 0 to n − 1 of some work in the calling thread."""
    for i in range(n):
        part(i)


@contextlib.contextmanager
def several_threads(number: int) -> Iterator[Share]:
    """Give a function that does parts of some work on so many threads, the calling one among them. Which thread does
    which part changes nothing, as parts write to places of their own."""
    if number == 1:
        yield one_after_another
        return
    with ThreadPoolExecutor(number - 1, "members") as threads:

        def share(part: Part, n: int) -> None:
            def do(thread: int) -> None:
                for i in range(n * thread // number, n * (thread + 1) // number):
                    part(i)

            # in the context of the caller, which has NumPy's handling of overflow
            others = [threads.submit(contextvars.copy_context().run, do, i) for i in range(1, number)]
            do(0)
            for other in others:
                other.result()

        yield share
