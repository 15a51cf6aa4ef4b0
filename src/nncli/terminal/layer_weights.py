"""Print the weights and biases of the layers of a model."""

from __future__ import annotations

from collections.abc import Sequence

from nncli.explain.layer_weights import LayerWeights, Summary
from nncli.system.output import put
from nncli.terminal.tables import cut_names, new_table, show

MOST_INPUTS, MOST_OUTPUTS = 20, 5  # that are shown
ROOM = 45  # characters for the names of all outputs


def print_weights(layers: Sequence[LayerWeights], scaling: str) -> None:
    """Print what the numbers of each layer are like, and then the numbers, of wide layers the largest."""
    table = new_table("layer", "shape", "mean", "sd", "min", "max")
    for layer in layers:
        for what, numbers in (("weights", layer.W), ("biases", layer.b)):
            its = Summary.of(numbers)
            shape = " × ".join(f"{size:,}" for size in numbers.shape)
            table.add_row(f"{layer.number}, {what}", shape, *map(_short, (its.mean, its.sd, its.min, its.max)))
    show(table)
    for layer in layers:
        put()
        _print_layer(layer, is_last=layer is layers[-1])
    put(f"weights of the inputs as they are scaled ({scaling})")


def _print_layer(layer: LayerWeights, is_last: bool) -> None:
    shown = layer.largest(MOST_INPUTS, MOST_OUTPUTS)
    what = "class" if is_last else "unit"
    names = cut_names(shown.outputs, ROOM // len(shown.outputs))
    table = new_table(f"layer {layer.number}, to {what}", *names)
    for name, weights in zip(cut_names(shown.inputs), shown.W.tolist(), strict=True):
        table.add_row(name, *map(_short, weights))
    table.add_row("(bias)", *map(_short, shown.b.tolist()))
    show(table)
    parts = {"inputs": (shown.inputs, layer.inputs), "outputs": (shown.outputs, layer.outputs)}
    fewer = [f"{len(some)} of {len(all_):,} {name}" for name, (some, all_) in parts.items() if len(some) < len(all_)]
    if fewer:
        put(f"the {' and the '.join(fewer)} with the largest weights; --json has all")


def _short(value: float) -> str:
    return f"{value:.3g}"
