"""The targets of an export: each writes a description in its language, and checks such a file in its runtime."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from nncli.errors import OptionError, mention
from nncli.export.description import Description, columns_of
from nncli.export.words import KIND
from nncli.registry import Registry
from nncli.system.output import in_quotes


class Target(ABC):
    """A language that a model can be written in. `endings` are those of its files, the usual one first; `begins` is how
    its files begin, by which they are known whatever they are called."""

    name: ClassVar[str]
    endings: ClassVar[tuple[str, ...]]
    begins: ClassVar[bytes]
    reads_words: ClassVar[bool] = False  # by Unicode's normal forms, lower case and classes of characters

    def check_can_write(self, description: Description) -> None:
        """Raise OptionError for a model that the language cannot express."""

    @abstractmethod
    def write(self, description: Description, name: str) -> bytes:
        """Return the file; `name` is an identifier for what is in it."""

    @abstractmethod
    def verify(self, path: Path) -> str:
        """Predict the golden rows of such a file in its own runtime: return what there is to say. OutputError for an
        answer that is not nncli's, UsageError where there is no such runtime."""


TARGETS: Registry[Target] = Registry("to")


def refuse_words(description: Description, language: str) -> None:
    """Raise OptionError for a model that reads the words of texts."""
    if columns := columns_of(description, KIND):
        can = [mention("to", name) for name in TARGETS if TARGETS[name].reads_words]
        problem = (
            f"the model reads the words of column {in_quotes(columns[0]['name'])}, and {language} has nothing by which "
            "texts of all languages are normalised and cut into words"
        )
        raise OptionError("to", problem, f"Use {' or '.join([', '.join(can[:-1]), can[-1]])}")


def refuse_zero_bytes(description: Description, language: str) -> None:
    """Raise OptionError for a name or a category with a zero byte, where it would end a text."""
    columns = description["columns"]
    names = [("column", column["name"]) for column in columns] + [("class", name) for name in description["classes"]]
    codes = [("category", code) for column in columns_of(description, "text") for code in column["codes"]]
    for what, text in names + codes:
        if "\0" in text:
            shown = text.replace("\0", "\\0")
            problem = f"{what} {in_quotes(shown)}: expected a text without a zero byte, as it ends a text in {language}"
            raise OptionError("to", problem, f"Change it in the data, and train again, or use {mention('to', 'json')}")
