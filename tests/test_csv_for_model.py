"""A file for a model that exists: matched by name, read as it arrives."""

from __future__ import annotations

import io
import os

import numpy as np
import pytest

from csv_reading import MODEL, blocks, read_dataset, schema, strings
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.csv.reader import read_blocks
from nncli.errors import NncliError, OptionError

pytestmark = pytest.mark.usefixtures("small_files_take_the_fast_path_too")

IF_A_ROW = " If that line is a row, write the names of the columns above it."


def test_columns_are_matched_by_name_whatever_their_order_and_others_ignored() -> None:
    # The extra column is not UTF-8, and 'x' would be no number: neither is looked at.
    [block] = blocks(b"x,city,label,age\nn\xe9,rome,,5\nx,paris,?,6.5\n", MODEL)
    assert block.table.numbers.tolist() == [[5], [6.5]]
    assert strings(block.table.texts["city"]) == ["rome", "paris"]
    assert block.target is None


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_the_delimiter_is_the_one_that_shows_the_names(delimiter: str) -> None:
    [block] = blocks(delimiter.join(("age", "city")) + "\n" + delimiter.join(("7", "a,b;c"[:3])) + "\n", MODEL)
    assert block.table.numbers.tolist() == [[7]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Age,city\n1,x\n", "data.csv:1: column 'age' is missing. Did you mean 'Age'?"),
        (
            "city,q\nx,1\n",
            f"data.csv:1: column 'age' is missing. The columns are city and q.{IF_A_ROW}",
        ),
        (
            "p,q\nx,1\n",
            f"data.csv:1: columns 'age', 'city' are missing. The columns are p and q.{IF_A_ROW}",
        ),
        (
            "1,x,3,4\n",
            f"data.csv:1: columns 'age', 'city' are missing. The columns are 1, x, 3 and 4.{IF_A_ROW}",
        ),
        ("age,age,city\n1,1,x\n", "data.csv:1: two columns are called 'age'. Rename one of them."),
        (
            "age,city\nold,x\n",
            "data.csv:2: column 'age': expected a number, found 'old'. Correct it, or leave the cell empty.",
        ),
        ("", "data.csv: the file is empty."),
    ],
)
def test_what_does_not_fit_the_model_is_an_error(text: str, message: str) -> None:
    with pytest.raises(NncliError) as caught:
        blocks(text, MODEL)
    assert str(caught.value) == message


@pytest.mark.parametrize("unseen", ["\u200b", "\u00ad", "\ufeff", "\u200e", "\u00a0", " \u2060 "])
def test_what_nobody_sees_around_names_and_cells_changes_nothing(unseen: str) -> None:
    text = ",".join(f"{unseen}{name}{unseen}" for name in ("city", "age")) + f"\nrome{unseen},{unseen}7\n"
    [block] = blocks(text, MODEL)
    assert block.table.numbers.tolist() == [[7]]
    assert strings(block.table.texts["city"]) == ["rome"]
    older = schema((("age\u200b", "number"), ("city", "text")), "label")  # as a model of an earlier version may have it
    for name in ("age", "age\u200b"):
        assert blocks(f"city,{name}\nrome,7\n", older)[0].table.numbers.tolist() == [[7]]


def test_two_ignored_columns_may_have_one_name() -> None:
    assert blocks("x,age,x,city\n1,2,3,rome\n", MODEL)[0].table.numbers.tolist() == [[2]]


def test_data_evidently_without_header_is_matched_by_position() -> None:
    for text, told in (("5,rome\n6,paris\n", ""), ("5,a,rome\n6,b,paris\n", ", number 2 as 'label'")):
        expected = schema(MODEL.columns, "label", target_place=1)
        with read_blocks("d", expected, stream=io.BytesIO(text.encode())) as reader:
            assert reader.notes == [f"no header: columns are matched by position{told}"]
            [block] = reader
        assert block.table.numbers.tolist() == [[5], [6]]
        assert strings(block.table.texts["city"]) == ["rome", "paris"]


def test_a_model_trained_without_header_reads_by_position() -> None:
    # trained on c0, c1 (dropped), c2 (target), c3
    model = schema((("c0", "number"), ("c3", "number")), "c2", header=False, target_place=1)
    for text in ("1,2\n", "1,p,2\n", "1,x,p,2\n", "a,b\n1,2\n", "c3,c0\n2,1\n"):
        assert blocks(text, model)[0].table.numbers.tolist() == [[1, 2]], text
    with pytest.raises(NncliError) as caught:
        blocks("1\n", model)
    assert str(caught.value) == "data.csv:1: expected 2 or 3 or 4 columns, found 1. The model's columns are c0 and c3."


def test_a_trained_file_is_read_back_for_its_model() -> None:
    text = "a;t;y;b\n1.5;u;0;3\n2;v;1;4\n"
    data = read_dataset("d", CsvOptions(), stream=io.BytesIO(text.encode()))
    [block] = blocks(text, data.schema, with_target=True)
    np.testing.assert_array_equal(block.table.numbers, data.table.numbers)
    assert strings(block.table.texts["t"]) == strings(data.table.texts["t"])
    assert strings(block.target) == ["0", "1"]


def test_the_target_is_read_for_eval_and_must_be_there() -> None:
    assert strings(blocks("age,city,label\n1,x,new\n", MODEL, with_target=True)[0].target) == ["new"]
    with pytest.raises(NncliError) as caught:
        blocks("age,city,labels\n1,x,new\n", MODEL, with_target=True)
    assert str(caught.value) == "data.csv:1: the target column 'label' is missing. Did you mean 'labels'?"


def test_kept_columns_are_the_text_of_the_file() -> None:
    [block] = blocks('id,age,city\n 007, 1.50,"a ""b"", c"\nNA,2,\n', MODEL, keep="all")
    kept = {name: column.to_pylist() for name, column in block.kept.items()}
    assert kept == {"id": [" 007", "NA"], "age": [" 1.50", "2"], "city": ['a "b", c', ""]}
    with pytest.raises(OptionError) as caught:
        blocks("ids,age,city\n1,2,x\n", MODEL, keep=("id",))
    assert str(caught.value) == "--keep: no column is called 'id'. Did you mean 'ids'?"


def test_with_on_error_blank_bad_rows_are_marked_and_the_others_read() -> None:
    text = 'age,city\n1,a\nold,b\n3\n4,"x"z\n\n1e99,c\n7,d\n'
    found = blocks(text, MODEL, keep=("city",), on_error="blank")
    numbers = np.concatenate([block.table.numbers[:, 0] for block in found])
    np.testing.assert_array_equal(numbers, [1, np.nan, np.nan, np.nan, np.nan, np.nan, 7])
    assert [c for block in found for c in strings(block.table.texts["city"])] == ["a", *[None] * 5, "d"]
    assert [c for block in found for c in block.kept["city"].to_pylist()] == ["a", "b", "", "", "", "c", "d"]
    places = [(i, block.errors.get(i)) for block in found for i in range(len(block))]
    errors = {at: error for at, (_, error) in enumerate(places) if error}
    assert {i: str(error).split(".", 2)[1][:12] for i, error in errors.items()} == {
        1: "csv:3: colum", 2: "csv:4: expec", 3: "csv:5: a quo", 4: "csv:6: expec", 5: "csv:7: colum"
    }  # fmt: skip


def test_one_bad_row_in_a_large_block_leaves_the_others_alone() -> None:
    rows = [f"{i},c{i}" for i in range(40000)]
    rows[30000] = "bad,x"
    got = blocks("age,city\n" + "\n".join(rows), MODEL, on_error="blank")
    numbers = np.concatenate([block.table.numbers[:, 0] for block in got])
    assert np.flatnonzero(np.isnan(numbers)).tolist() == [30000]
    assert np.delete(numbers, 30000).tolist() == [i for i in range(40000) if i != 30000]
    [error] = [error for block in got for error in block.errors.values()]
    assert error.where == "data.csv:30002"


def test_a_header_alone_is_no_row_and_no_error() -> None:
    assert blocks("age,city\n", MODEL) == []


def test_a_slow_producer_gets_each_row_at_once() -> None:
    out, into = os.pipe()
    with os.fdopen(out, "rb", buffering=0) as pipe, os.fdopen(into, "wb", buffering=0) as producer:
        producer.write(b"age,city\n")
        reader = iter(read_blocks("-", MODEL, stream=pipe))
        for i in range(3):
            producer.write(b"%d,rome\n" % i)
            assert next(reader).table.numbers.tolist() == [[i]]  # would wait for ever if it wanted more
        producer.write(b"8,ro")
        producer.write(b"me\n9,pa")
        assert next(reader).table.numbers.tolist() == [[8]]
        producer.close()
        assert next(reader).table.numbers.tolist() == [[9]]
