"""Write a model as one file of Python, which needs its standard library alone."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from nncli.data.cells import UNSEEN
from nncli.export.description import Description, activations_of
from nncli.export.expressions import plain
from nncli.export.sparse_rows import without_idle
from nncli.export.targets import TARGETS, Target
from nncli.export.text import example_of, filled, said
from nncli.export.verify import run_program
from nncli.export.words_code import more_of


@TARGETS.register("python")
class Python(Target):
    """One file, standard library only: predict(row), check()"""

    endings = (".py",)
    begins = b'"""A trained model, written by nncli'
    reads_words = True

    def write(self, description: Description, name: str) -> bytes:
        description = without_idle(description)
        parts = {
            **more_of(description, "py.txt"),
            "NAME": name,
            "TARGET": said(description["target"]),
            "EXAMPLE": example_of(description),
            "UNSEEN": said(UNSEEN)[1:-1],
            "ACTIVATIONS": activations(description),
            "DESCRIPTION": json.dumps(description, allow_nan=False),
        }
        return filled("model.py.txt", parts).encode("ascii")

    def verify(self, path: Path) -> str:
        # -I: from its own folder, and that of the user, nothing is loaded
        return run_program([sys.executable, "-I", str(path.resolve())], path)


def activations(description: Description) -> str:
    """Return the activations of all layers as functions of z and slope, by their expressions."""
    lines = [f"    {said(one)}: lambda z, slope: {plain(one)}," for one in activations_of(description)]
    return "\n".join(["ACTIVATIONS = {", *lines, "}"])
