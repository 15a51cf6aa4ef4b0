"""The same rows in several parts of the data are counted, whatever file and format they are in, and used once if asked;
columns and classes that make figures misleading are told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pyarrow import parquet

from idx_files import folder, idx
from nncli.data.dataset import Table, TextColumn
from nncli.data.row_hashes import hash_rows
from nncli.training import repeated_rows

Run = Callable[..., Any]
BETTER = "figures look better than they are"

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def rows_of(n: int = 200) -> list[str]:
    """Rows that are all different, in a column of text too."""
    return [f"{i * 37 % 997},{'abcdefg'[i % 7]},{'pq'[i * i % 3 == 0]}" for i in range(n)]


def write(name: str, rows: list[str], end: str = "\n", header: str = "x,t,label") -> str:
    Path(name).write_bytes(end.join([header, *rows, ""]).encode())
    return name


def warnings(outcome: Any) -> list[str]:
    assert outcome.code == 0, outcome.err
    return [line for line in outcome.err.splitlines() if "have the same values" in line]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [(8, "too few to change it by much"), (49, "it look better than they are")],
    ids=["few", "many"],
)
def test_words_are_proportionate_to_how_many_rows_come_again(seen: int, expected: str) -> None:
    """A row in a hundred of 4,884 is 48.84."""
    assert repeated_rows.effect_on("it", seen, 4884) == expected


numbers = st.sampled_from([0.0, -0.0, 1.0, 2.0, 0.1, 255.0, 1e30, -1.5, float("nan")])
matrices = arrays(np.float32, st.tuples(st.integers(1, 6), st.just(3)), elements=numbers.map(np.float32))


@given(matrices, st.randoms())
def test_rows_have_the_same_hash_if_and_only_if_they_have_the_same_values(X: np.ndarray, random: Any) -> None:
    names = ("a", "b", "c")
    found = hash_rows(Table(names, X))
    rows = [tuple("nan" if np.isnan(x) else float(x) + 0 for x in row) for row in X]
    for i, one in enumerate(rows):
        for j, other in enumerate(rows):
            assert (one == other) == (found[i] == found[j])
    order = random.sample(range(3), 3)
    assert (hash_rows(Table(tuple(names[i] for i in order), X[:, order].astype(np.float64))) == found).all()
    small = np.nan_to_num(X).clip(0, 255).astype(np.uint8)
    assert (hash_rows(Table(names, small)) == hash_rows(Table(names, small.astype(np.float32)))).all()


def test_texts_have_the_hash_of_their_value_and_not_of_their_code() -> None:
    def hashes(codes: list[int], values: tuple[str, ...]) -> list[int]:
        column = TextColumn(np.array(codes), values)
        return hash_rows(
            Table((), np.empty((len(codes), 0)), {"t": column}, {"d": np.array([1.0, np.nan, 1.0])})
        ).tolist()

    assert hashes([0, 1, -1], ("x", "y")) == hashes([1, 0, -1], ("y", "x"))
    assert len({*hashes([0, 0, 0], ("x",)), *hashes([-1, -1, -1], ("x",))}) == 4


class TestSeveralParts:
    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    @pytest.mark.parametrize("command", ["train", "check"])
    def test_test_rows_that_train_are_counted(self, nncli: Run, end: str, command: str) -> None:
        """200 rows, of which 30 validate: the first 50 are in either."""
        rows = rows_of()
        write("d.csv", rows)
        write("t.csv", rows[:50], end)
        outcome = nncli(command, "d.csv", "--test-data", "t.csv", *(["--epochs", "1", "-q"] * (command == "train")))
        found = [line for line in (outcome.err + outcome.out).splitlines() if "rows of --test-data" in line]
        counts = [int(line.removeprefix("warning: ").split()[0]) for line in found]
        assert (outcome.code, len(found), sum(counts)) == (0, 2, 50)
        assert found[0].endswith(
            f" of 50 rows of --test-data have the same values as a training row: the test {BETTER}"
        )
        assert found[1].endswith(
            f" of 50 rows of --test-data have the same values as a validation row: the test {BETTER}"
        )

    def test_one_of_several_training_files_is_known(self, nncli: Run) -> None:
        rows = rows_of()
        write("a.csv", rows[:100])
        write("b.csv", rows[100:])
        trained = ("train", "a.csv", "b.csv", "--epochs", "1", "-q", "-o", "m.npz")
        [line] = warnings(nncli(*trained, "--val-data", "b.csv", "--test", "0"))
        assert line.startswith("warning: 100 of 100 rows of --val-data have the same values as a training row")
        assert nncli(*trained, "--test", "0", "--val", "0.1").code == 0
        write("c.csv", rows[:100], "\r\n")
        told = warnings(nncli("eval", "m.npz", "a.csv", "b.csv", "-q"))
        assert [line.split()[:2] for line in told] == [["warning:", "a.csv:"], ["warning:", "b.csv:"]]
        seen = [int(warnings(nncli("eval", "m.npz", name, "-q"))[0].split()[1]) for name in ("a.csv", "b.csv", "c.csv")]
        assert seen[0] + seen[1] == 180
        assert seen[2] == seen[0]

    @pytest.mark.parametrize("own", [False, True], ids=["a part of the data", "a file of its own"])
    def test_validation_rows_are_known_too(self, nncli: Run, own: bool) -> None:
        """120 rows train, 40 validate and 40 test; in a file of their own, 50 validate."""
        rows = rows_of()
        write("d.csv", rows[:150] if own else rows)
        write("v.csv", rows[150:])
        parts = ["--val-data", "v.csv", "--test", "0"] if own else ["--val", "0.2", "--test", "0.2"]
        assert nncli("train", "d.csv", *parts, "--epochs", "1", "-q", "-o", "m.npz").code == 0
        [line] = warnings(nncli("eval", "m.npz", "d.csv", "-q"))
        if own:
            assert line.startswith(
                "warning: 150 of the 150 rows have the same values as a row that trained the model: "
            )
            [line] = warnings(nncli("eval", "m.npz", "v.csv", "-q"))
            told = "a validation row, which helped to choose the model"
            assert line == f"warning: 50 of the 50 rows have the same values as {told}: the {BETTER}"
        else:
            told = "the same values as a row that trained the model, and 40 more as a validation row"
            assert line.startswith(f"warning: 120 of the 200 rows have {told}: the {BETTER}")

    def test_the_format_is_no_matter(self, nncli: Run) -> None:
        rows = rows_of()
        write("d.csv", rows)
        assert nncli("train", "d.csv", "--epochs", "1", "--val", "0", "--test", "0", "-q", "-o", "m.npz").code == 0
        cells = [row.split(",") for row in rows[:40]]
        lines = [json.dumps({"label": label, "t": t, "x": float(x)}) for x, t, label in cells]
        Path("e.jsonl").write_text("\n".join(lines) + "\n")
        x, t, label = zip(*cells, strict=True)
        parquet.write_table(pa.table({"t": t, "x": list(map(int, x)), "label": label}), "e.parquet")
        Path("e.tsv").write_text("x\tt\tlabel\n" + "".join(f"{x}.0\t{t}\t{label}\n" for x, t, label in cells))
        for name in ("e.jsonl", "e.parquet", "e.tsv"):
            [line] = warnings(nncli("eval", "m.npz", name, "-q"))
            assert line.startswith("warning: 40 of the 40 rows have"), name

    def test_other_rows_are_no_matter(self, nncli: Run) -> None:
        rows = rows_of(300)
        write("d.csv", rows[:200])
        write("t.csv", rows[200:])
        assert warnings(nncli("train", "d.csv", "--test-data", "t.csv", "--epochs", "1", "-o", "m.npz")) == []
        assert warnings(nncli("eval", "m.npz", "t.csv")) == []

    def test_images_too(self, nncli: Run, tmp_path: Path) -> None:
        images = np.random.default_rng(0).integers(0, 256, (60, 16)).astype(np.uint8)
        labels = bytes(i % 2 for i in range(60))
        folder(
            tmp_path, x=idx((60, 4, 4), images.tobytes()), y=idx((60,), labels),
            x_test=idx((20, 4, 4), images[:20].tobytes()), y_test=idx((20,), labels[:20]),
        )  # fmt: skip
        outcome = nncli("train", tmp_path, "--val", "0", "--epochs", "1", "-o", "m.npz")
        assert warnings(outcome) == [f"20 of 20 test rows have the same values as a training row: the test {BETTER}"]

    def test_a_large_training_set_is_known_by_a_sample(self, nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(repeated_rows, "SAMPLE_ROWS", 60)
        rows = [f"{i * 37 % 9973},{'abcdefg'[i % 7]},{'pq'[i % 2]}" for i in range(3000)]
        write("d.csv", rows[:2000])
        write("e.csv", rows[1000:3000])
        assert nncli("train", "d.csv", "--epochs", "1", "--val", "0", "--test", "0", "-q", "-o", "m.npz").code == 0
        [line] = warnings(nncli("eval", "m.npz", "e.csv", "-q"))
        assert line.startswith("warning: about ")
        # half of 2,000; the sample has about 60 rows of them to tell by: within four standard deviations
        assert abs(int(line.split()[2].replace(",", "")) - 1000) < 4 * 2000 * np.sqrt(0.25 / 60)


class TestDedupe:
    def test_the_first_of_the_same_rows_is_used(self, nncli: Run) -> None:
        rows = rows_of()
        write("d.csv", rows)
        write("twice.csv", [*rows, *rows[:70], rows[0], rows[1].replace(",b,", ",a,")])
        plain = nncli("train", "d.csv", "--epochs", "3", "--json", "-q").json
        outcome = nncli("train", "twice.csv", "--dedupe", "--epochs", "3", "--json")
        assert sum(outcome.json[f"n_{part}"] for part in ("train", "val", "test")) == 201
        assert "--dedupe: left out 71 rows with the same values and class as a row that is kept" in outcome.err
        again = nncli("train", "d.csv", "d.csv", "--dedupe", "--epochs", "3", "--json", "-q").json
        same = ("n_train", "n_val", "n_test", "train", "val", "test")
        assert [again[name] for name in same] == [plain[name] for name in same]
        assert nncli("eval", "model.npz", "-q", "--json").json["n"] == plain["n_test"]

    def test_a_row_of_the_test_file_does_not_train(self, nncli: Run) -> None:
        rows = rows_of()
        write("d.csv", rows)
        write("t.csv", rows[:50], "\r\n")
        outcome = nncli("train", "d.csv", "--test-data", "t.csv", "--dedupe", "--epochs", "1", "--json")
        assert warnings(outcome) == []
        assert (outcome.json["n_train"] + outcome.json["n_val"], outcome.json["n_test"]) == (150, 50)

    def test_a_row_that_is_in_the_test_file_several_times_is_judged_once(self, nncli: Run) -> None:
        rows = rows_of()
        write("d.csv", rows[:150])
        write("t.csv", rows[150:])
        plain = nncli("train", "d.csv", "--test-data", "t.csv", "--epochs", "2", "--json", "-q", "-o", "p.npz").json
        write("t.csv", [*rows[150:], *rows[160:180]])
        outcome = nncli("train", "d.csv", "--test-data", "t.csv", "--dedupe", "--epochs", "2", "--json")
        assert "--dedupe: left out 20 test rows that repeat another" in outcome.err
        assert (outcome.json["n_test"], outcome.json["test"]) == (50, plain["test"])
        judged = nncli("eval", "model.npz", "-q", "--json").json
        assert (judged["n"], judged["accuracy"]) == (50, plain["test"]["accuracy"])

    def test_a_row_of_the_test_file_with_another_class_is_told_apart(self, nncli: Run) -> None:
        rows = rows_of()
        write("d.csv", rows)
        write("t.csv", [row[:-1] + ("p" if row[-1] == "q" else "q") for row in rows[:30]])
        outcome = nncli("train", "d.csv", "--test-data", "t.csv", "--dedupe", "--epochs", "1", "--json")
        told = "left out 30 rows with the same values as a row of another file, whatever its class"
        assert f"--dedupe: {told}" in outcome.err

    def test_a_row_of_the_test_file_does_not_validate(self, nncli: Run) -> None:
        """150 rows of their own train, 60 others validate, of which 20 are among the 50 that test."""
        rows = rows_of(240)
        write("d.csv", rows[:150])
        write("v.csv", rows[150:210])
        write("t.csv", rows[190:240], "\r\n")
        files = ("d.csv", "--val-data", "v.csv", "--test-data", "t.csv", "--epochs", "1", "--json")
        [line] = warnings(nncli("train", *files))
        assert line.startswith("warning: 20 of 50 rows of --test-data have the same values as a validation row")
        outcome = nncli("train", *files, "--dedupe")
        assert warnings(outcome) == []
        assert "--dedupe: left out 20 rows of --val-data that the test rows have too" in outcome.err
        assert [outcome.json[f"n_{part}"] for part in ("train", "val", "test")] == [150, 40, 50]
        assert nncli("eval", "model.npz", "-q", "--json").json["n"] == 50
        files = ("d.csv", "--val-data", "t.csv", "--test-data", "t.csv", "--dedupe")
        outcome = nncli("train", *files)
        assert outcome.code == 2
        assert "--dedupe: no row of --val-data is left: all are among the test rows too" in outcome.err

    def test_nothing_left_is_an_error(self, nncli: Run) -> None:
        write("d.csv", rows_of())
        outcome = nncli("train", "d.csv", "--test-data", "d.csv", "--dedupe")
        assert (outcome.code, outcome.err) == (
            2, "--dedupe: no row is left: all are in the other files too. Leave the option out.\n",
        )  # fmt: skip


class TestWhatIsAdvised:
    def test_the_own_test_rows_are_named_where_there_are_some(self, nncli: Run) -> None:
        write("d.csv", rows_of())
        advice = ". Evaluate on its own test rows: nncli eval 'my model.npz'"
        train = ("train", "d.csv", "--epochs", "1", "-q", "-o", "my model.npz")
        assert nncli(*train).code == 0
        warning = nncli("eval", "my model.npz", "d.csv").err.splitlines()[0]
        assert warning.startswith("warning: 140 of the 200 rows have")
        assert warning.endswith(advice)
        assert nncli("eval", "my model.npz").code == 0
        assert nncli(*train, "--test", "0").code == 0
        assert "nncli eval" not in nncli("eval", "my model.npz", "d.csv").err
        write("t.csv", rows_of(20))
        assert nncli(*train, "--test-data", "t.csv").code == 0
        Path("t.csv").unlink()
        assert "nncli eval" not in nncli("eval", "my model.npz", "d.csv").err


class TestClassesWithoutRows:
    @pytest.mark.parametrize("option", ["--val-data", "--test-data"])
    def test_they_are_told(self, nncli: Run, option: str) -> None:
        write("d.csv", rows_of())
        write("p.csv", [f"{2000 + i},a,p" for i in range(20)])
        outcome = nncli("train", "d.csv", option, "p.csv", "--epochs", "1", "-q", "--json")
        assert outcome.code == 0
        said = f"class 'q': there is no row of it in {option}, so that their figures say nothing about it"
        assert f"warning: {said}\n" in outcome.err
        assert said in outcome.json["warnings"]
        write("both.csv", [f"{2000 + i},a,{'pq'[i % 2]}" for i in range(20)])
        assert "no row of it" not in nncli("train", "d.csv", option, "both.csv", "--epochs", "1", "-q", "--json").err

    def test_nothing_is_calibrated_on_them(self, nncli: Run) -> None:
        write("d.csv", rows_of())
        write("p.csv", [f"{2000 + i},a,p" for i in range(20)])
        outcome = nncli("train", "d.csv", "--val-data", "p.csv", "--calibrate")
        assert (outcome.code, outcome.err) == (
            2, "--calibrate: class 'q': there is no row in --val-data to calibrate the probability on. Add rows there, "
            "or leave the option out.\n",
        )  # fmt: skip
        assert nncli("train", "d.csv", "--test-data", "p.csv", "--calibrate", "--epochs", "1").code == 0


class TestColumnsThatMislead:
    def test_train_names_a_column_that_gives_the_class_away(self, nncli: Run) -> None:
        order = [i * 77 % 200 for i in range(200)]
        write("d.csv", [f"{i * 37 % 97},{2 * i + (i >= 100) * 50},{'pq'[i >= 100]}" for i in order], header="x,i,label")
        line = (
            "column 'i' alone predicts 100.0 % of each class, on average: will you know it when you predict? "
            "If not, leave it out with --drop i"
        )
        assert line in nncli("train", "d.csv", "--epochs", "1").err
        assert line in nncli("check", "d.csv").out
        write("d.csv", [f"{i * 37 % 97},{i % 2},{'pq'[i % 2]}" for i in range(200)], header="x,i,label")
        write("e.csv", [f"{i * 37 % 97},{i % 2},{'pq'[i % 2]}" for i in range(200, 300)], header="x,i,label")
        assert line in nncli("train", "d.csv", "--val-data", "e.csv", "--test-data", "e.csv", "--epochs", "1").err
        write("d.csv", [f"{i * 37 % 97},{2 * i},{'pq'[i * 7 % 5 > 2]}" for i in range(200)], header="x,i,label")
        assert "alone predicts" not in nncli("train", "d.csv", "--epochs", "1").err

    def test_a_handful_of_rows_does_not_show_that_a_column_gives_the_class_away(self, nncli: Run) -> None:
        write("d.csv", ["0,0,no", "0,1,no", "1,0,no", "1,1,yes"], header="x,i,label")  # the logical and
        assert "alone predicts" not in nncli("train", "d.csv", "--val", "0", "--test", "0", "--epochs", "1").err
        write("d.csv", [f"{i % 7},{i},{'pq'[i >= 100]}" for i in range(200)], header="x,i,label")
        write("e.csv", [f"{i % 7},{i},p" for i in range(40)], header="x,i,label")  # of one class alone
        both = ("--val-data", "e.csv", "--test-data", "e.csv")
        assert "alone predicts" not in nncli("train", "d.csv", *both, "--epochs", "1").err

    @pytest.mark.parametrize("command", ["train", "check"])
    @pytest.mark.parametrize("once", [60, 40, 30, 28, 0])
    def test_texts_of_which_most_are_in_one_row_only_are_told(self, nncli: Run, command: str, once: int) -> None:
        """The others come twice: with 40 that come once, 50 of 60 texts are different."""
        more = ["--epochs", "1"] * (command == "train")
        texts = [f"note {i}" if i < once else f"word {(i - once) // 2}" for i in range(60)]
        write("d.csv", [f"{text},{'pq'[i % 2]}" for i, text in enumerate(texts)], header="t,label")
        outcome = nncli(command, "d.csv", *more)
        told = f"column 't': {once} of 60 cells have a text that no other row has, and most new rows will have yet "
        advice = "--drop t leaves the column out, --text t learns from words and letters"
        line = f"{told}other texts: they say little ({advice})"
        assert (line in map(str.strip, (outcome.err + outcome.out).splitlines())) == (once >= 30)


@pytest.mark.parametrize("folds", ["", "--folds 3", "--folds 2x2"])
def test_no_trial_and_no_fold_sees_a_row_of_the_test_file(folds: str, nncli: Run) -> None:
    """Of 120 different rows 30 are in the test file, which leaves 90 to draw folds of, and of these about 15 % to
    validate on. What a sweep of one configuration saves is the model that `train` makes."""
    rng = np.random.default_rng(0)
    rows = [f"{a:.4f},{b:.4f},{'up' if a > 0 else 'down'}\n" for a, b in rng.normal(size=(120, 2))]
    Path("d.csv").write_text("a,b,y\n" + "".join(rows + rows[:5]))
    Path("t.csv").write_text("a,b,y\n" + "".join(rows[50:80]))
    how = ["d.csv", "--dedupe", "--test-data", "t.csv", "--epochs", 30, "-q", *folds.split()]
    trained = nncli("train", *how, "--json").json
    assert (trained["n_train"] + trained["n_val"], trained["n_test"]) == (90, 30)
    if folds:
        assert trained["folds"]["n"] == 90
    swept = nncli("sweep", *how, "--lr", "0.005", "--jobs", 1, "-o", "s.npz", "--json").json["winner"]
    sizes = [json.loads(line)["n_val"] for line in Path("s.sweep.jsonl").read_text().splitlines()[1:]]
    if folds:
        assert sum(sizes) == 90 * int(folds.partition("x")[2] or 1)
    else:
        assert sizes == [trained["n_val"]]
        assert [swept[part]["loss"] for part in ("train", "test")] == pytest.approx(
            [trained[part]["loss"] for part in ("train", "test")], rel=1e-4
        )
