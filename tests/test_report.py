"""`nncli report` of a model: its figures are those of the other commands, and its commands do what it says."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nncli.explain.nearest_change import Change
from nncli.metrics.definitions import METRICS
from nncli.report.worst_rows import _near
from reports import blocks, finding, listing, report, two_classes, write_rows

Run = Callable[..., Any]
COST = "if a missed row costs as much as"
FIGURES, MEANINGS = ("Figures", "More figures"), "What the figures say"

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of two classes that makes mistakes, and says what they cost."""
    from nncli.cli.main import main

    folder = tmp_path_factory.mktemp("two")
    write_rows(str(folder / "d.csv"), two_classes(600))
    argv = ["train", str(folder / "d.csv"), "--epochs", "5", "-q", "--json", "-o", str(folder / "two.npz")]
    assert main([*argv, "--cost", "missed=5,false-alarm=1", "--positive", "yes"]) == 0
    return folder / "two.npz"


@pytest.mark.parametrize("name", ["two", "iris_model"])
def test_figures_and_intervals_are_those_of_eval(name: str, nncli: Run, request: pytest.FixtureRequest) -> None:
    model = request.getfixturevalue(name)
    expected, made = nncli("eval", model, "--json").json, report(nncli, model)
    rows = {row["figure"]: row for name in FIGURES for row in listing(made, "How good it is", name)}
    lines = [line.split("  ")[0] for line in nncli("eval", model).out.splitlines()[3:]]
    own = ("the model", "predict --interval", "of these rows", "'yes' is predicted")  # lines below the figures
    assert set(rows) == {one for one in lines[: lines.index("class")] if one and not one.startswith(own)}
    labels = {METRICS.create(name).label(expected["positive"]): name for name in expected["metrics"]}  # and of more
    for label, row in rows.items():
        metric, one = labels[label], expected["metrics"][labels[label]]
        shares = metric.split(":")[0] in ("accuracy", "balanced-accuracy", "precision", "recall", "top-k")
        write = (lambda value: f"{100 * value:.1f} %") if shares else (lambda value: f"{value:.4f}")
        assert row["this model"] == write(one["value"]), metric
        assert row["95 % interval"] == " to ".join(map(write, one["interval"] or ())), metric
    constant = expected["baseline"]["accuracy"]
    assert rows["accuracy"]["always one answer"] == f"{100 * constant:.1f} %"
    for row in listing(made, "How good it is", "By class"):
        its = expected["per_class"][row["class"]]
        assert row["rows"] == f"{its['n']:,}"
        assert row["recall"] == f"{100 * its['recall']:.1f} %"


def test_pictures_are_those_of_plot(nncli: Run, two: Path) -> None:
    drawn = [one["figure"] for one in blocks(report(nncli, two), "Pictures", "drawing")]
    names = ("confusion", "calibration", "roc", "pr", "threshold", "curve")
    expected = [nncli("plot", two, name, "--json").json for name in names]
    assert [one | {"title": ""} for one in drawn] == [one | {"title": ""} for one in expected]
    titles = ["Confusions", "Calibration", "ROC", "Precision and recall", "Thresholds", "Training"]
    assert [one["title"] for one in drawn] == titles  # the page says once which file and rows they are of


def test_the_verdict_has_three_sentences_with_the_figures_of_eval(nncli: Run, two: Path) -> None:
    its, verdict = nncli("eval", two, "--json").json, report(nncli, two)["verdict"]
    good, sure, _ = verdict
    right, low, high = (f"{100 * share:.0f}" for share in (its["accuracy"], *its["accuracy_interval"]))
    of_yes = [row for row in its["confusion_counts"] if row[0] == 1]
    assert f"for about {right}, where always answering" in good
    assert f"right for {100 * its['baseline']['accuracy']:.0f};" in good
    found, all_yes = sum(n for _, said, n in of_yes if said == 1), sum(n for *_, n in of_yes)
    assert f"it finds {found} of the {all_yes} rows that are 'yes'" in good
    assert f"measured on {its['n']} rows" in sure
    assert f"between {low} and {high} of 100" in sure


def test_without_costs_the_threshold_of_some_is_told_with_its_mistakes(nncli: Run) -> None:
    """If a missed row costs as much as 5 false alarms, the threshold 1 / (1 + 5) costs least."""
    write_rows("d.csv", two_classes(300))
    assert nncli("train", "d.csv", "--positive", "yes", "--epochs", 5, "-q").code == 0
    made = report(nncli, "model.npz")
    (row,) = (one for one in listing(made, "Threshold", _caption(made)) if one[COST] == "5 false alarms")
    its = nncli("eval", "model.npz", "--threshold", 1 / 6, "--json").json
    n = {(true, said): k for true, said, k in its["confusion_counts"]}
    assert (row["threshold"], row["missed"], row["false alarms"]) == ("0.17", str(n.get((1, 0), 0)), str(n[0, 1]))


def _caption(made: dict[str, Any]) -> str:
    (table,) = blocks(made, "Threshold", "listing")
    caption: str = table["caption"]
    return caption


@pytest.mark.parametrize("at", [3, 20, 50, 97])
def test_the_slider_says_what_eval_says_at_each_threshold(at: int, nncli: Run, two: Path) -> None:
    (slider,) = blocks(report(nncli, two), "Threshold", "slider")
    outcome = nncli(*shlex.split(slider["commands"][at])[1:], "--json")
    assert outcome.code == 0
    its, shown = outcome.json["metrics"], {title: slider["values"][i][at] for i, title in enumerate(slider["titles"])}
    said = sum(n for _, said, n in outcome.json["confusion_counts"] if said == 1)
    assert shown["recall"] == f"{100 * its['recall']['value']:.1f} %"
    assert shown["precision"] == (f"{100 * its['precision']['value']:.1f} %" if said else "none")
    assert shown["rows predicted 'yes'"] == f"{said} of {outcome.json['n']}"
    assert shown["cost of a row"] == f"{its['cost']['value']:.4f}"


def test_the_slider_stands_where_the_model_does(nncli: Run, two: Path) -> None:
    (slider,) = blocks(report(nncli, two), "Threshold", "slider")
    own = nncli("eval", two, "--json").json
    assert slider["thresholds"][slider["chosen"]] == f"{own['decision']['threshold']:.4g}"
    exact = float(slider["commands"][slider["chosen"]].split()[-1])
    assert exact == pytest.approx(own["decision"]["threshold"], rel=1e-9)
    at = slider["titles"].index("cost of a row")
    assert slider["values"][at][slider["chosen"]] == f"{own['metrics']['cost']['value']:.4f}"


def test_importance_is_that_of_explain(nncli: Run, iris_model: Path) -> None:
    expected = nncli("explain", iris_model, "--json").json["importance"]
    rows = listing(report(nncli, iris_model), "Which columns matter")
    assert [row["column"] for row in rows] == [one["column"] for one in expected]
    for row, one in zip(rows, expected, strict=True):
        assert row["importance"] == f"{one['importance']:.4f}"
        assert row["95 % interval"] == " to ".join(f"{end:.4f}" for end in one["interval"] or ())


def test_each_figure_is_said_in_words(nncli: Run, two: Path, iris_model: Path) -> None:
    for model in (two, iris_model):
        made = report(nncli, model)
        for table, meanings in zip(FIGURES, ("What the figures say", "What these figures say"), strict=True):
            said = {row["figure"]: row["what it says"] for row in listing(made, "How good it is", meanings)}
            for row in listing(made, "How good it is", table):
                assert any(row["figure"].startswith(name) for name in said), row
                _, _, average = row["figure"].partition(", ")
                assert not average or said[average]
            assert all(said.values())


def test_the_log_loss_is_told_as_a_probability(nncli: Run, two: Path) -> None:
    """e^−loss, and for guessing by the shares of the classes e^(Σ p ln p)."""
    its = nncli("eval", two, "--json").json
    p = np.array([one["n"] for one in its["per_class"].values()]) / its["n"]
    said = {row["figure"]: row["what it says"] for row in listing(report(nncli, two), "How good it is", MEANINGS)}
    assert f"every row a probability of {100 * np.exp(-its['metrics']['log-loss']['value']):.0f} %;" in said["log loss"]
    assert said["log loss"].endswith(f"comes to a probability of {100 * np.exp((p * np.log(p)).sum()):.0f} %")


def test_the_card_tells_the_rows_that_it_learned_from_and_those_that_were_kept_from_it(nncli: Run, two: Path) -> None:
    card = dict(blocks(report(nncli, two), "Model card", "listing")[0]["rows"])
    assert card["data"].endswith("d.csv, 600 rows")
    assert card["trained on"] == (
        "420 of these rows; kept from it were 90 to say when to stop (validation) and 90 to judge it by (test)"
    )


def test_the_card_says_what_the_model_is_for(nncli: Run, two: Path) -> None:
    (card,) = (dict(one["rows"]) for one in blocks(report(nncli, two), "Model card", "listing"))
    assert card["what for"].startswith(
        "to predict 'class', one of 2 classes ('no' and 'yes'), for rows of the same kind"
    )


def test_importance_of_many_rows_is_from_some_of_them_and_says_so(nncli: Run) -> None:
    write_rows("many.csv", two_classes(3000))
    assert nncli("train", "many.csv", "--epochs", 2, "-q").code == 0
    (said,) = (
        one["text"] for one in blocks(report(nncli, "model.npz", "many.csv"), "Which columns matter", "paragraph")
    )
    assert "on 2,000 of 3,000 rows" in said


def test_the_most_wrong_rows_are_those_of_eval_each_with_reasons(nncli: Run, two: Path) -> None:
    expected = nncli("eval", two, "--worst", 20, "--json").json["worst"]
    rows = listing(report(nncli, two), "The most wrong rows")
    assert [(row["row"], row["class"], row["predicted"]) for row in rows] == [
        (f"{one['row']:,}", one["class"], one["prediction"]) for one in expected
    ]
    number, source = expected[0]["row"], two.parent / "d.csv"
    why = nncli("explain", two, source, "--row", number, "--json").json["contributions"]
    shown = "; ".join(f"{one['column']} = {one['value']:.6g} ({one['contribution']:+.2f})" for one in why[:3])
    assert rows[0]["reasons for the prediction"] == shown


def test_and_each_with_the_nearest_change_of_one_column_that_would_change_the_answer(nncli: Run, two: Path) -> None:
    made, source, seen = report(nncli, two), two.parent / "d.csv", 0
    assert nncli("eval", two, "--judged", "judged.csv").code == 0
    spread = np.genfromtxt("judged.csv", delimiter=",", names=True)
    for row in listing(made, "The most wrong rows")[:5]:
        changes = nncli("explain", two, source, "--row", row["row"].replace(",", ""), "--json").json["changes"]
        far = {one["column"]: abs(one["new"] - one["old"]) / spread[one["column"]].std() for one in changes}
        near = min(
            (one for one in changes if far[one["column"]] <= 2), key=lambda one: far[one["column"]], default=None
        )
        if near is None:
            none = f"no {'near ' if changes else ''}change of one column alone"
            assert row["what would change it"] == none
        else:
            away = far[near["column"]]
            told = f"{away:.1f}" if away >= 0.05 else "less than 0.1"
            shown = f"{near['column']}: {_shown(near['old'])} → {_shown(near['new'])} ({told})"
            assert row["what would change it"] == shown
        seen += near is not None
    assert seen


def test_a_change_that_is_far_for_its_column_is_none() -> None:
    """Of a column whose standard deviation is 2, 3 is 1.5 of them away and 5 is 2.5; days count as numbers do."""
    changes = [
        Change("a", 0.0, 5.0, "yes", 0.01), Change("b", 0.0, 3.0, "yes", 0.5), Change("c", "x", "y", "yes", 1.0),
        Change("d", "2024-01-01", "2024-01-02 12:00:00", "yes", 0.1),
    ]  # fmt: skip
    spreads = {"a": 2.0, "b": 2.0, "d": 3.0}
    assert [(one.column, far) for one, far in _near(changes, spreads)] == [("d", 0.5), ("b", 1.5), ("c", None)]


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"


def test_of_several_classes_the_runner_up_is_said(nncli: Run, iris_model: Path) -> None:
    made = report(nncli, iris_model, "iris")
    (said,) = (one["text"] for one in blocks(made, "The most wrong rows", "paragraph"))
    assert "against the runner-up" in said
    for row in listing(made, "The most wrong rows"):
        found = nncli("explain", iris_model, "iris", "--row", row["row"], "--json").json
        assert row["runner-up"] == found["runner_up"]
        assert row["what would change it"].endswith((f", which gives '{found['changes'][0]['prediction']}'", "alone"))


def test_groups_are_those_of_eval_by(nncli: Run, two: Path) -> None:
    made = report(nncli, two)
    groups = nncli("eval", two, "--by", "b", "--json").json["by"]["groups"]
    rows = listing(made, "Groups of rows", "By b")
    assert [(row["group"], row["rows"], row["right"]) for row in rows] == [
        (one["group"], f"{one['n']}", f"{100 * one['metrics']['accuracy']['value']:.1f} %") for one in groups
    ]


def test_the_data_are_as_check_sees_them(nncli: Run, two: Path) -> None:
    expected = nncli("check", two.parent / "d.csv", "--json").json
    rows = listing(report(nncli, two), "The data", "Columns")
    assert [(row["column"], row["distinct"]) for row in rows] == [
        (one["name"], f"{one['distinct']:,}") for one in expected["columns"]
    ]
    assert {row["becomes"] for row in rows} == {"standardised"}  # as the mlp has them, which these options ask for


@pytest.mark.parametrize("more", [(), ("--reference", "linear", "--keep-state"), ("--hidden", "8", "--drop", "b")])
def test_the_command_of_the_card_makes_the_same_file_again(more: tuple[str, ...], nncli: Run) -> None:
    write_rows("d.csv", two_classes(190))  # of more rows, a note says why it is this model
    assert nncli("train", "d.csv", "--epochs", 3, "--seed", 7, *more, "-q", "-o", "m.npz").code == 0
    before = Path("m.npz").read_bytes()
    (command,) = blocks(report(nncli, "m.npz"), "Model card", "command")
    Path("m.npz").unlink()
    assert nncli(*shlex.split(command["line"])[1:], "-q").code == 0
    assert Path("m.npz").read_bytes() == before


def test_the_card_has_the_digests_of_model_and_data(nncli: Run, two: Path) -> None:
    import hashlib

    facts = dict(blocks(report(nncli, two), "Model card", "listing")[0]["rows"])
    assert facts["SHA-256 of the model"] == hashlib.sha256(two.read_bytes()).hexdigest()
    assert facts["SHA-256 of the data"] == hashlib.sha256((two.parent / "d.csv").read_bytes()).hexdigest()


def test_a_report_needs_no_training_data_where_others_are_named(nncli: Run) -> None:
    write_rows("d.csv", two_classes(300))
    write_rows("new.csv", two_classes(300, seed=1))
    assert nncli("train", "d.csv", "--epochs", 3, "-q").code == 0
    Path("d.csv").unlink()
    made = report(nncli, "model.npz", "new.csv")
    assert finding(made, "A simple reference")["state"] == "unknown"
    assert "not looked at" in blocks(made, "The data", "paragraph")[0]["text"]


def test_a_model_of_scores_has_a_report_without_probabilities(nncli: Run) -> None:
    write_rows("d.csv", two_classes(300))
    assert nncli("train", "d.csv", "--model", "perceptron", "--epochs", 3, "-q").code == 0
    made = report(nncli, "model.npz")
    assert "Threshold" not in [one["title"] for one in made["sections"]]
    assert finding(made, "Honest probabilities")["state"] == "unknown"


def test_rows_are_read_with_the_options_of_eval(nncli: Run, two: Path) -> None:
    """Two lines above the header and a row that is no row make the same report as the rows without them."""
    whole = (two.parent / "d.csv").read_text().splitlines(keepends=True)
    Path("clean.csv").write_text("".join(whole[:301]))
    Path("dirty.csv").write_text("".join(["made by\n", "a device\n", *whole[:301], "no,row\n"]))
    options = ("--skip-rows", 2, "--on-error", "skip")
    expected, found = nncli("eval", two, "clean.csv", "--json").json, report(nncli, two, "dirty.csv", *options)
    accuracy = next(row for row in listing(found, "How good it is", "Figures") if row["figure"] == "accuracy")
    assert accuracy["this model"] == f"{100 * expected['accuracy']:.1f} %"
    drawn = nncli("plot", two, "confusion", "--data", "dirty.csv", *options, "--json").json
    clean = nncli("plot", two, "confusion", "--data", "clean.csv", "--json").json
    assert drawn["panels"] == clean["panels"]
    assert nncli("report", two, "dirty.csv", "-o", "r.html").code == 1
    for command in (("report", two), ("plot", two, "roc")):
        refused = nncli(*command, "--skip-rows", 2)
        assert (refused.code, refused.err) == (
            2,
            "--skip-rows: its own data are read as in training. Leave it out.\n",
        )
