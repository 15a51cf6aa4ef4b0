"""Models that were saved by earlier versions are read by this one, and every later one."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forgery import with_meta
from nncli.errors import ModelFileError
from nncli.model import file_format

MODELS = Path(__file__).parent / "models"
FORMAT_4 = [0.9944534, 2.7776323e-7, 0.07100122]  # of the first class, on the day it was made
FORMAT_5 = [0.9227203, 0.00042740765, 0.22579329]
FORMAT_6 = [0.98067874, 7.561352e-8, 0.7716586]
FORMAT_6_INTERVALS = [[0.6728, -1.58072, 2.92632], [6.99204, 4.73852, 9.24556], [2.67889, 0.42537, 4.93241]]


def test_a_model_of_format_3_gives_what_it_gave(nncli: Callable[..., Any]) -> None:
    """Figures of the day it was made."""
    found = nncli("eval", MODELS / "format-3.npz", "--json", "-q").json
    assert found["n"] == 85
    assert found["accuracy"] == pytest.approx(83 / 85, abs=1e-9)
    assert found["log_loss"] == pytest.approx(0.08507081084573893, rel=1e-5)


def test_an_unfinished_training_of_format_3_goes_on(nncli: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    shutil.copy(MODELS / "format-3-unfinished.npz", path)
    outcome = nncli("train", "--resume", path, "--epochs", "9", "--json", "-q")
    assert outcome.code == 0, outcome.err
    assert outcome.json["epochs"] == 9


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the models of format 4 were trained on: Latin-1, decimal commas, dates."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(MODELS / "laden.csv", tmp_path)
    return tmp_path


def test_a_model_of_format_4_gives_what_it_gave(nncli: Callable[..., Any], shop: Path) -> None:
    Path("new.csv").write_bytes("tag;umsatz;ort\n02.05.2026;3,5;süd\n04.05.2026;3,5;nord\n;;ost\n".encode("latin-1"))
    found = nncli("predict", MODELS / "format-4.npz", "new.csv", "--proba", "-q").out.splitlines()[1:]
    shares = [float(line.split(",")[1]) for line in found]
    assert shares == pytest.approx(FORMAT_4, abs=1e-5)
    assert nncli("eval", MODELS / "format-4.npz", "-q", "--json").json["n"] == 18


def test_an_unfinished_training_of_format_4_goes_on(nncli: Callable[..., Any], shop: Path) -> None:
    shutil.copy(MODELS / "format-4-unfinished.npz", "m.npz")
    outcome = nncli("train", "--resume", "m.npz", "--epochs", "9", "--json", "-q")
    assert outcome.code == 0, outcome.err
    assert outcome.json["epochs"] == 9


def test_a_model_of_format_5_gives_what_it_gave(nncli: Callable[..., Any], shop: Path) -> None:
    Path("new.csv").write_bytes("tag;umsatz;ort\n02.05.2026;3,5;süd\n04.05.2026;3,5;nord\n;;ost\n".encode("latin-1"))
    found = nncli("predict", MODELS / "format-5.npz", "new.csv", "--proba", "-q").out.splitlines()[1:]
    assert [float(line.split(",")[1]) for line in found] == pytest.approx(FORMAT_5, abs=1e-5)
    outcome = nncli("eval", MODELS / "format-5.npz", "laden.csv", "-q", "--json")
    assert outcome.json["n"] == 120
    # its file does not remember rows, but its data: 84 of them are for training
    assert outcome.err.startswith("warning: 84 of the 120 rows have the same values as a row that trained the model")


def test_a_model_of_format_6_gives_what_it_gave(nncli: Callable[..., Any], shop: Path) -> None:
    """The first program that wrote format 6 put less into it than the last: no counts of classes, no target."""
    Path("new.csv").write_bytes("tag;umsatz;ort\n02.05.2026;3,5;süd\n04.05.2026;3,5;nord\n;;ost\n".encode("latin-1"))
    found = nncli("predict", MODELS / "format-6.npz", "new.csv", "--proba", "-q").out.splitlines()[1:]
    assert [float(line.split(",")[1]) for line in found] == pytest.approx(FORMAT_6, abs=1e-5)
    assert nncli("eval", MODELS / "format-6.npz", "-q", "--json").json["n"] == 18
    info = nncli("info", MODELS / "format-6.npz").out
    assert "(baseline 72.2 %, linear 100.0 %)" in info  # the figures of its reference are there too


def test_an_unfinished_training_of_format_6_goes_on(nncli: Callable[..., Any], shop: Path) -> None:
    shutil.copy(MODELS / "format-6-unfinished.npz", "m.npz")
    outcome = nncli("train", "--resume", "m.npz", "--epochs", "9", "--json", "-q")
    assert outcome.code == 0, outcome.err
    assert outcome.json["epochs"] == 9


def test_a_model_of_numbers_of_format_6_gives_what_it_gave(nncli: Callable[..., Any], shop: Path) -> None:
    Path("new.csv").write_bytes(
        "tag;ort;class\n02.05.2026;süd;offen\n04.05.2026;nord;bezahlt\n;ost;offen\n".encode("latin-1")
    )
    found = nncli("predict", MODELS / "format-6-number.npz", "new.csv", "--interval", "0.8", "-q").out.splitlines()[1:]
    for line, expected in zip(found, FORMAT_6_INTERVALS, strict=True):
        assert [float(cell) for cell in line.split(",")] == pytest.approx(expected, abs=1e-4)


def test_models_of_format_7_give_what_they_gave(nncli: Callable[..., Any], shop: Path) -> None:
    """Format 7 is like the last files of format 6, with some validation rows; it lacks the training columns' ranges."""
    Path("new.csv").write_bytes("tag;umsatz;ort\n02.05.2026;3,5;süd\n04.05.2026;3,5;nord\n;;ost\n".encode("latin-1"))
    found = nncli("predict", MODELS / "format-7.npz", "new.csv", "--proba", "-q").out.splitlines()[1:]
    assert [float(line.split(",")[1]) for line in found] == pytest.approx(FORMAT_6, abs=1e-5)
    Path("new.csv").write_bytes(
        "tag;ort;class\n02.05.2026;süd;offen\n04.05.2026;nord;bezahlt\n;ost;offen\n".encode("latin-1")
    )
    found = nncli("predict", MODELS / "format-7-number.npz", "new.csv", "--interval", "0.8", "-q").out.splitlines()[1:]
    for line, expected in zip(found, FORMAT_6_INTERVALS, strict=True):
        assert [float(cell) for cell in line.split(",")] == pytest.approx(expected, abs=1e-4)


def test_models_of_format_8_give_what_they_gave(nncli: Callable[..., Any], shop: Path) -> None:
    """Format 8 has the training columns' ranges; it lacks bins of columns that heap up."""
    Path("new.csv").write_bytes("tag;umsatz;ort\n02.05.2026;3,5;süd\n04.05.2026;3,5;nord\n;;ost\n".encode("latin-1"))
    found = nncli("predict", MODELS / "format-8.npz", "new.csv", "--proba", "-q").out.splitlines()[1:]
    assert [float(line.split(",")[1]) for line in found] == pytest.approx(FORMAT_6, abs=1e-5)
    assert nncli("info", MODELS / "format-8.npz", "--json").json["guards"]["training_rows"] == 84
    Path("new.csv").write_bytes(
        "tag;ort;class\n02.05.2026;süd;offen\n04.05.2026;nord;bezahlt\n;ost;offen\n".encode("latin-1")
    )
    found = nncli("predict", MODELS / "format-8-number.npz", "new.csv", "--interval", "0.8", "-q").out.splitlines()[1:]
    for line, expected in zip(found, FORMAT_6_INTERVALS, strict=True):
        assert [float(cell) for cell in line.split(",")] == pytest.approx(expected, abs=1e-4)
    shutil.copy(MODELS / "format-8-unfinished.npz", "m.npz")
    outcome = nncli("train", "--resume", "m.npz", "--epochs", "9", "--json", "-q")
    assert (outcome.code, outcome.json["epochs"]) == (0, 9)


def test_a_model_of_format_9_gives_what_it_gave(nncli: Callable[..., Any], shop: Path) -> None:
    """Format 9 knows one network, or members of one kind, and no blends. The file has two members with embeddings."""
    Path("new.csv").write_bytes("tag;umsatz;ort\n02.05.2026;3,5;süd\n04.05.2026;3,5;nord\n;;ost\n".encode("latin-1"))
    found = nncli("predict", MODELS / "format-9.npz", "new.csv", "--proba", "--uncertainty", "-q").out.splitlines()[1:]
    for line, expected in zip(found, [[0.475943, 0.103639], [0.029492, 0.007139], [0.290167, 0.059081]], strict=True):
        cells = line.split(",")
        assert [float(cells[1]), float(cells[-1])] == pytest.approx(expected, abs=1e-5)


def test_a_model_of_format_10_gives_what_it_gave(nncli: Callable[..., Any], shop: Path) -> None:
    """Format 10 knows texts as categories alone, and no columns that are stored sparse."""
    Path("new.csv").write_bytes("tag;umsatz;ort\n02.05.2026;3,5;süd\n04.05.2026;3,5;nord\n;;ost\n".encode("latin-1"))
    found = nncli("predict", MODELS / "format-10.npz", "new.csv", "--proba", "-q").out.splitlines()[1:]
    shares = [float(line.split(",")[1]) for line in found]
    assert shares == pytest.approx([0.44538185, 0.024142975, 0.34798798], abs=1e-5)


def test_an_unfinished_training_of_format_7_goes_on_and_gets_guards(nncli: Callable[..., Any], shop: Path) -> None:
    shutil.copy(MODELS / "format-7-unfinished.npz", "m.npz")
    assert nncli("info", "m.npz", "--json").json["guards"] is None
    outcome = nncli("train", "--resume", "m.npz", "--epochs", "9", "--json", "-q")
    assert (outcome.code, outcome.json["epochs"]) == (0, 9)
    assert nncli("info", "m.npz", "--json").json["guards"]["training_rows"] == 84


OLD = sorted(path.name for path in MODELS.glob("format-[3-7]*.npz") if "unfinished" not in path.name)


@pytest.mark.parametrize("name", OLD)
def test_guards_of_older_models_are_off_and_say_so(nncli: Callable[..., Any], shop: Path, name: str) -> None:
    """What --strict promises cannot be kept, so that it refuses."""
    assert "off: no statistics of the training columns" in nncli("info", MODELS / name).out.replace("\n", " ")
    data = "breast-cancer" if name == "format-3.npz" else "laden.csv"
    outcome = nncli("predict", MODELS / name, data, "--guard", "g.json", "-q")
    assert (outcome.code, "guards are off. If it is an older one, train it again" in outcome.err) == (0, True)
    assert json.loads(Path("g.json").read_text())["known"] is False
    refused = nncli("predict", MODELS / name, data, "--strict")
    assert (refused.code, refused.out) == (1, "")
    assert "--strict compares rows with its training rows, and it has no statistics" in refused.err


def test_a_newer_format_is_refused_by_name(tmp_path: Path) -> None:
    data = with_meta("nncli", "2.5")(with_meta("format_version", 12)((MODELS / "format-3.npz").read_bytes()))
    with pytest.raises(ModelFileError) as error:
        file_format.read(io.BytesIO(data))
    assert error.value.problem == "expected format version 11, found 12, written by nncli 2.5"
