"""Sweeps by group and with repeated folds: which rows belong together is in the ledger, and they count once."""

from __future__ import annotations

import itertools
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from ledgers import documents
from nncli.config.resolved import DataConfig
from nncli.config.train_config import TrainConfig
from nncli.data.load import load_dataset
from nncli.metrics.definitions import METRICS
from nncli.metrics.rows import ScoredRows
from nncli.sweep.ledger import read
from nncli.sweep.ranking import RankedConfig, p_values
from nncli.sweep.unit_p_values import Judged, lost_spread
from nncli.sweep.units import Units, units_in
from nncli.training.prepare import prepare
from nncli.training.splitting import Fold
from short_and_long import some_short
from unit_sweeps import GROUPED, REPEATED, Array, clustered

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def _data(in_a_folder_of_its_own: None) -> None:
    clustered("d.csv", 40, 0)


def all_signs(sums: Array) -> float:
    """The p-value of a sum by every way to sign what it is of; those with just that sum count half (mid-p)."""
    if abs(sums.sum()) < 1e-9:
        return 1.0
    flipped = np.array(list(itertools.product((1, -1), repeat=len(sums)))) @ sums
    over = np.abs(flipped) - abs(sums.sum())
    return float((over > 1e-9).mean() + (np.abs(over) <= 1e-9).mean() / 2)


def rights(record: dict[str, Any]) -> Array:
    return np.unpackbits(np.frombuffer(b64decode(record["right"]), np.uint8), count=record["n_val"]).astype(np.int64)


def configuration(name: str, lr: float, y: list[Array], z: list[Array]) -> RankedConfig:
    """A configuration whose trials in the folds have these scores for rows of these classes."""
    metric, records = METRICS.create(name), []
    for fold, (own, scores) in enumerate(zip(y, z, strict=True)):
        rows = ScoredRows(own, (scores >= 0) * 1, 2, scores[:, None], probabilistic=True)
        evidence = metric.evidence(rows) if metric.is_mean else np.hstack([own[:, None], metric.evidence(rows)])
        right = rows.predicted == own
        records.append(
            {
                "outcome": "done", "fold": fold, "n_val": len(own), "parameters": 1, "epochs": 1,
                "config": TrainConfig(metric=name),
                "right": b64encode(np.packbits(right).tobytes()).decode(),
                "evidence": b64encode(evidence.astype("<f4").tobytes()).decode(),
                "val": {"accuracy": float(right.mean()), name: metric.value(rows)},
            }
        )  # fmt: skip
    return RankedConfig(TrainConfig(metric=name, lr=lr), tuple(records), name, planned=len(records))


def p_of(
    name: str, units: Units, y: Array, one: list[Array], other: list[Array], each_row_alone: bool = False
) -> float:
    """The p-value of two models, by what each says of each row in each repeat."""
    rows = [repeat[units.unit_of_row] == fold for repeat in units.fold_of_unit for fold in range(units.folds)]
    repeat = [number // units.folds for number in range(len(rows))]
    classes = [y[its] for its in rows]
    first, second = (
        configuration(name, lr, classes, [z[k][its] for k, its in zip(repeat, rows, strict=True)])
        for lr, z in ((0.1, one), (0.2, other))
    )
    return p_values([first, second], None if each_row_alone else units)[second.config]


def dealt(rng: np.random.Generator, unit_of_row: Array, folds: int, repeats: int) -> Units:
    """Units that are dealt out to the folds in random order."""
    m = int(unit_of_row.max()) + 1
    return Units(unit_of_row, np.array([rng.permutation(np.arange(m) % folds) for _ in range(repeats)]), folds)


# the same splits as train


@pytest.mark.parametrize(
    "words", some_short(["iris --folds 3x2", "wine --folds 2x3", "d.csv --group who --folds 3x2"], 1)
)
def test_repeated_folds_have_the_figures_of_train(words: str, nncli: Run) -> None:
    """With one epoch and no validation rows within the folds, there is nothing to choose."""
    same = [*words.split(), "--val", "0", "--epochs", "1", "--metric", "log-loss"]
    swept = nncli("sweep", *same, "--lr", "0.1,0.003", "--jobs", "1", "-q", "--json").json
    for one in swept["standings"]:
        found = nncli("train", *same[:-2], "--lr", one["options"]["lr"], "--threads", 1, "-q", "--json").json["folds"]
        assert one["mean"] == pytest.approx(found["metrics"]["log-loss"]["mean"], rel=1e-9)
        assert one["sd"] == pytest.approx(found["metrics"]["log-loss"]["sd"], rel=1e-9)
        assert len(one["values"]) == 6
    accuracy = nncli("sweep", "--show", "model.sweep.jsonl", "--metric", "accuracy", "-q", "--json").json["standings"]
    lr = accuracy[0]["options"]["lr"]
    found = nncli("train", *same[:-2], "--lr", lr, "--threads", 1, "-q", "--json").json["folds"]
    assert accuracy[0]["mean"] == pytest.approx(found["metrics"]["accuracy"]["mean"], rel=1e-9)


@pytest.mark.long
@pytest.mark.parametrize("group", [(), ("--group", "who")])
def test_the_ledger_has_the_rows_that_train_judges_in_each_fold(group: tuple[str, ...], nncli: Run) -> None:
    assert nncli("sweep", "d.csv", *group, "--lr", "0.1,0.2", "--epochs", 1, "--folds", "4x3", "--jobs", 1).code == 0
    header, records = read(Path("model.sweep.jsonl"))
    found = units_in(header)
    assert found is not None
    config = records[0]["config"]
    dataset = load_dataset(config.data, DataConfig.of(config).csv, config.dtype)
    who = np.array([line.split(",")[2] for line in Path("d.csv").read_text().splitlines()[1:]])
    parts = [prepare(config, dataset, Fold(k, 4, True, r)).test.rows for r in range(3) for k in range(4)]
    names = who if group else np.arange(len(who))
    label: dict[Any, int] = {}  # every unit of the ledger is one name, and one name is one unit
    for place, rows in enumerate(parts):
        for number, name in zip(found.of_fold(place).tolist(), names[rows].tolist(), strict=True):
            assert label.setdefault(name, number) == number
    assert len(set(label.values())) == len(label) == found.count


# the tests, by brute force


@pytest.mark.parametrize("repeats", [1, 3])
@pytest.mark.parametrize("grouped", [True, False])
def test_the_p_value_of_the_accuracy_is_that_of_all_signs_of_the_units(grouped: bool, repeats: int) -> None:
    rng = np.random.default_rng(repeats)
    for _ in range(20):
        unit_of_row = np.sort(np.append(np.arange(11), rng.integers(0, 11, 30))) if grouped else np.arange(11)
        units, n = dealt(rng, unit_of_row, 2, repeats), len(unit_of_row)
        y = rng.integers(0, 2, n)
        one, other = ([2 * y - 1 + rng.normal(0, sd, n) for _ in range(repeats)] for sd in (0.8, 2.0))
        d = sum(((a >= 0) == y) * 1 - ((b >= 0) == y) for a, b in zip(one, other, strict=True))
        sums = np.array([d[unit_of_row == unit].sum() for unit in range(11)])
        assert p_of("accuracy", units, y, one, other) == pytest.approx(all_signs(sums), abs=1e-12)


@pytest.mark.parametrize("grouped", [True, False])
def test_the_p_value_of_a_mean_is_that_of_all_signs_of_the_units(grouped: bool) -> None:
    """Of the log loss −ln σ(±z), in two folds of as many rows each, twice: 10,000 draws have an error of 0.005."""
    rng = np.random.default_rng(3)
    unit_of_row = np.repeat(np.arange(12), 3) if grouped else np.arange(12)
    units, n = dealt(rng, unit_of_row, 2, 2), len(unit_of_row)
    y = rng.integers(0, 2, n)
    one, other = ([2 * y - 1 + rng.normal(0, sd, n) for _ in range(2)] for sd in (0.8, 1.6))
    loss = [sum(np.log1p(np.exp(-np.where(y == 1, z, -z))) for z in its) for its in (one, other)]
    sums = np.array([(loss[0] - loss[1])[unit_of_row == unit].sum() for unit in range(12)])
    assert p_of("log-loss", units, y, one, other) == pytest.approx(all_signs(sums), abs=0.015)


@pytest.mark.parametrize("seed", some_short([0, 1, 2], 1))
@pytest.mark.parametrize("grouped", [True, False])
def test_the_p_value_of_a_ranking_is_that_of_delong(grouped: bool, seed: int) -> None:
    """ROC AUC by its definition, with what each row adds to the mean of all folds and repeats: the share of rows of the
    other class that it is in order with, less the mean of its class. Of all, it is that of scikit-learn."""
    rng = np.random.default_rng(seed)
    unit_of_row = np.repeat(np.arange(40), 3) if grouped else np.arange(60)
    units, n, m = dealt(rng, unit_of_row, 2, 2), len(unit_of_row), int(unit_of_row[-1]) + 1
    y = np.arange(n) % 2
    both = [[2 * y - 1 + rng.normal(0, sd, n) for _ in range(2)] for sd in (1.5, 2.0)]
    parts = [np.flatnonzero(repeat[unit_of_row] == fold) for repeat in units.fold_of_unit for fold in range(2)]
    values, added, few = [], [], []
    for z in both:
        own, of_units = [], np.zeros(m)
        for number, rows in enumerate(parts):
            high, low = rows[y[rows] == 1], rows[y[rows] == 0]
            in_order = z[number // 2][high, None] > z[number // 2][low]
            own.append(in_order.mean())
            few += [len(np.unique(unit_of_row[its])) for its in (high, low)]
            np.add.at(of_units, unit_of_row[high], (in_order.mean(axis=1) - own[-1]) / len(high) / len(parts))
            np.add.at(of_units, unit_of_row[low], (in_order.mean(axis=0) - own[-1]) / len(low) / len(parts))
        assert own == pytest.approx([roc_auc_score(y[rows], z[i // 2][rows]) for i, rows in enumerate(parts)])
        values.append(np.mean(own))
        added.append(of_units)
    s = np.sqrt(((added[0] - added[1]) ** 2).sum() * np.mean([k / (k - 1) for k in few]))
    expected = 2 * norm.sf(abs(values[0] - values[1]) / s)
    assert p_of("roc-auc", units, y, *both) == pytest.approx(expected, rel=1e-5)  # the ledger has float32


def test_a_sweep_flips_the_signs_of_groups(nncli: Run) -> None:
    """Of a validation file, whose rows and groups are known in their order."""
    group = clustered("v.csv", 11, 1)
    words = [*GROUPED[:4], "--lr", "0.1,1e-5", "--epochs", "3", "--val-data", "v.csv", "--jobs", "1", "-q", "--json"]
    found = nncli(*words).json["standings"]
    right = {record["config"]["lr"]: rights(record) for record in documents()[1:]}
    d = right[found[0]["options"]["lr"]] - right[found[1]["options"]["lr"]]
    sums = np.array([d[group == own].sum() for own in range(11)])
    assert np.count_nonzero(sums) > 3
    assert found[1]["chance"] == pytest.approx(all_signs(sums), abs=1e-12)


def test_a_sweep_counts_a_row_once_however_often_folds_are_drawn(nncli: Run) -> None:
    words = [*REPEATED[:2], "--lr", "0.003,0.0025", "--epochs", "1", "--folds", "2x4", "--test", "0.9", "--val", "0.05"]
    outcome = nncli(*words, "--jobs", "1", "-q", "--json")
    assert outcome.code == 0, outcome.err
    first, second = outcome.json["standings"]
    found = units_in(documents()[0])
    assert found is not None
    sums = np.zeros(found.count)
    for record in documents()[1:]:
        sign = 1 if record["config"]["lr"] == first["options"]["lr"] else -1
        np.add.at(sums, found.of_fold(record["fold"]), sign * rights(record))
    assert found.count == 15  # a tenth of 150 rows
    assert second["chance"] == pytest.approx(all_signs(sums), abs=1e-12)


@pytest.mark.parametrize("metric", ["accuracy", "balanced-accuracy", "log-loss", "roc-auc", "f1:average=macro"])
@pytest.mark.parametrize(
    "words", some_short([["--group", "who", "--folds", "3x2"], ["--group", "who"], ["--folds", "3x2"]], 1)
)
def test_every_metric_has_a_test_and_the_ledger_shows_it(words: list[str], metric: str, nncli: Run) -> None:
    every = ["sweep", "d.csv", *words, "--lr", "0.1,1e-4", "--epochs", "3", "--metric", metric, "--jobs", "1", "--json"]
    done = nncli(*every)
    assert 0 < done.json["standings"][1]["chance"] <= 1
    assert "no p-values" not in done.err
    assert nncli("sweep", "--show", "model.sweep.jsonl", "-q", "--json").json["standings"] == done.json["standings"]
    assert nncli(*every).json == done.json


# no difference, and a small p-value all the same


@pytest.mark.long
@pytest.mark.parametrize(
    ("metric", "pairs"),
    [("accuracy", 600), ("log-loss", 600), ("balanced-accuracy", 200), ("roc-auc", 200), ("average-precision", 200)],
)
@pytest.mark.parametrize("kind", ["groups", "groups in folds", "repeated folds", "groups in repeated folds"])
def test_equally_good_models_differ_by_chance_alone(kind: str, metric: str, pairs: int) -> None:
    """p < 0.05 in about 5 % of the pairs, give or take two standard errors."""
    assert abs(share_of_small(metric, kind, pairs) - 0.05) <= 2 * np.sqrt(0.05 * 0.95 / pairs) + 0.005


FOLDS = 10


def of_folds(rng: np.random.Generator, n: int, rare: int) -> tuple[Units, Array]:
    """Rows of two classes, of which each fold has its share."""
    y = (np.arange(n) < rare).astype(np.int64)
    return Units(
        np.arange(n),
        np.concatenate([rng.permutation(np.arange(rare) % FOLDS), rng.permutation(np.arange(n - rare) % FOLDS)])[None],
        FOLDS,
    ), y


@pytest.mark.parametrize("metric", ["balanced-accuracy", "mcc", "f1", "roc-auc"])
def test_three_rows_that_differ_are_no_evidence_however_few_rows_a_fold_has(metric: str) -> None:
    """Of 200 rows in ten folds, of which each has two of the rare class: that all three are on one side has the
    probability 2 / 2³."""
    units, y = of_folds(np.random.default_rng(0), 200, 20)
    z = np.where(y == 1, 1.0, -1.0) + np.linspace(0, 0.1, 200)
    other = np.where(np.isin(np.arange(200), (1, 5, 9)), -2.0, z)
    assert p_of(metric, units, y, [z], [other], each_row_alone=True) >= 0.25


@pytest.mark.long
@pytest.mark.parametrize("metric", ["balanced-accuracy", "mcc", "f1", "kappa", "f1:average=macro", "roc-auc"])
@pytest.mark.parametrize(("n", "rare", "apart"), [(100, 50, 0.0), (200, 20, 1.0)], ids=["noise", "rare"])
def test_equally_good_models_differ_by_chance_alone_in_folds_of_few_rows(
    metric: str, n: int, rare: int, apart: float
) -> None:
    """p < 0.05 in at most 7 % of 300 pairs, give or take two standard errors of 1.5 %; of folds by themselves, it was
    12 to 20 %."""
    rng, small = np.random.default_rng(5), 0
    for _ in range(300):
        units, y = of_folds(rng, n, rare)
        common = rng.normal(size=n) + apart * (2 * y - 1)
        both = [common + rng.normal(size=n) for _ in range(2)]
        small += p_of(metric, units, y, *([z - np.quantile(z, 1 - rare / n)] for z in both), each_row_alone=True) < 0.05
    assert 0.01 <= small / 300 <= 0.10


def test_units_that_are_drawn_spread_as_much_as_means_of_so_few_do() -> None:
    """Of n numbers, the mean of those that are drawn has the variance (n − 1) / n of what it should have."""
    rng = np.random.default_rng(0)
    units, y = np.arange(9), np.repeat([0, 1], [4, 5])
    judged = {(0, 0): Judged(np.repeat(units, 2), np.repeat(y, 2), np.zeros((18, 1)))}
    shares = []
    for n in (4, 5):
        x = rng.normal(size=(2000, n))
        drawn = np.take_along_axis(x, rng.integers(n, size=(2000, n)), axis=1).mean(axis=1)
        shares.append(np.var(drawn - x.mean(axis=1)) / np.var(x.mean(axis=1)))
    assert lost_spread(judged) ** 2 == pytest.approx(np.mean(1 / np.array(shares)), rel=0.08)
    assert lost_spread(judged) ** 2 == pytest.approx((4 / 3 + 5 / 4) / 2)


def share_of_small(metric: str, kind: str, pairs: int) -> float:
    """Models whose scores of a row have in common what they say of its group and, in all repeats, of the row."""
    rng, small = np.random.default_rng(7), 0
    folds, repeats = (4 if "folds" in kind else 1), (3 if "repeated" in kind else 1)
    for _ in range(pairs):
        sizes = rng.integers(2, 9, 80) if "groups" in kind else np.ones(150, np.int64)
        group = np.repeat(np.arange(len(sizes)), sizes)
        y = (rng.random(len(sizes)) < 0.4).astype(np.int64)[group]
        common = 1.2 * (2 * y - 1) + rng.normal(size=len(sizes))[group]
        own = [rng.normal(size=len(sizes))[group] + 0.3 * rng.normal(size=len(y)) for _ in range(2)]
        one, other = ([common + its + 0.3 * rng.normal(size=len(y)) for _ in range(repeats)] for its in own)
        small += p_of(metric, dealt(rng, group, folds, repeats), y, one, other) < 0.05
    return small / pairs


def test_a_difference_that_is_there_is_found_and_repeats_do_not_make_it_surer() -> None:
    """90 % against 60 % of 100 rows is told; one row more of 30 is not, even if 20 repeats agree on it."""
    rng = np.random.default_rng(2)
    y = np.arange(100) % 2
    sign = 2 * y - 1
    one, other = np.where(np.arange(100) < 90, sign, -sign), np.where(np.arange(100) < 60, sign, -sign)
    units = dealt(rng, np.arange(100), 2, 3)
    assert p_of("accuracy", units, y, [one] * 3, [other] * 3) == pytest.approx(1 / 2**30, rel=1e-9)
    units, y, sign = dealt(rng, np.arange(30), 2, 20), y[:30], sign[:30]
    assert p_of("accuracy", units, y, [sign] * 20, [np.where(np.arange(30) < 29, sign, -sign)] * 20) == 0.5
