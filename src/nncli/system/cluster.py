"""Work on a Dask cluster.

Its workers run what they are sent. What they send back is bytes that are looked at before anything is made of them, as
any machine that reaches the scheduler may be one of them.
"""

from __future__ import annotations

import contextlib
import logging
import pickle
import socket
import threading
import time
import warnings
from collections import deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from typing import Any
from urllib.parse import SplitResult

from nncli import __version__
from nncli.errors import NncliError, OptionError
from nncli.system import wire_format
from nncli.system.connection import SECONDS, Tls, check_address, reach
from nncli.system.workers import AHEAD, PAUSE, Bundle, Bundles, Check, Killed, Stop, Take, Work, never, trust, work_on

GOES_ON = "The same command goes on from what is done"
ABSENCE = 60  # seconds that a cluster may be without a worker, as when one is started again
_ONE_AT_A_TIME = threading.Lock()  # on a worker: its threads would share the buffers of a network


class Cluster:
    """The workers behind a scheduler, all of this version of the program.

    A worker that dies costs nothing: the scheduler gives its work to another.
    """

    ours = False

    def __init__(self, client: Any, address: str) -> None:
        self.client, self.address = client, address
        self._sent: tuple[Any, Any] = (None, None)  # what the workers have, and how to speak of it

    @property
    def jobs(self) -> int:
        """How many threads work; they come and go."""
        with _asking(self.address):
            threads: int = sum(self.client.nthreads().values())
            return threads

    def run(
        self, work: Work, shared: Any, take: Take, stop: Stop = never, check: Check = trust
    ) -> Iterator[list[tuple[int, Any]]]:
        """As `Workers.run`. NncliError where the scheduler goes away, or all workers do and none comes."""
        self._send(shared)
        waiting, flying, seen = Bundles(take), dict[Future[Any], tuple[Any, Bundle]](), time.monotonic()
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
                    over, task = self._hand_out(work, bundle)
                    flying[over] = task, bundle
                if suspects and not flying:
                    bundle = [suspects.popleft()]
                    alone, task = self._hand_out(work, bundle)
                    flying[alone] = task, bundle
                if not flying or stop():
                    return
                done, _ = wait(flying, PAUSE, FIRST_COMPLETED)
                results = []
                for over in done:
                    task, bundle = flying.pop(over)
                    found = self._results(task, len(bundle), check)
                    if found is not None:
                        results += waiting.done(bundle, found)
                    elif over is alone:
                        results.append((bundle[0][0], Killed(None)))
                    else:
                        suspects.extend(bundle)
                if results:
                    yield results
                elif not done and _is_deaf(self.client):
                    raise _strange(self.address)
        finally:
            with contextlib.suppress(Exception):
                self.client.cancel([task for task, _ in flying.values()])

    def _send(self, shared: Any) -> None:
        """Sends what the pieces share, unless the workers have it."""
        if self._sent[0] is not shared:
            with _asking(self.address), warnings.catch_warnings(action="ignore"):  # it is large, and sent once
                # as the result of a task, which can be had again when all who have it die
                self._sent = shared, self.client.submit(_itself, shared, pure=False)

    def _hand_out(self, work: Work, bundle: Bundle) -> tuple[Future[Any], Any]:
        """Sends a bundle, and returns what comes true when it is over, and the task of the scheduler."""
        over = Future[Any]()
        with _asking(self.address):
            task = self.client.submit(_on_worker, work, bundle, shared=self._sent[1], version=__version__, pure=False)
            task.add_done_callback(over.set_result)
        return over, task

    def _results(self, task: Any, most: int, check: Check) -> list[Any] | None:
        """What a worker found for the first pieces of its bundle; None where its process died."""
        with _asking(self.address):
            try:
                packed = self.client.gather(task)
            except Exception as error:
                if _is_death(error):
                    return None
                raise
        try:
            answer = wire_format.unpack(packed)
            failure = NncliError.from_json(answer["error"]) if answer["error"] else None
            results: list[Any] = answer["results"]
            if not failure and not 1 <= len(results) <= most:
                raise ValueError("another number of results")
            for result in results:
                check(result)
        except (ValueError, KeyError, TypeError, OverflowError):
            raise _strange(self.address) from None
        if failure:
            raise failure
        return results


@contextlib.contextmanager
def _asking(address: str) -> Iterator[None]:
    """While something is asked of the cluster: NncliError where nobody answers, or somebody does who means no good."""
    try:
        yield
    except NncliError:
        raise
    except (CancelledError, OSError):
        raise NncliError(address, "the scheduler went away", GOES_ON) from None
    except Exception:  # whatever Dask makes of what others send
        raise _strange(address) from None


def _strange(address: str) -> NncliError:
    return NncliError(
        address, "expected the result of some work, found that a worker could not begin it, or sent something else",
        "Look at the log of the workers, and at who can join the cluster",
    )  # fmt: skip


def _is_death(error: Exception) -> bool:
    """Whether that is the scheduler's word that a worker died of its work. It sends an exception as a pickle, which
    stays unread; a worker that says so as well only has its work tried again."""
    return any(isinstance(part, bytes) and b"KilledWorker" in part for part in error.args)


def _is_deaf(client: Any) -> bool:
    """Whether the client has come upon what it cannot read, and hears of no task any more."""
    ended: bool = client._handle_report_task.done()
    return ended


def _itself(shared: Any) -> Any:
    return shared


def _on_worker(work: Work, bundle: Bundle, *, shared: Any, version: str) -> bytes:
    """What a worker does, also one that came later: the results, or the error, as bytes."""
    try:
        _check_version(socket.gethostname(), __version__, version)
        with _ONE_AT_A_TIME:
            return wire_format.pack({"results": work_on(work, bundle, shared), "error": None})
    except NncliError as problem:
        error = problem
    except Exception as problem:
        error = NncliError(socket.gethostname(), f"the work failed there: {type(problem).__name__}: {problem}")
    return wire_format.pack({"results": [], "error": error.to_json()})


def _check_version(worker: str, found: str, here: str) -> None:
    if found != here:
        problem = f"expected nncli {here}, as here, found {found or 'none'}"
        raise NncliError(worker, problem, "Install the same there")


@contextlib.contextmanager
def connect(address: str, tls: Tls | None, insecure: bool) -> Iterator[Cluster]:
    """Reaches a scheduler; NncliError where nobody answers, where there are no workers, or where they have another
    version of the program."""
    parts = check_address(address, tls, insecure)
    try:
        import distributed
    except ImportError:
        raise OptionError("cluster", "Dask is not installed", "Install it with: pip install 'nncli[cluster]'") from None
    logging.disable()  # what is wrong is said in one line
    try:
        with wire_format.nothing_unpickled():
            yield from _connected(address, parts, tls, distributed)
    finally:
        logging.disable(logging.NOTSET)


def _connected(address: str, parts: SplitResult, tls: Tls | None, dask: Any) -> Iterator[Cluster]:
    """The same, with a Dask that has no types."""
    reach(address, parts, tls)
    security = None
    if tls is not None:
        files = {"tls_ca_file": tls.ca, "tls_client_cert": tls.cert, "tls_client_key": tls.key}
        security = dask.Security(**files, require_encryption=True)
    dask.Client._default_event_handlers = {}  # a worker has nothing to print or to warn of here
    try:
        with warnings.catch_warnings(action="ignore"):
            client = dask.Client(address, timeout=SECONDS, security=security, set_as_default=False)
    except Exception:  # whoever it is that answers
        problem = "something answers, and not as a Dask scheduler" + ("" if tls else ", or one that wants tls://")
        raise NncliError(address, problem, "Look at the address") from None
    try:
        _check_workers(client, address)
        yield Cluster(client, address)
    finally:
        _close(client)


def _close(client: Any) -> None:
    if _is_deaf(client):  # what it came upon would be raised again, here and at the end of the program
        with contextlib.suppress(BaseException):
            client._handle_report_task.exception()
        client._handle_report_task = None
    with contextlib.suppress(Exception):
        client.close()


def _check_workers(client: Any, address: str) -> None:
    from distributed import TimeoutError as Late

    with _asking(address):
        try:
            client.wait_for_workers(1, timeout=SECONDS)
        except Late:
            raise NncliError(
                address, f"the cluster has no worker within {SECONDS} s",
                f"Start one with: dask worker {address} --nthreads 1",
            ) from None  # fmt: skip
        versions, threads_of = _versions(client), client.nthreads()
    for worker, version in versions.items():
        _check_version(worker, version, __version__)
    for worker, threads in threads_of.items():
        if threads > 1:
            raise NncliError(
                worker, f"expected a worker of one thread, found {threads}, which would wait for one another",
                f"Start them with: dask worker {address} --nworkers=-1 --nthreads 1",
            )  # fmt: skip


def _versions(client: Any) -> dict[str, str]:
    """That of the program on each worker, now, whatever it is at; empty if there is none."""
    # as `Client.run`, which would read an exception out of a pickle
    call = {
        "op": "run",
        "function": pickle.dumps(_version),
        "args": pickle.dumps(()),
        "kwargs": pickle.dumps({}),
        "wait": True,
    }
    replies = client.sync(client.scheduler.broadcast, msg=call, on_error="return_pickle")
    found = {}
    for worker, reply in replies.items():
        version = reply.get("result") if isinstance(reply, dict) else None
        found[worker] = version.decode(errors="replace") if isinstance(version, bytes) else ""
    return found


def _version() -> bytes:
    return __version__.encode()
