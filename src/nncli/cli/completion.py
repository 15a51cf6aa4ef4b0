"""Complete the values of options and arguments in a shell, from what the help says that they are."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

import nncli
from nncli.config.option import REGISTRIES, Component, Kind, registry_of
from nncli.data.bundled import BUNDLED, path_of
from nncli.errors import write_names

if TYPE_CHECKING:
    from nncli.model.model import Model

Completer = Callable[[typer.Context, str], list[str]]
NAMES = re.compile(r"\{(\w+)\}")  # the registry whose names stand in a help
ROOMS = {name: place.split(".")[1] for name, place in REGISTRIES.items()} | {
    "figures": "figures"
}  # that hold the registries
PIECE = "_NNCLI_PIECE"  # the variable with what is typed of the piece that bash replaces
SPECIAL = re.compile(r"""([\s"'\\$`&|;<>()*?\[\]{}!#~])""")  # what a shell does not take as it is


class _Word(str):
    """A word that begins as what is typed, which is what Typer asks of it, and is shown as the shell has to get it."""

    def __new__(cls, before: str, word: str, shown: str, typed: str) -> _Word:
        made = super().__new__(cls, before + word)
        made.shown, made.typed = before + shown, typed
        return made

    shown: str
    typed: str

    def __format__(self, spec: str) -> str:
        """Write the word as bash has it, with what is special escaped; other shells do so by themselves."""
        if os.environ.get("_NNCLI_COMPLETE") != "complete_bash":
            return self.shown
        typed, place = os.environ["COMP_WORDS"].split("\n"), int(os.environ["COMP_CWORD"])
        if place < len(typed) and typed[place][:1] in ('"', "'"):
            return self.shown
        before = max(0, len(self.typed) - len(os.environ.get(PIECE, self.typed)))  # which bash leaves as it is
        return SPECIAL.sub(r"\\\1", self.shown[before:])


def completer(metavar: str, help: str, kind: Kind | None = None) -> Completer:
    """Return what completes a value: a column of the data, a class of the model, a name from a registry or one of a few
    words; or nothing, so that the shell completes the names of files. Of several between commas, it is the last."""

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        done, comma, last = ("", "", incomplete) if metavar in ("COL", "COLUMN") else incomplete.rpartition(",")
        if isinstance(kind, Component) and ":" in last:
            words: Iterable[str] = _settings(kind.registry, last)
        else:
            words = _words(metavar, help, kind, _files(ctx))
        found = [(word, write_names([word]) if metavar == "COLS" else word) for word in words if word.startswith(last)]
        # names that hold a comma stand in quotes among others
        return [_Word(done + comma, word, shown, incomplete) for word, shown in found]

    return complete


def complete_data(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete the name of a bundled set, once it has begun, beside the files that begin so. Where there is none, the
    shell completes files by itself."""
    names = [name for name in BUNDLED if incomplete and name.startswith(incomplete)]
    files = (_Word("", one.name, one.name, incomplete) for one in Path().iterdir() if one.name.startswith(incomplete))
    return [*names, *files] if names else []


def _words(metavar: str, help: str, kind: Kind | None, files: Sequence[str]) -> Iterable[str]:
    if metavar in ("COL", "COLUMN", "COLS"):
        return _columns(files)
    if metavar == "CLASS":
        model = _model(files)
        return () if model is None else model.classes
    if "|" in metavar:
        return metavar.split("|")
    if isinstance(kind, Component):
        return registered(kind.registry)
    if kind is not None and kind.words():
        return kind.words()
    return [word for name in NAMES.findall(help) for word in registered(name.replace("figure_lines", "figures"))]


def registered(registry: str) -> list[str]:
    """List the names in a registry as the source has them: to load it takes longer than all else that a shell waits
    for."""
    if registry not in ROOMS:
        return []
    name = re.compile(rf'^@?{registry.upper()}\.register\("([^"]+)"', re.MULTILINE)
    files = sorted(Path(nncli.__file__).with_name(ROOMS[registry]).glob("*.py"))
    return [word for file in files for word in name.findall(file.read_text("utf-8"))]


def _settings(registry: str, spec: str) -> list[str]:
    """List what may stand in a component that is typed up to one of its settings, as in adam:beta1=0.9:e: each setting
    that is not there yet, with its default, or with true and false."""
    before, _, _ = spec.rpartition(":")
    name, *pairs = before.split(":")
    known, given, found = registry_of(registry), {pair.partition("=")[0] for pair in pairs}, list[str]()
    if name not in known or not is_dataclass(known[name]):
        return []
    for one in fields(known[name]):
        if one.init and one.name not in given:
            values = ("true", "false") if isinstance(one.default, bool) else (str(one.default),)
            found += [f"{before}:{one.name}={value}" for value in values]
    return found


def join_words_of_bash() -> None:
    """Put the words together again that bash takes apart at : and =. Of the last one, bash replaces a piece alone."""
    words, place = os.environ["COMP_WORDS"].split("\n"), int(os.environ["COMP_CWORD"])
    joined, goes_on = list[str](), False
    for word in words[: place + 1]:
        is_break = word != "" and not word.strip(":=")
        if joined and word and (is_break or goes_on):
            joined[-1] += word
        else:
            joined.append(word)
        goes_on = is_break
    piece = re.sub(r"\\(.)", r"\1", words[place]) if place < len(words) else ""
    more = {"COMP_WORDS": "\n".join(joined), "COMP_CWORD": str(len(joined) - 1), PIECE: piece.strip(":=")}
    os.environ.update(more if place < len(words) else {PIECE: piece})


def _columns(files: Sequence[str]) -> Sequence[str]:
    """Return the names of the columns of the data that the command line names, else those of its model."""
    from nncli.data.column_names_at_once import column_names_at_once

    for name in files:
        path = path_of(name) if name in BUNDLED and not Path(name).exists() else Path(name)
        with suppress(Exception):  # whatever is wrong with a file, a shell has no use for it
            if columns := column_names_at_once(path):
                return columns
    model = _model(files)
    return () if model is None else model.schema.names


def _model(files: Sequence[str]) -> Model | None:
    """Return the first model that the command line names; None where there is none that can be read."""
    from nncli.data.formats.known_formats import is_model
    from nncli.errors import NncliError

    for name in files:
        if Path(name).is_file() and is_model(Path(name)):
            from nncli.model import checkpoint

            with suppress(NncliError):
                return checkpoint.load(Path(name))[0]
    return None


def _files(ctx: typer.Context) -> list[str]:
    """List the files among the arguments: data, then what may be a model."""
    words = [ctx.params.get(name) or [] for name in ("data", "file", "model")]
    found = [name for one in words for name in ([one] if isinstance(one, str) else one)]
    return [*found, *ctx.args]  # they are not told apart where the value of the last option is yet to come
