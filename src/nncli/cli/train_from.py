"""`nncli train --from MODEL`: go on from a trained model, with new rows."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nncli.cli.epoch_log import epoch_log
from nncli.cli.options import MODEL_FILE, bytes_of
from nncli.cli.signals import StopRequest
from nncli.cli.tracking import check_installed, tracking_of_run
from nncli.cli.training_run import check_outputs, is_file, objective_of, progress_of, show_figures, show_plan
from nncli.config.option import Number, OneOf, read_option
from nncli.config.train_config import TrainConfig
from nncli.data.expand import expand
from nncli.data.sources import STDIN
from nncli.errors import DONE, OptionError, mention
from nncli.system.atomic import as_stdout
from nncli.system.output import say
from nncli.system.threads import use_threads
from nncli.terminal.progress import words_of

if TYPE_CHECKING:
    from nncli.inference.change import Change
    from nncli.model.training_state import Epoch
    from nncli.training.prepare import Prepared

BETWEEN = Number("a share between 0 and 1", lambda value: 0 < value < 1)


def train_from(
    config: TrainConfig,
    given: Collection[str],
    file: str,
    out: str | None,
    json: bool,
    quiet: bool,
    *,
    replay: list[str] | None,
    replay_share: str | None,
    refit_scaling: bool,
    memory: str | None,
    reference: str | None,
    plot: bool,
    log: str | None,
    tensorboard: str | None,
    mlflow: bool,
    dry_run: bool,
) -> int:
    """Train on from a model, save the new one, and print what it gained and what it forgot; return the exit code."""
    from nncli.model import checkpoint
    from nncli.model.training_state import mistakes_of
    from nncli.training import new_rows, summary
    from nncli.training.before import Before, options_to_go_on, takes_a_stream
    from nncli.training.doubts import doubts
    from nncli.training.going_on import go_on

    out, log = as_stdout(out) or MODEL_FILE, as_stdout(log)
    if file == "-":
        raise OptionError("from", "expected a model file, found stdin, where rows may come from", "Name a file")
    before = Before.load(Path(file))
    config = options_to_go_on(before, config, given)
    old = tuple(expand(replay or []))
    if replay_share is not None and not old:
        raise OptionError("replay_share", "there are no rows of before", f"Name them with {mention('replay')}")
    share = new_rows.SHARE if replay_share is None else read_option("replay_share", replay_share, BETWEEN)
    if config.data == STDIN and takes_a_stream(before.model):
        from nncli.cli.train_stream import train_stream

        several: dict[str, Any] = {"replay": old, "refit_scaling": refit_scaling, "memory": memory, "log": log}
        several |= {"reference": reference, "plot": plot, "dry_run": dry_run}
        several |= {"tensorboard": tensorboard, "mlflow": mlflow}
        unfit = [name for name, value in several.items() if value]
        return train_stream(before, config, given, out, json, quiet, unfit)
    check_outputs(config, out, log, json, read=(file, *old))
    check_installed(tensorboard, mlflow)
    with use_threads(config.threads):
        prepared = new_rows.prepare_to_go_on(before, config, old, share, refit_scaling, bytes_of(memory))
        checkpoint.check_fits_model_file(prepared.dataset)
        if reference is not None:
            from nncli.model.file_members import REFERENCES
            from nncli.training.reference import check_reference

            reference = read_option("reference", reference, OneOf(REFERENCES))
            check_reference(reference, prepared)
        said = [*summary.summary(prepared), *prepared.notes, *doubts(prepared)]
        for note in said:
            say(note, quiet)
        if dry_run:
            return show_plan(prepared, json)
        stop, is_number, loss = StopRequest(), prepared.target is not None, objective_of(prepared)
        trackers = tensorboard, mlflow, out, 0, is_number
        with epoch_log(log, (), stop, is_number) as log_epoch, stop, tracking_of_run(*trackers) as tracking:
            tracking.options(prepared.config.options)
            progress = progress_of(prepared, plot, out, quiet)
            with progress:

                def on_epoch(epoch: Epoch) -> None:
                    progress.add(epoch)
                    progress(epoch.number, words_of(epoch, is_number, loss))
                    log_epoch(epoch)
                    tracking.epoch(epoch)

                run = go_on(prepared, on_epoch, stop, reference)
            tracking.status = "finished" if stop.exit_code is None else "killed"
            if run is None:
                assert stop.exit_code is not None
                say("stopped before the first epoch was done: nothing is saved", quiet)
                return stop.exit_code
            changes, unknown = _changes(before, prepared, run)
            if not is_file(out):
                stop.restore()  # it may have to wait for a reader
            checkpoint.save(Path(out), run.model, run.provenance)
            tracking.status = "failed" if run.failure else tracking.status
            tracking.result(run.figures, Path(out) if is_file(out) else None)
    seconds = f"{run.seconds:.2f}" if run.seconds < 1 else f"{run.seconds:.1f}"
    kept = f"epoch {run.figures['best_epoch']} of {run.figures['epochs']}"
    say(f"saved {'to stdout' if out == '-' else out}: {kept}, after {seconds} s; {run.stopped}", quiet)
    said += [*run.notes, *run.misfits, *unknown]
    for note in (*run.notes, *run.misfits, *unknown):
        say(note, quiet)
    told: dict[str, Any] = {"out": out, "seconds": round(run.seconds, 3)}
    told["mistakes"] = mistakes_of(run.provenance.epochs(run.model.config.row_by_row))
    told["from"] = {"model": file, "sha256": before.sha256}
    told["from"] |= {name: its and its.to_json() for name, its in changes.items()}
    show_figures(run.figures, told, said, json, quiet or out == "-")
    if not json and out != "-":
        from nncli.terminal.change import print_changes

        print_changes(changes)
    if run.failure:
        raise run.failure
    return stop.exit_code or DONE


def _changes(before: Any, prepared: Prepared, run: Any) -> tuple[dict[str, Change | None], list[str]]:
    """Return what was gained and what was forgotten, and notes where one of them is not known, or not quite."""
    from nncli.inference.change import forgotten, gained

    new = gained(before, prepared, run.model, run.provenance)
    old, told = forgotten(before, prepared, run.model)
    notes = [] if new else ["what was gained is not known: no new rows were kept for the test"]
    return {"gained": new, "forgotten": old}, [*notes, *told]
