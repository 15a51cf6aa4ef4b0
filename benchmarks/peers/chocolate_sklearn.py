"""scikit-learn does what `nncli train chocolate --model linear` does: read, fit a line, save it, say how far it is off.

python chocolate_sklearn.py CHOCOLATE.csv MODEL; prints one JSON object.
"""

from __future__ import annotations

import csv
import json
import pickle
import sys
from pathlib import Path

import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.metrics import root_mean_squared_error

with Path(sys.argv[1]).open() as file:
    _, *rows = csv.reader(file)
numbers = np.array(rows, np.float64)
X, y = numbers[:, :-1], numbers[:, -1]
model = LinearRegression().fit(X, y)
Path(sys.argv[2]).write_bytes(pickle.dumps(model))
print(json.dumps({"train": {"rmse": root_mean_squared_error(y, model.predict(X))}}))
