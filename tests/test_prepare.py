"""What each row counts in each part, and what the options come to for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nncli.config.train_config import TrainConfig
from nncli.errors import DataError
from nncli.training.prepare import Prepared, prepare
from nncli.training.seeds import Seeds


def rows(n: int, seed: int = 0) -> str:
    """x, a weight w from 0 to 2, and a class that is 'b' in a fifth of the rows."""
    rng = np.random.default_rng(seed)
    return "x,w,class\n" + "".join(f"{rng.normal():.3f},{rng.uniform(0, 2):.3f},{'ab'[i % 5 == 0]}\n" for i in range(n))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, n in (("train", 400), ("val", 60), ("test", 50)):
        Path(f"{name}.csv").write_text(rows(n, seed=n))


def weights_in(path: str) -> np.ndarray:
    return np.array([float(line.split(",")[1]) for line in Path(path).read_text().splitlines()[1:]])


def prepared(**options: object) -> Prepared:
    return prepare(TrainConfig(data=("train.csv",), model="softmax", **options))


@pytest.mark.usefixtures("files")
class TestWeights:
    def test_those_of_training_rows_are_the_columns_and_of_mean_one(self) -> None:
        found = prepared(weight="w")
        assert found.train.weights is not None
        of_train = found.train.weights[found.train.rows]
        column = weights_in("train.csv")[found.split.train]
        np.testing.assert_allclose(of_train, column / column.mean())
        assert of_train.mean() == pytest.approx(1)

    def test_validation_rows_have_theirs_and_test_rows_none(self) -> None:
        found = prepared(weight="w")
        assert found.val is not None
        assert found.val.weights is not None
        assert found.test is not None
        np.testing.assert_allclose(found.val.weights[found.val.rows], weights_in("train.csv")[found.split.val])
        assert found.test.weights is None

    def test_files_of_their_own_too(self) -> None:
        found = prepared(weight="w", val_data=("val.csv",), test_data=("test.csv",), class_weight="balanced")
        assert found.val is not None
        assert found.val.weights is not None
        assert found.test is not None
        assert found.test.weights is None
        # the balance is that of the training rows: n / (2 Σ w) for each class
        y, w = found.dataset.y, weights_in("train.csv")  # every row of the file trains
        factor = np.array([len(y) / (2 * w[y == k].sum()) for k in (0, 1)])
        np.testing.assert_allclose(found.val.weights, weights_in("val.csv") * factor[found.val.y])

    @pytest.mark.parametrize("weight", [None, "w"])
    def test_balanced_classes_weigh_the_same_together(self, weight: str | None) -> None:
        found = prepared(weight=weight, class_weight="balanced")
        assert found.train.weights is not None
        of_class = np.bincount(found.train.y[found.train.rows], found.train.weights[found.train.rows])
        assert of_class[0] == pytest.approx(of_class[1])

    def test_without_either_there_are_none(self) -> None:
        assert prepared().train.weights is None

    def test_the_balance_is_that_of_the_training_rows_alone(self) -> None:
        found = prepared(class_weight="balanced", val=0.5)
        y = found.dataset.y[found.split.train]
        assert found.val is not None
        assert found.val.weights is not None
        expected = (len(y) / (2 * np.bincount(y)))[found.val.y]
        np.testing.assert_allclose(found.val.weights, expected)

    @pytest.mark.parametrize("class_weight", ["none", "balanced"])
    def test_a_class_that_counts_nothing_is_an_error(self, class_weight: str) -> None:
        lines = Path("train.csv").read_text().splitlines()
        Path("train.csv").write_text("\n".join("0,0,b" if line.endswith("b") else line for line in lines) + "\n")
        with pytest.raises(DataError) as error:
            prepared(weight="w", class_weight=class_weight)
        # 'a' alone is left, as if the rows of 'b' were not in the file
        assert str(error.value).startswith("train.csv: target column 'class': expected two or more classes")

    def test_validation_rows_that_count_nothing_are_an_error(self) -> None:
        Path("val.csv").write_text("x,w,class\n1,0,a\n2,0,b\n3,1e-30,a\n")
        prepared(weight="w", val_data=("val.csv",))
        Path("val.csv").write_text("x,w,class\n1,0,a\n2,0,b\n3,0,a\n")
        with pytest.raises(DataError, match=r"column 'w': expected a weight above 0, found only zeros"):
            prepared(weight="w", val_data=("val.csv",))

    def test_rows_that_count_nothing_take_no_part(self) -> None:
        """What is learned is what the same file without them gives, and they are in no part."""
        without = prepared(weight="w")
        lines = Path("train.csv").read_text().splitlines()
        huge = [f"999999999,0,{'ab'[i % 2]}" for i in range(12)]
        Path("train.csv").write_text("\n".join([lines[0], *huge, *lines[1:]]) + "\n")
        found = prepared(weight="w")
        for part in ("train", "val", "test"):
            np.testing.assert_array_equal(getattr(found.split, part), getattr(without.split, part))
        np.testing.assert_array_equal(found.preprocess.scale, without.preprocess.scale)
        assert "column 'w': 12 rows with a weight of 0, which are not used" in found.notes

    def test_rows_of_a_validation_file_that_count_nothing_take_no_part(self) -> None:
        Path("val.csv").write_text("x,w,class\n1,0,a\n2,0.5,b\n3,1,a\n4,0,b\n")
        found = prepared(weight="w", val_data=("val.csv",))
        assert found.val is not None
        assert found.val.rows.tolist() == [0, 1]
        assert found.val.y.tolist() == [1, 0]


@pytest.mark.usefixtures("files")
def test_the_training_file_as_test_file_is_told() -> None:
    found = prepared(test_data=("train.csv",))
    # 400 rows, of which 15 % validate
    assert found.notes[-2:] == (
        "warning: 340 of 400 rows of --test-data have the same values as a training row: the test figures look better "
        "than they are",
        "warning: 60 of 400 rows of --test-data have the same values as a validation row: the test figures look better "
        "than they are",
    )
    assert not any("warning" in note for note in prepared(test_data=("test.csv",)).notes)


def test_the_split_has_a_seed_of_its_own_if_it_is_given() -> None:
    """The rows are those of the split seed, all else is that of the seed."""
    as_0, as_5 = prepare(TrainConfig(("iris",), seed=0)), prepare(TrainConfig(("iris",), seed=5))
    mixed = prepare(TrainConfig(("iris",), seed=5, split_seed=0))
    for part in ("train", "val", "test"):
        rows = getattr(mixed.split, part)
        np.testing.assert_array_equal(rows, getattr(as_0.split, part))
        assert not np.array_equal(rows, getattr(as_5.split, part))
    for mine, other in zip(Seeds.of(mixed.config.options)[1:], Seeds.of(as_5.config.options)[1:], strict=True):
        np.testing.assert_array_equal(mine.generate_state(4), other.generate_state(4))
