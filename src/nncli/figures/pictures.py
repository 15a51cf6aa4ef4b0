"""The figure of pictures: one of each class of a data file, and what `--distort` makes of some."""

from __future__ import annotations

import numpy as np

from nncli.data.pictures import shape_of_pictures
from nncli.figures.figure import Figure
from nncli.figures.images import image_panels
from nncli.figures.kinds import FIGURES, Data, OfData
from nncli.nn.distortions import Distorter

MOST_IMAGES, MOST_DISTORTED, SEVERAL = 12, 2, 5  # that are shown; and of one picture, with its distorted ones
SEED = 0  # the same data have the same figure


@FIGURES.register("pictures")
class Pictures(OfData):
    """first picture of each class of a data file"""

    of_numbers = True

    def build(self, of: Data) -> Figure:
        data = of.dataset
        shape = shape_of_pictures(data, np.arange(len(data)), "figure", "pictures")
        classes, first = np.unique(data.y[:], return_index=True)
        shown = MOST_IMAGES if of.distort is None else MOST_DISTORTED
        rows = data.table.numbers[first[:shown]].astype(np.float64)
        ends = min(0.0, float(rows.min())), float(rows.max()) or 1.0
        names = [data.classes[k] for k in classes[:shown].tolist()]
        notes = (f"of {len(names)} of {len(classes):,} classes",) if len(names) < len(classes) else ()
        if of.distort is None:
            return Figure(f"First picture of each class, {data.where}", image_panels(rows, names, shape, ends), notes)
        rows, titles = np.repeat(rows, SEVERAL, axis=0), list[str]()
        distorter = Distorter(of.distort, shape, rows.dtype, np.random.default_rng(SEED))
        for i, name in enumerate(names):
            distorter.distort(rows[SEVERAL * i + 1 : SEVERAL * (i + 1)])
            titles += [f"{name}, as it is", *[f"{name}, distorted"] * (SEVERAL - 1)]
        title = f"Pictures as training sees them, {data.where}, {of.distort}"
        return Figure(title, image_panels(rows, titles, shape, ends), notes)
