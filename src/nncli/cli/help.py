"""Commands as Typer makes them, with two things of our own.

Help is plain text: examples first, options in groups, the names of components filled in from the
registries. And nothing is converted on the way in, as every option is a flag or a text that
`train_config.py` reads: Typer would load pydantic for that, a fifth of the start-up time of `predict`.
"""

from __future__ import annotations

import functools
import inspect
import re
import shutil
import textwrap
from collections.abc import Iterable
from typing import Any

from typer.core import TyperCommand, TyperGroup

NARROWEST, WIDEST = 40, 100
TERM_WIDTH = 24
wrap = functools.partial(textwrap.wrap, break_on_hyphens=False)  # names of components have hyphens


class _AsGiven:
    """What Typer converts a value with: not at all."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        return value


def _as_given(params: list[Any]) -> list[Any]:
    for param in params:
        param._runtime_param = _AsGiven()
    return params


class Command(TyperCommand):
    """A command whose docstring is its help: the first paragraph, then examples, shown as written."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _as_given(super().get_params(ctx))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        width = min(max(shutil.get_terminal_size().columns, NARROWEST), WIDEST)
        summary, _, examples = inspect.cleandoc(self.help or "").partition("\n\n")
        usage = re.sub(r"[{}]", "", " ".join(self.collect_usage_pieces(ctx)))
        lines = [f"Usage: {ctx.command_path} {usage}", ""]
        lines += [*wrap(" ".join(summary.split()), width), ""]
        lines += [*textwrap.indent(examples, "  ").splitlines(), ""] if examples else []
        groups: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            is_argument = param.param_type_name == "argument"
            group = "Arguments" if is_argument else getattr(param, "rich_help_panel", None) or "Other"
            groups.setdefault(group, []).append(_record(param, ctx))
        if set(groups) == {"Arguments", "Other"}:
            groups["Options"] = groups.pop("Other")
        for group, records in groups.items():
            lines += [f"{group}:", *definitions(((term, _filled(text)) for term, text in records), width), ""]
        formatter.write("\n".join(lines))


class Group(TyperGroup):
    """The program itself: what it is, its commands, where to go on."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _as_given(super().get_params(ctx))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        width = min(max(shutil.get_terminal_size().columns, NARROWEST), WIDEST)
        summary, _, examples = inspect.cleandoc(self.help or "").partition("\n\n")
        commands = [(name, command.get_short_help_str(width)) for name, command in self.commands.items()]
        options = [param.get_help_record(ctx) for param in self.get_params(ctx)]
        lines = [
            f"Usage: {ctx.command_path} COMMAND [OPTIONS] ...",
            "",
            *wrap(" ".join(summary.split()), width),
            "",
            *textwrap.indent(examples, "  ").splitlines(),
            "",
            "Commands:",
            *definitions(commands, width),
            "",
            "Options:",
            *definitions([record for record in options if record], width),
            "",
            f"Each command has its own help: {ctx.command_path} COMMAND --help",
        ]
        formatter.write("\n".join(lines) + "\n")


def _record(param: Any, ctx: Any) -> tuple[str, str]:
    """How a parameter is written, and its help with the default behind it."""
    term = param.metavar if param.param_type_name == "argument" else param.get_help_record(ctx)[0]
    default = param.show_default if isinstance(param.show_default, str) else param.default
    shown = isinstance(default, str | int) and not isinstance(default, bool) and param.show_default
    return term, (param.help or "") + (f" [{default}]" if shown else "")


def definitions(records: Iterable[tuple[str, str]], width: int) -> list[str]:
    """Terms on the left, their texts wrapped on the right; a term too long for its column has a line of its own."""
    records = list(records)
    column = min(max(len(term) for term, _ in records) + 2, TERM_WIDTH)
    lines = []
    for term, text in records:
        paragraphs = text.split("\n")
        body = [line for part in paragraphs for line in wrap(part, width - column - 2) or [""]]
        if len(term) > column - 2:
            lines.append(f"  {term}")
        else:
            lines.append(f"  {term:<{column}}{body.pop(0)}")
        lines += [f"  {'':<{column}}{line}" for line in body]
    return lines


def _filled(text: str) -> str:
    """`{losses}` → the names in that registry; `{models}` → a line for each, with its formula;
    `{learning_rates}` → that of each optimizer."""

    def names(match: re.Match[str]) -> str:
        from nncli.config.option import registries

        if match[1] == "learning_rates":
            optimizers, models = registries()["optimizers"].items(), registries()["models"].items()
            rates = {name: one.default_lr for name, one in optimizers if not one.smooth}
            rates |= {name: one.lr for name, one in models if one.lr is not None}
            return ", ".join(f"{name} {rate:g}" for name, rate in rates.items())
        registry = registries()[match[1]]
        if match[1] == "models":
            return "\n".join(f"{name}: {registry.formula(name)}" for name in registry)
        return ", ".join(registry)

    return re.sub(r"\{(\w+)\}", names, text)
