"""Write a small model as one SELECT, for SQLite, DuckDB and PostgreSQL, and check it in SQLite."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

from nncli.errors import OptionError, OutputError, mention
from nncli.export.description import Description, columns_of, inputs_of
from nncli.export.sparse_rows import with_zeros
from nncli.export.sql_select import ROW, quoted, select
from nncli.export.targets import TARGETS, Target, refuse_words, refuse_zero_bytes
from nncli.export.text import said
from nncli.export.verify import WRITE_AGAIN, compare, said_of
from nncli.system.output import in_quotes

MOST_PARAMETERS, MOST_COLUMNS = 20_000, 1_500  # SQLite takes 2,000 columns, and a million characters
DAYS = (
    "Of a date d, they are julianday(d) - 2440587.5\n-- in SQLite, epoch(d) / 86400.0 in DuckDB, "
    "extract(epoch from d) / 86400.0 in PostgreSQL."
)
GOLDEN = "-- golden rows: "


@TARGETS.register("sql")
class Sql(Target):
    """One SELECT for SQLite, DuckDB and PostgreSQL, of small networks"""

    endings = (".sql",)
    begins = b"-- A trained model, written by nncli"

    def check_can_write(self, description: Description) -> None:
        refuse_words(description, "SQL")
        if "members" in description:
            problem = f"expected one network, found an ensemble of {len(description['members'])}, which no SELECT holds"
            raise OptionError("to", problem, f"Use {mention('to', 'onnx')}")
        parameters = sum(
            sum(w != 0 for row in layer["weights"] for w in row) + len(layer["biases"]) + len(layer["slopes"])
            for layer in description["layers"]
        )
        widest = max(inputs_of(description), *(len(layer["biases"]) for layer in description["layers"]))
        for what, found, most in (
            ("parameters that are not 0", parameters, MOST_PARAMETERS),
            ("inputs, or units of a layer", widest, MOST_COLUMNS),
        ):
            if found > most:
                problem = (
                    f"expected a network of at most {most:,} {what}, as each is a part of one SELECT, found {found:,}"
                )
                raise OptionError("to", problem, f"Use {mention('to', 'onnx')}, or train a smaller one")
        refuse_zero_bytes(description, "SQL")
        names = [ROW, *(column["name"] for column in description["columns"])]
        for i, name in enumerate(names):
            if name.lower() in {other.lower() for other in names[:i]}:
                problem = f"column {in_quotes(name)}: SQL cannot tell it from another one"
                raise OptionError("to", problem, "Rename it in the data, and train again")

    def write(self, description: Description, name: str) -> bytes:
        description = with_zeros(description)
        golden = {key: description[key] for key in ("format", "task", "output", "classes", "columns", "golden")}
        dates = ", ".join(said(column["name"]) for column in columns_of(description, "date"))
        target = said(description["target"])
        head = [
            f"-- A trained model, written by nncli: predicts {target} of each row of the table data.",
            "-- For SQLite (3.35 or later, with its mathematical functions), DuckDB and PostgreSQL. A missing cell is",
            "-- NULL, and columns of numbers have a type of numbers. Put the name of your table in the place of data.",
        ]
        head += [f"-- Dates are days since 1970-01-01: {dates}. {DAYS}"] * bool(dates)
        text = "\n".join([*head, select(description), GOLDEN + json.dumps(golden, allow_nan=False), ""])
        return text.encode("utf-8", "surrogateescape")

    def verify(self, path: Path) -> str:
        try:
            text = path.read_text("utf-8", "surrogateescape")
            description = golden_of(text)
            with contextlib.closing(sqlite3.connect(":memory:")) as database:
                create_table(database, description)
                database.set_authorizer(_is_query)
                found, predictions = answers_in(database, text, description)
            return said_of(len(found), compare(found, predictions, description))
        except (sqlite3.Error, LookupError, TypeError, ValueError, RecursionError) as error:
            raise OutputError(str(path), f"its check in SQLite failed: {error}", WRITE_AGAIN) from None


def golden_of(text: str) -> Description:
    """Return what the last line of a file says: the columns, the output and the golden rows. ValueError without it."""
    _, found, line = text.rpartition(f"\n{GOLDEN}")
    description = json.loads(line) if found else None
    if not isinstance(description, dict):
        raise ValueError("it has no golden rows")
    return description


def create_table(database: Any, description: Description) -> None:
    """Create the table data, with the golden rows."""
    columns, rows = description["columns"], description["golden"]["rows"]
    types = {"number": "DOUBLE PRECISION", "date": "DOUBLE PRECISION", "text": "VARCHAR"}
    made = ", ".join(f"{quoted(column['name'])} {types[column['kind']]}" for column in columns)
    database.execute(f"CREATE TABLE data ({made})")
    cells = [[row[column["name"]] for column in columns] for row in rows]
    database.executemany(f"INSERT INTO data VALUES ({', '.join('?' * len(columns))})", cells)


def answers_in(database: Any, text: str, description: Description) -> tuple[list[list[float]], list[Any]]:
    """Return the answers of a database for the rows of the table data, and the predictions."""
    own = [row[1 + len(description["columns"]) :] for row in database.execute(text).fetchall()]
    if description["task"] == "regression":
        return [[row[0]] for row in own], []
    return [list(row[1:]) for row in own], [row[0] for row in own]


def _is_query(action: int, *_: object) -> int:
    """Allow SQLite to read the table, and nothing else: whoever sends such a file shall not write another with it."""
    allowed = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION)
    return sqlite3.SQLITE_OK if action in allowed else sqlite3.SQLITE_DENY
