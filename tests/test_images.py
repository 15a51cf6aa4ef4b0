# ruff: noqa: E501  (a case stands on one line)
"""Folders of pictures: what the same pictures in IDX files give, in any form that keeps their colours; or refused."""

from __future__ import annotations

import gzip
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nncli.data.bundled import path_of
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.load import load_dataset

Run = Callable[..., Any]
DIGITS = path_of("digits-idx")
PARTS = {"train": "train", "test": "t10k"}

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def idx(prefix: str) -> tuple[Any, Any]:
    """Images (n, 8, 8) and labels (n,) of the bundled IDX files, whose headers have 16 and 8 bytes."""
    images = gzip.decompress((DIGITS / f"{prefix}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((DIGITS / f"{prefix}-labels-idx1-ubyte.gz").read_bytes())
    return np.frombuffer(images, np.uint8, offset=16).reshape(-1, 8, 8), np.frombuffer(labels, np.uint8, offset=8)


def write(folder: str, images: Any, labels: Any, name: str = "{}.png", **how: Any) -> None:
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        path = Path(folder) / str(label) / name.format(i)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path, **how)


def small(folder: str = "d", n: int = 40, name: str = "{}.png", colour: bool = False, size: int = 4) -> Any:
    """Write dark and light pictures, and return them."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 100, (n, size, size, *([3] if colour else [])), np.uint8)
    images[::2] += 100
    write(folder, images, ["light" if i % 2 == 0 else "dark" for i in range(n)], name)
    return images


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("digits")
    for part, prefix in PARTS.items():
        write(str(folder / part), *idx(prefix))
    return folder


def weights(model: str) -> bytes:
    return bytes(np.load(model)["theta"].tobytes())


def test_pictures_train_to_the_weights_of_their_idx_files(nncli: Run, digits: Path) -> None:
    options = ["--hidden", "8", "--epochs", "3", "-q", "--json"]
    found = nncli("train", digits, *options, "-o", "png.npz").json
    expected = nncli("train", DIGITS, *options, "-o", "idx.npz").json
    assert {**found, "out": 0, "seconds": 0} == {**expected, "out": 0, "seconds": 0}
    assert found["n_test"] == 297
    assert weights("png.npz") == weights("idx.npz")


def test_each_model_predicts_the_pictures_of_the_other(nncli: Run, digits: Path) -> None:
    assert nncli("train", digits, "--hidden", "8", "--epochs", "3", "-q", "-o", "m.npz").code == 0
    found = nncli("predict", "m.npz", digits / "test", "-q").out
    assert found == nncli("predict", "m.npz", DIGITS / "t10k-images-idx3-ubyte.gz", "-q").out
    evaluations = [nncli("eval", "m.npz", data, "-q", "--json").json for data in (digits / "test", DIGITS)]
    assert evaluations[0]["n"] == 297
    assert evaluations[0]["accuracy"] == nncli("eval", "m.npz", "-q", "--json").json["accuracy"]


def test_numbers_in_names_count_as_numbers() -> None:
    small(n=12)
    dataset = load_dataset(("d",), CsvOptions(), "float32")
    assert dataset.classes == ("dark", "light")
    assert dataset.y.tolist() == [1, 0] * 6  # 10 is behind 9, not behind 1


def test_names_without_numbers_and_of_several_classes_are_in_the_order_of_names_then_classes() -> None:
    write("d", [np.full((2, 2), i, np.uint8) for i in range(4)], ["b", "a", "b", "a"], name="same.png")
    write("d", [np.full((2, 2), i, np.uint8) for i in (5, 6)], ["a", "b"], name="other.png")
    dataset = load_dataset(("d",), CsvOptions(), "float32")
    assert dataset.table.numbers[:, 0].tolist() == [5, 6, 3, 2]


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "RGBA", "LA"])
def test_a_grey_picture_is_the_same_in_any_mode(mode: str) -> None:
    images = small(n=8)
    for file in Path("d").rglob("*.png"):
        Image.open(file).convert(mode).save(file)
    dataset = load_dataset(("d",), CsvOptions(), "float32")
    np.testing.assert_array_equal(dataset.table.numbers, images.reshape(8, 16))
    assert dataset.schema.image_shape == (4, 4)


def test_black_and_white_is_0_and_255() -> None:
    write("d", [np.array([[True, False]]), np.array([[False, True]])], ["a", "b"])
    assert load_dataset(("d",), CsvOptions(), "float32").table.numbers.tolist() == [[255, 0], [0, 255]]


def test_one_picture_in_colour_gives_all_three_numbers_a_pixel() -> None:
    images = small(n=6)
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 7
    Image.fromarray(red).save("d/dark/3.png")
    dataset = load_dataset(("d",), CsvOptions(), "float32")
    assert dataset.schema.image_shape == (4, 4, 3)
    assert dataset.table.numbers[3].tolist() == [7, 0, 0] * 16
    np.testing.assert_array_equal(dataset.table.numbers[5].reshape(4, 4, 3)[..., 1], images[5])


def test_jpegs_are_read_as_pillow_decodes_them_the_way_up_that_the_camera_says() -> None:
    images = np.repeat(np.arange(0, 240, 15, dtype=np.uint8)[None, :, None], 4, axis=2).repeat(4, axis=0)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    write("d", images, ["a", "b"] * 2, name="{}.jpeg", exif=exif)
    dataset = load_dataset(("d",), CsvOptions(), "float32")
    assert dataset.schema.image_shape == (4, 16)
    row = dataset.table.numbers[0].reshape(4, 16)[0].astype(int)
    assert (np.diff(row) < 0).all()  # from left to right, what was from bottom to top


def test_pictures_of_several_sizes_are_refused_or_resized_in_training_and_later(nncli: Run) -> None:
    small(n=40)
    Image.fromarray(np.zeros((3, 5), np.uint8)).save("d/dark/1.png")
    outcome = nncli("train", "d", "-q")
    assert (outcome.code, outcome.err) == (
        1, "d/dark/1.png: expected 4 × 4 pixels as in d/light/0.png, found 5 × 3. "
        "Bring all pictures to one size with --resize 28x28.\n"
    )  # fmt: skip
    outcome = nncli("train", "d", "--resize", "6x2", "-m", "softmax", "--epochs", "2", "-o", "m.npz")
    assert outcome.code == 0, outcome.err
    assert "pictures: brought to 6 × 2 pixels, grey; the sub-folders are the classes" in outcome.err
    dataset = load_dataset(("d",), CsvOptions(resize=(6, 2)), "float32")
    expected = np.asarray(Image.open("d/dark/3.png").resize((6, 2), Image.Resampling.BICUBIC)).ravel()
    np.testing.assert_array_equal(dataset.table.numbers[3], expected)
    assert nncli("predict", "m.npz", "d/dark/1.png", "d/dark/3.png", "-q").out.count("\n") == 3
    assert nncli("eval", "m.npz", "d", "-q", "--json").json["n"] == 40
    assert nncli("eval", "m.npz", "-q", "--json").json["n"] == 6


def test_a_picture_of_another_size_is_refused_by_a_model_that_does_not_resize(nncli: Run) -> None:
    small()
    small("wide", size=5)
    assert nncli("train", "d", "-m", "softmax", "--epochs", "2", "-q", "-o", "m.npz").code == 0
    for command in ("predict", "eval"):
        outcome = nncli(command, "m.npz", "wide", "-q")
        assert outcome.code == 1
        assert (
            "wide/light/0.png: expected pictures of 4 × 4 (height × width), as the model has, found 5 × 5"
            in outcome.err
        )
    blank = nncli("predict", "m.npz", "wide/dark/1.png", "d/dark/1.png", "--on-error", "blank")
    assert blank.code == 0
    assert blank.out.splitlines()[1] == '""'
    assert "1 row could not be read" in blank.err


@pytest.mark.parametrize("name", ["d.npz", "train-images-idx3-ubyte"])
def test_images_of_another_shape_with_as_many_pixels_are_refused(nncli: Run, name: str) -> None:
    """A picture of 4 × 9 on a model of 6 × 6 has the right number of columns, and means nothing."""
    y = np.arange(40) % 2
    for file, shape in (("six.npz", (6, 6)), ("d.npz", (4, 9))):
        np.savez(file, X=np.random.default_rng(0).integers(0, 255, (40, *shape), np.uint8), y=y)
    header = bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in (40, 4, 9))
    Path("train-images-idx3-ubyte").write_bytes(header + bytes(40 * 36))
    Path("train-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 40]) + bytes(y.astype(np.uint8)))
    assert nncli("train", "six.npz", "-m", "softmax", "--epochs", "2", "-q", "-o", "m.npz").code == 0
    for command in ("predict", "eval"):
        outcome = nncli(command, "m.npz", name, "-q")
        assert (outcome.code, outcome.out, outcome.err) == (
            1, "", f"{name}: expected pictures of 6 × 6 (height × width), as the model has, found 4 × 9. "
            "Bring them to that size, or train a model on such pictures.\n"
        )  # fmt: skip


def test_predictions_name_their_pictures(nncli: Run) -> None:
    small(n=20)
    assert nncli("train", "d", "-m", "softmax", "--epochs", 20, "-q", "-o", "m.npz").code == 0
    outcome = nncli("predict", "m.npz", "d", "--keep", "file", "-q")
    assert outcome.out.splitlines()[:4] == [
        "file,prediction", "d/light/0.png,light", "d/dark/1.png,dark", "d/light/2.png,light",
    ]  # fmt: skip
    assert nncli("predict", "m.npz", "d", "--keep", "all", "-q").out == outcome.out
    refused = nncli("predict", "m.npz", "d", "--keep", "id", "-q")
    assert refused.err == "--keep: no column is called 'id'. Pictures have one, 'file'.\n"
    flat = Path("flat")
    flat.mkdir()
    for file in Path("d").rglob("*.png"):
        shutil.copy(file, flat)
    assert nncli("predict", "m.npz", "flat", "-q").out.splitlines()[1:4] == ["light", "dark", "light"]
    assert nncli("eval", "m.npz", "flat", "-q").err.startswith("flat: expected one sub-folder for each class, found ")


def test_files_of_other_programs_are_no_classes() -> None:
    small(n=8)
    for name in (".DS_Store", "Thumbs.db"):
        (Path("d") / name).touch()
        (Path("d/dark") / name).touch()
    Path("d/.ipynb_checkpoints").mkdir()
    assert load_dataset(("d",), CsvOptions(), "float32").classes == ("dark", "light")


def one_more(path: str) -> Callable[[], None]:
    def add() -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy("d/dark/1.png", path)

    return add


def saved(**how: Any) -> Callable[[], None]:
    return lambda: Image.fromarray(how["array"]).save("d/dark/1.png")


def cut() -> None:
    data = Path("d/dark/1.png").read_bytes()
    Path("d/dark/1.png").write_bytes(data[: len(data) // 2])


def training_part_alone() -> None:
    Path("d").rename("x")
    Path("d").mkdir()
    Path("x").rename("d/train")


@pytest.mark.parametrize(("damage", "line"), [
    (one_more("d/1.png"), "d: expected one sub-folder for each class, found 1.png beside them. Put the pictures of each class into a sub-folder of its name."),
    (one_more("d/dark/more/1.png"), "d/dark: expected pictures, PNG or JPEG, found more. Name the folder that it is in."),
    (lambda: Path("d/dark/notes.txt").touch(), "d/dark: expected pictures, PNG or JPEG, found notes.txt. "),
    (lambda: Path("d/labels.csv").touch(), "d: expected one sub-folder for each class, found labels.csv beside them. Remove it."),
    (lambda: Path("d/train").touch(), "d: expected one sub-folder for each class, found train beside them. Remove it."),
    (lambda: Path("d/none").mkdir(), "d/none: expected pictures of a class, found none. Remove the folder."),
    (lambda: shutil.rmtree("d/light"), "d: expected two or more classes, found only the sub-folder dark. "),
    (training_part_alone, "d: expected train and test, or one sub-folder for each class; found train and that alone. Name the folders one by one: d/train"),
    (cut, "d/dark/1.png: the picture is damaged: "),
    (lambda: Path("d/dark/1.png").write_bytes(b""), "d/dark/1.png: the picture is damaged: "),
    (lambda: Path("d/dark/1.png").write_text("<html>"), "d/dark/1.png: the picture is damaged: "),
    (saved(array=np.full((4, 4), 70000, np.int32).astype(np.uint16)), "d/dark/1.png: expected 8 bits for each colour, found more. "),
    (saved(array=np.full((4, 4, 4), 100, np.uint8)), "d/dark/1.png: expected an opaque picture, found a transparent one. "),
    (saved(array=np.zeros((400, 400), np.uint8)), "d/dark/1.png: expected 4 × 4 pixels as in d/light/0.png, found 400 × 400. "),
])  # fmt: skip
def test_what_is_no_folder_of_classes_is_refused(nncli: Run, damage: Callable[[], Any], line: str) -> None:
    small(n=12)
    damage()
    outcome = nncli("train", "d", "-q")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith(line)
    assert outcome.err.count("\n") == 1
    assert not Path("model.npz").exists()


def test_an_option_for_pictures_is_refused_elsewhere(nncli: Run) -> None:
    assert (
        nncli("train", "iris", "--resize", "8x8").err
        == "--resize: iris is a text table, which has no pictures to resize. Leave it out.\n"
    )
    for text in ("8", "0x8", "8x", "99999x1", "8x8x8"):
        outcome = nncli("train", "iris", "--resize", text)
        assert outcome.err == f"--resize: expected a width and a height such as 28x28, found '{text}'.\n"


def test_a_picture_that_unpacks_to_far_too_much_is_refused(nncli: Run) -> None:
    small(n=6)
    Image.new("1", (20_000, 20_000)).save("d/light/0.png")
    outcome = nncli("train", "d", "--resize", "4x4", "-q")
    assert outcome.code == 1
    assert outcome.err.startswith("d/light/0.png: the picture is damaged: Image size (400000000 pixels) exceeds limit")


def test_without_pillow_its_name_is_told(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    small(n=6)
    monkeypatch.setitem(sys.modules, "PIL", None)
    line = "d/light/0.png: reading pictures needs Pillow. Install it with: pip install 'nncli[images]'.\n"
    assert nncli("train", "d", "-q").err == line
