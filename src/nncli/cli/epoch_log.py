"""The log of a training run: a line of JSON for each epoch, written at once."""

from __future__ import annotations

import contextlib
import fcntl
import json
import select
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from nncli.cli.signals import StopRequest
from nncli.errors import OutputError

if TYPE_CHECKING:
    from nncli.model.training_state import Epoch

BYTES_AT_ONCE = 4096  # that a pipe takes if it takes any
PAUSE = 100  # milliseconds between two looks at whether to stop


@contextlib.contextmanager
def epoch_log(
    path: str | None, done: Iterable[Epoch], stop: StopRequest, is_regression: bool = False
) -> Iterator[Callable[[Epoch], None]]:
    """Yield a function that logs an epoch to a file, to stdout (`-`) or nowhere (None).

    A file begins with the epochs that are `done` already. A line that nobody takes is left out when the run is to stop.
    """
    if path is None:
        yield lambda epoch: None
        return

    from nncli.model.training_state import described

    def line(epoch: Epoch) -> str:
        return json.dumps(described(epoch, is_regression)) + "\n"

    if path == "-":
        yield lambda epoch: print(line(epoch), end="", flush=True) if _is_ready(sys.stdout, stop) else None
        return
    with contextlib.ExitStack() as stack:
        with _errors_of_the_log(path):
            file = stack.enter_context(Path(path).open("ab", buffering=0))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputError(path, "another training run is writing to it", "Choose another --log") from None
        except OSError:
            pass  # not every file system has locks
        before: str | None = "".join(map(line, done))

        def write(text: str) -> None:
            nonlocal before
            with _errors_of_the_log(path):
                if before is not None:  # what was there stays until there is something to write
                    if Path(path).is_file():
                        file.truncate(0)
                    before, text = None, (before or "") + text
                data = text.encode()
                while data and _is_ready(file, stop):
                    data = data[file.write(data[:BYTES_AT_ONCE]) or 0 :]

        if before:
            write("")
        yield lambda epoch: write(line(epoch))


@contextlib.contextmanager
def _errors_of_the_log(log: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(log, f"cannot write the log: {error.strerror}", "Choose another --log") from None


def _is_ready(file: IO[Any], stop: StopRequest) -> bool:
    """Wait until a pipe takes a little more, if it is one; return False if the run is to stop before that."""
    ready = select.poll()
    ready.register(file, select.POLLOUT)
    while not ready.poll(PAUSE):
        if stop():
            return False
    return True
