"""Exported models of texts: their answers are those of `predict`, over all of Unicode."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import exported
from blends import train_blend
from nncli.cli.main import main
from nncli.data.bundled import path_of
from nncli.data.cells import text_column
from nncli.data.dataset import Table
from nncli.data.words.segmentation import code_points, normalised, word_bounds
from nncli.export.description import description_of
from nncli.model import checkpoint

Nncli = Callable[..., Any]
Row = dict[str, Any]

MODELS = {
    "softmax": "reviews",
    "characters": "two.csv --model perceptron --ngrams chars:1-3",
    "several columns": "two.csv --model mlp --hidden 4 --ngrams words:2-3,chars:5-6",
    "embedding": "two.csv --embedding 3",
    "embedding of its own": "languages --embedding 2 --ngrams chars:2-3 --hash-bits 10",
    "calibrated": "reviews --model svm --calibrate --ngrams words:1-2 --hash-bits 9",
    "ensemble": "reviews --ensemble 3 --ngrams words:1",
    "float64": "two.csv --dtype float64 --hash-bits 12",
    "numbers": "two.csv -t n --task regression --model linear --optimizer adam --hash-bits 12",
}
SHORT = ["several columns", "calibrated"]  # the others take as long, and share nearly all
TEXTS = [
    "", "a", "?!", "Not good at all!!!", "good " * 300, "great,great;GREAT", "这部手机很好,非常喜欢", "とても良いカﾒﾗ",
    "👍🏽👍 ❤️ 👩\u200d💻", "e\u0301te\u0301 nai\u0308ve", "ﬁne ＧＯＯＤ ½ ㎏ Ⅷ", "ΟΔΥΣΣΕΥΣ ΣΑΣ Σ. Σ", "İstanbul DİŞ",
    "क्षि कि", "x\u00a0y\u2028z\x1cw\x85v", "so\u00adft jo\u200diner \ufeff", "qqxx zzyy wwvv", "\u200b good \u200e",
    "TRUE", "1.0", "007", "+5", '="good"', "NA", "nAn", "n/a", "it's don't re-use", "_good_ __ 1_0",
    "\ud800 lone \udfff", "\0good\0", "http://a.b/c?d=e", "bad\r\nworse",
]  # fmt: skip


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write texts of two columns, and train the first model."""
    folder = tmp_path_factory.mktemp("texts")
    write_two_columns(folder / "two.csv")
    train(folder, "calibrated")
    return folder


def train(folder: Path, name: str) -> Path:
    """Train a model for two epochs."""
    file = folder / f"{name.replace(' ', '_')}.npz"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["train", *MODELS[name].split(), "--epochs", "2", "-q", "--json", "-o", str(file)]) == 0
    return file


def write_two_columns(path: Path) -> None:
    """Write texts of two columns, with numbers, categories and dates beside them, in which cells are missing."""
    reviews = [*csv.DictReader(path_of("reviews").read_text("utf-8").splitlines())][:240]
    titles = [*csv.DictReader(path_of("languages").read_text("utf-8").splitlines())][: len(reviews)]
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["title", "n", "text", "shop", "day", "label"])
        for i, (title, review) in enumerate(zip(titles, reviews, strict=True)):
            cells = ["" if i % 9 == 0 else title["text"], i % 50 + 0.5, review["text"]]
            out.writerow([*cells, ["a", "b", ""][i % 3], f"2026-0{1 + i % 9}-1{i % 10}", review["label"]])


def rows_for(description: Row, texts: Sequence[str | None]) -> list[Row]:
    """Return rows whose columns of texts have these, each in another order, and whose others have plain cells."""
    rows: list[Row] = []
    for i in range(len(texts)):
        row: Row = {}
        for place, column in enumerate(description["columns"]):
            cells = {
                "number": i % 50,
                "date": 20000.0 + i,
                "text": "ab"[i % 2],
                "words": texts[(i * (1 + place)) % len(texts)],
            }
            row[column["name"]] = None if (i + place) % 11 == 10 else cells[column["kind"]]
        rows.append(row)
    return rows


def answers_of(model: Any, rows: Sequence[Row]) -> np.ndarray[Any, Any]:
    """Return what nncli answers rows whose cells are read as those of files are."""
    schema, n = model.schema, len(rows)

    def numbers(name: str) -> np.ndarray[Any, Any]:
        return np.array([np.nan if row[name] is None else row[name] for row in rows], schema.dtype)

    names = schema.of_kind("number")
    of_numbers = np.array([numbers(name) for name in names]).reshape(len(names), n).T
    missing = frozenset(schema.missing)
    texts = {name: text_column(np.arange(n), [row[name] for row in rows], missing) for name in schema.of_kind("text")}
    dates = {name: numbers(name).astype(np.float64) for name in schema.of_kind("date")}
    Z = model.scores(Table(names, of_numbers, texts, dates))
    return np.asarray(model.by_class(Z) if model.target is None else model.numbers(Z)[:, None])


def compare(file: Path, nncli: Nncli, endings: Sequence[str]) -> None:
    """Export a model, and compare its answers for texts by hand, with others behind them, and for drawn ones."""
    model, _ = checkpoint.load(file)
    rng = np.random.default_rng(0)
    drawn = ["".join(map(chr, rng.choice(ASSIGNED, rng.integers(1, 40)))) for _ in range(100)]
    mixed = [f"{one} {drawn[i]}" for i, one in enumerate(TEXTS)]
    rows = rows_for(description_of(*checkpoint.load(file)), [*TEXTS, None, *mixed, *drawn])
    expected = answers_of(model, rows)
    unit = 0.0 if model.target is None else 10.0 ** -model.target.decimals("float32")  # that numbers are rounded to
    assert expected.std(axis=0).min() > 1e-4
    for ending in endings:
        written = file.with_suffix(ending)
        assert nncli("export", file, "-o", written, "-q").code == 0
        _, found = (exported.in_python if ending == ".py" else exported.in_javascript)(written, rows)
        assert (np.abs(found - expected) <= 2e-6 * np.maximum(1, np.abs(expected)) + 1.01 * unit).all()


@pytest.mark.parametrize("name", [one if one in SHORT else pytest.param(one, marks=pytest.mark.long) for one in MODELS])
def test_answers_are_those_of_nncli(name: str, folder: Path, nncli: Nncli) -> None:
    file = folder / "calibrated.npz" if name == "calibrated" else train(folder, name)
    compare(file, nncli, [".py", *([] if "js" in exported.MISSING else [".mjs"])])


@pytest.mark.long
def test_a_blend_answers_as_nncli_does(folder: Path, nncli: Nncli) -> None:
    words = "reviews --no-calibrate --hash-bits 12 --ngrams words:1"
    kinds = {"--model softmax": 2, "--model mlp --hidden 3": 1}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        file, _ = train_blend(folder, "blend", words, kinds)
    compare(file, nncli, [".py", *([] if "js" in exported.MISSING else [".mjs"])])


ASSIGNED = np.array([code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) != "Cn"])
ALIKE = range(0x3400, 0xA000), range(0xAC00, 0xD7A4), range(0x20000, sys.maxunicode + 1)  # Han, Hangul, private use
FEW = [code for code in ASSIGNED.tolist() if code % 97 == 0 or not any(code in block for block in ALIKE)]
CODES = [pytest.param(FEW, id="few"), pytest.param(ASSIGNED.tolist(), id="all", marks=pytest.mark.long)]


def around(codes: Sequence[int]) -> str:
    """Return a text with each character alone, within a word, and at the end of one."""
    return "\n".join(f"{c} x{c}y Z{c}" for c in map(chr, codes))


def words_by_nncli(text: str) -> list[str]:
    codes, _ = code_points([text])
    begins, ends = word_bounds(codes)
    letters = codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
    return [letters[a:b] for a, b in zip(begins.tolist(), ends.tolist(), strict=True)]


@pytest.mark.parametrize("codes", CODES)
def test_python_cuts_all_of_unicode_into_the_same_words(codes: list[int], folder: Path, nncli: Nncli) -> None:
    assert nncli("export", folder / "calibrated.npz", "-o", folder / "words.py", "-q").code == 0
    space: dict[str, Any] = {"__name__": "words"}
    exec((folder / "words.py").read_text(), space)
    text = space["normalised"](around(codes))
    assert text == normalised(around(codes))
    assert space["words_of"](text) == words_by_nncli(around(codes))


@exported.needs_node
@pytest.mark.parametrize("codes", CODES)
def test_javascript_cuts_all_of_unicode_into_the_same_words(codes: list[int], folder: Path, nncli: Nncli) -> None:
    """The Unicode of node may be newer: characters that Python's knows have the same classes in both."""
    assert nncli("export", folder / "calibrated.npz", "-o", folder / "words.mjs", "-q").code == 0
    with (folder / "words.mjs").open("a") as file:
        file.write("\nexport { BLANKS, normalised, wordsOf };\n")
    script = (
        "import { readFileSync } from 'node:fs'; const { BLANKS, normalised, wordsOf } = await import(process.argv[1]);"
        "const text = normalised(JSON.parse(readFileSync(0)));"
        "console.log(JSON.stringify([wordsOf(text), text.split(BLANKS).filter((piece) => piece)]));"
    )
    words = ["node", "--input-type=module", "-e", script, (folder / "words.mjs").as_uri()]
    done = subprocess.run(words, input=json.dumps(around(codes)).encode(), capture_output=True, check=True)
    found, pieces = json.loads(done.stdout)
    assert found == words_by_nncli(around(codes))
    assert pieces == normalised(around(codes)).split()
