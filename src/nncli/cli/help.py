"""The help of the program and of its commands, in plain text: what it is for, examples, options.

`--help` shows the options that most people use, `--help-all` shows every option, in groups. The names of components
are filled in from the registries.
"""

from __future__ import annotations

import functools
import inspect
import re
import shutil
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from typer.core import TyperArgument, TyperCommand, TyperGroup

HELP = ["-h", "--help", "--help-all"]  # the names of the option that shows the help
NAMES = re.compile(r"\{(\w+)\}")  # `{losses}` in a text stands for the names in that registry
TO_FIRST_SENTENCE = re.compile(r"[:;]? ?\{\w+\}.*|(?<=\w)\. .*")  # what stands behind it, or from the names on
GLUED = re.compile(r"(?<=\bnncli) | (?=--\w)")  # spaces that no line is broken at
NARROWEST, WIDEST = 40, 100
TERM_WIDTH = 24
MOST_NAMES, SOME_NAMES = 14, 2  # of components, that the short help lists; of more, some
# What --help shows, where a command has more options than fit on two screens. Arguments are always shown.
COMMON = {
    "train": "--target --drop --val --test --model --hidden --lr --epochs --seed --out --resume --plot --json --quiet",
    "sweep": "--target --drop --model --hidden --lr --dropout --search --trials --seeds --folds --metric --out "
    "--jobs --show --json --quiet",
    "eval": "--threshold --choose-threshold --out --jobs --json --quiet",
    "explain": "--metric --repeats --coefficients --row --csv --json --quiet",
    "plot": "--out --data --target --epochs-shown --json --quiet",
    "report": "--out --to --json --quiet",
    "predict": "--out --proba --keep --threshold --guard --strict --on-error --jsonl --jobs --quiet",
    "compare": "--categorical --numeric --missing --json --quiet",
    "config": "--target --model --hidden --lr --epochs --seed --config",
    "check": "--target --drop --categorical --numeric --missing --val --test --json --quiet",
    "play": "--target --drop --model --hidden --activation --lr --test --seed --port --no-browser --quiet",
    "gradcheck": "--target --model --hidden --activation --loss --dropout --batch-size --seed --all --json --quiet",
}
Row = tuple[str, str]  # how a command or parameter is written, and what it is


class Command(TyperCommand):
    """A command whose docstring is its help: the first paragraph, then examples, shown as written."""

    shows_all = False

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Note which help is asked for, if any, before Typer shows it."""
        self.shows_all = "--help-all" in args
        _leave_values_as_given(self.get_params(ctx))
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help, with all options or the common ones."""
        groups, left_out = self.groups(ctx, self.shows_all)
        end = f"{left_out} more options: {ctx.command_path} --help-all" if left_out else ""
        formatter.write(_page(f"{ctx.command_path} {self.usage(ctx)}", self.help, groups, end))

    def usage(self, ctx: Any) -> str:
        """Return how a call looks, behind the name of the command."""
        return re.sub(r"[{}]", "", " ".join(self.collect_usage_pieces(ctx)))

    def groups(self, ctx: Any, in_full: bool) -> tuple[dict[str, list[Row]], int]:
        """Return the rows of the help, all or the common ones, by the title that they stand under; and how many options
        are left out."""
        common = None if in_full else COMMON.get(self.name or "")
        groups: dict[str, list[Row]] = {}
        left_out, ungrouped = 0, ""
        parameters: list[Any] = self.get_params(ctx)
        for one in parameters:
            if isinstance(one, TyperArgument):
                groups.setdefault("Arguments", []).append((one.metavar or "", _text(one, in_full)))
            elif not _shows_help(one):
                if common is not None and set(common.split()).isdisjoint(one.opts):
                    left_out += 1
                    continue
                group = one.rich_help_panel if common is None else None
                if group is None:  # at the top, or below the groups
                    group = ungrouped = ungrouped or ("Options" if groups.keys() <= {"Arguments"} else "Other")
                groups.setdefault(group, []).append((_term(one, ctx), _text(one, in_full)))
        groups.setdefault(ungrouped or "Options", []).append(("-h, --help", "Show this help."))
        return groups, left_out

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Complete names of options; what some shells show beside them is the first sentence of the help."""
        found = super().shell_complete(ctx, incomplete)
        for one in found:
            one.help = one.help and TO_FIRST_SENTENCE.sub("", one.help.partition("\n")[0]).rstrip(".")
        return found


class Group(TyperGroup):
    """The program itself, whose help lists its commands."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        _leave_values_as_given(self.get_params(ctx))
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write what the program is, its commands, and where to read on."""
        groups = {
            "Commands": [(name, self.commands[name].help or "") for name in self.list_commands(ctx)],
            "Options": rows_of_options(self, ctx),
        }
        end = f"Each command has its own help: {ctx.command_path} COMMAND --help"
        formatter.write(_page(f"{ctx.command_path} COMMAND [OPTIONS] ...", self.help, groups, end))


def rows_of_options(program: TyperGroup, ctx: Any) -> list[Row]:
    """Return the options of the program itself, which stand before a command."""
    options: list[Any] = [one for one in program.get_params(ctx) if not _shows_help(one)]
    return [*((_term(one, ctx), one.help or "") for one in options), ("-h, --help", "Show this help.")]


def _leave_values_as_given(parameters: Iterable[Any]) -> None:
    """Have texts reach the commands as they are, and what is not given as None.

    config/ reads the texts. Typer would load pydantic to make texts of texts, a fifth of the time that `predict` takes
    to start. It still sees to flags, and to values that are missing.
    """
    for one in parameters:
        one.process_value = functools.partial(_process, one)


def _process(parameter: Any, ctx: Any, value: Any) -> Any:
    if isinstance(value, bool) or (value is None and parameter.required and not ctx.resilient_parsing):
        return type(parameter).process_value(parameter, ctx, value)
    return value if value is None or parameter.callback is None else parameter.callback(ctx, parameter, value)


def _shows_help(option: Any) -> bool:
    return not set(HELP).isdisjoint(option.opts)


def _term(option: Any, ctx: Any) -> str:
    """Return how an option is written, as `-o, --out FILE`."""
    record = option.get_help_record(ctx)
    return record[0] if record else ""


def _text(parameter: Any, in_full: bool) -> str:
    """Return what the help says of a parameter, with the default behind its first paragraph."""
    text = NAMES.sub(lambda found: _names(found[1], in_full), parameter.help or "")
    default = parameter.show_default if isinstance(parameter.show_default, str) else parameter.default
    is_shown = isinstance(default, str) and parameter.show_default
    first, line_break, more = text.partition("\n")
    return f"{first} [{default}]{line_break}{more}" if is_shown else text


def described(parameter: Any) -> str:
    """Return all that the whole help says of a parameter, and which values it takes if they can be listed."""
    from nncli.config.train_config import TrainConfig

    text = _text(parameter, True)
    option = TrainConfig.options().get(parameter.name)
    words = option.kind.words() if option is not None else ()
    missing = any(not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) for word in words)
    return f"{text}\nOne of {', '.join(words)}." if missing else text


def _names(kind: str, in_full: bool) -> str:
    """Return the names in a registry, a line for each model or figure, or the learning rate of each optimizer."""
    if kind == "figure_lines":
        from nncli.figures.lines import figure_lines

        return "\n".join(f"{name}: {line}" for name, line in figure_lines().items())
    from nncli.config.option import registry_of

    if kind == "model_lines":
        from nncli.nn.models import AutoModel

        lines, models = [], registry_of("models")
        for model in (*models.values(), AutoModel):
            name, words = model.name, (model.__doc__ or "").splitlines()[0].rstrip(".")
            lines += [f"{name}: {words[0].lower()}{words[1:]}", *([f"  {model.formula}"] if in_full else [])]
        return "\n".join(lines)
    if kind == "learning_rates":
        optimizers, models = registry_of("optimizers").items(), registry_of("models").items()
        rates = {name: one.default_lr for name, one in optimizers if not one.smooth}
        rates |= {name: one.lr for name, one in models if one.lr is not None}
        return ", ".join(f"{name} {rate:g}" for name, rate in rates.items())
    names = [*registry_of(kind)]
    if not in_full and len(names) > MOST_NAMES:
        return f"{', '.join(names[:SOME_NAMES])} and {len(names) - SOME_NAMES} more"
    return ", ".join(names)


def _page(usage: str, text: str | None, groups: Mapping[str, Iterable[Row]], end: str) -> str:
    """Return a whole help: the usage, the first paragraph of a docstring, its examples, rows in groups, and a line."""
    width = min(max(shutil.get_terminal_size().columns, NARROWEST), WIDEST)
    about, _, examples = inspect.cleandoc(text or "").partition("\n\n")
    lines = [f"Usage: {usage}", "", *_wrapped(about, width), ""]
    lines += [*textwrap.indent(examples, "  ").splitlines(), ""] if examples else []
    for title, rows in groups.items():
        lines += [f"{title}:", *_definitions(list(rows), width), ""]
    return "\n".join([*lines, end] if end else lines)


def _definitions(rows: Sequence[Row], width: int) -> list[str]:
    """Return terms on the left and texts on the right; a term too long for its column has a line of its own."""
    column = min(max(len(term) for term, _ in rows) + 2, TERM_WIDTH)
    lines = []
    for term, text in rows:
        body = [line for part in text.split("\n") for line in _wrapped(part, width - column - 2)]
        if len(term) > column - 2:
            lines.append(f"  {term}")
        else:
            lines.append(f"  {term:<{column}}{body.pop(0)}")
        lines += [f"  {'':<{column}}{line}" for line in body]
    return lines


def _wrapped(text: str, width: int) -> list[str]:
    """Return the lines of a paragraph, the later ones as far in as the first; no word and no command is torn apart."""
    start = text[: len(text) - len(text.lstrip())]
    text = start + GLUED.sub("\N{NO-BREAK SPACE}", " ".join(text.split()))
    lines = textwrap.wrap(text, width, subsequent_indent=start, break_on_hyphens=False, break_long_words=False)
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines] or [""]
