"""Write a model as JSON: the description itself, of which the docs have the schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from nncli.errors import OutputError
from nncli.export.description import FORMAT, Description, inputs_of, members_of
from nncli.export.python_file import Python
from nncli.export.sparse_rows import without_idle
from nncli.export.targets import TARGETS, Target
from nncli.export.verify import WRITE_AGAIN, said_of
from nncli.export.words import size_of


def check_words(description: Description) -> None:
    """Raise ValueError where there are not as many weights of words, in each member, as there are inputs and units."""
    if "words" not in description:
        return
    words, size = description["words"], np.dtype(description["dtype"]).itemsize
    n = size_of(words["places"]) // 4
    of_members = [(size_of(first["words"]), n * size * len(first["biases"])) for first, *_ in members_of(description)]
    if size_of(words["idf"]) != 4 * n or any(found != expected for found, expected in of_members):
        raise ValueError("weights of other words")


@TARGETS.register("json")
class Json(Target):
    """Everything as data, with a published schema"""

    endings = (".json",)
    begins = b'{\n"format": "nncli export"'
    reads_words = True

    def write(self, description: Description, name: str) -> bytes:
        description = without_idle(description)
        lines = [f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in description.items()]
        return ("{\n" + ",\n".join(lines) + "\n}\n").encode("ascii")

    def verify(self, path: Path) -> str:
        try:
            description = json.loads(path.read_bytes())
            if description["format"] != FORMAT:
                raise ValueError("a document of another format")
            if any(len(layers[0]["weights"]) != inputs_of(description) for layers in members_of(description)):
                raise ValueError("columns of another network")  # whose inputs might be more than memory holds
            check_words(description)
            program = Python().write(description, "model")
            space: dict[str, Any] = {"__name__": "model"}
            exec(compile(program, str(path), "exec"), space)  # of the description, it runs nothing but activations
            return said_of(len(description["golden"]["rows"]), space["check"]())
        except AssertionError as error:
            raise OutputError(str(path), f"its check failed: {error}", WRITE_AGAIN) from None
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
            problem = f"expected a model that nncli has exported as JSON, found another document ({error})"
            raise OutputError(str(path), problem, WRITE_AGAIN) from None
