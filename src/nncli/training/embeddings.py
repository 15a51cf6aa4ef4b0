"""Embeddings that are asked for where there is nothing to embed: refused, or in some of the rows only, said."""

from __future__ import annotations

from nncli.config.train_config import TrainConfig
from nncli.data.dataset import Table
from nncli.data.preprocess import Preprocess
from nncli.errors import OptionError, flag
from nncli.nn.embeddings import FEW_CATEGORIES


def refuse_embeddings_of_nothing(config: TrainConfig, table: Table) -> None:
    """Raise OptionError for an embedding of numbers or categories, where a table has no columns for it.

    All rows tell, and not the training rows, of which each fold has others: no run is refused in its middle. What is
    part of a model is used where there is something to embed.
    """
    its_own = config.preset.of_network.get("number_embedding")
    if config.number_embedding not in (None, "none", its_own) and not (table.number_names or table.dates):
        raise OptionError("number_embedding", "expected columns of numbers, found none", "Leave it out")
    if not config.category_embedding:
        return
    # a missing cell is a category too
    most = max((len(text.values) + bool((text.codes < 0).any()) for text in table.texts.values()), default=0)
    if most <= FEW_CATEGORIES:
        found = f"found {most} at most" if most > 0 else "found no column of text"
        problem = f"expected a column of text with more than {FEW_CATEGORIES} categories, {found}"
        raise OptionError("category_embedding", problem, "Leave it out: each category has an input of its own")


def notes_on_embeddings(config: TrainConfig, preprocess: Preprocess) -> list[str]:
    """Say that the training rows have too few categories to embed, though all rows together have more."""
    most = max(preprocess.category_inputs, default=0) - 1  # one input is of any other value
    if not config.category_embedding or most > FEW_CATEGORIES:
        return []
    few = f"no column has more than {FEW_CATEGORIES} categories in the training rows"
    return [f"{flag('category_embedding')} has nothing to do: {few}, and each has an input of its own"]
