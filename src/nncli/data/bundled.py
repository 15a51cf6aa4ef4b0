"""The data sets that come with the program, by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from nncli.errors import DataError


class Bundled(NamedTuple):
    """`rows` includes an official test set; `columns` are the features, without the target. With 0 `classes`, the
    target is a number; `target` is its column, where its name does not say so."""

    name: str
    file: str  # or folder
    rows: int
    columns: int
    classes: int
    description: str
    source: str
    target: str = ""


_MADE = "synthetic, datasets/make.py"
_ALL = (
    Bundled("digits", "digits.csv", 1797, 64, 10, "handwritten digits, 8 × 8 pixels", "UCI, Alpaydin 1998"),
    Bundled("iris", "iris.csv", 150, 4, 3, "three kinds of iris by their sepals and petals", "UCI, Fisher 1936"),
    Bundled("wine", "wine.csv", 178, 13, 3, "three Italian wines by chemical analysis", "UCI, Forina 1986"),
    Bundled(
        "breast-cancer", "breast-cancer.csv", 569, 30, 2, "tumours by the shape of their cells", "UCI, Wolberg 1993"
    ),
    Bundled("xor", "xor.csv", 400, 2, 2, "four clouds that no line can divide", _MADE),
    Bundled("moons", "moons.csv", 1000, 2, 2, "two half-moons, one inside the other", _MADE),
    Bundled("spirals", "spirals.csv", 1200, 2, 3, "three spiral arms of a turn and a quarter", _MADE),
    Bundled(
        "chocolate", "chocolate.csv", 7, 1, 0, "price of a bar by how much it is liked, a straight line", _MADE, "price"
    ),
    Bundled(
        "reviews", "reviews.csv", 990, 1, 2, "sentences of reviews of products, for or against", "UCI, Kotzias 2015"
    ),
    Bundled(
        "languages",
        "languages.csv",
        2000,
        1,
        20,
        "some five words in one of 20 languages of Europe",
        "United Nations, OHCHR",
    ),
    Bundled("digits-idx", "digits-idx", 1797, 64, 10, "digits in MNIST files, 297 for testing", "UCI, Alpaydin 1998"),
)
BUNDLED: Mapping[str, Bundled] = {bundled.name: bundled for bundled in _ALL}


def path_of(name: str) -> Path:
    """Return the file or folder of a bundled set; KeyError for an unknown name."""
    file = BUNDLED[name].file
    here = Path(__file__).resolve()
    # The wheel puts the data inside the package; an editable install leaves it beside src.
    for folder in (here.parents[1] / "datasets", here.parents[3] / "datasets"):
        if (folder / file).exists():
            return folder / file
    raise DataError(
        name, f"expected the bundled {file} in {here.parents[1] / 'datasets'}, found none", "Reinstall nncli"
    )
