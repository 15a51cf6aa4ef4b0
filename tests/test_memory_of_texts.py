"""How much memory texts take: it is counted before it is taken, said, and refused where there is too little."""

from __future__ import annotations

import sys

import pytest

from disk_tables import DISK, Run, complaint, reviews
from nncli.config.train_config import TrainConfig
from nncli.data import scaled_rows
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.load import load_dataset
from nncli.data.words import choice
from nncli.training import memory as memory_of_training
from nncli.training.prepare import prepare

pytestmark = pytest.mark.usefixtures("tables_on_the_disk")


def test_the_entries_of_texts_are_counted_before_they_are_made() -> None:
    reviews("d.csv")
    prepared = prepare(TrainConfig(("d.csv",), ngrams="words:1-2"))
    matrix = prepared.train.matrix
    assert isinstance(matrix, scaled_rows.SparseMatrix)
    X = matrix.take_sparse(prepared.train.rows)  # an entry that two columns or n-grams share is counted twice
    assert prepared.preprocess.not_zero == pytest.approx(X.nnz / X.shape[0], rel=0.2)
    at_least = matrix.values.data.nbytes + matrix.values.indices.nbytes
    assert 2 * at_least <= prepared.preprocess.input_bytes(prepared.dataset.table, matrix.dtype) <= 2.5 * at_least


def test_numba_is_left_out_where_memory_is_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes 115 MB."""
    for name in (choice.FUSED, choice.NUMBA):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(choice._Expected, "n", 10**12)
    for memory, pays in ((None, True), (300_000_000, False), (2 << 30, True)):
        choice.allow(memory)
        assert choice._pays() == pays
    choice.allow(None)


def test_trials_and_evaluations_know_how_little_memory_there_is(nncli: Run) -> None:
    """Those of numbers too; a run without --memory may take what it likes again."""
    reviews("d.csv", 200)
    nncli("train", "d.csv", "-t", "price", "--epochs", 1, "--hash-bits", 12, "-q", "-o", "m.npz")
    evaluate = ["eval", "m.npz", "d.csv", "-q"]
    for memory, more in ((300_000_000, DISK), (None, ())):
        assert nncli(*evaluate, *more).code == 0
        assert choice._Expected.is_too_large == bool(more)
        choice.allow(None)
        data = load_dataset(("d.csv",), CsvOptions(target="label"), "float32", memory=memory)
        prepare(TrainConfig(("d.csv",), target="label"), data)
        assert choice._Expected.is_too_large == bool(more)


def test_what_texts_take_is_said_and_refused_where_it_does_not_fit(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    reviews("d.csv")
    monkeypatch.setattr(memory_of_training, "WORTH_SAYING", 0)
    dry = nncli("train", "d.csv", "--dry-run")
    assert "memory: about 0.1 GB" in dry.out + dry.err
    monkeypatch.setattr(memory_of_training, "machine_memory", lambda: 100_000)
    said = complaint(nncli, "train", "d.csv")
    assert said.startswith("--memory: 262,164 inputs of 900 rows take ")
    assert said.endswith("Keep the rows on the disk, with --memory 1GB.")
