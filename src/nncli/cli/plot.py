"""The command `nncli plot`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nncli.cli.completion import completer
from nncli.cli.options import (
    Given,
    Json,
    OnErrorOption,
    Quiet,
    model_in,
    options_of_rows,
    value_option,
    with_text_options,
)
from nncli.config.distortion_kind import Distortions
from nncli.config.option import Whole, read_option
from nncli.data.expand import expand
from nncli.errors import DONE, OptionError
from nncli.system.atomic import NO_MODEL, check_writable
from nncli.system.characters import composed
from nncli.system.output import WARNING, print_json, say

if TYPE_CHECKING:
    from nncli.data.dataset import Dataset

FILE_HELP = "Model file; a ledger for sweep and parallel, data for the last four."
WHAT_HELP = "What to draw:\n{figure_lines}"
OUT_HELP = "File to draw: .svg, .png or .html."
WORDS_HELP = "Columns that the figure is of, or tsne for embedding and scatter."
ROWS_HELP = "Rows with their classes or numbers that the figure is of, in any form that eval reads."
TARGET_HELP = "For data: column that holds the class."
DISTORT_HELP = "For pictures: what train --distort makes of them."
EPOCHS_HELP = "For boundary: number of epochs whose line to draw too, trained again (linear, two classes)."


@with_text_options
def plot(
    file: Annotated[str, typer.Argument(metavar="FILE", help=FILE_HELP, show_default=False)],
    figure: Annotated[str, typer.Argument(metavar="WHAT", help=WHAT_HELP, autocompletion=completer("WHAT", WHAT_HELP))],
    columns: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="COLUMN", help=WORDS_HELP, show_default=False, autocompletion=completer("COLUMN", WORDS_HELP)
        ),
    ] = None,
    out: Annotated[str | None, value_option("FILE", OUT_HELP, "the terminal", "--out", "-o")] = None,
    data: Annotated[str | None, value_option("FILE", ROWS_HELP, "the test rows of the model")] = None,
    target: Annotated[str | None, value_option("COL", TARGET_HELP, "found by name", "--target", "-t")] = None,
    *,
    given: Given,
    on_error: OnErrorOption = None,
    epochs_shown: Annotated[str | None, value_option("N", EPOCHS_HELP, "the kept one")] = None,
    distort: Annotated[str | None, value_option("NAME", DISTORT_HELP, "none")] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Draw a figure of a model, a sweep or data, in the terminal or as a picture file.

    nncli plot model.npz curve                    loss and accuracy by epoch
    nncli plot model.npz boundary width height    over two of its columns
    nncli plot model.npz roc --data new.csv       on other than its test rows
    nncli plot prices.npz predicted -o p.svg      or .png, or .html
    nncli plot model.sweep.jsonl sweep            of the ledger of a sweep
    nncli plot data.csv columns                   of data, by class
    """
    from nncli.figures.all_kinds import (
        FIGURES,
        Data,
        OfData,
        OfLedger,
        OfModel,
        Subject,
        build_of_data,
        build_of_model,
        trials_of,
    )
    from nncli.figures.vega_lite import check_ending
    from nncli.model import checkpoint

    if figure == "graph":
        of = f"{shlex.quote(file)} --row 1" if Path(file).is_file() else shlex.quote(file)
        raise OptionError("figure", "graph has a command of its own", f"Draw it with: nncli graph {of} -o graph.svg")
    kind = FIGURES.create(figure)
    shown = 0 if epochs_shown is None else read_option("epochs_shown", epochs_shown, Whole(1))
    if shown and figure != "boundary":
        raise OptionError("epochs_shown", f"{figure} has no use for it", "Leave it out, or draw boundary")
    distorted = None if distort is None else read_option("distort", distort, Distortions())
    if distort is not None and figure != "pictures":
        raise OptionError("distort", f"{figure} has no use for it", "Leave it out, or draw pictures")
    source, notes, asked = expand([data] if data else []), list[str](), tuple(map(composed, columns or ()))
    if out is not None:
        check_ending(out)
        check_writable(Path(out), [file, *source], "-o", NO_MODEL)
    if target and not isinstance(kind, OfData):
        raise OptionError("target", f"{figure} is not of data", "Leave it out")
    if isinstance(kind, OfData):
        if data:
            remedy = f"Name the data in place of the model: nncli plot {shlex.quote(data)} {figure}"
            raise OptionError("figure", f"{figure} has no use for --data", remedy)
        dataset = _read(file, figure, target, on_error, given)
        notes.extend(dataset.notes)
        made = build_of_data(kind, Data(dataset, asked, distorted))
    elif isinstance(kind, OfLedger):
        options_of_rows(source, on_error, given)
        if columns or data:
            unused = "columns" if columns else "--data"
            raise OptionError("figure", f"{figure} has no use for {unused}", "Leave that out")
        made = kind.build(trials_of(file))
    else:
        assert isinstance(kind, OfModel)
        text, policy = options_of_rows(source, on_error, given)
        _refuse_data(file, figure)
        loaded, provenance = checkpoint.load(Path(file))
        if out is not None:
            check_writable(Path(out), (*provenance.source, *loaded.config.data.test_source), "-o")
        where = loaded, provenance, file, source, asked, notes, text, policy
        subject = Subject(*where, epochs_shown=shown)
        made = build_of_model(kind, subject)
        notes = [note for note in notes if kind.judges or not note.startswith(WARNING)]
    for note in notes:
        say(note, quiet)
    if out is not None:
        from nncli.report.figure_file import write_figure

        write_figure(made, Path(out))
    if json:
        print_json(made.to_json())
    elif out is None:
        from nncli.terminal.figures import print_figure

        print_figure(made)
    return DONE


def _read(file: str, figure: str, target: str | None, on_error: str | None, given: Given) -> Dataset:
    """Read data to draw; OptionError for a model, which has none in it."""
    from nncli.config.resolved import DataConfig
    from nncli.config.train_config import TrainConfig
    from nncli.data.load import load_dataset

    source = expand([file])
    if model_in(source) is not None:
        raise OptionError("figure", f"{figure}: it is of data, and {file} is a model", "Name the data in its place")
    config = TrainConfig.from_values({"data": source, "target": target, "on_error": on_error, **given})
    return load_dataset(config.data, DataConfig.of(config).csv, config.dtype)


def _refuse_data(file: str, figure: str) -> None:
    """Raise OptionError for data or a ledger in place of a model."""
    from nncli.data.bundled import BUNDLED
    from nncli.figures.all_kinds import FIGURES, OfData
    from nncli.sweep.ledger import begins_ledger

    path = Path(file)
    if (not path.exists() and file in BUNDLED) or (path.is_file() and model_in((file,)) is None):
        is_ledger = path.is_file() and begins_ledger(path)
        of_data = [name for name in FIGURES if isinstance(FIGURES.create(name), OfData)]
        remedy = f"Train one with: nncli train {shlex.quote(file)}, or draw {', '.join(of_data[:-1])} or {of_data[-1]}"
        problem = f"it is of a model, and {file} is {'a ledger' if is_ledger else 'none'}"
        raise OptionError("figure", f"{figure}: {problem}", "Name the model of the sweep" if is_ledger else remedy)
