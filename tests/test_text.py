"""How text is written: encodings, lines before the header, decimal signs, names, and xz."""

from __future__ import annotations

import io
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from csv_reading import Dribble, complaint, load, read_dataset, strings
from nncli.config.train_config import TrainConfig
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.csv.reader import read_blocks
from nncli.errors import DataError, OptionError

CITIES = "größe,stadt,class\n1.5,Köln,ja\n2,Łódź,nein\n3,Paris,ja\n4,Köln,nein\n"


def cities(data: bytes, **options: Any) -> tuple[tuple[str, ...], list[float], list[str | None], tuple[str, ...]]:
    found = load(data, **options)
    return (
        (*found.schema.names, *found.classes),
        found.table.numbers[:, 0].tolist(),
        strings(found.table.texts["stadt"]),
        found.notes,
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1250"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_told_encodings_are_read_alike(encoding: str, ends: str) -> None:
    plain = cities(CITIES.encode())
    assert plain[:3] == (
        ("größe", "stadt", "ja", "nein"), [1.5, 2, 3, 4], ["Köln", "Łódź", "Paris", "Köln"]
    )  # fmt: skip
    assert cities(CITIES.replace("\n", ends).encode(encoding), encoding=encoding)[:3] == plain[:3]


@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("utf-8-sig", None),
        ("utf-16", "encoding: utf-16"),
        ("latin-1", "encoding: latin-1, a guess, as it is not UTF-8 (--encoding names another)"),
        ("cp1252", "encoding: cp1252, a guess, as it is not UTF-8 (--encoding names another)"),
    ],
)
def test_others_are_detected_and_told(encoding: str, note: str | None) -> None:
    text = CITIES.replace("Łódź", "“Łódź”" if encoding.startswith("utf") else "“A”" if note and "cp" in note else "é")
    plain, found = cities(text.encode()), cities(text.encode(encoding))
    assert found[:3] == plain[:3]
    assert [line.partition(": it has")[0] for line in found[3] if "encoding" in line] == [note] * bool(note)


def test_utf_16_begins_with_a_mark_in_either_order() -> None:
    for order in ("le", "be"):
        assert cities(("\ufeff" + CITIES).encode(f"utf-16-{order}"))[:3] == cities(CITIES.encode())[:3]


def test_half_a_letter_waits_for_the_other_half() -> None:
    """A pipe may cut anywhere: UTF-16 has two bytes for a letter, and four for some."""
    data = CITIES.replace("Paris", "𝄞").encode("utf-16")
    found = read_dataset("-", CsvOptions(), stream=Dribble(data, 3))
    assert strings(found.table.texts["stadt"]) == ["Köln", "Łódź", "𝄞", "Köln"]


def test_a_later_file_is_read_as_that_of_the_training_unless_it_is_utf_8() -> None:
    """What comes must not depend on how much of it has come: the first line with a letter beyond ASCII tells."""
    expected = load(CITIES.replace("Łódź", "é").encode("latin-1")).schema
    assert expected.encoding == "iso8859-1"
    new = "größe,stadt\n1,Köln\n"

    def towns(data: bytes) -> list[str | None]:
        with read_blocks("-", expected, stream=Dribble(data, 5)) as reader:
            return [town for block in reader for town in strings(block.table.texts["stadt"])]

    assert towns(new.encode("latin-1")) == ["Köln"]
    assert towns(new.encode("utf-8-sig")) == ["Köln"]
    assert towns(new.encode()) == ["Köln"]


def test_a_later_file_without_a_mark_is_not_of_the_encoding_that_a_mark_told() -> None:
    """Excel writes UTF-16 with a mark; what comes through a pipe later is UTF-8."""
    expected = load(CITIES.encode("utf-16")).schema
    for data in (b"gr\xc3\xb6\xc3\x9fe,stadt\n1,K\xc3\xb6ln\n", "größe,stadt\n1,Köln\n".encode("utf-16")):
        with read_blocks("-", expected, stream=Dribble(data, 5)) as reader:
            assert [strings(block.table.texts["stadt"]) for block in reader] == [["Köln"]]


@pytest.mark.parametrize(
    "encoding", ["utf-16", "ascii", "cp1252", "utf-8", "unicode_escape", "utf-7", "idna", "utf-32"]
)
def test_what_is_of_another_encoding_than_told_is_an_error_or_text(encoding: str) -> None:
    """No traceback, and no letter in place of another."""
    for data in (CITIES.encode(), CITIES.encode("utf-16-le")[:-1], b"a,stadt,class\n\\ud800,\x81,x\n"):
        with pytest.raises((DataError, OptionError)):
            load(data + b"\xff\xfe\x81,\n", encoding=encoding)


@pytest.mark.parametrize("name", ["os", "nncli", "encodings.utf_8", "../x", "rot13", "zlib", "hex", "aliases", "mbcs"])
def test_an_encoding_is_one_of_those_that_python_has(name: str) -> None:
    with pytest.raises(OptionError, match="expected an encoding such as utf-8"):
        TrainConfig.from_values({"encoding": name})


@pytest.mark.parametrize("before", ["# made by hand\n", '"an open quote\n', "\n\n", "a;b;c;d;e\nx\n"])
def test_lines_before_the_header_are_left_out(before: str) -> None:
    n = before.count("\n")
    found = load((before + CITIES).encode(), skip_rows=n)
    assert found.table.numbers[:, 0].tolist() == [1.5, 2, 3, 4]
    bad = complaint(before + CITIES + "5,x\n", skip_rows=n)
    assert bad.startswith(f"data.csv:{n + 6}: expected 3 columns, found 2.")


def test_more_lines_than_there_are_cannot_be_left_out() -> None:
    assert complaint(CITIES, skip_rows=6) == "--skip-rows: data.csv has only 5 lines."
    assert complaint(CITIES, skip_rows=5) == "data.csv: the file is empty."


GERMAN = "a;b;class\n1,5;-2,25e1;x\n,5;7;y\n+3,;1e-3;x\n"


@pytest.mark.usefixtures("by_each_parser")
@pytest.mark.parametrize("options", [{}, {"decimal": ","}])
def test_decimal_commas(options: dict[str, str]) -> None:
    found = load(GERMAN, dtype="float64", **options)
    np.testing.assert_array_equal(found.table.numbers, [[1.5, -22.5], [0.5, 7], [3, 0.001]])
    assert found.schema.decimal == ","
    assert ("decimal sign: ," in found.notes) == (not options)


def test_one_decimal_sign_at_a_time() -> None:
    assert "data.csv:5: column 'a': expected a number, found '1.5'." in complaint(GERMAN + "1.5;2;x\n")
    assert load("a;b;class\n1.5;2;x\n2.5;3;y\n").schema.decimal == "."
    found = load(GERMAN, decimal=".", categorical=("b",))
    assert strings(found.table.texts["a"]) == ["1,5", ",5", "+3,"]


def test_a_decimal_comma_is_that_of_later_files_too(
    nncli: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f"{i},5;{i % 2};{'yes' if i > 20 else 'no'}\n" for i in range(40))
    monkeypatch.chdir(tmp_path)
    Path("d.csv").write_text("a;b;class\n" + rows)
    assert nncli("train", "d.csv", "-m", "softmax", "--epochs", "300", "-q", "-o", "m.npz").code == 0
    Path("new.csv").write_text("b;a\n0;2,5\n1;38,5\n")
    assert nncli("predict", "m.npz", "new.csv").out == "prediction\nno\nyes\n"


def test_names_are_made_unique_and_told() -> None:
    found = load("a,a,,c2,a_2,y\n1,2,3,4,5,p\n6,7,8,9,1,q\n")
    assert found.schema.names == ("a", "a_3", "c2_2", "c2", "a_2")
    assert found.notes[:2] == (
        "column 2 has the same name as an earlier column: it is called a_3",
        "column 3 has no name in the header: it is called c2_2",
    )
    with read_blocks("d", found.schema, stream=io.BytesIO(b"a,a,,c2,a_2\n1,2,3,4,5\n")) as reader:
        assert [block.table.numbers.tolist() for block in reader] == [[[1, 2, 3, 4, 5]]]


def test_numbers_that_float32_cannot_tell_apart_are_read_as_float64(
    nncli: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seconds since 1970 are about 1.7e9, and float32 has steps of 128 there."""
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{1_700_000_000 + i % 60},{'late' if i % 60 > 29 else 'early'}\n" for i in range(300))
    Path("d.csv").write_text("time,class\n" + rows)
    outcome = nncli("train", "d.csv", "-o", "m.npz", "--json")
    assert "column 'time': float32 cannot tell its numbers apart, so all are read as float64\n" in outcome.err
    assert outcome.json["test"]["accuracy"] == 1
    assert nncli("eval", "m.npz", "d.csv", "--json", "-q").json["accuracy"] == 1
    Path("new.csv").write_text("time\n1700000029\n1700000030\n")
    assert nncli("predict", "m.npz", "new.csv").out == "prediction\nearly\nlate\n"
    lost = "float32, which cannot tell some of those apart: add --dtype float64, or leave --scale none out\n"
    few = ("train", "d.csv", "--scale", "none", "--model", "perceptron", "--epochs", "1", "-o", "m.npz")
    assert lost not in outcome.err
    assert lost in nncli(*few).err
    assert lost not in nncli(*few, "--dtype", "float64").err


def test_xz_is_read_like_the_others(tmp_path: Path) -> None:
    path = tmp_path / "d.csv.xz"
    parts = [CITIES[:20].encode(), CITIES[20:].encode()]  # two files in one, with padding between
    path.write_bytes(lzma.compress(parts[0]) + b"\0" * 8 + lzma.compress(parts[1]))
    assert read_dataset(str(path), CsvOptions()).table.numbers[:, 0].tolist() == [1.5, 2, 3, 4]
    path.write_bytes(lzma.compress(CITIES.encode())[:-9])
    with pytest.raises(DataError, match="the xz data is damaged or cut short"):
        read_dataset(str(path), CsvOptions())


def test_xz_may_not_ask_for_all_of_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "d.csv.xz"
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 3 << 27}]
    path.write_bytes(lzma.compress(CITIES.encode(), filters=filters))
    with pytest.raises(DataError, match="the xz data is damaged or cut short"):
        read_dataset(str(path), CsvOptions())
