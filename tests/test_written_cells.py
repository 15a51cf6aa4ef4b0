"""Cells are written alike whether the rows are few, in Python, or many, by Arrow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from nncli.data.arrow_conversion import ListedCells
from nncli.data.dataset import Table
from nncli.data.row_blocks import RowBlock
from nncli.inference import written_cells
from nncli.inference.predict_options import PredictOptions
from nncli.inference.predictor import Predictor

FLOATS = {"float32": (np.float32, np.uint32), "float64": (np.float64, np.uint64)}


def ways_of(patch: pytest.MonkeyPatch, make: Callable[[], Any]) -> tuple[Any, Any]:
    """What is written of any number of rows in Python, and by Arrow."""
    found = []
    for few in (1 << 30, -1):
        with patch.context() as inside:
            inside.setattr(written_cells, "FEW_ROWS", few)
            found.append(make())
    return found[0], found[1]


def numbers_written(numbers: NDArray[Any]) -> tuple[list[str], list[str]]:
    with pytest.MonkeyPatch.context() as patch:
        python, arrow = ways_of(patch, lambda: written_cells.number_column(numbers))
    assert isinstance(python, list)
    return python, arrow.to_pylist()


@pytest.mark.parametrize("dtype", FLOATS)
def test_numbers_of_all_sizes_are_written_alike(dtype: str) -> None:
    """Numbers whose bits are drawn, so that each exponent is as likely, powers of two and of ten and their neighbours,
    fractions as of probabilities, and whole numbers."""
    real, bits = FLOATS[dtype]
    rng = np.random.default_rng(1)
    drawn = rng.integers(0, np.iinfo(bits).max, 4000, bits, endpoint=True).view(real)
    powers = np.concatenate([np.logspace(-30, 30, 61), 2.0 ** np.arange(-100, 100)]).astype(real)
    beside = np.concatenate([np.nextafter(powers, real(0)), powers, np.nextafter(powers, real(np.inf))])
    few_digits = (rng.integers(0, 10**6, 2000) * 10.0 ** rng.integers(-12, 14, 2000)).astype(real)
    odd = np.array([0, -0.0, np.inf, -np.inf, np.nan, np.finfo(real).tiny, np.finfo(real).smallest_subnormal], real)
    numbers = np.concatenate([drawn, beside, -beside, few_digits, odd, rng.random(2000).astype(real)])
    python, arrow = numbers_written(numbers)
    assert python == arrow
    again = np.array(python).astype(real)
    assert np.array_equal(again, numbers, equal_nan=True)


@given(st.lists(st.floats(), min_size=1, max_size=20))
def test_any_numbers_are_written_alike(numbers: list[float]) -> None:
    with np.errstate(over="ignore", under="ignore"):
        for values in (np.array(numbers), np.array(numbers, np.float32)):
            python, arrow = numbers_written(values)
            assert python == arrow


def test_numbers_are_written_in_few_digits() -> None:
    """The borders between both forms, as in JavaScript's but for 1e10 in place of 1e21."""
    numbers = np.array([1e-7, 1.5e-6, 0.1, 3.0, 1234567890.5, 12345678901.0, -1e10])
    written = ["1e-7", "0.0000015", "0.1", "3", "1234567890.5", "1.2345678901e+10", "-1e+10"]
    assert numbers_written(numbers) == (written, written)


cells_of_text = st.lists(st.text("=+-@\t\r\n ,\"'ab0.1é＝", max_size=6), min_size=1, max_size=8)


class Written(Predictor):
    """Writes given columns, without a model."""

    def __init__(self, keep: list[str], options: PredictOptions) -> None:
        self.keep, self.options = keep, options
        quote = written_cells.csv_quoted
        self._written = (lambda cell: quote(written_cells.escaped(cell))) if options.escape_formulas else quote
        names = [*keep, "prediction"]
        self._keys = [f"{written_cells.json_quoted(name)}:" for name in names] if options.jsonl else []


OPTIONS = {
    "csv": PredictOptions(),
    "escaped": PredictOptions(escape_formulas=True),
    "jsonl": PredictOptions(jsonl=True),
}


@pytest.mark.parametrize("form", OPTIONS)
@given(cells_of_text)
def test_kept_cells_of_any_kind_are_written_alike(form: str, cells: list[str]) -> None:
    n = len(cells)
    table = Table(("x",), np.zeros((n, 1)), {}, {})
    block = RowBlock(table, None, {"a": ListedCells(cells), "b": ListedCells(cells[::-1])}, {})
    writer = Written(["a", "b"], OPTIONS[form])
    with pytest.MonkeyPatch.context() as patch:
        python, arrow = ways_of(patch, lambda: writer.lines(block, [["p"] * n]))
    assert python == arrow


WAYS = {
    "class alone": (),
    "all": ("--proba", "--reasons", "2", "--interval", "0.8", "--keep", "all"),
    "escaped": ("--proba", "--keep", "all", "--escape-formulas"),
    "lines of JSON": ("--proba", "--keep", "all", "--jsonl"),
}


@pytest.mark.parametrize("asked", WAYS.values(), ids=[*WAYS])
def test_predictions_of_few_and_many_rows_are_the_same_bytes(
    asked: tuple[str, ...], mixed_model: Path, tmp_path: Path, nncli: Callable[..., Any]
) -> None:
    """With a row that cannot be read, whose prediction is empty."""
    header, *rows = (mixed_model.parent / "d.csv").read_text().splitlines()
    (tmp_path / "d.csv").write_text("\n".join([header, *rows[:30], "x", *rows[30:60], ""]))
    with pytest.MonkeyPatch.context() as patch:
        python, arrow = ways_of(
            patch, lambda: nncli("predict", mixed_model, tmp_path / "d.csv", *asked, "--on-error", "blank")
        )
    assert python.code == 0, python.err
    assert python.out.count("\n") == 61 + ("--jsonl" not in asked)
    assert python.out == arrow.out
