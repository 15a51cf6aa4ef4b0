# ruff: noqa: E501  (messages and their cases stand on one line each)
"""`--distort` moves the training rows of each step, and nothing else: not the split, not what a model is judged on."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from estimator_rows import theta
from ledgers import trials
from nncli import NNClassifier, NNRegressor
from nncli.config.train_config import TrainConfig
from nncli.data.bundled import path_of
from nncli.errors import OptionError
from nncli.model import checkpoint
from nncli.nn.distortions import Distorter
from nncli.training.prepare import prepare
from nncli.training.run import new_trainer
from nncli.training.seeds import Seeds
from test_distortions import STILL
from test_resume import stopped_after

Run = Callable[..., Any]
BOTH = "affine:shift=0.5+elastic:sigma=2:alpha=4"

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def weights(file: str) -> bytes:
    return checkpoint.load(Path(file))[0].network.theta.tobytes()


@pytest.mark.parametrize(
    "more", ["", "--dropout 0.2 --input-dropout 0.1", pytest.param("--folds 2", marks=pytest.mark.long)]
)
def test_distortions_of_strength_0_change_no_other_draw(more: str, nncli: Run) -> None:
    words = ["train", "digits", "--hidden", 16, "--epochs", 3, "-q", *more.split()]
    plain = nncli(*words, "-o", "plain.npz", "--json").json
    still = nncli(*words, "-o", "still.npz", "--json", "--distort", "+".join(STILL)).json
    assert weights("still.npz") == weights("plain.npz")
    for one in (plain, still):
        del one["seconds"], one["out"]
    assert still == plain


def test_only_the_rows_of_the_steps_are_distorted(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    distort, rows = Distorter.distort, list[int]()

    def counted(self: Distorter, X: Any) -> None:
        rows.append(len(X))
        distort(self, X)

    monkeypatch.setattr(Distorter, "distort", counted)
    words = ["train", "digits", "--hidden", 16, "--epochs", 3, "-q", "--distort", BOTH, "-o", "m.npz"]
    trained = nncli(*words, "--json").json
    assert sum(rows) == 3 * trained["n_train"]
    assert nncli("eval", "m.npz", "--json", "-q").json["accuracy"] == trained["test"]["accuracy"]
    assert nncli("predict", "m.npz", str(path_of("digits")), "-q").code == 0
    assert sum(rows) == 3 * trained["n_train"]


def test_each_seed_has_its_own_distortions_and_comes_out_again(nncli: Run) -> None:
    words = ["train", "digits", "--hidden", 16, "--epochs", 2, "-q", "--distort", BOTH]
    for name, more in (("a", []), ("b", []), ("c", ["--distort", "shift:pixels=0.5"])):
        assert nncli(*words, *more, "-o", f"{name}.npz").code == 0
    assert weights("a.npz") == weights("b.npz") != weights("c.npz")


def test_stopped_and_resumed_is_uninterrupted(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["train", "digits", "--hidden", 16, "--epochs", 5, "--distort", BOTH, "-q", "-o"]
    assert nncli(*words, "whole.npz").code == 0
    with monkeypatch.context() as patch:
        stopped_after(2, patch)
        assert nncli(*words, "m.npz").code == 0
    state = checkpoint.load(Path("m.npz"))[1].state
    assert state is not None
    assert state.part("distort")["state"] != state.part("shuffle")["state"]
    assert nncli("train", "--resume", "m.npz", "-q").code == 0
    assert Path("m.npz").read_bytes() == Path("whole.npz").read_bytes()


@pytest.mark.parametrize("scale", ["auto", "standard", "minmax", "none"])
def test_pixels_are_distorted_before_they_are_scaled(scale: str) -> None:
    """With a pixel that is white in all rows, whose scaled input does not tell so; columns of scale 0 stay 0."""
    X, y = load_digits(return_X_y=True)
    X[:, 0] = 16
    table = np.column_stack([X[:400], y[:400]]).astype(int)
    names = ",".join([*(f"p{i}" for i in range(64)), "label"])
    np.savetxt("d.csv", table, "%d", ",", header=names, comments="")
    options = TrainConfig(("d.csv",), scale=scale, dtype="float64", distort=BOTH, batch_size=100, hidden=(4,))
    prepared = prepare(options)
    rows, fitted = prepared.train.rows[:100], prepared.preprocess
    found = new_trainer(prepared)._new_batch().take(rows)[0]
    pixels, rng = X[rows], np.random.default_rng(Seeds.of(options).distort)
    Distorter(BOTH, (8, 8), np.dtype(np.float64), rng).distort(pixels)
    np.testing.assert_allclose(found, (pixels - fitted.shift) * fitted.scale, atol=1e-12)
    assert not np.allclose(found, (X[rows] - fitted.shift) * fitted.scale, atol=0.01)


def test_pictures_in_colour_and_of_any_shape_are_distorted(nncli: Run) -> None:
    rng = np.random.default_rng(0)
    for i in range(40):
        folder = Path("d", "bright" if i % 2 else "dark")
        folder.mkdir(parents=True, exist_ok=True)
        colours = rng.integers(100 * (i % 2), 156 + 100 * (i % 2), (6, 4, 3)).astype(np.uint8)
        Image.fromarray(colours).save(folder / f"{i}.png")
    done = nncli("train", "d", "--hidden", 4, "--epochs", 300, "--distort", "shift", "-o", "m.npz", "--json", "-q")
    assert done.json["train"]["accuracy"] > 0.9
    done = nncli("train", "digits-idx", "--hidden", 4, "--epochs", 1, "--distort", "elastic", "-q", "-o", "m.npz")
    assert done.code == 0


def test_distortions_help_digits_that_are_seldom_where_they_were() -> None:
    """Digits moved by a whole pixel are told by a model that has seen them moved, and less by one that has not."""
    X, y = load_digits(return_X_y=True)
    moved = np.roll(X.reshape(-1, 8, 8), 1, axis=2)
    moved[:, :, 0] = 0
    train, test = slice(0, 1200), slice(1200, None)
    found = {}
    for distort in (None, "shift:pixels=1"):
        model = NNClassifier(hidden=64, epochs=30, val=0.0, distort=distort).fit(X[train], y[train])
        found[distort] = model.score(moved.reshape(-1, 64)[test], y[test]), model.score(X[test], y[test])
    assert found["shift:pixels=1"][0] > found[None][0] + 0.2
    assert found["shift:pixels=1"][1] > 0.9


def test_a_number_is_predicted_from_distorted_pictures_and_steps_are_taken_on_them() -> None:
    X, y = load_digits(return_X_y=True)
    model = NNRegressor(hidden=16, epochs=20, distort="affine:shift=0.3").fit(X, X.mean(axis=1))
    assert model.score(X, X.mean(axis=1)) > 0.8
    through, again = (NNClassifier(hidden=8, distort="shift:pixels=0.5") for _ in range(2))
    for _ in range(2):
        through.partial_fit(X[:200], y[:200], classes=range(10))
    again.partial_fit(X[:200], y[:200], classes=range(10))
    again = pickle.loads(pickle.dumps(again))
    again.partial_fit(X[:200], y[:200])
    assert theta(again) == theta(through)


def test_a_sweep_tries_distortions_and_none(nncli: Run) -> None:
    words = ["sweep", "digits", "--hidden", 8, "--epochs", 2, "--distort", "none,shift:pixels=0.5," + BOTH, "-q"]
    assert nncli(*words, "--jobs", 1, "-o", "m.npz", "--ledger", "l.jsonl").code == 0
    tried = {trial["config"]["distort"] for trial in trials("l.jsonl")}
    assert tried == {None, "shift:pixels=0.5", BOTH}


def test_a_run_that_goes_on_keeps_its_distortions(nncli: Run) -> None:
    lines = path_of("digits").read_text("utf-8").splitlines(keepends=True)
    Path("old.csv").write_text("".join(lines[:301]), "utf-8")
    Path("new.csv").write_text("".join([lines[0], *lines[301:601]]), "utf-8")
    words = ["--hidden", 16, "--epochs", 2, "-q", "-o"]
    assert nncli("train", "old.csv", "--distort", BOTH, *words, "old.npz").code == 0
    assert nncli("train", "--from", "old.npz", "new.csv", "-q", "-o", "on.npz").code == 0
    assert checkpoint.load(Path("on.npz"))[0].config.training.distort == BOTH


def test_gradients_are_checked_on_rows_as_they_are(nncli: Run) -> None:
    done = nncli("gradcheck", "digits", "--hidden", 4, "--distort", "shift")
    assert done.code == 0
    assert "without effect on derivatives, and ignored: --distort" in done.err
    assert "distort shift" not in done.err


TABLE = "a,b,class\n" + "".join(f"{i % 7},{i % 5 / 2},{'xy'[i % 2]}\n" for i in range(60))
WIDE = ",".join([*(f"p{i}" for i in range(65)), "class"])
WIDE += "\n" + "".join(",".join([*(str(17 * (i + j) % 256) for j in range(65)), "xy"[i % 2]]) + "\n" for i in range(60))
FRACTIONS = WIDE.replace(",17,", ",17.5,")
AS_TEXT = "".join(f"{('uvw'[i % 3] if i else 'kind')},{row}\n" for i, row in enumerate(WIDE.splitlines()))
EXPECTED = "--distort: it is for pictures: expected pixels alone"
REFUSED = {
    "numbers": ("d.csv --distort shift", TABLE, f"{EXPECTED} (64 or more columns of whole numbers from 0 to 255), found 2 columns. Give the pixels as they are in the pictures."),
    "fractions": ("d.csv --distort shift", FRACTIONS, f"{EXPECTED} (64 or more columns of whole numbers from 0 to 255), found other numbers. Give the pixels as they are in the pictures."),
    "no square": ("d.csv --distort shift", WIDE, f"{EXPECTED}, whose rows and columns are known, found 65 columns, which are no square. Give the pixels of squares and nothing else, or the pictures as an IDX file or as picture files."),
    "text": ("d.csv --distort shift", AS_TEXT, f"{EXPECTED}, found column 'kind', which holds text. Leave --distort out."),
    "text beside a picture": ("d.csv --drop p3 --distort shift", AS_TEXT, f"{EXPECTED}, found column 'kind', which holds text. Leave out what is no pixel with --drop kind."),
    "row by row": ("digits --model perceptron --distort shift", "", "--distort: perceptron learns row by row, and its mistakes are counted on rows that stay as they are. Leave it out, or use --model mlp."),
    "lbfgs": ("digits --optimizer lbfgs --distort shift", "", "--distort: lbfgs needs the same smooth objective at every step. Leave it out, or use another --optimizer."),
    "exact": ("chocolate --model linear --optimizer exact --distort shift", "", "--distort: exact needs the same smooth objective at every step. Leave it out, or use another --optimizer."),
    "commas": ("digits --distort affine,elastic", "", "--distort: expected one value, with + between several distortions, as affine+elastic, found 'affine,elastic'."),
    "a name": ("digits --distort elastik", "", "--distort: expected one of shift, affine, elastic; found 'elastik'. Did you mean 'elastic'?"),
    "a setting": ("digits --distort affine:turn=3", "", "--distort: expected rotate=…, scale=…, shear=…, shift=… after 'affine'; found 'turn=3'."),
    "a strength": ("digits --distort elastic:sigma=0", "", "--distort: elastic: sigma: expected 0.1 ≤ sigma ≤ 10,000 pixels, found 0.0."),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_distorted_is_refused(name: str, nncli: Run) -> None:
    command, table, line = REFUSED[name]
    Path("d.csv").write_text(table, "utf-8")
    done = nncli("train", *command.split(), "-o", "m.npz")
    assert done.err.splitlines()[-1] == line
    assert done.code == 2
    assert not Path("m.npz").exists()
    assert nncli("train", *command.split(), "--dry-run").code == 2


def test_what_is_advised_of_a_table_with_text_makes_pictures_of_it(nncli: Run) -> None:
    Path("d.csv").write_text(AS_TEXT, "utf-8")
    words = ["train", "d.csv", "--distort", "shift", "--hidden", 2, "--epochs", 1, "-q"]
    assert nncli(*words, "--drop", "p3,kind").code == 0


def test_pictures_that_are_too_large_are_refused(nncli: Run) -> None:
    rng = np.random.default_rng(0)
    np.savez("d.npz", X=rng.integers(0, 256, (30, 2, 1100), np.uint8), y=np.arange(30) % 2)
    done = nncli("train", "d.npz", "--distort", "elastic", "-q")
    assert (done.code, done.err) == (
        2,
        "--distort: expected pictures of at most 1,024 pixels a side, found 2 × 1100 (height × width). Make them "
        "smaller.\n",
    )


def test_a_scaling_that_cannot_be_undone_is_refused() -> None:
    prepared = prepare(TrainConfig(("digits",), distort="shift"))
    bent = dataclasses.replace(prepared.preprocess, scaling="bent")
    with pytest.raises(OptionError, match="--distort: pixels cannot be worked out again once they are scaled as bent"):
        new_trainer(dataclasses.replace(prepared, preprocess=bent))


@pytest.mark.parametrize("spec", ["shift:pixels=10000", "affine:rotate=180:shear=89.9:scale=0.999:shift=10000"])
def test_the_greatest_strengths_leave_numbers(spec: str) -> None:
    X = np.random.default_rng(0).uniform(0, 255, (100, 64)).astype(np.float32)
    Distorter(f"{spec}+elastic:sigma=10000:alpha=10000", (8, 8), X.dtype, np.random.default_rng(0)).distort(X)
    assert np.isfinite(X).all()
    assert X.max() <= 255


def test_a_stream_is_refused_by_a_model_that_distorts(nncli: Run) -> None:
    words = ["train", "digits", "--model", "adaline", "--epochs", 1, "--distort", "shift", "-q", "-o", "m.npz"]
    assert nncli(*words).code == 0
    done = nncli("train", "--from", "m.npz", "-", stdin=path_of("digits").read_bytes())
    assert done.code == 2
    assert done.err == (
        "--distort: m.npz distorts its rows, and those of a stream are as they come. Save the rows in a file, and name "
        "that.\n"
    )
