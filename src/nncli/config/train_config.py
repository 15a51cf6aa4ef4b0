"""One frozen TrainConfig from the options to the checkpoint. Each option of `train` is defined once, in
`data_options.py` or in `learning_options.py`. What they come to together, with the model and the data, is worked out in
`resolve.py`.

A field carries its help text, its group and the kind of its values, which reads and writes them. The command line, the
--config file, Python and the model file all go through these, so an option added there works in all of them.
"""

from __future__ import annotations

import dataclasses
import functools
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nncli.config.data_options import SOURCES, DataOptions
from nncli.config.file_kinds import Files
from nncli.config.learning_options import LearningOptions
from nncli.config.option import Kind, Option, read_option
from nncli.data.sources import native, portable
from nncli.data.task import REGRESSION
from nncli.errors import OptionError, flag

if TYPE_CHECKING:
    from nncli.nn.models import Preset


@dataclass(frozen=True)
class TrainConfig(LearningOptions, DataOptions):
    """Holds everything that decides what a training run does. The fields of the last base come first."""

    @property
    def preset(self) -> type[Preset]:
        """Return the preset of the model; that of mlp where none is named yet."""
        from nncli.nn.models import preset_of

        return preset_of(self.model or "mlp")

    @property
    def is_regression(self) -> bool:
        """Tell whether a number is predicted; known once the data have been read."""
        return self.task == REGRESSION

    @classmethod
    @functools.cache
    def options(cls) -> dict[str, Option]:
        """Field name → option, in the order of the help text."""
        return {f.name: f.metadata["option"] for f in dataclasses.fields(cls) if "option" in f.metadata}

    @classmethod
    def kind(cls, name: str) -> Kind:
        """Return how the values of a field are read and written."""
        return Files() if name == "data" else cls.options()[name].kind

    @classmethod
    def from_values(cls, given: Mapping[str, Any]) -> TrainConfig:
        """Make a config of texts (from the command line) and of values as TOML and Python have them. What is not given,
        or None, keeps its default. Raises OptionError for a value that an option does not take."""
        said = {name: value for name, value in given.items() if value is not None}
        return cls(**{name: read_option(name, value, cls.kind(name)) for name, value in said.items()})

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> TrainConfig:
        """Make the config that `to_json` has written; ValueError for values that no option takes."""
        values: dict[str, Any] = {}
        usual = cls()
        for name, value in stored.items():
            if name not in vars(usual):
                raise ValueError(f"unknown option '{name}'")
            values[name] = value = tuple(value) if isinstance(value, list) else value
            if _same(value, getattr(usual, name)) or (value == () and name in ("data", "hidden")):
                continue
            if value is None:
                raise ValueError(f"no value for '{name}', which always has one")
            kind, other_type = cls.kind(name), ValueError(f"{flag(name)}: a value of another type")
            if name in SOURCES and not isinstance(value, tuple):
                raise other_type
            try:
                values[name] = value = tuple(map(native, value)) if name in SOURCES else value
                text = kind.write(value)
            except (AttributeError, TypeError, ValueError):
                raise other_type from None
            try:
                found = kind.read(text)
            except ValueError as error:
                raise ValueError(f"{flag(name)}: expected {error}, found '{text}'") from None
            except OptionError as error:
                raise ValueError(str(OptionError(name, *error.args[1:])).rstrip(".")) from None
            if not _same(found, value):
                raise other_type
        texts = [text for value in values.values() for text in (value if isinstance(value, tuple) else [value])]
        if any("\0" in text for text in texts if isinstance(text, str)):
            raise ValueError("a name with a zero byte")
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        """Write all options as JSON has values."""
        found = {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}
        if self.task is None:  # as in files of older versions, which have classes alone
            del found["task"]
        if self.kernels is None:  # as in files of older versions, which have those of NumPy
            del found["kernels"]
        return found | {name: list(map(portable, getattr(self, name))) for name in SOURCES}

    def written(self, name: str) -> str:
        """Write the value of an option as one types it; the empty string where it has none."""
        value = getattr(self, name)
        return "" if value in (None, ()) else self.kind(name).write(value)

    def command_line(self, brief: bool = False) -> str:
        """Write the options that make this config, as `train` takes them; if `brief`, without default values."""
        words: list[str] = []
        usual = TrainConfig()
        for name, its in self.options().items():
            value = getattr(self, name)
            as_usual = value == getattr(usual, name)
            if value not in (None, ()) and not (as_usual and (brief or isinstance(value, bool))):
                words += its.kind.arguments(flag(name), value)
        return shlex.join(words)


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other
