"""Work on a Dask cluster, through its `concurrent.futures` executor."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from nncli import __version__
from nncli.errors import NncliError, OptionError
from nncli.workers import AHEAD, PAUSE, Killed, Numbered, Stop, Take, Work, never

SECONDS = 10  # in which a cluster has to answer


@dataclass(frozen=True)
class Tls:
    """The files of an encrypted connection: who is trusted, who we are, and our key."""

    ca: str
    cert: str
    key: str


class Cluster:
    """The workers behind a scheduler, all of this version of the program.

    A worker that dies costs nothing: the scheduler gives its work to another.
    """

    def __init__(self, client: Any) -> None:
        self.client = client
        self._sent: tuple[Any, Any] = (None, None)  # what the workers have, each a copy, and how to speak of it

    @property
    def jobs(self) -> int:
        """How many threads work; they come and go."""
        threads: int = sum(self.client.nthreads().values())
        return max(1, threads)

    def run(self, work: Work, shared: Any, take: Take, stop: Stop = never) -> Iterator[list[tuple[int, Any]]]:
        """As `Workers.run`."""
        from distributed.scheduler import KilledWorker

        if self._sent[0] is not shared:
            self._sent = shared, self.client.scatter(shared, broadcast=True)
        executor = self.client.get_executor(pure=False)
        waiting, flying = Numbered(take), dict[Future[Any], int]()
        try:
            while True:
                most = AHEAD * self.jobs
                while len(flying) < most and (numbered := waiting()) is not None:
                    flying[executor.submit(work, numbered[1], self._sent[1])] = numbered[0]
                if not flying or stop():
                    return
                done, _ = wait(flying, PAUSE, FIRST_COMPLETED)
                results = []
                for future in done:
                    number = flying.pop(future)
                    try:
                        results.append((number, future.result()))
                    except KilledWorker as error:
                        results.append((number, Killed(error.allowed_failures + 1)))
                if results:
                    yield results
        finally:
            for future in flying:
                future.cancel()


@contextlib.contextmanager
def connect(address: str, tls: Tls | None, insecure: bool) -> Iterator[Cluster]:
    """Reaches a scheduler; NncliError where nobody answers, where there are no workers, or where they have another
    version of the program."""
    check_address(address, tls, insecure)
    try:
        import distributed
    except ImportError:
        raise OptionError(
            "--cluster", "Dask is not installed", "Install it with: pip install 'nncli[cluster]'"
        ) from None
    dask: Any = distributed  # whose functions have no types
    security = None
    if tls is not None:
        files = {"tls_ca_file": tls.ca, "tls_client_cert": tls.cert, "tls_client_key": tls.key}
        security = dask.Security(**files, require_encryption=True)
    try:
        client = dask.Client(address, timeout=SECONDS, security=security, set_as_default=False)
    except (OSError, ValueError) as error:  # TimeoutError is an OSError
        reason = str(error) if isinstance(error, ValueError) else "nobody answers"
        raise NncliError(address, f"cannot reach the cluster within {SECONDS} s: {reason}", "Start it") from None
    try:
        _check_workers(client, address)
        yield Cluster(client)
    finally:
        client.close()


def check_address(address: str, tls: Tls | None, insecure: bool) -> None:
    """OptionError for what is no address, and for one that anybody on the way could listen to, unless `insecure`."""
    parts = urlsplit(address)
    if parts.scheme not in ("tcp", "tls") or not parts.hostname:
        raise OptionError("--cluster", f"expected tcp://host:8786 or tls://host:8786, found '{address}'")
    if (parts.scheme == "tls") != (tls is not None):
        raise OptionError(
            "--cluster", "an encrypted connection needs both a tls:// address and its files",
            "Give --tls-ca, --tls-cert and --tls-key with tls://, and leave them out with tcp://",
        )  # fmt: skip
    if parts.scheme == "tcp" and not insecure and not _is_here(parts.hostname):
        raise OptionError(
            "--cluster", f"a plain connection to {parts.hostname} leaves this machine, and anybody on the way can read "
            "and change what runs", "Use tls://, or add --insecure on a network that you trust",
        )  # fmt: skip


def _is_here(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _check_workers(client: Any, address: str) -> None:
    from distributed import TimeoutError as Late

    try:
        client.wait_for_workers(1, timeout=SECONDS)
    except (Late, TimeoutError):
        raise NncliError(
            address, f"the cluster has no worker within {SECONDS} s", f"Start one with: dask worker {address}"
        ) from None
    for worker, version in client.run(_version).items():
        if version != __version__:
            raise NncliError(
                worker, f"expected nncli {__version__}, as here, found {version or 'none'}", "Install the same there"
            )


def _version() -> str:
    """That of the program on a worker; empty if there is none."""
    try:
        import nncli
    except ImportError:
        return ""
    return nncli.__version__
