"""`nncli serve` looks at its rows as `predict --guard` does: warnings, `/guard`, `/metrics`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from nncli.serve import served_rows
from nncli.serve.answerer import Answer, Asked
from nncli.serve.bodies import read_body
from nncli.serve.log import Log
from nncli.serve.models import Served
from nncli.serve.running import say_unguarded
from served import CSV, app_of, asking

Run = Callable[..., Any]
Row = dict[str, Any]
NAMES = ("a", "b", "same", "kind", "day")
MODELS = Path(__file__).parent / "models"


def rows(n: int, seed: int, shift: float = 0.0) -> list[Row]:
    """Rows of two numbers, of which b has gaps, one that is always 3, a text and a date."""
    rng = np.random.default_rng(seed)
    return [
        {
            "a": round(float(rng.uniform(0, 10) + shift), 3),
            "b": None if rng.random() < 0.1 else round(float(rng.normal()), 3),
            "same": 3,
            "kind": str(rng.choice(list("uvw"))),
            "day": f"2024-{rng.integers(1, 13):02}-{rng.integers(1, 29):02}",
        }
        for _ in range(n)
    ]


def as_csv(some: Sequence[Row], **more: Sequence[Any]) -> str:
    lines = [",".join([*NAMES, *more])]
    for i, row in enumerate(some):
        cells = [row[name] for name in NAMES] + [its[i] for its in more.values()]
        lines.append(",".join("" if cell is None else str(cell) for cell in cells))
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with classes.npz and numbers.npz, models of 1,200 rows."""
    from nncli.cli.main import main

    folder = tmp_path_factory.mktemp("guarded")
    some = rows(1200, 0)
    noise = np.random.default_rng(1).normal(size=len(some))
    values = [row["a"] + (row["kind"] == "u") + e for row, e in zip(some, noise, strict=True)]
    targets = {"classes": ["yes" if value > 5 else "no" for value in values], "numbers": [f"{v:.3f}" for v in values]}
    for name, target in targets.items():
        (folder / f"{name}.csv").write_text(as_csv(some, target=target))
        words = ["train", str(folder / f"{name}.csv"), "--epochs", "5", "-q", "--json", "-o"]
        assert main([*words, str(folder / f"{name}.npz")]) == 0
    return folder


def answered(served: Served, sent: Any) -> Answer:
    """Answer rows of JSON as a request would be."""
    body = read_body(json.dumps(sent).encode(), "json", 100_000)
    with served.answerer() as answerer:
        if body.form == "row":
            return answerer.row(body, Asked())
        return answerer.table(body, Asked(), 100_000, float("inf"))


def warnings_of(served: Served, row: Row) -> list[str]:
    found: list[str] = json.loads(answered(served, row).body)["warnings"]
    return found


def document_of(served: Served) -> dict[str, Any]:
    report = served.rows.report()
    assert report is not None
    return report.to_json()


@pytest.mark.parametrize(("name", "shift"), [("classes", 4), ("numbers", 1e4)], ids=["drifted", "another-unit"])
def test_the_document_is_that_of_predict(name: str, shift: float, folder: Path, tmp_path: Path, nncli: Run) -> None:
    """However the same rows come: as a table, in lists, one by one, and all of these together. What predict says in
    another line is in it too."""
    some = rows(700, 2, shift)
    (tmp_path / "new.csv").write_text(as_csv(some))
    model = folder / f"{name}.npz"
    assert (
        nncli("predict", model, tmp_path / "new.csv", "--guard", tmp_path / "g.json", "-o", tmp_path / "o.csv").code
        == 0
    )
    expected = json.loads((tmp_path / "g.json").read_text())
    assert expected["drifted"] == ["a"]
    assert "a" in expected["outside"]
    assert expected["predictions_drifted"]
    with asking(app_of(model)) as client:
        assert client.post("/predict", content=as_csv(some), headers=CSV).status_code == 200
        found = client.get("/guard").json()
        own = {"model": str(model), "data": []}
        assert found == expected | own
        described = client.get("/openapi.json").json()["components"]["schemas"]["Guard"]
        assert {*described["properties"]} == {*found}
    one_by_one, mixed = Served(name, model), Served(name, model)
    for row in some:
        answered(one_by_one, row)
    for part in (some[:300], *some[300:420], some[420:425], some[425:640], *some[640:]):
        answered(mixed, part)
    of_rows = {key: value for key, value in expected.items() if key not in ("model", "data", "known")}
    assert document_of(one_by_one) == of_rows
    assert document_of(mixed) == of_rows


def test_rows_that_are_refused_do_not_count(folder: Path) -> None:
    with asking(app_of(folder / "classes.npz")) as client:
        assert client.get("/guard").json()["rows"] == 0  # though the first answer is made ready before any request
        some = rows(5000, 3)
        assert client.post("/predict", json=some[:3]).status_code == 200
        some[-1]["a"] = "word"
        assert client.post("/predict", json=some).status_code == 422
        assert client.post("/predict", json=some[-1]).status_code == 422
        assert client.get("/guard").json()["rows"] == 3


def test_threads_lose_no_row(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served_rows, "FEW", 5)  # so that rows are counted often
    served, some = Served("classes", folder / "classes.npz"), rows(40, 4)

    def ask(k: int) -> None:
        for i, row in enumerate(some):
            answered(served, row if i % 4 else some[: k + 3])

    with ThreadPoolExecutor(6) as pool:
        assert [*pool.map(ask, range(6))] == [None] * 6
    found = document_of(served)
    assert found["rows"] == 6 * 30 + 10 * (3 + 4 + 5 + 6 + 7 + 8)
    for column in found["columns"]:
        assert column["bins"] is None or sum(one["new"] for one in column["bins"]) == found["rows"]
    assert sum(one["new"] for one in found["predictions"]["bins"]) == found["rows"]


def test_what_waits_to_be_counted_stays_small(folder: Path) -> None:
    served, some = Served("classes", folder / "classes.npz"), rows(300, 5)
    for row in some:
        answered(served, row)
        assert sum(len(table) for table, _ in served.rows._waiting) < served_rows.FEW
    served.rows.report()
    for n in (1, 3):
        answered(served, [{**row, "kind": "x" * served_rows.SHORT} for row in some[:n]])
        assert not served.rows._waiting  # texts of any length are not kept
    found = document_of(served)
    assert (found["rows"], found["columns"][-1]["unseen"]) == (304, 4)


def test_a_row_is_warned_of_by_the_rules_of_the_guard(folder: Path) -> None:
    served = Served("classes", folder / "classes.npz")
    good = {"a": 5, "b": 0, "same": 3, "kind": "u", "day": "2024-05-05"}
    low, high, _ = ranges(served)[0]
    assert warnings_of(served, good) == []
    assert warnings_of(served, good | {"a": high + 0.09 * (high - low)}) == []  # within a tenth of the range
    [beyond] = warnings_of(served, good | {"a": 12})
    known = f"{low:.6g} to {high:.6g}"
    assert beyond == f"column 'a': 12 is outside of the training range, {known}: what is predicted there is a guess"
    [far] = warnings_of(served, good | {"a": -1e4})
    assert far == f"column 'a': -10000 is outside of the training range, {known}: another unit?"
    [late] = warnings_of(served, good | {"day": "2027-01-01"})
    assert late.startswith(
        "column 'day': 2027-01-01 is outside of the training range, 2024-01-01 to 2024-12-28: what is"
    )
    assert warnings_of(served, good | {"same": 99}) == []  # it has no effect
    assert warnings_of(served, good | {"same": None}) == []
    assert warnings_of(served, good | {"b": None}) == []  # as in some training rows
    missing = "missing where no value was in training: it counts as"
    assert warnings_of(served, good | {"a": None}) == [f"column 'a': {missing} the median of its column"]
    assert warnings_of(served, good | {"day": None}) == [f"column 'day': {missing} the median of its column"]
    assert warnings_of(served, good | {"kind": None}) == [f"column 'kind': {missing} an unseen category"]


def ranges(served: Served) -> Any:
    assert served.model.distribution is not None
    return served.model.distribution.ranges


def gauges(text: str) -> dict[tuple[str, ...], float]:
    """Read what Prometheus would: the name and the labels of each gauge of guards, and its value."""
    return {
        (sample.name, *(value for name, value in sorted(sample.labels.items()) if name != "model")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if "guard" in family.name or "psi" in family.name
    }


def test_metrics_have_the_drift_of_the_rows_so_far(folder: Path) -> None:
    with asking(app_of(folder / "classes.npz")) as client:
        client.post("/predict", json=rows(100, 6))
        few = gauges(client.get("/metrics").text)
        kinds = {"outside": 0, "drift": 0, "missing": 0, "predictions": 0}
        assert few == {("nncli_guard_rows",): 100} | {("nncli_guard_alarms", kind): n for kind, n in kinds.items()}
        client.post("/predict", json=[{**row, "day": None} for row in rows(700, 7, shift=4)])
        found, guard = gauges(client.get("/metrics").text), client.get("/guard").json()
    assert found["nncli_guard_rows",] == 800
    assert [found["nncli_guard_alarms", kind] for kind in kinds] == [1, 1, 1, 1]
    psi = {column["name"]: column["drift"]["psi"] for column in guard["columns"] if column["drift"]}
    assert {name: found["nncli_psi", name] for name in psi} == psi
    assert {*psi} == {"a", "b", "same", "kind"}
    assert psi["a"] > 0.5
    assert found["nncli_predictions_psi",] == guard["predictions"]["drift"]["psi"]


def test_a_model_that_is_read_again_begins_anew(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    path.write_bytes((folder / "classes.npz").read_bytes())
    app = app_of(path)
    with asking(app) as client:
        client.post("/predict", json=rows(3, 8))
        other = tmp_path / "new.npz"
        other.write_bytes((folder / "numbers.npz").read_bytes())
        other.rename(path)
        assert client.get("/guard").json()["rows"] == 3
        [old] = app.models.changed()
        assert app.models.read_again(old) is None
        assert client.get("/guard").json()["rows"] == 0
        client.post("/predict", json=rows(2, 8))
        assert client.get("/guard").json()["rows"] == 2
        assert gauges(client.get("/metrics").text)["nncli_guard_rows",] == 2


def test_guards_of_a_model_without_statistics_are_off(capfd: pytest.CaptureFixture[str], folder: Path) -> None:
    old = MODELS / "format-7.npz"
    app = app_of(old, folder / "classes.npz")
    with asking(app) as client:
        sent = [{"tag": None, "umsatz": 1e9, "ort": "nord"}, {"tag": "01.02.2031", "umsatz": None, "ort": "nord"}]
        far, missing = (row["warnings"] for row in client.post("/models/format-7/predict", json=sent).json())
        assert far[0] == "column 'umsatz': 1000000000 is outside of the training range, 0.5 to 6.5: another unit?"
        assert far[1] == "column 'tag': missing: it counts as the median of its column"
        assert missing == ["column 'umsatz': missing: it counts as the median of its column"]
        assert client.get("/models/format-7/guard").json() == {"model": str(old), "data": [], "known": False}
        assert client.get("/models/classes/guard").json()["known"]
        assert "/models/format-7/guard" in client.get("/openapi.json").json()["paths"]
        assert client.get("/models/format-7").json()["guards"] is None
        assert 'nncli_guard_rows{model="classes"} 0.0' in client.get("/metrics").text
        assert 'nncli_guard_rows{model="format-7"}' not in client.get("/metrics").text
    capfd.readouterr()
    for one in app.models.served.values():
        say_unguarded(one, Log())
    [line] = capfd.readouterr().err.splitlines()
    said = json.loads(line)
    assert (said["event"], said["level"], said["model"]) == ("guards off", "warning", "format-7")
    assert said["why"].startswith("it has no statistics of its training columns")


def test_the_document_needs_the_token(folder: Path) -> None:
    with asking(app_of(folder / "classes.npz", token="secret")) as client:
        assert client.get("/guard").status_code == 401
        assert client.get("/guard", headers={"authorization": "Bearer secret"}).status_code == 200
