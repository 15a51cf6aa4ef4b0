"""Text tables that begin as files of another format do are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nncli.data.csv.csv_options import CsvOptions
from nncli.data.load import load_dataset

Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("in_a_folder_with_a_table")


# which begin as some of these do, and are tables
TABLES = {
    "names in brackets": "(Size),(Length),label\n1,2,p\n2,3,q\n",
    "a name that begins with a bracket and I": "(I1),b,label\n1,2,p\n2,3,q\n",
    "a name that begins with c": "c.x,label\np1,p\np2,q\n",
    "xs": "x,label\n1,p\n2,q\n",
    "A alone": "A,label\n2,p\n3,q\n",
    "a sign for less": "<5,label\n1,p\n2,q\n",
    "rows of messages": '{"message": "x", "label": "p"}\n{"message": "y", "label": "q"}\n',
}


@pytest.mark.parametrize("kind", TABLES)
def test_tables_that_begin_like_another_format_are_read(kind: str) -> None:
    Path("f").write_text(TABLES[kind])
    assert load_dataset(("f",), CsvOptions(), "float32").classes == ("p", "q")


@pytest.mark.parametrize("text", [
    "version,label\n" + "".join(f"{i},{'pq'[i % 2]}\n" for i in range(40)),
    "%a,label\n" + "".join(f"{i % 7},{'pq'[i % 2]}\n" for i in range(40)),
    "@relations,label\n" + "".join(f"{i % 7},{'pq'[i % 2]}\n" for i in range(40)),
    "<x>,label\n" + "".join(f"{i % 7},{'pq'[i % 2]}\n" for i in range(40)),
    "[a],label\n" + "".join(f"{i % 7},{'pq'[i % 2]}\n" for i in range(40)),
    "ORDER,label\n" + "".join(f"{i % 7},{'pq'[i % 2]}\n" for i in range(40)),
    "ORC,label\n" + "".join(f"{i % 7},{'pq'[i % 2]}\n" for i in range(40)),
    "FEA1,label\n" + "".join(f"{i % 7},{'pq'[i % 2]}\n" for i in range(40)),
    "BMI,label\n" + "".join(f"{i % 7},{'pq'[i % 2]}\n" for i in range(40)),
    "7:30,label\n" + "".join(f"{i % 7},{'pq'[i % 2]}\n" for i in range(40)),
], ids=lambda text: text[:9])  # fmt: skip
def test_a_text_table_that_begins_like_something_else_stays_one(text: str) -> None:
    Path("d.csv").write_text(text)
    assert (
        len(load_dataset(("d.csv",), CsvOptions(categorical=tuple(text[: text.index(",")].split("\n"))), "float32"))
        == 40
    )
