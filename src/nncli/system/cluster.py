"""Tasks on a Dask cluster.

The workers run what they are sent. What they send back is bytes, which are checked before anything is made of them: any
machine that reaches the scheduler may be one of the workers.
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
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from typing import Any

from nncli import __version__
from nncli.errors import NncliError, OptionError
from nncli.system import wire_format
from nncli.system.connection import SECONDS, Tls, check_address, reach
from nncli.system.workers import AHEAD, PAUSE, Chunk, ChunkQueue, ProcessDeath, Results, TaskFunction, Work, run_chunk

RESUME = "The same command resumes from what is done"
ABSENCE = 60  # seconds that a cluster may be without a worker, for instance while one restarts
Flying = dict[Future[Any], tuple[Any, Chunk]]  # chunks in work: a future that is done with them, and that of Dask
_ONE_AT_A_TIME = threading.Lock()  # on a worker: its threads would share the buffers of a network


class Cluster:
    """The workers of a scheduler, all with this version of the program.

    A worker that dies costs nothing: the scheduler gives its tasks to another.
    """

    ours = False

    def __init__(self, client: Any, address: str) -> None:
        self.client, self.address = client, address
        self._sent: tuple[Any, Any] = (None, None)  # what the tasks share, and the Dask future that stands for it

    @property
    def jobs(self) -> int:
        with _asking(self.address):
            return int(sum(self.client.nthreads().values()))

    def run(self, work: Work) -> Iterator[Results]:
        """See `Workers.run`. Raises NncliError when the scheduler goes away, or no worker is left and none comes."""
        if self._sent[0] is not work.shared:
            with _asking(self.address), warnings.catch_warnings(action="ignore"):  # it is large, and sent once
                # as the result of a task, it can be made again when all workers that have it die
                self._sent = work.shared, self.client.submit(_itself, work.shared, pure=False)
        waiting, flying, seen = ChunkQueue(work.next_task), Flying(), time.monotonic()
        # The tasks of a worker that died are tried one by one, with nothing else in work: then the culprit is known.
        suspects, alone = deque[tuple[int, Any]](), None
        try:
            while True:
                jobs = self.jobs
                seen = time.monotonic() if jobs else seen
                if time.monotonic() - seen > ABSENCE:
                    raise NncliError(self.address, f"the cluster has had no worker for {ABSENCE} s", RESUME)
                room = 0 if suspects or alone in flying else AHEAD * max(1, jobs)
                while len(flying) < room and (chunk := waiting()):
                    self._hand_out(work.function, chunk, flying)
                if suspects and not flying:
                    alone = self._hand_out(work.function, [suspects.popleft()], flying)
                if not flying or work.stop():
                    return
                done, _ = wait(flying, PAUSE, FIRST_COMPLETED)
                results = []
                for over in done:
                    future, chunk = flying.pop(over)
                    found = self._results(future, len(chunk), work.check)
                    if found is not None:
                        results += waiting.done(chunk, found)
                    elif over is alone:
                        results.append((chunk[0][0], ProcessDeath(None)))
                    else:
                        suspects.extend(chunk)
                if results:
                    yield results
                elif not done and _is_deaf(self.client):
                    raise _strange(self.address)
        finally:
            with contextlib.suppress(Exception):
                self.client.cancel([future for future, _ in flying.values()])

    def _hand_out(self, function: TaskFunction, chunk: Chunk, flying: Flying) -> Future[Any]:
        """Send a chunk, and return its future of Python; that of Dask, with the result, is in `flying`."""
        over = Future[Any]()
        with _asking(self.address):
            future = self.client.submit(_on_worker, function, chunk, self._sent[1], __version__, pure=False)
            future.add_done_callback(over.set_result)
        flying[over] = future, chunk
        return over

    def _results(self, future: Any, most: int, check: Callable[[Any], None]) -> list[Any] | None:
        """Return the results for the first tasks of a chunk of `most` tasks; None if the worker died."""
        with _asking(self.address):
            try:
                packed = self.client.gather(future)
            except Exception as error:
                if _is_death(error):
                    return None
                raise
        try:
            reply = wire_format.unpack(packed)
            failure = NncliError.from_json(reply["error"]) if reply["error"] else None
            results: list[Any] = reply["results"]
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
    """Turn every error of a request to the cluster into an NncliError."""
    try:
        yield
    except NncliError:
        raise
    except (CancelledError, OSError):
        raise NncliError(address, "the scheduler went away", RESUME) from None
    except Exception:  # whatever Dask makes of what others send
        raise _strange(address) from None


def _strange(address: str) -> NncliError:
    problem = "expected a result, found that a worker could not start its task, or sent something else"
    return NncliError(address, problem, "Look at the logs of the workers, and at who can join the cluster")


def _is_death(error: Exception) -> bool:
    """Tell whether the scheduler says that a worker died of its task. Its exception is a pickle, which stays unread. A
    worker that lies about it only has its task tried again."""
    return any(isinstance(part, bytes) and b"KilledWorker" in part for part in error.args)


def _is_deaf(client: Any) -> bool:
    """Tell whether the client has received something it cannot read, and so hears of no task any more."""
    return bool(client._handle_report_task.done())


def _itself(shared: Any) -> Any:
    return shared


def _on_worker(function: TaskFunction, chunk: Chunk, shared: Any, version: str) -> bytes:
    """Do a chunk of tasks on a worker, which may have come late; return the results, or the error, as bytes."""
    try:
        _check_version(socket.gethostname(), __version__, version)
        with _ONE_AT_A_TIME:
            return wire_format.pack({"results": run_chunk(function, chunk, shared), "error": None})
    except NncliError as problem:
        error = problem
    except Exception as problem:
        error = NncliError(socket.gethostname(), f"its task failed: {type(problem).__name__}: {problem}")
    return wire_format.pack({"results": [], "error": error.to_json()})


def _check_version(worker: str, found: str, here: str) -> None:
    if found != here:
        problem = f"expected nncli {here}, as here, found {found or 'none'}"
        raise NncliError(worker, problem, "Install the same version there")


@contextlib.contextmanager
def connect(address: str, tls: Tls | None, insecure: bool) -> Iterator[Cluster]:
    """Connect to a scheduler; NncliError if there is none, it has no workers, or they have another version."""
    parts = check_address(address, tls, insecure)
    try:
        import distributed
    except ImportError:
        raise OptionError("cluster", "Dask is not installed", "Install it with: pip install 'nncli[cluster]'") from None
    with contextlib.ExitStack() as stack:
        stack.callback(logging.disable, logging.NOTSET)
        logging.disable()  # errors are reported in one line
        stack.enter_context(wire_format.nothing_unpickled())
        reach(address, parts, tls)
        client = _client(address, tls, distributed)
        stack.callback(_close, client)
        _check_workers(client, address)
        yield Cluster(client, address)


def _client(address: str, tls: Tls | None, dask: Any) -> Any:
    """Return a client of a scheduler, from the module of Dask, which has no types."""
    security = None
    if tls is not None:
        files = {"tls_ca_file": tls.ca, "tls_client_cert": tls.cert, "tls_client_key": tls.key}
        security = dask.Security(**files, require_encryption=True)
    dask.Client._default_event_handlers = {}  # no worker prints or warns here
    try:
        with warnings.catch_warnings(action="ignore"):
            return dask.Client(address, timeout=SECONDS, security=security, set_as_default=False)
    except Exception:  # whatever Dask makes of what is there
        problem = "expected a Dask scheduler, found something else" + ("" if tls else ", or one that wants tls://")
        raise NncliError(address, problem, "Check the address") from None


def _close(client: Any) -> None:
    if _is_deaf(client):  # its error would be raised again, here and at the end of the program
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
            remedy = f"Start one with: dask worker {address} --nthreads 1"
            raise NncliError(address, f"expected a worker within {SECONDS} s, found none", remedy) from None
        versions, threads_of = _versions(client), client.nthreads()
    for worker, version in versions.items():
        _check_version(worker, version, __version__)
    for worker, threads in threads_of.items():
        if threads > 1:
            problem = f"expected a worker with one thread, found {threads}, which would wait for one another"
            raise NncliError(worker, problem, f"Start them with: dask worker {address} --nworkers=-1 --nthreads 1")


def _versions(client: Any) -> dict[str, str]:
    """Return the version of nncli on each worker, even a busy one; empty where there is none."""
    # as `Client.run` does, which would unpickle an exception
    task = {"function": _version, "args": (), "kwargs": {}}
    call = {"op": "run", "wait": True, **{name: pickle.dumps(part) for name, part in task.items()}}
    replies = client.sync(client.scheduler.broadcast, msg=call, on_error="return_pickle")
    found = {}
    for worker, reply in replies.items():
        version = reply.get("result") if isinstance(reply, dict) else None
        found[worker] = version.decode(errors="replace") if isinstance(version, bytes) else ""
    return found


def _version() -> bytes:
    return __version__.encode()
