"""Write a model as one ES module of JavaScript."""

from __future__ import annotations

import json
from pathlib import Path

from nncli.data.cells import UNSEEN
from nncli.errors import OptionError, mention
from nncli.export.description import Description, activations_of
from nncli.export.expressions import plain
from nncli.export.sparse_rows import without_idle
from nncli.export.targets import TARGETS, Target
from nncli.export.text import example_of, filled, said
from nncli.export.verify import run_program
from nncli.export.words_code import more_of

MOST_BYTES = 500_000_000
CHECK = "console.log(`${MODEL.golden.rows.length} golden rows: right, within ${check().toExponential(1)} of nncli`);"


@TARGETS.register("js")
class JavaScript(Target):
    """One ES module, for browsers and node: predict(row), check()"""

    endings = (".mjs", ".js")
    begins = b"// A trained model, written by nncli"
    reads_words = True

    def write(self, description: Description, name: str) -> bytes:
        description = without_idle(description)
        functions = [f"  {said(one)}: (z, slope) => {plain(one)}," for one in activations_of(description)]
        parts = {
            **more_of(description, "mjs"),
            "NAME": name,
            "TARGET": said(description["target"]),
            "EXAMPLE": example_of(description),
            "UNSEEN": said(UNSEEN)[1:-1],
            "ACTIVATIONS": "\n".join(["const ACTIVATIONS = {", *functions, "};"]),
            # a key __proto__ would be the prototype of an object that is written out, but not of one that is parsed
            "DESCRIPTION": f"JSON.parse({said(json.dumps(description, allow_nan=False))})",
        }
        written = filled("model.mjs", parts).encode("ascii")
        if len(written) > MOST_BYTES:
            problem = (
                f"expected a module of at most {MOST_BYTES / 1e6:,.0f} MB, as node and browsers read no longer text, "
                f"found {len(written) / 1e6:,.0f} MB"
            )
            raise OptionError("to", problem, f"Use {mention('to', 'python')} or {mention('to', 'json')}")
        return written

    def verify(self, path: Path) -> str:
        # from stdin, as node asks of a file that it be called .mjs
        return run_program(["node", "--input-type=module"], path, f"{path.read_text('utf-8', 'replace')}\n{CHECK}\n")
