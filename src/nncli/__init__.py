"""nncli: classifiers from the command line, and from Python by `load` and `train`."""

from __future__ import annotations

__version__ = "0.1.0"
__all__ = ["__version__", "load", "train"]


def __getattr__(name: str) -> object:
    """`load` and `train` come when asked for: the command line starts without NumPy."""
    if name in ("load", "train"):
        from nncli import api

        return getattr(api, name)
    raise AttributeError(f"module 'nncli' has no attribute '{name}'")
