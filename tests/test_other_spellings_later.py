"""Numbers in rows for a model that are written otherwise than in training: read where they have one meaning."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from csv_reading import blocks, load
from nncli.errors import NncliError
from spelled_tables import table

Run = Callable[..., Any]
PLAIN, COMMAS, PERCENT = ["2800052", "12.5"], ["2,5", "1,25"], ["45%", "5.5%"]
READ = {
    "apostrophes": (PLAIN, "2'800'052", 2800052),
    "blanks": (PLAIN, "2 800 052", 2800052),
    "no-break blanks": (PLAIN, "2\u202f800\u202f052.5", 2800052.5),
    "commas and a decimal point": (PLAIN, "2,800,052.5", 2800052.5),
    "several commas": (PLAIN, "2,800,052", 2800052),
    "as in India": (PLAIN, "28,00,052", 2800052),
    "one blank": (PLAIN, "1 234", 1234),
    "brackets": (PLAIN, "(5)", -5),
    "a minus of typographers": (PLAIN, "−5", -5),
    "a dash for minus": (PLAIN, "–5", -5),
    "blanks and a decimal comma": (COMMAS, "2 800,5", 2800.5),
    "points and a decimal comma": (COMMAS, "2.800.052,5", 2800052.5),
    "other thousands than in training": (["1,234.5", "7"], "2'800.5", 2800.5),
    "percent with thousands": (PERCENT, "2 800 %", 2800),
}
UNREAD = {
    "one comma": (PLAIN, "1,234", ["1234", "1.234"]),
    "a decimal comma": (PLAIN, "2,5", ["2.5"]),  # else 1.234 in the next row would be wrong
    "points": (PLAIN, "2.800.052", ["2800052"]),
    "points and a decimal comma": (PLAIN, "2.800.052,5", ["2800052.5"]),
    "a minus behind": (PLAIN, "5-", ["-5"]),
    "a decimal point": (COMMAS, "1.5", ["1,5"]),
    "one point": (COMMAS, "1.234", ["1,234", "1234"]),
    "commas and a decimal point": (COMMAS, "2,800,052.5", ["2800052,5"]),
    "percent": (PERCENT, "2,5%", ["2.5%"]),
    "another unit": (PLAIN, "5 kg", []),
    "several numbers": (PLAIN, "12 34", []),
    "groups of other lengths": (PLAIN, "1'23'4", []),
    "a word": (PLAIN, "old", []),
}


def first_number(trained: list[str], cell: str) -> float:
    schema = load(table(trained * 10, ["1", "2"])).schema
    [block] = blocks(f"a\tb\n{cell}\t1\n", schema)
    return float(block.table.numbers[0, 0])


@pytest.mark.parametrize("case", READ)
def test_a_number_with_one_meaning_is_read(case: str) -> None:
    trained, cell, number = READ[case]
    assert first_number(trained, cell) == number


@pytest.mark.parametrize("case", UNREAD)
def test_for_another_number_what_is_advised_works(case: str) -> None:
    trained, cell, written = UNREAD[case]
    with pytest.raises(NncliError) as caught:
        first_number(trained, cell)
    remedy = f"Write it as {' or as '.join(written)}" if written else "Correct it"
    assert str(caught.value).endswith(f"found '{cell}'. {remedy}, or leave the cell empty.")
    for number in written:
        first_number(trained, number)


def test_a_stream_in_another_dialect_gives_the_same_answers(nncli: Run, tmp_path: Path) -> None:
    rows = [(i * 791_000 % 3_000_000, i % 7 + 0.5) for i in range(120)]
    data, model = tmp_path / "d.csv", str(tmp_path / "m.npz")
    data.write_text("a,b,class\n" + "".join(f"{a},{b},{'pq'[a > 1_500_000]}\n" for a, b in rows))
    assert nncli("train", str(data), "-q", "-o", model, "--epochs", "30").code == 0
    answers = nncli("predict", model, str(data), "-q")
    assert answers.code == 0
    for delimiter, written in ((";", "{:_}"), ("\t", "{:_}"), (",", '"{:,}"')):
        other = tmp_path / "other.csv"
        cells = [
            (written.format(a).replace("_", "'" if delimiter == ";" else " "), str(b)) for a, b in rows if a >= 1e6
        ]
        other.write_text("\n".join(delimiter.join(row) for row in [("a", "b"), *cells]) + "\n")
        outcome = nncli("predict", model, str(other), "-q")
        expected = [answer for answer, (a, _) in zip(answers.out.split()[1:], rows, strict=True) if a >= 1e6]
        assert outcome.out.split()[1:] == expected, outcome.err


def test_texts_in_a_file_with_types_are_read_too(nncli: Run, tmp_path: Path) -> None:
    data, model, other = tmp_path / "d.csv", str(tmp_path / "m.npz"), tmp_path / "d.parquet"
    data.write_text("a,class\n" + "".join(f"{i * 7919 % 9000},{'pq'[i * 7919 % 9000 > 4500]}\n" for i in range(120)))
    assert nncli("train", str(data), "-q", "-o", model, "--epochs", "200").code == 0
    pq.write_table(pa.table({"a": ["8 999", "(5)", "1'000'000"]}), other)
    assert nncli("predict", model, str(other), "-q").out.split()[1:] == ["q", "p", "q"]


NAMES = {
    "in upper case": ("AGE,INCOME", "'AGE' for 'age' and 'INCOME' for 'income'"),
    "one of them": ("age,Income", "'Income'"),
    "with blanks": ("a g e,in come", "'a g e' for 'age' and 'in come' for 'income'"),
    "with underscores, in another order": ("_Income,_Age", "'_Age' for 'age' and '_Income' for 'income'"),
    "misspelt": ("AGE,incomme", "'AGE' for 'age' and 'incomme' for 'income'"),
    "one that is another": ("Age,x", "'Age' for 'age'"),
}


@pytest.mark.parametrize("case", NAMES)
def test_names_that_differ_in_case_or_blanks_are_listed_at_once(case: str) -> None:
    header, meant = NAMES[case]
    schema = load(
        "age,income,class\n" + "".join(f"{i * 7 % 5},{i * 3 % 7}.5,{'pq'[i % 2]}\n" for i in range(40))
    ).schema
    with pytest.raises(NncliError) as caught:
        blocks(f"{header}\n1,2.5\n", schema)
    absent = "column 'income' is missing" if case == "one of them" else "columns 'age', 'income' are missing"
    assert str(caught.value) == f"data.csv:1: {absent}. Did you mean {meant}?"


def test_the_name_of_the_target_is_listed_with_the_others() -> None:
    schema = load("age,x,class\n" + "".join(f"{i * 7 % 5},{i * 3 % 7},{'pq'[i % 2]}\n" for i in range(40))).schema
    with pytest.raises(NncliError) as caught:
        blocks("Age,x,Class\n1,2,p\n", schema, with_target=True)
    assert str(caught.value) == (
        "data.csv:1: columns 'age', 'class' are missing. Did you mean 'Age' for 'age' and 'Class' for 'class'?"
    )


def test_many_names_in_another_case_are_counted() -> None:
    names = [f"x{i}" for i in range(14)]
    rows = "".join(f"{','.join(str(i * k % 11) for k in range(1, 15))},{'pq'[i % 2]}\n" for i in range(40))
    schema = load(",".join([*names, "class"]) + "\n" + rows).schema
    with pytest.raises(NncliError) as caught:
        blocks(",".join(names).upper() + "\n" + ",".join("1" * 14) + "\n", schema)
    assert str(caught.value).endswith("'X8' for 'x8', 'X9' for 'x9' and 4 more?")
