"""Log on stderr what the server does: a line of JSON for each event, or of words in a terminal."""

from __future__ import annotations

import functools
import json
import logging
import sys
import time
from contextlib import suppress
from typing import Any

from nncli.system.output import one_line

QUIET = ("info",)  # levels that --quiet leaves out


class Log(logging.Handler):
    """Writes events; also those of uvicorn that are warnings."""

    def __init__(self, quiet: bool = False, is_json: bool = True) -> None:
        super().__init__(logging.WARNING)
        self.quiet, self.is_json = quiet, is_json

    def write(self, event: str, level: str = "info", **fields: Any) -> None:
        """Write an event with what belongs to it."""
        if self.quiet and level in QUIET:
            return
        now = time.time()
        stamp = f"{_second(int(now))}.{int(now % 1 * 1000):03}Z"
        if self.is_json:
            line = json.dumps({"time": stamp, "level": level, "event": event, **fields})
        else:
            line = one_line(f"{stamp[11:19]} {_words(event, fields)}")
        with suppress(OSError, ValueError):  # nobody reads it
            print(line, file=sys.stderr, flush=True)

    def emit(self, record: logging.LogRecord) -> None:
        """Take an event of a library."""
        fields = {"error": repr(record.exc_info[1])} if record.exc_info else {}
        self.write("http", record.levelname.lower(), message=record.getMessage(), **fields)


@functools.lru_cache(maxsize=2)
def _second(now: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))


def _words(event: str, fields: dict[str, Any]) -> str:
    if event == "request":
        what = "{method} {path} {status} {ms:g} ms".format(**fields)
        shown = {"error": "{}", "rows": "{:,} rows", "notes": "{}"}
        more = (how.format(fields[name]) for name, how in shown.items() if fields.get(name))
        return ", ".join([what, *more])
    said = ", ".join(f"{name} {value}" for name, value in fields.items())
    return f"{event}: {said}" if said else event
