"""Make the network that a config describes, and tell its size before it is made."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from nncli.config.ensemble_kind import ensemble_of
from nncli.config.resolved import ModelConfig
from nncli.data.dataset import Table
from nncli.data.preprocess import Preprocess
from nncli.data.sparse_numbers import is_sparse
from nncli.errors import OptionError, mention
from nncli.nn.buffers import zeros
from nncli.nn.input_layers import InputKinds, InputScale
from nncli.nn.layers import Array, Layer
from nncli.nn.losses import LOSSES
from nncli.nn.models import AutoModel, TabularModel
from nncli.nn.network import Network, layers_of, sizes_of
from nncli.nn.row_loss import Loss

WIDE = 128  # units, from which on members of an ensemble are faster one by one than all at once, as in their caches
EVAL_ROWS = 1024  # rows that pass through the network at once outside training …
EVAL_CELLS = 1 << 21  # … and fewer where a layer is wider than 2,048


def build_network(config: ModelConfig, inputs: InputKinds, K: int) -> tuple[Network, Loss]:
    """Return the untrained network and the loss that a config describes, for its inputs and K classes (0: a number);
    OptionError where the network does not fit in memory, or is yet to be searched for."""
    if config.name == AutoModel.name and not config.parts:
        problem = f"{config.name} is a search for a model, and one network is asked for"
        raise OptionError("model", problem, f"Use {mention('model', TabularModel.name)}")
    loss = LOSSES.create(config.loss)
    try:
        network = _blend(config, inputs, K, loss.link) if config.parts else _network(config, inputs, K, loss.link)
    except (MemoryError, ValueError, OverflowError):  # beyond the memory, and beyond what NumPy can address
        widths = f" and {'x'.join(map(str, config.hidden))} units" if config.hidden else ""
        problem = f"a network of {inputs.width} inputs{widths} does not fit in memory"
        if members := ensemble_of(config.ensemble):
            raise OptionError("ensemble", f"{members.number:,} times {problem}", "Use fewer members") from None
        raise OptionError("hidden", problem) from None
    return network, loss


def _network(
    config: ModelConfig, inputs: InputKinds, K: int, link: str, vectors: tuple[Array, Array] | None = None
) -> Network:
    d, layers, members = inputs.width, network_layers(config, inputs, K), ensemble_of(config.ensemble)
    if members is None:
        return Network(d, layers, config.dtype, vectors)
    from nncli.nn.batched_members import NarrowMembers
    from nncli.nn.ensemble import WideMembers
    from nncli.nn.shared_members import SharedMembers

    is_wide = max(config.hidden, default=0) >= WIDE
    kind = SharedMembers if members.shared else WideMembers if is_wide else NarrowMembers
    return kind(d, layers, members.number, link, config.dtype, vectors)


def _blend(config: ModelConfig, inputs: InputKinds, K: int, link: str) -> Network:
    """Return the untrained parts of a blend, all as views into one vector; a single part as it is."""
    from nncli.nn.blend import Blend

    models = [dataclasses.replace(model, dtype=config.dtype) for _, model in config.parts]
    if len(models) == 1:
        return _network(models[0], inputs, K, link)
    members = ensemble_of(models[0].ensemble)  # as of all of them
    sizes = [network_sizes(model, inputs, K)[0] for model in models]
    ends, vectors = np.cumsum(sizes).tolist(), (zeros(sum(sizes), config.dtype), zeros(sum(sizes), config.dtype))
    parts = [
        _network(model, inputs, K, link, (vectors[0][end - size : end], vectors[1][end - size : end]))
        for model, size, end in zip(models, sizes, ends, strict=True)
    ]
    times = [times for times, _ in config.parts]
    return Blend(parts, times, link, vectors, members.number if members is not None and members.folds else 0)


def eval_rows(widths: Sequence[int], is_sparse: bool = False) -> int:
    """Return how many rows pass at once, outside training, through a network of these widths; sparse ones have few of
    their inputs."""
    return max(1, min(EVAL_ROWS, EVAL_CELLS // max(widths[1:] if is_sparse else widths)))


def network_sizes(config: ModelConfig, inputs: InputKinds, K: int) -> tuple[int, int]:
    """Return how many parameters the network has that `build_network` makes, without making it, and how many numbers
    each row comes to in the layers that have some, those of all members of an ensemble together."""
    if config.parts:
        of_parts = [network_sizes(model, inputs, K) for _, model in config.parts]
        return sum(parameters for parameters, _ in of_parts), sum(numbers for _, numbers in of_parts)
    layers = network_layers(config, inputs, K)
    parameters, numbers = sizes_of(inputs.width, layers)
    members = ensemble_of(config.ensemble)
    if members is None:
        return parameters, numbers
    if not members.shared:
        return members.number * parameters, members.number * numbers
    from nncli.nn.shared_members import own_numbers

    return parameters + own_numbers(inputs.width, layers, members.number), members.number * numbers


def network_layers(config: ModelConfig, inputs: InputKinds, K: int) -> list[Layer]:
    """Return the layers of the network that `build_network` makes, or of each of its members, without parameters."""
    before, outputs = _input_layers(config, inputs), LOSSES.create(config.loss).outputs(K)
    return layers_of(config.hidden, outputs, config.activation, config.dropout, config.input_dropout, before)


def network_inputs(preprocess: Preprocess, table: Table | None = None) -> InputKinds:
    """Return what the inputs of a network are that preprocessed rows go into, as those of a `table` if it is given."""
    words = 0 if preprocess.words is None else preprocess.words.width
    not_zero = preprocess.not_zero
    if table is not None and is_sparse(table.numbers):
        not_zero = table.numbers.nnz / max(1, len(table))
    return InputKinds(preprocess.n_numbers, preprocess.category_inputs, preprocess.bins, words, not_zero)


def _input_layers(config: ModelConfig, inputs: InputKinds) -> list[Layer]:
    """Return the layers before the first dense one: embeddings, and a learned scale of what they make."""
    if not config.has_input_layers:
        return []
    from nncli.nn.embeddings import EMBEDDINGS, FEW_CATEGORIES, CategoryEmbedding

    found = EMBEDDINGS.create(config.number_embedding).layers(inputs)
    width = inputs.width
    for layer in found:
        width = layer.width(width)
    inputs = inputs._replace(numbers=inputs.numbers + width - inputs.width)
    if config.embedding and inputs.words:
        from nncli.nn.word_embedding import WordEmbedding

        found.append(WordEmbedding(config.embedding, inputs.width - inputs.words))
    if config.category_embedding and max(inputs.categories, default=0) - 1 > FEW_CATEGORIES:
        found.append(CategoryEmbedding(config.category_embedding, inputs))
    return [*found, *([InputScale()] if config.learn_scale else [])]
