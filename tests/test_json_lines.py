# ruff: noqa: E501  (a case stands on one line)
"""JSON Lines say the same as CSV, in a file, in a pipe row by row, and packed; what is no table is refused with its line."""

from __future__ import annotations

import csv
import gzip
import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli_process import PROGRAM
from csv_reading import assert_same_rows
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.load import load_dataset

Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def rows(n: int = 60) -> list[dict[str, Any]]:
    return [
        {"n": i % 7, "x": None if i % 11 == 3 else i / 8, "flag": i % 3 == 0, "word": ["a,b", 'say "no"', "größe", "two\nlines"][i % 4],
         "when": f"2026-01-{i % 30 + 1:02}", "label": "pq"[i % 2]}
        for i in range(n)
    ]  # fmt: skip


def write(found: list[dict[str, Any]], name: str = "d.jsonl") -> None:
    Path(name).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found))


def write_both(n: int = 60) -> None:
    write(rows(n))
    with Path("d.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(rows(1)[0])
        for row in rows(n):
            writer.writerow(["" if v is None else str(v).lower() if isinstance(v, bool) else v for v in row.values()])


@pytest.mark.parametrize("n", [60, 3000])
def test_lines_are_read_as_the_csv_that_says_the_same(n: int) -> None:
    write_both(n)
    found, plain = (load_dataset((name,), CsvOptions(), "float32") for name in ("d.jsonl", "d.csv"))
    assert_same_rows(found, plain)
    assert {*found.table.dates, *found.table.texts} == {"when", "flag", "word"}


def test_a_model_predicts_and_is_evaluated_on_lines_as_on_csv(nncli: Run) -> None:
    write_both()
    assert nncli("train", "d.jsonl", "-m", "softmax", "--epochs", "3", "-q", "-o", "m.npz").code == 0
    expected = nncli("predict", "m.npz", "d.csv", "--keep", "word,n").out
    assert nncli("predict", "m.npz", "d.jsonl", "--keep", "word,n").out == expected
    Path("d.jsonl.gz").write_bytes(gzip.compress(Path("d.jsonl").read_bytes()))
    with zipfile.ZipFile("d.zip", "w") as file:
        file.write("d.jsonl")
    for name in ("d.jsonl.gz", "d.zip"):
        assert nncli("predict", "m.npz", name, "--keep", "word,n").out == expected
    assert nncli("eval", "m.npz", "d.jsonl", "-q", "--json").json["n"] == 60
    assert nncli("eval", "m.npz", "-q", "--json").json["n"] == 9


def test_keys_may_stand_in_any_order_and_the_target_may_be_absent_in_new_rows(nncli: Run) -> None:
    write(rows())
    assert nncli("train", "d.jsonl", "-m", "softmax", "--epochs", "3", "-q", "-o", "m.npz").code == 0
    write([dict(reversed([*row.items()][:-1])) for row in rows()], "new.jsonl")
    write(
        [
            {name: row[name] for name in (["when", "flag", "x", "n", "word"] if i % 2 else [*row][:-1])}
            for i, row in enumerate(rows())
        ],
        "mixed.jsonl",
    )
    expected = nncli("predict", "m.npz", "d.jsonl").out
    assert nncli("predict", "m.npz", "new.jsonl").out == expected
    assert nncli("predict", "m.npz", "mixed.jsonl").out == expected


def test_a_line_in_a_pipe_is_predicted_when_it_arrives(nncli: Run) -> None:
    write(rows())
    assert nncli("train", "d.jsonl", "-m", "softmax", "--epochs", "3", "-q", "-o", "m.npz").code == 0
    expected = nncli("predict", "m.npz", "d.jsonl").out.splitlines()
    with subprocess.Popen(
        [*PROGRAM, "predict", "m.npz", "-q"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        for i, row in enumerate(rows(3)):
            process.stdin.write(json.dumps(row) + "\n")
            process.stdin.flush()
            if i == 0:
                assert process.stdout.readline() == "prediction\n"
            assert process.stdout.readline() == expected[i + 1] + "\n"
        process.stdin.close()
        assert process.wait(20) == 0


def test_numbers_keep_their_digits() -> None:
    write([{"a": 16777217 + i % 2, "label": "pq"[i % 2]} for i in range(40)])
    assert set(load_dataset(("d.jsonl",), CsvOptions(), "float32").table.numbers[:, 0]) == {16777217.0, 16777218.0}


def test_names_that_are_numbers_are_names() -> None:
    write([{"0": i % 13, "1": i * 7 % 11, "label": i % 2} for i in range(40)])
    dataset = load_dataset(("d.jsonl",), CsvOptions(), "float32")
    assert (len(dataset), dataset.schema.names) == (40, ("0", "1"))


def test_a_key_that_some_lines_lack_is_a_missing_value(nncli: Run) -> None:
    full = [{"a": i % 7, "b": i * 5 % 11, "label": "pq"[i % 2]} for i in range(60)]
    some = [{key: cell for key, cell in row.items() if key != "b" or i % 5 != 2} for i, row in enumerate(full)]
    nulls = [{**row, "b": row.get("b")} for row in some]
    for name, lines in (("some", some[2:] + some[:2]), ("nulls", nulls[2:] + nulls[:2])):  # the first line lacks it
        Path(f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        outcome = nncli("train", f"{name}.jsonl", "--epochs", "3", "-o", f"{name}.npz")
        assert ("key 'b' is not in 12 lines: read as a missing value" in outcome.err) == (name == "some")
    rows = [nncli("predict", f"{model}.npz", f"{data}.jsonl", "--proba", "-q").out
            for model in ("some", "nulls") for data in ("some", "nulls")]  # fmt: skip
    assert len(set(rows)) == 1
    assert rows[0].count("\n") == 61


def test_a_key_that_comes_late_is_refused_with_what_to_do(nncli: Run) -> None:
    lines = [{"a": i % 7, "label": "pq"[i % 2]} for i in range(1200)] + [{"a": 1, "c": 2, "label": "p"}]
    Path("d.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    problem = "d.jsonl:1201: expected the keys of the lines above, found 'c' too. "
    assert (
        nncli("train", "d.jsonl", "-q").err
        == f"{problem}Write it in the first line too, as null if there is no value.\n"
    )
    Path("d.jsonl").write_text("".join(json.dumps(line) + "\n" for line in [{**lines[0], "c": None}, *lines[1:]]))
    assert nncli("train", "d.jsonl", "-q", "--epochs", "1").code == 0


def test_a_key_that_comes_late_is_ignored_unless_the_model_or_the_output_has_it(nncli: Run) -> None:
    write([{"a": i % 7, "b": i * 5 % 11, "label": "pq"[i % 2]} for i in range(60)])
    assert nncli("train", "d.jsonl", "-q", "--epochs", "1", "-o", "m.npz").code == 0
    rows = [{"a": i, "b": 1, "label": "p"} for i in range(3)]
    write(rows)
    plain = [nncli(*asked, "d.jsonl", "-q") for asked in (("predict", "m.npz", "--proba"), ("eval", "m.npz"))]
    write([rows[0], {"id": 7, **rows[1], "lang": "en"}, {**rows[2], "label": "p"}])
    for asked, own in zip((("predict", "m.npz", "--proba"), ("eval", "m.npz")), plain, strict=True):
        outcome = nncli(*asked, "d.jsonl", "-q")
        assert (outcome.code, outcome.out, outcome.err) == (0, own.out, own.err)
    outcome = nncli("predict", "m.npz", "d.jsonl", "--keep", "all", "-q")
    assert outcome.code == 1
    assert outcome.err.startswith("d.jsonl:2: expected the keys of the lines above, found 'id' too. ")
    write([rows[0], {"a": 1, "B": 2, "id": 7}])
    outcome = nncli("predict", "m.npz", "d.jsonl", "-q")
    assert (outcome.code, outcome.err) == (1, "d.jsonl:2: column 'b' is missing. Did you mean 'B'?\n")
    write([{"id": 1, **rows[0]}, {"a": 1, "lang": "en"}])
    outcome = nncli("predict", "m.npz", "d.jsonl")
    assert (outcome.code, outcome.out.count("\n")) == (0, 3)
    assert "key 'b' is not in 1 line: read as a missing value" in outcome.err
    assert "'id'" not in outcome.err  # which nobody misses


def test_a_key_spelt_in_another_way_is_no_missing_value(nncli: Run) -> None:
    for name, key in (("d", "width"), ("e", "Width")):
        lines = [json.dumps({"a": i % 7, key: i % 5, "label": "pq"[i % 2]}) + "\n" for i in range(60)]
        Path(f"{name}.jsonl").write_text("".join(lines))
    assert nncli("train", "d.jsonl", "-q", "--epochs", "1").code == 0
    outcome = nncli("predict", "model.npz", "e.jsonl")
    assert (outcome.code, outcome.err) == (1, "e.jsonl:1: column 'width' is missing. Did you mean 'Width'?\n")


@pytest.mark.parametrize(("line", "problem"), [
    ('{"a": 1, "label": "p"', "expected an object such as {\"a\": 1, \"b\": \"x\"}: Expecting ',' delimiter"),
    ("[1, 2]", "expected an object such as {\"a\": 1, \"b\": \"x\"}, found '[1, 2]'. "),
    ("", "expected an object, found an empty line. Delete the line."),
    ('{"a": 1}', "target column 'label': expected a class, found an empty cell. "),
    ("{}", "expected an object with a key for each column, found one without keys. Delete the line."),
    ('{"a": 1, "a": 2, "label": "p"}', "key 'a' comes twice. Rename one of them."),
    ('{"a": [1, 2], "label": "p"}', "key 'a': expected a number, text, true, false or null, found a list. "),
    ('{"a": {"b": 1}, "label": "p"}', "key 'a': expected a number, text, true, false or null, found an object. "),
    ('{"a": "no", "label": "p"}', "column 'a': expected a number, found 'no'. "),
    ('{"a": Infinity, "label": "p"}', "column 'a': expected a finite number, found 'Infinity'. "),
    ('{"a": 1, "label": null}', "target column 'label': expected a class, found an empty cell. "),
    ('{"a": 1, "label": "\\ud800"}', "expected text, found half a character: \\ud800. Correct it."),
    ("[" * 100_000, "expected an object such as"),
])  # fmt: skip
def test_a_line_that_is_no_row_is_refused_with_its_number(nncli: Run, line: str, problem: str) -> None:
    lines = [json.dumps({"a": i, "label": "pq"[i % 2]}) for i in range(40)]
    lines[16] = line
    Path("d.jsonl").write_text("\n".join(lines) + "\n\n")
    outcome = nncli("train", "d.jsonl", "-m", "softmax", "--epochs", "1", "-q")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith("d.jsonl:17: " + problem)
    assert outcome.err.count("\n") == 1


def test_rows_that_cannot_be_read_can_be_left_blank(nncli: Run) -> None:
    write(rows())
    assert nncli("train", "d.jsonl", "-m", "softmax", "--epochs", "3", "-q", "-o", "m.npz").code == 0
    lines = Path("d.jsonl").read_text().splitlines()
    expected = nncli("predict", "m.npz", "d.jsonl").out.splitlines()
    lines[4] = "{}"
    Path("d.jsonl").write_text("\n".join(lines))
    found = nncli("predict", "m.npz", "d.jsonl", "--on-error", "blank").out.splitlines()
    assert found == [*expected[:5], '""', *expected[6:]]


@pytest.mark.parametrize(("text", "problem"), [
    ('[{"a": 1, "label": 0}, {"a": 2, "label": 1}]', "JSON in one array. Write one object a line: python3 -c \"import json"),
    ('[\n {"a": 1}\n]\n', "JSON in one array. "),
    ('[["a", "label"], [1, 0]]', "JSON in one array. Write it as CSV: python3 -c \"import csv"),
    ('{\n "a": 1,\n "label": 0\n}\n', "JSON of several lines. Write one object a line: jq -c . d.json > rows.jsonl"),
    ('{"a": 1,\n "label": 0}\n', "JSON of several lines. "),
])  # fmt: skip
def test_other_json_is_named_with_what_makes_lines_of_it(nncli: Run, text: str, problem: str) -> None:
    Path("d.json").write_text(text)
    assert nncli("train", "d.json").err.startswith(f"d.json: expected data, found {problem}")


COLUMNS = {name: [row[name] for row in rows()] for name in rows(1)[0]}
DOCUMENTS: dict[str, Any] = {
    "a list of rows": {"data": rows()},
    "a list of rows behind other keys": {"count": 60, "next": None, "by": 'a "b", {c', "results": rows()},
    "a list of rows and a schema": {"schema": {"fields": [{"name": "n"}]}, "data": rows()},
    "names and rows": {"columns": [*COLUMNS], "index": [*range(60)], "data": [[*row.values()] for row in rows()]},
    "a list for each column": COLUMNS,
    "an object for each column": {
        name: {str(i): cell for i, cell in enumerate(cells)} for name, cells in COLUMNS.items()
    },
    "rows by number": {str(i): row for i, row in enumerate(rows())},
}  # the fourth and those behind it as pandas writes them


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("kind", DOCUMENTS)
def test_one_object_with_a_table_in_it_becomes_lines_or_csv_as_advised(
    kind: str, indent: int | None, nncli: Run
) -> None:
    Path("d.json").write_text(json.dumps(DOCUMENTS[kind], indent=indent))
    error = nncli("train", "d.json").err
    assert error.startswith("d.json: expected data, found JSON with ")
    command = error.partition(": python3 -c")[2].removesuffix(".\n")
    subprocess.run(["bash", "-c", f"python3 -c{command}"], check=True)
    [made] = Path().glob("rows.*")
    write(rows())
    found, plain = (load_dataset((name,), CsvOptions(), "float32") for name in (str(made), "d.jsonl"))
    assert_same_rows(found, plain)


@pytest.mark.parametrize(
    "line", ['{"a": 1, "items": [{"b": 1}], "label": "p"}', '{"0": {"b": 2}, "a": 1, "label": "p"}']
)
def test_lines_with_lists_of_objects_are_lines(line: str) -> None:
    other = line.replace('"p"', '"q"').replace('"a": 1', '"a": 2')
    Path("d.jsonl").write_text(f"{line}\n{other}\n" * 20)
    nested = line[2 : line.index('":')] if line.startswith('{"0"') else "items"
    assert load_dataset(("d.jsonl",), CsvOptions(drop=(nested,)), "float32").schema.names == ("a",)


def test_a_line_for_a_model_may_be_the_only_one(nncli: Run) -> None:
    write_both()
    assert nncli("train", "d.jsonl", "-m", "softmax", "--epochs", "1", "-q", "-o", "m.npz").code == 0
    write([{"tags": [{"a": 1}]} | rows(1)[0]])
    assert nncli("predict", "m.npz", "d.jsonl").out.count("\n") == 2
    write([{"data": rows(1)}])
    assert (
        "found JSON with its rows in a list. Write one object a line: python3"
        in nncli("predict", "m.npz", "d.jsonl").err
    )


def test_a_text_table_that_begins_with_a_brace_stays_one() -> None:
    Path("d.csv").write_text("{a},label\n" + "".join(f"{i},{'pq'[i % 2]}\n" for i in range(40)))
    assert load_dataset(("d.csv",), CsvOptions(), "float32").schema.names == ("{a}",)


ADDRESS = '"addr": {"zip": "00501"}, '
NESTED = [f'{{"a": {i * i % 17}, {ADDRESS}"tags": [1, {i}], "label": "{"pq"[i // 2 % 2]}"}}' for i in range(60)]


def test_keys_with_objects_and_lists_are_left_out_as_advised(tmp_path: Path, nncli: Callable[..., Any]) -> None:
    path, model = tmp_path / "d.jsonl", tmp_path / "m.npz"
    path.write_text("\n".join(NESTED) + "\n")
    words = ["train", path, "-q", "--epochs", "1", "-o", model]
    told = "expected a number, text, true, false or null, found an object. Leave it out with --drop addr, or give each "
    assert f"d.jsonl:1: key 'addr': {told}part of it a key of its own.\n" in nncli(*words).err
    assert "key 'tags'" in nncli(*words, "--drop", "addr").err
    for options in (["--drop", "addr,tags"], ["--only", "a"]):
        assert nncli(*words, *options).code == 0
    flat = tmp_path / "flat.csv"
    flat.write_text("a\n" + "".join(f"{i * i % 17}\n" for i in range(60)))
    answers = nncli("predict", model, path)
    assert (answers.code, answers.out) == (0, nncli("predict", model, flat).out)
    kept = nncli("predict", model, path, "--keep", "addr")
    assert (kept.code, kept.err.partition("jsonl:")[2]) == (
        1, "1: key 'addr': expected a number, text, true, false or null, found an object. Give each part of it a key of its "
        "own.\n",
    )  # fmt: skip


def test_a_nested_value_in_one_row_costs_that_row(tmp_path: Path) -> None:
    lines = [line.replace(ADDRESS, "").replace(f"[1, {i}]", str(i % 5)) for i, line in enumerate(NESTED)]
    lines[7] = NESTED[7].replace(ADDRESS, "")
    path = tmp_path / "d.jsonl"
    path.write_text("\n".join(lines) + "\n")
    found = load_dataset((str(path),), CsvOptions(on_error="skip"), "float32")
    assert len(found) == 59
    assert any("d.jsonl:8: left out: key 'tags': expected a number" in note for note in found.notes)


def test_a_key_to_keep_may_come_in_a_later_line(nncli: Run) -> None:
    """Before it comes, its cells are empty; where it never does, that is told when the rows are predicted."""
    Path("d.csv").write_text("x,y\n" + "".join(f"{i},{'ab'[i > 10]}\n" for i in range(40)))
    assert nncli("train", "d.csv", "--epochs", "1", "-q", "-o", "m.npz").code == 0
    lines = '{"x": 1}\n{"x": 2, "id": "7"}\n{"x": 3}\n'
    done = nncli("predict", "m.npz", "-", "--keep", "id", stdin=lines)
    assert done.code == 0
    assert [line.split(",")[0] for line in done.out.splitlines()] == ["id", "", "7", ""]
    done = nncli("predict", "m.npz", "-", "--keep", "name", "-q", stdin=lines)
    told = (
        "stdin: expected the key 'name' to keep, found it in no line. Name another one with --keep, or leave it out.\n"
    )
    assert (done.code, done.err, len(done.out.splitlines())) == (1, told, 4)
