"""Print the lowest versions of all packages that nncli may be installed with, as constraints for pip.

python tests/lowest.py > lowest.txt
pip install -c lowest.txt '.[excel]'
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

NOT_FOR_USERS = ("bench", "dev", "docs")  # extras of those who work on nncli


def lowest(project: Path) -> dict[str, str]:
    """Return the lower bound of each package that a pyproject.toml names for users; ValueError where one has none."""
    found = tomllib.loads(project.read_text("utf-8"))["project"]
    extras = [named for extra, named in found["optional-dependencies"].items() if extra not in NOT_FOR_USERS]
    bounds: dict[str, str] = {}
    for requirement in [*found["dependencies"], *(one for named in extras for one in named)]:
        match = re.fullmatch(r"([\w.-]+)>=([\d.]+),<[\d.]+", requirement)
        if match is None:
            raise ValueError(f"expected a package with bounds such as numpy>=2.1,<3, found {requirement}")
        if bounds.setdefault(match[1], match[2]) != match[2]:
            raise ValueError(f"two lower bounds of {match[1]}")
    return bounds


if __name__ == "__main__":
    for name, version in lowest(Path(__file__).parents[1] / "pyproject.toml").items():
        print(f"{name}=={version}")
