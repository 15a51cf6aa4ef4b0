# ruff: noqa: E501  (a case stands on one line)
"""`eval A.npz B.npz`: two models on the same rows, and whether they differ by more than chance."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom, permutation_test
from sklearn.metrics import balanced_accuracy_score, log_loss

from nncli.cli.main import main
from nncli.metrics.paired import mean_interval
from nncli.metrics.paired import sign_flip_p as sign_flip

Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def mid_p(b: int, c: int) -> float:
    """Return the p-value of McNemar of b and c rows that only one of two models has right, by scipy."""
    heads = binom(b + c, 0.5)
    return float(2 * heads.sf(max(b, c)) + heads.pmf(max(b, c))) if b != c else 1.0


def write_rings(path: str, n: int, seed: int) -> None:
    """Write rows of two classes, a disc and the ring around it, which no line can divide."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    y = (X**2).sum(axis=1) + rng.normal(size=n) / 2 > 1.4
    lines = [f"{a:.3f},{b:.3f},{'ring' if k else 'disc'}" for (a, b), k in zip(X, y, strict=True)]
    Path(path).write_text("a,b,label\n" + "\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with d.csv, of rings, and two models of it."""
    folder = tmp_path_factory.mktemp("rings")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_rings("d.csv", 900, 1)
        for name, more in (("net", ["--hidden", "16", "--epochs", "60"]), ("line", ["-m", "logistic"])):
            words = ["train", "d.csv", "--epochs", "20", *more, "-q", "--json", "-o", f"{name}.npz"]
            assert main(words) == 0
    return folder


@pytest.fixture
def models(trained: Path, in_a_folder_of_its_own: None) -> tuple[str, str]:
    """Copies of these three files, and the names of the models."""
    shutil.copytree(trained, ".", dirs_exist_ok=True)
    return "net.npz", "line.npz"


def test_the_figures_are_those_of_each_model_alone(nncli: Run, models: tuple[str, str]) -> None:
    write_rings("new.csv", 500, 2)
    found = nncli("eval", *models, "new.csv", "--json").json
    y = [line.rsplit(",", 1)[1] for line in Path("new.csv").read_text().splitlines()[1:]]
    predicted, P = [], []
    for model in models:
        rows = [line.split(",") for line in nncli("predict", model, "new.csv", "--proba").out.splitlines()[1:]]
        predicted.append([row[0] for row in rows])
        p = np.array([row[1:] for row in rows], float)
        P.append(p / p.sum(axis=1, keepdims=True))  # as printed, their sum is 1 but for the last digits
    right = [np.array(one) == y for one in predicted]
    accuracy, balanced = found["figures"]["accuracy"], found["figures"]["balanced-accuracy"]
    assert accuracy["values"] == pytest.approx([one.mean() for one in right])
    assert accuracy["difference"] == pytest.approx(right[0].mean() - right[1].mean())
    b, c = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    assert accuracy["p_value"] == pytest.approx(mid_p(b, c))
    assert balanced["values"] == pytest.approx([balanced_accuracy_score(y, one) for one in predicted])
    assert found["figures"]["log-loss"]["values"] == pytest.approx([log_loss(y, p) for p in P], rel=1e-4)
    assert found["n"] == 500


def test_average_precision_of_few_rows_of_a_class_comes_with_a_warning(nncli: Run, models: tuple[str, str]) -> None:
    write_rings("new.csv", 300, 3)
    head, *lines = Path("new.csv").read_text().splitlines()
    rings, discs = ([line for line in lines if line.endswith(name)] for name in ("ring", "disc"))
    said = "so few make the interval of average precision too narrow"
    for n, metric, is_told in (
        (9, "average-precision", True),
        (10, "average-precision", False),
        (9, "accuracy", False),
    ):
        Path("few.csv").write_text("\n".join([head, *rings[:n], *discs]) + "\n")
        outcome = nncli("eval", *models, "few.csv", "--metric", metric, "--positive", "ring")
        assert (f"there are {n} rows of a class: {said}" in outcome.err) == is_told, outcome.err


@pytest.mark.parametrize("columns", [80, 120])
def test_an_interval_stands_on_one_line(
    columns: int, nncli: Run, models: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = nncli("eval", *models).out.splitlines()
    assert max(map(len, lines)) <= columns
    [loss] = [line for line in lines if line.startswith("log loss")]
    assert re.search(r"[−+][\d.]+ to [−+][\d.]+  +[\d.<e-]+$", loss)
    assert any("less is better" in line for line in lines)


def test_a_network_that_is_better_is_told_from_a_line(nncli: Run, models: tuple[str, str]) -> None:
    outcome = nncli("eval", *models)
    assert outcome.code == 0, outcome.err
    assert "in accuracy, net.npz is better by more than chance on these rows" in outcome.out
    found = nncli("eval", *models, "--json").json["figures"]
    for name, sign in (("accuracy", 1), ("balanced-accuracy", 1), ("log-loss", -1)):
        low, high = found[name]["interval"]
        assert min(sign * low, sign * high) > 0
        assert found[name]["p_value"] < 0.01


def test_a_model_does_not_differ_from_itself(nncli: Run, models: tuple[str, str]) -> None:
    found = nncli("eval", models[0], models[0], "--json").json["figures"]
    for one in found.values():
        assert (one["difference"], one["interval"], one["p_value"]) == (0, [0, 0], 1)


def test_costs_are_compared_where_both_models_have_them(nncli: Run) -> None:
    write_rings("d.csv", 600, 3)
    cost = ["--cost", "missed=4,false-alarm=1", "--positive", "ring", "-q"]
    assert nncli("train", "d.csv", "--epochs", 20, *cost, "-o", "a.npz").code == 0
    assert nncli("train", "d.csv", "-m", "logistic", *cost, "-o", "b.npz").code == 0
    found = nncli("eval", "a.npz", "b.npz", "--json").json["figures"]["cost"]
    alone = [nncli("eval", name, "--json").json["metrics"]["cost"]["value"] for name in ("a.npz", "b.npz")]
    assert found["values"] == pytest.approx(alone)


def test_any_metric_can_be_compared_and_stands_first(nncli: Run, models: tuple[str, str]) -> None:
    figures = nncli("eval", *models, "--metric", "mcc", "--json").json["figures"]
    assert next(iter(figures)) == "mcc"
    alone = [nncli("eval", name, "--json").json["metrics"]["mcc"]["value"] for name in models]
    assert figures["mcc"]["values"] == pytest.approx(alone)
    low, high = figures["mcc"]["interval"]
    assert 0 < low < figures["mcc"]["difference"] < high
    assert "in MCC, net.npz is better by more than chance" in nncli("eval", *models, "--metric", "mcc").out


def test_the_positive_class_of_the_first_model_is_that_of_both(nncli: Run) -> None:
    write_rings("d.csv", 300, 4)
    for name, positive in (("a.npz", "ring"), ("b.npz", "disc")):
        assert nncli("train", "d.csv", "--epochs", 5, "--positive", positive, "-q", "-o", name).code == 0
    found = nncli("eval", "a.npz", "b.npz", "--metric", "recall", "--json").json
    assert found["positive"] == "ring"
    assert {one["difference"] for one in found["figures"].values()} == {0}  # the same model


def test_of_four_rows_no_difference_is_sure(nncli: Run, models: tuple[str, str]) -> None:
    """As few can all be on one side by chance once in eight times."""
    write_rings("few.csv", 4, 7)
    found = nncli("eval", *models, "few.csv", "--metric", "f1:average=macro", "--json").json["figures"]
    assert all(one["p_value"] >= 1 / 8 for one in found.values())


def test_the_costs_of_one_model_count_for_both(nncli: Run) -> None:
    write_rings("d.csv", 600, 3)
    assert nncli("train", "d.csv", "-m", "logistic", "-q", "-o", "plain.npz").code == 0
    cost = ["--cost", "missed=4,false-alarm=1", "--positive", "ring", "-q"]
    assert nncli("train", "d.csv", "-m", "logistic", *cost, "-o", "cost.npz").code == 0
    one, other = (
        nncli("eval", *pair, "--json").json["figures"]["cost"]["values"]
        for pair in (("plain.npz", "cost.npz"), ("cost.npz", "plain.npz"))
    )
    assert one == other[::-1]
    assert one[0] > one[1]


@pytest.mark.parametrize("n", [8, 60])
def test_the_p_value_is_that_of_a_permutation_test(n: int) -> None:
    d = np.random.default_rng(n).normal(0.3, 1, n)
    expected = permutation_test((d,), lambda x, axis: x.mean(axis=axis), permutation_type="samples", n_resamples=20_000,
                                rng=np.random.default_rng(0), vectorized=True).pvalue  # fmt: skip
    assert sign_flip(d) == pytest.approx(expected, abs=0.025)


@pytest.mark.long
def test_under_no_difference_one_in_twenty_is_called_one() -> None:
    rng, called = np.random.default_rng(0), 0
    for _ in range(600):
        d = rng.exponential(1, 80) - rng.exponential(1, 80)  # as losses of two models that are equally good
        called += sign_flip(d) < 0.05
    assert 0.03 * 600 < called < 0.07 * 600


def test_the_interval_covers_the_difference_nineteen_times_in_twenty() -> None:
    rng, covered = np.random.default_rng(1), 0
    for _ in range(150):
        d = rng.choice([-1.0, 0.0, 1.0], 200, p=[0.1, 0.7, 0.2])
        low, high = mean_interval(d)
        covered += low <= 0.1 <= high
    assert covered >= 0.9 * 150


def test_very_many_rows_have_the_interval_and_test_of_fewer_in_proportion() -> None:
    rng = np.random.default_rng(2)
    few = rng.normal(0.05, 1, 5000)
    many = np.concatenate([few, few])  # the same mean and spread; 1/√2 of the error
    widths = [high - low for low, high in (mean_interval(few), mean_interval(many))]
    assert widths[1] == pytest.approx(widths[0] / np.sqrt(2), rel=0.01)
    assert sign_flip(many) < sign_flip(few) + 1e-3 < 0.05


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("eval net.npz iris.npz", "iris.npz: expected the classes of net.npz, found others. Compare models of one task."),
        ("eval net.npz other.npz", "other.npz: it was tested on other rows than net.npz. Name the data: nncli eval A B DATA."),
        ("eval net.npz line.npz --threshold 0.4", "--threshold: two models are compared as they are. Leave it out, or name one model."),
        ("eval net.npz line.npz --skip-rows 1", "--skip-rows: their own data are read as in training. Leave it out."),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused(nncli: Run, models: tuple[str, str], words: str, line: str) -> None:
    assert nncli("train", "iris", "--epochs", 1, "-q", "-o", "iris.npz").code == 0
    assert nncli("train", "d.csv", "--epochs", 1, "--split-seed", 9, "-q", "-o", "other.npz").code == 0
    outcome = nncli(*words.split())
    assert outcome.code != 0
    assert (outcome.err, outcome.out) == (line + "\n", "")


def test_models_that_know_what_mistakes_cost_are_judged_by_that_first(nncli: Callable[..., Any]) -> None:
    how = ["--epochs", 3, "-q", "--cost", "missed=5,false-alarm=1", "--positive", "malignant"]
    for name, seed in (("a.npz", 1), ("b.npz", 2)):
        assert nncli("train", "breast-cancer", *how, "--lr", 0.01 * seed, "-o", name).code == 0
    told = nncli("eval", "a.npz", "b.npz", "breast-cancer")
    assert told.code == 0, told.err
    assert told.out.splitlines()[-1].startswith("in mean cost of a row, ")
