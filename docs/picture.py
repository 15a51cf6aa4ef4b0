"""Draw the pictures of the README: docs/images/terminal.svg, two commands and what they really print on a terminal of
80 columns, and docs/images/report.png, the beginning of a report, for which Chromium must be installed.

python docs/picture.py
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.text import Text

COMMANDS = ["nncli train iris", "nncli eval model.npz"]
COLUMNS = 80
IMAGES = Path(__file__).parent / "images"
REPORT = "nncli train breast-cancer -q && nncli report model.npz -q"
BROWSERS, WINDOW = ("chromium", "chromium-browser", "google-chrome"), "968,800"


def printed(command: str, folder: str) -> str:
    """Run a command on a terminal of its own, with colours, and return what it prints."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "COLUMNS": str(COLUMNS), "FORCE_COLOR": "1", "TERM": "xterm-256color"}
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, check=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    return done.stdout


def main() -> None:
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    with tempfile.TemporaryDirectory() as folder:
        for command in COMMANDS:
            console.print(Text(f"$ {command}", style="bold"))
            console.print(Text.from_ansi(printed(command, folder)))
    # without fonts from elsewhere, so that it is shown as it is, without a network
    picture = re.sub(r"@font-face \{.*?\}", "", console.export_svg(title="nncli"), flags=re.DOTALL)
    picture = picture.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, monospace")
    (IMAGES / "terminal.svg").write_text(picture, "utf-8")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(f"report.png stays as it is: expected one of {', '.join(BROWSERS)}, found none")
    with tempfile.TemporaryDirectory() as folder:
        printed(REPORT, folder)
        options = ["--headless", "--no-sandbox", "--hide-scrollbars", f"--window-size={WINDOW}"]
        subprocess.run(
            [browser, *options, f"--screenshot={IMAGES / 'report.png'}", f"file://{folder}/model.report.html"],
            check=True, capture_output=True,
        )  # fmt: skip
    with Image.open(IMAGES / "report.png") as picture_of_page:
        few_colours = picture_of_page.convert("RGB").quantize(64)
    few_colours.save(IMAGES / "report.png", optimize=True)


if __name__ == "__main__":
    main()
