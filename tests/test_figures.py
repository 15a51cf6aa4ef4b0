"""Figures as data, and the characters that they are drawn in."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from nncli.figures.figure import Axis, Bars, Cells, Figure, Line, Panel, Points, Regions
from nncli.figures.kinds import MOST_POINTS, thinned
from nncli.figures.vega_lite import specification
from nncli.terminal.canvas import Canvas
from nncli.terminal.figures import print_figure

PLACES = st.floats(-1e9, 1e9, allow_nan=False)


@given(PLACES, st.floats(1e-6, 1e9), st.integers(2, 20))
def test_ticks_are_round_few_and_on_the_axis(low: float, span: float, most: int) -> None:
    axis = Axis("", low, low + span)
    if axis.high - axis.low < 1e-9 * max(abs(axis.low), abs(axis.high)):
        return  # such an axis has no numbers between its ends
    ticks = [value for value, _ in axis.ticks(most)]
    assert len(ticks) <= most
    steps = np.diff(ticks)
    assert all(axis.low - 1e-6 * span <= value <= axis.high + 1e-6 * span for value in ticks)
    if len(steps):
        assert steps == pytest.approx(steps[0], rel=1e-3)
        mantissa = steps[0] / 10 ** np.floor(np.log10(steps[0]) + 1e-9)
        assert min(abs(mantissa - one) for one in (1, 2, 5, 10)) < 1e-3


def test_ticks_of_shares_are_tenths_or_fifths() -> None:
    assert [text for _, text in Axis("", 0, 1).ticks(6)] == ["0", "0.2", "0.4", "0.6", "0.8", "1"]
    assert [text for _, text in Axis("", 0, 1).ticks(3)] == ["0", "0.5", "1"]


def test_an_axis_has_room_for_all_finite_values() -> None:
    axis = Axis.around("", np.array([1.0, np.nan, 3.0]), np.array([np.inf, 2.0]))
    assert (axis.low, axis.high) == pytest.approx((0.9, 3.1))
    assert Axis.around("", np.array([5.0])).low < 5 < Axis.around("", np.array([5.0])).high
    assert Axis.around("", np.array([0.0])).high > 0


def test_a_line_keeps_what_can_be_seen_of_it() -> None:
    rng = np.random.default_rng(0)
    x, y = np.arange(20_000.0), rng.normal(size=20_000).cumsum()
    y[10_000] += 500  # a spike
    few_x, few_y = thinned(x, y)
    assert len(few_x) <= MOST_POINTS
    assert (few_x[0], few_x[-1]) == (x[0], x[-1])
    assert y[10_000] in few_y
    assert len(thinned(x[:9], y[:9])[0]) == 9


def drawn(figure: Figure, columns: int = 80, rows: int = 24, encoding: str = "utf-8") -> list[str]:
    out = io.TextIOWrapper(io.BytesIO(), encoding)
    print_figure(figure, Console(file=out, width=columns, height=rows, force_terminal=True, no_color=True))
    out.seek(0)
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", out.read()).splitlines()]


def test_dots_of_a_character_are_those_of_braille() -> None:
    canvas = Canvas(1, 1, unicode=True)
    canvas.line(np.array([0.0, 0.0]), np.array([0.0, 1.0]), "")
    assert canvas.rows()[0].plain == "⡇"  # the four dots on the left, from below to above
    canvas.line(np.array([0.0, 1.0]), np.array([1.0, 1.0]), "")
    assert canvas.rows()[0].plain == "⡏"  # and the one at the top right


def test_a_line_has_no_holes() -> None:
    for slope in (0.1, 0.33, 0.7, 1.0):
        canvas = Canvas(40, 10, unicode=False)
        canvas.line(np.array([0.0, 1.0]), np.array([0.0, slope]), "*")
        columns = {column for text in canvas.rows() for column, one in enumerate(text.plain) if one == "*"}
        assert columns == set(range(40))


def test_what_is_no_number_interrupts_a_line() -> None:
    canvas = Canvas(9, 1, unicode=False)
    canvas.line(np.linspace(0, 1, 9), np.array([0, 0, 0, np.nan, np.nan, np.nan, 0, 0, 0.0]), "*")
    assert canvas.rows()[0].plain == "***   ***"


def test_the_highest_point_is_at_the_top_and_the_last_on_the_right() -> None:
    axis = Axis("x", 0, 1)
    lines = drawn(Figure("t", (Panel(axis, axis, (Points(np.array([0.0, 1.0]), np.array([0.0, 1.0]), "one"),)),)))
    rows = [(i, line.index("●")) for i, line in enumerate(lines) if "●" in line and "one" not in line]
    assert rows[0] == (2, 79 - 1)
    assert rows[1][1] == min(line.index("┴") for line in lines if "┴" in line)


def test_series_are_told_apart_without_colour() -> None:
    axis, x = Axis("x", 0, 1), np.array([0.0, 1.0])
    lines = drawn(Figure("t", (Panel(axis, axis, (Line(x, x, "up"), Line(x, 1 - x, "down"))),)))
    assert lines[-1] == "● up   ▲ down"
    assert sum(line.count("●") for line in lines) > 3
    assert sum(line.count("▲") for line in lines) > 3


def test_classes_that_are_one_character_are_their_own_marks() -> None:
    axis, at = Axis("x", 0, 1), np.array([0.5])
    lines = drawn(Figure("t", (Panel(axis, axis, (Points(at, at, "7"), Points(at / 2, at, "9"))),)))
    assert lines[-1] == "7   9"


def test_bars_are_as_long_as_their_values_and_those_below_0_go_left() -> None:
    panel = Panel(Axis("x"), Axis.of_names("", ["a", "b", "c"]), (Bars(np.array([2.0, 1.0, -1.0])),))
    a, b, c = drawn(Figure("t", (panel,)))[1:4]
    assert a.count("█") == pytest.approx(2 * b.count("█"), abs=1)
    assert b.count("█") == pytest.approx(c.count("█"), abs=1)
    assert a.index("█") == b.index("█") >= c.rindex("█")
    assert (a[-1], b[-1], c[-2:]) == ("2", "1", "-1")


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_names_of_wide_characters_keep_columns_in_line(encoding: str) -> None:
    names = ["猫猫猫", "dog", "a very long name of a class indeed"]
    axes = Axis.of_names("predicted", names), Axis.of_names("true", names)
    cells = Cells(np.eye(3), 0, 1, tuple(tuple(str(int(v)) for v in row) for row in np.eye(3)))
    lines = drawn(Figure("t", (Panel(*axes, (cells,)),)), encoding=encoding)
    assert max(map(cell_len, lines)) <= 80
    assert all(line.isascii() for line in lines) == (encoding == "ascii")
    assert len({cell_len(line.rstrip()[: line.rindex(line.split()[-1])]) for line in lines[-2:]}) == 1


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_numbers_in_a_table_are_whole_and_columns_that_find_no_room_are_counted(columns: int) -> None:
    names = [f"c{k}" for k in range(20)]
    texts = tuple(tuple(f"{10_000 + 100 * i + j:,}" for j in range(20)) for i in range(20))
    panel = Panel(Axis.of_names("x", names), Axis.of_names("y", names), (Cells(np.eye(20), 0, 1, texts),))
    lines = drawn(Figure("t", (panel,)), columns)
    shown = len(lines[2].split())
    assert [line.split()[1:] for line in lines[3:23]] == [[*row[:shown]] for row in texts]
    assert lines[23] == f"{20 - shown} more columns: make the terminal wider"
    assert max(map(len, lines)) < columns


def test_what_json_says_has_no_numbers_that_json_cannot_hold() -> None:
    axis = Axis("x", 0, 1)
    figure = Figure("t", (Panel(axis, axis, (Line(np.array([0.0, 1.0]), np.array([np.nan, np.inf]), "one"),)),))
    assert json.loads(json.dumps(figure.to_json(), allow_nan=False))["panels"][0]["marks"][0]["y"] == [None, None]


def test_lines_across_the_options_have_the_configurations_of_the_ledger(
    nncli: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    nncli("sweep", "iris", "--lr", "0.1,0.001", "--hidden", "2,4,8", "--epochs", 3, "--jobs", 1, "-q", "-o", "m.npz")
    (panel,) = nncli("plot", "m.sweep.jsonl", "parallel", "--json").json["panels"]
    standings = nncli("sweep", "--show", "m.sweep.jsonl", "--json").json["standings"]
    paths = [panel["marks"][k]["y"][i : i + 3] for k in (2, 1, 0) for i in range(0, len(panel["marks"][k]["y"]), 4)]
    names = panel["x"]["names"]
    assert len(paths) == len(standings) == 6
    means = np.array([one["mean"] for one in standings])
    assert [path[2] for path in paths] == pytest.approx((means - means.min()) / np.ptp(means))
    lr = next(i for i, name in enumerate(names) if name == "lr: 0.001, 0.1")
    assert [round(path[lr]) for path in paths] == [float(one["options"]["lr"] == 0.1) for one in standings]
    for axis in (0, 1):  # no line hides another, and the best one is the uppermost at its values
        assert len({round(path[axis], 6) for path in paths}) == 6
        assert all(path[axis] < paths[0][axis] or path[axis] > paths[0][axis] + 0.2 for path in paths[1:])
    assert f"accuracy: {100 * means.min():.1f} % to {100 * means.max():.1f} %" in names


def test_neighbours_of_a_plane_that_look_the_same_are_one_box_of_a_picture() -> None:
    rng = np.random.default_rng(0)
    which = np.repeat(rng.integers(2, size=(8, 4)), 3, axis=1)
    certainty = rng.uniform(size=(8, 12)) * (which == 0) + (which == 1)  # class b is sure everywhere
    regions = Regions(which, certainty, ("a", "b"))
    figure = Figure("", (Panel(Axis("x", 0, 12), Axis("y", 0, 8), (regions,)),))
    values = specification(figure)["layer"][0]["data"]["values"]
    drawn = np.full((2, 8, 12), np.nan)
    for box in values:
        i, j, top, end = (round(box[side]) for side in ("y", "x", "y2", "x2"))
        assert np.isnan(drawn[:, i:top, j:end]).all()  # no box lies on another
        drawn[0, i:top, j:end], drawn[1, i:top, j:end] = "ab".index(box["series"]), box["shade"] / 0.4
    assert np.array_equal(drawn[0], which)
    assert drawn[1] == pytest.approx(certainty, abs=1 / 20)
    sure = [box for box in values if box["series"] == "b"]
    starts = (which == 1) & (np.diff(which, axis=1, prepend=0) == 1)
    assert len(sure) <= starts.sum()  # those of a row that look the same are one


def test_a_plane_of_one_shade_is_one_box_of_a_picture() -> None:
    regions = Regions(np.zeros((8, 12), dtype=np.int64), np.full((8, 12), 0.5), ("a", "b"))
    figure = Figure("", (Panel(Axis("x", 0, 12), Axis("y", 0, 8), (regions,)),))
    (box,) = specification(figure)["layer"][0]["data"]["values"]
    assert [box[side] for side in ("x", "x2", "y", "y2")] == [0, 12, 0, 8]


def test_a_legend_shows_rows_as_points_and_a_line_as_a_stroke() -> None:
    one, two = np.zeros(1), np.arange(2.0)
    marks = (Points(one, one, "a"), Line(two, two, "border"), Points(one, one, "b"))
    panel = Panel(Axis("", 0, 1), Axis("", 0, 1), marks)
    encodings = [layer["encoding"] for layer in specification(Figure("t", (panel,)))["layer"]]
    scale = encodings[0]["shape"]["scale"]
    assert dict(zip(scale["domain"], scale["range"], strict=True))["border"] == "stroke"
    assert scale["range"].count("stroke") == 1
