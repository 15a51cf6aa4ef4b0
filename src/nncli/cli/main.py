"""The program `nncli`: finds the command, runs it, and ends every error as one line on stderr."""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import os
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from io import FileIO, TextIOWrapper
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

import nncli
from nncli.cli.foreign_options import known_elsewhere
from nncli.cli.help import HELP, Command, Group
from nncli.cli.memory_limit import check_memory_limit
from nncli.cli.signals import Ended, code_of_signal, end_at_once, kill_children
from nncli.errors import DONE, FAILED, HANGUP, INTERRUPTED, READER_GONE, TERMINATED, NncliError, NncliWarning
from nncli.system.os_errors import explain
from nncli.system.output import STDOUT, abandon_stdout, say, tell_streams_apart
from nncli.system.threads import choose_kernels

# The module of each command and the function in it, and the first sentence of its help. A command is loaded when it
# is used: to load them all takes as long as Typer itself.
COMMANDS = {
    "train": ("train.train", "Train a model on a file and save it."),
    "eval": ("evaluate.evaluate", "Measure how good a model is, on its own test rows or on other files."),
    "explain": ("explain.explain", "Show which columns a model relies on."),
    "predict": ("predict.predict", "Predict the class of new rows, one line for each, in order."),
    "plot": ("plot.plot", "Draw a figure of a model, a sweep or data, in the terminal or as a picture file."),
    "report": ("report.report", "Write one page on a model: how good it is, where it fails, and what to look at."),
    "export": ("export.export", "Write a model for other programs, with all that turns a row into its answer."),
    "sweep": ("sweep.sweep", "Train with many combinations of options, and keep the best model."),
    "info": ("info.info", "Show what a model contains, or which tables are kept on the disk."),
    "compare": ("compare.compare", "Tell two files of rows apart, column by column."),
    "config": (
        "config.config",
        "Write the options of a model or of a run as TOML, for train --config.",
    ),
    "check": ("check.check", "Check data before training."),
    "gradcheck": ("gradcheck.gradcheck", "Check the gradients of backpropagation against finite differences."),
    "graph": ("graph.graph", "Show a computation graph and backpropagation on it."),
    "play": ("play.play", "Play with a network in the browser, on your own data or a saved model."),
    "serve": ("serve.serve", "Answer requests over HTTP with the predictions of saved models."),
    "datasets": ("datasets.datasets", "List the bundled data sets."),
}
WORDS = {INTERRUPTED: "interrupted", TERMINATED: "terminated", HANGUP: "the terminal was closed"}
# How the loader of libraries, and the starter of threads, say that memory is short.
MEMORY_IS_SHORT = "failed to map segment|[Cc]annot allocate memory|can't start new thread"
# Errors that are bugs: an OSError that was being handled when one of them came up is not its cause.
BUGS = (AssertionError, AttributeError, LookupError, NameError, TypeError)


class _ReaderGone(Exception):
    """BrokenPipeError under another name: Typer would end the program by itself at the sight of one."""


class _Command(Command):
    """A command that shows warnings as notes, and tells who has left a pipe."""

    def invoke(self, ctx: Any) -> Any:
        try:
            with _warnings_as_notes(ctx.params.get("quiet", False)):
                code = super().invoke(ctx)
                sys.stdout.flush()
                return code
        except BrokenPipeError as error:
            if error.filename is None:  # neither stdout nor a named pipe
                raise NncliError("nncli", f"another process has gone away: {error.strerror}", "Try it again") from None
            raise _ReaderGone from None


class _Graph(_Command):
    """The command graph, whose expression may begin with a minus."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put a blank before such an expression: Typer would look for options among its letters, as -o in -log(x)."""
        own = {name for one in self.get_params(ctx) for name in one.opts if name.startswith("-")}
        flags = {name for one in self.get_params(ctx) if getattr(one, "is_flag", False) for name in one.opts}
        for i, word in enumerate(args):
            is_value = i > 0 and args[i - 1] in own - flags
            if word.startswith("-") and not word.startswith("--") and word not in {*own, *HELP} and not is_value:
                args[i] = f" {word}"
        return super().parse_args(ctx, args)


class _Program(Group):
    """The program, which loads a command when it is asked for."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return command_of(cmd_name) if cmd_name in COMMANDS else None


@functools.cache
def command_of(command: str) -> Any:
    """Return a command, loaded once for all calls of `main`: to make one takes as long as to refuse many a file."""
    module, name = COMMANDS[command][0].split(".")
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
    # an expression may begin with a minus: what is no option of graph is its argument
    settings = {"ignore_unknown_options": True} if command == "graph" else None
    function = getattr(importlib.import_module(f"nncli.cli.{module}"), name)
    app.command(command, cls=_Graph if command == "graph" else _Command, context_settings=settings)(function)
    return typer.main.get_command(app)


@contextlib.contextmanager
def _warnings_as_notes(quiet: bool) -> Iterator[None]:
    """Print the warnings of nncli as notes; those of other programs look as ever."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", NncliWarning)
        usual = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *more: Any, **named: Any) -> None:
            if issubclass(category, NncliWarning):
                say(str(message), quiet)
            else:
                usual(message, category, *more, **named)

        warnings.showwarning = show
        yield


@functools.cache
def the_program() -> Any:
    """Return the program with the names of its commands; they themselves are loaded by `_Program`."""
    app = typer.Typer(
        cls=_Program,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": HELP},
    )
    app.callback(invoke_without_command=True)(program)
    for name, (_, summary) in COMMANDS.items():
        app.command(name, help=summary)(_not_loaded)
    return typer.main.get_command(app)


def _not_loaded() -> None:
    """Stand in the list of commands for one that nobody has asked for."""


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nncli {nncli.__version__}")
        raise typer.Exit


def program(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Train, evaluate and use classifiers from the command line.

    nncli train data.csv --target species      train on a CSV file, save model.npz
    nncli eval model.npz                       measure it on rows it has not seen
    nncli predict model.npz new.csv            predict the class of new rows
    """
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def run() -> int:
    """Run the program of this process: `main`, then a quick end."""
    end_at_once()
    try:
        tell_streams_apart()
        code = main()
        code = code_of_signal() or code
    except Ended:  # before the command began, or after its end
        code = _end_by_signal(code_of_signal() or INTERRUPTED)
    kill_children()
    gc.freeze()  # Python need not look for cycles in all that it has loaded: 20 ms
    return code


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Every error ends here, as one line on stderr."""
    choose_kernels()
    if sys.stderr is None:
        _open_stderr()
    if sys.stdout is None:
        return _end("stdout: cannot write: it is closed.", FAILED)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a locale that lacks a character must not stop a run
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        check_memory_limit(words)
        if os.environ.get("_NNCLI_COMPLETE") == "complete_bash":
            from nncli.cli.completion import join_words_of_bash

            join_words_of_bash()
        code = the_program()(args=words, prog_name="nncli", standalone_mode=False) or DONE
        sys.stdout.flush()
        return int(code)
    except NncliError as error:
        return _end(str(error), error.exit_code)
    except TyperException as error:  # an unknown option or command, a missing argument …
        where = f"nncli {words[0]}" if words and words[0] in COMMANDS else "nncli"
        problem = error.format_message().rstrip(".")
        option = getattr(error, "option_name", None) if hasattr(error, "possibilities") else None
        if option is not None and (known := known_elsewhere(words[0], option)):
            problem = f"No such option: {option}; {known}"
        stop = "" if problem.endswith("?") else "."
        return _end(f"{where}: {problem}{stop} See {where} --help.", error.exit_code)
    except (KeyboardInterrupt, Ended):
        return _end_by_signal(code_of_signal() or INTERRUPTED)
    except (SystemExit, _ReaderGone, BrokenPipeError) as end:
        if isinstance(end, SystemExit) and not end.code:  # so Typer ends after completion
            return DONE
        abandon_stdout()
        return READER_GONE
    except Exception as error:
        if code := code_of_signal():  # a library has made another error of `Ended`, or is half loaded since
            return _end_by_signal(code)
        cause = _cause_in_the_system(error)
        if cause is None:  # a bug
            raise
        if isinstance(cause, MemoryError):
            return _end("nncli: there is not enough memory for this.", FAILED)
        if cause.filename == STDOUT:
            abandon_stdout()
        return _end(str(explain(cause)), FAILED)


def _open_stderr() -> None:
    """Open a file that takes everything in place of a closed stderr, for this process and those that it starts."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    if nowhere != 2:
        os.dup2(nowhere, 2)
        os.close(nowhere)
    os.set_inheritable(2, True)
    sys.stderr = TextIOWrapper(FileIO(2, "w", closefd=False))


def _end(line: str, code: int) -> int:
    say(line)
    return code


def _end_by_signal(code: int) -> int:
    abandon_stdout()  # it may be what could not be written
    return _end(f"nncli: {WORDS[code]}.", code)


def _cause_in_the_system(error: BaseException | None) -> MemoryError | OSError | None:
    """Return what the system has refused: memory, or else the first OSError behind the error; None if neither is."""
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or (None if isinstance(error, BUGS) else error.__context__)
    for one in chain:
        is_short = isinstance(one, ImportError | RuntimeError) and re.search(MEMORY_IS_SHORT, str(one))
        if is_short or isinstance(one, MemoryError):
            return MemoryError()
    return next((one for one in chain if isinstance(one, OSError)), None)
