"""Files of rows → their answers, in order: in this process, or in several, each of which does whole files."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal, Protocol

from nncli.blas import multiply_with, use_threads
from nncli.checkpoint import Saved
from nncli.data.files import shown
from nncli.data.head import DETECTED, TextOptions
from nncli.data.load import stream_like
from nncli.errors import DataError, NncliError
from nncli.model import Model
from nncli.output import say
from nncli.predictor import Predictor
from nncli.workers import Killed, Stop, Workers, in_order, never

CHEAP = 1000  # parameters for each input: about as long as a cell takes to read
SHOWN_ERRORS = 10  # rows that cannot be read; of the others only the number is told


@dataclass(frozen=True)
class Request:
    """What to answer each row with, as `Predictor` and `stream_like` have it."""

    keep: Sequence[str] | Literal["all"] = ()
    proba: bool = False
    threshold: float | None = None
    embed: bool = False
    on_error: Literal["fail", "blank"] = "fail"
    escape_formulas: bool = False
    jsonl: bool = False
    text: TextOptions = DETECTED


class Receiver(Protocol):
    """Who takes the answers of a file."""

    def begin(self, source: str, header: bytes, notes: Iterable[str]) -> None: ...
    def take(self, lines: bytes, unread: Sequence[str], unseen: Mapping[str, int]) -> None: ...


class Output:
    """A file or stdout: one header, then the lines of all files. Notes go to stderr."""

    def __init__(self, file: IO[bytes], quiet: bool) -> None:
        self.file, self.quiet, self.blank = file, quiet, 0
        self.unseen: Counter[str] = Counter()  # cells, by the name of their column
        self._header, self._first = b"", ""

    def begin(self, source: str, header: bytes, notes: Iterable[str]) -> None:
        """The next file; DataError where it has other columns than the first."""
        for note in notes:
            say(note, self.quiet)
        if not self._header:
            self._header, self._first = header, source
            self.file.write(header)
            self.file.flush()  # before the first row comes
        elif header != self._header:
            raise DataError(
                shown(source), f"expected the columns of {shown(self._first)} to keep, {_text(self._header)}, found "
                f"{_text(header)}", "Name with --keep those that all files have",
            )  # fmt: skip

    def take(self, lines: bytes, unread: Sequence[str], unseen: Mapping[str, int]) -> None:
        """Lines in order, what is wrong with the rows among them that have an empty prediction, and how many cells of
        each column hold a category that the model does not know."""
        self.file.write(lines)
        self.file.flush()
        self.tell(unread, len(unread), unseen)

    def tell(self, unread: Sequence[str], count: int, unseen: Mapping[str, int]) -> None:
        """Of so many rows, what is wrong with the first."""
        self.unseen.update(unseen)
        for error in unread[: max(0, SHOWN_ERRORS - self.blank)]:
            say(f"{error} (empty prediction)", self.quiet)
        self.blank += count

    def summary(self) -> list[str]:
        """What there is to say at the end, a line each."""
        lines = [
            f"column '{name}': {n:,} {'cell' if n == 1 else 'cells'} with a category that the model does not know"
            for name, n in self.unseen.items()
        ]
        if self.blank:
            noun = "row" if self.blank == 1 else "rows"
            lines.append(f"{self.blank} {noun} could not be read and got an empty prediction")
        return lines


def _text(header: bytes) -> str:
    return f"'{header.decode().strip()}'"


def answer(model: Model, source: str, request: Request, to: Receiver) -> None:
    """Block by block, as the rows arrive."""
    with stream_like(source, model.schema, model.config.dtype, request.keep, request.on_error, request.text) as (
        blocks,
        kept,
        notes,
    ):
        predictor = Predictor(
            model, kept, request.proba, request.threshold, request.embed, request.escape_formulas, request.jsonl
        )
        to.begin(source, predictor.header, notes)
        with multiply_with(1 if _is_cheap(model) else None):
            for block in blocks:
                unread = [str(error) for error in block.errors.values()]
                to.take(predictor.answer(block), unread, model.preprocess.unseen(block.table))


def _is_cheap(model: Model) -> bool:
    """Whether a row takes longer to read than to answer: threads of the products would only be in the way of those that
    read."""
    return model.network.size < CHEAP * model.preprocess.width


@dataclass
class Received:
    """The answers of a file, or the first of them and why there are no more, on their way from another process."""

    source: str
    lines: bytes | Path = b""
    begun: bool = False
    header: bytes = b""
    notes: tuple[str, ...] = ()
    unread: list[str] = field(default_factory=list)  # the first few
    blank: int = 0
    unseen: Counter[str] = field(default_factory=Counter)
    failure: NncliError | None = None

    def give(self, to: Output) -> None:
        """As `answer` would have given them; the failure, at last, is raised."""
        if self.begun:
            to.begin(self.source, self.header, self.notes)
        if isinstance(self.lines, Path):
            with self.lines.open("rb") as file:
                shutil.copyfileobj(file, to.file)
            self.lines.unlink()
        else:
            to.file.write(self.lines)
        to.tell(self.unread, self.blank, self.unseen)
        if self.failure is not None:
            raise self.failure


class _Recorder:
    """A receiver in another process."""

    def __init__(self, found: Received, file: IO[bytes]) -> None:
        self.found, self.file = found, file

    def begin(self, source: str, header: bytes, notes: Iterable[str]) -> None:
        self.found.begun, self.found.header, self.found.notes = True, header, tuple(notes)

    def take(self, lines: bytes, unread: Sequence[str], unseen: Mapping[str, int]) -> None:
        self.file.write(lines)
        self.found.unseen.update(unseen)
        self.found.unread.extend(unread[: SHOWN_ERRORS - len(self.found.unread)])
        self.found.blank += len(unread)


def answer_all(
    workers: Workers, model: Saved, sources: Iterable[str], request: Request, folder: Path | None, to: Output
) -> None:
    """Each file by one of the workers; the answers are taken in the order of the files, and of few files at a time.

    Workers that see this machine's temporary files leave the answers in the folder; without one, they send them.
    """
    for (_, source), found in in_order(workers, answer_file, (model, request, folder), enumerate(sources)):
        if isinstance(found, Killed):
            raise DataError(shown(source), str(found))
        found.give(to)


def answer_file(piece: tuple[int, str], shared: tuple[Saved, Request, Path | None], stop: Stop = never) -> Received:
    """What a worker does with the file of that number."""
    (number, source), (saved, request, folder) = piece, shared
    found = Received(source)
    try:
        with use_threads(1), _lines(found, folder and folder / str(number)) as file:
            answer(saved.load()[0], source, request, _Recorder(found, file))
    except NncliError as error:
        found.failure = error
    return found


@contextlib.contextmanager
def _lines(found: Received, path: Path | None) -> Iterator[IO[bytes]]:
    """Where the lines are written: a file, or memory."""
    if path is not None:
        with path.open("wb") as file:
            found.lines = path
            yield file
        return
    buffer = io.BytesIO()
    try:
        yield buffer
    finally:
        found.lines = buffer.getvalue()
