"""The house: a module imports only from lower levels, and the rooms `nn` and `data` never know each other."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"
PACKAGE = SOURCE / "nncli"
LEVELS = [
    ["", "errors", "blas"],
    ["owned"],
    ["registry", "output", "atomic", "npz", "meta", "scratch", "workers", "connection", "wire"],
    ["nn", "data"],
    ["option", "metrics", "tables", "processes"],
    ["config"],
    ["resolve", "space"],
    ["model"],
    ["batch"],
    ["trainer"],
    ["predictor", "snapshot"],
    ["provenance", "modelform"],
    ["modelfile"],
    ["checkpoint"],
    ["prepare", "answers"],
    ["experiment", "evaluation", "survey"],
    ["resume", "overview"],
    ["objective", "unrolled"],
    ["gradcheck", "trial"],
    ["record", "standings", "cluster"],
    ["search", "ledger"],
    ["sweep"],
    ["api", "report", "survey_report", "info_report", "progress", "leaderboard"],
    ["cli"],
    ["__main__"],
]
LEVEL_OF = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(module: str) -> str:
    """nncli.nn.losses → nn; nncli → the empty name."""
    return module.removeprefix("nncli").lstrip(".").split(".")[0]


def imported(path: Path) -> set[str]:
    """All modules of the package that a file imports, at its top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: imports by full names only"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if as_path(name).exists() else str(node.module) for name in names}
    return {name for name in found if room_of(name) or name == "nncli" if name.split(".")[0] == "nncli"}


def as_path(module: str) -> Path:
    path = SOURCE.joinpath(*module.split("."))
    return path if path.is_dir() else path.with_suffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_import_only_from_lower_levels(path: Path) -> None:
    room = room_of(".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix("__init__").rstrip("."))
    assert room in LEVEL_OF, f"{room}: say in LEVELS where the new room stands"
    for other in {room_of(module) for module in imported(path)} - {room}:
        if room == "" and other == "api":
            continue  # `nncli.load` and `nncli.train`, loaded when asked for
        assert LEVEL_OF[other] < LEVEL_OF[room], f"{path.name} imports {other}"


def test_every_room_named_here_exists() -> None:
    for room in LEVEL_OF:
        assert (PACKAGE / room).is_dir() or (PACKAGE / f"{room}.py").is_file()


@pytest.mark.parametrize(
    ("command", "forbidden"),
    [
        ("--help", {"numpy", "pyarrow", "sklearn", "rich"}),
        ("train --help", {"pyarrow", "sklearn", "rich"}),
        ("train DATA --epochs 1 -o new.npz --json", {"sklearn", "scipy", "rich"}),
        ("predict MODEL DATA", {"sklearn", "scipy", "rich", "ssl", "multiprocessing", "nncli.cli.train"}),
        ("graph a+b --at a=1,b=2 --json", {"numpy", "pyarrow", "sklearn", "rich"}),
        ("datasets --json", {"numpy", "pyarrow", "sklearn", "rich"}),
    ],
)
def test_commands_load_no_more_than_they_need(
    command: str, forbidden: set[str], digits_model: Path, tmp_path: Path
) -> None:
    import subprocess
    import sys

    argv = command.replace("MODEL", str(digits_model)).replace("DATA", "digits").split()
    code = f"import sys, nncli.cli; nncli.cli.main({argv}); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert not forbidden & set(done.stderr.split())
