"""The command `nncli graph`."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Annotated

import typer

from nncli.cli.options import Json, Quiet, RowsArgument, switch, value_option
from nncli.config.option import Whole, read_option
from nncli.data.formats.known_formats import is_model
from nncli.errors import DONE, OptionError, UsageError
from nncli.nn.autodiff.graph import Graph
from nncli.system.atomic import NO_MODEL, check_writable
from nncli.system.numbers import read_number
from nncli.system.output import print_json, say, shortened

EXPRESSION_HELP = (
    "An expression of numbers, variables, + - * / ^, vectors as w1..w3, and exp, log, sqrt, abs, sigmoid, tanh, "
    "arctan, cos, relu, step, sign, hinge, sum, max, logsumexp, softmax; or a small model."
)
OUT_HELP = "Picture to draw: .svg, .png, or .html, which opens offline."
PICTURES = ("--svg", "--png", "--html")  # what is no option of graph is its argument
LONGEST_NAME = 250  # of a file; anything longer is an expression


def graph(
    expression: Annotated[str, typer.Argument(metavar="EXPRESSION or MODEL", help=EXPRESSION_HELP, show_default=False)],
    data: RowsArgument = None,
    at: Annotated[list[str] | None, value_option("VALUES", "Values of the variables, as w=1,x=2.")] = None,
    row: Annotated[str | None, value_option("N", "Row of DATA to run a model on, from 1.")] = None,
    dot: Annotated[bool, switch("--dot", "Print the graph in the DOT language of Graphviz.")] = False,
    out: Annotated[str | None, value_option("FILE", OUT_HELP, "the terminal", "--out", "-o")] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Show a computation graph and backpropagation on it. Every value and every derivative is shown.

    nncli graph "(w*x + b - y)^2" --at w=1,x=2,b=0,y=3
    nncli graph "-log(sigmoid(w*x))" --at w=0.5,x=2 --dot | dot -Tsvg > graph.svg
    nncli graph "-log(softmax(z1..z3)[2])" --at z1=1,z2=2,z3=0
    nncli graph model.npz --row 7 -o row.svg    a network on a row, drawn
    """
    expression, data = expression.removeprefix(" "), data and data.removeprefix(" ")
    for word in (expression, data):
        if word in PICTURES:
            raise UsageError("nncli graph", f"no such option: {word}", f"Draw it with -o graph.{word.strip('-')}")
    if out is not None:
        from nncli.figures.vega_lite import check_ending

        check_ending(out)
        check_writable(Path(out), [*filter(None, (expression, data))], "-o", NO_MODEL)
    if dot and json:
        raise OptionError("dot", "only one of --dot and --json can be printed", "Leave one of them out")
    if row is not None:
        made, extra, title = _of_model(expression, data, at, row, quiet)
    else:
        made, extra, title = _of_expression(expression, data, ",".join(at or [])), {}, expression
    if out is not None:
        from nncli.figures.computation_graph import figure_of_graph
        from nncli.report.figure_file import write_figure

        write_figure(figure_of_graph(made, shortened(title)), Path(out))
    if json:
        print_json({**made.describe(), **extra})
    elif dot:
        print(made.dot())
    elif out is None:
        from nncli.terminal.graph import print_graph

        print_graph(made)
    return DONE


def _of_expression(expression: str, data: str | None, at: str) -> Graph:
    from nncli.nn.autodiff.expression import graph_of

    if is_model(Path(expression)):
        raise OptionError("row", f"expected the row that {expression} is to be shown on", "Add --row 1")
    if len(expression) < LONGEST_NAME and Path(expression).is_file():
        raise UsageError("EXPRESSION", f"expected one, or a model, found the file '{expression}'")
    if data is not None and data.startswith("-"):
        raise UsageError("nncli graph", f"no such option: {data}", "See nncli graph --help")
    if data is not None:
        raise UsageError("EXPRESSION", f"expected one, found another: '{data}'", "Put it between quotation marks")
    values = _values(at)
    made = graph_of(expression, values)
    unused = [name for name in values if name not in {node.text for node in made.nodes if node.is_variable}]
    if unused:
        raise OptionError("at", f"the expression has no variable '{unused[0]}'", "Leave it out")
    try:
        made.backward()
    except OverflowError as node:
        raise UsageError("EXPRESSION", f"the derivative with respect to {node} is too large for a number") from None
    return made


def _of_model(
    model: str, data: str | None, at: list[str] | None, row: str, quiet: bool
) -> tuple[Graph, dict[str, float], str]:
    from nncli.diagnostics.network_graph import graph_of_model
    from nncli.model import checkpoint

    if not is_model(Path(model)) and not Path(model).exists():
        raise OptionError("row", f"'{model}' is not a model, and an expression has no rows", "Leave it out")
    if at:
        raise OptionError("at", "a model has its own values", "Leave it out")
    number = read_option("row", row, Whole(1))
    loaded, provenance = checkpoint.load(Path(model))
    graph, difference, title = graph_of_model(loaded, provenance, model, () if data is None else (data,), number)
    say(f"{title}; {len(graph.nodes)} nodes", quiet)
    within = f"within {difference:.0e}" if difference else "to the last digit"
    say(f"every derivative is that of the engine's backpropagation, {within}", quiet)
    return graph, {"backprop_difference": difference}, title


def _values(text: str) -> dict[str, float]:
    """Read numbers by their names, such as w=1,x=2."""
    values: dict[str, float] = {}
    for pair in filter(None, text.split(",")):
        name, equals, value = (part.strip() for part in unicodedata.normalize("NFKC", pair).partition("="))
        if not equals or not name.isidentifier():
            raise OptionError("at", f"expected values as w=1,x=2, found '{shortened(pair)}'")
        if name in values:
            raise OptionError("at", f"'{name}' has two values")
        try:
            values[name] = read_number(value)
        except ValueError:
            problem = f"{shortened(name)}: expected a finite number, found '{shortened(value)}'"
            raise OptionError("at", problem) from None
    return values
