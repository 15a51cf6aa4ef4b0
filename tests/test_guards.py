"""The guard of a model: what it counts, what it says, how seldom it is wrong, and how often it finds what there is."""

from __future__ import annotations

import json

import numpy as np
import pytest

from guarded import drawn, guard_of, report_on
from nncli.data.dataset import Table, TextColumn
from nncli.guards.guard import STATE_FORM, Guard
from nncli.guards.report import report_of
from nncli.system.plain_json import check_form
from short_and_long import short_and_long


def numbers(values: object, name: str = "x") -> Table:
    return Table((name,), np.asarray(values, np.float32)[:, None])


@pytest.mark.parametrize("draws", short_and_long(40, 400))
def test_rows_of_one_distribution_seldom_raise_an_alarm_and_a_shift_nearly_always(draws: int) -> None:
    """At most 5 % of the reports may have any warning, of 31 columns; with 40 draws 6 are more than chance gives in
    98 of 100 cases. A shift of half a standard deviation in one column is found in at least 95 %."""
    rng, alarms, found = np.random.default_rng(1), 0, 0
    for _ in range(draws):
        training = drawn(rng, 1000)
        alarms += bool(report_on(guard_of(training), drawn(rng, 500)).warnings)
        found += "x5" in report_on(guard_of(training), drawn(rng, 500, shift=0.5)).drifted
    assert alarms <= (0.05 * draws if draws >= 400 else 5)
    assert found >= 0.95 * draws


@pytest.mark.long
@pytest.mark.parametrize(("known", "new"), [(300, 2000), (20_000, 600), (500, 50), (2000, 1)])
def test_alarms_are_seldom_for_few_and_many_rows_too(known: int, new: int) -> None:
    rng, draws = np.random.default_rng(known), 150
    alarms = sum(bool(report_on(guard_of(drawn(rng, known)), drawn(rng, new)).warnings) for _ in range(draws))
    assert alarms <= 0.05 * draws + 3 * np.sqrt(0.05 * 0.95 * draws)


def test_drift_is_tested_from_500_rows_on_and_named_with_its_largest_bin() -> None:
    rng = np.random.default_rng(2)
    training = guard_of(drawn(rng, 2000))
    moved = drawn(rng, 600, shift=1.0)
    few = report_on(training, moved.take(np.arange(499)))
    assert (few.drifted, few.predictions) == ([], None)
    assert all(column["drift"] is None for column in few.columns)
    report = report_on(training, moved.take(np.arange(499, 600)))
    assert report.drifted == ["x5"]
    assert report.warnings[0].startswith("warning: column 'x5' has drifted (PSI ")
    assert " in training" in report.warnings[0]
    assert "nncli eval" in report.warnings[-1]


def test_a_tenth_of_the_range_beyond_it_is_not_outside() -> None:
    """The training range of 0 to 100 reaches from −10 to 110 then; the value at 110 is inside, and one above is not."""
    guard = guard_of(numbers(np.arange(101)))
    report = report_on(guard, numbers([-10, 110, 50, 111, -12]))
    outside = report.columns[0]["outside"]
    assert (outside["count"], outside["below"], outside["above"]) == (2, 1, 1)
    assert (outside["lowest"], outside["highest"]) == (-12, 111)


def test_one_row_that_is_far_outside_is_told_and_one_that_is_just_outside_is_not() -> None:
    """One new value in 62 is below or above all others, by chance, in 2 cases; at 5000 it is 82 ranges beyond too."""
    guard = guard_of(numbers(np.arange(61)))
    assert report_on(guard, numbers([70])).warnings == []
    report = report_on(guard_of(numbers(np.arange(61))), numbers([5000]))
    assert report.warnings == [
        "warning: column 'x': 1 of 1 row is outside of the training range, 0 to 60, up to 5000: what is predicted "
        "there is a guess"
    ]
    assert report.outside == ["x"]


def test_a_column_that_was_the_same_everywhere_is_not_guarded() -> None:
    guard = guard_of(numbers([7] * 50))
    report = report_on(guard, numbers([9] * 600))
    assert (report.warnings, report.columns[0]["unused"]) == ([], True)
    assert guard.first_unlike(numbers([9])) is None


def test_a_date_that_was_the_same_everywhere_is_not_guarded() -> None:
    """As the day of a file that is written once a month: it has no effect, whatever it is later."""
    table = Table(("x",), np.arange(600.0)[:, None], {}, {"day": np.full(600, 19_753.0)})
    later = Table(("x",), np.arange(600.0)[:, None], {}, {"day": np.full(600, 19_782.0)})
    guard = guard_of(table)
    report = report_on(guard, later)
    assert (report.warnings, report.outside) == ([], [])
    assert [(one["name"], one["unused"]) for one in report.columns] == [("x", False), ("day", True)]
    assert guard.first_unlike(later) is None


def test_values_that_are_missing_anew_are_told_and_others_are_not() -> None:
    values = np.arange(100.0)
    old, new = values.copy(), values.copy()
    old[3] = new[5:8] = np.nan
    whole, gaps = guard_of(numbers(values)), guard_of(numbers(old))
    assert report_on(gaps, numbers(new)).said == []
    assert report_on(whole, numbers(new)).said == [
        "values are missing where none was in training: 'x' (3 cells); each counts as the median of its column"
    ]


def test_categories_and_missing_texts_are_counted_by_their_shares() -> None:
    def table(codes: list[int], values: tuple[str, ...]) -> Table:
        return Table((), np.empty((len(codes), 0), np.float32), {"k": TextColumn(np.array(codes), values)})

    guard = guard_of(table([0] * 60 + [1] * 40, ("yes", "no")))
    report = report_on(guard, table([0, 0, 1, 2, -1], ("no", "yes", "maybe")))
    column = report.columns[0]
    assert (column["unseen"], column["missing"]["count"]) == (1, 1)
    assert [tuple(one.values()) for one in column["bins"]] == [
        ("'no'", 40, 2), ("'yes'", 60, 1), ("any other value", 0, 1), ("a missing value", 0, 1),
    ]  # fmt: skip
    row, name, problem = guard.first_unlike(table([0, 2], ("no", "yes", "maybe"))) or (0, "", "")
    assert (row, name, problem) == (1, "k", "expected a category of training, found 'maybe'")


@pytest.mark.parametrize("classes", [("a", "b"), ()], ids=["classes", "numbers"])
def test_predictions_that_have_moved_are_told(classes: tuple[str, ...]) -> None:
    import dataclasses

    from nncli.guards.distribution import Predictions

    rng, training = np.random.default_rng(3), numbers(np.arange(1000))
    before = rng.integers(0, 2, 1000) if classes else rng.normal(size=1000)
    predictions = Predictions.of_classes(before, 2) if classes else Predictions.of_numbers(before)
    known = guard_of(training)

    def report(predicted: np.ndarray) -> tuple[list[str], dict[str, object]]:
        guard = Guard(dataclasses.replace(known.distribution, predictions=predictions), known.fitted, classes)
        guard.look(training)
        guard.look_at_predictions(predicted)
        found = report_of(guard)
        return found.warnings, found.to_json()

    warnings, document = report(before)
    assert (warnings, document["predictions_drifted"]) == ([], False)
    warnings, document = report(np.ones(1000, int) if classes else before + 1)
    assert warnings[0].startswith("warning: the predictions have drifted (PSI ")
    assert warnings[0].endswith("of the validation rows")
    assert document["predictions_drifted"] is True


def test_guards_add_up_whatever_the_blocks_are() -> None:
    """As those of several processes, or of the requests of a server; their state is plain JSON."""
    rng = np.random.default_rng(4)
    training, new = drawn(rng, 500), drawn(rng, 900, shift=0.4)
    whole, total = guard_of(training), guard_of(training)
    expected = report_on(whole, new).to_json()
    for part in np.array_split(np.arange(900), [1, 300, 301, 899]):
        one = guard_of(training)
        one.look(new.take(part))
        state = json.loads(json.dumps(one.state()))
        check_form(state, STATE_FORM)
        total.add(state)
    assert report_of(total).to_json() == expected
    with pytest.raises(ValueError, match="counts of other columns"):
        guard_of(numbers(np.arange(9))).add(whole.state())


def test_bins_count_the_first_rows_and_every_fourth_of_the_others_however_they_come() -> None:
    """Of 10,000 rows the first 4,096, and of the others those with the numbers 4,096, 4,100, …, 9,996: 1,476."""
    rng = np.random.default_rng(6)
    values = rng.normal(size=10_000)
    values[5_001] = np.nan  # which no bin counts
    found = []
    for ends in ([], [4_000, 4_097, 4_098, 7_003], range(1000, 10_000, 1000)):
        guard = guard_of(numbers(values[:200]))
        for part in np.split(values, list(ends)):
            guard.look(numbers(part))
        found.append(guard.state())
    assert found[0] == found[1] == found[2]
    assert (found[0]["rows"], found[0]["binned"], found[0]["known"], found[0]["binned_known"]) == (
        10_000, 5_572, [9_999], [5_572],
    )  # fmt: skip


def test_pixels_have_one_range_and_their_bins_come_from_a_sample() -> None:
    rng = np.random.default_rng(5)
    images = rng.integers(0, 256, (6000, 64)).astype(np.uint8)
    images[:, 0] = 0
    guard = guard_of(Table(tuple(map(str, range(64))), images))
    assert guard.distribution.ranges[:, 1].tolist() == [255] * 64
    assert (guard.distribution.rows, guard.distribution.sampled) == (6000, 3000)
    images[0, 0] = 200
    assert report_on(guard, Table(guard.numbers, images)).warnings == []
