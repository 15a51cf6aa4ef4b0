"""Files of rows → their answers, in order: in this process, or in several, each of which does whole files."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal, Protocol

from nncli.data.csv.header import DETECTED, TextOptions
from nncli.data.load import stream_like
from nncli.data.sources import title
from nncli.errors import DataError, NncliError
from nncli.inference.predictor import Predictor
from nncli.model.checkpoint import Saved
from nncli.model.model import Model
from nncli.system import plain_json
from nncli.system.output import say
from nncli.system.threads import multiply_with, use_threads
from nncli.system.workers import Killed, Stop, Workers, in_order, never

CHEAP = 1000  # parameters for each input: about as long as a cell takes to read
SHOWN_ERRORS = 10  # rows that cannot be read; of the others only the number is told
ANSWERS = {
    "header": (bytes, None), "notes": [str], "lines": bytes, "unread": [str], "blank": int, "unseen": dict,
    "failure": ([str], None),
}  # fmt: skip


@dataclass(frozen=True)
class Request:
    """Say what each row is answered with: the settings of `Predictor` and `stream_like`."""

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
            self.file.flush()  # whoever reads on may want to know the columns before there is a row
        elif header != self._header:
            raise DataError(
                title((source,)),
                f"expected the columns of {title((self._first,))} to keep, {_text(self._header)}, found "
                f"{_text(header)}",
                "Name with --keep those that all files have",
            )

    def take(self, lines: bytes, unread: Sequence[str], unseen: Mapping[str, int]) -> None:
        """Lines in order, what is wrong with the rows among them that have an empty prediction, and how many cells of
        each column hold a category that the model does not know."""
        self.file.write(lines)
        self.file.flush()
        self.tell(unread, len(unread), unseen)

    def tell(self, unread: Sequence[str], count: int, unseen: Mapping[str, int]) -> None:
        """Report why rows could not be read: the first few of `unread`, of `count` in all."""
        self.unseen.update(unseen)
        for error in unread[: max(0, SHOWN_ERRORS - self.blank)]:
            say(f"{error} (empty prediction)", self.quiet)
        self.blank += count

    def summary(self) -> list[str]:
        """List what there is to say after the last row, a line each."""
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

    header: bytes | None = None  # None: it was not begun
    notes: list[str] = field(default_factory=list)
    lines: bytes | None = None  # None: they are in a file
    unread: list[str] = field(default_factory=list)  # the first few
    blank: int = 0
    unseen: Counter[str] = field(default_factory=Counter)
    failure: list[str] | None = None  # an error, as `NncliError.to_json` has it

    def give(self, source: str, path: Path | None, to: Output) -> None:
        """As `answer` would have given them; the failure, at last, is raised."""
        if self.header is not None:
            to.begin(source, self.header, self.notes)
        if path is not None and path.exists():  # unless it could not be written
            with path.open("rb") as file:
                shutil.copyfileobj(file, to.file)
            path.unlink()
        else:
            to.file.write(self.lines or b"")
        to.tell(self.unread, self.blank, self.unseen)
        if self.failure is not None:
            raise NncliError.from_json(self.failure)


class _Recorder:
    """A receiver in another process."""

    def __init__(self, found: Received, file: IO[bytes]) -> None:
        self.found, self.file = found, file

    def begin(self, source: str, header: bytes, notes: Iterable[str]) -> None:
        self.found.header, self.found.notes = header, list(notes)

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
    answers = in_order(workers, answer_file, (model, request, folder), enumerate(sources), check_answers)
    for (number, source), found in answers:
        if isinstance(found, Killed):
            raise DataError(title((source,)), str(found))
        Received(**found).give(source, folder and folder / str(number), to)


def check_answers(found: Any) -> None:
    """ValueError for what no `answer_file` without a folder returns, as a stranger in a cluster may send it."""
    plain_json.check(found, ANSWERS)
    if found["blank"] < len(found["unread"]) or any(type(count) is not int for count in found["unseen"].values()):
        raise ValueError("counts of no rows")
    if found["failure"] is not None:
        NncliError.from_json(found["failure"])
    bytes.decode(found["header"] or b"")


def answer_file(
    piece: tuple[int, str], shared: tuple[Saved, Request, Path | None], stop: Stop = never
) -> dict[str, Any]:
    """Predict one file in a worker; return the fields of a `Received`."""
    (number, source), (saved, request, folder) = piece, shared
    found = Received()
    try:
        with use_threads(1), _lines(found, folder and folder / str(number)) as file:
            answer(saved.load()[0], source, request, _Recorder(found, file))
    except NncliError as error:
        found.failure = error.to_json()
    return vars(found)


@contextlib.contextmanager
def _lines(found: Received, path: Path | None) -> Iterator[IO[bytes]]:
    """Where the lines are written: a file, or memory."""
    if path is not None:
        from nncli.system import scratch

        with scratch.writing(path.parent), path.open("wb") as file:
            yield file
        return
    buffer = io.BytesIO()
    try:
        yield buffer
    finally:
        found.lines = buffer.getvalue()
