"""scikit-learn's permutation_importance over an MLPClassifier with the parameters of a network that nncli has trained.

python explain_sklearn.py FOLDER SCORING serves, as the frame says; its last word is the sum of the importances.
python explain_sklearn.py FOLDER SCORING ROWS.csv does it once, from the file on, as `nncli explain` does.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import numpy as np
from frame import serve
from sklearn.inspection import permutation_importance
from sklearn.neural_network import MLPClassifier

REPEATS = 5
folder, scoring, *files = sys.argv[1:]
found = np.load(Path(folder) / "explain.npz")
if files:
    import pandas as pd

    frame = pd.read_csv(files[0])
    y = frame.pop("class").to_numpy(str)
    X = frame.to_numpy(np.float32)
else:
    X, y = found["X"], found["y"].astype(str)
X = ((X - found["shift"]) * found["scale"]).astype(np.float32)
model = MLPClassifier(found["b1"].shape, max_iter=1)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # that one epoch is not enough
    model.fit(X[:200], y[:200])
# of two classes, it has one output: the score of the second
model.coefs_ = [found["W1"], found["W2"][:, 1:] - found["W2"][:, :1]]
model.intercepts_ = [found["b1"], found["b2"][1:] - found["b2"][:1]]
sums: list[float] = []


def explain() -> None:
    its = permutation_importance(model, X, y, scoring=scoring, n_repeats=REPEATS, n_jobs=1, random_state=0)
    sums.append(float(its.importances_mean.sum()))


if files:
    explain()
    print(json.dumps({"sum": sums[0]}))
else:
    serve(explain, lambda: sums[-1])
