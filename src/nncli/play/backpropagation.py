"""One row, forward and back: every value and every derivative of the network, as `nncli graph` has them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from nncli.data.dataset import Dataset
from nncli.diagnostics.network_graph import TOLERANCE, loss_graph
from nncli.errors import DataError, NncliError, UsageError
from nncli.explain.columns import names_of_inputs
from nncli.model.network import build_network, network_inputs
from nncli.nn.activations import ACTIVATIONS
from nncli.nn.layers import Activation
from nncli.nn.losses import LOSSES
from nncli.play.setup import Setup
from nncli.training.prepare import Prepared

ONE_OUTPUT = "Two classes have one output: "  # that the formulas of such a loss stand behind
MOST_PARAMETERS, MOST_INPUTS = 3000, 100  # of a network whose every number one looks at
SMALLER = "Reset the weights, or lower the learning rate"


def derivatives_of(setup: Setup, row: int) -> dict[str, Any]:
    """Return the forward values of one row of the data, from 0, and the derivatives of its loss.

    For each dense layer: z, a, dL/da, da/dz, dL/dz (units,), dL/dW (inputs, units) and dL/db (units,). They come from
    the scalar graph of the network, in float64, and are held against the engine's own backpropagation. The loss is that
    of the row alone: without penalties, dropout, weights or smoothing. Raises NncliError for too large a network, and
    for numbers too large to have derivatives.
    """
    prepared, network = setup.prepared, setup.trainer.network
    if network.size > MOST_PARAMETERS or network.widths[0] > MOST_INPUTS:
        problem = f"expected at most {MOST_INPUTS} inputs and {MOST_PARAMETERS:,} parameters, found {network.size:,}"
        raise UsageError("backpropagation", problem, "Take fewer units or columns")
    config = dataclasses.replace(prepared.config.model, dtype="float64")
    K = len(prepared.dataset.classes)
    exact, loss = build_network(config, network_inputs(prepared.preprocess), K)
    exact.theta[:] = network.theta
    x, y = _row(prepared, row)
    try:
        with np.errstate(all="ignore"):
            graph, difference = loss_graph(exact, loss, x, y, K)
    except (UsageError, ArithmeticError, ValueError):
        raise NncliError(f"row {row + 1}", "a value is not finite, or too large for a number", SMALLER) from None
    if not difference <= TOLERANCE:
        problem = f"the numbers are too large: two ways to its derivatives differ by {difference:.1e} of them"
        raise NncliError(f"row {row + 1}", problem, SMALLER)
    node = {one.text if one.is_variable else one.name: one for one in graph.nodes}
    Z, layers = exact.forward(x[None]), []
    P = Z[0] if prepared.target is not None else loss.by_class(Z)[0]
    activations = [layer for layer in exact.layers if isinstance(layer, Activation)]
    for number, dense in enumerate(exact.dense, 1):
        d, h = dense.W.shape
        z = [node[f"Z{number}[{unit}]"] for unit in range(h)]
        a = [node.get(f"A{number}[{unit}]", z[unit]) for unit in range(h)]
        layers.append(
            {
                "z": [one.value for one in z],
                "a": [one.value for one in a],
                "da": [one.grad for one in a],
                "slope": _slopes(activations[number - 1], [one.value for one in z])
                if number <= len(activations)
                else [],
                "dz": [one.grad for one in z],
                "W": dense.W.tolist(),
                "b": dense.b.tolist(),
                "dW": [[node[f"W{number}[{i}, {j}]"].grad for j in range(h)] for i in range(d)],
                "db": [node[f"b{number}[{j}]"].grad for j in range(h)],
            }
        )
    return {
        "row": row + 1,
        **_named(prepared, row, y, Z),
        "x": x.tolist(),
        "names": names_of_inputs(prepared.dataset.schema, prepared.preprocess),
        "layers": layers,
        "p": P.tolist(),
        "probabilistic": loss.probabilistic,
        "loss": graph.nodes[-1].value,
        "loss_formula": LOSSES.summary(loss.name) if prepared.target is not None else _formula(loss.name, Z.shape[1]),
        "formulas": [ACTIVATIONS.summary(one.name) for one in activations],
        "lr": setup.trainer.learning_rate.base,
        "optimizer": prepared.config.training.optimizer.split(":")[0],
    }


def _named(prepared: Prepared, row: int, y: float, Z: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Return the class of a row; or its number as it is, as the network learns it, and as the network predicts it."""
    if prepared.target is None:
        return {"class": prepared.dataset.classes[int(y)], "place": int(y)}
    predicted = float(prepared.target.numbers(Z)[0])
    return {"class": f"{prepared.dataset.y[row]:g}", "place": 0, "y": y, "predicted": predicted}


def _row(prepared: Prepared, row: int) -> tuple[np.ndarray[Any, Any], float]:
    """Return the inputs (d,) in float64 and the class of a row, or its number as the network learns it; DataError for a
    row that is not there."""
    dataset: Dataset = prepared.dataset
    if not 0 <= row < len(dataset):
        raise DataError(f"row {row + 1:,}", f"expected one of the {len(dataset):,} rows that the playground uses")
    table = dataset.table.take(np.array([row]))
    y = dataset.y[[row]] if prepared.target is None else prepared.target.scaled(dataset.y[[row]])
    return prepared.preprocess.transform(table, np.dtype(np.float64)).slice(0, 1)[0], float(y[0])


def _formula(loss: str, outputs: int) -> str:
    """Return the formulas of a loss and of its derivative, with ; between; those of a single output, if it has some."""
    found = " ".join((LOSSES[loss].__doc__ or "").split())
    if outputs > 1 or ONE_OUTPUT not in found:
        return LOSSES.summary(loss)
    return found.partition(ONE_OUTPUT)[2].rstrip(".").replace(", dL/dz", "; dL/dz")


def _slopes(activation: Activation, z: list[float]) -> list[float]:
    """Return da/dz of each unit, as the engine has it: what comes out of `backward` for dL/da = 1."""
    Z = np.array([z])
    A, slope = np.empty_like(Z), np.empty_like(Z)
    activation.forward(Z, A)
    activation.backward(np.ones_like(Z), Z, A, slope)
    found: list[float] = slope[0].tolist()
    return found
