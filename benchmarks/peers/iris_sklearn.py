"""scikit-learn does what `nncli train iris` does: split, scale, train, keep the best epoch, save, test.

python iris_sklearn.py IRIS.csv MODEL; prints one JSON object.
"""

from __future__ import annotations

import csv
import json
import pickle
import sys
import warnings
from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

warnings.simplefilter("ignore")  # that so many epochs may not be enough to converge
with Path(sys.argv[1]).open() as file:
    _, *rows = csv.reader(file)
X = np.array([row[:-1] for row in rows], np.float32)
y = np.array([row[-1] for row in rows])
X, X_test, y, y_test = train_test_split(X, y, test_size=0.15, stratify=y, random_state=0)
network = MLPClassifier(
    (64,),
    batch_size=32,
    learning_rate_init=0.005,
    early_stopping=True,
    validation_fraction=0.176,
    n_iter_no_change=30,
    max_iter=1000,
    random_state=0,
)
model = make_pipeline(StandardScaler(), network).fit(X, y)
Path(sys.argv[2]).write_bytes(pickle.dumps(model))
print(json.dumps({"test": {"accuracy": model.score(X_test, y_test)}, "epochs": network.n_iter_}))
