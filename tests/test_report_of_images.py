"""The report of a model of images shows images: of the pixels that matter, and of the rows that it has wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nncli.figures.figure import Axis, Cells, Figure, Panel
from reports import blocks, finding, listing, report

Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def images(drawing: dict[str, Any]) -> tuple[list[str], Any]:
    """Return the titles of the images of a figure, and their pixels (n, rows, columns), the first row on top."""
    panels = drawing["figure"]["panels"]
    return [one["title"] for one in panels], np.array([np.flipud(one["marks"][0]["values"]) for one in panels])


def test_a_report_of_images_shows_the_pixels_that_matter_and_the_wrong_rows(nncli: Run) -> None:
    """The images are rows of scikit-learn's digits: 8 by 8 pixels from 0 to 16."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    np.savez("d.npz", X=X.astype(np.uint8), y=y)
    assert nncli("train", "d.npz", "--hidden", 8, "--epochs", 4, "-q", "-o", "m.npz").code == 0
    made = report(nncli, "m.npz")
    (drawing,) = blocks(made, "Which pixels matter", "drawing")
    expected = {one["column"]: one["importance"] for one in nncli("explain", "m.npz", "--json").json["importance"]}
    assert images(drawing)[1].ravel() == pytest.approx([expected[f"c{i}"] for i in range(64)], abs=1e-12)
    seen, why = blocks(made, "The most wrong rows", "drawing")
    rows = listing(made, "The most wrong rows")
    titles, pixels = images(seen)
    assert titles == [f"row {row['row']}: {row['class']}, taken for {row['predicted']}" for row in rows[:12]]
    assert "reasons for the prediction" not in rows[0]
    for row, image in zip(rows[:12], pixels, strict=True):
        assert image.ravel().tolist() == X[int(row["row"].replace(",", "")) - 1].tolist()
    one = nncli("explain", "m.npz", "d.npz", "--row", rows[0]["row"].replace(",", ""), "--json").json
    added = {its["column"]: its["contribution"] for its in one["contributions"]}
    assert images(why)[1][0].ravel() == pytest.approx([added[f"c{i}"] for i in range(64)], abs=1e-5)
    assert finding(made, "Columns that may do nothing")["state"] == "unknown"
    assert not any(block["caption"] == "Columns" for block in blocks(made, "The data", "listing"))


def test_importance_is_worked_out_for_hundreds_of_columns(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 150))
    np.savez("d.npz", X=X, y=np.where(X[:, 7] > 0, "a", "b"))
    assert nncli("train", "d.npz", "--model", "logistic", "--epochs", 9, "-q", "-o", "m.npz").code == 0
    assert listing(report(nncli, "m.npz"), "Which columns matter")[0]["column"] == "c7"
    monkeypatch.setattr("nncli.report.evidence.MOST_COLUMNS", 100)
    (said,) = blocks(report(nncli, "m.npz"), "Which columns matter", "paragraph")
    command = said["text"].partition("This does it: nncli ")[2].split()
    assert command == ["explain", "m.npz"]
    assert nncli(*command).code == 0


def test_all_cells_of_a_colour_are_one_path(nncli: Run) -> None:
    """An image of 900 pixels in 10 shades would be 900 paths, and a page of them megabytes."""
    pytest.importorskip("vl_convert")
    from nncli.report.pictures import pictures

    axis = Axis("", 0.0, 30.0)
    cells = Cells(np.arange(900.0).reshape(30, 30), 0, 899)
    (picture,) = pictures(Figure("t", (Panel(axis, axis, (cells,), bare=True),)), "a")
    assert picture.svg.html.count("<path") <= 11
