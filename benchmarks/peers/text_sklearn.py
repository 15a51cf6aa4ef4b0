"""One peer fits the training texts of a folder and predicts its test texts.

python text_sklearn.py METHOD FOLDER THREADS reads train.csv and test.csv (columns text and label), writes
predictions.csv as `nncli predict --proba` does, and prints {"fit_seconds": …}. fastText and Vowpal Wabbit have text
formats of their own: their files are written first, lower-cased and with blanks around punctuation, as the tutorial of
fastText has it; that is part of the process, but not of fit_seconds.
"""

from __future__ import annotations

import json
import re
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

FASTTEXT = {
    "fasttext": {},
    "fasttext-10": {"epoch": 10},
    "fasttext-tutorial": {"lr": 1.0, "epoch": 25, "wordNgrams": 2},
}  # by method, what differs from the defaults
VW = {
    "vw": [],
    "vw-passes": ["--ngram", "2", "-b", "22", "--passes", "10"],
}
PUNCTUATION = re.compile(r"([.!?,'\"/():;|])")

method, folder, threads = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])


def read(name: str) -> tuple[list[str], np.ndarray]:
    rows = pd.read_csv(folder / name, dtype=str, keep_default_na=False)
    return rows["text"].tolist(), rows["label"].to_numpy(object)


def words(text: str) -> str:
    return PUNCTUATION.sub(r" \1 ", text.lower())


def by_fasttext(settings: dict[str, float]) -> tuple[float, np.ndarray]:
    import fasttext

    fasttext.FastText.eprint = lambda *_: None
    file = folder / "train.txt"
    with file.open("w", encoding="utf-8") as lines:
        lines.writelines(f"__label__{k} {words(text)}\n" for text, k in zip(texts, y, strict=True))
    began = time.perf_counter()
    model = fasttext.train_supervised(str(file), thread=threads, verbose=0, **settings)
    seconds = time.perf_counter() - began
    P = np.zeros((len(test_texts), len(classes)))
    for row, text in zip(P, test_texts, strict=True):
        # Its own predict fails with NumPy 2, or repeats the first probability; this is what it calls.
        for share, label in model.f.predict(words(text) + "\n", len(classes), 0.0, "strict"):
            row[int(label.removeprefix("__label__"))] = share
    return seconds, P / P.sum(axis=1, keepdims=True)


def by_vw(settings: Sequence[str]) -> tuple[float, np.ndarray]:
    import vowpalwabbit

    def line(text: str) -> str:
        return words(text).replace("|", " ").replace(":", " ")

    with (folder / "train.vw").open("w", encoding="utf-8") as lines:
        lines.writelines(f"{k + 1} | {line(text)}\n" for text, k in zip(texts, y, strict=True))
    with (folder / "test.vw").open("w", encoding="utf-8") as lines:
        lines.writelines(f"| {line(text)}\n" for text in test_texts)
    model, found = folder / "model.vw", folder / "found.txt"
    cache = ["--cache_file", str(folder / "cache"), "-k"] if "--passes" in settings else []
    task = ["--oaa", str(len(classes)), "--loss_function", "logistic", "--probabilities"]
    began = time.perf_counter()
    run(vowpalwabbit, [*task, *settings, *cache, "-d", str(folder / "train.vw"), "-f", str(model)])
    seconds = time.perf_counter() - began
    run(vowpalwabbit, ["-t", "--probabilities", "-i", str(model), "-d", str(folder / "test.vw"), "-p", str(found)])
    P = np.array([[float(pair.split(":")[1]) for pair in row.split()] for row in found.read_text().splitlines()])
    return seconds, P


def run(vowpalwabbit, arguments: list[str]) -> None:
    vowpalwabbit.Workspace(arg_list=[*arguments, "--quiet"]).finish()


def by_sklearn(pipeline) -> tuple[float, np.ndarray]:
    warnings.simplefilter("ignore")  # the solver has not converged after its 100 iterations: that is its default
    began = time.perf_counter()
    pipeline.fit(texts, y)
    seconds = time.perf_counter() - began
    return seconds, pipeline.predict_proba(test_texts)


def pipeline_of(method: str):
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
    from sklearn.linear_model import LogisticRegression, SGDClassifier
    from sklearn.pipeline import make_pipeline

    if method == "tfidf-logistic":
        return make_pipeline(TfidfVectorizer(), LogisticRegression())
    return make_pipeline(HashingVectorizer(), SGDClassifier(loss="log_loss", random_state=0))


texts, y_texts = read("train.csv")
test_texts, _ = read("test.csv")
classes, y = np.unique(y_texts, return_inverse=True)
if method in FASTTEXT:
    fit_seconds, P = by_fasttext(FASTTEXT[method])
elif method in VW:
    fit_seconds, P = by_vw(VW[method])
else:
    fit_seconds, P = by_sklearn(pipeline_of(method))
table = pd.DataFrame(P, columns=[f"p_{name}" for name in classes])
table.insert(0, "prediction", classes[P.argmax(axis=1)])
table.to_csv(folder / "predictions.csv", index=False)
print(json.dumps({"fit_seconds": fit_seconds}))
