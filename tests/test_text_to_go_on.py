# ruff: noqa: E501  (each message stands on one line)
"""Models of texts: what they go on with, what they tell of, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nncli.data.bundled import path_of
from nncli.model import checkpoint

Nncli = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


@pytest.fixture(name="first")
def _first() -> list[str]:
    """Write 200 bundled reviews, and 120 others with a shop beside them; return the latter."""
    header, *rows = path_of("reviews").read_text("utf-8").splitlines()
    Path("first.csv").write_text("\n".join([f"shop,{header}", *(f"a,{row}" for row in rows[:200])]) + "\n", "utf-8")
    later = [f"b,zyxgood {row}" if not row.startswith('"') else f"b,{row}" for row in rows[200:320]]
    Path("later.csv").write_text("\n".join([f"shop,{header}", *later]) + "\n", "utf-8")
    return later


@pytest.mark.parametrize("model", ["logistic", "mlp"])
def test_new_rows_bring_categories_and_n_grams(first: list[str], nncli: Nncli, model: str) -> None:
    train = "train", "first.csv", "--model", model, "--ngrams", "words:1", "--hash-bits", 12, "--epochs", 3
    assert nncli(*train, "-q", "-o", "a.npz").code == 0
    assert nncli("train", "--from", "a.npz", "later.csv", "-q", "-o", "b.npz").code == 0
    old, new = (checkpoint.load(Path(name))[0].preprocess for name in ("a.npz", "b.npz"))
    assert (old.categories, new.categories) == ({"shop": ("a",)}, {"shop": ("a", "b")})
    assert old.words is not None
    assert new.words is not None
    known = old.words.idf > 0
    np.testing.assert_array_equal(new.words.idf[known], old.words.idf[known])
    assert (new.words.idf > 0).sum() > known.sum()  # zyxgood, and others


def test_a_stream_of_texts_is_learned_from(first: list[str], nncli: Nncli) -> None:
    assert nncli("train", "first.csv", "--model", "averaged-perceptron", "-q", "-o", "a.npz").code == 0
    done = nncli("train", "--from", "a.npz", "-", "--json", "-o", "b.npz", stdin=Path("later.csv").read_text("utf-8"))
    assert done.code == 0
    assert checkpoint.load(Path("b.npz"))[1].n_rows == len(first)


@pytest.mark.parametrize(("language", "name"), [("onnx", "ONNX"), ("c", "C"), ("sql", "SQL")])
def test_languages_without_unicode_say_which_can(first: list[str], nncli: Nncli, language: str, name: str) -> None:
    assert nncli("train", "first.csv", "--epochs", 1, "-q", "-o", "a.npz").code == 0
    done = nncli("export", "a.npz", "--to", language, "-o", "a.out")
    told = (
        f"--to: the model reads the words of column 'text', and {name} has nothing by which texts of all languages are "
        "normalised and cut into words. Use --to js, --to python or --to json.\n"
    )
    assert (done.code, done.err) == (2, told)
    assert not Path("a.out").exists()


def test_texts_without_anything_known_are_answered_and_counted(first: list[str], nncli: Nncli) -> None:
    """Few words in 2^20 inputs, so that none of three other ones meets one of them; an empty cell has none either."""
    words = "--ngrams", "words:1", "--hash-bits", 20
    assert nncli("train", "first.csv", *words, "--epochs", 1, "-q", "-o", "a.npz").code == 0
    rows = "shop,text\na,qqxx zzyy\na,great phone\na,\na,wwvv qqxx\n"
    for more in ((), ("--reasons", 1), ("--jsonl",)):
        done = nncli("predict", "a.npz", "-", *more, stdin=rows)
        assert (done.code, len(done.out.splitlines())) == (0, 4 if "--jsonl" in more else 5)
        assert "column 'text': 3 texts have none of the words of training\n" in done.err
    known = "shop,text\na,great phone\n"
    assert "none of the words" not in nncli("predict", "a.npz", "-", stdin=known).err


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("", "column 'note' has no text in any row. Leave it out, or drop the column with --drop note."),
        ("{}", "expected texts in column 'note', found numbers, such as '1'. Leave it out; --categorical note makes each a category."),
        ("{:02}.01.2020", "expected texts in column 'note', found dates, such as '01.01.2020'. Leave it out; --categorical note makes each a category."),
        ("{:02}/01/20", "expected texts in column 'note', found dates, such as '01/01/20'. Leave it out; --categorical note makes each a category."),
        ("1,{:03}", "expected texts in column 'note', found numbers, such as '1,001'. Leave it out; --categorical note makes each a category."),
        ("{} kg", "expected texts in column 'note', found numbers, such as '1 kg'. Leave it out; --categorical note makes each a category."),
        ("{:02}:30", "expected texts in column 'note', found times, such as '01:30'. Leave it out; --categorical note makes each a category."),
    ],
    ids=["empty", "numbers", "dates", "dates of another form", "thousands", "numbers with a unit", "times"],
)  # fmt: skip
def test_a_column_without_words_is_refused(nncli: Nncli, cell: str, told: str) -> None:
    lines = [f'"{cell.format(i % 23 + 1)}",{i % 5},{"ab"[i % 2]}' for i in range(60)]
    Path("notes.csv").write_text("\n".join(["note,n,label", *lines]) + "\n")
    done = nncli("train", "notes.csv", "--text", "note")
    assert (done.code, done.err.splitlines()[-1]) == (2, f"--text: {told}")


def test_texts_that_differ_in_capitals_are_no_finding(nncli: Nncli) -> None:
    texts = path_of("reviews").read_text("utf-8").splitlines()[1:81]
    Path("twice.csv").write_text("\n".join(["text,label", *texts, *map(str.swapcase, texts[:3])]) + "\n", "utf-8")
    told = "column 'text': categories "
    assert told not in nncli("check", "twice.csv").out
    assert told in nncli("check", "twice.csv", "--categorical", "text").out


def test_info_says_what_is_counted(first: list[str], nncli: Nncli) -> None:
    of = "--ngrams", "words:2-4,chars:1-3", "--hash-bits", 12
    assert nncli("train", "first.csv", *of, "--epochs", 1, "-q", "-o", "a.npz").code == 0
    said = "'text': pairs of words, sequences of 3 to 4 words, characters and sequences of 2 to 3 characters, hashed to"
    shown = " ".join(nncli("info", "a.npz").out.split())
    assert f"{said} 2^12 inputs" in shown
    words = {"columns": ["text"], "ngrams": "words:2-4,chars:1-3", "bits": 12, "seed": 0}
    assert nncli("info", "a.npz", "--json").json["words"] == words
