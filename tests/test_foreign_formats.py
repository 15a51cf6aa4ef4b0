# ruff: noqa: E501  (a case stands on one line)
"""What is no data is named for what it is: as a file, as a model and on stdin, with advice that works when it is done."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import sqlite3
import struct
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cli_process import SMALL

Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("in_a_folder_with_a_table")


def zipped(**members: str | bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, content in members.items():
            file.writestr(name.replace("__", "/"), content)
    return out.getvalue()


def tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as file:
        file.add("d.csv")
    return out.getvalue()


def saved(save: Callable[..., Any], *args: Any, **arrays: Any) -> bytes:
    out = io.BytesIO()
    save(out, *args, **arrays)
    return out.getvalue()


def database() -> bytes:
    with sqlite3.connect("made") as connection:
        connection.execute("create table if not exists rows (a, b)")
    connection.close()
    return Path("made").read_bytes()


def arrow_stream() -> bytes:
    sink = pa.BufferOutputStream()
    table = pa.table({"a": [1]})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


# what it is, its bytes, and how it is called
FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    "pickle": (lambda: pickle.dumps({"a": [1]}), "a Python pickle"),
    "old pickle": (lambda: pickle.dumps({"a": [1]}, protocol=2), "a Python pickle"),
    "npy": (lambda: saved(np.save, np.zeros((3, 4))), "a NumPy array without labels (.npy)"),
    "xls": (
        lambda: bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600),
        "an old Excel file (.xls) or another Office document",
    ),
    "HDF5": (lambda: b"\x89HDF\r\n\x1a\n" + bytes(600), "an HDF5 file"),
    "MATLAB": (lambda: b"MATLAB 5.0 MAT-file, Platform: GLNXA64" + bytes(99), "a MATLAB file"),
    "SQLite": (database, "an SQLite database"),
    "7z": (lambda: b"7z\xbc\xaf\x27\x1c" + bytes(600), "a 7z archive"),
    "RAR": (lambda: b"Rar!\x1a\x07\x01\x00" + bytes(600), "a RAR archive"),
    "tar": (tar, "a tar archive"),
    "tar.gz": (lambda: gzip.compress(tar()), "a tar archive"),
    "tar.xz": (lambda: lzma.compress(tar()), "a tar archive"),
    "twice gzipped": (lambda: gzip.compress(gzip.compress(SMALL.encode())), "compressed data"),
    "bz2 in gzip": (lambda: gzip.compress(bz2.compress(SMALL.encode())), "compressed data"),
    "pickle, gzipped": (lambda: gzip.compress(pickle.dumps({"a": [1]})), "a Python pickle"),
    "GIF": (lambda: b"GIF89a" + bytes(99), "a GIF picture"),
    "TIFF": (lambda: b"II*\x00" + bytes(99), "a TIFF picture"),
    "WebP": (lambda: b"RIFF\x24\x00\x00\x00WEBPVP8 " + bytes(99), "a WebP picture"),
    "PDF": (lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF"),
    "Git LFS": (
        lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
        "a Git LFS pointer in place of the file",
    ),
    "web page": (lambda: b"<!DOCTYPE html>\n<html><body>Not found</body></html>\n", "a web page"),
    "web page, blanks first": (lambda: b"\n  <HTML lang='en'>\n", "a web page"),
    "XML": (lambda: b'\xef\xbb\xbf<?xml version="1.0"?>\n<rows></rows>\n', "XML"),
    "ARFF": (lambda: b"@relation iris\n@attribute a numeric\n@attribute b {p,q}\n@data\n1,p\n", "a Weka ARFF file"),
    "R": (lambda: gzip.compress(b"RDX3\nX\n\x00\x00\x00\x03"), "an R data file"),
    "ORC": (lambda: b"ORC" + bytes(99), "an ORC file"),
    "Avro": (lambda: b"Obj\x01" + bytes(99), "an Avro file"),
    "Stata": (lambda: b"<stata_dta><header>", "a Stata file"),
    "SPSS": (lambda: b"$FL2@(#) SPSS", "an SPSS file"),
    "Arrow stream": (arrow_stream, "an Arrow stream, while only Arrow files are read"),
    "pickle of protocol 0, a dict": (lambda: pickle.dumps({"a": [1]}, 0), "a Python pickle"),
    "pickle of protocol 0, a list": (lambda: pickle.dumps([1, 2], 0), "a Python pickle"),
    "pickle of protocol 0, a tuple": (lambda: pickle.dumps((1, 2), 0), "a Python pickle"),
    "pickle of protocol 0, an array": (lambda: pickle.dumps(np.arange(3), 0), "a Python pickle"),
    "pickle of protocol 0, an object": (lambda: pickle.dumps(Path("a"), 0), "a Python pickle"),
    "pickle of protocol 1, a dict": (lambda: pickle.dumps({"a": [1]}, 1), "a Python pickle"),
    "pickle of protocol 1, an array": (lambda: pickle.dumps(np.arange(3), 1), "a Python pickle"),
    "joblib": (lambda: zlib.compress(pickle.dumps({"a": [1]})), "a joblib file"),
    "MATLAB 7.3": (lambda: b"MATLAB 7.3 MAT-file, Platform: GLNXA64" + bytes(99), "a MATLAB file"),
    "MATLAB 4": (lambda: struct.pack("<5i", 0, 3, 2, 0, 2) + b"x\x00" + bytes(48), "a MATLAB file"),
    "rds": (lambda: gzip.compress(b"X\n\x00\x00\x00\x03" + bytes(50)), "an R data file"),
    "Stata, old": (lambda: b"\x72\x02\x01\x00\x05\x00" + bytes(99), "a Stata file"),
    "SPSS, portable": (lambda: b"ASCII SPSS PORT FILE" + b" " * 80, "an SPSS file"),
    "SAS": (lambda: bytes(12) + bytes.fromhex("c2ea8160b31411cfbd92080009c7318c"), "a SAS file"),
    "SAS, for exchange": (lambda: b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!0000", "a SAS file"),
    "dBase": (lambda: b"\x03\x78\x04\x15\x05" + bytes(99), "a dBase file"),
    "Access": (lambda: b"\x00\x01\x00\x00Standard Jet DB" + bytes(99), "a Microsoft Access database"),
    "NetCDF": (lambda: b"CDF\x01" + bytes(99), "a NetCDF file"),
    "Matrix Market": (
        lambda: b"%%MatrixMarket matrix coordinate real general\n3 3 1\n1 1 1.0\n",
        "a matrix of Matrix Market",
    ),
    "sound": (lambda: b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(99), "a sound"),
    "RTF": (lambda: b"{\\rtf1\\ansi a,b\\par }", "an RTF text"),
    "web page, a part": (lambda: b'<div class="x">\n<p>a</p>\n</div>\n', "a web page"),
    "web page, a comment first": (lambda: b"<!-- saved --><html><body></body></html>\n", "a web page"),
    "XML without a declaration": (lambda: b'<rows><row a="1"/></rows>\n', "XML"),
    "error of a store": (lambda: b"<Error><Code>AccessDenied</Code></Error>\n", "an error message in XML"),
    "JSON": (lambda: b'[{"a": 1}]\n', "JSON in one array"),
    "JSON over lines": (lambda: b'{\n "a": 1\n}\n', "JSON of several lines"),
}
# known by more than a pipe has sent when its first line is there
WHOLE: dict[str, tuple[Callable[[], bytes], str]] = {
    "rds as text": (lambda: b"A\n2\n262659\n197888\n787\n", "an R data file"),
    "error of a server": (lambda: b'{"error": "not found"}\n', "an error message in JSON"),
    "error of a server, nested": (lambda: b'{"message": "x", "status": {"code": 404}}', "an error message in JSON"),
    "error of a server, over lines": (
        lambda: b'{\n "message": "Not Found",\n "status": 404\n}\n',
        "an error message in JSON",
    ),
    "notebook": (lambda: b'{"cells": [{"cell_type": "code"}], "metadata": {}}', "a Jupyter notebook"),
}
# known by the list at their end, so that a pipe does not tell what they are
ZIPS: dict[str, tuple[Callable[[], bytes], str]] = {
    "two tables": (lambda: zipped(a=SMALL, b=SMALL), "a zip archive of 2 files"),
    "no file": (lambda: zipped(), "an empty zip archive"),
    "a folder alone": (lambda: zipped(folder__=""), "a zip archive of 0 files"),
    "a pickle": (lambda: zipped(a=pickle.dumps(1)), "a zip archive of a Python pickle"),
    "npz of other names": (lambda: saved(np.savez, train=np.eye(2), images=np.eye(2)), "an npz file with arrays of other names, train and images"),
    "npz without names": (lambda: saved(np.savez, np.eye(2), np.arange(2)), "an npz file with arrays of other names, arr_0 and arr_1"),
    "PyTorch": (lambda: zipped(model__data="x", **{"model__data.pkl": "x"}), "a PyTorch file"),
    "Keras": (lambda: zipped(**{"config.json": "{}", "model.weights.h5": "x"}), "a Keras model"),
    "Word": (lambda: zipped(**{"[Content_Types].xml": "", "word__document.xml": ""}), "a Word document"),
    "OpenDocument": (lambda: zipped(mimetype="application/vnd.oasis.opendocument.spreadsheet", **{"content.xml": ""}), "an OpenDocument file"),
    "cut short": (lambda: zipped(a=SMALL)[:200], "a zip archive that cannot be read: its end is missing"),
}  # fmt: skip


@pytest.mark.parametrize("kind", [*FILES, *ZIPS])
def test_a_file_is_named_for_what_it_is(nncli: Run, small_model: Path, kind: str) -> None:
    content, name = (FILES | ZIPS)[kind]
    Path("f").write_bytes(content())
    for command in (["train", "f"], ["check", "f"], ["eval", small_model, "f"], ["predict", small_model, "f"]):
        outcome = nncli(*command, "-q") if command[0] != "check" else nncli(*command)
        assert (outcome.code, outcome.out) == (1, "")
        assert outcome.err.startswith(f"f: expected data, found {name}")
        assert outcome.err.count("\n") == 1
    for command in (["eval", "f", "d.csv"], ["predict", "f", "d.csv"], ["info", "f"]):
        outcome = nncli(*command)
        assert (outcome.code, outcome.out) == (1, "")
        assert outcome.err.startswith(f"f: expected a model written by nncli, found {name}")


@pytest.mark.parametrize("kind", WHOLE)
def test_what_the_whole_file_tells_is_named(nncli: Run, small_model: Path, kind: str) -> None:
    content, name = WHOLE[kind]
    Path("f").write_bytes(content())
    for command in (["train", "f"], ["check", "f"], ["eval", small_model, "f"], ["predict", small_model, "f"]):
        outcome = nncli(*command)
        assert (outcome.code, outcome.out) == (1, "")
        assert outcome.err.startswith(f"f: expected data, found {name}")


@pytest.mark.parametrize("kind", FILES)
def test_it_is_named_on_stdin_too(nncli: Run, small_model: Path, kind: str) -> None:
    content, name = FILES[kind]
    first_line_tells = kind not in ("web page, blanks first",)
    for command in [["predict", small_model], ["eval", small_model, "-"], ["train", "-"]][
        0 if first_line_tells else 2 :
    ]:
        outcome = nncli(*command, "-q", stdin=content())
        assert (outcome.code, outcome.out) == (1, "")
        assert outcome.err.startswith(f"stdin: expected text, found {name}")


@pytest.mark.parametrize("name", ["mnist.npz", "d.csv", "d.zip"])
def test_data_in_the_place_of_a_model_is_no_model(nncli: Run, name: str) -> None:
    y = np.arange(40) % 2
    np.savez("mnist.npz", x_train=np.eye(40), y_train=y, x_test=np.eye(40), y_test=y)
    Path("d.zip").write_bytes(zipped(**{"d.csv": SMALL}))
    assert nncli("predict", name, "d.csv").err.startswith(f"{name}: expected a model written by nncli, found ")
    assert nncli("train", name, "-m", "softmax", "--epochs", "1", "-q").code == 0


@pytest.mark.parametrize("text", ["404: Not Found", "Access denied\n", "a\nb\nc\n"])
def test_one_column_alone_is_no_table(nncli: Run, text: str) -> None:
    Path("f").write_text(text)
    first = text.splitlines()[0]
    told = (
        f"f: expected a table, found one column alone: '{first}'. If it is a table, name what stands between its cells "
    )
    assert nncli("train", "f").err == f"{told}with --delimiter; else fetch it again.\n"


def test_an_absent_file_that_is_called_npz_is_absent(nncli: Run) -> None:
    assert nncli("train", "absent.npz").err == "absent.npz: no such file.\n"


# What is advised


def run(advice: str) -> None:
    subprocess.run(advice, shell=True, check=True, timeout=20)


@pytest.mark.parametrize("kind", ["twice gzipped", "bz2 in gzip", "tar", "tar.gz"])
def test_what_is_advised_for_packed_files_unpacks_them(nncli: Run, kind: str) -> None:
    Path("it's f").write_bytes(FILES[kind][0]())
    Path("d.csv").unlink(missing_ok=True)
    advice = nncli("train", "it's f").err.rpartition(": ")[2].rstrip(".\n")
    run(advice)
    name = "d.csv" if "tar" in kind else "unpacked"
    assert nncli("train", name, "-m", "softmax", "--epochs", "1", "-q").code == 0


def test_what_is_advised_for_arff_keeps_its_rows(nncli: Run) -> None:
    rows = "".join(f"{i % 13},{'pq'[i % 2]}\n" for i in range(40))
    Path("f.arff").write_text(
        f"% made by hand\n\n@RELATION r\n@ATTRIBUTE a NUMERIC\n@ATTRIBUTE y {{p,q}}\n\n@DATA\n{rows}"
    )
    error = nncli("train", "f.arff").err
    run(error.split("Keep its rows: ")[1].split(", and add --no-header")[0])
    assert Path("rows.csv").read_text() == rows
    assert nncli("train", "rows.csv", "--no-header", "-t", "-1", "-m", "softmax", "--epochs", "1", "-q").code == 0


def test_what_is_advised_for_a_file_of_arrays_reads_the_test_part(nncli: Run) -> None:
    images = np.arange(20 * 9, dtype=np.uint8).reshape(20, 3, 3)
    np.savez("d.npz", x_train=images, y_train=np.arange(20) % 2, x_test=images[:3], y_test=[0, 1, 0])
    assert nncli("train", "d.npz", "-m", "softmax", "--epochs", "1", "-q", "-o", "m.npz").code == 0
    advice = nncli("predict", "m.npz", "d.npz").err.partition("Save one: ")[2].rstrip(".\n")
    exec(f"import numpy; {advice}")
    assert nncli("predict", "m.npz", "rows.npz", "-q").out.count("\n") == 4


def test_what_is_advised_for_json_makes_a_table(nncli: Run) -> None:
    Path("it's d.json").write_text("[" + ",".join(f'{{"a": {i % 13}, "label": {i % 2}}}' for i in range(40)) + "]")
    run(nncli("train", "it's d.json").err.partition("line: ")[2].rstrip(".\n"))
    assert nncli("train", "rows.jsonl", "-m", "softmax", "--epochs", "1", "-q").code == 0
    Path("d.json").write_text(json.dumps([["a", "label"], *([i % 13, "p, q" if i % 2 else "r"] for i in range(40))]))
    run(nncli("train", "d.json").err.partition("as CSV: ")[2].rstrip(".\n"))
    assert nncli("train", "rows.csv", "-m", "softmax", "--epochs", "1", "-q").code == 0


def test_what_is_advised_for_a_database_makes_a_table(nncli: Run) -> None:
    with sqlite3.connect("f") as connection:
        connection.execute("create table flowers (a, label)")
        connection.executemany("insert into flowers values (?, ?)", [(i % 13, "pq"[i % 2]) for i in range(40)])
    connection.close()
    run(nncli("train", "f").err.partition("as CSV: ")[2].rstrip(".\n").replace("NAME", "flowers"))
    assert nncli("train", "data.csv", "-m", "softmax", "--epochs", "1", "-q").code == 0


@pytest.mark.parametrize("member", ["d.csv", "folder/d.csv"])
def test_a_zip_with_one_table_is_that_table(nncli: Run, member: str) -> None:
    with zipfile.ZipFile("d.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(member, SMALL)
        file.writestr("__MACOSX/._d.csv", b"\0\5\x16\7")
    for name in ("d.csv", "d.zip"):
        assert nncli("train", name, "-m", "softmax", "--epochs", "2", "-q", "-o", f"{name}.npz").code == 0
    expected = nncli("predict", "d.csv.npz", "d.csv").out
    assert nncli("predict", "d.zip.npz", "d.zip").out == expected
    assert nncli("predict", "d.zip.npz", "d.csv", "d.zip", "-q").out == expected + expected.partition("\n")[2]
    assert nncli("eval", "d.zip.npz", "-q", "--json").json["n"] == 9
    assert nncli("eval", "d.zip.npz", "d.zip", "-q", "--json").json["n"] == 60


def test_a_damaged_or_locked_zip_is_refused(nncli: Run) -> None:
    data = zipped(**{"d.csv": SMALL})
    Path("d.zip").write_bytes(data.replace(b"3,10,q\n", b"3,11,q\n", 1))
    assert nncli("train", "d.zip", "-q").err.startswith(
        "d.zip: expected data, found a zip archive that cannot be read: Bad CRC"
    )
    large = SMALL + SMALL.partition("\n")[2] * 20
    Path("d.zip").write_bytes(zipped(**{"d.csv": large})[::-1].replace(b"3,10,q\n"[::-1], b"3,11,q\n"[::-1], 1)[::-1])
    assert (
        nncli("train", "d.zip", "-q").err
        == "d.zip: the zip data is damaged or cut short. Fetch or compress it again.\n"
    )
    locked = bytearray(data)
    locked[6] |= 1
    locked[data.index(b"PK\1\2") + 8] |= 1
    Path("d.zip").write_bytes(locked)
    assert (
        nncli("train", "d.zip", "-q").err
        == "d.zip: expected data, found a zip archive with a password. Unpack it first: unzip d.zip.\n"
    )
