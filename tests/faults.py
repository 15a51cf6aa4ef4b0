"""Calls of the operating system that fail on purpose: the n-th of those that `nncli.system.atomic` makes for a file."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from nncli.system import atomic

Fault = Callable[[str], None]


class Calls:
    """Counts the calls, by name, and has a fault strike the n-th; with None, none."""

    def __init__(self, strike: int | None, fault: Fault = lambda name: None) -> None:
        self.strike, self.fault, self.seen = strike, fault, list[str]()

    def of(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.seen.append(name)
            if len(self.seen) - 1 == self.strike:
                self.fault(name)
            return call(*args, **kwargs)

        return counted


def fails(error: int) -> Fault:
    def fault(name: str) -> None:
        raise OSError(error, os.strerror(error))

    return fault


def kills(name: str) -> None:
    """As a power failure would, but for what the kernel still has."""
    os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def injected(calls: Calls) -> Iterator[None]:
    """Count what `nncli.system.atomic` asks of the operating system, but for removing its own temporary files."""

    class File(io.FileIO):
        def write(self, data: Any) -> int:
            return int(calls.of("write", super().write)(data))

    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(atomic, "FileIO", File))
        stack.enter_context(mock.patch.object(fcntl, "flock", calls.of("flock", fcntl.flock)))
        for name in ("open", "fchown", "fchmod", "fsync", "link", "replace"):
            stack.enter_context(mock.patch.object(os, name, calls.of(name, getattr(os, name))))
        yield
