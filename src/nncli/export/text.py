"""Fill in the templates of the written files."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from nncli.export.description import Description

TEMPLATES = Path(__file__).parent / "templates"
SHOWN = 4  # columns of an example


def filled(template: str, parts: Mapping[str, str]) -> str:
    """Return a template with each @NAME@ replaced by its part; what stands in a part is left alone."""
    text = (TEMPLATES / template).read_text("ascii")
    return re.sub(r"@([A-Z_0-9]+)@", lambda found: parts[found[1]], text)


def said(name: str) -> str:
    """Quote a name from the data so that it ends no comment, string or line of the file, whatever is in it."""
    return json.dumps(name).replace("*/", "*\\u002f").replace("<", "\\u003c").replace("??", "?\\u003f")


def example_of(description: Description) -> str:
    """Return the first golden row as an object in JSON, or the first columns of a wide one."""
    row = description["golden"]["rows"][0]
    cells = [
        f"{said(name)}: {json.dumps(cell) if isinstance(cell, float) else said(str(cell))}"
        for name, cell in row.items()
    ]
    return "{" + ", ".join(cells[:SHOWN]) + (", ..." if len(cells) > SHOWN else "") + "}"


def identifier(text: str) -> str:
    """Return a name as C, Python and JavaScript take it."""
    found = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_")
    return found if found and not found[0].isdigit() else f"model_{found}".rstrip("_")
