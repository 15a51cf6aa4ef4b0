"""Write one figure as a file: a picture, or a page like that of a report."""

from __future__ import annotations

from pathlib import Path

from nncli.figures.figure import Figure
from nncli.figures.vega_lite import drawn
from nncli.report.page import page_of_figure
from nncli.system.atomic import atomic_file


def write_figure(figure: Figure, file: Path) -> None:
    """Write a figure as .svg, .png or .html, whichever the name of the file ends in; whole or not at all."""
    ending = file.suffix.lower()
    content = page_of_figure(figure).encode() if ending == ".html" else drawn(figure, ending)
    with atomic_file(file) as opened:
        opened.write(content)
