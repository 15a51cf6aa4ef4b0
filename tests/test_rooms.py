"""The rooms of the house: a module imports from its own room and from those below it, and from no other."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

from nncli.data.bundled import path_of

SOURCE = Path(__file__).parents[1] / "src"
PACKAGE = SOURCE / "nncli"
# from the ground up; rooms of one floor do not know each other
FLOORS = [
    ["nncli", "errors"],
    ["system"],
    ["registry"],
    ["nn", "data"],
    ["metrics", "guards"],
    ["config"],
    ["model"],
    ["training"],
    ["explain"],
    ["diagnostics", "sweep", "inference", "estimators"],
    ["figures", "tracking"],
    ["export", "report", "play", "serve"],
    ["terminal"],
    ["cli"],
    ["__main__"],
]
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(module: str) -> str:
    """nncli.nn.losses → nn; nncli itself → nncli."""
    return module.removeprefix("nncli.").split(".")[0]


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


@functools.cache
def imported(path: Path) -> frozenset[str]:
    """All modules of the package that a file imports, at its top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: imports by full names only"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if as_path(name).exists() else str(node.module) for name in names}
    return frozenset(name for name in found if name.split(".")[0] == "nncli")


def as_path(module: str) -> Path:
    path = SOURCE.joinpath(*module.split("."))
    return path if path.is_dir() else path.with_suffix(".py")


def test_modules_import_only_from_rooms_below() -> None:
    for path in MODULES:
        room = room_of(name_of(path))
        for other in {room_of(module) for module in imported(path)} - {room}:
            if (room, other) == ("nncli", "estimators"):
                continue  # loaded when asked for
            assert FLOOR_OF[other] < FLOOR_OF[room], f"{path.relative_to(PACKAGE)} imports {other}"


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {name_of(path): {name for name in imported(path) if as_path(name).is_file()} for path in MODULES}
    graph["nncli"] = set()  # whose estimators are loaded when asked for
    while leaves := {name for name, others in graph.items() if not others & graph.keys() - {name}}:
        graph = {name: others for name, others in graph.items() if name not in leaves}
    assert not graph


def test_the_rooms_are_the_ones_listed_here() -> None:
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert rooms - {"__init__"} == FLOOR_OF.keys() - {"nncli"}


@pytest.mark.parametrize("room", [room for room in PACKAGE.rglob("*") if (room / "__init__.py").is_file()], ids=str)
def test_a_room_says_what_lives_there_and_where_to_begin(room: Path) -> None:
    said = ast.get_docstring(ast.parse((room / "__init__.py").read_text("utf-8"))) or ""
    assert re.search(r"May import|Part of", said)
    assert (room / re.findall(r"Open `(\w+\.py)`", said)[0]).is_file()


# what only runs that predict numbers need, or that use folds, a --config file, or single rows that count mistakes
OF_OTHER_RUNS = {
    "nncli.cli.config_file",
    "nncli.metrics.reported",
    "nncli.model.target_scale",
    "nncli.nn.least_squares",
    "nncli.terminal.folds",
    "nncli.terminal.numbers",
    "nncli.training.equation",
    "nncli.training.mistakes",
}
# what only those need who learn, meet a row that cannot be read, or have columns of words
OF_LEARNING = {
    "nncli.data.csv.cell_advice",
    "nncli.data.csv.code_like",
    "nncli.data.csv.column_kinds",
    "nncli.data.csv.detection",
    "nncli.data.csv.missing_words",
    "nncli.data.csv.second_table",
    "nncli.data.labels",
    "nncli.data.load",
    "nncli.data.numeric_target",
    "nncli.data.table_builder",
    "nncli.data.text_inputs",
    "nncli.data.totals",
    "nncli.data.words.vectors",
    "nncli.metrics.definitions",
    "nncli.model.labelled_rows",
    "nncli.nn.autodiff.graph",
    "nncli.nn.distortions",
    "nncli.nn.embeddings",
}


@pytest.mark.parametrize(
    ("command", "forbidden"),
    [
        ("--help", {"numpy", "pyarrow", "sklearn", "rich", "pydantic", "nncli.cli.train"}),
        ("train --help", {"pyarrow", "sklearn", "rich"}),
        ("train DATA --epochs 1 -o new.npz --json", {"sklearn", "scipy", "rich"}),
        ("train iris --epochs 1 -o new.npz", {"pyarrow", "statistics", *OF_OTHER_RUNS}),
        ("predict MODEL DATA", {"sklearn", "scipy", "rich", "pydantic", "ssl", "multiprocessing", "nncli.cli.train"}),
        ("predict MODEL FEW --proba --keep all", {"pyarrow", "pandas", "logging", "secrets", *OF_LEARNING}),
        ("plot --help", {"numpy", "pyarrow", "rich", "nncli.figures.kinds"}),
        ("graph a+b --at a=1,b=2 --json", {"numpy", "pyarrow", "sklearn", "rich"}),
        ("datasets", {"numpy", "pyarrow", "sklearn", "rich", "pydantic"}),
    ],
)
def test_commands_load_no_more_than_they_need(
    command: str, forbidden: set[str], digits_model: Path, tmp_path: Path
) -> None:
    import subprocess
    import sys

    (tmp_path / "few.csv").write_text("".join(path_of("digits").read_text().splitlines(keepends=True)[:11]))
    argv = command.replace("MODEL", str(digits_model)).replace("DATA", "digits").replace("FEW", "few.csv").split()
    code = f"import sys; from nncli.cli.main import main; main({argv}); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert not forbidden & set(done.stderr.split())
