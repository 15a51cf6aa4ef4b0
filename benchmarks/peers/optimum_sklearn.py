"""scikit-learn's LogisticRegression, with its lbfgs or with LIBLINEAR, which it contains.

python optimum_sklearn.py FOLDER lbfgs|liblinear
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import sklearn
from frame import serve
from optimum import L2, loss_of
from sklearn.linear_model import LogisticRegression

folder, solver = Path(sys.argv[1]), sys.argv[2]
X, y = np.load(folder / "optimum_X.npy"), np.load(folder / "optimum_y.npy")
sklearn.set_config(assume_finite=True)  # else each call searches X for NaN
# C = 1 / (n λ₂), as its loss is a sum and not a mean; LIBLINEAR wants float64, and regularises the bias too, which a
# large constant input makes a trifle
model = LogisticRegression(C=1 / (L2 * len(X)), solver=solver, tol=1e-4, max_iter=1000, intercept_scaling=100)
serve(lambda: model.fit(X, y), lambda: loss_of(X, y, model.coef_[0], model.intercept_[0]))
