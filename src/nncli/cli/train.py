"""The command `nncli train`."""

from __future__ import annotations

import functools
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from nncli.cli.epoch_log import epoch_log
from nncli.cli.options import (
    MODEL_FILE,
    SEVERAL_HELP,
    Json,
    Memory,
    Quiet,
    bytes_of,
    model_in,
    switch,
    value_option,
    with_config,
)
from nncli.cli.signals import StopRequest
from nncli.config.option import NOT_NEGATIVE, OneOf, read_option
from nncli.config.train_config import TrainConfig
from nncli.errors import DONE, OptionError, mention
from nncli.system.atomic import LOG, MODEL, as_stdout, check_writable, is_stream
from nncli.system.output import counted, print_json, say, warnings_in
from nncli.system.threads import use_threads
from nncli.terminal.progress import Progress, words_of

if TYPE_CHECKING:
    from nncli.model.training_state import Epoch, TrainingState
    from nncli.training.prepare import Prepared
    from nncli.training.resume import ResumableRun
    from nncli.training.run import Run

LOG_HELP = (
    "File to write a line of JSON to after each epoch: with --folds of the final model, with --refit of the run that "
    "chooses the epoch."
)
RESUME_HELP = "Resume the training run of the model given as DATA, or of the model at --out, to the same end."
SAVE_HELP = "Time between two saves of the model so far, from which --resume starts; each at the end of an epoch."
REFERENCE_HELP = (
    "Kind of model of scikit-learn to train too, on the same rows, and to compare with: trees (boosted) or linear "
    "(logistic regression; of numbers linear regression)."
)
run_option, run_switch = functools.partial(value_option, group="Run"), functools.partial(switch, group="Run")


@functools.partial(with_config, argument_help=SEVERAL_HELP, several=True)
def train(
    config: TrainConfig,
    given: frozenset[str],
    out: Annotated[str | None, run_option("FILE", "File to save the model in.", MODEL_FILE, "--out", "-o")] = None,
    resume: Annotated[bool, run_switch("--resume", RESUME_HELP)] = False,
    save_every: Annotated[
        str | None, run_option("MINUTES", SAVE_HELP, "each epoch, but no more than once a second")
    ] = None,
    keep_state: Annotated[
        bool, run_switch("--keep-state", "Keep in the model what --resume needs to train more epochs later.")
    ] = False,
    memory: Memory = None,
    reference: Annotated[str | None, run_option("KIND", REFERENCE_HELP, "none")] = None,
    plot: Annotated[bool, run_switch("--plot", "Draw the curve live; later, see nncli plot MODEL curve.")] = False,
    log: Annotated[str | None, run_option("FILE", LOG_HELP)] = None,
    dry_run: Annotated[bool, run_switch("--dry-run", "Show what would be done, and stop.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Train a model on a file and save it.

    nncli train                                   a network on the bundled digits
    nncli train data.csv --target species         on your own file
    nncli train wine --model softmax --lr 0.01    another model, on a bundled set
    nncli train mnist/ --hidden 256 -o big.npz    on a folder of MNIST files
    nncli train --resume big.npz                  from where it was stopped
    """
    from nncli.diagnostics.flattering_splits import flattering_splits
    from nncli.model import checkpoint
    from nncli.model.training_state import mistakes_of
    from nncli.training import summary
    from nncli.training.doubts import doubts
    from nncli.training.prepare import prepare

    out, log, resumed = as_stdout(out), as_stdout(log), None
    if resume:
        resumed, config, out = _find_run(config, given, out)
    elif model_in(config.data) is not None and Path(config.data[0]).exists():
        raise OptionError("data", f"{config.data[0]} is a model, not data", "Add --resume to resume its run")
    if (resume or keep_state) and config.folds is not None:
        option = "resume" if resume else "keep_state"
        raise OptionError(option, f"a run with {mention('folds')} cannot be resumed", "Leave one of them out")
    if save_every is not None and config.folds is not None:
        problem = f"with {mention('folds')} the model is saved only at the end"
        raise OptionError("save_every", problem, "Leave one of them out")
    if keep_state and config.refit:
        problem = f"with {mention('refit')} the model is trained anew at the end, and has no more epochs to come"
        raise OptionError("keep_state", problem, "Leave one of them out")
    out = out or MODEL_FILE
    _check_outputs(config, out, log, resumed, json)
    seconds_apart = None if save_every is None else 60 * read_option("save_every", save_every, NOT_NEGATIVE)
    with use_threads(config.threads):
        prepared = prepare(config, memory=bytes_of(memory))
        checkpoint.check_fits_model_file(prepared.dataset)
        if reference is not None:
            from nncli.model.file_members import REFERENCES
            from nncli.training.reference import check_reference

            reference = read_option("reference", reference, OneOf(REFERENCES))
            check_reference(reference, prepared)
        state = None if resumed is None else resumed.state(prepared)
        said = [*summary.summary(prepared), *prepared.notes, *doubts(prepared), *flattering_splits(prepared)]
        for note in said:
            say(note, quiet)
        if dry_run:
            return _show_plan(prepared, json)
        stop = StopRequest()
        done = resumed.history if resumed else ()
        with epoch_log(log, done, stop, prepared.target is not None) as log_epoch:
            if resumed is not None and resumed.is_done(prepared):
                say(f"{resumed.path} is done already: {counted(resumed.epochs, 'epoch')}", quiet)
                told: dict[str, Any] = {"out": str(resumed.path), "mistakes": mistakes_of(resumed.history)}
                return _show(resumed.provenance.figures, told, said, json, quiet)
            if resume:
                _say_where_it_resumes(resumed, out, quiet)
            with stop:
                progress = _progress(prepared, plot, out, resumed, quiet)
                run = _run(prepared, out, log_epoch, stop, state, seconds_apart, keep_state, reference, progress)
                if run is None:
                    assert stop.exit_code is not None
                    before = "the first epoch was" if config.folds is None else "all folds and the model were"
                    say(f"stopped before {before} done: nothing is saved", quiet)
                    return stop.exit_code
                if not _is_file(out):
                    stop.restore()  # it may have to wait for a reader
                checkpoint.save(Path(out), run.model, run.provenance)
    _say_what_is_saved(run, out, keep_state, quiet)
    said += [*run.notes, *run.misfits]
    mistakes = mistakes_of(run.provenance.epochs(run.model.config.row_by_row))
    told = {"out": out, "seconds": round(run.seconds, 3), "mistakes": mistakes}
    _show(run.figures, told, said, json, quiet or out == "-")
    if run.failure:
        raise run.failure
    return stop.exit_code or DONE


def _find_run(
    config: TrainConfig, given: frozenset[str], out: str | None
) -> tuple[ResumableRun | None, TrainConfig, str | None]:
    """Return the run to resume, or None where it has saved nothing yet; its options; and the file of its model."""
    from nncli.training.resume import ResumableRun

    if not _is_file(out or MODEL_FILE):
        where = "on stdout" if out == "-" else f"in {out or MODEL_FILE}"
        raise OptionError("out", f"a run to resume is in a file, and not {where}", "Name the file with -o")
    model = model_in(config.data)
    resumed = ResumableRun.find(Path(model or out or MODEL_FILE))
    if resumed is None:
        return None, config, out
    named = given if model is None else given - {"data"}  # the model is no data to train on
    return resumed, resumed.config(config, named), out or str(resumed.path)


def _check_outputs(config: TrainConfig, out: str, log: str | None, resumed: ResumableRun | None, json: bool) -> None:
    """Raise an error now where the model or the log could not be written later."""
    from nncli.data.unchanged_source import files_read

    if out == "-" and (json or log == "-"):
        raise OptionError("out", "the model goes to stdout, where something else is to go too", "Name a file with -o")
    if out == "-" and sys.stdout.isatty():
        raise OptionError("out", "a model is not text, and stdout is a terminal", "Name a file, or add > FILE")
    if json and log == "-":
        raise OptionError("log", "--json prints one document, and the log would stand before it", "Name a file")
    reads = [str(path) for source in (config.data, config.val_data, config.test_data) for path in files_read(source)]
    if out != "-":
        check_writable(Path(out), reads, replaces=MODEL)
    if log is not None and log != "-":
        written = (out if out != "-" else None, str(resumed.path) if resumed else None)
        check_writable(Path(log), (*written, *reads), "--log", LOG)


def _is_file(out: str) -> bool:
    """Tell whether the model is saved in a file, rather than written to stdout, a pipe or a device."""
    return out != "-" and not is_stream(Path(out))


def _progress(prepared: Prepared, plot: bool, out: str, resumed: ResumableRun | None, quiet: bool) -> Progress:
    """Return what shows how far training is: with `plot`, by a picture too."""
    folds = prepared.config.options.folds
    steps = ("fold", folds[0] * folds[1]) if folds is not None else ("epoch", prepared.config.training.epochs)
    if not plot:
        return Progress(*steps, quiet)
    from nncli.terminal.live_figure import CurveProgress

    before, is_regression = resumed.history if resumed else (), prepared.target is not None
    return CurveProgress(*steps, quiet, f"Training of {out}", before, is_regression, _objective_name(prepared))


def _objective_name(prepared: Prepared) -> str:
    """Return what the loss is called that training minimises."""
    return prepared.config.objective_name(len(prepared.dataset.classes))


def _run(
    prepared: Prepared,
    out: str,
    log_epoch: Callable[[Epoch], None],
    stop: StopRequest,
    state: TrainingState | None,
    seconds_apart: float | None,
    keep_state: bool,
    reference: str | None,
    progress: Progress,
) -> Run | None:
    """Train, with a progress bar, a log and saves on the way; None if it was stopped before the first epoch."""
    from nncli.model import checkpoint
    from nncli.training.final_model import train_model
    from nncli.training.run import PeriodicSaver

    saver = PeriodicSaver(functools.partial(checkpoint.save, Path(out)), seconds_apart) if _is_file(out) else None
    folds, loss = prepared.config.options.folds, _objective_name(prepared)
    with progress:

        def on_epoch(epoch: Epoch) -> None:
            progress.add(epoch)
            if folds is None:
                progress(epoch.number, words_of(epoch, prepared.target is not None, loss))
            log_epoch(epoch)

        def on_fold(number: int) -> None:
            progress(number, "")

        return train_model(prepared, on_epoch, stop, state, saver, keep_state, reference, on_fold)


def _say_where_it_resumes(resumed: ResumableRun | None, out: str, quiet: bool) -> None:
    if resumed is None:
        say(f"there is no {out} yet: starting from the beginning", quiet)
        return
    for warning in resumed.warnings():
        say(warning)
    say(f"resuming after epoch {resumed.epochs}", quiet)


def _say_what_is_saved(run: Run, out: str, keep_state: bool, quiet: bool) -> None:
    seconds = f"{run.seconds:.2f}" if run.seconds < 1 else f"{run.seconds:.1f}"
    kept = f"epoch {run.figures['best_epoch']} of {run.figures['epochs']}"
    say(f"saved {'to stdout' if out == '-' else out}: {kept}, after {seconds} s; {run.stopped}", quiet)
    for note in (*run.notes, *run.misfits):
        say(note, quiet)
    if run.provenance.state is not None and not keep_state and _is_file(out):
        say(f"resume it with: nncli train --resume {shlex.quote(out)}", quiet)


def _show_plan(prepared: Prepared, json: bool) -> int:
    from nncli.training import summary

    plan = summary.plan(prepared)
    if json:
        print_json(plan)
    else:
        from nncli.terminal.training import print_plan

        print_plan(plan)
    return DONE


def _show(figures: dict[str, Any], more: dict[str, Any], said: Sequence[str], json: bool, quiet: bool) -> int:
    if json:
        print_json({**more, **figures, "warnings": warnings_in(said)})
    elif more["out"] != "-":
        from nncli.terminal.training import print_training

        print_training(figures, quiet)
    if figures["reference"] and (json or more["out"] == "-"):  # where stdout has no room for it
        from nncli.training.reference import say_comparison

        for line in say_comparison(figures["reference"], figures.get("positive")):
            say(line, quiet)
    return DONE
