"""Blocks that several threads read and predict at once are answered as if one came after the other."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nncli.config.train_config import TrainConfig
from nncli.data.csv import header, reader
from nncli.errors import NncliError
from nncli.inference import predict
from nncli.inference.answers import Answers
from nncli.inference.predict_options import PredictOptions
from nncli.inference.predictor import Predictor
from nncli.model.model import Model
from nncli.training.prepare import prepare
from nncli.training.run import run_training

NAMES = {"classes": "id,a,b,word", "numbers": "id,a,b,word", "bytes": "a,b"}
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "proba": {"proba": True},
    "keep": {"keep": "all"},
    "escape": {"keep": "all", "escape_formulas": True, "proba": True},
    "jsonl": {"jsonl": True, "keep": "all"},
    "strict": {"strict": True},
    "blank": {"on_error": "blank", "proba": True},
    "blank-jsonl": {"on_error": "blank", "jsonl": True},
    "embed": {"embed": True},
    "reasons": {"reasons": 1},
    "interval": {"interval": 0.8},
    "threshold": {"threshold": 0.4},
}
ODD = [  # what a row may be instead, of columns id, a, b and word; of two columns the middle two
    ["r", "x", "3", "red"],  # no number
    ["r", "", "3", ""],
    ["r", "1e39", "3", "red"],  # too large for float32
    ["r", "1e4", "300", "purple"],  # far away, and a category of its own
    ["r", " 1 ", "3", " red "],
    ['"r"', '"1"', '"3"', '"re""d"'],
    ['"r\ns"', "1", "3", '"red\nblue"'],
    ["r", "1", "3", '"red"x'],  # text after a quote
    ["r", "007", "3", "'red'"],
    ["=r", "1", "3", "red"],
    ["r", "1", "3", "red\r"],
    ["id", "a", "b", "word"],
    ["r", "1", "3"],
    ["r", "1", "3", "red", "4"],
    [],
]


def learn(kind: str, folder: Path) -> Model:
    rng = np.random.default_rng(1)
    lines = []
    for i, row in enumerate(rows_of(kind, rng, 300)):
        a = float(row[-3 if kind != "bytes" else 0])
        lines.append(",".join([*row, str(a + i % 3) if kind == "numbers" else "yes" if a > 120 else "no"]))
    path = folder / f"{kind}.csv"
    path.write_text("\n".join([NAMES[kind] + ",y", *lines]) + "\n")
    how = {} if kind == "bytes" else {"drop": ("id",)}
    done = run_training(prepare(TrainConfig(data=(str(path),), target="y", hidden=(4,), model="mlp", epochs=2, **how)))
    assert done is not None
    return done.model


def rows_of(kind: str, rng: np.random.Generator, n: int) -> Iterator[list[str]]:
    for i in range(n):
        a, b = rng.integers(0, 256, 2).tolist()
        word = ("red", "green", "blue")[int(rng.integers(3))]
        yield [str(a), str(b)] if kind == "bytes" else [f"r{i}", f"{a + rng.random():.6f}", str(b), word]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    folder = tmp_path_factory.mktemp("models")
    return {kind: learn(kind, folder) for kind in NAMES}


def predicted(model: Model, path: Path, options: PredictOptions, threads: int, block: int = 600) -> list[Any]:
    """All that is written, counted and said of a file, read in blocks of so many bytes."""
    lines = io.BytesIO()
    sink, failure = predict._ResultSink(lines), None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "reader_threads", lambda: max(1, threads))
        patch.setattr(reader, "BLOCK_BYTES", block)
        patch.setattr(reader, "FEW_BYTES", 100)
        patch.setattr(reader, "LOADING", 1)
        patch.setattr(header, "SAMPLE_BYTES", 200)
        patch.setattr(reader, "BY_HAND_BYTES", 200)
        if not threads:
            patch.setattr(Answers, "ahead", lambda self, block: None)
        try:
            predict.predict_source(model, str(path), options, sink)
        except NncliError as error:
            failure = str(error)
    guard = None if sink.guard is None else sink.guard.state()
    return [
        sink.header,
        lines.getvalue(),
        sink.notes,
        sink.unread,
        sink.blank,
        sink.cells.unseen,
        sink.told,
        guard,
        failure,
    ]


@settings(max_examples=40)
@given(
    kind=st.sampled_from([*NAMES]),
    which=st.sampled_from([*OPTIONS]),
    odd=st.lists(st.tuples(st.integers(0, 119), st.sampled_from(ODD)), max_size=3),
    n=st.integers(1, 120),
    block=st.sampled_from([300, 900, 4000]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_one_thread_and_several_give_the_same_bytes(
    models: dict[str, Model],
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    which: str,
    odd: list[tuple[int, list[str]]],
    n: int,
    block: int,
    end: str,
) -> None:
    rows = [*rows_of(kind, np.random.default_rng(n), n)]
    for place, row in odd:
        rows.insert(place, row[1:3] if kind == "bytes" else row)
    path = tmp_path_factory.getbasetemp() / "new.csv"
    path.write_bytes(end.join([NAMES[kind], *map(",".join, rows), ""]).encode())
    try:
        options = PredictOptions(**OPTIONS[which])
        alone = predicted(models[kind], path, options, 0, block)
    except NncliError:  # numbers have no probability
        return
    for threads in (1, 3):
        assert predicted(models[kind], path, options, threads, block) == alone


@pytest.mark.parametrize("kind", NAMES)
def test_rows_are_predicted_by_the_thread_that_has_read_them(
    kind: str, models: dict[str, Model], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with a predictor of its own. With one thread, all in that of the caller, and no other is begun."""
    path = tmp_path / "new.csv"
    rows = map(",".join, rows_of(kind, np.random.default_rng(2), 400))
    path.write_text("\n".join([NAMES[kind], *rows]) + "\n")
    seen, busy = list[threading.Thread](), list[Predictor]()
    of: Callable[..., bytes] = Predictor.predict

    def watched(self: Predictor, *block: Any) -> bytes:
        seen.append(threading.current_thread())
        assert self not in busy
        busy.append(self)
        time.sleep(0.001)  # so that another thread has its turn
        busy.remove(self)
        return of(self, *block)

    monkeypatch.setattr(Predictor, "predict", watched)
    main, before = threading.current_thread(), threading.active_count()
    alone = predicted(models[kind], path, PredictOptions(), 1)
    assert {*seen} == {main}
    assert len(seen) > 3
    assert threading.active_count() == before
    seen.clear()
    assert predicted(models[kind], path, PredictOptions(), 2) == alone
    assert len([one for one in seen if one is not main]) > 3
