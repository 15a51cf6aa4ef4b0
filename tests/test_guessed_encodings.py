"""A text in an encoding that nobody told is read by a guess, which is told; UTF-8 is never taken for anything else."""

from __future__ import annotations

import pytest

from csv_reading import blocks, complaint, load, strings


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("gbk", "年龄,城市,label\n31,北京市很大,好的\n45,上海市在海边,不好\n28,广州市很热,好的\n"),
        (
            "cp1251",
            "возраст,город,label\n31,Москва столица,хороший\n45,Санкт-Петербург,плохой\n28,Новосибирск,хороший\n",
        ),
        ("shift-jis", "年齢,都市,label\n31,東京都は大きいです,良い\n45,大阪にいます,悪い\n28,名古屋にて,良い\n"),
    ],
)
def test_text_of_other_scripts_is_not_read_as_western(encoding: str, text: str) -> None:
    found = load((text + text.partition("\n")[2] * 5).encode(encoding))
    [column] = found.table.texts.values()
    assert strings(column)[:3] == [line.split(",")[1] for line in text.splitlines()[1:]]
    [note] = [note for note in found.notes if note.startswith("encoding: ")]
    guess = note.split()[1].rstrip(",")
    lost = complaint(text.replace("label", "xyz").encode(encoding))
    assert f"(the text is read as {found.schema.encoding}, which is a guess: --encoding names another)" in lost
    assert "x".encode(guess)
    bad = complaint((text + "alt,x,y\n").encode(encoding))
    assert bad.startswith("data.csv:5: column ")
    assert "which is a guess" in bad


def test_western_text_is_still_western() -> None:
    for text in ("größe,stadt,label\n1,Köln,für\n2,Übersee,à\n", "é,è,label\n1,ü,ß\n2,ö,ab\n3,hello world,ab\n"):
        assert load(text.encode("latin-1")).schema.encoding == "iso8859-1"


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize("rows", [["1,Köln"], ["1,Paris", "2,Łódź", "3,Köln"]])
def test_utf_8_is_read_as_such_whatever_the_encoding_of_the_training(size: int, rows: list[str]) -> None:
    expected = load("größe,stadt,label\n1.5,Köln,ja\n2,Paris,nein\n".encode("latin-1")).schema
    assert expected.encoding == "iso8859-1"
    plain = load("groesse,stadt,label\n1.5,Köln,ja\n2,Paris,nein\n".encode("latin-1")).schema
    for schema, header in ((expected, "größe,stadt"), (plain, "groesse,stadt")):
        read = blocks("\n".join([header, *rows]) + "\n", schema, size)
        towns = [town for block in read for town in strings(block.table.texts["stadt"])]
        assert towns == [row.split(",")[1] for row in rows]


def test_russian_of_windows_is_not_taken_for_that_of_macintosh() -> None:
    cities = ["Москва", "Тверь", "Омск", "Казань", "Уфа"]
    rows = "".join(f"{cities[i % 5]};{i % 9},5;{'ab'[i % 2]}\n" for i in range(60))
    found = load(f"город;возраст;class\n{rows}".encode("cp1251"))
    assert strings(found.table.texts["город"])[:5] == cities
    assert any(note.startswith("encoding: cp1251, a guess, as it is not UTF-8") for note in found.notes)


@pytest.mark.parametrize("encoding", ["cp850", "cp437", "mac-roman", "cp1252"])
@pytest.mark.parametrize(
    "cities", [["München", "Köln", "Düren"], ["Orléans", "Besançon", "Châlons", "Béziers", "Nîmes"]]
)
def test_letters_inside_of_words_are_no_capitals(encoding: str, cities: list[str]) -> None:
    rows = "".join(f"{cities[i % len(cities)]};{i % 9},5;{'ab'[i % 2]}\n" for i in range(60))
    found = load(f"city;age;class\n{rows}".encode(encoding))
    assert strings(found.table.texts["city"])[: len(cities)] == cities
    assert any(
        f"a guess, as it is not UTF-8 (--encoding names another): it has '{cities[0]}'" in note for note in found.notes
    )


def test_few_russian_words_are_not_taken_for_those_of_macintosh() -> None:
    cities = ["Казань", "Уфа", "Москва"]
    rows = "".join(f"{cities[i * 5 % 3]};{i % 9};{'ab'[i % 2]}\n" for i in range(60))
    found = load(f"a;b;class\n{rows}".encode("cp1251"))
    assert strings(found.table.texts["a"])[:3] == ["Казань", "Москва", "Уфа"]


def test_a_file_in_two_encodings_is_warned_of() -> None:
    rows = [f"{i % 7},{['Köln', 'Ulm'][i % 2]},{'ab'[i % 2]}\n" for i in range(40)]
    data = ("x,city,class\n" + "".join(rows)).encode() + "".join(rows).encode("latin-1")
    warning = "warning: 'KÃ¶ln' looks like UTF-8 that is read as latin-1: the file has parts in two encodings"
    assert warning in load(data, encoding="iso8859-1").notes
    whole = ("x,city,class\n" + "".join(rows)).encode("latin-1")
    assert not [note for note in load(whole, encoding="iso8859-1").notes if note.startswith("warning")]
