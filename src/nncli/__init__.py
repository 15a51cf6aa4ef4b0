"""nncli: classifiers from the command line, and from Python by `load` and `train`.

`errors.py` has every error and every exit code, `registry.py` names components, `api.py` is for Python. All else is
in folders, each of which says what lives there.
"""

from __future__ import annotations

__version__ = "0.1.0"
__all__ = ["__version__", "load", "train"]


def __getattr__(name: str) -> object:
    """`load` and `train` come when asked for: the command line starts without NumPy."""
    if name in ("load", "train"):
        from nncli import api

        return getattr(api, name)
    raise AttributeError(f"module 'nncli' has no attribute '{name}'")
