"""Which model is trained where none is named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from nncli.config.train_config import TrainConfig
from nncli.config.usual_model import with_usual_model
from nncli.data.column_profile import ColumnProfile
from nncli.model.checkpoint import load
from nncli.training import run
from nncli.training.prepare import prepare

Run = Callable[..., Any]
MEASURED = [ColumnProfile("a", "number", 0.5, 9.0), ColumnProfile("b", "text")]
PIXELS = [ColumnProfile(f"p{i}", "number", 0, 16, whole=True) for i in range(64)]


def usual(
    rows: int = 2000,
    columns: int = 5,
    profile: Sequence[ColumnProfile] = (),
    picture: bool = False,
    numeric: bool = False,
    **given: Any,
) -> tuple[str | None, str | None, int | None]:
    config, _ = with_usual_model(TrainConfig(**given), rows, columns, profile or MEASURED, picture, numeric)
    return config.model, config.ensemble, config.epochs


MLP = "mlp", None, None


def test_a_larger_table_gets_one_member_of_tabular() -> None:
    assert usual(200) == usual(160, numeric=True) == ("tabular", "1", None)
    assert usual(columns=200)[0] == "tabular"
    assert usual(ensemble="shared:8")[:2] == ("tabular", "shared:8")


@pytest.mark.parametrize(
    "what",
    [
        {"rows": 199},
        {"rows": 159, "numeric": True},
        {"columns": 201},
        {"columns": 64, "profile": PIXELS},
        {"picture": True},
        {"hidden": (8,)},
        {"lr": 0.1},
    ],
    ids=[
        "few rows",
        "few numbers",
        "many columns",
        "pixels",
        "pictures",
        "layers that are said",
        "a rate that is said",
    ],
)
def test_all_else_stays_a_small_mlp(what: dict[str, Any]) -> None:
    model, _, epochs = usual(**what)
    assert (model, epochs) == ("mlp", None)


@pytest.mark.parametrize(
    ("columns", "cell"),
    [(18, lambda i, j: i * j % 10), (3, lambda i, j: "abc"[i * j % 3]), (64, lambda i, j: i * j % 300)],
    ids=["whole numbers", "categories alone", "beyond 255"],
)
def test_small_whole_numbers_and_categories_are_no_pictures(
    tmp_path: Path, columns: int, cell: Callable[[int, int], Any]
) -> None:
    """Answers to 18 questions, or three categories, are kept as bytes in memory, as pictures are."""
    rows = [[cell(i, j) for j in range(1, columns + 1)] for i in range(200)]
    header = ",".join([*(f"q{j}" for j in range(columns)), "class"])
    text = "".join(f"{','.join(map(str, row))},{'xy'[i % 2]}\n" for i, row in enumerate(rows))
    (tmp_path / "d.csv").write_text(f"{header}\n{text}")
    assert prepare(TrainConfig(data=(str(tmp_path / "d.csv"),))).config.options.model == "tabular"


def test_digits_are_pictures_in_a_table_and_in_pixel_files() -> None:
    for data in "digits", "digits-idx":
        assert prepare(TrainConfig(data=(data,))).config.options.model == "mlp"


def test_a_model_that_is_named_is_taken() -> None:
    assert usual(model="mlp") == MLP
    assert usual(model="softmax")[0] == "softmax"


def test_larger_tables_get_fewer_epochs() -> None:
    assert usual(1_999) == ("tabular", "1", None)
    assert usual(2_000) == usual(78_000) == ("tabular", "1", 32)
    assert usual(2_000, numeric=True) == ("tabular", "1", None)
    assert usual(2_000, ensemble="4") == ("tabular", "4", None)


def test_many_rows_get_fewer_epochs() -> None:
    """Of 256,000 rows an epoch has 1,000 batches of 256, so that 10 epochs are 10,000 steps; of a hundred times as
    many, 4 epochs are the least."""
    assert usual(256_000)[2] == usual(256_000, ensemble="4")[2] == 10
    assert usual(25_600_000)[2] == 4


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table of 300 rows, d.csv."""
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{i * 7919 % 1009 / 10},{i * 31 % 997 / 10},{'ab'[i % 3 == 0]}\n" for i in range(300))
    Path("d.csv").write_text(f"p,q,class\n{rows}")
    return tmp_path


def test_a_chosen_model_is_resumed_to_the_last_byte(table: Path, nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    nncli("train", "d.csv", "-o", "whole.npz", "-q")
    fit = run.fit
    with monkeypatch.context() as patch:  # somebody asks to stop after three epochs
        patch.setattr(
            run, "fit", lambda trainer, on_epoch, stop, until: fit(
                trainer, on_epoch, lambda: len(trainer.history) >= 3, until
            )
        )  # fmt: skip
        nncli("train", "d.csv", "-o", "m.npz", "-q")
    assert Path("m.npz").read_bytes() != Path("whole.npz").read_bytes()
    assert nncli("train", "--resume", "m.npz", "-q").code == 0
    assert Path("m.npz").read_bytes() == Path("whole.npz").read_bytes()


def test_train_and_info_say_what_was_chosen_and_why(table: Path, nncli: Run) -> None:
    words = ("train", "d.csv", "-o", "m.npz")
    said = "--model tabular --ensemble 1, as the table has at least 200 rows"
    assert f"chosen: {said}" in nncli(*words).err
    assert load(Path("m.npz"))[0].config.model.name == "tabular"
    assert said in " ".join(nncli("info", "m.npz").out.split())
    nncli(*words, "--refit", "--epochs", 2, "--lr", 0.01)  # which is prepared once more for all rows
    assert "as --lr is given" in " ".join(nncli("info", "m.npz").out.split())
    told = nncli(*words, "--epochs", 1).err
    assert "chosen: --model mlp, as --epochs is given; without such options a table of this size gets a tabular" in told
    assert "chosen" not in nncli(*words, "--model", "mlp", "--epochs", 1).err
