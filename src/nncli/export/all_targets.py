"""Load every target into the registry, in the order that the help lists them."""

import importlib

from nncli.export.targets import TARGETS, Target

__all__ = ["TARGETS", "Target", "written_for"]

for _module in ("onnx_file", "c_file", "javascript", "python_file", "sql", "json_file"):
    importlib.import_module(f"nncli.export.{_module}")


def written_for(head: bytes) -> str | None:
    """Return the name of the target whose files begin so; None if no export has written such a file."""
    return next((name for name in TARGETS if head.startswith(TARGETS[name].begins)), None)
