"""The parameters of a trained network for more inputs, more classes or another scaling: what it says stays the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nncli.data.more_categories import inputs_before
from nncli.data.preprocess import Preprocess
from nncli.errors import OptionError, mention
from nncli.model.model import Model
from nncli.model.network import build_network, network_inputs
from nncli.model.target_scale import TargetScale
from nncli.nn.bins import BinnedNumbers
from nncli.nn.embeddings import PeriodicLayer
from nncli.nn.ensemble import SeparateMembers
from nncli.nn.input_layers import InputLayer, InputScale
from nncli.nn.network import Network
from nncli.nn.row_loss import Loss
from nncli.nn.shared_members import SharedMembers

Affine = tuple[NDArray[np.float64], NDArray[np.float64]]  # W (d, h) and b (h,)


def widened(
    model: Model,
    preprocess: Preprocess,
    classes: Sequence[str],
    target: TargetScale | None,
    lowest: Sequence[float],
) -> Network:
    """Return a network for other preprocessing and more classes that says of each row what the model says.

    A new category has the weights of all that were not known. A new class has the score `lowest` in every row, one for
    each member of an ensemble. The scale of a `target` may be another too. OptionError for members that share weights.
    """
    network, loss = build_network(model.config.model, network_inputs(preprocess), len(classes))
    if isinstance(network, SharedMembers):
        raise OptionError("from", "the members of the model share weights, which cannot go on", "Train a new model")
    pairs = [(model.network, network)]
    if isinstance(network, SeparateMembers) and isinstance(model.network, SeparateMembers):
        pairs = [*zip(model.network.members(), network.members(), strict=True)]
    for (known, made), low in zip(pairs, lowest, strict=True):
        _widen(model, known, made, preprocess, classes, loss, target, low)
    return network


def _widen(
    model: Model,
    known: Network,
    made: Network,
    preprocess: Preprocess,
    classes: Sequence[str],
    loss: Loss,
    target: TargetScale | None,
    lowest: float,
) -> None:
    """Give a network the parameters of a known one, the model or one of its members."""
    for old, new in zip(known.blocks, made.blocks, strict=True):
        if old.shape == new.shape:
            new.view(made.theta)[...] = old.view(known.theta)
    layers: list[Affine] = [(one.W.astype(np.float64), one.b.astype(np.float64)) for one in known.dense]
    layers[0] = _for_inputs(model.preprocess, known, preprocess, made, layers[0])
    if [*classes] != [*model.classes]:
        layers[-1] = _for_classes(model.classes, classes, loss, lowest, layers[-1])
    if model.target is not None and target is not None:
        layers[-1] = _for_target(model.target, target, layers[-1])
    for layer, (W, b) in zip(made.dense, layers, strict=True):
        layer.W[...], layer.b[...] = W, b


def two_scores(Z: NDArray[np.float64], loss: Loss) -> NDArray[np.float64]:
    """Return a score for each of two classes (n, 2), from the only one (n, 1) that they have, which is that of the
    second; where a loss compares scores, so that their difference is as it was."""
    return np.hstack([-Z, Z]) / 2 if loss.sparse else np.hstack([2 * loss.border - Z, Z])


def _for_inputs(old: Preprocess, known_network: Network, new: Preprocess, network: Network, layer: Affine) -> Affine:
    """Return the first dense layer for other inputs, and give the layers before it in `network` their parameters.
    x = (v − s) a and x' = (v − s') a' are the same v, so that x w = x' (a / a') w + (s' − s) a w."""
    before, factors = inputs_before(old, new), np.ones(new.n_numbers)
    is_other_scale = not (np.array_equal(old.shift, new.shift) and np.array_equal(old.scale, new.scale))
    pairs = zip(network.layers, known_network.layers, strict=True)
    for its, known in ((its, known) for its, known in pairs if isinstance(its, InputLayer | BinnedNumbers)):
        if is_other_scale and isinstance(its, PeriodicLayer):
            problem = f"the model has {mention('number_embedding')}, which knows the inputs as they were scaled"
            raise OptionError("refit_scaling", problem, "Leave it out, or train a new model")
        try:
            before = its.take(known, before)
        except ValueError as error:
            raise OptionError("from", str(error), "Train a new model") from None
        if isinstance(its, InputScale):
            factors = its.s[: new.n_numbers].astype(np.float64)
    W, b = layer[0][before], layer[1].copy()
    m = new.n_numbers
    if is_other_scale:
        known = new.scale != 0
        factor = np.where(known, old.scale / np.where(known, new.scale, 1.0), 0.0)
        b += ((new.shift - old.shift) * old.scale * factors) @ W[:m]
        W[:m] *= factor[:, None]
    return W, b


def _for_classes(old: Sequence[str], new: Sequence[str], loss: Loss, lowest: float, layer: Affine) -> Affine:
    """Return the last layer with a column for each class, in the order of the new ones."""
    W, b = layer
    if W.shape[1] == 1 and loss.outputs(len(new)) > 1:
        [b] = two_scores(b[None, :], loss)
        W = two_scores(W, loss)
        W[:, 0] -= 2 * loss.border * (not loss.sparse)  # which stands in b alone
    found = np.zeros((len(W), len(new))), np.full(len(new), lowest)
    places = [new.index(name) for name in old]
    found[0][:, places], found[1][places] = W, b
    return found


def _for_target(old: TargetScale, new: TargetScale, layer: Affine) -> Affine:
    """Return the last layer for another scale of the target: z' = (z sd + mean − mean') / sd'."""
    W, b = layer
    return W * (old.sd / new.sd), (b * old.sd + old.mean - new.mean) / new.sd
