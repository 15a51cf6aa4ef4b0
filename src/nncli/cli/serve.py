"""The command `nncli serve`."""

from __future__ import annotations

import os
import socket
import sys
from importlib.util import find_spec
from ipaddress import ip_address
from typing import Annotated

import typer

from nncli.cli.options import Quiet, value_option
from nncli.config.option import Number, Size, Text, Whole, read_option
from nncli.errors import DONE, NncliError, OptionError, flag
from nncli.system.output import WARNING, put, say

NEEDED = ("starlette", "uvicorn", "httptools", "prometheus_client")
BACKLOG = 1024  # connections that wait to be taken up
HOST, PORT, VARIABLE = "127.0.0.1", 8000, "NNCLI_TOKEN"
MODELS_HELP = "Model files that nncli train has saved. Each is called after its file: churn.npz is churn."
HOST_HELP = "Address to listen at; 0.0.0.0 is every one of this machine."
TOKEN_HELP = f"File with a token that requests have to bring, in place of the variable {VARIABLE}."
SECONDS = Number("a number of seconds above 0", lambda value: 0 < value <= 86_400)


def serve(
    models: Annotated[list[str], typer.Argument(metavar="MODEL", help=MODELS_HELP, show_default=False)],
    port: Annotated[str | None, value_option("N", "Port to listen at; 0 is any that is free.", f"{PORT}")] = None,
    host: Annotated[str | None, value_option("ADDRESS", HOST_HELP, f"{HOST}, this machine alone")] = None,
    token_file: Annotated[str | None, value_option("FILE", TOKEN_HELP, "none")] = None,
    max_bytes: Annotated[str | None, value_option("SIZE", "Largest body of a request.", "32MiB")] = None,
    max_rows: Annotated[str | None, value_option("N", "Most rows of a request.", "100,000")] = None,
    timeout: Annotated[
        str | None, value_option("SECONDS", "Time for a body to come, and for its answer.", "30")
    ] = None,
    quiet: Quiet = False,
) -> int:
    """Answer requests over HTTP with the predictions of saved models. A changed model file is taken up while it runs.
    Ctrl-C ends it, once every request is answered.

    nncli serve model.npz
    nncli serve churn.npz price.npz --port 8080
    curl -H 'Content-Type: application/json' -d @row.json localhost:8000/predict
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        needed = " and ".join(name.replace("_", "-") for name in missing)
        raise NncliError("nncli serve", f"it needs {needed}", "Install it with: pip install 'nncli[serve]'")
    from nncli.serve.app import App, Limits
    from nncli.serve.log import Log
    from nncli.serve.models import Models, token_in
    from nncli.serve.running import run

    given = Limits()
    limits = Limits(
        given.bytes if max_bytes is None else read_option("max_bytes", max_bytes, Size()),
        given.rows if max_rows is None else read_option("max_rows", max_rows, Whole(1)),
        given.seconds if timeout is None else read_option("timeout", timeout, SECONDS),
    )
    token = token_in(token_file, os.environ.get(VARIABLE))
    address = HOST if host is None else read_option("host", host, Text())
    served = Models(models)
    opened = _listen(address, PORT if port is None else read_option("port", port, Whole(0, 65535)))
    with opened:
        is_here = ip_address(opened.getsockname()[0]).is_loopback
        hosts = frozenset({"127.0.0.1", "localhost", "[::1]", address}) if is_here else frozenset[str]()
        if not is_here and token is None:
            say(f"{WARNING}whoever reaches {address} can ask: set {VARIABLE} or {flag('token_file')}", quiet)
        app = App(served, limits, Log(quiet, not sys.stderr.isatty()), token, hosts)
        shown = f"[{address}]" if ":" in address else address
        put(f"http://{shown}:{opened.getsockname()[1]}/")
        sys.stdout.flush()
        run(app, opened)
    return DONE


def _listen(host: str, port: int) -> socket.socket:
    """Open a port; OptionError where that cannot be."""
    try:
        # asyncio sends small packets at once only where it sees that they are of TCP: else an answer takes 40 ms
        how = {"type": socket.SOCK_STREAM, "proto": socket.IPPROTO_TCP, "flags": socket.AI_PASSIVE}
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, **how)[0]
        opened = socket.socket(family, kind, protocol)
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            opened.bind(place)
            opened.listen(BACKLOG)
        except OSError:
            opened.close()
            raise
        return opened
    except OSError as error:
        said = (error.strerror or str(error)).lower()
        if isinstance(error, socket.gaierror):
            raise OptionError("host", f"expected an address of this machine, found '{host}' ({said})") from None
        problem = f"cannot listen at port {port} of {host}: {said}"
        raise OptionError("port", problem, "Name another, or 0 for any that is free") from None
