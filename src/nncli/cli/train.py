"""The command `nncli train`."""

from __future__ import annotations

import dataclasses
import functools
import shlex
from collections.abc import Callable
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
from nncli.cli.tracking import TensorBoardFolder, ToMLflow, check_installed, tracking_of_run
from nncli.cli.training_run import check_outputs, is_file, objective_of, progress_of, show_figures, show_plan
from nncli.config.option import NOT_NEGATIVE, OneOf, read_option
from nncli.config.train_config import TrainConfig
from nncli.errors import DONE, OptionError, mention
from nncli.nn.models import AutoModel
from nncli.system.atomic import as_stdout
from nncli.system.output import counted, say
from nncli.system.threads import use_threads
from nncli.terminal.progress import Progress, words_of

if TYPE_CHECKING:
    from nncli.model.training_state import Epoch, TrainingState
    from nncli.training.prepare import Prepared
    from nncli.training.resume import ResumableRun
    from nncli.training.run import Run

LOG_HELP = (
    "File to write the figures of each epoch to, a line each: CSV where its name ends in .csv, else JSON. With --folds "
    "of the final model, with --refit of the run that chooses the epoch."
)
RESUME_HELP = "Resume the run of the model given as DATA, or at --out."
SAVE_HELP = "Time between two saves of the model so far, from which --resume starts; each at the end of an epoch."
BEST_HELP = "Search for the best model: the same as --model auto, which see. --time-limit says how long."
KINDS = OneOf(("trees", "linear"))
REFERENCE_HELP = (
    "Kind of model of scikit-learn to train too, on the same rows, and to compare with: trees (boosted) or linear "
    "(logistic regression; of numbers linear regression)."
)
FROM_HELP = "Model to go on from: its parameters and preprocessing, on new rows."
REPLAY_HELP = "File of rows of before to see again beside the new ones, with --from; may be repeated."
REPLAY_SHARE_HELP = "Share of the training rows that come from --replay."
REFIT_SCALING_HELP = "Scale columns as the training rows of this run have it, with --from."
run_option, run_switch = functools.partial(value_option, group="Run"), functools.partial(switch, group="Run")


@functools.partial(with_config, argument_help=SEVERAL_HELP, several=True)
def train(
    config: TrainConfig,
    given: frozenset[str],
    out: Annotated[str | None, run_option("FILE", "File to save the model in.", MODEL_FILE, "--out", "-o")] = None,
    best: Annotated[bool, switch("--best", BEST_HELP, group="Model")] = False,
    resume: Annotated[bool, run_switch("--resume", RESUME_HELP)] = False,
    from_: Annotated[str | None, run_option("MODEL", FROM_HELP, "random weights", "--from")] = None,
    replay: Annotated[list[str] | None, run_option("FILE", REPLAY_HELP)] = None,
    replay_share: Annotated[str | None, run_option("SHARE", REPLAY_SHARE_HELP, "0.8, or all there are")] = None,
    refit_scaling: Annotated[bool, run_switch("--refit-scaling", REFIT_SCALING_HELP)] = False,
    save_every: Annotated[
        str | None, run_option("MINUTES", SAVE_HELP, "each epoch, but no more than once a second")
    ] = None,
    keep_state: Annotated[
        bool, run_switch("--keep-state", "Keep in the model what --resume needs to train more epochs later.")
    ] = False,
    memory: Memory = None,
    reference: Annotated[str | None, run_option("KIND", REFERENCE_HELP, "none", kind=KINDS)] = None,
    plot: Annotated[bool, run_switch("--plot", "Draw the curve live; later, see nncli plot MODEL curve.")] = False,
    log: Annotated[str | None, run_option("FILE", LOG_HELP)] = None,
    tensorboard: TensorBoardFolder = None,
    mlflow: ToMLflow = False,
    dry_run: Annotated[bool, run_switch("--dry-run", "Show what would be done, and stop.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Train a model on a file and save it.

    nncli train                                   a network on the bundled digits
    nncli train data.csv --target species         on your own file
    nncli train data.csv --best --time-limit 60   the best found in a minute
    nncli train --resume big.npz                  from where it was stopped
    nncli train --from big.npz new.csv -o b.npz   on from there, with new rows
    """
    if best:
        config, given = _with_search(config), given | {"model"}
    for_old: dict[str, Any] = {"replay": replay, "replay_share": replay_share, "refit_scaling": refit_scaling}
    if from_ is not None:
        from nncli.cli.train_from import train_from

        for name, value in {"resume": resume, "save_every": save_every, "keep_state": keep_state}.items():
            if value:
                problem = f"a run that goes on with {mention('from')} is not saved on its way, and has no state to keep"
                raise OptionError(name, problem, f"Leave it out; a later {mention('from')} goes on from its model")
        how: dict[str, Any] = {"memory": memory, "reference": reference, "plot": plot, "log": log, "dry_run": dry_run}
        how |= {"tensorboard": tensorboard, "mlflow": mlflow}
        return train_from(config, given, from_, out, json, quiet, **for_old, **how)
    for name, value in for_old.items():
        if value:
            raise OptionError(name, f"it is for rows that a model goes on with, and there is no {mention('from')}")
    from nncli.diagnostics.flattering_splits import flattering_splits
    from nncli.model import checkpoint
    from nncli.model.training_state import mistakes_of
    from nncli.nn.kernels.choice import is_compiled
    from nncli.training import summary
    from nncli.training.doubts import doubts
    from nncli.training.fused_steps import needs_unit_loops
    from nncli.training.prepare import prepare

    out, log, resumed = as_stdout(out), as_stdout(log), None
    if resume:
        resumed, config, out = _find_run(config, given, out)
    elif model_in(config.data) is not None and Path(config.data[0]).exists():
        raise OptionError("data", f"{config.data[0]} is a model, not data", "Add --resume to resume its run")
    if config.preset.searches:
        for name, value in {"resume": resume, "save_every": save_every, "keep_state": keep_state}.items():
            if value:
                problem = f"a run with {mention('model', config.preset.name)} is saved only at its end"
                raise OptionError(name, problem, "Leave it out")
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
    check_outputs(config, out, log, json, str(resumed.path) if resumed else None)
    check_installed(tensorboard, mlflow)
    seconds_apart = None if save_every is None else 60 * read_option("save_every", save_every, NOT_NEGATIVE)
    with use_threads(config.threads):
        prepared = prepare(config, memory=bytes_of(memory), chosen=() if resumed is None else resumed.chosen)
        checkpoint.check_fits_model_file(prepared.dataset)
        if reference is not None:
            from nncli.training.reference import check_reference

            reference = read_option("reference", reference, KINDS)
            check_reference(reference, prepared)
        state = None if resumed is None else resumed.state(prepared)
        said = [*summary.summary(prepared), *prepared.notes, *doubts(prepared), *flattering_splits(prepared)]
        for note in said:
            say(note, quiet)
        if dry_run:
            return show_plan(prepared, json)
        stop = StopRequest()
        done = resumed.history if resumed else ()
        with epoch_log(log, done, stop, prepared.target is not None) as log_epoch:
            if resumed is not None and resumed.is_done(prepared):
                say(f"{resumed.path} is done already: {counted(resumed.epochs, 'epoch')}", quiet)
                more: dict[str, Any] = {"out": str(resumed.path), "mistakes": mistakes_of(resumed.history)}
                return show_figures(resumed.provenance.figures, more, said, json, quiet)
            if resume:
                _say_where_it_resumes(resumed, out, quiet)
            needed = prepared.train.matrix.is_sparse, needs_unit_loops(prepared.config)
            if not is_compiled(prepared.config.training.kernels, *needed):
                say("compiling the loops of this run, once on this machine: it takes some seconds", quiet)
            is_regression = prepared.target is not None
            with stop, tracking_of_run(tensorboard, mlflow, out, len(done), is_regression) as tracking:
                tracking.options(prepared.config.options)

                def told(epoch: Epoch) -> None:
                    log_epoch(epoch)
                    tracking.epoch(epoch)

                progress = progress_of(prepared, plot, out, quiet, resumed.history if resumed else ())
                run = _run(prepared, out, told, stop, state, seconds_apart, keep_state, reference, progress)
                tracking.status = "finished" if stop.exit_code is None else "killed"
                if run is None:
                    assert stop.exit_code is not None
                    first = "network" if config.preset.searches else "epoch"
                    before = f"the first {first} was" if config.folds is None else "all folds and the model were"
                    say(f"stopped before {before} done: nothing is saved", quiet)
                    return stop.exit_code
                if not is_file(out):
                    stop.restore()  # it may have to wait for a reader
                checkpoint.save(Path(out), run.model, run.provenance)
                tracking.status = "failed" if run.failure else tracking.status
                tracking.result(run.figures, Path(out) if is_file(out) else None)
    _say_what_is_saved(run, out, keep_state, quiet)
    said += [*run.notes, *run.misfits]
    mistakes = mistakes_of(run.provenance.epochs(run.model.config.row_by_row))
    more = {"out": out, "seconds": round(run.seconds, 3), "mistakes": mistakes}
    show_figures(run.figures, more, said, json, quiet or out == "-")
    if run.failure:
        raise run.failure
    return stop.exit_code or DONE


def _with_search(config: TrainConfig) -> TrainConfig:
    """Return the options with the model that --best stands for."""
    if config.model is not None and not config.preset.searches:
        problem = f"it searches for a model, and {mention('model', config.model)} names one"
        raise OptionError("best", problem, "Leave one of them out")
    return dataclasses.replace(config, model=AutoModel.name)


def _find_run(
    config: TrainConfig, given: frozenset[str], out: str | None
) -> tuple[ResumableRun | None, TrainConfig, str | None]:
    """Return the run to resume, or None where it has saved nothing yet; its options; and the file of its model."""
    from nncli.training.resume import ResumableRun

    if not is_file(out or MODEL_FILE):
        where = "on stdout" if out == "-" else f"in {out or MODEL_FILE}"
        raise OptionError("out", f"a run to resume is in a file, and not {where}", "Name the file with -o")
    model = model_in(config.data)
    among_data = [name for name in config.data if model is None and model_in((name,))]
    if among_data:
        problem = f"expected the model of a run, or its data, found both, as {among_data[0]} is a model"
        raise OptionError("data", problem, f"Name the model alone, or with {mention('out', among_data[0])}")
    resumed = ResumableRun.find(Path(model or out or MODEL_FILE))
    if resumed is None:
        return None, config, out
    named = given if model is None else given - {"data"}  # the model is no data to train on
    return resumed, resumed.config(config, named), out or str(resumed.path)


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

    saver = PeriodicSaver(functools.partial(checkpoint.save, Path(out)), seconds_apart) if is_file(out) else None
    folds, loss = prepared.config.options.folds, objective_of(prepared)
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
    if run.model.config.parts:
        kept = f"a blend of {counted(len(run.model.config.parts), 'network')}"
    say(f"saved {'to stdout' if out == '-' else out}: {kept}, after {seconds} s; {run.stopped}", quiet)
    for note in (*run.notes, *run.misfits):
        say(note, quiet)
    if run.provenance.state is not None and not keep_state and is_file(out):
        say(f"resume it with: nncli train --resume {shlex.quote(out)}", quiet)
