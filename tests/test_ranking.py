"""The ranking of configurations, and what the differences between them mean."""

from __future__ import annotations

import dataclasses
from base64 import b64encode
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import OneHotEncoder

from nncli.config.train_config import TrainConfig
from nncli.sweep import ranking
from nncli.sweep.ranking import RankedConfig, importance, p_value, p_values


def record(right: list[bool], **changes: Any) -> dict[str, Any]:
    bits = np.array(right)
    return {
        "outcome": "done", "fold": 0, "n_val": len(bits), "right": b64encode(np.packbits(bits).tobytes()).decode(),
        "val": {"accuracy": float(bits.mean())}, "parameters": 1, "epochs": 1, **changes,
    }  # fmt: skip


def ranked(*right: list[bool], lr: float = 0.1, share: float = 1) -> RankedConfig:
    """A configuration with a trial for each list, and one fold."""
    return RankedConfig(TrainConfig(lr=lr), tuple(map(record, right)), "accuracy", share)


def test_the_p_value_of_a_difference_is_that_of_mcnemar() -> None:
    """16 rows that only the first gets right, 4 that only the second does, 180 that both do. Of 20 coins, at most 4
    fall on one side: (1 + 20 + 190 + 1140 + 4845) / 2²⁰, twice, where those of just 4 count half (mid-p)."""
    one = ranked([True] * 196 + [False] * 4)
    other = ranked([False] * 16 + [True] * 184)
    assert p_value(one, other) == pytest.approx(2 * (1351 + 4845 / 2) / 2**20, rel=1e-12)
    assert p_value(one, one) == 1
    assert p_value(one, other) == p_value(other, one)
    assert p_value(ranked([True] * 9), ranked([True] * 8 + [False])) == 0.5  # a single row tells nothing
    assert p_value(ranked([True] * 5000), ranked([False] * 5000)) < 1e-300


def test_the_p_value_of_many_differences_is_that_of_the_normal_distribution() -> None:
    """12,000 rows that only one of the two gets right, 6,100 of them the first: a binomial test, by scipy, mid-p."""
    heads = binom(12_000, 0.5)
    one = ranked([True] * 6_100 + [False] * 5_900 + [True] * 9_000)
    other = ranked([False] * 6_100 + [True] * 5_900 + [True] * 9_000)
    assert p_value(one, other) == pytest.approx(2 * heads.sf(6_100) + heads.pmf(6_100), rel=1e-3)


def test_rows_are_compared_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """1,000 rows of two seeds, in blocks of 24: the same as in one."""
    rng = np.random.default_rng(0)
    one, other = (ranked(*(rng.random((2, 1_000)) < share).tolist()) for share in (0.8, 0.77))
    whole = p_value(one, other)
    monkeypatch.setattr(ranking, "ROWS_AT_ONCE", 24)
    assert 0 < whole < 1
    assert p_value(one, other) == whole


def test_rows_that_several_seeds_get_right_count_as_often() -> None:
    """The first is ahead by 2, 1 and 1 trials at three rows: of 8 ways to sign these, 2 come to 4,
    which count half (mid-p)."""
    one = ranked([True, True, True], [True, True, False])
    other = ranked([False, False, False], [False, True, False])
    assert p_value(one, other) == pytest.approx(1 / 8)
    # folds stand one after the other: 3 rows, each ahead by 1, of 8 ways 2
    folds = RankedConfig(TrainConfig(), (record([True]), record([True, True], fold=1)), "accuracy")
    behind = RankedConfig(TrainConfig(), (record([False]), record([False, False], fold=1)), "accuracy")
    assert p_value(folds, behind) == pytest.approx(1 / 8)


def test_p_values_are_corrected_for_the_number_of_comparisons() -> None:
    """10 rows of 10 against 3, 2 and 0 of them: p = 1/2⁷, 1/2⁸ and 1/2¹⁰; Holm: the least times 3, the next times 2."""
    of = {n: ranked([True] * n + [False] * (10 - n), lr=n / 10) for n in (10, 3, 2, 0)}
    found = p_values([*of.values()])
    assert found == {
        of[0].config: pytest.approx(3 / 2**10),
        of[2].config: pytest.approx(2 / 2**8),
        of[3].config: pytest.approx(1 / 2**7),
    }


def test_what_was_given_fewer_epochs_is_not_compared() -> None:
    best, paused = ranked([True, True]), ranked([False, False], lr=0.2, share=1 / 3)
    assert p_values([best, paused]) == {}
    assert importance([best, paused]) == {}


def test_what_mattered() -> None:
    """Means 0.9 and 0.9 with one rate, 0.5 and 0.5 with another: all of the variance is between the rates."""

    def with_(lr: float, l2: float, right: int) -> RankedConfig:
        return RankedConfig(TrainConfig(lr=lr, l2=l2), (record([True] * right + [False] * (10 - right)),), "accuracy")

    found = importance([with_(0.1, 0, 9), with_(0.1, 1, 9), with_(0.2, 0, 5), with_(0.2, 1, 5)])
    assert found == {"lr": pytest.approx(1), "l2": pytest.approx(0)}
    # means 9, 7, 5, 3: squares 20 in all, in 3 degrees of freedom. Within the rates 2 · (1² + 1²) = 4 of 2 degrees, so
    # 1 − (4 / 2) / (20 / 3) = 0.7; within the others 2 · (2² + 2²) = 16, so 1 − (16 / 2) / (20 / 3) < 0
    found = importance([with_(0.1, 0, 9), with_(0.1, 1, 7), with_(0.2, 0, 5), with_(0.2, 1, 3)])
    assert found == {"lr": pytest.approx(0.7), "l2": 0}


def adjusted_share(groups: list[Any], y: list[float]) -> float:
    """The adjusted R² of a least-squares fit of one level per group, by scikit-learn."""
    X = OneHotEncoder(sparse_output=False).fit_transform(np.array(groups)[:, None])
    r2 = LinearRegression(fit_intercept=False).fit(X, y).score(X, y)
    return 1 - (1 - r2) * (len(y) - 1) / (len(y) - X.shape[1])


def drawn(n: int, rng: np.random.Generator, effect: float) -> list[RankedConfig]:
    """Configurations with random widths and rates, of which only the rates have an effect, beside noise."""
    found = []
    for _ in range(n):
        width, rate = int(rng.integers(4, 64)), float(rng.random())
        made = record([True], val={"accuracy": effect * (rate > 0.5) + rng.random()})
        found.append(RankedConfig(TrainConfig(hidden=(width,), lr=rate), (made,), "accuracy"))
    return found


def test_many_widths_do_not_seem_to_matter_because_they_are_many() -> None:
    """60 draws of about 40 widths without any effect: as groups of their own they would explain two thirds."""
    rng = np.random.default_rng(0)
    found = [importance(drawn(60, rng, effect=3)) for _ in range(20)]
    assert np.mean([shares["hidden"] for shares in found]) < 0.05
    assert np.mean([shares["lr"] for shares in found]) > 0.5


def test_few_trials_of_a_range_do_not_blame_their_widths_either() -> None:
    """Six trials with five widths, of which one occurs twice: it alone would speak for noise."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(200):
        widths = [4, 8, 12, 16, 20, 20]
        made = [record([True], val={"accuracy": rng.random()}) for _ in widths]
        ranking = [
            RankedConfig(TrainConfig(hidden=(w,), lr=w + i / 9), (one,), "accuracy")
            for i, (w, one) in enumerate(zip(widths, made, strict=True))
        ]
        found.append(importance(ranking)["hidden"])
    assert np.mean(found) < 0.25


def test_importance_is_the_adjusted_r2_of_the_groups() -> None:
    ranking = drawn(60, np.random.default_rng(1), effect=1)
    means = [one.mean for one in ranking]
    for name, values in (
        ("hidden", [sum(one.config.hidden or ()) for one in ranking]),
        ("lr", [one.config.lr or 0 for one in ranking]),
    ):
        different = sorted(set(values))
        thirds = [different.index(value) * 3 // len(different) for value in values]
        assert importance(ranking)[name] == pytest.approx(max(0, adjusted_share(thirds, means)))
    names = [RankedConfig(dataclasses.replace(one.config, model=str(i % 11)), one.records, "accuracy") for i, one in
             enumerate(ranking)]  # fmt: skip
    expected = adjusted_share([one.config.model for one in names], means)
    assert importance(names)["model"] == pytest.approx(max(0, expected))


def test_words_are_not_put_in_thirds_and_values_that_occur_once_tell_nothing() -> None:
    models = ["softmax", "svm", "mlp", "mira", "perceptron", "adaline", "logistic"]
    found = [RankedConfig(TrainConfig(model=m, seed=s), (record([True] * (3 * i + s) + [False] * 20),), "accuracy")
             for i, m in enumerate(models) for s in (0, 1)]  # fmt: skip
    assert set(importance(found)) == {"model", "seed"}
    assert importance(found)["model"] > 0.9
    assert importance([one for one in found if one.config.seed == 0]) == {}


def test_the_best_comes_first_for_every_reason_there_is() -> None:
    """Whole before failed, longer trained before paused, better before worse, fewer parameters, fewer epochs."""

    def of(
        accuracy: float, loss: float, *, share: float = 1, parameters: int = 9, epochs: int = 5, metric: str
    ) -> RankedConfig:
        made = record([True], parameters=parameters, epochs=epochs, val={"accuracy": accuracy, "loss": loss})
        return RankedConfig(TrainConfig(), (made,), metric, share)

    for metric, good, bad in (("accuracy", (0.9, 2.0), (0.8, 0.1)), ("loss", (0.1, 0.5), (0.9, 0.6))):
        order = [
            of(*good, parameters=3, epochs=5, metric=metric),
            of(*good, parameters=3, epochs=6, metric=metric),
            of(*good, parameters=4, epochs=1, metric=metric),
            of(*bad, parameters=1, metric=metric),
            of(*good, share=1 / 3, metric=metric),
            RankedConfig(TrainConfig(), (record([True], outcome="failed"),), metric),
            RankedConfig(TrainConfig(), (record([True]),), metric, 1, planned=2),  # not yet done
        ]
        assert [one.rank for one in order[:6]] == sorted(one.rank for one in order[:6])
        assert len({one.rank for one in order[:6]}) == 6
        assert not order[6].whole
