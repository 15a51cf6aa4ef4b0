"""nncli train"""

from __future__ import annotations

import contextlib
import json as json_format
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nncli.cli.options import Json, Quiet, with_config
from nncli.cli.stop import StopRequest
from nncli.config import TrainConfig
from nncli.errors import DONE, OptionError, OutputError

if TYPE_CHECKING:
    from nncli.trainer import Epoch


@with_config
def train(
    config: TrainConfig,
    out: Annotated[
        str, typer.Option("--out", "-o", metavar="FILE", help="Where to save the model.", rich_help_panel="Run")
    ] = "model.npz",
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
    """
    from nncli import checkpoint, experiment
    from nncli.atomic import check_writable
    from nncli.blas import use_threads
    from nncli.output import print_json, say
    from nncli.prepare import prepare
    from nncli.progress import Progress, words_of

    if out == "-" and (json or log == "-"):
        raise OptionError("--out", "the model goes to stdout, where something else is to go too", "Name a file with -o")
    reads = (config.data, config.val_data, config.test_data)
    if out != "-":
        check_writable(Path(out), reads)
    if log not in (None, "-"):
        check_writable(Path(log), (out, *reads), "--log")
    with contextlib.ExitStack() as stack:
        stack.enter_context(use_threads(config.threads))
        prepared = prepare(config)
        for note in (*experiment.summary(prepared), *prepared.notes):
            say(note, quiet)
        if dry_run:
            plan = experiment.plan(prepared)
            if json:
                print_json(plan)
            else:
                from nncli.report import print_plan

                print_plan(plan)
            return DONE
        assert prepared.config.epochs is not None
        write_line = stack.enter_context(_logger(log))
        stop = stack.enter_context(StopRequest())
        with Progress("epoch", prepared.config.epochs, quiet) as progress:

            def on_epoch(epoch: Epoch) -> None:
                progress(epoch.number, words_of(epoch))
                write_line(epoch)

            run = experiment.run(prepared, on_epoch, stop)
        if run is None:
            assert stop.exit_code is not None
            say("stopped before the first epoch was done: nothing is saved", quiet)
            return stop.exit_code
        checkpoint.save(Path(out), run.model, run.provenance)
    seconds = f"{run.seconds:.2f}" if run.seconds < 1 else f"{run.seconds:.1f}"
    kept = f"epoch {run.figures['best_epoch']} of {run.figures['epochs']}"
    say(f"saved {'to stdout' if out == '-' else out}: {kept}, after {seconds} s; {run.stopped}", quiet)
    for note in run.notes:
        say(note, quiet)
    if json:
        print_json({"out": out, "seconds": round(run.seconds, 3), **run.figures})
    elif out != "-":
        from nncli.report import print_training

        print_training(run.figures, quiet)
    if run.failure:
        raise run.failure
    return stop.exit_code or DONE


@contextlib.contextmanager
def _logger(path: str | None) -> Iterator[Callable[[Any], None]]:
    """A function that writes a line for an epoch, at once."""
    from dataclasses import asdict

    if path is None:
        yield lambda epoch: None
        return
    if path == "-":
        yield lambda epoch: print(json_format.dumps(asdict(epoch)), flush=True)
        return
    try:
        with Path(path).open("w", encoding="utf-8") as file:

            def write_line(epoch: Epoch) -> None:
                file.write(json_format.dumps(asdict(epoch)) + "\n")
                file.flush()

            yield write_line
    except OSError as error:
        raise OutputError(path, f"cannot write the log: {error.strerror}", "Choose another --log") from None
