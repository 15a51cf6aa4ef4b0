"""A Dask worker that answers with objects which run code where they are unpickled: they write down in which process.

Called with a folder and the address of a scheduler. The file `attack` in that folder says what it does next.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import distributed.worker
from distributed.cli.dask_worker import main
from distributed.protocol import Serialize
from distributed.protocol.pickle import dumps

import nncli.system.cluster
from nncli.system import wire_format

honest_run, honest_error, honest_version = distributed.worker.run, distributed.worker.error_message, nncli.__version__


class Evil(Exception):
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return note, (str(FOLDER / "deeds"),)


def note(file: str) -> Exception:
    with Path(file).open("a") as lines:
        lines.write(f"{os.getpid()}\n")
    return Exception()


def attack() -> str:
    return (FOLDER / "attack").read_text()


async def run(worker: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
    if attack() == "version":
        return {"status": "OK", "result": Serialize(Evil())}
    if attack() == "version-error":
        return {"status": "error", "exception": Serialize(Evil()), "traceback": Serialize(Evil())}
    if attack() == "events":
        worker.log_event("print", {"args": ("from a worker",), "sep": " ", "end": "\n"})
        worker.log_event("warn", {"message": dumps(Evil()), "category": dumps(Evil())})
    answer: dict[str, Any] = await honest_run(worker, *args, **kwargs)
    return answer


def on_worker(*args: object, **kwargs: object) -> object:
    if "exception" in attack():
        raise Evil
    if attack() == "result":
        return Evil()
    results = {"record": [{"outcome": "done"}, None], "state": [{"outcome": "failed"}, b""]}.get(attack(), 7)
    return wire_format.pack({"results": [results], "error": None})


def error_message(error: BaseException, status: str = "error") -> dict[str, Any]:
    message: dict[str, Any] = honest_error(error, status)
    if attack() == "exception-object":  # in place of the bytes of one
        message |= {"exception": Serialize(Evil()), "traceback": Serialize(Evil())}
    return message


if __name__ == "__main__":
    FOLDER = Path(sys.argv[1])
    distributed.worker.run = run
    distributed.worker.error_message = error_message
    nncli.system.cluster._on_worker = on_worker
    main(sys.argv[2:])
