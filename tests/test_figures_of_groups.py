"""`eval --by` shows the metrics of each group, with intervals that hold for all of them together."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.metrics import f1_score, log_loss, roc_auc_score

from nncli.metrics.definitions import METRICS
from nncli.metrics.intervals import estimate
from nncli.metrics.rows import ScoredRows

Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def write_places(n: int = 900) -> None:
    """Write rows of three places: in the east nothing can be known of the class, in the west all are of one class."""
    rng = np.random.default_rng(1)
    lines = []
    for i in range(n):
        x, place = rng.normal(), ["north", "east", "west"][i % 3]
        label = {"north": x + rng.normal() / 2 > 0, "east": rng.random() < 0.5, "west": True}[place]
        lines.append(f"{x:.3f},{place},{i // 30},{'pq'[int(label)]}")
    Path("d.csv").write_text("x,place,visit,label\n" + "\n".join(lines) + "\n")


def groups_of(nncli: Run, *options: Any) -> tuple[dict[str, Any], dict[str, list[dict[str, str]]]]:
    """Return what `--json` says of the groups, and the rows of each, as `--judged` writes them."""
    outcome = nncli("eval", "model.npz", "d.csv", "--by", "place", "--judged", "j.csv", "--json", *options)
    assert outcome.code == 0, outcome.err
    with Path("j.csv").open(newline="") as file:
        rows = [*csv.DictReader(file)]
    names = [one["group"] for one in outcome.json["by"]["groups"]]
    return outcome.json["by"], {name: [row for row in rows if row["place"] == name] for name in names}


VALUES: dict[str, Callable[[Any, Any, Any], float]] = {
    "f1": lambda y, predicted, p: f1_score(y, predicted),
    "roc-auc": lambda y, predicted, p: roc_auc_score(y, p),
    "log-loss": lambda y, predicted, p: log_loss(y, p, labels=[False, True]),
}


@pytest.mark.parametrize("metric", VALUES)
def test_the_metric_of_each_group_is_that_of_its_rows_alone(nncli: Run, metric: str) -> None:
    write_places()
    assert nncli("train", "d.csv", "--drop", "visit", "--epochs", 9, "-q").code == 0
    found, rows = groups_of(nncli, "--metric", metric, "--positive", "q")
    assert found["metric"] == metric
    for one in found["groups"]:
        own = rows[one["group"]]
        y = np.array([row["label"] == "q" for row in own])
        if metric == "roc-auc" and y.all():
            own_figure = one["metrics"][metric]
            assert (one["group"], own_figure["value"], own_figure["interval"]) == ("west", None, None)
            continue
        predicted = np.array([row["prediction"] == "q" for row in own])
        expected = VALUES[metric](y, predicted, np.array([float(row["p_q"]) for row in own]))
        assert one["metrics"][metric]["value"] == pytest.approx(expected, rel=1e-4)
        low, high = one["metrics"][metric]["interval"] or (expected, expected)  # none for a group without a mistake
        assert low <= expected <= high


def test_all_intervals_are_corrected_together(nncli: Run) -> None:
    """Accuracy and recall have the interval of Wilson: three groups and 14 figures are 42 looks, and with Fβ 45."""
    write_places()
    assert nncli("train", "d.csv", "--drop", "visit", "--epochs", 9, "-q").code == 0
    for metric, looks in (("recall", 42), ("f-beta", 45)):
        its_own_intervals(
            *groups_of(nncli, "--metric", metric, "--positive", "q"), NormalDist().inv_cdf(1 - 0.025 / looks)
        )


def its_own_intervals(found: dict[str, Any], rows: dict[str, list[dict[str, str]]], z: float) -> None:
    """Check the intervals of accuracy and recall of each group by the formula of Wilson."""
    for one in found["groups"]:
        own = rows[one["group"]]
        positive = [row for row in own if row["label"] == "q"]
        for figure, its in ((one["metrics"]["accuracy"], own), (one["metrics"]["recall"], positive)):
            n, p = len(its), np.mean([row["label"] == row["prediction"] for row in its])
            centre = (p + z * z / (2 * n)) / (1 + z * z / n)
            half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
            assert figure["interval"] == pytest.approx([centre - half, min(centre + half, 1)])
            assert figure["method"] == "Wilson"


def test_what_the_model_was_trained_for_or_was_asked_for_stands_first(nncli: Run) -> None:
    write_places()
    for options, metric in (
        ("--metric mcc", "mcc"),
        ("--metric accuracy", None),
        ("--metric loss", None),
        ("", None),
        ("--cost missed=5,false-alarm=1 --positive p", "cost"),
        ("--cost missed=5,false-alarm=1 --positive p --metric mcc", "mcc"),
    ):
        words = ["train", "d.csv", "--drop", "visit", "--epochs", 3, *options.split(), "-q"]
        assert nncli(*words).code == 0
        found, _ = groups_of(nncli)
        assert found["metric"] == metric
        assert all(next(iter(one["metrics"])) == (metric or "accuracy") for one in found["groups"])
        assert all(
            {"balanced-accuracy", "log-loss", "roc-auc", "recall"} < set(one["metrics"]) for one in found["groups"]
        )
    assert groups_of(nncli, "--metric", "accuracy")[0]["metric"] == "accuracy"


@pytest.mark.parametrize("metric", ["roc-auc", "balanced-accuracy", "precision:average=weighted", "log-loss"])
def test_on_a_terminal_of_80_columns_no_figure_is_folded(
    nncli: Run, metric: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_places()
    text = Path("d.csv").read_text().replace("north", "north of the river and behind the hills")
    Path("d.csv").write_text(text)
    assert nncli("train", "d.csv", "--drop", "visit", "--epochs", 9, "-q").code == 0
    for room in ("tables", "groups"):
        monkeypatch.setattr(f"nncli.terminal.{room}.new_console", lambda: wide(80))
    lines = nncli("eval", "model.npz", "d.csv", "--by", "place", "--metric", metric).out.splitlines()
    assert max(map(len, lines)) <= 80
    shown = "\n".join(lines[next(i for i, line in enumerate(lines) if line.startswith("place")) - 3 :])
    assert re.search(r"^rows +300 +300 +300$", shown, re.M)
    assert re.search(r"^accuracy .*% !.*\n +\d+\.\d–\d+\.\d %", shown, re.M)  # in the east
    assert re.search(r"^ROC AUC .* · ", shown + " ", re.M)  # in the west
    labels = [re.split(r"  ", line)[0] for line in shown.splitlines()]
    assert {"balanced accuracy", "log loss", "ROC AUC", "MCC", "recall of q"} < {*labels}


def wide(width: int) -> Any:
    from rich.console import Console

    return Console(width=width, force_terminal=False)


@pytest.mark.long
def test_rows_of_a_group_of_the_split_count_together_in_its_intervals(nncli: Run) -> None:
    """The same rows have wider intervals if some are of one visit: as many draws as there are visits."""
    rng = np.random.default_rng(0)
    lines = []
    for visit in range(120):
        wrong = rng.random() < 0.3  # of a whole visit
        for _ in range(10):
            x = rng.normal()
            lines.append(f"{x:.3f},{'ab'[visit % 2]},{visit},{'pq'[int((x > 0) != wrong)]}")
    Path("d.csv").write_text("x,place,visit,label\n" + "\n".join(lines) + "\n")
    widths = []
    for options in (["--drop", "visit"], ["--group", "visit"]):
        assert nncli("train", "d.csv", *options, "--epochs", 9, "-q").code == 0
        found, _ = groups_of(nncli)
        its = [one["metrics"]["accuracy"]["interval"] for one in found["groups"]]
        widths.append([high - low for low, high in its])
    assert all(together > 1.5 * alone for alone, together in zip(*widths, strict=True))


@pytest.mark.long
@pytest.mark.parametrize("metric", ["f1", "balanced-accuracy", "roc-auc", "mcc"])
def test_eight_intervals_hold_together_in_95_of_100_samples(metric: str) -> None:
    rng, its = np.random.default_rng(0), METRICS.create(metric)

    def drawn(n: int) -> ScoredRows:
        y = (rng.random(n) < 0.4).astype(np.int64)
        z = rng.normal(size=n) + 1.7 * (y - 0.5)
        return ScoredRows(y, (z > 0).astype(np.int64), 2, z[:, None], True)

    truth, z, misses = its.value(drawn(2_000_000)), NormalDist().inv_cdf(1 - 0.025 / 8), 0
    for _ in range(1600):
        low, high = estimate(its, drawn(100), z).interval or (np.nan, np.nan)
        misses += not low <= truth <= high
    assert 1 - (1 - misses / 1600) ** 8 < 0.09  # 0.05 and twice the standard error, 8 √(0.00625 / 1600)


@pytest.mark.long
def test_a_wider_interval_is_that_of_the_normal_distribution_on_the_scale_of_log_odds() -> None:
    rng = np.random.default_rng(3)
    y, predicted = rng.integers(2, size=300), rng.integers(2, size=300)
    rows = ScoredRows(y, np.where(rng.random(300) < 0.8, y, predicted), 2, rng.normal(size=(300, 1)), True)
    metric = METRICS.create("f1")
    value, drawn = f1_score(y, rows.predicted), []
    for _ in range(1000):
        some = rng.integers(300, size=300)
        drawn.append(f1_score(y[some], rows.predicted[some]))
    sd = np.std(logit(drawn))
    assert estimate(metric, rows, 3.0).interval == pytest.approx(expit(logit(value) + sd * np.array([-3, 3])), abs=0.01)


def test_the_interval_of_a_mean_does_not_leave_the_numbers_of_its_rows() -> None:
    """Of a hundred rows, three cost 5 and the others nothing: a mean cost below 0 cannot be."""
    y, predicted = np.ones(100, np.int64), np.repeat([0, 1], [3, 97])
    costs = np.array([[0.0, 1.0], [5.0, 0.0]])
    rows = ScoredRows(y, predicted, 2, np.zeros((100, 1)), True, costs=costs)
    low, high = estimate(METRICS.create("cost"), rows, 4.0).interval or (np.nan, np.nan)
    assert low == 0
    assert 0.15 < high < 1


def test_ends_of_groups_have_all_their_figures_and_dates_their_times(nncli: Run) -> None:
    """With the order of the rows, the quarters of 101 numbers or times end at every 25th, and begin at the next."""
    rows = [
        f"{20240101 + i},{i / 8},2024-01-01 {i // 10:02}:{i % 10 * 6:02}:05,{'pq'[i * i % 3 % 2]}" for i in range(101)
    ]
    Path("d.csv").write_text("big,small,at,class\n" + "\n".join(rows) + "\n")
    assert nncli("train", "d.csv", "--numeric", "big", "--epochs", 1, "-q").code == 0
    ends = {
        "big": [str(20240101 + i) for i in range(101)],
        "small": [f"{i / 8:g}" for i in range(101)],
        "at": [f"2024-01-01 {i // 10:02}:{i % 10 * 6:02}:05" for i in range(101)],
    }
    for name, expected in ends.items():
        groups = nncli("eval", "model.npz", "d.csv", "--by", name, "--json").json["by"]["groups"]
        quarters = ((0, 25), (26, 50), (51, 75), (76, 100))
        assert [one["group"] for one in groups] == [f"{expected[low]} to {expected[high]}" for low, high in quarters]
    wrong = nncli("eval", "model.npz", "d.csv", "--worst", "1")
    number = wrong.out.splitlines()[-1].split()[0]
    assert str(20240100 + int(number)) in wrong.out


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0] * 90 + [3, 7, 9] * 4, {"0": 90, "3 to 9": 12}),
        ([1] * 90 + [0] * 12, {"0": 12, "1": 90}),
        ([5] * 102, {"5": 102}),
        ([*range(1, 7)] * 17, {"1 to 2": 34, "3": 17, "4 to 5": 34, "6": 17}),
    ],
    ids=["mostly the lowest", "mostly the highest", "all the same", "dice"],
)
def test_groups_of_numbers_share_no_end_and_equal_ones_are_together(
    nncli: Run, values: list[int], expected: dict[str, int]
) -> None:
    rows = [f"{value},{i % 7},{'pq'[i % 2]}" for i, value in enumerate(values)]
    Path("d.csv").write_text("x,other,class\n" + "\n".join(rows) + "\n")
    assert nncli("train", "d.csv", "--numeric", "x", "--epochs", 1, "-q").code == 0
    groups = nncli("eval", "model.npz", "d.csv", "--by", "x", "--json").json["by"]["groups"]
    assert {one["group"]: one["n"] for one in groups} == expected
