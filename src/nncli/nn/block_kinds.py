"""Name the kinds of parameters, each of which may have a learning rate of its own."""

from __future__ import annotations

# regularisation shrinks weights alone; `input` is the learned scale of an input
BLOCK_KINDS = ("weight", "bias", "slope", "input", "embedding")
FAN_IN = "fan-in"  # as the factor of a rate: 1 / √d for a unit with d inputs
