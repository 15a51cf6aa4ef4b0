"""The limits of a model, in words: for which rows it was not made."""

from __future__ import annotations

from nncli.model.model import Model


def limits_of(model: Model) -> list[str]:
    """Say for which rows no model of its kind is made."""
    limits = ["It knows the kind of rows that it was trained on, and nothing of causes."]
    if model.preprocess.categories:
        limits.append("A category that was not in the training rows counts as any other.")
    if model.schema.of_kind("number") or model.schema.of_kind("date"):
        limits.append("Beyond the range of the training rows its answers are guesses.")
    return limits
