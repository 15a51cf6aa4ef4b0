"""The command `nncli plot`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nncli.cli.options import Json, ModelArgument, Quiet, value_option
from nncli.data.expand import expand
from nncli.errors import DONE
from nncli.system.atomic import NO_MODEL, atomic_file, check_writable
from nncli.system.output import print_json, say

OUT_HELP = "File to draw: .svg, .png, or .html, which opens without network."
ROWS_HELP = "Rows with their classes that the figure is of, in any form that eval reads."


def plot(
    model: ModelArgument,
    figure: Annotated[str, typer.Argument(metavar="WHAT", help="What to draw:\n{figure_lines}")],
    out: Annotated[str | None, value_option("FILE", OUT_HELP, "the terminal", "--out", "-o")] = None,
    data: Annotated[str | None, value_option("FILE", ROWS_HELP, "the test rows of the model")] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Draw a figure of a model, in the terminal or as a picture file.

    nncli plot model.npz curve                  loss and accuracy by epoch
    nncli plot model.npz confusion              which classes are taken for which
    nncli plot model.npz roc --data new.csv     on other rows than its test rows
    nncli plot model.npz threshold -o t.svg     or .png, or .html
    """
    from nncli.figures.all_kinds import FIGURES, Subject, build_figure
    from nncli.model import checkpoint

    FIGURES.create(figure)  # refuses a name that is none before a file is read
    source = expand([data] if data else [])
    if out is not None:
        from nncli.figures.vega_lite import check_ending

        check_ending(out)
    loaded, provenance = checkpoint.load(Path(model))
    if out is not None:
        check_writable(Path(out), [model, *source, *provenance.source], "-o", NO_MODEL)
    subject = Subject(loaded, provenance, model, source)
    made = build_figure(figure, subject)
    for note in subject.notes:
        say(note, quiet)
    if out is not None:
        from nncli.figures.vega_lite import drawn

        with atomic_file(Path(out)) as file:
            file.write(drawn(made, Path(out).suffix.lower()))
    if json:
        print_json(made.to_json())
    elif out is None:
        from nncli.terminal.figures import print_figure

        print_figure(made)
    return DONE
