"""`nncli report` of a model that predicts numbers: what it says is what the other commands say, and what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nncli.report.numbers.evidence import plain

Run = Callable[..., Any]
TITLES = [
    "How good it is", "Pictures", "Which columns matter", "The rows that are the farthest off", "Groups of rows",
    "The data", "Model card",
]  # fmt: skip


@pytest.fixture(scope="module")
def made(priced: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report on mlp.npz as JSON."""
    import contextlib
    import io
    import json

    from nncli.cli.main import main

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main(["report", str(priced / "mlp.npz"), "--json", "-q"]) == 0
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


@pytest.fixture
def found(nncli: Run, priced: Path) -> dict[str, Any]:
    """What eval says of the same rows."""
    words = ["eval", priced / "mlp.npz", "--json", "-q", "--worst", 20, "--by", "kind"]
    evaluated: dict[str, Any] = nncli(*words).json
    return evaluated


def listings(made: dict[str, Any], title: str) -> list[dict[str, Any]]:
    (section,) = (one for one in made["sections"] if one["title"] == title)
    return [block for block in section["blocks"] if block["kind"] == "listing"]


def number(text: str) -> float:
    return float(text.replace(",", "").replace("−", "-"))


def findings(nncli: Run, *words: Any) -> dict[str, dict[str, str]]:
    outcome = nncli("report", *words, "--json", "-q")
    assert outcome.code == 0, outcome.err
    return {one["name"]: one for one in outcome.json["findings"]}


def test_the_sections_are_those_of_classes_in_their_order(made: dict[str, Any]) -> None:
    assert [one["title"] for one in made["sections"]] == TITLES


def test_the_verdict_has_the_figures_of_eval_in_the_unit_of_the_target(
    made: dict[str, Any], found: dict[str, Any]
) -> None:
    first, second, third = made["verdict"]
    guess = min(found["baseline"], key=lambda name: found["baseline"][name]["mae"])
    assert first == (
        f"For rows that it has not seen, this model predicts 'price' and is off by {found['mae']:.3g} on average, "
        f"where always answering the {guess} is off by {found['baseline'][guess]['mae']:.3g}."
    )
    low, high = found["metrics"]["mae"]["interval"]
    assert f"36 rows, so the true number is very probably between {low:.3g} and {high:.3g}" in second
    assert f"by no more than {found['interval']['half_width']:.3g}" in second
    assert third.startswith("It can be used for rows of the same kind")


def test_the_table_has_the_figures_of_eval_beside_baselines_and_reference(
    made: dict[str, Any], found: dict[str, Any], nncli: Run, priced: Path, tmp_path: Path
) -> None:
    table = listings(made, "How good it is")[0]
    assert table["header"][-3:] == ["always the mean", "always the median", "linear regression"]
    words = ["-t", "price", "-m", "linear", "--reference", "linear", "--json", "-q", "-o", tmp_path / "l.npz"]
    reference = nncli("train", priced / "d.csv", *words).json["reference"]
    for row, name in zip(table["rows"], ["rmse", "mae", "r2", "median_error"], strict=True):
        expected = [found[name], *(found["baseline"][guess][name] for guess in ("mean", "median")), reference[name]]
        assert [number(row[k]) for k in (1, 3, 4, 5)] == pytest.approx(expected, rel=1e-3, abs=1e-3)
        assert [*map(number, row[2].split(" to "))] == pytest.approx(found["metrics"][name]["interval"], rel=1e-3)


def test_the_worst_rows_are_those_of_eval_with_the_reasons_of_predict(
    made: dict[str, Any], found: dict[str, Any], nncli: Run, priced: Path
) -> None:
    (table,) = listings(made, "The rows that are the farthest off")
    assert [int(row[0]) for row in table["rows"]] == [one["row"] for one in found["worst"]]
    assert [number(row[3]) for row in table["rows"]] == pytest.approx(
        [one["error"] for one in found["worst"]], rel=1e-3
    )
    lines = nncli("predict", priced / "mlp.npz", priced / "d.csv", "--reasons", 1).out.splitlines()
    for row in table["rows"][:3]:
        _, column, adds = lines[int(row[0])].split(",")
        name, _, rest = row[4].partition(" = ")
        assert name == column
        assert number(rest[rest.index("(") + 1 : rest.index(")")]) == pytest.approx(float(adds), rel=1e-3)


def test_the_groups_are_those_of_eval(made: dict[str, Any], found: dict[str, Any]) -> None:
    (table,) = (one for one in listings(made, "Groups of rows") if one["caption"] == "By kind")
    for row, group in zip(table["rows"], found["by"]["groups"], strict=True):
        assert (row[0], int(row[1])) == (group["group"], group["n"])
        figures = [group["metrics"][name]["value"] for name in ("mae", "rmse")]
        assert [number(row[2]), number(row[4])] == pytest.approx(figures, rel=1e-3)


def test_the_figures_are_predicted_against_true_errors_the_curve_importance_and_effects(made: dict[str, Any]) -> None:
    drawn = [
        block["figure"]["title"].split(",")[0].split(" of ")[0]
        for section in made["sections"]
        for block in section["blocks"]
        if block["kind"] == "drawing"
    ]
    assert drawn[:4] == ["Predicted and true numbers", "Errors", "Training", "Importance"]
    assert drawn[4:] == ["Effect"] * 3


def test_the_card_makes_the_same_model_again(
    made: dict[str, Any], nncli: Run, priced: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import shlex

    (line,) = (block["line"] for block in made["sections"][-1]["blocks"] if block["kind"] == "command")
    monkeypatch.chdir(tmp_path)
    assert nncli(*shlex.split(line)[1:], "-q").code == 0
    assert Path("mlp.npz").read_bytes() == (priced / "mlp.npz").read_bytes()


def test_it_is_written_as_a_page_and_as_markdown(nncli: Run, priced: Path, tmp_path: Path) -> None:
    """A column and a category that are code are text on the page."""
    rng = np.random.default_rng(0)
    name = "<script>alert(1)</script>"
    lines = [f"{x:.3f},{'<b>x</b>' if x > 0 else 'y'},{2 * x + 5:.3f}" for x in rng.normal(size=80)]
    data, model, page = tmp_path / "h.csv", tmp_path / "h.npz", tmp_path / "h.html"
    data.write_text(f"a,{name},cost\n" + "\n".join(lines) + "\n")
    assert nncli("train", data, "-t", "cost", "-m", "linear", "-q", "-o", model).code == 0
    outcome = nncli("report", model, "-o", page)
    assert (outcome.code, outcome.out) == (0, "")
    text = page.read_text("utf-8")
    assert name not in text
    assert "<b>x</b>" not in text
    assert "&lt;b&gt;x&lt;/b&gt;" in text
    assert "<svg" in text
    shown = nncli("report", model, "--to", "md")
    assert shown.out.startswith(f"# Report on {model}".replace("_", "\\_"))
    assert "**Better than always one answer**, passed" in shown.out


@pytest.mark.parametrize(
    ("change", "name", "said"),
    [
        (lambda y, rng: y + 40, "Neither too high nor too low", "too low"),
        (lambda y, rng: np.where(np.arange(len(y)) == 7, y + 5000, y), "A few large errors", "make 9"),
        (lambda y, rng: np.where(y > 1050, y + 60 * rng.normal(size=len(y)), y), "Honest intervals", "should hold 90"),
        (lambda y, rng: rng.permutation(y), "Better than always one answer", "may be chance"),
        (lambda y, rng: np.where(y > np.quantile(y, 0.75), y + 90 * rng.normal(size=len(y)), y),
         "Errors alike for all predictions", "with the highest by"),
        (lambda y, rng: y, "Rows it has seen before", "look better than they are"),
    ],
    ids=["shifted", "one far out", "noise", "shuffled", "funnel", "seen"],
)  # fmt: skip
def test_what_is_wrong_with_rows_is_found(
    nncli: Run, priced: Path, tmp_path: Path, change: Callable[[Any, Any], Any], name: str, said: str
) -> None:
    """Of a good model, on rows that are changed so; and on the rows of its own test, the finding passes."""
    header, *lines = (priced / "d.csv").read_text().splitlines()
    cells = [line.rsplit(",", 1) for line in lines]
    y = change(np.array([float(one[1]) for one in cells]), np.random.default_rng(1))
    (tmp_path / "x.csv").write_text("\n".join([header, *(f"{a},{v:.2f}" for (a, _), v in zip(cells, y, strict=True))]))
    one = findings(nncli, priced / "mlp.npz", tmp_path / "x.csv")[name]
    assert one["state"] == "look"
    assert said in one["evidence"]


def test_of_its_own_test_rows_these_pass(made: dict[str, Any]) -> None:
    states = {one["name"]: one["state"] for one in made["findings"]}
    for name in ("Better than always one answer", "Rows it has seen before", "Underfitting", "A simple reference",
                 "The same kind of rows as in training"):  # fmt: skip
        assert states[name] == "passed", name


def test_a_model_that_learned_by_heart_or_not_at_all_is_told(nncli: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 20)), 50 + 10 * rng.normal(size=120)
    data = tmp_path / "n.csv"
    header = ",".join([*(f"c{i}" for i in range(20)), "y"])
    np.savetxt(data, np.column_stack([X, y]), delimiter=",", header=header, comments="", fmt="%.4f")
    words = ["train", data, "--val", 0, "-q", "-o", tmp_path / "m.npz"]
    assert nncli(*words, "--epochs", 200, "--hidden", 64, "--lr", 0.01).code == 0
    told = findings(nncli, tmp_path / "m.npz")
    assert [told[name]["state"] for name in ("Overfitting", "Better than always one answer")] == ["look"] * 2
    assert nncli(*words, "--epochs", 1, "--hidden", 4, "--lr", 1e-5).code == 0
    outcome = nncli("report", tmp_path / "m.npz", "--json", "-q").json
    assert {one["name"]: one["state"] for one in outcome["findings"]}["Underfitting"] == "look"
    assert outcome["verdict"][2].startswith("Do not use it for decisions")


@pytest.mark.parametrize(
    ("value", "text"), [(0.123456, "0.123"), (3.14159, "3.14"), (1234.5, "1,230"), (98765.4, "98,800"), (2e9, "2e+09")]
)
def test_numbers_in_sentences_have_three_figures(value: float, text: str) -> None:
    assert plain(value) == text


def test_two_models_stand_side_by_side_with_the_differences_of_eval(nncli: Run, priced: Path) -> None:
    models = priced / "mlp.npz", priced / "linear.npz"
    outcome = nncli("report", *models, "--json", "-q")
    assert outcome.code == 0, outcome.err
    compared = nncli("eval", *models, "--json", "-q").json["figures"]
    (table,) = listings(outcome.json, "Side by side")
    for row, figure in zip(table["rows"], compared.values(), strict=True):
        assert [number(cell) for cell in row[1:3]] == pytest.approx(figure["values"], rel=1e-3)
        assert number(row[3]) == pytest.approx(figure["difference"], rel=1e-2, abs=1e-4)
        assert float(row[5]) == pytest.approx(figure["p_value"], rel=0.1)
    (nearer,) = listings(outcome.json, "Which is nearer")
    errors = [judged(nncli, model) for model in models]
    expected = [(errors[0] < errors[1]).sum(), (errors[1] < errors[0]).sum(), (errors[0] == errors[1]).sum()]
    assert [int(row[1]) for row in nearer["rows"]] == expected
    one, other = (f"{value:.3g}" for value in compared["mae"]["values"])
    assert outcome.json["verdict"][0] == f"On average, mlp.npz is off by {one}, and linear.npz by {other}."
    advice = "take mlp.npz" if compared["mae"]["p_value"] < 0.05 else "may be chance"
    assert advice in outcome.json["verdict"][2]
    titles = [one["title"] for one in outcome.json["sections"]]
    assert titles[2:4] == ["mlp.npz: How good it is", "mlp.npz: Pictures"]


def judged(nncli: Run, model: Path) -> np.ndarray[Any, Any]:
    """Return how far off a model is for its test rows, (n,)."""
    file = model.with_suffix(".judged.csv")
    assert nncli("eval", model, "--judged", file, "-q").code == 0
    header, *lines = file.read_text().splitlines()
    place = header.split(",").index("error")
    return np.abs([float(line.split(",")[place]) for line in lines])


def test_a_model_of_classes_is_none_to_compare_with(nncli: Run, priced: Path, iris_model: Path) -> None:
    outcome = nncli("report", priced / "mlp.npz", iris_model)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert "expected a model that predicts classes" in outcome.err
