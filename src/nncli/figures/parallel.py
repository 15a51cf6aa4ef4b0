"""The figure of a sweep as parallel coordinates: each configuration is a line across its options, up to the metric."""

from __future__ import annotations

import numpy as np

from nncli.figures.figure import Axis, Figure, Floats, Line, Panel
from nncli.figures.kinds import FIGURES, OfLedger, Trials
from nncli.figures.sweep import axis_of_option, varied_trials
from nncli.metrics.definitions import METRICS
from nncli.sweep.ranking import importance
from nncli.system.output import number, percent

MOST_LINES = 200  # the best ones
GOOD = 0.25  # the share of configurations that are told from the others
FAN, MOST_FAN = 0.35, 0.1  # of the way to the next value, and of the axis, that lines at one value are spread over


@FIGURES.register("parallel")
class ParallelCoordinates(OfLedger):
    """options of each configuration as a line, of a ledger"""

    def build(self, of: Trials) -> Figure:
        whole, names = varied_trials(of)
        metric, shares = METRICS.create(of.ranking[0].metric), importance(of.ranking)
        titles, heights = list[str](), list[Floats]()
        for name in sorted(names, key=lambda name: shares.get(name, 0)):  # what matters most is beside the metric
            axis, places = axis_of_option(name, whole)
            ends = ", ".join(axis.names) if axis.names else f"{places.min():.4g} to {places.max():.4g}"
            titles.append(f"{axis.title}: {ends}")
            heights.append(_fanned_out(_shares(places)))
        values, write = np.array([one.mean for one in whole]), percent if metric.in_percent else number
        titles.append(f"{metric.label(None)}: {write(float(values.min()))} to {write(float(values.max()))}")
        heights.append(_shares(values))
        paths = np.stack(heights, axis=1)[:MOST_LINES]  # (configurations, axes), the best first
        good = max(1, round(GOOD * len(paths)))
        marks = (
            _lines(paths[good:], "others", faint=True),
            _lines(paths[1:good], "the best quarter"),
            _lines(paths[:1], "the best"),
        )
        panel = Panel(
            Axis.of_names("", titles), Axis("from least to largest", -MOST_FAN, 1 + MOST_FAN),
            tuple(mark for mark in marks if len(mark.x)),
        )  # fmt: skip
        notes = [f"the {MOST_LINES} best of {len(whole):,}"] if len(whole) > MOST_LINES else []
        notes.append("lines that meet at a value of an option are spread around it, the better above")
        return Figure(f"Sweep of {len(whole):,} configurations, {of.file}", (panel,), tuple(notes))


def _shares(places: Floats) -> Floats:
    """Return how far along their own range numbers lie, from 0 to 1; in the middle where they are all the same."""
    span = float(np.ptp(places))
    return (places - places.min()) / span if span > 0 else np.full(len(places), 0.5)


def _fanned_out(shares: Floats) -> Floats:
    """Spread the configurations of each value, the best first and above, so that no line hides another."""
    values, member, sizes = np.unique(shares, return_inverse=True, return_counts=True)
    half = min(FAN * float(np.diff(values).min(initial=1)), MOST_FAN)
    before = np.array([np.count_nonzero(member[:i] == its) for i, its in enumerate(member)])
    return shares + half * (1 - (2 * before + 1) / sizes[member])


def _lines(paths: Floats, name: str, faint: bool = False) -> Line:
    """Return paths (n, axes) as one line with gaps."""
    n, axes = paths.shape
    x = np.tile(np.append(np.arange(float(axes)), axes - 1), n)
    y = np.column_stack([paths, np.full(n, np.nan)]).ravel()
    return Line(x, y, name, faint=faint)
