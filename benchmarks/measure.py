"""Fresh processes, worker processes, and rounds in which the contenders take turns."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
PAUSE = 0.2  # seconds
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PJRT_NPROC")  # the last is JAX's
# What a shell may have set: everyone takes its own kernels, and nobody compiles what it imports again each time.
SETTINGS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "PYTHONDONTWRITEBYTECODE")


class Crashed(Exception):
    """A command that is measured failed; the text says which, and its stderr."""


@dataclass(frozen=True)
class Finished:
    """A process from its start to its end. `megabytes` is its peak of resident memory (10⁶ bytes), `cpu_seconds` the
    time of all its threads."""

    seconds: float
    cpu_seconds: float
    megabytes: float
    output: str


def process(command: Sequence[str], folder: Path, stdin: str = "") -> Finished:
    """Runs a command in `folder`, with `stdin` through a pipe.

    A fresh small process starts it: the peak memory of children starts out as that of the process
    that starts them, and is the largest of all children there were.
    """
    starter = subprocess.run(
        [sys.executable, __file__, *command], input=stdin, cwd=folder, capture_output=True, text=True, check=True
    )
    found = json.loads(starter.stdout)
    if found.pop("code"):
        raise Crashed(f"{' '.join(command)}\n{found['errors']}")
    del found["errors"]
    return Finished(**found)


class Worker:
    """A process that stays while its context lasts, and does its work as often as it is told.

    See peers/frame.py. Between its turns it waits for input and takes no processor time, so every contender has the
    whole machine and its own libraries.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.command = command
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Worker:
        self._answer()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def turn(self, times: int) -> float:
        """The median of the seconds that the work took, as the worker itself has measured them."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{times}\n")
        self.process.stdin.flush()
        return float(self._answer())

    def finish(self) -> float:
        """Its last word."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return float(self._answer())

    def _answer(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise Crashed(f"{' '.join(self.command)}: exit code {self.process.wait()}; its stderr is above")
        return line


def rounds(contenders: Mapping[str, Callable[[], T]], repetitions: int) -> dict[str, list[T]]:
    """A B C A B C …: what each contender returned, without the first round, which warms up.

    Each begins after a pause, as the threads of some libraries go on looking for work for a while after the last.
    """
    found: dict[str, list[T]] = {name: [] for name in contenders}
    for _ in range(1 + repetitions):
        for name, turn in contenders.items():
            time.sleep(PAUSE)
            found[name].append(turn())
    return {name: results[1:] for name, results in found.items()}


@dataclass(frozen=True)
class Comparison:
    """One figure of nncli beside that of a peer, round by round."""

    what: str
    unit: str
    peer: str
    ours: list[float]
    theirs: list[float]
    limit: float | None = None  # what the ratio may be at most
    added: float | None = None  # what ours may be more than theirs at most, where it is not the ratio that counts
    most: float | None = None  # what ours may be at most, where the ratio only says how that compares
    work: str = ""
    void: bool = False  # they have not done the same

    @property
    def ratio(self) -> float:
        """Of the medians."""
        return statistics.median(self.ours) / statistics.median(self.theirs)

    @property
    def pairwise(self) -> float:
        """The median of the ratios within each round: a machine that slows down for a while slows both."""
        return statistics.median(a / b for a, b in zip(self.ours, self.theirs, strict=True))

    @property
    def met(self) -> bool | None:
        """Tell whether the limit is kept, that of the ratio by both ratios; None where there is none, or nothing to
        compare."""
        if self.void:
            return None
        if self.added is not None:
            return statistics.median(self.ours) - statistics.median(self.theirs) <= self.added
        if self.most is not None:
            return statistics.median(self.ours) <= self.most
        return None if self.limit is None else max(self.ratio, self.pairwise) <= self.limit

    @property
    def limit_shown(self) -> str:
        if self.added is not None:
            return f"+{self.added:g} {self.unit}"
        if self.most is not None:
            return f"{self.most:g} {self.unit}"
        return "-" if self.limit is None else f"{self.limit:.2f}"

    @property
    def verdict(self) -> str:
        return "void" if self.void else {None: "", True: "met", False: "missed"}[self.met]

    def shown(self, figure: float) -> str:
        """With three digits that tell, or four."""
        return f"{figure:.{3 if figure < 1 else 2 if figure < 100 else 0}f}"


def _main(command: list[str]) -> None:
    stdin = sys.stdin.read()
    began = time.perf_counter()
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    json.dump(
        {
            "code": done.returncode,
            "errors": done.stderr,
            "seconds": seconds,
            "cpu_seconds": used.ru_utime + used.ru_stime,
            "megabytes": peak / 1e6,
            "output": done.stdout,
        },
        sys.stdout,
    )


if __name__ == "__main__":
    _main(sys.argv[1:])
