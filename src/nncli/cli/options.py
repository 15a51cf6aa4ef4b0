"""Options shared by commands. Those of a training run are made from the fields of TrainConfig."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nncli.config.file_kinds import Files
from nncli.config.option import Flag, OneOf, Option, Size, as_text, read_option
from nncli.config.train_config import (
    ENCODING_HELP,
    ESCAPE_HELP,
    HEADER_ROWS_HELP,
    QUOTE_HELP,
    ROWS_READ_HELP,
    SHEET_HELP,
    SOURCES,
    TrainConfig,
)
from nncli.data.bundled import BUNDLED
from nncli.data.expand import expand
from nncli.data.sources import Source, is_there
from nncli.errors import OptionError, UsageError, did_you_mean, flag
from nncli.system.output import shortened

if TYPE_CHECKING:
    from nncli.data.csv.header import TextOptions
    from nncli.data.row_blocks import OnError


def value_option(metavar: str, help: str, default: str = "", *names: str, group: str | None = None) -> Any:
    """Return an option with a value, for `Annotated`. `default` is what the help says in place of the default."""
    return typer.Option(*names, metavar=metavar, help=help, show_default=default or False, rich_help_panel=group)


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
EncodingOption = Annotated[str | None, value_option("NAME", ENCODING_HELP, "detected")]
Quote = Annotated[str | None, value_option("CHAR", QUOTE_HELP, "detected, or as in training")]
Escape = Annotated[str | None, value_option("CHAR", ESCAPE_HELP, "as in training")]
HeaderRows = Annotated[str | None, value_option("N", HEADER_ROWS_HELP, "as in training")]
RowsOption = Annotated[str | None, value_option("A:B", ROWS_READ_HELP, "all")]
SkipRows = Annotated[str | None, value_option("N", "Number of lines to skip at the top of each file.", "0")]
Sheet = Annotated[str | None, value_option("NAME", SHEET_HELP, "the only one")]
ON_ERROR_HELP = "Action for a row that cannot be read, or has no class: stop, or skip it, and say which."
OnErrorOption = Annotated[str | None, value_option("fail|skip", ON_ERROR_HELP, "fail")]
MEMORY_HELP = (
    "Memory to use, as 500MB or 2GB, for tables of any size: they are parsed once, and kept on the disk for later "
    "runs (nncli info --cache)."
)
Memory = Annotated[str | None, value_option("SIZE", MEMORY_HELP, "as much as it takes", group="Run")]
MOST_TOML, MOST_BITS = 1 << 20, 1024  # bytes of a --config file; bits of a number in it
DOTTED = re.compile(r"""(?<![\w.-])(?:(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){50}""")  # a key of 50 parts or more
KINDS = {dict: "table", list: "list within a list", int: "number of hundreds of digits"}  # that no option takes
TEXT_FILES = "A CSV or TSV file (also .gz, .bz2, .xz, .zst, .zip), JSON Lines, Excel (.xlsx), Parquet, Arrow"
OTHER_FILES = ".npz with X and y, LIBSVM"
DATA_HELP = (
    f"{TEXT_FILES}, IDX (a file, or a folder such as MNIST), a folder of pictures, {OTHER_FILES}, a bundled data set, "
    "or - for stdin."
)
SEVERAL_HELP = f"{DATA_HELP} Several files, or a pattern such as 'day-*.csv', make one data set."
THRESHOLD_HELP = "Probability of the positive class from which it is predicted; nncli info names that class."
MODEL_NAMES_HELP = "Kind of classifier: {models}."
ROWS_HELP = f"{TEXT_FILES}, IDX images, PNG or JPEG pictures, {OTHER_FILES}, a bundled data set, or - for stdin."


def text_options(**given: str | None) -> TextOptions:
    """Read the options on how text is written of a command that reads files for a model."""
    from nncli.data.csv.header import DETECTED, TextOptions

    read = TrainConfig.from_values(given)
    return TextOptions(**{name: getattr(read, name) for name in vars(DETECTED)})


def options_of_rows(source: Source, on_error: str | None, **given: str | None) -> tuple[TextOptions, OnError]:
    """Read the options on how the rows of a source are read; OptionError where there is none, and a model is used on
    its own data."""
    for name, value in {**given, "on_error": on_error}.items():
        if value and not source:
            raise OptionError(name, "its own data are read as in training", "Leave it out")
    policy: OnError = read_option("on_error", on_error or "fail", OneOf(("fail", "skip"), "fail or skip"))
    return text_options(**given), policy


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
) -> Callable[..., int]:
    """Turn `command(config, …)` into a function with every option of TrainConfig, for Typer to read.

    The given options beat those of the --config file, which beat the defaults. `read` makes the first argument of
    them. A command with a parameter `given` gets the names of all that are given. `argument` is how the help calls
    what config.data holds, `other_help` what it says of an option that means something else to this command, `only`
    which options and groups of them it has, if not all, and `several` whether it takes many files as one.
    """
    parameters_of = inspect.signature(command, eval_str=True).parameters
    own = [p for name, p in list(parameters_of.items())[1:] if name != "given"]
    options = {
        name: dataclasses.replace(option, help=other_help.get(name, option.help))
        for name, option in TrainConfig.options().items()
        if not only or option.group in only or name in only
    }
    data: Any = Annotated[
        list[str] | None if several else str | None,
        typer.Argument(metavar=argument, help=argument_help, show_default="digits"),
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
            if "given" in parameters_of:
                values["given"] = frozenset(given)
            return command(read(_expanded(given)), **values)
        except OptionError as error:
            source = ctx.get_parameter_source(error.option)
            if source is not None and source.name == "DEFAULT_MAP":
                error.where = _place(config_file, error.option)
            raise

    vars(wrapper)["__signature__"] = inspect.Signature(parameters)
    wrapper.__annotations__ = {p.name: p.annotation for p in parameters}
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


def read_config(ctx: typer.Context, file: str | None) -> str | None:
    """Take the options of a --config file for those that the command line does not give."""
    if file is not None and not ctx.resilient_parsing:
        options = {p.name or "": p for p in ctx.command.params if p.param_type_name == "option" or p.name == "data"}
        for name in ("config_file", "help", "help_all"):
            options.pop(name, None)
        ctx.default_map = _read_toml(file, options)
    return file


ConfigFile = Annotated[
    str | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="TOML file of options, such as lr = 0.01.",
        show_default=False,
        rich_help_panel="Run",
        callback=read_config,
        is_eager=True,
    ),
]


def _read_toml(file: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Read the values of a command's options, as its command line gives them; those of other commands are left out."""
    content = _parsed_toml(file)
    found = {name.replace("-", "_"): value for name, value in content.items()}
    if len(found) < len(content):
        raise UsageError(str(file), "an option is given twice, with a hyphen and with an underscore")
    known = {**dict.fromkeys(TrainConfig.options()), **options}
    for name in found:
        if name not in known:
            its = shortened(name.replace("_", "-"))
            others = [other.replace("_", "-") for other in known if other not in found]
            raise UsageError(str(file), f"unknown option '{its}'", did_you_mean(its, others))
    return {name: _as_given(file, name, value, options[name]) for name, value in found.items() if name in options}


def _as_given(file: str, name: str, value: Any, parameter: Any) -> Any:
    """Put a value of TOML as the command line gives it: true or false, a text, or a list of files."""
    place = _place(file, name)
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, str | int | float) or (isinstance(one, int) and one.bit_length() > MOST_BITS):
            kind = KINDS.get(type(one), "date or a time")
            raise UsageError(place, f"expected a text, a number, true or false, or a list of these, found a {kind}")
    text = str(value).lower() if isinstance(value, bool) else as_text(value)
    try:
        if getattr(parameter, "is_flag", False):
            return Flag().accept(value)
        if name in SOURCES:
            files = Files().accept(value)
            if name != "data" or parameter.nargs == -1:
                return list(files)
            if len(files) > 1:
                raise UsageError(place, f"expected one file, found {len(files)}")
            return files[0]
        if isinstance(value, list) and name not in TrainConfig.options():
            raise ValueError("one value")
        if isinstance(value, bool):
            raise ValueError("a text or a number")
    except ValueError as error:
        raise UsageError(place, f"expected {error}, found '{shortened(text)}'") from None
    return text


def _place(file: str | None, name: str) -> str:
    return f"{file}: {name.replace('_', '-')}"


def _parsed_toml(file: str) -> dict[str, Any]:
    import tomllib

    try:
        with Path(file).open("rb") as opened:  # which may have no end
            data = opened.read(MOST_TOML + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not the name of a file"
        raise OptionError("config", f"cannot read {file}: {reason}") from None
    if len(data) > MOST_TOML:
        raise OptionError("config", f"{file}: expected at most {MOST_TOML >> 20} MiB of options, found more")
    try:
        text = data.decode()
        if DOTTED.search(text):  # the parser takes time in the square of their number
            raise RecursionError
        return tomllib.loads(text)
    except UnicodeDecodeError as error:
        problem = f"a byte that is no UTF-8, {data[error.start]:#04x} in line {data.count(10, 0, error.start) + 1}"
    except tomllib.TOMLDecodeError as error:
        what, at, place = str(error).rpartition(" (at ")
        problem = f"an error: {shortened(what)}{at}{place}"
    except RecursionError:
        problem = "keys or brackets too deep within one another"
    except ValueError:  # Python reads no more digits
        problem = "a number of thousands of digits"
    raise UsageError(str(file), f"expected TOML, found {problem}")


def _annotation(name: str, option: Option) -> Any:
    """Return the annotation that declares an option of TrainConfig to Typer."""
    kind: Any = bool if isinstance(option.kind, Flag) else list[str] if name in SOURCES else str
    names = f"{flag(name)}/--no-{name}" if kind is bool else flag(name)
    made = typer.Option(
        *([option.short] if option.short else []),
        names,
        help=option.help,
        metavar=option.metavar or None,
        rich_help_panel=option.group,
        show_default=option.default_text or (kind is not bool and TrainConfig().text(name)) or False,
        autocompletion=lambda incomplete: [word for word in option.kind.words() if word.startswith(incomplete)],
    )
    return Annotated[kind | None, made]
