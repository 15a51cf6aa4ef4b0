"""The command line: parse, call, show. One file per command; `main` is the one error boundary."""

from __future__ import annotations

import functools
import gc
import importlib
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from io import FileIO, TextIOWrapper
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

import nncli
from nncli.blas import choose_kernels
from nncli.cli.command import Command, Group
from nncli.cli.stop import Ended, end_at_once
from nncli.errors import DONE, HANGUP, INTERRUPTED, READER_GONE, TERMINATED, NncliError, NncliWarning
from nncli.output import say

WORDS = {
    INTERRUPTED: "nncli: interrupted.",
    TERMINATED: "nncli: terminated.",
    HANGUP: "nncli: the terminal was closed.",
}
# The name of a command: that of its module here, and of the function in it.
COMMANDS = {
    "train": "train",
    "eval": "evaluate",
    "predict": "predict",
    "sweep": "sweep",
    "info": "info",
    "check": "check",
    "gradcheck": "gradcheck",
    "graph": "graph",
    "datasets": "datasets",
}


class _ReaderGone(Exception):
    """BrokenPipeError under another name: Typer would end the program by itself at the sight of one."""


def _guarded(command: Callable[..., int]) -> Callable[..., int]:
    @functools.wraps(command)
    def guarded(**arguments: Any) -> int:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always", NncliWarning)
                warnings.showwarning = functools.partial(
                    _show_warning, arguments.get("quiet", False), warnings.showwarning
                )
                code = command(**arguments)
            sys.stdout.flush()
            return code
        except BrokenPipeError:
            raise _ReaderGone from None

    return guarded


def _show_warning(
    quiet: bool, usual: Callable[..., None], message: Warning | str, category: type[Warning], *more: Any, **named: Any
) -> None:
    """Warnings of nncli are notes; those of other programs look as ever."""
    if issubclass(category, NncliWarning):
        say(str(message), quiet)
    else:
        usual(message, category, *more, **named)


def _app(words: Sequence[str]) -> typer.Typer:
    """With the command that the words begin with, or with all: the others would take a tenth of the start-up time."""
    app = typer.Typer(cls=Group, rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=False)
    app.callback(invoke_without_command=True)(program)
    for name in words[:1] if words and words[0] in COMMANDS else COMMANDS:
        function = getattr(importlib.import_module(f"nncli.cli.{COMMANDS[name]}"), COMMANDS[name])
        # an expression may begin with a minus: what is no option of graph's is its argument
        settings = {"ignore_unknown_options": True} if name == "graph" else None
        app.command(name, cls=Command, context_settings=settings)(_guarded(function))
    return app


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nncli {nncli.__version__}")
        raise typer.Exit


def program(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Train, evaluate and serve classifiers from the command line.

    nncli train data.csv --target species      train on a CSV file, save model.npz
    nncli eval model.npz                       how good it is on unseen rows
    cat new.csv | nncli predict model.npz      answer new rows, as a filter
    """
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def run() -> int:
    """The program itself: `main`, and then a quick end."""
    end_at_once()
    code = main()
    gc.freeze()  # Python need not look for cycles in all that it has loaded: 20 ms
    return code


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code. Every error ends here, as one line on stderr."""
    choose_kernels()
    if sys.stderr is None:  # closed: Python would print to stdout in its place
        sys.stderr = TextIOWrapper(FileIO(os.devnull, "w"))
    if sys.stdout is None:
        return _complain("stdout: cannot write: it is closed.", 1)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a locale that lacks a sign must not stop a run
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        code = _app(words)(args=words, prog_name="nncli", standalone_mode=False) or DONE
        sys.stdout.flush()
        return int(code)
    except NncliError as error:
        return _complain(str(error), error.exit_code)
    except TyperException as error:  # an unknown option or command, a missing argument …
        where = f"nncli {words[0]}" if words and words[0] in COMMANDS else "nncli"
        problem = error.format_message().rstrip(".")
        return _complain(
            f"{problem if problem.startswith(where) else f'{where}: {problem}'}{'' if problem.endswith('?') else '.'} "
            f"See {where} --help.",
            error.exit_code,
        )
    except KeyboardInterrupt:
        return _complain(WORDS[INTERRUPTED], INTERRUPTED)
    except Ended as end:
        return _complain(WORDS[end.code], end.code)
    except (_ReaderGone, BrokenPipeError, SystemExit):  # the last is what Typer makes of it, where it prints help
        _abandon_stdout()
        return READER_GONE
    except MemoryError:
        return _complain("nncli: there is not enough memory for this.", 1)
    except OSError as error:
        if error.filename is not None:
            return _complain(f"{error.filename}: {error.strerror}.", 1)
        _abandon_stdout()  # files have names; what has none is stdout
        return _complain(f"stdout: cannot write: {error.strerror}.", 1)


def _complain(line: str, code: int) -> int:
    say(line)
    return code


def _abandon_stdout() -> None:
    """What is still buffered has nowhere to go: without this, Python would complain about it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
