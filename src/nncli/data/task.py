"""The tasks of a model, by the names that the option --task has for them."""

from __future__ import annotations

CLASSIFICATION, REGRESSION = "classification", "regression"
TASKS = (CLASSIFICATION, REGRESSION)
