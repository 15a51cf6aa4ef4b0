"""nncli eval"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nncli.cli.options import DATA_HELP, Json, ModelFile, Quiet
from nncli.errors import DONE


def evaluate(
    model: ModelFile,
    data: Annotated[
        str | None,
        typer.Argument(metavar="DATA", help=DATA_HELP, show_default="the test rows of the training data"),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Show how good a model is, on its own test rows or on another file.

    nncli eval model.npz
    nncli eval model.npz new.csv --json
    """
    from nncli import checkpoint, evaluation
    from nncli.output import print_json, say

    loaded, provenance = checkpoint.load(Path(model))
    metrics, notes = evaluation.evaluate_model(loaded, provenance, model, data)
    for note in notes:
        say(note, quiet)
    if json:
        print_json(metrics)
    else:
        from nncli.report import print_evaluation

        print_evaluation(metrics)
    return DONE
