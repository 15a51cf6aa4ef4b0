# ruff: noqa: E501  (each attack stands on one line)
"""Model files that somebody has tampered with: how each is forged, and the reason for which it has to be refused."""

from __future__ import annotations

import io
import struct
import zipfile

import numpy as np

from forgery import (
    Forge,
    in_turn,
    members,
    patched,
    with_array,
    with_header,
    with_meta,
    with_parts,
    with_state,
    with_text,
    zipped,
)
from nncli.model import npz

SMALL = ["train", "iris", "--model", "softmax", "--epochs", "2", "-q", "--json"]
PROFILE = {"name": "a", "kind": "number", "low": None, "high": None, "whole": False}
DESCR = b"{'descr': '%s', 'fortran_order': %s, 'shape': %s, }"


def header(descr: bytes = b"<f4", fortran: bytes = b"False", shape: bytes = b"(15,)") -> Forge:
    return with_header(DESCR % (descr, fortran, shape))


def bomb(data: bytes) -> bytes:
    """64 KiB that unpack to 64 MiB."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name in members(data):
            file.writestr(name, bytes(8 << 20))
    return out.getvalue()


def shared_bytes(data: bytes) -> bytes:
    """Two members of the list that are the same bytes of the file."""
    at = data.index(b"PK\1\2")
    place = at + data[at:].index(b"theta.npy") - 4
    return data[:place] + struct.pack("<L", 0) + data[place + 4 :]


def crowd(data: bytes) -> bytes:
    """A list of a hundred thousand members."""
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, *[0] * 14)
    n = 100_000
    return (
        data[:60] + entry * n + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, n & 0xFFFF, n & 0xFFFF, len(entry) * n, 60, 0)
    )


def end(**changes: int) -> Forge:
    """Another end of the file: signature, disks, members here and in all, size and place of their list, comment."""
    names = ("signature", "disk", "first", "here", "all", "size", "place", "comment")

    def forge(data: bytes) -> bytes:
        fields = dict(zip(names, struct.unpack("<4s4H2LH", data[-22:]), strict=True))
        return data[:-22] + struct.pack("<4s4H2LH", *{**fields, **changes}.values())

    return forge


def flipped_theta(data: bytes) -> bytes:
    """Another parameter, with the sums of the zip file made right."""
    parts = members(data)
    parts["theta.npy"] = parts["theta.npy"][:-1] + bytes([parts["theta.npy"][-1] ^ 1])
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return zipped([*parts.items(), ("sha256.npy", file.read("sha256.npy"))], checksum=False)


def moved(parts: dict[str, bytes]) -> list[tuple[str, bytes]]:
    first, second, *rest = parts.items()
    return [first, *rest, second]


def renamed(name: str) -> Forge:
    return with_parts(lambda parts: [(name if key == "theta.npy" else key, part) for key, part in parts.items()])


STRUCTURE: dict[str, tuple[Forge, str]] = {
    "empty": (lambda data: b"", "found something else"),
    "text": (lambda data: b"a,b\n1,2\n" * 9, "found something else"),
    "noise": (lambda data: np.random.default_rng(0).bytes(999), "found something else"),
    "the first bytes alone": (lambda data: b"PK\3\4", "a file that is cut off"),
    "no members": (lambda data: data[-22:-14] + bytes(14), "found something else|found an empty zip archive"),
    "an end that lies": (end(here=5), "a list of its members that is damaged"),
    "more members than there are": (end(here=12, all=12), "a list of its members that is damaged"),
    "several disks": (end(disk=1), "a list of its members that is damaged"),
    "a list of another size": (end(size=1), "a list of its members that is damaged"),
    "a list at another place": (end(place=7), "a list of its members that is damaged"),
    "trailing bytes": (lambda data: data + b"x", "a file that is cut off, or has data after its end"),
    "a comment": (lambda data: data[:-2] + b"\5\0hello", "a file that is cut off, or"),
    "leading bytes": (lambda data: b"#!/bin/sh\n" + data, "found something else"),
    "two files in one": (lambda data: data + data, "a file that is cut off, or"),
    "a locator of the large form": (
        lambda data: data[:-22] + struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1) + data[-22:], "a file that is cut off, or",
    ),
    "a bomb": (bomb, "is not stored as it is"),
    "a crowd": (crowd, "member meta is damaged"),
    "compressed": (lambda data: zipped([*members(data).items()], compress_type=zipfile.ZIP_DEFLATED), "is not stored as it is"),
    "another date": (lambda data: zipped([*members(data).items()], date_time=(2026, 1, 1, 0, 0, 0)), "is not stored as it is"),
    "extra fields": (lambda data: zipped([*members(data).items()], extra=b"\x99\x99\x04\0abcd"), "is not stored as it is"),
    "comments of members": (lambda data: zipped([*members(data).items()], comment=b"hello"), "a file that is cut off, or has data after its end"),
    "a password": (patched(b"PK\1\2\x14\x03\x14\0\0\0", b"PK\1\2\x14\x03\x14\0\1\0"), "a list of its members that is damaged"),
    "the same bytes twice": (shared_bytes, "a list of its members that is damaged"),
    "another name before the bytes": (patched(b"theta.npy", b"zheta.npy"), "other members than"),
    "a wrong sum": (patched(b"PK\3\4\x14\0\0\0\0\0\0\0!\0", b"PK\3\4\x14\0\0\0\0\0\0\0!\1"), "member meta is not stored as it is"),
    "a wrong sum of zip": (lambda data: data[:200] + bytes([data[200] ^ 1]) + data[201:], "member meta is damaged"),
    "a wrong sum of ours": (flipped_theta, "the checksum over its members does not match them"),
    "no sum of ours": (lambda data: zipped([*members(data).items()], checksum=False), "the checksum over its members does not match"),
    "a member twice": (with_parts(lambda parts: [*parts.items(), ("theta.npy", parts["theta.npy"])]), "two members called theta"),
    "one member more": (with_parts(lambda parts: parts.update({"evil.npy": parts["theta.npy"]})), "other members than"),
    "one member less": (with_parts(lambda parts: [*parts.items()][:-1]), "other members than"),
    "another order": (with_parts(moved), "other members than"),
    "a path upwards": (renamed("../../theta.npy"), "other members than"),
    "a path from the root": (renamed("/etc/passwd.npy"), "other members than"),
    "a name that is no array": (renamed("theta.pkl"), "a member of another kind, 'theta.pkl'"),
    "a name in other letters": (renamed("θ.npy"), "a member of another kind|not stored as it is"),
    "a name with a line break": (renamed("th\neta.npy"), "a member of another kind"),
    "another npz": (lambda data: npz.pack({"X": np.zeros(3), "y": np.zeros(3)}), "another kind of zip or npz file|found an npz file"),
}  # fmt: skip
HEADERS: dict[str, tuple[Forge, str]] = {
    "objects": (header(b"|O"), "is no array of numbers"),
    "a structure": (with_header(b"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (15,), }"), "is no array of numbers"),
    "texts as wide as memory": (header(b"<U999999999"), "is no array of numbers"),
    "the other byte order": (header(b">f4"), "is no array of numbers"),
    "complex numbers": (header(b"<c8"), "is no array of numbers"),
    "half precision": (header(b"<f2"), "is no array of numbers"),
    "dates": (header(b"<M8[s]"), "is no array of numbers"),
    "columns first": (header(fortran=b"True"), "is no array of numbers"),
    "a shape beyond memory": (header(shape=b"(999999999999999,)"), r"says shape \(999999999999999,\) of float32"),
    "a shape beyond 64 bits": (header(shape=b"(4294967296, 4294967296)"), "says shape"),
    "a shape of many zeros": (header(shape=b"(0, 999999999999999)"), "says shape"),
    "a negative shape": (header(shape=b"(-1,)"), "is no array of numbers"),
    "a shape of many digits": (header(shape=b"(" + b"9" * 70 + b",)"), "is no array of numbers"),
    "many axes": (header(shape=b"(1, 1, 1, 1, 15)"), "is no array of numbers"),
    "fewer numbers than it says": (header(shape=b"(16,)"), "says shape"),
    "more numbers than it says": (header(shape=b"(14,)"), "says shape"),
    "code in the header": (with_header(b"{'descr': __import__('os').system('id'), 'shape': (15,), }"), "is no array of numbers"),
    "another version of the header": (with_header(DESCR % (b"<f4", b"False", b"(15,)"), version=b"\x02\x00"), "is no array"),
    "spaces that NumPy does not write": (header(shape=b"(15,)  "), "is no array of numbers"),
    "a long header": (with_header(DESCR % (b"<f4", b"False", b"(15,)") + b" " * 9000), "member theta of 9,148 bytes, where at most"),
    "no header": (with_parts(lambda parts: parts.update({"theta.npy": b""})), "is no array of numbers"),
}  # fmt: skip
DEEP = b"[" * 100_000 + b"]" * 100_000
META: dict[str, tuple[Forge, str]] = {
    "no JSON": (with_text(lambda text: text[:-1]), "Expecting"),
    "no UTF-8": (with_text(lambda text: text.replace(b"nncli", b"\xff\xfe\xfd\xfc\xfb", 1)), "can't decode"),
    "brackets without an end": (with_text(lambda text: DEEP), "brackets nested too deeply"),
    "too many values": (with_text(lambda text: b"[" + b"[]," * 1_400_000 + b"[]]"), "too many names and values"),
    "a text of megabytes": (with_text(lambda text: b'"' + b"x" * (9 << 20) + b'"'), "member meta of 9,437,314 bytes, where at most"),
    "NaN": (with_text(lambda text: text.replace(b'"best_epoch":', b'"best_epoch":NaN,"x":')), "the number NaN"),
    "infinity by the back door": (
        with_text(lambda text: text.replace(b'"baseline_accuracy":0', b'"baseline_accuracy":1e999,"x":0')),
        "the number 1e999",
    ),
    "a number of many digits": (with_text(lambda text: text.replace(b'"best_epoch":', b'"best_epoch":' + b"9" * 9999)), "digits"),
    "a name twice": (with_text(lambda text: text.replace(b'"best_epoch"', b'"scaling":"none","best_epoch"')), "an object with a duplicate name"),
    "a list": (with_text(lambda text: b"[]"), "is not of its form"),
    "a name less": (with_meta("schema", ...), "is not of its form"),
    "a name more": (with_meta("__class__", "os.system"), "is not of its form"),
    "another type": (with_meta("classes", "abc"), "'classes' is not of its form"),
    "true for a number": (with_meta("best_epoch", True), "'best_epoch' is not of its form"),
    "null for a list": (with_meta("notes", None), "'notes' is not of its form"),
    "an unknown option": (with_meta("config.__init__", "x"), "__init__"),
    "an option of another type": (with_meta("config.lr", "0.1"), "another type"),
    "an option out of range": (with_meta("config.dropout", 7.0), "dropout"),
    "an optimizer that is a module": (with_meta("config.optimizer", "os:system=id"), "optimizer"),
    "a model of nobody": (with_meta("config.model", "pickle"), "--model"),
    "a number type of nobody": (with_meta("config.dtype", "float16"), "--dtype"),
    "a layer beyond memory": (
        in_turn(with_meta("config.hidden", [10**12]), with_meta("config.activation", "relu")),
        "15 parameters in place of 8,000,000,000,003",
    ),
    "an embedding of nobody": (with_meta("config.number_embedding", "pbld:frequencies=1e9"), "frequencies"),
    "an embedding beyond memory": (
        in_turn(with_meta("config.number_embedding", "pbld:size=1000"), with_meta("config.scale", "robust")),
        "15 parameters in place of 80,063",
    ),
    "bins of no column": (with_meta("heaps", [[9, [0.0, 1.0, 2.0]]]), "bins that no column of numbers has"),
    "bins upside down": (with_meta("heaps", [[0, [0.0, 2.0, 1.0]]]), "bins that no column of numbers has"),
    "endless bins": (with_meta("heaps", [[0, [0.0, 1.0, 1e999]]]), "the number Infinity"),
    "too many bins": (with_meta("heaps", [[0, [*map(float, range(60))]]]), "bins that no column of numbers has"),
    "a heap twice": (with_meta("heaps", [[0, [0.0, 1.0, 2.0]]] * 2), "bins that no column of numbers has"),
    "a heap of words": (with_meta("heaps", [["a", [0.0, 1.0, 2.0]]]), "heaps"),
    "an embedding of texts by a text": (with_meta("config.category_embedding", "many"), "whole number"),
    "members beyond memory": (
        in_turn(with_meta("config.ensemble", "1000"), with_meta("config.hidden", [10**9]), with_meta("config.activation", "relu")),
        "15 parameters in place of 8,000,000,003,000",
    ),
    "members that share, beyond memory": (
        in_turn(with_meta("config.ensemble", "shared:1000"), with_meta("config.hidden", [10**9]), with_meta("config.activation", "relu")),
        "15 parameters in place of 3,005,000,007,000",
    ),
    "more members than there may be": (with_meta("config.ensemble", "1001"), "a number of members from 1 to 1,000"),
    "members that learn row by row": (
        in_turn(
            *(with_meta(f"config.{name}", value) for name, value in
              {"model": "perceptron", "loss": "perceptron", "optimizer": "sgd", "batch_size": 1, "l2": None, "ensemble": "3"}.items()),
            with_array("theta", lambda a: np.tile(a, 3)),
        ),
        "an ensemble of models that are trained alone",
    ),
    "a number for members": (with_meta("config.ensemble", 3), "a value of another type"),
    "layers without an end": (with_meta("config.hidden", [1] * 100_000), "more than 1,000 hidden layers"),
    "a layer of nothing": (with_meta("config.hidden", [0]), "--hidden"),
    "no loss": (with_meta("config.loss", None), "leave open what the network is"),
    "no activation": (with_meta("config.hidden", [1]), "without an activation"),
    "one class": (with_meta("classes", ["a"]), "fewer than two classes"),
    "a class twice": (with_meta("classes", ["a", "b", "a"]), "one twice"),
    "a class more": (with_meta("classes", ["a", "b", "c", "d"]), "15 parameters in place of 20"),
    "a column of nobody": (with_meta("schema.columns", [["a", "object"]] * 4), "neither number, text nor date"),
    "a column twice": (with_meta("schema.columns", [["a", "number"]] * 4), "columns that no data file has"),
    "a column less": (with_meta("schema.columns", [["a", "number"]]), "member edges of 416 bytes, where at most"),
    "a column of three": (with_meta("schema.columns", [["a", "number", "x"]]), "member edges of 416 bytes, where at most"),
    "ranges upside down": (with_array("ranges", lambda a: a * [1, 0, 1] - [0, 9, 0]), "ranges that no columns have"),
    "endless ranges": (with_array("ranges", lambda a: a * [np.inf, 1, 1]), "ranges that no columns have"),
    "more missing than rows": (with_array("ranges", lambda a: a + np.array([0, 0, 1e6])), "ranges that no columns have"),
    "half a missing cell": (with_array("ranges", lambda a: a + np.array([0, 0, 0.5])), "ranges that no columns have"),
    "ranges of fewer columns": (with_array("ranges", lambda a: a[:3]), "a distribution of other columns or rows"),
    "edges in another order": (with_array("edges", lambda a: a[:, ::-1].copy()), "edges of bins that are not in order"),
    "an edge behind none": (with_array("edges", lambda a: np.where(np.arange(9) == 1, np.nan, a)), "edges of bins that are not in order"),
    "an endless edge": (with_array("edges", lambda a: np.where(np.arange(9) == 8, np.inf, a)), "edges of bins that are not in order"),
    "edges in one row": (with_array("edges", lambda a: a.ravel()), "member edges is no matrix of float64"),
    "counts of more rows": (with_array("counts", lambda a: a + 1), "counts of other rows"),
    "counts of fewer than none": (with_array("counts", lambda a: a * -1), "counts of other rows"),
    "counts that are no numbers": (with_array("counts", lambda a: a * np.nan), "counts of other rows"),
    "more rows looked at than there are": (with_meta("distribution.sampled", 10**9), "a distribution of other columns or rows"),
    "a distribution of no rows": (with_meta("distribution.rows", 0), "'distribution' is not of its form"),
    "a distribution that nobody tells of": (with_meta("distribution", None), "a distribution of columns without its parts"),
    "a distribution without its counts": (with_parts(lambda parts: [(k, v) for k, v in parts.items() if k != "counts.npy"]), "a distribution of columns without its parts"),
    "predictions of fewer classes": (with_meta("distribution.predictions.counts", [3, 4]), "counts of other predictions"),
    "predictions of no rows": (with_meta("distribution.predictions.counts", [0, 0, 0]), "counts of other predictions"),
    "edges of predicted classes": (with_meta("distribution.predictions.edges", [1.5]), "counts of other predictions"),
    "a place before the first": (with_meta("schema.target_place", -1), "a place of the target"),
    "a width beyond any file": (with_meta("schema.width", 10**18), "a place of the target"),
    "no delimiter": (with_meta("schema.delimiter", ""), "columns that no data file has"),
    "a profile of fewer columns": (with_meta("schema.profile", [PROFILE]), "a profile of other columns"),
    "a profile of others": (with_meta("schema.profile", [PROFILE] * 5), "a profile of other columns"),
    "half a range": (with_meta("schema.profile", [{**PROFILE, "low": 1.0}] * 5), "a column with half a range"),
    "a range of texts": (with_meta("schema.profile", [{**PROFILE, "low": "1", "high": "2"}] * 5), "not of its form"),
    "hashes cut off": (with_meta("data.row_hashes", "0123456789abcde"), "not of its form"),
    "hashes of validation rows cut off": (with_meta("data.val_row_hashes", "0123456789abcde"), "not of its form"),
    "hashes of letters": (with_meta("data.row_hashes", "x" * 16), "not of its form"),
    "counts of other classes": (with_meta("data.class_counts", [1]), "counts that are not those of the classes"),
    "counts of no rows": (with_meta("data.class_counts", [0, 0]), "counts that are not those of the classes"),
    "counts below 0": (with_meta("data.class_counts", [-1, 2]), "not of its form"),
    "categories of no column": (with_meta("categories", [["a", ["x"]]]), "does not fit the columns"),
    "categories of another form": (with_meta("categories", [["a"]]), "categories that are not"),
    "rows beyond any file": (with_meta("data.n_rows", 10**15), "rows that the data file did not have"),
    "no rows": (with_meta("data.n_rows", 0), "rows that the data file did not have"),
    "a best epoch of nobody": (with_meta("best_epoch", 10**9), "a best epoch that is not in the history"),
    "half a letter": (with_meta("classes", ["a", "b", "\ud800"]), "surrogates not allowed"),
    "a calibration beyond all": (with_meta("calibration", {"a": 1e308, "b": -1e308}), "a calibration that no scores"),
    "a header that was none": (with_meta("schema.header", False), "names of columns that had none"),
    "a zero byte in a name": (with_meta("config.val_data", ["a\0b"]), "a name with a zero byte"),
    "a name of a file that is none": (with_meta("data.source", [7]), "'data.source' is not of its form|is not of its form"),
    "a name of a file with half a letter": (with_meta("data.source", ["\ud800"]), "surrogates not allowed"),
    "a byte that is no letter in a class": (with_meta("classes", ["a", "b", "\udcff"]), "surrogates not allowed"),
    "fewer bytes than none": (with_meta("data.file_bytes", -1), "data of fewer than no bytes"),
    "no seed": (with_meta("config.seed", None), "no value for 'seed'"),
    "no number type": (with_meta("config.dtype", None), "no value for 'dtype'"),
    "no model": (with_meta("config.model", None), "no value for 'model'"),
    "another scaling": (with_meta("scaling", "eval"), "a scaling, or dead inputs, of another kind"),
}  # fmt: skip
ARRAYS: dict[str, tuple[Forge, str]] = {
    "parameters that are NaN": (with_array("theta", lambda a: a * np.float32("nan")), "theta that are not finite"),
    "an infinite parameter": (with_array("theta", lambda a: np.append(a[1:], np.float32("inf"))), "theta that are not finite"),
    "a parameter less": (with_array("theta", lambda a: a[1:]), "14 parameters in place of 15"),
    "parameters of another type": (with_array("theta", lambda a: a.astype(float)), "parameters of float64 in place of"),
    "parameters in a table": (with_array("theta", lambda a: a.reshape(3, 5)), "parameters of float32 in place of"),
    "no parameters": (with_array("theta", lambda a: a[:0]), "0 parameters in place of 15"),
    "a median that is NaN": (with_array("median", lambda a: a * np.nan), "median that are not finite"),
    "an infinite scale": (with_array("scale", lambda a: a + np.inf), "scale that are not finite"),
    "a scale less": (with_array("scale", lambda a: a[1:]), "does not fit the columns"),
    "a shift of another type": (with_array("shift", lambda a: a.astype(np.float32)), "is no vector of float64"),
    "dead inputs as numbers": (with_array("dead", lambda a: a.astype(np.uint8)), "is no vector of bool"),
    "a mean of other inputs": (with_array("mean", lambda a: a[1:]), "preprocessing that does not fit the columns"),
    "a mean as float32": (with_array("mean", lambda a: a.astype(np.float32)), "is no vector of float64"),
    "a mean that is no number": (with_array("mean", lambda a: a * np.nan), "numbers in mean that are not finite"),
    "a mean of many inputs": (with_array("mean", lambda a: np.zeros(99999)), "member mean of 800,120 bytes, where at most"),
    "dead inputs that are neither": (with_parts(lambda p: p.update({"dead.npy": p["dead.npy"][:-1] + b"\7"})), "a scaling, or dead inputs"),
    "rows of another file": (with_array("val_rows", lambda a: np.zeros(9999, np.uint8)), "member val_rows of 10,127 bytes, where at most"),
    "a history of another form": (with_array("history", lambda a: a[:, 1:]), "a history that is not of its form"),
    "a history of NaN": (with_array("history", lambda a: a * np.nan), "a history of numbers that are not finite"),
    "an infinite history": (with_array("history", lambda a: a + np.inf), "a history of numbers that are not finite"),
    "a scale beyond float32": (with_array("scale", lambda a: a * 0 + 1e308), "scale that are not finite"),
    "no history": (with_array("history", lambda a: a[:0]), "a best epoch that is not in the history"),
}  # fmt: skip
STATE: dict[str, tuple[Forge, str]] = {
    "a state without its arrays": (with_parts(lambda parts: [one for one in parts.items() if "state" not in one[0]]), "the state of another training run"),
    "arrays without their state": (with_meta("state", None), "other members than"),
    "an array more": (with_parts(lambda parts: parts.update({"state.evil.npy": parts["theta.npy"]})), "the state of another training run"),
    "an array before the model's": (with_parts(lambda parts: [*parts.items()][-1:] + [*parts.items()][:-1]), "another kind of zip or npz file|found an npz file"),
    "arrays in another order": (with_parts(lambda parts: [*parts.items()][:-2] + [*parts.items()][:-3:-1]), "a state of another form"),
    "an array of another length": (with_array("state.theta", lambda a: a[:-1]), "the state of another training run"),
    "an array of another type": (with_array("state.theta", lambda a: a.astype(float)), "a state of another form"),
    "an array that is NaN": (with_array("state.theta", lambda a: a * np.float32("nan")), "state.theta that are not finite"),
    "a number more": (with_meta("state.__class__", 1), "the state of another training run"),
    "a number that is a text": (with_state("known", "1"), "is no number"),
    "a number that is a list": (with_state("least", [1]), "is no number"),
    "a count below 0": (with_state("optimizer.t", -1), "'state.optimizer.t' is no number"),
    "a count that is none": (with_state("optimizer.t", None), "'state.optimizer.t' is no number"),
    "a count in parts": (with_state("optimizer.t", 0.5), "'state.optimizer.t' is no number"),
    "a count beyond all measure": (with_state("optimizer.t", 10**400), "'state.optimizer.t' is no number"),
    "a loss that is none": (with_state("least", None), "'state.least' is no number"),
    "a loss that is NaN": (with_state("least", "nan"), "'state.least' is no number"),
    "a loss beyond all measure": (with_state("known", 10**400), "'state.known' is no number"),
    "sums that are none": (with_state("sums.loss", None), "'state.sums.loss' is no number"),
    "a truth for a number": (with_state("least", True), "'state.least' is no number"),
    "a generator below 0": (with_state("shuffle.state", -1), "'state.shuffle.state' is no number"),
    "a generator beyond all measure": (with_state("drop.inc", 10**400), "'state.drop.inc' is no number"),
    "a generator with half a word too long": (with_state("shuffle.uinteger", 1 << 40), "a shuffle generator that is none"),
    "a generator of fractions": (with_state("shuffle.has_uint32", 0.5), "'state.shuffle.has_uint32' is no number"),
    "the state of another optimizer": (with_meta("config.optimizer", "sgd"), "the state of another training run"),
    "an optimizer with a long memory": (with_meta("config.optimizer", "lbfgs:memory=999999999"), "expected a number of steps from 1 to 1,000"),
}  # fmt: skip
ATTACKS = {**STRUCTURE, **HEADERS, **META, **ARRAYS, **STATE}
