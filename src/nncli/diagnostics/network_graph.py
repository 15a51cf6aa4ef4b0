"""Draw the loss of a saved model on one row as a scalar graph, and compare its derivatives with the engine's."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from nncli.data.sources import Source
from nncli.errors import NncliError, OptionError, UsageError
from nncli.explain.columns import names_of_inputs
from nncli.model.labelled_rows import labelled_rows
from nncli.model.model import Model
from nncli.model.network import build_network, network_inputs
from nncli.model.provenance import Provenance
from nncli.nn.autodiff.graph import Graph
from nncli.nn.layers import Array
from nncli.nn.network import Network
from nncli.nn.row_loss import Loss
from nncli.system.output import in_quotes, one_line, shortened

MOST_NODES = 500
TOLERANCE, SMALL = 1e-6, 1e-6  # of the relative difference; smaller derivatives are compared as if of size SMALL


def graph_of_model(
    model: Model, provenance: Provenance, model_file: str, source: Source, row: int
) -> tuple[Graph, float, str]:
    """Return the graph of a saved model on one row, counted from 1, of a source; without one, of its training data.
    With it, the largest relative difference between its derivatives and those of the engine's backpropagation, and
    a title that names the row and the network.

    The loss is that of the row alone: without regularisation, dropout, weights or smoothing. Raises OptionError for a
    network too large to look at and for a row that does not exist, and NncliError if a value is not finite or
    the derivatives differ from the engine's.
    """
    config, K = dataclasses.replace(model.config.model, dtype="float64"), len(model.classes)
    network, loss = build_network(config, network_inputs(model.preprocess), K)
    if network.is_several:
        problem = f"expected a model of one network, found an ensemble of {network.number} members"
        raise UsageError(model_file, problem, model.remedy_alone)
    if words := model.preprocess.columns_of_words:
        problem = f"column {in_quotes(words[0])} is read as words, of too many inputs for a graph"
        raise UsageError(model_file, problem, "Use nncli explain --row")
    network.theta[:] = model.network.theta
    _refuse_large(model_file, network.size)
    dataset = labelled_rows(model, provenance, model_file, source, config.dtype)
    place = dataset.where
    if row > len(dataset):
        raise OptionError("row", f"expected a row from 1 to {len(dataset):,} of {place}, found {row:,}")
    x = model.preprocess.others(dataset.table.take(np.array([row - 1])), network.dtype).slice(0, 1)[0]
    y, shown = dataset.y[row - 1], model.schema.target
    if model.target is not None:
        shown, y = f"{shown} {y:g}", float(model.target.scaled(dataset.y)[row - 1])
        shown += f" ({y:.4g} as the network learns it)"
    else:
        y = int(y)
        shown = model.classes[y]
    names = [shortened(one_line(name)) for name in names_of_inputs(model.schema, model.preprocess)]
    try:
        graph, difference = loss_graph(network, loss, x, y, K, names)
    except (UsageError, ArithmeticError, ValueError) as error:
        problem = error.problem if isinstance(error, UsageError) else "a value is not finite"
        raise NncliError(f"{place}, row {row}", problem) from None
    _refuse_large(model_file, len(graph.nodes))
    if not difference <= TOLERANCE:
        problem = f"expected the derivatives of backpropagation, found a difference of {difference:.1e}"
        raise NncliError(model_file, problem)
    activation = f"{config.activation}, " if config.activation else ""
    title = f"row {row} of {place}, {shown}: {config.name} {network.widths_shown()}, {activation}{loss.name}"
    return graph, difference, title


def loss_graph(
    network: Network, loss: Loss, x: Array, y: float, K: int, names: Sequence[str] = ()
) -> tuple[Graph, float]:
    """Return the graph of the loss of one row x (d,) of class y of K, or with the number y (K = 0), with its
    derivatives, and the largest relative difference between them and those of `Network.backward`. The inputs may have
    names."""
    graph = Graph()
    inputs = [graph.variable(f"x[{i}]", float(value)) for i, value in enumerate(x)]
    for i, name in zip(inputs, names, strict=False):
        graph.nodes[i].name = name
    z, positions = network.unroll(graph, inputs)
    Y = loss.targets(K)[[int(y)]] if K else np.array([[y]])
    loss.unroll(graph, z, Y[0].tolist())
    graph.backward()
    Z = network.forward(x[None])
    P, dZ, dX = np.empty_like(Z), np.empty_like(Z), np.empty((1, len(x)), network.dtype)
    loss.forward(Z, Y, P)
    loss.backward(Z, P, Y, dZ)
    network.backward(dZ, dX)
    nodes = np.concatenate([*(positions[block.name].ravel() for block in network.blocks), inputs])
    found, expected = np.array([graph.nodes[i].grad for i in nodes]), np.concatenate([network.grad, dX[0]])
    sizes = np.maximum(np.maximum(np.abs(found), np.abs(expected)), SMALL)
    return graph, float((np.abs(found - expected) / sizes).max())


def _refuse_large(model_file: str, nodes: int) -> None:
    if nodes > MOST_NODES:
        problem = f"expected a graph of at most {MOST_NODES} nodes, and this network needs {nodes:,} or more"
        raise UsageError(model_file, problem, "Train one with fewer hidden units, or on fewer columns")
