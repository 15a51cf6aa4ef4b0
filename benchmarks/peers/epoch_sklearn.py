"""scikit-learn: one call of MLPClassifier.partial_fit is one epoch over shuffled mini-batches."""

from __future__ import annotations

import numpy as np
import sklearn
from frame import BATCH, CLASSES, arguments, scaled_arrays, serve
from sklearn.neural_network import MLPClassifier

folder, hidden, optimizer, lr = arguments()
X, y, X_test, y_test = scaled_arrays(folder)
sklearn.set_config(assume_finite=True)  # else each call searches X for NaN
momentum = {} if optimizer == "adam" else {"momentum": 0, "nesterovs_momentum": False}
model = MLPClassifier(
    hidden, solver=optimizer, learning_rate_init=lr, batch_size=BATCH, alpha=0, random_state=0, **momentum
)
classes = np.arange(CLASSES)
serve(lambda: model.partial_fit(X, y, classes=classes), lambda: model.score(X_test, y_test))
