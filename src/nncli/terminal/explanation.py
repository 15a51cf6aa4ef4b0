"""Print what explains a model: the importance of its columns, the coefficients of a linear one, reasons for a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from nncli.explain.leads import coefficients_title
from nncli.system.output import counted, in_quotes, percent, put, quantity
from nncli.terminal.folds import writer_of
from nncli.terminal.tables import cut, cut_names, new_table, show
from nncli.terminal.words import print_marked, print_ngrams

if TYPE_CHECKING:
    from nncli.explain.coefficients import Coefficient
    from nncli.explain.importance import Importances
    from nncli.model.model import Model

MOST_COLUMNS = 20  # that are listed
MOST_PAIRS = 5
MOST_CHANGES = 3
TINY = 1e-4  # of a difference


def print_importances(evaluated_on: str, found: Importances, repeats: int, model: Model) -> None:
    """Print how much worse the metric gets without each column, the most important first."""
    metric = found.metric
    figure = percent if metric.in_percent else writer_of(metric)
    label = metric.label(model.classes[model.positive] if len(model.classes) == 2 else None)
    put(f"evaluated on {evaluated_on}")
    put(f"{label} {figure(found.value)}, and how much worse where a column is shuffled, {counted(repeats, 'time')}")
    table = new_table("column", "worse by", "95 % interval")
    shown = found.columns[:MOST_COLUMNS]
    for name, one in zip(cut_names([its.column for its in shown]), shown, strict=True):
        interval = " to ".join(map(figure, one.interval or ()))
        table.add_row(name, figure(one.importance), interval)
    show(table)
    if len(found.columns) > MOST_COLUMNS:
        put(f"the first {MOST_COLUMNS} of {counted(len(found.columns), 'column')}; --csv has all")
    if found.left_out:
        put(found.say_left_out())
    if found.correlated:
        pairs = [f"{in_quotes(a)} and {in_quotes(b)} ({V:.2f})" for a, b, V in found.correlated[:MOST_PAIRS]]
        more = len(found.correlated) - len(pairs)
        put(f"strongly correlated: {', '.join(pairs)}" + (f" and {counted(more, 'more pair')}" if more else ""))
        put("where one of a pair is shuffled, the other still has its information: both may matter more than is shown")


def print_coefficients(found: Sequence[Coefficient], model: Model, draws: int) -> None:
    """Print how the score of a class is made of the columns of a linear model."""
    several = len(model.classes) > 2
    own = model.schema.target if found[0].class_name is None else found[0].class_name
    what = "of each class" if several else f"of {in_quotes(own)}"
    put(f"coefficients {what}, by one unit of a column, or by a category in place of the first one: they add up to")
    put(
        f"{coefficients_title(model)}"
        + (f"; intervals by {counted(draws, 'draw')} of the training rows" if draws else "")
    )
    has_odds = any(one.odds_ratio is not None for one in found)
    titles = ["coefficient", *["95 % interval"] * (draws > 0), *["odds ratio"] * has_odds]
    table = new_table("column", *["class"] * several, *titles)
    names = cut_names([f"{one.column}: {one.part}" if one.part else one.column for one in found])
    for name, one in zip(names, found, strict=True):
        cells = [brief(one.coefficient), *[" to ".join(map(brief, one.interval or ()))] * (draws > 0)]
        odds = "" if one.odds_ratio is None else brief(one.odds_ratio)
        table.add_row(name, *[cut(one.class_name or "", 16)] * several, *cells, *[odds] * has_odds)
    show(table)
    if model.preprocess.words is not None:
        put("beside these, the n-grams of texts have weights; nncli explain --words shows them")


def print_row(found: dict[str, Any], where: str, of_texts: str) -> None:
    """Print why a row is predicted as it is, and what would change that; `of_texts` says what of texts is named."""
    figures = found.get("probabilities") or found["scores"]
    kind = "probability" if "probabilities" in found else "score"
    put(f"{where}: {in_quotes(found['prediction'])}, {kind} {brief(figures[found['prediction']])}")
    background = f"{brief(found['background']['lead'])} for {found['background']['of']}"
    put(f"explained: {found['explained']}, {brief(found['lead'])}, beside {background}")
    _print_contributions(found, of_texts, lambda value: f"{value:+.4f}")
    if not found["changes"]:
        what = "one word or column" if "texts" in found else "one column"
        put(f"no change of {what} alone, in the range of the training rows, changes the answer")
    changes = found["changes"][:MOST_CHANGES]
    for name, one in zip(cut_names([its["column"] for its in changes]), changes, strict=True):
        what = f"{name} {_value(one['old'])} → {_value(one['new'])}"
        put(f"would change it: {what}, which gives {in_quotes(one['prediction'])}")


def print_number(found: dict[str, Any], where: str, of_texts: str) -> None:
    """Print why a number is predicted for a row, and which columns could move it most; `of_texts` as above."""
    background = f"{quantity(found['background']['prediction'])} for {found['background']['of']}"
    put(f"{where}: {found['explained']}, {quantity(found['prediction'])}, beside {background}")
    _print_contributions(found, of_texts, lambda value: f"{'−' if value < 0 else '+'}{quantity(abs(value))}")
    moves = found["moves"][:MOST_CHANGES]
    for name, one in zip(cut_names([its["column"] for its in moves]), moves, strict=True):
        ends = [f"{quantity(one[end])} at {_value(one[f'{end}_at'])}" for end in ("lowest", "highest")]
        put(f"could move it: {name}, now {_value(one['value'])}, from {ends[0]} to {ends[1]}")


def _print_contributions(found: dict[str, Any], of_texts: str, write: Callable[[float], str]) -> None:
    table = new_table("column", "value", "adds")
    shown = found["contributions"][:MOST_COLUMNS]
    for name, one in zip(cut_names([its["column"] for its in shown]), shown, strict=True):
        table.add_row(name, _value(one["value"]), write(one["contribution"]))
    show(table)
    rest = len(found["contributions"]) - MOST_COLUMNS
    if rest > 0:
        put(f"and {counted(rest, 'column')} that add less; --csv has all")
    if "ngrams" in found:
        print_ngrams(found["ngrams"], of_texts, write)
        print_marked(found["texts"])
    off = found["error_of_sum"]
    put(f"{found['method']}; the sum is off by {'less than 0.01 %' if off < TINY else f'{off:.2%}'} of the difference")


def _value(value: float | str | None) -> str:
    return "(missing)" if value is None else cut(value, 20) if isinstance(value, str) else f"{value:.6g}"


def brief(value: float) -> str:
    """Write a number of any size with four figures."""
    return f"{value:.4g}"
