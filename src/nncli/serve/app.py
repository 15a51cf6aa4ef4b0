"""The requests that there are, and who is let in.

A single JSON object is answered at once, in the thread that reads all requests: that takes less than handing it on.
Anything longer is answered in other threads, so that it holds up nobody.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from nncli.errors import NncliError
from nncli.inference.guarding import document
from nncli.serve.answerer import Answer, Asked
from nncli.serve.bodies import kind_of, read_body
from nncli.serve.card import card
from nncli.serve.log import Log
from nncli.serve.metrics import MEDIA, Metrics
from nncli.serve.models import Models, Served
from nncli.serve.openapi import openapi
from nncli.serve.parameters import asked_in
from nncli.serve.problems import WHERE, Problem
from nncli.serve.responses import answer, answer_bug, answer_error, answer_no_address, answer_problem, as_json, bug

AT_ONCE = 32 << 10  # bytes of an object that is answered at once
MOST_WAITING = 64  # longer requests at a time, which wait for a thread or have one
BODIES_IN_MEMORY = 4  # times the largest body that is allowed
DRAINED, DRAIN_SECONDS = 256 << 20, 2  # of a body that is too large: who sends it reads the answer afterwards
MOST_NOTES, NOTE = 10, 300  # of an answer, that are in its header, and characters of each
CLIENT_GONE = 499  # as nginx calls it, in the log
OPEN = ("/", "/page.css", "/page.js", "/icon.svg", "/health")  # without a token: these say nothing of a model
PAGE = {"/": "page.html", "/page.css": "page.css", "/page.js": "page.js", "/icon.svg": "icon.svg"}
KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
PREDICT = "/predict"
Scope = MutableMapping[str, Any]
Channel = Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class Limits:
    """Limit a request: bytes of its body, rows, seconds until its body is there and until it is answered."""

    bytes: int = 32 << 20
    rows: int = 100_000
    seconds: float = 30


class App:
    """The application, as ASGI has it. With a `token`, requests have to bring it; without one, and with `hosts`, they
    have to name one of these hosts, so that no page from elsewhere can ask."""

    def __init__(
        self, models: Models, limits: Limits, log: Log, token: str | None = None, hosts: frozenset[str] = frozenset()
    ) -> None:
        self.models, self.limits, self.log, self.hosts = models, limits, log, hosts
        self.token = None if token is None else token.encode()
        self.metrics = Metrics(models)
        self.is_stopping = False
        self.threads = ThreadPoolExecutor(os.cpu_count() or 1, "answers")
        self._waiting = self._bytes = 0  # longer requests, and bytes of bodies, that are in memory
        self._page = {path: files("nncli.serve").joinpath("page", name).read_bytes() for path, name in PAGE.items()}
        self._shortest = Route(PREDICT, self._predict, methods=["POST"])
        routes = [
            self._shortest,
            Route("/models/{name}/predict", self._predict, methods=["POST"]),
            Route("/health", self._health),
            Route("/metrics", self._metrics),
            Route("/model", self._model),
            Route("/models", self._models),
            Route("/models/{name}", self._model),
            Route("/guard", self._guard),
            Route("/models/{name}/guard", self._guard),
            Route("/openapi.json", self._openapi),
            *(Route(path, self._file) for path in PAGE),
        ]
        handlers: dict[Any, Any] = {HTTPException: answer_no_address, Problem: answer_problem, NncliError: answer_error}
        self.app = Starlette(routes=routes, exception_handlers={**handlers, Exception: answer_bug})
        self.app.router.redirect_slashes = False

    async def __call__(self, scope: Scope, receive: Channel, send: Channel) -> None:
        """Answer one request, count it and write it into the log."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begin, status, told = time.perf_counter(), CLIENT_GONE, dict[str, Any]()
        scope["told"] = told  # what the log is to say of it

        async def sending(message: Scope) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *OWN_HEADERS]
                if self.is_stopping:
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        try:
            problem = self._refusal(scope)
            if problem is not None:
                told["error"] = str(problem)
                await answer(problem)(scope, receive, sending)
            elif scope["path"] == PREDICT and scope["method"] == "POST":  # the way of most requests, without detours
                scope["route"] = self._shortest
                await self._answered(Request(scope, receive), sending)
            else:
                await self.app(scope, receive, sending)
        except ClientDisconnect:
            told["error"] = "the client has gone away"
        except Exception as error:
            told |= {"error": repr(error), "traceback": traceback.format_exc()}
            if status == CLIENT_GONE:  # nothing has been sent
                await answer(bug(error))(scope, receive, sending)
        seconds = time.perf_counter() - begin
        route = getattr(scope.get("route"), "path", "none")
        self.metrics.count_request(route, status, seconds)
        level = "error" if status == 500 else "info"
        path, ms = scope["path"], round(1000 * seconds, 2)
        self.log.write("request", level, method=scope["method"], path=path, status=status, ms=ms, **told)

    async def _answered(self, request: Request, send: Channel) -> None:
        """Answer a request for a prediction, as the routes do."""
        try:
            response = await self._predict(request)
        except Problem as problem:
            response = await answer_problem(request, problem)
        except NncliError as error:
            response = await answer_error(request, error)
        await response(request.scope, request.receive, send)

    def _refusal(self, scope: Scope) -> Problem | None:
        """Say why a request is not let in, if it is not."""
        headers = dict(scope["headers"])
        if self.token is None:
            host = headers.get(b"host", b"").decode("latin-1").rpartition(":")
            name = (host[0] if host[2].isdigit() else "".join(host)).lower()
            if self.hosts and name not in self.hosts:
                problem = f"expected a host that is this machine, found '{name}'"
                return Problem(403, "Host", problem, "Give the server a token, and it answers under any name")
            return None
        given = headers.get(b"authorization", b"")
        scheme, _, own = given.partition(b" ")
        is_own = secrets.compare_digest(own.strip(), self.token)  # whose time tells nothing
        if scope["path"] in OPEN or (is_own and scheme.lower() == b"bearer"):
            return None
        found = "found another text" if given else "found none"
        remedy = "Send the token that the server was started with, as 'Bearer TOKEN'"
        return Problem(401, "Authorization", f"expected the token of this server, {found}", remedy)

    async def _predict(self, request: Request) -> Response:
        until = time.monotonic() + self.limits.seconds
        kind, charset = kind_of(request.headers.get("content-type"))
        asked = asked_in(request.query_params.multi_items() if request.scope["query_string"] else [], charset)
        served = self._served(request)
        async with self._body(request) as data:
            if len(data) <= AT_ONCE and kind == "json":
                body = read_body(data, kind, self.limits.rows)
                if body.form == "row":
                    with served.answerer() as answerer:
                        return self._response(request, served, answerer.row(body, asked))
            answer = await self._in_a_thread(self._answer, served, data, kind, asked, until)
        return self._response(request, served, answer)

    def _answer(self, served: Served, data: bytes, kind: Any, asked: Asked, until: float) -> Answer:
        body = read_body(data, kind, self.limits.rows)
        with served.answerer() as answerer:
            if body.form == "row":
                return answerer.row(body, asked)
            return answerer.table(body, asked, self.limits.rows, until)

    async def _in_a_thread(self, function: Callable[..., Answer], *arguments: Any) -> Answer:
        if self._waiting >= MOST_WAITING:
            problem = f"expected fewer long requests at a time, found {self._waiting}"
            raise Problem(503, WHERE, problem, "Ask again later", retry_after=1)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self.threads, function, *arguments)
        finally:
            self._waiting -= 1

    def _response(self, request: Request, served: Served, answer: Answer) -> Response:
        self.metrics.count_answer(served.name, answer)
        told = request.scope["told"]
        told |= {"model": served.name, "rows": answer.rows}
        headers = {}
        if answer.notes:
            told["notes"] = answer.notes
            headers["nncli-notes"] = json.dumps([note[:NOTE] for note in answer.notes[:MOST_NOTES]])
        return Response(answer.body, headers=headers, media_type=answer.media)

    def _served(self, request: Request) -> Served:
        name = request.path_params.get("name")
        return self.models.only() if name is None else self.models.named(name)

    @asynccontextmanager
    async def _body(self, request: Request) -> AsyncIterator[bytes]:
        """Receive the body of a request, and count its bytes as long as they are in memory. Raises Problem for one that
        is too large, too slow or compressed, and where all bodies together are too large."""
        packed = request.headers.get("content-encoding", "identity").strip().lower()
        if packed not in ("", "identity"):
            what = f"expected a body as it is, found one compressed by {packed}"
            raise Problem(415, "Content-Encoding", what, "Send it unpacked", close=True)
        length = request.headers.get("content-length", "0")
        problem = self._too_much(int(length) if length.isascii() and length.isdigit() else 0)
        if problem is not None:
            await _drain(request)
            raise problem
        parts = list[bytes]()
        try:
            try:
                async with asyncio.timeout(self.limits.seconds):
                    await self._receive(request, parts)
            except TimeoutError:
                size = sum(map(len, parts))
                what = f"expected its whole body within {self.limits.seconds:g} seconds, found {size:,} bytes"
                raise Problem(408, WHERE, what, "Send it faster, or in parts", close=True) from None
            parts[:] = [b"".join(parts)]
            yield parts[0]
        finally:
            self._bytes -= sum(map(len, parts))

    async def _receive(self, request: Request, parts: list[bytes]) -> None:
        """Add the parts of a body to a list, and their bytes to those in memory, as they come."""
        size, goes_on = 0, True
        while goes_on:
            message = await request.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            part, goes_on = message.get("body", b""), message.get("more_body", False)
            problem = self._too_much(size + len(part), size)
            if problem is not None:
                self._bytes -= size
                parts.clear()
                await _drain(request, goes_on)
                raise problem
            parts.append(part)
            size += len(part)
            self._bytes += len(part)

    def _too_much(self, size: int, counted: int = 0) -> Problem | None:
        """Say why a body of that size, of which some bytes are counted already, is not taken, if it is not. A short one
        always is, so that large ones keep out each other alone."""
        most = self.limits.bytes
        if size > most:
            problem = f"expected a body of at most {most:,} bytes, found more"
            return Problem(413, WHERE, problem, "Send the rows in several requests", close=True)
        if size > AT_ONCE and self._bytes - counted + size > BODIES_IN_MEMORY * most:
            return Problem(503, WHERE, "expected fewer long requests at a time, found many", "Ask again later", 1, True)
        return None

    def _health(self, request: Request) -> Response:
        return as_json({"status": "stopping" if self.is_stopping else "ok"}, 503 if self.is_stopping else 200)

    def _metrics(self, request: Request) -> Response:
        return Response(self.metrics.text(), media_type=MEDIA)

    def _model(self, request: Request) -> Response:
        return as_json(card(self._served(request)))

    def _guard(self, request: Request) -> Response:
        served = self._served(request)
        return as_json(document(served.rows.report(), str(served.path), ()))

    def _models(self, request: Request) -> Response:
        served = self.models.served.items()
        listed = [{"name": name, "target": one.model.schema.target, "sha256": one.sha256} for name, one in served]
        return as_json({"models": listed})

    def _openapi(self, request: Request) -> Response:
        return as_json(openapi(self.models, self.limits.rows, self.token is not None))

    def _file(self, request: Request) -> Response:
        path = request.url.path
        return Response(self._page[path], media_type=KINDS[PAGE[path].rpartition(".")[2]])


OWN_HEADERS = [(name.encode(), value.encode()) for name, value in HEADERS.items()]


async def _drain(request: Request, goes_on: bool = True) -> None:
    """Read on for a while: who is still sending would take the end of the connection for an error, and read no
    answer."""
    size = 0
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            while goes_on and size < DRAINED:
                message = await request.receive()
                size, goes_on = size + len(message.get("body", b"")), message.get("more_body", False)
    except TimeoutError:
        pass
