"""The graph of ONNX that predicts: from the cells of rows to their answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nncli.data.input_scale import LARGEST
from nncli.errors import UsageError
from nncli.export.description import Description, columns_of, members_of, shares_of
from nncli.export.expressions import Language

INTERNAL = "nn/"  # begins all names in the graph but those of inputs and outputs
MATRIX = "inputs"  # the name of the only input, where there is one for all columns
ML = "ai.onnx.ml"  # the domain of operators for columns
OPERATIONS = {"+": "Add", "-": "Sub", "*": "Mul", "/": "Div"}
FUNCTIONS = {"arctan": "Atan", "cos": "Cos", "exp": "Exp", "relu": "Relu", "tanh": "Tanh"}
INSTALL = "Install it with: pip install 'nncli[onnx]'"


def onnx_package(where: str) -> Any:
    """Import the package. UsageError where it is missing."""
    try:
        import onnx
        import onnx.checker
        import onnx.helper
        import onnx.numpy_helper
    except ImportError:
        raise UsageError(where, "expected the package onnx, found none", INSTALL) from None
    return onnx


@dataclass
class Graph:
    """The graph as it grows. Every method that adds a node returns the name of its output."""

    description: Description
    matrix: bool
    nodes: list[Any] = field(default_factory=list)
    inputs: list[Any] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.onnx = onnx_package("--to onnx")
        self.types = {
            "float32": self.onnx.TensorProto.FLOAT,
            "float64": self.onnx.TensorProto.DOUBLE,
            "text": self.onnx.TensorProto.STRING,
            "int64": self.onnx.TensorProto.INT64,
        }
        self.dtype: str = self.description["dtype"]

    def build(self) -> None:
        """Add everything from the inputs to the outputs."""
        x = self.input_matrix()
        scores = [self.layers(x, layers) for layers in members_of(self.description)]
        z = self.mean(scores) if "mean" in self.description else scores[0]
        output = self.description["output"]
        if self.description["task"] == "regression":
            wide = self.cast(z, "float64")
            number = self.add("Mul", wide, self.constant(output["sd"], "float64"))
            number = self.add("Add", number, self.constant(output["mean"], "float64"))
            unit = output["unit"]  # beyond it, there are rounding errors alone
            parts = self.constant(unit if unit >= 1 else round(1 / unit), "float64")
            first, then = ("Div", "Mul") if unit >= 1 else ("Mul", "Div")
            self.add(then, self.add("Round", self.add(first, number, parts)), parts, name="prediction")
            self.output("prediction", "float64", 1)
            return
        self.answer(z, output)

    # inputs

    def input_matrix(self) -> str:
        """Add the inputs of the graph, and what makes of them the inputs X of the network."""
        description, reads = self.description, self.description["reads"]
        numbers, dates, texts = (columns_of(description, kind) for kind in ("number", "date", "text"))
        parts, whole = [], ""
        if self.matrix:
            whole = self.input(MATRIX, reads, len(numbers) + len(dates))
        if numbers:
            names = [column["name"] for column in numbers]
            if not self.matrix:
                values = self.joined([self.input(name, reads, 1) for name in names])
            elif dates:
                values = self.columns(whole, range(len(numbers)))
            else:
                values = whole
            learned = {what: [column[what] for column in numbers] for what in ("median", "shift", "scale")}
            parts.append(self.scaled(values, learned | {"clip": numbers[0].get("clip")}, reads))
        for i, column in enumerate(dates):
            days = self.columns(whole, [len(numbers) + i]) if self.matrix else self.input(column["name"], "float64", 1)
            parts.append(self.scaled(self.parts_of_date(days, column["first"]), column, "float64"))
        for column in texts:
            codes = self.codes(self.input(column["name"], "text", 1), column)
            places = self.constant(list(range(column["inputs"])), "int64")
            parts.append(self.cast(self.add("Equal", codes, places), self.dtype))
        return self.joined(parts)

    def scaled(self, values: str, learned: Mapping[str, Any], dtype: str) -> str:
        """Add x = (value - shift) * scale, of the median where the value is missing, cut off at 1e15; with a clip, add
        x / √(1 + (x / clip)²)."""
        if dtype == "float32":  # for which there is an operator that does this at once
            missing = {"imputed_value_floats": learned["median"], "replaced_value_float": float("nan")}
            filled = self.add("Imputer", values, domain=ML, **missing)
        else:
            median = self.constant(learned["median"], dtype)
            filled = self.add("Where", self.add("IsNaN", values), median, values)
        shift, scale = (self.constant(learned[what], dtype) for what in ("shift", "scale"))
        x = self.add("Mul", self.add("Sub", filled, shift), scale)
        x = self.clip(x, LARGEST, dtype)
        if learned.get("clip") is not None:
            one, clip = self.constant(1.0, dtype), self.constant(learned["clip"], dtype)
            part = self.add("Div", x, clip)
            x = self.add("Div", x, self.add("Sqrt", self.add("Add", one, self.add("Mul", part, part))))
        return self.cast(x, self.dtype)

    def parts_of_date(self, days: str, first: float) -> str:
        """Add the days since the first, the day of the year and the weekday of dates (n, 1), all NaN where a date is
        missing. Years are counted from March: a leap day is then the last of its year (Fliegel and Van Flandern
        1968)."""

        def number(value: float) -> str:
            return self.constant(value, "float64")

        def divided(value: str, by: float) -> str:
            return self.add("Floor", self.add("Div", value, number(by)))

        def times(value: str, by: float) -> str:
            return self.add("Mul", value, number(by))

        day = self.add("Floor", days)
        since = self.add("Add", day, number(719468))  # the first of March of the year 0
        of_era = self.add("Sub", since, times(divided(since, 146097), 146097))
        years = self.add("Sub", of_era, divided(of_era, 1460))
        years = self.add("Sub", self.add("Add", years, divided(of_era, 36524)), divided(of_era, 146096))
        year = divided(years, 365)
        before = self.add("Sub", self.add("Add", times(year, 365), divided(year, 4)), divided(year, 100))
        from_march = self.add("Sub", of_era, before)
        of_four = self.add("Equal", times(divided(year, 4), 4), year)
        of_hundred = self.add("Equal", times(divided(year, 100), 100), year)
        is_usual = self.add("Or", self.add("Not", of_hundred), self.add("Equal", year, number(0)))
        is_leap = self.cast(self.add("And", of_four, is_usual), "float64")
        late = self.add("Add", self.add("Add", from_march, number(60)), is_leap)
        early = self.add("Sub", from_march, number(305))
        of_year = self.add("Where", self.add("Less", from_march, number(306)), late, early)
        shifted = self.add("Add", day, number(3))
        weekday = self.add("Sub", shifted, times(divided(shifted, 7), 7))
        return self.joined([self.add("Sub", days, number(first)), of_year, weekday])

    def codes(self, texts: str, column: Mapping[str, Any]) -> str:
        """Add which input each text (n, 1) sets to 1."""
        known = dict(sorted(column["codes"].items()))
        return self.add(
            "LabelEncoder",
            texts,
            domain=ML,
            keys_strings=[*known],
            values_int64s=[*known.values()],
            default_int64=column["inputs"] - 1,
        )

    # layers

    def mean(self, scores: list[str]) -> str:
        """Add the scores of an ensemble: those of which sigmoid or softmax is the mean of those of the members, or the
        mean of their scores."""
        shares = [self.constant(share, self.dtype) for share in shares_of(self.description)]

        def mean(values: list[str]) -> str:
            return self.add("Sum", *(self.add("Mul", one, share) for one, share in zip(values, shares, strict=True)))

        def log_mean(logarithms: list[str]) -> str:
            top = self.add("Max", *logarithms)
            parts = [self.add("Exp", self.add("Sub", one, top)) for one in logarithms]
            return self.add("Add", top, self.add("Log", mean(parts)))

        link = self.description["mean"]
        if link == "identity":
            return mean(scores)
        if link == "softmax":
            return log_mean([self.add("LogSoftmax", z, axis=1) for z in scores])
        of_first = [self.add("Neg", self.function("softplus", z)) for z in scores]
        of_second = [self.add("Neg", self.function("softplus", self.add("Neg", z))) for z in scores]
        return self.add("Sub", log_mean(of_second), log_mean(of_first))

    def layers(self, x: str, layers: list[dict[str, Any]]) -> str:
        """Add the dense layers of a network with their activations; return the scores."""
        for layer in layers:
            weights, biases = (self.constant(layer[what], self.dtype) for what in ("weights", "biases"))
            z = self.add("Gemm", x, weights, biases)
            slope = self.constant(layer["slopes"], self.dtype) if layer["slopes"] else ""
            written = Language[str](
                lambda number: self.constant(number, self.dtype),
                lambda sign, left, right: self.add(OPERATIONS[sign], left, right),
                self.function,
            )
            x = written.translated(layer["activation"], {"z": z, "slope": slope})
        return x

    def function(self, name: str, z: str) -> str:
        """Add a function of an activation."""
        if name in FUNCTIONS:
            return self.add(FUNCTIONS[name], z)
        one = self.constant(1.0, self.dtype)
        if name == "sigmoid":
            e = self.add("Exp", self.add("Neg", self.clip(z, 80.0, self.dtype)))
            return self.add("Div", one, self.add("Add", one, e))
        if name == "softplus":  # max(z, 0) + log(1 + e^-|z|)
            small = self.add("Log", self.add("Add", one, self.add("Exp", self.add("Neg", self.add("Abs", z)))))
            return self.add("Add", self.add("Relu", z), small)
        low = self.constant(0.0 if name == "step" else -1.0, self.dtype)
        return self.add("Where", self.add("Less", z, self.constant(0.0, self.dtype)), low, one)

    # answers

    def answer(self, z: str, output: Mapping[str, Any]) -> None:
        """Add the predicted class of each row, and the probability or score of each class, from the scores."""
        K, s = len(self.description["classes"]), z
        if output["calibration"]:
            a, b = (self.constant(output["calibration"][name], self.dtype) for name in ("a", "b"))
            s = self.clip(self.add("Add", self.add("Mul", s, a), b), 1e30, self.dtype)
        if output["scores"] == 1:
            border = self.constant(2 * output["border"], self.dtype)
            s = self.joined([self.add("Sub", border, s), s])
        name = "probabilities" if output["probabilities"] else "scores"
        if output["link"] == "identity":
            self.add("Identity", s, name=name)
        elif output["link"] == "softmax":
            self.add("Softmax", s, axis=1, name=name)
        else:
            p = self.function("sigmoid", s)
            self.add("Div", p, self.add("ReduceSum", p, self.constant([1], "int64"), keepdims=1), name=name)
        if output["threshold"] is not None:
            positive = output["positive"]
            is_less = self.add(
                "Less",
                self.columns(self.cast(name, "float64"), [positive]),
                self.constant(output["threshold"], "float64"),
            )
            own, other = (self.constant([[one]], "int64") for one in (positive, 1 - positive))
            places = self.add("Reshape", self.add("Where", is_less, other, own), self.constant([-1], "int64"))
        elif output["costs"]:
            costs = self.constant(np.negative(output["costs"]).tolist(), "float64")
            places = self.add("ArgMax", self.add("MatMul", self.cast(name, "float64"), costs), axis=1, keepdims=0)
        else:  # of two that are level, the second; of more, the first
            places = self.add("ArgMax", s, axis=1, keepdims=0, select_last_index=int(K == 2))
        classes, are_whole = self.description["classes"], all(map(is_whole, self.description["classes"]))
        names = self.constant([*map(int, classes)], "int64") if are_whole else self.strings(classes)
        self.add("Gather", names, places, axis=0, name="prediction")
        self.output("prediction", "int64" if are_whole else "text")
        self.output(name, self.dtype, K)

    # parts of a graph

    def add(self, operator: str, *names: str, name: str = "", **attributes: Any) -> str:
        """Add a node, and return the name of its output."""
        name = name or f"{INTERNAL}{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(operator, names, [name], **attributes))
        return name

    def constant(self, value: Any, dtype: str) -> str:
        """Add a constant, and return its name."""
        name = f"{INTERNAL}constant_{len(self.constants)}"
        self.constants.append(self.onnx.numpy_helper.from_array(np.array(value, dtype), name))
        return name

    def strings(self, values: list[str]) -> str:
        """Add a constant vector of texts, and return its name."""
        name = f"{INTERNAL}constant_{len(self.constants)}"
        data = [value.encode("utf-8", "surrogateescape") for value in values]
        self.constants.append(self.onnx.helper.make_tensor(name, self.types["text"], [len(values)], data))
        return name

    def input(self, name: str, dtype: str, width: int) -> str:
        """Add an input (rows, width) of the graph, and return its name."""
        made = self.onnx.helper.make_tensor_value_info(name, self.types[dtype], ["rows", width])
        self.inputs.append(made)
        return name

    def output(self, name: str, dtype: str, width: int | None = None) -> None:
        """Add an output (rows, width) of the graph, or (rows,)."""
        shape = ["rows"] if width is None else ["rows", width]
        self.outputs.append(self.onnx.helper.make_tensor_value_info(name, self.types[dtype], shape))

    def joined(self, parts: list[str]) -> str:
        """Add a matrix of the columns of several."""
        return parts[0] if len(parts) == 1 else self.add("Concat", *parts, axis=1)

    def columns(self, matrix: str, places: Any) -> str:
        """Add some columns of a matrix."""
        return self.add("Gather", matrix, self.constant([*places], "int64"), axis=1)

    def cast(self, name: str, dtype: str) -> str:
        """Add a change of type."""
        return self.add("Cast", name, to=self.types[dtype])

    def clip(self, name: str, largest: float, dtype: str) -> str:
        """Add limits on both sides of 0."""
        low, high = (self.constant(value, dtype) for value in (-largest, largest))
        return self.add("Clip", name, low, high)


def is_whole(name: str) -> bool:
    """Tell whether the name of a class is a whole number as Python writes it: an answer is then a number."""
    return re.fullmatch(r"0|-?[1-9]\d{0,17}", name) is not None
