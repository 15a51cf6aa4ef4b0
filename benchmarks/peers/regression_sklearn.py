"""scikit-learn's LinearRegression, or with an L2 penalty its Ridge.

python regression_sklearn.py FOLDER L2
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import sklearn
from frame import serve
from regression import loss_of
from sklearn.linear_model import LinearRegression, Ridge

folder, l2 = Path(sys.argv[1]), float(sys.argv[2])
X, y = np.load(folder / "regression_X.npy"), np.load(folder / "regression_y.npy")
sklearn.set_config(assume_finite=True)  # else each call searches X for NaN
# α = n λ₂, as its loss is a sum and not a mean
model = Ridge(alpha=len(X) * l2) if l2 else LinearRegression()
serve(lambda: model.fit(X, y), lambda: loss_of(X, y, model.coef_, model.intercept_, l2))
