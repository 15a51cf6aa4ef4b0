"""The description of the server for programs, OpenAPI 3.1: what a row of each model holds, and what comes back."""

from __future__ import annotations

from typing import Any

from nncli.inference.predict_options import PredictOptions
from nncli.inference.predictor import Predictor
from nncli.model.model import Model
from nncli.serve.answerer import WARNINGS
from nncli.serve.card import columns_of
from nncli.serve.models import Models, Served

VERSION = "3.1.0"
OF_PROBLEMS = {
    400: "The text is no JSON, or a parameter is wrong.",
    401: "The token is missing, or is another one.",
    408: "The body did not come within the time limit.",
    413: "The body, the number of its rows, or a row or column of JSON is too large.",
    415: "The body is of another type, or is compressed.",
    422: "A row cannot be read: a column is missing, or a cell is no number.",
    503: "The server has too much to do, or the rows take too long.",
}
PARAMETERS_OF_TEXT: dict[str, tuple[str, dict[str, Any]]] = {
    "encoding": (
        "of the text, as the charset of the Content-Type is",
        {"type": "string", "enum": ["utf-8", "utf-16", "latin-1", "cp1252"]},
    ),
    "skip_rows": ("lines to skip at the top", {"type": "integer", "minimum": 0}),
    "quote": ("character around cells", {"type": "string", "enum": ['"', "'", "none"]}),
    "escape": ("character before a quote within a cell", {"type": "string", "enum": ["\\", "none"]}),
    "header_rows": ("lines that name the columns together", {"type": "integer", "minimum": 1, "maximum": 100}),
    "rows": ("rows to read, as 1:100", {"type": "string", "pattern": "^[1-9][0-9]{0,8}:[1-9][0-9]{0,8}$"}),
}


def openapi(models: Models, most_rows: int, has_token: bool) -> dict[str, Any]:
    """Describe the server and its models."""
    schemas: dict[str, Any] = {"Problem": _problem(), "Health": _of_strings("status"), "Guard": _guard()}
    paths: dict[str, Any] = {
        "/health": {"get": _get("Whether the server answers", "Health", {})},
        "/metrics": {"get": _get("Counters, as Prometheus reads them", None, {}) | {"operationId": "metrics"}},
        "/models": {"get": _get("The models that are served", None, {"application/json": {"type": "object"}})},
    }
    only = len(models.served) == 1
    for i, (name, one) in enumerate(models.served.items(), 1):
        suffix = "" if only else str(i)
        schemas |= {f"Row{suffix}": _row(one), f"Answer{suffix}": _answer(one.model)}
        title = f"Predict '{one.model.schema.target}'" + ("" if only else f" with the model '{name}'")
        own = "" if only else f"/models/{name}"
        predict, card = f"{own}/predict", own or "/model"
        paths[predict] = {"post": _post(one, title, suffix, most_rows)}
        paths[card] = {"get": _get("The card of the model", None, {"application/json": {"type": "object"}})}
        about = "How the rows since the model was read differ from its training rows, as --guard of nncli predict says"
        paths[f"{own}/guard"] = {"get": _get(about, "Guard", {})}
    for path, methods in paths.items():
        for method in methods.values():
            method["operationId"] = path.strip("/").replace("/", "-")
    found: dict[str, Any] = {
        "openapi": VERSION,
        "info": {"title": "nncli serve", "version": next(iter(models.served.values())).provenance.version},
        "paths": paths,
        "components": {"schemas": schemas},
    }
    if has_token:
        found["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        found["security"] = [{"token": []}]
        paths["/health"]["get"]["security"] = []
    return found


def _row(served: Served) -> dict[str, Any]:
    properties, spellings = {}, dict(served.model.schema.spellings)
    for column in columns_of(served):
        kind, said = column["kind"], [column["kind"]]
        its: dict[str, Any] = {"type": ["string", "null"]}
        if kind == "number":
            takes_numbers = column["name"] not in spellings or spellings[column["name"]].takes_numbers
            its["type"] = ["number", "string", "null"] if takes_numbers else ["string", "null"]
            its["examples"] = [column["median"] if takes_numbers else column["example"]]
            if "low" in column:
                said.append(f"in the training rows from {column['low']:.7g} to {column['high']:.7g}")
            said.append("a text is read as a cell of CSV is, and has to be a number")
        elif kind == "date":
            if "low" in column:
                said.append(f"in the training rows from {column['low']} to {column['high']}")
            its["examples"] = [column["example"]] if "example" in column else []
        elif kind == "text":
            its["type"] = ["string", "number", "boolean", "null"]
            its |= {"examples": column["categories"][:10]} if column["categories"] else {}
            said += ["a text, of which the words count"] if column.get("words") else []
        if "cells" in column:
            said.append(column["cells"])
        properties[column["name"]] = {**its, "description": "; ".join(said)}
    is_sparse = served.model.schema.sparse
    absent = "A key that is absent is 0." if is_sparse else "A key that is absent, or null, is a missing value."
    about = f"{absent} Keys that are no columns of the model are left out."
    return {"type": "object", "properties": properties, "description": about, "minProperties": 1}


def _answer(model: Model) -> dict[str, Any]:
    is_numeric = model.target is not None
    predictor = Predictor(model, PredictOptions(proba=not is_numeric, jsonl=True), beside=(WARNINGS,))
    properties: dict[str, Any] = {name: {"type": "number"} for name in predictor.names}
    if not is_numeric:
        properties["prediction"] = {"type": "string", "enum": [*model.classes]}
    properties[WARNINGS] = {"type": "array", "items": {"type": "string"}}
    return {"type": "object", "properties": properties, "required": [*properties]}


def _post(served: Served, title: str, suffix: str, most_rows: int) -> dict[str, Any]:
    row, answer = ({"$ref": f"#/components/schemas/{what}{suffix}"} for what in ("Row", "Answer"))
    columns = served.model.schema.names
    of_column = {"type": "array", "items": {"type": ["number", "string", "boolean", "null"]}}
    in_columns = {"type": "object", "minProperties": 1, "additionalProperties": of_column}
    text = {"schema": {"type": "string"}}
    sent = {
        "application/json": {
            "schema": {
                "anyOf": [row, {"type": "array", "items": row, "maxItems": most_rows}, in_columns],
                "description": "a row, a list of rows, or the columns as lists of one length",
            }
        },
        "text/csv": text,
        "application/x-ndjson": text,
    }
    answered = {**sent, "application/json": {"schema": {"anyOf": [answer, _list_of(answer), {"type": "object"}]}}}
    most = {"type": "integer", "minimum": 1, "maximum": len(columns)}
    share = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
    interval = "Probability with which low and high, or the set of classes, hold the truth"
    parameters = [
        _parameter("reasons", "Number of columns that matter most, with what each adds", most),
        _parameter("interval", interval, share),
        *(_parameter(name, f"Of CSV: {said}", schema) for name, (said, schema) in PARAMETERS_OF_TEXT.items()),
    ]
    return {
        "summary": title,
        "parameters": parameters,
        "requestBody": {"required": True, "content": sent},
        "responses": {
            "200": {"description": "The answers, in the form of the rows", "content": answered},
            **_problems(),
        },
    }


def _get(summary: str, schema: str | None, content: dict[str, Any]) -> dict[str, Any]:
    if schema is not None:
        content = {"application/json": {"$ref": f"#/components/schemas/{schema}"}}
    made = {kind: {"schema": its} for kind, its in content.items()} or {"text/plain": {"schema": {"type": "string"}}}
    return {"summary": summary, "responses": {"200": {"description": summary, "content": made}}}


def _parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


def _problems() -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {str(status): {"description": said, "content": content} for status, said in OF_PROBLEMS.items()}


def _problem() -> dict[str, Any]:
    return _of_strings("error", "where", "problem", "remedy")


def _guard() -> dict[str, Any]:
    """Describe what a guard says; of a model without statistics of its training columns, that they are not known."""
    count, texts = {"type": "integer", "minimum": 0}, {"type": "array", "items": {"type": "string"}}
    properties: dict[str, Any] = {"model": {"type": "string"}, "data": texts, "known": {"type": "boolean"}}
    properties |= dict.fromkeys(("rows", "binned_rows", "training_rows", "sampled_rows"), count)
    properties |= dict.fromkeys(("outside", "drifted", "warnings"), texts)
    properties |= {"predictions_drifted": {"type": "boolean"}, "predictions": {"type": ["object", "null"]}}
    properties["columns"] = {"type": "array", "items": {"type": "object"}}
    return {"type": "object", "properties": properties, "required": ["model", "data", "known"]}


def _of_strings(*names: str) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {"type": "string"} for name in names}, "required": [*names]}


def _list_of(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": schema}
