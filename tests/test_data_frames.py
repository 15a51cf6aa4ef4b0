"""Estimators read data frames by the names and types of their columns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from estimator_rows import mixed, theta
from nncli import NNClassifier

Run = Callable[..., Any]


class Foreign:
    """A frame of another library, which hands its columns over as Arrow does."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.table.__arrow_c_stream__(requested_schema)


def frames() -> dict[str, Any]:
    columns, _ = mixed()
    table = pa.table(columns)
    coded = table.set_column(1, "place", table["place"].dictionary_encode())
    chunked = pa.concat_tables([coded.slice(0, 30), coded.slice(30)])
    stamps = table.set_column(3, "day", table["day"].cast(pa.timestamp("ns", "UTC")))
    views = table.set_column(1, "place", table["place"].cast(pa.string_view()))
    days = np.array([None if day is None else np.datetime64(day) for day in columns["day"]], "datetime64[D]")
    arrays = {name: np.array(values, object) for name, values in columns.items()} | {"day": days}
    return {
        "mapping": columns, "arrays": arrays, "arrow": table, "batch": table.combine_chunks().to_batches()[0],
        "categories": chunked, "zone": stamps, "stream": Foreign(views),
    }  # fmt: skip


@pytest.mark.parametrize("kind", frames())
def test_frames_are_read_by_the_names_and_types_of_their_columns(kind: str) -> None:
    frame, (columns, y) = frames()[kind], mixed()
    how = {"model": "softmax", "epochs": 30, "val": 0}
    model = NNClassifier(**how).fit(frame, y)
    assert model.model_.schema.columns == (("x", "number"), ("place", "text"), ("flag", "text"), ("day", "date"))
    assert model.feature_names_in_.tolist() == [*columns]
    assert theta(model) == theta(NNClassifier(**how).fit(columns, y))
    assert model.score(frame, y) > 0.8
    turned = {**dict(reversed(columns.items())), "more": [0] * len(y)}
    np.testing.assert_array_equal(model.predict_proba(turned), model.predict_proba(frame))


def test_a_frame_is_what_a_csv_of_it_is_to_the_command_line(nncli: Run, tmp_path: Path) -> None:
    columns, y = mixed()
    model = NNClassifier(model="softmax", epochs=30, val=0).fit(columns, y)
    model.save(tmp_path / "m.npz")
    cells = [["" if value is None else str(value) for value in row] for row in zip(*columns.values(), strict=True)]
    text = "\n".join([",".join([*columns, "y"]), *(",".join([*row, y[i]]) for i, row in enumerate(cells))])
    (tmp_path / "d.csv").write_text(text + "\n")
    found = nncli("eval", tmp_path / "m.npz", tmp_path / "d.csv", "--json", "-q").json
    assert found["accuracy"] == model.score(columns, y)


def test_an_array_of_objects_has_columns_of_several_kinds() -> None:
    columns, y = mixed()
    X = np.array([*zip(*columns.values(), strict=True)], object)
    model = NNClassifier(epochs=3).fit(X, y)
    assert [kind for _, kind in model.model_.schema.columns] == ["number", "text", "text", "date"]
    assert not hasattr(model, "feature_names_in_")
    with pytest.warns(UserWarning, match="was fitted without feature names"):
        np.testing.assert_array_equal(model.predict(columns), model.predict(X))


@pytest.mark.filterwarnings("ignore")
def test_frames_of_pandas_and_polars_are_read_alike() -> None:
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")  # which no user needs to have
    columns, y = mixed()
    how = {"model": "softmax", "epochs": 10, "val": 0}
    expected = theta(NNClassifier(**how).fit(columns, y))
    frame = pandas.DataFrame(columns)
    typed = frame.astype({"place": "category", "flag": "boolean", "day": "datetime64[ns]"})
    for one in (frame, typed, typed.set_index(typed.index + 7), polars.DataFrame(columns)):
        assert theta(NNClassifier(**how).fit(one, y)) == expected
    named = NNClassifier(**how).fit(frame, pandas.Series(y, name="answer"))
    assert named.model_.schema.target == "answer"


class Series:
    """A column as pandas and polars have it: its values and its name, without the names of columns."""

    def __init__(self, values: list[str], name: str | None) -> None:
        self.values, self.name = values, name

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return pa.chunked_array([self.values]).__arrow_c_stream__(requested_schema)

    def to_list(self) -> list[str]:
        return self.values

    def to_frame(self) -> pa.Table:
        return pa.table({self.name or "0": self.values})

    def __len__(self) -> int:
        return len(self.values)


TEXTS = ["cold soup", "warm bread", "cold food again", "a warm, lovely place", "12", "lovely bread"]
SAID = ["bad", "good", "bad", "good", "bad", "good"]
OF_TEXTS: dict[str, Callable[[list[str]], Any]] = {
    "list": list,
    "tuple": tuple,
    "vector": np.array,
    "objects": lambda texts: np.array(texts, object),
    "Arrow": pa.array,
    "chunks": lambda texts: pa.chunked_array([texts[:1], texts[1:]]),
    "series": lambda texts: Series(texts, None),
    "named series": lambda texts: Series(texts, "meal"),
}


@pytest.mark.parametrize("form", OF_TEXTS)
def test_a_list_of_texts_is_a_column_of_words(form: str) -> None:
    how: dict[str, Any] = {"ngrams": "words:1", "hash_bits": 10, "epochs": 20}
    frame = NNClassifier(**how, text=("text",)).fit({"text": TEXTS}, SAID)
    model = NNClassifier(**how).fit(OF_TEXTS[form](TEXTS), SAID)
    assert theta(model) == theta(frame)
    assert model.feature_names_in_.tolist() == ["meal" if form == "named series" else "text"]
    for same in OF_TEXTS.values():  # whatever they are called
        assert model.score(same(TEXTS), SAID) == frame.score({"text": TEXTS}, SAID) == 1
        assert model.predict_proba(same(["12"])).tolist() == frame.predict_proba({"text": ["12"]}).tolist()
    steps = NNClassifier(**how)
    for start in (0, 3):
        steps.partial_fit(OF_TEXTS[form](TEXTS[start : start + 3]), SAID[start : start + 3], classes=["bad", "good"])
    assert steps.model_.preprocess.columns_of_words == (model.feature_names_in_[0],)


def test_texts_are_asked_for_by_place_and_one_column_is_not_two() -> None:
    array = np.array(TEXTS)[:, None]
    model = NNClassifier(text=("c0",), hash_bits=10).fit(array, SAID)
    assert model.predict(TEXTS).tolist() == model.predict(array).tolist()
    both = NNClassifier(epochs=1).fit({"a": TEXTS, "b": TEXTS}, SAID)
    with pytest.raises(ValueError, match="expected 2 columns, found 1"):
        both.predict(TEXTS)
    kept = NNClassifier(categorical=("text",), epochs=1).fit(TEXTS, SAID)
    assert kept.model_.preprocess.columns_of_words == ()
    some = NNClassifier(hash_bits=10).fit([*TEXTS[:5], None], SAID)  # a missing text is none
    assert some.predict([None, *TEXTS[:1]]).shape == (2,)
