"""The program where others run it: without a terminal, in bare environments, under signals; in real processes where it
takes one."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli_process import NASTY, PROGRAM, TWO, answers, table, wait_for
from cli_process import nncli as new_process

Run = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("leaks_are_found_where_they_are_made")


# Where it runs


@pytest.mark.parametrize("variables", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=repr)
def test_no_escape_codes_outside_a_terminal(
    variables: dict[str, str], nncli: Run, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(work)
    for name, value in {"TERM": "xterm-256color", **variables}.items():
        monkeypatch.setenv(name, value)
    done = nncli("train", "two.csv", "--epochs", "2", "--val", "0", "--test", "0", "-o", "m.npz")
    assert done.code == 0
    assert "\x1b" not in done.out + done.err


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=repr)
def test_no_colour_on_a_terminal_that_wants_none(variables: dict[str, str], work: Path) -> None:
    pty = pytest.importorskip("pty")
    environment = {**os.environ, "TERM": "xterm-256color", **variables}
    ours, theirs = pty.openpty()
    done = new_process("eval", "two.npz", cwd=work, environment=environment, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # Linux: at the end
        while chunk := os.read(ours, 65536):
            shown += chunk
    os.close(ours)
    assert done.returncode == 0
    assert b"confusion" in shown or b"true" in shown
    coloured = [code for code in (b"\x1b[3", b"\x1b[9", b"\x1b[38", b"\x1b[1;3") if code in shown]
    assert not coloured


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param({}, id="C", marks=pytest.mark.long),
        pytest.param({"PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, id="ASCII"),
    ],
)
def test_bare_environments_work(extra: dict[str, str], work: Path) -> None:
    environment = {"LC_ALL": "C", **extra}  # no HOME, no PATH, no TERM
    for argv in (["info", "nasty.npz"], ["datasets"]):
        done = new_process(*argv, cwd=work, environment=environment)
        assert done.returncode == 0, done.stderr
        assert b"Traceback" not in done.stderr
    done = new_process("predict", "nasty.npz", "nasty.csv", cwd=work, environment=environment)
    assert {row["prediction"] for row in answers(done.stdout)} == set(NASTY)


@pytest.mark.parametrize(
    ("cell", "options"),
    [
        ("1e-40", []),
        ("1e-40", ["--scale", "minmax"]),
        ("1e38", ["--scale", "none"]),
        ("1.7e308", ["--dtype", "float64"]),
    ],
    ids=repr,
)
def test_extreme_numbers_bring_no_warnings_of_python(
    cell: str, options: list[str], nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which would be errors here."""
    monkeypatch.chdir(tmp_path)
    rows = [[cell if i % 2 else "0" if i % 4 else f"-{cell}", "pq"[i % 2]] for i in range(60)]
    (tmp_path / "x.csv").write_text(table([["a", "label"], *rows]))
    done = nncli("train", "x.csv", "--epochs", "3", "-q", "--val", "0", "--test", "0", "-o", "m.npz", *options)
    if done.code == 0:
        done = nncli("predict", "m.npz", "x.csv")
        assert (done.code, done.err) == (0, "")
    else:
        assert done.err.count("\n") == 1


# Signals


@contextlib.contextmanager
def training(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A run that would take minutes, in its first epochs."""
    argv = ["train", "digits", "--epochs", "100000", "--patience", "100000", "--log", "log.jsonl", "-o", "model.npz"]
    with subprocess.Popen(
        [*PROGRAM, *argv], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
    ) as process:
        try:
            log = folder / "log.jsonl"
            wait_for(lambda: process.poll() is not None or (log.exists() and log.read_bytes().count(b"\n") >= 2))
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=["SIGINT", "SIGTERM", "SIGHUP"],
)
def test_a_polite_signal_saves_the_best_so_far(
    number: signal.Signals, code: int, nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with training(tmp_path) as process:
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert b"Traceback" not in err
    saved, how = err.decode().splitlines()[-2:]
    assert saved.startswith("saved model.npz: epoch ")
    assert saved.endswith("; interrupted")
    assert how == "resume it with: nncli train --resume model.npz"
    monkeypatch.chdir(tmp_path)
    assert nncli("predict", "model.npz", "digits").out.count("\n") == 1798
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.jsonl", "model.npz"]


@pytest.mark.long
def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    words = ["train", "digits", "--hidden", "3000x3000", "--batch-size", "full", "-q", "-o", "m.npz"]  # long steps
    words += ["--save-every", "60"]  # minutes: while a disk is waited for, Linux makes one signal of two
    with subprocess.Popen([*PROGRAM, *words], cwd=tmp_path, stderr=subprocess.PIPE) as process:
        wait_for(lambda: memory_of(process.pid) > 250e6)  # more than the libraries take: that of the network is there
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)  # often both come during one product, of which Python hears at its end
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, b"nncli: interrupted.\n")
    assert list(tmp_path.iterdir()) == []


def memory_of(pid: int) -> int:
    """Bytes that the process has in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.long
def test_a_name_that_the_locale_cannot_write_is_no_problem(
    nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ü.csv").write_text(TWO)
    strict = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PATH": os.environ["PATH"]}
    for words in (["train", "ü.csv", "-q", "-o", "ü.npz"], ["predict", "ü.npz", "ü.csv", "-q"]):
        done = subprocess.run([*PROGRAM, *words], env=strict, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
    assert nncli("info", "ü.npz", "--json").json["data"]["source"] == ["ü.csv"]


LOST = {  # where Python or a library drops what is raised
    "end of an object": """
        class Dying:
            def __del__(self):
                os.kill(os.getpid(), signal.SIGTERM)
                for _ in range(1000):
                    pass
        Dying()
    """,
    "library that catches all": """
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except BaseException:
            pass
    """,
    "making of a class": """
        class Named:
            def __set_name__(self, owner, name):
                os.kill(os.getpid(), signal.SIGTERM)
        try:
            class Made:
                name = Named()
        except Exception:
            pass
    """,
}


@pytest.mark.parametrize("place", LOST)
def test_a_signal_is_heard_though_what_it_raises_is_lost(place: str) -> None:
    code = (
        """if True:
        import os, signal, time
        from nncli.cli.signals import Ended, code_of_signal, end_at_once
        end_at_once()
        try:"""
        + LOST[place].replace("\n", "\n    ")
        + """
            time.sleep(100)
        except Ended:
            time.sleep(0.1)  # while temporary files are removed it is not raised again
            print(code_of_signal())
            time.sleep(0.1)
    """
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == (b"143\n", b"")


def test_what_nohup_has_ignored_stays_ignored(tmp_path: Path) -> None:
    words = ["train", "digits", "--epochs", "60", "--patience", "60", "-q", "--json", "-o", "m.npz"]

    def ignore() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    with subprocess.Popen([*PROGRAM, *words], cwd=tmp_path, stdout=subprocess.PIPE, preexec_fn=ignore) as process:
        for _ in range(5):
            time.sleep(0.1)
            process.send_signal(signal.SIGHUP)
        process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.long
def test_these_tests_themselves_may_run_in_the_background_or_under_nohup() -> None:
    """Signals that the tests ignore are not ignored by the programs that they start."""

    def ignore() -> None:
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)

    words = ["-p", "no:cacheprovider", __file__, "-k", "waiting_for_rows and (INT or HUP)"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words], capture_output=True, timeout=90, check=False, preexec_fn=ignore
    )
    assert b"2 passed" in done.stdout, done.stdout


@pytest.mark.parametrize(
    ("number", "code", "line"),
    [
        (signal.SIGINT, 130, b"nncli: interrupted.\n"),
        (signal.SIGTERM, 143, b"nncli: terminated.\n"),
        (signal.SIGHUP, 129, b"nncli: the terminal was closed.\n"),
    ],
    ids=["INT", "TERM", "HUP"],
)
def test_a_signal_while_waiting_for_rows_ends_it_in_a_line(
    number: signal.Signals, code: int, line: bytes, work: Path, tmp_path: Path
) -> None:
    with subprocess.Popen(
        [*PROGRAM, "predict", str(work / "two.npz")],
        cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
    ) as process:  # fmt: skip
        assert process.stdin
        assert process.stdout
        process.stdin.write(b"id,a,b\n")
        assert process.stdout.read(11) == b"prediction\n"
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (code, line)


def test_a_signal_leaves_no_half_of_an_output(work: Path, tmp_path: Path) -> None:
    with subprocess.Popen(
        [*PROGRAM, "predict", str(work / "two.npz"), "-o", "out.csv"],
        cwd=tmp_path, stdin=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
    ) as process:  # fmt: skip
        assert process.stdin
        process.stdin.write(TWO.encode())
        wait_for(lambda: list(tmp_path.iterdir()))
        assert [path.suffix for path in tmp_path.iterdir()] == [".tmp"]
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 143
    assert list(tmp_path.iterdir()) == []


# The same again


@pytest.mark.parametrize(
    "options", [[], pytest.param(["--threads", "1"], marks=pytest.mark.long)], ids=["all threads", "one thread"]
)
def test_the_same_seed_gives_the_same_bytes(options: list[str], tmp_path: Path) -> None:
    files = []
    own = {name: value for name, value in os.environ.items() if not name.endswith("NUM_THREADS")}
    for name in ("a.npz", "b.npz"):
        environment = {**own, "PYTHONHASHSEED": str(len(files))}
        done = new_process(
            "train", "digits", "--epochs", "2", "-q", "-o", name, *options, cwd=tmp_path, environment=environment
        )
        assert done.returncode == 0
        files.append((tmp_path / name).read_bytes())
    assert files[0] == files[1]


def test_numpy_alone_reads_a_model(work: Path) -> None:
    with np.load(work / "nasty.npz", allow_pickle=False) as file:
        assert file["theta"].dtype == np.float32
        assert json.loads(file["meta"].tobytes())["classes"] == sorted(NASTY)


@pytest.mark.long
def test_a_closed_stderr_is_no_reason_for_other_processes_to_fail(iris_model: Path, tmp_path: Path) -> None:
    for words in (
        "sweep iris --lr 0.1,0.01 --epochs 2 --jobs 2 -q -o s.npz",
        f"predict {iris_model} iris iris --jobs 2 -q -o answers.csv",
    ):
        done = subprocess.run(
            ["sh", "-c", '"$@" 2>&-', "sh", *PROGRAM, *words.split()], cwd=tmp_path, stdout=subprocess.PIPE, check=False
        )
        assert done.returncode == 0, words
        assert b"Traceback" not in done.stdout
    assert len((tmp_path / "answers.csv").read_text().splitlines()) == 301


def test_help_is_shown_on_the_narrowest_terminal(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "8")
    for words in ("--help", "train --help", "graph --help"):
        done = nncli(*words.split())
        assert (done.code, done.err) == (0, "")
