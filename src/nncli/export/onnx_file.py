"""Write a model as an ONNX graph, for any runtime, with the `onnx` package alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nncli.errors import OptionError, OutputError, UsageError, mention
from nncli.export.description import Description, columns_of, inputs_of
from nncli.export.onnx_graph import INTERNAL, MATRIX, ML, Graph, onnx_package
from nncli.export.sparse_rows import with_zeros
from nncli.export.targets import TARGETS, Target, refuse_words
from nncli.export.verify import WRITE_AGAIN, compare, said_of
from nncli.nn.components import Configurable
from nncli.system.output import in_quotes

OPSET, ML_OPSET, IR = 17, 3, 8  # of 2022: every runtime of today knows them
MOST_INPUTS = 50_000  # runtimes take minutes for more
OUTPUTS = ("prediction", "probabilities", "scores")


@TARGETS.register("onnx")
@dataclass
class Onnx(Configurable, Target):
    """A graph for any ONNX runtime, opset 17"""

    matrix: bool = False

    endings = (".onnx",)
    begins = b"\x08\x08\x12\x05nncli"  # the version of the form, 8, and the producer

    def check_can_write(self, description: Description) -> None:
        refuse_words(description, "ONNX")
        onnx_package("--to onnx")
        if not self.matrix:
            n = len(description["columns"])
            if n > MOST_INPUTS:
                remedy = (
                    f"Add {mention('matrix', True)}" if n == inputs_of(description) else f"Use {mention('to', 'js')}"
                )
                problem = f"expected at most {MOST_INPUTS:,} columns, as each is an input of the graph, found {n:,}"
                raise OptionError("to", problem, remedy)
            for column in description["columns"]:
                name = column["name"]
                if name in ("", *OUTPUTS) or name.startswith(INTERNAL):
                    problem = f"column {in_quotes(name)}: an input of a graph cannot be called so"
                    remedy = f"Rename it in the data, and train again, or use {mention('matrix', True)}"
                    raise OptionError("to", problem, remedy)
            return
        for kind, why in (("text", "it is text"), ("date", "it is a date, which float32 cannot hold")):
            if kind == "date" and description["reads"] == "float64":
                continue
            for column in columns_of(description, kind):
                problem = f"column {in_quotes(column['name'])} cannot be in a matrix of numbers, as {why}"
                remedy = f"Leave {mention('matrix')} out: each column is then an input by itself"
                raise OptionError("matrix", problem, remedy)

    def write(self, description: Description, name: str) -> bytes:
        onnx = onnx_package("--to onnx")
        description = with_zeros(description)
        graph = Graph(description, self.matrix)
        graph.build()
        model = onnx.helper.make_model(
            onnx.helper.make_graph(graph.nodes, name, graph.inputs, graph.outputs, graph.constants),
            opset_imports=[onnx.helper.make_opsetid("", OPSET), onnx.helper.make_opsetid(ML, ML_OPSET)],
            producer_name="nncli",
            producer_version=description["nncli"],
            ir_version=IR,
            doc_string=f"Predicts {description['target']}; trained by nncli",
        )
        keys = ("format", "task", "target", "classes", "reads", "output", "columns", "card", "golden")
        stored = {key: json.dumps(description[key], allow_nan=False) for key in keys}
        onnx.helper.set_model_props(model, stored)
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString(deterministic=True))

    def verify(self, path: Path) -> str:
        onnx = onnx_package(str(path))
        try:
            model = onnx.load_model(str(path), load_external_data=False)  # an export has none
            description = {one.key: json.loads(one.value) for one in model.metadata_props}
            answers, predictions = _run(model, description)
            return said_of(len(answers), compare(answers, predictions, description))
        except UsageError:
            raise
        except Exception as error:  # those of protobuf and onnxruntime have nothing else in common
            told = " ".join(str(error).split())
            raise OutputError(str(path), f"its check failed: {told}", WRITE_AGAIN) from None


def feeds(rows: list[dict[str, Any]], columns: list[dict[str, Any]], reads: str, matrix: bool) -> dict[str, Any]:
    """Return rows as the inputs of the graph: a missing number is NaN, a missing text is empty."""
    found: dict[str, Any] = {}
    for column in columns:
        cells = [row[column["name"]] for row in rows]
        if column["kind"] == "text":
            found[column["name"]] = np.array([["" if cell is None else cell] for cell in cells], object)
        else:
            dtype = "float64" if column["kind"] == "date" else reads
            found[column["name"]] = np.array([[np.nan if cell is None else cell] for cell in cells], dtype)
    return {MATRIX: np.hstack([*found.values()])} if matrix else found


def _run(model: Any, description: Mapping[str, Any]) -> tuple[list[list[float]], list[Any]]:
    """Return the answers for the golden rows, of onnxruntime if it is there, or else of the reference of onnx."""
    is_matrix = [one.name for one in model.graph.input] == [MATRIX]  # or one column has that name: the same
    given = feeds(description["golden"]["rows"], description["columns"], description["reads"], is_matrix)
    try:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # its errors are exceptions too
        run = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"]).run
    except ImportError:
        from onnx.reference import ReferenceEvaluator

        run = ReferenceEvaluator(model).run
    if description["task"] == "regression":
        (numbers,) = run(None, given)
        return numbers.reshape(-1, 1).tolist(), []
    predictions, answers = run(None, given)
    return answers.tolist(), [*map(str, predictions.tolist())]
