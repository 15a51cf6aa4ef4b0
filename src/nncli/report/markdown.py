"""Write a report as Markdown: figures are left out, and their captions stand for them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable

from nncli.report.document import Block, Command, Drawing, Finding, Folded, Listing, Paragraph, Report, Slider
from nncli.system.output import UNSEEN, one_line

SPECIAL = re.compile(r"[\\`*_{}\[\]<>|~&$^@]|:(?=//)")  # without brackets there is no link, so that parentheses stay
ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
SAID = {"look": "look at this", "undecided": "cannot tell", "unknown": "not tested", "passed": "passed"}
SHOWN_THRESHOLDS = 10  # and the one that the model uses


def markdown_of(report: Report) -> str:
    """Return a report as Markdown. Names from the data are text in it, whatever is in them."""
    lines = [f"# {escaped(report.title)}", "", *(escaped(one) for one in report.verdict), ""]
    lines += ["## What was found", "", *map(_finding, report.findings), ""]
    for section in report.sections:
        lines += [f"## {escaped(section.title)}", ""]
        for block in section.blocks:
            lines += [*_block(block), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def escaped(text: str) -> str:
    """Return a text that Markdown shows as it is, on one line: no markup, no HTML, nothing that is not seen."""
    seen = re.sub(UNSEEN, lambda found: repr(found[0])[1:-1], one_line(text))
    return SPECIAL.sub(lambda found: ENTITIES.get(found[0], f"\\{found[0]}"), seen)


def _finding(one: Finding) -> str:
    remedy = f" {escaped(one.remedy)}" if one.remedy else ""
    return f"- **{escaped(one.title)}**, {SAID[one.state]}: {escaped(one.evidence)}{remedy}"


def _block(block: Block) -> list[str]:
    if isinstance(block, Paragraph):
        return [escaped(block.text)]
    if isinstance(block, Listing):
        above = [f"{escaped(block.caption)}:", ""] if block.caption else []
        return above + _table(block.header, block.rows, block.numbers)
    if isinstance(block, Drawing):
        return [f"*{escaped(block.figure.title)}.* {escaped(block.caption)}"]
    if isinstance(block, Command):
        return _code(block.line)
    if isinstance(block, Folded):
        return [f"### {escaped(block.title)}", *itertools.chain(*(["", *_block(one)] for one in block.blocks))]
    return _thresholds(block)


def _table(header: Iterable[str], rows: Iterable[Iterable[str]], numbers: frozenset[str] = frozenset()) -> list[str]:
    titles = [*header]
    rule = ["---:" if title in numbers else "---" for title in titles]
    return [f"| {' | '.join(cells)} |" for cells in (map(escaped, titles), rule, *(map(escaped, row) for row in rows))]


def _code(line: str) -> list[str]:
    """Return a command in a block of code, whose fence is longer than any in it."""
    line = re.sub(UNSEEN, lambda found: repr(found[0])[1:-1], one_line(line))
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", line)), default=0))
    return [f"{fence}sh", line, fence]


def _thresholds(slider: Slider) -> list[str]:
    """Return some of the thresholds as a table, and the command of the one that the model uses."""
    n = len(slider.thresholds)
    shown = sorted({*range(0, n, max(1, n // SHOWN_THRESHOLDS)), slider.chosen})
    texts = [slider.thresholds[i] + (", the model's own" if i == slider.chosen else "") for i in shown]
    rows = [[text, *(values[i] for values in slider.values)] for text, i in zip(texts, shown, strict=True)]
    title = f"probability of {slider.positive} from which it is predicted"
    return [
        *_table([title, *slider.titles], rows, frozenset(slider.titles)),
        "",
        *_code(slider.commands[slider.chosen]),
    ]
