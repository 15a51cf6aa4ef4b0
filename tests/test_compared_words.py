"""Texts are compared by how many of them have each word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from nncli.guards.comparison import compare_files
from nncli.guards.shares import Shares
from nncli.guards.summary import FileSummary, TextSummary
from nncli.guards.words import WordShares, words_in
from reports import finding, report
from short_and_long import short_and_long

Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")
WORDS = np.array([f"w{i}" for i in range(400)])
FREQUENT = 1 / np.arange(1, 401) / (1 / np.arange(1, 401)).sum()  # after Zipf


def texts(rng: np.random.Generator, n: int, words: Any = WORDS) -> list[str]:
    return [" ".join(rng.choice(words, 12, p=FREQUENT)) for _ in range(n)]


def test_texts_are_counted_and_not_words() -> None:
    found = words_in(["To be, or not TO BE", None, "to 日本", "be be be", ""])
    assert found.texts == 5
    assert dict(found.having) == {"to": 2, "be": 2, "or": 1, "not": 1, "日": 1, "本": 1, "a missing value": 1}


def test_the_word_that_differs_most_has_the_chi_squared_of_scipy() -> None:
    before = words_in(["the good film"] * 60 + ["the film"] * 40)
    now = words_in(["the good film"] * 30 + ["the film"] * 50)
    name, drift = WordShares.of(before, now).most
    expected = chi2_contingency([[60, 40], [30, 50]], correction=False)
    assert name == "good"
    assert drift.chi_square == pytest.approx(expected.statistic)
    assert drift.p_value == pytest.approx(3 * expected.pvalue)  # of three words


@pytest.mark.parametrize("draws", short_and_long(10, 200))
def test_files_of_the_same_texts_seldom_differ(draws: int) -> None:
    rng, alarms = np.random.default_rng(0), 0
    for _ in range(draws):
        samples = [TextSummary(0, Counter(), 0, texts(rng, 300), True) for _ in range(2)]
        alarms += bool(compare_files(*(FileSummary("f", 300, {"t": its}, (), ()) for its in samples)).differing)
    assert alarms <= max(1, 0.02 * draws)


def write(name: str, rows: list[str]) -> None:
    Path(name).write_text("text,label\n" + "".join(f'"{text}",{"ab"[i % 2]}\n' for i, text in enumerate(rows)))


def test_compare_tells_texts_of_another_kind_and_no_others(nncli: Run) -> None:
    rng = np.random.default_rng(0)
    write("a.csv", texts(rng, 300))
    write("b.csv", texts(rng, 300))
    write("c.csv", texts(rng, 300, np.roll(WORDS, 10)))
    found = nncli("compare", "a.csv", "b.csv", "--text", "text", "--json").json
    assert found["differing"] == []
    outcome = nncli("compare", "a.csv", "c.csv", "--text", "text")
    assert outcome.out.startswith("1 of 2 columns differs, most 'text' (PSI ")
    assert "column 'text': the word 'w" in outcome.out
    assert "compared by how many have each word" in outcome.out


def test_the_report_tells_texts_of_another_kind_and_no_others(nncli: Run) -> None:
    rng = np.random.default_rng(0)
    write("a.csv", texts(rng, 400))
    write("c.csv", texts(rng, 100, np.roll(WORDS, 10)))
    assert nncli("train", "a.csv", "--text", "text", "--hash-bits", 10, "--epochs", 1, "-q").code == 0
    made = report(nncli, "model.npz")
    its = finding(made, "The same kind of rows as in training")
    assert its["state"] == "passed"
    assert its["evidence"].startswith("The only column does not differ from training by more than chance; texts are")
    assert finding(made, "A column that gives the class away")["state"] == "unknown"
    idle = finding(made, "Columns that may do nothing")  # the classes have the same texts
    assert idle["evidence"].startswith("Shuffling the only column makes the answers no worse")
    assert "--drop" not in idle["remedy"]
    its = finding(report(nncli, "model.npz", "c.csv"), "The same kind of rows as in training")
    assert its["state"] == "look"
    assert "'text' (0." in its["evidence"]
    assert " by the word 'w" in its["evidence"]


def test_the_class_that_adds_most_to_the_index_is_named() -> None:
    """Of 261 rows and 1,740: 40.2 % to 35.8 % adds 0.005 to PSI, and 0 to 4.4 % adds 0.132."""
    shares = Shares(("'much'", "'new'", "'others'"), np.array([105.0, 0, 156]), np.array([623.0, 76, 1041]))
    assert shares.where("before").startswith("'new' in 4.4 % of the rows, 0.0 % before")
