"""Around a training run, whatever it begins with: look at its files, show how far it is, print its figures."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nncli.config.train_config import TrainConfig
from nncli.errors import DONE, OptionError
from nncli.system.atomic import LOG, MODEL, check_writable, is_stream
from nncli.system.output import print_json, say, warnings_in
from nncli.terminal.progress import Progress

if TYPE_CHECKING:
    from nncli.model.training_state import Epoch
    from nncli.training.prepare import Prepared


def check_outputs(
    config: TrainConfig, out: str, log: str | None, json: bool, written: str | None = None, read: Sequence[str] = ()
) -> None:
    """Raise an error now where the model or the log could not be written later; `written` is another file of the run,
    and `read` are those that it reads beside its data."""
    from nncli.data.unchanged_source import files_read

    if out == "-" and (json or log == "-"):
        raise OptionError("out", "the model goes to stdout, where something else is to go too", "Name a file with -o")
    if out == "-" and sys.stdout.isatty():
        raise OptionError("out", "a model is not text, and stdout is a terminal", "Name a file, or add > FILE")
    if json and log == "-":
        raise OptionError("log", "--json prints one document, and the log would stand before it", "Name a file")
    sources = config.data, config.val_data, config.test_data
    reads = [*read, *(str(path) for source in sources for path in files_read(source))]
    if out != "-":
        check_writable(Path(out), reads, replaces=MODEL)
    if log is not None and log != "-":
        check_writable(Path(log), (out if out != "-" else None, written, *reads), "--log", LOG)


def is_file(out: str) -> bool:
    """Tell whether the model is saved in a file, rather than written to stdout, a pipe or a device."""
    return out != "-" and not is_stream(Path(out))


def progress_of(prepared: Prepared, plot: bool, out: str, quiet: bool, before: Sequence[Epoch] = ()) -> Progress:
    """Return what shows how far training is: with `plot`, by a picture too."""
    folds = prepared.config.options.folds
    steps = ("fold", folds[0] * folds[1]) if folds is not None else ("epoch", prepared.config.training.epochs)
    if prepared.config.options.preset.searches:
        from nncli.training.search import steps_of

        steps = "step", steps_of(prepared)
    if not plot:
        return Progress(*steps, quiet)
    from nncli.terminal.live_figure import CurveProgress

    is_regression = prepared.target is not None
    return CurveProgress(*steps, quiet, f"Training of {out}", before, is_regression, objective_of(prepared))


def objective_of(prepared: Prepared) -> str:
    """Return what the loss is called that training minimises."""
    return prepared.config.objective_name(len(prepared.dataset.classes))


def show_plan(prepared: Prepared, json: bool) -> int:
    from nncli.training import summary

    plan = summary.plan(prepared)
    if json:
        print_json(plan)
    else:
        from nncli.terminal.training import print_plan

        print_plan(plan)
    return DONE


def show_figures(figures: dict[str, Any], more: dict[str, Any], said: Sequence[str], json: bool, quiet: bool) -> int:
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
