"""scikit-learn: a new Perceptron each time, and one epoch of it, one class after the other against the rest."""

from __future__ import annotations

import sklearn
from frame import folder_given, scaled_arrays, serve
from sklearn.linear_model import Perceptron

X, y, X_test, y_test = scaled_arrays(folder_given())
sklearn.set_config(assume_finite=True)  # else each call searches X for NaN
model = Perceptron(max_iter=1, tol=None, random_state=0)
serve(lambda: model.fit(X, y), lambda: model.score(X_test, y_test))
