"""`nncli train --from MODEL -`: learn from rows as they come, for models that see one row at a time."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from nncli.cli.signals import Ended, held_back
from nncli.config.resolved import DataConfig
from nncli.config.train_config import TrainConfig
from nncli.data.load_stream import stream_like
from nncli.data.row_blocks import OnError
from nncli.data.sources import STDIN, title
from nncli.errors import DONE, DataError, OptionError
from nncli.model import checkpoint
from nncli.model.training_state import mistakes_of
from nncli.system.atomic import MODEL, check_writable
from nncli.system.output import counted, in_quotes, percent, print_json, say
from nncli.system.threads import use_threads
from nncli.training.before import Before
from nncli.training.stream import StreamRun

MAY_CHANGE = ("data", "target", "lr", "threads", "encoding", "skip_rows", "quote", "escape", "header_rows", "on_error")
FIRST_WORD = 1024  # rows after which is said how good the model has been, and then each time there are twice as many
SEEN_ONCE = "rows from stdin are learned from as they come, and seen once"


def train_stream(
    before: Before, config: TrainConfig, given: Collection[str], out: str, json: bool, quiet: bool, unfit: Iterable[str]
) -> int:
    """Learn from the rows of stdin, and save the model at their end, or where a signal ends them; return the exit
    code. Raises OptionError for options of a run that sees its rows several times, of which `unfit` are given."""
    for name in (*unfit, *(name for name in given if name not in MAY_CHANGE)):
        raise OptionError(name, SEEN_ONCE, "Leave it out, or save the rows in a file, and name that")
    _check(before, config)
    if out != "-":
        check_writable(Path(out), (before.file,), replaces=MODEL)
    elif json:
        raise OptionError("out", "the model goes to stdout, where something else is to go too", "Name a file with -o")
    run, began = StreamRun(before, config.lr if "lr" in given else None), time.monotonic()
    for note in (f"from: {before.file}; {SEEN_ONCE}", *run.notes()):
        say(note, quiet)
    with use_threads(config.threads):
        try:
            _learn(run, config, quiet)
        except (Ended, KeyboardInterrupt):
            _save(run, out, time.monotonic() - began, json, quiet)  # what was learned so far
            sys.stdout.flush()  # which is not done on the way out
            raise
        if not run.n:
            raise DataError(title(STDIN), "no rows below the header")
        _save(run, out, time.monotonic() - began, json, quiet)
    return DONE


def _check(before: Before, config: TrainConfig) -> None:
    """Raise OptionError where the model asks for what is not known before the last row."""
    remedy = "Save the rows in a file, and name that"
    if config.class_weight == "balanced":
        problem = f"{before.file} has balanced classes, and how many rows of each will come is not known"
        raise OptionError("class_weight", problem, remedy)
    if config.distort is not None:
        raise OptionError("distort", f"{before.file} distorts its rows, and those of a stream are as they come", remedy)
    if config.weight is not None:
        problem = f"{before.file} weighs rows by column '{config.weight}', and those of a stream have no weights"
        raise OptionError("weight", problem, remedy)


def _learn(run: StreamRun, config: TrainConfig, quiet: bool) -> None:
    """Learn from all rows of stdin."""
    csv, model, word = DataConfig.of(config).csv, run.before.model, FIRST_WORD
    policy: OnError = csv.on_error
    how: dict[str, Any] = {"on_error": policy, "text": csv.text_of_others, "known": model.known_cells}
    with stream_like("-", model.schema, config.dtype, with_target=True, **how) as (blocks, _, notes):
        told = len(notes)
        for note in notes:
            say(note, quiet)
        for block in blocks:
            with held_back():
                run.add(block)
            if run.n >= word:
                so_far = percent(run.accuracy)
                say(f"{run.n:,} rows: {so_far} right so far, each before it was learned from", quiet)
                while word <= run.n:
                    word *= 2
        for note in notes[told:]:
            say(note, quiet)
    with held_back():
        run.finish()


def _save(run: StreamRun, out: str, seconds: float, json: bool, quiet: bool) -> None:
    """Save the model as it is, and print how good it was on the rows before it learned from them."""
    run.finish()
    if not run.n:
        say("stopped before the first row was learned from: nothing is saved")
        return
    for name, n in run.unseen.items():
        unseen = f"{counted(n, 'cell')} with a category that the model has not seen"
        say(f"column {in_quotes(name)}: {unseen}; --from with a file of such rows adds it", quiet)
    model, provenance = run.result()
    checkpoint.save(Path(out), model, provenance)
    say(f"saved {'to stdout' if out == '-' else out}: {counted(run.n, 'row')}, each learned from once", quiet)
    found = dataclasses.asdict(run.difference())
    after, was = found.pop("values")
    progressive = {"n": run.n, "accuracy": after, "before": was, **found}
    if json:
        mistakes = mistakes_of(provenance.epochs(model.config.row_by_row))
        parent = {"model": run.before.file, "sha256": run.before.sha256}
        told = {
            "out": out,
            "seconds": round(seconds, 3),
            "mistakes": mistakes,
            "from": parent,
            "progressive": progressive,
        }
        print_json({**told, **provenance.figures, "warnings": []})
    elif out != "-":
        from nncli.terminal.change import print_progressive

        print_progressive(progressive, provenance.figures["baseline_accuracy"])
