"""A Dask cluster of this machine: a scheduler and workers, each a process."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cli_process import wait_for
from nncli.sweep.ledger import read

SCHEDULER = "import sys; from distributed.cli.dask_scheduler import main; main(sys.argv[1:])"
WORKER = "import sys; from distributed.cli.dask_worker import main; main(sys.argv[1:])"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def started(code: str, *words: str) -> subprocess.Popen[bytes]:
    quiet = subprocess.DEVNULL
    return subprocess.Popen([sys.executable, "-c", code, *words], stdout=quiet, stderr=quiet)


@contextmanager
def running(
    folder: Path, scheme: str = "tcp", *options: str, names: str = "ab"
) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of a scheduler; and it and its workers, each with one thread and no nanny to start it again."""
    port = free_port()
    address = f"{scheme}://127.0.0.1:{port}"
    common = ["--no-dashboard", "--host", f"{scheme}://127.0.0.1", *options]
    processes = [started(SCHEDULER, *common, "--port", str(port))]
    for name in names:
        local = ["--local-directory", str(folder / name)]
        processes.append(started(WORKER, address, "--nthreads", "1", "--no-nanny", *common, *local))
    try:
        wait_for(lambda: answers(port) and all(any((folder / name).rglob("worker-*")) for name in names))
        yield address, processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def done_so_far(ledger: str) -> list[dict[str, Any]]:
    return read(Path(ledger))[1] if Path(ledger).exists() and Path(ledger).stat().st_size else []
