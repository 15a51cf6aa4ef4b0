"""Say how plain texts, a line each, become rows for a model of one column of text."""

from __future__ import annotations

import shlex

from nncli.data.dataset import Schema

SPECIAL = {*"\"'$`\\!"}  # between double quotes, in a shell or in Python


def is_of_one_text(expected: Schema) -> bool:
    """Tell whether a model has a single column, which is one of text."""
    return [kind for _, kind in expected.columns] == ["text"]


def as_json_lines(name: str) -> str:
    """Write the command that makes an object of each line of its input, with the line as the column of that name."""
    script = f"import json, sys; [print(json.dumps({{{name!r}: line.strip()}})) for line in sys.stdin]"
    return f"python3 -c {shlex.quote(script)}" if SPECIAL & {*name} else f'python3 -c "{script}"'
