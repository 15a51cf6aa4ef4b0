"""Logistic regression on the rows of a model, which shows whether the model was worth its trouble."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from nncli.config.resolve import resolve
from nncli.config.train_config import TrainConfig
from nncli.data.scaled_rows import SparseMatrix, Subset
from nncli.errors import TrainingError
from nncli.metrics.rows import Floats
from nncli.model.model import Model
from nncli.training.batch import scores
from nncli.training.prepare import Prepared
from nncli.training.reference import check_reference, compare, compare_with
from nncli.training.run import fit, keep_best, new_trainer

MOST_CELLS = 50_000_000  # inputs of all rows × classes, of which training takes a few seconds
EPOCHS = 100  # each of all rows


def compare_with_linear(prepared: Prepared, model: Model) -> dict[str, Any]:
    """Train softmax regression by L-BFGS, with the penalty of scikit-learn's default, λ₂ = 1 / n, and compare as
    `reference.compare_with` does; of numbers, least squares as `reference.compare` does. Raises TrainingError where it
    would take long or cannot learn, and OptionError where there are no rows to compare on."""
    if model.target is not None:
        check_reference("linear", prepared)
        return compare("linear", prepared, model)
    n, K = len(prepared.train), len(model.classes)
    if _cells(prepared) * K > MOST_CELLS:
        raise TrainingError("reference", "logistic regression would take long for so many rows and inputs")
    check_reference("linear", prepared)
    options = TrainConfig(
        model="softmax", optimizer="lbfgs", l2=1 / n, epochs=EPOCHS, seed=prepared.config.options.seed
    )
    config = resolve(options, n, bool(prepared.val))
    trainer = new_trainer(dataclasses.replace(prepared, config=config))
    fit(trainer)
    keep_best(trainer)

    def logits_of(part: Subset) -> Floats:
        Z = scores(trainer.network, trainer.loss, part, K)
        return np.concatenate([trainer.loss.logits(one.copy()) for one in Z]).astype(np.float64)

    return compare_with("linear", logits_of, prepared, model)


def _cells(prepared: Prepared) -> int:
    """Count the inputs that a pass over the training rows goes through: of sparse ones, those that are not 0, and each
    once more, for its weight."""
    n, width, matrix = len(prepared.train), prepared.preprocess.width, prepared.train.matrix
    if isinstance(matrix, SparseMatrix):
        return int(matrix.values.nnz / max(1, len(matrix)) * n) + width
    return n * width
