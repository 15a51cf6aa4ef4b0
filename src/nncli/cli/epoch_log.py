"""The log of a training run: a line of JSON or CSV for each epoch, written at once."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import select
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from nncli.cli.signals import StopRequest
from nncli.errors import OutputError

if TYPE_CHECKING:
    from nncli.model.training_state import Epoch

BYTES_AT_ONCE = 4096  # that a pipe takes if it takes any
PAUSE = 100  # milliseconds between two looks at whether to stop


class Form(ABC):
    """How an epoch is written: first its figures, which a model keeps, then what its steps came to."""

    head = ""  # of a file

    def __init__(self, is_regression: bool) -> None:
        self.is_regression = is_regression

    @abstractmethod
    def of(self, values: dict[str, Any]) -> str:
        """Write values in a line, without its end."""

    @abstractmethod
    def seconds(self, line: str) -> float:
        """Read the seconds of a line that `line` wrote; ValueError where they are not known."""

    def figures(self, epoch: Epoch) -> str:
        """Write how the line of an epoch begins."""
        from nncli.model.training_state import described

        return self.of(described(epoch, self.is_regression)).removesuffix("}")

    def line(self, epoch: Epoch) -> str:
        """Write an epoch."""
        from nncli.model.training_state import StepFigures, described

        steps = (
            dict.fromkeys(f.name for f in dataclasses.fields(StepFigures)) if epoch.steps is None else vars(epoch.steps)
        )
        rounded = {name: round(value, 6) if value and "seconds" in name else value for name, value in steps.items()}
        return self.of(described(epoch, self.is_regression) | rounded) + "\n"


class _AsJson(Form):
    def of(self, values: dict[str, Any]) -> str:
        return json.dumps(values)

    def seconds(self, line: str) -> float:
        return float(json.loads(line)["seconds"] or 0)


class _AsCsv(Form):
    def __init__(self, is_regression: bool) -> None:
        super().__init__(is_regression)
        quantity = "rmse" if is_regression else "accuracy"
        self.head = (
            f"number,train_loss,train_{quantity},val_loss,val_{quantity},is_best,mistakes,"
            "val_metric,learning_rate,gradient_norm,seconds,epoch_seconds\n"
        )

    def of(self, values: dict[str, Any]) -> str:
        return ",".join("" if value is None else json.dumps(value) for value in values.values())

    def seconds(self, line: str) -> float:
        return float(line.split(",")[-2] or 0)


@contextlib.contextmanager
def epoch_log(
    path: str | None, done: Sequence[Epoch], stop: StopRequest, is_regression: bool = False
) -> Iterator[Callable[[Epoch], None]]:
    """Yield a function that logs an epoch to a file, to stdout (`-`) or nowhere (None): as CSV in a file whose name
    ends in .csv, as JSON elsewhere.

    A file begins with the epochs that are `done` already: with the lines it has for them, if it has any. The seconds go
    on from there. A line that nobody takes is left out when the run is to stop.
    """
    if path is None:
        yield lambda epoch: None
        return
    form: Form = _AsCsv(is_regression) if path.lower().endswith(".csv") else _AsJson(is_regression)
    if path == "-":
        yield lambda epoch: print(form.line(epoch), end="", flush=True) if _is_ready(sys.stdout, stop) else None
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
        with _errors_of_the_log(path):
            lines, kept = _lines_of(done, form, Path(path))
        before: str | None = "".join([form.head, *lines])[kept:]
        passed = 0.0
        with contextlib.suppress(ValueError, IndexError):
            passed = form.seconds(lines[-1])

        def write(text: str) -> None:
            nonlocal before
            with _errors_of_the_log(path):
                if before is not None:  # what was there stays until there is something to write
                    if Path(path).is_file():
                        file.truncate(kept)
                    before, text = None, (before or "") + text
                data = text.encode()
                while data and _is_ready(file, stop):
                    data = data[file.write(data[:BYTES_AT_ONCE]) or 0 :]

        if done:
            write("")
        yield lambda epoch: write(form.line(_later(epoch, passed)))


def _lines_of(done: Sequence[Epoch], form: Form, log: Path) -> tuple[list[str], int]:
    """Return the lines of the epochs that are done, as the log that is there has them if it is of the same run; and the
    bytes at its start that can stay."""
    lines = list(map(form.line, done))
    if not lines or not log.is_file():
        return lines, 0
    kept, is_whole = len(form.head), True
    with log.open(encoding="utf-8", errors="replace", newline="\n") as there:
        if there.read(len(form.head)) != form.head:
            return lines, 0
        for i, (epoch, line) in enumerate(zip(done, there, strict=False)):
            # a torn line has no end, and one of an older version ends with its figures
            if line.startswith(form.figures(epoch) + ",") and line.endswith("\n"):
                lines[i], kept = line, kept + len(line) * is_whole
            else:
                is_whole = False
    return lines, kept


def _later(epoch: Epoch, passed: float) -> Epoch:
    """Add the seconds that had passed before a run was resumed."""
    if not passed or epoch.steps is None:
        return epoch
    return dataclasses.replace(epoch, steps=dataclasses.replace(epoch.steps, seconds=passed + epoch.steps.seconds))


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
