"""What `nncli serve` answers: the same as `nncli predict`, to the last digit, in the form of the rows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from nncli.inference import written_cells
from nncli.serve.app import Limits
from served import CSV, HOME, NDJSON, app_of, asking, spelled_model, without_warnings
from short_and_long import some_short

Run = Callable[..., Any]
Rows = list[dict[str, Any]]
ROW = {"sepal_length_cm": 5.1, "sepal_width_cm": 3.5, "petal_length_cm": 1.4, "petal_width_cm": 0.2}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with d.csv, of numbers with decimal commas, texts, dates, flags and missing values, and models of it:
    plain.npz, calibrated.npz and threshold.npz for two classes, svm.npz without probabilities."""
    from nncli.cli.main import main

    folder = tmp_path_factory.mktemp("mixed")
    rng = np.random.default_rng(5)
    lines = ["size;colour;day;member;class\n"]
    for _ in range(160):
        size, colour = rng.normal(3, 1), rng.choice(["red", "green", "dark blue"])
        day = np.datetime64("2024-01-01") + np.timedelta64(int(rng.integers(0, 300)), "D")
        label = "yes" if size + (colour == "red") + rng.normal(0, 0.7) > 3.4 else "no"
        cells = [f"{size:.2f}".replace(".", ","), colour, f"{day}", str(rng.choice(["true", "false"]))]
        if rng.random() < 0.1:
            cells[int(rng.integers(0, 4))] = "NA"
        lines.append(";".join([*cells, label]) + "\n")
    (folder / "d.csv").write_text("".join(lines))
    kinds = {
        "plain": ("--model", "mlp", "--hidden", "8"),
        "calibrated": ("--model", "mlp", "--hidden", "8", "--calibrate"),
        "threshold": ("--model", "mlp", "--hidden", "4", "--choose-threshold", "f1", "--positive", "yes"),
        "svm": ("--model", "svm"),
    }
    for name, words in kinds.items():
        path = str(folder / f"{name}.npz")
        assert main(["train", str(folder / "d.csv"), *words, "--epochs", "20", "-q", "--json", "-o", path]) == 0
    return folder


def rows_of(model: Path, mixed: Path, priced: Path) -> Path:
    """Return the file that a model has learned from, with more rows than are written without Arrow."""
    bundled = Path(__file__).parents[1] / "datasets"
    return {"iris": bundled / "iris.csv", "digits": bundled / "digits.csv"}.get(
        model.stem, (priced if model.parent == priced else mixed) / "d.csv"
    )


MODELS = ["iris", "digits", "plain", "calibrated", "threshold", "svm", "linear", "mlp"]


@pytest.fixture(params=some_short(MODELS, 4))
def model(request: pytest.FixtureRequest, iris_model: Path, digits_model: Path, mixed: Path, priced: Path) -> Path:
    own = {"iris": iris_model, "digits": digits_model, "linear": priced / "linear.npz", "mlp": priced / "mlp.npz"}
    return own.get(request.param, mixed / f"{request.param}.npz")


def table(path: Path, most: int) -> tuple[list[str], Rows]:
    delimiter = ";" if ";" in path.read_text().splitlines()[0] else ","
    with path.open(newline="") as file:
        rows = [*csv.DictReader(file, delimiter=delimiter)][:most]
    return [*rows[0]], rows


def as_json(cell: str) -> Any:
    """Write a cell as a program would send it."""
    if cell == "NA":
        return None
    try:
        return float(cell.replace(",", "."))
    except ValueError:
        return cell


def test_every_form_is_answered_as_predict_answers_it(
    model: Path, mixed: Path, priced: Path, tmp_path: Path, nncli: Run
) -> None:
    source = rows_of(model, mixed, priced)
    asked = ["--reasons", "2"]
    proba = [] if model.parent == priced else ["--proba"]
    lines = source.read_text().splitlines(keepends=True)
    with asking(app_of(model)) as client:
        for n in (1, 5, 70):  # rows: written in Python, and with Arrow
            (tmp_path / "rows.csv").write_text("".join(lines[: n + 1]))
            _, rows = table(tmp_path / "rows.csv", n)
            sent = [{name: as_json(cell) for name, cell in row.items()} for row in rows]
            jsonl = "".join(json.dumps(row) + "\n" for row in sent)
            (tmp_path / "rows.jsonl").write_text(jsonl)

            expected = nncli("predict", model, tmp_path / "rows.csv", *proba, *asked)
            assert expected.code == 0, expected.err
            answer = client.post("/predict?reasons=2", content=(tmp_path / "rows.csv").read_bytes(), headers=CSV)
            assert answer.status_code == 200, answer.text
            found = [*csv.reader(io.StringIO(answer.text))]
            assert found[0][-1] == "warnings"
            assert [row[:-1] for row in found] == [*csv.reader(io.StringIO(expected.out))]

            expected = nncli("predict", model, tmp_path / "rows.jsonl", *proba, *asked, "--jsonl")
            answer = client.post("/predict?reasons=2", content=jsonl, headers=NDJSON)
            texts = [line.rpartition(',"warnings":')[0] + "}" for line in answer.text.splitlines()]
            assert texts == expected.out.splitlines()  # to the last digit
            of_rows = [json.loads(line) for line in answer.text.splitlines()]
            assert client.post("/predict?reasons=2", json=sent).json() == of_rows
            columns = {name: [row[name] for row in sent] for name in sent[0]}
            answer = client.post("/predict?reasons=2", json=columns)
            assert [
                dict(zip(answer.json(), row, strict=True)) for row in zip(*answer.json().values(), strict=True)
            ] == (of_rows)


def test_a_single_row_is_answered_as_a_file_with_it_alone(
    model: Path, mixed: Path, priced: Path, tmp_path: Path, nncli: Run
) -> None:
    _, rows = table(rows_of(model, mixed, priced), 4)
    proba = [] if model.parent == priced else ["--proba"]
    with asking(app_of(model)) as client:
        for row in rows:
            line = json.dumps({name: as_json(cell) for name, cell in row.items()})
            (tmp_path / "row.jsonl").write_text(line)
            expected = nncli("predict", model, tmp_path / "row.jsonl", *proba, "--jsonl").out.rstrip("\n")
            answer = client.post("/predict", content=line, headers={"content-type": "application/json"})
            assert answer.text.rpartition(',"warnings":')[0] + "}" == expected


@pytest.mark.parametrize("name", ["mlp", "plain"])
def test_intervals_and_sets_are_those_of_predict(
    name: str, mixed: Path, priced: Path, tmp_path: Path, nncli: Run
) -> None:
    model = (priced if name == "mlp" else mixed) / f"{name}.npz"
    source = rows_of(model, mixed, priced)
    proba = [] if name == "mlp" else ["--proba"]
    expected = nncli("predict", model, source, *proba, "--interval", "0.8", "--jsonl").out.splitlines()
    with asking(app_of(model)) as client:
        answer = client.post("/predict?interval=0.8", content=source.read_bytes(), headers=CSV)
        assert answer.status_code == 200
        assert {"low", "high"} <= {*answer.text.splitlines()[0].split(",")} or ",set," in answer.text
        rows = table(source, 1000)[1]
        sent = [{key: as_json(cell) for key, cell in row.items()} for row in rows]
        found = client.post("/predict?interval=0.8", json=sent).json()
    assert [*map(without_warnings, found)] == [*map(json.loads, expected)]


def test_few_and_many_rows_are_written_alike(model: Path, mixed: Path, priced: Path, monkeypatch: Any) -> None:
    source = rows_of(model, mixed, priced)
    body = "".join(source.read_text().splitlines(keepends=True)[:21])
    answers = []
    for few in (0, 32):
        monkeypatch.setattr(written_cells, "FEW_ROWS", few)
        with asking(app_of(model)) as client:
            answers.append(
                [client.post(f"/predict{query}", content=body, headers=CSV).text for query in ("", "?reasons=1")]
            )
    assert answers[0] == answers[1]


def test_cells_are_read_as_predict_reads_them(mixed: Path, tmp_path: Path, nncli: Run) -> None:
    """Spellings, missing marks, blanks, numbers as texts and flags as booleans."""
    rows: Rows = [
        {"size": 3.25, "colour": " red ", "day": "2024-02-03", "member": True},
        {"size": " 3.25", "colour": "red", "day": "2024-02-03", "member": "true"},
        {"size": 3.25, "colour": "dark blue", "day": None, "member": 1},
        {"size": "NA", "colour": "?", "day": "2024-02-03 12:00", "member": "FALSE"},
        {"size": None, "colour": None, "day": "", "member": None},
        {"size": 1e3, "colour": 5, "day": "2031-12-31", "member": "perhaps"},
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    expected = nncli("predict", mixed / "plain.npz", tmp_path / "rows.jsonl", "--proba", "--jsonl")
    assert expected.code == 0
    with asking(app_of(mixed / "plain.npz")) as client:
        found = [client.post("/predict", json=row).json() for row in rows]
        assert [one["prediction"] for one in found] == [
            json.loads(line)["prediction"] for line in expected.out.splitlines()
        ]
        assert [*map(without_warnings, client.post("/predict", json=rows).json())] == [
            *map(json.loads, expected.out.splitlines())
        ]
    assert found[0]["warnings"] == found[1]["warnings"] == []
    assert without_warnings(found[0]) == without_warnings(found[1])
    assert found[5]["warnings"] == [
        *found[5]["warnings"][:2],
        "column 'colour': '5' is a category that the model has not seen",
        "column 'member': 'perhaps' is a category that the model has not seen",
    ]
    assert "column 'size': 1000 is outside of the training range" in found[5]["warnings"][0]
    assert found[5]["warnings"][0].endswith("another unit?")
    assert found[5]["warnings"][1].startswith(
        "column 'day': 2031-12-31 is outside of the training range, 2024-01-01 to "
    )
    assert found[4]["warnings"] == []  # as some training rows


def test_a_key_that_is_absent_is_a_missing_value_and_others_do_not_matter(iris_model: Path) -> None:
    some = {name: value for name, value in ROW.items() if name != "petal_width_cm"}
    with asking(app_of(iris_model)) as client:
        absent, null = (
            client.post("/predict", json=some).json(),
            client.post("/predict", json={**some, "petal_width_cm": None}).json(),
        )
        assert without_warnings(absent) == without_warnings(null)
        assert absent["warnings"][0] == "key 'petal_width_cm' is absent; read as a missing value"
        assert client.post("/predict", json=some).json() == absent  # also where the keys are known
        more = {"id": 17, **dict(reversed(ROW.items())), "note": None}
        assert client.post("/predict", json=more).json() == client.post("/predict", json=ROW).json()


def test_notes_of_a_whole_table_are_in_a_header(iris_model: Path) -> None:
    with asking(app_of(iris_model)) as client:
        text = ",".join(ROW) + "\n5100,3.5,1.4,0.2\n4900,3.1,1.4,0.2\n"
        answer = client.post("/predict", content=text, headers=CSV)
        [note] = json.loads(answer.headers["nncli-notes"])
        assert note.startswith("warning: column 'sepal_length_cm': 2 of the first 2 rows are far outside its range")
        assert "nncli-notes" not in client.post("/predict", json=ROW).headers


def test_empty_lists_are_answered_by_empty_ones(iris_model: Path) -> None:
    with asking(app_of(iris_model)) as client:
        assert client.post("/predict", json=[]).json() == []
        answer = client.post("/predict", json={name: [] for name in ROW}).json()
        assert answer["prediction"] == answer["p_setosa"] == answer["warnings"] == []
        header = ",".join(ROW)
        assert client.post("/predict", content=f"{header}\n", headers=CSV).text.count("\n") == 1


def test_parameters_say_how_a_csv_is_written(mixed: Path, iris_model: Path) -> None:
    with asking(app_of(iris_model)) as client:
        text = "made by hand\n" + ",".join(ROW) + "\n" + ",".join(map(str, ROW.values())) + "\n"
        assert client.post("/predict?skip_rows=1", content=text, headers=CSV).text.splitlines()[1].startswith("setosa,")
    with asking(app_of(mixed / "plain.npz")) as client:
        text = "size;colour;day;member\n3,1;Grün;2024-03-01;true\n".encode("latin-1")
        for address, kind in (("/predict", "text/csv; charset=latin-1"), ("/predict?encoding=latin-1", "text/csv")):
            answer = client.post(address, content=text, headers={"content-type": kind})
            assert "'Grün' is a category that the model has not seen" in answer.text


def test_a_model_of_several_is_asked_by_its_name(iris_model: Path, mixed: Path) -> None:
    with asking(app_of(iris_model, mixed / "plain.npz")) as client:
        assert client.post("/models/iris/predict", json=ROW).json()["prediction"] == "setosa"
        assert client.post("/models/plain/predict", json={"size": 9}).json()["prediction"] == "yes"
        refused = client.post("/predict", json=ROW)
        assert refused.status_code == 404
        assert refused.json()["remedy"] == "Ask /models/iris/predict and /models/plain/predict"
        assert client.post("/models/iris2/predict", json=ROW).json()["remedy"] == "The models are iris and plain"
        assert [one["name"] for one in client.get("/models").json()["models"]] == ["iris", "plain"]
        assert client.get("/models/plain").json()["target"] == "class"
        assert {"/models/iris/predict", "/models/plain"} <= {*client.get("/openapi.json").json()["paths"]}


def test_the_card_says_what_the_model_is(iris_model: Path, priced: Path, nncli: Run) -> None:
    described = nncli("info", iris_model, "--json").json
    with asking(app_of(iris_model)) as client:
        card = client.get("/model").json()
    assert card["figures"] == described["figures"]
    assert card["classes"] == ["setosa", "versicolor", "virginica"]
    column = card["columns"][0]  # of all rows of the file: 4.3 to 7.9, as Fisher's table has them
    assert (column["name"], round(column["low"], 4), round(column["high"], 4)) == ("sepal_length_cm", 4.3, 7.9)
    with asking(app_of(priced / "mlp.npz")) as client:
        card = client.get("/model").json()
        assert (card["task"], card["columns"][3]["categories"]) == ("regression", ["a", "b", "c"])


def test_the_card_has_a_row_that_is_answered_and_the_description_too(tmp_path: Path) -> None:
    with asking(app_of(spelled_model(tmp_path))) as client:
        columns = {one["name"]: one for one in client.get("/model").json()["columns"]}
        row = {name: one.get("example", one.get("median")) for name, one in columns.items()}
        assert [row[name][-1] for name in ("share", "weight")] == ["%", "g"]
        assert client.post("/predict", json=row).json()["warnings"] == []
        assert (columns["made"]["low"], columns["made"]["high"]) == ("2024-01-03", "2024-12-03")
        for name, one in client.get("/openapi.json").json()["components"]["schemas"]["Row"]["properties"].items():
            for example in one["examples"]:
                assert client.post("/predict", json={**row, name: example}).json()["warnings"] == []
            has_numbers = "number" in one["type"]
            status = client.post("/predict", json={**row, name: 7.5}).status_code
            assert (name, status) == (name, 200 if has_numbers else 422)


@pytest.mark.parametrize("form", ["row", "rows", "columns"])
def test_a_number_of_json_is_no_text_in_the_spelling_of_its_column(form: str, tmp_path: Path) -> None:
    """In the column, 1.234 is 1234; a number of JSON is what it is."""
    with asking(app_of(spelled_model(tmp_path))) as client:
        found = []
        for price in (1.234, "1,234", "1.234"):
            row = {"price": price, "share": "5 %"}
            sent = {"row": row, "rows": [row], "columns": {name: [cell] for name, cell in row.items()}}[form]
            answer = client.post("/predict", json=sent).json()
            found.append(answer[0]["p_p"] if form == "rows" else answer["p_p"])
    assert found[0] == found[1] != found[2]


def counted(client: TestClient) -> Mapping[str, float]:
    """Read the counters as Prometheus does: name and labels → value."""
    found = {}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def test_rows_requests_and_oddities_are_counted(mixed: Path) -> None:
    with asking(app_of(mixed / "plain.npz")) as client:
        client.post("/predict", json={"size": 3, "colour": "mauve", "day": "2024-02-03", "member": True})
        client.post("/predict", json=[{"size": 900, "colour": "red", "day": None, "member": True}] * 2)
        client.post("/predict", content="no JSON", headers={"content-type": "application/json"})
        client.get("/nowhere")
        found = counted(client)
    assert found["nncli_rows_total{model=plain}"] == 3
    assert found["nncli_requests_total{route=/predict,status=200}"] == 2
    assert found["nncli_requests_total{route=/predict,status=400}"] == 1
    assert found["nncli_requests_total{route=none,status=404}"] == 1
    assert found["nncli_unseen_cells_total{column=colour,model=plain}"] == 1
    assert found["nncli_outside_cells_total{column=size,model=plain}"] == 2
    assert found["nncli_missing_cells_total{column=day,model=plain}"] == 2
    assert found["nncli_predictions_total{class=yes,model=plain}"] >= 2
    assert found["nncli_request_seconds_count{route=/predict}"] == 3
    assert found["nncli_request_seconds_bucket{le=+Inf,route=/predict}"] == 3


def test_a_changed_file_is_taken_up_and_a_broken_one_is_not(iris_model: Path, mixed: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    path.write_bytes(iris_model.read_bytes())
    app = app_of(path)
    models, old = app.models, app.models.served["model"]
    with asking(app) as client:
        assert not models.changed()
        path.write_bytes(b"half of a model")
        assert models.changed() == [old]
        error = models.read_again(old)
        assert error is not None
        assert str(path) in str(error)
        assert models.served["model"] is old
        assert not models.changed()  # it is told once
        assert client.post("/predict", json=ROW).json()["prediction"] == "setosa"
        with old.answerer() as answerer:  # a request that has begun keeps the old model
            other = tmp_path / "new.npz"
            other.write_bytes((mixed / "plain.npz").read_bytes())
            other.rename(path)
            assert models.changed() == [old]
            assert models.read_again(old) is None
            assert answerer.model.classes == ("setosa", "versicolor", "virginica")
        assert client.post("/predict", json={"size": 9}).json()["prediction"] == "yes"
        path.unlink()
        assert not models.changed()  # what is served stays


def test_a_slow_request_holds_up_no_other(iris_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While long requests wait for a thread, rows are answered, and more than a few long ones are refused."""
    import threading

    app = app_of(iris_model)
    begun, end = threading.Event(), threading.Event()
    original = app._answer

    def waiting(*arguments: Any) -> Any:
        begun.set()
        assert end.wait(30)
        return original(*arguments)

    monkeypatch.setattr(app, "_answer", waiting)
    monkeypatch.setattr("nncli.serve.app.MOST_WAITING", 1)
    with asking(app) as client:
        found: list[Any] = []
        long = threading.Thread(target=lambda: found.append(client.post("/predict", json=[ROW] * 2)))
        long.start()
        assert begun.wait(30)
        assert client.post("/predict", json=ROW).status_code == 200
        refused = client.post("/predict", json=[ROW] * 2)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        end.set()
        long.join(30)
        assert found[0].status_code == 200


def test_an_answer_that_takes_too_long_is_given_up(iris_model: Path) -> None:
    with asking(app_of(iris_model, limits=Limits(seconds=1e-9))) as client:
        answer = client.post("/predict", json=[ROW])
        assert answer.status_code in (408, 503)
        assert "second" in answer.json()["error"] or "time limit" in answer.json()["error"]


def test_the_page_and_what_it_loads_come_from_here(iris_model: Path) -> None:
    with asking(app_of(iris_model, token="secret")) as client:  # they say nothing of the model
        page = client.get("/")
        assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; style-src")
        assert "unsafe" not in page.headers["content-security-policy"]
        for name, kind in (("page.css", "text/css"), ("page.js", "text/javascript"), ("icon.svg", "image/svg+xml")):
            assert name in page.text
            answer = client.get(f"/{name}")
            assert answer.headers["content-type"].startswith(kind)
            assert "http://" not in answer.text.replace("http://www.w3.org/", "")


def all_types(schema: Any) -> Iterator[Any]:
    if isinstance(schema, dict):
        yield from (schema[key] for key in ("$ref",) if key in schema)
        for one in schema.values():
            yield from all_types(one)
    elif isinstance(schema, list):
        for one in schema:
            yield from all_types(one)


@pytest.mark.parametrize("names", [["iris"], ["iris", "mlp"]], ids=["one", "two"])
def test_the_description_is_of_the_columns_of_the_models(names: Sequence[str], iris_model: Path, priced: Path) -> None:
    models = [iris_model, priced / "mlp.npz"][: len(names)]
    with asking(app_of(*models)) as client:
        found = client.get("/openapi.json").json()
        assert found["openapi"].startswith("3.1")
        schemas = found["components"]["schemas"]
        for reference in all_types(found):  # each leads somewhere
            assert reference.removeprefix("#/components/schemas/") in schemas
        row = schemas["Row" if len(names) == 1 else "Row1"]
        assert [*row["properties"]] == [*ROW]
        answer = schemas["Answer" if len(names) == 1 else "Answer1"]
        sent = client.post("/predict" if len(names) == 1 else "/models/iris/predict", json=ROW).json()
        assert [*answer["properties"]] == answer["required"] == [*sent]
        assert answer["properties"]["prediction"]["enum"] == ["setosa", "versicolor", "virginica"]
        for path, methods in found["paths"].items():
            for method in methods:
                assert client.request(method, path, json=ROW).status_code in (200, 422), path


def test_requests_are_written_into_the_log(iris_model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with asking(app_of(iris_model)) as client:
        client.post("/predict", json=ROW)
        client.post("/predict", content="{", headers={"content-type": "application/json"})
    good, bad = map(json.loads, capfd.readouterr().err.splitlines())
    assert (good["path"], good["status"], good["model"], good["rows"]) == ("/predict", 200, "iris", 1)
    assert (bad["status"], bad["level"]) == (400, "info")
    assert bad["error"].startswith("request: expected JSON")
    assert HOME.startswith("http://127")


def test_the_description_has_all_parameters(iris_model: Path) -> None:
    from nncli.serve.problems import PARAMETERS

    with asking(app_of(iris_model)) as client:
        parameters = client.get("/openapi.json").json()["paths"]["/predict"]["post"]["parameters"]
        assert [one["name"] for one in parameters] == [*PARAMETERS]
        for one in parameters:
            for value in one["schema"].get("enum", []):  # each value is taken, for CSV
                answer = client.post("/predict", params={one["name"]: value}, content=",".join(ROW), headers=CSV)
                assert answer.status_code != 400, answer.text
