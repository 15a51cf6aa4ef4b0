"""Whole runs with fused kernels: what they come to, what is kept, and what happens without Numba."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli_errors import BAD_COMMAND, BAD_DATA
from cli_process import PROGRAM
from lowest import lowest
from nncli.config.resolve import resolve
from nncli.config.train_config import TrainConfig
from nncli.errors import OptionError
from nncli.model import checkpoint
from nncli.nn.kernels import choice
from nncli.nn.kernels.plain import NUMPY
from nncli.training.prepare import prepare
from numba_extra import needs_numba
from reviews import write_reviews
from sparse_files import sparse_rows, write_svm
from training import blobs, trainer

Run = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


@needs_numba
def test_a_run_comes_to_what_numpy_does_and_always_to_the_same() -> None:
    thetas = []
    for kernels in ("numpy", "numba", "numba"):
        one = trainer(blobs(300), blobs(90, 1), model="mlp", hidden=(40,), optimizer="adam", epochs=5, kernels=kernels)
        assert len(list(one.run())) == 5
        thetas.append(one.network.theta.copy())
        assert one.network.kernels is NUMPY  # again, once the run is over
    np.testing.assert_allclose(thetas[1], thetas[0], rtol=1e-7, atol=1e-9)
    assert thetas[1].tobytes() == thetas[2].tobytes()


@needs_numba
def test_a_run_is_resumed_with_its_own_kernels_to_the_same_bytes(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    options = "train iris --model mlp --kernels numba --threads 2 --keep-state -q --schedule constant --epochs"
    nncli(*options.split(), 6, "-o", "whole.npz")
    nncli(*options.split(), 3, "-o", "parts.npz")
    refused = nncli("train", "--resume", "parts.npz", "--epochs", 6, "--kernels", "numpy")
    assert refused.code == BAD_DATA
    assert "it was started with --kernels numba, and not with numpy. Leave --kernels out" in refused.err
    with monkeypatch.context() as without:
        without.setattr("nncli.nn.kernels.choice.problem", lambda: "Numba is not installed")
        refused = nncli("train", "--resume", "parts.npz", "--epochs", 6)
    assert refused.code == BAD_DATA
    assert "--kernels numba: Numba is not installed. Install it with: pip install 'nncli[fast]'" in refused.err
    assert nncli("train", "--resume", "parts.npz", "--epochs", 6, "--keep-state", "-q").code == 0
    assert Path("parts.npz").read_bytes() == Path("whole.npz").read_bytes()
    model, provenance = checkpoint.load(Path("whole.npz"))
    assert model.config.options.kernels == "numba"
    assert ", numba " in provenance.kernels
    assert "--kernels numba" in " ".join(nncli("info", "whole.npz").out.split())


@needs_numba
def test_a_model_of_a_machine_with_numba_is_worked_with_on_one_without(
    nncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seed in (("old.csv", 0), ("new.csv", 1)):
        X = np.random.default_rng(seed).normal(size=(60, 2))
        rows = [f"{a},{b},{'no' if a < b else 'yes'}" for a, b in X]
        Path(name).write_text("\n".join(["a,b,class", *rows]))
    options = "--model softmax --optimizer adam --epochs 2 --kernels numba -q -o model.npz"
    assert nncli("train", "old.csv", *options.split()).code == 0
    monkeypatch.setattr(choice, "problem", lambda: "Numba is not installed")
    for words in ("explain model.npz --coefficients --bootstrap 2", "train new.csv --from model.npz -o next.npz"):
        done = nncli(*words.split(), "-q")
        assert done.code == 0, done.err
    assert checkpoint.load(Path("next.npz"))[0].config.options.kernels is None


def test_a_run_without_them_says_nothing_of_kernels(nncli: Run) -> None:
    nncli("train", "iris", "--epochs", 2, "--kernels", "numpy", "-q", "-o", "plain.npz")
    nncli("train", "iris", "--epochs", 2, "-q", "-o", "usual.npz")
    assert Path("plain.npz").read_bytes() == Path("usual.npz").read_bytes()
    options = checkpoint.load(Path("plain.npz"))[0].config.options
    assert options.kernels is None
    assert "kernels" not in options.to_json()  # as in files of older versions
    assert TrainConfig.from_json(options.to_json()) == options


def test_auto_takes_them_for_long_runs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def chosen(n: int, **options: Any) -> str:
        return resolve(TrainConfig(**{"model": "mlp", **options}), n, has_val=True).training.kernels

    monkeypatch.setattr("nncli.nn.kernels.choice.problem", lambda: "")
    assert chosen(60_000, epochs=10) == ""
    assert chosen(60_000, epochs=100) == "numba"
    assert chosen(60_000, epochs=100, kernels="numpy") == ""
    assert chosen(60_000, epochs=100, optimizer="lbfgs", batch_size=0) == ""  # all of its time are products
    # four members, with 384 units of mish each: 48 · 4 · 384 · 3,000 rows are 221 million, 1,500 are 111 million
    assert chosen(3_000, model="tabular") == "numba"
    assert chosen(1_500, model="tabular") == chosen(3_000, model="tabular", ensemble="1") == ""
    assert chosen(3_000, model="tabular", activation="relu") == ""
    assert chosen(150, epochs=1, kernels="numba") == "numba"
    monkeypatch.setattr("nncli.nn.kernels.choice.problem", lambda: "Numba is not installed")
    assert chosen(60_000, epochs=100) == ""
    with pytest.raises(OptionError, match="Numba is not installed"):
        chosen(60_000, kernels="numba")


@needs_numba
def test_auto_takes_no_loops_that_are_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with NUMBA_DISABLE_JIT=1: in plain Python they would take hours."""
    from numba.core import config

    write_svm("rows.svm", *sparse_rows(d=1500))
    monkeypatch.setattr("nncli.config.resolve.MANY_ENTRIES_SEEN", 1)
    for disabled, chosen in ((1, ""), (0, "numba")):
        monkeypatch.setattr(config, "DISABLE_JIT", disabled)
        assert resolve(TrainConfig(model="mlp", epochs=100), 60_000, has_val=True).training.kernels == chosen
        assert prepare(TrainConfig(("rows.svm",))).config.training.kernels == chosen
        asked = TrainConfig(model="mlp", kernels="numba")
        assert resolve(asked, 150, has_val=True).training.kernels == "numba"


def test_auto_counts_the_entries_of_sparse_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    write_reviews()
    write_svm("rows.svm", *sparse_rows(d=1500))
    monkeypatch.setattr("nncli.nn.kernels.choice.problem", lambda: "")
    of_texts = {"data": ("reviews.csv",), "target": "label", "text": ("text",), "drop": ("length",), "hash_bits": 10}
    for which in (of_texts, {"data": ("rows.svm",)}):

        def chosen(seen: float, which: Any = which, **options: Any) -> tuple[str, int]:
            monkeypatch.setattr("nncli.config.resolve.MANY_ENTRIES_SEEN", seen)
            made = prepare(TrainConfig(**which, epochs=7, **{"model": "logistic", **options}))
            return made.config.training.kernels, made.train.matrix.take_sparse(made.train.rows).nnz

        _, entries = chosen(np.inf)
        assert entries > 100
        assert chosen(7 * entries * 1.1)[0] == ""
        for options in ({}, {"kernels": "auto"}, {"kernels": "numba"}):
            assert chosen(7 * entries * 0.9, **options)[0] == "numba"
        for options in ({"kernels": "numpy"}, {"optimizer": "lbfgs"}):
            assert chosen(1, **options)[0] == ""
        monkeypatch.setattr("nncli.nn.kernels.choice.problem", lambda: "Numba is not installed")
        assert chosen(1)[0] == ""
        monkeypatch.setattr("nncli.nn.kernels.choice.problem", lambda: "")


def test_what_is_not_installed_is_said_in_a_line(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nncli.nn.kernels.choice.problem", lambda: "Numba is not installed")
    refused = nncli("train", "iris", "--kernels", "numba")
    assert refused.code == BAD_COMMAND
    assert "--kernels: Numba is not installed. Install it with: pip install 'nncli[fast]'" in refused.err


@pytest.fixture
def another_numba(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """Let Numba be a file with that text."""

    def has(text: str) -> None:
        (tmp_path / "numba.py").write_text(text)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "numba", raising=False)
        choice.problem.cache_clear()

    yield has
    choice.problem.cache_clear()


def test_a_numba_that_cannot_be_loaded_is_not_used(nncli: Run, another_numba: Callable[[str], None]) -> None:
    another_numba("raise ImportError('Numba needs NumPy 2.0 or less.\\nGot NumPy 2.4.')")
    assert resolve(TrainConfig(model="mlp", epochs=100), 60_000, has_val=True).training.kernels == ""
    refused = nncli("train", "iris", "--kernels", "numba")
    assert refused.code == BAD_COMMAND
    assert "--kernels: Numba cannot be loaded (Numba needs NumPy 2.0 or less. Got NumPy 2.4). Install" in refused.err


def test_a_numba_that_is_too_old_is_not_used(nncli: Run, another_numba: Callable[[str], None]) -> None:
    another_numba("__version__ = '0.60.0'")
    assert resolve(TrainConfig(model="mlp", epochs=100), 60_000, has_val=True).training.kernels == ""
    assert "--kernels: expected Numba 0.61 or newer, found 0.60.0" in nncli("train", "iris", "--kernels", "numba").err
    assert lowest(Path(__file__).parents[1] / "pyproject.toml")["numba"] == "0.61"


@needs_numba
def test_that_loops_are_compiled_is_said(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["train", "iris", "--epochs", "1", "--kernels", "numba"]
    assert "compiling the loops" not in nncli(*words, "-o", "a.npz", "--kernels", "numpy").err
    monkeypatch.setattr(choice, "is_compiled", lambda name, *more: False)
    assert "compiling the loops of this run, once on this machine" in nncli(*words, "-o", "b.npz").err


@needs_numba
def test_loops_for_sparse_rows_are_compiled_apart(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write_svm("rows.svm", *sparse_rows(d=1500))
    monkeypatch.setattr("nncli.system.compiling.is_cached", lambda file: file.name == "loops.py")
    words = ["--epochs", "1", "--kernels", "numba", "-o"]
    assert "compiling the loops" not in nncli("train", "iris", *words, "a.npz").err
    assert "compiling the loops of this run" in nncli("train", "rows.svm", *words, "b.npz").err


@needs_numba
def test_loops_are_compiled_where_nothing_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    from numba.core import caching

    from nncli.system.compiling import compiled, is_cached

    for kind in (caching.CompileResultCacheImpl, caching.CodeLibraryCacheImpl):
        monkeypatch.setattr(kind, "_locator_classes", [])

    def twice(number: int) -> int:
        return 2 * number

    assert compiled(twice)(21) == 42
    assert not is_cached(Path(__file__))


@needs_numba
def test_machine_code_that_is_damaged_is_compiled_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from numba.core import config

    from nncli.system.compiling import compiled

    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))

    def twice(number: int) -> int:
        return 2 * number

    def cached(hits: int) -> None:
        fresh = compiled(twice)
        assert fresh(21) == 42
        assert len(fresh.stats.cache_hits) == hits

    cached(0)
    cached(1)
    for ending in ("nbi", "nbc"):
        [file] = tmp_path.rglob(f"*.{ending}")
        for whole in (file.read_bytes(), b""):
            file.write_bytes(whole[: len(whole) // 2])
            cached(0)
            cached(1)


@needs_numba
def test_machine_code_that_cannot_be_written_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from numba.core import caching, config

    from nncli.system.compiling import compiled

    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))

    def twice(number: int) -> int:
        return 2 * number

    fresh = compiled(twice)

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(caching.os, "replace", full)
    assert fresh(21) == 42


@needs_numba
def test_a_change_of_one_file_has_all_loops_compiled_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from numba.core import config

    from nncli.system import compiling

    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))

    def twice(number: int) -> int:
        return 2 * number

    assert compiling.compiled(twice)(21) == 42
    monkeypatch.setattr(compiling, "_stamp", lambda folder: ("another",))
    fresh = compiling.compiled(twice)
    assert fresh(21) == 42
    assert not fresh.stats.cache_hits


@needs_numba
@pytest.mark.parametrize("rows", ["iris", pytest.param("rows.svm", marks=pytest.mark.long)])
def test_without_a_compiler_the_loops_are_plain_python(rows: str, nncli: Run) -> None:
    write_svm("rows.svm", *sparse_rows(d=1500))
    words = ["train", rows, "--model", "mlp", "--epochs", "1", "--kernels", "numba", "-q", "-o"]
    nncli(*words, "compiled.npz")
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([*PROGRAM, *words, "plain.npz"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    thetas = [checkpoint.load(Path(name))[0].network.theta for name in ("compiled.npz", "plain.npz")]
    np.testing.assert_allclose(*thetas, rtol=1e-4, atol=1e-6)
