"""nncli graph"""

from __future__ import annotations

from typing import Annotated

import typer

from nncli.cli.options import Json
from nncli.errors import DONE, OptionError


def graph(
    expression: Annotated[
        str,
        typer.Argument(
            metavar="EXPRESSION",
            help="Of + - * / ^2, exp, log, sigmoid, tanh, relu, variables and numbers.",
            show_default=False,
        ),
    ],
    at: Annotated[
        str | None, typer.Option(metavar="VALUES", help="The variables, as w=1,x=2.", show_default=False)
    ] = None,
    dot: Annotated[bool, typer.Option("--dot", help="Print the graph for Graphviz.")] = False,
    json: Json = False,
) -> int:
    """Show the computation graph of an expression, and backpropagation on it: every value, every derivative.

    nncli graph "(w*x + b - y)^2" --at w=1,x=2,b=0,y=3
    nncli graph "-log(sigmoid(w*x))" --at w=0.5,x=2 --dot | dot -Tsvg > graph.svg
    """
    from nncli.nn.expression import graph_of

    if dot and json:
        raise OptionError("--dot", "--json is there too, and only one of them can be printed", "Leave one of them out")
    values = _values(at or "")
    made = graph_of(expression, values)
    unused = [name for name in values if name not in {node.text for node in made.nodes if node.is_variable}]
    if unused:
        raise OptionError("--at", f"the expression has no variable '{unused[0]}'", "Leave it out")
    made.backward()
    if json:
        from nncli.output import print_json

        print_json(made.describe())
    elif dot:
        print(made.dot())
    else:
        from nncli.report import print_graph

        print_graph(made)
    return DONE


def _values(text: str) -> dict[str, float]:
    """w=1,x=2 → the numbers by their names."""
    from nncli.option import number

    values: dict[str, float] = {}
    for pair in filter(None, text.split(",")):
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not name.isidentifier():
            raise OptionError("--at", f"expected values as w=1,x=2, found '{pair}'")
        if name in values:
            raise OptionError("--at", f"'{name}' has two values")
        try:
            values[name] = number("a finite number", lambda value: True)(value)
        except ValueError as error:
            raise OptionError("--at", f"{name}: expected {error}, found '{value}'") from None
    return values
