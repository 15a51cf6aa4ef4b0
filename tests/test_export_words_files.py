"""What exported models of texts have in them: all that another program needs, and no more; and what is refused."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import exported
import words_by_the_page
from nncli.cli.main import main
from nncli.data.bundled import path_of
from nncli.export.all_targets import TARGETS
from nncli.model import checkpoint

Nncli = Callable[..., Any]
SCHEMA = json.loads((Path(__file__).parents[1] / "docs/reference/export.schema.json").read_text("utf-8"))
TEXTS = ["Not good at all!", "great, great; GREAT phone", "这部手机很好", "e\u0301te\u0301 ﬁne 👍", "qqxx", "", "the"]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


@pytest.fixture(scope="module", name="model")
def _model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a model of two columns of texts and a number, of 300 reviews."""
    folder = tmp_path_factory.mktemp("texts")
    header, *rows = path_of("reviews").read_text("utf-8").splitlines()[:301]
    lines = [f"n,note,{header}", *(f"{i % 7},the {i}th of many things,{row}" for i, row in enumerate(rows))]
    (folder / "rows.csv").write_text("\n".join(lines) + "\n", "utf-8")
    words = "--text note --ngrams words:1-2,chars:3-4 --hash-bits 11 --epochs 3 -q --json"
    assert main(["train", str(folder / "rows.csv"), *words.split(), "-o", str(folder / "m.npz")]) == 0
    return folder / "m.npz"


def numbers(text: str, kind: str) -> np.ndarray[Any, Any]:
    return np.frombuffer(base64.b64decode(text), kind)


def test_the_document_and_the_page_are_enough_to_answer(model: Path, nncli: Nncli) -> None:
    """Hashes and weights of inputs are those of a second program, written from the page of the docs."""
    assert nncli("export", model, "-o", "m.json", "-q").code == 0
    document = json.loads(Path("m.json").read_text())
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    words, (layer,) = document["words"], document["layers"]
    salts = [[int(column["salts"][kind], 16) for kind in ("words", "chars")] for column in document["columns"][1:]]
    assert salts == [[words_by_the_page._salt(0, column, kind) for kind in (0, 1)] for column in (0, 1)]
    how = {"ngrams": ",".join(f"{kind}:{a}-{b}" for kind, (a, b) in words["ngrams"].items()), "bits": words["bits"]}
    idf = np.zeros(1 << words["bits"])
    idf[numbers(words["places"], "<i4")] = numbers(words["idf"], "<f4")
    number, *texts = document["columns"]
    W = np.vstack([layer["weights"], numbers(layer["words"], "<f4").reshape(-1, 2)])
    found = []
    for i, text in enumerate(TEXTS):
        cells = {"text": text, "note": TEXTS[-i]}
        x = words_by_the_page.inputs_of_words([cells[one["name"]] for one in texts], how | {"seed": 0}, idf.tolist())
        inputs = [(i - number["shift"]) * number["scale"], *np.array(x)[numbers(words["places"], "<i4")]]
        z = inputs @ W + layer["biases"]
        found.append(math.exp(z[1]) / np.exp(z).sum())
    rows = "n,note,text\n" + "".join(f'{i},"{TEXTS[-i]}","{text}"\n' for i, text in enumerate(TEXTS))
    done = nncli("predict", model, "-", "--proba", "-q", stdin=rows)
    expected = [float(line.split(",")[2]) for line in done.out.splitlines()[1:]]
    assert np.std(expected) > 0.05
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6)


def test_only_inputs_that_training_has_seen_are_written(model: Path, nncli: Nncli) -> None:
    """A few hundred words of 2^20 inputs come to kilobytes, where the model has megabytes."""
    text = "label,text\n" + "".join(f"{i % 2},{'good' if i % 2 else 'bad'} thing number n{i}\n" for i in range(60))
    Path("rows.csv").write_text(text)
    words = "--text text --ngrams words:1 --hash-bits 20 --epochs 2 -q --json -o m.npz"
    assert nncli("train", "rows.csv", *words.split()).code == 0
    trained, _ = checkpoint.load(Path("m.npz"))
    assert trained.preprocess.words is not None
    seen = np.flatnonzero(trained.preprocess.words.idf)
    assert 40 <= len(seen) <= 64
    for ending in (".json", ".py", ".mjs"):
        assert nncli("export", "m.npz", "-o", f"m{ending}", "-q").code == 0
        assert Path(f"m{ending}").stat().st_size < 50_000
    document = json.loads(Path("m.json").read_text())
    assert numbers(document["words"]["places"], "<i4").tolist() == seen.tolist()
    assert document["format_version"] == 5


@pytest.mark.parametrize("language", exported.each(["python", "js", "json"]))
def test_golden_rows_have_words_that_count(language: str, model: Path, nncli: Nncli) -> None:
    """A file with other weights of words fails its check."""
    assert nncli("export", model, "--to", language, "-o", "m", "-q").code == 0
    assert "20 golden rows: right" in nncli("export", "--verify", "m").out
    text = Path("m").read_text()
    assert nncli("export", model, "-o", "m.json", "-q").code == 0
    words = json.loads(Path("m.json").read_text())["layers"][0]["words"]
    other = base64.b64encode((numbers(words, "<f4") * np.float32(1.01)).tobytes()).decode()
    assert text.count(words) == 1
    Path("m").write_text(text.replace(words, other))
    done = nncli("export", "--verify", "m")
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert "its check failed: golden row 1: expected" in done.err


def test_a_damaged_document_gets_one_line(model: Path, nncli: Nncli) -> None:
    assert nncli("export", model, "-o", "m.json", "-q").code == 0
    document = json.loads(Path("m.json").read_text())
    words, (layer,) = document["words"], document["layers"]
    damaged: list[Any] = [
        {"layers": [layer | {"words": layer["words"][:-8]}]},
        {"layers": [layer | {"words": "%%"}]},
        {"layers": [{key: value for key, value in layer.items() if key != "words"}]},
        {"words": words | {"idf": words["idf"][:400]}},
        {"words": words | {"ngrams": {"words": [1], "chars": None}}},
        {"words": None},
    ]
    for parts in damaged:
        exported.assert_refused(document | parts, nncli)


def test_a_module_that_no_engine_reads_is_refused(model: Path, nncli: Nncli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{TARGETS['js'].__module__}.MOST_BYTES", 1_000)
    done = nncli("export", model, "-o", "m.mjs")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert done.err.startswith("--to: expected a module of at most 0 MB, as node and browsers read no longer text")
    assert not Path("m.mjs").exists()


def test_cells_that_are_no_texts_are_read_as_predict_reads_them(model: Path, nncli: Nncli) -> None:
    assert nncli("export", model, "-o", "m.py", "-q").code == 0
    space: dict[str, Any] = {"__name__": "m"}
    exec(Path("m.py").read_text(), space)

    def answer(cell: Any) -> Any:
        return space["predict"]({"n": 1, "text": cell, "note": ""})

    assert answer(12) == answer(12.0) == answer(" 12 ") == answer("12.0") != answer("1 2")
    assert answer(True) == answer("TRUE") == answer("true")
    assert answer(None) == answer(float("nan")) == answer("NaN") == answer("NA") == answer("") != answer("na")
    with pytest.raises(ValueError, match="column 'text': expected a cell, found none; give None for a missing one"):
        space["predict"]({"n": 1, "note": ""})


def test_the_page_has_the_hash_of_a_word() -> None:
    """Who writes the hash again can check it."""
    page = (Path(__file__).parents[1] / "docs/how-to/text.md").read_text("utf-8")
    found = re.search(r"the word `(\w+)` of the first column has h = g = (0x\w+), s = (0x\w+) and x = (0x\w+), "
                      r"which counts −1 in input (\d+) of 2\^18", page)  # fmt: skip
    assert found is not None
    word, g, s, x, place = found.groups()
    assert words_by_the_page._hash(word) == int(g, 16)
    assert words_by_the_page._salt(0, 0, words_by_the_page.WORDS) == int(s, 16)
    assert words_by_the_page._mix((int(g, 16) + int(s, 16)) % (1 << 64)) == int(x, 16)
    assert (int(x, 16) % (1 << 18), int(x, 16) >> 63) == (int(place), 1)
