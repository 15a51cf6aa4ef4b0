"""Model files as estimators that are fitted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nncli.config.train_config import TrainConfig
from nncli.estimators.classifier import NNClassifier
from nncli.estimators.refusals import as_value_errors
from nncli.estimators.regressor import NNRegressor
from nncli.model import checkpoint


def load(path: str | Path) -> NNClassifier | NNRegressor:
    """Read a model file as an estimator that is fitted, with the options of its training as parameters. Classes are
    text, as a file has them. Raises ModelFileError if it is none."""
    with as_value_errors():
        model, provenance = checkpoint.load(Path(path).absolute())
    kind: type[NNClassifier | NNRegressor] = NNClassifier if model.target is None else NNRegressor
    options = model.config.options
    names = kind().get_params()
    given: dict[str, Any] = {name: value for name in names if (value := getattr(options, name)) not in (None, ())}
    for name in ("batch_size", "folds"):
        if name in given:
            given[name] = TrainConfig.kind(name).write(given[name])
    found = kind(**{**({"test": None} if options.test is None else {}), **given})
    found._take_over(model, provenance)
    found.n_features_in_ = len(model.schema.columns)
    if model.schema.header:
        found.feature_names_in_ = np.array(model.schema.names, object)
    if isinstance(found, NNClassifier):
        found.classes_ = np.array(model.classes)
    return found
