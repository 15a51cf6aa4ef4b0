"""What a benchmark prints, and all that it has compared."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace

from measure import Comparison, Finished

SAME_ACCURACY = 0.005  # contenders further apart have not done the same work
comparisons: list[Comparison] = []
_works: list[str] = []  # the headings so far


def heading(text: str) -> None:
    """Of the comparisons that follow: the work that they are about."""
    _works.append(text)
    print(f"\n{text}")
    print(f"  {'':16} {'nncli':>9} {'peer':>9}    {'ratio':>6} {'in pairs':>8} {'limit':>6}", flush=True)


def show(c: Comparison) -> None:
    """A row of the table."""
    comparisons.append(replace(c, work=_works[-1]))
    ours, theirs = (c.shown(statistics.median(figures)) for figures in (c.ours, c.theirs))
    print(
        f"  {c.what:16} {ours:>9} {theirs:>9} {c.unit:2} {c.ratio:6.3f} {c.pairwise:8.3f} {c.limit_shown:>6} "
        f"{c.verdict:7} against {c.peer}",
        flush=True,
    )


def show_process(
    found: Mapping[str, Sequence[Finished]], peer: str, time: float | None = None, memory: float | None = None
) -> None:
    """Time and peak memory of whole processes, nncli's beside the peer's, with the limits of their ratios."""
    ours, theirs = found["nncli"], found[peer]
    show(Comparison("time", "s", peer, [run.seconds for run in ours], [run.seconds for run in theirs], time))
    show(
        Comparison(
            "peak memory", "MB", peer, [run.megabytes for run in ours], [run.megabytes for run in theirs], memory
        )
    )


def compare_accuracies(accuracies: Mapping[str, float], within: float = SAME_ACCURACY) -> None:
    print("  test accuracy:   " + ", ".join(f"{name} {accuracy:.2%}" for name, accuracy in accuracies.items()))
    for name, accuracy in accuracies.items():
        if round(abs(accuracy - accuracies["nncli"]), 6) > within:  # which differences of two floats are not exactly
            print(f"  void: nncli and {name} are over {within * 100:g} points apart: they did not do the same")
            for i, c in enumerate(comparisons):
                if c.work == _works[-1] and c.peer == name:
                    comparisons[i] = replace(c, void=True)
