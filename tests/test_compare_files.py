"""nncli compare tells two files of rows apart, column by column."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import peak_memory
from nncli.data.dataset import Table
from nncli.guards.summary import summary_of
from short_and_long import short_and_long

Run = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def write(name: str, seed: int, n: int = 1500, shift: float = 0.0, columns: int = 3, cities: str = "abc") -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, columns))
    X[:, 0] += shift
    rows = [",".join([*(f"{v:.4f}" for v in x), str(c)]) for x, c in zip(X, rng.choice(list(cities), n), strict=True)]
    Path(name).write_text("\n".join([",".join([*(f"x{i}" for i in range(columns)), "city"]), *rows]) + "\n")


def test_the_column_that_has_moved_comes_first(nncli: Run) -> None:
    write("a.csv", 0)
    write("b.csv", 1, shift=0.5)
    outcome = nncli("compare", "a.csv", "b.csv")
    assert (outcome.code, outcome.err) == (0, "")
    first, second, *_ = outcome.out.splitlines()
    assert first.startswith("1 of 4 columns differs, most 'x0' (PSI 0.")
    assert second == "before: a.csv, 1,500 rows; now: b.csv, 1,500 rows"
    found = nncli("compare", "a.csv", "b.csv", "--json").json
    assert (found["differing"], found["columns"][0]["name"]) == (["x0"], "x0")
    assert [column["kind"] for column in found["columns"]].count(["text", "text"]) == 1


def test_figures_are_those_of_scipy(nncli: Run) -> None:
    """Deciles of the first file are the bins; their counts make a table of two rows."""
    from scipy.stats import chi2_contingency

    write("a.csv", 0)
    write("b.csv", 1, n=700, shift=0.2)
    a, b = (np.loadtxt(name, delimiter=",", skiprows=1, usecols=0) for name in ("a.csv", "b.csv"))
    edges = np.quantile(a, np.arange(1, 10) / 10, method="inverted_cdf")
    table = np.array([np.bincount(np.searchsorted(edges, its), minlength=10) for its in (a, b)])
    expected = chi2_contingency(table, correction=False)
    column = next(c for c in nncli("compare", "a.csv", "b.csv", "--json").json["columns"] if c["name"] == "x0")
    assert [one["before"] for one in column["bins"]][:-1] == table[0].tolist()
    assert [one["now"] for one in column["bins"]][:-1] == table[1].tolist()
    assert column["test"]["chi_square"] == pytest.approx(expected.statistic)
    assert column["test"]["p_value"] == pytest.approx(expected.pvalue)
    p, q = (table + 0.5) / (table + 0.5).sum(axis=1, keepdims=True)
    assert column["psi"] == pytest.approx(((q - p) * np.log(q / p)).sum())
    for when, its in (("before", a), ("now", b)):
        figures = [column[when][name] for name in ("low", "median", "mean", "high")]
        assert figures == pytest.approx([its.min(), np.median(its), its.mean(), its.max()])


def test_columns_that_are_missing_new_or_of_another_kind_are_named(nncli: Run) -> None:
    days = [f"{i % 28 + 1:02d}" for i in range(99)]
    a = [f"{i % 9},{i % 7},2024-01-{day},a,n{i}" for i, day in enumerate(days)]
    b = [f"b,2024-02-{day},{i % 3},k{i % 5},{i % 4}" for i, day in enumerate(days)]
    Path("a.csv").write_text("\n".join(["x,gone,day,c,id", *a]) + "\n")
    Path("b.csv").write_text("\n".join(["c,day,new,x,id", *b]) + "\n")
    found = nncli("compare", "a.csv", "b.csv", "--json").json
    assert (found["missing_columns"], found["new_columns"]) == (["gone"], ["new"])
    columns = {column["name"]: column for column in found["columns"]}
    assert columns["x"]["kind"] == ["number", "text"]
    assert columns["day"]["before"]["low"] == "2024-01-01"
    assert columns["day"]["now"]["high"] == "2024-02-28"
    assert (columns["c"]["new_values"], columns["c"]["gone_values"]) == ({"b": 99}, {"a": 99})
    assert found["columns"][0]["name"] == "x"  # what cannot be compared at all
    out = nncli("compare", "a.csv", "b.csv").out
    assert out.startswith("1 column of the first file is missing; 1 column is new; 4 of 4 columns differ, most 'x' (is")
    assert "column 'x': number before, text now\n" in out
    assert "column 'id': row names before, number now\n" in out
    assert "column 'c': new values: 'b' (99)\n" in out


def test_missing_values_are_a_difference(nncli: Run) -> None:
    write("a.csv", 0)
    lines = Path("a.csv").read_text().splitlines()
    Path("b.csv").write_text("\n".join([lines[0], *(("," + line.split(",", 1)[1]) if i % 3 else line for i, line in
                                                     enumerate(lines[1:]))]) + "\n")  # fmt: skip
    column = nncli("compare", "a.csv", "b.csv", "--json").json["columns"][0]
    assert (column["name"], column["differs"], column["where"].split(" in ")[0]) == ("x0", True, "a missing value")
    assert column["missing"] == pytest.approx([0, 2 / 3])


@pytest.mark.parametrize("width", [80, 120])
def test_no_cell_is_broken_however_long_names_and_texts_are(
    nncli: Run, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the ages are missing before and a third now; the median income is 23,456.7, and then 24,567.8."""
    monkeypatch.setenv("COLUMNS", str(width))
    for name, every, income, colour in (("a.csv", 2, 23456.7, "dark green metallic"), ("b.csv", 3, 24567.8, "red")):
        rows = [f"{'' if i % every == 0 else i % 50},{income},{colour if i % 3 else 'blue'}" for i in range(600)]
        Path(name).write_text("\n".join(["age,household income per year,favourite colour", *rows]) + "\n")
    said = nncli("compare", "a.csv", "b.csv").out
    assert "50.0 → 33.3 %" in said
    assert re.search("23,457 +24,568 ", said)
    table = said.split("\n\n")[1].splitlines()
    assert max(map(len, table)) <= width
    assert len([line for line in table if line.startswith(("age", "household", "favourite"))]) == len(table) - 3 - (
        width == 80
    )  # a title of two lines, where the table is narrow; a line, and what is typical


def test_a_column_that_was_the_same_everywhere_differs_where_it_is_another(nncli: Run) -> None:
    for name, value in (("a.csv", 5), ("b.csv", 7)):
        Path(name).write_text("k,x\n" + "".join(f"{value},{i % 9}\n" for i in range(200)))
    found = nncli("compare", "a.csv", "b.csv", "--json").json
    assert found["differing"] == ["k"]
    assert found["columns"][0]["where"] == "5 in 0.0 % of the rows, 100.0 % before"


def test_columns_that_only_tell_rows_apart_are_left_out(nncli: Run) -> None:
    for name in ("a.csv", "b.csv"):
        Path(name).write_text("id,x,c\n" + "".join(f"{name}-{i},{i % 9},a\n" for i in range(200)))
    found = nncli("compare", "a.csv", "b.csv", "--json").json
    assert found["left_out"] == [["id"], ["id"]]
    assert found["verdict"] == "no difference found in the 2 columns of both that chance could not explain"


@pytest.mark.parametrize("draws", short_and_long(20, 300))
def test_files_of_one_distribution_seldom_differ(draws: int) -> None:
    """By summaries that are made of tables, as reading two thousand files tells nothing more."""
    from guarded import drawn
    from nncli.guards.comparison import compare_files
    from nncli.guards.summary import summary_of

    rng = np.random.default_rng(0)
    alarms = sum(
        bool(compare_files(*(summary_of("f", [drawn(rng, 700)]) for _ in range(2))).differing) for _ in range(draws)
    )
    assert alarms <= max(2, 0.05 * draws)


@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [
        ("a.csv", 2, "compare: expected two files, found 1. Name both: nncli compare A.csv B.csv."),
        ("", 2, "compare: expected two files, found none."),
        ("a.csv a.csv a.csv", 2, "compare: expected two files, found 3."),
        ("a.csv no.csv", 1, "no.csv: "),
        ("a.csv -", 1, "stdin: expected a file, as it is read more than once. Save it in a file first."),
        ("a.csv odd.csv", 1, "odd.csv:1502: column 'x0': expected a number, found 'oops'."),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_line(nncli: Run, words: str, code: int, problem: str) -> None:
    write("a.csv", 0)
    Path("odd.csv").write_text(Path("a.csv").read_text() + "oops,1,1,a\n")
    outcome = nncli("compare", *words.split(), stdin="a,b\n1,2\n")
    assert (outcome.code, outcome.out) == (code, "")
    assert outcome.err.startswith(problem)


def test_models_are_told_how_they_are_compared(nncli: Run, iris_model: Path) -> None:
    outcome = nncli("compare", iris_model, iris_model)
    assert outcome.code == 2
    assert outcome.err.endswith("expected rows, found a model. Two models are compared by: nncli eval A.npz B.npz.\n")


def test_what_is_advised_of_an_odd_cell_works(nncli: Run) -> None:
    write("a.csv", 0)
    Path("odd.csv").write_text(Path("a.csv").read_text() + "oops,1,1,a\n")
    assert nncli("compare", "a.csv", "odd.csv", "--missing", "oops").code == 0
    outcome = nncli("compare", "a.csv", "odd.csv", "--on-error", "skip")
    assert (outcome.code, "left out 1 of 1,501 rows" in outcome.err) == (0, True)


@pytest.mark.parametrize("name", ["digits", "wine", "digits-idx"])
def test_a_file_does_not_differ_from_itself(nncli: Run, name: str) -> None:
    from nncli.data.bundled import path_of

    source = str(path_of(name))
    found = nncli("compare", source, source, "--json").json
    assert (found["differing"], {column["psi"] for column in found["columns"]}) == ([], {0.0})


@pytest.mark.long
def test_files_are_compared_in_constant_memory() -> None:
    write("few.csv", 0, 10_000, columns=6)
    header, body = Path("few.csv").read_text().split("\n", 1)
    peaks = []
    for copies in (10, 150):
        Path("many.csv").write_text(f"{header}\n{body * copies}")
        done, peak = peak_memory.run("compare", "many.csv", "few.csv")
        assert done.returncode == 0, done.stderr
        peaks.append(peak)
    assert peaks[1] < peaks[0] + 50_000  # KiB, where 1,400,000 rows more have numbers of 66,000


def test_blocks_without_rows_add_nothing() -> None:
    """As there are where one row is longer than a block."""
    none, one = (Table(("x",), np.arange(n, dtype=np.float32)[:, None], {}, {}) for n in (0, 3))
    assert repr(summary_of("d.csv", [none, one, none])) == repr(summary_of("d.csv", [one]))
