"""pandas and scikit-learn do what `nncli train train.csv --test-data test.csv` does.

python sklearn_csv.py TRAIN.csv TEST.csv MODEL; prints one JSON object.
"""

from __future__ import annotations

import json
import pickle
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier


def read(path: str) -> tuple[np.ndarray, np.ndarray]:
    """X (n, 784) as float32 from 0 to 1, y (n,)."""
    frame = pd.read_csv(path, dtype=np.uint8)
    y = frame.pop("label").to_numpy()
    X = np.ascontiguousarray(frame, np.float32)  # frames lie column by column, which makes mini-batches slow
    X /= 255
    return X, y


train, test, model_file = sys.argv[1:]
warnings.simplefilter("ignore", ConvergenceWarning)  # ten epochs are what was asked for
# early_stopping holds out a stratified share, scores it after each epoch and keeps the best epoch, as nncli does
model = MLPClassifier(
    (64,),
    batch_size=128,
    max_iter=10,
    learning_rate_init=0.002,
    early_stopping=True,
    validation_fraction=0.15,
    n_iter_no_change=10,
    random_state=0,
)
model.fit(*read(train))
with Path(model_file).open("wb") as file:
    pickle.dump(model, file)
print(json.dumps({"test": {"accuracy": model.score(*read(test))}}))
