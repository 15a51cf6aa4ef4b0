"""Refuse embeddings that are asked for where there is nothing to embed."""

from __future__ import annotations

from nncli.config.train_config import TrainConfig
from nncli.data.preprocess import Preprocess
from nncli.errors import OptionError
from nncli.nn.embeddings import FEW_CATEGORIES


def refuse_embeddings_of_nothing(config: TrainConfig, preprocess: Preprocess) -> None:
    """Raise OptionError for an embedding of numbers or categories, where there are no columns for it."""
    if config.number_embedding not in (None, "none") and not preprocess.n_numbers:
        raise OptionError("number_embedding", "expected columns of numbers, found none", "Leave it out")
    most = max(preprocess.category_inputs, default=0) - 1
    if config.category_embedding and most <= FEW_CATEGORIES:
        found = f"found {most} at most" if most > 0 else "found no column of text"
        problem = f"expected a column of text with more than {FEW_CATEGORIES} categories, {found}"
        raise OptionError("category_embedding", problem, "Leave it out: each category has an input of its own")
