"""Whole runs, in this process: what is learned from which rows, and what the figures mean."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nncli as nncli_package
from nncli.config.train_config import TrainConfig
from nncli.errors import DataError
from nncli.inference.evaluate import evaluate_model
from nncli.model import checkpoint
from nncli.nn.calibration import calibrate
from nncli.nn.layers import Dropout
from nncli.training.batch import Batch
from nncli.training.prepare import Prepared, prepare
from nncli.training.run import Run, run_training


def rewrite(source: Path, target: Path, change: Callable[[int, list[str]], list[str]]) -> None:
    """A copy of a CSV with each data row changed."""
    with source.open(newline="") as file:
        header, *rows = csv.reader(file)
    with target.open("w", newline="") as file:
        csv.writer(file).writerows([header, *(change(i, row) for i, row in enumerate(rows))])


@pytest.fixture
def iris(tmp_path: Path) -> Path:
    from nncli.data.bundled import path_of

    path = tmp_path / "iris.csv"
    path.write_bytes(path_of("iris").read_bytes())
    return path


def test_held_out_rows_have_no_influence_on_the_model(iris: Path, tmp_path: Path) -> None:
    config = TrainConfig(data=(str(iris),), epochs=5)
    first = run_training(prepare(config))
    assert first is not None
    held_out = set(first.provenance.test_rows.tolist())
    other = tmp_path / "other.csv"
    rewrite(iris, other, lambda i, row: ["1e6"] * 4 + row[4:] if i in held_out else row)
    second = run_training(prepare(TrainConfig(data=(str(other),), epochs=5)))
    assert second is not None
    np.testing.assert_array_equal(first.model.network.theta, second.model.network.theta)
    assert first.figures["val"] == second.figures["val"]
    assert first.figures["test"] != second.figures["test"]


def test_eval_finds_the_test_rows_again(iris: Path) -> None:
    done = run_training(prepare(TrainConfig(data=(str(iris),), epochs=20)))
    assert done is not None
    evaluation = evaluate_model(done.model, done.provenance, "m.npz")
    metrics = evaluation.metrics
    assert metrics["n"] == done.figures["n_test"] == 22
    assert metrics["accuracy"] == done.figures["test"]["accuracy"]
    assert metrics["log_loss"] == pytest.approx(done.figures["test"]["loss"], rel=1e-6)
    assert evaluation.evaluated_on == f"the 22 test rows of {iris}"
    assert evaluation.notes == []


def test_own_files_for_validation_and_test(iris: Path, tmp_path: Path) -> None:
    lines = iris.read_text().splitlines(keepends=True)
    for name, rows in (("train", lines[1::2]), ("val", lines[2::4]), ("test", lines[4::4])):
        (tmp_path / f"{name}.csv").write_text("".join([lines[0], *rows]))
    prepared = prepare(
        TrainConfig(data=(str(tmp_path / "train.csv"),), val_data=(str(tmp_path / "val.csv"),),
                    test_data=(str(tmp_path / "test.csv"),), epochs=30)
    )  # fmt: skip
    assert (len(prepared.train), len(prepared.val or ()), len(prepared.test or ())) == (75, 38, 37)
    done = run_training(prepared)
    assert done is not None
    assert done.figures["test"]["accuracy"] > 0.85
    assert evaluate_model(done.model, done.provenance, "m.npz").metrics["n"] == 37


def test_the_baseline_is_the_commonest_training_class_on_the_test_rows() -> None:
    done = run_training(prepare(TrainConfig(data=("breast-cancer",), epochs=1)))
    assert done is not None
    # 357 of 569 tumours are benign; stratified, so 53 or 54 of 85 test rows
    assert done.figures["baseline_accuracy"] == pytest.approx(357 / 569, abs=1 / 85)


def test_the_official_test_files_are_the_test_set() -> None:
    prepared = prepare(TrainConfig(data=("digits-idx",), epochs=1))
    assert prepared.test is not None
    assert (len(prepared.dataset), len(prepared.test), len(prepared.split.test)) == (1500, 297, 0)


@pytest.mark.parametrize(
    ("data", "model", "least"),
    [("digits", "mlp", 0.95), ("iris", "softmax", 0.9), ("wine", "mlp", 0.92), ("breast-cancer", "logistic", 0.93)],
)
def test_defaults_learn_the_bundled_sets(data: str, model: str, least: float) -> None:
    done = run_training(prepare(TrainConfig(data=(data,), model=model)))
    assert done is not None
    assert done.figures["test"]["accuracy"] >= least


@pytest.mark.parametrize(("data", "most"), [("xor", 0.75), ("spirals", 0.75)])
def test_linear_models_cannot_learn_what_is_not_linear(data: str, most: float) -> None:
    done = run_training(prepare(TrainConfig(data=(data,), model="softmax")))
    assert done is not None
    assert done.figures["test"]["accuracy"] <= most


def test_text_missing_values_and_constants_in_one_file(tmp_path: Path) -> None:
    """The class is told by a colour, or by the sign of a number where the colour is missing."""
    rng, path = np.random.default_rng(0), tmp_path / "mixed.csv"
    rows: list[Any] = []
    for _ in range(400):
        warm, x = rng.random() < 0.5, rng.random() + 0.2
        colour = "" if rng.random() < 0.3 else rng.choice(["red", "orange"] if warm else ["blue", "green"])
        x = f"{x if warm else -x:.3f}" if colour == "" else rng.choice(["", f"{rng.normal():.3f}"])
        rows.append([colour, x, 7, "warm, or so" if warm else "cold"])
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["colour", "x", "same", "class"], *rows])
    done = run_training(prepare(TrainConfig(data=(str(path),))))
    assert done is not None
    assert done.figures["test"]["accuracy"] >= 0.95
    assert done.model.classes == ("cold", "warm, or so")
    assert "constant in the training rows, so without effect: 'same'" in done.provenance.notes
    checkpoint.save(tmp_path / "m.npz", done.model, done.provenance)
    loaded, _ = checkpoint.load(tmp_path / "m.npz")
    assert loaded.preprocess.categories == {"colour": ("blue", "green", "orange", "red", None)}


def test_validation_rows_do_not_shape_the_preprocessing(iris: Path, tmp_path: Path) -> None:
    first = prepare(TrainConfig(data=(str(iris),)))
    held_out = {*first.split.val.tolist(), *first.split.test.tolist()}
    other = tmp_path / "other.csv"
    rewrite(iris, other, lambda i, row: ["", "1e6", "-3", "0.5", *row[4:]] if i in held_out else row)
    second = prepare(TrainConfig(data=(str(other),)))
    np.testing.assert_array_equal(first.split.train, second.split.train)
    for name in ("median", "shift", "scale"):
        np.testing.assert_array_equal(getattr(first.preprocess, name), getattr(second.preprocess, name))


def test_a_missing_test_cell_does_not_change_how_pixels_are_scaled(tmp_path: Path) -> None:
    from nncli.data.bundled import path_of

    first = prepare(TrainConfig(data=("digits",)))
    held_out, other = int(first.split.test[0]), tmp_path / "digits.csv"
    label = path_of("digits").read_text().split("\n")[0].split(",").index("label")
    rewrite(path_of("digits"), other, lambda i, row: (
        [cell if j == label else "" for j, cell in enumerate(row)] if i == held_out else row
    ))  # fmt: skip
    second = prepare(TrainConfig(data=(str(other),)))
    assert first.preprocess.scaling == second.preprocess.scaling == "pixels"
    np.testing.assert_array_equal(first.preprocess.scale, second.preprocess.scale)


def test_the_stored_rows_are_those_of_the_split(tmp_path: Path) -> None:
    prepared = prepare(TrainConfig(data=("wine",), epochs=1))
    done = run_training(prepared)
    assert done is not None
    checkpoint.save(tmp_path / "m.npz", done.model, done.provenance)
    _, provenance = checkpoint.load(tmp_path / "m.npz")
    np.testing.assert_array_equal(provenance.val_rows, prepared.split.val)
    np.testing.assert_array_equal(provenance.test_rows, prepared.split.test)


def test_another_seed_gives_another_model() -> None:
    thetas = []
    for seed in (1, 2):
        done = run_training(prepare(TrainConfig(data=("iris",), epochs=1, seed=seed)))
        assert done is not None
        thetas.append(done.model.network.theta)
    assert not np.array_equal(*thetas)


def test_an_input_that_training_never_saw_has_no_weight(tmp_path: Path) -> None:
    """The last input of a text column stands for values never seen: without training it must not speak."""
    path = tmp_path / "t.csv"
    path.write_text("t,u,class\n" + "".join(f"{'ab'[i % 2]},{i % 5},{'pq'[i % 2]}\n" for i in range(60)))
    done = run_training(prepare(TrainConfig(data=(str(path),), epochs=2)))
    assert done is not None
    first = done.model.network.blocks[0].view(done.model.network.theta)  # inputs u, t=a, t=b, t=anything else
    assert first.shape[0] == 4
    assert first[:3].any(axis=1).all()
    assert not first[3].any()


def test_more_rows_than_pass_at_once_are_all_answered() -> None:
    done = run_training(prepare(TrainConfig(data=("digits",), epochs=3)))
    assert done is not None
    table = prepare(TrainConfig(data=("digits",))).dataset.table
    whole = done.model.scores(table)
    assert len(whole) == 1797
    for start in (0, 1020, 1700):
        rows = np.arange(start, start + 50)
        np.testing.assert_allclose(whole[rows], done.model.scores(table.take(rows)), rtol=1e-4, atol=1e-6)


def test_extreme_cells_in_rows_held_out_are_survived(iris: Path, tmp_path: Path) -> None:
    held_out = int(prepare(TrainConfig(data=(str(iris),))).split.test[0])
    other = tmp_path / "other.csv"
    rewrite(iris, other, lambda i, row: ["3e38", "-3e38", *row[2:]] if i == held_out else row)
    done = run_training(prepare(TrainConfig(data=(str(other),), epochs=3)))
    assert done is not None
    assert np.isfinite(done.figures["test"]["loss"])
    metrics = evaluate_model(done.model, done.provenance, "m.npz").metrics
    assert np.isfinite(metrics["log_loss"])


def test_a_changed_file_of_test_rows_is_noticed(iris: Path, tmp_path: Path) -> None:
    test = tmp_path / "test.csv"
    test.write_bytes(iris.read_bytes())
    done = run_training(prepare(TrainConfig(data=(str(iris),), test_data=(str(test),), epochs=1)))
    assert done is not None
    test.write_text("".join(iris.read_text().splitlines(keepends=True)[:100]))
    with pytest.raises(DataError, match="the data have changed since"):
        evaluate_model(done.model, done.provenance, "m.npz")


def test_a_delimiter_that_was_told_serves_later_files_too(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("a:b:class\n" + "".join(f"{i % 7}:{i % 3}:{'pq'[i % 2]}\n" for i in range(60)))
    done = run_training(prepare(TrainConfig(data=(str(path),), delimiter=":", epochs=1)))
    assert done is not None
    assert evaluate_model(done.model, done.provenance, "m.npz", (str(path),)).metrics["n"] == 60


def test_calibration_sees_the_validation_rows_alone() -> None:
    done, prepared = trained_and_prepared(data=("moons",), model="svm", calibrate=True, epochs=5)
    assert prepared.val is not None
    X = prepared.val.matrix.slice(0, len(prepared.dataset))
    Z = done.model.network.forward(X)
    expected = calibrate(Z[prepared.val.rows], prepared.val.y[prepared.val.rows], done.model.loss, 2)
    found = done.model.calibration
    assert found is not None
    assert (found.a, found.b) == pytest.approx((expected.a, expected.b), rel=1e-3)
    elsewhere = calibrate(Z[prepared.train.rows], prepared.train.y[prepared.train.rows], done.model.loss, 2)
    assert found.a != pytest.approx(elsewhere.a, rel=1e-2)


def test_calibrated_probabilities_count_rows_as_training_does() -> None:
    """With balanced classes, the mean probability of a rare class is a half, calibrated or not."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(2000, 1)), (np.arange(2000) % 10 == 0).astype(int)
    model = nncli_package.NNClassifier(model="svm", class_weight="balanced", calibrate=True).fit(X, y)
    assert model.predict_proba(X)[:, 1].mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("where", ["dropout", "input_dropout"])
def test_what_is_dropped_in_training_is_there_in_the_end(where: str) -> None:
    done, prepared = trained_and_prepared(data=("iris",), epochs=2, **{where: 0.4})
    layers = [layer for layer in done.model.network.layers if isinstance(layer, Dropout)]
    assert [layer.p for layer in layers] == [0.4]
    assert done.model.network.layers.index(layers[0]) == (0 if where == "input_dropout" else 2)
    X = prepared.train.matrix.slice(0, 20)
    np.testing.assert_array_equal(done.model.network.forward(X).copy(), done.model.network.forward(X))


def test_a_run_that_is_stopped_within_an_epoch_drops_nothing_in_the_end() -> None:
    prepared, asked = prepare(TrainConfig(data=("iris",), dropout=0.4)), 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 6  # in the second epoch of four steps each

    done = run_training(prepared, stop=stop)
    assert done is not None
    assert done.stopped == "interrupted"
    X = prepared.train.matrix.slice(0, 20)
    np.testing.assert_array_equal(done.model.network.forward(X).copy(), done.model.network.forward(X))


def test_dropout_changes_neither_the_first_weights_nor_the_order_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    orders: list[list[np.ndarray]] = []
    take = Batch.take

    def spy(self: Batch, rows: np.ndarray) -> object:
        orders[-1].append(rows.copy())
        return take(self, rows)

    monkeypatch.setattr(Batch, "take", spy)
    for dropout in (None, 0.4):
        orders.append([])
        trained_and_prepared(data=("iris",), epochs=2, dropout=dropout, val=0.0)
    for one, other in zip(*orders, strict=True):
        np.testing.assert_array_equal(one, other)


def trained_and_prepared(**options: object) -> tuple[Run, Prepared]:
    prepared = prepare(TrainConfig(**options))
    done = run_training(prepared)
    assert done is not None
    return done, prepared


def test_the_metric_that_chose_the_epoch_is_shown_for_each_part(nncli: Callable[..., Any], tmp_path: Path) -> None:
    how = ["train", "breast-cancer", "--metric", "roc-auc", "--epochs", 5, "-q", "-o", tmp_path / "m.npz"]
    figures = nncli(*how, "--json").json
    judged = nncli("eval", tmp_path / "m.npz", "--json").json["metrics"]["roc-auc"]["value"]
    assert figures["metric"]["name"] == "roc-auc"
    assert figures["metric"]["test"] == pytest.approx(judged)
    assert "ROC AUC" in nncli(*how).out.splitlines()[0]
