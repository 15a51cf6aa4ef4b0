"""The name of each figure and what it shows, as the source has them: to load it takes as long as all else of a help."""

from __future__ import annotations

import re
from pathlib import Path

# In the order that the help lists their figures.
OF_MODELS = "training_curve", "judged", "importance", "planes", "effect", "weights", "activations", "numbers"
MODULES = (*OF_MODELS, "sweep", "parallel", "data", "pictures")
CLASS = re.compile(r'^@FIGURES\.register\("([^"]+)"\)\n(?:@.*\n)*class .*\n    """(.+?)(?:"""|\n)', re.MULTILINE)


def figure_lines() -> dict[str, str]:
    """Return the first line of the docstring of each figure, by its name."""
    texts = (Path(__file__).with_name(f"{module}.py").read_text("utf-8") for module in MODULES)
    return {name: line for text in texts for name, line in CLASS.findall(text)}
