"""A letter with its accent may be one character or two (NFC, NFD): names of columns and classes are found in either."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nncli as package

Run = Callable[..., Any]
FORMS = ["NFC", "NFD"]


def in_form(form: str, *words: str) -> list[str]:
    return [unicodedata.normalize(form, word) for word in words]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(form: str) -> None:
    rows = "".join(
        f"{i},{i * 7 % 11},{i * 5 % 13 / 2},g{i % 9},{1 + i % 3},{'né' if i * 5 % 13 > 6 else 'mère'}\n"
        for i in range(90)
    )
    [text] = in_form(form, f"clé,âge,poids,région,poïds,état\n{rows}")
    Path("d.csv").write_text(text, encoding="utf-8")


OPTIONS = {
    "drop": ["--drop", "clé"],
    "only": ["--only", "âge,poids"],
    "categorical": ["--categorical", "âge"],
    "numeric": ["--numeric", "âge"],
    "group": ["--group", "région"],
    "time": ["--time", "âge"],
    "weight": ["--weight", "poïds"],
    "positive": ["--positive", "né", "--choose-threshold", "f1"],
    "class weights": ["--class-weight", "né=2,mère=1"],
    "costs": ["--cost", "costs.csv"],
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", OPTIONS)
def test_options_name_columns_and_classes_in_the_other_form(nncli: Run, case: str, form: str) -> None:
    write(form)
    [other] = [one for one in FORMS if one != form]
    Path("costs.csv").write_text(in_form(other, ",né,mère\nné,0,5\nmère,1,0\n")[0], encoding="utf-8")
    target, *words = in_form(other, "état", *OPTIONS[case])
    outcome = nncli("train", "d.csv", "-t", target, *words, "--epochs", 1, "-q", "--json", "-o", "m.npz")
    assert outcome.code == 0, outcome.err
    assert outcome.json["classes"] == ["mère", "né"]
    assert "clé" not in package.load("m.npz").model_.schema.names or case != "drop"


@pytest.mark.parametrize("form", FORMS)
def test_figures_by_a_column_and_plots_of_one_find_it_in_either_form(nncli: Run, form: str) -> None:
    write("NFD")
    assert nncli("train", "d.csv", "-t", "état", "--epochs", 1, "-q", "--json", "-o", "m.npz").code == 0
    region, age, birth = in_form(form, "région", "âge", "né")
    by = nncli("eval", "m.npz", "--by", region, "--positive", birth, "-q", "--json")
    assert (by.code, by.json["by"]["column"]) == (0, "région"), by.err
    assert nncli("plot", "m.npz", "effect", age).code == 0


def test_data_of_python_too() -> None:
    [name] = in_form("NFD", "âge")
    X = {name: [i % 7 for i in range(60)], "b": [i % 5 / 2 for i in range(60)]}
    y = in_form("NFD", *["né" if i % 7 > 3 else "mère" for i in range(60)])
    model = package.NNClassifier(categorical="âge", class_weight="né=2", epochs=1).fit(X, y)
    assert model.model_.schema.columns[0] == ("âge", "text")
    assert len(model.predict(X)) == 60
