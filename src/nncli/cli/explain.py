"""The command `nncli explain`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nncli.cli.completion import complete_data
from nncli.cli.options import (
    DATA_HELP,
    Given,
    Json,
    ModelArgument,
    OnErrorOption,
    Quiet,
    options_of_rows,
    switch,
    value_option,
    with_text_options,
)
from nncli.config.option import Component, Whole, read_option
from nncli.config.task import check_metric
from nncli.data.expand import expand
from nncli.data.sources import title
from nncli.errors import DONE, DataError, OptionError
from nncli.system.output import print_csv, print_json, say
from nncli.terminal.progress import Progress

if TYPE_CHECKING:
    from nncli.data.dataset import Table
    from nncli.explain.word_weights import WordWeights
    from nncli.inference.rows_to_judge import RowsToJudge
    from nncli.model.model import Model

METRIC_HELP = "Metric that gets worse where a column is shuffled: {metrics}."
COEFFICIENTS_HELP = "Show the weights of a linear model, in the units of the columns, of classes with odds ratios."
BOOTSTRAP_HELP = "With --coefficients, number of times to train again on resampled rows, for intervals; 0: none."
WORDS_HELP = "Show the n-grams of texts with the largest weights for each class alone; --csv has all that have a name."
ROW_HELP = "Explain the prediction of row N of the data, from 1: what each column adds, and what would change it."
REPEATS, BOOTSTRAP = "5", "100"
MOST_WORDS = 20  # of each class, in JSON


@with_text_options
def explain(
    model: ModelArgument,
    data: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="DATA",
            help=DATA_HELP,
            show_default="the test rows of the training data",
            autocompletion=complete_data,
        ),
    ] = None,
    metric: Annotated[str | None, value_option("NAME", METRIC_HELP, "what suits the model")] = None,
    repeats: Annotated[str | None, value_option("N", "Number of times to shuffle each column.", REPEATS)] = None,
    coefficients: Annotated[bool, switch("--coefficients", COEFFICIENTS_HELP)] = False,
    bootstrap: Annotated[str | None, value_option("N", BOOTSTRAP_HELP, BOOTSTRAP)] = None,
    words: Annotated[bool, switch("--words", WORDS_HELP)] = False,
    row: Annotated[str | None, value_option("N", ROW_HELP)] = None,
    csv: Annotated[bool, switch("--csv", "Print the table as CSV and nothing else on stdout.")] = False,
    *,
    given: Given,
    on_error: OnErrorOption = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Show which columns a model relies on. A column matters as much as predictions get worse where it is shuffled
    among the rows.

    nncli explain model.npz
    nncli explain model.npz new.csv --metric roc-auc
    nncli explain model.npz --csv > importance.csv
    nncli explain linear.npz --coefficients    weights, with intervals
    nncli explain reviews.npz --words          weights of words, by class
    nncli explain model.npz new.csv --row 3    why it predicts this
    """
    from nncli.explain.word_weights import check_words, needs_rows, word_weights, word_weights_alone
    from nncli.inference.rows_to_judge import rows_to_judge
    from nncli.model import checkpoint

    source = expand(data or [])
    if metric is not None:
        read_option("metric", metric, Component("metrics"))
    times = read_option("repeats", repeats or REPEATS, Whole(1))
    if json and csv:
        raise OptionError("csv", "--json asks for another form", "Leave one of them out")
    draws = read_option("bootstrap", bootstrap or BOOTSTRAP, Whole(0))
    number = None if row is None else read_option("row", row, Whole(1))
    of_importance = {"metric": metric, "repeats": repeats, "on_error": on_error}
    if coefficients:
        for name, value in {"data": data, "row": row, "words": words, **of_importance, **given}.items():
            if value:
                raise OptionError(name, "coefficients are those of the model, for any rows", "Leave it out")
        return _coefficients(model, draws, json, csv, quiet)
    if bootstrap is not None:
        raise OptionError("bootstrap", "it goes with --coefficients", "Add --coefficients")
    text, policy = options_of_rows(source, on_error, given)
    loaded, provenance = checkpoint.load(Path(model))
    if metric is not None:
        check_metric(metric, loaded.target is not None)
    if words:
        check_words(loaded, "words")
        for name, value in {"metric": metric, "repeats": repeats}.items():
            if value:
                raise OptionError(name, "it is of columns, and --words shows n-grams", "Leave it out")
    if number is not None:
        for name, value in {"words": words, **of_importance}.items():
            if value:
                raise OptionError(name, "a row is explained by itself", "Leave it out")
        from nncli.explain.one_row import own_rows, read_row

        own = own_rows(loaded, provenance, model) if not source else (source, text)
        return _row(loaded, read_row(loaded, *own, number), number, title(own[0]), json, csv)
    if words and not source and not needs_rows(loaded):
        return _words(word_weights_alone(loaded), json, csv)
    read = rows_to_judge(loaded, provenance, model, source, text, on_error=policy, command="explain")
    if words:
        _say_notes(read, quiet)
        return _words(word_weights(loaded, read.dataset.table, read.rows), json, csv)
    return _importance(loaded, read, metric, times, json, csv, quiet)


def _importance(
    model: Model, read: RowsToJudge, metric: str | None, repeats: int, json: bool, csv: bool, quiet: bool
) -> int:
    from nncli.data.sparse_numbers import is_sparse
    from nncli.explain.importance import MOST_SHUFFLED, importances, permutations, suited
    from nncli.explain.word_weights import word_weights
    from nncli.inference.evaluate import score
    from nncli.inference.metrics import metric_for

    chosen = metric or suited(model)
    judged = score(model, read, with_losses=chosen == "loss")
    _say_notes(read, quiet)  # also those on the cells that the model knows nothing of, which it has met now
    table, orders = read.dataset.table.take(read.rows), permutations(len(read.rows), repeats)
    columns = min(len(model.schema.names), MOST_SHUFFLED) if is_sparse(table.numbers) else len(model.schema.names)
    with Progress("columns", columns, quiet) as progress:
        found = importances(model, table, judged, metric_for(chosen, judged), orders, progress)
    of_words = None if model.preprocess.words is None else word_weights(model, read.dataset.table, read.rows)
    if json:
        shown = {} if of_words is None else {"words": _words_json(of_words, MOST_WORDS)}
        about = {"evaluated_on": read.evaluated_on, "metric": chosen, "repeats": repeats}
        print_json({**about, **found.to_json(), **shown})
    elif csv:
        print_csv(*found.to_table())
    else:
        from nncli.terminal.explanation import print_importances

        print_importances(read.evaluated_on, found, repeats, model)
        if of_words is not None:
            from nncli.terminal.words import print_word_weights

            print_word_weights(of_words)
    return DONE


def _say_notes(read: RowsToJudge, quiet: bool) -> None:
    for note in read.notes:
        say(note, quiet)


def _words(found: WordWeights, json: bool, csv: bool) -> int:
    from nncli.explain.word_weights import HEADER

    if json:
        print_json(_words_json(found, None))
    elif csv:
        print_csv(HEADER, ([*one.to_json().values()] for one in found.each()))
    else:
        from nncli.terminal.words import print_word_weights

        print_word_weights(found)
    return DONE


def _words_json(found: WordWeights, most: int | None) -> dict[str, Any]:
    """Return what `explain --json` says of n-grams: of each class at most so many."""
    weights = [one.to_json() for one in found.each(most)]
    return {"named_by": found.where_from, "named": len(found.vocabulary), "method": found.method, "weights": weights}


def _row(model: Model, row: Table, number: int, where: str, json: bool, csv: bool) -> int:
    from nncli.explain.one_row import explain_row

    found = explain_row(model, row)
    if json:
        print_json({"row": number, "data": where, **found})
    elif csv:
        print_csv(("column", "value", "contribution"), [[*one.values()] for one in found["contributions"]])
    else:
        from nncli.explain.word_weights import kind_of
        from nncli.terminal.explanation import print_number, print_row

        shown = print_row if model.target is None else print_number
        shown(found, f"row {number:,} of {where}", kind_of(model))
    return DONE


def _coefficients(file: str, draws: int, json: bool, csv: bool, quiet: bool) -> int:
    from nncli.explain.coefficients import check_linear, coefficients, header
    from nncli.explain.retraining import prepare_to_train, train_on_resampled
    from nncli.model import checkpoint

    model, provenance = checkpoint.load(Path(file))
    check_linear(model)
    others = []
    if draws:
        try:
            prepared = prepare_to_train(model, provenance, file)
        except DataError as error:  # the model has coefficients all the same
            say(f"no intervals: {error}", quiet)
        else:
            with Progress("draws", draws, quiet) as progress:
                others = train_on_resampled(prepared, provenance, draws, progress)
    found = coefficients(model, others)
    if json:
        print_json({"bootstrap": len(others), "coefficients": [one.to_json() for one in found]})
    elif csv:
        print_csv(header(model), [one.cells() for one in found])
    else:
        from nncli.terminal.explanation import print_coefficients

        print_coefficients(found, model, len(others))
    return DONE
