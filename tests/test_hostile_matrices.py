# ruff: noqa: E501  (a case stands on one line)
"""Matrices in .npz and LIBSVM files with anything in them: right, or refused in a line that says where."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cli_process
from nncli.data import zip_archive as zip_archive
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.formats.known_formats import NPZ, format_of
from nncli.data.load import load_dataset
from nncli.errors import DataError
from nncli.estimators.classifier import NNClassifier

Run = Callable[..., Any]
X, Y = np.arange(12.0).reshape(6, 2), np.arange(6) % 2

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def member(array: Any, header: bytes | None = None) -> bytes:
    """A member of an .npz, perhaps with another header."""
    out = io.BytesIO()
    if header is None:
        np.lib.format.write_array(out, np.asarray(array))
        return out.getvalue()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + np.asarray(array).tobytes()


def write(x: bytes, *more: tuple[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile("d.npz", "w", compression) as file:
        for name, data in (("X.npy", x), *more, ("y.npy", member(Y))):
            file.writestr(name, data)


def refused(nncli: Run, name: str, line: str) -> None:
    outcome = nncli("train", name, "-q")
    assert (outcome.code, outcome.out, outcome.err) == (1, "", f"{name}{line}\n")


@pytest.mark.parametrize("array", [
    np.asfortranarray(X), X.astype(">f8"), X.astype(">i4"), X.astype(np.float16), X.astype(np.longdouble),
    X.astype(np.uint64), X.astype(np.int8), X.reshape(6, 1, 2), X[::-1][::-1],
], ids=str)  # fmt: skip
def test_numbers_of_any_type_and_order_are_read(array: Any) -> None:
    np.savez("d.npz", X=array, y=Y)
    np.testing.assert_array_equal(load_dataset(("d.npz",), CsvOptions(), "float32").table.numbers, X)


def test_whole_numbers_that_float32_cannot_tell_apart_stay_apart() -> None:
    np.savez("d.npz", X=np.array([[2**24], [2**24 + 1]]), y=[0, 1])
    assert load_dataset(("d.npz",), CsvOptions(), "float32").table.numbers.tolist() == [[2.0**24], [2.0**24 + 1]]


GIANT = b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 2), }\n"
OBJECT = "expected arrays X and y: X has objects, which may be anything. Save it as numbers or text."


@pytest.mark.parametrize("memory", [(), ("--memory", "300MB")], ids=["in memory", "on the disk"])
@pytest.mark.parametrize("name", ["data", "indices"])
@pytest.mark.parametrize("less", [3, 4], ids=["half a number", "a number"])
@pytest.mark.usefixtures("tables_on_the_disk")
def test_a_sparse_matrix_of_less_than_the_archive_says_is_refused(
    less: int, name: str, memory: tuple[str, ...], nncli: Run
) -> None:
    starts = np.arange(0, 14, 2)
    arrays = {"data": np.ones(12, np.float32), "indices": np.tile(np.arange(2, dtype=np.int32), 6), "indptr": starts}
    members = {key: member(array) for key, array in (arrays | {"shape": np.array([6, 2]), "y": Y}).items()}
    said = len(members[name])
    members[name] = members[name][:-less]
    with zipfile.ZipFile("d.npz", "w", zipfile.ZIP_DEFLATED) as file:
        for key, content in members.items():
            file.writestr(f"{key}.npy", content)
            if key == name:
                file.getinfo(f"{key}.npy").file_size = said
    outcome = nncli("train", "d.npz", "-q", *memory)
    assert (outcome.code, outcome.err[:32]) == (1, "d.npz: expected arrays X and y: ")


@pytest.mark.parametrize(("x", "problem"), [
    (member(X, GIANT), "expected arrays X and y: X says shape (99999999999, 2) of float64, and has 96 bytes."),
    (member(X, GIANT.replace(b"(99999999999, 2)", b"(-6, -2)")),
     "expected arrays X and y: X says shape (-6, -2) of float64, and has 96 bytes."),
    (member(np.array([[None]], object)), OBJECT),
    (member(np.array("a")), "expected X as numbers of shape (n, d), found <U1 of shape ()."),
    (member(np.float64(3)), "expected X as numbers of shape (n, d), found float64 of shape ()."),
    (member(X > 3 + 1j), None),
    (member(X + 1j), "expected X as numbers of shape (n, d), found complex128 of shape (6, 2)."),
    (member(X.astype("M8[s]")), "expected X as numbers of shape (n, d), found datetime64[s] of shape (6, 2)."),
    (member(X.astype(str)), "expected X as numbers of shape (n, d), found <U32 of shape (6, 2)."),
    (member(np.zeros((6, 2), [("a", "<f4")])), "expected arrays X and y: X has cells of type [('a', '<f4')]."),
    (b"no array", "expected arrays X and y: the magic string is not correct; expected b'\\x93NUMPY', got b'no arr'."),
    (b"", "expected arrays X and y: EOF: reading magic string, expected 8 bytes got 0."),
], ids=str)  # fmt: skip
def test_members_that_are_no_matrix_are_refused(x: bytes, problem: str | None, nncli: Run) -> None:
    write(x)
    if problem is None:
        assert len(load_dataset(("d.npz",), CsvOptions(), "float32")) == 6
    else:
        refused(nncli, "d.npz", f": {problem}")


@pytest.mark.parametrize("header", [b"(" * 9000 + b")" * 9000, b"{'descr': " + b" " * 60_000, b"{}\n", b"\xff\n"])
def test_headers_that_cannot_be_are_refused_in_a_line(header: bytes, nncli: Run) -> None:
    write(member(X, header))
    outcome = nncli("train", "d.npz", "-q")
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert outcome.err.startswith("d.npz: expected arrays X and y: ")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused(nncli: Run) -> None:
    write(member(X), ("X.npy", member(-X)))
    refused(nncli, "d.npz", ": expected arrays X and y: two members called X.")


def test_an_encrypted_member_is_refused(nncli: Run) -> None:
    write(member(X))
    data = bytearray(Path("d.npz").read_bytes())
    data[6] |= 1  # in the member
    data[data.index(b"PK\1\2") + 8] |= 1  # and in the list
    Path("d.npz").write_bytes(data)
    outcome = nncli("train", "d.npz", "-q")
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert "is encrypted" in outcome.err


def test_a_list_of_too_many_members_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    write(member(X), *((f"{i}", b"") for i in range(1000)))
    opened = []
    monkeypatch.setattr(zip_archive.zipfile, "ZipFile", opened.append)
    assert format_of(Path("d.npz")) != NPZ
    assert not opened


def test_answers_need_no_labels(nncli: Run) -> None:
    np.savez("d.npz", X=X, y=Y)
    assert nncli("train", "d.npz", "-q", "--epochs", 1, "--json", "--val", 0, "--test", 0, "-o", "m.npz").code == 0
    write(member(X), ("extra.npy", b""))
    np.savez("new.npz", X=X, y=np.array([None] * 6))
    assert nncli("predict", "m.npz", "new.npz").out == nncli("predict", "m.npz", "d.npz").out


# labels


@pytest.mark.parametrize(("y", "line"), [
    ([1e300, -1e300] * 3, "expected classes, found 1e+300, and floats of that size are rounded. Number the classes from 0."),
    ([2.0**53, 1] * 3, "expected classes, found 9.0072e+15, and floats of that size are rounded. Number the classes from 0."),
    ([np.inf, 1] * 3, "expected classes, found fractions or missing values. Classes may be whole numbers or text."),
    ([b"a", b"b"] * 3, "expected classes, found |S1. Classes may be whole numbers or text."),
    (np.frombuffer(b"\xff\xff\xff\x7fa\0\0\0" * 3, "<U1"),
     "expected classes, found text that is not Unicode. Classes may be whole numbers or text."),
])  # fmt: skip
def test_labels_that_are_no_classes_are_refused(y: Any, line: str, nncli: Run) -> None:
    np.savez("d.npz", X=X, y=y)
    refused(nncli, "d.npz", f": y: {line}")
    if not isinstance(y, np.ndarray):
        with pytest.raises(DataError) as caught:
            NNClassifier().fit(X, y)
        assert str(caught.value) == f"y: {line}"


@pytest.mark.parametrize(("y", "classes"), [
    (np.array([2**64 - 1, 2**64 - 2] * 3, np.uint64), ["18446744073709551614", "18446744073709551615"]),
    (np.array([2**53, 2**53 + 1] * 3), ["9007199254740992", "9007199254740993"]),
    ([2.0**53 - 1, -0.0, 0.0] * 2, ["0", "9007199254740991"]),
    ([True, False] * 3, ["False", "True"]),
    (["1.0", "1", "01"] * 2, ["01", "1", "1.0"]),
], ids=str)  # fmt: skip
def test_classes_that_differ_stay_apart_in_files_and_in_python(y: Any, classes: list[str]) -> None:
    np.savez("d.npz", X=X, y=y)
    assert list(load_dataset(("d.npz",), CsvOptions(), "float32").classes) == classes
    assert list(NNClassifier(epochs=1, val=0).fit(X, y).model_.classes) == classes


@pytest.mark.parametrize(("labels", "line"), [
    ([1, "1"], "expected labels of one type, found several. Unknown label type. Use one type."),
    (["a", None], "row 1: expected a class, found a missing value. Fill it in, or leave the row out."),
    (["a", float("nan")], "row 1: expected a class, found a missing value. Fill it in, or leave the row out."),
])  # fmt: skip
def test_objects_are_classes_only_if_their_text_tells_them_apart(labels: list[Any], line: str) -> None:
    with pytest.raises(DataError) as caught:
        NNClassifier().fit(X, np.array(labels * 3, object))
    assert str(caught.value) == f"y: {line}"


# LIBSVM


A_FEATURE = "expected the number of a feature, 0, 1, 2 or so on, before ':'"
A_VALUE = "expected a finite number that fits float32"
CORRECT = "Correct it, or leave it out where it is 0 or not known."


@pytest.mark.parametrize(("line", "problem"), [
    ("1 2000000000:1", "expected at most 1,048,576 features, found 2,000,000,000."),
    ("1 2147483648:1", "expected at most 1,048,576 features, found 2,147,483,648."),
    ("1 99999999999999999999:1", "expected at most 1,048,576 features, found 99,999,999,999,999,999,999."),
    ("1 -1:1", f"{A_FEATURE}, found '-1'. Number the features from 0 or 1 on."),
    ("1 x:1", f"{A_FEATURE}, found 'x'. Number the features from 0 or 1 on."),
    ("1 1:1 qid:3", f"{A_FEATURE}, found 'qid'. Number the features from 0 or 1 on."),
    ("1 1_0:1", f"{A_FEATURE}, found '1_0'. Number the features from 0 or 1 on."),
    ("1 2:1 1:1 2:3", "expected each feature once, found one twice. Leave one of them out."),
    ("1 1:nan", f"feature 1: {A_VALUE}, found 'nan'. {CORRECT}"),
    ("1 1:1e400", f"feature 1: {A_VALUE}, found '1e400'. {CORRECT}"),
    ("1 3:1e39", f"feature 3: {A_VALUE}, found '1e39'. {CORRECT}"),
    ("1 1:1_0", f"feature 1: {A_VALUE}, found '1_0'. {CORRECT}"),
    ("1 1:", f"feature 1: {A_VALUE}, found ''. {CORRECT}"),
    ("1 1 2:3", "expected a feature and its value, as in '1 3:0.5 7:2', found '1'. Write both with a colon between them, and no blank."),
    ("spam 1:1", "expected a finite number as the label, as in '1 3:0.5 7:2', found 'spam'. Number the classes, and write one number."),
    ("1,2 1:1", "expected a finite number as the label, as in '1 3:0.5 7:2', found '1,2'. Number the classes, and write one number."),
    ("1" + " 1:1" * 1_048_577, "expected at most 1,048,576 features in a row, found 1,048,577."),
], ids=lambda text: text[:20])  # fmt: skip
def test_a_line_of_sparse_text_is_refused_where_it_stands(line: str, problem: str, nncli: Run) -> None:
    good = "1 1:1\n# a comment, with_an_underscore\n\n0 1:2\n"
    Path("d.svm").write_text(good)
    assert nncli("train", "d.svm", "-q", "--epochs", 1, "--val", 0, "--test", 0, "-o", "m.npz").code == 0
    Path("d.svm").write_text(good + line + "\n")
    refused(nncli, "d.svm", f":5: {problem}")
    answered = nncli("predict", "m.npz", "d.svm")
    assert (answered.code, answered.err) == (1, f"d.svm:5: {problem}\n")


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("nan", "d.svm:4: expected a finite number as the label, found 'nan'. Correct it, or leave the line out.\n"),
        (
            "1e400",
            "d.svm:4: expected a finite number as the label, found '1e400'. Correct it, or leave the line out.\n",
        ),
        ("inf", "d.svm:4: expected a finite number as the label, as in '1 3:0.5 7:2', found 'inf'. Number the"),
        ("9007199254740993", "d.svm: y: expected classes, found "),
    ],
)
def test_labels_of_sparse_text_that_are_no_classes_are_refused(label: str, said: str, nncli: Run) -> None:
    Path("d.svm").write_text(f"1 1:1\n\n# nothing\n{label} 1:2\n")
    outcome = nncli("train", "d.svm", "-q")
    assert outcome.code == 1
    assert outcome.err.startswith(said)
    assert outcome.err.count("\n") == 1


def test_rows_without_a_feature_are_rows(nncli: Run) -> None:
    Path("d.svm").write_text("1 1:1\n0\n" * 20)
    assert "40 rows" in nncli("train", "d.svm", "--epochs", 1, "-o", "m.npz").err
    assert nncli("predict", "m.npz", "d.svm").out.count("\n") == 41


@pytest.mark.parametrize("command", ["train", "eval", "predict"])
def test_sparse_text_without_line_ends_is_refused_in_bounded_memory(command: str, nncli: Run) -> None:
    Path("t.svm").write_text("1 1:1\n0 1:2\n" * 10)
    assert nncli("train", "t.svm", "-q", "--epochs", 1, "-o", "m.npz").code == 0
    Path("d.svm").write_bytes(zlib.compress(b"1 1:1 " + b"2:1 " * (16 << 20), level=1, wbits=31))
    tracemalloc.start()
    outcome = nncli(*([command, "-q"] if command == "train" else [command, "m.npz"]), "d.svm")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (outcome.code, outcome.err) == (1, "d.svm:1: expected the end of a line, found none in 16 MiB.\n")
    assert peak < 80 << 20


def test_sparse_text_without_line_ends_is_refused_from_a_pipe(nncli: Run, tmp_path: Path) -> None:
    Path("t.svm").write_text("1 1:1\n0 1:2\n" * 10)
    assert nncli("train", "t.svm", "-q", "--epochs", 1, "-o", "m.npz").code == 0
    done = cli_process.nncli("predict", "m.npz", stdin=b"1 1:1 " + b"2:1 " * (5 << 20), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, b"stdin:1: expected the end of a line, found none in 16 MiB.\n")


def test_rows_across_blocks_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a later block has more features than those before it."""
    from nncli.data import lines

    monkeypatch.setattr(lines, "BLOCK_BYTES", 100)
    lines = [f"{i % 2} {1 + i // 20}:{i + 0.5}" for i in range(200)]
    Path("d.svm").write_text("\n".join(lines))
    found = load_dataset(("d.svm",), CsvOptions(), "float32")
    expected = np.zeros((200, 10), np.float32)
    expected[np.arange(200), np.arange(200) // 20] = np.arange(200) + 0.5
    np.testing.assert_array_equal(found.table.numbers, expected)
    assert found.y.tolist() == [i % 2 for i in range(200)]
