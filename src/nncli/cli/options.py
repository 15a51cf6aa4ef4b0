"""Options shared by commands. Those of a training run are made from the fields of TrainConfig."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nncli.cli.completion import complete_data, completer
from nncli.config.data_options import (
    ENCODING_HELP,
    ESCAPE_HELP,
    HEADER_ROWS_HELP,
    QUOTE_HELP,
    ROWS_READ_HELP,
    SHEET_HELP,
    SOURCES,
)
from nncli.config.option import Flag, Kind, OneOf, Option, Size, read_option
from nncli.config.train_config import TrainConfig
from nncli.data.bundled import BUNDLED
from nncli.data.expand import expand
from nncli.data.sources import Source, is_there
from nncli.errors import OptionError, UsageError, flag

if TYPE_CHECKING:
    from nncli.data.csv.header import TextOptions
    from nncli.data.row_blocks import OnError


def value_option(
    metavar: str, help: str, default: str = "", *names: str, group: str | None = None, kind: Kind | None = None
) -> Any:
    """Return an option with a value, for `Annotated`. `default` is what the help says in place of the default; a `kind`
    whose values can be listed has them completed."""
    shown: Any = default or False
    complete = completer(metavar, help, kind)
    return typer.Option(
        *names, metavar=metavar, help=help, show_default=shown, rich_help_panel=group, autocompletion=complete
    )


def switch(name: str, help: str, *, group: str | None = None) -> Any:
    """Return an option without a value, for `Annotated`."""
    return typer.Option(name, help=help, rich_help_panel=group)


MODEL_FILE = "model.npz"  # that a command saves if it is told of no other
Json = Annotated[bool, switch("--json", "Print one JSON document and nothing else on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors and warnings on stderr.")]
MODEL_ARGUMENT = typer.Argument(metavar="MODEL", help="Model file that nncli train has saved.", show_default=False)
ModelArgument = Annotated[str, MODEL_ARGUMENT]
RowsArgument = Annotated[
    str | None, typer.Argument(metavar="DATA", help="Rows for a model.", show_default="the data it was trained on")
]
SKIP_ROWS_HELP = "Number of lines to skip at the top of each file."
HOW_TEXT_IS_WRITTEN: dict[str, Any] = {  # the options of commands that read files for a model
    "encoding": value_option("NAME", ENCODING_HELP, "UTF-8, or as in training"),
    "skip_rows": value_option("N", SKIP_ROWS_HELP, "0"),
    "sheet": value_option("NAME", SHEET_HELP, "the only one"),
    "quote": value_option("CHAR", QUOTE_HELP, "detected, or as in training"),
    "escape": value_option("CHAR", ESCAPE_HELP, "as in training"),
    "header_rows": value_option("N", HEADER_ROWS_HELP, "as in training"),
    "rows": value_option("A:B", ROWS_READ_HELP, "all"),
}
Given = Mapping[str, str | None]  # options by their names; None: it was not given
ON_ERROR_HELP = "Action for a row that cannot be read, or has no class: stop, or skip it, and say which."
OnErrorOption = Annotated[str | None, value_option("fail|skip", ON_ERROR_HELP, "fail")]
MEMORY_HELP = (
    "Memory to use, as 500MB or 2GB, for tables of any size: they are parsed once, and kept on the disk for later "
    "runs (nncli info --cache)."
)
Memory = Annotated[str | None, value_option("SIZE", MEMORY_HELP, "as much as it takes", group="Run")]


def _read_config(ctx: typer.Context, file: str | None) -> str | None:
    """Take the options of a --config file for those that the command line does not give."""
    if file is not None and not ctx.resilient_parsing:
        from nncli.cli.config_file import read_config

        ctx.default_map = read_config(ctx.command.params, file)
    return file


ConfigFile = Annotated[
    str | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="TOML file of options, such as lr = 0.01, or - for stdin.",
        show_default=False,
        rich_help_panel="Run",
        callback=_read_config,
        is_eager=True,
    ),
]
TEXT_FILES = "A CSV or TSV file (also .gz, .bz2, .xz, .zst, .zip), JSON Lines, Excel (.xlsx), Parquet, Arrow"
OTHER_FILES = ".npz with X and y, LIBSVM"
DATA_HELP = (
    f"{TEXT_FILES}, IDX (a file, or a folder such as MNIST), a folder of pictures, {OTHER_FILES}, a bundled data set, "
    "or - for stdin."
)
SEVERAL_HELP = f"{DATA_HELP} Several, or a pattern such as 'day-*.csv', make one."
THRESHOLD_HELP = "Probability of the positive class from which it is predicted; nncli info names that class."
MODEL_NAMES_HELP = "Kind of model: {models}."
ROWS_HELP = f"{TEXT_FILES}, IDX images, PNG or JPEG pictures, {OTHER_FILES}, a bundled data set, or - for stdin."


def with_text_options(command: Callable[..., int]) -> Callable[..., int]:
    """Turn a command with a parameter `given` into a function with the options on how text is written in its place, for
    Typer to read; `given` gets all of them."""
    parameters = []
    new = functools.partial(inspect.Parameter, kind=inspect.Parameter.KEYWORD_ONLY, default=None)
    for name, parameter in inspect.signature(command, eval_str=True).parameters.items():
        if name == "given":
            parameters += [new(one, annotation=Annotated[str | None, how]) for one, how in HOW_TEXT_IS_WRITTEN.items()]
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    @functools.wraps(command)
    def wrapper(**values: Any) -> int:
        given = {name: values.pop(name) for name in HOW_TEXT_IS_WRITTEN}
        return command(**values, given=given)

    _declare(wrapper, parameters)
    return wrapper


def _declare(function: Callable[..., int], parameters: Sequence[inspect.Parameter]) -> None:
    """Have a function that takes any options declare these to Typer."""
    vars(function)["__signature__"] = inspect.Signature(parameters)
    function.__annotations__ = {p.name: p.annotation for p in parameters}


def text_options(given: Given) -> TextOptions:
    """Read the options on how text is written of a command that reads files for a model."""
    from nncli.data.csv.header import DETECTED, TextOptions

    read = TrainConfig.from_values(given)
    return TextOptions(**{name: getattr(read, name) for name in vars(DETECTED)})


def options_of_rows(source: Source, on_error: str | None, given: Given) -> tuple[TextOptions, OnError]:
    """Read the options on how the rows of a source are read; OptionError where there is none, and a model is used on
    its own data."""
    for name, value in {**given, "on_error": on_error}.items():
        if value and not source:
            raise OptionError(name, "its own data are read as in training", "Leave it out")
    policy: OnError = read_option("on_error", on_error or "fail", OneOf(("fail", "skip"), "fail or skip"))
    return text_options(given), policy


def bytes_of(memory: str | None) -> int | None:
    """Read the size that --memory gives, in bytes; OptionError for another text."""
    return None if memory is None else int(read_option("memory", memory, Size()))


def model_in(source: Source) -> str | None:
    """Return the file, if a source is one that is to be read as a model."""
    from nncli.data.formats.known_formats import is_model

    return source[0] if len(source) == 1 and is_model(Path(source[0])) else None


def with_config(
    command: Callable[..., int],
    argument: str = "DATA",
    argument_help: str = DATA_HELP,
    read: Callable[..., Any] = TrainConfig.from_values,
    other_help: Mapping[str, str] = MappingProxyType({}),
    only: Collection[str] = (),
    several: bool = False,
    other_default: Mapping[str, str] = MappingProxyType({}),
) -> Callable[..., int]:
    """Turn `command(config, …)` into a function with every option of TrainConfig, for Typer to read.

    The given options beat those of the --config file, which beat the defaults. `read` makes the first argument of
    them. A command with a parameter `given` gets the names of all that are given. `argument` is how the help calls
    what config.data holds, `other_help` what it says of an option that means something else to this command,
    `other_default` of a default that is another there, `only` which options and groups of them it has, if not all, and
    `several` whether it takes many files as one.
    """
    parameters_of = inspect.signature(command, eval_str=True).parameters
    own = [p for name, p in list(parameters_of.items())[1:] if name != "given"]
    options = {
        name: dataclasses.replace(
            option,
            help=other_help.get(name, option.help),
            default_text=other_default.get(name, option.default_text),
        )
        for name, option in TrainConfig.options().items()
        if not only or option.group in only or name in only
    }
    data: Any = Annotated[
        list[str] | None if several else str | None,
        typer.Argument(
            metavar=argument,
            help=argument_help,
            show_default=other_default.get("data", "digits"),
            autocompletion=complete_data,
        ),
    ]
    annotations = {"data": data, **{name: _annotation(name, one) for name, one in options.items()}}
    annotations |= {"config_file": ConfigFile, "ctx": typer.Context}
    new = functools.partial(inspect.Parameter, kind=inspect.Parameter.KEYWORD_ONLY, default=None)
    parameters = [new(name, annotation=annotation) for name, annotation in annotations.items()]
    parameters += [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]

    @functools.wraps(command)
    def wrapper(*, ctx: typer.Context, config_file: str | None, **values: Any) -> int:
        given = {name: values.pop(name) for name in ["data", *options]}
        given = {name: value for name, value in given.items() if value not in (None, [])}
        try:
            _refuse_option_without_dashes(given.get("data", []))
            if config_file == "-" and given.get("data") in ("-", ["-"]):
                problem = "the data come from stdin, and so cannot the options"
                raise UsageError("--config", problem, "Save one of them in a file, and name that")
            if "given" in parameters_of:
                values["given"] = frozenset(given)
            return command(read(_expanded(given)), **values)
        except OptionError as error:
            source = ctx.get_parameter_source(error.option)
            if source is not None and source.name == "DEFAULT_MAP":
                from nncli.cli.config_file import place_in

                error.where = place_in(config_file, error.option)
            raise

    _declare(wrapper, parameters)
    return wrapper


def _refuse_option_without_dashes(words: Any) -> None:
    """Raise OptionError for an option among the files, as in `train iris model mlp`, or for its value alone."""
    options = TrainConfig.options()
    for i, word in enumerate(words if isinstance(words, list) and len(words) > 1 else []):
        if is_there(Path(word)) or word in BUNDLED:
            continue
        found = f"expected names of files, found '{word}'"
        if word.replace("-", "_") in options:
            value = words[i + 1] if i + 1 < len(words) else ""
            raise OptionError("data", found, f"Did you mean --{f'{word} {value}'.strip()}?")
        name = next((name for name, option in options.items() if word in option.kind.words()), None)
        if name is not None:
            raise OptionError("data", found, f"Did you mean {flag(name)} {word}?")


def _expanded(values: Mapping[str, Any]) -> dict[str, Any]:
    """Replace each pattern among the names of files by the files that fit it; other values stay as they are."""
    found = dict(values)
    for name in SOURCES:
        words = [values[name]] if isinstance(values.get(name), str) else values.get(name)
        if isinstance(words, list) and all(isinstance(word, str) and word for word in words):
            found[name] = expand(words)
    return found


def _annotation(name: str, option: Option) -> Any:
    """Return the annotation that declares an option of TrainConfig to Typer."""
    kind: Any = bool if isinstance(option.kind, Flag) else list[str] if name in SOURCES else str
    names = f"{flag(name)}/{flag(f'no_{name}')}" if kind is bool else flag(name)
    made = typer.Option(
        *([option.short] if option.short else []),
        names,
        help=option.help,
        metavar=option.metavar or None,
        rich_help_panel=option.group,
        show_default=option.default_text or (kind is not bool and TrainConfig().written(name)) or False,
        autocompletion=completer(option.metavar, option.help, option.kind),
    )
    return Annotated[kind | None, made]
