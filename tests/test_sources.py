"""The files of a data set stay a list of names, from the command line to the model and back; and a model file can name
no other source than what it can have been trained on."""

from __future__ import annotations

import contextlib
import json
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
from forgery import with_meta
from nncli.data.bundled import path_of
from nncli.data.expand import expand
from nncli.data.sources import paths_of, title
from nncli.errors import DataError
from short_and_long import short_and_long

Run = Callable[..., Any]
BAD_DATA, BAD_COMMAND = 1, 2
ROWS = [f"{i % 5}.{i % 7},{i * 3 % 11},{'yes' if i % 3 else 'no'}\n" for i in range(200)]
HEADER = "a,b,label\n"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def parts(*names: str) -> list[str]:
    """Write the rows, shared out among files of these names."""
    each = len(ROWS) // len(names)
    for i, name in enumerate(names):
        Path(name).write_text(HEADER + "".join(ROWS[i * each : (i + 1) * each]))
    return [*names]


def test_a_pattern_stands_for_the_files_that_match_it_sorted_by_name() -> None:
    for name in ("day-2.csv", "day-10.csv", "day-1.csv", "other.csv"):
        Path(name).touch()
    assert expand(["other.csv", "day-*.csv"]) == ("other.csv", "day-1.csv", "day-10.csv", "day-2.csv")
    assert expand([str(Path("day-?.csv").absolute())]) == tuple(str(Path(f"day-{i}.csv").absolute()) for i in (1, 2))
    with pytest.raises(DataError, match=r"no-\*\.csv: no file matches that pattern"):
        expand(["no-*.csv"])


@pytest.mark.parametrize(
    "name", ["a[1].csv", "with blank.csv", "it's.csv", 'say "no".csv', "a*.csv", "$HOME.csv", "a\\b.csv"]
)
def test_a_file_name_may_have_any_characters(nncli: Run, name: str) -> None:
    parts(name, "second.csv")
    assert expand([name]) == (name,)
    assert nncli("train", name, "--epochs", "1", "-q", "-o", "one.npz").code == 0
    assert nncli("train", name, "second.csv", "--epochs", "1", "-q", "-o", "two.npz").code == 0
    assert nncli("info", "two.npz", "--json").json["data"]["source"] == [name, "second.csv"]
    assert [nncli("eval", model, "-q", "--json").json["n"] for model in ("one.npz", "two.npz")] == [15, 30]
    assert nncli("train", "--resume", "two.npz", "-q").code == 0


def test_a_file_called_arrays_can_be_evaluated(nncli: Run) -> None:
    """The name that messages have for data from Python is no name of a file in a model."""
    Path("arrays").write_text(path_of("iris").read_text())
    assert nncli("train", "arrays", "--epochs", 1, "-q", "-o", "m.npz").code == 0
    assert nncli("eval", "m.npz", "-q").code == 0


def test_a_bundled_set_is_what_no_file_is_called() -> None:
    assert paths_of(("iris",)) == [path_of("iris")]
    Path("iris").touch()
    assert paths_of(("iris",)) == [Path("iris")]
    with pytest.raises(DataError, match="Did you mean 'wine'"):
        paths_of(("wien",))


def test_stdin_is_the_only_source_or_none(nncli: Run) -> None:
    parts("d.csv")
    outcome = nncli("train", "-", "d.csv", "-q")
    assert (outcome.code, outcome.err) == (
        BAD_DATA, "stdin: cannot be one of several files. Write it to a file first.\n"
    )  # fmt: skip


def test_an_option_without_its_dashes_is_pointed_out(nncli: Run) -> None:
    outcome = nncli("train", "iris", "model", "mlp")
    assert (outcome.code, outcome.err) == (
        BAD_COMMAND, "DATA: expected names of files, found 'model'. Did you mean --model mlp?\n"
    )  # fmt: skip
    for words in (["iris", "mlp"], ["mlp", "iris"]):
        line = "DATA: expected names of files, found 'mlp'. Did you mean --model mlp?\n"
        assert nncli("train", *words).err == line
    Path("mlp").write_text("a\n")
    assert nncli("train", "iris", "mlp").err.startswith("mlp:1: columns ")
    outcome = nncli("train", "iris", "no-such.csv")
    assert (outcome.code, outcome.err) == (BAD_DATA, "no-such.csv: no such file.\n")


def test_many_files_have_a_short_title() -> None:
    names = tuple(f"{i}.csv" for i in range(10_000))
    assert title(names) == "0.csv, 1.csv and 9,998 more"
    assert title(names[:3]) == "0.csv, 1.csv, 2.csv"
    assert [title(source) for source in ((), ("-",), ("a b.csv",))] == ["arrays", "stdin", "a b.csv"]


def test_files_beyond_the_length_of_a_name_are_one_data_set(nncli: Run) -> None:
    """Their names joined would be longer than the 255 bytes that a name can have."""
    names = parts(*(f"a-day-of-some-length-{i:03}.csv" for i in range(40)))
    outcome = nncli("train", *names, "--epochs", "2", "-o", "m.npz")
    assert outcome.code == 0, outcome.err
    first, second = names[:2]
    assert f"data: {first}, {second} and 38 more, 200 rows" in outcome.err
    assert nncli("train", "a-day-*.csv", "--epochs", "2", "-q", "-o", "by-pattern.npz").code == 0
    assert Path("m.npz").read_bytes() == Path("by-pattern.npz").read_bytes()
    assert nncli("eval", "m.npz", "-q", "--json").json["n"] == 30
    assert nncli("check", *names, "-q").code == 0
    assert nncli("sweep", *names, "--lr", "0.1,0.01", "--epochs", "2", "--jobs", "1", "-q").code == 0
    assert nncli("sweep", *names, "--lr", "0.1,0.01", "--epochs", "2", "--jobs", "1").err.count("2 trials already") == 1


@pytest.mark.parametrize("count", short_and_long(1_000, 10_000))
def test_thousands_of_files_are_one_data_set(nncli: Run, count: int) -> None:
    folder = Path("rows")
    folder.mkdir()
    for i in range(count):
        (folder / f"{i}.csv").write_text(HEADER + ROWS[i % len(ROWS)])
    outcome = nncli("train", "rows/*.csv", "--model", "softmax", "--epochs", "1", "-o", "m.npz")
    assert outcome.code == 0, outcome.err
    assert f"and {count - 2:,} more, {count:,} rows" in outcome.err
    assert len(nncli("info", "m.npz", "--json").json["data"]["source"]) == count


def test_several_files_of_validation_and_test_rows(nncli: Run) -> None:
    parts("d.csv", "v 1.csv", "v 2.csv", "t-1.csv", "t-2.csv")
    words = [
        "train",
        "d.csv",
        "--val-data",
        "v 1.csv",
        "--val-data",
        "v 2.csv",
        "--test-data",
        "t-*.csv",
        "--epochs",
        "2",
    ]
    outcome = nncli(*words, "--json", "-o", "m.npz")
    assert [outcome.json[f"n_{part}"] for part in ("train", "val", "test")] == [40, 80, 80]
    assert "(from v 1.csv, v 2.csv), 80 test (from t-1.csv, t-2.csv)" in outcome.err
    assert nncli("eval", "m.npz", "-q", "--json").json["n"] == 80
    Path("c.toml").write_text(
        'data = ["d.csv"]\nval-data = ["v 1.csv", "v 2.csv"]\ntest-data = "t-*.csv"\nepochs = 2\n'
    )
    assert nncli("train", "--config", "c.toml", "-q", "-o", "n.npz").code == 0
    assert Path("m.npz").read_bytes() == Path("n.npz").read_bytes()


def alone(*commands: str) -> tuple[list[int], list[str]]:
    """Run commands in a process of their own, which is ended if they wait for ever or take all of the memory. Return
    their exit codes, and the lines on stderr."""
    code = "import sys; from nncli.cli.main import main; [print(main(words.split())) for words in sys.argv[1:]]"
    done = subprocess.run(
        [sys.executable, "-c", code, *commands], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        timeout=60, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30)),
    )  # fmt: skip
    return [int(line) for line in done.stdout.splitlines()], done.stderr.splitlines()


@pytest.mark.parametrize("source", [["/dev/zero"], ["pipe"], ["*.csv"], ["/**/*"], ["."], ["d.csv", "/dev/zero"]])
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


def test_names_that_are_no_text_are_names_all_the_same(tmp_path: Path) -> None:
    """On the disk a name is bytes: those that are no UTF-8 go into a model, a ledger and JSON, and come back."""
    name = os.fsdecode(b"d\xff\xfe.csv")
    Path(name).write_text(HEADER + "".join(ROWS))

    def nncli(*words: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([*PROGRAM, *words], capture_output=True, check=False, timeout=60)

    for words in (
        ["train", name, "--epochs", "3", "--keep-state", "-q", "-o", os.fsdecode(b"m\xff.npz")],
        ["eval", os.fsdecode(b"m\xff.npz"), "-q"],
        ["train", "--resume", os.fsdecode(b"m\xff.npz"), "--epochs", "4", "-q"],
        ["predict", os.fsdecode(b"m\xff.npz"), name, "-q"],
        ["check", name, "-q"],
        ["sweep", name, "--lr", "0.1,0.01", "--epochs", "1", "--jobs", "1", "-q"],
        ["sweep", name, "--lr", "0.1,0.01", "--epochs", "1", "--jobs", "1", "-q"],
    ):
        done = nncli(*words)
        assert (done.returncode, done.stderr) == (0, b""), words
    info = nncli("info", os.fsdecode(b"m\xff.npz"), "--json")
    assert os.fsencode(json.loads(info.stdout)["data"]["source"][0]) == b"d\xff\xfe.csv"


def test_a_name_is_the_same_file_under_another_locale() -> None:
    Path("ü.csv").write_text(HEADER + "".join(ROWS))
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PATH": os.environ["PATH"]}
    for train, judge in ((plain, None), (None, plain)):
        words = ["train", "ü.csv", "--epochs", "1", "-q", "-o", "m.npz"]
        for command, environment in ((words, train), (["eval", "m.npz", "-q"], judge)):
            done = subprocess.run([*PROGRAM, *command], env=environment, capture_output=True, check=False, timeout=60)
            assert (done.returncode, done.stderr) == (0, b"")


def test_names_of_several_files_in_a_model_of_format_4_are_told_apart(nncli: Run) -> None:
    """They stood in one text, as a shell takes them."""
    parts("one day.csv", "b.csv")
    assert nncli("train", "one day.csv", "b.csv", "--epochs", "1", "-q", "-o", "m.npz").code == 0

    def older(text: str) -> bytes:
        data = Path("m.npz").read_bytes()
        new = dict.fromkeys(("kernels", "data.file_bytes", "data.val_bytes", "data.test_bytes"), ...)
        new |= dict.fromkeys(("schema.image_shape", "schema.resized"), ...)
        new |= dict.fromkeys(("schema.spellings", "schema.profile", "data.row_hashes"), ...)
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
    assert nncli("train", "d.csv", "--epochs", "2", "--keep-state", "-q", "-o", "m.npz").code == 0
    assert nncli("info", "m.npz", "--json").json["kernels"]
    assert nncli("train", "--resume", "m.npz", "--epochs", "3", "-o", "same.npz", "-q").err == ""
    Path("other.npz").write_bytes(with_meta("kernels", "openblas 0.0.1 Katmai")(Path("m.npz").read_bytes()))
    outcome = nncli("train", "--resume", "other.npz", "--epochs", "3", "-q")
    assert outcome.code == 0
    assert outcome.err.startswith(
        "warning: other.npz was started with the matrix kernels openblas 0.0.1 Katmai, and is resumed"
    )
    assert "set OPENBLAS_CORETYPE=Katmai" in outcome.err


def test_more_columns_than_a_model_has_room_for_are_refused_before_training(nncli: Run) -> None:
    names = [f"{'a column of a long name ' * 40}{i}" for i in range(5_000)]
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


@pytest.mark.parametrize("option", ["-o", "--log"])
def test_images_and_labels_in_a_folder_are_no_place_to_write_to(nncli: Run, option: str) -> None:
    shutil.copytree(path_of("digits-idx"), "i")
    before = {path.name: path.read_bytes() for path in Path("i").iterdir()}
    for data in ("i", "i/train-images-idx3-ubyte.gz"):
        for name in ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"):
            outcome = nncli("train", data, "--epochs", "1", "-q", option, f"i/{name}")
            assert (outcome.code, "it is one of the files that are read" in outcome.err) == (BAD_DATA, True)
    outcome = nncli("train", "iris", "--epochs", "1", "-q", option, path_of("iris"))
    assert outcome.code == BAD_DATA
    assert {path.name: path.read_bytes() for path in Path("i").iterdir()} == before


def test_a_model_goes_on_by_any_of_its_names(nncli: Run) -> None:
    parts("d.csv")
    assert nncli("train", "d.csv", "--epochs", "2", "--keep-state", "-q", "-o", "./m.npz").code == 0
    for i, name in enumerate(("./m.npz", f"{Path.cwd()}//m.npz", "m.npz"), 3):
        outcome = nncli("train", "--resume", name, "--epochs", str(i), "--keep-state", "--json", "-q")
        assert (outcome.err, outcome.json["epochs"]) == ("", i)


def test_a_file_called_as_stdin_takes_nothing_from_it(nncli: Run) -> None:
    parts("d.csv")
    assert nncli("train", "d.csv", "--epochs", "1", "-q", "-o", "m.npz").code == 0
    Path("-").write_text("x")
    rows = "".join(f"{i % 5}.5,{i}\n" for i in range(3000))
    done = subprocess.run(
        [*PROGRAM, "predict", "m.npz", "-q"], input=f"a,b\n{rows}".encode(), capture_output=True, check=True, timeout=60
    )
    assert len(done.stdout.splitlines()) == 3001
    Path("-").write_text(HEADER + "".join(ROWS))
    assert nncli("train", "./-", "--epochs", "1", "-q", "-o", "n.npz").code == 0


def test_files_with_more_names_than_a_model_holds_are_refused_before_training(nncli: Run) -> None:
    folder = Path("/".join("x" * 200 for _ in range(18)))
    folder.mkdir(parents=True)
    for i in range(580):  # of 3,600 bytes each, and there are two lists of them
        (folder / f"{i}.csv").write_text(HEADER + ROWS[i % len(ROWS)])
    outcome = nncli("train", str(folder / "*.csv"), "--epochs", "1", "-q", "-o", "m.npz")
    assert outcome.code == BAD_DATA
    assert ": a model cannot hold all names of its files" in outcome.err
    assert not Path("m.npz").exists()
