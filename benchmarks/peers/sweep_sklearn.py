"""scikit-learn does what `nncli sweep digits --lr … --hidden …` does: 24 networks on one split, two at a time.

python sweep_sklearn.py DIGITS.csv; prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import warnings

import numpy as np
from sklearn.model_selection import GridSearchCV, PredefinedSplit, train_test_split
from sklearn.neural_network import MLPClassifier

warnings.simplefilter("ignore")  # that a hundred epochs may not be enough to converge
rows = np.loadtxt(sys.argv[1], delimiter=",", skiprows=1)
X, y = (rows[:, :-1] / 16).astype(np.float32), rows[:, -1].astype(int)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.15, stratify=y, random_state=0)
_, val = train_test_split(np.arange(len(y)), test_size=270, stratify=y, random_state=0)
fold = np.full(len(y), -1)
fold[val] = 0
grid = {
    "learning_rate_init": [0.05, 0.02, 0.01, 0.005, 0.002, 0.001],
    "hidden_layer_sizes": [(16,), (32,), (64,), (128,)],
}
network = MLPClassifier(batch_size=32, max_iter=100, n_iter_no_change=100, random_state=0)
search = GridSearchCV(network, grid, cv=PredefinedSplit(fold), n_jobs=2).fit(X, y)
print(json.dumps({"val": search.best_score_, "test": search.score(X_test, y_test)}))
