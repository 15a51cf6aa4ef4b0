"""Answer a request in which something is wrong: a status of HTTP, and where, what, and what to do."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
from urllib.parse import quote

from nncli.data.csv.header import DETECTED
from nncli.errors import MENTION, DataError, NncliError, UsageError
from nncli.system.output import one_line

WHERE = "request"  # the file name in errors of what was sent
OF_TEXT = tuple(name for name in vars(DETECTED) if name != "sheet")  # parameters of CSV
PARAMETERS = ("reasons", "interval", *OF_TEXT)  # of an address; other options that an error names are of `nncli train`


@dataclasses.dataclass
class Problem(Exception):
    """A request that is not answered with a prediction. `retry_after` is in seconds; with `close`, the connection is
    closed behind the answer, as the rest of the request is not read."""

    status: int
    where: str
    problem: str
    remedy: str = ""
    retry_after: int = 0
    close: bool = False
    allow: str = ""  # the methods that there are

    def __str__(self) -> str:
        stop = "" if not self.remedy or self.remedy.endswith("?") else "."
        return f"{self.where}: {self.problem}." + (f" {self.remedy}{stop}" if self.remedy else "")

    def to_json(self) -> bytes:
        """Write it as a JSON object: the whole line, and its parts."""
        parts = {"error": str(self), "where": self.where, "problem": self.problem, "remedy": self.remedy}
        return json.dumps({name: one_line(text) for name, text in parts.items()}).encode()

    def headers(self) -> dict[str, str]:
        """Return the headers that its answer needs."""
        found = {"retry-after": str(self.retry_after)} if self.retry_after else {}
        found |= {"connection": "close"} if self.close else {}
        found |= {"www-authenticate": "Bearer"} if self.status == 401 else {}
        return found | ({"allow": self.allow} if self.allow else {})


def problem_of(error: NncliError) -> Problem:
    """Say what is wrong in the words of an error of the reader, or of the model; options are parameters here."""
    status = 400 if isinstance(error, UsageError) else 422 if isinstance(error, DataError) else 500
    where, problem, remedy = (MENTION.sub(_as_parameter, text) for text in (error.where, error.problem, error.remedy))
    return Problem(status, where, problem, remedy)


def _as_parameter(found: re.Match[str]) -> str:
    """Write the option that an error mentions as an address has it, `?quote=%27`, if it has it."""
    name, _, value = found[2].partition("=")
    if name not in PARAMETERS:
        return found[1]
    return f"?{name}={quote(str(ast.literal_eval(value)))}" if value else f"?{name}"
