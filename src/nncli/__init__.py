"""nncli: classifiers from the command line, and from Python as estimators of scikit-learn.

`errors.py` has every error and every exit code, `registry.py` names components. All else is in folders, each of which
says what lives there; `estimators` is for Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nncli.estimators.classifier import NNClassifier
    from nncli.estimators.regressor import NNRegressor
    from nncli.estimators.saved import load

__version__ = "0.1.0"
__all__ = ["NNClassifier", "NNRegressor", "__version__", "load"]
PLACES = {"NNClassifier": "classifier", "NNRegressor": "regressor", "load": "saved"}  # modules of the estimators


def __getattr__(name: str) -> object:
    """Estimators come when asked for: the command line starts without NumPy and scikit-learn."""
    if name in PLACES:
        import importlib

        return getattr(importlib.import_module(f"nncli.estimators.{PLACES[name]}"), name)
    raise AttributeError(f"module 'nncli' has no attribute '{name}'")
