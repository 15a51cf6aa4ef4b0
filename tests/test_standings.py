"""Where trainings stand, and what the differences between them mean."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

from nncli.config.train_config import TrainConfig
from nncli.sweep import ranking
from nncli.sweep.ranking import Standing, chance, chances, importance


def record(right: list[bool], **changes: Any) -> dict[str, Any]:
    bits = np.array(right)
    return {
        "outcome": "done", "fold": 0, "n_val": len(bits), "right": b64encode(np.packbits(bits).tobytes()).decode(),
        "val": {"accuracy": float(bits.mean())}, "parameters": 1, "epochs": 1, **changes,
    }  # fmt: skip


def standing(*right: list[bool], lr: float = 0.1, share: float = 1) -> Standing:
    """A training with a trial for each list, and one fold."""
    return Standing(TrainConfig(lr=lr), tuple(map(record, right)), "accuracy", share)


def test_the_chance_of_a_difference_is_that_of_mcnemar() -> None:
    """16 rows that only the first gets right, 4 that only the second does, 180 that both do. Of 20 coins, at most 4
    fall on one side: (1 + 20 + 190 + 1140 + 4845) / 2²⁰, twice."""
    one = standing([True] * 196 + [False] * 4)
    other = standing([False] * 16 + [True] * 184)
    assert chance(one, other) == pytest.approx(2 * 6196 / 2**20, rel=1e-12)
    assert chance(one, one) == 1
    assert chance(one, other) == chance(other, one)
    assert chance(standing([True] * 9), standing([True] * 8 + [False])) == 1  # a single row tells nothing
    assert chance(standing([True] * 5000), standing([False] * 5000)) < 1e-300


def test_the_chance_of_many_differences_is_that_of_the_normal_distribution() -> None:
    """12,000 rows that only one of the two gets right, 6,100 of them the first: a binomial test, by scipy."""
    one = standing([True] * 6_100 + [False] * 5_900 + [True] * 9_000)
    other = standing([False] * 6_100 + [True] * 5_900 + [True] * 9_000)
    assert chance(one, other) == pytest.approx(binomtest(6_100, 12_000).pvalue, rel=1e-3)


def test_rows_are_compared_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """1,000 rows of two seeds, in blocks of 24: the same as in one."""
    rng = np.random.default_rng(0)
    one, other = (standing(*(rng.random((2, 1_000)) < share).tolist()) for share in (0.8, 0.77))
    whole = chance(one, other)
    monkeypatch.setattr(ranking, "ROWS_AT_ONCE", 24)
    assert 0 < whole < 1
    assert chance(one, other) == whole


def test_rows_that_several_seeds_get_right_count_as_often() -> None:
    """The first is ahead by 2, 1 and 1 trials at three rows: of 8 ways to sign these, 2 come to 4 or more."""
    one = standing([True, True, True], [True, True, False])
    other = standing([False, False, False], [False, True, False])
    assert chance(one, other) == pytest.approx(2 / 8)
    # folds stand one after the other: 3 rows, each ahead by 1, of 8 ways 2
    folds = Standing(TrainConfig(), (record([True]), record([True, True], fold=1)), "accuracy")
    behind = Standing(TrainConfig(), (record([False]), record([False, False], fold=1)), "accuracy")
    assert chance(folds, behind) == pytest.approx(2 / 8)


def test_chances_are_corrected_for_the_number_of_comparisons() -> None:
    """10 rows of 10 against 3, 2 and 0 of them: p = 2/2⁷, 2/2⁸ and 2/2¹⁰; Holm: the least times 3, the next times 2."""
    of = {n: standing([True] * n + [False] * (10 - n), lr=n / 10) for n in (10, 3, 2, 0)}
    found = chances([*of.values()])
    assert found == {
        of[0].config: pytest.approx(3 * 2 / 2**10),
        of[2].config: pytest.approx(2 * 2 / 2**8),
        of[3].config: pytest.approx(1 * 2 / 2**7),
    }


def test_what_was_given_fewer_epochs_is_not_compared() -> None:
    best, paused = standing([True, True]), standing([False, False], lr=0.2, share=1 / 3)
    assert chances([best, paused]) == {}
    assert importance([best, paused]) == {}


def test_what_mattered() -> None:
    """Means 0.9 and 0.9 with one rate, 0.5 and 0.5 with another: all of the variance is between the rates."""

    def with_(lr: float, l2: float, right: int) -> Standing:
        return Standing(TrainConfig(lr=lr, l2=l2), (record([True] * right + [False] * (10 - right)),), "accuracy")

    found = importance([with_(0.1, 0, 9), with_(0.1, 1, 9), with_(0.2, 0, 5), with_(0.2, 1, 5)])
    assert found == {"lr": pytest.approx(1), "l2": pytest.approx(0)}
    # means 9, 7, 5, 3: 4 · (2² + 0²) between rates of 8 and 4, and 4 · 1² between the others: 16 and 4 of 20
    found = importance([with_(0.1, 0, 9), with_(0.1, 1, 7), with_(0.2, 0, 5), with_(0.2, 1, 3)])
    assert found == {"lr": pytest.approx(0.8), "l2": pytest.approx(0.2)}


def test_words_are_not_put_in_thirds_and_values_that_are_there_once_tell_nothing() -> None:
    models = ["softmax", "svm", "mlp", "mira", "perceptron", "adaline", "logistic"]
    found = [Standing(TrainConfig(model=m, seed=s), (record([True] * (i + s) + [False] * 9),), "accuracy")
             for i, m in enumerate(models) for s in (0, 1)]  # fmt: skip
    assert set(importance(found)) == {"model", "seed"}
    assert importance(found)["model"] > 0.9
    assert importance([one for one in found if one.config.seed == 0]) == {}


def test_the_best_comes_first_for_every_reason_there_is() -> None:
    """Whole before failed, longer trained before paused, better before worse, fewer parameters, fewer epochs."""

    def of(
        accuracy: float, loss: float, *, share: float = 1, parameters: int = 9, epochs: int = 5, metric: str
    ) -> Standing:
        made = record([True], parameters=parameters, epochs=epochs, val={"accuracy": accuracy, "loss": loss})
        return Standing(TrainConfig(), (made,), metric, share)

    for metric, good, bad in (("accuracy", (0.9, 2.0), (0.8, 0.1)), ("loss", (0.1, 0.5), (0.9, 0.6))):
        order = [
            of(*good, parameters=3, epochs=5, metric=metric),
            of(*good, parameters=3, epochs=6, metric=metric),
            of(*good, parameters=4, epochs=1, metric=metric),
            of(*bad, parameters=1, metric=metric),
            of(*good, share=1 / 3, metric=metric),
            Standing(TrainConfig(), (record([True], outcome="failed"),), metric),
            Standing(TrainConfig(), (record([True]),), metric, 1, planned=2),  # not yet done
        ]
        assert [one.rank for one in order[:6]] == sorted(one.rank for one in order[:6])
        assert len({one.rank for one in order[:6]}) == 6
        assert not order[6].whole
