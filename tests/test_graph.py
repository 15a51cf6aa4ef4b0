# ruff: noqa: E501  (each message stands on one line)
"""Scalar graphs: values by hand, derivatives against differences, worked examples, and what is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from scipy import special

from nncli.errors import UsageError
from nncli.nn.autodiff.expression import graph_of
from nncli.nn.autodiff.graph import OPERATIONS, Graph, Operation, power, softmax

MADE = [power(3), power(-1.5), power(0), softmax(0), softmax(1)]


def derivatives(expression: str, **at: float) -> dict[str, float]:
    graph = graph_of(expression, at)
    graph.backward()
    return {node.text: node.grad for node in graph.nodes if node.is_variable}


def value(expression: str, **at: float) -> float:
    return graph_of(expression, at).nodes[-1].value


def test_linear_regression() -> None:
    # (1·2 + 0 − 3)² = 1; its derivative in the difference e = −1 is −2, in w −2 x, in x −2 w
    assert value("(w*x + b - y)^2", w=1, x=2, b=0, y=3) == 1
    assert derivatives("(w*x + b - y)^2", w=1, x=2, b=0, y=3) == {"w": -4, "x": -2, "b": -2, "y": 2}


def test_softmax_of_two_classes() -> None:
    """One row of softmax regression, all its numbers."""
    at = {"a": 0.65, "b": 1.19, "c": 0.69, "d": -0.92, "x": 0.2, "y": 0.7}
    loss = "-log(exp(a*x + b*y) / (exp(a*x + b*y) + exp(c*x + d*y)))"
    assert value("a*x + b*y", a=0.65, b=1.19, x=0.2, y=0.7) == pytest.approx(0.963)
    assert value("exp(a*x + b*y)", a=0.65, b=1.19, x=0.2, y=0.7) == pytest.approx(2.61954, abs=5e-6)
    assert value(loss, **at) == pytest.approx(0.20714, abs=5e-6)
    expected = {"a": -0.03742, "b": -0.13097, "c": 0.03742, "d": 0.13097, "x": 0.00748, "y": -0.39477}
    assert derivatives(loss, **at) == pytest.approx(expected, abs=6e-6)


def test_a_line_with_a_kink_has_slope_one_and_then_two() -> None:
    assert derivatives("x + relu(x - 5)", x=4) == {"x": 1}
    assert derivatives("x + relu(x - 5)", x=6) == {"x": 2}


def test_what_is_used_twice_collects_both_paths() -> None:
    # x·x + x at 3: 2x + 1
    assert derivatives("x*x + x", x=3) == {"x": 7}
    assert len([node for node in graph_of("x*x + x", {"x": 3}).nodes if node.is_variable]) == 1


@pytest.mark.parametrize("name", [*OPERATIONS, *MADE], ids=[*OPERATIONS, *(one.text for one in MADE)])
def test_local_derivatives_agree_with_central_differences(name: str | Operation) -> None:
    text = OPERATIONS[name].text if isinstance(name, str) else name.text
    n, h = 2 if "{all}" in text else text.count("{}"), 1e-6
    for point in ([0.7, -1.3], [2.5, 0.4]):
        at = point[:n]

        def of(values: list[float]) -> float:
            graph = Graph()
            return graph.nodes[graph.apply(name, *(graph.variable(f"x{i}", v) for i, v in enumerate(values)))].value

        graph = Graph()
        graph.apply(name, *(graph.variable(f"x{i}", v) for i, v in enumerate(at)))
        graph.backward()
        for i in range(n):
            above, below = ([*at[:i], at[i] + s * h, *at[i + 1 :]] for s in (1, -1))
            assert graph.nodes[i].grad == pytest.approx((of(above) - of(below)) / (2 * h), rel=1e-8)


@pytest.mark.parametrize(
    "expression",
    ["log(1 + exp(-w*x))", "sigmoid(w*x) * tanh(x - w)", "(w/x - x/w)^2 - 3*w", "exp(-(w - 2)^2 / x)", "+w - -x"],
)
def test_backpropagation_agrees_with_central_differences(expression: str) -> None:
    at, h = {"w": 0.8, "x": 1.7}, 1e-6
    for name, found in derivatives(expression, **at).items():
        above, below = (value(expression, **{**at, name: at[name] + s * h}) for s in (1, -1))
        assert found == pytest.approx((above - below) / (2 * h), rel=1e-7)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [  # ^ binds before *, and * before +, as on paper
        ("2 + 3*4^2", 50), ("-3^2", -9), ("2*3 - 4/8", 5.5), ("8/4/2", 1), ("10 - 4 - 3", 3), ("(1 + 2)*3", 9), ("1.5e1", 15),
        (" 2 + 2 ", 4),
    ],
)  # fmt: skip
def test_precedence(expression: str, expected: float) -> None:
    assert value(expression) == expected


def test_softmax_and_logsumexp_agree_with_scipy_far_from_zero() -> None:
    z = [1000.0, 1001.0, 998.5]
    at = {f"z{i + 1}": value for i, value in enumerate(z)}
    p = special.softmax(z)
    assert value("logsumexp(z1..z3)", **at) == pytest.approx(special.logsumexp(z), rel=1e-15)
    assert derivatives("logsumexp(z1..z3)", **at) == pytest.approx({f"z{i + 1}": p[i] for i in range(3)})
    # cross-entropy of the second class: ∂/∂z = p − e_2
    assert value("-log(softmax(z1..z3)[2])", **at) == pytest.approx(-special.log_softmax(z)[1])
    expected = {"z1": p[0], "z2": p[1] - 1, "z3": p[2]}
    assert derivatives("-log(softmax(z1..z3)[2])", **at) == pytest.approx(expected)


def test_a_vector_is_used_element_by_element() -> None:
    at = {"w1": 2, "w2": -1, "w3": 0.5, "x1": 1, "x2": 3, "x3": 4, "b": 0.25}
    # 2·1 − 1·3 + 0.5·4 + 0.25 = 1.25
    assert value("sum(w1..w3 * x1..x3) + b", **at) == 1.25
    found = derivatives("sum(w1..w3 * x1..x3) + b", **at)
    assert found == {"w1": 1, "w2": 3, "w3": 4, "x1": 2, "x2": -1, "x3": 0.5, "b": 1}
    assert value("(2*x1..x3 - b)[2]", **at) == 5.75
    assert value("sum(x1..x3^2, b)", **at) == 26.25
    assert value("max(w1..w3, 1.5)", **at) == 2
    assert value("x3..x3[1]", **at) == 4
    assert len(graph_of("(2*x1..x3 - b)[2]", {"x2": 3, "b": 0.25}).nodes) == 6  # x2, 2, b, −b, 2·x2 and the result
    deep = 0.5
    for _ in range(190):
        deep = math.tanh(deep)
    assert value("tanh(" * 190 + "x1..x3" + ")" * 190 + "[1]", x1=0.5) == deep


def test_an_exclusive_or_of_sign_units() -> None:
    """The network with units of the sign that the lectures give."""
    z1, z2 = "sign(20*a + 20*b - 10)", "sign(-20*a - 20*b + 30)"
    out = f"sign(20*{z1} + 20*{z2} - 30)"
    assert [value(out, a=a, b=b) for a in (0, 1) for b in (0, 1)] == [-1, 1, 1, -1]


def test_powers_with_a_constant_exponent() -> None:
    assert value("x^(1/2) + x^-1", x=4) == 2.25
    assert derivatives("x^(1/2) + x^-1", x=4) == {"x": 0.25 - 1 / 16}
    assert derivatives("x^3 + x^0", x=0) == {"x": 0}
    assert value("2^3^2") == 512  # from the right


def test_where_two_slopes_meet_the_choice_is_that_of_the_engine() -> None:
    # max takes the first of equals; |x| has 0 between −1 and 1; relu and hinge are flat at their corner
    assert derivatives("max(x, y)", x=1, y=1) == {"x": 1, "y": 0}
    assert derivatives("abs(x)", x=0) == {"x": 0}
    assert derivatives("relu(x) + hinge(y)", x=0, y=1) == {"x": 0, "y": 0}
    assert [value("step(x)", x=x) for x in (-0.1, 0, 0.1)] == [0, 1, 1]


def test_sigmoid_does_not_overflow() -> None:
    assert value("sigmoid(x)", x=-1000) == 0
    assert value("sigmoid(x)", x=1000) == 1


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("x + log(y - 3)", "EXPRESSION, column 5: expected the log of a positive number, found that of -1: log(y - 3)."),
        ("x^2 / (y - 2)", "EXPRESSION, column 1: division by 0: x^2 / (y - 2)."),
        ("exp(1000*y)", "EXPRESSION, column 1: too large for a number, at 2000: exp(1000*y)."),
        ("x^2 + z", "EXPRESSION, column 7: the variable 'z' has no value. Give it one with --at z=1."),
        ("2^x", "EXPRESSION, column 3: expected a constant power, found ^x. Write exp(y*log(x)) for x^y."),
        ("x + (1 - y)^0.5", "EXPRESSION, column 5: no value or no derivative at -1: (1 - y)^0.5."),
        ("x + sqrt(y - 2)", "EXPRESSION, column 5: expected the square root of a positive number, found that of 0: sqrt(y - 2)."),
        ("1 + softmax(x, y)", "EXPRESSION, column 1: expected one value, found a vector of 2. Choose one, as the first with (1 + softmax(x, y))[1], or take the sum(…)."),
        ("x*softmax(x, y)[3]", "EXPRESSION, column 17: expected a place from 1 to 2, found [3]."),
        ("x[1]", "EXPRESSION, column 1: expected a vector, as x1..x3, found 'x'."),
        ("sum(w3..w1)", "EXPRESSION, column 5: expected names that are numbered upwards, at most 1,000, as w1..w3, found 'w3..w1'."),
        ("sum(w..x)", "EXPRESSION, column 5: expected names that are numbered upwards, at most 1,000, as w1..w3, found 'w..x'."),
        ("sum(w1..w9999)", "EXPRESSION, column 5: expected names that are numbered upwards, at most 1,000, as w1..w3, found 'w1..w9999'."),
        ("sum(a1..a2 * b1..b3)", "EXPRESSION, column 5: expected vectors of the same length, found 2 and 3: a1..a2 * b1..b3."),
        ("x^2 + sum(w1..w2)", "EXPRESSION, column 11: the variable 'w1' has no value. Give it one with --at w1=1."),
        ("max()", "EXPRESSION, column 1: expected values for max, found 'max()'."),
        ("x + tahn(y)", "EXPRESSION, column 5: expected one of the functions exp, log, sqrt, abs, sigmoid, tanh, arctan, cos, relu, step, sign, hinge, sum, max, logsumexp, softmax, found 'tahn'. Did you mean 'tanh'?"),
        ("x + (y", "EXPRESSION, column 5: '(' has no other half."),
        ("x + y)", "EXPRESSION, column 6: ')' has no other half."),
        ("2x", "EXPRESSION, column 1: expected an operator after a number. Write 2*x for 2x."),
        ("x#y", "EXPRESSION, column 2: expected an expression, found '#'."),
        ("2*lambda", "EXPRESSION, column 3: expected an expression, found 'lambda'. Call it something else."),
        ("u2*x", "EXPRESSION, column 1: 'u2' is what a node is called. Call it something else."),
        ("x +", "EXPRESSION, column 4: expected an expression, found its end."),
        ("", "EXPRESSION, column 1: expected an expression, found its end."),
        ("exp(x, y)", "EXPRESSION, column 1: expected one value for exp, found 'exp(x, y)'."),
        ("x.real", "EXPRESSION, column 1: expected + - * / ^, a function, a variable or a number, found 'x.real'."),
        ("[x for x in y]", "EXPRESSION, column 4: expected an expression, found 'for'. Call it something else."),
        ("x if y else 1", "EXPRESSION, column 3: expected an expression, found 'if'. Call it something else."),
        ("x + 'a'", "EXPRESSION, column 5: expected + - * / ^, a function, a variable or a number, found ''a''."),
        ("True", "EXPRESSION, column 1: expected an expression, found 'True'. Call it something else."),
        ("1e999", "EXPRESSION, column 1: expected a number up to 1.8e308, found 1e999."),
    ],
)  # fmt: skip
def test_what_is_no_expression_is_told_with_its_place(expression: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        graph_of(expression, dict.fromkeys(("a1", "a2", "b1", "b2", "b3"), 0.0) | {"x": 1.0, "y": 2.0})
    assert str(error.value) == message


@pytest.mark.parametrize("expression", ["(" * 5000 + "x" + ")" * 5000, "-" * 90_000 + "x", "+".join("x" * 60_000)])
def test_deep_expressions_are_refused(expression: str) -> None:
    with pytest.raises(UsageError, match=r"column \d+: expected at most 200 operations within one another, found more"):
        graph_of(expression, {"x": 1.0})


@pytest.mark.parametrize(
    ("expression", "column"),
    [("9" * 310, 1), ("x*" + "9" * 310, 3), ("9" * 5000, 1), ("x*0x" + "f" * 300, 3), ("1e400", 1), ("x/-1e400", 4)],
    ids=lambda value: str(value)[:10],
)
def test_numbers_beyond_a_float_are_refused(expression: str, column: int) -> None:
    with pytest.raises(UsageError, match=rf"column {column}: expected a number up to 1\.8e308, found ") as error:
        graph_of(expression, {"x": 1.0})
    assert len(str(error.value)) < 150


@pytest.mark.parametrize("json", [[], ["--json"], ["--dot"]], ids=repr)
def test_a_derivative_beyond_a_float_is_one_line(json: list[str], nncli: Callable[..., Any]) -> None:
    # f = 1e300² x = 1e300 at x = 1e-300, and df/dx = 1e600
    found = nncli("graph", "1e300*(1e300*x)", "--at", "x=1e-300", *json)
    line = "EXPRESSION: the derivative with respect to x is too large for a number.\n"
    assert (found.code, found.out, found.err) == (2, "", line)


@pytest.mark.parametrize(
    "words",
    [["x" * 100_000], ["x" * 100_000 + "(x)"], [f"x^{'7' * 4000}"], ["x*'" + "a" * 100_000 + "'"], ["x", "--at", "x=" + "9" * 100_000],
     ["x", "--at", "y" * 100_000]],
    ids=lambda words: words[-1][:10],
)  # fmt: skip
def test_what_is_refused_is_not_shown_at_any_length(words: list[str], nncli: Callable[..., Any]) -> None:
    found = nncli("graph", *words)
    assert (found.code, found.out, found.err.count("\n")) == (2, "", 1)
    assert len(found.err) < 400


def test_the_command_prints_a_table_and_a_tree(nncli: Callable[..., Any]) -> None:
    found = nncli("graph", "w*x + w", "--at", "w=2,x=3")
    assert (found.code, found.err) == (0, "")
    assert found.out == (
        "node   is        value   ∂/∂node   local derivatives\n"
        "───────────────────────────────────────────────────────────\n"
        "u1     w             2         4\n"
        "u2     x             3         2\n"
        "u3     u1 · u2       6         1   ∂u3/∂u1 = 3, ∂u3/∂u2 = 2\n"
        "u4     u3 + u1       8         1   ∂u4/∂u3 = 1, ∂u4/∂u1 = 1\n"
        "\n"
        "u4 = u3 + u1 = 8   ∂ 1\n"
        "├── u3 = u1 · u2 = 6   ∂ 1\n"
        "│   ├── u1 = w = 2   ∂ 4\n"
        "│   └── u2 = x = 3   ∂ 2\n"
        "└── u1 = w = 2   ∂ 4\n"
    )


def test_the_command_prints_json_and_graphviz(nncli: Callable[..., Any]) -> None:
    found = json.loads(nncli("graph", "w*x", "--at", "w=2,x=3", "--json").out)
    assert (found["value"], found["variables"]["w"]) == (6, {"value": 2, "derivative": 3})
    assert found["nodes"][2] == {
        "name": "u3", "is": "u1 · u2", "operands": ["u1", "u2"], "value": 6, "local_derivatives": [3, 2], "derivative": 1,
    }  # fmt: skip
    dot = nncli("graph", "w*x", "--at", "w=2,x=3", "--dot").out.splitlines()
    assert dot[0] == "digraph {"
    assert '  u3 [label="u3 = u1 · u2\\n= 6\\n∂ 1"]' in dot
    assert '  u1 -> u3 [label="3"]' in dot
    assert dot[-1] == "}"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["w*x", "--at", "w"], "--at: expected values as w=1,x=2, found 'w'."),
        (["w*x", "--at", "w=1,w=2"], "--at: 'w' has two values."),
        (["w*x", "--at", "w=one"], "--at: w: expected a finite number, found 'one'."),
        (["w*x", "--at", "w=nan"], "--at: w: expected a finite number, found 'nan'."),
        (["w", "--at", "w=1,x=2"], "--at: the expression has no variable 'x'. Leave it out."),
        (["w*x", "--at", "w=1"], "EXPRESSION, column 3: the variable 'x' has no value. Give it one with --at x=1."),
        (["1", "--dot", "--json"], "--dot: only one of --dot and --json can be printed. Leave one of them out."),
    ],
)  # fmt: skip
def test_bad_values_are_told(words: list[str], message: str, nncli: Callable[..., Any]) -> None:
    found = nncli("graph", *words)
    assert (found.code, found.out, found.err) == (2, "", message + "\n")


@pytest.mark.parametrize("expression", ["-x", "-x + 1", "-log(x)", "-sqrt(x)", "-tanh(x)", "--x", "-at*x"])
def test_an_expression_may_begin_with_a_minus(expression: str, nncli: Callable[..., Any]) -> None:
    at = "x=2,at=1" if "at" in expression else "x=2"
    found = nncli("graph", expression, "--at", at, "--json")
    assert found.json["value"] == value(expression, x=2, at=1)


def test_an_unknown_option_of_graph_is_no_expression(nncli: Callable[..., Any]) -> None:
    found = nncli("graph", "x", "--at", "x=1", "--dott")
    assert (found.code, found.out) == (2, "")
    assert "--dott" in found.err


def test_values_may_come_in_several_options_and_other_alphabets(nncli: Callable[..., Any]) -> None:
    assert nncli("graph", "x*y", "--at", "x=2", "--at", "y=3", "--json").json["value"] == 6
    # the micro sign of keyboards, and the Greek letter that Python makes of it
    assert nncli("graph", "\u00b5*x", "--at", "\u00b5=2,x=3", "--json").json["value"] == 6
    assert nncli("graph", "\u00b5*x", "--at", "\u03bc=2,x=3", "--json").json["value"] == 6


def test_an_operand_used_twice_shows_both_local_derivatives(nncli: Callable[..., Any]) -> None:
    assert "u2     u1 · u1       9         1   ∂u2/∂u1 = 3 + 3\n" in nncli("graph", "x*x", "--at", "x=3").out


def test_an_expression_may_be_longer_than_a_file_name(nncli: Callable[..., Any]) -> None:
    found = nncli("graph", "+".join(["x"] * 150), "--at", "x=2", "--json")
    assert found.json["variables"]["x"]["derivative"] == 150


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["x", "--jsn", "--at", "x=1"], "nncli graph: no such option: --jsn. See nncli graph --help."),
        (["x", "--row", "3"], "--row: 'x' is not a model, and an expression has no rows. Leave it out."),
        (["data.csv"], "EXPRESSION: expected one, or a model, found the file 'data.csv'."),
    ],
)  # fmt: skip
def test_what_is_no_expression_at_all(
    words: list[str], message: str, nncli: Callable[..., Any], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_text("a,b\n")
    found = nncli("graph", *words)
    assert (found.code, found.out, found.err) == (2, "", message + "\n")
