"""Turn a network into the numbers that a page draws: its layers, the output of every unit over the plane, the rows."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.pictures import shape_of_rows
from nncli.explain.columns import names_of_inputs
from nncli.nn.layers import Activation, Dense
from nncli.play.plane import Plane, evenly, take
from nncli.play.setup import Setup
from nncli.training.prepare import Prepared

GRID, EVERY = 48, 2  # places of the output across and up; and of which of them units are shown
MOST_INPUTS, MOST_UNITS, MOST_CLASSES = 12, 16, 10  # that are drawn; of the others the number is said
MOST_POINTS = 400  # of each part
MIDDLE = 127  # of a byte: the value 0


def packed(values: NDArray[Any]) -> str:
    """Write bytes as text."""
    return base64.b64encode(np.ascontiguousarray(values, np.uint8).tobytes()).decode()


def signed_bytes(values: NDArray[Any]) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Scale each column of values (n, h) to bytes from 0 to 254, with 127 for 0; also return what the ends are."""
    largest = np.abs(values).max(axis=0).astype(np.float64)
    largest[~np.isfinite(largest)] = 0
    with np.errstate(all="ignore"):
        shares = np.nan_to_num(values / np.where(largest == 0, 1, largest), nan=0, posinf=1, neginf=-1)
    return (MIDDLE + np.rint(MIDDLE * np.clip(shares, -1, 1))).astype(np.uint8), largest


def pixels(prepared: Prepared) -> tuple[int, int]:
    """Return height and width of the rows, if they are grey pictures of classes; (0, 0) where they are not."""
    shape = shape_of_rows(prepared.dataset.schema, prepared.preprocess)
    is_grey = shape is not None and len(shape) == 2 and prepared.target is None
    return (shape[0], shape[1]) if shape is not None and is_grey else (0, 0)


def network_of(setup: Setup) -> dict[str, Any]:
    """Describe the layers: the names of inputs and outputs, and how many units each layer has and shows."""
    prepared, network = setup.prepared, setup.trainer.network
    names, classes = names_of_inputs(prepared.dataset.schema, prepared.preprocess), prepared.dataset.classes
    outputs = network.widths[-1]
    shown = [min(MOST_INPUTS, len(names))]
    shown += [min(MOST_UNITS, layer.units) for layer in network.dense[:-1]] + [min(MOST_CLASSES, outputs)]
    activations = [layer.name for layer in network.layers if isinstance(layer, Activation)]
    return {
        "inputs": names[: shown[0]],
        "outputs": list(classes[: shown[-1]]) if outputs > 1 else [*classes[1:], prepared.dataset.schema.target][:1],
        "widths": [network.widths[0], *(layer.units for layer in network.dense)],
        "shown": shown,
        "activations": activations,
        "pixels": pixels(prepared),
        "parameters": network.size,
    }


def points_of(setup: Setup, plane: Plane) -> dict[str, Any]:
    """Return some rows of each part on the plane: places as shares of the axes, the class or the number to predict with
    its colour, the number of the row."""
    found = {}
    parts = {"train": setup.prepared.train, "val": setup.prepared.val, "test": setup.prepared.test}
    for name, part in parts.items():
        rows = evenly(part.rows, MOST_POINTS)
        if len(rows):
            at = plane.places(take(part, rows, setup.prepared.config.model.dtype))
            of_target = _of_target(setup, part.y[rows])
            if plane.has_target:
                at[:, 1] = of_target["number"]
            shares = [axis.share(at[:, i]).round(4).tolist() for i, axis in enumerate(plane.axes)]
            found[name] = {"x": shares[0], "y": shares[1], **of_target, "row": rows.tolist()}
    return found


def _of_target(setup: Setup, y: NDArray[Any]) -> dict[str, Any]:
    target = setup.prepared.target
    if target is None:
        return {"class": y.tolist()}
    numbers = [float(f"{one:.6g}") for one in target.numbers(y[:, None])]
    return {"class": _colours(setup, y).tolist(), "number": numbers}


def colours_of(setup: Setup) -> list[float]:
    """Return the numbers of the palest colour, which is the mean of the training rows, and of both ends; nothing of
    classes."""
    target = setup.prepared.target
    if target is None:
        return []
    most = _farthest(setup)
    return [float(f"{one:.6g}") for one in target.numbers(np.array([[-most], [0.0], [most]]))]


def _farthest(setup: Setup) -> float:
    """Return how far from the mean the numbers of the training rows go, in standard deviations."""
    part = setup.prepared.train
    return float(np.abs(part.y[part.rows]).max(initial=1e-9))


def _colours(setup: Setup, z: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the bytes of standardised numbers: 127 is the mean of the training rows."""
    shares = np.nan_to_num(z.astype(np.float64) / _farthest(setup), nan=0, posinf=1, neginf=-1)
    return (MIDDLE + np.rint(MIDDLE * np.clip(shares, -1, 1))).astype(np.uint8)


def weights_of(setup: Setup) -> list[dict[str, Any]]:
    """Return the weights (inputs, units) and biases of each dense layer, of those that are shown."""
    dense: list[Dense] = setup.trainer.network.dense
    shown = network_of(setup)["shown"]
    return [
        {"W": _short(layer.W[:d, :h]), "b": _short(layer.b[:h])}
        for layer, d, h in zip(dense, shown, shown[1:], strict=False)
    ]


def pictures_of_weights(setup: Setup) -> list[str]:
    """Return the incoming weights of the shown units of the first layer, as bytes; none where rows are no pictures."""
    if pixels(setup.prepared) == (0, 0):
        return []
    W = setup.trainer.network.dense[0].W
    shown, _ = signed_bytes(W[:, : network_of(setup)["shown"][1]])
    return [packed(one) for one in shown.T]


def maps_of(setup: Setup, plane: Plane, X: NDArray[Any]) -> dict[str, Any]:
    """Return what the network says at the places of a grid on a plane, whose inputs are X: the predicted class and how
    certain that is, from 0 to 255, or the predicted number; and, at fewer places, the output of each unit and of each
    class."""
    network, loss = setup.trainer.network, setup.trainer.loss
    K = len(setup.prepared.dataset.classes)
    with np.errstate(all="ignore"):
        Z = network.forward(X).copy()
        units = []
        for _, A in network.activations():
            values, largest = signed_bytes(_fewer(A[:, :MOST_UNITS]))
            units.append({"maps": [packed(one) for one in values.T], "most": _short(largest)})
        if setup.prepared.target is not None:
            return {"units": units, **_maps_of_numbers(setup, plane, Z)}
        P = loss.by_class(Z)
    predicted = loss.classes(Z)
    certainty = np.ones(len(Z))
    if loss.probabilistic:
        p = P[np.arange(len(Z)), predicted].astype(np.float64)
        certainty = np.nan_to_num(np.clip((p - 1 / K) / (1 - 1 / K), 0, 1))
    shown = P[:, 1:2] if Z.shape[1] == 1 else P[:, :MOST_CLASSES]
    if loss.probabilistic:  # ½ of two classes is in the middle
        shown = shown - 1 / K
    outputs, _ = signed_bytes(_fewer(shown))
    return {
        "classes": packed(np.minimum(predicted, 255)),
        "certainty": packed(np.rint(255 * certainty)),
        "units": units,
        "outputs": [packed(one) for one in outputs.T],
    }


def _maps_of_numbers(setup: Setup, plane: Plane, Z: NDArray[Any]) -> dict[str, Any]:
    """Return the predicted numbers as colours; and where a plane has the target, as places on it from left to right."""
    target, outputs = setup.prepared.target, signed_bytes(_fewer(Z))[0]
    assert target is not None
    curve = plane.axes[1].share(target.numbers(Z[:GRID])) if plane.has_target else np.zeros(0)
    return {
        "numbers": packed(_colours(setup, Z[:, 0])),
        "outputs": [packed(one) for one in outputs.T],
        "curve": _short(np.clip(np.nan_to_num(curve), -9, 9)),
    }


def maps_of_inputs(setup: Setup, X: NDArray[Any]) -> list[str]:
    """Return each shown input at the places of a grid, as bytes."""
    values, _ = signed_bytes(_fewer(X[:, :MOST_INPUTS]))
    return [packed(one) for one in values.T]


def _fewer(values: NDArray[Any]) -> NDArray[Any]:
    """Return every second place across and up of those of a grid (GRID², h)."""
    grid = values.reshape(GRID, GRID, -1)[::EVERY, ::EVERY]
    return grid.reshape(-1, grid.shape[2])


def _short(values: NDArray[Any]) -> Any:
    """Return numbers with as many digits as a page needs, for JSON."""
    with np.errstate(over="ignore"):
        rounded = values.astype(np.float64).round(5)
    return np.nan_to_num(rounded).tolist()
