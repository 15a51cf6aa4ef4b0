"""A model file names what it was trained on, and can name no other source; what it has no room for is refused before
training."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli_process import PROGRAM
from forgery import with_meta, with_parts
from nncli.model.file_members import OF_COLUMNS
from nncli.model.older_formats import NEW_IN
from row_files import HEADER, ROWS, parts
from short_and_long import some_short

Run = Callable[..., Any]
BAD_DATA = 1

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def alone(*commands: str) -> tuple[list[int], list[str]]:
    """Run commands in a process of their own, which is ended if they wait for ever or take all of the memory. Return
    their exit codes, and the lines on stderr."""
    code = "import sys; from nncli.cli.main import main; [print(main(words.split())) for words in sys.argv[1:]]"
    done = subprocess.run(
        [sys.executable, "-c", code, *commands], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        timeout=60, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30)),
    )  # fmt: skip
    return [int(line) for line in done.stdout.splitlines()], done.stderr.splitlines()


@pytest.mark.parametrize(
    "source", some_short([["/dev/zero"], ["pipe"], ["*.csv"], ["/**/*"], ["."], ["d.csv", "/dev/zero"]], 2)
)
def test_a_model_can_name_no_other_source_than_a_plain_file(nncli: Run, source: list[str]) -> None:
    """A model from a stranger may name anything: what has no end, what eats what somebody else writes, all there is."""
    parts("d.csv")
    os.mkfifo("pipe")
    assert nncli("train", "d.csv", "--epochs", "1", "--keep-state", "-q", "-o", "m.npz").code == 0
    forged = with_meta("config.data", source)(with_meta("data.source", source)(Path("m.npz").read_bytes()))
    Path("forged.npz").write_bytes(forged)
    codes, errors = alone(
        "eval forged.npz", "gradcheck forged.npz", "graph --row 1 forged.npz", "train --epochs 3 --resume forged.npz"
    )
    assert codes == [BAD_DATA] * 4
    assert len(errors) == 4


@pytest.mark.long
def test_a_model_can_name_no_other_file_than_one_of_the_same_size(nncli: Run) -> None:
    parts("d.csv")
    with Path("large.csv").open("wb") as file:
        file.truncate(1 << 42)  # which nobody can read in time
    assert nncli("train", "d.csv", "--epochs", "1", "-q", "-o", "m.npz").code == 0
    true = Path("m.npz").read_bytes()
    for forge in (with_meta("data.source", ["large.csv"]), with_meta("data.file_bytes", None)):
        Path("forged.npz").write_bytes(forge(with_meta("data.source", ["large.csv"])(true)))
        _, [error] = alone("eval forged.npz")
        assert error.startswith("large.csv: the data have changed since forged.npz was trained on them: 4,398,0")


def test_names_of_several_files_in_a_model_of_format_4_are_told_apart(nncli: Run) -> None:
    """They stood in one text, as a shell takes them."""
    parts("one day.csv", "b.csv")
    assert nncli("train", "one day.csv", "b.csv", "--epochs", "1", "-q", "-o", "m.npz").code == 0

    def paths(new: dict[str, Any]) -> list[str]:
        return [
            path
            for name, value in new.items()
            for path in ([f"{name}.{inner}" for inner in paths(value)] if isinstance(value, dict) else [name])
        ]

    def older(text: str) -> bytes:
        data = with_parts(lambda parts: [(n, its) for n, its in parts.items() if n[:-4] not in OF_COLUMNS])(
            Path("m.npz").read_bytes()
        )
        new = {path: ... for version in NEW_IN if version > 4 for path in paths(NEW_IN[version])}
        old = {"data.source": text, "config.data": text, "config.val_data": None, "config.test_data": None}
        for path, value in {**new, **old, "format_version": 4}.items():
            data = with_meta(path, value)(data)
        return data

    Path("older.npz").write_bytes(older("'one day.csv' b.csv"))
    assert nncli("eval", "older.npz", "-q", "--json").json["n"] == 30
    assert nncli("info", "older.npz", "--json").json["data"]["source"] == ["one day.csv", "b.csv"]
    Path("older.npz").write_bytes(older("one day.csv"))
    assert nncli("info", "older.npz", "--json").json["data"]["source"] == ["one day.csv"]


def test_other_matrix_kernels_are_noted_and_warned_of(nncli: Run) -> None:
    parts("d.csv")
    assert nncli("train", "d.csv", "--lr", "0.1", "--epochs", "2", "--keep-state", "-q", "-o", "m.npz").code == 0
    assert nncli("info", "m.npz", "--json").json["kernels"]
    same = nncli("train", "--resume", "m.npz", "--epochs", "3", "-o", "same.npz", "-q")
    assert (same.code, "kernels" in same.err) == (0, False)
    Path("other.npz").write_bytes(with_meta("kernels", "openblas 0.0.1 Katmai")(Path("m.npz").read_bytes()))
    outcome = nncli("train", "--resume", "other.npz", "--epochs", "3", "-q")
    assert outcome.code == 0
    assert outcome.err.startswith(
        "warning: other.npz was started with the matrix kernels openblas 0.0.1 Katmai, and is resumed"
    )
    assert "set OPENBLAS_CORETYPE=Katmai" in outcome.err


@pytest.mark.long
def test_more_columns_than_a_model_has_room_for_are_refused_before_training(nncli: Run) -> None:
    names = [f"{'a column of a long name ' * 80}{i}" for i in range(5_000)]
    rows = (",".join("01"[i * j % 7 % 2] for j in range(5_000)) + f",{i % 2}\n" for i in range(8))
    Path("wide.csv").write_text(f"{','.join(names)},label\n" + "".join(rows))
    for words in (["train", "wide.csv", "--log", "log.jsonl"], ["sweep", "wide.csv", "--lr", "0.1,0.2", "--jobs", "1"]):
        outcome = nncli(*words, "--val", "0.25", "--test", "0.25")
        assert (outcome.code, outcome.err.splitlines()[-1][:83]) == (
            BAD_DATA, "wide.csv: a model cannot hold all names of its files, columns, categories and class"
        )  # fmt: skip
    assert [path.name for path in Path().iterdir()] == ["wide.csv"]


def test_what_only_looks_like_a_large_model_is_not_read(nncli: Run, iris_model: Path) -> None:
    """A member of gigabytes that are nowhere on the disk: its size is not that of the network that it describes."""
    shutil.copy(iris_model, "m.npz")
    data = bytearray(Path("m.npz").read_bytes())
    place = data.index(b"theta.npy") - 30
    data[place + 18 : place + 26] = (3 << 30).to_bytes(4, "little") * 2  # the size, packed and unpacked
    with Path("large.npz").open("wb") as file:
        file.write(data)
        file.truncate(3 << 30)
    outcome = nncli("info", "large.npz")
    assert outcome.code == BAD_DATA
    assert "found member theta of 3,221,225,472 bytes, where at most" in outcome.err


def test_stdin_without_an_end_is_read_no_further_than_it_is_a_model() -> None:
    process = subprocess.Popen([*PROGRAM, "info", "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
    assert process.stdin is not None
    assert process.stderr is not None
    written = 0
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(b"PK\3\4")
        while written < 1 << 28:
            written += process.stdin.write(bytes(1 << 20)) or 0
    process.stdin.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(30) == BAD_DATA
    assert written <= 4 << 20
    assert b"expected a model written by nncli, found another kind of zip or npz file" in err


def test_a_model_goes_on_by_any_of_its_names(nncli: Run) -> None:
    parts("d.csv")
    assert nncli("train", "d.csv", "--lr", "0.1", "--epochs", "2", "--keep-state", "-q", "-o", "./m.npz").code == 0
    for i, name in enumerate(("./m.npz", f"{Path.cwd()}//m.npz", "m.npz"), 3):
        outcome = nncli("train", "--resume", name, "--epochs", str(i), "--keep-state", "--json", "-q")
        assert (outcome.code, outcome.json["epochs"]) == (0, i), outcome.err


@pytest.mark.long
def test_files_with_more_names_than_a_model_holds_are_refused_before_training(nncli: Run) -> None:
    folder = Path("/".join("x" * 200 for _ in range(18)))
    folder.mkdir(parents=True)
    for i in range(1180):  # of 3,600 bytes each, and there are two lists of them
        (folder / f"{i}.csv").write_text(HEADER + ROWS[i % len(ROWS)])
    outcome = nncli("train", str(folder / "*.csv"), "--epochs", "1", "-q", "-o", "m.npz")
    assert outcome.code == BAD_DATA
    assert ": a model cannot hold all names of its files" in outcome.err
    assert not Path("m.npz").exists()
