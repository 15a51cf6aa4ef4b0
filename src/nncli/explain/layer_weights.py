"""The weights and biases of each layer of a model, by the names of what they lead from and to."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from nncli.errors import OptionError
from nncli.explain.columns import names_of_inputs
from nncli.metrics.rows import Floats
from nncli.model.model import Model
from nncli.nn.plain import plain


@dataclass(frozen=True)
class LayerWeights:
    """W (inputs, outputs) and b (outputs,) of the n-th dense layer, and the names of its inputs and outputs."""

    number: int
    inputs: list[str]
    outputs: list[str]
    W: Floats
    b: Floats

    def to_json(self) -> dict[str, Any]:
        """Return what `info --weights --json` says of a layer: all its numbers, and what they are like."""
        return {
            "layer": self.number,
            "shape": [*self.W.shape],
            "inputs": self.inputs,
            "outputs": self.outputs,
            "weights_summary": dataclasses.asdict(Summary.of(self.W)),
            "biases_summary": dataclasses.asdict(Summary.of(self.b)),
            "weights": self.W.tolist(),
            "biases": self.b.tolist(),
        }

    def largest(self, most_inputs: int, most_outputs: int) -> LayerWeights:
        """Return the layer with those inputs and outputs alone that have the largest weights, in their order."""
        outputs = np.sort(np.argsort(-np.abs(self.W).max(axis=0), kind="stable")[:most_outputs])
        W = self.W[:, outputs]
        inputs = np.sort(np.argsort(-np.abs(W).max(axis=1), kind="stable")[:most_inputs])
        names = [self.inputs[i] for i in inputs], [self.outputs[k] for k in outputs]
        return LayerWeights(self.number, *names, W[inputs], self.b[outputs])


@dataclass(frozen=True)
class Summary:
    """Describe some weights or biases: mean, standard deviation, least and largest."""

    mean: float
    sd: float
    min: float
    max: float

    @classmethod
    def of(cls, numbers: Floats) -> Summary:
        """Return it for any numbers; the standard deviation is that of all of them, not of a sample."""
        return cls(*(float(one) for one in (numbers.mean(), numbers.std(), numbers.min(), numbers.max())))


def layer_weights(model: Model) -> list[LayerWeights]:
    """Return the weights of each dense layer, from the inputs as they are scaled to the scores; OptionError for an
    ensemble."""
    if model.network.is_several:
        problem = f"each of the {model.network.number} members has weights of its own, and an ensemble has none"
        raise OptionError("weights", problem, "Leave it out")
    if model.preprocess.words is not None:
        problem = f"the first layer has {model.preprocess.width:,} inputs, most of them for n-grams of texts"
        raise OptionError("weights", problem, "Leave it out, and use nncli explain --words")
    inputs, found = names_of_inputs(model.schema, model.preprocess), list[LayerWeights]()
    for i, layer in enumerate(plain(model.network).dense):
        outputs = names_of_outputs(model, i)
        found.append(LayerWeights(i + 1, inputs, outputs, layer.W.astype(np.float64), layer.b.astype(np.float64)))
        inputs = [f"unit {name}" for name in outputs]
    return found


def names_of_outputs(model: Model, i: int) -> list[str]:
    """Name what the i-th dense layer leads to: units, counted from 1, classes (of one score, the second), or the
    target that is a number."""
    dense = plain(model.network).dense
    if i < len(dense) - 1:
        return [str(unit + 1) for unit in range(dense[i].units)]
    if model.target is not None:
        return [model.schema.target]
    return [model.classes[1]] if dense[i].units == 1 else [*model.classes]
