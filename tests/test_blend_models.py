"""What the program makes of a saved blend: it predicts the mean of its parts, everywhere, and files keep it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import exported
from blends import KINDS, OF_NUMBERS, Parts, assert_scores_of_shuffled_rows, save_blend, train_blend
from exported import each
from forgery import Forge, in_turn, with_meta
from nncli.model.checkpoint import load
from nncli.nn.blend import Blend
from nncli.nn.integrated_gradients import integrated_gradients

Run = Callable[..., Any]
SCHEMA = json.loads((Path(__file__).parents[1] / "docs/reference/export.schema.json").read_text("utf-8"))
# averaged are the P of softmax, those of the sigmoid of a single score, and numbers; with and without folds
WORDS = {
    "iris": ("iris --no-calibrate", KINDS),
    "two": ("breast-cancer --no-calibrate --loss binary-cross-entropy --ensemble folds:2", KINDS),
    "folds": ("wine --no-calibrate --dtype float64 --ensemble folds:2", KINDS),
    "radius": ("breast-cancer --task regression -t mean_radius", OF_NUMBERS),
}
LANGUAGES = ["python", "json", "onnx", *exported.PROGRAMS]


@pytest.fixture(scope="module")
def blends(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Parts]]:
    folder = tmp_path_factory.mktemp("blends")
    return {name: train_blend(folder, name, *how) for name, how in WORDS.items()}


def numbers(out: str, first: int) -> np.ndarray[Any, Any]:
    return np.array([[float(cell) for cell in line.split(",")[first:]] for line in out.splitlines()[1:]])


@pytest.mark.parametrize("name", WORDS)
def test_a_blend_predicts_the_mean_of_its_parts_with_their_shares(
    name: str, nncli: Run, blends: dict[str, tuple[Path, Parts]]
) -> None:
    """Against the parts, each as a model of its own."""
    (path, parts), data = blends[name], WORDS[name][0].split()[0]
    how = ("--proba", "-q") if name != "radius" else ("-q",)
    found = numbers(nncli("predict", path, data, *how).out, len(how) - 1)
    of_parts = [n / 6 * numbers(nncli("predict", file, data, *how).out, len(how) - 1) for n, file in parts]
    assert found.std(axis=0).min() > 1e-3
    np.testing.assert_allclose(found, sum(of_parts), rtol=1e-4, atol=2e-6)


def test_a_blend_says_of_what_networks_it_is(nncli: Run, blends: dict[str, tuple[Path, Parts]]) -> None:
    known = nncli("info", blends["folds"][0], "--json").json
    assert (known["layers"], known["members"]) == ("3 · (2 x 13-7-5-3) + 2 · (2 x 13-6-3) + 1 · (2 x 13-3)", 6)
    out = nncli("info", blends["iris"][0]).out
    assert re.findall(r"^part \d +(\d) of 6,", out, re.MULTILINE) == ["3", "2", "1"]
    assert "4 networks trained, of which number 4 is the best by itself" in out  # the history has a line for each


SHORT = [("iris", language) for language in LANGUAGES] + [(name, "python") for name in WORDS if name != "iris"]
LONG = [(name, language) for name in WORDS if name != "iris" for language in LANGUAGES[1:]]


@pytest.mark.parametrize(
    ("name", "language"),
    [
        pytest.param(name, *language.values, marks=[*language.marks, *marks], id=f"{name}-{language.values[0]}")
        for pairs, marks in ((SHORT, []), (LONG, [pytest.mark.long]))
        for name, word in pairs
        for language in each([word])
    ],
)
def test_exports_give_the_answers_of_the_blend(
    name: str, language: str, nncli: Run, blends: dict[str, tuple[Path, Parts]], tmp_path: Path
) -> None:
    """Their golden rows have the answers of `predict`, and a runtime of its own computes them anew."""
    out = tmp_path / f"blend_{name}"
    outcome = nncli("export", blends[name][0], "--to", language, "-o", out, "-q")
    assert outcome.code == 0, outcome.err
    outcome = nncli("export", "--verify", out)
    assert (outcome.code, outcome.out.startswith("20 golden rows: right")) == (0, True), outcome.err


def test_the_json_of_a_blend_has_its_shares(nncli: Run, blends: dict[str, tuple[Path, Parts]], tmp_path: Path) -> None:
    for name, shares in (("iris", [3 / 6, 2 / 6, 1 / 6]), ("folds", [3 / 12, 3 / 12, 2 / 12, 2 / 12, 1 / 12, 1 / 12])):
        assert nncli("export", blends[name][0], "-o", tmp_path / "m.json").code == 0
        document = json.loads((tmp_path / "m.json").read_text())
        jsonschema.Draft202012Validator(SCHEMA).validate(document)
        assert (document["format_version"], document["mean"]) == (4, "softmax")
        np.testing.assert_allclose(document["shares"], shares, rtol=1e-7)
        assert len({len(layers) for layers in document["members"]}) == 2  # dense ones: 3, with the embedding 3, and 1
        alone = {key: document[key] for key in document if key not in ("members", "mean")}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft202012Validator(SCHEMA).validate({**alone, "layers": document["members"][0]})


@exported.needs_cc
def test_c_of_a_blend_is_clean_under_warnings(
    nncli: Run, blends: dict[str, tuple[Path, Parts]], tmp_path: Path
) -> None:
    """Each activation is one function, whichever layers of whichever parts have it."""
    for target in ("c", "json"):
        assert nncli("export", blends["two"][0], "-o", tmp_path / f"blend.{target}").code == 0
    document = json.loads((tmp_path / "blend.json").read_text())
    _, found = exported.in_c(tmp_path / "blend.c", document["golden"]["rows"], document)
    np.testing.assert_allclose(found, document["golden"]["answers"], rtol=0, atol=1e-6)
    assert (tmp_path / "blend.c").read_text().count("static real activation") == 4  # prelu, tanh, cosines and mish


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("export {} --to sql -o -", "--to: expected one network, found an ensemble of 6"),
        ("info --weights {}", "each of the 6 members has weights of its own"),
        ("plot {} weights", "expected a model of one network, found an ensemble of 6 members"),
        ("explain {} --coefficients", "has members, and its weights are no coefficients"),
        ("graph {} --row 1", "found an ensemble of 6 members. Train one by itself, with --model mlp --epochs 4"),
        ("play {} --no-browser", "found an ensemble of 6 members. Train one by itself, with --model mlp --epochs 4"),
    ],
)
def test_what_is_of_one_network_is_refused(
    words: str, said: str, nncli: Run, blends: dict[str, tuple[Path, Parts]]
) -> None:
    outcome = nncli(*(word.format(blends["folds"][0]) for word in words.split()))
    assert (outcome.code in (1, 2), outcome.out, outcome.err.count("\n")) == (True, "", 1)
    assert said in outcome.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("predict {} wine --embed -q", f"{','.join(f'h_{i}' for i in range(2 * 5 + 2 * 6))}\n"),  # softmax has none
        ("predict {} wine --reasons 2 --uncertainty -q", "uncertainty"),
        ("explain {} --row 3", "integrated gradients; the sum is off by"),
        ("explain {}", "how much worse where a column is shuffled"),
        ("plot {} curve", "network"),
        ("plot {} activations", "part 2 layer 1, mish: 12 units"),
        ("plot {} embedding", "Last hidden layer (22 units)"),
        ("plot {} effect proline", "proline"),
        ("plot {} boundary", "component 1"),
        pytest.param("report {} -o -", "A search trained 4 networks", marks=pytest.mark.long),
    ],
)
def test_commands_know_blends(words: str, said: str, nncli: Run, blends: dict[str, tuple[Path, Parts]]) -> None:
    outcome = nncli(*(word.format(blends["folds"][0]) for word in words.split()))
    assert outcome.code == 0, outcome.err
    assert said in outcome.out + outcome.err


@pytest.mark.parametrize("name", ["iris", pytest.param("two", marks=pytest.mark.long)])
def test_a_blend_has_the_gradient_that_finite_differences_have(
    name: str, nncli: Run, blends: dict[str, tuple[Path, Parts]]
) -> None:
    outcome = nncli("gradcheck", blends[name][0])
    assert (outcome.code, "passed" in outcome.out) == (0, True)
    assert "the mean loss of 32 rows, in float64\n" in outcome.err  # of all together: no member has one by itself


@pytest.mark.parametrize("name", WORDS)
def test_reasons_add_up_to_what_the_score_changes_by(name: str, blends: dict[str, tuple[Path, Parts]]) -> None:
    """Σ φ = s(x) − s(x₀), which is known without any integral; a part without hidden layers is linear."""
    network = load(blends[name][0])[0].in_double().network
    d, outputs = network.widths[0], network.widths[-1]
    rng = np.random.default_rng(0)
    X, x0, V = rng.normal(size=(20, d)), rng.normal(size=d), rng.normal(size=(20, outputs))
    found = integrated_gradients(network, X, x0, V)
    s = np.vecdot(network.forward(X), V) - V @ network.forward(x0[None])[0]
    np.testing.assert_allclose(found.difference, s, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.of_inputs.sum(axis=1), s, rtol=0.02, atol=0.02 * np.abs(s).max())


@pytest.mark.parametrize("name", WORDS)
def test_importance_is_of_rows_with_a_shuffled_column(name: str, blends: dict[str, tuple[Path, Parts]]) -> None:
    assert_scores_of_shuffled_rows(load(blends[name][0])[0].in_double().network)


def test_a_file_keeps_a_blend(blends: dict[str, tuple[Path, Parts]]) -> None:
    path, parts = blends["folds"]
    model, _ = load(path)
    assert isinstance(model.network, Blend)
    assert [one.times for one in model.config.parts] == [n for n, _ in parts] == [3, 2, 1]
    own = [load(file)[0] for _, file in parts]
    assert [one.options for one in model.config.parts] == [one.config.options for one in own]
    for part, one in zip(model.network.parts, own, strict=True):
        assert np.array_equal(part.theta, one.network.theta)


def test_a_file_name_that_is_no_text_is_kept(blends: dict[str, tuple[Path, Parts]], tmp_path: Path) -> None:
    """As a byte that is no letter: each part names the training files too."""
    source = ["i\udcff.csv"]
    forge = in_turn(*(with_meta(f"{place}config.data", source) for place in ("", "parts.0.", "parts.1.", "parts.2.")))
    (tmp_path / "m.npz").write_bytes(forge(blends["iris"][0].read_bytes()))
    assert [list(one.options.data) for one in load(tmp_path / "m.npz")[0].config.parts] == [source] * 3


def of_part(name: str, value: Any) -> Forge:
    return with_meta(f"parts.1.config.{name}", value)


NOT_TOGETHER = "parts of a blend that do not fit together"
DAMAGED: dict[str, tuple[Forge, str]] = {
    "parts that are none": (with_meta("parts", 3), "'parts' is not of its form"),
    "a part that counts never": (with_meta("parts.0.times", 0), "'parts[].times' is not of its form"),
    "a part that counts half": (with_meta("parts.0.times", 0.5), "'parts[].times' is not of its form"),
    "a part that counts beyond all measure": (with_meta("parts.0.times", 1 << 40), "'parts[].times' is not of its"),
    "a part without options": (with_meta("parts.0.config", {}), "no value for 'model'"),
    "a search within a search": (of_part("model", "auto"), NOT_TOGETHER),
    "parts of other types": (of_part("dtype", "float32"), NOT_TOGETHER),
    "parts of other losses": (of_part("loss", "hinge"), NOT_TOGETHER),
    "a part that predicts numbers": (
        in_turn(of_part("task", "regression"), of_part("loss", "mse"), of_part("label_smoothing", None)),
        NOT_TOGETHER,
    ),
    "parts of other folds": (of_part("ensemble", "folds:3"), NOT_TOGETHER),
    "one part without folds": (of_part("ensemble", None), NOT_TOGETHER),
    "another width": (of_part("hidden", [7]), "1,088 parameters in place of 1,148"),  # 2 · (26 + 1 + 3) more
    "a width beyond memory": (of_part("hidden", [10**9]), "1,088 parameters in place of 60,000,000,"),
    "a hidden layer without activation": (of_part("activation", None), "hidden layers without an activation"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_parts_are_refused_in_one_line(
    name: str, nncli: Run, blends: dict[str, tuple[Path, Parts]], tmp_path: Path
) -> None:
    forge, reason = DAMAGED[name]
    (tmp_path / "m.npz").write_bytes(forge(blends["folds"][0].read_bytes()))
    outcome = nncli("info", tmp_path / "m.npz")
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (1, "", 1)
    assert reason in outcome.err


def test_parts_belong_to_a_blend(nncli: Run, blends: dict[str, tuple[Path, Parts]], tmp_path: Path) -> None:
    path, parts = blends["iris"]
    config = load(parts[2][1])[0].config.options.to_json()
    (tmp_path / "one.npz").write_bytes(with_meta("parts", [{"times": 1, "config": config}])(parts[2][1].read_bytes()))
    (tmp_path / "none.npz").write_bytes(
        in_turn(with_meta("parts", []), with_meta("config.hidden", [50]), with_meta("config.activation", "relu"))(
            path.read_bytes()
        )
    )
    for name in ("one", "none"):
        outcome = nncli("info", tmp_path / f"{name}.npz")
        assert (outcome.code, outcome.out, outcome.err.count("\n")) == (1, "", 1)
        assert "a blend without parts, or parts without one" in outcome.err


def test_a_single_part_is_the_model_itself(nncli: Run, blends: dict[str, tuple[Path, Parts]], tmp_path: Path) -> None:
    """What is of one network alone is known of it."""
    _, parts = blends["iris"]
    save_blend(tmp_path / "m.npz", parts[:1])
    found, alone = (nncli("predict", path, "iris", "--proba", "-q") for path in (tmp_path / "m.npz", parts[0][1]))
    assert found.out == alone.out
    known = nncli("info", tmp_path / "m.npz", "--json").json
    assert (known["model"], known["layers"], "members" in known) == ("auto", "4-7-5-3", False)
    for words in ("graph {} --row 1", "plot {} weights", "export {} --to sql -o -", "gradcheck {}"):
        outcome = nncli(*(word.format(tmp_path / "m.npz") for word in words.split()))
        assert outcome.code == 0, outcome.err


def test_what_trains_a_model_again_cannot_train_what_a_search_found(
    nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("breast-cancer", "-m", "softmax", "--epochs", "3", "--scale", "standard", "-q", "--json", "-o", "one.npz")
    assert nncli("train", *words).code == 0
    save_blend(Path("m.npz"), [(1, Path("one.npz"))])
    alone = "Train it by itself, with --model softmax --epochs 3"
    found = nncli("explain", "m.npz", "--coefficients", "--csv")
    assert found.out == nncli("explain", "one.npz", "--coefficients", "--bootstrap", "0", "--csv").out
    assert found.err == f"no intervals: m.npz: a search has found it, and cannot train it again alone. {alone}.\n"
    shown = nncli("plot", "m.npz", "boundary", "mean_radius", "mean_texture", "--epochs-shown", "2")
    assert (shown.code, shown.err.endswith(f"alone. {alone}.\n")) == (1, True)
    played = nncli("play", "m.npz", "--no-browser")
    assert (played.code, played.err.endswith(f"found one that a search has found. {alone}.\n")) == (1, True)
