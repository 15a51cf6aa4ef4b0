"""`train --from MODEL`: new rows, rows of before, and what was gained and what was forgotten."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forgery import with_meta
from months import before, digest, month, numbers, prepared
from nncli.data.bundled import path_of
from nncli.guards.distribution import category_counts
from nncli.model import checkpoint
from nncli.system import plain_json

Run = Callable[..., Any]
MODELS = Path(__file__).parent / "models"
QUICK = ("--epochs", "12", "-q")


def go_on(nncli: Run, *words: str) -> Any:
    outcome = nncli("train", *words, *QUICK, "--json")
    assert outcome.code == 0, outcome.err
    return outcome.json


@pytest.mark.usefixtures("january")
def test_it_beats_the_old_model_on_new_rows_and_forgets_little(nncli: Run) -> None:
    found = go_on(nncli, "--from", "jan.npz", "feb.csv", "--replay", "jan.csv", "-o", "feb.npz")["from"]
    new, old = found["gained"]["figures"]["accuracy"], found["forgotten"]["figures"]["accuracy"]
    assert found["sha256"] == digest("jan.npz")
    assert new["interval"][0] > 0, new
    assert new["p_value"] < 0.05
    assert found["gained"]["n"] == 45
    # what was high in January is low in February, so that both months cannot be right; without replay it is worse:
    alone = go_on(nncli, "--from", "jan.npz", "feb.csv", "-o", "alone.npz")["from"]
    assert alone["forgotten"]["figures"]["accuracy"]["after"] < old["after"]


@pytest.mark.usefixtures("january")
def test_the_figures_are_those_of_eval(nncli: Run) -> None:
    """Both models are judged by `eval` on the new test rows, and on those of before."""
    found = go_on(nncli, "--from", "jan.npz", "feb.csv", "--replay", "jan.csv", "-o", "feb.npz")["from"]
    assert (
        nncli("eval", "jan.npz", "--json", "-q").json["accuracy"] == found["forgotten"]["figures"]["accuracy"]["before"]
    )
    after = nncli("eval", "feb.npz", "--json", "-q").json
    assert after["accuracy"] == found["gained"]["figures"]["accuracy"]["after"]
    assert after["log_loss"] == pytest.approx(found["gained"]["figures"]["log-loss"]["after"], rel=1e-6)
    rows = before("feb.npz").provenance.test_rows
    lines = Path("feb.csv").read_text().splitlines()
    Path("held.csv").write_text("\n".join([lines[0], *(lines[i + 1] for i in rows)]) + "\n")
    both = nncli("eval", "feb.npz", "jan.npz", "held.csv", "--json", "-q").json["figures"]["accuracy"]
    gained = found["gained"]["figures"]["accuracy"]
    assert both["values"] == [gained["after"], gained["before"]]
    assert both["interval"] == pytest.approx(gained["interval"])
    assert both["p_value"] == pytest.approx(gained["p_value"])


@pytest.mark.usefixtures("january")
def test_no_test_row_of_before_trains_or_validates_the_model_however_long_the_chain(nncli: Run) -> None:
    go_on(nncli, "--from", "jan.npz", "feb.csv", "--replay", "jan.csv", "-o", "feb.npz")
    own = {name: before(f"{name}.npz").provenance for name in ("jan", "feb")}
    new = prepared("feb.npz", "mar.csv", replay=["feb.csv", "jan.csv"], share=0.9)
    held = {"feb": 300 + own["feb"].test_rows, "jan": 600 + own["jan"].test_rows}  # behind the 300 rows of March
    used = np.concatenate([new.train.rows, new.val.rows])
    for name, rows in held.items():
        assert len(rows) in (45, 60), name
        assert not np.isin(rows, used).any(), name
        np.testing.assert_array_equal(np.sort(new.start.old.test[f"{name}.csv"]), rows)
    validating = np.concatenate([300 + own["feb"].val_rows, 600 + own["jan"].val_rows])
    assert not np.isin(validating, new.train.rows).any()
    assert np.isin(new.val.rows[new.val.rows >= 300], validating).all()


@pytest.mark.usefixtures("january")
def test_the_shares_of_rows_of_before_are_as_asked(nncli: Run) -> None:
    new = prepared("jan.npz", "feb.csv", replay=["jan.csv"], share=0.4)
    of_before = [float((part.rows >= 300).mean()) for part in (new.train, new.val)]
    assert of_before == pytest.approx([0.4, 0.4], abs=0.01)
    assert not (new.test.rows >= 300).any()


@pytest.mark.usefixtures("january")
def test_the_same_run_writes_the_same_bytes_also_from_the_disk(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNCLI_CACHE", str(Path("cache").absolute()))
    words = ("--from", "jan.npz", "feb.csv", "--replay", "jan.csv", "--replay-share", "0.5", "--refit-scaling")
    for name, more in {"a": (), "b": (), "disk": ("--memory", "400MB")}.items():
        go_on(nncli, *words, "-o", f"{name}.npz", *more)
    assert digest("a.npz") == digest("b.npz") == digest("disk.npz")


@pytest.mark.usefixtures("january")
def test_schedules_are_of_one_run_and_what_they_change_is_of_the_model(nncli: Run) -> None:
    scheduled = ("--dropout", "0.2", "--dropout-schedule", "flat-cos", "--l2", "0.1", "--decay-schedule", "cosine")
    assert nncli("train", "jan.csv", "-t", "level", *scheduled, *QUICK, "-o", "m.npz").code == 0
    found = nncli("train", "--from", "m.npz", "feb.csv", "--dry-run", "--json", "-q").json["config"]
    assert (found["dropout"], found["dropout_schedule"], found["l2"], found["decay_schedule"]) == (0.2, None, 0.1, None)
    again = nncli("train", "--from", "m.npz", "feb.csv", "--dropout-schedule", "step", "--dry-run", "--json", "-q")
    assert again.json["config"]["dropout_schedule"] == "step"


@pytest.mark.usefixtures("january")
def test_new_classes_are_learned_and_said(nncli: Run) -> None:
    Path("far.csv").write_text(month(400, 4, classes=("low", "high", "far")))
    outcome = nncli("train", "--from", "jan.npz", "far.csv", "--replay", "jan.csv", "--epochs", "30", "-o", "far.npz")
    assert outcome.code == 0
    model = before("far.npz").model
    assert model.classes == ("far", "high", "low")
    assert "class 'far' is new: an output is added; " in outcome.err
    found = nncli("eval", "far.npz", "--json", "-q").json
    assert found["per_class"]["far"]["recall"] >= 0.9
    assert nncli("predict", "far.npz", "far.csv", "--proba", "-q").out.startswith("prediction,p_far,p_high,p_low\n")


@pytest.mark.usefixtures("january")
def test_new_rows_of_one_class_are_told(nncli: Run) -> None:
    """The shares of the classes are then guessed without fail: nothing can be said of a loss above that of guessing."""
    Path("new.csv").write_text("a,b,city,level\n" + "".join(f"{k % 7 / 9},{k % 5 / 9},Graz,mid\n" for k in range(60)))
    told = nncli("train", "--from", "jan.npz", "new.csv", *QUICK, "-o", "new.npz").err
    assert "warning: all training rows are of class 'mid': the model learns to answer that, whatever the row. " in told
    assert "Add rows of before with --replay" in told
    assert "guessing" not in told
    both = nncli("train", "--from", "jan.npz", "new.csv", "--replay", "jan.csv", *QUICK, "-o", "new.npz").err
    assert "all training rows" not in both


@pytest.mark.usefixtures("january")
def test_a_class_that_the_new_rows_lack_stays(nncli: Run) -> None:
    lines = month(300, 5).splitlines()
    Path("low.csv").write_text("\n".join([lines[0], *(one for one in lines if one.endswith("low"))][:120]) + "\n")
    Path("one.csv").write_text("\n".join([*Path("low.csv").read_text().splitlines(), lines[1][:-3] + "high"]) + "\n")
    for name in ("low.csv", "one.csv"):
        found = go_on(nncli, "--from", "jan.npz", name, "--replay", "jan.csv", "-o", "new.npz")
        assert found["classes"] == ["high", "low"]
        assert found["from"]["forgotten"]["figures"]["accuracy"]["after"] > 0.8


@pytest.mark.usefixtures("in_a_folder_of_its_own")
def test_numbers_go_on_too(nncli: Run) -> None:
    for model in ("mlp", "linear"):
        Path("old.csv").write_text(numbers(200, 1))
        Path("new.csv").write_text(numbers(200, 2, shift=5))
        assert nncli("train", "old.csv", "-t", "price", "-m", model, *QUICK, "-o", "m.npz").code == 0
        found = go_on(nncli, "--from", "m.npz", "new.csv", "--replay", "old.csv", "-o", "new.npz")["from"]
        gained = found["gained"]["figures"]["rmse"]
        assert gained["after"] < gained["before"] / 2, model
        assert gained["interval"][1] < 0
        assert found["forgotten"]["figures"]["rmse"]["after"] < 1


@pytest.mark.parametrize("version", ["3", "4", "5", "6", "6-number"])
@pytest.mark.usefixtures("in_a_folder_of_its_own")
def test_a_model_of_an_older_version_is_gone_on_from(version: str, nncli: Run) -> None:
    file = MODELS / f"format-{version}.npz"
    lines = Path(path_of("breast-cancer")).read_bytes() if version == "3" else (MODELS / "laden.csv").read_bytes()
    Path("new.csv").write_bytes(b"".join(lines.splitlines(keepends=True)[:101]))
    found = go_on(nncli, "--from", str(file), "new.csv", "-o", "new.npz")
    assert found["from"]["sha256"] == digest(str(file))
    assert found["from"]["gained"]["n"] == 15
    assert nncli("eval", "new.npz", "--json", "-q").json["n"] == 15


@pytest.mark.usefixtures("january")
def test_a_model_without_test_rows_says_so(nncli: Run) -> None:
    assert nncli("train", "jan.csv", "-t", "level", "--test", "0", *QUICK, "-o", "untested.npz").code == 0
    outcome = nncli("train", "--from", "untested.npz", "feb.csv", "--epochs", "3", "--json", "-o", "new.npz")
    assert outcome.json["from"]["forgotten"] is None
    assert "what was forgotten is not known: untested.npz: the model was trained without test rows" in outcome.err
    shutil.move("jan.csv", "elsewhere.csv")
    outcome = nncli("train", "--from", "jan.npz", "feb.csv", "--test", "0", "--epochs", "3", "--json", "-o", "new.npz")
    assert outcome.json["from"] | {"sha256": "", "model": ""} == {
        "sha256": "",
        "model": "",
        "gained": None,
        "forgotten": None,
    }
    assert "what was forgotten is not known: jan.csv: no such file" in outcome.err
    assert "what was gained is not known: no new rows were kept for the test" in outcome.err


@pytest.mark.usefixtures("january")
def test_rows_of_an_unknown_file_are_used_but_for_the_test_rows(nncli: Run) -> None:
    Path("both.csv").write_text(Path("jan.csv").read_text() + Path("feb.csv").read_text().partition("\n")[2])
    new = prepared("jan.npz", "mar.csv", replay=["both.csv"], share=0.9)
    own = before("jan.npz").provenance.test_rows
    assert not np.isin(300 + own, new.train.rows).any()
    assert (
        f"both.csv: not a file that jan.npz was trained on: left out {len(own)} rows with the values of its test rows"
        in new.notes
    )


@pytest.mark.usefixtures("january")
def test_test_rows_of_before_among_the_new_rows_are_told(nncli: Run) -> None:
    lines = Path("jan.csv").read_text().splitlines()[1:]
    again = [lines[i] for i in before("jan.npz").provenance.test_rows[:7]]
    Path("more.csv").write_text(Path("feb.csv").read_text() + "\n".join(again) + "\n")
    notes = prepared("jan.npz", "more.csv", replay=["jan.csv"], val=0.0, test=0.0).notes
    told = (
        "warning: 7 of 60 test rows of before have the same values as a training row: the figures of these look better"
    )
    assert any(note.startswith(told) for note in notes)


@pytest.mark.usefixtures("january")
def test_a_file_that_has_grown_is_told_to_hold_rows_of_before(nncli: Run) -> None:
    """January has 400 rows, of which 60 are for the test: 340 have been seen. With no part kept back, all 60 are
    training rows now."""
    Path("both.csv").write_text(Path("jan.csv").read_text() + Path("feb.csv").read_text().partition("\n")[2])
    told = nncli("train", "--from", "jan.npz", "both.csv", "--val", "0", "--test", "0", *QUICK, "-o", "new.npz").err
    assert "warning: 340 of the 700 new rows have the same values as a row that trained or validated jan.npz: " in told
    assert "Rows of before belong to --replay" in told
    assert "warning: 60 of 60 test rows of before have the same values as a training row: " in told


@pytest.mark.usefixtures("january")
def test_a_single_row_of_before_is_told_without_a_warning() -> None:
    known = before("jan.npz").provenance.val_rows[0]
    Path("few.csv").write_text(Path("feb.csv").read_text() + Path("jan.csv").read_text().splitlines()[1 + known] + "\n")
    told = "1 of the 301 new rows has the same values as a row that trained or validated jan.npz: too few to change"
    assert any(note.startswith(told) for note in prepared("jan.npz", "few.csv").notes)
    assert not any("the same values" in note for note in prepared("jan.npz", "feb.csv").notes)


@pytest.mark.usefixtures("january")
def test_its_file_tells_where_it_comes_from(nncli: Run) -> None:
    go_on(nncli, "--from", "jan.npz", "feb.csv", "-o", "feb.npz")
    go_on(nncli, "--from", "feb.npz", "mar.csv", "-o", "mar.npz")
    found = nncli("info", "mar.npz", "--json").json["from"]
    assert found == {"sha256": digest("feb.npz"), "data": [["feb.csv"], ["jan.csv"]]}
    assert nncli("info", "jan.npz", "--json").json["from"] is None
    assert "from" in nncli("info", "mar.npz").out
    parent = before("mar.npz").provenance.parent
    own = before("jan.npz").provenance
    np.testing.assert_array_equal(parent.data[1].test_rows, own.test_rows)
    np.testing.assert_array_equal(parent.data[1].val_rows, own.val_rows)


@pytest.mark.usefixtures("january")
def test_what_follows_from_training_alone_is_refused_of_its_model(nncli: Run) -> None:
    go_on(nncli, "--from", "jan.npz", "feb.csv", "-o", "feb.npz")
    outcome = nncli("train", "--resume", "feb.npz")
    assert (outcome.code, outcome.err.startswith("feb.npz: it went on from another model")) == (1, True)
    outcome = nncli("eval", "feb.npz", "--choose-threshold", "f1", "-o", "t.npz")
    assert (outcome.code, "it went on from another model" in outcome.err) == (1, True)


@pytest.mark.long
@pytest.mark.usefixtures("january")
def test_a_report_names_the_model_before(nncli: Run) -> None:
    go_on(nncli, "--from", "jan.npz", "feb.csv", "-o", "feb.npz")
    assert nncli("report", "feb.npz", "-o", "r.html", "-q").code == 0
    assert f"SHA-256 {digest('jan.npz')}" in Path("r.html").read_text("utf-8")


@pytest.mark.usefixtures("january")
@pytest.mark.parametrize(
    "change",
    [
        {"sha256": "x"},
        {"data": [{"source": ["d"], "sha256": "0" * 64, "bytes": 1, "n_rows": 9, "val_rows": "", "test_rows": "AA=="}]},
        {
            "data": [
                {"source": ["d"], "sha256": "0" * 64, "bytes": 1, "n_rows": 1 << 40, "val_rows": "", "test_rows": ""}
            ]
        },
        {"data": [{"source": ["d"], "sha256": "0" * 64, "bytes": 1, "n_rows": 9, "val_rows": ""}]},
        {"more": 1},
    ],
    ids=["digest", "bits", "too many rows", "no test rows", "another name"],
)
def test_a_forged_lineage_is_refused(change: dict[str, Any], nncli: Run) -> None:
    forged = with_meta("from", {"sha256": "0" * 64, "data": []} | change)
    Path("forged.npz").write_bytes(forged(Path("jan.npz").read_bytes()))
    outcome = nncli("info", "forged.npz")
    assert (outcome.code, outcome.err.startswith("forged.npz: expected a model written by nncli, found")) == (1, True)


def test_lineage_has_no_room_for_all_rows_of_ages() -> None:
    """The oldest data are left out, and the file stays readable."""
    from nncli.model import lineage
    from nncli.model.provenance import EarlierData, Fingerprint, Parent

    rng = np.random.default_rng(0)
    bits = rng.integers(256, size=(1 << 19) // 8 * 4, dtype=np.uint8)  # noise, that nothing can compress
    one = [EarlierData((f"{i}.csv",), Fingerprint(f"{i:064x}", 1), 8 * len(bits), bits, bits) for i in range(9)]
    stored = lineage.to_json(Parent("0" * 64, tuple(one)))
    plain_json.check_form(stored, lineage.LINEAGE)
    assert [entry["source"] for entry in stored["data"]] == [["0.csv"]]
    found = lineage.from_json(stored)
    np.testing.assert_array_equal(found.data[0].test_bits, bits)


@pytest.mark.usefixtures("january")
def test_a_config_file_has_these_options_too(nncli: Run) -> None:
    Path("monthly.toml").write_text(
        'from = "jan.npz"\nreplay = ["jan.csv"]\nreplay-share = 0.5\nrefit-scaling = true\n'
    )
    go_on(nncli, "feb.csv", "--config", "monthly.toml", "-o", "a.npz")
    words = ("--replay", "jan.csv", "--replay-share", "0.5", "--refit-scaling")
    go_on(nncli, "--from", "jan.npz", "feb.csv", *words, "-o", "b.npz")
    assert digest("a.npz") == digest("b.npz")


@pytest.mark.usefixtures("january")
def test_no_row_of_a_group_that_is_held_back_trains_the_model(nncli: Run) -> None:
    for name in ("jan", "feb"):
        header, *lines = Path(f"{name}.csv").read_text().splitlines()
        rows = [f"{line},p{i % 40}" for i, line in enumerate(lines)]
        Path(f"{name}-p.csv").write_text("\n".join([f"{header},patient", *rows]) + "\n")
    assert nncli("train", "jan-p.csv", "-t", "level", "--group", "patient", *QUICK, "-o", "p.npz").code == 0
    new = prepared("p.npz", "feb-p.csv", replay=["jan-p.csv"])
    patient = np.concatenate([np.arange(300) % 40, np.arange(400) % 40])
    held = np.union1d(patient[new.test.rows], patient[new.val.rows[new.val.rows < 300]])
    assert len(held) > 5
    assert not np.isin(patient[new.train.rows], held).any()
    of_before = np.unique(patient[np.concatenate([*new.start.old.test.values()])])
    shared = np.isin(of_before, patient[new.train.rows[new.train.rows < 300]]).sum()
    assert f"warning: {shared} groups of the test rows of before have new rows that train the model" in "".join(
        new.notes
    )


@pytest.mark.usefixtures("in_a_folder_of_its_own")
def test_a_column_that_was_constant_is_told_and_taken_in_with_its_scaling(nncli: Run) -> None:
    header, *lines = numbers(120, 1).splitlines()
    Path("old.csv").write_text("\n".join([header, *("7," + line.partition(",")[2] for line in lines)]) + "\n")
    Path("new.csv").write_text(numbers(120, 2))
    assert nncli("train", "old.csv", "-t", "price", *QUICK, "-o", "m.npz").code == 0
    told = "constant before, and so without effect, was 'a': --refit-scaling takes it in"
    kept, anew = (prepared("m.npz", "new.csv", refits=refits) for refits in (False, True))
    assert told in kept.notes
    assert told not in anew.notes
    assert kept.preprocess.scale[0] == 0 < anew.preprocess.scale[0]
    words = ("--from", "m.npz", "new.csv", "-q", "--json", "--epochs", "150", "-o", "new.npz", "--lr", "0.01")
    better, worse = (go_on_rmse(nncli, *words, *more) for more in (("--refit-scaling",), ()))
    assert better < worse / 2  # the price is 3 a − b


@pytest.mark.usefixtures("january")
def test_a_date_that_was_constant_is_told_too(nncli: Run) -> None:
    """As the last day of each month, in a file of that month."""
    header, *lines = numbers(120, 1).splitlines()
    Path("old.csv").write_text("\n".join([f"day,{header}", *(f"2024-01-31,{line}" for line in lines)]) + "\n")
    later = (f"2024-0{2 + i % 2}-29,{line}" for i, line in enumerate(lines))
    Path("new.csv").write_text("\n".join([f"day,{header}", *later]) + "\n")
    assert nncli("train", "old.csv", "-t", "price", *QUICK, "-o", "m.npz").code == 0
    told = "constant before, and so without effect, was 'day': --refit-scaling takes it in"
    kept, anew = (prepared("m.npz", "new.csv", refits=refits) for refits in (False, True))
    assert told in kept.notes
    assert told not in anew.notes


def go_on_rmse(nncli: Run, *words: str) -> float:
    outcome = nncli("train", *words)
    assert outcome.code == 0, outcome.err
    return float(outcome.json["test"]["rmse"])


@pytest.mark.usefixtures("january")
@pytest.mark.parametrize("how", [(), ("--replay", "jan.csv"), ("--refit-scaling",)], ids=["alone", "replay", "refit"])
def test_its_guard_knows_the_rows_of_this_run(how: tuple[str, ...], nncli: Run) -> None:
    Path("new.csv").write_text(month(900, 5, 4, cities=("Graz", "Wien", "Bregenz")))
    go_on(nncli, "--from", "jan.npz", "new.csv", *how, "-o", "new.npz")
    new, _ = checkpoint.load(Path("new.npz"))
    assert new.distribution is not None
    ready = prepared("jan.npz", "new.csv", replay=["jan.csv"] if "jan.csv" in how else [])
    assert new.distribution.rows == len(ready.split.train)
    trained = ready.dataset.table.take(ready.split.train)
    low, high, missing = new.distribution.ranges.T  # of a and b
    assert low.tolist() == trained.numbers.min(axis=0).tolist()
    assert high.tolist() == trained.numbers.max(axis=0).tolist()
    assert not missing.any()
    city = trained.texts["city"]
    of_each = Counter(city.values[code] for code in city.codes)
    counts = category_counts(new.preprocess, new.distribution.rows)["city"].tolist()
    assert new.preprocess.categories["city"] == ("Bregenz", "Graz", "Linz", "Wien")
    assert counts == [of_each["Bregenz"], of_each["Graz"], of_each["Linz"], of_each["Wien"], 0, 0]  # no other, none
    Path("like.csv").write_text(month(700, 6, 4, cities=("Graz", "Wien", "Bregenz")))
    told = nncli("predict", "new.npz", "like.csv", "--guard", "g.json")
    document = json.loads(Path("g.json").read_text())
    assert document["known"]
    assert document["predictions"] is not None
    assert ("b" in document["drifted"]) == ("jan.csv" in how)  # January was 4 lower
    if "jan.csv" not in how:
        assert (told.code, told.err, document["warnings"]) == (0, "", [])
    Path("else.csv").write_text(month(700, 6, 8))
    assert "column 'b'" in nncli("predict", "new.npz", "else.csv", "-o", "out.csv").err
