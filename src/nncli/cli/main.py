"""The command line: parse, call, show. One file per command; `main` is the one error boundary."""

from __future__ import annotations

import errno
import functools
import gc
import importlib
import os
import re
import sys
import warnings
from collections.abc import Callable, Sequence
from io import FileIO, TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

import nncli
from nncli.cli.help import Command, Group
from nncli.cli.memory_limit import check_room
from nncli.cli.signals import Ended, end_at_once
from nncli.errors import DONE, HANGUP, INTERRUPTED, READER_GONE, TERMINATED, NncliError, NncliWarning
from nncli.system.output import STDOUT, abandon_stdout, say, tell_streams_apart
from nncli.system.threads import choose_kernels

WORDS = {
    INTERRUPTED: "nncli: interrupted.",
    TERMINATED: "nncli: terminated.",
    HANGUP: "nncli: the terminal was closed.",
}
NO_MEMORY = "nncli: there is not enough memory for this."
# how the loader of libraries, and the maker of threads, say that there is not
WITHOUT_MEMORY = re.compile("failed to map segment|[Cc]annot allocate memory|can't start new thread")
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


# Errors in the program itself, whatever was being dealt with when they came up.
MISTAKES = (AssertionError, AttributeError, LookupError, NameError, TypeError)


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
        except BrokenPipeError as error:
            if error.filename is None:  # neither stdout nor a pipe that was named: some other process has gone
                raise NncliError("nncli", f"another process has gone away: {error.strerror}", "Try it again") from None
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
    tell_streams_apart()
    code = main()
    gc.freeze()  # Python need not look for cycles in all that it has loaded: 20 ms
    return code


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code. Every error ends here, as one line on stderr."""
    choose_kernels()
    if sys.stderr is None:
        _open_stderr()
    if sys.stdout is None:
        return _complain("stdout: cannot write: it is closed.", 1)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a locale that lacks a sign must not stop a run
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        check_room(words)
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
        abandon_stdout()  # it may be what could not be written
        return _complain(WORDS[INTERRUPTED], INTERRUPTED)
    except Ended as end:
        abandon_stdout()
        return _complain(WORDS[end.code], end.code)
    except (_ReaderGone, BrokenPipeError, SystemExit):  # the last is what Typer makes of it, where it prints help
        abandon_stdout()
        return READER_GONE
    except Exception as error:
        reason = _refusal(error)
        if reason is None:  # a mistake of ours
            raise
        if getattr(reason, "filename", None) == STDOUT:
            abandon_stdout()
        return _complain(_explained(reason) if isinstance(reason, OSError) else NO_MEMORY, 1)


def _open_stderr() -> None:
    """Put a file that takes everything in the place of a closed stderr, for this process and those that it starts:
    Python would print to stdout, and other libraries end in an error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    if nowhere != 2:
        os.dup2(nowhere, 2)
        os.close(nowhere)
    os.set_inheritable(2, True)
    sys.stderr = TextIOWrapper(FileIO(2, "w", closefd=False))


def _complain(line: str, code: int) -> int:
    say(line)
    return code


def _refusal(error: BaseException | None) -> BaseException | None:
    """Find what the system has refused: memory, or else the first OSError behind an error, which a library may have
    made something else of. None for any other error."""
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or (None if isinstance(error, MISTAKES) else error.__context__)
    for one in chain:
        said = isinstance(one, ImportError | RuntimeError) and WITHOUT_MEMORY.search(str(one))
        if said or isinstance(one, MemoryError):
            return MemoryError()
    return next((one for one in chain if isinstance(one, OSError)), None)


def _explained(error: OSError) -> str:
    """Say in a line what the system has refused, and what to do where that is known."""
    where = "nncli" if error.filename is None else str(error.filename)
    problem = error.strerror or str(error)
    if error.filename == STDOUT:
        return f"stdout: cannot write: {problem}."
    if error.errno == errno.EMFILE:
        import resource

        allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        more = f"Allow more with ulimit -n {most}" if allowed < most else "Have the limit raised (ulimit -n)"
        return f"nncli: too many files are open: {allowed:,} are allowed. {more}."
    if error.errno == errno.ENFILE:
        return "nncli: the system has too many open files. End other programs."
    if error.filename is None and error.errno == errno.ENOENT and _is_gone(Path()):
        return "nncli: the working folder has been removed. Go to another with cd."
    if error.filename is None and problem.startswith("No usable temporary directory"):
        return "nncli: there is no folder to put temporary files in. Set TMPDIR to one with room."
    if error.filename is None and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"nncli: {problem}, most likely for temporary files. Set TMPDIR to a folder with room."
    return f"{where}: {problem}."


def _is_gone(folder: Path) -> bool:
    try:
        return not folder.absolute().exists()
    except OSError:
        return True
