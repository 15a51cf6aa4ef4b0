"""What tests share: the command line in this process, and a model trained once."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cli_errors
import guarded
from cli_process import NASTY, SMALL, TWO, table
from months import month
from nncli.cli.main import main
from nncli.data.csv import reader
from nncli.data.disk import cache, memmap
from nncli.nn.kernels.plain import Kernels
from nncli.nn.losses import LOSSES
from nncli.system.threads import products

settings.register_profile("nncli", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # others may be busy
settings.load_profile("nncli")


def pytest_collection_finish() -> None:
    """Take what the tests themselves are made of out of sight of the garbage collector, which would look through all of
    it again and again: that took a third of the time. Hypothesis makes its generator of random numbers before, as it
    asks the garbage collector who holds it."""
    settings(max_examples=1, database=None)(given(st.none())(lambda value: None))()
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)  # and seldom at the rest: of the libraries, there is no garbage


@pytest.fixture(scope="session", autouse=True)
def _nothing_waits_for_the_disk() -> Iterator[None]:
    """Thousands of small files are written, and none has to be there after a power cut. That they are synced, and when,
    is seen by tests that look at the calls, and processes of their own do sync."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)  # which, too, refuses what is no open file
        yield


@pytest.fixture(scope="session", autouse=True)
def _processes_inherit_no_ignored_signals() -> Iterator[None]:
    """Whoever starts the tests in the background, or with nohup, has some signals ignored. Processes inherit that, but
    not a handler: with one that does nothing the tests still ignore the signal, and the programs they start do not."""
    numbers = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM)
    ignored = [number for number in numbers if signal.getsignal(number) == signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, lambda number, frame: None)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.fixture(scope="session", autouse=True)
def _tables_are_as_wide_as_in_a_pipe() -> None:
    """Whoever runs the tests may have a narrower terminal, and the workers of pytest-xdist are told how wide it is."""
    os.environ.pop("COLUMNS", None)


@pytest.fixture(autouse=True)
def _floating_point_errors_raise() -> Iterator[None]:
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        yield


@pytest.fixture
def leaks_are_found_where_they_are_made() -> Iterator[None]:
    """A file that is left open is a warning, and so an error, of the test that leaves it."""
    yield
    gc.collect()
    gc.freeze()  # the next time, only what is new is looked through


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@contextlib.contextmanager
def through_a_pipe(data: bytes) -> Iterator[None]:
    """Let this process read some bytes from stdin, as another program writes them."""
    there, here = os.pipe()
    own = os.dup(0)
    os.dup2(there, 0)
    os.close(there)

    def write() -> None:
        with contextlib.suppress(BrokenPipeError), os.fdopen(here, "wb") as pipe:  # it need not be read to its end
            pipe.write(data)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        os.dup2(own, 0)
        os.close(own)
        writer.join()


@pytest.fixture
def nncli(capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """nncli("train", "iris", "-q") runs the command line in this process; `stdin` is what comes through a pipe."""

    def run(*argv: object, stdin: str | bytes = b"") -> Outcome:
        capfd.readouterr()
        with through_a_pipe(stdin.encode() if isinstance(stdin, str) else stdin):
            code = main([str(word) for word in argv])
        return Outcome(code, *capfd.readouterr())

    return run


@pytest.fixture(scope="session")
def digits_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "digits.npz"
    assert main(["train", "digits", "--epochs", "12", "-q", "--json", "-o", str(path)]) == 0
    return path


@pytest.fixture(scope="session")
def iris_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "iris.npz"
    assert main(["train", "iris", "--epochs", "60", "-q", "--json", "-o", str(path)]) == 0
    return path


@pytest.fixture(scope="session")
def mixed_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of columns of numbers, text and dates."""
    import exported

    folder = tmp_path_factory.mktemp("mixed")
    rows = exported.table("all", 120, 0)
    target = ["high" if exported.value_of(row) > 0 else "low" for row in rows]
    (folder / "d.csv").write_text(exported.as_csv("all", rows, target))
    words = ["train", str(folder / "d.csv"), "-t", "target", "--epochs", "5", "--hidden", "4", "-q", "--json"]
    assert main([*words, "-o", str(folder / "mixed.npz")]) == 0
    return folder / "mixed.npz"


@pytest.fixture
def in_a_folder_with_a_table(in_a_folder_of_its_own: None) -> None:
    """A test works in a folder that has d.csv, a small table."""
    Path("d.csv").write_text(SMALL)


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of that table, trained for an epoch."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "d.csv").write_text(SMALL)
    words = ["train", str(folder / "d.csv"), "-m", "softmax", "--epochs", "1", "-q", "--json"]
    assert main([*words, "-o", str(folder / "m.npz")]) == 0
    return folder / "m.npz"


PRICES = 240  # rows


@pytest.fixture(scope="session")
def priced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with d.csv, of prices that follow from numbers, a kind and a day with noise; and linear.npz and mlp.npz,
    which predict them."""
    folder = tmp_path_factory.mktemp("priced")
    rng = np.random.default_rng(0)
    x, kind, day = rng.normal(size=(PRICES, 3)), rng.choice(list("abc"), PRICES), rng.integers(0, 365, PRICES)
    price = 1000 + 50 * np.sin(x[:, 0]) + 20 * x[:, 1] + 30 * (kind == "a") + day / 10 + 5 * rng.normal(size=PRICES)
    rows = [
        f"{','.join(f'{v:.4f}' for v in row)},{its},{np.datetime64('2024-01-01') + d},{y:.2f}\n"
        for row, its, d, y in zip(x, kind, day.astype("timedelta64[D]"), price, strict=True)
    ]
    (folder / "d.csv").write_text("a,b,noise,kind,day,price\n" + "".join(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for model, *options in [("linear",), ("mlp", "--hidden", "16,8", "--epochs", "60")]:
            words = ["train", str(folder / "d.csv"), "-t", "price", "-m", model, *options, "-q", "--json"]
            assert main([*words, "-o", f"{model}.npz"]) == 0
    return folder


@pytest.fixture
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test works in an empty folder; what it writes there does not matter to any other."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def one_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of `gradcheck --all`, which would otherwise check hundreds of networks."""
    one = next(name for name, loss in LOSSES.items() if len(loss.links) == 1)
    monkeypatch.setattr(LOSSES, "_components", {one: LOSSES._components[one]})


@pytest.fixture(scope="module")
def small_files_take_the_fast_path_too() -> Iterator[None]:
    """For tests of CSV, whose files would otherwise all be read by hand."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "FEW_BYTES", 0)
        yield


@pytest.fixture(params=["pyarrow", "by hand"])
def by_each_parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every table of text is read by the one parser, and then by the other."""
    monkeypatch.setattr(reader, "FEW_BYTES", 1 << 30 if request.param == "by hand" else 0)


@pytest.fixture
def tables_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder and a cache of its own, and blocks and parts of files that are small beside the tables in tests."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(memmap, "PART", 5000)
    monkeypatch.setattr(reader, "BLOCK_BYTES", 20_000)


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two.csv and two.npz (two classes), nasty.csv and nasty.npz (eight classes with odd names)."""
    folder = tmp_path_factory.mktemp("streams")
    nasty = [["x", "colour, of it", "kind"]]
    nasty += [[str(i % 8), NASTY[(i + 3) % 8], NASTY[i % 8]] for i in range(80)]
    (folder / "two.csv").write_text(TWO)
    (folder / "nasty.csv").write_text(table(nasty), "utf-8", newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["train", "two.csv", "-q", "--json", "--epochs", "40", "-o", "two.npz"]) == 0
        assert main(["train", "nasty.csv", "-t", "kind", "-q", "--json", "--epochs", "60", "-o", "nasty.npz"]) == 0
    return folder


@pytest.fixture(scope="session")
def trained_for_errors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, models trained on them, and a model that nobody may touch."""
    folder = tmp_path_factory.mktemp("errors")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("two.csv").write_text(cli_errors.TWO)
        Path("three.csv").write_text(cli_errors.THREE)
        for name, *options in [("two",), ("three",), ("untested", "--test", "0")]:
            data = "two.csv" if name == "untested" else f"{name}.csv"
            assert main(["train", data, "-q", "--json", "--epochs", "3", "-o", f"{name}.npz", *options]) == 0
    shutil.copy(folder / "two.npz", folder / "model.npz")
    return folder


@pytest.fixture
def folder(trained_for_errors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that folder, to work in."""
    shutil.copytree(trained_for_errors, tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


@pytest.fixture(scope="session")
def months_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of one month, and two months that come after it."""
    folder = tmp_path_factory.mktemp("months")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("jan.csv").write_text(month(400, 1))
        Path("feb.csv").write_text(month(300, 2, shift=1.5))
        Path("mar.csv").write_text(month(300, 3, shift=3))
        assert main(["train", "jan.csv", "-t", "level", "--epochs", "12", "-q", "--json", "-o", "jan.npz"]) == 0
    return folder


@pytest.fixture
def january(months_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a copy of that folder."""
    shutil.copytree(months_folder, tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture(scope="session")
def guarded_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with d.csv, 1,200 rows, and m.npz, a model of them."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "d.csv").write_text(guarded.rows(1200, 0))
    words = ["train", str(folder / "d.csv"), "-m", "logistic", "-q", "--json", "-o", str(folder / "m.npz")]
    assert main(words) == 0
    return folder


@pytest.fixture
def in_a_guarded_folder(guarded_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with copies of these files."""
    for name in ("d.csv", "m.npz"):
        (tmp_path / name).write_bytes((guarded_folder / name).read_bytes())
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def fused() -> Iterator[Kernels]:
    """Fused kernels for three threads, which are more than the machine may have cores."""
    from nncli.nn.kernels.fused import FusedKernels

    kernels = FusedKernels(3, products()[1])
    with kernels.working():
        yield kernels
