"""Work on a Dask cluster, through its `concurrent.futures` executor."""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import logging
import socket
import ssl
import threading
import time
import warnings
from collections import deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from nncli import __version__
from nncli.errors import NncliError, OptionError
from nncli.workers import AHEAD, PAUSE, Bundle, Bundles, Killed, Stop, Take, Work, never, work_on

SECONDS = 10  # in which a cluster has to answer
GOES_ON = "The same command goes on from what is done"
ABSENCE = 60  # seconds that a cluster may be without a worker, as when one is started again
_ONE_AT_A_TIME = threading.Lock()  # on a worker: its threads would share the buffers of a network


@dataclass(frozen=True)
class Tls:
    """The files of an encrypted connection: who is trusted, who we are, and our key."""

    ca: str
    cert: str
    key: str

    def context(self) -> ssl.SSLContext:
        """OptionError for files that are no certificates, or do not belong together."""
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except (ssl.SSLError, OSError) as error:
            raise OptionError("--tls-ca", f"{self.ca} has no certificate that can be read: {_reason(error)}") from None
        try:
            context.load_cert_chain(self.cert, self.key)
        except (ssl.SSLError, OSError) as error:
            problem = f"{self.cert} and {self.key} are no certificate with its key: {_reason(error)}"
            raise OptionError("--tls-cert", problem) from None
        context.check_hostname = False  # whoever has a certificate of this authority belongs to the cluster
        return context


class Cluster:
    """The workers behind a scheduler, all of this version of the program.

    A worker that dies costs nothing: the scheduler gives its work to another.
    """

    def __init__(self, client: Any, address: str) -> None:
        self.client, self.address = client, address
        self._sent: tuple[Any, Any] = (None, None)  # what the workers have, and how to speak of it

    @property
    def jobs(self) -> int:
        """How many threads work; they come and go."""
        with self._there():
            threads: int = sum(self.client.nthreads().values())
            return threads

    def run(self, work: Work, shared: Any, take: Take, stop: Stop = never) -> Iterator[list[tuple[int, Any]]]:
        """As `Workers.run`. NncliError where the scheduler goes away, or all workers do and none comes."""
        with self._there():
            yield from self._run(work, shared, take, stop)

    @contextlib.contextmanager
    def _there(self) -> Iterator[None]:
        try:
            yield
        except (CancelledError, OSError):
            raise NncliError(self.address, "the scheduler went away", GOES_ON) from None

    def _run(self, work: Work, shared: Any, take: Take, stop: Stop) -> Iterator[list[tuple[int, Any]]]:
        from distributed.scheduler import KilledWorker

        if self._sent[0] is not shared:
            with warnings.catch_warnings(action="ignore"):  # it is large, and sent once
                # as the result of a task, which can be had again when all who have it die
                self._sent = shared, self.client.submit(_itself, shared, pure=False)
        executor = self.client.get_executor(pure=False)
        hand_out = functools.partial(executor.submit, _on_worker, work, shared=self._sent[1], version=__version__)
        waiting, flying, seen = Bundles(take), dict[Future[Any], Bundle](), time.monotonic()
        # Whatever was with a worker that died is tried when there is nothing else: then it is known what it died of.
        suspects, alone = deque[tuple[int, Any]](), None
        try:
            while True:
                jobs = self.jobs
                seen = time.monotonic() if jobs else seen
                if time.monotonic() - seen > ABSENCE:
                    raise NncliError(self.address, f"the cluster has had no worker for {ABSENCE} s", GOES_ON)
                room = 0 if suspects or alone in flying else AHEAD * max(1, jobs)
                while len(flying) < room and (bundle := waiting()):
                    flying[hand_out(bundle)] = bundle
                if suspects and not flying:
                    bundle = [suspects.popleft()]
                    alone = hand_out(bundle)
                    flying[alone] = bundle
                if not flying or stop():
                    return
                done, _ = wait(flying, PAUSE, FIRST_COMPLETED)
                results = []
                for future in done:
                    bundle = flying.pop(future)
                    try:
                        results += waiting.done(bundle, future.result())
                    except KilledWorker as error:
                        if future is alone:
                            results.append((bundle[0][0], Killed(error.allowed_failures + 1)))
                        else:
                            suspects.extend(bundle)
                if results:
                    yield results
        finally:
            for future in flying:
                future.cancel()


def _itself(shared: Any) -> Any:
    return shared


def _on_worker(work: Work, bundle: Bundle, *, shared: Any, version: str) -> list[Any]:
    """What a worker does, also one that came later; NncliError for one of another version."""
    if version != __version__:
        raise NncliError(
            socket.gethostname(), f"expected nncli {version}, found {__version__}", "Install the same there"
        )
    with _ONE_AT_A_TIME:
        return work_on(work, bundle, shared)


@contextlib.contextmanager
def connect(address: str, tls: Tls | None, insecure: bool) -> Iterator[Cluster]:
    """Reaches a scheduler; NncliError where nobody answers, where there are no workers, or where they have another
    version of the program."""
    parts = check_address(address, tls, insecure)
    try:
        import distributed
    except ImportError:
        raise OptionError(
            "--cluster", "Dask is not installed", "Install it with: pip install 'nncli[cluster]'"
        ) from None
    logging.disable()  # what is wrong is said in one line
    try:
        yield from _connected(address, parts, tls, distributed)
    finally:
        logging.disable(logging.NOTSET)


def _connected(address: str, parts: SplitResult, tls: Tls | None, dask: Any) -> Iterator[Cluster]:
    """The same, with a Dask that has no types."""
    _reach(address, parts, tls)
    security = None
    if tls is not None:
        files = {"tls_ca_file": tls.ca, "tls_client_cert": tls.cert, "tls_client_key": tls.key}
        security = dask.Security(**files, require_encryption=True)
    try:
        client = dask.Client(address, timeout=SECONDS, security=security, set_as_default=False)
    except Exception:  # whoever it is that answers
        problem = "something answers, and not as a Dask scheduler" + ("" if tls else ", or one that wants tls://")
        raise NncliError(address, problem, "Look at the address") from None
    try:
        _check_workers(client, address)
        yield Cluster(client, address)
    finally:
        with contextlib.suppress(OSError):
            client.close()


def check_address(address: str, tls: Tls | None, insecure: bool) -> SplitResult:
    """OptionError for what is no address, and for one that anybody on the way could listen to, unless `insecure`."""
    try:
        parts = urlsplit(address)
        whole = parts.scheme in ("tcp", "tls") and parts.hostname and parts.port
    except ValueError:
        whole = False
    if not whole:
        raise OptionError("--cluster", f"expected tcp://host:8786 or tls://host:8786, found '{address}'")
    assert parts.hostname is not None
    if (parts.scheme == "tls") != (tls is not None):
        raise OptionError(
            "--cluster", "an encrypted connection needs both a tls:// address and its files",
            "Give --tls-ca, --tls-cert and --tls-key with tls://, and leave them out with tcp://",
        )  # fmt: skip
    if parts.scheme == "tls" and insecure:
        raise OptionError("--insecure", "the connection is encrypted", "Leave it out")
    if parts.scheme == "tcp" and not insecure and not _is_here(parts.hostname):
        raise OptionError(
            "--cluster", f"a plain connection to {parts.hostname} leaves this machine, and anybody on the way can read "
            "and change what runs", "Use tls://, or add --insecure on a network that you trust",
        )  # fmt: skip
    return parts


def _is_here(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _reach(address: str, parts: SplitResult, tls: Tls | None) -> None:
    """NncliError where nobody is there, in a word that says why; Dask would try again and again."""
    context = tls and tls.context()
    try:
        with socket.create_connection((parts.hostname, parts.port), timeout=SECONDS) as plain:
            if context:
                context.wrap_socket(plain).close()
    except socket.gaierror:
        raise NncliError(address, f"there is no machine called {parts.hostname}", "Look at the address") from None
    except ssl.SSLError as error:
        raise NncliError(address, f"no encrypted connection: {_reason(error)}", "Look at the certificates") from None
    except OSError as error:
        reason = _reason(error)
        raise NncliError(
            address, f"cannot reach the cluster within {SECONDS} s: nobody answers ({reason})", "Start it"
        ) from None


def _reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or getattr(error, "reason", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0].lower()


def _check_workers(client: Any, address: str) -> None:
    from distributed import TimeoutError as Late

    try:
        client.wait_for_workers(1, timeout=SECONDS)
    except (Late, TimeoutError):
        raise NncliError(
            address, f"the cluster has no worker within {SECONDS} s",
            f"Start one with: dask worker {address} --nthreads 1",
        ) from None  # fmt: skip
    for worker, version in client.run(_version).items():
        if version != __version__:
            raise NncliError(
                worker, f"expected nncli {__version__}, as here, found {version or 'none'}", "Install the same there"
            )
    for worker, threads in client.nthreads().items():
        if threads > 1:
            raise NncliError(
                worker, f"expected a worker of one thread, found {threads}, which would wait for one another",
                f"Start them with: dask worker {address} --nworkers=-1 --nthreads 1",
            )  # fmt: skip


def _version() -> str:
    """That of the program on a worker; empty if there is none."""
    try:
        import nncli
    except ImportError:
        return ""
    return nncli.__version__
