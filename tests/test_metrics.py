from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as reference

from nncli.inference.evaluate import Evaluation
from nncli.inference.metrics import all_metrics, check_metrics, pooled
from nncli.metrics import rows as judged_rows
from nncli.metrics.definitions import METRICS
from nncli.metrics.rows import ScoredRows
from nncli.terminal.evaluation import print_evaluation
from peak_memory import PEAK
from short_and_long import some_short

Array = np.ndarray[Any, Any]


def of_probabilities(P: Array, y: Array) -> ScoredRows:
    """Rows with probabilities P; those of 0 are as small as can be written."""
    return ScoredRows(y, P.argmax(axis=1), P.shape[1], np.log(np.maximum(P, 1e-300)), probabilistic=True)


def of_scores(scores: Array, y: Array) -> ScoredRows:
    return ScoredRows(y, scores.argmax(axis=1), scores.shape[1], scores, probabilistic=False)


def names(K: int) -> list[str]:
    return [f"c{k}" for k in range(K)]


def value(spec: str, rows: ScoredRows) -> float:
    return METRICS.create(spec).value(rows)


def a_case(seed: int) -> tuple[ScoredRows, Array, Array]:
    """Rows of two to eight classes, some of them absent, with logits that are tied, saturated or neither; the same
    logits of all classes, and the log-odds of each class, in the widest floats there are."""
    rng = np.random.default_rng(seed)
    K, n = int(rng.choice([2, 2, 3, 5, 8])), int(rng.integers(1, 60))
    y = rng.integers(K if rng.random() < 0.7 else max(1, K - 1), size=n)
    tied = rng.random() < 0.4
    Z = rng.normal(size=(n, K)) * (2 if tied else rng.choice([0.1, 1, 10, 100, 1000]))
    Z = (np.round(Z) if tied else Z).astype(np.float32)
    is_single = K == 2 and rng.random() < 0.5
    Z[:, 0] *= not is_single
    predicted = (Z[:, 1] >= Z[:, 0]).astype(np.int64) if K == 2 else Z.argmax(axis=1)
    wide = Z.astype(np.longdouble)
    others = [np.logaddexp.reduce(np.sort(np.delete(wide, k, axis=1), axis=1), axis=1) for k in range(K)]
    odds = (wide - np.stack(others, axis=1)).astype(np.float64)
    rows = ScoredRows(y, predicted, K, Z[:, 1:] if is_single else Z, probabilistic=True)
    return rows, Z, np.round(odds, 9) if tied else odds


@pytest.mark.filterwarnings("ignore")  # of scikit-learn, for classes that are absent
@pytest.mark.parametrize("seed", some_short(range(150), 15))
def test_each_metric_is_that_of_scikit_learn(seed: int) -> None:
    """Macro averages are those over the classes that have rows, its `labels=`."""
    rows, Z, odds = a_case(seed)
    y, predicted, K = rows.y, rows.predicted, rows.K
    log_p = -np.logaddexp(0, -odds)
    P = np.exp(log_p) / np.exp(log_p).sum(axis=1, keepdims=True)
    squares = ((P - np.eye(K)[y]) ** 2).sum(axis=1).mean()
    expected = {
        "accuracy": reference.accuracy_score(y, predicted),
        "balanced-accuracy": reference.balanced_accuracy_score(y, predicted),
        "log-loss": -log_p[np.arange(len(y)), y].mean(),  # that of scikit-learn is clipped
        "brier": reference.brier_score_loss(y, P[:, 1], pos_label=1) if K == 2 else squares,
        "mcc": reference.matthews_corrcoef(y, predicted),
        "kappa": np.nan_to_num(reference.cohen_kappa_score(y, predicted)),
    }
    averages: list[tuple[str, dict[str, Any]]] = [
        (f":average={one}", {"average": one, "labels": rows.present}) for one in ("macro", "weighted")
    ]
    for setting, how in averages if K > 2 or 1 not in y else [*averages, ("", {}), (":average=positive", {})]:
        how["zero_division"] = 0
        expected["precision" + setting] = reference.precision_score(y, predicted, **how)
        expected["recall" + setting] = reference.recall_score(y, predicted, **how)
        expected["f1" + setting] = reference.f1_score(y, predicted, **how)
        expected["f-beta" + setting] = reference.fbeta_score(y, predicted, beta=2, **how)
        expected["f-beta:beta=0.5" + setting] = reference.fbeta_score(y, predicted, beta=0.5, **how)
    if len(rows.present) == K:
        of = [1] if K == 2 else range(K)
        expected["roc-auc"] = np.mean([reference.roc_auc_score(y == k, odds[:, k]) for k in of])
        expected["average-precision"] = np.mean([reference.average_precision_score(y == k, odds[:, k]) for k in of])
    for k in (1, 2, 3) if K > 3 else ():
        # of equal scores, scikit-learn takes the last class, and a model predicts the first
        expected[f"top-k:k={k}"] = reference.top_k_accuracy_score(K - 1 - y, Z[:, ::-1], k=k, labels=range(K))
    for spec, right in expected.items():
        assert value(spec, rows) == pytest.approx(right, rel=1e-9, abs=1e-12), spec


@pytest.mark.parametrize(
    ("logits", "loss"),
    [
        ([0, -50, -51], 2.6382973e-22),  # e^-50 + e^-51, beside which 1 is too much for log(1 + x)
        ([0, -800, -900], 0),  # e^-800 is no float
        ([0, 2, 2], 2.7586237),  # log(1 + 2 e²)
        ([0, 5000, 4999], 5000.3132617),  # 5000 + log(1 + e^-1)
        ([-50], 1.9287498e-22),
        ([5000], 5000),
    ],
    ids=str,
)
def test_the_log_loss_of_a_row_is_exact_however_sure_a_model_is(logits: list[float], loss: float) -> None:
    Z, y = np.array([logits], np.float32), np.zeros(1, np.int64)
    assert value("log-loss", ScoredRows(y, y, max(2, len(logits)), Z, True)) == pytest.approx(loss, rel=1e-7, abs=0)


@pytest.mark.filterwarnings("ignore")  # of scikit-learn, for classes that are absent
@pytest.mark.parametrize("seed", some_short(range(120), 24))
def test_rows_that_count_several_times_are_those_of_scikit_learn(seed: int) -> None:
    """With `sample_weight`, also of 0 and of fractions: what resampling is made of."""
    rows, _, odds = a_case(seed)
    y, predicted, K = rows.y, rows.predicted, rows.K
    rng = np.random.default_rng(seed)
    weights = rng.integers(0, 4, len(y)) * (1.0 if seed % 2 else 0.37)
    if len(np.unique(y[weights > 0])) < K:
        weights = np.ones(len(y))
    how = {"sample_weight": weights}
    P = np.exp(-np.logaddexp(0, -odds))
    P /= P.sum(axis=1, keepdims=True)
    expected = {
        "accuracy": reference.accuracy_score(y, predicted, **how),
        "balanced-accuracy": reference.balanced_accuracy_score(y, predicted, **how),
        "mcc": reference.matthews_corrcoef(y, predicted, **how),
        "kappa": np.nan_to_num(reference.cohen_kappa_score(y, predicted, **how)),
        "brier": np.average(((P - np.eye(K)[y]) ** 2).sum(axis=1) / (2 if K == 2 else 1), weights=weights),
    }
    for average in ("macro", "weighted"):
        of = {"average": average, "labels": rows.present, "zero_division": 0, **how}
        expected[f"precision:average={average}"] = reference.precision_score(y, predicted, **of)
        expected[f"recall:average={average}"] = reference.recall_score(y, predicted, **of)
        expected[f"f1:average={average}"] = reference.f1_score(y, predicted, **of)
    if len(rows.present) == K:
        classes = [1] if K == 2 else range(K)
        auc = [reference.roc_auc_score(y == k, odds[:, k], **how) for k in classes]
        expected["roc-auc"] = np.mean(auc)
        precision = [reference.average_precision_score(y == k, odds[:, k], **how) for k in classes]
        expected["average-precision"] = np.mean(precision)
    for spec, right in expected.items():
        metric = METRICS.create(spec)
        found = metric.values(metric.evidence(rows), y, weights[None])[0]
        assert found == pytest.approx(right, rel=1e-9, abs=1e-12), spec


def test_saturated_probabilities_keep_their_order_and_their_loss() -> None:
    """Log-odds of 50 and 60, which float32 rounds to a probability of 1, and of 800, which float64 does."""
    z, y = np.array([[50], [60], [800], [850]], np.float32), np.array([0, 1, 0, 1])
    for logits in (z, np.hstack([0 * z, z])):
        rows = ScoredRows(y, np.ones(4, np.int64), 2, logits, probabilistic=True)
        assert value("roc-auc", rows) == 0.75  # 60 > 50, 850 > 50, 850 > 800, but 60 < 800
        assert value("log-loss", rows) == pytest.approx((50 + 800) / 4)


def test_calibration_error_by_hand() -> None:
    """Confidences 0.9, 0.9 (one right) and 0.6 (right): (2/3)·|0.5 − 0.9| + (1/3)·|1 − 0.6| = 0.4"""
    P = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6]])
    assert value("ece", of_probabilities(P, np.array([0, 1, 1]))) == pytest.approx(0.4)


def test_a_sure_and_right_model_is_calibrated() -> None:
    assert value("ece", of_probabilities(np.eye(3), np.arange(3))) == 0


@pytest.mark.parametrize("K", [2, 4, 31])
def test_the_rest_against_scikit_learn(K: int) -> None:
    rng = np.random.default_rng(K)
    P = rng.dirichlet(np.ones(K), 200)
    y = rng.integers(K, size=200)
    predicted = P.argmax(axis=1)
    found = all_metrics(of_probabilities(P, y), names(K))
    assert found["accuracy"] == reference.accuracy_score(y, predicted)
    assert found["log_loss"] == pytest.approx(reference.log_loss(y, P))
    assert found["balanced_accuracy"] == pytest.approx(reference.balanced_accuracy_score(y, predicted))
    assert found["f1_macro"] == pytest.approx(reference.f1_score(y, predicted, average="macro"))
    assert found["f1_weighted"] == pytest.approx(reference.f1_score(y, predicted, average="weighted"))
    of_k = P[:, 1] if K == 2 else P
    assert found["roc_auc"] == pytest.approx(reference.roc_auc_score(y, of_k, multi_class="ovr", average="macro"))
    assert sum(map(sum, found["confusion_matrix"])) == found["n"] == 200
    by_class = reference.precision_recall_fscore_support(y, predicted, zero_division=0)
    for name, values in zip(("precision", "recall", "f1", "n"), by_class, strict=True):
        assert [row[name] for row in found["per_class"].values()] == pytest.approx(values.tolist(), rel=1e-12)
    assert found["confusion_matrix"] == reference.confusion_matrix(y, predicted).tolist()
    all_of_registry, more = {spec.split(":")[0] for spec in found["metrics"]}, found["metrics"]
    of_two_alone, of_others = {"top-k"} if K == 2 else set(), {"loss", "cost"}  # asked for, or with costs
    of_numbers = {name for name in METRICS if METRICS[name].needs == "numbers"}
    assert all_of_registry == {*METRICS} - of_two_alone - of_others - of_numbers
    average = "binary" if K == 2 else "macro"
    for beta in (0.5, 2):
        spec = f"f-beta:beta={beta}" + ("" if K == 2 else ":average=macro")
        expected = reference.fbeta_score(y, predicted, beta=beta, average=average, zero_division=0)
        assert more[spec]["value"] == pytest.approx(expected)
    if K > 2:
        k = 5 if K == 31 else 2
        assert more[f"top-k:k={k}"]["value"] == pytest.approx(reference.top_k_accuracy_score(y, P, k=k))


@pytest.mark.parametrize("cells", some_short([700, 1, 1 << 21], 1))
def test_scores_are_ranked_by_their_lead_over_the_others(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where many scores are the same, and where few rows are taken at a time."""
    monkeypatch.setattr(judged_rows, "CELLS_AT_ONCE", cells)
    rng = np.random.default_rng(1)
    K, n = 17, 300
    y = np.concatenate([np.arange(K), rng.integers(K, size=n - K)])
    for scores in (rng.normal(size=(n, K)), rng.integers(4, size=(n, K)), np.zeros((n, K))):
        others = [[max(row[:k].tolist() + row[k + 1 :].tolist()) for k in range(K)] for row in scores]
        leads = scores - np.array(others)
        expected = [reference.roc_auc_score(y == k, leads[:, k]) for k in range(K)]
        assert all_metrics(of_scores(scores, y), names(K))["roc_auc"] == pytest.approx(np.mean(expected), rel=1e-9)


def judged(y: np.ndarray[Any, Any], predicted: np.ndarray[Any, Any], K: int) -> dict[str, Any]:
    return all_metrics(of_probabilities(np.eye(K)[predicted], y), names(K))


def test_the_confusion_matrix_has_its_zeros_for_up_to_200_classes() -> None:
    """Class 0 is right twice and taken for the last once; the last is never right."""
    for K in (2, 200, 201):
        found = judged(np.array([0, 0, 0, K - 1]), np.array([0, K - 1, 0, 0]), K)
        assert found["confusion_counts"] == [[0, 0, 2], [0, K - 1, 1], [K - 1, 0, 1]]
        assert found["confusion_matrix_omitted"] == (K > 200)
        if K > 200:
            assert found["confusion_matrix"] is None
        else:
            matrix = np.array(found["confusion_matrix"])
            assert (matrix.shape, matrix.sum()) == ((K, K), 4)
            assert (matrix[0, 0], matrix[0, K - 1], matrix[K - 1, 0]) == (2, 1, 1)


@pytest.mark.parametrize("K", [3, 300])
def test_the_metrics_of_several_files_are_those_of_all_their_rows(K: int) -> None:
    rng = np.random.default_rng(2)
    y = rng.integers(K, size=500)
    predicted = np.where(rng.random(500) < 0.7, y, rng.integers(K, size=500))
    parts = [judged(y[some], predicted[some], K) for some in (slice(0, 9), slice(9, 10), slice(10, 500))]
    whole = judged(y, predicted, K)
    for name, value in pooled(parts).items():
        assert value == pytest.approx(whole[name], rel=1e-12), name


@pytest.mark.long
def test_metrics_of_many_classes_take_little_more_memory_than_the_probabilities() -> None:
    """A matrix of 4,000 × 4,000 counts would take 128 MB, and as lists as much again."""
    code = f"""if True:
        import numpy as np
        from nncli.inference.metrics import all_metrics
        from nncli.metrics.rows import ScoredRows
        rng = np.random.default_rng(0)
        P, y, classes = rng.random((4000, 4000), np.float32), rng.permutation(4000), list(map(str, range(4000)))
        predicted = P.argmax(axis=1)
        before = {PEAK}
        found = all_metrics(ScoredRows(y, predicted, 4000, P, probabilistic=True), classes)
        assert abs(found["roc_auc"] - 0.5) < 0.05
        print({PEAK} - before)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 60_000  # KiB


def test_a_class_without_rows_has_no_figures() -> None:
    """Of three classes two have rows: their recalls are 1/2, their F1 1/2 and 2/3, and the third does not count,
    although a row is taken for it."""
    P = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1], [0.2, 0.2, 0.6]])
    found = all_metrics(of_probabilities(P, np.array([0, 1, 1, 0])), ["a", "b", "c"])
    assert found["per_class"]["c"] == {"precision": None, "recall": None, "f1": None, "n": 0}
    assert found["balanced_accuracy"] == 0.5
    assert found["f1_macro"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert found["roc_auc"] is None
    assert found["metrics"]["average-precision"] == {"value": None, "interval": None, "method": None}
    check_metrics(found, ["a", "b", "c"])


def test_a_positive_class_without_rows_has_no_figures() -> None:
    found = all_metrics(of_probabilities(np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([0, 0])), ["a", "b"])["metrics"]
    assert [found[name]["value"] for name in ("precision", "recall", "f1", "roc-auc")] == [None] * 4
    assert found["f1:average=macro"]["value"] == pytest.approx(2 / 3)  # of class a: precision 1, recall 1/2


def test_rows_of_the_confusion_matrix_are_the_true_classes() -> None:
    """Two rows of class a, both taken for b, and one of b taken for b."""
    P = np.array([[0.1, 0.9], [0.2, 0.8], [0.3, 0.7]])
    found = all_metrics(of_probabilities(P, np.array([0, 0, 1])), ["a", "b"])
    assert found["confusion_matrix"] == [[0, 2], [0, 1]]
    assert found["per_class"]["b"] == {"precision": 1 / 3, "recall": 1, "f1": 0.5, "n": 1}


def test_scores_have_no_log_loss_but_an_area_under_the_curve() -> None:
    """Of the scores −3, 2, 1, 4 with truth 0, 0, 1, 1, three of the four pairs are in order: AUC 0.75."""
    z = np.array([[-3.0], [2.0], [1.0], [4.0]])
    rows = ScoredRows(np.array([0, 0, 1, 1]), (z[:, 0] >= 0) * 1, 2, z, probabilistic=False)
    found = all_metrics(rows, ["a", "b"])
    assert (found["log_loss"], found["ece"], found["roc_auc"], found["accuracy"]) == (None, None, 0.75, 0.75)


def test_a_figure_of_one_class_needs_a_positive_class() -> None:
    found = METRICS.create("f-beta").problem(of_probabilities(np.eye(3), np.arange(3)))
    assert found is not None
    assert found[0] == "of 3 classes none is the positive one"
    for remedy in ("f-beta:average=macro", "f-beta:average=weighted"):
        assert remedy in found[1]
        assert METRICS.create(remedy).problem(of_probabilities(np.eye(3), np.arange(3))) is None


def test_the_baseline_is_the_best_answer_that_is_the_same_for_all_rows() -> None:
    """Of 3 and 1 rows, that is 3/4 right; with costs of 1 and 9, the class that costs 3 in all and not 9."""
    rows = of_probabilities(np.array([[0.9, 0.1], [0.4, 0.6], [0.8, 0.2], [0.3, 0.7]]), np.array([0, 0, 0, 1]))
    rows = dataclasses.replace(rows, costs=np.array([[0.0, 1.0], [9.0, 0.0]]))
    assert all_metrics(rows, ["a", "b"])["baseline"] == {"accuracy": 0.75, "cost": 0.75}


def test_a_class_without_rows_has_no_figures_in_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    P = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1], [0.2, 0.2, 0.6]])
    found = all_metrics(of_probabilities(P, np.array([0, 1, 1, 0])), ["a", "b", "c"])
    print_evaluation(Evaluation(found, "four rows", []))
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("c  "))
    assert line.split() == ["c", "0", "·", "·", "·"]
