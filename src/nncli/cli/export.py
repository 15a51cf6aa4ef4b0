"""The command `nncli export`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nncli.cli.options import Quiet, switch, value_option
from nncli.config.option import OneOf
from nncli.errors import DONE, DataError, OptionError, mention
from nncli.system.atomic import HEAD_BYTES, Replaceable, as_stdout, atomic_file, check_writable
from nncli.system.output import say, shortened

if TYPE_CHECKING:
    from nncli.export.targets import Target

FILE_HELP = "Model file that nncli train has saved; with --verify, a file that nncli export has written."
LANGUAGES = OneOf(("onnx", "c", "js", "python", "sql", "json"))
TO_HELP = "Language: onnx, c, js, python, sql or json."
VERIFY_HELP = "Predict the golden rows of a written file in its own runtime, and compare the answers."
MATRIX_HELP = "For onnx: one input with all columns as a matrix, in place of one for each column."
SAID_FROM = 100_000  # bytes: a file of fewer is small
DEFAULT_OUT = "the name of the model, with the ending of the language"


def export(
    file: Annotated[str, typer.Argument(metavar="FILE", help=FILE_HELP, show_default=False)],
    to: Annotated[str | None, value_option("LANGUAGE", TO_HELP, "by the name of --out", "--to", kind=LANGUAGES)] = None,
    out: Annotated[
        str | None, value_option("FILE", "File to write, or - for stdout.", DEFAULT_OUT, "--out", "-o")
    ] = None,
    verify: Annotated[bool, switch("--verify", VERIFY_HELP)] = False,
    matrix: Annotated[bool, switch("--matrix", MATRIX_HELP)] = False,
    quiet: Quiet = False,
) -> int:
    """Write a model for other programs, with all that turns a row into its answer.

    nncli export model.npz --to onnx           model.onnx, for any ONNX runtime
    nncli export model.npz -o model.c          one C file without dependencies
    nncli export model.npz --to sql -o -       one SELECT, to stdout
    nncli export --verify model.onnx           check that its answers are right
    """
    from nncli.export.all_targets import TARGETS

    if verify:
        unused = {"to": to is not None, "out": out is not None, "matrix": matrix}
        for option in (name for name, is_given in unused.items() if is_given):
            raise OptionError(option, "--verify reads a file that is there", "Leave it out")
        print(_written_for(file).verify(Path(file)))
        return DONE
    if to is None and out is None:
        problem = f"expected a language, one of {', '.join(TARGETS)}, found none"
        raise OptionError("to", problem, f"As in {mention('to', 'onnx')}")
    target = TARGETS.create(to) if to is not None else _target_of(str(out))
    if matrix:
        if target.name != "onnx":
            problem = f"it goes with {mention('to', 'onnx')}, and this is {target.name}"
            raise OptionError("matrix", problem, "Leave it out")
        target = TARGETS.create("onnx:matrix=true")
    return _write(file, target, as_stdout(out) or _beside(file, target), quiet)


def _target_of(out: str) -> Target:
    """Return the target whose files have such a name. OptionError for a name that tells none."""
    from nncli.export.all_targets import TARGETS

    for name in TARGETS:
        if Path(out).suffix.lower() in TARGETS[name].endings:
            return TARGETS.create(name)
    endings = ", ".join(TARGETS[name].endings[0] for name in TARGETS)
    problem = f"expected a name that ends in one of {endings}, found '{shortened(out)}'"
    raise OptionError("out", problem, f"Name another file, or say the language with {mention('to')}")


def _written_for(file: str) -> Target:
    """Return the target that an export has written a file for: no other file is run. DataError for another."""
    from nncli.export.all_targets import TARGETS, written_for

    try:
        with Path(file).open("rb") as opened:
            if name := written_for(opened.read(HEAD_BYTES)):
                return TARGETS.create(name)
    except OSError as error:
        raise DataError(file, f"cannot read it: {error.strerror}", "Name one that nncli export has written") from None
    remedy = f"Write it with {mention('to')}"
    raise DataError(file, "expected a file that nncli has exported, found another", remedy)


def _beside(file: str, target: Target) -> str:
    """Return the name of a file that nobody has named."""
    if file == "-":
        raise OptionError("out", "the model comes from stdin, and there is no name for its file", "Name a file")
    return str(Path(file).with_suffix(target.endings[0]))


def _write(file: str, target: Target, out: str, quiet: bool) -> int:
    from nncli.export.all_targets import written_for
    from nncli.export.description import description_of
    from nncli.export.golden import golden_rows
    from nncli.export.text import identifier
    from nncli.model import checkpoint

    model, provenance = checkpoint.load(Path(file))
    if out != "-":
        reads = [file, *provenance.source, *model.config.data.test_source]
        reason = "there is a file of that name, and nncli export has not written it"
        check_writable(Path(out), reads, "-o", Replaceable(lambda head: written_for(head) is not None, reason))
    description = description_of(model, provenance)
    target.check_can_write(description)
    description["golden"] = golden_rows(model, description)
    data = target.write(description, identifier(Path(out).stem) if out != "-" else "model")
    if out == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return DONE
    with atomic_file(Path(out)) as written:
        written.write(data)
    size = f" ({len(data) / 1e6:,.1f} MB)" if len(data) >= SAID_FROM else ""
    say(f"wrote {out}{size}; check it with: nncli export --verify {shlex.quote(out)}", quiet)
    return DONE
