"""The error tree and its exit codes.

    NncliError            1   anything nncli can explain in one line
    ├── DataError         1   a data file cannot be read, or cannot be learned from
    ├── ModelFileError    1   a file is not a model that this program can use
    ├── TrainingError     1   the run itself went wrong (divergence)
    ├── OutputError       1   a result cannot be written
    └── UsageError        2   the command line (or a --config file) is at fault
        └── OptionError   2   one of its options is

The other exit codes have no exception of their own: 0 done, 130 interrupted, 143 terminated, 129 the terminal was
closed, 141 the reader of stdout went away. Errors are raised where the cause is known and printed in one
place, `cli/main.py`.

An error names an option by its field (`batch_size`). Who reads it decides how that is written: `--batch-size` on the
command line, `batch_size` in Python, `file.toml: batch-size` where it stands in a --config file.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

DONE = 0
FAILED = 1  # a check of gradients; the errors say it by themselves
INTERRUPTED = 130
READER_GONE = 141
HANGUP = 129
TERMINATED = 143
ARGUMENTS = {"data": "DATA", "figure": "WHAT"}  # options that have no dashes on the command line
MENTION = re.compile("\0([^\0]*)\0([^\0]*)\0")


def flag(option: str) -> str:
    """Write an option as the command line has it: batch_size → --batch-size; the data are an argument."""
    return ARGUMENTS.get(option) or "--" + option.replace("_", "-")


def mention(option: str, value: str | float | None = None) -> str:
    """Name an option, perhaps with a value, in the text of an error.

    `mention("lr", 0.01)` reads `--lr 0.01` on the command line and `lr=0.01` in Python. A value is quoted as a shell
    needs it.
    """
    if value is None:
        return f"\0{flag(option)}\0{option}\0"
    if value is True:
        return f"\0{flag(option)}\0{option}=True\0"
    text = str(value)
    word = f'"{text}"' if "'" in text and not {*text} & {*'"$`\\!'} else shlex.quote(text)
    return f"\0{flag(option)} {word}\0{option}={value!r}\0"


class NncliError(Exception):
    """One line for a person: *where: what was expected and found. What to do.*

    `where` is a file (with a line), an option or a command; `problem` says what was expected and
    what was found, without a final full stop; `remedy` is a sentence without one, a question, or empty.
    """

    exit_code = 1
    in_python = False  # whether options are written as Python has them

    def __init__(self, where: str, problem: str, remedy: str = "") -> None:
        super().__init__(where, problem, remedy)  # the arguments, so that the error pickles
        self.where = where
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        stop = "" if self.remedy.endswith("?") else "."
        text = f"{self.where}: {self.problem}." + (f" {self.remedy}{stop}" if self.remedy else "")
        return MENTION.sub(r"\2" if self.in_python else r"\1", text)

    def to_json(self) -> list[str]:
        """Writes the error as plain texts, to be raised in another process; `from_json` is the way back."""
        return [type(self).__name__, *self.args]

    @staticmethod
    def from_json(stored: Any) -> NncliError:
        """Make the error that `to_json` wrote; ValueError for anything else."""
        known: list[type[NncliError]] = [NncliError, *NncliError.__subclasses__(), OptionError]
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


class UsageError(NncliError):
    """The command line, or a --config file, is at fault."""

    exit_code = 2


class OptionError(UsageError):
    """An option is at fault. `option` is the name of its field, such as `batch_size`."""

    def __init__(self, option: str, problem: str, remedy: str = "") -> None:
        super().__init__(mention(option), problem, remedy)
        self.args = (option, problem, remedy)
        self.option = option


class NncliWarning(UserWarning):
    """A warning that stops nothing: one line, which the command line prints as a note."""


MOST_LISTED = 10


def listing(words: Iterable[str], most: int = MOST_LISTED) -> str:
    """List words as a sentence does: a, b and c."""
    found = list(words)
    if len(found) > most:
        return f"{', '.join(found[:most])} and {len(found) - most:,} more"
    return " and ".join([", ".join(found[:-1]), found[-1]] if len(found) > 1 else found)


def write_names(names: Iterable[str]) -> str:
    """Write names between commas, in double quotes where they need them."""
    return ",".join(
        name if name and name == name.strip() and not set(name) & {*',"\r\n'} else '"' + name.replace('"', '""') + '"'
        for name in names
    )


NEAR = 0.65  # of 1: tahn is near tanh (0.75) and sdg near sgd (0.67), while petal is not sepal (0.6)


def did_you_mean(word: str, known: Iterable[str], before: str = "", listed: str = "") -> str:
    """Ask `Did you mean 'adam'?`, with what comes before such a word. Where no word is near, return the empty string,
    or say what there is: with "columns" for `listed`, `The columns are a, b and c`."""
    names = list(known)
    near = nearest(word, names)
    if near is not None:
        return f"Did you mean '{before}{near}'?"
    return f"The {listed} are {listing(names)}" if listed and names else ""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is most like another, in upper or lower case; None where none is near."""
    import difflib

    names = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), names, n=1, cutoff=NEAR)
    return names[near[0]] if near else None


def did_you_mean_file(name: str, names: Iterable[str], folder: str = "") -> str:
    """Ask whether another file of a folder is meant, which is called nearly so without what all such files end in."""
    stems = {known: PurePath(known).stem for known in names}
    near = nearest(PurePath(name).stem, stems.values())
    return did_you_mean(name, [known for known, stem in stems.items() if stem == near], folder)
