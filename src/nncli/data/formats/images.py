"""Pictures in folders, one sub-folder for each class: PNG or JPEG, of one size or brought to it.

    digits/0/17.png        or, with a test set of its own,    digits/train/0/17.png
    digits/1/3.png                                            digits/test/1/3.png

The rows are in the order of the names of the pictures, in which numbers count as numbers, and then of the classes:
pictures that are numbered through, as those of MNIST are, keep their order. A picture is grey where its three colours
are the same; if all are, a row has one number for each pixel, else three.
"""

from __future__ import annotations

import hashlib
import io
import math
import re
import struct
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.arrow_conversion import string_array
from nncli.data.byte_input import reason
from nncli.data.cells import DEFAULT_MISSING, check_width
from nncli.data.dataset import SHAPES_DIFFER, Dataset, Schema, Table, by, check_shape
from nncli.data.row_blocks import LeftOut, OnError, RowBlock
from nncli.errors import DataError, OptionError, mention
from nncli.system.os_errors import NO_FILES, explain

ENDINGS = (".png", ".jpg", ".jpeg")
TRAIN, TEST = ("train", "training"), ("test", "testing")  # names of folders
FILE = "file"  # the only column that can be kept
BLOCK_ROWS = 256
MOST_PIXELS = 1 << 26  # of a picture
COLOURS = 3
Size = tuple[int, int]  # width and height
# what Pillow raises for a damaged picture
DAMAGED = (ArithmeticError, LookupError, MemoryError, OSError, SyntaxError, TypeError, ValueError, struct.error)
PER_CLASS = "Put the pictures of each class into a sub-folder of its name"


def is_folder(path: Path) -> bool:
    """Tell whether a folder has pictures, in it or in a folder of its folders."""
    folders = [path]
    for _ in range(3):
        if any(_is_picture(one) for folder in folders for one in folder.iterdir()):
            return True
        folders = [one for folder in folders for one in folder.iterdir() if one.is_dir() and not _is_hidden(one)]
    return False


def read(path: Path, like: Schema | None = None, resize: Size | None = None, on_error: OnError = "fail") -> Dataset:
    """Read a folder of pictures of classes, each brought to the size `resize` if it is given; `like` is the schema of a
    model that they are for. `table.numbers` is uint8 (n, height·width) or (n, height·width·3). Raises DataError; with
    `on_error` "skip", damaged pictures are left out instead."""
    if not path.is_dir():
        raise DataError(str(path), "expected a folder with a sub-folder for each class, found one picture", PER_CLASS)
    parts = _parts(path)
    classes = _in_order({file.parent.name for file in parts[0]})
    if len(classes) < 2 and like is None:
        raise DataError(str(path), f"expected two or more classes, found only the sub-folder {classes[0]}", PER_CLASS)
    left_out = LeftOut("picture") if on_error == "skip" else None
    images, files, sha256 = _read_all(parts[0], path, like, resize, left_out)
    if left_out and not files:
        raise left_out.first[0]
    shape = images.shape[1:]
    names = tuple(f"pixel_{i}" for i in range(math.prod(shape)))
    columns = tuple((name, "number") for name in names)
    resized = resize is not None or (like is not None and like.resized)
    # as those of an IDX file
    schema = Schema(columns, "label", True, DEFAULT_MISSING, target_place=0, image_shape=shape, resized=resized)
    test, n = None, len(files)
    if len(parts) == 2:
        test_images, test_files, digest = _read_all(parts[1], path, schema, resize, left_out)
        y, n = _labels(test_files, classes), n + len(test_files)
        table = Table(names, test_images.reshape(len(y), -1))
        test = Dataset(table, y, classes, schema, (str(parts[1][0].parents[1]),), digest)
        sha256 = hashlib.sha256((sha256 + digest).encode()).hexdigest()
    how = f"{'brought to ' if resized else ''}{_pixels(images[0])} pixels, {'in colour' if len(shape) > 2 else 'grey'}"
    note = f"pictures: {how}; the sub-folders are the classes"
    notes = (note, *(left_out.notes(n) if left_out else ()))
    table, y = Table(names, images.reshape(len(images), -1)), _labels(files, classes)
    return Dataset(table, y, classes, schema, (str(path),), sha256, test, notes)


def row_blocks(path: Path, like: Schema, keep: Sequence[str], on_error: OnError) -> Iterator[RowBlock]:
    """Read one picture, or all of a folder in the order of their names, for a model; `keep` may name the column `file`.
    Raises DataError; OptionError for another column to keep."""
    other = next((name for name in keep if name != FILE), None)
    if other is not None:
        raise OptionError("keep", f"no column is called '{other}'", f"Pictures have one, '{FILE}'")
    return _row_blocks(_pictures_below(path) if path.is_dir() else [path], like, keep, on_error)


def files_of(path: Path) -> list[Path]:
    """List all pictures of a folder, those for training first. Raises DataError for a folder of another form."""
    return [file for part in _parts(path) for file in part] if path.is_dir() else [path]


def digest(path: Path) -> str:
    """Return the `sha256` of the Dataset that `read` would make, without looking into the pictures."""
    found = [_digest([(file, hashlib.sha256(_bytes(file)).digest()) for file in part], path) for part in _parts(path)]
    return found[0] if len(found) == 1 else hashlib.sha256("".join(found).encode()).hexdigest()


# ── which files ──────────────────────────────────────────────────────────────────────────────────


def _is_hidden(path: Path) -> bool:
    """Tell whether a file is none of the user: of the system, or of a program that looks at pictures."""
    return path.name.startswith((".", "__MACOSX")) or path.name.lower() in ("thumbs.db", "desktop.ini")


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS and not _is_hidden(path)


def _within(folder: Path) -> list[Path]:
    return [one for one in folder.iterdir() if not _is_hidden(one)]


def _parts(path: Path) -> list[list[Path]]:
    """List the pictures to train on, and those to test on if there are such, each in order."""
    found = {one.name.lower(): one for one in _within(path)}
    train, test = ([found[name] for name in names if name in found and found[name].is_dir()] for names in (TRAIN, TEST))
    if len(found) == 2 and len(train) == len(test) == 1 and not any(map(_is_picture, _within(train[0]))):
        return [_of_classes(train[0]), _of_classes(test[0])]
    if train and any(one.is_dir() for one in _within(train[0])):
        others = ", ".join(sorted(name for name in found if name not in TRAIN + TEST)) or "that alone"
        raise DataError(
            str(path), f"expected train and test, or one sub-folder for each class; found {train[0].name} and {others}",
            f"Name the folders one by one: {train[0]} {mention('val_data', 'FOLDER')} {mention('test_data', 'FOLDER')}",
        )  # fmt: skip
    return [_of_classes(path)]


def _of_classes(path: Path) -> list[Path]:
    """List the pictures in the sub-folders of a folder, in order. Raises DataError for anything else in it."""
    pictures: list[Path] = []
    for folder in _within(path):
        if not folder.is_dir():
            raise DataError(
                str(path), f"expected one sub-folder for each class, found {folder.name} beside them",
                PER_CLASS if _is_picture(folder) else "Remove it",
            )  # fmt: skip
        inside = _within(folder)
        wrong = next((one for one in inside if not _is_picture(one)), None)
        if wrong is not None:
            raise _no_picture(wrong)
        if not inside:
            raise DataError(str(folder), "expected pictures of a class, found none", "Remove the folder")
        pictures += inside
    if not pictures:
        raise DataError(str(path), "expected one sub-folder for each class, found none", PER_CLASS)
    return sorted(pictures, key=_place)


def _no_picture(found: Path) -> DataError:
    remedy = "Name the folder that it is in" if found.is_dir() else "Remove it, or convert it"
    return DataError(str(found.parent), f"expected pictures, PNG or JPEG, found {found.name}", remedy)


def _pictures_below(path: Path) -> list[Path]:
    """List the pictures in a folder or, where it has none, in its sub-folders, in order."""
    here = _within(path)
    if not any(map(_is_picture, here)):
        return _of_classes(path)
    wrong = next((one for one in here if not _is_picture(one)), None)
    if wrong is not None:
        raise _no_picture(wrong)
    return sorted(here, key=_place)


def _place(file: Path) -> tuple[Any, ...]:
    """Return what a picture is sorted by: its name, with numbers as numbers, and its class."""
    parts = re.split(r"([0-9]+)", file.stem)
    return [(int(part), "") if i % 2 else (0, part) for i, part in enumerate(parts)], file.name, file.parent.name


def _in_order(names: set[str]) -> tuple[str, ...]:
    """Sort classes, numbers by their size."""
    numeric = all(name.isascii() and name.isdecimal() for name in names)
    return tuple(sorted(names, key=lambda name: (int(name) if numeric else 0, name)))


def _labels(files: list[Path], classes: tuple[str, ...]) -> NDArray[np.int64]:
    """Return the position of each picture's class (n,). Raises DataError for one that is not among them."""
    code_of = {name: i for i, name in enumerate(classes)}
    for file in files:
        if file.parent.name not in code_of:
            problem = f"expected only classes that the pictures to train on have, found {file.parent.name}"
            raise DataError(str(file.parents[1]), problem, "Remove the folder, or add such pictures to the others")
    return np.array([code_of[file.parent.name] for file in files], np.int64)


# ── pictures ─────────────────────────────────────────────────────────────────────────────────────


def _row_blocks(files: list[Path], like: Schema, keep: Sequence[str], on_error: OnError) -> Iterator[RowBlock]:
    shape, names = like.image_shape, like.of_kind("number")
    for start in range(0, len(files), BLOCK_ROWS):
        some, errors = files[start : start + BLOCK_ROWS], dict[int, DataError]()
        X = np.zeros((len(some), len(names)), np.uint8)
        for i, file in enumerate(some):
            try:
                image = _in_colours(_image(file, _bytes(file), _size(like, None)), shape)
                check_shape(image.shape, like, str(file))
                if image.size != len(names):
                    problem = f"expected {len(names)} numbers, as the model has, found {by(image.shape)}"
                    raise DataError(str(file), problem, SHAPES_DIFFER)
                X[i] = image.ravel()
            except DataError as error:
                errors[i] = error.with_traceback(None)
                if on_error == "fail":
                    raise
        yield RowBlock(Table(names, X), None, {FILE: string_array(list(map(str, some)))} if keep else {}, errors)


def _read_all(
    files: list[Path], folder: Path, like: Schema | None, resize: Size | None, left_out: LeftOut | None
) -> tuple[NDArray[np.uint8], list[Path], str]:
    """Read pictures (n, height, width) or, if one of them has colours, (n, height, width, 3), but for damaged ones if
    they are to be `left_out`; also return the files that these are in, and the digest of all."""
    digests, size, expected = list[tuple[Path, bytes]](), _size(like, resize), () if like is None else like.image_shape
    images, read = np.zeros((0, 0, 0), np.uint8), list[Path]()
    for file in files:
        data, i = _bytes(file), len(read)
        digests.append((file, hashlib.sha256(data).digest()))
        try:
            image = _in_colours(_image(file, data, size), expected)
        except DataError as error:
            if left_out is None:
                raise
            left_out.add([error])
            continue
        check_shape(image.shape, like, str(file))
        read.append(file)
        if i == 0:
            check_width(image.size, str(file), f"numbers in a picture (fewer with {mention('resize')})")
            images = np.empty((len(files), *image.shape), np.uint8)
        elif image.shape[:2] != images.shape[1:3]:
            raise DataError(
                str(file), f"expected {_pixels(images[0])} pixels as in {files[0]}, found {_pixels(image)}",
                f"Bring all pictures to one size with {mention('resize', '28x28')}",
            )  # fmt: skip
        if image.ndim == images.ndim:  # the first with colours
            images = np.repeat(images[..., None], COLOURS, axis=-1)
        images[i] = _in_colours(image, images.shape[1:])
    return images[: len(read)], read, _digest(digests, folder)


def _pixels(image: NDArray[Any]) -> str:
    return f"{image.shape[1]} × {image.shape[0]}"


def _size(like: Schema | None, resize: Size | None) -> Size | None:
    """Return the size to bring pictures to; None where they are to have it."""
    if like is not None and like.resized:
        return like.image_shape[1], like.image_shape[0]
    return resize


def _in_colours(image: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Give a grey picture three equal colours, where a shape has colours."""
    return np.repeat(image[..., None], COLOURS, axis=-1) if image.ndim == 2 and len(shape) == 3 else image


def _image(file: Path, data: bytes, size: Size | None) -> NDArray[np.uint8]:
    """Decode a picture: (height, width) if it is grey, else (height, width, 3). Raises DataError."""
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise DataError(
            str(file), "reading pictures needs Pillow", "Install it with: pip install 'nncli[images]'"
        ) from None
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as found:
            if found.width * found.height > MOST_PIXELS:
                raise DataError(
                    str(file), f"expected at most {MOST_PIXELS:,} pixels, found {found.width * found.height:,}"
                )
            image = ImageOps.exif_transpose(found)  # as a camera was held
            if image.mode.startswith(("I", "F")):
                raise DataError(
                    str(file),
                    "expected 8 bits for each colour, found more",
                    "Convert it: magick IN.png -depth 8 OUT.png",
                )
            if image.has_transparency_data:
                image = image.convert("RGBA")
                if image.getchannel("A").getextrema() != (255, 255):
                    raise DataError(
                        str(file), "expected an opaque picture, found a transparent one",
                        "Put it on a background colour: magick IN.png -background white -flatten OUT.png",
                    )  # fmt: skip
            image = image.convert("L" if image.mode in ("1", "L") else "RGB")
            if image.mode == "RGB":
                red, green, blue = image.split()
                image = red if red.tobytes() == green.tobytes() == blue.tobytes() else image
            if size is not None and image.size != size:
                image = image.resize(size, Image.Resampling.BICUBIC)
            return np.asarray(image)
    except (Image.DecompressionBombError, *DAMAGED) as error:
        raise DataError(str(file), f"the picture is damaged: {reason(error)}", "Copy it again, or remove it") from None


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        if error.errno in NO_FILES:
            raise explain(error) from None
        raise DataError(str(file), f"cannot be read: {error.strerror}") from None


def _digest(files: list[tuple[Path, bytes]], folder: Path) -> str:
    """Combine the digests of pictures with their names, as these have the classes."""
    sha256 = hashlib.sha256()
    for file, its in files:
        sha256.update(str(file.relative_to(folder)).encode("utf-8", "surrogateescape") + b"\0" + its)
    return sha256.hexdigest()
