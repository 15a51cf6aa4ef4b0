"""Name → component, and the one syntax that names components everywhere: `name:key=value:key=value`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Protocol, TypeVar

from nncli.errors import OptionError, did_you_mean
from nncli.system.numbers import read_number, read_whole


class Named(Protocol):
    """A component, with the name it is registered by."""

    name: ClassVar[str]


T = TypeVar("T", bound=Named)


def read_truth(text: str) -> bool:
    """Read true or false; ValueError for any other text."""
    if text not in ("true", "false"):
        raise ValueError("true or false")
    return text == "true"


READERS: dict[type, Callable[[str], Any]] = {bool: read_truth, int: read_whole, float: read_number, str: str}


class Registry(Mapping[str, type[T]]):
    """The components of one kind (activations, losses …), in the order they were registered.

    `option` is the name of the option that takes them; errors point at it. The first line of a component's docstring
    is its formula, and is what help texts and tables show.
    """

    def __init__(self, option: str) -> None:
        self.option = option
        self._components: dict[str, type[T]] = {}

    def register(self, name: str) -> Callable[[type[T]], type[T]]:
        """Class decorator: makes the class known as `name`."""

        def add(component: type[T]) -> type[T]:
            assert name not in self._components, f"{name} is registered twice"
            component.name = name
            self._components[name] = component
            return component

        return add

    def __iter__(self) -> Iterator[str]:
        return iter(self._components)

    def __contains__(self, name: object) -> bool:
        return name in self._components  # Mapping would ask __getitem__, whose error is no KeyError

    def __len__(self) -> int:
        return len(self._components)

    def __getitem__(self, name: str) -> type[T]:
        """Return the class called `name`; OptionError with the nearest name if there is none."""
        if name not in self._components:
            problem = f"expected one of {', '.join(self._components)}; found '{name}'"
            raise OptionError(self.option, problem, did_you_mean(name, self._components))
        return self._components[name]

    def summary(self, name: str) -> str:
        """Return the first line of the docstring of a component: its formula, or what a model is."""
        return (self[name].__doc__ or "").strip().splitlines()[0]

    def create(self, spec: str) -> T:
        """Make the component that `name:key=value:…` describes, its settings checked against its fields.

        A component with settings is a dataclass; its fields with `init=True` are the settings.
        """
        name, *pairs = spec.split(":")
        component = self[name]
        fields: dict[str, type] = {}
        if dataclasses.is_dataclass(component):
            fields = {f.name: type(f.default) for f in dataclasses.fields(component) if f.init}
        settings: dict[str, Any] = {}
        for pair in pairs:
            key, equals, text = pair.partition("=")
            if not equals or key not in fields:
                known = ", ".join(f"{k}=…" for k in fields) or "no settings"
                near = "" if key in fields else did_you_mean(key, fields)
                raise OptionError(self.option, f"expected {known} after '{name}'; found '{pair}'", near)
            try:
                settings[key] = READERS[fields[key]](text)
            except ValueError as error:
                raise OptionError(self.option, f"{name}:{key}: expected {error}, found '{text}'") from None
        try:
            return component(**settings)
        except ValueError as error:  # the component's own check of a setting
            raise OptionError(self.option, f"{name}: {error}") from None
