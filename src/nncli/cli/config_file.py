"""The options of a --config file, which stand in for those that the command line does not give."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nncli.config.data_options import SOURCES
from nncli.config.file_kinds import Files
from nncli.config.option import Flag, as_text
from nncli.config.train_config import TrainConfig
from nncli.errors import OptionError, UsageError, did_you_mean
from nncli.system.addresses import address_problem
from nncli.system.output import shortened

MOST_TOML, MOST_BITS = 1 << 20, 1024  # bytes of a --config file; bits of a number in it
DOTTED = re.compile(r"""(?<![\w.-])(?:(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){50}""")  # a key of 50 parts or more
KINDS = {dict: "table", list: "list within a list", int: "number of hundreds of digits"}  # that no option takes


def read_config(parameters: Sequence[Any], file: str) -> dict[str, Any]:
    """Read the values that a --config file gives to the parameters of a command. Raises UsageError or OptionError for
    what is wrong with the file."""
    mine = (p for p in parameters if p.param_type_name == "option" or p.name == "data")
    options = {(p.name or "").removesuffix("_"): p for p in mine}  # as `from` may be no name in Python
    for name in ("config_file", "help", "help_all"):
        options.pop(name, None)
    return _read_toml(file_in_messages(file), options, _bytes_of(file))


def file_in_messages(file: str) -> str:
    """Name a --config file as messages do."""
    return "stdin" if file == "-" else file


def _read_toml(file: str, options: Mapping[str, Any], data: bytes) -> dict[str, Any]:
    """Read the values of a command's options, as its command line gives them; those of other commands are left out."""
    content = _parsed_toml(file, data)
    found = {name.replace("-", "_"): value for name, value in content.items()}
    if len(found) < len(content):
        raise UsageError(str(file), "an option is given twice, with a hyphen and with an underscore")
    known = {**dict.fromkeys(TrainConfig.options()), **options}
    for name in found:
        if name not in known:
            its = shortened(name.replace("_", "-"))
            others = [other.replace("_", "-") for other in known if other not in found]
            raise UsageError(str(file), f"unknown option '{its}'", did_you_mean(its, others))
    return {
        options[name].name: _as_given(file, name, value, options[name])
        for name, value in found.items()
        if name in options
    }


def _as_given(file: str, name: str, value: Any, parameter: Any) -> Any:
    """Put a value of TOML as the command line gives it: true or false, a text, or a list of files."""
    place = place_in(file, name)
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, str | int | float) or (isinstance(one, int) and one.bit_length() > MOST_BITS):
            kind = KINDS.get(type(one), "date or a time")
            raise UsageError(place, f"expected a text, a number, true or false, or a list of these, found a {kind}")
    text = str(value).lower() if isinstance(value, bool) else as_text(value)
    try:
        if getattr(parameter, "is_flag", False):
            return Flag().accept(value)
        if name in SOURCES or getattr(parameter, "multiple", False):
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


def place_in(file: str | None, name: str) -> str:
    """Name an option of a --config file as messages do."""
    return f"{file_in_messages(file or '')}: {name.replace('_', '-')}"


def _bytes_of(file: str) -> bytes:
    """Read a file, or stdin for -, which may have no end."""
    try:
        with os.fdopen(0, "rb", closefd=False) if file == "-" else Path(file).open("rb") as opened:
            return opened.read(MOST_TOML + 1)
    except (OSError, ValueError) as error:
        if address := address_problem(str(file)):
            raise OptionError("config", f"{address.where}: {address.problem}", address.remedy) from None
        reason = error.strerror if isinstance(error, OSError) else "it is not the name of a file"
        raise OptionError("config", f"cannot read {file}: {reason}") from None


def _parsed_toml(file: str, data: bytes) -> dict[str, Any]:
    import tomllib

    if len(data) > MOST_TOML:
        raise OptionError("config", f"{file}: expected at most {MOST_TOML >> 20} MiB of options, found more")
    try:
        text = data.decode()
        if DOTTED.search(text):  # the parser takes time in the square of their number
            raise RecursionError
        return tomllib.loads(text)
    except UnicodeDecodeError as error:
        problem = f"a byte that is not UTF-8, {data[error.start]:#04x} in line {data.count(10, 0, error.start) + 1}"
    except tomllib.TOMLDecodeError as error:
        what, at, place = str(error).rpartition(" (at ")
        problem = f"an error: {shortened(what)}{at}{place}"
    except RecursionError:
        problem = "keys or brackets too deep within one another"
    except ValueError:  # Python reads no more digits
        problem = "a number of thousands of digits"
    raise UsageError(str(file), f"expected TOML, found {problem}")
