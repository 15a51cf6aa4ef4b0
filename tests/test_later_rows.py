"""Rows that come later are what the model was trained on, or they are refused: columns without names, labels that are
no class, names that may be numbers, and a point that may stand for a thousand."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Run = Callable[..., Any]
N = 200


def numbers(seed: int = 0) -> np.ndarray:
    """Two columns, in steps of 0.001 from 0 to 1."""
    return np.random.default_rng(seed).integers(0, 1000, (N, 2)) / 1000


def lines(header: str, rows: list[str]) -> str:
    return "\n".join([*([header] if header else []), *rows]) + "\n"


pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def train(nncli: Run, header: str, rows: list[str], *words: str) -> Any:
    Path("d.csv").write_text(lines(header, rows))
    outcome = nncli("train", "d.csv", "--epochs", "40", *words, "-o", "m.npz")
    assert outcome.code == 0, outcome.err
    return outcome


def predicted(nncli: Run, header: str, rows: list[str], *words: str) -> Any:
    Path("new.csv").write_text(lines(header, rows))
    return nncli("predict", "m.npz", "new.csv", *words)


def classes(outcome: Any) -> list[str]:
    assert outcome.code == 0, outcome.err
    return [line.split(",")[0] for line in outcome.out.splitlines()[1:]]


def label(a: float, b: float) -> str:
    return "p" if a > b else "q"


def with_ids(values: np.ndarray) -> list[str]:
    return [f"{i},{a},{b},{label(a, b)}" for i, (a, b) in enumerate(values, 1)]


class TestColumnsWithoutNames:
    def test_an_identifier_that_training_left_out_is_known_by_its_place(self, nncli: Run) -> None:
        rows = with_ids(numbers())
        train(nncli, "id,a,b,label", rows)
        named = classes(predicted(nncli, "id,a,b,label", rows))
        without_label = [row.rsplit(",", 1)[0] for row in rows]
        features = [row.split(",", 1)[1] for row in without_label]
        labelled = [row.split(",", 1)[1] for row in rows]
        for same in (rows, without_label, features, labelled):
            assert classes(predicted(nncli, "", same)) == named
        assert "matched by position, number 1 as 'id'\n" in predicted(nncli, "", without_label).err

    def test_a_cell_that_is_no_class_proves_that_the_columns_are_others(self, nncli: Run) -> None:
        train(nncli, "a,b,label", [row.split(",", 1)[1] for row in with_ids(numbers())])
        first = predicted(nncli, "", ["0.5,0.25,x"])
        assert first.code == 1
        assert first.err == (
            "new.csv:1: the first row has no names of columns, and its cells do not fit in their places: column "
            "'label': expected a class (p and q), as in training, found 'x'. Write the names of the columns above the "
            "rows.\n"
        )
        later = predicted(nncli, "", [*["0.5,0.25,p"] * 2000, "0.5,0.25,x"])
        assert later.code == 1
        assert later.err.splitlines()[-1] == (
            "new.csv:2001: column 'label': expected a class that the model knows (p, q), found 'x'. Write the names of "
            "the columns above the rows."
        )
        assert classes(predicted(nncli, "", ["0.5,0.25,", "0.25,0.5,NA"])) == ["p", "q"]  # not known yet

    @pytest.mark.parametrize(
        ("row", "problem"),
        [
            ("7.5,512,512", "column 'label': expected a class (0, 1 and 2), as in training, found '512'"),
            ("0,7.5,512", "column 'large': expected a whole number, as in training, found '7.5'"),
            ("512,7", "column 'small': expected a number such as 0 to 9.8, as in training, found '512'"),
            ("7.5,x", "column 'large': expected a number, as in training, found 'x'"),
        ],
    )
    def test_columns_in_another_order_are_refused(self, nncli: Run, row: str, problem: str) -> None:
        train(nncli, "small,large,label", [f"{i % 99 / 10},{501 + i * 7 % 99},{i % 3}" for i in range(N)])
        outcome = predicted(nncli, "", [row] * 3)
        assert (outcome.code, outcome.out) == (1, "")
        assert problem in outcome.err
        assert len(classes(predicted(nncli, "", ["12.5,700", ",501", "-3,NA"]))) == 3  # new, but not another column

    def test_what_fits_in_two_ways_is_asked(self, nncli: Run) -> None:
        rows = [f"{i},{i * 7 % 5},{i * 3 % 4},{int(i * 7 % 5 > i * 3 % 4)}" for i in range(N)]
        train(nncli, "id,a,b,label", rows)
        outcome = predicted(nncli, "", ["0,1,1", "1,2,1"])
        assert (outcome.code, outcome.out) == (1, "")
        assert outcome.err == (
            "new.csv:1: the 3 columns have no names, and could be a, b and label, or id, a and b. Write the names of "
            "the columns above the rows.\n"
        )
        assert len(classes(predicted(nncli, "id,a,b", ["0,1,1", "1,2,1"]))) == 2
        Path("e.csv").write_text("0,1,1\n1,2,1\n")  # which needs the label
        assert nncli("eval", "m.npz", "e.csv", "--json").json["n"] == 2


class TestNamesThatMayBeData:
    def test_names_that_are_numbers_are_quoted_or_asked(self, nncli: Run) -> None:
        train(nncli, "0,1,label", [row.split(",", 1)[1] for row in with_ids(numbers())], "--header")
        said = predicted(nncli, "0,1", ["0.9,0.1", "0.1,0.9"])
        assert classes(said) == ["p", "q"]
        assert said.err == "the first row is taken for the header: '0, 1'\n"
        asked = predicted(nncli, "1,0", ["0.9,0.1"])
        assert (asked.code, asked.out) == (1, "")
        assert asked.err == (
            "new.csv:1: the first row, '1, 0', may be a row of data, or a header in another order than in training. "
            "Write the columns in the order 0 and 1, with these names above them.\n"
        )
        assert classes(predicted(nncli, "", ["0.9,1", "0.1,0.9"])) == ["q", "q"]  # one is a name, and both are data
        assert predicted(nncli, "0,1,label", ["0.9,0.1,p"]).err == ""  # no row of data has that
        assert classes(predicted(nncli, "0,1,q", ["0.9,0.1,p"])) == ["q", "p"]  # and no header has a class there

    def test_a_header_that_was_a_row_is_quoted(self, nncli: Run) -> None:
        rows = [f"{'rgb'[i % 3]},{'xyz'[i * 7 % 11 % 3]},{'no' if i % 3 else 'yes'}" for i in range(N)]
        train(nncli, "r,x,label", rows)
        assert predicted(nncli, "r,x", ["g,y"]).err == "the first row is taken for the header: 'r, x'\n"
        assert predicted(nncli, "r,x,label", ["g,y,no"]).err == ""

    def test_a_header_above_a_model_without_names_is_quoted(self, nncli: Run) -> None:
        rows = [f"{'rgb'[i % 3]},{'xyz'[i * 7 % 11 % 3]},{'no' if i % 3 else 'yes'}" for i in range(N)]
        train(nncli, "", rows, "--no-header", "-t", "-1")
        for header, row, more in (("colour,shape", "r,x", ""), ("colour,shape,kind", "r,x,yes", ", number 3 as 'c2'")):
            outcome = predicted(nncli, header, [row, row])
            quoted = header.replace(",", ", ")
            problem = f"the header has other names, '{quoted}': columns are matched by position{more}\n"
            assert (classes(outcome), outcome.err) == (["yes", "yes"], problem)
        assert len(classes(predicted(nncli, "", ["r,new", "new,y"]))) == 2  # a cell is known: it is a row

    def test_names_are_the_same_in_every_form_of_unicode(self, nncli: Run) -> None:
        values = [row.split(",", 1)[1] for row in with_ids(numbers())]
        for here, there in (("NFC", "NFD"), ("NFD", "NFC")):
            train(nncli, unicodedata.normalize(here, "größe,länge,label"), values)
            assert classes(predicted(nncli, unicodedata.normalize(there, "länge,größe"), ["0.1,0.9"])) == ["p"]


class TestThousands:
    @pytest.mark.parametrize("rows", [3, 5000])
    @pytest.mark.parametrize(("cell", "whole"), [("1.011", "1011"), ("-999.999", "-999999"), ("+12.500", "+12500")])
    def test_a_fraction_where_all_numbers_were_whole_may_be_thousands(
        self, nncli: Run, cell: str, whole: str, rows: int
    ) -> None:
        train(nncli, "price,b,label", [f"{700 + i},{a},{label(a, b)}" for i, (a, b) in enumerate(numbers())], *KEEP)
        outcome = predicted(nncli, "price,b", [*["800,0.5"] * rows, f"{cell},0.5"])
        assert outcome.code == 1
        assert outcome.err == (
            f"new.csv:{rows + 2}: column 'price': expected a whole number, as all were in training; found '{cell}', "
            f"which may be {whole}. Write {whole}, or {cell}0 for a fraction.\n"
        )
        for advised in (whole, f"{cell}0"):
            assert len(classes(predicted(nncli, "price,b", [*["800,0.5"] * rows, f"{advised},0.5"]))) == rows + 1

    @pytest.mark.parametrize("cell", ["1011", "1011.5", "1.01", "1.0115", "1e3", "", "1.011"])
    def test_other_fractions_and_other_columns_are_read(self, nncli: Run, cell: str) -> None:
        train(nncli, "price,b,label", [f"{700 + i},{a},{label(a, b)}" for i, (a, b) in enumerate(numbers())], *KEEP)
        row = f"800,{cell}" if cell == "1.011" else f"{cell},0.5"
        assert len(classes(predicted(nncli, "price,b", [row] * 3))) == 3

    def test_a_decimal_comma_too(self, nncli: Run) -> None:
        rows = [f"{700 + i};{a};{label(a, b)}".replace(".", ",") for i, (a, b) in enumerate(numbers())]
        train(nncli, "price;b;label", rows, *KEEP)
        outcome = predicted(nncli, "price;b", ["1,011;0,5"])
        assert (outcome.code, "found '1,011'" in outcome.err) == (1, True)


KEEP = ("--numeric", "price")


def test_a_class_that_the_model_does_not_know_has_its_line(nncli: Run) -> None:
    rows = [row.split(",", 1)[1] for row in with_ids(numbers())]
    train(nncli, "a,b,label", rows)
    for n in (1, 5000):
        Path("e.csv").write_text(lines("a,b,label", ["0.1,0.2,q"] * n + ["0.1,0.2,Q"]))
        outcome = nncli("eval", "m.npz", "e.csv")
        assert outcome.code == 1
        assert outcome.err == (
            f"e.csv:{n + 2}: column 'label': expected a class that the model knows (p, q), found 'Q'. "
            "Did you mean 'q'?\n"
        )


@pytest.mark.parametrize("word", ["Total", "SUM", "Grand total", "Total:"])
@pytest.mark.parametrize("row", ["{},0.5,p", "{},99.1,"])
def test_a_row_of_totals_is_named_as_such(nncli: Run, word: str, row: str) -> None:
    Path("d.csv").write_text(lines("a,b,label", ["0.1,0.2,p", "0.3,0.1,q", row.format(word)]))
    outcome = nncli("train", "d.csv")
    assert outcome.code == 1
    assert outcome.err.startswith("d.csv:4: column 'a': expected a number, found ")
    assert outcome.err.endswith(": it seems to be a total of other rows.\n")
    assert "with --rows 1:2. Delete the row, or leave such rows out with --on-error skip" in outcome.err


@pytest.mark.parametrize("name", ["income, net", 'the "net" income', "a,b"])
def test_a_name_with_a_comma_is_advised_as_it_is_taken(nncli: Run, name: str) -> None:
    import shlex

    cell = '"' + name.replace('"', '""') + '"'
    rows = [f"{a},{b},{label(a, b)}" for a, b in numbers()]
    Path("d.csv").write_text(lines(f"{cell},b,label", [*rows, "n/a!,0.1,p"]))
    outcome = nncli("train", "d.csv")
    assert outcome.code == 1
    for option in ("--drop ", "--categorical "):
        words = shlex.split(option + outcome.err.split(option)[1])[:2]
        words[1] = words[1].rstrip(".,")
        assert nncli("train", "d.csv", "--epochs", "1", *words).code == 0


@pytest.mark.parametrize("name", ["income, net", "net,gross", "net,gros"])
@pytest.mark.parametrize("option", ["drop", "only", "categorical", "numeric", "keep"])
def test_a_name_with_a_comma_that_is_given_without_quotes_is_advised_with_them(
    nncli: Run, name: str, option: str
) -> None:
    import shlex

    rows = [f"{a},{b},{b},{label(a, b)}" for a, b in numbers()]
    Path("d.csv").write_text(lines('"income, net",b,"net,gross",label', rows))
    command = ["train", "d.csv", "--epochs", "1"]
    if option == "keep":
        assert nncli(*command).code == 0
        command = ["predict", "model.npz", "d.csv", "-o", "out.csv"]
    outcome = nncli(*command, f"--{option}", name)
    assert outcome.code == 2
    advised = outcome.err.split("double quotes around its name: ")[1].rstrip(".\n")
    assert nncli(*command, *shlex.split(advised)).code == 0


def test_a_name_with_a_comma_is_given_as_it_is_where_there_is_one_name(nncli: Run) -> None:
    rows = [f"{label(a, b)},{i % 9},{a},{b}" for i, (a, b) in enumerate(numbers())]
    Path("d.csv").write_text(lines('"kind, of it","firm, or none",a,b', rows))
    more = ["--target", "kind, of it", "--group", "firm, or none", "--missing", '"not known, sorry"']
    assert nncli("train", "d.csv", "--epochs", "1", *more).code == 0
    outcome = nncli("train", "d.csv", "--epochs", "1", "--target", "kind,of it")
    assert "Did you mean 'kind, of it'?" in outcome.err


ONE = "Take away the {0} at the end of the row, or if all rows end so, end the header with a {0} too."
TWO = "Take away the empty cells at its end, or if all rows end so, end the header with as many too."
ENDS = {
    "a comma": (",", ",", ONE.format("','")),
    "a semicolon": (";", ";", ONE.format("';'")),
    "a tab": ("\t", "\t", ONE.format("tab")),
    "two commas": (",", ",,", TWO),
}


@pytest.mark.parametrize("kind", ENDS)
def test_rows_that_end_in_a_delimiter_are_refused_with_advice_that_works(nncli: Run, kind: str) -> None:
    train(nncli, "a,b,label", [f"{i % 13},{i * 7 % 11},{'pq'[i % 2]}" for i in range(60)])
    delimiter, end, advice = ENDS[kind]
    rows = [delimiter.join(cells) for cells in (("1", "2"), ("3", "4"), ("5", "6"))]
    right = predicted(nncli, delimiter.join("ab"), rows).out
    found = predicted(nncli, delimiter.join("ab"), [row + end for row in rows])
    assert found.err.endswith(f"new.csv:2: expected 2 columns, found {2 + len(end)}. {advice}\n")
    assert (found.code, right.count("\n")) == (1, 4)
    assert predicted(nncli, delimiter.join("ab") + end, [row + end for row in rows]).out == right
