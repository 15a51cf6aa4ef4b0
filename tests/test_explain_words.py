"""What explains a model names the words of its texts: weights by class, reasons for a row, and marks in its text."""

from __future__ import annotations

import csv
import dataclasses
import itertools
import math
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nncli.cli.main import main
from nncli.data.dataset import Table, TextColumn
from nncli.data.words.options import WordOptions
from nncli.data.words.vocabulary import Vocabulary
from nncli.explain.marks import marked_texts
from nncli.explain.reasons import reasons
from nncli.explain.word_weights import word_weights
from nncli.model import checkpoint, file_format
from nncli.model.model import Model
from nncli.system.output import signed_alike
from reviews import OPTIONS, write_reviews

Run = Callable[..., Any]
GOOD, BAD = ["wonderful", "superb", "lovely", "charming"], ["dull", "awful", "tedious", "clumsy"]
REST = ["the", "film", "was", "about", "a", "family", "in", "town", "and", "their", "story", "of", "old", "days"]


def texts(n: int = 160) -> list[tuple[str, float, str]]:
    rng = np.random.default_rng(3)
    rows = []
    for i in range(n):
        is_good = i % 2 == 0
        words = [*rng.choice(REST, 7), *rng.choice(GOOD if is_good else BAD, 2)]
        rng.shuffle(words)
        rows.append((" ".join(words), round(float(rng.normal() + is_good), 2), "good" if is_good else "bad"))
    return rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with r.csv of reviews and a number, and models of it."""
    found = tmp_path_factory.mktemp("words")
    with (found / "r.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("review", "stars", "label"), *texts()])
    own = ["train", str(found / "r.csv"), "--target", "label", "--text", "review", "-q", "--json", "--epochs", "6"]
    own += ["--ngrams", "words:1-2"]
    for name, how in {
        "linear": ["--model", "logistic", "--drop", "stars", "--val", "0", "--test", "0", "--hash-bits", "20"],
        "mixed": ["--model", "softmax", "--hash-bits", "12"],
        "mlp": ["--model", "mlp", "--hidden", "6,5", "--activation", "tanh", "--hash-bits", "12"],
        "chars": ["--model", "logistic", "--hash-bits", "12", "--drop", "stars", "--ngrams", "words:1-2,chars:2-4"],
        "named": ["--model", "logistic", "--hash-bits", "12", "--vocabulary", "--drop", "stars"],
    }.items():
        assert main([*own, *how, "-o", str(found / f"{name}.npz")]) == 0
    return found


def loaded(folder: Path, name: str) -> Model:
    return checkpoint.load(folder / f"{name}.npz")[0]


def table_of(model: Model, rows: list[tuple[str, float, str]]) -> Table:
    cells = TextColumn(np.arange(len(rows)), tuple(row[0] for row in rows))
    numbers = np.array([[row[1]] for row in rows], np.float32)[:, : len(model.preprocess.number_names)]
    return Table(model.preprocess.number_names, numbers, {"review": cells})


def test_weights_are_those_of_the_tfidf_vectorizer_of_scikit_learn(folder: Path) -> None:
    """Lead = b + Σ x w, with x from scikit-learn and w as it is shown."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    model, rows = loaded(folder, "linear"), texts()
    table = table_of(model, rows)
    found = word_weights(model, table, np.arange(len(rows)))
    k = model.classes.index("good")
    weights = dict(zip(found.vocabulary.names, found.C[:, k].tolist(), strict=True))
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\w+").fit(
        [row[0] for row in rows]
    )
    names = vectorizer.get_feature_names_out()
    in_two = [name for name in names if sum(f" {name} " in f" {row[0]} " for row in rows) > 1]
    assert set(in_two) == set(weights)
    some = [row for row in rows if all(" ".join(pair) in weights for pair in itertools.pairwise(row[0].split()))]
    assert len(some) > 20
    X = vectorizer.transform([row[0] for row in some]).toarray()
    lead = X @ np.array([weights.get(name, np.nan) if name in weights else 0.0 for name in names])
    empty = model.scores(table_of(model, [("", 0.0, "")]))
    scores = (model.scores(table_of(model, some)) - empty)[:, 0] * (1 if model.classes[1] == "good" else -1)
    assert lead == pytest.approx(scores, abs=1e-4)
    assert {one.ngram for one in found.largest(k, 4)} == set(GOOD)


@pytest.mark.parametrize("name", ["linear", "mixed", "mlp"])
def test_ngrams_of_a_row_add_up_to_what_its_text_adds_and_with_the_other_columns_to_the_lead(
    folder: Path, name: str
) -> None:
    model, rows = loaded(folder, name), texts()[:30]
    table = table_of(model, rows)
    Z = model.scores(table)
    predicted = model.predicted(Z)
    found = reasons(model, table, predicted, 1 - predicted)
    assert found.of_words is not None
    sums = [sum(one.contribution for one in row) for row in found.of_words.largest(table, 1000)]
    assert sums == pytest.approx(found.contributions[:, found.columns.index("review")], abs=1e-5)
    z = Z.astype(float)
    lead = (z[:, 1] - z[:, 0] if z.shape[1] == 2 else z[:, 0]) * np.where(predicted == 1, 1, -1)
    assert found.lead == pytest.approx(lead, abs=1e-4)
    assert found.error.max() < 0.01
    for row, text in enumerate(rows):  # all that is named stands there
        names = {one.ngram for one in found.of_words.largest(table, 1000)[row]}
        assert all(f" {one} " in f" {text[0]} " for one in names)


def test_where_characters_are_counted_words_stand_for_them(folder: Path) -> None:
    """The weight of a word is what a text of it adds to one without words, and reasons are words that add up."""
    model, rows = loaded(folder, "chars"), texts()[:30]
    table = table_of(model, rows)
    found = word_weights(model, table, np.arange(len(rows)))
    alone = table_of(model, [("", 0.0, ""), *((name, 0.0, "") for name in found.vocabulary.names)])
    Z = model.scores(alone)[:, 0]
    assert found.C[:, 1] == pytest.approx(Z[1:] - Z[0], abs=1e-5)
    assert {one.ngram for k in (0, 1) for one in found.largest(k, 3)} <= {*GOOD, *BAD, *REST}
    predicted = model.predicted(model.scores(table))
    why = reasons(model, table, predicted, 1 - predicted)
    assert why.of_words is not None
    named = why.of_words.largest(table, 1000)
    sums = [sum(one.contribution for one in row) for row in named]
    assert sums == pytest.approx(why.contributions[:, 0], abs=1e-5)
    assert all({one.ngram for one in of_row} <= {*row[0].split()} for of_row, row in zip(named, rows, strict=True))


@pytest.mark.parametrize("name", ["mixed", "mlp"])
def test_the_importance_of_a_text_is_that_of_texts_put_into_other_rows(folder: Path, name: str) -> None:
    from nncli.explain.importance import importances, permutations
    from nncli.metrics.definitions import METRICS
    from nncli.metrics.rows import ScoredRows

    model, rows = loaded(folder, name), texts()[:60]
    table, orders = table_of(model, rows), permutations(60, 2)
    y = np.array([model.classes.index(row[2]) for row in rows])

    def loss(of: Table) -> float:
        Z = model.scores(of).astype(float)
        return float(np.mean(np.log(np.exp(Z).sum(axis=1)) - Z[np.arange(60), y]))

    Z = model.scores(table)
    scored = ScoredRows(y, model.predicted(Z), 2, model.logits(Z), True)
    each = importances(model, table, scored, METRICS.create("log-loss"), orders).columns
    found = {one.column: one.importance for one in each}
    shuffled = [
        dataclasses.replace(table, texts={"review": TextColumn(order, table.texts["review"].values)})
        for order in orders
    ]
    assert found["review"] == pytest.approx(np.mean([loss(one) for one in shuffled]) - loss(table), abs=1e-5)
    moved = [dataclasses.replace(table, numbers=table.numbers[order]) for order in orders]
    assert found["stars"] == pytest.approx(np.mean([loss(one) for one in moved]) - loss(table), abs=1e-5)


def test_a_vocabulary_has_the_ngrams_that_two_texts_have(folder: Path) -> None:
    rows = [row[0] for row in texts()]
    found = Vocabulary.learn(
        [lambda: iter([rows[:50], rows[50:]]), lambda: iter([[None, "x y", "y"]])], WordOptions(bits=24)
    )
    counts = Counter[str]()
    for text in rows:
        words = re.findall(r"\w+", text)
        counts.update({*words, *map(" ".join, itertools.pairwise(words))})
    own = {name for name, column in zip(found.names, found.columns.tolist(), strict=True) if column == 0}
    assert own == {name for name, n in counts.items() if n > 1}
    assert {name for name, column in zip(found.names, found.columns.tolist(), strict=True) if column == 1} == {"y"}


def test_a_vocabulary_is_kept_in_the_file_where_that_is_asked_for(folder: Path) -> None:
    for name, keeps in {"named": True, "linear": False}.items():
        with np.load(folder / f"{name}.npz") as file:
            assert ("names" in file.files) is keeps
            assert ("named" in file.files) is keeps
    words = loaded(folder, "named").preprocess.words
    assert words is not None
    assert words.vocabulary is not None
    assert {*GOOD, *BAD} <= {*words.vocabulary.names}


BROKEN: dict[str, Any] = {
    "a name too few": lambda keys, names: (keys, names[:-1]),
    "places that do not rise": lambda keys, names: (keys[::-1].copy(), names),
    "a place beyond the last": lambda keys, names: (np.append(keys[:-1], 1 << 40), names),
    "a place below the first": lambda keys, names: (np.append(-1, keys[1:]), names),
    "a sign that moves the cursor": lambda keys, names: (keys, ("\x1b[2J", *names[1:])),
    "a very long name": lambda keys, names: (keys, ("x" * 61, *names[1:])),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_file_with_names_that_do_not_fit_is_refused_in_one_line(
    nncli: Run, folder: Path, tmp_path: Path, what: str
) -> None:
    model, provenance = checkpoint.load(folder / "named.npz")
    words = model.preprocess.words
    assert words is not None
    assert words.vocabulary is not None
    keys, names = BROKEN[what](words.vocabulary.keys, words.vocabulary.names)
    broken = dataclasses.replace(words, vocabulary=Vocabulary(keys, names, words.options.bits))
    other = dataclasses.replace(model, preprocess=dataclasses.replace(model.preprocess, words=broken))
    (tmp_path / "m.npz").write_bytes(file_format.encode(other, provenance))
    done = nncli("info", tmp_path / "m.npz")
    assert done.code == 1
    assert done.err.count("\n") == 1
    assert re.search("names of n-grams|places of n-grams", done.err)


def test_marks_add_up_the_ngrams_that_a_word_is_part_of(folder: Path) -> None:
    """Of a linear model, and two words: each has its own n-gram, and of that of both as much as it has letters."""
    model = loaded(folder, "linear")
    row = next(row for row in texts() if re.search(r"wonderful (superb|lovely)", row[0]))
    pair = re.findall(r"wonderful (?:superb|lovely)", row[0])[0]
    table = table_of(model, [(pair, 0.0, "good")])
    predicted = model.predicted(model.scores(table))
    found = reasons(model, table, predicted, 1 - predicted)
    assert found.of_words is not None
    (marked,) = marked_texts(found.of_words, table)
    adds = {one.ngram: one.contribution for one in found.of_words.largest(table, 10)[0]}
    first, second = pair.split()
    share = adds[pair] / (len(pair) - 1)  # all but the blank
    expected = [adds[first] + share * len(first), adds[second] + share * len(second)]
    assert [one.contribution for one in marked.marks] == pytest.approx(expected, rel=1e-6)
    assert [marked.text[one.begin : one.end] for one in marked.marks] == [first, second]


def test_without_the_word_that_is_named_the_model_answers_otherwise(nncli: Run, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("review\nthe film was superb and the town dull\nwonderful and dull film\n")
    found = nncli("explain", folder / "linear.npz", tmp_path / "x.csv", "--row", 2, "--json").json
    (change,) = found["changes"]
    left = "wonderful and dull film".replace(change["old"], "")
    (tmp_path / "y.csv").write_text(f"review\n{left}\n")
    said = nncli("predict", folder / "linear.npz", tmp_path / "y.csv").out.splitlines()
    assert said == ["prediction", change["prediction"]]
    assert change["prediction"] != found["prediction"]
    assert change["new"] == "(left out)"


@pytest.mark.parametrize("name", ["mixed", "mlp"])
def test_explain_names_words_of_each_class(nncli: Run, folder: Path, name: str) -> None:
    shown = nncli("explain", folder / f"{name}.npz")
    assert shown.code == 0
    assert re.search(r'good +"(wonderful|superb|lovely|charming)', shown.out)
    found = nncli("explain", folder / f"{name}.npz", "--json").json["words"]
    first = {one["class"]: one["ngram"] for one in reversed(found["weights"])}
    assert first["good"].split()[0] in GOOD + REST
    assert {first["bad"], first["good"]} & {*GOOD, *BAD}
    rows = [*csv.reader(nncli("explain", folder / f"{name}.npz", "--words", "--csv").out.splitlines())]
    assert rows[0] == ["column", "ngram", "class", "weight"]
    assert len(rows) > 100
    weights = [float(row[3]) for row in rows[1:] if row[2] == "bad"]
    assert weights == sorted(weights, reverse=True)


def test_a_model_with_a_vocabulary_needs_no_data_to_name_words(nncli: Run, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "m.npz").write_bytes((folder / "named.npz").read_bytes())
    (data := folder / "r.csv").rename(folder / "away.csv")
    try:
        done = nncli("explain", tmp_path / "m.npz", "--words")
        assert done.code == 0
        assert "the vocabulary of the model" in done.out
        assert nncli("plot", tmp_path / "m.npz", "weights").code == 0
        without = nncli("explain", folder / "mlp.npz", "--words")
        assert without.code == 1
        assert "no such file" in without.err
    finally:
        (folder / "away.csv").rename(data)


def test_reasons_of_predictions_are_ngrams_and_columns(nncli: Run, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("review,stars\nwonderful,9.5\n,\nsuperb superb,0\n")
    done = nncli("predict", folder / "mixed.npz", tmp_path / "x.csv", "--reasons", 3)
    rows = [*csv.DictReader(done.out.splitlines())]
    assert {rows[0][f"reason_{i}"] for i in (1, 2)} == {"stars", 'review: "wonderful"'}
    assert rows[0]["reason_3"] == rows[0]["contribution_3"] == ""  # one word has no more
    assert rows[1]["reason_2"] == ""
    assert len({row["reason_1"] for row in rows}) > 1
    many = nncli("predict", folder / "mixed.npz", folder / "r.csv", "--reasons", 2, "--jsonl")
    assert many.out.count("\n") == len(texts())
    assert 'review: \\"' in many.out


def test_the_report_draws_words_and_marks_those_of_wrong_rows(nncli: Run, folder: Path, tmp_path: Path) -> None:
    """Rows with the other class are all wrong."""
    with (tmp_path / "x.csv").open("w", newline="") as file:
        wrong = [(text, 2.0 * (label == "good"), {"good": "bad", "bad": "good"}[label]) for text, _, label in texts(8)]
        csv.writer(file).writerows([("review", "stars", "label"), *wrong])
    assert nncli("report", folder / "mixed.npz", tmp_path / "x.csv", "-o", tmp_path / "r.html", "-q").code == 0
    page = (tmp_path / "r.html").read_text()
    assert "Which words matter" in page
    assert "N-grams with the largest weights" in page
    assert re.search(f'<mark class="for">({"|".join(GOOD)})</mark>', page)
    assert re.search(f'<mark class="for">({"|".join(BAD)})</mark>', page)


def test_what_cannot_be_done_with_words_is_refused_in_one_line(nncli: Run, folder: Path) -> None:
    of = folder / "mixed.npz"
    for argv, said in {
        ("info", of, "--weights"): "explain --words",
        ("plot", of, "boundary"): "read as words",
        ("plot", of, "effect", "review"): "read as words",
        ("explain", folder / "linear.npz", "--coefficients"): "--words shows them",
        ("explain", of, "--words", "--row", "3"): "--words",
        ("explain", of, "--words", "--metric", "accuracy"): "--metric",
        ("train", "iris", "--vocabulary"): "--vocabulary",
        ("graph", of, "--row", "1"): "read as words",
    }.items():
        done = nncli(*argv)
        assert done.code in (1, 2), argv
        assert done.err.strip().count("\n") == 0, done.err
        assert said in done.err
    coefficients = nncli("explain", of, "--coefficients", "--bootstrap", "0")
    assert coefficients.code == 0
    assert "stars" in coefficients.out


def test_weights_stand_with_their_points_below_one_another() -> None:
    assert signed_alike([5.25, 5.241, -3, 0.0123]) == ["+5.250", "+5.241", "-3.000", "+0.012"]
    assert signed_alike([12_345.6, 1]) == ["+12346", "+1"]
    assert signed_alike([0.00012345, -0.0001]) == ["+0.0001234", "-0.0001000"]
    assert signed_alike([0.0, math.inf]) == ["+0", "+inf"]
    assert signed_alike([]) == []


@pytest.mark.usefixtures("in_a_folder_of_its_own")
@pytest.mark.parametrize(("ngrams", "kind"), [("words:1-2", "n-gram"), ("words:1,chars:2-3", "word")])
def test_a_list_of_words_is_headed_so(ngrams: str, kind: str, nncli: Run) -> None:
    write_reviews()
    words = ["--ngrams", ngrams, *OPTIONS, "--epochs", 1, "--drop", "length"]
    assert nncli("train", "reviews.csv", *words, "-o", "m.npz", "-q").code == 0
    assert f"\n{kind} " in nncli("explain", "m.npz", "reviews.csv", "--row", 1).out
