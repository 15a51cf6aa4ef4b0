"""What `nncli report` finds: each fault is planted once, and is not found where it is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from scipy.stats import chi2_contingency, ks_2samp

from nncli.data.dataset import TextColumn
from nncli.model.training_state import epochs_of
from nncli.report import findings_of_fit, findings_of_rows
from nncli.report.document import FAULTS as FAULTS_SAID
from nncli.report.evidence import Evidence
from nncli.report.findings_of_columns import ks, of_texts
from reports import finding, report, two_classes, write_rows
from short_and_long import some_short

Run = Callable[..., Any]
Columns = dict[str, Any]
NO_YES = np.array(["no", "yes"])

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def found(nncli: Run, name: str, columns: Columns, *options: object, new: Columns | None = None) -> dict[str, str]:
    """Train on these columns, and return one of the findings on its test rows, or on new rows."""
    write_rows("d.csv", columns)
    outcome = nncli("train", "d.csv", "-q", "--seed", 1, *(options or ("--epochs", 20)))
    assert outcome.code == 0, outcome.err
    if new is not None:
        write_rows("new.csv", new)
    return finding(report(nncli, "model.npz", *(["new.csv"] if new is not None else [])), name)


def noise(n: int, columns: int, seed: int = 0) -> Columns:
    rng = np.random.default_rng(seed)
    names = [f"x{i}" for i in range(columns)]
    return dict(zip(names, rng.normal(size=(columns, n)), strict=True)) | {"class": NO_YES[rng.integers(2, size=n)]}


def rare(n: int) -> Columns:
    """Return rows of which 3 % are of one class."""
    rng = np.random.default_rng(0)
    y = (np.arange(n) % 33 == 0).astype(int)
    return {"a": rng.normal(size=n) + 2 * y, "class": NO_YES[y]}


def circle(n: int) -> Columns:
    """Return rows that no straight line separates."""
    X = np.random.default_rng(0).normal(size=(n, 2))
    return {"a": X[:, 0], "b": X[:, 1], "class": NO_YES[((X**2).sum(axis=1) > 1.4).astype(int)]}


def giving_away(n: int) -> Columns:
    columns = two_classes(n)
    return {"outcome": (columns["class"] == "yes") * 3 + 1, **columns}


def grouped(n: int) -> Columns:
    """Return rows of patients whose columns and class are their own, many rows of each."""
    rng = np.random.default_rng(0)
    patient = np.arange(n) % 40
    own, y = rng.normal(size=(40, 2)), rng.integers(2, size=40)
    X = own[patient] + 0.01 * rng.normal(size=(n, 2))
    return {"patient": patient, "a": X[:, 0], "b": X[:, 1], "class": NO_YES[y[patient]]}


def without_names(nncli: Run) -> dict[str, str]:
    write_rows("d.csv", two_classes(200))
    Path("d.csv").write_text(Path("d.csv").read_text().partition("\n")[2])
    assert nncli("train", "d.csv", "--target", -1, "--epochs", 2, "-q").code == 0
    return finding(report(nncli, "model.npz"), "Names of the columns")


def drifted(n: int) -> Columns:
    columns = two_classes(n, seed=1)
    return columns | {"a": columns["a"] + 1.5}


def uneven(n: int) -> Columns:
    """Return rows of two towns, in one of which the columns say nothing."""
    columns, rng = two_classes(n, apart=2.0), np.random.default_rng(3)
    north = rng.integers(4, size=n) == 0
    shuffled = np.where(north, NO_YES[rng.integers(2, size=n)], columns["class"])
    return {"a": columns["a"], "b": columns["b"], "town": np.where(north, "north", "south"), "class": shuffled}


FAULTS: dict[str, Callable[[Run], dict[str, str]]] = {
    "Better than always one answer": lambda run: found(run, "Better than always one answer", noise(600, 4)),
    "A simple reference": lambda run: found(
        run, "A simple reference", two_classes(2000, apart=1.5), "--epochs", 1, "--lr", 1e-6
    ),
    "Rows to judge by": lambda run: found(run, "Rows to judge by", two_classes(150)),
    "Groups to judge by": lambda run: found(
        run, "Groups to judge by", grouped(400), "--group", "patient", "--epochs", 3
    ),
    "Rows it has seen before": lambda run: found(
        run, "Rows it has seen before", two_classes(300), new=two_classes(300)
    ),
    "Rows that belong together": lambda run: found(run, "Rows that belong together", grouped(600)),
    "A column that gives the class away": lambda run: found(
        run, "A column that gives the class away", giving_away(500)
    ),
    "The same kind of rows as in training": lambda run: found(
        run, "The same kind of rows as in training", two_classes(1000), new=drifted(500)
    ),
    "Overfitting": lambda run: found(run, "Overfitting", noise(400, 60), "--epochs", 200, "--patience", 200),
    "Underfitting": lambda run: found(run, "Underfitting", circle(4000), "--model", "softmax", "--epochs", 20),
    "Training to its end": lambda run: found(
        run, "Training to its end", two_classes(1000), "--epochs", 2, "--lr", 1e-4
    ),
    "Honest probabilities": lambda run: found(run, "Honest probabilities", noise(1500, 60), "--epochs", 60, "--val", 0),
    "Names of the columns": without_names,
    "Balance of the classes": lambda run: found(run, "Balance of the classes", rare(1500)),
    "Equally good for all": lambda run: found(run, "Equally good for all", uneven(3000)),
    "Columns that may do nothing": lambda run: found(
        run, "Columns that may do nothing", {"idle": np.random.default_rng(5).normal(size=2000), **two_classes(2000)}
    ),
}


@pytest.mark.parametrize("name", some_short(FAULTS, 8))
def test_a_fault_that_is_there_is_found_and_has_a_remedy(name: str, nncli: Run) -> None:
    its = FAULTS[name](nncli)
    assert its["state"] == "look", its
    assert its["evidence"].endswith(".")
    assert its["remedy"].endswith(".")


def test_all_findings_are_tested_above_and_pass_where_nothing_is_wrong(nncli: Run) -> None:
    write_rows("d.csv", two_classes(4000, apart=1.0))
    assert nncli("train", "d.csv", "--model", "softmax", "--epochs", 40, "--seed", 1, "-q").code == 0
    made = report(nncli, "model.npz")
    assert {one["name"] for one in made["findings"]} == FAULTS.keys()
    states = {one["name"]: one["state"] for one in made["findings"] if one["state"] != "passed"}
    # nobody named groups, and none are categories
    assert states == {"Groups to judge by": "unknown", "Equally good for all": "unknown"}
    assert finding(made, "A simple reference")["evidence"].endswith("The model is of that kind itself.")
    assert "nothing was found that speaks against it" in made["verdict"][2]


def test_a_penalty_that_lets_nothing_be_learned_is_named(nncli: Run) -> None:
    y = (np.arange(400) % 4 == 0).astype(int)
    columns = {"a": np.random.default_rng(0).normal(size=400) + 2 * y, "class": NO_YES[y]}
    its = found(nncli, "Underfitting", columns, "--model", "svm", "--l2", 100)
    assert "Most likely --l2 100 keeps its weights near to 0." in its["evidence"]
    assert its["remedy"] == "Make that penalty smaller."


def test_what_is_to_be_looked_at_comes_first_and_what_passed_last(nncli: Run) -> None:
    write_rows("d.csv", two_classes(120))
    assert nncli("train", "d.csv", "--model", "perceptron", "--epochs", 3, "-q").code == 0
    states = [one["state"] for one in report(nncli, "model.npz")["findings"]]
    assert states == sorted(states, key=["look", "undecided", "unknown", "passed"].index)
    assert set(states) == {"look", "undecided", "unknown", "passed"}


def test_a_model_that_is_no_better_than_one_answer_is_not_to_be_used(nncli: Run) -> None:
    write_rows("d.csv", noise(600, 4))
    assert nncli("train", "d.csv", "--epochs", 5, "-q").code == 0
    assert report(nncli, "model.npz")["verdict"][2].startswith("Do not use it")


def trained(
    done: int,
    best: int,
    planned: int,
    losses: list[float],
    model: str = "mlp",
    as_good: tuple[int, ...] = (),
    schedule: str = "constant",
    words: Any = None,
) -> Evidence:
    """Return a model of two classes that knows 61 % of its rows, after such a training run; always one answer knows
    60 %. The epochs `as_good` were the best before it, and as good."""
    history = np.full((done, 5), 0.6)
    history[:, 0], history[:, 2], history[:, 4] = losses, losses, 0
    history[[number - 1 for number in (*as_good, best)], 4] = 1
    figures = {"train": {"accuracy": 0.61}, "baseline_accuracy": 0.6, "refit": None, "folds": None}
    provenance = SimpleNamespace(
        best_epoch=best, history=history, figures=figures, epochs=lambda _: epochs_of(history, None)
    )
    training = SimpleNamespace(
        epochs=planned, lr=0.005, optimizer="adam", schedule=schedule, class_weight="none", l1=0, l2=0
    )
    widths = [64, 2] if model == "mlp" else [2]
    of = SimpleNamespace(
        config=SimpleNamespace(
            training=training, row_by_row=False, parts=(), model=SimpleNamespace(is_linear=model != "mlp")
        ),
        network=SimpleNamespace(dense=[SimpleNamespace(units=n) for n in widths]),
        preprocess=SimpleNamespace(words=words),
        decision=None,
        probabilistic=True,
        classes=("no", "yes"),
    )
    judged = SimpleNamespace(rows=SimpleNamespace(table=SimpleNamespace(numbers=np.zeros((1, 1)))))
    return Evidence(cast(Any, SimpleNamespace(model=of, provenance=provenance, judged=judged)))


SINKING, LEVEL = [0.7, 0.6, *(0.6 - 0.01 * i for i in range(30))], [0.7, *[0.6] * 31]


@pytest.mark.parametrize(
    ("done", "best", "planned", "losses", "model", "advised", "longer_helps"),
    [
        pytest.param(32, 2, 715, SINKING, "mlp", "learn more slowly, with --lr 0.0005", False, id="best-early"),
        pytest.param(32, 20, 32, LEVEL, "mlp", "more units in --hidden than 64", False, id="level"),
        pytest.param(32, 20, 32, LEVEL, "softmax", "--model mlp", False, id="level-linear"),
        pytest.param(32, 32, 32, SINKING, "mlp", "--epochs 64", True, id="best-at-the-end"),
    ],
)  # fmt: skip
def test_more_epochs_are_advised_by_all_findings_or_by_none(
    done: int, best: int, planned: int, losses: list[float], model: str, advised: str, longer_helps: bool
) -> None:
    evidence = trained(done, best, planned, losses, model)
    little, end = findings_of_fit.underfitting(evidence), findings_of_fit.stopped_early(evidence)
    assert little.state == "look"
    assert advised in little.remedy
    assert ("--epochs" in little.remedy) == longer_helps
    assert ("--epochs" in end.remedy) == longer_helps
    assert end.state == ("look" if longer_helps else "passed")
    assert ("would not help" in little.evidence) == (not longer_helps)


def test_longer_training_does_not_help_where_the_last_epoch_was_only_as_good_as_others() -> None:
    evidence = trained(32, 32, 32, LEVEL, as_good=(20, 31))
    assert "would not help" in findings_of_fit.underfitting(evidence).evidence
    assert findings_of_fit.stopped_early(evidence).state == "passed"


def reference(ours: float, theirs: float, p_value: float) -> Any:
    found = {
        "name": "linear", "part": "test", "accuracy": theirs, "difference": ours - theirs, "p_value": p_value,
        "metric": None,
    }  # fmt: skip
    subject = SimpleNamespace(model=trained(4, 2, 9, [0.5] * 4).model, source=())
    return SimpleNamespace(
        reference=(found, ""),
        figures={"positive": None, "refit": None, "folds": None},
        subject=subject,
        model=subject.model,
    )


@pytest.mark.parametrize(("ours", "theirs", "p", "state"), [(0.9, 0.8, 0.01, "passed"), (0.8, 0.9, 0.6, "undecided"),
                                                            (0.9, 0.8, 0.6, "undecided")])  # fmt: skip
def test_a_reference_that_chance_cannot_tell_apart_is_no_pass(ours: float, theirs: float, p: float, state: str) -> None:
    assert findings_of_fit.simple_reference(reference(ours, theirs, p)).state == state


def test_the_verdict_names_all_that_was_found_the_gravest_first(nncli: Run) -> None:
    """The outcome gives the class away, which is graver than that 45 rows are few."""
    write_rows("d.csv", giving_away(300))
    assert nncli("train", "d.csv", "--epochs", 5, "-q").code == 0
    made = report(nncli, "model.npz")
    to_look_at = [FAULTS_SAID.get(one["name"], one["name"]) for one in made["findings"] if one["state"] == "look"]
    assert to_look_at[0] == "A column that gives the class away"
    shown = [made["verdict"][2].find(f"'{title}'") for title in to_look_at if "do nothing" not in title]
    assert -1 not in shown
    assert shown == sorted(shown)


@pytest.mark.parametrize(("seen", "state"), [(0, "passed"), (8, "passed"), (60, "look")])
def test_a_few_rows_that_it_has_seen_make_no_headline(seen: int, state: str) -> None:
    """8 of 4,884 rows are less than 0.2 %, and change the accuracy by less than that."""
    evidence: Any = SimpleNamespace(n=4884, seen=(seen, 0, True))
    its = findings_of_rows.duplicates(evidence)
    assert its.state == state
    assert (f"{seen} of 4,884 rows ({100 * seen / 4884:.1f} %)" if seen else "None of 4,884 rows") in its.evidence


def test_the_verdict_says_how_many_of_the_rows_it_has_seen(nncli: Run) -> None:
    """Of the 300 rows, 210 are training rows."""
    write_rows("d.csv", two_classes(300))
    assert nncli("train", "d.csv", "--epochs", 2, "-q").code == 0
    assert report(nncli, "model.npz", "d.csv")["verdict"][0].startswith(
        "Of 100 rows, of which it has seen about 70 before, this model gets 'class' right for about "
    )


@pytest.mark.parametrize("shift", [0.0, 0.2, 1.0])
def test_numbers_are_compared_as_scipy_does(shift: float) -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=800), rng.normal(size=500).round(1) + shift
    expected = ks_2samp(one, other, method="asymp")
    D, p = ks(one, other)
    assert pytest.approx(expected.statistic) == D
    assert p == pytest.approx(expected.pvalue, rel=0.3, abs=1e-12)  # its asymptotic p-value is that of Smirnov, refined


@pytest.mark.parametrize("shift", [0.0, 0.05, 0.3])
def test_texts_are_compared_by_the_chi_squared_of_scipy(shift: float) -> None:
    rng = np.random.default_rng(1)
    p = np.array([0.5, 0.3, 0.2])
    q = p + np.array([-shift, 0.0, shift])
    one = TextColumn(rng.choice(3, size=900, p=p), ("a", "b", "c"))
    other = TextColumn(rng.choice(3, size=600, p=q)[::-1], ("a", "b", "c"))
    counts = np.stack([np.bincount(column.codes, minlength=3) for column in (one, other)])
    distance, p_value = of_texts(one, other)
    shares = counts / counts.sum(axis=1, keepdims=True)
    assert distance == pytest.approx(0.5 * np.abs(shares[0] - shares[1]).sum())
    assert p_value == pytest.approx(chi2_contingency(counts).pvalue, rel=0.1, abs=1e-6)


def test_categories_are_the_same_in_whatever_order_they_stand() -> None:
    one = TextColumn(np.array([0, 0, 1, -1] * 50), ("a", "b"))
    other = TextColumn(np.array([1, 1, 0, -1] * 50), ("b", "a"))
    assert of_texts(one, other) == (0.0, pytest.approx(1.0, abs=0.01))


@pytest.mark.long
def test_rows_of_one_kind_are_hardly_ever_said_to_have_changed() -> None:
    said = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        said += ks(rng.normal(size=300), rng.normal(size=300))[1] < 0.05
        codes = rng.integers(5, size=(2, 300))
        said += of_texts(*(TextColumn(part, tuple("abcde")) for part in codes))[1] < 0.05
    assert 20 <= said <= 60  # 40 of 800 are expected at 5 %


@pytest.mark.parametrize(
    ("losses", "schedule", "longer_helps"),
    [
        pytest.param(LEVEL, "constant", True, id="constant"),
        pytest.param(LEVEL, "cosine", False, id="cosine-level"),
        pytest.param(SINKING, "cosine", True, id="cosine-sinking"),
        pytest.param(LEVEL, "one-cycle", False, id="one-cycle-level"),
        pytest.param([0.7, *(0.01 - 0.0001 * i for i in range(31))], "cosine", False, id="cosine-next-to-0"),
    ],
)
def test_a_rate_that_sinks_to_nothing_makes_the_last_epoch_the_best_without_more_to_learn(
    losses: list[float], schedule: str, longer_helps: bool
) -> None:
    evidence = trained(32, 32, 32, losses, schedule=schedule)
    end, little = findings_of_fit.stopped_early(evidence), findings_of_fit.underfitting(evidence)
    assert end.state == ("look" if longer_helps else "passed")
    assert ("--epochs" in end.remedy) == ("--epochs" in little.remedy) == longer_helps


def test_no_penalty_is_advised_for_texts(nncli: Run) -> None:
    """An L2 penalty of 0.01 takes 71.6 % in place of 81.1 % of the reviews of products, and leaves spam undetected."""
    rng = np.random.default_rng(0)
    words = np.array([f"w{i}" for i in range(3000)])
    likely = np.where(np.arange(3000) % 50 == 0, 40.0, 1.0)
    shares = [likely / likely.sum(), np.roll(likely, 1) / likely.sum()]
    y = rng.integers(2, size=240)
    texts = [" ".join(words[rng.choice(3000, 8, p=shares[k])]) for k in y]
    columns = {"text": texts, "class": np.array(["no", "yes"])[y]}
    findings = found(nncli, "Overfitting", columns, "--text", "text", "--epochs", 5)
    assert findings["state"] == "undecided"
    assert "100.0 % of the rows that trained it" in findings["evidence"]
    assert "--l2" not in findings["evidence"] + findings["remedy"]
    reference = finding(report(nncli, "model.npz"), "A simple reference")
    assert "logistic regression" in reference["evidence"]
    assert "not tested" not in reference["evidence"]


def test_another_model_is_not_advised_where_the_straight_border_of_texts_tells_rows_apart() -> None:
    evidence = trained(32, 20, 32, LEVEL, "softmax", words=object())
    assert "mlp" not in findings_of_fit.underfitting(evidence).remedy
