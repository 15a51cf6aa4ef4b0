"""The error tree and its exit codes.

    NncliError            1   anything nncli can explain in one line
    ├── DataError         1   a data file cannot be read, or cannot be learned from
    ├── ModelFileError    1   a file is not a model that this program can use
    ├── TrainingError     1   the run itself went wrong (divergence)
    ├── OutputError       1   a result cannot be written
    └── OptionError       2   the command line (or a --config file) is at fault

The other exit codes have no exception of their own: 0 done, 130 interrupted, 143 terminated, 129 the terminal was
closed, 141 the reader of stdout went away. Errors are raised where the cause is known and printed in one
place, `cli/main.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

DONE = 0
FAILED = 1  # a check of gradients; the errors say it by themselves
INTERRUPTED = 130
READER_GONE = 141
HANGUP = 129
TERMINATED = 143


class NncliError(Exception):
    """One line for a person: *where: what was expected and found. What to do.*

    `where` is a file (with a line), an option or a command; `problem` says what was expected and
    what was found, without a final full stop; `remedy` is a sentence without one, a question, or empty.
    """

    exit_code = 1

    def __init__(self, where: str, problem: str, remedy: str = "") -> None:
        super().__init__(where, problem, remedy)  # the arguments, so that the error pickles
        self.where = where
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        stop = "" if self.remedy.endswith("?") else "."
        return f"{self.where}: {self.problem}." + (f" {self.remedy}{stop}" if self.remedy else "")

    def to_json(self) -> list[str]:
        """Writes the error as plain texts, to be raised in another process; `from_json` is the way back."""
        return [type(self).__name__, self.where, self.problem, self.remedy]

    @staticmethod
    def from_json(stored: Any) -> NncliError:
        """ValueError for what is no error."""
        known: list[type[NncliError]] = [NncliError, *NncliError.__subclasses__()]
        kinds = {kind.__name__: kind for kind in known}
        if not (type(stored) is list and [type(part) for part in stored] == [str] * 4 and stored[0] in kinds):
            raise ValueError("an error of another form")
        return kinds[stored[0]](*stored[1:])


class DataError(NncliError):
    """A data file cannot be read, or cannot be learned from."""


class ModelFileError(NncliError):
    """A file is not a model that this program can use."""


class TrainingError(NncliError):
    """The run itself went wrong."""


class OutputError(NncliError):
    """A result cannot be written."""


class OptionError(NncliError):
    """The command line, or a --config file, is at fault."""

    exit_code = 2


class NncliWarning(UserWarning):
    """What a person should know, and what stops nothing: one line, which the command line prints as a note."""


def did_you_mean(word: str, known: Iterable[str], before: str = "") -> str:
    """`Did you mean 'adam'?`, with what comes before such a word, or the empty string if nothing is near."""
    import difflib

    names = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.5)
    return f"Did you mean '{before}{names[near[0]]}'?" if near else ""
