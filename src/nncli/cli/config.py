"""The command `nncli config`."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nncli.cli.options import model_in, with_config
from nncli.config.data_options import SOURCES
from nncli.config.file_kinds import Columns, Files
from nncli.config.option import BatchSize, Kind, Number, Whole
from nncli.config.train_config import TrainConfig
from nncli.data.sources import ARRAYS
from nncli.errors import DONE, DataError
from nncli.system.output import print_utf_8, say

if TYPE_CHECKING:
    from nncli.model.model import Model
    from nncli.model.provenance import Provenance

WIDTH = 80
OF_THE_CALL = ("config_file", "help", "resume", "dry_run")  # options that say what to do this time, and not how
TOML_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?(e[-+]?\d+)?")
ARGUMENT_HELP = "Model whose options to write, or data to train on."


@functools.partial(
    with_config, argument="MODEL or DATA", argument_help=ARGUMENT_HELP, several=True, other_default={"data": ""}
)
def config(config: TrainConfig, given: frozenset[str]) -> int:
    """Write the options of a model or of a run as TOML, for train --config.

    nncli config model.npz > run.toml              of a model: the same run again
    nncli config model.npz --lr 0.1 > run.toml     with another value
    nncli config data.csv -t species > run.toml    of a run that is to come
    nncli config > run.toml                        all options, to choose from
    nncli train --config run.toml
    """
    if model_in(config.data) is None:
        _write("Options of nncli train", config, given, {})
        return DONE
    from nncli.model import checkpoint

    file = config.data[0]
    model, provenance = checkpoint.load(Path(file))
    options = dataclasses.replace(
        model.config.options, **{name: getattr(config, name) for name in given if name != "data"}
    )
    said = {name for name in vars(options) if getattr(options, name) not in (None, ())}
    said -= {name for name, value in vars(TrainConfig()).items() if getattr(options, name) == value and name != "data"}
    more = _beside_the_options(model, provenance)
    if provenance.parent is not None:
        from nncli.training.before import FIXED

        said -= {*FIXED}  # which the model before decides
        say(f"note: {file} went on from another model: the same run needs that too, as from in the file")
    _write(f"Options of nncli train that {file} was trained with", options, frozenset(said | given), more)
    return DONE


def _beside_the_options(model: Model, provenance: Provenance) -> dict[str, str]:
    """Return what else of the command line decides what is in the model file."""
    if model.config.options.data == ARRAYS:
        return {"data": "# The data were arrays from Python."}
    reference = provenance.figures["reference"]
    found = {} if reference is None else {"reference": f"reference = {in_toml(reference['name'])}"}
    if provenance.parent is not None:
        found["from_"] = (
            '# Here it was another model, whose options are behind a # where it decides them.\n#from = "MODEL"'
        )
    return found


def _write(title: str, options: TrainConfig, said: frozenset[str], lines: dict[str, str]) -> None:
    """Write all options of train: those that are `said` with their values, `lines` as they stand there, and the others
    behind a #, with what they are if nobody says anything."""
    from nncli.cli.help import described
    from nncli.cli.main import command_of

    about = f"{title}. Use them with: nncli train --config FILE."
    rows = _comment(f"{about} Remove the # before an option to set it; its default is what stands in brackets.")
    group = None
    for one in command_of("train").params:
        name, panel = one.name, one.rich_help_panel or ("Data" if one.name == "data" else "Output")
        if name in OF_THE_CALL:
            continue
        if panel != group:
            group = panel
            rows += ["", f"# ---- {group} ".ljust(WIDTH, "-")]
        rows += ["", *_comment(described(one))]
        if name not in lines and name in said:
            lines[name] = f"{_key(name)} = {_value(options, name)}"
        rows.append(lines.get(name) or f"#{_key(name)} = {_example(one)}")
    print_utf_8("\n".join(rows))


def _key(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def _comment(text: str) -> list[str]:
    """Write a text as comments, wrapped between words; its line breaks stay."""
    found = []
    for line in text.split("\n"):
        indent = "# " + " " * (len(line) - len(line.lstrip()))
        found += textwrap.wrap(
            line.strip(), WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
        )
    return found


def _value(options: TrainConfig, name: str) -> str:
    """Write the value of an option in TOML. Raises DataError for the name of a file that is not UTF-8."""
    value, kind = getattr(options, name), options.kind(name)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(kind, Files | Columns):
        return f"[{', '.join(in_toml(one, name) for one in value)}]"
    text = kind.write(value)
    return text if isinstance(value, int | float) and TOML_NUMBER.fullmatch(text) else in_toml(text, name)


def in_toml(text: str, name: str = "") -> str:
    """Write a text in TOML. Raises DataError for one that UTF-8 cannot write, of the option of that name."""
    try:
        text.encode()
    except UnicodeEncodeError:
        problem = "expected names in UTF-8, as a TOML file has them, found a byte that is not"
        raise DataError(_key(name), problem, "Rename the file") from None
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _example(parameter: Any) -> str:
    """Write what stands for a value that is not said: the default, where it is one, or what the help calls it."""
    usual = TrainConfig()
    name, kind = parameter.name, TrainConfig.kind(parameter.name) if hasattr(usual, parameter.name) else Kind
    if getattr(parameter, "is_flag", False):
        is_open = getattr(usual, name, False) is None and (TrainConfig.options()[name].default_text or "")[:2] != "no"
        return "true" if is_open else "false"
    if getattr(usual, name, None) not in (None, ()):
        return _value(usual, name)
    if name in SOURCES or isinstance(kind, Columns) or getattr(parameter, "multiple", False):
        return f'["{parameter.metavar}"]'
    return parameter.metavar if isinstance(kind, Number | Whole | BatchSize) else f'"{parameter.metavar}"'
