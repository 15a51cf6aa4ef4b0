"""The command `nncli explain`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nncli.cli.evaluate import ON_ERROR_HELP
from nncli.cli.options import (
    DATA_HELP,
    EncodingOption,
    Escape,
    HeaderRows,
    Json,
    ModelArgument,
    Quiet,
    Quote,
    RowsOption,
    Sheet,
    SkipRows,
    switch,
    text_options,
    value_option,
)
from nncli.config.option import Component, OneOf, Whole, read_option
from nncli.data.expand import expand
from nncli.errors import DONE, OptionError
from nncli.system.output import print_csv, print_json, say
from nncli.terminal.progress import Progress

if TYPE_CHECKING:
    from nncli.data.row_blocks import OnError

METRIC_HELP = "Metric that gets worse where a column is shuffled: {metrics}."
REPEATS = "5"


def explain(
    model: ModelArgument,
    data: Annotated[
        list[str] | None,
        typer.Argument(metavar="DATA", help=DATA_HELP, show_default="the test rows of the training data"),
    ] = None,
    metric: Annotated[str | None, value_option("NAME", METRIC_HELP, "what suits the model")] = None,
    repeats: Annotated[str | None, value_option("N", "Number of times to shuffle each column.", REPEATS)] = None,
    csv: Annotated[bool, switch("--csv", "Print the table as CSV and nothing else on stdout.")] = False,
    encoding: EncodingOption = None,
    skip_rows: SkipRows = None,
    sheet: Sheet = None,
    quote: Quote = None,
    escape: Escape = None,
    header_rows: HeaderRows = None,
    rows: RowsOption = None,
    on_error: Annotated[str | None, value_option("fail|skip", ON_ERROR_HELP, "fail")] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Show which columns a model goes by. A column matters as much as predictions get worse where it is shuffled among
    the rows.

    nncli explain model.npz
    nncli explain model.npz new.csv --metric roc-auc
    nncli explain model.npz --csv > importance.csv
    """
    from nncli.explain.importance import importances, permutations, suited
    from nncli.inference.evaluate import rows_to_judge, score
    from nncli.inference.metrics import metric_for
    from nncli.model import checkpoint

    source = expand(data or [])
    given = {
        "encoding": encoding, "skip_rows": skip_rows, "quote": quote, "escape": escape, "header_rows": header_rows,
        "rows": rows, "sheet": sheet,
    }  # fmt: skip
    text = text_options(**given)
    policy: OnError = read_option("on_error", on_error or "fail", OneOf(("fail", "skip"), "fail or skip"))
    if metric is not None:
        read_option("metric", metric, Component("metrics"))
    times = read_option("repeats", repeats or REPEATS, Whole(1))
    if json and csv:
        raise OptionError("csv", "--json asks for another form", "Leave one of them out")
    for name, value in {**given, "on_error": on_error}.items():
        if value and not source:
            raise OptionError(name, "its own data are read as in training", "Leave it out")
    loaded, provenance = checkpoint.load(Path(model))
    read = rows_to_judge(loaded, provenance, model, source, text, on_error=policy)
    for note in read.notes:
        say(note, quiet)
    judged = score(loaded, read)
    chosen = metric or suited(loaded)
    with Progress("columns", len(loaded.schema.names), quiet) as progress:
        orders = permutations(len(judged), times)
        table = read.dataset.table.take(read.rows)
        found = importances(loaded, table, judged, metric_for(chosen, judged), orders, progress)
    if json:
        print_json({"evaluated_on": read.evaluated_on, "metric": chosen, "repeats": times, **found.to_json()})
    elif csv:
        print_csv(*found.to_table())
    else:
        from nncli.terminal.explanation import print_importances

        print_importances(read.evaluated_on, found, times, loaded)
    return DONE
