"""The targets of an export: each writes a description in its language, and checks such a file in its runtime."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from nncli.export.description import Description
from nncli.registry import Registry


class Target(ABC):
    """A language that a model can be written in. `endings` are those of its files, the usual one first; `begins` is how
    its files begin, by which they are known whatever they are called."""

    name: ClassVar[str]
    endings: ClassVar[tuple[str, ...]]
    begins: ClassVar[bytes]

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
