"""The command `nncli predict`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated

import typer

from nncli.cli.completion import complete_data
from nncli.cli.execution import Address, Ca, Cert, FileJobs, Insecure, Key, Place
from nncli.cli.guard_options import GuardOption, StrictOption, check_guard_file, write_guard
from nncli.cli.options import (
    ROWS_HELP,
    THRESHOLD_HELP,
    Given,
    ModelArgument,
    Quiet,
    switch,
    text_options,
    value_option,
    with_text_options,
)
from nncli.config.decision_kinds import THRESHOLD
from nncli.config.file_kinds import Columns
from nncli.config.option import Number, OneOf, Whole, read_option
from nncli.data.expand import expand
from nncli.errors import DONE
from nncli.system.atomic import NO_MODEL, as_stdout, atomic_file, check_writable
from nncli.system.output import say
from nncli.system.threads import multiply_with

REASONS_HELP = (
    "Add the K columns that matter most for each prediction, and what each adds to its lead over the runner-up, or to "
    "the number (see nncli explain --row)."
)
INTERVAL_HELP = (
    "Add low and high, between which a predicted number lies with that probability, as 0.9; of classes, the set that "
    "holds the true one with that probability."
)
UNCERTAINTY_HELP = (
    "Add uncertainty, how much the members of an ensemble differ: the standard deviation of what they predict, of "
    "classes of the probability of the predicted one."
)
BETWEEN = Number("a share between 0 and 1", lambda value: 0 < value < 1)
PROBA_HELP = "Add the probability of each class, p_<class>; for a model without probabilities its score, score_<class>."


@with_text_options
def predict(
    model: ModelArgument,
    data: Annotated[
        list[str] | None,
        typer.Argument(metavar="DATA", help=ROWS_HELP, show_default="stdin", autocompletion=complete_data),
    ] = None,
    out: Annotated[
        str | None, value_option("FILE", "File to write; it appears only when it is complete.", "stdout", "--out", "-o")
    ] = None,
    proba: Annotated[bool, switch("--proba", PROBA_HELP)] = False,
    uncertainty: Annotated[bool, switch("--uncertainty", UNCERTAINTY_HELP)] = False,
    embed: Annotated[
        bool, switch("--embed", "Write the outputs of the last hidden layer instead, h_0 and so on.")
    ] = False,
    keep: Annotated[
        str | None, value_option("COLS", "Input columns to copy to the output, as id,name, or all.")
    ] = None,
    threshold: Annotated[str | None, value_option("P", THRESHOLD_HELP, "the model's own")] = None,
    reasons: Annotated[str | None, value_option("K", REASONS_HELP, "none")] = None,
    interval: Annotated[str | None, value_option("SHARE", INTERVAL_HELP, "none")] = None,
    on_error: Annotated[
        str, typer.Option(metavar="fail|blank", help="Action for a row that cannot be read: stop, or leave it blank.")
    ] = "fail",
    escape_formulas: Annotated[
        bool, switch("--escape-formulas", "Put ' before texts that a spreadsheet would take for a formula, as =1+1.")
    ] = False,
    jsonl: Annotated[bool, switch("--jsonl", "Write each row as a line of JSON in place of CSV.")] = False,
    guard: GuardOption = None,
    strict: StrictOption = False,
    *,
    given: Given,
    quiet: Quiet = False,
    jobs: FileJobs = None,
    cluster: Address = None,
    tls_ca: Ca = None,
    tls_cert: Cert = None,
    tls_key: Key = None,
    insecure: Insecure = False,
) -> int:
    """Predict the class of new rows, one line for each, in order. Rows are read and written as they come, in constant
    memory.

    nncli predict model.npz new.csv
    nncli predict model.npz new.csv --proba --keep id -o predictions.csv
    cat new.csv | nncli predict model.npz
    nncli predict model.npz new.csv --guard new.json    what has changed
    nncli predict model.npz day-*.csv --jobs 4 -o predictions.csv
    """
    policy = read_option("on_error", on_error, OneOf(("fail", "blank"), "fail or blank"))
    from nncli.inference.guarding import lines_of, refuse_drift, refuse_unknown
    from nncli.inference.predict import OutputSink, predict_files, predict_source
    from nncli.inference.predict_options import PredictOptions
    from nncli.model import checkpoint
    from nncli.model.decision import say_threshold

    place = Place.of(jobs, 1, cluster, insecure, tls_ca, tls_cert, tls_key)
    sources = expand(data or ["-"])
    apart = place.works_apart(len(sources))
    if apart or len(sources) > 1:
        place.refuse_stdin(model, *sources)
    out = as_stdout(out)
    if out is not None and out != "-":
        check_writable(Path(out), reads=[model, *sources], replaces=NO_MODEL)
    if guard is not None:
        check_guard_file(guard, [model, *sources], "the predictions", {"the predictions": out})
    loaded, _ = checkpoint.load(Path(model))
    if strict:
        refuse_unknown(loaded, model)
    if "-" in sources and sys.stdin is not None and sys.stdin.isatty():
        say("reading rows from the terminal; Ctrl-D ends them", quiet)
    columns = "all" if keep == "all" else tuple(dict.fromkeys(read_option("keep", keep or "", Columns())))
    options = PredictOptions(
        keep=columns,
        proba=proba,
        threshold=None if threshold is None else read_option("threshold", threshold, THRESHOLD),
        reasons=0 if reasons is None else read_option("reasons", reasons, Whole(1)),
        interval=None if interval is None else read_option("interval", interval, BETWEEN),
        uncertainty=uncertainty,
        embed=embed,
        on_error=policy,
        escape_formulas=escape_formulas,
        jsonl=jsonl,
        strict=strict,
        text=text_options(given),
    )
    if options.threshold is not None and len(loaded.classes) == 2 and loaded.probabilistic:
        say(say_threshold(options.threshold, loaded.classes[loaded.positive]), quiet)
    if proba and loaded.target is None and not loaded.probabilistic:
        say(f"{loaded.config.model.name} gives scores, not probabilities; nncli train --calibrate fits them", quiet)
    with _file(out) as file:
        output = OutputSink(file, quiet, loaded.guard())
        if apart:
            with place.folder() as folder, place.workers(len(sources), "nncli.inference.predict") as workers:
                seen = place.seen([model, *sources])
                predict_files(workers, checkpoint.ModelFile.at(Path(seen[0])), seen[1:], options, folder, output)
        else:
            # products in one thread, as in other processes: the last digits do not depend on their number
            with multiply_with(1 if len(sources) > 1 else None):
                for source in sources:
                    predict_source(loaded, source, options, output)
        report, given_files = output.report_of_guard(), tuple(sources)
        for line in [*output.summary(), *([] if report is None else lines_of(report, given_files))]:
            say(line, quiet)
        if guard is not None:
            write_guard(guard, report, model, given_files, quiet)
        if strict and report is not None:
            refuse_drift(report, given_files)  # before the file of predictions gets its name
    return DONE


@contextmanager
def _file(path: str | None) -> Iterator[IO[bytes]]:
    if path is None or path == "-":
        yield sys.stdout.buffer
    else:
        with atomic_file(Path(path)) as file:
            yield file
