"""What a run leaves: every figure as JSON, the ratios as a plot, and the table of BENCHMARKS.md."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from measure import Comparison

HERE = Path(__file__).parent
PAGE = HERE.parent / "BENCHMARKS.md"
BEGIN, END = "<!-- the last run -->", "<!-- end of the last run -->"
MET, MISSED, FREE = "#2a7f3f", "#b3361e", "#5b6673"  # of bars


def write(machine: Mapping[str, Any], comparisons: Sequence[Comparison]) -> None:
    found = [asdict(c) | {"ratio": c.ratio, "pairwise": c.pairwise, "met": c.met} for c in comparisons]
    text = json.dumps({"date": str(date.today()), "machine": machine, "comparisons": found}, indent=1)
    (HERE / "results.json").write_text(text + "\n")
    plot(comparisons, HERE / "results.svg")
    before, rest = PAGE.read_text().split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{table(machine, comparisons)}\n{END}{rest.split(END)[1]}")


def table(machine: Mapping[str, Any], comparisons: Sequence[Comparison]) -> str:
    """In Markdown."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    lines = [
        f"{date.today()}: {machine['processor']}, {machine['cores']} cores, {machine['threads']} threads for everyone; "
        f"{versions}; {machine['data']}.",
        "",
        "| work | | nncli | peer | | ratio | in pairs | limit | |",
        "| --- | --- | ---: | ---: | --- | ---: | ---: | ---: | --- |",
    ]
    work = ""
    for c in comparisons:
        ours, theirs = (f"{c.shown(statistics.median(figures))} {c.unit}" for figures in (c.ours, c.theirs))
        verdict = c.verdict.replace("missed", "**missed**")
        lines.append(
            f"| {c.work if c.work != work else ''} | {c.what} | {ours} | {theirs} | {c.peer} | {c.ratio:.3f} | "
            f"{c.pairwise:.3f} | {c.limit_shown} | {verdict} |"
        )
        work = c.work
    return "\n".join(lines)


def plot(comparisons: Sequence[Comparison], path: Path) -> None:
    """A bar for each ratio that counts, on a logarithmic scale around 1, with a mark where its limit is."""
    comparisons = [c for c in comparisons if c.added is None]
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams |= {"svg.hashsalt": "nncli", "svg.fonttype": "none"}  # the same figures make the same small file
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(11, 0.24 * len(comparisons) + 1.2), layout="constrained")
    names, work = [], ""
    for place, c in enumerate(comparisons):
        colour = {None: FREE, True: MET, False: MISSED}[c.met]
        axes.barh(place, c.ratio - 1, left=1, color=colour, height=0.7)
        if c.limit is not None:
            axes.plot([c.limit] * 2, [place - 0.45, place + 0.45], color="black", linewidth=1.5)
        short = c.work.split(";")[0].split(", batches")[0]
        names.append(f"{short if c.work != work else ''}  {c.what}, {c.peer}")
        work = c.work
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.invert_yaxis()
    axes.margins(y=0.005)
    axes.set_xscale("log")
    ticks = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]
    low, high = min(c.ratio for c in comparisons), max(c.ratio for c in comparisons)
    axes.set_xticks([tick for tick in ticks if low / 2 < tick < high * 2], minor=False)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.grid(axis="x", alpha=0.3)
    axes.set_title("nncli / peer: shorter than 1 is faster or smaller; the black mark is the limit", fontsize=9)
    figure.savefig(path, metadata={"Date": None})
