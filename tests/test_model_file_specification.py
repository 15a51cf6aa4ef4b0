"""A reader written from docs/reference/model-file.md alone, with NumPy and json, predicts what nncli predicts."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blends import train_blend
from words_by_the_page import inputs_of_words

ACTIVATIONS: dict[str, Callable[..., Any]] = {
    "relu": lambda Z, s: np.maximum(Z, 0),
    "tanh": lambda Z, s: np.tanh(Z),
    "prelu": lambda Z, s: np.maximum(Z, 0) + s * np.minimum(Z, 0),
}
LINKS = {"cross-entropy": "softmax", "binary-cross-entropy": "sigmoid", "mse": "identity", "hinge": "identity"}
ROWS = [
    ["length", "colour", "day", "kind"],
    *(
        [f"{(i * 37 % 101) / 10}" if i % 11 else "", ["red", "green", "", "blue"][i % 4], f"2024-{i % 12 + 1:02d}-03",
         "abc"[(i % 4 + i * 37 % 101 // 40) % 3]]
        for i in range(120)
    ),
]  # fmt: skip
TWO = [[*row[:3], {"c": "b"}.get(row[3], row[3])] for row in ROWS]

UNSEEN = [["", "violet", "2025-07-01", ""], ["99.5", "", "2023-01-31", ""]]
SAID = ["don't STOP!!", "日本語 et naïve ½ ﬁn", "", "हिन्दी 😀 good good bad", "x\u00ady fine, e\u0301t\u00e9"]
TEXTS = [  # with two columns of text
    [*TWO[0][:3], "note", "title", "kind"],
    *([*row[:3], f"{SAID[i % 5]} {i % 7}", SAID[(i + 2) % 5], row[3]] for i, row in enumerate(TWO[1:])),
]


class Reader:
    """Reads a model file as the specification says, and predicts rows of text cells."""

    def __init__(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as file:
            members = {name: file[name] for name in file.files}
        self.members, self.meta = members, json.loads(members["meta"].tobytes())

    def inputs(self, row: dict[str, str]) -> list[float]:
        meta, m = self.meta, self.members
        missing = {"", *meta["schema"]["missing"]}
        kinds = dict(meta["schema"]["columns"])
        numbers = [np.nan if row[c] in missing else float(row[c]) for c, kind in kinds.items() if kind == "number"]
        for name, first in meta["dates"]:
            day = date.fromisoformat(row[name])
            t = (day - date(1970, 1, 1)).days
            numbers += [t - first, day.timetuple().tm_yday, day.weekday()]
        v = np.where(np.isnan(numbers), m["median"], numbers)
        x = np.clip((v - m["shift"]) * m["scale"], -1e15, 1e15)
        if meta["scaling"] == "robust":
            x = x / np.sqrt(1 + (x / 3) ** 2)
        x = list(x)
        for name, categories in meta["categories"]:
            value = None if row[name] in missing else row[name]
            hot = categories.index(value) if value in categories else len(categories)
            x += [float(i == hot) for i in range(len(categories) + 1)]
        if words := meta["words"]:
            texts = [None if row[name] in missing else row[name] for name in words["columns"]]
            x += inputs_of_words(texts, words, m["idf"])
        return x

    def scores(self, X: np.ndarray) -> np.ndarray:
        theta, parts = self.members["theta"].astype(np.float64), self.meta["parts"]
        if not parts:
            return self.scores_of_model(theta, X, self.meta["config"])
        Z, place = [], 0
        for part in parts:
            size = self.size(part["config"], X.shape[1])
            Z.append(self.scores_of_model(theta[place : place + size], X, part["config"]))
            place += size
        assert place == theta.size
        times = np.array([part["times"] for part in parts])
        return self.mean(np.array(Z), times / times.sum())

    def size(self, config: dict[str, Any], d: int) -> int:
        widths = [d, *config["hidden"], self.outputs]
        size = sum((a + 1) * b for a, b in itertools.pairwise(widths))
        slopes = (one for one, name in zip(config["hidden"], self.names(config), strict=True) if name == "prelu")
        return (size + sum(slopes)) * int((config["ensemble"] or "1").removeprefix("folds:"))

    def mean(self, Z: np.ndarray, shares: np.ndarray) -> np.ndarray:
        if self.link == "softmax":
            return np.log(np.tensordot(shares, np.exp(Z) / np.exp(Z).sum(axis=2, keepdims=True), 1))
        if self.link == "sigmoid":
            p = np.tensordot(shares, 1 / (1 + np.exp(-Z)), 1)
            return np.log(p / (1 - p))
        return np.tensordot(shares, Z, 1)

    def scores_of_model(self, theta: np.ndarray, X: np.ndarray, config: dict[str, Any]) -> np.ndarray:
        kind, _, members = (config["ensemble"] or "").rpartition(":")
        if not members:
            return self.scores_of(theta, X, config)
        N, d = int(members), X.shape[1]
        if kind == "shared":
            units, outputs = config["hidden"][-1], len(self.meta["classes"])
            r, theta = theta[: N * d].reshape(N, d), theta[N * d :]
            W, b = theta[-N * (units + 1) * outputs : -N * outputs].reshape(N, -1), theta[-N * outputs :].reshape(N, -1)
            shared = theta[: -N * (units + 1) * outputs]
            Z = np.array([self.scores_of(np.r_[shared, W[i], b[i]], X * r[i], config) for i in range(N)])
        else:
            Z = np.array([self.scores_of(one, X, config) for one in theta.reshape(N, -1)])
        return self.mean(Z, np.full(N, 1 / N))

    @property
    def outputs(self) -> int:
        classes = self.meta["classes"]
        return 1 if len(classes) == 2 and self.link != "softmax" else len(classes)

    def names(self, config: dict[str, Any]) -> list[str]:
        names = (config["activation"] or "").split(",")
        return names if len(names) > 1 else names * len(config["hidden"])

    def scores_of(self, theta: np.ndarray, X: np.ndarray, config: dict[str, Any]) -> np.ndarray:
        names, place, A = self.names(config), 0, X
        for i, (d, h) in enumerate(itertools.pairwise([X.shape[1], *config["hidden"], self.outputs])):
            W, place = theta[place : place + d * h].reshape(d, h), place + d * h
            b, place = theta[place : place + h], place + h
            A = A @ W + b
            if i < len(names) and config["hidden"] and i < len(config["hidden"]):
                slopes = None
                if names[i] == "prelu":
                    slopes, place = theta[place : place + h], place + h
                A = ACTIVATIONS[names[i]](A, slopes)
        assert place == theta.size
        return A

    @property
    def link(self) -> str:
        parts = self.meta["parts"]  # of the same loss
        name, _, link = (parts[0] if parts else self.meta)["config"]["loss"].partition(":link=")
        return link or LINKS[name]

    def predict(self, rows: list[dict[str, str]]) -> tuple[list[str], np.ndarray]:
        Z, link, classes = self.scores(np.array([self.inputs(row) for row in rows])), self.link, self.meta["classes"]
        if self.meta["calibration"]:
            Z = self.meta["calibration"]["a"] * Z + self.meta["calibration"]["b"]
            link = "sigmoid" if Z.shape[1] == 1 else "softmax"
        half = 0.5 if link == "identity" and (self.meta["config"]["loss"] or "").startswith(("mse", "mae")) else 0
        if Z.shape[1] == 1:
            found = (Z[:, 0] >= half).astype(int)
            Z = np.hstack([2 * half - Z, Z])
        else:
            found = Z.argmax(axis=1)
        if link == "softmax":
            Z = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
        elif link == "sigmoid":
            Z = 1 / (1 + np.exp(-Z))
            Z /= Z.sum(axis=1, keepdims=True)
        decision = self.meta["decision"]
        if decision and decision["threshold"] is not None:
            k = decision["positive"]
            found = np.where(Z[:, k] >= decision["threshold"], k, 1 - k)
        elif decision and decision["costs"]:
            found = (Z @ np.array(decision["costs"])).argmin(axis=1)
        return [classes[k] for k in found], Z


@pytest.mark.parametrize(
    ("rows", "options"),
    [
        (ROWS, "--hidden 8"),
        (ROWS, "--hidden 6x5 --activation tanh,prelu --dtype float64 --loss mse:link=softmax"),
        (ROWS, "--model svm --calibrate"),
        (ROWS, "--model logistic --scale minmax"),
        (ROWS, "--model adaline"),
        (TWO, "--model logistic"),
        (TWO, "--model adaline"),
        (TWO, "--model svm --calibrate"),
        (TWO, "--model softmax"),
        (TWO, "--model svm --scale none"),
        (TWO, "--model logistic --scale robust"),
        (TWO, "--model softmax --cost missed=4,false-alarm=1 --positive b"),
        (TWO, "--model svm --calibrate --choose-threshold f1 --positive a"),
        (ROWS, "--model softmax --cost costs.csv"),
        (ROWS, "--hidden 6 --activation prelu --ensemble 3 --calibrate"),
        (ROWS, "--hidden 6 --ensemble shared:3"),
        (ROWS, "--model logistic --ensemble 3"),
        (TWO, "--model svm --ensemble 2"),
    ],
)
def test_the_specification_is_enough_to_predict(
    nncli: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[list[str]], options: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with Path("data.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    Path("costs.csv").write_text(",c,a,b\na,9,0,1\nb,3,1,0\nc,0,5,2\n")
    trained = nncli("train", "data.csv", "-t", "kind", "--epochs", 9, "-q", "--json", *options.split())
    assert trained.code == 0, trained.err
    compare(nncli, rows)


@pytest.mark.parametrize(
    ("rows", "options"),
    [(ROWS, "--no-calibrate"), (ROWS, "--ensemble folds:2"), (TWO, "--loss binary-cross-entropy")],
    ids=["softmax", "folds", "sigmoid"],
)
def test_the_specification_is_enough_to_predict_by_a_blend(
    nncli: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[list[str]], options: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with Path("data.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    kinds = {"--hidden 6x5 --activation prelu,tanh": 5, "--hidden 4": 2, "--model logistic --loss cross-entropy": 1}
    if "loss" in options:
        kinds = {one.removesuffix(" --loss cross-entropy"): n for one, n in kinds.items()}
    train_blend(Path(), "model", f"data.csv -t kind {options}", kinds)
    compare(nncli, rows)


@pytest.mark.parametrize(
    "options",
    ["--ngrams words:1-2,chars:2-5", "--ngrams words:2-3 --model logistic", "--ngrams chars:5-6 --hidden 4"],
    ids=["softmax", "logistic", "mlp"],
)
def test_the_specification_is_enough_to_predict_from_texts(
    nncli: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with Path("data.csv").open("w", newline="") as file:
        csv.writer(file).writerows(TEXTS)
    words = "--text", "note,title", "--hash-bits", 8  # so few that n-grams share inputs, with both signs
    trained = nncli("train", "data.csv", "-t", "kind", *words, "--epochs", 3, "-q", "--json", *options.split())
    assert trained.code == 0, trained.err
    others = [["", "violet", "2025-07-01", "Don\u2019t? Good!", "", ""], ["99.5", "", "2023-01-31", "", "本 zz", ""]]
    compare(nncli, TEXTS, others)


def compare(nncli: Callable[..., Any], rows: list[list[str]], unseen: list[list[str]] = UNSEEN) -> None:
    """Compare what the reader predicts by model.npz with what `predict` does, for rows of training and others."""
    table = [dict(zip(rows[0], row, strict=True)) for row in [*rows[1:], *unseen]]
    classes, figures = Reader(Path("model.npz")).predict(table)
    with Path("new.csv").open("w", newline="") as file:
        csv.writer(file).writerows([rows[0], *rows[1:], *unseen])
    lines = list(csv.reader(io.StringIO(nncli("predict", "model.npz", "new.csv", "--proba", "-q").out)))[1:]
    assert [line[0] for line in lines] == classes
    np.testing.assert_allclose(np.array([line[1:] for line in lines], float), figures, rtol=2e-4, atol=2e-5)


def test_the_digest_is_over_names_sizes_and_bytes(iris_model: Path) -> None:
    import zipfile

    digest = hashlib.sha256()
    with zipfile.ZipFile(iris_model) as file:
        for name in file.namelist()[:-1]:
            member = file.read(name)
            digest.update(f"{name.removesuffix('.npy')} {len(member)}\n".encode() + member)
    with np.load(iris_model) as arrays:
        assert arrays["sha256"].tobytes() == digest.digest()
