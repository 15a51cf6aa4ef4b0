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
    optimizer = "adam"
    lr: float | None = None
    schedule = "cosine"
    batch_size = 128
    average = "none"
    l2: float | None = None  # None: the optimizer's own


MODELS: Registry[Preset] = Registry("--model")


@MODELS.register("perceptron")
class Perceptron(Preset):
    """ŷ = argmax_k (X W + b), on a mistake w_y ← w_y + α x, w_ŷ ← w_ŷ − α x; two classes: w ← w + α (y − ŷ) x"""

    loss, optimizer, lr, schedule, batch_size = "perceptron", "sgd", 1.0, "constant", 1


@MODELS.register("averaged-perceptron")
class AveragedPerceptron(Perceptron):
    """the perceptron; predicts with the mean of W and b over every row seen"""

    average = "mean"


@MODELS.register("mira")
class MIRA(Preset):
    """ŷ = argmax_k (X W + b), w_y ← w_y + τ x, w_j ← w_j − τ x, τ = min(α, (1 + z_j − z_y) / 2‖x‖²)"""

    loss, optimizer, schedule, batch_size = "hinge", "mira", "constant", 1


@MODELS.register("adaline")
class Adaline(Preset):
    """Z = X W + b, least squares to 1 for the class and 0 for the others"""

    loss = "mse"


@MODELS.register("logistic")
class Logistic(Preset):
    """p = σ(x·w + b), of the second of two classes; one for each of K classes, against the rest"""

    loss = "binary-cross-entropy"


@MODELS.register("softmax")
class Softmax(Preset):
    """P = softmax(X W + b)"""


@MODELS.register("svm")
class LinearSVM(Preset):
    """ŷ = argmax_k (X W + b), the class ahead by a margin of 1: mean loss + ½ λ ‖W‖²"""

    loss, l2 = "hinge", 1e-4


@MODELS.register("mlp")
class MLP(Preset):
    """P = softmax(A W + b), A = f(X W + b) for each hidden layer"""

    hidden = (64,)
