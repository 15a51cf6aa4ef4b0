"""Responses: documents, and what is wrong with a request."""

from __future__ import annotations

import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from nncli.errors import NncliError
from nncli.serve.problems import Problem, problem_of


def as_json(document: Any, status: int = 200) -> Response:
    """Write a document in ASCII: the name of a file need not be UTF-8."""
    return Response(json.dumps(document, allow_nan=False), status, media_type="application/json")


def answer(problem: Problem) -> Response:
    headers = problem.headers()
    return Response(problem.to_json(), problem.status, headers, "application/json")


async def answer_problem(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    request.scope["told"]["error"] = str(problem)
    return answer(problem)


async def answer_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, NncliError)
    return await answer_problem(request, problem_of(error))


async def answer_no_address(request: Request, error: Exception) -> Response:
    """Answer an address that there is not, and a method that it does not have."""
    assert isinstance(error, HTTPException)
    path, method = request.url.path, request.method
    if error.status_code == 405:
        allow = (error.headers or {}).get("Allow", "")
        problem = Problem(405, path, f"expected {allow.replace(', ', ' or ')}, found {method}", allow=allow)
    else:
        remedy = "Ask one that /openapi.json lists, such as /predict, or /models/NAME/predict of several models"
        problem = Problem(error.status_code, path, "there is no such address", remedy)
    return await answer_problem(request, problem)


def bug(error: Exception) -> Problem:
    return Problem(500, "nncli serve", f"a bug: {type(error).__name__}", "The log of the server says more")


async def answer_bug(request: Request, error: Exception) -> Response:
    return answer(bug(error))
