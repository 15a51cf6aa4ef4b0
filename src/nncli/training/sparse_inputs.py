"""Say what rows that are stored without their zeros are like, and refuse networks that need these."""

from __future__ import annotations

from nncli.config.ensemble_kind import ensemble_of
from nncli.config.resolved import ResolvedConfig
from nncli.data.dataset import Table
from nncli.data.preprocess import Preprocess
from nncli.data.sparse_numbers import is_sparse
from nncli.errors import OptionError, mention
from nncli.nn.models import TabularModel

STORED = "the rows are stored sparse, without their zeros"


def entries_of_rows(preprocess: Preprocess, table: Table, n: int) -> float:
    """Return about how many entries n training rows of a table have between them; 0 where they have their zeros too."""
    if preprocess.words is not None:
        return preprocess.words.entries(n)
    return table.numbers.nnz * n / max(1, len(table)) if is_sparse(table.numbers) else 0.0


def refuse_layers_of_zeros(config: ResolvedConfig) -> None:
    """Raise OptionError for a network that does something with each input before its weights, or whose members do, and
    for a search that tries such ones."""
    model, options = config.model, config.options
    members = ensemble_of(model.ensemble)
    if options.preset.searches or model.name == TabularModel.name:
        what = (
            "auto tries networks that scale or embed" if options.preset.searches else f"{model.name} scales and embeds"
        )
        raise OptionError("model", f"{what} each input, and {STORED}", f"Use {mention('model', 'mlp')}, or logistic")
    if model.learn_scale or model.number_embedding != "none":  # embeddings of words take them as they are
        option = "learn_scale" if model.learn_scale else "number_embedding"
        raise OptionError(option, f"it is there for each input, and {STORED}", "Leave it out")
    if members is not None and model.input_dropout:
        remedy = f"Leave one of them out, or use {mention('dropout', model.input_dropout)} behind a hidden layer"
        raise OptionError("input_dropout", f"each member leaves out other inputs, and {STORED}", remedy)
    if members is not None and members.shared:
        problem = f"members that share weights have a scale of each input, and {STORED}"
        raise OptionError("ensemble", problem, f"Use {mention('ensemble', members.number)}")
