"""Start the server, watch the files of its models, and end it so that every request that has come is answered."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
import time
from asyncio.events import TimerHandle
from collections.abc import Generator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from nncli.inference.guarding import NOT_KNOWN, TRAIN_AGAIN
from nncli.serve.app import App
from nncli.serve.log import Log
from nncli.serve.models import Served
from nncli.system.threads import multiply_with

WATCH_SECONDS = 1.0  # between two looks at the files
QUIET_SECONDS = 0.3  # at the end, twice, in which clients may still send what they have begun to
AGAIN_SECONDS = 0.5  # after which another signal is a second one
SWITCH_SECONDS = 0.0005  # after which a thread makes room for the one that reads requests
IDLE_SECONDS = 75  # that a connection stays open without a request
MOST_HEADER_BYTES, MOST_HEADERS = 64 << 10, 200
HEADER_SECONDS = 30  # for the header of a request
BACKLOG = 1024
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Protocol(HttpToolsProtocol):
    """HTTP/1.1 of uvicorn, with limits of the size of a header, and of the time that it takes."""

    _header_bytes: int | None = 0  # so far; None behind the header
    _deadline: TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        super().connection_made(transport)
        self._deadline = self.loop.call_later(HEADER_SECONDS, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_deadline()
        super().connection_lost(exc)

    def eof_received(self) -> Any:  # a bool, as asyncio asks for; uvicorn declares None
        """Tell that the connection is to be kept, where the client sends no more and still waits for its answer."""
        is_waiting = self.cycle is not None and not (self.cycle.response_complete or self.cycle.more_body)
        if is_waiting:
            self.cycle.keep_alive = False
        return is_waiting

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._header_bytes is not None:
            self._header_bytes += len(data)
            if self._header_bytes > MOST_HEADER_BYTES and not self.transport.is_closing():
                self.send_400_response(f"Expected a header of at most {MOST_HEADER_BYTES >> 10} KiB.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._header_bytes = 0
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEADER_SECONDS, self.transport.close)

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(self.headers) >= MOST_HEADERS:  # also behind the body
            raise ValueError("too many headers")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._header_bytes = None
        self._forget_deadline()
        super().on_headers_complete()

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Server(uvicorn.Server):
    """A server of uvicorn that takes up changed models, and that goes on for a moment when it is to end: what clients
    have sent by then, over new connections too, is answered, and their connections are closed behind the answers."""

    def __init__(self, config: uvicorn.Config, app: App) -> None:
        super().__init__(config)
        self.app = app
        self.signal = 0  # that has come
        self._until = self._signalled = 0.0
        self._watching: asyncio.Task[None] | None = None

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals to `run`."""
        yield

    def end(self, number: int, frame: FrameType | None) -> None:
        """Begin to end; at a second signal, wait for nobody. What starts programs may send the first one twice."""
        now = time.monotonic()
        if self.signal and now - self._signalled > AGAIN_SECONDS:
            self.force_exit = self.should_exit = True
        self.signal, self._signalled = number, now
        self.app.is_stopping = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for one in self.app.models.served.values():
            say_unguarded(one, self.app.log)
        self._watching = asyncio.create_task(self._watch())

    async def on_tick(self, counter: int) -> bool:
        if self.signal and not self.should_exit:
            now = asyncio.get_running_loop().time()
            if not self._until:
                self._until = now + QUIET_SECONDS
                self.app.log.write("stopping", connections=len(self.server_state.connections))
            self.should_exit = now >= self._until
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._watching is not None:
            self._watching.cancel()
        for one in sockets or []:
            await self._accept_rest(one)
        for server in self.servers:
            server.close()
        if not self.force_exit:
            await asyncio.sleep(QUIET_SECONDS)
        await super().shutdown(sockets)

    async def _accept_rest(self, opened: socket.socket) -> None:
        """Accept the connections that the system has made and nobody has taken up: they would be cut off."""
        loop, taken = asyncio.get_running_loop(), list[socket.socket]()
        with suppress(OSError):  # there is none left
            while True:
                taken.append(opened.accept()[0])
        for one in taken:
            with suppress(OSError):
                await loop.connect_accepted_socket(self._protocol, one)

    def _protocol(self) -> asyncio.Protocol:
        return Protocol(self.config, self.server_state, self.lifespan.state)

    async def _watch(self) -> None:
        """Read models again whose files have changed; a file that is no model is said once, and the old model stays."""
        models, log, metrics = self.app.models, self.app.log, self.app.metrics
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            for old in await asyncio.to_thread(models.changed):
                error = await asyncio.to_thread(models.read_again, old)
                metrics.loads.labels(old.name, "refused" if error else "read").inc()
                if error is not None:
                    log.write("model refused", "error", model=old.name, error=str(error), kept=old.sha256)
                else:
                    new = models.served[old.name]
                    metrics.loaded.labels(old.name).set(new.loaded)
                    log.write("model read", model=old.name, file=str(old.path), sha256=new.sha256)
                    say_unguarded(new, log)


def say_unguarded(served: Served, log: Log) -> None:
    """Say of a model whose training columns are not known that its rows are compared with nothing."""
    if not served.rows.is_guarded:
        log.write("guards off", "warning", model=served.name, why=NOT_KNOWN, remedy=TRAIN_AGAIN)


def run(app: App, opened: socket.socket) -> None:
    """Answer until a signal comes."""
    config = uvicorn.Config(
        app, http=Protocol, loop="asyncio", ws="none", lifespan="off", log_config=None, access_log=False,
        server_header=False, backlog=BACKLOG, timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=int(app.limits.seconds) + 5,
    )  # fmt: skip
    server, logger, switch = Server(config, app), logging.getLogger("uvicorn.error"), sys.getswitchinterval()
    before = {number: handler for number in ENDING if (handler := signal.getsignal(number)) != signal.SIG_IGN}
    propagates, logger.propagate = logger.propagate, False
    logger.addHandler(app.log)
    sys.setswitchinterval(SWITCH_SECONDS)
    for number in before:
        signal.signal(number, server.end)
    try:
        with multiply_with(app.models.threads):  # the last digits depend on it
            server.run(sockets=[opened])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        sys.setswitchinterval(switch)
        logger.removeHandler(app.log)
        logger.propagate = propagates
        app.threads.shutdown()
    app.log.write("stopped")
