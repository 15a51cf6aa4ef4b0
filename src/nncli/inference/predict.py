"""Predict whole files, in order: in this process, or each file in one of several others."""

from __future__ import annotations

import contextlib
import functools
import io
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from nncli.data.load_stream import stream_like
from nncli.data.sources import title
from nncli.errors import DataError, NncliError, mention
from nncli.guards.guard import STATE_FORM, Guard
from nncli.guards.report import Report, report_of
from nncli.inference.answers import Answer, Answers
from nncli.inference.guarding import before_unlike
from nncli.inference.other_units import FarColumns, NewCategories
from nncli.inference.predict_options import PredictOptions
from nncli.inference.unfamiliar_cells import UnfamiliarCells
from nncli.model.checkpoint import ModelFile, load_same
from nncli.model.model import Model
from nncli.system import plain_json
from nncli.system.output import counted, note_of, say
from nncli.system.threads import multiply_with, use_threads
from nncli.system.workers import ProcessDeath, Stop, Workers, in_order, never

CHEAP = 1000  # parameters per input: about as much work as reading one cell
SHOWN_ERRORS = 10  # rows that cannot be read; the others are only counted
RESULT_FORM = {"header": (bytes, None), "notes": [str], "lines": bytes, "failure": ([str], None)}
RESULT_FORM |= {
    "unread": [str],
    "blank": int,
    "unseen": dict,
    "unknown": dict,
    "guard": (STATE_FORM, None),
    "told": [str],
}


class OutputSink:
    """Writes to a file or stdout: one header, then the lines of all files. Notes go to stderr. A guard counts the rows
    of all files; what is `told` of a column by its file it need not tell again."""

    def __init__(self, file: IO[bytes], quiet: bool, guard: Guard | None = None) -> None:
        self.file, self.quiet, self.blank, self.guard = file, quiet, 0, guard
        self.told = list[str]()
        self.cells = UnfamiliarCells()
        self._header, self._first = b"", ""

    def begin(self, source: str, header: bytes, notes: Iterable[str]) -> None:
        """Begin the next file; DataError if its columns differ from those of the first."""
        self.note(notes)
        if not self._header:
            self._header, self._first = header, source
            self.file.write(header)
            self.file.flush()  # a reader may want the columns before the first row arrives
        elif header != self._header:
            expected, found = (f"'{columns.decode().strip()}'" for columns in (self._header, header))
            problem = f"expected the columns of {title((self._first,))} to keep, {expected}, found {found}"
            raise DataError(title((source,)), problem, f"Name with {mention('keep')} only columns that all files have")

    def take(self, lines: bytes, unread: Sequence[str], unseen: Mapping[str, int], unknown: Mapping[str, int]) -> None:
        """Write some lines; `unread` has an error for each empty prediction, `unseen` the unseen cells by column,
        `unknown` the texts with none of the words of training."""
        self.file.write(lines)
        self.file.flush()
        self.report(unread, len(unread), unseen, unknown)

    def note(self, notes: Iterable[str]) -> None:
        """Print notes, a line each."""
        for note in notes:
            say(note, self.quiet)

    def report(self, unread: Sequence[str], count: int, unseen: Mapping[str, int], unknown: Mapping[str, int]) -> None:
        """Report the first few of the `count` rows that could not be read."""
        self.cells.add(unseen, unknown)
        for error in unread[: max(0, SHOWN_ERRORS - self.blank)]:
            say(f"{error} (empty prediction)", self.quiet)
        self.blank += count

    def take_guard(self, guard: Guard | None) -> None:
        """Add what a guard has counted in one file."""
        if self.guard is not None and guard is not None:
            self.guard.add(guard.state())

    def report_of_guard(self) -> Report | None:
        """Report on all rows, those of all files together; None without a guard."""
        return None if self.guard is None else report_of(self.guard, self.told)

    def summary(self) -> list[str]:
        """Return what there is to report after the last row, one line each."""
        lines = self.cells.notes()
        if self.blank:
            lines.append(f"{counted(self.blank, 'row')} could not be read and got an empty prediction")
        return lines


def predict_source(model: Model, source: str, options: PredictOptions, sink: OutputSink | _ResultSink) -> None:
    """Predict the rows of a source block by block, as they arrive."""
    # where a row takes longer to read than to predict, each block is for one thread, which has the rows at hand; else,
    # and for reasons, all threads are for one block
    cheap = model.network.size < CHEAP * model.preprocess.width
    answers = Answers(model, options)
    stream = stream_like(
        source,
        model.schema,
        model.config.model.dtype,
        options.keep,
        options.on_error,
        options.text,
        model.known_cells,
        make=answers.ahead if cheap and not options.reasons else None,
    )
    with stream as (blocks, kept, notes):
        guard = model.guard()
        sink.begin(source, answers.begin(kept), notes)
        rows = decided = tied = 0
        begun, far, new = len(notes), FarColumns(model.schema), NewCategories(model.preprocess.categories)
        with multiply_with(1 if cheap else None):
            for whole in blocks:
                block, refusal = before_unlike(whole, guard, source, rows) if options.strict else (whole, None)
                rows += len(block)
                unread = [str(error) for error in block.errors.values()]
                unseen = model.preprocess.unseen(block.table)
                answer: Answer = block.made or answers.of(block)
                sink.take(answer.lines, unread, unseen, answer.unknown)
                decided, tied = decided + answer.decided, tied + answer.tied
                far.look(block.table)
                new.look(block.table, unseen)
                if guard is not None:
                    for predicted in answer.predicted:
                        guard.look_at_predictions(predicted)
                    guard.look(block.without_errors().table if block.errors else block.table)
                    guard.look_at_texts(answer.unknown)
                sink.note(block.notes)
                if refusal is not None:
                    raise refusal
        sink.note(notes[begun:])
        sink.told.extend([*far.told, *new.told])
        sink.take_guard(guard)
        sink.note(note_of(title((source,)), one) for one in [*far.notes(), *new.notes()])
        ties = model.say_ties(tied, decided) if tied else []
        sink.note(note_of(title((source,)), one) for one in ties)


class _ResultSink:
    """Collects what is predicted for one file, as plain values; the lines go to a file of their own."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.blank, self.told = file, 0, list[str]()
        self.guard: Guard | None = None  # of the whole file, when it has been read
        self.header: bytes | None = None  # None: the file could not be opened
        self.notes, self.unread = list[str](), list[str]()  # of unread rows the first few
        self.cells = UnfamiliarCells()

    def begin(self, source: str, header: bytes, notes: Iterable[str]) -> None:
        self.header, self.notes = header, list(notes)

    def note(self, notes: Iterable[str]) -> None:
        self.notes.extend(notes)

    def take_guard(self, guard: Guard | None) -> None:
        self.guard = guard

    def take(self, lines: bytes, unread: Sequence[str], unseen: Mapping[str, int], unknown: Mapping[str, int]) -> None:
        self.file.write(lines)
        self.cells.add(unseen, unknown)
        self.unread.extend(unread[: SHOWN_ERRORS - len(self.unread)])
        self.blank += len(unread)


def predict_files(
    workers: Workers,
    model: ModelFile,
    sources: Iterable[str],
    options: PredictOptions,
    folder: Path | None,
    to: OutputSink,
) -> None:
    """Have the workers predict whole files, and write the results in the order of the files.

    Workers that share this machine's temporary files leave their lines in `folder`; without one, they send them.
    """
    check = functools.partial(check_file_result, to.guard)
    results = in_order(workers, predict_file, (model, options, folder), enumerate(sources), check)
    for (number, source), result in results:
        if isinstance(result, ProcessDeath):
            raise DataError(title((source,)), str(result))
        _write(result, to, source, folder and folder / str(number))


def _write(result: dict[str, Any], to: OutputSink, source: str, path: Path | None) -> None:
    """Write the result of a file as `predict_source` would have, then raise its failure if it has one."""
    if result["header"] is not None:
        to.begin(source, result["header"], result["notes"])
    if path is not None and path.exists():  # absent if it could not be written
        with path.open("rb") as file:
            shutil.copyfileobj(file, to.file)
        path.unlink()
    else:
        to.file.write(result["lines"])
    to.report(result["unread"], result["blank"], result["unseen"], result["unknown"])
    to.told.extend(result["told"])
    if to.guard is not None and result["guard"] is not None:
        to.guard.add(result["guard"])
    if result["failure"] is not None:
        raise NncliError.from_json(result["failure"])


def check_file_result(guard: Guard | None, result: Any) -> None:
    """Raise ValueError for what `predict_file` without a folder cannot have returned, as anybody on a cluster might; a
    guard knows what it may have counted."""
    plain_json.check_form(result, RESULT_FORM)
    if guard is not None and result["guard"] is not None:
        guard.checked(result["guard"])
    counts = [*result["unseen"].values(), *result["unknown"].values()]
    if result["blank"] < len(result["unread"]) or any(type(count) is not int for count in counts):
        raise ValueError("impossible counts of rows")
    if result["failure"] is not None:
        NncliError.from_json(result["failure"])
    bytes.decode(result["header"] or b"")


def predict_file(
    task: tuple[int, str], shared: tuple[ModelFile, PredictOptions, Path | None], stop: Stop = never
) -> dict[str, Any]:
    """Predict one file in a worker; return the predictions in plain values (`RESULT_FORM`), on failure those before it,
    and the error. Lines that are in the folder are not among them."""
    (number, source), (saved, options, folder) = task, shared
    lines, failure = io.BytesIO(), None
    sink = _ResultSink(lines)
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(use_threads(1))
            if folder is not None:
                from nncli.system import scratch

                stack.enter_context(scratch.writing(folder))
                sink.file = stack.enter_context((folder / str(number)).open("wb"))
            predict_source(load_same(saved)[0], source, options, sink)
    except NncliError as error:
        failure = error.to_json()
    rows = {"unread": sink.unread, "blank": sink.blank, "unseen": sink.cells.unseen, "unknown": sink.cells.unknown}
    rows |= {"guard": None if sink.guard is None else sink.guard.state(), "told": sink.told}
    return {"header": sink.header, "notes": sink.notes, "lines": lines.getvalue(), **rows, "failure": failure}
