"""However a file is cut, and whichever path reads a block, the same comes out."""

from __future__ import annotations

import csv
import io
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from csv_reading import MODEL, blocks, complaint, load, read_dataset, read_layout, schema, strings
from nncli.data.cells import rounded
from nncli.data.csv import header, whole_rows
from nncli.data.csv import reader as reader_module
from nncli.data.csv.arrow_parser import FastParser
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.row_blocks import Layout, RowBlock
from nncli.errors import NncliError
from short_and_long import for_examples, short_and_long

lengths = pytest.mark.parametrize("count", short_and_long(100, 500))
pytestmark = pytest.mark.usefixtures("small_files_take_the_fast_path_too")


NASTY = 'age,t,y\r\n1,"a ""b"", c",p\n 2.5 ,"x\n\ny",q\r\n,\'5" disk\',p\n"4",é,"q"\n1e2,,p\n\n'


def rows_of(got: list[RowBlock]) -> tuple[list[Any], ...]:
    return (
        [x for block in got for x in block.table.numbers.ravel().tolist()],
        [x for block in got for x in strings(block.table.texts["t"])],
        [x for block in got for x in strings(block.target)],
        [x for block in got for x in block.kept["t"].to_pylist()],
    )


def test_a_cut_at_any_byte_changes_nothing() -> None:
    data = NASTY.encode()
    expected = schema((("age", "number"), ("t", "text")), "y")
    whole = rows_of(blocks(data, expected, with_target=True, keep=("t",), dtype="float64"))
    assert repr(whole[0]) == "[1.0, 2.5, nan, 4.0, 100.0]"
    assert whole[1] == ['a "b", c', "x\n\ny", "'5\" disk'", "é", None]
    assert whole[2] == ["p", "q", "p", "q", "p"]
    for size in range(1, len(data) + 1):
        cut = rows_of(blocks(data, expected, size, with_target=True, keep=("t",), dtype="float64"))
        assert repr(cut) == repr(whole)


cells = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6),
    st.sampled_from(['"', "a,b", "x\ny", "x\r\ny", "\r", " a", "NA", '""', ";", "\n\n", "\n"]),
)
tables = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=8)
)
dialects = {
    "delimiter": st.sampled_from(",;\t|"),
    "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    "ends": st.sampled_from(["\n", "\r\n"]),
}


def written(table: list[list[str]], delimiter: str, quoting: Any, ends: str) -> bytes:
    out = io.StringIO(newline="")
    if any("\r" in cell for row in table for cell in row):
        quoting = csv.QUOTE_ALL  # before 3.13 Python leaves a CR in a cell unquoted where lines end in LF
    csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=ends).writerows(table)
    return out.getvalue().encode()


@lengths
def test_what_pythons_csv_writer_wrote_is_read_back(count: int) -> None:
    for_examples(count, read_back, table=tables, **dialects)


def read_back(table: list[list[str]], delimiter: str, quoting: Any, ends: str) -> None:
    names = tuple(f"n{i}" for i in range(len(table[0])))
    data = written(table, delimiter, quoting, ends)
    got = read_layout(data, Layout(names, delimiter, False, (), names[:1], None, names))
    for i, name in enumerate(names):
        assert [cell for block in got for cell in block.kept[name].to_pylist()] == [row[i] for row in table]


@lengths
def test_what_was_written_is_read_back_from_a_pipe(count: int) -> None:
    for_examples(count, read_back_from_a_pipe, table=tables, size=st.integers(1, 30), **dialects)


def read_back_from_a_pipe(table: list[list[str]], size: int, delimiter: str, quoting: Any, ends: str) -> None:
    names = tuple(f"n{i}" for i in range(len(table[0])))
    data = written([list(names), *table], delimiter, quoting, ends)
    expected = schema(tuple((name, "text") for name in names))
    got = blocks(data, expected, size, keep="all")
    for i, name in enumerate(names):
        assert [cell for block in got for cell in block.kept[name].to_pylist()] == [row[i] for row in table]


raw_cells = st.one_of(
    st.sampled_from(
        [
            "1",
            "-1",
            "+1",
            "1.",
            ".5",
            ".",
            "1e5",
            "1e39",
            "1e400",
            "1e-50",
            "inf",
            "-nan",
            "nan(1)",
            "NAN",
            "NA",
            " NA",
            "0x1F",
            "1_0",
            " 5",
            "5 ",
            '"5"',
            '" 5"',
            '"',
            'a"b',
            '"a"b',
            '"a""b"',
            '"a\nb"',
            "a\rb",
            "",
            " ",
            "٣",
            "x",
            "007",
            "?",
        ]
    ),
    st.floats(width=32).map(repr),
    st.floats().map(repr),
    st.integers(0, 300).map(str),
    st.text(st.sampled_from('1.e-+"\r ,a'), max_size=4),
)


def outcome(data: bytes, layout: Layout, dtype: str, *, by_hand: bool) -> Any:
    try:
        got = read_layout(data, layout, by_hand, dtype, on_error="blank")
    except NncliError as error:
        return str(error)
    errors, n = [], 0
    for block in got:
        errors += [(n + i, str(error)) for i, error in block.errors.items()]
        n += len(block)
    return n, repr(rows_of(got)), errors


@lengths
def test_the_fast_path_reads_like_the_slow_one(count: int) -> None:
    for_examples(
        count,
        read_both_ways,
        rows=st.lists(st.lists(raw_cells, min_size=3, max_size=3).map(",".join), max_size=5),
        dtype=st.sampled_from(["float32", "float64"]),
        with_target=st.booleans(),
        ends=st.sampled_from(["\n", "\r\n"]),
    )


def read_both_ways(rows: list[str], dtype: str, with_target: bool, ends: str) -> None:
    data = ends.join([*rows, ""]).encode()
    layout = Layout(("a", "t", "y"), ",", False, ("a",), ("t",), "y" if with_target else None, ("t",))
    if not with_target:
        layout = Layout(("a", "t", "y"), ",", False, ("a", "y"), ("t",), None, ("t",))

    answer = outcome if with_target else outcome_without_target
    assert answer(data, layout, dtype, by_hand=False) == answer(data, layout, dtype, by_hand=True)


def outcome_without_target(data: bytes, layout: Layout, dtype: str, *, by_hand: bool) -> Any:
    try:
        got = read_layout(data, layout, by_hand, dtype, on_error="blank")
    except NncliError as error:
        return str(error)
    return [
        (
            repr(b.table.numbers.tolist()),
            strings(b.table.texts["t"]),
            b.kept["t"].to_pylist(),
            repr(b.errors),
        )
        for b in got
    ]


def test_both_paths_round_alike() -> None:
    random.seed(5)
    numbers = [repr(random.uniform(-1, 1) * 10 ** random.randint(-40, 38)) for _ in range(3000)]
    data = "".join(f"{x},a,p\n" for x in numbers).encode()
    layout = Layout(("a", "t", "y"), ",", False, ("a",), ("t",), "y", ("t",))
    for dtype in ("float32", "float64"):
        fast, slow = (
            np.concatenate([b.table.numbers for b in read_layout(data, layout, hand, dtype)]) for hand in (False, True)
        )
        np.testing.assert_array_equal(fast, slow)
        np.testing.assert_allclose(fast[:, 0], np.array([float(x) for x in numbers], dtype), rtol=1e-6, atol=1e-44)


def test_a_row_without_end_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole_rows, "ROW_LIMIT", 10_000)
    with pytest.raises(NncliError, match=r"^data.csv:2: an open quote: it is never closed\."):
        blocks('age,city\n1,"' + "x\n" * 20_000, MODEL, 3000)
    with pytest.raises(NncliError, match=r"^data.csv:2: expected a row, found no end of line in 0 MiB\."):
        blocks("age,city\n1," + "x" * 20_000, MODEL, 3000)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Writes data.csv, which is then read in many blocks, several at a time."""
    monkeypatch.setattr(reader_module, "BLOCK_BYTES", 50_000)
    monkeypatch.chdir(tmp_path)

    def write(text: str) -> str:
        Path("data.csv").write_text(text)
        return "data.csv"

    return write


def test_a_file_is_read_several_blocks_at_a_time(file: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[int] = set()
    parse = reader_module.CsvReader._parse

    def watched(self: Any, data: bytes, regular: bool) -> Any:
        seen.add(threading.get_ident())
        return parse(self, data, regular)

    monkeypatch.setattr(reader_module.CsvReader, "_parse", watched)
    monkeypatch.setattr(reader_module, "reader_threads", lambda: 2)  # with one, the thread that reads parses too
    read_dataset(file("age,label\n" + "1,a\n2,b\n" * 400_000), CsvOptions())
    assert threading.get_ident() not in seen


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (
            "x,a\n" + "1,a\n" * 3000 + '1,"open\n',
            "600002: column 'age': expected a number, found 'x'",
        ),  # not the second
        ('1,"open\n' + "1,a\n" * 3000, "600002: an open quote: it is never closed"),
        ("1,a,b\n" + "1,a\n" * 3000, "600002: expected 2 columns, found 3"),
    ],
)
def test_an_error_far_down_a_file_names_its_line(file: Callable[[str], str], bad: str, message: str) -> None:
    with pytest.raises(NncliError, match=f"^data.csv:{message}"):
        read_dataset(file("age,label\n" + "1,a\n2,b\n" * 300_000 + bad), CsvOptions())


def test_lines_inside_quotes_count_as_lines_of_the_file(file: Callable[[str], str]) -> None:
    with pytest.raises(NncliError, match=r"^data.csv:600002: column 'age': expected a number, found 'x'"):
        read_dataset(file("age,label\n" + '1,"a\n2"\n' * 300_000 + "x,a\n"), CsvOptions())


def test_a_number_that_means_missing_is_missing_among_small_whole_numbers() -> None:
    rows = ["9,5,a", "1,2,b"] * 3000
    data = load("x,z,label\n" + "\n".join(rows) + "\n", missing=("9",))
    np.testing.assert_array_equal(data.table.numbers[:2], [[np.nan, 5], [1, 2]])


@pytest.mark.parametrize("cell", ["0x10", "0X10"])
def test_hexadecimal_numbers_are_no_numbers(cell: str) -> None:
    found = complaint("x,label\n" + "1,a\n2,b\n" * 3000 + f"{cell},a\n")
    assert found.startswith(f"data.csv:6002: column 'x': expected a number, found '{cell}'")


def test_a_long_header_does_not_ask_for_more_room_than_the_file_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A header of almost the whole first sample leaves a few bytes of rows in it."""
    asked = []
    empty = np.empty
    monkeypatch.setattr(np, "empty", lambda shape, *more, **rest: asked.append(shape) or empty(shape, *more, **rest))
    names = [f"ENSG{i:011d}" for i in range(5000)]
    path = tmp_path / "genes.csv"
    path.write_text(",".join([*names, "label"]) + "\n" + "".join("0.25," * 5000 + f"{k % 2}\n" for k in range(100)))
    monkeypatch.setattr(header, "SAMPLE_BYTES", len(names[0]) * 5000 + 5000 + 10)
    assert len(read_dataset(str(path), CsvOptions()).y) == 100
    assert max(np.prod(shape, dtype=float) for shape in asked) <= 2 * 100 * 5000


def test_a_row_in_error_keeps_no_block_of_rows_alive() -> None:
    [block] = blocks("age,city\n1,a\nbad,b\n", MODEL, on_error="blank")
    assert [error.__traceback__ for error in block.errors.values()] == [None]


def test_rows_that_get_shorter_or_longer_are_all_kept(tmp_path: Path) -> None:
    long, short = ["000000789.25,some long text,a"] * 60_000, ["1,t,b"] * 200_000
    for rows in (long + short, short + long):  # the room made by the first rows is too small, then too large
        path = tmp_path / "data.csv"
        path.write_text("x,t,label\n" + "\n".join(rows) + "\n")
        got = read_dataset(str(path), CsvOptions())
        np.testing.assert_array_equal(got.table.numbers[:, 0], [float(row.split(",")[0]) for row in rows])
        assert strings(got.table.texts["t"]) == [row.split(",")[1] for row in rows]
        assert [got.classes[k] for k in got.y] == [row[-1] for row in rows]


def test_a_mark_at_the_start_of_a_block_is_a_part_of_its_cell() -> None:
    names = ("n0", "n1")
    parser = FastParser(Layout(names, ",", True, (), names, None, keep=names))
    assert parser.read("\ufeff,x\n".encode(), True, False) is None  # pyarrow would take it off


def test_a_single_cr_in_a_row_that_was_mended_is_no_traceback() -> None:
    read_both_ways(["1,1,1", "1,1,1", '1,1,"', "1,1,a\r"], "float32", with_target=False, ends="\r\n")


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("16777217", 2.0**24),  # half-way between two float32: the even one
        # above half-way, though the nearest float64 is half-way itself
        ("16777217.0000000001", 2.0**24 + 2),
        ("16777216.9999999999", 2.0**24),
        ("0.1", 13421773 / 2**27),  # 0.1 · 2²⁷ = 13421772.8
        ("-1e39", -np.inf),
        ("1e-46", 0.0),  # the least is 2⁻¹⁴⁹, 1.4e-45
        ("nan", np.nan),
    ],
)
def test_numbers_are_rounded_once(text: str, nearest: float) -> None:
    found = rounded(["1", text], "float32")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.array([1, nearest]).astype(np.float32))
