"""nncli predict"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Literal

import typer

from nncli.cli.options import ROWS_HELP, ModelFile, Quiet
from nncli.errors import DONE, OptionError

SHOWN_ERRORS = 10  # rows that cannot be read; of the others only the number is told


def predict(
    model: ModelFile,
    data: Annotated[str, typer.Argument(metavar="DATA", help=ROWS_HELP, show_default="stdin")] = "-",
    out: Annotated[
        str | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Write to a file, whole or not at all.", show_default="stdout"
        ),
    ] = None,
    proba: Annotated[
        bool,
        typer.Option(
            "--proba",
            help="Add the probability of each class, p_<class>; from a model without, its score, score_<class>.",
        ),
    ] = False,
    embed: Annotated[bool, typer.Option("--embed", help="Give the last hidden layer instead, h_0 and so on.")] = False,
    keep: Annotated[
        str | None,
        typer.Option(metavar="COLS", help="Input columns to put first: names, or all.", show_default=False),
    ] = None,
    threshold: Annotated[
        str | None,
        typer.Option(
            metavar="P",
            help="Of two classes, predict the second (as info lists them) from this probability on.",
            show_default=False,
        ),
    ] = None,
    on_error: Annotated[
        str, typer.Option(metavar="fail|blank", help="A row that cannot be read: stop, or an empty prediction.")
    ] = "fail",
    quiet: Quiet = False,
) -> int:
    """Answer new rows, one line of CSV for each, in order. Reads stdin as it comes, in constant memory.

    cat new.csv | nncli predict model.npz
    nncli predict model.npz new.csv --proba --keep id -o answers.csv
    """
    if on_error not in ("fail", "blank"):
        raise OptionError("--on-error", f"expected fail or blank, found '{on_error}'")
    from nncli import checkpoint
    from nncli.data.load import stream_like
    from nncli.option import read_columns
    from nncli.output import check_writable, say
    from nncli.predictor import Predictor

    if out not in (None, "-"):
        check_writable(Path(out), reads=[model, data])
    loaded, _ = checkpoint.load(Path(model))
    if data == "-" and sys.stdin is not None and sys.stdin.isatty():
        say("reading rows from the terminal; Ctrl-D ends them", quiet)
    try:
        columns = "all" if keep == "all" else tuple(dict.fromkeys(read_columns(keep))) if keep else ()
    except ValueError as problem:
        raise OptionError("--keep", f"expected {problem}; found '{keep}'") from None
    policy: Literal["fail", "blank"] = "fail" if on_error == "fail" else "blank"
    blank = 0
    with stream_like(data, loaded.schema, loaded.config.dtype, columns, policy) as (blocks, kept, notes):
        for note in notes:
            say(note, quiet)
        predictor = Predictor(loaded, kept, proba, None if threshold is None else _probability(threshold), embed)
        if proba and not loaded.probabilistic:
            say(f"{loaded.config.model} gives scores, not probabilities; nncli train --calibrate fits them", quiet)
        with _output(out) as file:
            file.write(predictor.header)
            for block in blocks:
                file.write(predictor.answer(block))
                file.flush()
                for error in list(block.errors.values())[: max(0, SHOWN_ERRORS - blank)]:
                    say(f"{error} (empty prediction)", quiet)
                blank += len(block.errors)
    if blank:
        say(f"{blank} {'row' if blank == 1 else 'rows'} could not be read and got an empty prediction", quiet)
    return DONE


def _probability(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value <= 1:
        raise OptionError("--threshold", f"expected a probability from 0 to 1, found '{text}'")
    return value


@contextmanager
def _output(path: str | None) -> Iterator[IO[bytes]]:
    from nncli.output import atomic_file

    if path is None or path == "-":
        yield sys.stdout.buffer
    else:
        with atomic_file(Path(path)) as file:
            yield file
