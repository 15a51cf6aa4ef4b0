"""Golden rows, and `export --verify`, which predicts them in the runtime of a file."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import exported
from nncli.export.all_targets import TARGETS

Nncli = Callable[..., Any]
# an answer of the first golden row of iris, as each file writes it
TAMPERED = {".c": "golden_answers[ROWS][ANSWERS] = {\n    { ", ".json": '"answers": [[', ".py": '"answers": [[',
            ".sql": '"answers": [[', ".mjs": '\\"answers\\": [['}  # fmt: skip

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


@pytest.mark.parametrize("target", exported.each(TARGETS))
def test_a_written_file_checks_itself(target: str, nncli: Nncli, mixed_model: Path) -> None:
    shutil.copy(mixed_model, "m.npz")
    assert nncli("export", "m.npz", "--to", target).code == 0
    file = f"m{TARGETS[target].endings[0]}"
    done = nncli("export", "--verify", file)
    assert done.code == 0
    assert re.fullmatch(r"20 golden rows: right, within \d\.\de[-+]?\d+ of nncli\n", done.out)


@pytest.mark.parametrize("target", exported.each(TARGETS))
def test_a_file_is_verified_whatever_it_is_called(target: str, nncli: Nncli, iris_model: Path) -> None:
    done = nncli("export", iris_model, "--to", target, "-o", "-model")  # as an option of cc would begin
    assert done.code == 0
    assert nncli("export", "--verify", "--", "-model").code == 0


@pytest.mark.parametrize("ending", exported.each(TAMPERED))
def test_a_file_with_another_answer_fails_its_check(ending: str, nncli: Nncli, iris_model: Path) -> None:
    file = Path(f"iris{ending}")
    assert nncli("export", iris_model, "-o", file).code == 0
    text = file.read_text()
    found = re.search(re.escape(TAMPERED[ending]) + r"([-\d.e]+)", text)
    assert found is not None
    file.write_text(text[: found.start(1)] + "0.125" + text[found.end(1) :])
    done = nncli("export", "--verify", file)
    assert done.code == 1
    assert done.out == ""
    told = r"golden row 1: expected .+, found [^…]+\. Write it again with nncli export\.\n"  # with all numbers
    assert re.fullmatch(rf"{re.escape(str(file))}: its check[^:]* failed: {told}", done.err)
    assert done.err.count("\n") == 1


def test_onnx_takes_a_matrix_of_one_column(nncli: Nncli) -> None:
    assert nncli("train", "chocolate", "-m", "linear", "-q", "--json").code == 0
    assert nncli("export", "model.npz", "-o", "price.onnx", "--matrix").code == 0
    assert nncli("export", "--verify", "price.onnx").code == 0


def test_golden_rows_have_the_edge_cases(mixed_model: Path, nncli: Nncli) -> None:
    assert nncli("export", mixed_model, "-o", "m.json").code == 0
    document = json.loads(Path("m.json").read_text())
    rows = document["golden"]["rows"]
    assert len(rows) == 20
    assert all(cell is None for cell in rows[12].values())
    for column in document["columns"]:
        cells = [row[column["name"]] for row in rows]
        if column["kind"] == "text":
            assert any(cell is not None and cell not in column["codes"] for cell in cells)
            assert not {*cells[:12]} & {"", "NA", "nan", "NULL"}
        elif column["kind"] == "number":
            plain = cells[:12]
            assert min(cell for cell in cells if cell is not None) < min(plain) - (max(plain) - min(plain))
            assert max(cell for cell in cells if cell is not None) > max(plain) + (max(plain) - min(plain))


@pytest.mark.parametrize("target", exported.each(TARGETS))
def test_an_accent_may_be_a_character_of_its_own(target: str, nncli: Nncli) -> None:
    Path("d.csv").write_text("ort,y\n" + "Köln,a\nZürich,a\nBern,b\nGenève,b\n" * 40, "utf-8")
    assert nncli("train", "d.csv", "--model", "softmax", "-q", "--json").code == 0
    file = f"m{TARGETS[target].endings[0]}"
    assert nncli("export", "model.npz", "--to", target, "-o", file).code == 0
    assert nncli("export", "--verify", file).code == 0
    assert nncli("export", "model.npz", "-o", "m.json").code == 0
    golden = json.loads(Path("m.json").read_text("utf-8"))["golden"]
    cells = [row["ort"] for row in golden["rows"][:12]]
    assert {*cells} & {"Ko\u0308ln", "Zu\u0308rich", "Gene\u0300ve"}
    Path("new.csv").write_text("ort\n" + "".join(f"{cell}\n" for cell in cells), "utf-8")
    answers = nncli("predict", "model.npz", "new.csv", "--proba").out.splitlines()[1:]
    for expected, line in zip(golden["answers"][:12], answers, strict=True):
        assert [*map(float, line.split(",")[1:])] == pytest.approx(expected, abs=1e-6)


def test_golden_rows_of_images_are_pixels(nncli: Nncli) -> None:
    assert nncli("train", "digits-idx", "--model", "softmax", "--epochs", "1", "-q", "--json").code == 0
    assert nncli("export", "model.npz", "-o", "m.json").code == 0
    plain = json.loads(Path("m.json").read_text())["golden"]["rows"][:12]
    cells = [cell for row in plain for cell in row.values()]
    assert min(cells) == 0
    assert max(cells) == 16  # the pixels of these images are from 0 to 16
    assert all(cell.is_integer() for cell in cells)


def test_golden_rows_stay_in_the_years_and_numbers_that_there_are(nncli: Nncli) -> None:
    for dtype, largest in (("float32", 3.3e38), ("float64", 1.7e308)):
        rows = [f"{1 + 250 * i:04d}-02-03,{largest * (i / 20 - 1):.5g},{i % 2}\n" for i in range(40)]
        Path("d.csv").write_text("when,x,y\n" + "".join(rows))
        assert nncli("train", "d.csv", "--model", "logistic", "--dtype", dtype, "-q", "--json").code == 0
        assert nncli("export", "model.npz", "-o", "m.py").code == 0
        assert nncli("export", "--verify", "m.py").code == 0


def test_sql_that_does_more_than_read_is_not_run(nncli: Nncli, iris_model: Path) -> None:
    assert nncli("export", iris_model, "-o", "iris.sql").code == 0
    head, _, golden = Path("iris.sql").read_text().partition("WITH ")
    Path("iris.sql").write_text(f"{head}ATTACH 'other.db' AS other\n{golden[golden.index('-- golden') :]}")
    done = nncli("export", "--verify", "iris.sql")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert done.err.startswith("iris.sql: its check in SQLite failed: not authorized")
    assert not Path("other.db").exists()


def test_damaged_json_gets_one_line(nncli: Nncli, mixed_model: Path) -> None:
    assert nncli("export", mixed_model, "-o", "m.json").code == 0
    document = json.loads(Path("m.json").read_text())
    layer, *others = document["layers"]
    text = next(column for column in document["columns"] if column["kind"] == "text")
    damaged: list[Any] = [
        {"layers": [layer | {"activation": "__import__('os').system('echo run > run')"}, *others]},
        {"layers": [layer | {"activation": "(" * 5000 + "z" + ")" * 5000}, *others]},
        {"columns": [text | {"inputs": 10**15}]},
        {"golden": [[[]]]},
        {"output": None},
    ]
    for parts in damaged:
        exported.assert_refused(document | parts, nncli)
    Path("m.json").write_text('{\n"format": "nncli export", "x": ' + "[" * 100_000)
    assert nncli("export", "--verify", "m.json").code == 1
    assert not Path("run").exists()


def test_damaged_onnx_gets_one_line(nncli: Nncli, iris_model: Path) -> None:
    import onnx

    assert nncli("export", iris_model, "-o", "iris.onnx").code == 0
    data = Path("iris.onnx").read_bytes()
    other = onnx.load_model_from_string(data)
    other.graph.node[0].op_type = "Other"
    elsewhere = onnx.load_model_from_string(data)
    tensor = elsewhere.graph.initializer[0]
    onnx.external_data_helper.set_external_data(tensor, "secret.bin", 0, len(tensor.raw_data))
    tensor.ClearField("raw_data")
    Path("secret.bin").write_bytes(bytes(1000))
    for damaged in (data[:300], *(one.SerializeToString(deterministic=True) for one in (other, elsewhere))):
        Path("iris.onnx").write_bytes(damaged)
        done = nncli("export", "--verify", "iris.onnx")
        assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
        assert done.err.startswith("iris.onnx: its check failed: ")
