"""Write the man pages of nncli into docs/man, from the same help that --help-all prints.

    python docs/man.py            write them
    python docs/man.py --check    say which of them are not as the help is now

They are part of the wheel, which installs them in share/man/man1.
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import Any

import typer

from nncli.cli.help import HELP, rows_of_options
from nncli.cli.main import COMMANDS, command_of, the_program

FOLDER = Path(__file__).with_name("man")
EXIT_CODES = (
    ("0", "done"),
    ("1", "the data or the run is at fault"),
    ("2", "the command line is at fault"),
    ("129, 130, 143", "the terminal was closed; interrupted; terminated"),
    ("141", "the reader of the output went away"),
)


def pages() -> dict[str, str]:
    """Return the pages by their file names: one of the program, and one of each command."""
    return {"nncli.1": _page_of_program(), **{f"nncli-{name}.1": _page_of(name) for name in COMMANDS}}


def _page_of_program() -> str:
    program = the_program()
    about, _, examples = inspect.cleandoc(program.help).partition("\n\n")
    commands = [(f"nncli-{name}(1)", summary) for name, (_, summary) in COMMANDS.items()]
    options = rows_of_options(program, typer.Context(program, info_name="nncli", help_option_names=HELP))
    return "\n".join([
        _head("nncli", about), ".SH SYNOPSIS", f".B nncli\n{_roff('COMMAND [OPTIONS] ...')}",
        *_section("DESCRIPTION", about), *_examples(examples), *_list("COMMANDS", commands), *_list("OPTIONS", options),
        *_list("EXIT STATUS", EXIT_CODES), "",
    ])  # fmt: skip


def _page_of(name: str) -> str:
    command: Any = command_of(name)
    ctx = typer.Context(command, info_name=f"nncli {name}", help_option_names=HELP)
    about, _, examples = inspect.cleandoc(command.help).partition("\n\n")
    groups, _ = command.groups(ctx, True)
    lines = [
        _head(f"nncli-{name}", COMMANDS[name][1]), ".SH SYNOPSIS",
        f".B nncli {name}\n{_roff(command.usage(ctx))}", *_section("DESCRIPTION", about), *_examples(examples),
    ]  # fmt: skip
    for title, rows in groups.items():
        lines += _list(title.upper() if title in ("Arguments", "Options") else f"{title.upper()} OPTIONS", rows)
    others = [f".BR nncli{'-' + other if other else ''} (1)" for other in ("", *COMMANDS) if other != name]
    return "\n".join([*lines, *_list("EXIT STATUS", EXIT_CODES), ".SH SEE ALSO", ",\n".join(others), ""])


def _head(name: str, summary: str) -> str:
    first = re.split(r"(?<=\w)\.(?= |$)", " ".join(summary.split()))[0]
    return f'.TH "{name.upper()}" "1" "" "nncli" "nncli manual"\n.nh\n.ad l\n.SH NAME\n{name} \\- {_roff(first)}'


def _section(title: str, text: str) -> list[str]:
    return [f".SH {title}", _roff(" ".join(text.split()))]


def _examples(text: str) -> list[str]:
    return [".SH EXAMPLES", ".nf", *map(_roff, text.splitlines()), ".fi"] if text else []


def _list(title: str, rows: Any) -> list[str]:
    """Write terms, in bold, each with its text below it, whose line breaks stay."""
    lines = [f'.SH "{title}"']
    for term, text in rows:
        parts = [_roff(part) for part in text.split("\n")]
        lines += [".TP", f"\\fB{_roff(term)}\\fR", "\n.br\n".join(parts) or "\\&"]
    return lines


def _roff(text: str) -> str:
    """Write a text so that roff prints it as it is: a minus that can be copied, and no line that is a request."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    indent = len(text) - len(text.lstrip(" "))
    return "\\ " * indent + re.sub(r"^(?=[.'])", r"\\&", text.lstrip(" "))


def main() -> int:
    if "--check" in sys.argv[1:]:
        there = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.1")}
        stale = [name for name in sorted({*there, *pages()}) if there.get(name) != pages().get(name)]
        if stale:
            print(f"not as the help is now: {', '.join(stale)}. Write them with: python docs/man.py", file=sys.stderr)
        return bool(stale)
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.1"):
        path.unlink()
    for name, text in pages().items():
        (FOLDER / name).write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
