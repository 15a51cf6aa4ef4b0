"""The models of the course: each a named choice of layers, loss, optimizer and batch.

To add one, write one class here.
"""

from __future__ import annotations

from nncli.registry import Registry


class Preset:
    """What a model is made of where the user does not say otherwise; `lr` None is the optimizer's own."""

    name: str
    hidden: tuple[int, ...] = ()
    loss = "cross-entropy"
    init: str | None = "zeros"  # None: what suits each activation
    optimizer = "adam"
    lr: float | None = None
    batch_size = 128


MODELS: Registry[Preset] = Registry("--model")


@MODELS.register("logistic")
class Logistic(Preset):
    """p = σ(x·w + b), of the second of two classes; one for each of K classes, against the rest"""

    loss = "binary-cross-entropy"


@MODELS.register("softmax")
class Softmax(Preset):
    """P = softmax(X W + b)"""


@MODELS.register("mlp")
class MLP(Preset):
    """P = softmax(A W + b), A = f(X W + b) for each hidden layer"""

    hidden = (64,)
    init = None
