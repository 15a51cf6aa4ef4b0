"""The command `nncli plot`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nncli.cli.options import (
    EncodingOption,
    Escape,
    HeaderRows,
    Json,
    OnErrorOption,
    Quiet,
    Quote,
    RowsOption,
    Sheet,
    SkipRows,
    options_of_rows,
    value_option,
)
from nncli.config.option import Whole, read_option
from nncli.data.expand import expand
from nncli.errors import DONE, OptionError
from nncli.system.atomic import NO_MODEL, atomic_file, check_writable
from nncli.system.output import print_json, say

FILE_HELP = "Model file that nncli train has saved; for sweep and parallel, a ledger."
OUT_HELP = "File to draw: .svg, .png, or .html, which opens without network."
WORDS_HELP = "A column for effect, two for boundary; for embedding, the word tsne."
ROWS_HELP = "Rows with their classes that the figure is of, in any form that eval reads."
EPOCHS_HELP = "For boundary: number of epochs whose line to draw too, trained again (linear, two classes)."


def plot(
    file: Annotated[str, typer.Argument(metavar="MODEL", help=FILE_HELP, show_default=False)],
    figure: Annotated[str, typer.Argument(metavar="WHAT", help="What to draw:\n{figure_lines}")],
    columns: Annotated[
        list[str] | None,
        typer.Argument(metavar="COLUMN", help=WORDS_HELP, show_default=False),
    ] = None,
    out: Annotated[str | None, value_option("FILE", OUT_HELP, "the terminal", "--out", "-o")] = None,
    data: Annotated[str | None, value_option("FILE", ROWS_HELP, "the test rows of the model")] = None,
    encoding: EncodingOption = None,
    skip_rows: SkipRows = None,
    sheet: Sheet = None,
    quote: Quote = None,
    escape: Escape = None,
    header_rows: HeaderRows = None,
    rows: RowsOption = None,
    on_error: OnErrorOption = None,
    epochs_shown: Annotated[str | None, value_option("N", EPOCHS_HELP, "only the epoch that was kept")] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Draw a figure of a model or a sweep, in the terminal or as a picture file.

    nncli plot model.npz curve                    loss and accuracy by epoch
    nncli plot model.npz roc --data new.csv       on other than its test rows
    nncli plot model.npz boundary width height    over two of its columns
    nncli plot model.npz effect width             what it does to the answer
    nncli plot model.npz confusion -o c.svg       or .png, or .html
    nncli plot model.sweep.jsonl sweep            of the ledger of a sweep
    nncli graph model.npz --row 7 --out row.svg   a network and a row as a graph
    """
    from nncli.figures.all_kinds import FIGURES, OfLedger, OfModel, Subject, build_of_model, trials_of
    from nncli.figures.vega_lite import check_ending, drawn
    from nncli.model import checkpoint

    if figure == "graph":
        raise OptionError(
            "figure", "it has a command of its own", f"Draw it with: nncli graph {file} --row 1 --out graph.svg"
        )
    kind = FIGURES.create(figure)
    shown = 0 if epochs_shown is None else read_option("epochs_shown", epochs_shown, Whole(1))
    if shown and figure != "boundary":
        raise OptionError("epochs_shown", f"{figure} has no use for it", "Leave it out, or draw boundary")
    source, notes = expand([data] if data else []), list[str]()
    text, policy = options_of_rows(
        source, on_error, encoding=encoding, skip_rows=skip_rows, quote=quote, escape=escape, header_rows=header_rows,
        rows=rows, sheet=sheet,
    )  # fmt: skip
    if out is not None:
        check_ending(out)
        check_writable(Path(out), [file, *source], "-o", NO_MODEL)
    if isinstance(kind, OfLedger):
        if columns or data:
            unused = "columns" if columns else "--data"
            raise OptionError("figure", f"{figure} has no use for {unused}", "Leave that out")
        made = kind.build(trials_of(file))
    else:
        assert isinstance(kind, OfModel)
        loaded, provenance = checkpoint.load(Path(file))
        if out is not None:
            check_writable(Path(out), (*provenance.source, *loaded.config.data.test_source), "-o")
        where = loaded, provenance, file, source, tuple(columns or ()), notes, text, policy
        subject = Subject(*where, epochs_shown=shown)
        made = build_of_model(kind, subject)
    for note in notes:
        say(note, quiet)
    if out is not None:
        with atomic_file(Path(out)) as opened:
            opened.write(drawn(made, Path(out).suffix.lower()))
    if json:
        print_json(made.to_json())
    elif out is None:
        from nncli.terminal.figures import print_figure

        print_figure(made)
    return DONE
