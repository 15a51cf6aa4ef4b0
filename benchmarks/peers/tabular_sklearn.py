"""One peer with scikit-learn's interface fits the training rows of a folder and predicts its test rows.

python tabular_sklearn.py METHOD FOLDER THREADS reads train.csv, test.csv and about.json, writes predictions.csv as
`nncli predict --proba` does, and prints {"fit_seconds": …}. All have their defaults; what is prepared for them is what
they cannot do without.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, OneHotEncoder, StandardScaler

MOST_CATEGORIES = 255  # of a column, for HistGradientBoosting
VALIDATION = 0.15  # the share that nncli takes out of its training rows, for RealMLP to do the same

method, folder, threads = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
categorical, target, seed = about["categorical"], about["target"], about["seed"]
classify = about["task"] == "classification"
warnings.simplefilter("ignore")  # such as that the default number of iterations is not enough


def read(name):
    """X, numbers as float64 and categories as text, a missing one NaN; y, classes as text."""
    types = dict.fromkeys(categorical, object) | ({target: object} if classify else {})
    X = pd.read_csv(folder / name, dtype=types, keep_default_na=False, na_values=[""])
    y = X.pop(target).to_numpy()
    numbers = [name for name in X.columns if name not in categorical]
    return X.astype(dict.fromkeys(numbers, np.float64)), y


def as_categories(X, X_test):
    """Categories as pandas has them; one that no training row has is missing."""
    X, X_test = X.copy(), X_test.copy()
    for name in categorical:
        X[name] = X[name].astype("category")
        X_test[name] = pd.Categorical(X_test[name], categories=X[name].cat.categories)
    return X, X_test


def codes_of_many(X, X_test):
    """The codes of the categories in place of them, where a column has too many."""
    for name in categorical:
        if len(X[name].cat.categories) > MOST_CATEGORIES:
            for frame in (X, X_test):
                frame[name] = frame[name].cat.codes.replace(-1, np.nan).astype(np.float64)
    return X, X_test


def filled(X, X_test):
    """The median of the training rows where a number is missing."""
    medians = X.drop(columns=categorical).median().fillna(0)
    return X.fillna(medians), X_test.fillna(medians)


def scaled(estimator):
    """Numbers standardised, categories one-hot; a target of numbers standardised too."""
    numbers = [name for name in X.columns if name not in categorical]
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numbers),
            ("categories", OneHotEncoder(handle_unknown="ignore", sparse_output=False), categorical),
        ]
    )
    model = make_pipeline(columns, estimator)
    return model if classify else TransformedTargetRegressor(model, transformer=StandardScaler())


X, y = read("train.csv")
X_test, _ = read("test.csv")
if classify:
    encoder = LabelEncoder().fit(y)
    y = encoder.transform(y)
if method == "logistic":
    from sklearn.linear_model import LinearRegression, LogisticRegression

    model = scaled(LogisticRegression() if classify else LinearRegression())
elif method == "sklearn-mlp":
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    model = scaled((MLPClassifier if classify else MLPRegressor)(random_state=seed))
elif method == "histgb":
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    model = (HistGradientBoostingClassifier if classify else HistGradientBoostingRegressor)(random_state=seed)
    X, X_test = codes_of_many(*as_categories(X, X_test))
elif method == "lightgbm":
    from lightgbm import LGBMClassifier, LGBMRegressor

    model = (LGBMClassifier if classify else LGBMRegressor)(random_state=seed, n_jobs=threads, verbose=-1)
    X, X_test = as_categories(X, X_test)
elif method == "catboost":
    from catboost import CatBoostClassifier, CatBoostRegressor

    model = (CatBoostClassifier if classify else CatBoostRegressor)(
        random_seed=seed, thread_count=threads, cat_features=categorical, verbose=False, allow_writing_files=False
    )
    missing = dict.fromkeys(categorical, "missing")
    X, X_test = X.fillna(missing), X_test.fillna(missing)
elif method == "realmlp-td-s":
    from pytabkit import RealMLP_TD_S_Classifier, RealMLP_TD_S_Regressor

    model = (RealMLP_TD_S_Classifier if classify else RealMLP_TD_S_Regressor)(
        random_state=seed, n_threads=threads, device="cpu", val_fraction=VALIDATION
    )
    X, X_test = filled(*as_categories(X, X_test))
else:
    sys.exit(f"unknown method {method}")

began = time.perf_counter()
model.fit(X, y)
seconds = time.perf_counter() - began
if classify:
    P = np.asarray(model.predict_proba(X_test), np.float64)
    classes = encoder.classes_
    found = pd.DataFrame(P, columns=[f"p_{name}" for name in classes])
    found.insert(0, "prediction", classes[P.argmax(axis=1)])
else:
    found = pd.DataFrame({"prediction": np.asarray(model.predict(X_test), np.float64).ravel()})
found.to_csv(folder / "predictions.csv", index=False)
print(json.dumps({"fit_seconds": seconds}))
