"""The server of the playground: it answers one browser on this machine, and nobody else.

It listens on 127.0.0.1. Every address begins with a random token, every request has to name this server as its host,
and one that says where it comes from has to come from a page of this server. A page loads nothing from elsewhere.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import shlex
import signal
import socket
from collections.abc import Awaitable, Callable, Generator, MutableMapping
from contextlib import contextmanager, suppress
from importlib.resources import files
from types import FrameType
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from nncli.config.train_config import TrainConfig
from nncli.errors import DataError, NncliError
from nncli.play import protocol
from nncli.play.session import Message, Session
from nncli.play.setup import options_of
from nncli.play.shelf import Item, Shelf
from nncli.system.output import counted

HOST = "127.0.0.1"
MOST_UPLOAD = 256 << 20  # bytes of a file that is dropped
MOST_PAGES = 8  # that are open at a time
KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
REFUSED = "Refused. Open the address that nncli play has printed.\n"
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TRY_LATER, REFUSED_CODE, TOO_LARGE = 1013, 1008, 1009  # by which a WebSocket is closed
Scope = MutableMapping[str, Any]
Channel = Callable[..., Awaitable[Any]]


class Playground:
    """The app of one playground: its shelf, its token, and the pages that are open."""

    def __init__(self, shelf: Shelf, first: Item, given: TrainConfig, port: int) -> None:
        self.shelf, self.first, self.given, self.port = shelf, first, given, port
        self.token = secrets.token_urlsafe(24)
        self.sessions: dict[str, Session] = {}
        self.files = {
            one.name: (one.read_bytes(), KINDS[one.name.rpartition(".")[2]])
            for one in files("nncli.play").joinpath("page").iterdir()
            if one.name.rpartition(".")[2] in KINDS
        }
        routes = [
            Route("/{token}/", self.file),
            Route("/{token}/model/{session}", self.model),
            Route("/{token}/drop", self.drop, methods=["POST"]),
            Route("/{token}/{file}", self.file),
            WebSocketRoute("/{token}/talk", self.talk),
        ]
        self.app = _Guard(Starlette(routes=routes), self)

    @property
    def address(self) -> str:
        """Return the address to open."""
        return f"http://{HOST}:{self.port}/{self.token}/"

    def problem(self, request: HTTPConnection) -> str:
        """Say why a request is refused; an empty text: it is not."""
        hosts = {f"{name}:{self.port}" for name in (HOST, "localhost")}
        token = request.url.path.split("/")[1]
        origin, is_socket = request.headers.get("origin"), request.scope["type"] == "websocket"
        if request.headers.get("host") not in hosts:
            return "host"
        if not secrets.compare_digest(token.encode(), self.token.encode()):
            return "token"
        changes = is_socket or request.scope.get("method") not in ("GET", "HEAD")
        if (origin is not None or changes) and origin not in {f"http://{host}" for host in hosts}:
            return "origin"
        return ""

    def file(self, request: Request) -> Response:
        """Send the page, or a file that it is made of."""
        found = self.files.get(request.path_params.get("file", "page.html"))
        if found is None:
            return PlainTextResponse("There is no such page.\n", 404)
        return Response(found[0], media_type=found[1])

    def model(self, request: Request) -> Response:
        """Send the model of a page, to be saved."""
        session = self.sessions.get(request.path_params["session"])
        if session is None:
            return PlainTextResponse("This page is not open any more.\n", 404)
        try:
            name, data = session.model()
        except NncliError as error:
            return PlainTextResponse(f"{error}\n", 409)
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(data, media_type="application/octet-stream", headers=headers)

    async def drop(self, request: Request) -> Response:
        """Take a file that was dropped on a page; its bytes are the body, its name is in the address."""
        name = request.query_params.get("name", "data").replace("\\", "/").rpartition("/")[2]
        size = 0
        try:
            with self.shelf.dropping(name) as (path, found), path.open("wb") as file:
                async for part in request.stream():
                    size += len(part)
                    if size > MOST_UPLOAD:
                        problem = f"expected at most {MOST_UPLOAD >> 20} MiB, found more"
                        raise DataError(name, problem, f"Name it: nncli play {shlex.quote(name)}")
                    await run_in_threadpool(file.write, part)
        except NncliError as error:
            return JSONResponse({"error": str(error)}, 413 if size > MOST_UPLOAD else 422)
        item = found[0]
        waits = item.rows is None
        return JSONResponse({"key": item.key, "name": item.name, "waits": waits, "options": self._options(item)})

    def _options(self, item: Item) -> dict[str, str]:
        return options_of(item, self.given)

    async def talk(self, socket: WebSocket) -> None:
        """Talk with a page until it is closed: do what its messages ask for, and train while it plays."""
        if len(self.sessions) >= MOST_PAGES:
            await socket.accept()
            await socket.close(TRY_LATER, f"more than {counted(MOST_PAGES, 'page')} of this playground")
            return
        await socket.accept()
        session = Session(self.shelf, self.first, self.given)
        self.sessions[session.id] = session
        asked: asyncio.Queue[Message | None] = asyncio.Queue(maxsize=100)
        listening = asyncio.create_task(_listen(socket, asked))
        try:
            await _say(socket, session.hello())
            while True:
                said: list[Message] = []
                if not asked.empty() or not session.playing:
                    message = await asked.get()
                    if message is None:
                        return
                    said = await run_in_threadpool(session.receive, message)
                else:
                    said = await run_in_threadpool(session.play_on)
                for one in said:
                    await _say(socket, one)
        except (WebSocketDisconnect, RuntimeError, OSError):  # the browser has gone away
            pass
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening
            del self.sessions[session.id]


class _Guard:
    """Refuses every request that does not come from a page of this playground, and has the others answered with headers
    by which a browser loads nothing from elsewhere."""

    def __init__(self, app: Starlette, playground: Playground) -> None:
        self.app, self.playground = app, playground

    async def __call__(self, scope: Scope, receive: Channel, send: Channel) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        if self.playground.problem(HTTPConnection(scope)):
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": REFUSED_CODE, "reason": REFUSED.strip()})
                return
            await PlainTextResponse(REFUSED, 403)(scope, receive, self._with_headers(send))
            return
        await self.app(scope, receive, self._with_headers(send))

    def _with_headers(self, send: Channel) -> Channel:
        own = f"ws://{HOST}:{self.playground.port} ws://localhost:{self.playground.port}"
        policy = (
            f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
            f"connect-src 'self' {own}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        headers = {
            "content-security-policy": policy,
            "cache-control": "no-store",
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
        }

        async def sending(message: Scope) -> None:
            if message["type"] == "http.response.start":
                own = [(name.encode(), value.encode()) for name, value in headers.items()]
                message["headers"] = [*message["headers"], *own]
            await send(message)

        return sending


async def _say(socket: WebSocket, message: Message) -> None:
    """Send a message as ASCII: the name of a file need not be UTF-8."""
    await socket.send_text(json.dumps(message, separators=(",", ":"), allow_nan=False))


async def _listen(socket: WebSocket, asked: asyncio.Queue[Message | None]) -> None:
    """Put what a page asks for into a queue, and None once it is gone. Anything but a message of the protocol ends the
    talk."""
    try:
        while True:
            try:
                message = protocol.read(await socket.receive_text())
            except (ValueError, KeyError) as error:
                is_large = "bytes" in str(error)
                await socket.close(
                    TOO_LARGE if is_large else REFUSED_CODE, str(error)[:120].encode("ascii", "replace").decode()
                )
                return
            await asked.put(message)
    except (WebSocketDisconnect, RuntimeError, OSError):
        pass
    finally:
        with suppress(asyncio.QueueFull):
            asked.put_nowait(None)


def listen_at(port: int) -> socket.socket:
    """Open a port of this machine for this machine alone; 0 is any that is free. OSError where that cannot be."""
    # asyncio sends small packets at once only where it sees that they are of TCP
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((HOST, port))
        opened.listen(64)
    except OSError:
        opened.close()
        raise
    return opened


def serve(playground: Playground, opened: socket.socket) -> None:
    """Answer until a signal comes, which is then raised again: once the event loop is closed, as what is raised within
    it may be lost, or told as an error of a task."""
    import uvicorn

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Generator[None, None, None]:
            yield

    config = uvicorn.Config(
        playground.app, loop="asyncio", http="h11", ws="websockets-sansio", lifespan="off", log_config=None,
        access_log=False, server_header=False, ws_max_size=protocol.MOST_BYTES, ws_per_message_deflate=False,
        timeout_graceful_shutdown=1, h11_max_incomplete_event_size=16384,
    )  # fmt: skip
    server, came = Server(config), list[int]()

    def end(number: int, frame: FrameType | None) -> None:
        came.append(number)
        logging.disable()  # what is cut off now, as a page that trains, is no error
        server.handle_exit(number, frame)

    before = {number: handler for number in ENDING if (handler := signal.getsignal(number)) != signal.SIG_IGN}
    for number in before:
        signal.signal(number, end)
    try:
        server.run(sockets=[opened])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        logging.disable(logging.NOTSET)
    if came:
        signal.raise_signal(came[0])
