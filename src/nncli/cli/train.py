"""nncli train"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json as json_format
import select
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from nncli.cli.options import SEVERAL_HELP, Json, Memory, Quiet, bytes_of, model_in, with_config
from nncli.cli.signals import StopRequest
from nncli.config.option import not_negative
from nncli.config.train_config import TrainConfig
from nncli.errors import DONE, OptionError, OutputError

if TYPE_CHECKING:
    from nncli.model.training_state import Epoch

LITTLE = 4096  # bytes that a pipe takes at once if it takes any
PAUSE = 100  # milliseconds between two looks at whether to stop


@functools.partial(with_config, argument_help=SEVERAL_HELP, several=True)
def train(
    config: TrainConfig,
    given: frozenset[str],
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Where to save the model.",
            rich_help_panel="Run",
            show_default="model.npz",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with a training that was stopped, to the same end: that of the model given as DATA, "
            "or with the same command of the one at --out.",
            rich_help_panel="Run",
        ),
    ] = False,
    save_every: Annotated[
        str | None,
        typer.Option(
            metavar="MINUTES",
            help="Save the model so far, to go on from, at the end of an epoch after so long.",
            show_default="each epoch, a second or more apart",
            rich_help_panel="Run",
        ),
    ] = None,
    keep_state: Annotated[
        bool,
        typer.Option("--keep-state", help="Keep what --resume needs for more epochs later.", rich_help_panel="Run"),
    ] = False,
    memory: Memory = None,
    log: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Write a JSON line for each epoch.", rich_help_panel="Run", show_default=False
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done, and stop.", rich_help_panel="Run")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Train a classifier on a file and save it.

    nncli train                                   a network on the bundled digits
    nncli train data.csv --target species         on your own file
    nncli train wine --model softmax --lr 0.01    another model, on a bundled set
    nncli train mnist/ --hidden 256 -o big.npz    on a folder of MNIST files
    nncli train --resume big.npz                  on from where it was stopped
    """
    from nncli.data.load import files_read
    from nncli.model import checkpoint
    from nncli.system.atomic import as_stdout, check_writable, is_stream
    from nncli.system.output import counted, print_json, say
    from nncli.system.threads import use_threads
    from nncli.terminal.progress import Progress, words_of
    from nncli.training import summary
    from nncli.training.prepare import prepare
    from nncli.training.resume import Begun
    from nncli.training.run import Keeper, run_training

    begun, model = None, model_in(config.data)
    out, log = as_stdout(out), as_stdout(log)
    if resume and (out == "-" or is_stream(Path(out or "model.npz"))):
        where = "on stdout" if out == "-" else f"in {out or 'model.npz'}"
        raise OptionError("--out", f"a training that goes on is in a file, and not {where}", "Name the file with -o")
    if resume:
        begun = Begun.find(Path(model or out or "model.npz"))
        if begun is not None:
            named = given if model is None else given - {"data"}  # the model is no data to go on with
            config, out = begun.config(config, named), out or str(begun.path)
    elif model is not None:
        raise OptionError("DATA", f"{model} is a model, and no data", "Add --resume to go on with its training")
    out = out or "model.npz"
    if out == "-" and (json or log == "-"):
        raise OptionError("--out", "the model goes to stdout, where something else is to go too", "Name a file with -o")
    reads = [str(path) for source in (config.data, config.val_data, config.test_data) for path in files_read(source)]
    replaces = out != "-" and not is_stream(Path(out))
    if out != "-":
        check_writable(Path(out), reads)
    if log is not None and log != "-":
        written = (out if out != "-" else None, str(begun.path) if begun else None)
        check_writable(Path(log), (*written, *reads), "--log")
    seconds_apart = _seconds(save_every)
    with contextlib.ExitStack() as stack:
        stack.enter_context(use_threads(config.threads))
        prepared = prepare(config, memory=bytes_of(memory))
        checkpoint.check_room(prepared.dataset)
        state = None if begun is None else begun.state(prepared)
        for note in (*summary.summary(prepared), *prepared.notes):
            say(note, quiet)
        if dry_run:
            plan = summary.plan(prepared)
            if json:
                print_json(plan)
            else:
                from nncli.terminal.training import print_plan

                print_plan(plan)
            return DONE
        stop = StopRequest()
        write_line = stack.enter_context(_logger(log, begun.provenance.epochs() if begun else (), stop))
        if begun is not None and begun.is_done(prepared):
            say(f"{begun.path} is done already: {counted(begun.epochs, 'epoch')}", quiet)
            return _show(begun.provenance.figures, {"out": str(begun.path)}, json, quiet)
        if resume:
            for warning in begun.warnings() if begun else ():
                say(warning)
            say(f"going on after epoch {begun.epochs}" if begun else f"there is no {out} yet: beginning anew", quiet)
        assert prepared.config.epochs is not None
        stack.enter_context(stop)
        keep = None
        if replaces:
            keep = Keeper(lambda found: checkpoint.save(Path(out), *found), seconds_apart)
        with Progress("epoch", prepared.config.epochs, quiet) as progress:

            def on_epoch(epoch: Epoch) -> None:
                progress(epoch.number, words_of(epoch))
                write_line(epoch)

            run = run_training(prepared, on_epoch, stop, state, keep, keep_state)
        if run is None:
            assert stop.exit_code is not None
            say("stopped before the first epoch was done: nothing is saved", quiet)
            return stop.exit_code
        if not replaces:
            stop.restore()  # it may have to wait for a reader
        checkpoint.save(Path(out), run.model, run.provenance)
    seconds = f"{run.seconds:.2f}" if run.seconds < 1 else f"{run.seconds:.1f}"
    kept = f"epoch {run.figures['best_epoch']} of {run.figures['epochs']}"
    say(f"saved {'to stdout' if out == '-' else out}: {kept}, after {seconds} s; {run.stopped}", quiet)
    for note in run.notes:
        say(note, quiet)
    if run.provenance.state is not None and not keep_state and replaces:
        say(f"it goes on with: nncli train --resume {shlex.quote(out)}", quiet)
    _show(run.figures, {"out": out, "seconds": round(run.seconds, 3)}, json, quiet or out == "-")
    if run.failure:
        raise run.failure
    return stop.exit_code or DONE


def _show(figures: dict[str, Any], more: dict[str, Any], json: bool, quiet: bool) -> int:
    if json:
        from nncli.system.output import print_json

        print_json({**more, **figures})
    elif more["out"] != "-":
        from nncli.terminal.training import print_training

        print_training(figures, quiet)
    return DONE


def _seconds(minutes: str | None) -> float | None:
    if minutes is None:
        return None
    try:
        return 60 * not_negative(minutes)
    except ValueError as error:
        raise OptionError("--save-every", f"expected {error}, found '{minutes}'") from None


@contextlib.contextmanager
def _logger(path: str | None, done: Iterable[Epoch], stop: StopRequest) -> Iterator[Callable[[Epoch], None]]:
    """A function that writes a line for an epoch, at once; those that are done already are there again. A line that
    nobody takes is left out when the training is to stop."""
    from dataclasses import asdict

    if path is None:
        yield lambda epoch: None
        return
    if path == "-":

        def print_line(epoch: Epoch) -> None:
            if _is_ready(sys.stdout, stop):
                print(json_format.dumps(asdict(epoch)), flush=True)

        yield print_line
        return
    with contextlib.ExitStack() as stack:
        with _told(path):
            file = stack.enter_context(Path(path).open("ab", buffering=0))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputError(path, "another training is writing to it", "Choose another --log") from None
        except OSError:
            pass  # not every file system has locks
        before: str | None = "".join(json_format.dumps(asdict(epoch)) + "\n" for epoch in done)

        def write(text: str) -> None:
            nonlocal before
            with _told(path):
                if before is not None:  # what was there stays until there is something to write
                    if Path(path).is_file():
                        file.truncate(0)
                    before, text = None, (before or "") + text
                data = text.encode()
                while data and _is_ready(file, stop):
                    data = data[file.write(data[:LITTLE]) or 0 :]

        if before:
            write("")
        yield lambda epoch: write(json_format.dumps(asdict(epoch)) + "\n")


@contextlib.contextmanager
def _told(log: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(log, f"cannot write the log: {error.strerror}", "Choose another --log") from None


def _is_ready(file: IO[Any], stop: StopRequest) -> bool:
    """Wait until a pipe takes a little more, if it is one; False if the training is to stop before that."""
    ready = select.poll()
    ready.register(file, select.POLLOUT)
    while not ready.poll(PAUSE):
        if stop():
            return False
    return True
