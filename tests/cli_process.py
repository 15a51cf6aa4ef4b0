"""What the tests of the program in processes of its own share: how to start it, and a folder of models."""

from __future__ import annotations

import csv
import ctypes
import io
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

PROGRAM = [sys.executable, "-c", "import sys; from nncli.__main__ import run; sys.exit(run())"]
SMALL = "a,b,label\n" + "".join(f"{i % 13},{i * 7 % 11},{'pq'[i % 2]}\n" for i in range(60))
TWO = "id,a,b,label\n" + "".join(f"{i},{i % 2}.{i},{i * 7 % 10},{'no' if i % 2 else 'yes'}\n" for i in range(60))
ROWS = 60
NASTY = ["a,b", 'say "no"', "two\nlines", "größe ∂", "semi;colon", "tab\there", "= 1 + 1", "'"]


def nncli(
    *argv: object, stdin: str | bytes = b"", cwd: Path, environment: dict[str, str] | None = None, **kwargs: Any
) -> subprocess.CompletedProcess[bytes]:
    data = stdin.encode() if isinstance(stdin, str) else stdin
    if "stdin_file" in kwargs:
        kwargs["stdin"] = kwargs.pop("stdin_file")
    else:
        kwargs["input"] = data
    kwargs.setdefault("stdout", subprocess.PIPE)
    kwargs.setdefault("stderr", subprocess.PIPE)
    env = environment if environment is not None else os.environ
    return subprocess.run([*PROGRAM, *map(str, argv)], cwd=cwd, env=env, timeout=60, check=False, **kwargs)


def wait_for(condition: Callable[[], object], seconds: float = 60, pause: float = 0.02) -> None:
    """Wait until it holds: for as long as that may take beside other programs that are busy."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(pause)


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def workers_of(pid: int) -> list[int]:
    """Return the children that do the work of `--jobs`; others only tidy up behind them."""
    return [child for child in children_of(pid) if "LokyProcess" in Path(f"/proc/{child}/cmdline").read_text()]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""  # one that nobody has waited for yet has none
    except FileNotFoundError:
        return False


def answers(data: str | bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data if isinstance(data, str) else data.decode(), newline="")))


def table(rows: Sequence[Sequence[str]], delimiter: str = ",") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return out.getvalue()


def without_privileges() -> None:
    """For `preexec_fn`: root, too, has to keep to the permissions of files and folders."""
    if os.getuid() == 0:
        for capability in (1, 2):  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
            assert ctypes.CDLL(None).prctl(24, capability) == 0  # PR_CAPBSET_DROP, from the next program on
