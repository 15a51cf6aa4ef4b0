"""What somebody is told who has plain texts: lines without columns, few sentences, short ones, other encodings."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
REVIEWS = Path(__file__).parents[1] / "datasets" / "reviews.csv"
LINES = "Broke after a week, what a waste\nA great phone\n"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def trained(nncli: Run, name: str, encoding: str = "utf-8") -> None:
    """Train a model of one column of texts of that name, in a file of that encoding."""
    some = "".join(f"{'great schön' if i % 2 else 'broke'} phone {i},{'yn'[i % 2]}\n" for i in range(40))
    quoted = '"' + name.replace('"', '""') + '"'
    Path("d.csv").write_text(f"{quoted},label\n{some}", encoding)
    how = ("--text", name, "--ngrams", "words:1", "--hash-bits", 10, "--epochs", 30, "-q")
    outcome = nncli("train", "d.csv", *how)
    assert outcome.code == 0, outcome.err


@pytest.mark.parametrize("name", ["text", 'it\'s "so"'], ids=["plain", "quotes"])
@pytest.mark.parametrize("above", ["", "the name"], ids=["lines", "below the name"])
def test_lines_of_text_are_refused_with_a_command_that_makes_rows_of_them(name: str, above: str, nncli: Run) -> None:
    trained(nncli, name)
    head = '"' + name.replace('"', '""') + '"\n' if above else ""
    Path("lines.txt").write_text(head + LINES)
    refused = nncli("predict", "model.npz", "lines.txt", "-q")
    assert refused.code == 1
    begin = "column" if not above else "expected 1 column, found 2. Put texts with a ',' in quotes, or pass the lines "
    assert refused.err.startswith(f"lines.txt:{2 if above else 1}: {begin}")
    found = re.search(r"the lines(?: below the name)? through: (.*)\.$", refused.err)
    assert found is not None
    made = subprocess.run(found[1], shell=True, input=LINES, capture_output=True, text=True, check=True).stdout
    Path("rows.jsonl").write_text(made)
    assert nncli("predict", "model.npz", "rows.jsonl", "-q").out == "prediction\ny\nn\n"


def test_a_later_file_of_another_encoding_names_the_option_that_reads_it(nncli: Run) -> None:
    trained(nncli, "text")
    Path("new.csv").write_text("text,label\nschön,n\n", "latin-1")
    for command in ("predict", "eval"):
        refused = nncli(command, "model.npz", "new.csv", "-q")
        assert (
            refused.code,
            "expected UTF-8, found the byte 0xf6. Name the encoding, such as --encoding latin-1" in refused.err,
        ) == (1, True)
        assert nncli(command, "model.npz", "new.csv", "-q", "--encoding", "latin-1").code == 0
        assert "cp1252. [UTF-8, or as in training]" in " ".join(nncli(command, "--help-all").out.split())
    trained(nncli, "text", "latin-1")
    assert nncli("predict", "model.npz", "new.csv", "-q").out == "prediction\nn\n"


def sentences(n: int) -> str:
    """Write n sentences, all different, of two classes that a word of each tells."""
    return "text,label\n" + "".join(
        f"{'I like this very much' if i % 2 else 'I do not want that'} {i},{'yn'[i % 2]}\n" for i in range(n)
    )


@pytest.mark.parametrize("n", [10, 18])
def test_few_sentences_get_a_hint_to_learn_from_their_words(n: int, nncli: Run) -> None:
    Path("few.csv").write_text(sentences(n))
    hint = f"column 'text': {n} of {n} cells have a text that no other row has, and most new rows will have yet other "
    hint += "texts: they say little (--drop text leaves the column out, --text text learns from words and letters)"
    outcome = nncli("train", "few.csv")
    assert hint in outcome.err.splitlines()
    assert "the same: --text text learns from words" in outcome.err
    assert "dead" not in outcome.err
    assert hint in nncli("check", "few.csv").out.replace("\n", " ").replace("  ", "")
    told = nncli("train", "few.csv", "--text", "text")
    assert "that no other row has" not in told.err
    assert "learned from by their words" in told.err


def test_cells_of_one_word_are_no_texts(nncli: Run) -> None:
    Path("few.csv").write_text("city,label\n" + "".join(f"{chr(97 + i)}ville,{'yn'[i % 2]}\n" for i in range(18)))
    assert "--text" not in nncli("train", "few.csv").err


def test_a_linear_model_that_knows_its_training_rows_is_not_blamed_for_its_line(nncli: Run) -> None:
    """Each text has words of its own, so that new rows have no word that tells, and the other column says nothing."""
    words = [f"{a}{b}{c}" for a in "bdfgk" for b in "aeiou" for c in "lmnrst"]
    cells = [" ".join(words[4 * i : 4 * i + 4]) for i in range(36)]
    rows = "".join(f"{cell},{i * 7 % 13},{'ynyynyn'[i % 7]}\n" for i, cell in enumerate(cells))
    Path("d.csv").write_text(f"text,x,label\n{rows}")
    how = ("--text", "text", "--ngrams", "chars:5", "--epochs", 40)
    outcome = nncli("train", "d.csv", *how)
    assert "straight line" not in outcome.err
    said = (
        "all 5 test rows that were looked at are predicted 'y', while of the training rows 100.0 % are right: they are"
    )
    assert said in outcome.err


@pytest.mark.parametrize("n", [1, 3])
def test_short_texts_beside_other_columns_are_left_out_with_a_word_on_text(n: int, nncli: Run) -> None:
    words = ("refund", "login", "broken", "not", "received", "since", "update")
    cells = [" ".join([f"ticket{i}", *(words[(i + j) % 7] for j in range(n))]) for i in range(60)]
    Path("d.csv").write_text(
        "subject,x,y\n" + "".join(f"{c},{i * 7 % 13},{'pq'[i % 2]}\n" for i, c in enumerate(cells))
    )
    learns = "--text learns from their words, " if n == 3 else ""
    note = f"column 'subject': left out, as nearly all of its texts are different ({learns}--categorical keeps it)"
    assert note in nncli("train", "d.csv", "--epochs", 1).err.splitlines()
    told = nncli("train", "d.csv", "--epochs", 1, "--text", "subject")
    assert "column 'subject': texts, learned from by their words" in told.err


def test_mira_mends_each_text_in_full(nncli: Run) -> None:
    """A step τ = L / (2 ‖x‖²), with ‖x‖² = 2 for a text of unit length and the bias, gives a row a margin of 1: all
    rows whose words do not contradict one another are right after few epochs."""
    how = ("--model", "mira", "--ngrams", "words:1", "--hash-bits", 14, "--val", 0, "--test", 0, "--epochs", 8)
    outcome = nncli("train", REVIEWS, *how, "--json")
    assert outcome.json["train"]["accuracy"] > 0.98
    assert "training: mira, learning rate 1 (" in outcome.err
    assert "training: mira, learning rate 0.01 (" in nncli("train", "iris", "--model", "mira", "--epochs", 1).err
