"""Load every target into the registry, in the order that the help lists them."""

import importlib

from nncli.export.targets import TARGETS, Target

__all__ = ["TARGETS", "Target"]

for _module in ("onnx_file", "c_file", "javascript", "python_file", "sql", "json_file"):
    importlib.import_module(f"nncli.export.{_module}")
