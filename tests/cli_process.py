"""What the tests of the program in processes of its own share: how to start it, and a folder of models."""

from __future__ import annotations

import csv
import ctypes
import io
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PROGRAM = [sys.executable, "-c", "import sys; from nncli.__main__ import run; sys.exit(run())"]
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


def answers(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def table(rows: Sequence[Sequence[str]], delimiter: str = ",") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return out.getvalue()


def without_privileges() -> None:
    """For `preexec_fn`: root, too, has to keep to the permissions of files and folders."""
    if os.getuid() == 0:
        for capability in (1, 2):  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
            assert ctypes.CDLL(None).prctl(24, capability) == 0  # PR_CAPBSET_DROP, from the next program on
