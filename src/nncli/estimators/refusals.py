"""The errors of the house as scikit-learn expects them: each that refuses bad input is a ValueError too."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from nncli.errors import DataError, ModelFileError, NncliError, OptionError, TrainingError, UsageError


class InvalidData(DataError, ValueError):
    """X, y or a weight cannot be read, or cannot be learned from."""

    in_python = True


class InvalidCell(InvalidData, TypeError):
    """A cell is of a type that is neither number, text nor date."""


class InvalidOption(OptionError, ValueError):
    """A parameter is at fault. `option` is its name."""

    in_python = True


class InvalidUse(UsageError, ValueError):
    """A method is called that the model has no answer to."""

    in_python = True


class InvalidModelFile(ModelFileError, ValueError):
    """A file is not a model that this program can use."""

    in_python = True


class FailedTraining(TrainingError, ValueError):
    """The run itself went wrong, as the parameters have it."""

    in_python = True


KINDS: tuple[tuple[type[NncliError], type[NncliError]], ...] = (
    (DataError, InvalidData),
    (OptionError, InvalidOption),
    (UsageError, InvalidUse),
    (ModelFileError, InvalidModelFile),
    (TrainingError, FailedTraining),
)


@contextlib.contextmanager
def as_value_errors() -> Iterator[None]:
    """Raise the errors of other rooms as those of this one, with options spelt as Python does."""
    try:
        yield
    except NncliError as error:
        error.in_python = True
        for kind, own in KINDS:
            if isinstance(error, kind) and not isinstance(error, ValueError):
                raise own(*error.args) from None
        raise
