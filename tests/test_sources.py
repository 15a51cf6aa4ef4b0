"""The files of a data set stay a list of names, from the command line to the model and back."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli_process import PROGRAM
from nncli.data.bundled import path_of
from nncli.data.expand import expand
from nncli.data.sources import paths_of, title
from nncli.errors import DataError
from row_files import HEADER, ROWS, parts
from short_and_long import short_and_long

Run = Callable[..., Any]
BAD_DATA, BAD_COMMAND = 1, 2

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


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


def test_names_that_are_no_text_are_names_all_the_same(nncli: Run) -> None:
    """On the disk a name is bytes: those that are no UTF-8 go into a model, a ledger and JSON, and come back."""
    name = os.fsdecode(b"d\xff\xfe.csv")
    Path(name).write_text(HEADER + "".join(ROWS))

    for words in (
        ["train", name, "--lr", "0.1", "--epochs", "3", "--keep-state", "-q", "-o", os.fsdecode(b"m\xff.npz")],
        ["eval", os.fsdecode(b"m\xff.npz"), "-q"],
        ["train", "--resume", os.fsdecode(b"m\xff.npz"), "--epochs", "4", "-q"],
        ["predict", os.fsdecode(b"m\xff.npz"), name, "-q"],
        ["check", name, "-q"],
        ["sweep", name, "--lr", "0.1,0.2", "--epochs", "3", "--jobs", "1", "-q"],
        ["sweep", name, "--lr", "0.1,0.2", "--epochs", "3", "--jobs", "1", "-q"],
    ):
        done = nncli(*words)
        assert done.code == 0, (words, done.err)
    info = nncli("info", os.fsdecode(b"m\xff.npz"), "--json").json
    assert os.fsencode(info["data"]["source"][0]) == b"d\xff\xfe.csv"


def test_a_name_is_the_same_file_under_another_locale(nncli: Run) -> None:
    Path("ü.csv").write_text(HEADER + "".join(ROWS))
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PATH": os.environ["PATH"]}

    def under_plain(*words: str) -> int:
        return subprocess.run([*PROGRAM, *words], env=plain, capture_output=True, check=False, timeout=60).returncode

    def here(*words: str) -> int:
        return int(nncli(*words).code)

    for train, judge in ((under_plain, here), (here, under_plain)):
        assert train("train", "ü.csv", "--epochs", "1", "-q", "-o", "m.npz") == 0
        assert judge("eval", "m.npz", "-q") == 0


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


def test_a_file_called_as_stdin_takes_nothing_from_it(nncli: Run) -> None:
    parts("d.csv")
    assert nncli("train", "d.csv", "--epochs", "1", "-q", "-o", "m.npz").code == 0
    Path("-").write_text("x")
    rows = "".join(f"{i % 5}.5,{i}\n" for i in range(3000))
    done = nncli("predict", "m.npz", "-q", stdin=f"a,b\n{rows}")
    assert len(done.out.splitlines()) == 3001
    Path("-").write_text(HEADER + "".join(ROWS))
    assert nncli("train", "./-", "--epochs", "1", "-q", "-o", "n.npz").code == 0
