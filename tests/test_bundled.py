from __future__ import annotations

import csv
import gzip
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from nncli.data.bundled import BUNDLED, path_of
from nncli.data.formats.idx import read as read_idx
from nncli.data.formats.known_formats import IDX, format_of
from nncli.data.words.detection import looks_like_text

DATASETS = Path(__file__).resolve().parents[1] / "datasets"
SOURCE = DATASETS.parent / "src"
ALONE = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}  # the working directory comes first
TABLES = [name for name in BUNDLED if path_of(name).suffix == ".csv"]


def read(name: str) -> tuple[list[str], list[list[str]]]:
    with path_of(name).open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    return header, rows


def points(name: str) -> tuple[np.ndarray, np.ndarray]:
    _, rows = read(name)
    return np.array([row[:-1] for row in rows], dtype=float), np.array([row[-1] for row in rows])


@pytest.mark.parametrize("name", TABLES)
def test_table_has_the_shape_that_is_told_of_it(name):
    header, rows = read(name)
    told = BUNDLED[name]
    assert (len(rows), len(header) - 1) == (told.rows, told.columns)
    if not told.classes:  # numbers, in a column of a name of its own
        assert header[-1] == told.target
        assert all(float(row[-1]) > 0 for row in rows)
        return
    assert len({row[-1] for row in rows}) == told.classes
    assert {len(row) for row in rows} == {len(header)}
    assert len(set(header)) == len(header)
    assert [column for column in header if column in ("label", "target", "class", "y")] == header[-1:]


def test_every_file_of_the_folder_has_a_name_and_every_name_a_file():
    made = {path.name for path in DATASETS.iterdir()} - {"make.py", "README.md", "__pycache__"}
    assert {bundled.file for bundled in BUNDLED.values()} == made
    assert {path_of(name) for name in BUNDLED} == {DATASETS / file for file in made}


def test_readme_tells_the_same_shapes():
    text = (DATASETS / "README.md").read_text(encoding="utf-8").replace("1500 + 297", "1797")
    for bundled in BUNDLED.values():
        classes = bundled.classes or "numbers"
        assert f"| `{bundled.name}` | {bundled.rows} | {bundled.columns} | {classes} |" in text


def test_unknown_name_is_a_key_error():
    with pytest.raises(KeyError):
        path_of("digit")


def test_names_are_known_without_numpy():
    code = "import sys, nncli.data.bundled; print('numpy' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"


def test_sets_are_found_inside_an_installed_package_and_missed_in_one_line(tmp_path):
    package = tmp_path / "nncli"
    shutil.copytree(SOURCE / "nncli", package, ignore=shutil.ignore_patterns("__pycache__", "datasets"))
    code = "from nncli.data.bundled import path_of; from nncli.errors import NncliError\n"
    code += "try: print(path_of('iris'))\nexcept NncliError as error: print(error)"

    def run() -> str:
        ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=ALONE, capture_output=True, check=True)
        return ran.stdout.decode().replace(str(tmp_path.resolve()), "SITE")

    assert run() == "iris: expected the bundled iris.csv in SITE/nncli/datasets, found none. Reinstall nncli.\n"
    shutil.copytree(DATASETS, package / "datasets")  # as the wheel does
    assert run() == "SITE/nncli/datasets/iris.csv\n"


@pytest.mark.parametrize(
    ("name", "load", "classes"),
    [
        ("digits", load_digits, [str(digit) for digit in range(10)]),
        ("iris", load_iris, ["setosa", "versicolor", "virginica"]),
        ("wine", load_wine, ["barolo", "grignolino", "barbera"]),  # 59, 71 and 48 bottles, as in Forina 1986
        ("breast-cancer", load_breast_cancer, ["malignant", "benign"]),
    ],
)
def test_cells_are_the_values_of_scikit_learn(name, load, classes):
    X, labels = points(name)
    bunch = load()
    np.testing.assert_array_equal(X, bunch.data)
    assert labels.tolist() == [classes[k] for k in bunch.target]


@pytest.mark.parametrize(("name", "least", "most"), [("reviews", 493, 497), ("languages", 100, 100)])
def test_texts_stand_once_each_in_classes_of_nearly_equal_size(name, least, most):
    _, rows = read(name)
    sizes = Counter(label for _, label in rows)
    assert len({text for text, _ in rows}) == len(rows)
    assert (min(sizes.values()), max(sizes.values())) == (least, most)
    assert looks_like_text([text for text, _ in rows])


def test_digits_are_written_as_whole_numbers():
    _, rows = read("digits")
    assert {cell for row in rows for cell in row} == {str(number) for number in range(17)}


def test_digits_idx_holds_each_digit_image_once_and_a_stratified_test_set():
    dataset = read_idx(path_of("digits-idx"))
    test = dataset.test
    assert format_of(path_of("digits-idx")) == IDX
    assert test is not None
    assert (len(dataset), len(test)) == (1500, 297)
    assert dataset.classes == tuple("0123456789")

    def rows(X, y):
        return sorted((*map(int, x), int(digit)) for x, digit in zip(X, y, strict=True))

    both = np.concatenate([dataset.table.numbers, test.table.numbers]), np.concatenate([dataset.y, test.y])
    assert rows(*both) == rows(*load_digits(return_X_y=True))
    share = np.bincount(test.y) / np.bincount(both[1])
    np.testing.assert_allclose(share, 297 / 1797, atol=0.5 / 174)  # half an image of the rarest digit


@pytest.mark.parametrize("name", ["xor", "moons", "spirals"])
def test_small_mlp_learns_a_synthetic_set_and_a_linear_model_does_not(name):
    X, labels = points(name)
    assert np.abs(X).max() < 2.5
    X_train, X_test, y_train, y_test = train_test_split(X, labels, test_size=0.25, random_state=0, stratify=labels)
    mlp = MLPClassifier((32, 32), "tanh", solver="lbfgs", max_iter=2000, random_state=0).fit(X_train, y_train)
    assert mlp.score(X_test, y_test) >= 0.99
    assert LogisticRegression().fit(X_train, y_train).score(X_test, y_test) < 0.91


@pytest.mark.long
def test_make_writes_the_same_files_again(tmp_path):
    shutil.copy(DATASETS / "make.py", tmp_path)
    subprocess.run([sys.executable, "make.py"], cwd=tmp_path, check=True)

    def content(path: Path) -> bytes:
        # How tightly gzip packs is the business of the zlib at hand; its header, with no time in it, is ours.
        raw = path.read_bytes()
        return raw[:10] + gzip.decompress(raw) if path.suffix == ".gz" else raw

    made = {path.relative_to(tmp_path): content(path) for path in tmp_path.rglob("*") if path.is_file()}
    kept = {path: content(DATASETS / path) for path in made}
    assert made == kept
    texts = {"reviews.csv", "languages.csv"}  # from packages of other languages
    assert {path.parts[0] for path in made} == {bundled.file for bundled in BUNDLED.values()} - texts | {"make.py"}
