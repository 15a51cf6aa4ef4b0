"""The console blocks of a Markdown file are what the program really prints, its tables what is really in it.

    python tests/transcripts.py --check FILE.md …     run every block and compare
    python tests/transcripts.py --write FILE.md …     run every block and put its output in

What stands between `<!-- models -->` or `<!-- components -->` and the next `<!-- end -->` is made from the
registries, and what follows `<!-- help -->` is what the commands print.

A block starts with ```console; in it, a line that starts with `$ ` is a command and the lines below
are its output, stderr included; lines that start with `> ` just below it belong to the command. All blocks of a file
run one after the other in one folder of its own, where `datasets` is that of the repository.

Where a file shows a picture of the name of one that its commands have drawn, --write puts the drawn one in its place,
and --check compares the words in the two.

Figures may differ a little from one processor to another, so numbers are compared with tolerance:
percentages within 3 points, epochs, seconds, indices, bars, the length of rules and what is right of an axis not at
all, whole numbers exactly, others within 0.1 or a factor of two.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import difflib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ .*(?:\n> .*)*", re.MULTILINE)
PICTURE = re.compile(r"!\[[^\]]*\]\(([^)]+\.svg)\)")
STILL_AT_WORK = re.compile(r".* to go")  # what a command says after ten seconds, on a machine that is busy
NUMBER = re.compile(
    r"(?P<free>epoch \d+(?:/\d+| of \d+)?|\d+\.\d+ s\b|\[[\d, :]+\]|[█·]+│[█·]+|[│┤].*|─+)"
    r"|(?P<percent>\d+(?:\.\d+)?) %"
    r"|(?P<number>\d[\d,]*(?:\.\d+)?(?:e-?\d+)?)"
)


def run(block: str, folder: Path) -> str:
    """The block with the output of its commands as it is now."""
    lines = []
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("COLUMNS", None)  # by which tables would be wider or narrower
    for command in COMMAND.findall(block):
        typed = re.sub(r"^[$>] ", "", command, flags=re.MULTILINE)
        done = subprocess.run(
            ["bash", "-c", typed], cwd=folder, env=environment, text=True, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        lines += [command, *(line.rstrip() for line in done.stdout.splitlines() if not STILL_AT_WORK.fullmatch(line))]
    return "\n".join(lines) + "\n"


def same(documented: str, found: str) -> bool:
    """Whether two texts are the same but for tolerable differences of numbers."""
    if [words(text) for text in documented.splitlines()] != [words(text) for text in found.splitlines()]:
        return False
    pairs = zip(NUMBER.finditer(documented), NUMBER.finditer(found), strict=True)
    return all(one.lastgroup == other.lastgroup and near(one, other) for one, other in pairs)


def words(line: str) -> list[str]:
    return NUMBER.sub(lambda match: f"<{match.lastgroup}>", line).split()


def near(one: re.Match[str], other: re.Match[str]) -> bool:
    kind = one.lastgroup or ""
    if kind == "free":
        return True
    a, b = (float(match[kind].replace(",", "")) for match in (one, other))
    if kind == "percent":
        return abs(a - b) <= 3
    if "." not in one[kind] and "." not in other[kind]:
        return a == b
    return abs(a - b) <= 0.1 or max(a, b) <= 2 * min(a, b)


def models() -> str:
    """A row for each model."""
    from nncli.nn.models import MODELS

    rows = ["| model | what it is | formula | loss | optimizer | rows per step |", "|---|---|---|---|---|---|"]
    for name, model in MODELS.items():
        optimizer = model.optimizer + ("" if model.average == "none" else f", {model.average} of all steps")
        what = f"{MODELS.summary(name)} | {code(model.formula)}"
        rows.append(f"| `{name}` | {what} | {model.loss} | {optimizer} | {model.batch_size} |")
    return "\n".join(rows)


def components() -> str:
    """A table for each kind of component."""
    from nncli.config.option import registries

    tables = []
    for kind, registry in registries().items():
        if kind != "models":
            rows = [f"| {kind} | | settings |", "|---|---|---|"]
            for name, one in registry.items():
                fields = dataclasses.fields(one) if dataclasses.is_dataclass(one) else ()
                settings = [f"link={' or '.join(one.links)}"] if len(getattr(one, "links", ())) > 1 else []
                settings += [f"{f.name}={f.default:g}" for f in fields if f.init and isinstance(f.default, int | float)]
                rows.append(f"| `{name}` | {code(registry.summary(name))} | {', '.join(settings)} |")
            tables.append("\n".join(rows))
    return "\n\n".join(tables)


def commands() -> str:
    """The whole help of each command, as it is printed in 80 columns."""
    environment = {**os.environ, "COLUMNS": "80"}

    def printed(*words: str) -> str:
        argv = [sys.executable, "-m", "nncli", *words]
        return subprocess.run(argv, env=environment, text=True, check=True, capture_output=True).stdout.rstrip()

    names = re.findall(r"^  (\w+) ", printed("--help").partition("Commands:")[2].partition("\n\n")[0], re.MULTILINE)
    return "\n\n".join(f"## {name}\n\n```text\n{printed(name, '--help-all')}\n```" for name in names)


def code(text: str) -> str:
    """As code in a table, where a bar would end the cell."""
    return "`" + text.replace("|", r"\|") + "`"


MADE = {"models": models, "components": components, "help": commands}


def renew_tables(text: str) -> str:
    for name, make in MADE.items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        if re.search(pattern, text, re.DOTALL):
            made = make()
            text = re.sub(pattern, lambda match, made=made: f"{match[1]}\n{made}\n\n{match[2]}", text, flags=re.DOTALL)
    return text


def renew_pictures(mode: str, path: Path, text: str, folder: Path) -> list[str]:
    """Check or write the pictures of a file that its commands have drawn; return what is to be said of each that is
    old."""
    old = []
    for link in PICTURE.findall(text):
        shown, drawn = path.parent / link, folder / Path(link).name
        if drawn.exists() and mode == "--write":
            shown.parent.mkdir(exist_ok=True)
            shown.write_bytes(drawn.read_bytes())
        elif drawn.exists() and not (shown.exists() and same(*map(words_of_picture, (shown, drawn)))):
            old.append(f"{os.path.relpath(shown)}: not the picture that {path} draws now\n")
    return old


def words_of_picture(path: Path) -> str:
    return "\n".join(re.findall(r"<text[^>]*>([^<]*)", path.read_text("utf-8")))


def difference(name: str, documented: str, found: str, what: str) -> str:
    return "".join(difflib.unified_diff(documented.splitlines(True), found.splitlines(True), name, what))


def renew(mode: str, name: str) -> str:
    """Check or write one file; return where it is not what the program prints: nothing where it was written."""
    path = Path(name)
    text = path.read_text("utf-8")
    made = renew_tables(text)
    old = [difference(name, text, made, "what there is now")] if made != text else []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "datasets").symlink_to(ROOT / "datasets")

        def renewed_block(match: re.Match[str]) -> str:
            found = run(match[1], folder)
            if not same(match[1], found):
                old.append(difference(name, match[1], found, "what it prints now"))
            return f"```console\n{found}```"

        renewed = BLOCK.sub(renewed_block, made)
        old += renew_pictures(mode, path, made, folder)
    if mode == "--write":
        path.write_text(renewed, "utf-8")
        return ""
    remedy = f"Run: python tests/transcripts.py --write {name}"
    return "".join([*old, f"{name}: {len(old)} transcripts, tables or pictures are old. {remedy}\n"]) if old else ""


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("--check", "--write"):
        sys.exit(__doc__)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pages:  # the longest first: none is left for the end
        names = sorted(sys.argv[2:], key=lambda name: -Path(name).stat().st_size)
        complaints = "".join(pages.map(renew, [sys.argv[1]] * len(names), names))
    sys.stdout.write(complaints)
    sys.exit(bool(complaints))
