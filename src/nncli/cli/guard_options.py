"""The options that compare rows with the training rows of a model: `--guard` writes what differs, `--strict` refuses
it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from nncli.cli.options import switch, value_option
from nncli.errors import OptionError
from nncli.system.atomic import GUARD, as_stdout, atomic_file, check_writable, same_file
from nncli.system.output import say

if TYPE_CHECKING:
    from nncli.data.sources import Source
    from nncli.guards.report import Report

GUARD_HELP = (
    "JSON file to write with what differs from the training rows: values outside of their range, missing ones, unseen "
    "categories, and drift, by column."
)
STRICT_HELP = (
    "Stop at a row that has what no training row had: a value far outside of their range, a missing one, an unseen "
    "category, a text without a word of training. Fail at the end where the rows have drifted."
)
GuardOption = Annotated[str | None, value_option("FILE", GUARD_HELP, "none")]
StrictOption = Annotated[bool, switch("--strict", STRICT_HELP)]


def check_guard_file(
    guard: str, reads: Sequence[str | None], results: str, others: dict[str, str | None] | None = None
) -> None:
    """Raise OptionError or OutputError where the report of a guard cannot be written: `results` go to stdout, and
    `others` are written too, by what each is."""
    if as_stdout(guard) == "-":
        raise OptionError("guard", f"{results} go to stdout", "Name a file")
    check_writable(Path(guard), reads, "--guard", GUARD)
    for what, file in (others or {}).items():
        if file is not None and same_file(guard, file):
            raise OptionError("guard", f"{guard} is the file of {what} too", "Name another file")


def write_guard(guard: str, report: Report | None, model_file: str, source: Source, quiet: bool) -> None:
    """Write the report of a guard; say so where there is none, as the training columns of the model are not known."""
    from nncli.inference.guarding import NOT_KNOWN, TRAIN_AGAIN, as_json, document

    if report is None:
        say(f"warning: {model_file}: {NOT_KNOWN}: guards are off. {TRAIN_AGAIN}.", quiet)
    with atomic_file(Path(guard)) as file:
        file.write(as_json(document(report, model_file, source)))
