"""The command `nncli report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nncli.cli.completion import complete_data
from nncli.cli.options import (
    SEVERAL_HELP,
    Given,
    Json,
    OnErrorOption,
    Quiet,
    model_in,
    options_of_rows,
    value_option,
    with_text_options,
)
from nncli.config.option import OneOf, read_option
from nncli.data.expand import expand
from nncli.errors import DONE, OptionError, mention
from nncli.system.atomic import Replaceable, as_stdout, atomic_file, check_writable
from nncli.system.output import print_json, say, shortened

if TYPE_CHECKING:
    from nncli.data.sources import Source
    from nncli.report.document import Report

FILE_HELP = "Model file that nncli train has saved, or the ledger of a sweep."
ROWS_HELP = f"A second model to compare with, or rows with their classes. {SEVERAL_HELP}"
OUT_HELP = "File to write, or - for stdout."
TO_HELP = "Form: html, a page that opens offline, or md, Markdown without figures."
DEFAULT_OUT = "beside the model: model.report.html; Markdown to stdout"


@with_text_options
def report(
    file: Annotated[str, typer.Argument(metavar="MODEL", help=FILE_HELP, show_default=False)],
    data: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="DATA",
            help=ROWS_HELP,
            show_default="the test rows of the training data",
            autocompletion=complete_data,
        ),
    ] = None,
    out: Annotated[str | None, value_option("FILE", OUT_HELP, DEFAULT_OUT, "--out", "-o")] = None,
    to: Annotated[str | None, value_option("html|md", TO_HELP, "by the name of the file, or html")] = None,
    *,
    given: Given,
    on_error: OnErrorOption = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Write one page on a model: how good it is, where it fails, and what to look at.

    nncli report model.npz                  on its own test rows
    nncli report model.npz new.csv -o r.html
    nncli report model.npz --to md          as Markdown
    nncli report a.npz b.npz                two models, and whether they differ
    nncli report model.sweep.jsonl          of the ledger of a sweep
    """
    source = expand(data or [])
    form = read_option("to", to, OneOf(("html", "md"), "html or md")) if to is not None else _form_of(out)
    out = as_stdout(out) or (None if json else "-" if form == "md" else _beside(file, source))
    if json and out == "-":
        raise OptionError("out", "--json goes to stdout", "Name a file, or leave one of them out")
    if out is not None and form == "html":
        from nncli.figures.vega_lite import check_can_draw

        check_can_draw("to draw the figures of a page")
    made, notes = _made(file, source, out, on_error, given)
    for note in notes:
        say(note, quiet)
    if json:
        print_json(made.to_json())
    if out is not None:
        _write(made, form, out)
        if out != "-":
            say(f"wrote {out}", quiet)
    return DONE


def _form_of(out: str | None) -> str:
    """Return the form that the name of a file asks for. OptionError for one that is none."""
    ending = "" if out is None or as_stdout(out) == "-" else Path(out).suffix.lower()
    if ending in (".md", ".markdown"):
        return "md"
    if ending not in ("", ".html", ".htm"):
        problem = f"expected a name that ends in .html or .md, found '{shortened(str(out))}'"
        raise OptionError("out", problem, f"Name another file, or say the form with {mention('to', 'html')}")
    return "html"


def _beside(file: str, source: Source) -> str:
    """Return the name of a report that nobody has named: that of the model, or of both."""
    if file == "-":
        raise OptionError("out", "the model comes from stdin, and there is no name for its report", "Name a file")
    path = Path(file)
    other = model_in(source)
    together = path.stem if other is None else f"{path.stem}-{Path(other).stem}"
    return str(path.parent / f"{together}.report.html")  # a folder without a name is refused when it is read


def _made(file: str, source: Source, out: str | None, on_error: str | None, given: Given) -> tuple[Report, list[str]]:
    """Make the report, and return what there is to say about it; a file that cannot be written is refused before."""
    from nncli.figures.kinds import Subject
    from nncli.model import checkpoint
    from nncli.report.of_ledger import report_of_ledger
    from nncli.report.of_model import report_of_model
    from nncli.report.of_two_models import report_of_two_models
    from nncli.sweep.ledger import begins_ledger

    notes = list[str]()
    if begins_ledger(Path(file)):
        unused = next((name for name, its in {"data": source, "on_error": on_error, **given}.items() if its), None)
        if unused is not None:
            raise OptionError(unused, "a sweep has no rows to be judged on", "Leave it out, or name its model")
        _check(out, [file])
        return report_of_ledger(file), notes
    model, provenance = checkpoint.load(Path(file))
    reads = [file, *source, *provenance.source, *model.config.data.test_source]
    _check(out, reads)
    other = model_in(source[:1])
    text, policy = options_of_rows(source[1:] if other else source, on_error, given)
    if other is None:
        subject = Subject(model, provenance, file, source, (), notes, text, policy, "report")
        if model.target is not None:
            from nncli.report.numbers.report import report_of_numbers

            return report_of_numbers(subject), notes
        return report_of_model(subject), notes
    if on_error is not None:
        raise OptionError("on_error", "two models are compared as they are", "Leave it out, or name one model")
    second = (other, *checkpoint.load(Path(other)))
    if model.target is not None and second[1].target is not None:
        from nncli.report.numbers.of_two import report_of_two_numbers

        return report_of_two_numbers(((file, model, provenance), second), source[1:], text, notes), notes
    for name, its in ((file, model), (other, second[1])):
        its.refuse_numbers(name, "a comparison with a model of classes")
    return report_of_two_models(((file, model, provenance), second), source[1:], text, notes), notes


def _check(out: str | None, reads: list[str]) -> None:
    if out not in (None, "-"):
        check_writable(Path(str(out)), reads, "-o", _report_file())


def _report_file() -> Replaceable:
    from nncli.report.document import MARK

    reason = "there is a file of that name, and it is not a report"
    return Replaceable(lambda head: head.startswith(MARK.encode()), reason)


def _write(made: Report, form: str, out: str) -> None:
    from nncli.report.document import MARK

    if form == "md":
        from nncli.report.markdown import markdown_of

        text = markdown_of(made)
    else:
        from nncli.report.page import page_of

        text = page_of(made)
    if out == "-":
        print(text, end="")
        return
    with atomic_file(Path(out)) as file:
        file.write(f"{MARK}\n{text}".encode())
