"""The models of the course: each a named choice of layers, loss, optimizer and batch.

To add one, write one class here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from nncli.registry import Registry

OF_NUMBERS = "mse"  # the usual loss of a number


class Preset:
    """A model of the course: the choices it makes where the user makes none.

    The first line of its docstring says in words what a model is, `formula` what it computes. It predicts
    `classes`, `numbers`, or both; `loss` is that of classes, where there are any. `lr` None is the optimizer's own.
    A batch is halved until an epoch has so many `batches`. `average` is evaluated and saved in place of the last
    parameters. `l2_of_numbers` is λ₂ where hidden layers predict a number, which is in standard deviations. `scale`
    is what automatic scaling comes to. `of_network`, `of_training` and `of_classes` are values of further options:
    of the network; of its training, by the optimizer and loss of its own; and of training for classes.
    """

    name: ClassVar[str]
    formula: ClassVar[str]
    hidden: tuple[int, ...] = ()
    loss = "cross-entropy"
    optimizer = "adam"
    lr: float | None = None
    schedule = "cosine"
    batch_size, batches = 128, 32
    average = "none"
    l2_of_all = 0.0  # λ₂ times the number of training rows, 1 / C
    l2_of_numbers = 0.0
    classes = True
    numbers = False
    scale = "auto"
    of_network: ClassVar[Mapping[str, Any]] = {}
    of_training: ClassVar[Mapping[str, Any]] = {}
    of_classes: ClassVar[Mapping[str, Any]] = {}
    searches = False  # tries other models, and blends the best

    @classmethod
    def loss_for(cls, is_regression: bool) -> str:
        """Return the loss of its own for a number, or for classes."""
        return OF_NUMBERS if is_regression else cls.loss


MODELS: Registry[Preset] = Registry("model")  # each one network; `AutoModel` is a search among them


@MODELS.register("perceptron")
class PerceptronModel(Preset):
    """Linear classifier, corrected at each mistake."""

    formula = (
        "ŷ = argmax_k z_k, Z = X W + b;  on a mistake w_y ← w_y + α x, w_ŷ ← w_ŷ − α x;  of two classes, "
        "ŷ = 1 if z ≥ 0, else 0, w ← w + α (y − ŷ) x"
    )
    loss, optimizer, lr, schedule, batch_size = "perceptron", "sgd", 1.0, "constant", 1


@MODELS.register("averaged-perceptron")
class AveragedPerceptronModel(PerceptronModel):
    """Perceptron with averaged weights."""

    formula = "ŷ = argmax_k z_k, Z = X W̄ + b̄, the means of the perceptron's W and b over every row seen"
    average = "mean"


@MODELS.register("mira")
class MIRAModel(Preset):
    """Perceptron with steps just as large as needed."""

    formula = (
        "ŷ = argmax_k z_k, Z = X W + b;  w_y ← w_y + τ x, w_j ← w_j − τ x, τ = min(α, (1 + z_j − z_y) / (2‖x‖² + 2))"
    )
    loss, optimizer, schedule, batch_size = "hinge", "mira", "constant", 1


@MODELS.register("adaline")
class AdalineModel(Preset):
    """Linear classifier with the squared error."""

    formula = "ŷ = argmax_k z_k, Z = X W + b;  L = ½ Σ_k (z_k − y_k)²"
    loss = "mse"


@MODELS.register("logistic")
class LogisticModel(Preset):
    """Logistic regression for each class by itself."""

    formula = "P = σ(X W + b), each class against the rest;  of two classes, p of the second"
    loss = "binary-cross-entropy"


@MODELS.register("softmax")
class SoftmaxModel(Preset):
    """Softmax (multinomial logistic) regression."""

    formula = "P = softmax(X W + b)"


@MODELS.register("svm")
class SVMModel(Preset):
    """Linear support vector machine (hinge loss)."""

    formula = "ŷ = argmax_k z_k, Z = X W + b;  L = max(0, 1 + max_{j≠y} z_j − z_y) + ½ λ ‖W‖²"
    loss, l2_of_all = "hinge", 1.0


@MODELS.register("linear")
class LinearModel(Preset):
    """Linear regression (least squares), for numbers."""

    formula = "ŷ = x · w + b;  L = ½ (ŷ − y)²"
    loss, optimizer, schedule = OF_NUMBERS, "exact", "constant"
    classes, numbers = False, True


@MODELS.register("mlp")
class MLPModel(Preset):
    """Multilayer perceptron: hidden layers, then softmax."""

    formula = "A = f(X W₁ + b₁) for each hidden layer, P = softmax(A W₂ + b₂);  of numbers, ŷ = a · w₂ + b₂"
    hidden = (64,)
    numbers = True
    l2_of_numbers = 0.003  # without it, a few thousand rows are learned by heart


@MODELS.register("tabular")
class TabularModel(Preset):
    """Four networks tuned for tables, as one model.

    The defaults of each follow RealMLP-TD's, found on 118 data sets (Holzmüller, Grinsztajn, Steinwart, "Better by
    Default", NeurIPS 2024), with half its units, a fifth of its epochs and an average of the weights; the
    probabilities of the four are averaged: see the docs, "Accuracy".
    """

    formula = (
        "the mean P of four, each as mlp, behind learned embeddings of numbers, cos(2π w x + b) V + c, and a learned "
        "scale of each input"
    )
    hidden = (128, 128, 128)
    numbers = True
    optimizer, lr, schedule, batch_size = "adamw:beta2=0.95", 0.04, "coslog4", 256
    batches, scale = 4, "auto-robust"
    of_network: ClassVar[Mapping[str, Any]] = {
        "activation": "mish",
        "init": "lecun",
        "learn_scale": True,
        "number_embedding": "pbld",
    }
    of_training: ClassVar[Mapping[str, Any]] = {
        "lr_scale": "weight=fan-in,bias=0.1,input=6,embedding=0.1",
        "dropout": 0.15,
        "l2": 0.02,
        "dropout_schedule": "flat-cos",
        "decay_schedule": "flat-cos",
        "average": "exponential:decay=0.98",
        "epochs": 48,
        "patience": 48,
        "ensemble": "4",
    }
    of_classes: ClassVar[Mapping[str, Any]] = {"label_smoothing": 0.1, "metric": "accuracy", "calibrate": True}


class AutoModel(Preset):
    """Blend of the best of a dozen networks.

    What is tried, and how it is chosen: see `config/search_plan.py` and `training/search.py`.
    """

    name = "auto"
    formula = (
        "p = Σ_i s_i p_i, of linear models, mlp and tabular networks, with the shares s that are best on held-out rows"
    )
    numbers = True
    scale = "auto-robust"
    searches = True
    most_steps = 40  # of a search: no plan has more


def preset_of(name: str) -> type[Preset]:
    """Return the model called `name`, or the search; OptionError where there is none."""
    return AutoModel if name == AutoModel.name else MODELS[name]
