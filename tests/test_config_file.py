# ruff: noqa: E501  (messages and their cases stand on one line each)
"""A --config file may hold anything: it is read to a bound, and refused in one line."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from cli_process import PROGRAM

Run = Callable[..., Any]
PLAIN = "expected a text, a number, true or false, or a list of these, found"
DEEP = "expected TOML, found keys or brackets too deep within one another"
CASES = {
    "deep-list": ("lr = " + "[" * 100_000, f"c.toml: {DEEP}."),
    "deep-table": ("lr = " + "{a=" * 5000, f"c.toml: {DEEP}."),
    "deep-key": (".".join(["a"] * 100_000) + " = 1", f"c.toml: {DEEP}."),
    "deep-header": ("[" + '"a" . ' * 50_000 + "a]", f"c.toml: {DEEP}."),
    "digits": ("lr = " + "9" * 5000, "c.toml: expected TOML, found a number of thousands of digits."),
    "hexadecimal": ("epochs = 0x" + "f" * 5000, f"c.toml: epochs: {PLAIN} a number of hundreds of digits."),
    "list-of-digits": ("hidden = [1, " + "9" * 400 + "]", f"c.toml: hidden: {PLAIN} a number of hundreds of digits."),
    "long-key": ('"' + "k" * 1_000_000 + '" = 1', "c.toml: unknown option '" + "k" * 60 + "…'."),
    "escape-in-key": ('"\\u001b[31mred" = 1', "c.toml: unknown option '\\x1b[31mred'."),
    "escape": ("lr = \x1b[31m", "c.toml: expected TOML, found an error: Invalid value (at line 1, column 6)."),
    "table": ("[target]\na = 1", f"c.toml: target: {PLAIN} a table."),
    "dotted": ("target.a = 1", f"c.toml: target: {PLAIN} a table."),
    "list-of-tables": ("[[drop]]\na = 1", f"c.toml: drop: {PLAIN} a table."),
    "list-of-lists": ("drop = [['a']]", f"c.toml: drop: {PLAIN} a list within a list."),
    "date": ("target = 2020-01-01", f"c.toml: target: {PLAIN} a date or a time."),
    "nan": ("lr = nan", "c.toml: lr: expected a number above 0, found 'nan'."),
    "twice": ("lr = 1\nlr = 2\n", "c.toml: expected TOML, found an error: Cannot overwrite a value (at line 2, column 7)."),
    "no-utf-8": (b"lr = 1\n# \xff", "c.toml: expected TOML, found a byte that is not UTF-8, 0xff in line 2."),
    "long": ("#" * (1 << 20) + "\n", "--config: c.toml: expected at most 1 MiB of options, found more."),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_is_no_file_of_options_is_one_line(name: str, nncli: Run, folder: Path) -> None:
    content, line = CASES[name]
    Path("c.toml").write_bytes(content if isinstance(content, bytes) else content.encode())
    began = time.process_time()
    found = nncli("train", "two.csv", "--config", "c.toml", "--epochs", "1", "-q")
    assert (found.code, found.out, found.err) == (2, "", line + "\n")
    assert time.process_time() - began < 5


def test_a_file_as_long_as_is_allowed_is_read(nncli: Run, folder: Path) -> None:
    Path("c.toml").write_text("epochs = 2\n#".ljust((1 << 20) - 1, "x") + "\n")
    assert nncli("train", "two.csv", "--config", "c.toml", "-q", "--json").json["epochs"] == 2


def test_names_with_points_are_no_deep_keys(nncli: Run, folder: Path) -> None:
    Path("c.toml").write_text("drop = ['id', " + ", ".join(["1.5"] * 200) + "]\n# " + "a. " * 40)
    assert "'1.5'" in nncli("train", "two.csv", "--config", "c.toml", "-q").err


@pytest.mark.parametrize("name", ["/dev/zero", "huge.toml"])
def test_a_file_without_an_end_is_not_read_to_it(name: str, folder: Path) -> None:
    with Path("huge.toml").open("wb") as file:
        file.truncate(3 << 30)
    limit = (1 << 30, 1 << 30)
    done = subprocess.run(
        [*PROGRAM, "train", "two.csv", "--config", name], capture_output=True, timeout=30, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, limit),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == f"--config: {name}: expected at most 1 MiB of options, found more.\n"


def test_options_may_come_through_a_pipe(nncli: Run, folder: Path) -> None:
    os.mkfifo("pipe")
    writer = Thread(target=lambda: Path("pipe").write_text("epochs = 2"))
    writer.start()
    assert nncli("train", "two.csv", "--config", "pipe", "-q", "--json").json["epochs"] == 2
    writer.join()


# Every option of a command may stand in its file


def test_options_of_a_command_itself_may_stand_in_the_file(nncli: Run, folder: Path) -> None:
    Path("c.toml").write_text(
        'data = ["two.csv", "more.csv"]\nout = "made.npz"\nlog = "epochs.jsonl"\nsave-every = 1\nkeep_state = true\n'
        'epochs = 2\nmemory = "500MB"\njson = true\nquiet = true\n'
    )
    Path("more.csv").write_text(Path("two.csv").read_text())
    done = nncli("train", "--config", "c.toml")
    assert (done.code, done.err) == (0, "")
    assert (done.json["out"], done.json["epochs"]) == ("made.npz", 2)
    assert done.json["n_train"] + done.json["n_val"] + done.json["n_test"] == 80  # twice 40
    assert len(Path("epochs.jsonl").read_text().splitlines()) == 2
    assert nncli("info", "made.npz", "--json").json["resumable"]


def test_options_of_a_sweep_may_stand_in_its_file(nncli: Run, folder: Path) -> None:
    Path("c.toml").write_text(
        'data = "two.csv"\nlr = [0.1, 0.01]\nhidden = ["8", "8x4"]\nactivation = ["relu", "tanh"]\nepochs = 2\njobs = 1\n'
        'search = "random"\ntrials = 3\nseeds = 2\nfolds = 2\nmetric = "loss"\nledger = "l.jsonl"\nout = "w.npz"\n'
    )
    found = nncli("sweep", "--config", "c.toml", "--json", "-q").json
    assert (found["winner"]["out"], found["metric"]) == ("w.npz", "loss")
    assert len(Path("l.jsonl").read_text().splitlines()) == 1 + 3 * 2 * 2


def test_the_command_line_beats_the_file_also_where_it_gives_the_default(nncli: Run, folder: Path) -> None:
    Path("c.toml").write_text("lr = [0.1, 0.01]\nseeds = 3\nepochs = 1\njobs = 1\ncalibrate = true\n")
    words = "sweep two.csv --config c.toml --seeds 1 --json -q --no-calibrate"
    assert nncli(*words.split()).code == 0
    assert len(Path("model.sweep.jsonl").read_text().splitlines()) == 1 + 2
    assert nncli("info", "model.npz", "--json").json["calibration"] is None


@pytest.mark.parametrize(
    ("command", "content", "line"),
    [
        ("train", 'trials = 3', "c.toml: unknown option 'trials'."),
        ("train", 'ledger = "x"', "c.toml: unknown option 'ledger'. Did you mean 'header'?"),
        ("check", 'out = "m.npz"', "c.toml: unknown option 'out'."),
        ("sweep", "batch-sise = 3", "c.toml: unknown option 'batch-sise'. Did you mean 'batch-size'?"),
        ("sweep", "batch-size = 3\nbatch-sise = 3", "c.toml: unknown option 'batch-sise'."),
        ("train", 'config-file = "d.toml"', "c.toml: unknown option 'config-file'."),
        ("sweep", "trials = 0", "c.toml: trials: expected a whole number from 1, found '0'."),
        ("sweep", "folds = [2, 3]", "c.toml: folds: expected a number of folds from 2, as 5, or 5x3 for 3 times 5, found '2,3'."),
        ("train", "quiet = 1", "c.toml: quiet: expected true or false, found '1'."),
        ("train", "out = true", "c.toml: out: expected a text or a number, found 'true'."),
        ("train", 'memory = "much"', "c.toml: memory: expected a size such as 500MB or 2GB, found 'much'."),
        ("train", 'save-every = "1_0"', "c.toml: save-every: expected a number from 0, found '1_0'."),
        ("sweep", 'metric = "acuracy"', "c.toml: metric: expected one of loss, accuracy, balanced-accuracy, log-loss, cost, brier, precision, recall, f1, f-beta, roc-auc, average-precision, mcc, kappa, top-k, ece, rmse, mae, median-error, r2; found 'acuracy'. Did you mean 'accuracy'?"),
        ("gradcheck", 'data = ["two.csv", "three.csv"]', "c.toml: data: expected one file, found 2."),
        ("train", 'val-data = [""]', "c.toml: val-data: expected the name of a file, found '\"\"'."),
    ],
)  # fmt: skip
def test_what_a_command_does_not_take_is_refused(
    command: str, content: str, line: str, nncli: Run, folder: Path
) -> None:
    Path("c.toml").write_text(content)
    data = [] if "data" in content.split(" ")[0].split("-") else ["two.csv"]
    more = ["--lr", "0.1"] if command == "sweep" else []
    found = nncli(command, *data, *more, "--config", "c.toml")
    assert (found.code, found.out, found.err) == (2, "", line + "\n")


def test_columns_in_the_file_are_names_whatever_is_in_them(nncli: Run, folder: Path) -> None:
    Path("odd.csv").write_text('"a,b"," x ",label\n' + "".join(f"{i % 7},{i % 3},{'pq'[i % 2]}\n" for i in range(60)))
    Path("c.toml").write_text('data = "odd.csv"\ndrop = ["a,b"]\nepochs = 1\n')
    done = nncli("train", "--config", "c.toml", "-q", "--dry-run", "--json")
    assert (done.json["config"]["drop"], done.json["inputs"]) == (["a,b"], 1)


def test_a_dash_is_stdin(nncli: Run, tmp_path: Path) -> None:
    options = 'data = "iris"\nlr = 0.125\n'
    done = nncli("train", "--config", "-", "--dry-run", "--json", "-q", stdin=options)
    assert done.json["config"]["lr"] == 0.125
    assert nncli("train", "--config", "-", stdin="lr = 'x'").err == "stdin: lr: expected a number above 0, found 'x'.\n"
    both = nncli("train", "-", "--config", "-", stdin=options)
    assert (both.code, both.err) == (
        2,
        "--config: the data come from stdin, and so cannot the options. Save one of them in a file, and name that.\n",
    )
